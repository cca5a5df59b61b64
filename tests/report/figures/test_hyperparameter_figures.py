"""Figures of hyperparameters: their numbers, what is drawn of them, and what the page takes."""

import json
import math

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from handgrad.report.drawing.canvas import draw, save_prints
from handgrad.report.figures.axis_shapes import HeatMap
from handgrad.report.figures.hyperparameter_figures import (
    effect_figure,
    heat_map_figure,
    parallel_figure,
    range_ticks,
    slice_figure,
)
from handgrad.report.figures.importance_figures import expected_best_figure, importance_figure
from handgrad.report.findings.axis_scales import AxisScale
from handgrad.report.findings.expected_best import expected_best
from handgrad.report.findings.forest_shares import forest_shares
from handgrad.report.findings.variance_shares import variance_shares
from handgrad.report.page.page_axes import heat_map
from handgrad.study.published.figure_options import figure_shape, load
from tests.report.findings.grids import drawn, grid, peak

ACCURACY, LOSS = "val_accuracy", "val_loss"
LEVELS = {"lr": [0.001, 0.01, 0.1], "act": ["relu", "tanh"]}
NAMES = {"lr": "learning rate", "act": "activation"}


def cells():
    """Seeds 0 and 1 are 0.01 apart; at lr 0.1 with tanh both collapsed."""
    frame = grid(
        LEVELS,
        2,
        lambda s, seed: (
            0.1
            if (s["lr"], s["act"]) == (0.1, "tanh")
            else 0.8 + 0.04 * LEVELS["lr"].index(s["lr"]) + 0.01 * seed - 0.02 * (s["act"] == "tanh")
        ),
    )
    frame["lost"] = frame["value"] < 0.2
    return frame


@pytest.fixture(scope="module")
def random_study():
    return drawn(np.random.default_rng(1), 60, lambda s: 0.9 + 0.05 * peak(s) - 0.05 * (s["act"] == "tanh"), 0.005, 2)


@pytest.fixture(scope="module")
def every_figure(random_study):
    """One of each, of a grid and of draws."""
    frame, axes = cells(), [*LEVELS]
    forest = forest_shares(random_study, ["lr", "width", "act"])
    values = random_study.groupby(["lr", "width", "act"], sort=False)["value"].mean().tolist()
    return {
        "effects": effect_figure(frame, axes, ACCURACY, "effects", NAMES),
        "heat": heat_map_figure(frame, "lr", "act", ACCURACY, "heat", NAMES),
        "heat-range": heat_map_figure(random_study, "lr", "width", ACCURACY, "heat-range"),
        "parallel": parallel_figure(random_study, ["lr", "width", "act"], ACCURACY, "parallel"),
        "slices": slice_figure(random_study, ["lr", "width", "act"], ACCURACY, "slices", forest),
        "shares": importance_figure(variance_shares(frame, axes, names=NAMES), ACCURACY, "shares"),
        "forest": importance_figure(forest, ACCURACY, "forest"),
        "expected": expected_best_figure(expected_best(values), ACCURACY, "expected", values),
    }


KINDS = ("effects", "heat", "heat-range", "parallel", "slices", "shares", "forest", "expected")


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_drawn_for_print_and_page_and_has_its_table(kind, every_figure, tmp_path):
    figure = every_figure[kind]
    assert figure.caption.endswith(".")
    assert "  " not in figure.caption
    assert figure.name == kind
    assert draw(figure).axes
    (path,) = save_prints(figure, tmp_path, ["png"])
    assert path.stat().st_size > 5000
    shown = load(figure_shape(type(figure).__name__).page)(figure)
    assert shown["what"] == "plots"
    for _, plot in shown["plots"]:
        json.dumps(plot, allow_nan=False)  # a page holds no nan
        assert plot["data"]
    header, rows = figure.table()
    listed = list(rows)
    assert listed
    assert all(len(row) == len(header) for row in listed)


def test_effects_are_means_over_all_others_with_their_interval():
    """relu: 0.8, 0.84, 0.88; tanh: 0.78, 0.82, 0.1, seed 1 0.01 above but where it collapsed: lr 0.001 is
    (0.79 + 0.80)/2 = 0.795 with t(1)·0.0071/√2 = 12.706·0.005 on either side."""
    figure = effect_figure(cells(), [*LEVELS], ACCURACY, "effects", NAMES)
    lr, act = figure.panels
    assert (lr.axis, lr.values, lr.joined, act.joined) == ("learning rate", ("0.001", "0.01", "0.1"), True, False)
    assert lr.y == pytest.approx([0.795, 0.835, (0.885 + 0.1) / 2])
    assert lr.low[0] == pytest.approx(0.795 - 12.706 * 0.005, abs=1e-5)
    assert lr.x.tolist() == pytest.approx([0.08, 0.5, 0.92])  # equal ratios, equal distances
    assert lr.best == lr.x[1]
    assert len(lr.dots_y) == 12
    assert int(lr.lost.sum()) == 2
    low, high = figure.y_range
    assert low < 0.46  # the end of the interval at 0.1; what was lost lies beyond
    assert high > 0.88


def test_collapsed_runs_do_not_set_the_axis():
    """Where no mean has lost runs in it, the axis ends above them, and they are drawn at its edge."""
    frame = cells()
    figure = slice_figure(frame, [*LEVELS], ACCURACY, "slices")
    low, _ = figure.y_range
    assert low > 0.7
    (first, *_) = draw(figure).axes
    marks = [line for line in first.lines if line.get_marker() == "x"]
    assert len(marks) == 1
    assert (marks[0].get_ydata() > low).all()


def test_an_axis_whose_effect_no_combination_shows_has_its_runs_alone():
    frame = cells()
    lone = frame[((frame["act"] == "relu") & (frame["lr"] < 0.05)) | ((frame["act"] == "tanh") & (frame["lr"] > 0.05))]
    figure = effect_figure(lone, [*LEVELS], ACCURACY, "effects")
    assert len(figure.panels[0].y) == 2  # lr, with relu
    assert len(figure.panels[1].y) == 0
    assert len(figure.panels[1].dots_y) == 6
    assert effect_figure(lone[lone["lr"] != 0.001], [*LEVELS], ACCURACY, "effects") is None


def test_a_heat_map_counts_frames_and_hatches():
    figure = heat_map_figure(cells(), "lr", "act", ACCURACY, "heat", NAMES)
    assert (figure.x_values, figure.y_values) == (("0.001", "0.01", "0.1"), ("relu", "tanh"))
    assert figure.means == pytest.approx(np.array([[0.805, 0.845, 0.885], [0.785, 0.825, 0.1]]))
    assert figure.counts.tolist() == [[2, 2, 2], [2, 2, 2]]
    assert figure.lost.tolist() == [[0, 0, 0], [0, 0, 2]]
    assert figure.best == (0, 2)
    assert (figure.low, figure.high) == pytest.approx((0.785, 0.885))  # not 0.1
    assert figure.level(1, 2) == 0
    assert figure.text(0, 2) == "88.5"
    cells_drawn = [patch for patch in draw(figure).axes[0].patches if isinstance(patch, Rectangle)]
    assert sum(patch.get_hatch() is not None for patch in cells_drawn) == 1
    assert sum(not patch.get_fill() for patch in cells_drawn) == 1


def test_a_heat_map_of_a_loss_has_its_best_at_the_least_and_empty_cells():
    frame = cells()
    frame["value"] = 1 - frame["value"]
    frame = frame[~((frame["lr"] == 0.01) & (frame["act"] == "relu"))]
    figure = heat_map_figure(frame, "lr", "act", LOSS, "heat")
    assert figure.best == (0, 2)
    assert math.isnan(figure.means[0, 1])
    assert figure.counts[0, 1] == 0
    assert figure.level(*figure.best) == 1
    assert figure.level(1, 0) == 0  # the worst without a lost run
    assert isinstance(figure, HeatMap)
    (_, plot), *_ = heat_map(figure)["plots"]
    assert plot["data"][0]["text"][0][1] == ""  # an empty cell says nothing
    assert plot["data"][0]["text"][0][2].endswith("<sub>n = 2</sub>")
    assert heat_map_figure(frame[frame["act"] == "relu"], "lr", "act", LOSS, "heat") is None


def test_ranges_are_cut_into_stretches_of_equal_length_in_log(random_study):
    figure = heat_map_figure(random_study, "lr", "width", ACCURACY, "heat")
    assert (len(figure.x_values), figure.y_values) == (5, ("16", "32", "64", "128"))
    lr = np.log(random_study["lr"])
    edges = np.linspace(lr.min(), lr.max(), 6)
    assert figure.counts.sum(axis=0).tolist() == np.histogram(lr, edges)[0].tolist()


def test_parallel_lines_go_through_values_best_first(random_study):
    figure = parallel_figure(random_study, ["lr", "width", "act"], ACCURACY, "parallel", {"lr": "rate"})
    assert [axis.label for axis in figure.axes] == ["rate", "width", "act", "validation accuracy"]
    assert figure.places.shape == (60, 4)
    assert (np.diff(figure.places[:, 3]) <= 0).all()
    assert figure.places[[0, -1], 3].tolist() == pytest.approx([1, 0])
    best = random_study.groupby(["lr", "width", "act"])["value"].mean().idxmax()
    assert figure.texts[0][1:3] == (str(best[1]), best[2])
    lines = draw(figure).axes[0].lines
    assert max(line.get_linewidth() for line in lines) > 2
    assert parallel_figure(cells()[["lr", "seed", "value"]], ["lr"], ACCURACY, "parallel") is None


def test_of_many_settings_some_are_picked_by_rank():
    frame = drawn(np.random.default_rng(0), 300, lambda s: 0.9 + 0.05 * peak(s))
    figure = parallel_figure(frame, ["lr", "width", "act"], LOSS, "parallel")
    assert figure.places.shape == (300, 4)  # the page's brush knows all of them
    assert (len(figure.drawn), figure.drawn[0], figure.drawn[-1]) == (200, 0, 299)
    assert sum(len(line.get_xdata()) == 4 for line in draw(figure).axes[0].lines) == 200
    assert "200 of 300 settings" in figure.caption
    assert float(figure.texts[0][-1]) == pytest.approx(frame["value"].min(), rel=1e-5)
    assert figure.places[0, 3] == pytest.approx(1)  # of a loss the least is on top


def test_slices_have_the_mean_of_the_forest_over_all_others(random_study, every_figure):
    lr, width, act = every_figure["slices"].panels
    assert (lr.band, width.band, act.band) == (True, False, False)
    assert (width.joined, act.joined) == (True, False)
    assert lr.x[int(np.argmax(lr.y))] == pytest.approx(0.5, abs=0.15)  # 0.01 of 0.0001 to 1, in log
    assert len(lr.dots_y) == 60
    assert "R² out of bag 0." in every_figure["slices"].caption
    plain = slice_figure(random_study, ["lr"], ACCURACY, "slices")
    assert not len(plain.panels[0].x)
    assert "forest" not in plain.caption


def test_importances_are_shares_with_intervals_largest_first(every_figure):
    shares, forest = every_figure["shares"], every_figure["forest"]
    labels = [row.label for row in shares.rows]
    assert labels[-2:] == ["seeds, alike in all settings", "noise between seeds"]
    assert {"learning rate", "activation", "learning rate × activation"} == set(labels[:3])
    effects = [row.share for row in shares.rows[:3]]
    assert effects == sorted(effects, reverse=True)
    assert sum(row.share for row in shares.rows) == pytest.approx(1)
    assert forest.rows[0].label == "lr"
    assert forest.beside == "per tree"
    assert all(row.main or row.share >= 0.01 for row in forest.rows)
    bars = draw(forest).axes[0].patches
    assert [bar.get_width() for bar in bars] == pytest.approx([max(row.share, 0) for row in forest.rows])


def test_the_expected_best_stands_beside_the_searchs_own_course(every_figure):
    (panel,) = every_figure["expected"].panels
    expected, median, course = panel.lines
    assert [line.label for line in panel.lines] == ["expected best", "median best", "best so far"]
    assert course.y[-1] == expected.y[-1]
    assert (np.diff(course.y) >= 0).all()
    assert len(median.x) == 60
    alone = expected_best_figure(expected_best([0.1, 0.2], bounds=(-math.inf, math.inf)), LOSS, "expected")
    assert np.isnan(alone.panels[0].lines[0].low).all()
    assert draw(alone).axes


@pytest.mark.parametrize(
    ("scale", "texts"),
    [
        (AxisScale("lr", "log", 1e-4, 1.0), ["0.0001", "0.001", "0.01", "0.1", "1"]),
        (AxisScale("lr", "log", 0.01, 0.2), ["0.01", "0.02", "0.05", "0.1", "0.2"]),
        (AxisScale("lr", "log", 1e-8, 1.0), ["1e-08", "1e-06", "0.0001", "0.01", "1"]),
        (AxisScale("drop", "linear", 0.0, 0.5), ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        (AxisScale("width", "linear", 13.0, 15.0), ["13", "13.5", "14", "14.5", "15"]),
        (AxisScale("lr", "log", 0.11, 0.19), ["0.11", "0.19"]),
    ],
    ids=str,
)
def test_ticks_are_round(scale, texts):
    assert [text for _, text in range_ticks(scale)] == texts
