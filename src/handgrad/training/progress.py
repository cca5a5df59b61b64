"""Progress: everything that a run in progress needs to continue with the same bits, and where it starts.

A run starts from initial weights, from its checkpoint, from the end of the run that it continues, or from where it was
pruned.

Streams are keyed by (seed, purpose, epoch), so their positions are the epoch and step numbers; the rest is
parameters, optimizer slots and the curves so far.  One safetensors file, written under a temporary name and renamed.
"""

import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.errors import ResultsError
from handgrad.files import checksum, write_whole
from handgrad.network.arrays import Arrays
from handgrad.network.initializers import initialize
from handgrad.network.network import Network
from handgrad.training.engines import Params, Slots
from handgrad.training.record import Record
from handgrad.training.record_facts import Stretch
from handgrad.training.task import Task
from handgrad.training.weights import check_shapes, read_tensors, tensors


@dataclass
class Progress:
    """A run at the end of an epoch.  Epochs and steps count over the whole history, that of continued runs included."""

    params: Params
    slots: Slots = field(default_factory=dict)
    t: int = 0
    epoch: int = 0
    step: int = 0
    first_epoch: int = 0  # where this run's own epochs begin (after those of the run that it continues)
    loss_per_step: list[np.ndarray] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)
    diagnostics: dict[str, list[float]] = field(default_factory=dict)
    best: Params = field(default_factory=dict)  # of the best epoch, with early stopping
    best_slots: Slots = field(default_factory=dict)
    before: list[list[float]] = field(default_factory=list)  # outputs for a few examples
    drawn: bool = False  # whether these were drawn at random; a run that an earlier version began has the first ones
    times: list[list[float]] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    continued_at: list[int] = field(default_factory=list)
    resumed: int = 0


def pack_slots(slots: Slots) -> Params:
    """Slots as named arrays, `slot0.dense1.W` …"""
    return {f"slot{i}.{name}": array for name, arrays in slots.items() for i, array in enumerate(arrays)}


def unpack_slots(arrays: Params) -> Slots:
    """The inverse of `pack_slots`; other arrays are passed over."""
    slots: dict[str, dict[int, np.ndarray]] = {}
    for key, array in arrays.items():
        if not key.startswith("slot"):
            continue
        number, name = key.removeprefix("slot").split(".", 1)
        slots.setdefault(name, {})[int(number)] = array
    return {name: tuple(by_number[i] for i in sorted(by_number)) for name, by_number in slots.items()}


def pack_best(progress: Progress, prefix: str) -> Params:
    """Weights and slots of the best epoch so far, under names with this prefix."""
    return {f"{prefix}{name}": a for name, a in (progress.best | pack_slots(progress.best_slots)).items()}


def unpack_best(arrays: Params, prefix: str) -> tuple[Params, Slots]:
    """The inverse of `pack_best`; other arrays are passed over."""
    best = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    slots = pack_slots(unpack_slots(best))
    return {name: array for name, array in best.items() if name not in slots}, unpack_slots(best)


def first_progress(task: Task, run_id: str, network: Network) -> Progress:
    """Where a run starts: at its checkpoint, at the end of the run that it continues, or at its initial weights.

    Raises InputError where the weights of the run that it continues do not fit.
    """
    setting = task.run.setting
    progress = None
    if task.checkpoint:
        progress = WAITING.take(task.checkpoint, run_id) or load_checkpoint(task.checkpoint, run_id)
    if progress is not None:
        progress.resumed += 1
        return progress
    if task.parent is not None:
        whose = f"run {task.parent.id}, which this one continues"
        check_shapes(task.parent.params, network.parameter_shapes, whose)
        return progress_after(task.parent, setting.training.optimizer.name)
    section = setting.network
    seed = task.run.source_seeds.init
    return Progress(initialize(network, section.init, section.bias_init, seed, setting.training.dtype))


def progress_after(parent: Record, optimizer: str) -> Progress:
    """The start of a run that continues another: its weights and history; its slots if the optimizer is the same."""
    same = parent.setting["training"]["optimizer"]["name"] == optimizer
    return Progress(
        params=dict(parent.params),
        slots=unpack_slots(parent.state) if same else {},
        t=parent.optimizer_steps if same else 0,
        epoch=parent.epochs,
        step=parent.steps,
        first_epoch=parent.epochs,
        loss_per_step=[parent.curves["loss_per_step"]],
        curves=_curves_of(parent),
        diagnostics=_diagnostics_of(parent),
        continued_at=[*parent.continued_at, parent.epochs],
    )


def progress_of(pruned: Record) -> Progress:
    """The progress of a pruned run, from its record: it goes on from there with the bits of never having stopped."""
    best, best_slots = unpack_best(pruned.state, "best.")
    return Progress(
        params=dict(pruned.params),
        slots=unpack_slots(pruned.state),
        t=pruned.optimizer_steps,
        epoch=pruned.epochs,
        step=pruned.steps,
        first_epoch=pruned.first_epoch,
        loss_per_step=[pruned.curves["loss_per_step"]],
        curves=_curves_of(pruned),
        diagnostics=_diagnostics_of(pruned),
        best=best,
        best_slots=best_slots,
        before=[] if pruned.samples is None else pruned.samples.before,
        drawn=pruned.samples is not None and pruned.samples.drawn,
        times=pruned.time.epochs,
        stretches=pruned.time.stretches,
        continued_at=list(pruned.continued_at),
        resumed=pruned.time.resumed,
    )


def _curves_of(record: Record) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in record.curves.items() if name not in ("loss_per_step", "epoch")}


def _diagnostics_of(record: Record) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in record.diagnostics.items()}


# -- runs that wait


class Waiting:
    """The progress of runs that wait in their checkpoints, so that who continues them in this process need not read it.

    Where another process has gone on with a run, its checkpoint is another file, and is read.  Those that have waited
    longest are forgotten where all of them take more than `most` bytes.
    """

    def __init__(self, most: int) -> None:
        self.most, self._bytes, self._lock = most, 0, threading.Lock()
        self._held: dict[Path, tuple[str, os.stat_result, Progress]] = {}

    def keep(self, checkpoint: Path, run_id: str, progress: Progress) -> None:
        """Keep the progress of a run that this checkpoint holds, which nobody changes from here on."""
        with suppress(OSError), self._lock:
            found = os.stat(checkpoint)
            self._drop(checkpoint)
            self._held[checkpoint] = run_id, found, progress
            self._bytes += found.st_size
            while self._bytes > self.most:
                self._drop(next(iter(self._held)))

    def take(self, checkpoint: Path, run_id: str) -> Progress | None:
        """The progress of a run that a checkpoint holds, kept no longer; None where the file has to be read."""
        with self._lock:
            of_run, then, progress = self._drop(checkpoint) or ("", None, None)
        if then is not None and of_run == run_id:
            with suppress(OSError):
                now = os.stat(checkpoint)
                if all(getattr(now, fact) == getattr(then, fact) for fact in ("st_ino", "st_size", "st_mtime_ns")):
                    return progress
        return None

    def clear(self) -> None:
        """Keep none of them any longer."""
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def _drop(self, checkpoint: Path) -> tuple[str, os.stat_result, Progress] | None:
        kept = self._held.pop(checkpoint, None)
        self._bytes -= kept[1].st_size if kept else 0
        return kept


WAITING = Waiting(2**26)

# -- checkpoints


def save_checkpoint(path: Path, run_id: str, progress: Progress, *, forced: bool = True) -> None:
    """Write a checkpoint whole or not at all.  Raises ResultsError when the disk is full or not writable.

    forced: whether to wait until it is on the disk.  A power cut can damage one that is not, which its checksum tells.
    """
    arrays = {f"params/{name}": array for name, array in progress.params.items()}
    arrays |= {f"slots/{name}": array for name, array in pack_slots(progress.slots).items()}
    arrays |= pack_best(progress, "best/")
    for prefix, group in (("curves", progress.curves), ("diagnostics", progress.diagnostics)):
        arrays |= {f"{prefix}/{name}": np.asarray(values, dtype=np.float64) for name, values in group.items()}
    arrays["loss_per_step"] = np.concatenate([np.empty(0, np.float32), *progress.loss_per_step])
    plain = ("t", "epoch", "step", "first_epoch", "before", "times", "continued_at", "resumed")
    stretches = {"stretches": [one.to_json() for one in progress.stretches]} if progress.stretches else {}
    drawn = {"drawn": True} if progress.drawn else {}
    numbers = json.dumps({name: getattr(progress, name) for name in plain} | drawn | stretches)
    try:
        facts = {"run": run_id, "progress": numbers, "checksum": _checksum(arrays, run_id, numbers)}
        content = tensors(arrays, facts)
        try:
            write_whole(path, content, forced=forced)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content, forced=forced)
    except OSError as error:
        raise ResultsError(
            f"{path}: cannot write the checkpoint of run {run_id}: {error.strerror or error}. "
            "Finished runs are safe; free some room or choose another folder with --out, then run the same command"
        ) from error


def _checksum(arrays: Params, run_id: str, numbers: str) -> str:
    """One checksum of everything in a checkpoint: a run that went on from altered numbers would keep its id."""
    parts = [f"{name} {array.dtype.str} {array.shape} {checksum(array.tobytes())}" for name, array in arrays.items()]
    return checksum("\n".join([run_id, numbers, *sorted(parts)]).encode())


def load_checkpoint(path: Path, run_id: str) -> Progress | None:
    """The progress of this run, or None where there is none or the file is not whole (the run then starts again)."""
    if not path.exists():
        return None
    try:
        arrays, metadata = read_tensors(path)
        if metadata["run"] != run_id:
            return None
        found = metadata.get("checksum")  # earlier versions wrote none
        if found is not None and found != _checksum(arrays, run_id, metadata["progress"]):
            return None
        return _progress(arrays, json.loads(metadata["progress"]))
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # whatever damage leads to: the run starts again, which costs time and nothing else
        return None


def checkpoint_curves(path: Path, run_id: str) -> tuple[int, Arrays] | None:
    """(epochs of the run's own, its curves so far) of a checkpoint; None where there is none or it cannot be read.

    curves: a value for every epoch, those of the run that it continues included, and `epoch`.  Weights are not read and
    no checksum is computed, so this is quick: for those who look at a run while another process trains it.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, framework="np") as file:
            facts = file.metadata()
            if facts["run"] != run_id:
                return None
            numbers = json.loads(facts["progress"])
            names = [name for name in file.keys() if name.startswith("curves/")]  # noqa: SIM118 (it is no mapping)
            curves = {name.removeprefix("curves/"): file.get_tensor(name) for name in names}
        own = int(numbers["epoch"]) - int(numbers["first_epoch"])
        return own, {"epoch": np.arange(1, int(numbers["epoch"]) + 1), **curves}
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # another process may write it, or remove it, at this moment
        return None


def _progress(arrays: Params, numbers: dict[str, Any]) -> Progress:
    def group(prefix: str) -> Params:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    best, best_slots = unpack_best(arrays, "best/")
    numbers["stretches"] = [Stretch.model_validate(one) for one in numbers.get("stretches", ())]
    return Progress(
        params=group("params/"),
        slots=unpack_slots(group("slots/")),
        best=best,
        best_slots=best_slots,
        curves={name: values.tolist() for name, values in group("curves/").items()},
        diagnostics={name: values.tolist() for name, values in group("diagnostics/").items()},
        loss_per_step=[arrays["loss_per_step"]],
        **numbers,
    )
