"""Tables: CSV files with one example a row, one column of labels and numbers in all others.

The first row is a header where none of its features is a number, where `label` names a column, or where only
its own label is no number.  Columns are divided by commas, semicolons or tabs, whichever the first row holds most.
Labels may be text; every other cell must be a finite number.
"""

import csv
import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.data.examples import Contents
from handgrad.errors import DataError
from handgrad.names import unknown


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
    start, first = next(rows, (0, []))
    if not first:
        raise DataError(f"{path}: is empty; expected one example a row")
    if len(first) < 2:
        raise DataError(f"{path}: has one column; expected numbers and a column of labels, divided by commas")
    first = [cell.strip() for cell in first]
    column = _label_column(path, first, label)
    header = isinstance(label, str) or not any(_is_number(cell) for k, cell in enumerate(first) if k != column)
    names = first if header else [f"column {k}" for k in range(len(first))]
    x, y = [], []
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is reported
        for line, cells in rows if header else chain([(start, [*first])], rows):
            if len(cells) != len(first):
                raise DataError(
                    f"{path}: line {line} has {len(cells)} cells; the first row has {len(first)}; mend the line"
                )
            y.append(cells.pop(column).strip())
            if not y[-1]:
                raise DataError(f"{path}: line {line} has no label in {names[column]!r}; fill it in or take it out")
            try:
                x.append(np.array([*map(float, cells)], np.float32))
            except ValueError:
                raise DataError(_bad_cell(path, line, cells, names, column)) from None
            if not np.isfinite(x[-1]).all():
                raise DataError(_bad_cell(path, line, cells, names, column))
    if not header and not _is_number(y[0]) and y[1:] and all(map(_is_number, y[1:])):
        header, names, x, y = (
            True,
            first,
            x[1:],
            y[1:],
        )  # names that are numbers (pixel 0, 1, 2 ...), and one that is none
    if not x:
        raise DataError(f"{path}: has a header and no rows; expected one example a row")
    return np.stack(x), y, tuple(names[:column] + names[column + 1 :]) if header else None


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, cells) of every row that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count), strict=True)
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save the table as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV file ({error}); mend the quotes") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


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


def _bad_cell(path: Path, line: int, features: list[str], names: list[str], column: int) -> str:
    """The words for the first feature of a line that is no finite float32."""
    for name, cell in zip(names[:column] + names[column + 1 :], features, strict=True):
        where = name if name.startswith("column ") else f"column {name!r}"
        if not _is_number(cell) or not math.isfinite(float(cell)):
            what = f"holds {cell!r}, not a finite number" if cell.strip() else "is empty"
            return f"{path}: line {line}, {where} {what}; every cell but the label must be a number"
        if abs(float(cell)) > np.finfo(np.float32).max:
            return (
                f"{path}: line {line}, {where} holds {cell}, beyond the largest of float32 (3.4e38); scale the column"
            )
    raise AssertionError("no bad cell in a line that has one")
