"""The kinds of figures by name: what each holds, what its caption says, what it refuses."""

from dataclasses import is_dataclass, replace

import numpy as np
import pytest

from handgrad.errors import InputError, UnknownName
from handgrad.report.drawing.canvas import draw
from handgrad.report.figures import axis_shapes, data_shapes, row_shapes, search_shapes, shapes
from handgrad.report.figures.epochs import rate_marks
from handgrad.report.figures.palette import BASELINE, line_style, shade
from handgrad.report.figures.request import make_figure
from handgrad.report.figures.shapes import Curves, Line, Mark, Panel
from handgrad.report.figures.smoothing import debiased_ema, repair_outliers
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.wording import setting_name
from handgrad.report.page.plots import curves
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from handgrad.study.published.figure_options import FIGURES, SHAPES, load
from handgrad.study.rules.search_rules import Asha
from tests.records import made_record
from tests.report.conftest import Outcome
from tests.report.searches import decided, last_epochs


@pytest.fixture
def ask(make_results):
    """ask(kind, options, labels) of an invented study with four settings and three seeds."""
    cache = {}

    def make(kind, options=None, labels=None, *, tables=None, tell=None, name="figure-1", title="", **more):
        key = repr((tables, tell, more))
        if key not in cache:
            results = Results.open(make_results(tables, tell, name=f"results-{len(cache)}", **more))
            cache[key] = summarize(results), sources_of(results)
        summary, sources = cache[key]
        phase = summary.phases[-1]
        shown = {setting_name(s, phase.axes): s for s in phase.settings if labels is None or s.label in labels}
        make.summary, make.sources = summary, sources
        return make_figure(kind, summary, shown, sources, options, name=name, title=title)

    return make


EVENTS = decided(
    Asha(grace_period=2, reduction_factor=2), {str(n): [n / 20] * 4 for n in range(1, 9)}, 4, "val_accuracy"
)
SEARCHED = {
    "tables": {
        "seeds": 1,
        "training": {"epochs": 4},
        "random": {"runs": 8, "training": {"optimizer": {"lr": {"uniform": [0.01, 0.1]}}}},
        "asha": {"grace_period": 2, "reduction_factor": 2},
    },
    "tell": lambda setting, seed: Outcome(
        int(setting.label) / 20, *(() if last_epochs(EVENTS)[setting.label] == 4 else ("pruned", None, 2))
    ),
    "decisions": {0: EVENTS},
}
SHOWN_OF = {  # kinds that show nothing of a grid, or of pictures
    "search-history": SEARCHED,
    "rungs": SEARCHED,
    "decision-regions": {"shape": (2,)},
    "lr-range": {"tables": {"training": {"epochs": 4, "schedule": "range-test"}}},
}


def first_only(kind):
    return ["1"] if FIGURES[kind].options.settings[1] == 1 else None


def test_every_record_of_the_tables_holds_what_it_names():
    for kind in FIGURES.values():
        assert kind.about
        assert load(kind.make).__doc__
        assert kind.shape in SHAPES
    for name, shape in SHAPES.items():
        of = next(of for of in (shapes, row_shapes, search_shapes, axis_shapes, data_shapes) if hasattr(of, name))
        assert is_dataclass(getattr(of, name))
        assert load(shape.draw).__doc__
        assert load(shape.page).__doc__


DRAWN = {"random": {"runs": 4, "training.optimizer.lr": {"log_uniform": [0.01, 1.0]}}}


OF_OTHER_TASKS = {"predicted", "residuals", "roc"}  # in test_target_figures.py


@pytest.mark.parametrize("kind", [kind for kind in FIGURES if kind not in OF_OTHER_TASKS])
def test_every_kind_is_drawn_for_print_and_page(kind, ask):
    own = {"tables": DRAWN} if kind == "expected-best" else SHOWN_OF.get(kind, {})
    figure = ask(kind, None, first_only(kind), title="As in the original", **own)
    assert (figure.name, figure.title) == ("figure-1", "As in the original")
    assert figure.caption.endswith(".")
    assert "  " not in figure.caption
    assert draw(figure).axes
    if isinstance(figure, Curves):
        assert len(curves(figure)["plots"]) == len(figure.panels)
    header, rows = figure.table()
    assert all(len(row) == len(header) for row in rows)


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("status", ["pending", "failed"])
def test_no_kind_shows_anything_of_runs_that_left_nothing(kind, status, ask):
    def tell(setting, seed):
        return Outcome(status=status)

    if kind in ("search-history", "rungs"):  # the settings here are of no search
        with pytest.raises(InputError, match="here is none"):
            ask(kind, None, first_only(kind), tell=tell)
    else:
        assert ask(kind, None, first_only(kind), tell=tell) is None


@pytest.mark.parametrize(
    ("kind", "options", "labels", "message"),
    [
        ("step-lost", {}, None, "unknown kind of figure 'step-lost'; did you mean 'step-loss'?"),
        ("step-loss", {"smoth": 0.5}, None, "fig: options.smoth is an unknown key; did you mean 'smooth'?"),
        ("step-loss", {"smooth": 1}, None, r"fig: options.smooth must be in \[0, 1\); got 1"),
        ("step-loss", {"outliers": 0}, None, "number of standard deviations > 0, or false .*; got 0"),
        ("epochs", {"parts": ["val"]}, None, "fig: options.parts holds an unknown part 'val'"),
        ("epochs", {"colour": "training.optimiser.lr"}, None, "did you mean 'training.optimizer.lr'?"),
        ("epochs", {"seed": 7}, None, "fig: seed must be one of setting 1: 0, 1, 2; got 7"),
        ("confusion", {"show": "percents"}, ["1"], "did you mean 'percent'?"),
        ("confusion", {}, None, "fig: a figure of kind 'confusion' shows one setting; got 4"),
        ("small-multiples", {}, ["1"], "fig: a figure of kind 'small-multiples' shows 2 or more settings; got 1"),
        (
            "small-multiples",
            {"baseline": "lr 0.01"},
            None,
            "fig: baseline is an unknown setting 'lr 0.01'.* Known: 1, 2,",
        ),
        ("step-loss-by-epoch", {"epochs": [0]}, ["1"], "must be a list of epochs, counted from 1; got"),
    ],
)
def test_what_a_kind_does_not_take_is_said(kind, options, labels, message, ask):
    with pytest.raises(InputError, match=message):
        ask(kind, options, labels, name="fig")


def test_an_unknown_kind_is_an_unknown_name(ask):
    with pytest.raises(UnknownName):
        ask("curves")


# -- the loss of every step


def test_step_loss_is_the_exact_clean_up_or_nothing_at_all(ask):
    line = ask("step-loss", {"outliers": 1.5, "smooth": 0.9}, ["1"]).panels[0].lines[0]
    full = ask.sources.curves(ask.summary.settings[0].runs[0].id)["loss_per_step"]
    assert line.y.tolist() == debiased_ema(repair_outliers(full, 1.5), 0.9).tolist()
    raw = ask("step-loss", {"outliers": False, "smooth": 0}, ["1"])
    assert raw.panels[0].lines[0].y.tolist() == full.astype(float).tolist()
    assert "Neither cleaned nor smoothed." in raw.caption


def test_step_loss_takes_the_seed_that_is_asked_for_or_the_mean_of_all(ask):
    one = [ask("step-loss", {"seed": seed}, ["2"]) for seed in (0, 1, 2)]
    assert "seed 2" in one[2].caption
    mean = ask("step-loss", {"seed": "mean"}, ["2"])
    ys = np.array([figure.panels[0].lines[0].y for figure in one])
    line = mean.panels[0].lines[0]
    np.testing.assert_allclose(line.y, ys.mean(axis=0), rtol=1e-15)
    assert line.low.tolist() == ys.min(axis=0).tolist()
    assert line.high.tolist() == ys.max(axis=0).tolist()
    assert "mean over 3 seeds and a band from the lowest to the highest" in mean.caption
    best = ask("step-loss", {"seed": "best"}, ["2"])  # seed 2 is 0.003 better
    assert best.panels[0].lines[0].y.tolist() == ys[2].tolist()


def test_a_run_is_cleaned_once_however_many_figures_show_it(ask):
    ask("step-loss", None, ["1"])
    read = []
    counted = replace(ask.sources, curves=lambda run_id: read.append(run_id) or ask.sources.curves(run_id), drawn={})

    def figure(labels, **options):
        settings = {setting.label: setting for setting in ask.summary.settings}
        shown = {label: settings[label] for label in labels}
        return make_figure("step-loss", ask.summary, shown, counted, options, name="figure")

    first, again, other = figure("12"), figure("24", x="epoch"), figure("2", smooth=0)
    ids = [ask.summary.settings[i].runs[0].id for i in range(4)]
    assert read == [ids[0], ids[1], ids[3], ids[1]]  # 2 was there for the second figure, not with other options
    assert first.panels[0].lines[1].y.tolist() == again.panels[0].lines[0].y.tolist()
    assert first.panels[0].lines[1].y.tolist() != other.panels[0].lines[0].y.tolist()


def test_a_series_of_very_many_steps_is_drawn_by_the_median_and_range_of_stretches(ask):
    more = {"tables": {"seeds": 1}, "tell": lambda s, seed: Outcome(epochs=3, steps_per_epoch=4000)}
    figure = ask("step-loss", {}, **more)
    (line,) = figure.panels[0].lines
    full = debiased_ema(
        repair_outliers(ask.sources.curves(ask.summary.settings[0].runs[0].id)["loss_per_step"], 1.5), 0.9
    )
    assert len(line.x) == 300
    assert line.x[0] == (1 + 40) / 2  # steps 1 to 40
    assert line.y[0] == np.median(full[:40])
    assert (line.low[-1], line.high[-1]) == pytest.approx(tuple(np.quantile(full[-40:], (0.1, 0.9))))
    assert "up to 12,000 steps in 300 equal stretches, the median of each and a band from its 10 %" in figure.caption
    points = ask("step-loss", {"draw": "points"}, **more)
    assert len(points.panels[0].lines[0].x) == 1000
    assert "thinned, to 1,000 of up to 12,000 points" in points.caption


def test_steps_epochs_and_examples_are_the_same_places(ask):
    x = {unit: ask("step-loss", {"x": unit}, ["1"]).panels[0].lines[0].x for unit in ("step", "epoch", "example")}
    n = ask.summary.settings[0].count_of("train")
    assert x["step"].tolist() == list(range(1, 101))
    np.testing.assert_allclose(x["epoch"], x["step"] / 25)
    np.testing.assert_allclose(x["example"], x["epoch"] * n)


def test_epochs_are_laid_over_each_other_in_ordered_colours(ask):
    figure = ask("step-loss-by-epoch", {"smooth": 0, "seed": 1}, ["3"])
    lines = figure.panels[0].lines
    full = ask.sources.curves(ask.summary.settings[2].runs[1].id)["loss_per_step"]
    assert [line.label for line in lines] == ["epoch 1", "epoch 2", "epoch 3", "epoch 4"]
    assert lines[1].x.tolist() == list(range(1, 26))
    assert lines[1].y.tolist() == full[25:50].astype(float).tolist()
    assert [line.style.colour for line in lines] == [shade(i / 3) for i in range(4)]
    assert figure.key.blocks[0] == (shade(0), "1")
    assert "seed 1; a colour for each of 4 epochs" in figure.caption
    assert [line.label for line in ask("step-loss-by-epoch", {"epochs": [4, 1, 9]}, ["3"]).legend] == [
        "epoch 1",
        "epoch 4",
    ]


# -- by epoch


def test_epochs_shows_what_is_asked_for(ask):
    figure = ask("epochs", {"measures": "accuracy", "parts": "validation"})
    assert [panel.title for panel in figure.panels] == ["validation accuracy"]
    assert [line.style for line in figure.panels[0].lines] == [line_style(i) for i in range(4)]
    both = ask("epochs", {"parts": ["validation", "train"]})
    assert [panel.title for panel in both.panels] == [
        "training accuracy",
        "validation accuracy",
        "training loss",
        "validation loss",
    ]
    assert ask("epochs", {"parts": ["test"]}) is None  # not measured every epoch


MANY = {"tables": {"seeds": 1, "grid": {"training": {"optimizer": {"lr": [10.0 ** (-i / 8) for i in range(25)]}}}}}


def test_many_lines_are_coloured_from_best_to_worst_and_carry_their_names(ask):
    figure = ask("epochs", {"measures": "accuracy", "parts": "validation"}, **MANY)
    lines = figure.panels[0].lines
    last = [line.y[-1] for line in lines]
    assert last == sorted(last, reverse=True)
    assert [line.end for line in lines] == [str(i) for i in range(25, 0, -1)]
    assert (lines[0].style.colour, lines[-1].style.colour) == (shade(0), shade(1))
    assert [text for _, text in figure.key.blocks if text] == ["best", "worst"]
    drawing = draw(figure)
    assert {text.get_text() for text in drawing.axes[0].texts} == {str(i) for i in range(1, 26)}
    heights = [text.xyann[1] for text in drawing.axes[0].texts]
    assert np.diff(sorted(heights)).min() > 0.03  # no name covers another


def test_lines_are_coloured_by_a_number_on_a_scale_or_by_a_word(ask):
    figure = ask("epochs", {"colour": "training.optimizer.lr", "measures": "accuracy"}, **MANY)
    inks = {line.label.split(":")[0]: line.style.colour for line in figure.legend}
    assert (inks["25"], inks["13"], inks["1"]) == (shade(0), shade(0.5), shade(1))  # logarithmic: 0.001, 0.0316, 1
    assert figure.key.title == "lr"
    assert [text for _, text in figure.key.blocks if text] == ["0.001", "0.032", "1"]
    sizes = {"tables": {"seeds": 1, "grid": {"training": {"batch_size": [2**k for k in range(13)]}}}}
    whole = ask("epochs", {"colour": "training.batch_size"}, **sizes)
    assert [text for _, text in whole.key.blocks if text] == ["1", "64", "4096"]
    assert ask("epochs", {"colour": "network.hidden"}).key.blocks == ((shade(0), "4"), (shade(1), "6"))
    words = ask("epochs", {"colour": "network.activation"}, tables={"grid": {"network.activation": ["relu", "tanh"]}})
    assert words.key.blocks == ((line_style(0).colour, "relu"), (line_style(1).colour, "tanh"))
    assert [line.style.colour for line in words.panels[0].lines] == [line_style(0).colour, line_style(1).colour]


def test_a_run_that_ended_early_is_counted(ask):
    tables = {"seeds": 1, "grid": {"training": {"optimizer": {"lr": [0.1, 0.2, 0.3]}}}}
    figure = ask("epochs", {}, tables=tables, tell=lambda s, seed: Outcome(epochs=3 if s.label == "2" else 9))
    assert "1 of 3 ended before epoch 9." in figure.caption


def test_a_pair_has_a_row_for_each_setting_and_its_last_values_in_the_caption(ask):
    figure = ask("epoch-pair", {"parts": ["train", "validation"]}, ["1", "2"])
    assert [panel.title for panel in figure.panels] == [
        f"{name} — {measure}"
        for name in ("1: lr 0.01, hidden 4", "2: lr 0.01, hidden 6")
        for measure in ("accuracy", "loss")
    ]
    assert [line.label for line in figure.legend] == ["training", "validation"]
    one = ask("epoch-pair", {}, ["2"])
    last = 100 * one.panels[0].lines[1].y[-1]
    assert f"after epoch 4: training accuracy {last + 2 * (1 - 0.7 / 8):.2f} %, training loss" in one.caption
    assert f"validation accuracy {last:.2f} %" in one.caption
    assert "n = 3" in one.caption


@pytest.mark.parametrize(
    ("rates", "continued", "marks"),
    [
        ([0.1, 0.1, 0.01, 0.01], [2], [(2, "lr 0.01")]),  # a continued run with another rate
        ([0.1, 0.1, 0.1, 0.1], [2], [(2, "continued")]),
        ([0.1, 0.05, 0.05, 0.025], [], [(1, "lr 0.05"), (3, "lr 0.025")]),  # a schedule in steps
        ([0.1 * 0.97**i for i in range(9)], [], []),  # a schedule that changes every epoch
        ([0.1 * 0.97**i for i in range(9)], [4], [(4, "lr 0.0885")]),
        ([], [], []),
    ],
)
def test_marks_stand_where_the_learning_rate_changed(rates, continued, marks):
    run = RunFacts("0", 0, "done", made_record(continued_at=continued))
    curves = {"lr": np.array(rates), "epoch": np.arange(1, len(rates) + 1)}
    assert [(mark.x, mark.text) for mark in rate_marks(run, curves)] == marks


def test_marks_are_drawn_for_print_and_page():
    line = Line("training", np.arange(1.0, 5), np.arange(4.0))
    figure = Curves("pair", "t", "c", (Panel("accuracy", "epoch", "accuracy", (line,), marks=(Mark(2, "lr 0.01"),)),))
    (axes,) = draw(figure).axes
    assert [text.get_text() for text in axes.texts] == ["lr 0.01"]
    assert axes.lines[-1].get_xdata() == [2, 2]
    layout = curves(figure)["plots"][0][1]["layout"]
    assert [(shape["x0"], shape["x1"]) for shape in layout["shapes"]] == [(2, 2)]
    assert [note["text"] for note in layout["annotations"]] == ["lr 0.01"]


def test_each_setting_stands_beside_the_same_grey_baseline(ask):
    figure = ask("small-multiples", {"baseline": "2: lr 0.01, hidden 6"})
    assert [panel.title.split(":")[0] for panel in figure.panels] == ["1", "3", "4"]
    for panel in figure.panels:
        grey, own = panel.lines
        assert grey.style == BASELINE
        assert grey.label == "2: lr 0.01, hidden 6 (baseline)"
        assert grey.y.tolist() == figure.panels[0].lines[0].y.tolist()
        assert own.label == "the setting"
    by_label = [ask("small-multiples", {"baseline": label}) for label in ("2", 2)]
    assert [one.title for one in by_label] == [figure.title] * 2
    axes = draw(figure).axes
    assert len({ax.get_ylim() for ax in axes}) == len({ax.get_xlim() for ax in axes}) == 1
    ranges = [(p["layout"]["xaxis"]["range"], p["layout"]["yaxis"]["range"]) for _, p in curves(figure)["plots"]]
    assert all(one == ranges[0] for one in ranges)


def test_a_panel_that_has_no_words_says_what_differs(ask):
    ask("epochs")
    shown = {setting.label: setting for setting in ask.summary.settings}
    figure = make_figure("small-multiples", ask.summary, shown, ask.sources, name="f")
    assert [panel.title for panel in figure.panels] == ["2: hidden 6", "3: lr 0.1", "4: lr 0.1, hidden 6"]


# -- of one run


def test_confusion_of_the_part_and_with_the_numbers_that_are_asked_for(ask):
    percent = ask("confusion", {"show": "percent", "part": "validation", "seed": 0}, ["1"])
    assert "seed 0, validation set: " in percent.caption
    (axes,) = draw(percent).axes
    assert axes.texts[0].get_text() == f"{100 * percent.shares[0, 0]:.1f}"
    counts = ask("confusion", {"show": "count"}, ["1"])
    assert "seed 2, test set: " in counts.caption  # the best
    assert draw(counts).axes[0].texts[0].get_text() == str(counts.counts[0, 0])
    no_test = {"tables": {"data": {"validation": {"size": 1.0, "from": "test"}}}}
    assert ask("confusion", {"part": "test"}, **no_test) is None
    assert "validation set: " in ask("confusion", {}, **no_test).caption


def test_templates_as_many_as_are_asked_for(ask):
    figure = ask("templates", {"units": 4, "columns": 2}, ["1"])
    assert figure.images.shape == (4, 8, 8)
    assert "The first 4 of 6 units" in figure.caption
    assert ask("templates", {}, ["1"], shape=(13,)) is None


def test_predictions_of_the_untrained_network(ask):
    figure = ask("predictions", {"when": "before", "examples": 5}, ["1"])
    assert (len(figure.index), len(figure.images), len(figure.actual), len(figure.before)) == (5, 5, 5, 5)
    assert set(figure.after) == {""}
    assert figure.title == "Predictions before training"
    right = sum(a == b for a, b in zip(figure.actual, figure.before, strict=True))
    assert f"({right} of 5 right before training)" in figure.caption
    texts = [text.get_text() for text in draw(figure).axes[0].texts]
    assert [text.split(":")[0] for text in texts] == ["actual", "predicted"]
    after = ask("predictions", {"when": "after"}, ["1"])
    assert after.after == after.actual
    assert "10 of 10 right after training" in after.caption


def test_the_most_confident_mistakes(ask):
    figure = ask("mistakes", {"examples": 3, "columns": 2}, ["1"])
    assert (figure.images.shape, figure.columns) == ((3, 8, 8), 2)
    assert figure.labels[0] == f"{figure.actual[0]} → {figure.predicted[0]}, 0.99"
    assert "3 of the 10 mistakes on the test set, the most confident first" in figure.caption  # 8 of each 10 are right
    assert "and the probability of the predicted class" in figure.caption
    assert "The index of a picture in the CSV file is its place in the test data, counted from 0." in figure.caption
    of_validation = ask("mistakes", {"part": "validation"}, ["1"]).caption
    assert "its place in the train data, from which the validation set was taken, counted from 0." in of_validation
    assert figure.images.min() >= 0
    assert figure.images.max() <= 1
    texts = [axes.get_xlabel() for axes in draw(figure).axes]
    assert tuple(texts) == figure.labels
    assert ask("mistakes", {"part": "validation"}, ["1"]).title == "Most confident mistakes (validation set)"
    assert ask("mistakes", {}, ["1"], shape=(13,)) is None  # rows of a table are no pictures
    assert ask("mistakes", {}, ["1"], tell=lambda setting, seed: Outcome(1.0)) is None  # nor is there any mistake
    long = ask("mistakes", {"examples": 1}, ["1"], classes=["ankle boot", "sneaker", "pullover"])
    assert draw(long).axes[0].get_xlabel() == f"{long.actual[0]} →\n{long.predicted[0]}, 0.99"


def test_gradients_and_saturation_by_layer(ask):
    figure = ask("gradients", {"seed": "first"}, ["1"])
    assert [panel.title for panel in figure.panels] == ["norm of the gradient", "saturated units", "dead units"]
    assert [(panel.log_y, panel.percent) for panel in figure.panels] == [(True, False), (False, True), (False, True)]
    norms, saturated, dead = (panel.lines for panel in figure.panels)
    assert [line.label for line in norms] == ["dense1", "dense2"]
    assert norms[0].x.tolist() == [0, 1, 2, 3, 4]  # the first is of before training
    np.testing.assert_allclose(norms[1].y, 0.1 * 0.9 ** np.arange(5))
    assert saturated[0].style == norms[0].style  # one layer, one colour
    assert dead[0].y.tolist() == [0, 0, 0, 0.1, 0.1]
    # 0.01 / 0.1 at first; 0.8⁴ / 0.9⁴ = 0.6243 of it at the end
    assert "The gradient of dense1 is 0.1 of that of dense2 at epoch 0 and 0.062 at epoch 4; " in figure.caption
    assert figure.caption.endswith("saturated from start to end: dense1 50.0 % to 58.0 %.")


def test_gradients_of_several_settings_over_seeds(ask):
    figure = ask("gradients", {"biases": True, "log": "no"})
    assert [panel.title for panel in figure.panels[:4]] == [
        "1: norm of the gradient", "1: saturated units", "1: dead units", "2: norm of the gradient"
    ]  # fmt: skip
    assert figure.columns == 3
    assert not figure.panels[0].log_y
    lines = {line.label: line.style for line in figure.panels[0].lines}
    assert list(lines) == ["dense1", "dense1.b", "dense2", "dense2.b"]
    assert len(set(lines.values())) == 4
    assert figure.panels[0].lines[0].low is not None
    assert "mean over the seeds (n = 3)" in figure.caption
    for name in ask.summary.settings:
        assert f"{name.label}: lr" in figure.caption


def test_parts_together_share_a_panel_of_each_measure(ask):
    one = ask("epochs", {"together": True}, ["2"])
    assert [panel.title for panel in one.panels] == ["accuracy", "loss"]
    assert [[line.label for line in panel.lines] for panel in one.panels] == [["training", "validation"]] * 2
    assert len({line.style.colour for line in one.panels[0].lines}) == 2
    both = ask("epochs", {"together": True, "measures": "accuracy"}, ["1", "2"])
    (panel,) = both.panels
    names = ("1: lr 0.01, hidden 4", "2: lr 0.01, hidden 6")
    assert [line.label for line in panel.lines] == [
        f"{n}, {part}" for n in names for part in ("training", "validation")
    ]
    assert [line.style.dash for line in panel.lines] == ["dash", "solid"] * 2
    assert panel.lines[0].style.colour == panel.lines[1].style.colour != panel.lines[2].style.colour
    apart = ask("epochs", {"measures": "accuracy"}, ["1", "2"])
    assert len(apart.panels) == 2
    assert panel.lines[1].y.tolist() == apart.panels[1].lines[0].y.tolist()


def test_a_pair_of_one_measure_has_its_settings_side_by_side(ask):
    figure = ask("epoch-pair", {"measures": "accuracy"}, ["1", "2", "3"])
    assert [panel.y_label for panel in figure.panels] == ["accuracy"] * 3
    assert (figure.columns, figure.title) == (3, "Accuracy by epoch")
    assert ask("epoch-pair", {"measures": "accuracy", "columns": 1}, ["1", "2", "3"]).columns == 1
    assert "loss" not in figure.caption


def test_a_window_is_enlarged_in_print_and_on_the_page(ask):
    options = {"measures": "accuracy", "parts": "validation", "inset": {"x": [2, 4]}}
    figure = ask("epochs", options, ["1", "2"])
    lines = figure.panels[0].lines
    shown = np.concatenate([line.y[1:4] for line in lines])  # epochs 2 to 4 of 1 to 4
    (x, y) = figure.panels[0].window
    margin = 0.05 * (shown.max() - shown.min())
    assert x == (2.0, 4.0)
    assert y == pytest.approx((shown.min() - margin, shown.max() + margin))
    (inner,) = draw(figure).axes[0].child_axes
    assert inner.get_xlim() == (2.0, 4.0)
    assert inner.get_ylim() == pytest.approx(y)
    assert len(inner.lines) == 2
    ((_, plot),) = curves(figure)["plots"]
    assert plot["layout"]["xaxis2"]["range"] == [2.0, 4.0]
    inside = [trace["meta"] for trace in plot["data"] if trace.get("xaxis") == "x2" and "hovertemplate" in trace]
    assert inside == [line.label for line in lines]
    assert plot["layout"]["shapes"][-1]["x0"] == 2.0
    beyond = ask("epochs", {**options, "inset": {"x": [90, 99]}}, ["1"])
    assert beyond.panels[0].window is None
    assert not draw(beyond).axes[0].child_axes


BOTH_ENDS = {"x": [1, 2], "y": [0, 1]}


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        ("epochs", {"inset": {"y": [0, 1]}}, "inset must be the window that is enlarged, as in { x = [40, 50]"),
        ("epochs", {"inset": {"x": [4, 2]}}, "inset must have two numbers for x, the smaller one first"),
        ("epochs", {"inset": BOTH_ENDS}, "inset has a y, and the figure shows accuracy and loss; leave y out"),
        ("epoch-pair", {"inset": BOTH_ENDS}, "inset has a y, and the figure shows accuracy and loss; leave y out"),
        ("step-loss", {"scale": 0.2}, "scale must be a factor and what it makes of the loss"),
        ("step-loss", {"scale": {"factor": 0, "words": "w"}}, "scale must have a factor > 0"),
    ],
)  # fmt: skip
def test_windows_and_scales_that_do_not_fit_are_refused(ask, kind, options, text):
    with pytest.raises(InputError) as error:
        ask(kind, options, ["1"])
    assert text in str(error.value)


def test_a_loss_is_shown_in_the_originals_unit(ask):
    plain = ask("step-loss", {}, ["1"])
    scaled = ask("step-loss", {"scale": {"factor": 0.2, "words": "the mean over the ten outputs"}}, ["1"])
    assert scaled.panels[0].lines[0].y == pytest.approx(0.2 * plain.panels[0].lines[0].y)
    assert scaled.panels[0].y_label == "loss × 0.2"
    assert scaled.caption.endswith("The loss is shown times 0.2: the mean over the ten outputs.")
