"""First lines: what the first line of a table and the second one tell, before the rows are read."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from handgrad.data.cells import Row
from handgrad.data.columns import LABELS, is_number
from handgrad.errors import DataError


def first_lines(path: Path, rows: Iterator[Row], notes: list[str]) -> tuple[int, list[str], list[str], Iterator[Row]]:
    """(number of the first line, its cells, those of the second line, all rows behind the first)."""
    start, first = next(rows, (0, []))
    if not first:
        raise DataError(f"{path}: is empty; expected one example a row")
    after, second = next(rows, (0, []))
    rest = rows if not second else chain([(after, second)], rows)
    first, second = clean(first), [cell.strip() for cell in second]
    if len(first) > 2 and not first[-1] and len(second) == len(first) - 1:
        first = first[:-1]  # a comma at the end of the header alone
    if len(first) > 2 and not first[-1] and len(second) == len(first) and not second[-1]:
        first, rest = first[:-1], _without_last(rest)  # a comma at the end of every line
        notes.append(f"{path.name}: its last column has no name and no cells: it is left out")
    if len(first) < 2:
        raise DataError(
            f"{path}: has one column; expected features and a column of labels, divided by commas, semicolons, tabs, "
            "bars (|) or blanks"
        )
    if all(re.fullmatch(r"\d+:\S+", cell) for cell in first[1:]):
        raise DataError(f"{path}: is of the form of libsvm (label 1:0.5 4:2); call it {path.stem}.libsvm")
    return start, first, second, rest


def clean(first: Sequence[str]) -> list[str]:
    """The cells of a first line; NumPy's savetxt writes "# " before a header."""
    cells = [cell.strip() for cell in first]
    return [cells[0].removeprefix("# "), *cells[1:]] if cells else []


def _without_last(rows: Iterator[Row]) -> Iterator[Row]:
    for line, cells in rows:
        yield line, cells[:-1] if not cells[-1].strip() else cells


def was_header(first: Sequence[str], y: Sequence[str], column: int) -> bool:
    """Whether a first line of numbers was a header after all: only its label is none, or says `label`."""
    others = y[1:]
    if not others or is_number(y[0]):
        return False
    return all(map(is_number, others)) or (first[column].lower() in set(LABELS) - {"y"} and first[column] not in others)
