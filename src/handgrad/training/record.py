"""A record: what a run leaves behind, as three files that execute nothing.

    record.json           status, setting, final metrics, times, environment
    curves.npz            the loss of every step; loss and accuracy of every epoch (no times: same bits, same bytes)
    weights.safetensors   the parameters, with the network and scaling they belong to (`training.model`)
    state.safetensors     what the optimizer remembers, if anything, so that a run can be continued

The folder is written whole under a temporary name and then renamed: a record is there or it is not.  Whatever reads it
compares it with the checksums that record.json holds.
"""

import errno
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.errors import DamagedError, ResultsError
from handgrad.files import altered, checksum, sealed, unsealed, written_folder
from handgrad.foreign import reading
from handgrad.names import shown
from handgrad.training.facts import check_facts
from handgrad.training.model import Model
from handgrad.training.weights import npz, tensors

FORMAT = 1
_ID = re.compile("[0-9a-f]{10}")
_LOST = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.ELOOP)

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
        """The trained network, ready to predict.  Raises DamagedError where the record's facts make none."""
        with reading(f"record.json of run {self.id}", DamagedError, "a record", REMEDY):
            return Model.of_facts(self.data["network"], self.data["data"], self.params)

    @property
    def history(self) -> Arrays:
        """Curves by epoch, under Keras's names: epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr."""
        return {name: values for name, values in self.curves.items() if name != "loss_per_step"}


FILES = ("record.json", "curves.npz", "weights.safetensors", "state.safetensors")
REMEDY = "run the study again: this run is made again, all others are kept"


def save(record: Record, folder: Path) -> None:
    """Write a record's folder whole, or nothing.  Raises ResultsError when the disk is full or not writable.

    record.json is written last and has the checksum of every other file, and at its end that of its own content.
    """
    facts = json.dumps({"network": record.data["network"], "data": record.data["data"]}, sort_keys=True)
    contents = {"curves.npz": npz(record.curves), "weights.safetensors": tensors(record.params, {"handgrad": facts})}
    if record.state:
        contents["state.safetensors"] = tensors(record.state, {})
    data = {**record.data, "files": {name: checksum(content) for name, content in contents.items()}}
    contents["record.json"] = sealed(json.dumps(data, indent=1, allow_nan=False))
    try:
        with written_folder(folder, FILES) as new:
            for name, content in contents.items():
                (new / name).write_bytes(content)
    except OSError as error:
        raise ResultsError(
            f"{folder}: cannot write the record of run {folder.name}: {error.strerror or error}. "
            "Finished runs are safe; free some room or choose another folder with --out, then run the same command"
        ) from error


def load_data(folder: Path) -> dict[str, Any]:
    """record.json of one run.  Raises DamagedError where it was altered, is missing or of another run than its folder's
    name says, ResultsError where it is of another version or may not be read."""
    path = folder / "record.json"
    content = _content(path)
    with reading(path, DamagedError, "a record", REMEDY):
        data, is_sealed = unsealed(content, path, REMEDY)
        version = data["format"]
        if version == FORMAT:
            check_facts(data)
            if is_sealed != ("files" in data):
                raise altered(path, REMEDY)
    if version != FORMAT:
        raise ResultsError(
            f"{path}: record format {shown(version)}, this handgrad reads {FORMAT}; "
            "read it with the version that wrote it, or choose another folder with --out"
        )
    name = folder.name or folder.resolve().name
    if _ID.fullmatch(name) and data["id"] != name:
        raise DamagedError(f"{path}: it is of run {shown(data['id'])}, not of {name}: folders were mixed up; {REMEDY}")
    return data


def is_verifiable(data: Mapping[str, Any]) -> bool:
    """Whether a record says what its files must be; those of earlier versions do not."""
    return "files" in data


def start_of(data: Mapping[str, Any]) -> dict[str, str] | None:
    """What a run that continues this one starts from, by checksum; None where the record (`data`) has none."""
    found = {name: sum_ for name, sum_ in data.get("files", {}).items() if name.endswith(".safetensors")}
    return found or None


def check_files(folder: Path, data: Mapping[str, Any]) -> None:
    """Raise DamagedError at a file of a run that is not the one which its record.json (`data`) was written with.

    Of a record without checksums, only whether its files can be opened is looked at.
    """
    if is_verifiable(data):
        for name, expected in data["files"].items():
            if checksum(_content(folder / name)) != expected:
                raise altered(folder / name, REMEDY)
        if (folder / "state.safetensors").exists() and "state.safetensors" not in data["files"]:
            raise DamagedError(f"{folder / 'state.safetensors'}: does not belong to this run; {REMEDY}")
    elif data["status"] != "failed":
        if "loss_per_step" not in load_curves(folder):
            raise DamagedError(f"{folder / 'curves.npz'}: has no loss_per_step; {REMEDY}")
        load_params(folder)
        load_state(folder)


def load_curves(folder: Path, data: Mapping[str, Any] | None = None) -> Arrays:
    """curves.npz of one run; nothing in it is executed.  data: its record.json, whose checksum it must have.

    Raises DamagedError where it was altered or cut off.
    """
    path = folder / "curves.npz"
    content = _checked(path, data)
    form = "an .npz file of curves"
    with reading(path, DamagedError, form, REMEDY), np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def load_params(folder: Path, data: Mapping[str, Any] | None = None) -> Arrays:
    """The parameters of one run, in the same way."""
    return _tensors(folder / "weights.safetensors", data)


def load_state(folder: Path, data: Mapping[str, Any] | None = None) -> Arrays:
    """What its optimizer remembers, in the same way; empty where it remembers nothing."""
    there = (folder / "state.safetensors").exists() if data is None or not is_verifiable(data) else None
    there = "state.safetensors" in data["files"] if there is None and data is not None else there
    return _tensors(folder / "state.safetensors", data) if there else {}


def load(folder: Path) -> Record:
    """The whole record of one run, every file compared with its checksum.  Raises DamagedError."""
    data = load_data(folder)
    return Record(data, load_curves(folder, data), load_params(folder, data), load_state(folder, data))


def check_weights(path: Path) -> None:
    """Raise DamagedError where `path` lies in a run's folder whose record was written with other weights."""
    folder = path.parent
    if (folder / "record.json").exists() and path.name in FILES:
        data = load_data(folder)
        if data["files"].get(path.name) != checksum(_content(path)) if is_verifiable(data) else False:
            raise altered(path, REMEDY)


def _tensors(path: Path, data: Mapping[str, Any] | None) -> Arrays:
    content = _checked(path, data)
    with reading(path, DamagedError, "a safetensors file", REMEDY):
        from safetensors.numpy import load as read

        return dict(read(content))


def _checked(path: Path, data: Mapping[str, Any] | None) -> bytes:
    content = _content(path)
    if data is not None and is_verifiable(data) and data["files"].get(path.name) != checksum(content):
        raise altered(path, REMEDY)
    return content


def _content(path: Path) -> bytes:
    """The bytes of a file.  One that is missing or that the disk has lost is damage; one kept from us is not."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno in _LOST:
            raise DamagedError(f"{path}: cannot be read ({error.strerror}); {REMEDY}") from None
        raise ResultsError(
            f"{path}: cannot be read ({error.strerror or error}); mend the rights of the folder"
        ) from None
