r"""Tables for LaTeX: \input them into an article of one column or two, whose page they fit.

    \usepackage{booktabs,siunitx}     in the preamble; longtable too for tables of more than 40 rows in one column

What a page has room for is that of an article of 10 points: 345 points in one column; of two columns 229 each, and 469
across both.  In this order, until a table fits: headings of several lines, columns that say the same in every row in a
note below, smaller letters, text that wraps, columns that go on in a tabular below, the first one repeated.  Beyond 40
rows a table is a longtable in one column, and several table* in two.  A file holds both forms where they differ, and
the document takes its own.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handgrad.report.tables.latex_columns import SIZES, Size, TexColumn, headed, tex_columns
from handgrad.report.tables.latex_text import breakable, cell_text, plain, transcriptions, width_of

if TYPE_CHECKING:
    from handgrad.report.tables.table import Row, Table


PAGE, COLUMN, BOTH = 345.0, 229.0, 469.0  # points: the text of an article, a column of two, and both
HEIGHT = 550.0
LONG = 40  # rows beyond which a table is no single float
NARROW = 60.0  # points of a column of wrapped text at least
SETUP = r"\sisetup{detect-weight,group-digits=integer,group-minimum-digits=4,group-separator={,},retain-explicit-plus}"
TWO_COLUMNS = r"\ifdim\columnwidth<\textwidth"


@dataclass(frozen=True)
class _Layout:
    """Columns side by side, in one tabular or several, in letters of a size; and what a note says of the others."""

    width: float
    size: Size
    blocks: tuple[tuple[TexColumn, ...], ...]
    same: str = ""

    @property
    def wrapped(self) -> bool:
        return any(column.wrap for block in self.blocks for column in block)


def to_latex(table: "Table", column: str | None = None) -> str:
    r"""A table with its label, `tab:<name>`; † marks the best and those not behind it.

    column: of an article of two, "single" (one of them, whatever it takes) or "double" (across both); None: one of them
    where the table fits it as it is.
    """
    columns = tex_columns(table)
    one, two = _layout(columns, PAGE), _layout(columns, BOTH if column == "double" else COLUMN)
    if column is None and (len(table.rows) > LONG or two.wrapped or len(two.blocks) > 1):
        two = _layout(columns, BOTH)
    long = len(table.rows) > LONG
    single = _long(table, one) if long else _floats(table, one, "table")
    double = _floats(table, two, "table*" if two.width == BOTH else "table")
    packages = f"booktabs,siunitx{',longtable' * long}"
    texts = [rf"% needs \usepackage{{{packages}}} in the preamble", *_transcribed(table)]
    texts += single if single == double else [TWO_COLUMNS, *double, r"\else", *single, r"\fi"]
    return "\n".join([*texts, ""])


def to_longtable(table: "Table") -> str:
    """A table across both columns' width of an article, which breaks between pages wherever one ends."""
    lines = _long(table, _layout(tex_columns(table), BOTH))
    return "\n".join([*_transcribed(table), *lines, ""])


def _layout(columns: list[TexColumn], width: float) -> _Layout:
    """The largest letters in which all columns stand side by side; else the smallest, wrapped and split."""
    if _total(columns, SIZES[0]) <= width:
        return _Layout(width, SIZES[0], (tuple(columns),))
    columns = [headed(column) for column in columns]
    if _total(columns, SIZES[0]) <= width:
        return _Layout(width, SIZES[0], (tuple(columns),))
    columns, same = _different(columns)
    for size in SIZES[:3]:
        if _total(columns, size) <= width:
            return _Layout(width, size, (tuple(columns),), same)
    size = SIZES[2]
    wide = [column for column in columns if not column.aligned and column.taken(size) > 1.2 * NARROW]
    narrow = [column for column in columns if column not in wide]
    if wide:
        rest = (width - 1) / 1.02 - _total(narrow, size) / 1.02 - 2 * size.gap * len(wide)
        while True:  # columns that need less than their share leave the rest to the others
            share = rest / len(wide) if wide else NARROW
            modest = [column for column in wide if column.taken(size) <= share]
            if not modest:
                break
            wide = [column for column in wide if column not in modest]
            rest -= sum(column.taken(size) for column in modest)
        share = share if share >= NARROW else min(110.0, width / 3)
        columns = [_wrapped(column, share, size) if column in wide else column for column in columns]
    if _total(columns, size) > width >= _total(columns, SIZES[3]):
        return _Layout(width, SIZES[3], (tuple(columns),), same)
    most = width / 2 - 4 * size.gap
    columns = [column if column.taken(size) <= most else replace(column, wrap=math.floor(most)) for column in columns]
    return _Layout(width, size, tuple(_blocks(columns, width, size)), same)


def _different(columns: list[TexColumn]) -> tuple[list[TexColumn], str]:
    """The columns whose cells differ, and what the others say in every row; the first one always stays."""
    kept, same = columns[:1], []
    for column in columns[1:]:
        if len(column.texts) > 2 and len(set(column.texts)) == 1:
            heading = " ".join(column.heading)
            same += [f"{heading} {column.texts[0]}"] if column.texts[0] else []
        else:
            kept.append(column)
    return kept, f"In every row: {'; '.join(same)}." if same else ""


def _wrapped(column: TexColumn, share: float, size: Size) -> TexColumn:
    return column if column.taken(size) <= share else replace(column, wrap=math.floor(share), numbers=())


def _total(columns: Sequence[TexColumn], size: Size) -> float:
    return 1.02 * sum(column.taken(size) + 2 * size.gap for column in columns)


def _blocks(columns: list[TexColumn], width: float, size: Size) -> Iterator[tuple[TexColumn, ...]]:
    """Columns side by side as far as the page is wide; the first one begins each block."""
    first, *others = columns
    block = [first]
    for column in others:
        if len(block) > 1 and _total([*block, column], size) > width:
            yield tuple(block)
            block = [first]
        block.append(column)
    yield tuple(block)


def _chunks(columns: Sequence[TexColumn], n: int, size: Size, room: float) -> Iterator[tuple[range, float]]:
    """Rows as far as the page is high, and how high the tabular of them is."""
    heading = max(len(column.heading) for column in columns)
    wrapped = [column for column in columns if column.wrap]

    def height(lines: int) -> float:
        return 25 + size.line * (1.1 * heading + lines)

    start = lines = 0
    for row in range(n):
        more = max((column.lines(row, size) for column in wrapped), default=1)
        if row > start and (row - start >= LONG or height(lines + more) > room):
            yield range(start, row), height(lines)
            start, lines = row, 0
        lines += more
    yield range(start, n), height(lines)


def _floats(table: "Table", found: _Layout, environment: str) -> list[str]:
    """A float or, where a page is too low for all, several."""
    note, note_height = _note(table, found)
    apart = note_height > HEIGHT / 2  # the table has the page, the note what is left of it, or a float of its own
    title_height = 20 + 12 * math.ceil(1.2 * width_of(plain(table.title)) / found.width)
    room = HEIGHT - 40 - title_height - (0 if apart else note_height)
    floats: list[list[str]] = []
    left = -1.0
    for columns in found.blocks:
        for rows, height in _chunks(columns, len(table.rows), found.size, room):
            if height > left:
                floats.append([])
                left = room
            left -= height
            floats[-1].append("\n".join(_tabular(columns, table.rows, rows)))
    beside = not apart or left >= note_height
    if not beside:
        note, _ = _note(table, found, apart=True)
    lines: list[str] = []
    for number, tabulars in enumerate(floats):
        last = number == len(floats) - 1
        before, caption = _caption(table, first=number == 0)
        lines += [rf"\begin{{{environment}}}", r"  \centering", r"  \sloppy", *before, *caption, r"  \vspace{4pt}"]
        lines += [f"  {line}" for line in _letters(found.size)]
        lines += [
            "\n\n  \\medskip\n\n".join(tabulars),
            *(note if last and beside else ()),
            rf"\end{{{environment}}}",
        ]
        lines += [r"\clearpage"] * (number % 10 == 9)  # LaTeX keeps few floats that wait for a page
    if beside:
        return lines
    if note_height > HEIGHT - 40:  # no float holds it
        return [*lines, *note]
    return [*lines, rf"\begin{{{environment}}}", *note, rf"\end{{{environment}}}"]


def _caption(table: "Table", *, first: bool) -> tuple[list[str], list[str]]:
    r"""What comes before, and \caption with its \label; what goes on has the number of its beginning."""
    title = f"{table.title}." if first else f"{table.title}, continued."
    again = [] if first else [r"  \addtocounter{table}{-1}"]
    label = rf"  \label{{{_label(table)}}}"
    return again, [rf"  \caption{{{breakable(title, 80)}}}", *([label] if first else [])]


def _label(table: "Table") -> str:
    return f"tab:{re.sub(r'[^A-Za-z0-9-]', '-', table.name)}"


def _letters(size: Size) -> list[str]:
    """The size of letters, the space at columns, and how siunitx sets numbers."""
    return [size.command, rf"\setlength{{\tabcolsep}}{{{size.gap:g}pt}}", SETUP] if size.command else [SETUP]


def _note(table: "Table", found: _Layout, *, apart: bool = False) -> tuple[list[str], float]:
    """What stands below a table, and how high it is.  apart: somewhere else, so that it names its table."""
    said = [table.caption, found.same]
    if transcriptions(_texts(table)):
        said.append("Signs that LaTeX's fonts do not have are transcribed; the CSV has names as they are.")
    text = " ".join(part for part in said if part)
    if not text:
        return [], 0.0
    lines = math.ceil(1.1 * SIZES[2].scale * width_of(plain(text)) / found.width)
    of = rf"Table~\ref{{{_label(table)}}}: " * apart
    body = rf"\noindent\parbox{{\linewidth}}{{\footnotesize\sloppy {of}{breakable(text, 80)}}}"
    return ["", r"  \smallskip", "", rf"  {body}"], 9.5 * lines + 12


def _tabular(columns: Sequence[TexColumn], table_rows: "Sequence[Row]", rows: range) -> list[str]:
    head, end = _head(columns)
    lines = [rf"  \begin{{tabular}}{{{''.join(column.form for column in columns)}}}", r"    \toprule", f"    {head}"]
    lines += [r"    \midrule", *_rows(columns, table_rows, rows, end)]
    return [*lines, r"    \bottomrule", r"  \end{tabular}"]


def _head(columns: Sequence[TexColumn]) -> tuple[str, str]:
    r"""(the row of headings, what ends a row); \raggedright has another \\."""
    end = r" \tabularnewline" if any(column.wrap for column in columns) else r" \\"
    return " & ".join(column.head() for column in columns) + end, end


def _rows(columns: Sequence[TexColumn], table_rows: "Sequence[Row]", rows: range, end: str) -> Iterator[str]:
    for row in rows:
        if table_rows[row].total and row != rows.start:
            yield r"    \midrule"
        yield "    " + " & ".join(column.cell(row) for column in columns) + end


def _long(table: "Table", found: _Layout) -> list[str]:
    """A longtable for each block of columns, which breaks between pages by itself."""
    note, _ = _note(table, found)
    lines = [r"\begingroup", r"\sloppy", *_letters(found.size), r"\setlength{\LTcapwidth}{\linewidth}"]
    for number, columns in enumerate(found.blocks):
        head, end = _head(columns)
        before, caption = ([line.strip() for line in part] for part in _caption(table, first=number == 0))
        parts = sum(column.parts for column in columns)
        lines += [*before, rf"\begin{{longtable}}{{{''.join(column.form for column in columns)}}}"]
        lines += [f"  {''.join(caption)} \\\\", r"  \toprule", f"  {head}", r"  \midrule", r"  \endfirsthead"]
        lines += [
            rf"  \multicolumn{{{parts}}}{{l}}{{\emph{{continued}}}} \\",
            r"  \toprule",
            f"  {head}",
            r"  \midrule",
        ]
        lines += [r"  \endhead", r"  \bottomrule", r"  \endfoot"]
        lines += [*_rows(columns, table.rows, range(len(table.rows)), end), r"\end{longtable}"]
    return [*lines, *(line.strip() for line in note if r"\parbox" in line), r"\par\medskip", r"\endgroup"]


def _texts(table: "Table") -> list[str]:
    texts = [table.title, table.caption, *(cell_head.heading for cell_head in table.columns)]
    return [*texts, *(cell.text for row in table.rows for cell in row.cells)]


def _transcribed(table: "Table") -> Iterator[str]:
    """Comments that say how words with other signs are written."""
    for word, written in list(transcriptions(_texts(table)).items())[:LONG]:
        shown = "".join(sign for sign in word[:60] if sign.isprintable())
        yield f"% {shown}: written {cell_text(written)[:60]}"
