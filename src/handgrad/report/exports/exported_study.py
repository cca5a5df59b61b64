"""What is exported, once for all formats: the runs of a study, or one run, read from records alone.

ExportedStudy     its name, what varies, by what settings are chosen
  ExportedRun     one run: what it is called, its hyperparameters, final numbers and times
    RunCurves     its numbers by epoch, and the loss of its steps; read when a format comes to the run
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.measures import MAIN_MEASURES, MEASURES, METRICS, TEST, TRAIN, VALIDATION
from handgrad.names import plural
from handgrad.network.arrays import Arrays
from handgrad.report.exports.run_times import RunTimes
from handgrad.report.findings.effects import axis_value, plain_value
from handgrad.report.findings.summarize import shortened, summarize
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.wording import values_text
from handgrad.study.changes import leaves
from handgrad.study.folder.design_cell import DesignCell
from handgrad.study.folder.disk import run_folder
from handgrad.study.folder.results_folder import Results
from handgrad.training.curves import ENDS, PER_STEP, by_epoch
from handgrad.training.record import Record, check_files, load, load_curves
from handgrad.training.sources import SOURCES

MOST_STEPS = 1000  # means of the losses of steps that are exported of a run
LONGEST = 60  # signs that the values of a setting take in the name of a run


@dataclass(frozen=True, eq=False)
class RunCurves:
    """epochs: curves by epoch, as `Record.history` has them;  steps, counts, losses: the mean loss of as many steps as
    counts says, up to and with this one (n,): of every step where there are at most MOST_STEPS."""

    epochs: Arrays
    steps: np.ndarray
    counts: np.ndarray
    losses: np.ndarray

    @classmethod
    def of(cls, curves: Mapping[str, np.ndarray]) -> "RunCurves":
        """Those of the arrays of curves.npz."""
        per_step = np.asarray(curves.get(PER_STEP, ()), dtype=np.float64)
        size = max(1, -(-len(per_step) // MOST_STEPS))
        begins = np.arange(0, len(per_step), size)
        steps = np.minimum(begins + size, len(per_step))
        counts = steps - begins
        sums = np.add.reduceat(per_step, begins) if len(begins) else per_step
        found = by_epoch(curves)
        return cls(found if len(found.get("epoch", ())) else {}, steps, counts, sums / counts)

    def metrics(self) -> Arrays:
        """The curves that are metrics, and the learning rate."""
        return {name: values for name, values in self.epochs.items() if name in METRICS or name == "lr"}

    @property
    def epoch(self) -> np.ndarray:
        """The numbers of the epochs, none where there are no curves."""
        return np.asarray(self.epochs.get("epoch", ()), dtype=np.int64)

    @property
    def ends(self) -> np.ndarray:
        """How many steps there were at the end of every epoch."""
        return np.asarray(self.epochs.get(ENDS, ()), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ExportedRun:
    """A run.

    name: unique in the study, and good as the name of a folder;  label: of its setting;  row: it as a row of
    `Results.runs`, what varies included;  varied: path -> number or text, of the hyperparameters that vary in the
    study, without those that the setting has not;  setting: its tables, every default written out;  record: without
    what is long, None while there is none;  times: None with the record.
    """

    name: str
    label: str
    phase: str
    status: str
    row: Mapping[str, Any]
    varied: Mapping[str, Any]
    setting: Mapping[str, Any]
    record: Record | None
    times: RunTimes | None
    load: Callable[[], Arrays]

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def key(self) -> dict[str, int]:
        """Its seed, and before that its fold where folds divide the data."""
        return {name: self.row[name] for name in ("fold", "seed") if name in self.row}

    @property
    def keys(self) -> dict[str, Any]:
        """path -> value of every key of its setting; lists and tables as text, as a list of one width is that width."""
        return {path: plain_value(value) for path, value in leaves(self.setting)}

    @property
    def is_over(self) -> bool:
        """Whether it came to an end, of whatever kind."""
        return self.record is not None

    @property
    def is_lost(self) -> bool:
        """Whether it diverged or failed."""
        return self.status in ("diverged", "failed")

    @property
    def numbers(self) -> dict[str, float]:
        """The final metrics that it has."""
        return {name: float(self.row[name]) for name in METRICS if self.row.get(name) is not None}

    @property
    def facts(self) -> dict[str, Any]:
        """What became of it beside its scores: epochs, steps, seconds, parameters, where it diverged, its error."""
        names = ("collapsed", "epochs", "steps", "diverged_step", "diverged_layer", "error", "seconds_total")
        found = {name: self.row[name] for name in names}
        found |= {"parameters": self.record.network.parameters if self.record else None}
        return {name: value for name, value in found.items() if value is not None}

    def curves(self) -> RunCurves:
        """Its curves, read from its files; none of a run that failed or has not ended."""
        return RunCurves.of(self.load() if self.record is not None and self.status != "failed" else {})


@dataclass(frozen=True, eq=False)
class ExportedStudy:
    """where: its folder, as it was given;  axes: paths of what varies;  runs: in the order of the plan.

    summary: of the study, None where one run is exported by itself.
    """

    name: str
    title: str
    where: str
    axes: tuple[str, ...]
    runs: tuple[ExportedRun, ...]
    summary: Summary | None

    @cached_property
    def metrics(self) -> list[str]:
        """The final metrics that some run has: those by which settings are chosen, accuracies, losses, the others."""
        there = {name for run in self.runs for name in run.numbers}
        chosen = [phase.metric for phase in self.summary.phases] if self.summary else []
        usual = [*MAIN_MEASURES.values(), "loss"]
        measures = [*usual, *(name for name in MEASURES if name not in usual)]
        others = [part.metric(measure) for measure in measures for part in (VALIDATION, TEST, TRAIN)]
        return [name for name in dict.fromkeys([*chosen, *others, *METRICS]) if name in there]

    @property
    def over(self) -> list[ExportedRun]:
        """The runs that have ended."""
        return [run for run in self.runs if run.is_over]

    @property
    def left_out(self) -> str:
        """What is said of the runs that have not ended, where a format has no place for them; mostly nothing."""
        n = len(self.runs) - len(self.over)
        return f"# {plural(n, 'run')} that {'has' if n == 1 else 'have'} not ended: left out" if n else ""


def exported_study(given: Results | Record | Path) -> ExportedStudy:
    """A study, or a run by itself: of a `Record`, or of the folder or id of a run.

    Raises ResultsError where there is neither, DamagedError where files were altered after they were written.
    """
    if isinstance(given, Record):
        return _of_record(given, f"record {given.id}", lambda: given.curves)
    if isinstance(given, Results):
        return _of_results(given)
    if os.path.lexists(given / "plan.json"):
        return _of_results(Results.open(given))
    folder = run_folder(given)
    record = load(folder, arrays=False)
    check_files(folder, record)
    return _of_record(record, str(given), lambda: load_curves(folder, record))


def _of_results(results: Results) -> ExportedStudy:
    summary = summarize(results)
    axes = tuple(dict.fromkeys(path for phase in summary.phases for path in phase.axes))
    settings = {setting.label: setting for setting in summary.settings}
    columns = {path: one_type([axis_value(one, path) for one in settings.values()]) for path in axes}
    varied = {label: {path: columns[path][at] for path in axes} for at, label in enumerate(settings)}
    cells = list(results.cells())
    sources = [name for name in SOURCES if any(name in cell.seeds for cell in cells)]
    times: dict[str, RunTimes] = {}
    runs = []
    for cell in cells:
        own = {path: value for path, value in varied[cell.label].items() if value is not None}
        tables = cell.record.setting if cell.record else results.planned[cell.label]["setting"]
        name = _name(cell.label, settings[cell.label].axes, cell.run)
        row = cell.row(varied[cell.label], sources, results.metrics)
        if cell.record is not None and cell.id not in times:
            _note_times(results, cell.record, times)
        runs.append(_run(name, cell, row, own, tables, times.get(cell.id), _loader(results, cell)))
    return ExportedStudy(summary.name, summary.title, str(results.folder), axes, tuple(runs), summary)


def _loader(results: Results, cell: DesignCell) -> Callable[[], Arrays]:
    return lambda: load_curves(results.folder / "runs" / cell.id, cell.record)


def _note_times(results: Results, record: Record, times: dict[str, RunTimes]) -> None:
    """The times of a run, and of those that it continues, which may lie in the same folder."""
    way = [record]
    while (before := way[-1].continues) is not None and before not in times:
        found = results.record_alone(before)
        if found is None:
            break
        way.append(found)
    for one in reversed(way):
        times[one.id] = RunTimes.of(one, times.get(one.continues or ""))


def _of_record(record: Record, where: str, arrays: Callable[[], Arrays]) -> ExportedStudy:
    fold = record.setting["data"].get("validation")
    fold = fold.get("fold") if isinstance(fold, dict) else None
    cell = DesignCell(record.id, "", {}, record.seed, record.id, record.status, record, record.seeds or {}, fold)
    name = _name(record.id, {}, cell.run)
    run = _run(name, cell, cell.row({}, (), record.scores), {}, record.setting, RunTimes.of(record), arrays)
    return ExportedStudy(record.id, f"run {record.id}", where, (), (run,), None)


def _run(
    name: str,
    cell: DesignCell,
    row: Mapping[str, Any],
    varied: Mapping[str, Any],
    setting: Mapping[str, Any],
    times: RunTimes | None,
    arrays: Callable[[], Arrays],
) -> ExportedRun:
    record = shortened(cell.record) if cell.record is not None else None
    return ExportedRun(name, cell.label, cell.phase, cell.status, row, varied, setting, record, times, arrays)


def _name(label: str, axes: Mapping[str, Any], key: Mapping[str, int]) -> str:
    """What a run is called, e.g. "9 hidden 1000, lr 0.09, seed 42": the label and the seed make it unique."""
    values = "".join(sign if sign.isalnum() or sign in " ,.=()+-_" else "-" for sign in values_text(axes))
    values = values if len(values) <= LONGEST else f"{values[: LONGEST - 1]}…"
    return ", ".join([f"{label} {values}".strip(), *(f"{name} {number}" for name, number in key.items())])


def one_type(values: Sequence[Any]) -> list[Any]:
    """Values of a hyperparameter, all as numbers, all as true or false, or all as text; None where a setting has none.

    >>> one_type([10, "full", None]), one_type([0.1, 1])
    (['10', 'full', None], [0.1, 1])
    """
    there = [value for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in there)
    if numbers or all(isinstance(value, bool) for value in there):
        return list(values)
    return [value if value is None or isinstance(value, str) else _text(value) for value in values]


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else f"{value!r}"
