"""Figures are numbers: what they hold, and the CSV behind each."""

from dataclasses import replace

import numpy as np
import pytest

from handgrad.errors import InputError, UnknownName
from handgrad.report.figures import network_figures as runs
from handgrad.report.figures import phase_figures as phases
from handgrad.report.figures.palette import COLOURS, CONTEXT, SHADES, LineStyle, line_style, shade
from handgrad.report.figures.request import Series, over_seeds, runs_of, wide
from handgrad.report.figures.shapes import Curves, Line, Matrix, Panel
from handgrad.report.figures.smoothing import debiased_ema, repair_outliers
from handgrad.report.figures.steps import Axis
from handgrad.report.findings.summarize import summarize
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from tests.records import made_record
from tests.report.conftest import Outcome


def opened(folder):
    results = Results.open(folder)
    return summarize(results), sources_of(results)


def test_the_band_runs_from_the_lowest_to_the_highest_seed_that_got_there():
    long, short = Series(np.arange(1.0, 4), np.array([1.0, 2.0, 6.0])), Series(np.arange(1.0, 3), np.array([3.0, 8.0]))
    line = over_seeds("a", [long, short])
    assert line.x.tolist() == [1, 2, 3]
    assert line.y.tolist() == [2, 5, 6]
    assert line.low.tolist() == [1, 2, 6]
    assert line.high.tolist() == [3, 8, 6]


def test_one_seed_has_no_band_and_infinite_values_are_left_out():
    line = over_seeds("a", [Series(np.arange(3.0), np.array([1.0, np.inf, 2.0]))])
    assert line.low is None
    assert line.x.tolist() == [0, 2]


def test_epoch_curves_are_means_over_seeds(make_results):
    summary, sources = opened(make_results())
    figure = phases.epoch_curves(summary.phases[0], "curves", sources)
    assert [panel.title for panel in figure.panels] == [
        "training accuracy",
        "validation accuracy",
        "training loss",
        "validation loss",
    ]
    line = figure.panels[1].lines[3]
    assert line.label == "4: lr 0.1, hidden 6"
    assert line.y[-1] == pytest.approx(0.883 * (1 - 0.7 * 0.5**3))
    assert (line.low < line.y).all()
    assert (line.y < line.high).all()
    assert "Training is scored on a fixed random sample of 40 of 80 training examples." in figure.caption


def test_of_many_settings_the_best_eight_have_colours_and_the_caption_says_so(make_results):
    tables = {"seeds": 1, "grid": {"training": {"optimizer": {"lr": [i / 100 for i in range(1, 15)]}}}}
    summary, sources = opened(make_results(tables))
    figure = phases.epoch_curves(summary.phases[0], "curves", sources)
    assert len(figure.panels[0].lines) == 14
    assert sum(line.style == CONTEXT for line in figure.panels[0].lines) == 6
    assert [line.label.split(":")[0] for line in figure.legend] == [str(i) for i in range(14, 6, -1)]  # best first
    assert "The best 8 of 14 settings in colour, the others in grey." in figure.caption


def test_many_settings_around_a_baseline_stand_beside_it(make_results):
    rates = [i / 100 for i in range(2, 15)]
    summary, sources = opened(make_results({"seeds": 1, "one_factor": {"training": {"optimizer": {"lr": rates}}}}))
    figure = phases.beside_baseline(summary.phases[0], "beside", sources)
    assert len(figure.panels) == len(summary.settings) - 1 == 13
    assert figure.panels[0].title == "2: lr 0.02"
    assert all(panel.lines[0].label.startswith("1: baseline") for panel in figure.panels)
    grid = {"seeds": 1, "grid": {"training": {"optimizer": {"lr": rates}}}}
    summary, sources = opened(make_results(grid, name="grid"))
    assert phases.beside_baseline(summary.phases[0], "beside", sources) is None  # it has no baseline


def test_twelve_lines_are_told_apart_by_colour_and_dashes():
    assert len({line_style(i) for i in range(12)}) == 12
    assert len(set(COLOURS)) == 6


def luminance(ink):
    parts = [int(ink[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_ordered_colours_only_grow_lighter_and_are_seen_on_white_and_on_black():
    found = [luminance(shade(i / 50)) for i in range(51)]
    assert (np.diff(found) > 0).all()
    dark = luminance("#14171b")  # the page in the dark
    for value in [*found, *(luminance(ink) for ink in (*COLOURS, *SHADES))]:
        assert 1.05 / (value + 0.05) > 2  # contrast, WCAG 2.2
        assert (value + 0.05) / (dark + 0.05) > 2


def test_step_loss_is_cleaned_in_full_and_then_thinned(make_results):
    tables = {"seeds": 2, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}
    folder = make_results(tables, lambda setting, seed: Outcome(0.9, epochs=4, steps_per_epoch=700))
    summary, sources = opened(folder)
    figure = phases.phase_step_loss(summary.phases[0], "step-loss", sources)
    (panel,) = figure.panels
    assert panel.x_label == "step"
    line = panel.lines[0]
    full = sources.curves(summary.settings[0].runs[0].id)["loss_per_step"]
    clean = debiased_ema(repair_outliers(full, 1.5), 0.9)
    assert len(full) == 2800
    assert len(line.y) == 1000
    assert line.y.tolist() == clean[line.x.astype(int) - 1].tolist()
    assert (line.x[0], line.x[-1]) == (1, 2800)
    assert "further than 1.5 standard deviations" in figure.caption
    assert "weight 0.9" in figure.caption
    assert "thinned, to 1,000 of up to 2,800 points" in figure.caption


def test_runs_with_steps_of_several_sizes_share_an_axis_of_epochs(make_results):
    tables = {"seeds": 1, "grid": {"training": {"batch_size": [8, 16]}}}
    folder = make_results(tables, lambda s, seed: Outcome(0.9, steps_per_epoch=50 if s.label == "1" else 25))
    summary, sources = opened(folder)
    (panel,) = phases.phase_step_loss(summary.phases[0], "step-loss", sources).panels
    assert panel.x_label == "epochs"
    assert [line.x[-1] for line in panel.lines] == [4, 4]
    assert panel.lines[0].x[0] == pytest.approx(1 / 50)


def test_a_diverged_run_is_drawn_as_far_as_it_came(make_results):
    summary, sources = opened(make_results({"seeds": 1}, lambda setting, seed: Outcome(0.9, "diverged")))
    (line,) = phases.phase_step_loss(summary.phases[0], "step-loss", sources).panels[0].lines
    assert np.isfinite(line.y[:-1]).all()
    assert phases.ranking(summary.phases[0], "ranking") is None


def test_curves_are_read_one_run_at_a_time(make_results):
    summary, sources = opened(make_results({"seeds": 12}))
    alive: list[int] = []
    now = 0

    class Held(dict):
        def __init__(self, values):
            nonlocal now
            super().__init__(values)
            now += 1
            alive.append(now)

        def __del__(self):
            nonlocal now
            now -= 1

    held = replace(sources, curves=lambda run_id: Held(sources.curves(run_id)))
    phases.epoch_curves(summary.phases[0], "curves", held)
    assert len(alive) == 12
    assert max(alive) <= 2


def test_ranking_is_best_first_with_notes(make_results):
    def tell(setting, seed):
        return Outcome(0.9 + 0.01 * int(setting.label), "diverged" if (setting.label, seed) == ("4", 1) else "done")

    summary, _ = opened(make_results(tell=tell))
    figure = phases.ranking(summary.phases[0], "ranking")
    assert [row.label[0] for row in figure.rows] == ["3", "2", "1", "4"]
    assert figure.rows[0].best
    assert figure.rows[-1].note == "1 of 3 diverged"
    header, rows = figure.table()
    assert header == ["setting", "seed", "value", "mean", "low", "high", "verdict"]
    assert len(list(rows)) == 3 + 3 + 3 + 2


def test_bars_of_the_ranking_are_intervals_against_the_best(make_results):
    accuracy = {"1": 0.8, "2": 0.9, "3": 0.9, "4": 0.85}

    def tell(setting, seed):
        return Outcome(accuracy[setting.label] + 0.002 * ((seed * int(setting.label)) % 5))

    summary, _ = opened(
        make_results({"seeds": 5, "conclusions": {"margin": 0.02}, "grid": {"network": {"hidden": [2, 3, 4, 5]}}}, tell)
    )
    (phase,) = summary.phases
    figure = phases.ranking(phase, "ranking")
    first, *others = figure.rows
    assert (first.word, first.low, figure.best_at, figure.margin) == ("best", None, first.mean, 0.02)
    for row in others:
        one = phase.conclusions.against[row.label[0]]
        assert (row.low, row.high) == (first.mean + one.low, first.mean + one.high)
        assert (row.high < figure.best_at) == (row.word == "behind") == (not row.shaded)
    assert [row.word for row in figure.rows] == ["best", "equivalent", "behind", "behind"]
    assert "one inside the grey band, ± 2.00 points, is equivalent" in figure.caption


def test_a_setting_alone_has_the_interval_of_its_mean(make_results):
    summary, _ = opened(make_results({"seeds": 3, "grid": {"network": {"hidden": [4]}}}))
    figure = phases.ranking(summary.phases[0], "ranking")
    interval = summary.winner.samples["val_accuracy"].interval
    assert [(row.low, row.high, row.word) for row in figure.rows] == [(interval.low, interval.high, "")]
    assert figure.best_at is None


def test_confusion_counts_and_row_percentages():
    matrix = Matrix("confusion", "t", "c", ("a", "b", "c"), np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]]))
    assert matrix.shares.tolist() == [[0.75, 0.25, 0], [0, 0, 0], [0.5, 0, 0.5]]
    _, rows = matrix.table()
    assert list(rows)[:2] == [["a", "a", 3, 75.0], ["a", "b", 1, 25.0]]


def test_confusion_takes_the_test_set_and_else_the_validation_set():
    record = made_record(confusion={"validation": [[1, 0], [0, 1]], "test": [[4, 1], [0, 5]]})
    assert "test set: 9 of 10 right" in runs.confusion(record, "Setting 1").caption
    del record.confusion["test"]
    assert "validation set: 2 of 2 right" in runs.confusion(record, "Setting 1").caption
    assert runs.confusion(made_record(), "Setting 1") is None


@pytest.mark.parametrize(
    ("shape", "picture"), [([1, 28, 28], (28, 28)), ([1, 8, 8], (8, 8)), ([8, 8], (8, 8)), ([3, 32, 32], (32, 32, 3))]
)
def test_weights_are_put_back_where_their_pixels_are(shape, picture):
    n_in = int(np.prod(shape))
    W = np.zeros((n_in, 5), dtype=np.float32)
    W[1, 2] = 0.5  # the second pixel of the first row, in the first channel
    params = {"dense1.W": W, "dense1.b": np.zeros(5), "dense2.W": np.zeros((5, 3))}
    figure = runs.weights(made_record(data={"shape": shape, "classes": ["a", "b", "c"]}), params, "Setting 1")
    assert figure.images.shape == (5, *picture)
    assert figure.images[2][0, 1].max() == 0.5
    assert np.count_nonzero(figure.images) == 1
    header, rows = figure.table()
    assert len(header) == 1 + n_in
    assert len(list(rows)) == 5


@pytest.mark.parametrize(("channels", "picture"), [(1, (5, 3)), (3, (5, 3, 3))])
def test_filters_of_a_convolution_are_shown_as_they_lie_on_the_image(channels, picture):
    W = np.zeros((6, channels, 5, 3), dtype=np.float32)
    W[2, 0, 4, 1] = 0.5  # last row, middle column
    params = {"conv1.W": W, "conv1.b": np.zeros(6), "dense1.W": np.zeros((99, 6)), "dense1.b": np.zeros(6)}
    record = made_record(data={"shape": [channels, 28, 28], "classes": list("abcdef")})  # as many classes as filters
    figure = runs.weights(record, params, "Setting 1")
    assert figure.images.shape == (6, *picture)
    assert figure.images[2][4, 1].max() == 0.5
    assert np.count_nonzero(figure.images) == 1
    assert figure.labels == tuple(f"filter {i}" for i in range(1, 7))
    assert figure.title == "First-layer filters"
    assert "All 6 filters of the first layer: the weights that move over the image, 5x3 pixels" in figure.caption


def test_weights_of_a_table_are_no_pictures():
    params = {"dense1.W": np.zeros((13, 5)), "dense1.b": np.zeros(5)}
    assert runs.weights(made_record(data={"shape": [13]}), params, "Setting 1") is None
    assert runs.weights(made_record(data={"shape": [1, 8, 8]}), params, "Setting 1") is None
    assert runs.weights(made_record(data={"shape": [1, 8, 8]}), {}, "Setting 1") is None


def test_of_many_units_the_first_64_are_shown_and_a_linear_model_shows_its_classes():
    many = {"dense1.W": np.ones((64, 100)), "dense1.b": np.ones(100), "dense2.W": np.ones((100, 2))}
    record = made_record(data={"shape": [1, 8, 8], "classes": ["a", "b"]})
    figure = runs.weights(record, many, "Setting 1")
    assert len(figure.images) == 64
    assert "The first 64 of 100 units" in figure.caption
    linear = runs.weights(record, {"dense1.W": np.ones((64, 2)), "dense1.b": np.ones(2)}, "Setting 1")
    assert linear.labels == ("a", "b")


def test_predictions_name_classes_before_and_after():
    before = [[0.0, 1.0], [0.0, 1.0]]
    record = made_record(samples={"source": "test", "index": [4, 9], "labels": [0, 1], "before": before, "after": None})
    figure = runs.predictions(record, None, "Setting 1")
    assert (figure.actual, figure.before, figure.after) == (("a", "b"), ("b", "b"), ("", ""))
    assert figure.images is None
    _, rows = figure.table()
    assert list(rows) == [[4, "a", "b", ""], [9, "b", "b", ""]]
    assert runs.predictions(made_record(), None, "Setting 1") is None


def test_pictures_are_brought_between_0_and_1():
    images = np.array([[[[2.0, 4.0], [6.0, 10.0]]]])
    assert runs.visible(images).tolist() == [[[0.0, 0.25], [0.5, 1.0]]]
    assert runs.visible(np.zeros((2, 3, 4, 5))).shape == (2, 4, 5, 3)
    assert runs.visible(np.zeros((2, 13))) is None


def test_a_row_of_the_csv_for_every_point():
    line = Line("a", np.array([1.0, 2.0]), np.array([0.5, 0.25]))
    figure = Curves("c", "t", "", (Panel("training loss", "epoch", "loss", (line,)),))
    header, rows = figure.table()
    assert header == ["panel", "line", "epoch", "y", "low", "high"]
    assert list(rows) == [
        ["training loss", "a", 1.0, 0.5, 0.5, 0.5],
        ["training loss", "a", 2.0, 0.25, 0.25, 0.25],
    ]


def test_an_axis_is_logarithmic_only_where_positive_values_span_much():
    x = np.arange(2.0)
    assert wide([Line("a", x, np.array([0.001, 1.0]))])
    assert not wide([Line("a", x, np.array([0.1, 1.0]))])
    assert not wide([Line("a", x, np.array([0.0, 1.0]))])
    assert not wide([])


def test_no_unknown_name_is_drawn_as_another():
    with pytest.raises(ValueError, match="unknown dash of a line 'dotted'"):
        LineStyle("#0072B2", "dotted")
    with pytest.raises(ValueError, match="unknown content of cells 'shares'"):
        Matrix("m", "t", "c", ("a",), np.ones((1, 1), dtype=np.int64), "shares")
    with pytest.raises(UnknownName, match="unknown axis 'hours'"):
        Axis(4, np.array([2.0, 4.0]), 10).places(np.array([1.0]), "hours")


def test_a_choice_of_runs_that_is_not_known_is_refused(make_results):
    (setting, *_) = summarize(Results.open(make_results())).settings
    with pytest.raises(InputError, match="unknown choice of a run 'last'"):
        runs_of(setting, "last", "val_accuracy")
