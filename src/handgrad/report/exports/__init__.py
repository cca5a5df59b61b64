"""Exports: the runs of a study for other programs, from records alone.

    export_study("results/quickstart", "runs.parquet")                           by the path's ending: .csv, .parquet
    export_study("results/quickstart", "quickstart.db", format="optuna")         or by the name of a format (`EXPORTS`)

One form of a study (`exported_study`) is made from its records, and each format writes it in its own words.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handgrad.errors import InputError
from handgrad.files import move, temporary, written_folder
from handgrad.foreign import as_path
from handgrad.names import lookup, shown
from handgrad.report.exports.export_formats import EXPORTS, ExportFormat
from handgrad.report.exports.exported_study import ExportedStudy, exported_study
from handgrad.sections import given
from handgrad.study.folder.results_folder import Results
from handgrad.training.exchange import WRITTEN
from handgrad.training.record import Record
from handgrad.training.requirements import check_installed

OTHERWISE = "give another --format: csv needs nothing more"


def export_study(
    results: Results | Record | str | os.PathLike[str], to: str | os.PathLike[str], *, format: str | None = None
) -> str:
    """Write the runs of a study for other programs -> the lines that open it there (docs/exchange.md).

    results: `Results`, or the path of their folder; a run by itself: its folder or id, or a `Record`.
    to: a path that is not there yet.  format: "csv", "parquet", "tensorboard", "optuna", "mlflow" or "wandb"; left out,
    it is that of the path's ending, .csv or .parquet.  Nothing is trained and nothing is sent anywhere.
    Written whole or not at all.  Raises InputError where the path is there already, a library is missing, or a run by
    itself is no export of this format; ResultsError where there are no results; DamagedError where they were altered.
    """
    path = as_path(to, "to")
    name, form = _chosen(path, format)
    if os.path.lexists(path):
        raise already_there(path)
    if form.library:
        check_installed(form.library, f"{path}: writing for {name}", form.install, OTHERWISE)
    source = results if isinstance(results, Results | Record) else as_path(results, "results")
    if isinstance(source, Record) and not source.curves and source.status != "failed":
        raise InputError(
            f"record {source.id} was read without its curves; give results.record({source.id!r}), or the run's folder"
        )
    study = exported_study(source)
    if form.whole and study.summary is None:
        others = ", ".join(one for one, other in EXPORTS.items() if not other.whole)
        raise InputError(
            f"{study.where}: is one run, and {name} takes a study: its trials are settings. Give the folder of the "
            f"study, or one of the formats of runs: {others}"
        )
    _write(study, path, form)
    return "\n".join(form.opened(study, path))


def already_there(path: Path) -> InputError:
    """The message about a path that an export would write over."""
    return InputError(f"{path}: is there already and is not written over; give another name, or remove it first")


def format_of_path(path: Path) -> str | None:
    """The format that a path's ending means; None where it means none."""
    return next((name for name, form in EXPORTS.items() if form.ending and form.ending == path.suffix), None)


def _chosen(path: Path, name: str | None) -> tuple[str, ExportFormat]:
    """The format of an export, by its name or by the path's ending."""
    meant = format_of_path(path)
    if name is None:
        if meant is None:
            endings = " or ".join(form.ending for form in EXPORTS.values() if form.ending)
            network = ", which is of a network: export one of its runs" if path.suffix in WRITTEN else ""
            what = f"ends in {shown(path.suffix)}{network}" if path.suffix else "has no ending"
            raise InputError(
                f"{path}: {what}. A study is exported to a path that ends in {endings}, or as --format says: "
                f"{', '.join(EXPORTS)}"
            )
        return meant, EXPORTS[meant]
    form = lookup(EXPORTS, given(name, str, "format", 'Give a name, such as "csv"'), "format of studies")
    if path.suffix in WRITTEN or (meant is not None and meant != name):
        whose = "a network" if path.suffix in WRITTEN else meant
        raise InputError(f"{path}: its ending is that of {whose}, and the format is {name}; change one of them")
    return name, form


def _write(study: ExportedStudy, path: Path, form: ExportFormat) -> None:
    try:
        if form.is_folder(path):
            with written_folder(path, ()) as folder:
                form.write(study, folder, path)
        else:
            with _beside(path) as folder:
                form.write(study, folder / path.name, path)
                move(folder / path.name, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; nothing is left of it") from error


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new folder, gone at the end with what libraries put beside a file: SQLite's journal, a lock."""
    folder = temporary(path)
    try:
        folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
