"""The runs of a study that have begun and not ended: where each is, and its curves up to there."""

from collections.abc import Mapping, Sequence

import numpy as np

from handgrad.measures import MEASURES, TASKS, TRAIN, VALIDATION, Metric, is_fraction, usual_measures
from handgrad.report.chapters.chapter import Block, Chapter, FigureBlock, TableBlock
from handgrad.report.figures.palette import LINES, line_style
from handgrad.report.figures.request import wide
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.report.findings.wording import number
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.folder.so_far import BegunRun, SoFar

SHOWN_MEASURES = dict.fromkeys(name for task in TASKS for name in reversed(usual_measures(task)))
SHOWN = tuple(Metric(part, MEASURES[name]) for name in SHOWN_MEASURES for part in (TRAIN, VALIDATION))
MOST_ROWS = 100
TITLE = "Runs that have begun"


def begun_chapter(found: SoFar, names: Mapping[str, str]) -> Chapter | None:
    """The runs that have begun; None where there are none.  names: of settings whose labels the report renames."""
    if not found.begun:
        return None
    runs = sorted(found.begun, key=lambda run: not run.epoch)[:MOST_ROWS]  # those that have something to show first
    blocks: list[Block] = [TableBlock(_table(runs, names, len(found.begun)))]
    if (figure := _figure([run for run in runs if run.epoch], names)) is not None:
        blocks.append(FigureBlock(figure))
    return Chapter("in-progress", TITLE, tuple(blocks), "Begun")


def _name(run: BegunRun, names: Mapping[str, str]) -> str:
    return f"{names.get(run.label, run.label)}, {run.key}"


def _table(runs: Sequence[BegunRun], names: Mapping[str, str], count: int) -> Table:
    metrics = [metric for metric in SHOWN if any(metric.name in run.curves for run in runs)]
    columns = [Column("setting"), Column("run"), Column("epoch", numeric=True), Column("of", numeric=True)]
    columns += [Column(metric.word, (metric.name,), numeric=True) for metric in metrics]
    rows = []
    for run in runs:
        first = [cell(names.get(run.label, run.label)), cell(run.key), cell(run.epoch), cell(run.epochs)]
        rows.append(Row((*first, *(_last(run, metric) for metric in metrics))))
    more = f" {count - len(runs):,} more are not listed." if count > len(runs) else ""
    caption = f"Scores after the last epoch of the checkpoint, which a run writes every few seconds.{more}"
    return Table("in-progress", TITLE, caption, tuple(columns), tuple(rows))


def _last(run: BegunRun, metric: Metric) -> Cell:
    values = run.curves.get(metric.name)
    if values is None or not len(values) or not np.isfinite(values[-1]):
        return cell(None)
    return cell(float(values[-1]), number(float(values[-1]), metric.name))


def _figure(runs: Sequence[BegunRun], names: Mapping[str, str]) -> Curves | None:
    """A line for each run, at most as many as are told apart."""
    panels = []
    for metric in SHOWN:
        lines = []
        for i, run in enumerate(runs[:LINES]):
            y = np.asarray(run.curves.get(metric.name, ()), dtype=np.float64)
            if len(y):
                x = np.asarray(run.curves["epoch"], dtype=np.float64)[: len(y)]
                lines.append(Line(_name(run, names), x, y, style=line_style(i)))
        if lines:
            percent = is_fraction(metric.name)
            log = not percent and wide(lines)
            panels.append(Panel(metric.word, "epoch", metric.measure.word, tuple(lines), log, percent))
    if not panels:
        return None
    more = f" {len(runs) - LINES} more runs have begun." if len(runs) > LINES else ""
    caption = f"One line per run that has begun and not ended, up to its last checkpoint.{more}"
    return Curves("in-progress", "Curves of the runs that have begun", caption, tuple(panels), columns=2)
