"""The pictures under the answer at the top of the page: the best settings, and what matters, or how they learnt.

Each is drawn from the numbers of a figure below and leads to it.  They are for the screen: paper has the figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from handgrad.report.figures.row_shapes import Ranking
from handgrad.report.findings.summary import Summary
from handgrad.report.page.page_rows import ranking_plot

BEST = 10  # settings of the ranking at the top
MOST = 2  # pictures


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
    for name in (f"{kind}{suffix}" for kind in ("ranking", "importance", "curves")):
        if name not in figures or len(found) == MOST:
            continue
        block = figures[name]
        figure, plot = block["figure"], plots[block["panels"][0]["key"]]
        title = figure.title
        if isinstance(figure, Ranking) and len(figure.rows) > BEST:
            plot = ranking_plot(replace(figure, rows=figure.rows[:BEST]))
            title += f", the best {BEST}"
        title = f"{title}: {part}" if (part := block["panels"][0]["title"]) else title
        plots[f"front:{name}"] = plot
        height = "height" in plot["layout"]
        about = {"key": f"front:{name}", "title": title, "height": height}
        found.append({**about, "figure": name, "number": block["number"]})
    return found
