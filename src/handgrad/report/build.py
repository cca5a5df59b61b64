"""Building a report, or one figure of it: from a results folder to plain files.

    build_report(folder)         ->  folder/report/index.html, tables/*.{csv,md,tex}, figures/*.{png,svg,pdf} and *.csv,
                                     conclusions.json, reproduction.json of a study that reproduces something
    save_figure(folder, kind)    ->  a figure of any kind, of any settings, as files for a paper

Only records are read: no data set and no engine, and nothing is trained.  A report is written into a new folder; then
its files replace those of the last report, and files that the user put there stay (`study.folder.earlier`).
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handgrad.errors import DamagedError, HandgradError, InputError, ResultsError
from handgrad.files import sweep, temporary
from handgrad.foreign import as_path
from handgrad.names import listed, lookup, shown, unknown
from handgrad.report.chapters.chapters import chapters, headline
from handgrad.report.drawing.canvas import save_prints
from handgrad.report.drawing.lettering import without_font
from handgrad.report.explained.explained_chapter import explained_chapters, explained_tiles, explained_verdicts
from handgrad.report.figures.request import Sources, make_figure
from handgrad.report.findings.conclusion_sentences import conclusions_data
from handgrad.report.findings.importance import Importance, importances
from handgrad.report.findings.published_names import published_names, renamed
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.wording import plural, setting_name
from handgrad.report.page.page import Page, render, tiles
from handgrad.report.reproduced.reproduction import Reproduction, reproduce
from handgrad.report.tables.table import write_csv
from handgrad.sections import given
from handgrad.study.explain.rung_results import Explained, read_explanation
from handgrad.study.folder.disk import unwritable
from handgrad.study.folder.earlier import next_earlier, put
from handgrad.study.folder.locks import reporting
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.store import REPORT
from handgrad.study.published.figure_options import FIGURES
from handgrad.training.record import Record, load, load_curves, load_optional, load_params

NAMED = 3  # files that were moved away and are named one by one
FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True)
class WrittenReport:
    """The page of a report that was written, and what it was made from.  reproduction, explained: None for none.

    important: what matters in each phase in which something varies.
    """

    page: Path
    summary: Summary
    reproduction: Reproduction | None
    explained: Explained | None = None
    important: tuple[Importance, ...] = ()


def build_report(
    folder: Results | str | os.PathLike[str],
    *,
    formats: Iterable[str] = FORMATS,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Build the report of a results folder (its path, or `Results`) and return the path of its index.html.

    formats: of the figures, any of png, svg and pdf.  say: called with a line for each file that the user
    changed and that was moved away, and for signs that no font has.
    Raises ResultsError where there are no results or the disk is full, DamagedError where records were altered.
    """
    return write_report(folder, formats=formats, say=say).page


def write_report(
    folder: Results | str | os.PathLike[str],
    *,
    formats: Iterable[str] = FORMATS,
    say: Callable[[str], None] = lambda text: None,
) -> WrittenReport:
    """As `build_report`; return what the report was made from as well."""
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
            written = _write(Results.open(folder), made, formats, say)
            moved = put(made, report, REPORT, lambda: next_earlier(folder))
            for path, place in moved[:NAMED]:
                say(f"{path} was not as handgrad wrote it; that version is kept as {place}")
            if len(moved) > NAMED:
                more = len(moved) - NAMED
                say(f"so {'is' if more == 1 else 'are'} {plural(more, 'more file')} of {report}")
            return replace(written, page=report / "index.html")
        except OSError as error:
            raise unwritable(folder, error) from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
            with suppress(OSError):
                report.rmdir()  # it is empty where the first report failed


def _write(results: Results, folder: Path, formats: tuple[str, ...], say: Callable[[str], None]) -> WrittenReport:
    """Write the files of a report into a new folder."""
    summary = summarize(results)
    summary = renamed(summary, published_names(summary))
    try:
        return _write_all(summary, results, folder, formats, say)
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
) -> WrittenReport:
    page = Page(folder, formats)
    sources = sources_of(results, summary.names)
    explained = read_explanation(results)
    important = () if explained is not None else tuple(importances(summary))
    reproduction = None if explained is not None else reproduce(summary, sources.by_epoch, sources.diagnostics)
    if explained is None:
        made = chapters(summary, sources, reproduction, important)
        verdicts, numbers = headline(summary, reproduction, important), tiles(summary)
    else:
        made = explained_chapters(explained, summary)
        verdicts, numbers = explained_verdicts(explained), explained_tiles(explained)
    contents = [page.chapter(chapter) for chapter in made]
    if page.unwritten:
        say(without_font(page.unwritten))
    if reproduction is not None:
        _write_json(folder / "reproduction.json", reproduction.data())
    if explained is None:
        _write_json(folder / "conclusions.json", conclusions_data(summary))
    (folder / "index.html").write_text(
        render(page, summary, contents, verdicts, numbers), encoding="utf-8", newline="\n"
    )
    return WrittenReport(folder / "index.html", summary, reproduction, explained, important)


def _write_json(path: Path, data: Any) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def sources_of(results: Results, names: Mapping[str, str] | None = None) -> Sources:
    """The files of a results folder that chapters read one at a time; `summarize` has compared their checksums.

    names: label in the folder -> what the summary calls the setting, of those that it renamed.
    """
    runs = results.folder / "runs"
    labels = {name: label for label, name in (names or {}).items()}

    def record(run_id: str) -> Record:
        return load(runs / run_id, arrays=False)

    return Sources(
        curves=lambda run_id: load_curves(runs / run_id),
        params=lambda run_id: load_params(runs / run_id),
        mistakes=lambda run_id: load_optional(runs / run_id, "mistakes", record(run_id)),
        diagnostics=lambda run_id: load_optional(runs / run_id, "diagnostics", record(run_id)),
        record=record,
        images=lambda name, run_id: results.images(labels.get(name, name), run_id),
    )


def save_figure(
    folder: Results | str | os.PathLike[str],
    kind: str,
    settings: Iterable[str | int] | str | int | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    out: str | Path = ".",
    name: str = "",
    formats: Iterable[str] = FORMATS,
) -> list[Path]:
    """Make a figure of a results folder; write `<out>/<name>.<format>` and the CSV behind it, and return their paths.

    kind: a name of `FIGURES` (docs/report.md);  settings: labels such as "5_1", by default all (of kinds that show one:
    the winner);  options: what the kind takes (docs/report.md);  name: by default the kind.
    Raises InputError where something is not known, or where the records hold nothing of the figure.
    """
    lookup(FIGURES, kind, "kind of figure")
    if name is not None:
        given(name, str, "name", "It is that of the figure's files")
    if name and Path(name).name != name:
        raise InputError(f"name is that of files, without a folder (see out); got {shown(name)}")
    if name and len(name) > 100:
        raise InputError(f"name must have 100 letters at most; got {len(name):,}: {shown(name)}")
    formats = known_formats(formats)
    target = as_path(out, "out")
    if options is not None:
        given(options, dict, "options", "Give what the kind takes as a dict (docs/report.md)")
    results = Results.of(folder)
    summary = summarize(results)
    known = {setting.label: setting for setting in summary.settings}
    if settings is None:
        one = FIGURES[kind].options.settings[1] == 1 and summary.winner is not None
        settings = [summary.winner.label] if one and summary.winner else list(known)
    labels = [str(label) for label in settings] if isinstance(settings, list | tuple) else [str(settings)]
    if wrong := [label for label in labels if label not in known]:
        raise InputError(f"settings holds an {unknown(wrong[0], known, 'setting')}")
    axes = list(dict.fromkeys(path for label in labels for path in known[label].axes))
    named = {setting_name(known[label], axes): known[label] for label in labels}
    figure = make_figure(kind, summary, named, sources_of(results), options, name=name or kind)
    if figure is None:
        raise InputError(
            f"{results.folder}: the records of these settings hold nothing that a figure of kind {kind!r} shows"
        )
    data = target / f"{figure.name}.csv"
    header, rows = figure.table()
    _refuse_others([target / f"{figure.name}.{form}" for form in formats], data, header[0])
    try:
        target.mkdir(parents=True, exist_ok=True)
        paths = save_prints(figure, target, formats)
        with data.open("w", encoding="utf-8", newline="") as file:
            write_csv(file, header, rows)
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written: {error.strerror or error}; choose another folder: out"
        ) from error
    return [*paths, data]


def _refuse_others(pictures: Iterable[Path], data: Path, first: str) -> None:
    """Raise InputError where files would be lost that are not an earlier figure: that has its CSV beside it."""
    try:
        with data.open(encoding="utf-8") as file:
            ours = file.readline().strip().split(",")[0] == first
    except (OSError, UnicodeDecodeError):
        ours = False
    there = [] if ours else [path for path in [data, *pictures] if os.path.lexists(path)]
    if there:
        raise InputError(
            f"{there[0]}: is there already and was not written as a figure; give another name, or move it away"
        )
