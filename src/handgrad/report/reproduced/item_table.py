"""What all tables of an original share: the setting of a row or reference, captions, cells of comparisons."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.measures import TRAIN, part_of
from handgrad.report.findings.scored_parts import training_sample
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict, slips_noted
from handgrad.report.findings.wording import legend, setting_name, setting_value
from handgrad.report.reproduced.judge import SHORT_RULE, Compared, compared, shown_difference
from handgrad.report.tables.table import Cell, Column, Row, Table
from handgrad.study.published.figure_options import FIGURES
from handgrad.study.published.items import Drawing, Figure, PublishedTable
from handgrad.study.published.numbers import TIMES, Published
from handgrad.study.published.published_tables import PublishedColumn
from handgrad.study.reading.setting_refs import SettingRef

NOT_RUN = "not run here"
BATCH_SIZE = "training.batch_size"


@dataclass(frozen=True)
class ItemTable:
    """A table, what was compared in it, the setting of each row (None: not run), and what else can be said of it.

    alone: what was reproduced in the original's own columns and rows, for a paper.
    """

    table: Table
    numbers: tuple[Compared, ...]
    settings: Mapping[str, SettingSummary | None]
    verdicts: Sequence[Verdict] = ()
    alone: Table | None = None


def alone(item: PublishedTable, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Table:
    """The reproduced numbers of an item alone, under the original's headings."""
    return Table(f"{item.file}-reproduced", item.title, caption, tuple(columns), tuple(Row(tuple(row)) for row in rows))


def row_label(row: Any) -> str:
    """What a table calls a row; of one that the original has not, that it is ours."""
    return f"{row.label} (ours)" if row.ours else str(row.label)


def column_head(column: PublishedColumn) -> str:
    """The heading of a column; of one that the original has not, that it is ours."""
    return f"{column.head} (ours)" if column.ours else column.head


def value_in(summary: Summary, setting: SettingSummary | None, show: str) -> Any:
    """A key or an axis of a setting, as tables of an original show it: a full batch as its number of examples."""
    assert summary.refs is not None
    if setting is None:
        return None
    path = summary.refs.shown(show)
    value = setting_value(setting, path)
    if path == BATCH_SIZE and value == "full":
        return setting.count_of(TRAIN.name) or value
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def found(summary: Summary, reference: Any, phases: Iterable[str]) -> dict[str, SettingSummary | None]:
    """name in a legend -> its setting; None where it is not run or nothing has won yet."""
    assert summary.refs is not None
    named: dict[str, SettingSummary | None] = {}
    there_are = summary.refs.find(reference, phases)
    for there in there_are:
        setting = setting_at(summary, there)
        row = None if there is None else summary.refs.row_names.get(there)
        if isinstance(reference, str) and reference != "winner" and len(there_are) == 1:
            named[reference] = setting
        elif row is not None and setting is not None:
            named[row] = setting
        elif setting is not None:
            axes = next((phase.axes for phase in summary.phases if setting in phase.settings), tuple(setting.axes))
            named[setting_name(setting, axes)] = setting
        else:
            named[str(reference)] = None
    return named


def shown_in(item: Drawing, named: Mapping[str, SettingSummary | None]) -> dict[str, SettingSummary]:
    """The settings that a figure shows, by their names in its legend."""
    shown = {name: setting for name, setting in named.items() if setting is not None}
    return shown if FIGURES[item.kind].titled else legend(shown)


def setting_at(summary: Summary, there: SettingRef | None) -> SettingSummary | None:
    """The setting that a reference leads to; None where it is not run or nothing has won yet."""
    if there is None:
        return None
    if there.axes is None:
        return next((phase.best for phase in summary.phases if phase.name == there.phase), None)
    label = summary.labels.get(there)
    return next((setting for setting in summary.settings if setting.label == label), None)


def compared_in(
    summary: Summary,
    item: PublishedTable | Figure,
    row: str,
    measure: str,
    published: Published,
    setting: SettingSummary | None,
) -> Compared:
    """`compared` for a row of an item: by the runs that the item says, and as this study was made."""
    return compared(
        item.number, row, measure, published, setting,
        further=runs_behind(summary, item.n), ddof=summary.ddof, made_with=summary.made_with,
    )  # fmt: skip


def judged_cell(number: Compared, digits: int) -> Cell:
    """The difference and whether the published number lies inside; 1, 0 or nothing in the CSV."""
    inside = None if number.inside is None else int(number.inside)
    text = NOT_RUN if number.runs == 0 else shown_difference(number, digits)
    return Cell(text, (number.difference, number.low, number.high, inside))


def runs_behind(summary: Summary, n: int | None) -> int:
    """How many runs of the original stand behind a number: as the item says, else as the original does."""
    assert summary.refs is not None
    assert summary.refs.original is not None
    return n or summary.refs.original.n


def noted(caption: str, note: str | None) -> str:
    """A caption with a note after it."""
    return f"{caption} {note}".strip() if note else caption


def caption_of(
    summary: Summary, further: int, numbers: Sequence[Compared], settings: Iterable[SettingSummary | None]
) -> str:
    """How many runs stand behind both numbers, the rule in short, and the slips of the settings in the table."""
    there = [setting for setting in settings if setting is not None]
    several = any(setting.count("done", "pruned") > 1 for setting in there)
    ours = f"mean ± standard deviation (ddof {summary.ddof}) over n runs" if several else "one run"
    theirs = "one run" if further == 1 else f"{further} runs"
    difference = "difference: reproduced − published"
    if any(number.measure in TIMES for number in numbers):
        difference += " (of times their ratio)"
    rule = f"Made with {summary.made_with}; nothing is judged." if summary.made_with else SHORT_RULE
    of = training_sample(summary.settings) if any(part_of(number.measure) is TRAIN for number in numbers) else ""
    where = f" Training here is scored on {of} (training examples)." if of else ""
    slips = slips_noted(there)
    if not numbers:  # nothing was published
        return f"Here: {ours}. {slips}".strip()
    return f"Published: {theirs}; reproduced: {ours}; {difference}.{where} {rule} {slips}".strip()
