"""A table with some of its columns and rows, in the order in which they are asked for.

A column is called by its heading or by a name that it has in the CSV, without its beginning or "_mean" too: "test %",
"test_accuracy_mean" and "test_accuracy" are one column, and so are "lr" and "training.optimizer.lr".  A row is called
by the text of its first cell.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from handgrad.errors import InputError
from handgrad.names import listed, nearest, shown
from handgrad.report.tables.table import Column, Row, Table

COLUMNS = 'a list of names such as ["setting", "n"], or a dict of names and headings'
ROWS = 'names such as ["1", "3"], or how many of the first'


def with_columns(table: Table, columns: Any) -> Table:
    """A table with these columns.  columns: their names, or a mapping of names to headings of one's own.

    Sentences of the caption that speak of other columns alone are left out, and † with the sentence that explains it;
    n, where it is no column, stands in the caption.  Raises InputError for a name of none, or of several.
    """
    named = columns.items() if isinstance(columns, Mapping) else [(name, None) for name in _several(columns, COLUMNS)]
    for name, heading in named:
        if not isinstance(name, str) or not isinstance(heading, str | None):
            raise InputError(f"columns must be {COLUMNS}; got {shown(heading if isinstance(name, str) else name)}")
    places = [_column(table, name) for name, _ in named]
    if not places or len(set(places)) < len(places):
        raise InputError(f"columns must be {COLUMNS}, each once; got {listed(name for name, _ in named) or 'none'}")
    kept = [table.columns[place] for place in places]
    caption = _caption(table, kept)
    explained = "†" in caption or "†" not in table.caption
    return replace(
        table,
        caption=caption,
        columns=tuple(_headed(column, heading) for column, (_, heading) in zip(kept, named, strict=True)),
        rows=tuple(
            replace(row, cells=tuple(row.cells[place] for place in places), shaded=row.shaded and explained)
            for row in table.rows
        ),
    )


def with_rows(table: Table, rows: Any) -> Table:
    """A table with these rows: so many of the first ones, or those whose first cell has one of the texts, in order."""
    if isinstance(rows, int) and not isinstance(rows, bool):
        if rows < 1:
            raise InputError(f"rows must be {ROWS}, 1 or more; got {rows}")
        return replace(table, rows=table.rows[:rows])
    asked = [rows] if isinstance(rows, str) else _several(rows, ROWS)
    if not asked or any(not isinstance(one, str | int) or isinstance(one, bool) for one in asked):
        raise InputError(f"rows must be {ROWS}; got {shown(rows)}")
    found: dict[str, list[Row]] = {}
    for row in table.rows:
        found.setdefault(row.cells[0].text, []).append(row)
    names = [*map(str, asked)]
    if len(set(names)) < len(names):
        raise InputError(f"rows must be {ROWS}, each once; got {listed(names)}")
    if wrong := [name for name in names if name not in found]:
        raise InputError(_none(table, "row", wrong[0], found, nearest(wrong[0], found)))
    return replace(table, rows=tuple(row for name in names for row in found[name]))


def _several(given: Any, what: str) -> list[Any]:
    """What is given as a list; a set has no order."""
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Set | Mapping):
        raise InputError(f"{'columns' if what is COLUMNS else 'rows'} must be {what}; got {shown(given)}")
    return [*given]


def _column(table: Table, name: str) -> int:
    """The place of the column that has this name."""
    for level in range(4):
        places = [i for i, column in enumerate(table.columns) if name in _names(column)[level]]
        if len(places) == 1:
            return places[0]
        if places:
            where = listed(f"{table.columns[i].heading} ({table.columns[i].names[0]})" for i in places)
            raise InputError(f"table {table.name} has several columns {shown(name)}: {where}; say which")
    every = [(column.heading, column.names) for column in table.columns]
    known = [heading if heading in names else f"{heading} ({names[0]})" for heading, names in every]
    guess = nearest(name, (one for column in table.columns for names in _names(column) for one in names))
    raise InputError(_none(table, "column", name, known, guess))


def _names(column: Column) -> tuple[Sequence[str], ...]:
    """What a column is called, from its exact heading on; what an earlier one gives counts first."""
    short = column.heading.partition(" (")[0]
    ends = [name.removesuffix("_mean").rpartition(".")[2] for name in column.names]
    return [column.heading], column.names, ends, [short]


def _none(table: Table, what: str, name: str, known: Iterable[str], guess: str | None) -> str:
    hint = f"; did you mean {shown(guess)}?" if guess else "."
    return f"table {table.name} has no {what} {shown(name)}{hint} It has: {listed(known, signs=800)}"


def _headed(column: Column, heading: str | None) -> Column:
    return column if heading is None else replace(column, heading=heading, keys=column.names)


def _caption(table: Table, kept: Sequence[Column]) -> str:
    """Without what speaks of other columns; with n where that is no column."""
    caption, said = table.caption, {note for column in kept for note in column.notes}
    for column in table.columns:
        for note in column.notes:
            if note not in said:
                caption = caption.replace(note, "")
    if (counts := next((c for c in table.columns if c.heading == "n"), None)) is not None and counts not in kept:
        place = table.columns.index(counts)
        texts = dict.fromkeys(row.cells[place].text for row in table.rows)
        caption = f"n: {', '.join(texts)}. {caption}" if texts else caption
    return " ".join(caption.split())
