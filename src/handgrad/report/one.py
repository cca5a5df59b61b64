"""One figure of a study, on its own: any kind, of any settings, as files for a paper."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from handgrad.errors import InputError
from handgrad.foreign import as_path
from handgrad.names import lookup, unknown
from handgrad.names import shown as quoted
from handgrad.report.build import FORMATS, known_formats, sources_of
from handgrad.report.drawing.drawers import save
from handgrad.report.figures.kinds import FIGURES, make_figure
from handgrad.report.findings.naming import setting_name
from handgrad.report.findings.summarize import summarize
from handgrad.report.tables.table import write_csv
from handgrad.sections import given
from handgrad.study.folder.results_folder import Results


def save_figure(
    folder: Results | str | os.PathLike[str],
    kind: str,
    settings: Iterable[str] | str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    out: str | Path = ".",
    name: str = "",
    formats: Iterable[str] = FORMATS,
) -> list[Path]:
    """Make a figure of a results folder; write `<out>/<name>.<format>` and the CSV behind it, and return their paths.

    kind: a name of `figures.kinds.FIGURES`;  settings: labels such as "5_1", by default all (of kinds that show one:
    the winner);  options: what the kind takes (docs/report.md);  name: by default the kind.
    Raises InputError where something is not known, or where the records hold nothing of the figure.
    """
    lookup(FIGURES, kind, "kind of figure")
    if name is not None:
        given(name, str, "name", "It is that of the figure's files")
    if name and Path(name).name != name:
        raise InputError(f"name is that of files, without a folder (see out); got {quoted(name)}")
    if name and len(name) > 100:
        raise InputError(f"name must have 100 letters at most; got {len(name):,}: {quoted(name)}")
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
    shown = {setting_name(known[label], axes): known[label] for label in labels}
    figure = make_figure(kind, summary, shown, sources_of(results), options, name=name or kind)
    if figure is None:
        raise InputError(
            f"{results.folder}: the records of these settings hold nothing that a figure of kind {kind!r} shows"
        )
    data = target / f"{figure.name}.csv"
    header, rows = figure.table()
    _refuse_others([target / f"{figure.name}.{form}" for form in formats], data, header[0])
    try:
        target.mkdir(parents=True, exist_ok=True)
        paths = save(figure, target, formats)
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
