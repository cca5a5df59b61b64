"""Cells: the rows of a CSV file as numbers, and the messages about cells that hold none."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.columns import is_like_a_number, is_number
from handgrad.data.packed import lines_of
from handgrad.data.ranges import EXACT
from handgrad.errors import DataError
from handgrad.names import shown

BLOCK = 4096  # rows that are put together at a time
LARGEST = float(np.finfo(np.float32).max)
ROW_NAMES = (
    ", or the header, which lacks the name of a column (R's write.table names no column of row names: col.names = NA)"
)
Row = tuple[int, list[str]]  # (number of the line, its cells)


def rows_of(path: Path) -> Iterator[Row]:
    """(number of the line, cells) of every row that is not empty or blank."""
    lines = lines_of(path)
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter=_delimiter(first), strict=True)
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV file ({error}); mend the quotes") from None


def _delimiter(first: str) -> str:
    """The separator of the columns: that of , ; and tab which the first line holds most; a comma may be a decimal's.

    >>> _delimiter("a,b"), _delimiter("1,5;2,5;3,5;cat"), _delimiter("1,5;2,5")
    (',', ';', ';')
    """
    pieces = first.strip().split(";")
    decimals = [re.fullmatch(r"\s*-?\d+,\d+\s*", piece) is not None for piece in pieces if "," in piece]
    if len(pieces) > 1 and decimals and all(decimals):
        return ";"
    return max(",;\t", key=first.count)


def numbers_of(
    path: Path,
    rows: Iterator[Row],
    width: int,
    label: int,
    columns: Sequence[int],
    names: Sequence[str] | None,
    asked: str | int | None,
) -> tuple[NDArray[Any], list[str], list[int], list[int]]:
    """(features (n, columns), labels, line of every row, columns whose whole numbers were rounded).

    label: the column of the labels; columns: those of the features; asked: `data.label`.  Raises DataError.
    """
    blocks: list[NDArray[Any]] = []
    block: list[NDArray[np.float64]] = []
    y: list[str] = []
    lines: list[int] = []
    rounded: set[int] = set()
    everything = columns == [k for k in range(width) if k != label]
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(
                f"{path}: line {line} has {len(cells)} cells; the first row has {width}; mend the line"
                + (_why(cells) or ROW_NAMES * (not y and names is not None and len(cells) == width + 1))
            )
        y.append(cells[label].strip())
        lines.append(line)
        if everything:
            del cells[label]
        else:
            cells = [cells[k] for k in columns]
        try:
            row = np.array([*map(float, cells)], np.float64)
            text = "".join(cells)
            if "_" in text or not text.isascii():  # float reads 1_000 and the digits of every alphabet
                raise ValueError
        except ValueError:
            if names and [cell.strip() for cell in cells] == [names[k] for k in columns]:
                raise DataError(f"{path}: line {line} repeats the header; take the line out") from None
            raise DataError(_bad_cell(path, line, cells, columns, names, asked)) from None
        size = np.abs(row)
        if not (size <= LARGEST).all():
            raise DataError(_bad_cell(path, line, cells, columns, names, asked))
        rounded.update(
            columns[k] for k in np.flatnonzero(size >= EXACT).tolist() if _is_rounded(cells[k], float(row[k]))
        )
        block.append(row)
        if len(block) == BLOCK:
            blocks.append(_together(block))
            block = []
    if block:
        blocks.append(_together(block))
    return np.concatenate(blocks) if blocks else np.empty((0, len(columns)), np.float32), y, lines, sorted(rounded)


def _is_rounded(cell: str, number: float) -> bool:
    return re.fullmatch(r"[-+]?\d{1,100}", cell.strip()) is not None and int(cell) != number


def _together(rows: list[NDArray[np.float64]]) -> NDArray[Any]:
    wide = np.stack(rows)
    with np.errstate(under="ignore"):
        narrow = wide.astype(np.float32)
    return narrow if np.array_equal(narrow, wide) else wide


def what_divides(first: Sequence[str]) -> str:
    """The end of a message about a first line of one cell: what seems to divide its cells, if anything does."""
    if first[0].lower().startswith("sep="):
        return "; its first line is a note of Excel's on what divides the cells: take it out"
    for sign, word in (("|", "bars"), (" ", "spaces"), (":", "colons")):
        if len(first[0].split(sign)) > 1:
            return f"; its cells seem to be divided by {word}: save it with commas"
    return ""


def _why(cells: Sequence[str]) -> str:
    """The end of a message about too many cells: a comma in a number, where that explains them."""
    split = any(re.fullmatch(r"\s*-?\d{1,3}", a) and re.fullmatch(r"\d{3}\s*", b) for a, b in pairwise(cells))
    return " (a comma within a number divides it: write 1000 for 1,000)" if split else ""


def _bad_cell(
    path: Path,
    line: int,
    cells: Sequence[str],
    columns: Sequence[int],
    names: Sequence[str] | None,
    asked: str | int | None,
) -> str:
    """The message about the first feature of a line that is no finite float32."""
    for column, cell in zip(columns, cells, strict=True):
        called = names[column] if names and names[column] else None
        where = (
            f"{path}: line {line}, column {shown(called)}"
            if called is not None
            else f"{path}: line {line}, column {column}"
        )
        answer = f'"{called}"' if called is not None else column
        if not is_number(cell) or not np.isfinite(float(cell)):
            text = cell.strip()
            if not text:
                return f"{where} is empty; every cell but the label must be a number"
            words = f"{where} holds {shown(text, 60)}, not a finite number; every cell but the label must be a number"
            if is_like_a_number(text) and not is_number(text):
                return f"{words}, with a point for decimals and nothing between thousands"
            if is_number(text):
                return words
            label = f", and data.label = {answer} says that it holds the labels" if asked is None else ""
            return f"{words}: data.drop = [{answer}] leaves the column out{label}"
        if abs(float(cell)) > LARGEST:
            return f"{where} holds {cell}, beyond the largest of float32 (3.4e38); scale the column"
    raise AssertionError("no bad cell in a line that has one")
