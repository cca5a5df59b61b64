"""The page: one self-contained index.html that needs no network and no server, on a screen, a phone and paper.

`Page` turns blocks into what the template shows, saving tables and figures on the way; `render` fills the template.

Everything is escaped.  The page's own policy (CSP) names the hashes of its two scripts, so that no other could run: its
own, and plotly, which lies in the page packed, as do the numbers of the plots and their pictures for print.  Style
elements are allowed because plotly makes some.
"""

import base64
import gzip
import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from handgrad import __version__
from handgrad.measures import METRICS, TEST, is_fraction
from handgrad.report.chapters.blocks import Chapter, Code, Facts, FigureBlock, Heading, TableBlock, Text, Verdicts
from handgrad.report.chapters.opening import opening
from handgrad.report.drawing import drawers
from handgrad.report.drawing.fonts import lettered, without_font
from handgrad.report.figures.figure import Curves, Figure, Matrix, Pictures, Predictions, Ranking
from handgrad.report.findings.naming import axis_names
from handgrad.report.findings.summary import Summary
from handgrad.report.page.pictures import picture_uris
from handgrad.report.page.plots import plots
from handgrad.report.tables import table as tables
from handgrad.study.changes import shown

NAMED = 40  # lines that a legend names
STAMP = "Selected on the test set (select_on_test = true)"


class Page:
    """Collects chapters: saves their tables and figures, and keeps what the template needs of each."""

    def __init__(self, folder: Path, formats: Iterable[str]) -> None:
        self.folder, self.formats = folder, tuple(formats)
        self.plots: dict[str, Any] = {}
        self.prints: dict[str, str] = {}
        self.unwritten: dict[str, None] = {}  # words that no font for print has
        self.tables = self.figures = 0
        for name in ("tables", "figures"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def chapter(self, chapter: Chapter) -> dict[str, Any]:
        blocks = [self.block(block) for block in chapter.blocks]
        return {"id": chapter.id, "title": chapter.title, "short": chapter.short, "blocks": blocks}

    def block(self, block: Any) -> dict[str, Any]:
        if isinstance(block, Text):
            return {"kind": "text", "text": block.text}
        if isinstance(block, Heading):
            return {"kind": "heading", "text": block.text}
        if isinstance(block, Verdicts):
            return {"kind": "verdicts", "entries": block.items}
        if isinstance(block, Facts):
            return {"kind": "facts", "rows": block.rows}
        if isinstance(block, Code):
            return {"kind": "code", "text": block.text, "title": block.title}
        if isinstance(block, TableBlock):
            self.tables += not block.number
            paths = tables.save(block.table, self.folder / "tables")
            number = block.number or f"Table {self.tables}"
            found = {"kind": "table", "table": block.table, "folded": block.folded, "number": number}
            return {**found, "files": self._links(paths)}
        assert isinstance(block, FigureBlock)
        return self.figure(block.figure, block.number)

    def figure(self, figure: Figure, number: str = "") -> dict[str, Any]:
        self.figures += not number
        folder = self.folder / "figures"
        paths = drawers.save(figure, folder, self.formats)
        if self.formats and (missing := lettered(figure).missing):
            self.unwritten |= dict.fromkeys(missing)
            note = without_font(missing)
            figure = replace(figure, caption=f"{figure.caption} {note[0].upper()}{note[1:]}.")
        header, rows = figure.table()
        data = folder / f"{figure.name}.csv"
        with data.open("w", encoding="utf-8", newline="") as file:
            tables.write_csv(file, header, rows)
        number = number or f"Figure {self.figures}"
        found = {"kind": "figure", "figure": figure, "number": number, "files": self._links([*paths, data])}
        if isinstance(figure, Curves | Ranking):
            return {**found, **self._plots(figure, paths)}
        if isinstance(figure, Matrix):
            return {**found, "what": "matrix", "rows": _matrix_rows(figure)}
        if isinstance(figure, Pictures):
            return {**found, **_pictures(figure)}
        return {**found, "what": "predictions", "samples": _samples(figure)}

    def _plots(self, figure: Curves | Ranking, paths: list[Path]) -> dict[str, Any]:
        panels = []
        titles = [panel.title for panel in figure.panels] if isinstance(figure, Curves) else [""]
        for position, (title, plot) in enumerate(zip(titles, plots(figure), strict=True)):
            key = f"{figure.name}:{position}"
            self.plots[key] = plot
            panels.append({"key": key, "title": title if len(titles) > 1 else "", "height": "height" in plot["layout"]})
        columns = min(figure.columns, len(panels)) if isinstance(figure, Curves) else 1
        picture = next((path for form in (".svg", ".png") for path in paths if path.suffix == form), None)
        if picture is not None:
            self.prints[figure.name] = _file_uri(picture)
        found = {"what": "plots", "panels": panels, "columns": columns, "print": picture is not None}
        return found | (
            _names(figure) if isinstance(figure, Curves) else {"legend": [], "key": None, "small": False, "tall": False}
        )

    def _links(self, paths: Iterable[Path]) -> list[str]:
        return [path.relative_to(self.folder).as_posix() for path in paths]


def _names(figure: Curves) -> dict[str, Any]:
    """What names the lines: a legend that hides and shows them, unless they are very many, and a key."""
    lines = figure.legend if len(figure.legend) <= NAMED else []
    same = figure.key is not None and figure.key.named and len(figure.key.blocks) == len(lines)
    key = None if same else figure.key
    return {"legend": lines, "key": key, "small": figure.small, "tall": figure.named_ends}


def _file_uri(path: Path) -> str:
    if path.suffix == ".svg":
        return "data:image/svg+xml," + quote(path.read_text("utf-8"), safe=" /:;=,()")
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _matrix_rows(figure: Matrix) -> list[dict[str, Any]]:
    shares = figure.shares
    return [
        {
            "name": name,
            "index": i,
            "cells": [
                {
                    "count": int(count),
                    "text": f"{int(count):,}",
                    "percent": f"{100 * shares[i, j]:.1f} %",
                    "level": max(min(9, int(10 * math.sqrt(shares[i, j]))), int(count > 0)),
                }
                for j, count in enumerate(figure.counts[i])
            ],
        }
        for i, name in enumerate(figure.classes)
    ]


def _pictures(figure: Pictures) -> dict[str, Any]:
    rows, columns = figure.images.shape[1:3]
    pictures = [
        {"uri": uri, "label": label, "width": columns, "height": rows}
        for uri, label in zip(picture_uris(figure), figure.labels, strict=True)
    ]
    return {"what": "pictures", "pictures": pictures, "named": len(pictures) <= 20}


def _samples(figure: Predictions) -> list[dict[str, Any]]:
    uris = picture_uris(figure) or [""] * len(figure.index)
    return [{"uri": uris[i], "actual": actual, "said": figure.said(i)} for i, actual in enumerate(figure.actual)]


def tiles(summary: Summary) -> list[dict[str, str]]:
    """The few numbers that a reader looks for first."""
    found = []
    phase, winner = summary.last, summary.winner
    if phase is not None and winner is not None:
        metrics = list(dict.fromkeys([phase.metric, TEST.metric("accuracy")]))
        for metric in metrics:
            values = winner.samples[metric]
            if values.mean is None:
                continue
            accuracy = is_fraction(metric)
            value = f"{100 * values.mean:.2f}" if accuracy else f"{values.mean:.4g}"
            unit = "%" if accuracy else ""
            if values.std is not None:
                unit = f"± {100 * values.std:.2f} %" if accuracy else f"± {values.std:.2g}"
            how = f"n = {values.n}" + (f", std with ddof {values.ddof}" if values.std is not None else ", no spread")
            found.append({"term": f"{METRICS[metric].word} of the best", "value": value, "unit": unit, "how": how})
        axes = {path: value for path, value in winner.all_axes.items() if value is not None}
        names = axis_names(list(axes))
        text = ", ".join(f"{names[path]} {shown(value)}" for path, value in axes.items())
        found.insert(0, {"term": "best setting", "value": winner.label, "unit": "", "how": text or "the only one"})
    runs = summary.runs
    done = sum(run.status == "done" for run in runs)
    others = ", ".join(
        f"{count} {status}"
        for status in dict.fromkeys(run.status for run in runs)
        if status != "done" and (count := sum(run.status == status for run in runs))
    )
    found.append({"term": "runs finished", "value": f"{done:,}", "unit": f"of {len(runs):,}", "how": others or "all"})
    return found


def render(page: Page, summary: Summary, contents: list[dict[str, Any]]) -> str:
    """index.html as text."""
    import jinja2
    from markupsafe import Markup

    here = resources.files("handgrad.report.page")
    style, script = (here.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    plotly = _plotly() if page.plots else ""
    scripts = " ".join(f"'sha256-{_digest(text)}'" for text in (script, plotly) if text)
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    template = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined).from_string(
        here.joinpath("page.html.j2").read_text("utf-8")
    )
    metric = summary.phases[-1].metric if summary.phases else ""
    return template.render(
        name=summary.name,
        title=summary.title,
        description=summary.description,
        stamp=STAMP if METRICS[metric].part is TEST else "",
        policy=policy,
        tiles=tiles(summary),
        opening=opening(summary),
        chapters=contents,
        version=__version__,
        packed=packed(json.dumps({"plots": page.plots, "prints": page.prints}, allow_nan=False)) if plotly else "",
        style=Markup(style),
        script=Markup(script),
        plotly=packed(plotly) if plotly else "",
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def packed(text: str) -> str:
    """Compressed (gzip) and as letters (base64): a half to an eighth of the size, and nothing in it is markup.

    The page's script unpacks it; plotly then runs under the policy's hash of its unpacked text.

    >>> gzip.decompress(base64.b64decode(packed("</script>")))
    b'</script>'
    """
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
