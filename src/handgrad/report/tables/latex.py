r"""Tables for LaTeX: \input them into an article; they need \usepackage{booktabs} and nothing else, and fit its page.

What the page has room for (345 by 550 points, in an article of 10 points) is found from the widths of Computer Modern's
letters.  In this order, until it fits: headings of two lines, smaller letters, text columns that wrap, columns and rows
that go on in a tabular or a table of their own, the first column repeated.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handgrad.report.tables.table import Row, Table


WIDTH, HEIGHT = 345.0, 550.0  # points: the text of an article
TALL = 60  # rows of a tabular at most


@dataclass(frozen=True)
class Size:
    """A size of letters: its command, how wide letters are beside those of 10 points, line height, space at columns."""

    command: str
    scale: float
    line: float
    gap: float


SIZES = (Size("", 1.0, 12, 6), Size(r"\small", 0.93, 11, 5), Size(r"\footnotesize", 0.86, 9.5, 4))


@dataclass(frozen=True)
class _Cells:
    """One column as text: heading lines, cells, their natural width at 10 points, and the width at which they wrap."""

    heading: tuple[str, ...]
    numeric: bool
    texts: tuple[str, ...]
    bold: tuple[bool, ...]
    wrap: float = 0.0

    @property
    def width(self) -> float:
        cells = [width_of(text) * (1.15 if bold else 1) for text, bold in zip(self.texts, self.bold, strict=True)]
        return max([*cells, *map(width_of, self.heading)])

    def lines(self, row: int, size: Size) -> int:
        """Of a row, how many it fills here."""
        if not self.wrap:
            return 1
        return math.ceil(1.25 * size.scale * width_of(self.texts[row]) / self.wrap) or 1


def to_latex(table: "Table") -> str:
    r"""One `table` or, where the page is too small, several; † marks the best and those not behind it."""
    size, blocks = _layout(_columns(table))
    caption = f"{table.title}. {table.caption}"
    room = HEIGHT - 40 - 12 * math.ceil(1.2 * width_of(caption) / WIDTH)
    pieces = [(columns, rows) for columns in blocks for rows in _chunks(columns, len(table.rows), size, room)]
    floats: list[list[str]] = []
    left = -1.0
    for columns, rows in pieces:
        height = _height(columns, rows, size)
        if height > left:
            floats.append([])
            left = room
        left -= height
        floats[-1].append(_tabular(columns, table.rows, rows))
    label = f"tab:{re.sub(r'[^A-Za-z0-9-]', '-', table.name)}"
    texts = [r"% needs \usepackage{booktabs}", *_unknown_signs(table)]
    for number, tabulars in enumerate(floats):
        title = caption if number == 0 else f"{table.title}, continued."
        texts += [r"\begin{table}", r"  \centering", r"  \sloppy"]
        texts.append(rf"  \caption{{{breakable(title)}}}".replace(". }", ".}"))
        texts += [rf"  \label{{{label}}}"] * (number == 0)
        texts += [f"  {size.command}"] * bool(size.command)
        texts += [rf"  \setlength{{\tabcolsep}}{{{size.gap:g}pt}}"] * bool(size.command)
        texts += ["\n\n  \\medskip\n\n".join(tabulars), r"\end{table}"]
        texts += [r"\clearpage"] * (number % 10 == 9)  # LaTeX keeps few floats that wait for a page
    return "\n".join([*texts, ""])


def _columns(table: "Table") -> list[_Cells]:
    found = []
    for position, column in enumerate(table.columns):
        cells = [row.cells[position] for row in table.rows]
        texts = tuple(cell_text(cell.text) for cell in cells)
        made = _Cells((cell_text(column.heading),), column.numeric, texts, tuple(cell.bold for cell in cells))
        if position == 0:  # room for its mark
            pairs = zip(texts, table.rows, strict=True)
            made = replace(made, texts=tuple(f"{text}†" if row.shaded else text for text, row in pairs))
        found.append(made)
    return found


def _layout(columns: list[_Cells]) -> tuple[Size, list[list[_Cells]]]:
    """The largest letters in which all columns stand side by side; else the smallest, wrapped and split."""
    if _total(columns, SIZES[0]) <= WIDTH:
        return SIZES[0], [columns]
    columns = [_headed(column) for column in columns]
    for size in SIZES:
        if _total(columns, size) <= WIDTH:
            return size, [columns]
    size = SIZES[-1]
    wide = [column for column in columns if not column.numeric and size.scale * column.width > 70]
    narrow = [column for column in columns if column not in wide]
    if wide:
        rest = WIDTH - _total(narrow, size) - 2 * size.gap * len(wide)
        share = rest / len(wide) if rest / len(wide) >= 60 else 110.0
        columns = [_wrapped(column, share, size) if column in wide else column for column in columns]
    return size, _blocks([_fitted(column, size) for column in columns], size)


def _headed(column: _Cells) -> _Cells:
    """With a heading of two lines, where that makes it narrower."""
    (heading,), words = column.heading, column.heading[0].split()
    if len(words) < 2 or width_of(heading) < max(map(width_of, column.texts), default=0.0):
        return column
    before, bracket, after = heading.partition(" (")
    halves = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    best = min(halves, key=lambda pair: max(map(width_of, pair)))
    return replace(column, heading=(before, f"({after}") if bracket else best)


def _wrapped(column: _Cells, share: float, size: Size) -> _Cells:
    natural = size.scale * column.width
    return column if natural <= share else replace(column, wrap=math.floor(share))


def _fitted(column: _Cells, size: Size) -> _Cells:
    """A column that would not even fit beside the first one is wrapped."""
    most = WIDTH / 2 - 4 * size.gap
    return column if _wide(column, size) <= most else replace(column, wrap=math.floor(most))


def _wide(column: _Cells, size: Size) -> float:
    return column.wrap or size.scale * column.width


def _total(columns: Sequence[_Cells], size: Size) -> float:
    return 1.02 * sum(_wide(column, size) + 2 * size.gap for column in columns)


def _blocks(columns: list[_Cells], size: Size) -> list[list[_Cells]]:
    """Columns side by side as far as the page is wide; the first one begins each block."""
    first, *others = columns
    found = [[first]]
    for column in others:
        if len(found[-1]) > 1 and _total([*found[-1], column], size) > WIDTH:
            found.append([first])
        found[-1].append(column)
    return found


def _height(columns: Sequence[_Cells], rows: range, size: Size) -> float:
    heading = max(len(column.heading) for column in columns)
    lines = sum(max(column.lines(row, size) for column in columns) for row in rows)
    return 25 + size.line * (1.1 * heading + lines)


def _chunks(columns: Sequence[_Cells], n: int, size: Size, room: float) -> Iterator[range]:
    """Rows as far as the page is high."""
    start = 0
    for stop in range(1, n + 1):
        ends = stop == n or stop - start >= TALL or _height(columns, range(start, stop + 1), size) > room
        if ends:
            yield range(start, stop)
            start = stop
    if n == 0:
        yield range(0)


def _tabular(columns: Sequence[_Cells], table_rows: "Sequence[Row]", rows: range) -> str:
    forms = "".join(f"p{{{c.wrap:g}pt}}" if c.wrap else "r" if c.numeric else "l" for c in columns)
    lines = [rf"  \begin{{tabular}}{{{forms}}}", r"    \toprule"]
    end = r" \tabularnewline" if any(column.wrap for column in columns) else r" \\"  # \raggedright has another \\
    lines.append("    " + " & ".join(_heading(column) for column in columns) + end)
    lines.append(r"    \midrule")
    for row in rows:
        if table_rows[row].total and row != rows.start:
            lines.append(r"    \midrule")
        lines.append("    " + " & ".join(_cell(column, row) for column in columns) + end)
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}"])


def _heading(column: _Cells) -> str:
    lines = [breakable(line) if column.wrap else escape_latex(line) for line in column.heading]
    if column.wrap:
        return rf"\raggedright {' '.join(lines)}"
    if len(lines) == 1:
        return lines[0]
    stacked = r" \\ ".join(lines)
    return rf"\shortstack[{'r' if column.numeric else 'l'}]{{{stacked}}}"


def _cell(column: _Cells, row: int) -> str:
    text, mark = column.texts[row], ""
    if text.endswith("†"):
        text, mark = text[:-1], LATEX["†"]
    made = breakable(text) if column.wrap else escape_latex(text)
    made = rf"\textbf{{{made}}}" if column.bold[row] and text else made
    return rf"\raggedright {made}{mark}" if column.wrap else made + mark


def _unknown_signs(table: "Table") -> Iterator[str]:
    """What pdfLaTeX writes for signs that it does not know: their number.  Other engines have fonts with signs."""
    texts = [table.title, table.caption, *(column.heading for column in table.columns)]
    texts += [cell.text for row in table.rows for cell in row.cells]
    unknown = {sign for text in texts for sign in text if ord(sign) > LATIN and sign not in LATEX}
    for sign in sorted(sign for sign in unknown if sign.isprintable()):
        yield rf"\expandafter\gdef\csname u8:\detokenize{{{sign}}}\endcsname{{\texttt{{U+{ord(sign):04X}}}}}"


LONGEST = 160  # letters of a cell; the CSV has all of them
LATIN = 0x17F  # letters up to here every LaTeX knows

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "[": "{[}",  # after \\ a bare bracket would be read as a length
    "]": "{]}",
    "*": "{*}",  # likewise \\*
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    '"': "{''}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "←": r"$\leftarrow$",
    "→": r"$\rightarrow$",
    "√": r"$\surd$",
    "Σ": r"$\Sigma$",
    "Δ": r"$\Delta$",
    "∂": r"$\partial$",
    "∞": r"$\infty$",
    "½": r"$\frac{1}{2}$",
    "²": r"$^{2}$",
    "λ": r"$\lambda$",
    "σ": r"$\sigma$",
    "μ": r"$\mu$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "ε": r"$\varepsilon$",
    "η": r"$\eta$",
    "τ": r"$\tau$",
}

# widths of Computer Modern (cmr10) in tenths of a point
_WIDTHS = {
    **dict.fromkeys(" .,;:'il|!", 30),
    **dict.fromkeys("fjrst()[]I-", 40),
    **dict.fromkeys("0123456789aegoczJ/?", 50),
    **dict.fromkeys("bdhknpquvxy‡†", 56),
    **dict.fromkeys("mwM%W&@", 95),
}


def width_of(text: str) -> float:
    """How wide a text is at 10 points, about; signs that are not known count as wide ones.

    >>> width_of("98.63"), width_of("train %")
    (23.0, 34.1)
    """
    tenths = sum(_WIDTHS.get(letter, 78 if letter in LATEX or ord(letter) <= LATIN else 380) for letter in text)
    return tenths / 10


def breakable(text: str) -> str:
    r"""Escaped text whose long words may be broken anywhere.

    >>> breakable("a" * 25)
    'aaaaaaaaaa\\hspace{0pt}aaaaaaaaaa\\hspace{0pt}aaaaa'
    """
    words = []
    for word in cut_words(text):
        step = 10 if len(word) > 20 else len(word) or 1
        words.append(r"\hspace{0pt}".join(escape_latex(word[i : i + step]) for i in range(0, len(word), step)))
    return " ".join(words)


def cut_words(text: str) -> list[str]:
    """The words of a text, those of more than a line cut."""
    return [word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…" for word in text.split()]


def escape_latex(text: str) -> str:
    r"""Text that LaTeX sets as it is; letters of other alphabets are left to the document's fonts.

    >>> print(escape_latex("50% of x_1 & [512, 256]"))
    50\% of x\_1 \& {[}512, 256{]}
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(LATEX.get(letter, letter) for letter in " ".join(printable.split()))


def cell_text(text: str) -> str:
    """A cell's text, shortened where it is very long."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
