"""One table of a results folder in a file: those of the report, with the columns and rows that a paper has room for.

save_table(folder, "summary", "paper/main.tex", columns=["setting", "test %"], column="single")
"""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from handgrad.errors import InputError
from handgrad.files import write_whole
from handgrad.foreign import as_path
from handgrad.names import shown, unknown
from handgrad.report.chapters.begun_chapter import begun_chapter
from handgrad.report.chapters.chapter import Chapter, RunTableBlock, TableBlock
from handgrad.report.chapters.chapters import chapters
from handgrad.report.explained.explained_chapter import explained_chapters
from handgrad.report.findings.importance import importances
from handgrad.report.findings.published_names import published_names, renamed
from handgrad.report.findings.summarize import summarize
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.report.study_figure import sources_of
from handgrad.report.tables.chosen_columns import with_columns, with_rows
from handgrad.report.tables.latex import to_latex
from handgrad.report.tables.table import WRITERS, Table
from handgrad.sections import given
from handgrad.study.explain.rung_results import read_explanation
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.so_far import so_far
from handgrad.study.published.print_options import COLUMNS


def save_table(
    folder: Results | str | os.PathLike[str],
    name: str,
    path: str | os.PathLike[str],
    *,
    columns: Iterable[str] | Mapping[str, str | None] | None = None,
    rows: Iterable[str | int] | str | int | None = None,
    column: str | None = None,
) -> Path:
    """Write a table of a results folder to a file and return its path; .tex, .csv or .md, by the end of its name.

    folder: results, or their folder;  name: that of a table of its report, such as "summary" (docs/report.md);
    columns: their headings, or names in the CSV, in the order wanted (default: all); a dict gives headings of your own;
    rows: texts of the first column, such as labels of settings, or how many of the first rows.
    column: of a LaTeX article of two columns, "single" (the table is within one) or "double" (across both).
    Raises InputError where something is not known, with what is there; where the file is no earlier table, or cannot be
    written.
    """
    target, name = as_path(path, "path"), given(name, str, "name", "Give that of a table, such as summary")
    form = target.suffix.removeprefix(".").lower()
    if form not in WRITERS:
        raise InputError(f"path must end in .csv, .md or .tex, which says what is written; got {shown(str(target))}")
    if column is not None and not (isinstance(column, str) and column in COLUMNS):
        raise InputError(f"column must be {' or '.join(COLUMNS)}; got {shown(column)}")
    if column is not None and form != "tex":
        raise InputError(f"column is that of an article, so of a table in .tex; got {shown(column)} with .{form}")
    table = whole = _named(Results.of(folder), name)
    table = table if rows is None else with_rows(table, rows)
    table = table if columns is None else with_columns(table, columns)
    table = replace(table, name=target.stem)
    text = to_latex(table, column) if form == "tex" else WRITERS[form](table)
    _refuse_strange(target, form, whole)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, text.encode("utf-8"))
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}; choose another path") from error
    return target


def _named(results: Results, name: str) -> Table:
    """The table of this name; chapters after the one that has it are not made."""
    known = []
    for table in _tables(results):
        if table.name == name:
            return table
        known.append(table.name)
    raise InputError(f"{results.folder}: {unknown(name, known, 'table')}")


def _tables(results: Results) -> Iterator[Table]:
    """The tables of the report in its order."""
    summary = summarize(results)
    summary = renamed(summary, published_names(summary))
    found: Iterable[Chapter]
    if (explained := read_explanation(results)) is not None:
        found = explained_chapters(explained, summary)
    else:
        sources = sources_of(results, summary.names)
        reproduction = reproduce(summary, sources.by_epoch, sources.diagnostics)
        found = chapters(summary, sources, reproduction, importances(summary))
    begun = begun_chapter(so_far(results), summary.names)
    for chapter in found if begun is None else chain([begun], found):
        for block in chapter.blocks:
            if isinstance(block, TableBlock | RunTableBlock):
                yield block.table
            if isinstance(block, TableBlock) and block.alone is not None:
                yield block.alone


def _refuse_strange(path: Path, form: str, table: Table) -> None:
    """Raise InputError where a file would be lost that is no earlier table."""
    if not os.path.lexists(path):
        return
    try:
        first, _, rest = path.read_text("utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        first, rest = "?", ""
    names = {name for column in table.columns for name in column.names}
    ours = {
        "tex": first.startswith(r"% needs \usepackage{booktabs,siunitx"),
        "md": first.startswith("**") and rest.startswith("\n| "),
        "csv": names.issuperset(next(csv.reader([first]), ["?"])),
    }
    if first and not ours[form]:
        raise InputError(
            f"{path}: is there already and was not written as table {table.name}; give another name, or move it away"
        )
