"""Axes without the few that would squeeze the others."""

import numpy as np
import pytest

from handgrad.report.drawing.canvas import drawn
from handgrad.report.figures.axis_fit import AxisFit, fitted
from handgrad.report.figures.epochs import beyond_note
from handgrad.report.figures.row_shapes import Ranking, RankingRow
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.report.page.page_rows import ranking_plot
from handgrad.report.page.plots import curves

X = np.arange(1.0, 5.0)
GOOD = [(0.90, 0.95), (0.92, 0.97), (0.93, 0.97), (0.91, 0.96)]


def test_two_collapsed_settings_do_not_squeeze_the_four_that_matter():
    found = fitted([(0.1, 0.12), *GOOD, (0.1, 0.1)], worse_is_lower=True)
    assert found == AxisFit(0.90, 0.97, (0, 5))
    turned = [(1 - high, 1 - low) for low, high in [(0.1, 0.12), *GOOD, (0.1, 0.1)]]
    assert fitted(turned, worse_is_lower=False).beyond == (0, 5)


@pytest.mark.parametrize(
    "spans",
    [
        [(0.99, 0.99), (0.1, 0.12), (0.11, 0.13), (0.1, 0.11)],  # the best stays, however far the others are
        [(0.1, 0.1), (0.1, 0.1), (0.9, 0.95), (0.91, 0.96)],  # half of all are not few
        [(0.84, 0.85), *GOOD],  # near enough
        [(0.1, 0.1), (0.95, 0.95), (0.95, 0.95)],  # others of one value have no range
        [(0.5, 0.5)],
        [(0.1, 0.97), *GOOD],  # it begins below, and comes to them
    ],
)
def test_others_stay(spans):
    found = fitted(spans, worse_is_lower=True)
    assert found == AxisFit(min(low for low, _ in spans), max(high for _, high in spans))


def lines(values):
    return tuple(Line(str(k), X, np.full(4, y) + 0.01 * X) for k, y in enumerate(values))


def test_curves_have_an_arrow_for_what_lies_beyond_in_print_and_on_the_page():
    losses, accuracies = lines([0.3, 0.32, 0.31, 3.0]), lines([0.9, 0.91, 0.92, 0.1])
    panels = (Panel("loss", "epoch", "loss", losses), Panel("accuracy", "epoch", "accuracy", accuracies, percent=True))
    figure = Curves("c", "Curves", "", panels, fit=True)
    assert figure.beyond("loss") == figure.beyond("accuracy") == ["3"]
    assert beyond_note(figure) == (
        " Too far from the others to be seen beside them, arrows at the edge: 1 line beyond the axis of loss and "
        "1 line beyond the axis of accuracy."
    )
    for panel, axes, place in zip(panels, drawn(figure).axes, (1, 0), strict=False):
        ends = figure.y_range(panel.y_label)
        assert axes.get_ylim() == pytest.approx(ends)
        (mark,) = [line for line in axes.lines if line.get_marker() in ("v", "^")]
        assert mark.get_ydata() == pytest.approx([ends[place]])
    plots = [plot for _, plot in curves(figure)["plots"]]
    for plot in plots:
        (arrow,) = [trace for trace in plot["data"] if trace["mode"] == "markers"]
        assert arrow["meta"] == "3"
        assert arrow["y"][0] in plot["layout"]["yaxis"]["range"]
    whole = Curves("c", "Curves", "", panels)
    assert whole.beyond("loss") == []
    assert whole.y_range("loss")[1] > 3


def test_a_ranking_has_arrows_for_seeds_beyond_its_axis():
    rows = [
        RankingRow(str(k), {0: y, 1: y + 0.01}, y + 0.005, None, None) for k, y in enumerate([0.97, 0.95, 0.94, 0.1])
    ]
    figure = Ranking("r", "Ranking", "", "accuracy", tuple(rows), percent=True)
    low, high = figure.ends
    assert 0.9 < low < high < 1
    assert (figure.beyond, figure.cuts) == (1, [(3, "left")])
    hovers = [trace.get("hovertemplate", "") for trace in ranking_plot(figure)["data"]]
    assert "goes on beyond the axis; mean 10.50%<extra></extra>" in hovers
