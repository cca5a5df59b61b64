"""plotly's figure of a figure's numbers, as an object for notebooks and programs: what the page shows, in one figure.

The page puts every panel into a plot of its own, and has its own legend, colours and light or dark background.  Here
panels are subplots, lines are named in plotly's legend, and the background is white.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from handgrad.errors import InputError
from handgrad.names import listed
from handgrad.report.figures.shapes import FigureData
from handgrad.report.page.plotly_grids import PLOTS
from handgrad.report.page.plots import plain
from handgrad.study.published.figure_options import FIGURES, figure_shape, load

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as Plot

ROW, LINE = 340, 16  # pixels of a row of panels, and of a line of its titles
GAP = 0.18, 0.32  # between two panels side by side, and one above the other, of the size of one
UNNAMED: dict[str, dict[str, Any]] = {"image": {}, "table": {}}  # traces that never have a place in the legend
AXIS = re.compile(r"([xy])axis(\d*)")
REFERENCE = re.compile(r"([xy])(\d*)(?= domain$|$)")


def plotly_figure(figure: FigureData) -> "Plot":
    """One figure of plotly.  Raises InputError where the page shows the shape without plotly."""
    from plotly.graph_objects import Figure as Plot

    shape = type(figure).__name__
    made = PLOTS[shape](figure) if shape in PLOTS else load(figure_shape(shape).page)(figure)
    if made["what"] != "plots":
        kinds = listed(sorted(kind for kind, one in FIGURES.items() if one.shape == shape))
        raise InputError(
            f"{figure.name}: there is no plotly figure of kind {kinds or shape}, which the page shows without plots; "
            "take matplotlib()"
        )
    plots = made["plots"]
    data, layout = (
        joined(plots, made["columns"], made.get("row_height", ROW))
        if len(plots) > 1
        else (plots[0][1]["data"], plots[0][1]["layout"])
    )
    names = [line.label for line in made["legend"]]
    return Plot(
        data=_named(data, names),
        layout={
            **layout,
            "template": "plotly_white",
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "title": {"text": plain(figure.title), "font": {"size": 15}},
            "margin": {**layout["margin"], "t": 60 + LINE * max(title.count("\n") for title, _ in plots)},
            "showlegend": len(names) > 1,
        },
    )


def _named(data: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """The traces, those of one line shown and hidden together by its name, which the legend has once."""
    named: set[str] = set()
    found = []
    for trace in data:
        label = trace.get("meta")
        if label is None or label not in names:
            found.append({**trace, **UNNAMED.get(trace["type"], {"showlegend": False})})
            continue
        is_line = trace["mode"] in ("lines", "lines+markers") and "fill" not in trace
        first = is_line and label not in named
        named |= {label} if first else set()
        found.append({**trace, "name": plain(label), "legendgroup": plain(label), "showlegend": first})
    return found


def joined(
    plots: Sequence[tuple[str, Mapping[str, Any]]], columns: int, row_height: int = ROW
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Plots, (title, plotly's data and layout) each, as the panels of one: its data and its layout.

    Axes are numbered on, and what is placed by them, or by the paper, moves into the box of its panel.
    """
    rows = -(-len(plots) // columns)
    across, up = GAP[0] / columns, GAP[1] / rows
    wide, high = (1 - across * (columns - 1)) / columns, (1 - up * (rows - 1)) / rows
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "shapes": []}
    taken = 0
    for position, (title, plot) in enumerate(plots):
        row, column = divmod(position, columns)
        left, bottom = column * (wide + across), (rows - 1 - row) * (high + up)
        panel = _Panel(taken, {"x": (left, wide), "y": (bottom, high)})
        own = plot["layout"]
        axes = {name: found for name in own if (found := AXIS.fullmatch(name))}
        for name, (letter, number) in ((name, found.groups()) for name, found in axes.items()):
            layout[f"{letter}axis{panel.number(number)}"] = panel.axis(own[name], letter, number)
        for key in ("annotations", "shapes"):
            layout[key] += [panel.placed(one) for one in own.get(key, ())]
        if title:
            above = {"x": left, "y": bottom + high, "xref": "paper", "yref": "paper"}
            lines = plain(title).replace("\n", "<br>")
            text = {"text": f"<b>{lines}</b>", "showarrow": False, "xanchor": "left", "yanchor": "bottom"}
            layout["annotations"].append({**text, **above})
        data += [panel.trace(trace) for trace in plot["data"]]
        layout = {**{name: value for name, value in own.items() if name not in axes}, **layout}
        taken += max(int(number or 1) for _, number in (found.groups() for found in axes.values()))
    return data, layout | {"height": row_height * rows + 60}


class _Panel:
    """Where a plot's own axes and places are in the whole.  boxes: letter -> (start, length), of the paper."""

    def __init__(self, taken: int, boxes: Mapping[str, tuple[float, float]]) -> None:
        self.taken, self.boxes = taken, boxes

    def number(self, own: str) -> str:
        """The number of an axis in the whole; plotly's first has none."""
        found = self.taken + int(own or 1)
        return "" if found == 1 else str(found)

    def reference(self, text: str) -> str:
        """The name of an axis ("x2", "y domain") in the whole; "paper" and "free" stay."""
        return REFERENCE.sub(lambda found: found[1] + self.number(found[2]), text, count=1) if text[0] in "xy" else text

    def inside(self, letter: str, share: float) -> float:
        """A place of the plot's own paper, in the whole."""
        start, length = self.boxes[letter]
        return round(start + length * share, 6)  # plotly takes nothing above 1

    def axis(self, axis: Mapping[str, Any], letter: str, number: str) -> dict[str, Any]:
        """An axis of the plot in its box."""
        other = "y" if letter == "x" else "x"
        domain = [self.inside(letter, end) for end in axis.get("domain", (0, 1))]
        ties = {key: self.reference(axis[key]) for key in ("scaleanchor",) if key in axis}
        return {**axis, **ties, "domain": domain, "anchor": self.reference(axis.get("anchor", f"{other}{number}"))}

    def trace(self, trace: Mapping[str, Any]) -> dict[str, Any]:
        """A trace on the axes of the whole."""
        return {**trace, **{f"{letter}axis": self.reference(trace.get(f"{letter}axis", letter)) for letter in "xy"}}

    def placed(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """An annotation or a shape in its place of the whole."""
        found = dict(one)
        for letter in "xy":
            to = one.get(f"{letter}ref", letter)
            found[f"{letter}ref"] = self.reference(to)
            for key in (letter, f"{letter}0", f"{letter}1"):
                if to == "paper" and key in one:
                    found[key] = self.inside(letter, one[key])
        return found
