"""What a notebook shows of results, records and networks below their few lines: verdicts, tables, curves.

Objects of earlier packages find these functions through the front of the package (`from_report`); each returns
HTML, of which everything that a user named is escaped.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from handgrad.displays import html_table
from handgrad.measures import CLASSIFICATION, MAIN_MEASURES, MEASURES, PARTS
from handgrad.network.network import Network
from handgrad.report.chapters.chapters import headline
from handgrad.report.explained.explained_chapter import explained_verdicts
from handgrad.report.explained.explained_tables import order_table
from handgrad.report.figures.palette import line_style
from handgrad.report.figures.phase_figures import epoch_curves
from handgrad.report.figures.rate_range import range_verdicts
from handgrad.report.figures.request import wide
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.report.findings.importance import importances
from handgrad.report.findings.published_names import published_names, renamed
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.report.study_figure import figure_html, sources_of
from handgrad.report.tables.study_tables import IN_ORDER, phase_title, summary_table
from handgrad.report.tables.table import Table
from handgrad.study.explain.rung_results import Explained, read_explanation
from handgrad.study.folder.results_folder import Results
from handgrad.training.model import Model
from handgrad.training.record import Record

SETTINGS = 10  # of a table of more than those that stand in the order of the plan
LAYERS = 30
MARKS = {"good": "✓", "warning": "!", "slip": "✗"}


def results_html(results: Results) -> str:
    """The verdicts at the top of the report, the best ten settings of the leading phase, and its curves by epoch."""
    summary = summarize(results)
    summary = renamed(summary, published_names(summary))
    explained = read_explanation(results)
    if explained is not None:
        return explained_html(explained)
    sources = sources_of(results, summary.names)
    reproduction = reproduce(summary, sources.by_epoch, sources.diagnostics)
    found = verdicts_html(
        headline(summary, reproduction, tuple(importances(summary)), range_verdicts(summary, sources))
    )
    phase = summary.leading or (summary.phases[-1] if summary.phases else None)
    if phase is None:
        return found
    found += table_html(summary_table(phase, summary.ddof, "summary", phase_title(summary, phase)))
    curves = epoch_curves(phase, "curves", sources)
    return found if curves is None else found + figure_html(curves)


def explained_html(explained: Explained) -> str:
    """Which reading explains published numbers, and the best ten of the last rung."""
    last = explained.rungs[-1] if explained.rungs else None
    table = table_html(order_table(explained, last, "readings", SETTINGS)) if last else ""
    return verdicts_html(explained_verdicts(explained)) + table


def record_html(record: Record) -> str:
    """Loss and accuracy of every part by epoch, where the record was read with its curves."""
    history = record.history if record.curves else {}
    panels = []
    for measure in (MEASURES["loss"], MEASURES[MAIN_MEASURES[record.dataset.task or CLASSIFICATION]]):
        lines = [
            Line(part.word, np.asarray(history["epoch"], float), np.asarray(y, float), style=line_style(place))
            for place, part in enumerate(PARTS.values())
            if len(y := history.get(part.metric(measure.name), ()))
        ]
        log = not measure.is_fraction and wide(lines)
        if lines:
            panels.append(Panel("", "epoch", measure.word, tuple(lines), log_y=log, percent=measure.is_fraction))
    if not panels:
        return ""
    return figure_html(Curves("record", "By epoch", "Scored after every epoch.", tuple(panels)))


def model_html(model: Model) -> str:
    """The layers of its network."""
    return layers_html(model.network)


def layers_html(network: Network) -> str:
    """A row for each layer: its name, its notation, the shape after it, how many numbers it learns."""
    rows = [(name, what, " × ".join(map(str, after)), f"{n:,}") for name, what, after, n in network.rows()]
    more = f'<p class="note">… and {len(rows) - LAYERS:,} more layers</p>' if len(rows) > LAYERS else ""
    return html_table(("layer", "what", "shape after it", "parameters"), rows[:LAYERS], numeric=(3,)) + more


def table_html(table: Table) -> str:
    """A table of the report; of many rows the first ten, which are the best."""
    shown = table.rows if len(table.rows) <= IN_ORDER else table.rows[:SETTINGS]
    made = html_table(
        [column.heading for column in table.columns],
        [[cell.text for cell in row.cells] for row in shown],
        numeric=[j for j, column in enumerate(table.columns) if column.numeric],
        bold=[(i, j) for i, row in enumerate(shown) for j, cell in enumerate(row.cells) if cell.bold],
        shaded=[i for i, row in enumerate(shown) if row.shaded],
    )
    more = len(table.rows) - len(shown)
    title = f"<p><strong>{escape(table.title)}</strong></p>" if table.title else ""
    return title + made + (f'<p class="note">… and {more:,} more, worse than these</p>' if more else "")


def verdicts_html(verdicts: Sequence[Verdict]) -> str:
    """The sentences with their marks, without those on method."""
    items = "".join(
        f'<li class="{escape(one.kind)}">{MARKS.get(one.kind, "–")} &nbsp;{escape(one.text)}</li>'
        for one in verdicts
        if one.kind != "method"
    )
    return f"<ul>{items}</ul>" if items else ""
