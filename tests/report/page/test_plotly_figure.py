"""plotly's figure as an object: panels in one figure, lines by their names."""

import re

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.report.figures.palette import line_style
from handgrad.report.figures.row_shapes import EstimateRow, Estimates
from handgrad.report.figures.shapes import Curves, Line, Mark, Matrix, Panel
from handgrad.report.page.plotly_figure import plotly_figure
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


def test_what_the_page_shows_without_plotly_is_refused_by_its_kind():
    matrix = Matrix("m", "Confusion", "", ("a", "b"), np.eye(2, dtype=np.int64))
    message = r"m: there is no plotly figure of kind confusion, which .* take matplotlib\(\)"
    with pytest.raises(InputError, match=message):
        plotly_figure(matrix)
