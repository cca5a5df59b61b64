"""The pictures under the answer at the top of the page: the best settings, and what matters, or how they learnt.

Each is drawn from the numbers of a figure below and leads to it.  They are for the screen: paper has the figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from handgrad.measures import METRICS
from handgrad.report.figures.row_shapes import Ranking
from handgrad.report.figures.shapes import Curves
from handgrad.report.findings.summary import Summary
from handgrad.report.page.page_rows import ranking_plot

BEST = 10  # settings of the ranking at the top
MOST = 2  # pictures
KINDS = (("ranking",), ("importance-working", "importance"), ("curves",))  # of figures: of each the first that is there
MOST_NAMED = 6  # lines of curves that are named below them


def front(plots: dict[str, Any], summary: Summary, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the template takes of each picture; their plots are put into `plots`, those of all figures by their keys.

    contents: the chapters as the template takes them.
    """
    phase = summary.leading
    if phase is None:
        return []
    suffix = f"-{summary.phases.index(phase) + 1}" if len(summary.phases) > 1 else ""
    blocks = [block for chapter in contents for block in chapter["blocks"] if block["kind"] == "figure"]
    figures = {block["figure"].name: block for block in blocks if block.get("panels")}
    found: list[dict[str, Any]] = []
    for kinds in KINDS:
        name = next((name for kind in kinds if (name := f"{kind}{suffix}") in figures), "")
        if not name or len(found) == MOST:
            continue
        block = figures[name]
        figure = block["figure"]
        metric = METRICS[phase.metric].word
        panel = next((one for one in block["panels"] if one["title"] == metric), block["panels"][0])
        plot = plots[panel["key"]]
        title = figure.title
        if isinstance(figure, Ranking) and len(figure.rows) > BEST:
            plot = ranking_plot(replace(figure, rows=figure.rows[:BEST]))
            title += f", the best {BEST}"
        if isinstance(figure, Curves):
            plot = _with_legend(plot)
        title = f"{title}: {part}" if (part := panel["title"]) else title
        plots[f"front:{name}"] = plot
        height = "height" in plot["layout"]
        about = {"key": f"front:{name}", "title": title, "height": height}
        found.append({**about, "figure": name, "number": block["number"]})
    return found


def _with_legend(plot: Mapping[str, Any]) -> dict[str, Any]:
    """The plot with the names of its lines below, which the figure has beside its panels; many lines have none."""
    data, named = [], set[str]()
    for trace in plot["data"]:
        name = trace.get("meta")
        data.append({**trace, **({"name": name} if name and name not in named else {"showlegend": False})})
        named |= {name} if name else set()
    legend = {"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0, "font": {"size": 11}}
    few = 1 < len(named) <= MOST_NAMED
    return {**plot, "data": data, "layout": {**plot["layout"], "showlegend": few, "legend": legend}}
