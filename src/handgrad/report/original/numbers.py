"""Tables of single numbers: facts of named settings, and the keys and values of a winner."""

from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.report.findings.naming import setting_value
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.original.compared import (
    Compared,
    digits_of,
    shown_difference,
    shown_published,
    shown_values,
    word,
)
from handgrad.report.original.table import ItemTable, caption_of, compared_in, found, judged_cell, noted, runs_behind
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.changes import shown
from handgrad.study.published.items import FactsTable, WinnerTable
from handgrad.study.published.numbers import MEASURES, RANKS, Published, published, units_of


def facts_table(summary: Summary, item: FactsTable) -> ItemTable:
    """Single numbers, a row for each."""
    further = runs_behind(summary, item.n)
    rows: list[tuple[Compared, str]] = []
    settings: dict[str, SettingSummary | None] = {}
    for row in item.rows:
        (setting,) = found(summary, row.setting, row.phase).values() if row.run else (None,)
        settings[row.label] = setting
        for measure, raw in row.measures.items():
            one = published(raw, row.unit if row.unit in units_of(measure) else None)
            one = one.printed(digits_of([one], row.digits))
            number = compared_in(summary, item, row.label, measure, one, setting)
            rows.append((number, row.note or ""))
    table = numbers_table(summary, item.file, item.title, rows, further, item.note)
    return ItemTable(table, tuple(number for number, _ in rows), settings)


def numbers_table(
    summary: Summary,
    name: str,
    title: str,
    rows: Sequence[tuple[Compared, str]],
    further: int,
    note: str | None = None,
) -> Table:
    """Comparisons and notes as a table, a row for each."""
    notes = any(remark for _, remark in rows)
    columns = [
        Column("what"),
        Column("measure"),
        Column("published", ("published", "published_std"), numeric=True),
        Column("reproduced", ("reproduced", "reproduced_std"), numeric=True),
        Column("difference", ("difference", "low", "high", "inside"), numeric=True),
        Column("n", ("n", "runs"), numeric=True),
        *([Column("note")] if notes else []),
    ]
    made = []
    for one, remark in rows:
        values, given = one.values, one.published
        cells = [
            cell(one.row),
            cell(with_unit(one)),
            Cell(shown_published(given, given.digits), (given.value, given.spread)),
            Cell(shown_values(values, one.measure, given.scale, given.digits), (values.mean, values.std)),
            judged_cell(one, given.digits),
            Cell(str(values.n) if values.n == one.runs else f"{values.n} of {one.runs}", (values.n, one.runs)),
            *([cell(remark)] if notes else []),
        ]
        made.append(Row(tuple(cells)))
    caption = noted(caption_of(summary, further, [number for number, _ in rows]), note)
    return Table(name, title, caption, tuple(columns), tuple(made))


def with_unit(one: Compared) -> str:
    """A measure and the unit in which it was published.

    >>> from handgrad.report.findings.statistics import sample
    >>> with_unit(Compared("Table 1", "9", "test_accuracy", published(98.6, "percent"), sample({})))
    'test accuracy, %'
    """
    measure = f"rank by {word(one.measure)}" if one.published.word in RANKS else word(one.measure)
    return measure + {0.01: ", %", 60.0: ", min"}.get(one.published.scale, "")


def winner_table(summary: Summary, item: WinnerTable) -> ItemTable:
    """Keys and values of one setting."""
    ((_, setting),) = found(summary, item.setting, item.phase).items()
    further = runs_behind(summary, item.n)
    numbers, rows = [], []
    notes = any(row.note for row in item.rows)
    for row in item.rows:
        if row.show in MEASURES:
            one = None if row.published is None else published(row.published, row.unit)
            digits = digits_of([one] if one else [], row.digits)
            number = compared_in(summary, item, row.label, row.show, one or Published(None), setting)
            scale = published(0, row.unit).scale
            theirs = shown_published(one, digits)
            ours = shown_values(number.values, row.show, scale, digits)
            verdict = shown_difference(number, digits) if one else ""
            numbers += [number] if one else []
        else:
            assert summary.places is not None
            value = None if setting is None else setting_value(setting, summary.places.shown(row.show))
            theirs = "" if row.published is None else shown(row.published)
            ours = "–" if value is None else shown(value)
            verdict = (
                "" if row.published is None or value is None else "same" if same(row.published, value) else "other"
            )
        cells = [cell(row.label), cell(theirs), cell(ours), cell(verdict)]
        rows.append(Row(tuple([*cells, cell(row.note or "")] if notes else cells)))
    heads = ["parameter", "published", "reproduced", "difference", *(["note"] if notes else [])]
    caption = caption_of(summary, further, numbers) if numbers else ""
    runs = f", n = {setting.count('done', 'pruned')}" if setting else ""
    who = f"Reproduced: setting {setting.label}{runs}. " if setting else "Nothing has won here yet. "
    columns = tuple(Column(head) for head in heads)
    table = Table(item.file, item.title, noted(who + caption, item.note), columns, tuple(rows))
    return ItemTable(table, tuple(numbers), {setting.label if setting else "": setting})


def same(published_value: Any, value: Any) -> bool:
    """Whether a published key is the setting's, as far as it was printed.

    >>> same(0.00224, 0.00223616911307715), same("adam", {"name": "adam", "lr": 0.1}), same(256, [256]), same(1, 2)
    (True, True, True, False)
    """
    if isinstance(value, list | tuple) and len(value) == 1 and not isinstance(published_value, list | tuple):
        value = value[0]
    if isinstance(value, Mapping) and isinstance(published_value, str):
        value = value.get("name")
    numbers = [v for v in (published_value, value) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == 2:
        digits = len(f"{published_value:.12g}".lstrip("-0.").replace(".", "").split("e")[0])
        return float(f"{value:.{max(digits, 1)}g}") == float(f"{published_value:.{max(digits, 1)}g}")
    if isinstance(value, list | tuple):
        return list(value) == list(published_value) if isinstance(published_value, list | tuple) else False
    return bool(published_value == value)
