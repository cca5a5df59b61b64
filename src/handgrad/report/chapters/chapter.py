"""A chapter of a report: its title and the blocks that stand under it.

A block is a sentence, a list of facts, verdicts, a table, a figure or a piece of code.  The page shows each in its own
way, and saves tables and figures as files too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from handgrad.report.figures.shapes import FigureData
from handgrad.report.findings.summary import PhaseSummary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.tables.table import Table
from handgrad.study.published.print_options import AS_USUAL, PrintOptions
from handgrad.training.sources import sources_named


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Verdicts:
    """Sentences with their marks."""

    items: tuple[Verdict, ...]


@dataclass(frozen=True)
class Facts:
    """Terms and what they are; a fact may have several lines."""

    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Code:
    """Text in letters of equal width, with a button that copies it."""

    text: str
    title: str = ""


@dataclass(frozen=True)
class Heading:
    """The heading of a part of a chapter."""

    text: str


@dataclass(frozen=True)
class TableBlock:
    """folded: hidden until the reader opens it;  number: the original's own, such as "Table 1".

    alone: its reproduced numbers in the original's columns, which are saved beside it.
    """

    table: Table
    folded: bool = False
    number: str = ""
    alone: Table | None = None


@dataclass(frozen=True)
class RunTableBlock:
    """Every run: the page's script sorts, filters and groups its own copy of the table."""

    table: Table


@dataclass(frozen=True)
class FigureBlock:
    """number: the original's own, such as "Figure 1";  options: how it is drawn for print, where the study says it."""

    figure: FigureData
    number: str = ""
    options: PrintOptions = AS_USUAL


@dataclass(frozen=True)
class SideBySide:
    """Two settings or runs of the reader's choice beside each other.  data: what the page's script makes it of."""

    data: Mapping[str, Any]


Block = Text | Heading | Verdicts | Facts | Code | TableBlock | RunTableBlock | FigureBlock | SideBySide


@dataclass(frozen=True)
class Chapter:
    """A heading and what stands under it; `short` is its name in the table of contents."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    short: str = ""


AnyBlock = TypeVar("AnyBlock", bound=Block)


def with_sources(block: AnyBlock, phase: PhaseSummary) -> AnyBlock:
    """A block whose table or figure says in its caption what the seeds of its phase vary, where the study says it."""
    if phase.vary is None:
        return block
    said = f" Seeds vary: {sources_named(phase.sources)}."
    if isinstance(block, TableBlock):
        return replace(block, table=replace(block.table, caption=block.table.caption + said))
    if isinstance(block, FigureBlock):
        return replace(block, figure=replace(block.figure, caption=block.figure.caption + said))
    return block
