"""Divisions: a column of a table that says of every row whether it trains, validates or tests.

It is the column that `data.division` names, or one called `split`, `subset`, `partition`, `part` or `set` whose
cells are words for parts: train, val, test, and those that mean the same (`contents.PART_WORDS`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.cells import Row
from handgrad.data.columns import find_column
from handgrad.data.contents import PART_WORDS, Contents
from handgrad.data.table_files import SPARSE_ENDINGS, ending_of, rows_of
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import listed, shown

NAMES = ("split", "subset", "partition", "part", "set")
WORDS = "train, val or test (training, valid, validation, dev and testing mean the same)"


@dataclass(frozen=True)
class Division:
    """column: its number;  called: its name, or its number;  part_of: the number of a line -> train, val or test."""

    column: int
    called: str | int
    part_of: dict[int, str]


def read_division(
    path: Path,
    wanted: str | int | None,
    part: str,
    label: str | int | None,
    drop: Sequence[str | int],
    span: tuple[int, int] | None,
) -> Division | None:
    """The division of the table of a part, or None where it has none; wanted: `data.division`.

    Raises DataError where the column that is wanted is not there, and where one of its cells names no part.
    """
    if ending_of(path.name) in SPARSE_ENDINGS and wanted is None:
        return None  # its columns have no names
    with reading(path, DataError, "a table", "mend it, or save it as CSV again"):
        rows = rows_of(path, [], span)
        start, first = next(rows, (0, []))
        names = [cell.strip() for cell in first]
        column = _column(path, names, wanted, label, drop)
        if column is None:
            return None
        example = isinstance(wanted, int) and names[column].lower() in PART_WORDS  # the first line is no header
        cells = _cells([(start, first)] if example else [], column) | _cells(rows, column)
    called = column if example or not names[column] else names[column]
    if wanted is None and part not in {PART_WORDS.get(cell.lower()) for cell in cells.values()}:
        return None
    for line, cell in cells.items():
        if cell.lower() not in PART_WORDS:
            raise DataError(_no_part(path, line, called, cell, wanted))
    return Division(column, called, {line: PART_WORDS[cell.lower()] for line, cell in cells.items()})


def _column(
    path: Path, names: Sequence[str], wanted: str | int | None, label: str | int | None, drop: Sequence[str | int]
) -> int | None:
    if wanted is not None:
        column = find_column(names, wanted, "data.division", str(path))
        if label in (wanted, column) or (isinstance(label, int) and label % len(names) == column):
            raise DataError(
                f"{path}: data.division and data.label both name the column {shown(wanted)}; one says which part a "
                "row is in, the other its class"
            )
        return column
    called = [k for k, name in enumerate(names) if name.lower() in NAMES and not {name, k, k - len(names)} & set(drop)]
    called = [k for k in called if label not in (names[k], k, k - len(names))]
    return called[0] if len(called) == 1 else None


def _cells(rows: Iterator[Row] | Sequence[Row], column: int) -> dict[int, str]:
    """The cell of every line but those that are too short, which the reader of the table refuses."""
    return {line: cells[column].strip() for line, cells in rows if column < len(cells)}


def _no_part(path: Path, line: int, called: str | int, cell: str, wanted: str | int | None) -> str:
    answer = f'"{called}"' if isinstance(called, str) else called
    drop = "" if wanted is not None else f"; data.drop = [{answer}] leaves the column out"
    held = "is empty" if not cell else f"holds {shown(cell)}"
    return f"{path}: line {line}, column {shown(called)}, which divides the table, {held}; expected {WORDS}{drop}"


def check_alone(path: Path, part: str, division: Division, others: Sequence[Path]) -> None:
    """Raise DataError where files divide the data, this one and others, and the column of this one says otherwise."""
    odd = next(((line, one) for line, one in division.part_of.items() if one != part), None)
    if odd is not None:
        beside = listed(other.name for other in others)
        raise DataError(
            f"{path}: line {odd[0]} is of the part {odd[1]!r} by its column {shown(division.called)}, and {beside} "
            f"beside this file {'divides' if len(others) == 1 else 'divide'} the data as well; keep one division: name "
            f'this file alone, data.name = "…/{path.name}", or take the column out of it'
        )


def parted(contents: Contents, lines: Sequence[int], division: Division, path: Path) -> Contents:
    """The contents of one table as the parts that a division says.  lines: of the rows of x_train, as in `part_of`.

    Raises DataError where nothing is left to train on.
    """
    name, strange = path.name, next((line for line in lines if line not in division.part_of), None)
    if strange is not None:  # a first line that is an example
        raise DataError(f"{path}: line {strange}, column {division.called}, names no part; expected {WORDS}")
    part = np.array([division.part_of[line] for line in lines])
    counts = {one: int((part == one).sum()) for one in ("train", "val", "test")}
    if not counts["train"]:
        raise DataError(f"{path}: column {shown(division.called)} puts no row into the part 'train'; at least one must")

    def rows(values: Any, one: str) -> Any:
        index = np.flatnonzero(part == one)
        if not len(index):
            return None
        return values[index] if isinstance(values, np.ndarray) else [values[k] for k in index]

    x, y = contents.x_train, contents.y_train
    found = ", ".join(f"{count} {one}" for one, count in counts.items() if count)
    note = f"{name}: column {shown(division.called)} says which part a row is in: {found}"
    return replace(
        contents,
        x_train=rows(x, "train"),
        y_train=rows(y, "train"),
        x_test=rows(x, "test"),
        y_test=rows(y, "test"),
        x_val=rows(x, "val"),
        y_val=rows(y, "val"),
        notes=(*contents.notes, note),
    )
