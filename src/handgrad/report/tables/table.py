r"""A table: a frozen dataclass of cells, written as CSV, Markdown and LaTeX.

A cell has the text that people read, such as "98.63 ± 0.05", and the values that a program wants (0.9863, 0.0005, 3).
HTML, Markdown and LaTeX show the text; CSV holds the values in full precision.

Names of data sets, classes, axes and studies are the user's own: whatever they contain (<, |, &, _, \, a line break)
is text in every format and never markup.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from handgrad.report.tables.latex import to_latex


@dataclass(frozen=True)
class Column:
    """A heading, how it is aligned, and the names of the CSV columns behind it (the heading itself by default).

    notes: sentences of the table's caption that speak of this column alone, and go where it is left out.
    """

    heading: str
    keys: tuple[str, ...] = ()
    numeric: bool = False
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the CSV columns."""
        return self.keys or (self.heading,)


@dataclass(frozen=True)
class Cell:
    """The text for readers and the values for programs, one per CSV column (the text itself by default)."""

    text: str
    values: tuple[Any, ...] | None = None
    bold: bool = False


@dataclass(frozen=True)
class Row:
    """`shaded`: the best and those not behind it, shaded on the page, † in print and Markdown; `total`: set off."""

    cells: tuple[Cell, ...]
    shaded: bool = False
    total: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows with a title, a caption that says how the numbers were computed, and the files' name."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"table {self.name}: a row of {len(row.cells)} cells for {len(self.columns)} columns")
            for column, cell in zip(self.columns, row.cells, strict=True):
                if len(_values(column, cell)) != len(column.names):
                    raise ValueError(f"table {self.name}: {cell} does not hold {column.names}")


def cell(value: Any, text: str | None = None, *, bold: bool = False) -> Cell:
    """A cell of one value; None is shown as a dash.

    >>> cell(0.25, "25 %")
    Cell(text='25 %', values=(0.25,), bold=False)
    """
    if text is None:
        text = "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return Cell(text, (value,), bold)


def write_table(table: Table, folder: Path) -> list[Path]:
    """Write `<name>.csv`, `.md` and `.tex` and return the paths."""
    paths = []
    for form, write in WRITERS.items():
        paths.append(folder / f"{table.name}.{form}")
        paths[-1].write_text(write(table), encoding="utf-8", newline="")
    return paths


def to_csv(table: Table) -> str:
    """Values in full precision; an empty field is a number that does not exist."""
    rows = (
        [value for column, cell in zip(table.columns, row.cells, strict=True) for value in _values(column, cell)]
        for row in table.rows
    )
    text = io.StringIO()
    write_csv(text, [name for column in table.columns for name in column.names], rows)
    return text.getvalue()


def write_csv(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Comma-separated text into an open file, lines ending in a single line feed; None and NaN become empty fields."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if isinstance(value, float) and math.isnan(value) else value for value in row] for row in rows)


def _values(column: Column, cell: Cell) -> tuple[Any, ...]:
    if cell.values is not None:
        return cell.values
    return (cell.text,) if len(column.names) == 1 else ()


def to_markdown(table: Table) -> str:
    """A table as GitHub reads it, under its title and over its caption."""
    lines = [
        f"**{escape_markdown(table.title)}**",
        "",
        "| " + " | ".join(escape_markdown(column.heading) for column in table.columns) + " |",
        "|" + "|".join("--:" if column.numeric else "---" for column in table.columns) + "|",
    ]
    for row in table.rows:
        texts = [escape_markdown(cell.text) for cell in row.cells]
        texts = [f"**{text}**" if cell.bold and text else text for text, cell in zip(texts, row.cells, strict=True)]
        if row.shaded:
            texts[0] += " †"
        lines.append("| " + " | ".join(texts) + " |")
    caption = [escape_markdown(table.caption)] if table.caption else []
    return "\n".join([*lines, "", *caption, ""])


def escape_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is.

    >>> print(escape_markdown("a|b <i> *x*"))
    a\|b &lt;i&gt; \*x\*
    """
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~$!])", r"\\\1", text)


WRITERS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "md": to_markdown, "tex": to_latex}
