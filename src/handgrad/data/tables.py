"""Tables: CSV files with one example a row, one column of labels and numbers in all others.

The first row is a header where none of its features is a number, where `label` names a column, or where only
its own label is no number.  Columns are divided by commas, semicolons or tabs, whichever the first row holds most.
Labels may be text; every other cell must be a finite number.
"""

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.data.examples import Contents
from handgrad.errors import DataError
from handgrad.names import unknown

Numbered = list[tuple[int, list[str]]]  # (line of the file, its cells)


def read_table(path: Path, label: str | int | None = None, test: Path | None = None) -> Contents:
    """The examples of a CSV file, and of a second one as test part.  Raises DataError with the line and column."""
    x, y, names = _read(path, label)
    if test is None:
        return Contents(x, y, feature_names=names)
    x_test, y_test, test_names = _read(test, label)
    if names != test_names or x.shape[1] != x_test.shape[1]:
        raise DataError(f"{test}: has other columns than {path.name}; both need the same ones in the same order")
    return Contents(x, y, x_test, y_test, feature_names=names)


def _read(path: Path, label: str | int | None) -> tuple[NDArray[np.float32], list[str], tuple[str, ...] | None]:
    rows = _rows(path)
    width = len(rows[0][1])
    if width < 2:
        raise DataError(f"{path}: has one column; expected numbers and a column of labels, divided by commas")
    column = _label_column(path, rows[0][1], label)
    header = [cell.strip() for cell in rows[0][1]] if _has_header(rows, column, isinstance(label, str)) else None
    names = header or [f"column {k}" for k in range(width)]
    rows = rows[1:] if header else rows
    if not rows:
        raise DataError(f"{path}: has a header and no rows; expected one example a row")
    x = np.empty((len(rows), width - 1), np.float32)
    y = []
    for row, (line, cells) in enumerate(rows):
        if len(cells) != width:
            raise DataError(f"{path}: line {line} has {len(cells)} cells; the first row has {width}; mend the line")
        features = cells[:column] + cells[column + 1 :]
        try:
            numbers = [float(cell) for cell in features]
        except ValueError:
            numbers = [math.nan]
        if not all(map(math.isfinite, numbers)):
            raise DataError(_bad_cell(path, line, cells, column, names))
        with np.errstate(over="ignore"):  # found below
            x[row] = numbers
        if not cells[column].strip():
            raise DataError(f"{path}: line {line} has no label in {names[column]!r}; fill it in or take the line out")
        y.append(cells[column].strip())
    if not np.isfinite(x).all():
        line = rows[int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])][0]
        raise DataError(f"{path}: line {line} holds a number beyond 3.4e38, the largest of float32; scale the column")
    return x, y, tuple(names[:column] + names[column + 1 :]) if header else None


def _rows(path: Path) -> Numbered:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save the table as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV file ({error}); mend the quotes") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if not rows:
        raise DataError(f"{path}: is empty; expected one example a row")
    return rows


def _label_column(path: Path, first: list[str], label: str | int | None) -> int:
    if isinstance(label, str):
        names = [cell.strip() for cell in first]
        if label not in names:
            raise DataError(f"{path}: data.label is an {unknown(label, names, 'column')}")
        return names.index(label)
    column = -1 if label is None else label
    if not -len(first) <= column < len(first):
        raise DataError(
            f"{path}: data.label must be the number of a column, 0 to {len(first) - 1}, or its name; got {label}"
        )
    return column % len(first)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _has_header(rows: Numbered, column: int, label_is_name: bool) -> bool:
    first = rows[0][1]
    features = first[:column] + first[column + 1 :]
    if label_is_name or not any(map(_is_number, features)):
        return True
    # A header of numbers (pixel 0, 1, 2 ...) shows in its label alone.
    labels = [cells[column] for _, cells in rows[1:] if len(cells) > column]
    return all(map(_is_number, features)) and not _is_number(first[column]) and all(map(_is_number, labels or ["-"]))


def _bad_cell(path: Path, line: int, cells: list[str], column: int, names: list[str]) -> str:
    for k, cell in enumerate(cells):
        if k != column and not (_is_number(cell) and math.isfinite(float(cell))):
            what = f"holds {cell!r}, not a finite number" if cell.strip() else "is empty"
            where = names[k] if names[k] == f"column {k}" else f"column {names[k]!r}"
            return f"{path}: line {line}, {where} {what}; every cell but the label must be a number"
    raise AssertionError("no bad cell in a row that has one")
