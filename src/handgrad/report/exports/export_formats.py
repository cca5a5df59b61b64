"""The formats in which studies are exported, one record each, by name.

A format of your own is a record in `EXPORTS`; then `handgrad export --format` and `hg.export_study` can name it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from handgrad.report.exports.exported_study import ExportedStudy
from handgrad.report.exports.mlflow_runs import write_mlflow_runs
from handgrad.report.exports.optuna_trials import JOURNAL, phase_names, write_trials
from handgrad.report.exports.run_frames import write_csv_tables, write_parquet_tables
from handgrad.report.exports.tensorboard_events import write_events
from handgrad.report.exports.wandb_runs import write_wandb_runs


@dataclass(frozen=True)
class ExportFormat:
    """write: takes (study, a new path, the path that it will have);  opened: the lines that open it, of (study, path).

    library: what it needs, as it is imported, and install: how that is installed; empty: nothing more.
    ending: of a path that means this format, and is one file; any other path is a folder.  folder: without an ending,
    whether a path is a folder.  whole: only studies, not a run by itself.
    """

    write: Callable[[ExportedStudy, Path, Path], None]
    opened: Callable[[ExportedStudy, Path], list[str]]
    library: str = ""
    install: str = ""
    ending: str = ""
    folder: bool = True
    whole: bool = False

    def is_folder(self, to: Path) -> bool:
        """Whether a path of this format is a folder."""
        return self.folder and not (self.ending and to.suffix == self.ending)


def _frames(reader: str, ending: str) -> Callable[[ExportedStudy, Path], list[str]]:
    def opened(study: ExportedStudy, to: Path) -> list[str]:
        path = to if to.suffix == ending else to / f"runs{ending}"
        return ["import pandas", f"runs = pandas.{reader}({str(path)!r})"]

    return opened


def _sqlite(to: Path) -> str:
    """The address of an SQLite file, in which ? begins options and % a sign that is written by its number."""
    return f"sqlite:///{to.as_posix().replace('%', '%25').replace('?', '%3F')}"


def _tensorboard(study: ExportedStudy, to: Path) -> list[str]:
    return _without_unfinished(study, f"tensorboard --logdir {quoted(str(to))}")


def _optuna(study: ExportedStudy, to: Path) -> list[str]:
    journal = to.suffix == JOURNAL
    file = f"optuna.storages.journal.JournalFileBackend({str(to)!r})"
    storage = f"optuna.storages.JournalStorage({file})" if journal else f"{_sqlite(to)!r}"
    return [
        f"optuna-dashboard {quoted(str(to) if journal else _sqlite(to))}",
        "# in Python:",
        "import optuna",
        f"storage = {storage}",
        *(line for name, has_best in phase_names(study).items() for line in _loaded(name, has_best)),
    ]


def _loaded(name: str, has_best: bool) -> list[str]:
    lines = [f"study = optuna.load_study(study_name={name!r}, storage=storage)"]
    return lines if has_best else [*lines, "# no trial of it is COMPLETE, so that it has no best_trial"]


def _mlflow(study: ExportedStudy, to: Path) -> list[str]:
    return _without_unfinished(study, f"mlflow ui --backend-store-uri {quoted(_sqlite(to))}")


def _wandb(study: ExportedStudy, to: Path) -> list[str]:
    upload = f"wandb sync {quoted(str(to / 'wandb'))}/offline-run-*"
    return _without_unfinished(study, "# nothing has been sent; to upload the runs to your account:", upload)


def _without_unfinished(study: ExportedStudy, *lines: str) -> list[str]:
    return [*lines, *([study.left_out] if study.left_out else [])]


def quoted(text: str) -> str:
    """A text as a word of a shell, quoted where it must be.

    >>> quoted("runs.db"), quoted("my runs")
    ('runs.db', "'my runs'")
    """
    import shlex

    return shlex.quote(text)


EXPORTS: dict[str, ExportFormat] = {
    "csv": ExportFormat(write_csv_tables, _frames("read_csv", ".csv"), ending=".csv"),
    "parquet": ExportFormat(
        write_parquet_tables, _frames("read_parquet", ".parquet"), "pyarrow", "'handgrad[parquet]'", ending=".parquet"
    ),
    "tensorboard": ExportFormat(write_events, _tensorboard, "tensorboard", "'handgrad[tensorboard]'"),
    "optuna": ExportFormat(write_trials, _optuna, "optuna", "'handgrad[optuna]'", folder=False, whole=True),
    "mlflow": ExportFormat(write_mlflow_runs, _mlflow, "mlflow", "'handgrad[mlflow]'", folder=False),
    "wandb": ExportFormat(write_wandb_runs, _wandb, "wandb", "'handgrad[wandb]'"),
}
