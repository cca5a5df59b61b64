"""A record: what a run leaves behind, as three files that execute nothing.

    record.json           status, setting, final metrics, times, environment
    curves.npz            the loss of every step; loss and accuracy of every epoch (no times: same bits, same bytes)
    weights.safetensors   the parameters, with the network and scaling they belong to (`training.model`)
    state.safetensors     what the optimizer remembers, if anything, so that a run can be continued

The folder is written whole under a temporary name and then renamed: a record is there or it is not.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.errors import ResultsError
from handgrad.training.model import Model
from handgrad.training.weights import read_npz, read_tensors, write_tensors

FORMAT = 1

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Record:
    """`data` is record.json; `curves`, `params` and `state` are arrays by name (docs/results.md lists them all)."""

    data: dict[str, Any]
    curves: Arrays = field(default_factory=dict)
    params: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def status(self) -> str:
        return str(self.data["status"])

    @property
    def metrics(self) -> dict[str, float | None]:
        return dict(self.data["metrics"])

    @property
    def model(self) -> Model:
        """The trained network, ready to predict."""
        return Model.of_facts(self.data["network"], self.data["data"], self.params)

    @property
    def history(self) -> Arrays:
        """Curves by epoch, under Keras's names: epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr."""
        return {name: values for name, values in self.curves.items() if name != "loss_per_step"}


def save(record: Record, folder: Path) -> None:
    """Write a record's folder whole, or nothing.  Raises ResultsError when the disk is full or not writable."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        (unfinished / "record.json").write_text(json.dumps(record.data, indent=1, allow_nan=False) + "\n")
        np.savez(unfinished / "curves.npz", allow_pickle=False, **record.curves)
        facts = json.dumps({"network": record.data["network"], "data": record.data["data"]}, sort_keys=True)
        write_tensors(unfinished / "weights.safetensors", record.params, {"handgrad": facts})
        if record.state:
            write_tensors(unfinished / "state.safetensors", record.state, {})
        for file in unfinished.iterdir():
            with open(file, "rb") as written:
                os.fsync(written.fileno())
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise ResultsError(
            f"{folder}: cannot write the record of run {folder.name}: {error.strerror or error}. "
            "Finished runs are safe; free some room or choose another folder with --out, then run the same command"
        ) from error


def load_data(folder: Path) -> dict[str, Any]:
    """record.json of one run.  Raises ResultsError where it is missing, damaged or of another version."""
    path = folder / "record.json"
    try:
        data = json.loads(path.read_text())
        version = data["format"]
    except FileNotFoundError:
        raise ResultsError(f"{path}: no such file; the run has no finished record") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path}: not a record ({error}); delete the folder and run the study again") from None
    if version != FORMAT:
        raise ResultsError(
            f"{path}: record format {version}, this handgrad reads {FORMAT}; "
            "read it with the version that wrote it, or choose another folder with --out"
        )
    return dict(data)


def load_curves(folder: Path) -> Arrays:
    """curves.npz of one run; nothing in it is executed.  Raises ResultsError where it is damaged."""
    path = folder / "curves.npz"
    try:
        return read_npz(path)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: damaged ({error}); delete the run's folder and run the study again") from None


def load(folder: Path) -> Record:
    """The whole record of one run."""
    state = folder / "state.safetensors"
    return Record(
        load_data(folder),
        load_curves(folder),
        read_tensors(folder / "weights.safetensors")[0],
        read_tensors(state)[0] if state.exists() else {},
    )
