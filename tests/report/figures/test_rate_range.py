"""Range tests: rates recomputed from the curves of invented runs, and what is said where the rules give nothing."""

import numpy as np
import pytest

from handgrad.report.chapters.chapter import FigureBlock
from handgrad.report.chapters.chapters import chapters, headline
from handgrad.report.figures.rate_range import found_in, range_verdicts
from handgrad.report.figures.request import make_figure
from handgrad.report.findings.summarize import summarize
from handgrad.report.page.plots import curves
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome

RATES = np.exp(np.linspace(np.log(1e-4), np.log(1e1), 200))


def loss_of(rates, best=0.1):
    """Falls with the logarithm of the rate, most steeply at a tenth of `best`, and rises beyond it."""
    return 2.3 - 2 / (1 + (best / 10 / rates) ** 2) + 1e-3 * (rates / best) ** 4


def test_marks_are_those_of_the_curve():
    found = found_in(RATES, loss_of(RATES))
    # at η = b/10 the logistic fall in ln η is steepest
    assert found.steepest_rate == pytest.approx(0.01, rel=0.1)
    assert found.tenth == pytest.approx(RATES[np.argmin(loss_of(RATES))] / 10)
    assert loss_of(RATES)[found.shown - 1] <= 2 * 2.3 < loss_of(RATES)[found.shown]


def test_where_nothing_rises_or_falls_there_is_no_mark():
    falling = found_in(RATES, -np.log(RATES))
    assert (falling.steepest is not None, falling.tenth) == (True, None)
    assert found_in(RATES, -np.log(RATES), lost=True).tenth == pytest.approx(1.0)  # it diverged: 10 / 10
    rising = found_in(RATES, 1 + RATES)
    assert (rising.steepest, rising.tenth) == (None, None)


@pytest.fixture
def tested(make_results):
    tables = {"training": {"epochs": 4, "optimizer": {"name": "sgd", "lr": 8.0}}}
    tables |= {"grid": {"training.schedule": ["constant", {"name": "range-test", "start": 1e-3}]}, "seeds": 2}
    status = {0: "done", 1: "diverged"}
    results = Results.open(make_results(tables, lambda setting, seed: Outcome(status=status[seed])))
    return summarize(results), sources_of(results)


def test_the_report_has_the_loss_against_the_rate_recomputed_from_the_curves(tested):
    summary, sources = tested
    found = [block.figure for chapter in chapters(summary, sources, None) for block in chapter.blocks
             if isinstance(block, FigureBlock) and block.figure.name == "lr-range"]  # fmt: skip
    (figure,) = found
    (line,) = figure.panels[0].lines  # the setting without a range test has none
    losses = [sources.curves(run.id)["loss_per_step"] for run in summary.settings[1].runs]
    n = min(int(np.isfinite(one).sum()) for one in losses)
    assert len(line.x) == n < 100
    assert line.x == pytest.approx(8 * 1e-3 ** (1 - np.arange(n) / 99))
    mean, last, y = np.mean([one[:n] for one in losses], axis=0), 0.0, []
    for k, value in enumerate(mean.tolist(), start=1):
        last = 0.9 * last + 0.1 * value
        y.append(last / (1 - 0.9**k))
    assert line.y == pytest.approx(y)
    assert "mean over 2 seeds" in figure.caption
    assert "The line ends where the loss of a run is not finite" in figure.caption
    layout = curves(figure)["plots"][0][1]["layout"]
    assert layout["xaxis"]["type"] == "log"
    for mark, shape, text in zip(figure.panels[0].marks, layout["shapes"], layout["annotations"], strict=True):
        assert (shape["x0"], text["x"]) == (mark.x, pytest.approx(np.log10(mark.x)))


def test_one_sentence_a_setting_says_which_rates_the_rules_give(tested):
    summary, sources = tested
    (verdict,) = range_verdicts(summary, sources)
    assert verdict in headline(summary, None, (), [verdict])
    lowest = make_figure("lr-range", summary, {"b": summary.settings[1]}, sources, name="f").panels[0].lines[0]
    rate = lowest.x[np.argmin(lowest.y)]
    assert verdict.text.startswith("Learning rate range test (setting 2): the loss falls most steeply at lr ")
    assert f"and is smallest at {rate:.2g}; by rules of thumb" in verdict.text
    assert make_figure("lr-range", summary, {"a": summary.settings[0]}, sources, name="f") is None
