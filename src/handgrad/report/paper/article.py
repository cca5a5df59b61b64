r"""The chapters of a report as an article for LaTeX, in the order of the page: report/main.tex.

It compiles with what Debian's texlive-latex-recommended and texlive-science hold.  Tables and figures are the files
beside it.  Of a table of more than 40 rows it shows the first ones, and names the file that has all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from handgrad.report.chapters.chapter import (
    Block,
    Chapter,
    Code,
    Facts,
    FigureBlock,
    Heading,
    RunTableBlock,
    SideBySide,
    TableBlock,
    Text,
    Verdicts,
)
from handgrad.report.figures.shapes import FigureData
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.tables.latex import LONG, to_longtable
from handgrad.report.tables.latex_text import LATEX, breakable, escape_latex
from handgrad.report.tables.table import Table

SHORT = 10  # rows of a table that stands whole on a page; one of more begins where the text before it ends
NARROW_LETTERS = 60.0  # points: longer words of a program text may be broken
PICTURES = ("pdf", "png")  # what pdfLaTeX includes
PREAMBLE = r"""\documentclass{article}
\ifdefined\pdftrailerid\pdftrailerid{}\fi % the same bytes wherever it is compiled
\usepackage[a4paper,text={470pt,690pt}]{geometry}
\usepackage{booktabs,longtable,siunitx}
\usepackage{float,graphicx}
\floatplacement{table}{H}
\floatplacement{figure}{H}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setlength{\emergencystretch}{5em}
\newsavebox{\picture@box}
\newcommand{\fitted}[1]{\sbox{\picture@box}{\includegraphics{#1}}%
  \ifdim\wd\picture@box>\linewidth\includegraphics[width=\linewidth,height=0.8\textheight,keepaspectratio]{#1}%
  \else\ifdim\ht\picture@box>0.8\textheight\includegraphics[height=0.8\textheight]{#1}%
  \else\usebox{\picture@box}\fi\fi}""".replace("picture@box", "picturebox")
MARKS = {"warning": "Warning", "slip": "Slip"}


class Article:
    """Collects chapters as text for LaTeX.  formats: of the figures that lie in `folder`/figures."""

    def __init__(self, folder: Path, formats: Iterable[str]) -> None:
        self.folder = folder
        self.form = next((form for form in PICTURES if form in formats), None)
        self.lines: list[str] = []

    def chapter(self, chapter: Chapter) -> None:
        """Add a chapter; not one of controls, which a paper does not have."""
        if any(isinstance(block, SideBySide) for block in chapter.blocks):
            return
        self.lines += ["", rf"\section{{{breakable(chapter.title)}}}"]
        for block in chapter.blocks:
            self.lines += self._block(block)

    def text(self, summary: Summary, verdicts: Sequence[Verdict], numbers: Sequence[Mapping[str, str]]) -> str:
        """main.tex: title, numbers and verdicts at the top (as those of `page.render`), and the chapters."""
        facts = [
            (tile["term"], (" ".join(filter(None, (tile["value"], tile["unit"], tile["how"] and f"({tile['how']})"))),))
            for tile in numbers
        ]
        top = [rf"\title{{{breakable(summary.title)}}}", r"\author{}", r"\date{}", r"\begin{document}", r"\maketitle"]
        top += [breakable(summary.description)] if summary.description else []
        top += [*_facts(facts), *_verdicts(verdicts)]
        return "\n".join([PREAMBLE, *top, *self.lines, r"\end{document}", ""])

    def _block(self, block: Block) -> Iterator[str]:
        if isinstance(block, Text):
            yield from ("", breakable(block.text))
        elif isinstance(block, Heading):
            yield rf"\subsection*{{{breakable(block.text)}}}"
        elif isinstance(block, Verdicts):
            yield from _verdicts(block.items)
        elif isinstance(block, Facts):
            yield from _facts(block.rows)
        elif isinstance(block, Code):
            yield from _code(block)
        elif isinstance(block, TableBlock):
            yield from _table(block.table, folded=block.folded)
        elif isinstance(block, RunTableBlock):
            yield from _table(block.table, folded=True)
        elif isinstance(block, SideBySide):
            pass  # its chapter is left out
        elif isinstance(block, FigureBlock):
            yield from self._figure(block.figure)
        else:
            assert_never(block)

    def _figure(self, figure: FigureData) -> list[str]:
        if self.form is None:
            return ["", rf"Figure {escape_latex(figure.title)}: its numbers are in figures/{figure.name}.csv."]
        return [
            r"\begin{figure}",
            r"  \centering",
            rf"  \fitted{{figures/{figure.name}.{self.form}}}",
            rf"  \caption{{{breakable(figure.title)}.}}",
            rf"  \label{{fig:{figure.name}}}",
            r"  \vspace{3pt}\par",
            rf"  \parbox{{\linewidth}}{{\footnotesize\sloppy {breakable(figure.caption)}}}",
            r"\end{figure}",
        ]


def _table(table: Table, *, folded: bool) -> Iterator[str]:
    if len(table.rows) <= SHORT:
        yield rf"\input{{tables/{table.name}.tex}}"
        return
    if len(table.rows) <= LONG:
        yield to_longtable(table)
        return
    csv, tex = (breakable(f"tables/{table.name}.{form}", NARROW_LETTERS) for form in ("csv", "tex"))
    files = rf"all {len(table.rows):,} rows are in \texttt{{{csv}}}, and \texttt{{{tex}}} sets them"
    if folded:
        yield from ("", rf"{breakable(table.title)}: {files}.")
        return
    yield to_longtable(replace(table, name=f"{table.name}-first", rows=table.rows[:LONG]))
    yield rf"The first {LONG} rows; {files}."


def _verdicts(verdicts: Iterable[Verdict]) -> list[str]:
    marks = {kind: rf"\textbf{{{word}.}} " for kind, word in MARKS.items()}
    marks["method"] = r"\footnotesize "
    items = [rf"  \item {{{marks.get(one.kind, '')}{breakable(one.text)}}}" for one in _methods_last(verdicts)]
    return [r"\begin{itemize}", *items, r"\end{itemize}"] if items else []


def _methods_last(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda one: one.kind == "method")


def _facts(rows: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    below = r" \\ "
    items = [rf"  \item[{{{escape_latex(term)}}}] {below.join(map(breakable, lines))}" for term, lines in rows]
    return [r"\begin{description}", *items, r"\end{description}"] if items else []


def _code(block: Code) -> Iterator[str]:
    """Lines of equal letters; what is indented stays so."""
    if block.title:
        yield from ("", breakable(block.title))
    yield r"\begin{flushleft}\footnotesize\ttfamily\setlength{\parskip}{0pt}"
    for line in block.text.splitlines():
        indent = "~" * (len(line) - len(line.lstrip()))
        text = breakable(line, NARROW_LETTERS).replace(LATEX['"'], r"\char34{}")  # a program's own sign, and no quote
        yield rf"{indent}{text}\mbox{{}}\par"
    yield r"\end{flushleft}"
