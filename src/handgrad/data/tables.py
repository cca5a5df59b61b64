"""Tables: CSV files with one example a row, one column of labels and numbers in all others.

`columns` decides what the first line is and which column holds the labels.  Columns are divided by commas, semicolons
or tabs.  Labels may be text; every other cell must be a finite number.  A file may be packed (.gz, .bz2, .xz, or .zip
with one table).  Numbers are kept as they are written: in float32 where that holds all of them, or else in float64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.cells import Row, numbers_of, rows_of, what_divides
from handgrad.data.classes import first_missing, missing_label
from handgrad.data.columns import (
    LABELS,
    SHOWN,
    counts,
    dropped,
    find_column,
    find_label,
    is_header,
    is_index,
    is_nameless,
    is_number,
    looks_like_an_index,
    question_of_header,
    question_of_label,
)
from handgrad.data.contents import Contents
from handgrad.data.ranges import ROUNDED
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import listed, shown


@dataclass
class _Table:
    """One file.  x: (n, columns), without the labels and what `data.drop` leaves out; columns: their places there."""

    path: Path
    names: list[str] | None  # of all columns; None: there is no header
    label: int
    columns: list[int]
    x: NDArray[Any]
    y: list[str]
    lines: list[int]
    notes: list[str] = field(default_factory=list)

    def called(self, column: int) -> str | int:
        """A column's name, or its number where it has none."""
        return self.names[column] if self.names and self.names[column] else column

    def without(self, columns: Sequence[int]) -> None:
        """Leave columns out, by their number in the file.  Raises DataError where none would stay."""
        stay = [k for k, column in enumerate(self.columns) if column not in columns]
        if len(stay) < len(self.columns):
            self.columns, self.x = [self.columns[k] for k in stay], np.ascontiguousarray(self.x[:, stay])
        if not self.columns:
            raise DataError(f"{self.path}: has no column left beside the labels; at least one is needed")

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns of x; None where the file has no header."""
        return None if self.names is None else tuple(self.names[column] for column in self.columns)


def read_table(
    path: Path,
    label: str | int | None = None,
    test: Path | None = None,
    val: Path | None = None,
    *,
    drop: Sequence[str | int] | None = None,
    missing: tuple[str, ...] | None = None,
) -> Contents:
    """The examples of a CSV file, and of others as test and validation part.  Raises DataError with line and column."""
    table = _read(path, label, drop, missing)
    indices = [] if table.names is None else _indices(table)
    table.without(indices)
    if indices:
        table.notes.append(
            f"{path.name}: column {listed(indices)} has no name and numbers the rows: it is left out, as pandas' index "
            "(index=False writes none); give it a name to keep it"
        )
    named = table.names is not None and table.names[table.label].lower() in LABELS  # its name says which it is
    if label is None and not named:
        question = question_of_label(table.x, table.y, table.called(table.columns[0]), table.called(table.label))
        left_out = set(range(table.columns[0])) - {table.label, *indices}  # the first column itself
        if question and not left_out:
            raise DataError(f"{path}: {question}")
    nameless = [
        column
        for k, column in enumerate(table.columns)
        if table.names and is_nameless(table.names[column]) and (table.x[:, k] == np.round(table.x[:, k])).all()
    ]
    if nameless:
        table.notes.append(
            f"{path.name}: column {listed(nameless, SHOWN)} has no name and is read; if it numbers the rows, "
            f"data.drop = [{nameless[0]}] leaves it out"
        )
    for k, column in enumerate(table.columns):
        if column in nameless:
            continue
        if looks_like_an_index(table.names[column] if table.names else "", table.x[:, k]):
            called = table.called(column)
            answer = f'"{called}"' if isinstance(called, str) else called
            table.notes.append(
                f"{path.name}: column {shown(called)} differs in every row, as a number of the row does; "
                f"data.drop = [{answer}] would leave it out"
            )
            break
    notes = table.notes
    others: dict[str, _Table | None] = {"test": None, "val": None}
    for part, other in (("test", test), ("val", val)):
        if other is not None:
            others[part], on_part = _read_beside(table, other, label, drop, missing, indices)
            notes += on_part
    test_table, val_table = others["test"], others["val"]
    return Contents(
        table.x,
        table.y,
        test_table and test_table.x,
        test_table and test_table.y,
        feature_names=table.feature_names,
        notes=tuple(notes),
        x_val=val_table and val_table.x,
        y_val=val_table and val_table.y,
        label=f"column {table.called(table.label)!r}",
        missing=missing,
    )


def _indices(table: _Table) -> list[int]:
    assert table.names is not None
    found: list[int] = []
    for k, column in enumerate(table.columns):
        if column != k or not is_index(table.names[column], table.x[:, k]):
            break
        found.append(column)  # a table that was written twice has two
    return found


def _read_beside(
    table: _Table,
    path: Path,
    label: str | int | None,
    drop: Sequence[str | int] | None,
    missing: tuple[str, ...] | None,
    indices: Sequence[int],
) -> tuple[_Table | None, list[str]]:
    """(table, notes) of another part's file, with the columns of `table`; the table is None where it has no labels."""
    with reading(path, DataError, "a CSV file", "mend it, or save the table as CSV again"):
        _, first = next(rows_of(path), (0, []))
    first = _clean(first)
    alone = f'name {table.path.name} alone: data.name = "…/{table.path.name}"'
    if table.names is not None:
        name = table.names[table.label]
        if first == [one for k, one in enumerate(table.names) if k != table.label]:
            why = f"{path.name} has no column {shown(name)} (a test part of Kaggle has no labels): it is not read"
            return None, [why]
        if name not in first:
            held = listed(first, SHOWN)
            raise DataError(
                f"{path}: has no column {shown(name)} of labels, as {table.path.name} has; {alone}. It has {held}"
            )
        label = name if table.names.count(name) == 1 else table.label
    elif len(first) == len(table.columns) + len(indices):
        raise DataError(
            f"{path}: has {len(first)} columns, {table.path.name} one more: are its labels missing? {alone}"
        )
    else:
        label = table.label
    other = _read(path, label, drop, missing)
    other.without(indices)
    if other.names != table.names or other.columns != table.columns:
        raise DataError(f"{path}: has other columns than {table.path.name}; both need the same ones in the same order")
    return other, []


def _read(
    path: Path, label: str | int | None, drop: Sequence[str | int] | None, missing: tuple[str, ...] | None
) -> _Table:
    with reading(path, DataError, "a CSV file", "mend it, or save the table as CSV again"):
        return _read_rows(path, rows_of(path), label, drop, missing)


def _read_rows(
    path: Path,
    rows: Iterator[Row],
    label: str | int | None,
    drop: Sequence[str | int] | None,
    missing: tuple[str, ...] | None,
) -> _Table:
    where = str(path)
    start, first = next(rows, (0, []))
    if not first:
        raise DataError(f"{path}: is empty; expected one example a row")
    after, second = next(rows, (0, []))
    rest = rows if not second else chain([(after, second)], rows)
    first, second = _clean(first), [cell.strip() for cell in second]
    if len(first) > 2 and not first[-1] and len(second) == len(first) - 1:
        first = first[:-1]  # a comma at the end of the header alone
    if len(first) > 2 and not first[-1] and len(second) == len(first) and not second[-1]:
        first, rest = first[:-1], _without_last(rest)  # a comma at the end of every line
    if len(first) < 2 or first[0].lower().startswith("sep="):
        raise DataError(
            f"{path}: has one column; expected numbers and a column of labels, divided by commas{what_divides(first)}"
        )
    header, notes = is_header(first, second, label), []
    if header:
        column, why = find_label(first, label, where)
        if counts(first) and not isinstance(label, str):
            notes.append(
                f"{path.name}: its first line ({listed(map(shown, first), 4)}) is taken for the names of the columns"
            )
    else:
        column, why = (
            find_column([str(k) for k in range(len(first))], -1 if label is None else label, "data.label", where),
            None,
        )
    columns = [k for k in range(len(first)) if k not in (*dropped(first, header, drop, column, where), column)]
    if not columns:
        raise DataError(f"{path}: has no column left beside the labels; at least one is needed")
    names = first if header else None
    x, y, lines, rounded = numbers_of(
        path, rest if header else chain([(start, [*first])], rest), len(first), column, columns, names, label
    )
    if not header and _was_header(first, y, column):
        names, x, y, lines = first, x[1:], y[1:], lines[1:]  # numbers as names (pixel 0, 1, 2 ...) beside a label
    if not y:
        raise DataError(f"{path}: has a header and no rows; expected one example a row")
    if names is None:
        asked = question_of_header(first, y, column)
        if asked and label is None:
            raise DataError(f"{path}: {asked}")
        notes += [f"{path.name}: {asked}"] if asked else []
    absent = first_missing(y, missing)
    if absent is not None:
        called = shown(names[column]) if names else f"column {column}"
        spot = f"{path}: line {lines[absent]}, column {called}" if names else f"{path}: line {lines[absent]}, {called}"
        raise DataError(missing_label(spot, y[absent]))
    table = _Table(path, names, column, columns, x, y, lines, notes)
    notes += _notes_on(table, label, why)
    if rounded:
        notes.append(f"{path.name}: column {listed((shown(table.called(k)) for k in rounded), SHOWN)}: {ROUNDED}")
    return table


def _notes_on(table: _Table, label: str | int | None, why: str | None) -> list[str]:
    """Notes on which column was taken for the labels, and on names that stand twice."""
    notes = []
    name = table.path.name
    if label is None and table.names is None:
        notes.append(
            f"{name}: has no header: column {table.label}, the last, holds the labels; data.label names another"
        )
    elif label is None and why != "name":
        notes.append(
            f"{name}: {shown(table.called(table.label))}, the last column, holds the labels; data.label names another"
        )
    elif label is None and table.names and table.label != len(table.names) - 1:
        notes.append(f"{name}: column {shown(table.called(table.label))} holds the labels, as its name says")
    names = table.names or []
    twice = sorted({one for one in names if one and names.count(one) > 1})
    if twice:
        notes.append(f"{name}: {listed(map(shown, twice), SHOWN)}: more than one column is called so; all are read")
    return notes


def _was_header(first: Sequence[str], y: Sequence[str], column: int) -> bool:
    """Whether a first line of numbers was a header after all: only its label is none, or says `label`."""
    others = y[1:]
    if not others or is_number(y[0]):
        return False
    return all(map(is_number, others)) or (first[column].lower() in set(LABELS) - {"y"} and first[column] not in others)


def _without_last(rows: Iterator[Row]) -> Iterator[Row]:
    for line, cells in rows:
        yield line, cells[:-1] if not cells[-1].strip() else cells


def _clean(first: Sequence[str]) -> list[str]:
    """The cells of a first line; NumPy's savetxt writes "# " before a header."""
    cells = [cell.strip() for cell in first]
    return [cells[0].removeprefix("# "), *cells[1:]] if cells else []
