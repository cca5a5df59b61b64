"""Building a report: from a results folder to plain files.

    build_report(folder)         ->  folder/report/index.html, tables/*.{csv,md,tex}, figures/*.{png,svg,pdf} and *.csv,
                                     main.tex, and main.pdf where it is asked for,
                                     conclusions.json, reproduction.json of a study that reproduces something

Only records are read: no data set and no engine, and nothing is trained.  A report is written into a new folder; then
its files replace those of the last report, and files that the user put there stay (`study.folder.earlier`).
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from handgrad.errors import DamagedError, HandgradError, ResultsError
from handgrad.files import sweep, temporary
from handgrad.foreign import as_path
from handgrad.names import shown
from handgrad.report.chapters.begun_chapter import begun_chapter
from handgrad.report.chapters.chapters import chapters, headline
from handgrad.report.drawing.lettering import check_fonts, without_font
from handgrad.report.drawing.prints import Prints
from handgrad.report.explained.explained_chapter import explained_chapters, explained_tiles, explained_verdicts
from handgrad.report.figures.rate_range import range_verdicts
from handgrad.report.figures.request import Sources
from handgrad.report.findings.conclusion_sentences import conclusions_data
from handgrad.report.findings.importance import Importance, importances
from handgrad.report.findings.published_names import published_names, renamed
from handgrad.report.findings.so_far_sentences import so_far_verdicts
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import plural
from handgrad.report.foreseen_time import helpers
from handgrad.report.page.page import Page, render, tiles
from handgrad.report.page.run_curves import run_curves
from handgrad.report.page.run_sections import run_sections
from handgrad.report.page.run_table import run_table
from handgrad.report.paper.article import Article
from handgrad.report.paper.typesetting import find_pdflatex, typeset
from handgrad.report.reproduced.reproduction import Reproduction, reproduce
from handgrad.report.study_figure import FORMATS, known_formats, records_of, sources_of
from handgrad.study.execution.choose_runner import known_jobs
from handgrad.study.explain.rung_results import Explained, read_explanation
from handgrad.study.folder.disk import unwritable
from handgrad.study.folder.earlier import next_earlier, put
from handgrad.study.folder.locks import reporting
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.so_far import SoFar, so_far
from handgrad.study.folder.store import REPORT
from handgrad.study.published.print_options import AS_USUAL, PrintOptions
from handgrad.study.runners.processes import refuse_unguarded
from handgrad.study.runners.runner import cores
from handgrad.training.environment import without_collection

NAMED = 3  # files that were moved away and are named one by one


@dataclass(frozen=True)
class WrittenReport:
    """The page of a report that was written, and what it was made from.  reproduction, explained: None for none.

    important: what matters in each phase in which something varies.  so_far: how far the study had come.
    range_tests: which learning rates its range tests give.
    """

    page: Path
    summary: Summary
    so_far: SoFar
    reproduction: Reproduction | None
    explained: Explained | None = None
    important: tuple[Importance, ...] = ()
    range_tests: tuple[Verdict, ...] = ()


def build_report(
    folder: Results | str | os.PathLike[str],
    *,
    formats: Iterable[str] = FORMATS,
    say: Callable[[str], None] = lambda text: None,
    pdf: bool = False,
    column: str | None = None,
    width: float | None = None,
    font_size: float | None = None,
    font: str | None = None,
    jobs: int | None = 1,
) -> Path:
    """Build the report of a results folder (its path, or `Results`) and return the path of its index.html.

    formats: of the figures, any of png, svg and pdf.  say: called with a line for each file that the user
    changed and that was moved away, and for signs that no font has.  pdf: compile report/main.tex to main.pdf.
    column, width, font_size, font: how figures are drawn for print, as for `save_figure`; they stand in for what the
    study says of all figures ([report]), and a [[figure]] that says it of itself keeps its own.
    jobs: processes that draw the figures of a report that takes long, this one among them; None: one for each core.
    With two or more, a script needs the guard of every program that starts processes (`if __name__ == "__main__":`).
    Raises ResultsError where there are no results or the disk is full, DamagedError where records were altered,
    InputError where a PDF is asked for and LaTeX is missing.
    """
    options = PrintOptions(column=column, width=width, font_size=font_size, font=font)
    return write_report(folder, formats=formats, say=say, pdf=pdf, options=options, jobs=jobs).page


def write_report(
    folder: Results | str | os.PathLike[str],
    *,
    formats: Iterable[str] = FORMATS,
    say: Callable[[str], None] = lambda text: None,
    pdf: bool = False,
    options: PrintOptions = AS_USUAL,
    jobs: int | None = 1,
) -> WrittenReport:
    """As `build_report`; return what the report was made from as well."""
    formats, jobs = known_formats(formats), known_jobs(jobs)
    if jobs != 1:
        refuse_unguarded()
    if pdf:
        find_pdflatex()  # before minutes are spent on figures
    if formats:
        check_fonts(options)
    folder = folder.folder if isinstance(folder, Results) else as_path(folder, "folder", ResultsError)
    Results.open(folder)  # no folder of anything else is locked or written to
    with reporting(folder):
        report = folder / "report"
        if os.path.lexists(report) and not report.is_dir():
            what = "a link that leads nowhere" if report.is_symlink() else "a file"
            raise ResultsError(f"{report}: is {what} where the report has its folder; move it away")
        sweep(folder / "report", REPORT)
        made = temporary(report / "new")
        try:
            report.mkdir(exist_ok=True)
            written = write_into(Results.open(folder), made, formats, say, options, min(jobs or cores(), cores()))
            if pdf:
                typeset(made)
            moved = put(made, report, REPORT, lambda: next_earlier(folder))
            for path, place in moved[:NAMED]:
                say(f"{path} was not as handgrad wrote it; that version is kept as {place}")
            if len(moved) > NAMED:
                more = len(moved) - NAMED
                say(f"so {'is' if more == 1 else 'are'} {plural(more, 'more file')} of {report}")
            return replace(written, page=report / "index.html")
        except OSError as error:
            raise unwritable(folder, error, elsewhere=False) from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
            with suppress(OSError):
                report.rmdir()  # it is empty where the first report failed


def write_into(
    results: Results,
    folder: Path,
    formats: tuple[str, ...],
    say: Callable[[str], None] = lambda text: None,
    options: PrintOptions = AS_USUAL,
    jobs: int = 1,
) -> WrittenReport:
    """Write the files of a report into a folder of one's own: nothing is locked or written where the results are."""
    # a report keeps what it reads: to look for cycles in all of it again and again takes a fifth of its time
    with without_collection(), Prints(helpers(results, jobs) if formats else 0) as saver:
        return _write_into(results, folder, formats, say, options, saver)


def _write_into(
    results: Results,
    folder: Path,
    formats: tuple[str, ...],
    say: Callable[[str], None],
    options: PrintOptions,
    saver: Prints,
) -> WrittenReport:
    records = records_of(results)
    summary = summarize(results, keep=records.keep)
    summary = renamed(summary, published_names(summary))
    sources = sources_of(results, summary.names, records)
    try:
        return _write_all(summary, sources, results, folder, formats, say, options, saver)
    except (HandgradError, OSError):
        raise
    except Exception as error:
        if not summary.unverified:
            raise
        raise DamagedError(
            f"{results.folder}: no report can be made ({type(error).__name__}: {shown(str(error), 160)[1:-1]}); "
            f"{plural(summary.unverified, 'record')} of an earlier version without checksums may be damaged. "
            "Delete it from runs/ and run the study again"
        ) from None


def _write_all(
    summary: Summary,
    sources: Sources,
    results: Results,
    folder: Path,
    formats: tuple[str, ...],
    say: Callable[[str], None],
    options: PrintOptions,
    saver: Prints,
) -> WrittenReport:
    if formats:
        check_fonts(options, results.study)
    said = results.study.spec.report
    page = Page(folder, formats, options.over(said or AS_USUAL), saver)
    article = Article(folder, formats)
    progress = so_far(results)
    explained = read_explanation(results)
    important = () if explained is not None else tuple(importances(summary))
    reproduction = None if explained is not None else reproduce(summary, sources.by_epoch, sources.diagnostics)
    range_tests = () if explained is not None else tuple(range_verdicts(summary, sources))
    if explained is None:
        made = chapters(summary, sources, reproduction, important)
        verdicts = headline(summary, reproduction, important, range_tests)
        numbers = tiles(summary, preliminary=not progress.over)
    else:
        made = explained_chapters(explained, summary)
        verdicts, numbers = explained_verdicts(explained), explained_tiles(explained)
    of = {} if explained is None else {"of": "readings"}
    verdicts = (*so_far_verdicts(progress, summary.names, **of), *verdicts)
    begun = begun_chapter(progress, summary.names)
    contents = []
    for chapter in made if begun is None else chain([begun], made):
        contents.append(page.chapter(chapter))
        article.chapter(chapter)
    if explained is None:
        page.explored |= run_curves(summary, sources)
    if explained is None and summary.runs:
        page.runs, page.sections = run_table(summary), run_sections(summary, sources)
    if page.unwritten:
        say(without_font(page.unwritten))
    if reproduction is not None:
        _write_json(folder / "reproduction.json", reproduction.data())
    if explained is None:
        preliminary = {} if progress.over else {"preliminary": progress.data()}
        _write_json(folder / "conclusions.json", conclusions_data(summary) | preliminary)
    text = article.text(summary, verdicts, numbers)
    (folder / "main.tex").write_text(text, encoding="utf-8", newline="\n")
    (folder / "index.html").write_text(
        render(page, summary, contents, verdicts, numbers), encoding="utf-8", newline="\n"
    )
    return WrittenReport(folder / "index.html", summary, progress, reproduction, explained, important, range_tests)


def _write_json(path: Path, data: Any) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
