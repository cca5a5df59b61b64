"""Runs, curves and losses of steps as CSV and Parquet.

A file holds the runs alone.  A folder holds three tables: runs, a row each; curves, a row for every epoch of every run;
steps, a row for every mean of the losses of steps.  Numbers have all their digits.  Parquet is written by pyarrow.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad.report.exports.exported_study import ExportedRun, ExportedStudy
from handgrad.study.folder.design_cell import frame_of_rows
from handgrad.training.curves import ENDS

if TYPE_CHECKING:
    from pandas import DataFrame


def write_csv_tables(study: ExportedStudy, new: Path, to: Path) -> None:
    """One .csv, or a folder of three.  What is missing, and NaN, is an empty field; infinity is inf."""
    if to.suffix == ".csv":
        _csv(new, iter([runs_frame(study)]))
        return
    for name, frames in _tables(study).items():
        _csv(new / f"{name}.csv", frames)


def _csv(path: Path, frames: Iterator["DataFrame"]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, frame in enumerate(frames):
            frame.to_csv(file, index=False, lineterminator="\n", header=number == 0)


def write_parquet_tables(study: ExportedStudy, new: Path, to: Path) -> None:
    """One .parquet, or a folder of three.  What is missing, and NaN, is null."""
    if to.suffix == ".parquet":
        _parquet(new, iter([runs_frame(study)]))
        return
    for name, frames in _tables(study).items():
        _parquet(new / f"{name}.parquet", frames)


def _parquet(path: Path, frames: Iterator["DataFrame"]) -> None:
    import pyarrow as arrow
    from pyarrow import parquet

    writer = None
    try:
        for frame in frames:
            table = arrow.Table.from_pandas(frame, preserve_index=False)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def runs_frame(study: ExportedStudy) -> "DataFrame":
    """The rows of `Results.runs`, and behind them every key of the setting, by its path.

    Lists and tables are text, and so is a key that has text in some run.
    """
    import pandas

    paths = list(dict.fromkeys(path for run in study.runs for path in run.keys if path not in study.axes))
    runs = frame_of_rows(run.row for run in study.runs)
    keys = pandas.DataFrame({path: _plain([run.keys.get(path) for run in study.runs]) for path in paths})
    whole = {name: "Int64" for name in ("fold", "epochs", "steps", "diverged_step") if name in runs}
    return pandas.concat([runs.astype(whole).astype({"collapsed": "boolean", "error": "string"}), keys], axis=1)


def _plain(values: list[Any]) -> list[Any]:
    """Values of one type, as a column of Parquet has."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or len(kinds) < 2:
        return values
    return [value if value is None else str(value) for value in values]


def _tables(study: ExportedStudy) -> dict[str, Iterator["DataFrame"]]:
    return {"runs": iter([runs_frame(study)]), "curves": _curves(study), "steps": _steps(study)}


def _which(run: ExportedRun) -> dict[str, Any]:
    return {"label": run.label, **run.key, "id": run.id}


def _curves(study: ExportedStudy) -> Iterator["DataFrame"]:
    """Run by run, every part with all columns that some run has."""
    import pandas

    names = dict.fromkeys(name for run in study.over for name in run.curves().epochs)
    columns = [*_columns(study), *names]
    for run in study.over:
        curves = run.curves().epochs
        if curves or run is study.over[0]:
            kinds = {name: "int64" if name in ("epoch", ENDS) else "float64" for name in names}
            frame = pandas.DataFrame({**_which(run), **curves}, index=range(len(curves.get("epoch", ()))))
            yield frame.reindex(columns=columns).astype(kinds)


def _columns(study: ExportedStudy) -> list[str]:
    return ["label", *(study.runs[0].key if study.runs else ()), "id"]


def _steps(study: ExportedStudy) -> Iterator["DataFrame"]:
    import pandas

    for run in study.over:
        curves = run.curves()
        numbers = {"step": curves.steps, "steps": curves.counts, "loss": np.asarray(curves.losses, np.float64)}
        yield pandas.DataFrame({**_which(run), **numbers}, index=range(len(curves.steps)))
