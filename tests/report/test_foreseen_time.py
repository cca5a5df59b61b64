"""The time of a report, foreseen from its figures and runs."""

from handgrad import Results, make_study
from handgrad.report import foreseen_time
from handgrad.report.foreseen_time import FIGURE, HELPER, RUN, START, helpers, report_time
from handgrad.study.planning.plan import Plan

TABLES = {"name": "t", "seeds": 2, "network": {"hidden": 4}, "training": {"epochs": 1}}
GRID = {"training.optimizer.lr": [0.1, 0.2], "network.hidden": [4, 8]}


def foreseen(tables, jobs=1):
    return report_time(Plan(make_study(tables)), jobs)


def test_the_time_of_a_report_grows_with_figures_and_runs():
    """Figures of a grid of two: 5 of the best, ranking, 2 of curves, importance, effects, a heat map."""
    assert foreseen(TABLES) == (START + 8 * FIGURE + 2 * RUN, 1)
    assert foreseen({**TABLES, "grid": GRID}) == (START + 11 * FIGURE + 8 * RUN, 1)
    asked = {**TABLES, "grid": GRID, "figure": [{"title": "Mine", "kind": "epochs"}]}
    assert foreseen(asked) == (START + 12 * FIGURE + 8 * RUN, 1)
    phases = {**TABLES, "grid": GRID, "phase": [{"name": "more", "grid": {"training.batch_size": [10, 20, 50]}}]}
    assert foreseen(phases)[0] > START + 15 * FIGURE + 8 * RUN


def test_a_long_report_has_help_and_a_short_one_has_none(make_results, monkeypatch):
    """As many processes as there are jobs, and figures for each; what the parent has to do alone is not shared."""
    monkeypatch.setattr(foreseen_time, "LONG", START + 11 * FIGURE)
    assert foreseen(TABLES, jobs=8) == (START + 8 * FIGURE + 2 * RUN, 1)
    alone = START + 11 * FIGURE + 8 * RUN
    assert foreseen({**TABLES, "grid": GRID}, jobs=2) == ((alone + HELPER) / 2, 2)
    many = {**TABLES, "grid": GRID, "seeds": 5000}
    assert foreseen(many, jobs=8) == (START + 20_000 * RUN, 2)
    results = Results.open(make_results({"grid": GRID, "seeds": 2}))
    assert [helpers(results, jobs) for jobs in (1, 2, 8)] == [0, 1, 1]
    monkeypatch.setattr(foreseen_time, "LONG", alone + 0.01)
    assert helpers(results, 8) == 0
