"""plotly's figure as an object: panels in one figure, lines by their names."""

import re
from dataclasses import replace

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.report.figures.palette import line_style
from handgrad.report.figures.row_shapes import EstimateRow, Estimates
from handgrad.report.figures.shapes import Curves, Line, Mark, Matrix, Mistakes, Panel, Pictures, Predictions
from handgrad.report.page.plotly_figure import plotly_figure
from handgrad.study.published.figure_options import SHAPES
from handgrad.study.published.option_values import Inset

X = np.arange(1.0, 6.0)


def panel(title, *, inset=None, marks=()):
    lines = tuple(
        Line(f"<{name}>", X, y, y - 0.1, y + 0.1, style=line_style(n))
        for n, (name, y) in enumerate({"a": X / 10, "b": 1 - X / 10}.items())
    )
    return Panel(title, "epoch", "loss", lines, marks=marks, inset=inset)


def test_panels_are_subplots_each_with_its_axes_in_its_box():
    inset = Inset(x=(2, 3), y=(0.1, 0.5))
    panels = (panel("one", inset=inset), panel("two", marks=(Mark(3.0, "lr"),)), panel("three"))
    figure = plotly_figure(Curves("c", "<Losses>", "", panels))
    layout = figure.layout.to_plotly_json()
    assert figure.layout.title.text == "&lt;Losses&gt;"
    boxes = {name: one["domain"] for name, one in layout.items() if re.match("[xy]axis", name)}
    assert len(boxes) == 2 * 4  # three panels and an inset
    left, right = boxes["xaxis"], boxes["xaxis3"]
    assert left == [0, 0.455]
    assert right == [0.545, 1]
    assert left[0] < boxes["xaxis2"][0] < boxes["xaxis2"][1] < left[1]  # the inset lies in its panel
    assert boxes["yaxis4"][1] < boxes["yaxis"][0]  # the third panel is below
    assert layout["yaxis2"]["anchor"] == "x2"
    assert layout["xaxis3"]["anchor"] == "y3"
    (frame, mark) = layout["shapes"]
    assert (frame["xref"], frame["yref"]) == ("x", "y")
    assert (mark["xref"], mark["yref"], mark["y1"]) == ("x3", "paper", boxes["yaxis3"][1])
    assert mark["y0"] == boxes["yaxis3"][0]
    titles = [one["text"] for one in layout["annotations"] if one["text"].startswith("<b>")]
    assert titles == ["<b>one</b>", "<b>two</b>", "<b>three</b>"]
    assert {trace.xaxis for trace in figure.data} == {"x", "x2", "x3", "x4"}


def test_forty_panels_have_room():
    figure = plotly_figure(Curves("c", "Many", "", tuple(panel(str(n)) for n in range(40)), columns=4, small=True))
    ends = [figure.layout[f"yaxis{n or ''}"].domain for n in (None, 37)]
    assert ends[0][1] == 1
    assert ends[1][0] == 0
    assert figure.layout.height > 40 / 4 * 200


def test_the_legend_names_every_line_once_and_moves_what_belongs_to_it():
    figure = plotly_figure(Curves("c", "Losses", "", (panel("one"), panel("two"))))
    assert [trace.name for trace in figure.data if trace.showlegend] == ["&lt;a&gt;", "&lt;b&gt;"]
    assert figure.layout.showlegend
    assert {trace.legendgroup for trace in figure.data} == {"&lt;a&gt;", "&lt;b&gt;"}
    assert len(figure.data) == 2 * 2 * 2  # a line and a band each
    one = plotly_figure(Estimates("e", "Shares", "", "what", "share", (EstimateRow("lr", 0.5, 0.4, 0.6),)))
    assert not one.layout.showlegend
    assert one.layout.height == 100


def test_what_the_page_shows_without_plots_is_refused_by_its_kind(monkeypatch):
    monkeypatch.setitem(SHAPES, "Estimates", replace(SHAPES["Estimates"], page=lambda figure: {"what": "other"}))
    message = r"e: there is no plotly figure of kind Estimates, which .* take matplotlib\(\)"
    with pytest.raises(InputError, match=message):
        plotly_figure(Estimates("e", "Shares", "", "what", "share", ()))


@pytest.mark.parametrize(("show", "cell"), [("both", "3<br>75.0 %"), ("percent", "75.0"), ("count", "3")])
def test_a_confusion_matrix_is_a_heat_map(show, cell):
    figure = plotly_figure(Matrix("m", "Confusion", "", ("<a>", "7"), np.array([[3, 1], [0, 5]]), show))
    (trace,) = figure.data
    assert trace.text[0][0] == cell
    assert trace.text[1][0] == ""  # a count of 0
    assert trace.hovertext[0][1] == "actual &lt;a&gt;, predicted 7: 1 (25.0 %)"
    assert list(trace.z[1]) == [0, 1]
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.ticktext == ("&lt;a&gt;", "7")
    many = plotly_figure(Matrix("m", "C", "", tuple(map(str, range(30))), np.eye(30, dtype=np.int64)))
    assert many.data[0].texttemplate is None


def test_pictures_are_panels_under_their_labels():
    rng = np.random.default_rng(0)
    signed = plotly_figure(Pictures("w", "Weights", "", rng.normal(size=(5, 4, 3)), tuple("abcde"), 2.0, columns=2))
    assert {(trace.type, trace.zmin, trace.zmax) for trace in signed.data} == {("heatmap", -2, 2)}
    assert [one.text for one in signed.layout.annotations] == [f"<b>{letter}</b>" for letter in "abcde"]
    assert signed.layout.yaxis5.scaleanchor == "x5"
    assert signed.layout.yaxis5.domain[1] < signed.layout.yaxis3.domain[0] < signed.layout.yaxis.domain[0]
    colour = plotly_figure(Pictures("w", "Filters", "", rng.normal(size=(2, 4, 3, 3)), ("", ""), 2.0))
    assert {trace.type for trace in colour.data} == {"image"}
    wrong = plotly_figure(
        Mistakes("m", "Mistakes", "", rng.random((2, 4, 3)), (7, 9), ("<i>", "boot"), ("b", "high shoe"), (0.9, 0.8))
    )
    assert [one.text for one in wrong.layout.annotations] == [
        "<b>&lt;i&gt; →<br>b, 0.90</b>",
        "<b>boot →<br>high shoe, 0.80</b>",
    ]
    assert wrong.layout.margin.t > colour.layout.margin.t
    assert all(trace.source.startswith("data:image/png;base64,") for trace in wrong.data)


def test_predictions_are_pictures_or_a_table():
    said = {"index": (3, 5), "actual": ("a", "b"), "before": ("b", "b"), "after": ("a", "b")}
    shown = plotly_figure(Predictions("p", "Predictions", "", np.zeros((2, 4, 3)), **said))
    assert shown.layout.annotations[0].text == "<b>actual a<br>before b<br>after a</b>"
    (table,) = plotly_figure(Predictions("p", "Predictions", "", None, **said)).data
    assert table.header.values == ("index", "actual", "before", "after")
    assert [list(column) for column in table.cells.values] == [["3", "5"], ["a", "b"], ["b", "b"], ["a", "b"]]
