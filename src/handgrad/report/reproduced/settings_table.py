"""A table of the original with a row for every setting: its columns in its order, published beside reproduced."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from handgrad.measures import METRICS, lower_is_better
from handgrad.report.findings.statistics import Sample, sample
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.wording import outcome
from handgrad.report.reproduced.item_table import (
    NOT_RUN,
    ItemTable,
    alone,
    caption_of,
    column_head,
    compared_in,
    judged_cell,
    noted,
    row_label,
    runs_behind,
    setting_at,
    value_in,
)
from handgrad.report.reproduced.judge import (
    Compared,
    digits_of,
    shown_difference,
    shown_published,
    shown_values,
    values_of,
)
from handgrad.report.reproduced.ranks import ranks_of
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.changes import shown
from handgrad.study.published.numbers import MEASURES, Published, published
from handgrad.study.published.published_tables import PublishedColumn, SettingsTable


@dataclass(frozen=True)
class _Measured:
    """A measure of a table: what was published in each row, ours, and the two compared."""

    scale: float
    given: list[Published | None]
    values: list[Sample]
    numbers: list[Compared | None]


def settings_table(summary: Summary, item: SettingsTable) -> ItemTable:
    """A row for every setting, each measure published beside reproduced."""
    assert summary.refs is not None
    settings = [setting_at(summary, there) for there in summary.refs.rows(item)]
    measured: dict[str, _Measured] = {}
    columns: list[Column] = []
    own_columns: list[Column] = []
    cells: list[list[Cell]] = [[] for _ in item.rows]
    own: list[list[Cell]] = [[] for _ in item.rows]  # without what was published
    for column in item.columns:
        if column.show in MEASURES:
            if column.show not in measured:
                measured[column.show] = _measured(summary, item, column, settings)
            made, parts, ours = _measure(column, measured[column.show])
            own_column = replace(made[-1 if len(made) == 1 else 1], heading=column.head)
        else:
            made, parts = _plain(summary, column, item, settings)
            own_column, ours = made[0], [part[0] for part in parts]
        columns += made
        for row, part in zip(cells, parts, strict=True):
            row += part
        if not column.ours:
            own_columns.append(own_column)
            for row, one in zip(own, ours, strict=True):
                row.append(one)
    ranks = ranks_of(summary, item, settings, measured[item.ranked_by].values) if item.ranked_by else []
    if any(ranks):
        columns.append(Column("rank", ("rank_published", "rank_inside")))
        for row, place in zip(cells, ranks, strict=True):
            row.append(_rank(place))
    notes = any(source.note for source in item.rows)
    columns += [Column("n", ("n", "runs"), numeric=True), Column("what happened", ("status",))]
    columns += [Column("note")] if notes else []
    for row, source, setting in zip(cells, item.rows, settings, strict=True):
        row += [_count(setting), cell(NOT_RUN if setting is None else outcome(setting))]
        row += [cell(source.note or "")] if notes else []
    compared = [*(one for part in measured.values() for one in part.numbers), *ranks]
    numbers = tuple(one for one in compared if one is not None)
    caption = noted(caption_of(summary, runs_behind(summary, item.n), numbers, settings), item.note)
    rows = tuple(Row(tuple(row)) for row in cells)
    by_label = {row.label: setting for row, setting in zip(item.rows, settings, strict=True)}
    originals = [row for row, source in zip(own, item.rows, strict=True) if not source.ours]
    table = Table(item.file, item.title, caption, tuple(columns), rows)
    return ItemTable(table, numbers, by_label, (), alone(item, _ours(summary, settings), own_columns, originals))


def _ours(summary: Summary, settings: Sequence[SettingSummary | None]) -> str:
    """How many runs stand behind what was reproduced."""
    counts = {setting.count("done", "pruned") for setting in settings if setting is not None}
    if counts <= {0, 1}:
        return "One run of each setting."
    runs = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(*counts)
    return f"Mean and standard deviation (ddof {summary.ddof}) over {runs} runs."


def _measured(
    summary: Summary, item: SettingsTable, column: PublishedColumn, settings: Sequence[SettingSummary | None]
) -> _Measured:
    measure = column.show
    written = [row.measures.get(measure) for row in item.rows]
    given = [None if raw is None else published(raw, column.unit) for raw in written]
    digits = digits_of([one for one in given if one is not None], column.digits)
    given = [None if one is None else one.printed(digits) for one in given]
    nothing = sample({}, summary.ddof)
    numbers = [
        None if one is None else compared_in(summary, item, row.label, measure, one, setting)
        for row, one, setting in zip(item.rows, given, settings, strict=True)
    ]
    values = [nothing if setting is None else values_of(setting, measure, summary.ddof) for setting in settings]
    return _Measured(published(0, column.unit).scale, given, values, numbers)


def _measure(column: PublishedColumn, measured: _Measured) -> tuple[list[Column], list[list[Cell]], list[Cell]]:
    """published, reproduced and, but for a column of deviations, the difference; best of both in bold; and ours alone.

    Of a column in which nothing was published, the table has ours alone too.
    """
    measure, stat = column.show, column.stat
    digits = digits_of([one for one in measured.given if one is not None], column.digits)
    means = stat != "std"
    theirs = _best(measure, [one.value if one else None for one in measured.given]) if means else set()
    ours = _best(measure, [one.mean for one in measured.values]) if means else set()
    ends = {"mean": ("",), "std": ("_std",), "both": ("", "_std")}[stat]
    pick = {"mean": slice(0, 1), "std": slice(1, 2), "both": slice(0, 2)}[stat]
    stated = any(one is not None for one in measured.given)
    heads = {"published": column_head(column), "reproduced": "reproduced" if stated else f"{column.head} here"}
    columns = [
        Column(head, tuple(f"{measure}_{kind}{end}" for end in ends), numeric=True) for kind, head in heads.items()
    ]
    keys = tuple(f"{measure}_{end}" for end in ("difference", "low", "high", "inside"))
    columns.append(Column("difference", keys, numeric=True))
    shown = slice(1, 2) if not stated else slice(0, 3) if means else slice(0, 2)
    rows, alone_cells = [], []
    parts = zip(measured.given, measured.values, measured.numbers, strict=True)
    for position, (one, values, number) in enumerate(parts):
        printed: tuple[Any, ...] = (one.value, one.spread) if one else (None, None)
        own: tuple[Any, ...] = (values.mean, values.std)
        text = shown_values(values, measure, measured.scale, digits, stat)
        row = [
            Cell(shown_published(one, digits, stat), printed[pick], bold=position in theirs),
            Cell(text, own[pick], bold=position in ours),
            Cell("", (None,) * 4) if number is None else judged_cell(number, digits),
        ]
        rows.append(row[shown])
        alone_cells.append(row[1])
    return columns[shown], rows, alone_cells


def _best(measure: str, values: Sequence[float | None]) -> set[int]:
    """Where the best values stand; nowhere for what is not ranked."""
    there = [value for value in values if value is not None]
    if len(there) < 2 or measure not in METRICS:
        return set()
    best = min(there) if lower_is_better(measure) else max(there)
    return {i for i, value in enumerate(values) if value == best}


def _plain(
    summary: Summary, column: PublishedColumn, item: SettingsTable, settings: Sequence[SettingSummary | None]
) -> tuple[list[Column], list[list[Cell]]]:
    """A label, a key or an axis."""
    if column.show == "original":
        return [Column(column_head(column))], [[cell(row_label(row))] for row in item.rows]
    if column.show == "reproduced":
        return [Column(column_head(column))], [[cell(setting.label if setting else None)] for setting in settings]
    assert summary.refs is not None
    path = summary.refs.shown(column.show)
    values = [value_in(summary, setting, path) for setting in settings]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values if v is not None)
    cells = [
        [cell(value if isinstance(value, int | float | str) else text, text)]
        for value in values
        for text in ["–" if value is None else shown(value)]
    ]
    return [Column(column_head(column), (path,), numeric)], cells


def _rank(one: Compared | None) -> Cell:
    """What is said of a row's rank, and where it stands here."""
    if one is None:
        return Cell("", ("", None))
    inside = None if one.inside is None else int(one.inside)
    return Cell(f"{one.published.word}; {shown_difference(one, 0)}", (one.published.word, inside))


def _count(setting: SettingSummary | None) -> Cell:
    if setting is None:
        return Cell("–", (0, 0))
    done, total = setting.count("done", "pruned"), len(setting.runs)
    return Cell(str(done) if done == total else f"{done} of {total}", (done, total))
