"""Cells: the rows of a text file, whatever divides their cells, without comments."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from handgrad.data.packed import lines_of
from handgrad.errors import DataError
from handgrad.names import listed

Row = tuple[int, list[str]]  # (number of the line, its cells)


def rows_of(path: Path, notes: list[str] | None = None) -> Iterator[Row]:
    """(number of the line, cells) of every row that is not empty or blank.

    Excel's line `sep=;` is obeyed.  Comments, which begin with #, are left out, and `notes` is told; the last of them
    before the first row is the header, as NumPy's savetxt writes it, if it has as many cells.
    """
    lines = enumerate(lines_of(path), 1)
    divides, remarks = "", list[tuple[int, str]]()
    for number, line in lines:
        if re.fullmatch(r"sep=.", line.strip(), re.IGNORECASE):
            divides = line.strip()[-1]
        elif line.lstrip().startswith("#"):
            remarks.append((number, line))
        elif line.strip():
            break
    else:
        number, line = remarks.pop(0) if remarks else (1, "")
    divides = divides or _delimiter(line)
    width = len(_cells_of(line, divides))
    heads = [(above, cells) for above, remark in remarks if len(cells := _cells_of(remark, divides)) == width > 1]
    named = [head for head in heads if not any(re.fullmatch(r"[-+]?[\d.,]*\d", cell.strip()) for cell in head[1])]
    yield from named[-1:]
    left_out = [above for above, _ in remarks if above not in dict(named[-1:])]
    reader = _reader(chain([line], (following for _, following in lines)), divides)
    width = 0
    try:
        for cells in reader:
            at = number - 1 + reader.line_num
            if cells and len(cells) != width > 0 and cells[0].lstrip().startswith("#"):
                left_out.append(at)
            elif len(cells) > 1 or (cells and cells[0].strip()):
                width = width or len(cells)
                yield at, cells
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV file ({error}); mend the quotes") from None
    if left_out and notes is not None:
        which = listed(map(str, left_out), 4)
        notes.append(
            f"{path.name}: line {which} begins with # and is left out, as a comment"
            if len(left_out) == 1
            else f"{path.name}: lines {which} begin with # and are left out, as comments"
        )


def _reader(lines: Iterable[str], divides: str) -> Any:
    """Rows of cells; where blanks divide them, several in a row are one."""
    blanks = divides == " "
    texts = (line.strip().replace("\t", " ") + "\n" for line in lines) if blanks else lines
    return csv.reader(texts, delimiter=divides, skipinitialspace=blanks, strict=True)


def _cells_of(line: str, divides: str) -> list[str]:
    try:
        return list(next(_reader([line.strip().lstrip("# ")], divides), []))
    except csv.Error:
        return []


def _delimiter(first: str) -> str:
    """The separator of the columns: that of , ; tab and | which the first line holds most, or else blanks.

    A comma may be a decimal's.

    >>> _delimiter("a,b"), _delimiter("1,5;2,5;3,5;cat"), _delimiter("1,5;2,5"), _delimiter("a|b"), _delimiter("1 2  b")
    (',', ';', ';', '|', ' ')
    """
    for sign in ";\t| ":
        pieces = [piece for piece in first.strip().split(sign) if piece]
        decimals = [re.fullmatch(r"\s*-?\d+,\d+\s*", piece) is not None for piece in pieces if "," in piece]
        if len(pieces) > 1 and decimals and all(decimals):
            return sign
    most = max(",;\t|", key=first.count)
    return most if most in first or not first.strip(" \t\r\n").count(" ") else " "
