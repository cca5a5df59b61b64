r"""The columns of a table as LaTeX sets them: numbers aligned by siunitx at their decimal points, text, wrapped text.

S[table-format=2.2]        98.63
S[table-format=2.2]@{}l    98.63 & \,$\pm$\,0.05      two columns of the tabular, one of the table
r, l                       26 to 54 %, relu
p{70pt}                    text of several lines
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from handgrad.report.tables.latex_text import LATEX, breakable, cell_text, escape_latex, width_of

if TYPE_CHECKING:
    from handgrad.report.tables.table import Table

NUMBER = re.compile(r"([+−-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?: ± ([\d.]+))?")
MOSTLY = 0.6  # share of numbers among the cells of a column that is aligned at decimal points
BOLD = 1.15  # how wide bold letters are beside ordinary ones
MARK = "†"


@dataclass(frozen=True)
class Size:
    """A size of letters: its command, how wide letters are beside those of 10 points, line height, space at columns."""

    command: str
    scale: float
    line: float
    gap: float


SIZES = (
    Size("", 1.0, 12, 6),
    Size(r"\small", 0.935, 11, 5),
    Size(r"\footnotesize", 0.865, 9.5, 4),
    Size(r"\scriptsize", 0.82, 8, 3),
)


@dataclass(frozen=True)
class _Number:
    """The parts of a cell such as −98.63 ± 0.05: sign, digits before and after the point, what stands after ±."""

    sign: str
    whole: str
    decimals: str
    spread: str

    @property
    def text(self) -> str:
        """The number as siunitx reads it."""
        return f"{self.sign.replace('−', '-')}{self.whole.replace(',', '')}{self.decimals}"


@dataclass(frozen=True)
class TexColumn:
    """One column: heading lines, cells as text, and, where it holds numbers, those.  wrap: width of wrapped text."""

    heading: tuple[str, ...]
    numeric: bool
    texts: tuple[str, ...]
    bold: tuple[bool, ...]
    numbers: tuple[_Number | None, ...] = ()
    wrap: float = 0.0

    @property
    def aligned(self) -> bool:
        """Whether siunitx sets it."""
        return bool(self.numbers)

    @cached_property
    def spread(self) -> bool:
        """Whether it is two columns of the tabular, the second for what stands after ±."""
        return any(number is not None and number.spread for number in self.numbers)

    @property
    def parts(self) -> int:
        """How many columns of the tabular it is."""
        return 2 if self.spread else 1

    @cached_property
    def _format(self) -> tuple[bool, int, int]:
        """(whether there is a sign, digits before the point, after it), of the widest number."""
        numbers = [number for number in self.numbers if number is not None]
        return (
            any(number.sign for number in numbers),
            max(len(number.whole.replace(",", "")) for number in numbers),
            max(len(number.decimals) for number in numbers) - any(number.decimals for number in numbers),
        )

    @cached_property
    def width(self) -> float:
        """At 10 points, in points."""
        wide = BOLD if any(self.bold) else 1.0
        texts = [text for text, number in zip(self.texts, self.numbers or [None] * len(self.texts), strict=True)
                 if number is None]  # fmt: skip
        found = [*(wide * width_of(text) for text in texts), *map(width_of, self.heading)]
        if self.aligned:
            sign, whole, decimals = self._format
            digits = 7.8 * sign + 5 * whole + 2.78 * ((whole - 1) // 3) + bool(decimals) * (2.78 + 5 * decimals)
            spreads = [width_of(number.spread) + 13 for number in self.numbers if number is not None and number.spread]
            found.append(wide * (digits + max(spreads, default=0.0)))
        return max(found, default=0.0)

    def taken(self, size: Size) -> float:
        """How wide it is in letters of a size, without the space at its sides."""
        return self.wrap or size.scale * self.width

    def lines(self, row: int, size: Size) -> int:
        """Of a row, how many it fills."""
        if not self.wrap:
            return 1
        return math.ceil(1.3 * size.scale * width_of(self.texts[row]) / self.wrap) or 1

    @property
    def form(self) -> str:
        """What the tabular's preamble says of it."""
        if self.wrap:
            return f"p{{{self.wrap:g}pt}}"
        if self.aligned:
            sign, whole, decimals = self._format
            return f"S[table-format={'+' * sign}{whole}.{decimals}]{'@{}l' * self.spread}"
        return "r" if self.numeric else "l"

    def head(self) -> str:
        """Its heading in LaTeX."""
        if self.wrap:
            return rf"\raggedright {' '.join(breakable(line, self.wrap) for line in self.heading)}"
        lines = [escape_latex(line) for line in self.heading]
        place = "c" if self.aligned else "r" if self.numeric else "l"
        stacked = r" \\ ".join(lines)
        text = lines[0] if len(lines) == 1 else rf"\shortstack[{place}]{{{stacked}}}"
        return self._across(text)

    def _across(self, text: str) -> str:
        """Text in a column of numbers."""
        return rf"\multicolumn{{2}}{{c}}{{{text}}}" if self.spread else f"{{{text}}}" if self.aligned else text

    def cell(self, row: int) -> str:
        """A cell in LaTeX, the end of its row left out."""
        text, mark, number = self.texts[row], "", self.numbers[row] if self.numbers else None
        if number is not None:
            strong = r"\bfseries " * self.bold[row]
            beside = rf"{strong}\,$\pm$\,{number.spread}" if number.spread else ""
            return f"{strong}{number.text} & {beside}" if self.spread else strong + number.text
        if text.endswith(MARK):
            text, mark = text[:-1], LATEX[MARK]
        made = breakable(text, self.wrap).replace(r" $\pm$ ", r"~$\pm$~") if self.wrap else escape_latex(text)
        made = rf"\textbf{{{made}}}" if self.bold[row] and text else made
        return rf"\raggedright {made}{mark}" if self.wrap else self._across(made + mark)


def tex_columns(table: "Table") -> list[TexColumn]:
    """All columns of a table, the first one with the marks of shaded rows."""
    found = []
    for position, column in enumerate(table.columns):
        cells = [row.cells[position] for row in table.rows]
        texts = tuple(cell_text(cell.text) for cell in cells)
        made = TexColumn((cell_text(column.heading),), column.numeric, texts, tuple(cell.bold for cell in cells))
        if position == 0 and any(row.shaded for row in table.rows):
            pairs = zip(texts, table.rows, strict=True)
            made = replace(made, texts=tuple(f"{text}{MARK}" if row.shaded else text for text, row in pairs))
        elif column.numeric:
            made = replace(made, numbers=_numbers(texts))
        found.append(made)
    return found


def _numbers(texts: Sequence[str]) -> tuple[_Number | None, ...]:
    """The numbers of a column; empty where other text prevails."""
    found = [_number(text) for text in texts]
    said = sum(text not in ("", "–") for text in texts)
    return tuple(found) if said and sum(number is not None for number in found) >= MOSTLY * said else ()


def _number(text: str) -> _Number | None:
    match = NUMBER.fullmatch(text)
    return None if match is None else _Number(*(part or "" for part in match.groups()))


def headed(column: TexColumn) -> TexColumn:
    """With a heading of two or three lines, where that makes it narrower."""
    (heading,), words = column.heading, column.heading[0].split()
    cells = replace(column, heading=()).width
    best: tuple[str, ...] = (heading,)
    for lines in range(2, min(len(words), 3) + 1):
        if max(map(width_of, best)) <= cells:
            break
        cuts = combinations(range(1, len(words)), lines - 1)
        split = [tuple(" ".join(words[i:j]) for i, j in pairwise((0, *places, len(words)))) for places in cuts]
        best = min(split, key=lambda parts: max(map(width_of, parts)))
    return replace(column, heading=best)
