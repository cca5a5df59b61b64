"""Features: the columns of a table beside its labels, as numbers.

    a column of numbers   as it is written; with a decimal comma, where no cell has a point
    a column of texts     one column of 0 and 1 for each text, called "column=text" where the table has a header
    a missing cell        refused, unless `data.missing` says what becomes of it; then NaN

A column is what its first cell is.  A cell of another kind is refused with its line, and so are as many texts as names.
Whether 1,500 has a decimal comma or a comma between thousands is told by other cells (1,5 has a decimal comma) or by
`data.decimal`, or asked.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.cells import Row
from handgrad.data.classes import MISSING
from handgrad.data.columns import SHOWN, is_like_a_number, is_number
from handgrad.data.ranges import EXACT, ROUNDED
from handgrad.errors import DataError
from handgrad.names import listed, short, shown

BLOCK = 4096  # rows that are put together at a time
LARGEST = float(np.finfo(np.float32).max)
FEW, MANY = 10, 100  # texts of a column; between them, each needs two rows
DATE = re.compile(r"(\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})([ T]\d{1,2}:.*)?")
COMMA = re.compile(r"[-+]?(?P<whole>\d*),(?P<part>\d+)([eE][-+]?\d+)?")
ROW_NAMES = (
    ", or the header, which lacks the name of a column (R's write.table names no column of row names: col.names = NA)"
)


@dataclass
class Texts:
    """A column of texts in one file.  codes: text -> its number;  line: where it began;  numbers: cells with one."""

    line: int
    codes: dict[str, int] = field(default_factory=dict)
    numbers: int = 0
    cells: int = 0
    written: dict[str, str] = field(default_factory=dict)  # a text beyond ASCII -> how it was first written
    joined: str = ""  # the first text that is written in two ways

    def code(self, text: str) -> int:
        self.cells += 1
        self.numbers += is_number(text)
        if not text.isascii():
            plain = unicodedata.normalize("NFC", text)
            if self.written.setdefault(plain, text) != text:
                self.joined = self.joined or plain
            text = plain
        return self.codes.setdefault(text, len(self.codes))


@dataclass
class FeatureReader:
    """Reads the rows of a file.  width: how many cells a row has;  label: the column of the labels, or None;  columns:
    those of the features, by their place;  names: of all columns, or None;  asked: `data.label`.

    missing: the texts that mean a missing cell (default: those of pandas);  filled: whether such cells become NaN;
    decimal: "," or ".", or None where the cells tell.
    """

    path: Path
    width: int
    label: int | None
    columns: Sequence[int]
    names: Sequence[str] | None
    asked: str | int | None
    missing: Collection[str] | None = None
    filled: bool = False
    decimal: str | None = None
    known: Collection[int] = ()  # columns that hold texts in another part
    y: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rounded: set[int] = field(default_factory=set)  # columns whose whole numbers were rounded
    texts: dict[int, Texts] = field(default_factory=dict)  # by column
    repeats: int = 0  # the first line that is the header again
    _signs: tuple[int, int] = (0, 0)  # how many lines begin with #, and the first of them
    _numeric: set[int] = field(default_factory=set)  # columns with a number
    _point: str = ""  # where the first number with a point stands, and the number
    _comma: str = ""  # the same of one with a comma
    _decimal_comma: bool = False  # whether a cell shows that commas are those of decimals

    def read(self, rows: Iterator[Row]) -> NDArray[Any]:
        """(n, columns): numbers, and codes of texts.  Raises DataError with line and column."""
        self.texts = {column: Texts(0) for column in self.known if column in self.columns}
        self._absent = {"", *(MISSING if self.missing is None else self.missing)}
        self._coded = any(is_number(text) and np.isfinite(float(text)) for text in self._absent)  # -9 means nothing
        blocks, block = list[NDArray[Any]](), list[NDArray[np.float64]]()
        for line, cells in rows:
            if self._repeats_header(line, cells):
                continue
            block.append(self._row(line, cells))
            if len(block) == BLOCK:
                blocks.append(_together(block))
                block = []
        if block:
            blocks.append(_together(block))
        self._settle()
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.columns)), np.float32)

    def _row(self, line: int, cells: list[str]) -> NDArray[np.float64]:
        if len(cells) != self.width:
            names_lack_one = not self.lines and self.names is not None and len(cells) == self.width + 1
            raise DataError(
                f"{self.path}: line {line} has {len(cells)} cells; the first row has {self.width}; mend the line"
                + (_why(cells) or ROW_NAMES * names_lack_one)
            )
        if self.label is not None:
            self.y.append(cells[self.label].strip())
        self.lines.append(line)
        if cells[0].lstrip().startswith("#"):
            self._signs = (self._signs[0] + 1, self._signs[1] or line)
        cells = [cells[column] for column in self.columns]
        row = None if self.texts or self._coded else self._plain_row(cells)
        if row is None:
            row = np.array([self._number(line, k, cell.strip()) for k, cell in zip(self.columns, cells, strict=True)])
        for k in np.flatnonzero(np.abs(row) >= EXACT).tolist():
            if _is_rounded(cells[k], float(row[k])):
                self.rounded.add(self.columns[k])
        return row

    def _repeats_header(self, line: int, cells: Sequence[str]) -> bool:
        """Whether a line is the first one again, which may be no header where all columns hold texts."""
        if not self.names or cells[0].strip() != self.names[0] or [cell.strip() for cell in cells] != self.names:
            return False
        if len(self.texts) < len(self.columns):
            raise DataError(f"{self.path}: line {line} repeats the header; take the line out")
        self.repeats = self.repeats or line
        return True

    def is_an_example(self) -> bool:
        """Whether what was taken for names is an example: every column holds texts, and most hold their name too.

        Raises DataError where it is a header that is repeated.
        """
        if not self.names or len(self.texts) < len(self.columns):
            return False
        own = sum(self.names[column] in found.codes for column, found in self.texts.items())
        if 2 * own > len(self.columns):
            return True
        if self.repeats:
            raise DataError(f"{self.path}: line {self.repeats} repeats the header; take the line out")
        return False

    def _plain_row(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """The row, if every cell is a finite number with a point or without decimals."""
        try:
            row = np.array([*map(float, cells)], np.float64)
        except ValueError:
            return None
        text = "".join(cells)
        if "_" in text or not text.isascii() or not (np.abs(row) <= LARGEST).all():
            return None  # float reads 1_000 and the digits of every alphabet, nan and inf
        if self.decimal == "," and "." in text:
            return None
        if len(self._numeric) < len(self.columns):
            self._numeric.update(self.columns)
        if not self._point and "." in text:
            self._point = next(cell for cell in cells if "." in cell).strip()
        return row

    def _number(self, line: int, column: int, text: str) -> float:
        """A cell as a number.  Raises DataError where it is none."""
        if text in self._absent:
            if not self.filled:
                raise DataError(self._missing_cell(line, column, text))
            return np.nan
        if column in self.texts:
            return self.texts[column].code(text)
        if is_number(text) and np.isfinite(float(text)):
            if abs(float(text)) > LARGEST:
                where = self._place(line, column)
                raise DataError(f"{where} holds {text}, beyond the largest of float32 (3.4e38); scale the column")
            if self.decimal == "," and "." in text:
                raise DataError(
                    f'{self._place(line, column)} holds {shown(text)} with a point, and data.decimal = "," says that '
                    "decimals have a comma; take points between thousands out"
                )
            self._numeric.add(column)
            self._point = self._point or (text if "." in text else "")
            return float(text)
        comma = COMMA.fullmatch(text)
        if comma and self.decimal != ".":
            self._numeric.add(column)
            self._comma = self._comma or f"{self._place(line, column)} holds {shown(text)}"
            self._decimal_comma |= len(comma["part"]) != 3 or comma["whole"] in ("", "0") or len(comma["whole"]) > 3
            return float(text.replace(",", "."))
        if column in self._numeric or is_like_a_number(text) or is_number(text):
            raise DataError(self._no_number(line, column, text))
        return self.texts.setdefault(column, Texts(line)).code(text)

    def _settle(self) -> None:
        """Raise DataError where the whole table shows that a line, a column or its commas were misread."""
        if 0 < self._signs[0] < len(self.lines):
            raise DataError(
                f"{self.path}: line {self._signs[1]} begins with # and has as many cells as a row: is it a comment? "
                "Take the line out if it is, or the # if it is an example"
            )
        if self._comma and self._point:
            raise DataError(
                f"{self._comma} with a comma, and other cells have a point ({self._point}); write all numbers in one "
                "way, with nothing between thousands"
            )
        if self._comma and not self._decimal_comma and self.decimal is None:
            raise DataError(
                f'{self._comma}: is its comma that of decimals? Say data.decimal = "," if it is; if it divides '
                "thousands, write the numbers without it"
            )
        for column, found in self.texts.items():
            if column not in self.known:
                self._check_texts(column, found)

    def _check_texts(self, column: int, found: Texts) -> None:
        called, answer, n, k = self._called(column), self._answer(column), found.cells, len(found.codes)
        if 2 * found.numbers >= n:
            text = next(iter(found.codes))
            raise DataError(self._no_number(found.line, column, text))
        if k > FEW and all(map(DATE.fullmatch, found.codes)):
            raise DataError(self._no_number(found.line, column, next(iter(found.codes))))
        if k > MANY or (k > FEW and 2 * k > n):
            label = f", and data.label = {answer} says that it holds the labels" if self.asked is None else ""
            raise DataError(
                f"{self.path}: column {called} holds {k} different texts in {n} rows, rather names than kinds: "
                f"data.drop = [{answer}] leaves the column out{label}"
            )

    def notes(self) -> list[str]:
        """What became of commas and large numbers."""
        notes = []
        if self._comma:
            notes.append(f"{self.path.name}: its numbers have a decimal comma: 1,5 is read as 1.5")
        for column, found in self.texts.items():
            if found.joined:
                notes.append(
                    f"{self.path.name}: column {self._called(column)} holds {shown(found.joined)} in two spellings of "
                    "Unicode, which look alike: they are taken for one text"
                )
        if self.rounded:
            which = listed((self._called(k) for k in sorted(self.rounded)), SHOWN)
            notes.append(f"{self.path.name}: column {which}: {ROUNDED}")
        return notes

    # -- words

    def _called(self, column: int) -> str:
        return shown(self.names[column]) if self.names and self.names[column] else str(column)

    def _answer(self, column: int) -> str:
        """A column as a study file names it."""
        return f'"{self.names[column]}"' if self.names and self.names[column] else str(column)

    def _place(self, line: int, column: int) -> str:
        return f"{self.path}: line {line}, column {self._called(column)}"

    def _missing_cell(self, line: int, column: int, text: str) -> str:
        what = f"holds {shown(text)}, which means a missing cell" if text else "is empty"
        remedy = (
            'data.missing = "mean" puts the mean of the training part there, data.missing = "drop" leaves out such rows'
        )
        value = "; data.missing = [] says that it is a value" if text else ""
        return f"{self._place(line, column)} {what}: {remedy}{value}"

    def _no_number(self, line: int, column: int, text: str) -> str:
        words = (
            f"{self._place(line, column)} holds {shown(text, 60)}, not a finite number; every cell of its column must "
            "be a number"
        )
        if is_number(text):
            return words
        if DATE.fullmatch(text):
            return (
                f"{self._place(line, column)} holds {shown(text)}, which looks like a date; write dates as numbers, "
                f"such as days since the first one, or leave the column out: data.drop = [{self._answer(column)}]"
            )
        if is_like_a_number(text):
            return f"{words}, with a point for decimals and nothing between thousands"
        label = f", and data.label = {self._answer(column)} says that it holds the labels" if self.asked is None else ""
        nothing = json.dumps(short(text, 60), ensure_ascii=False)
        said = f'data.missing = {{ texts = [{nothing}], cells = "mean" }} (or "drop")'
        drop = f"data.drop = [{self._answer(column)}] leaves the column out"
        return f"{words}. If it means a missing one: {said}; {drop}{label}"


def _is_rounded(cell: str, number: float) -> bool:
    return re.fullmatch(r"[-+]?\d{1,100}", cell.strip()) is not None and int(cell) != number


def _together(rows: list[NDArray[np.float64]]) -> NDArray[Any]:
    wide = np.stack(rows)
    with np.errstate(under="ignore"):
        narrow = wide.astype(np.float32)
    return narrow if np.array_equal(narrow, wide, equal_nan=True) else wide


def _why(cells: Sequence[str]) -> str:
    """The end of a message about too many cells: a comma in a number, where that explains them."""
    split = any(re.fullmatch(r"\s*-?\d{1,3}", a) and re.fullmatch(r"\d{3}\s*", b) for a, b in pairwise(cells))
    return " (a comma within a number divides it: write 1000 for 1,000)" if split else ""


def divided(
    parts: Sequence[tuple[NDArray[Any], dict[int, Texts]]], columns: Sequence[int]
) -> tuple[list[NDArray[Any]], list[tuple[int, str | None]], list[str]]:
    """The features of all parts, with columns of 0 and 1 in the place of texts.

    parts: (numbers and codes (n, columns), texts by column) of each.  -> the new x of each; for each of its columns
    that of the file, and the text (None: it holds numbers); texts that the first part lacks.
    """
    if not parts[0][1]:
        return [x for x, _ in parts], [(column, None) for column in columns], []
    kinds = {c: sorted({text for _, texts in parts for text in texts[c].codes}) for c in parts[0][1]}
    heads = [(c, text) for c in columns for text in kinds.get(c, [None])]
    strange = [f"{text!r}" for c, texts in kinds.items() for text in texts if text not in parts[0][1][c].codes]
    made = []
    for x, texts in parts:
        new = np.empty((len(x), len(heads)), x.dtype)
        for k, (column, text) in enumerate(heads):
            values = x[:, list(columns).index(column)]
            if text is not None:
                code = texts[column].codes.get(text, -1)
                values = np.where(np.isnan(values), np.nan, values == code)
            new[:, k] = values
        made.append(new)
    return made, heads, strange


def on_texts(name: str, called: str | int, texts: Sequence[str | None]) -> str:
    """A note on a column of texts of the file `name`; called: the column's name, or its number."""
    answer = f'"{called}"' if isinstance(called, str) else called
    became = f"{len(texts)} columns of 0 and 1, one for each" if len(texts) > 1 else "a column of 1"
    return (
        f"{name}: column {shown(called)} holds texts ({listed(map(shown, texts), 4)}) and became {became}; "
        f"data.drop = [{answer}] would leave it out"
    )
