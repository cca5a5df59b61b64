"""Results: a results folder, read.  From plain files alone: no data, no network, nothing is trained or executed.

results = Results.open("results/quickstart")
results.runs()        a frame with a row for every (setting, seed), where folds divide the data (setting, fold, seed)
results.curves()      a frame with a row for every epoch of every run
results.diagnostics() a frame of the same rows: norms of gradients and saturation, where the setting asks for them
results.settings()    a frame with a row for every setting: n, mean and standard deviation over the seeds
results.conclusions() a frame with a row for every setting: how it compares with the best, and how sure that is
results.winner()      the label of the setting that won
"""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from handgrad import from_report
from handgrad.data.contents import Part
from handgrad.displays import Display, Displayed
from handgrad.errors import DamagedError, ResultsError
from handgrad.foreign import as_path, reading
from handgrad.measures import METRICS, metrics_of
from handgrad.names import label_text, lookup
from handgrad.network.arrays import Arrays
from handgrad.study.changes import at_path, or_baseline
from handgrad.study.design.settings import Study
from handgrad.study.design.study_spec import StudySpec
from handgrad.study.folder.decisions import Decision, read_decisions
from handgrad.study.folder.design_cell import ENDED, DesignCell, frame_of_rows
from handgrad.study.folder.disk import check_folders, is_run_id, run_folder
from handgrad.study.folder.kept_examples import kept_parts
from handgrad.study.folder.locks import is_written
from handgrad.study.folder.plan_file import OVER, REMEDY, read_plan, state_of, text_sum
from handgrad.study.folder.results_text import results_display
from handgrad.study.folder.store import read_data
from handgrad.study.reading.loading import load_study
from handgrad.training.curves import by_epoch
from handgrad.training.record import Record, check_files, load, load_curves, load_optional
from handgrad.training.run import Setting
from handgrad.training.sources import SOURCES
from handgrad.training.usual_values import scored_as

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame

AGAIN, WAIT = 20, 0.1  # looks at a folder that is being written, and seconds between them
NAMED = 3  # damaged files that a message names


@dataclass(frozen=True, repr=False)
class Results(Displayed):
    """A results folder.  `plan` is plan.json."""

    folder: Path
    plan: Mapping[str, Any]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Self:
        """Raises ResultsError where there are no results, or results of another version; DamagedError (`read_plan`)."""
        folder = as_path(folder, "folder", ResultsError)
        plan = read_plan(folder)
        for _ in range(AGAIN):  # a study that begins writes its file, then its plan
            if plan.get("study_toml") in (None, text_sum(folder / "study.toml")) or not is_written(folder):
                break
            time.sleep(WAIT)
            plan = read_plan(folder)
        if plan["state"] == "running" and not is_written(folder):
            plan = read_plan(folder)  # it may have ended since
        check_folders(folder)
        return cls(folder, plan)

    def _display(self) -> Display:
        return results_display(self)

    @classmethod
    def of(cls, results: "Results | str | os.PathLike[str]") -> "Results":
        """Results, or those of a folder."""
        return results if isinstance(results, Results) else cls.open(results)

    @cached_property
    def study(self) -> Study:
        """The study as it ran, with every choice of every phase.  Raises DamagedError where its file is another."""
        path = self.folder / "study.toml"
        remedy = "run the study again: finished runs are kept"
        if not path.exists():
            raise ResultsError(f"{path}: no such file; {remedy}")
        with reading(path, DamagedError, "a study file", remedy):
            if self.plan.get("study_toml") not in (None, text_sum(path)):
                raise DamagedError(f"{path}: was changed after the study ran; {remedy}")
            study = load_study(path)
        if study.spec.name != self.plan["study"]:
            raise DamagedError(f"{path}: is the study {study.spec.name!r}, plan.json is of another; {remedy}")
        return study

    @property
    def spec(self) -> StudySpec:
        """The study file of it."""
        return self.study.spec

    @cached_property
    def state(self) -> str:
        """running, done, failed (over, but some runs failed) or interrupted (`plan_file.state_of`)."""
        return state_of(self.folder, self.plan)

    @cached_property
    def _written(self) -> bool:
        return is_written(self.folder)

    @cached_property
    def _waiting(self) -> set[str]:
        """The settings that came to a rung and have not gone on."""
        found: set[str] = set()
        for phase in self.plan["phases"]:
            for event in self.decisions(phase["number"]):
                if event["event"] == "arrived":
                    found.add(event["setting"])
                elif event["event"] in ("begun", "promoted"):
                    found.discard(event["setting"])
        return found

    def decisions(self, phase: int) -> list[Decision]:
        """What the search of a phase decided, in order; empty where it had none.  Raises DamagedError."""
        path = self.folder / "decisions" / f"{phase}.jsonl"
        events, problem = read_decisions(path)
        if problem is not None:
            raise DamagedError(f"{path}: {problem}; run the study again: it is decided anew, finished runs are kept")
        return events

    # -- settings and runs

    @cached_property
    def planned(self) -> dict[str, Mapping[str, Any]]:
        """Every setting whose runs have ids, once, by label: as plan.json has it, with the `phase` it belongs to."""
        found: dict[str, Mapping[str, Any]] = {}
        for phase in self.plan["phases"]:
            for setting in phase["settings"] if phase["after"] is None or phase["start"] is not None else ():
                found.setdefault(setting["label"], {**setting, "phase": phase["name"]})
        return found

    @cached_property
    def axes(self) -> dict[str, dict[str, Any]]:
        """label -> the value of every axis of the study: its own, those of what it started from, and of its setting."""
        starts = {
            one["label"]: phase["start"]
            for phase in reversed(self.plan["phases"])
            for one in phase["settings"]
            if one["label"] != phase["start"]
        }
        names = list(dict.fromkeys(name for setting in self.planned.values() for name in setting["axes"]))
        found = {}
        for label in self.planned:
            way = [label]
            while (start := starts.get(way[-1])) is not None:
                way.append(start)
            given = {name: value for one in reversed(way) for name, value in self.planned[one]["axes"].items()}
            found[label] = {name: given.get(name, at_path(self.planned[label]["setting"], name)) for name in names}
        return found

    def setting(self, label: str | int) -> Setting:
        """The resolved setting of a label.  Raises UnknownName."""
        found = lookup(self.planned, label_text(label), "setting")["setting"]
        with reading(self.folder / "plan.json", DamagedError, "a plan of handgrad", REMEDY):
            return Setting.model_validate(found)

    def checked_cells(self) -> Iterator[DesignCell]:
        """`cells`, every file of every run compared with its checksum on the way.

        Raises DamagedError at the end, with every run that was altered, cut off or mixed up.
        """
        found: list[DamagedError] = []
        yield from self._cells(found)
        for key in dict.fromkeys(key for setting in self.planned.values() for key in _data_keys(setting)):
            try:
                if (self.folder / "data" / f"{key}.json").exists():
                    read_data(self.folder, key)
            except DamagedError as error:
                found.append(error)
        if found:
            lines = list(dict.fromkeys(map(str, found)))
            more = [f"… and {len(lines) - NAMED} more damaged runs"] if len(lines) > NAMED else []
            raise DamagedError("\n".join([*lines[:NAMED], *more]))

    def cells(self, labels: Collection[str] | None = None) -> Iterator[DesignCell]:
        """Every run whose id is known, in the order of the plan; records are read one at a time.

        labels: of settings, where the runs of others are not asked for.
        Raises DamagedError at a record that was altered, or is of another run.
        """
        return self._cells(None, labels)

    def _cells(self, damaged: list[DamagedError] | None, labels: Collection[str] | None = None) -> Iterator[DesignCell]:
        """The cells; where `damaged` is given, all files are checked, and damage is added to it and left out."""
        checked: set[str] = set()
        for label, setting in self.planned.items():
            for run in setting["runs"] if labels is None or label in labels else ():
                try:
                    record = self.record_alone(run["id"], check=damaged is not None and run["id"] not in checked)
                except DamagedError as error:
                    if damaged is None:
                        raise
                    damaged.append(error)
                    continue
                checked.add(run["id"])
                status = record.status if record else self.unfinished(label, run["id"])
                where = label, setting["phase"], setting["axes"], run["seed"], run["id"]
                yield DesignCell(*where, status, record, run.get("seeds", {}), run.get("fold"))

    def record_alone(self, run_id: str, *, check: bool = False) -> Record | None:
        """record.json of a run, None where there is none; check: compare its files with it.  Raises DamagedError."""
        folder = self.folder / "runs" / run_id
        for again in (True, False):
            try:
                if not folder.exists():
                    return None
                record = load(folder, arrays=False)
                if check:
                    check_files(folder, record)
                return record
            except DamagedError:
                if not (again and self._written):  # a run that goes on takes the place of its own record
                    raise
                time.sleep(WAIT)
        raise AssertionError

    def unfinished(self, label: str, run_id: str) -> str:
        """The status of a run that has no record (`DesignCell`)."""
        if not (self.folder / "runs" / f"{run_id}.partial").exists():
            return "not begun" if "budget" in self.plan and self.state in OVER else "pending"
        if label in self._waiting:
            return "waiting"
        return "running" if self.state == "running" else "interrupted"

    def record(self, run_id: str) -> Record:
        """The whole record of a run: numbers, curves and weights.  run_id: or its first signs, if no other has them."""
        path = self.folder / "runs" / as_path(run_id, "run_id", ResultsError)
        return load(run_folder(path) if is_run_id(path.name) and not path.exists() else path)

    def images(self, label: str | int, run_id: str | None = None) -> "np.ndarray | None":
        """The sample images of the data of a setting, or those that one run of it shows; None where none are kept.

        run_id: of a run with a record, whose `samples` they are, scaled as it learnt from them.
        Raises DamagedError, and UnknownName for a label that is not there.
        """
        key = self._data_key(label, run_id)
        if not (self.folder / "data" / f"{key}-samples.npz").exists():
            return None
        found = read_data(self.folder, key)
        images: np.ndarray = found["x"]
        record = None if run_id is None else self.record_alone(run_id)
        if record is None or record.samples is None:
            return images
        places = {index: place for place, index in enumerate(found["index"].tolist())}
        at = [places[index] for index in record.samples.index if index in places]
        return images[at] if len(at) == len(record.samples.index) else None

    def examples(self, label: str | int, run_id: str) -> dict[str, Part]:
        """The examples that are kept of the parts of the data of a run, scaled as it learnt from them: a few of one
        part, of data of two features up to 1,000 of each (`kept_examples`).  Raises DamagedError."""
        key = self._data_key(label, run_id)
        if not (self.folder / "data" / f"{key}-samples.npz").exists():
            return {}
        return kept_parts(read_data(self.folder, key))

    def _data_key(self, label: str | int, run_id: str | None) -> str:
        """The key of the split of a setting, or of one of its runs where these have splits of their own."""
        planned = lookup(self.planned, label_text(label), "setting")
        own = (run["data"] for run in planned["runs"] if run["id"] == run_id and "data" in run)
        return str(next(own, planned["data"]))

    def right(self, run_id: str, record: Record | None = None) -> Arrays:
        """Which examples a run got right (`training.right`); empty where its record has no bits.  Raises DamagedError.

        run_id: of a run that has a record;  record: that, where it has been read already.
        """
        folder = self.folder / "runs" / run_id
        return load_optional(folder, "right", record or load(folder, arrays=False))

    def failed(self) -> int:
        """How many runs failed."""
        return sum(cell.status == "failed" for cell in self.cells())

    def winner(self, phase: str | None = None) -> str | None:
        """The label of a phase's winner; None where there is none.

        By default of the last phase that has one and whose seeds vary what those of the study do: the others measure
        where the noise of that winner comes from.
        """
        phases = {one["name"]: one for one in self.plan["phases"]}
        if phase is not None:
            label = lookup(phases, phase, "phase")["winner"]
            return None if label is None else str(label)
        chosen = [one["winner"] for one in self.plan["phases"] if one.get("vary") == self.plan.get("vary")]
        return next((str(winner) for winner in reversed(chosen) if winner is not None), None)

    # -- frames

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of its runs: those of the tasks of its settings, in the order of METRICS."""
        tables = [setting["setting"] for setting in self.planned.values()]
        tasks = {scored_as(one.get("data", {}), one.get("network", {})) for one in tables}
        return tuple(name for name in METRICS if any(name in metrics_of(task) for task in tasks))

    def runs(self) -> "DataFrame":
        """One row for every run: label, phase, seed, id, status, a column for each axis, metrics, collapsed, times.

        collapsed: whether it predicts one class for nearly everything (`training.collapse`); None where no run ended.
        Where the study says what its seeds vary, init_seed, order_seed, dropout_seed and split_seed as well.
        Before the seed stands the fold, where folds divide the data.
        """
        runs = [run for setting in self.planned.values() for run in setting["runs"]]
        sources = [name for name in SOURCES if any(name in run.get("seeds", ()) for run in runs)]
        return frame_of_rows(cell.row(self._columns(cell.label), sources, self.metrics) for cell in self.cells())

    def _columns(self, label: str) -> dict[str, Any]:
        """The axes of a setting as columns of a frame."""
        return {axis: or_baseline(axis, value) for axis, value in self.axes[label].items()}

    def curves(self) -> "DataFrame":
        """One row for every epoch of every run: label, seed, id, epoch, losses, accuracies, lr, steps_at_epoch_end."""
        return self._by_epoch(lambda folder, record: by_epoch(load_curves(folder, record)))

    def diagnostics(self) -> "DataFrame":
        """One row for every epoch of every run that has `training.diagnostics`, epoch 0 being before training: label,
        seed, id, epoch, norms of gradients, shares of saturated units (`training/diagnostics.py`)."""
        return self._by_epoch(lambda folder, record: load_optional(folder, "diagnostics", record))

    def _by_epoch(self, arrays: Callable[[Path, Record], Arrays]) -> "DataFrame":
        import pandas

        frames = []
        for cell in self.cells():
            if cell.record is None or cell.status == "failed":
                continue
            values = arrays(self.folder / "runs" / cell.id, cell.record)
            if len(values.get("epoch", ())):
                frames.append(pandas.DataFrame({"label": cell.label, **cell.run, "id": cell.id, **values}))
        return pandas.concat(frames, ignore_index=True) if frames else pandas.DataFrame()

    def settings(self) -> "DataFrame":
        """One row for every setting: label, phase, axes, counts, mean and standard deviation of metrics.

        n counts the runs with results, of which `pruned` were stopped short by a search and have those of their last
        epoch; a diverged or failed run has no value and is counted apart.
        """
        import pandas

        runs, rows = self.runs(), []
        for label, setting in self.planned.items():
            own = runs[runs["label"] == label]
            done = own[own["status"].isin(ENDED)]
            row: dict[str, Any] = {"label": label, "phase": setting["phase"], **self._columns(label), "n": len(done)}
            row |= {name: int((own["status"] == name).sum()) for name in ("diverged", "failed", "pruned")}
            for name in self.metrics:
                row |= {f"{name}_mean": done[name].mean(), f"{name}_std": done[name].std(ddof=self.spec.ddof)}
            winner_of = [phase["name"] for phase in self.plan["phases"] if phase["winner"] == label]
            rows.append(row | {"winner_of": ", ".join(winner_of)})
        return pandas.DataFrame(rows)

    def conclusions(self) -> "DataFrame":
        """One row for every setting of every phase: how it compares with the best of the phase, and how sure that is.

        Columns: `report/result_frames.py`; method: docs/conclusions.md.
        """
        conclusions = from_report("Results.conclusions")
        assert conclusions is not None
        frame: DataFrame = conclusions(self)
        return frame


def _data_keys(planned: Mapping[str, Any]) -> list[str]:
    """The splits of a setting's runs."""
    return [run.get("data", planned["data"]) for run in planned["runs"]]
