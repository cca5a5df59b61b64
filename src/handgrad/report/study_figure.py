"""One figure of a results folder, of any kind and any settings, or of one record: an object that shows itself in a
notebook, gives matplotlib's and plotly's figure of it, and writes its files.

    figure(folder, kind)         ->  a `StudyFigure`
    figure(record, kind)         ->  that of one run, such as `hg.train` returns
    save_figure(folder, kind)    ->  its files, `SavedFigure`: a list of their paths; a notebook shows the picture
"""

import base64
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from handgrad.data.contents import Dataset
from handgrad.displays import Display, Displayed, in_notebook
from handgrad.errors import InputError
from handgrad.foreign import as_path
from handgrad.names import listed, lookup, plural, shown, unknown
from handgrad.report.drawing.canvas import drawn, png, save_prints
from handgrad.report.drawing.lettering import check_fonts
from handgrad.report.figures.chosen_examples import loading
from handgrad.report.figures.request import Sources, make_figure
from handgrad.report.figures.shapes import FigureData
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summarize import summarize, summarize_setting
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.wording import setting_name
from handgrad.report.page.plotly_figure import plotly_figure
from handgrad.report.tables.table import write_csv
from handgrad.sections import given
from handgrad.study.folder.results_folder import Results
from handgrad.study.published.figure_options import FIGURES
from handgrad.study.published.print_options import AS_USUAL, PrintOptions
from handgrad.training.record import Record, load, load_curves, load_optional, load_params

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from pandas import DataFrame
    from plotly.graph_objects import Figure as Plot

FORMATS = ("png", "svg", "pdf")
ROOM = 2**26  # bytes of curves that are kept while a report is made
Read = TypeVar("Read")


class SavedFigure(list[Path]):
    """The paths of the files that were written; in a notebook, the figure above them.  figure: what was saved."""

    def __init__(self, paths: Iterable[Path], figure: "StudyFigure") -> None:
        super().__init__(paths)
        self.figure = figure

    def _repr_html_(self) -> str:
        files = escape(", ".join(map(str, self)))
        return in_notebook(f'{figure_html(self.figure.data)}<p class="note">{files}</p>')


@dataclass(frozen=True, eq=False, repr=False)
class StudyFigure(Displayed):
    """A figure of a study: its numbers, and what draws them.  A notebook shows it.

    kind: its name in `FIGURES` (docs/report.md);  data: the numbers, with title and caption;
    options: how it is drawn for print.
    """

    kind: str
    data: FigureData
    options: PrintOptions = AS_USUAL

    def frame(self) -> "DataFrame":
        """The numbers behind it, as its CSV has them."""
        import pandas

        header, rows = self.data.table()
        return pandas.DataFrame(list(rows), columns=header)

    def matplotlib(self) -> "Drawing":
        """matplotlib's figure, a new one at every call, drawn as for print; change it and save it as you like."""
        return drawn(self.data, self.options)

    def plotly(self) -> "Plot":
        """plotly's figure, a new one at every call; several panels are subplots of it.

        Raises InputError for a kind that the page shows without plotly, such as pictures.
        """
        return plotly_figure(self.data)

    def save(self, out: str | Path = ".", *, formats: Iterable[str] = FORMATS) -> SavedFigure:
        """Write `<out>/<name>.<format>` and the CSV behind it, and return their paths.

        Raises InputError where the folder cannot be written, or holds other files of these names.
        """
        formats, target, figure = known_formats(formats), as_path(out, "out"), self.data
        data = target / f"{figure.name}.csv"
        header, rows = figure.table()
        _refuse_others([target / f"{figure.name}.{form}" for form in formats], data, header[0])
        try:
            target.mkdir(parents=True, exist_ok=True)
            paths = save_prints(figure, target, formats, self.options)
            with data.open("w", encoding="utf-8", newline="") as file:
                write_csv(file, header, rows)
        except OSError as error:
            raise InputError(
                f"{target}: cannot be written: {error.strerror or error}; choose another folder: out"
            ) from error
        return SavedFigure([*paths, data], self)

    def _display(self) -> Display:
        rows = (
            ("title", self.data.title),
            ("caption", self.data.caption),
            ("gives", "matplotlib(), plotly(), frame(), save(out)"),
        )
        return Display(f"Figure {self.data.name}, of kind {self.kind}", rows)

    def _repr_html_(self) -> str:
        return in_notebook(figure_html(self.data))


def figure_html(figure: FigureData) -> str:
    """A figure as a picture within HTML, with its title and caption; it needs no file."""
    picture = base64.b64encode(png(figure)).decode()
    title = escape(figure.title)
    return (
        f'<figure><img src="data:image/png;base64,{picture}" alt="{title}">'
        f"<figcaption><strong>{title}.</strong> {escape(figure.caption)}</figcaption></figure>"
    )


def figure(
    folder: Results | Record | str | os.PathLike[str],
    kind: str,
    settings: Iterable[str | int] | str | int | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    data: Dataset | None = None,
    name: str = "",
    column: str | None = None,
    width: float | None = None,
    font_size: float | None = None,
    font: str | None = None,
) -> StudyFigure:
    """A figure of a results folder: a notebook shows it; `matplotlib`, `plotly`, `frame` and `save` go on from it.

    folder: results, their folder, or one record, as `train` returns it;  kind: a name of `FIGURES` (docs/report.md);
    settings: labels such as "5_1", by default all (of kinds that show one: the winner), of a record none;
    options: what the kind takes (docs/report.md);  data: the data set, for examples that are not kept with the results
    (of decision regions and activations), by default that of the run, loaded;  name: of its files, by default the kind.
    column, width, font_size, font: how it is drawn for print: "single" (3.3 inches) or "double" (7) of a page of two
    columns, or inches in place of it; points of axis labels; "serif" or the name of a font that is installed.
    Raises InputError where something is not known, or where the records hold nothing of the figure.
    """
    lookup(FIGURES, kind, "kind of figure")
    if name is not None:
        given(name, str, "name", "It is that of the figure's files")
    if name and as_path(name, "name").name != name:
        raise InputError(f"name is that of files, without a folder (see out); got {shown(name)}")
    if name and len(name) > 100:
        raise InputError(f"name must have 100 letters at most; got {len(name):,}: {shown(name)}")
    if options is not None:
        given(options, dict, "options", "Give what the kind takes as a dict (docs/report.md)")
    printed = PrintOptions(column=column, width=width, font_size=font_size, font=font)
    check_fonts(printed)
    if isinstance(folder, Record):
        return _of_record(folder, kind, settings, options, data, name or kind, printed)
    results = Results.of(folder)
    records = records_of(results)
    summary = summarize(results, keep=records.keep)
    known = {setting.label: setting for setting in summary.settings}
    if settings is None:
        one = FIGURES[kind].options.settings[1] == 1 and summary.winner is not None
        settings = [summary.winner.label] if one and summary.winner else list(known)
    labels = [str(label) for label in settings] if isinstance(settings, list | tuple) else [str(settings)]
    if wrong := [label for label in labels if label not in known]:
        raise InputError(f"settings holds an {unknown(wrong[0], known, 'setting')}")
    axes = list(dict.fromkeys(path for label in labels for path in known[label].axes))
    named = {setting_name(known[label], axes): known[label] for label in labels}
    sources = replace(sources_of(results, record=records), split=loading(data))
    found = make_figure(kind, summary, named, sources, options, name=name or kind)
    if found is None:
        ended = [(label, run) for label in labels for run in known[label].runs if run.record is not None]
        lost = [f"{run.status} ({label})" for label, run in ended if run.status in ("diverged", "failed")]
        why = f": {len(lost):,} of {plural(len(ended), 'run')} {listed(lost)}" if lost else ""
        raise InputError(
            f"{results.folder}: the records of these settings hold nothing that a figure of kind {kind!r} shows{why}"
        )
    return StudyFigure(kind, found, printed)


def _of_record(
    record: Record,
    kind: str,
    settings: Any,
    options: Mapping[str, Any] | None,
    data: Dataset | None,
    name: str,
    printed: PrintOptions,
) -> StudyFigure:
    """A figure of one run by itself: what compares settings, or shows a search, is of a results folder."""
    if settings is not None:
        raise InputError(f"settings are those of a study; leave them out for one record; got {shown(settings)}")
    if not record.curves:
        raise InputError(
            f"record {record.id} was read without its curves and weights; give results.record({record.id!r})"
        )
    run = RunFacts(record.id, record.seed, record.status, record)
    setting = summarize_setting("", {}, record.setting, (run,))
    whole = Summary("", "", "", (record.seed,), False, 1, ())
    sources = Sources(
        curves=lambda _: record.curves,
        params=lambda _: record.params,
        mistakes=lambda _: record.mistakes,
        predictions=lambda _: record.predictions,
        diagnostics=lambda _: record.diagnostics,
        record=lambda _: record,
        images=lambda *_: None,
        split=loading(data),
    )
    found = make_figure(kind, whole, {f"run {record.id}": setting}, sources, options, name=name)
    if found is None:
        raise InputError(f"record {record.id} {_lost(record)}holds nothing that a figure of kind {kind!r} shows")
    return StudyFigure(kind, found, printed)


def _lost(record: Record) -> str:
    """Why a record may hold less than others."""
    if record.status not in ("diverged", "failed"):
        return ""
    at = "" if record.diverged is None else f" at step {record.diverged.step:,}"
    return f"{record.status}{at}, and "


def save_figure(
    folder: Results | Record | str | os.PathLike[str],
    kind: str,
    settings: Iterable[str | int] | str | int | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    data: Dataset | None = None,
    out: str | Path = ".",
    name: str = "",
    formats: Iterable[str] = FORMATS,
    column: str | None = None,
    width: float | None = None,
    font_size: float | None = None,
    font: str | None = None,
) -> SavedFigure:
    """Make a figure of a results folder or record; write `<out>/<name>.<format>` and the CSV behind it -> their paths.

    folder, kind, settings, options, data, name, column, width, font_size, font: those of `figure`.  A notebook shows
    what was saved.
    Raises InputError where something is not known, or where the records hold nothing of the figure.
    """
    formats, target = known_formats(formats), as_path(out, "out")
    printed = {"column": column, "width": width, "font_size": font_size, "font": font}
    made = figure(folder, kind, settings, options=options, data=data, name=name, **printed)  # type: ignore[arg-type]
    return made.save(target, formats=formats)


class ReadOnce(Generic[Read]):
    """`read`, which keeps what it has read while there is room: several figures and tables go through all runs.

    room: bytes, by `size_of` what was read.
    """

    def __init__(self, read: Callable[[str], Read], size_of: Callable[[Read], int], room: int) -> None:
        self._read, self._size_of, self._room = read, size_of, room
        self._kept: dict[str, Read] = {}

    def __call__(self, run_id: str) -> Read:
        if run_id in self._kept:
            return self._kept[run_id]
        found = self._read(run_id)
        self.keep(run_id, found)
        return found

    def keep(self, run_id: str, found: Read) -> None:
        """Keep what was read elsewhere, if there is room."""
        size = self._size_of(found)
        if size <= self._room:
            self._kept[run_id] = found
            self._room -= size


def records_of(results: Results) -> ReadOnce[Record]:
    """id of a run -> its record.json, read once."""
    runs = results.folder / "runs"
    return ReadOnce(
        lambda run_id: load(runs / run_id, arrays=False),
        lambda found: (runs / found.id / "record.json").stat().st_size,
        ROOM // 4,  # of the file; what is made of it takes three times as much
    )


def sources_of(
    results: Results, names: Mapping[str, str] | None = None, record: Callable[[str], Record] | None = None
) -> Sources:
    """The files of a results folder that chapters read one at a time; `summarize` has compared their checksums.

    names: label in the folder -> what the summary calls the setting, of those that it renamed.
    record: those that were read already (`records_of`).
    """
    runs = results.folder / "runs"
    labels = {name: label for label, name in (names or {}).items()}
    record = record or records_of(results)
    return Sources(
        curves=ReadOnce(
            lambda run_id: load_curves(runs / run_id),
            lambda arrays: sum(array.nbytes for array in arrays.values()),
            ROOM,
        ),
        params=lambda run_id: load_params(runs / run_id),
        mistakes=lambda run_id: load_optional(runs / run_id, "mistakes", record(run_id)),
        predictions=lambda run_id: load_optional(runs / run_id, "predictions", record(run_id)),
        diagnostics=lambda run_id: load_optional(runs / run_id, "diagnostics", record(run_id)),
        record=record,
        images=lambda name, run_id: results.images(labels.get(name, name), run_id),
        examples=lambda name, run_id: results.examples(labels.get(name, name), run_id),
    )


def known_formats(formats: Any) -> tuple[str, ...]:
    """Formats of figures; one by itself is a list of one.  Raises InputError where one is not known."""
    given = (formats,) if isinstance(formats, str) or not isinstance(formats, Iterable) else tuple(formats)
    strange = [str(form) for form in given if not isinstance(form, str) or form not in FORMATS]
    if strange:
        raise InputError(f"formats must be among {', '.join(FORMATS)}; got {listed(strange)}")
    return given


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
