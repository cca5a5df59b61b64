"""Building a report: from a results folder to a folder of plain files.

    build_report(folder)  ->  folder/report/index.html, tables/*.{csv,md,tex}, figures/*.{png,svg,pdf} and *.csv,
                              reproduction.json of a study that reproduces something

Records alone are read: no data set, no engine, nothing is trained.  The report is made whole in a folder of its own;
then its files take the place of the last report's, and what the user put there stays (`study.folder.owned`).
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from handgrad.errors import DamagedError, HandgradError, InputError, ResultsError
from handgrad.files import sweep, temporary
from handgrad.foreign import as_path
from handgrad.names import listed, shown
from handgrad.report.chapters.chapters import chapters
from handgrad.report.drawing.fonts import without_font
from handgrad.report.figures.sources import Sources
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.wording import plural
from handgrad.report.original.reproduction import reproduce
from handgrad.report.page.page import Page, render
from handgrad.study.folder.disk import unwritable
from handgrad.study.folder.earlier import next_earlier
from handgrad.study.folder.locks import reporting
from handgrad.study.folder.owned import put
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.store import REPORT
from handgrad.training.record import load_curves, load_data, load_params

NAMED = 3  # files that were kept, in what is said
FORMATS = ("png", "svg", "pdf")


def build_report(
    folder: Results | str | os.PathLike[str],
    *,
    formats: Iterable[str] = FORMATS,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Build the report of a results folder (its path, or `Results`) and return the path of its index.html.

    formats: of the figures, any of png, svg and pdf.  say: hears where files are kept that the user changed, and
    of signs that no font has.
    Raises ResultsError where there are no results or the disk is full, DamagedError where records were altered.
    """
    formats = known_formats(formats)
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
            _write(Results.open(folder), made, formats, say)
            moved = put(made, report, REPORT, lambda: next_earlier(folder))
            for path, place in moved[:NAMED]:
                say(f"{path} was not as handgrad wrote it; that version is kept as {place}")
            if len(moved) > NAMED:
                say(f"so are {len(moved) - NAMED} more files of {report}")
            return report / "index.html"
        except OSError as error:
            raise unwritable(folder, error) from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
            with suppress(OSError):
                report.rmdir()  # where nothing came of the first one


def _write(results: Results, folder: Path, formats: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Write the files of a report into a new folder."""
    summary = summarize(results)
    try:
        _write_all(summary, results, folder, formats, say)
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


def known_formats(formats: Any) -> tuple[str, ...]:
    """Formats of figures; one by itself is a list of one.  Raises InputError where one is not known."""
    given = (formats,) if isinstance(formats, str) or not isinstance(formats, Iterable) else tuple(formats)
    strange = [str(form) for form in given if not isinstance(form, str) or form not in FORMATS]
    if strange:
        raise InputError(f"formats must be among {', '.join(FORMATS)}; got {listed(strange)}")
    return given


def _write_all(
    summary: Summary, results: Results, folder: Path, formats: tuple[str, ...], say: Callable[[str], None]
) -> None:
    page = Page(folder, formats)
    contents = [page.chapter(chapter) for chapter in chapters(summary, sources_of(results))]
    if page.unwritten:
        say(without_font(page.unwritten))
    found = reproduce(summary)
    if found is not None:
        text = json.dumps(found.data(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / "reproduction.json").write_text(text, encoding="utf-8", newline="\n")
    (folder / "index.html").write_text(render(page, summary, contents), encoding="utf-8", newline="\n")


def sources_of(results: Results) -> Sources:
    """The files of a results folder that chapters read one at a time; `summarize` has compared their checksums."""
    runs = results.folder / "runs"
    return Sources(
        curves=lambda run_id: load_curves(runs / run_id),
        params=lambda run_id: load_params(runs / run_id),
        record=lambda run_id: load_data(runs / run_id),
        images=results.images,
    )
