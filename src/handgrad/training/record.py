"""A record: what a run leaves behind, as a type and as files that execute nothing.

    record.json           status, setting, final metrics, times, environment: the fields of `Record`
    curves.npz            the loss of every step; loss and accuracy of every epoch (no times: same bits, same bytes)
    weights.safetensors   the parameters, with the network and scaling they belong to (`training.model`)
    state.safetensors     what the optimizer remembers, if anything, so that a run can be continued
    mistakes.npz          pictures that are taken for another class, the most confident ones (`training.mistakes`)
    diagnostics.npz       norms of gradients and saturation, where the setting asks for them (`training.diagnostics`)
    right.npz             a bit for each validation and test example: whether it was right (`training.right`)
    predictions.npz       predicted and actual targets, where they are no classes (`training.predicted_values`)

Fields have the names and the order of the keys of record.json; docs/results.md says what each holds.  Keys that another
version wrote stay where they are, and those that an earlier version did not write are None or empty.  The folder is
written whole under a temporary name and then renamed, and read files are compared with the checksums of record.json.
"""

import errno
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, GetPydanticSchema, model_validator
from typing_extensions import TypedDict

from handgrad.displays import Display, Displayed
from handgrad.errors import DamagedError, ResultsError
from handgrad.files import altered, checksum, indented, sealed, unsealed, write_folder
from handgrad.foreign import reading
from handgrad.measures import CLASSIFICATION, MAIN_MEASURES, MEASURES, METRICS, PARTS, ClassCounts
from handgrad.names import listed, shown
from handgrad.network.arrays import Arrays
from handgrad.network.targets import class_of
from handgrad.sections import check_shape
from handgrad.training.curves import History, by_epoch
from handgrad.training.model import Model
from handgrad.training.npz_bytes import npz
from handgrad.training.record_facts import (
    AsWritten,
    DatasetFacts,
    Divergence,
    NetworkFacts,
    RecordTable,
    Samples,
    Times,
    TrainScore,
)
from handgrad.training.weights import FORMAT, check_folder, check_format, tensors
from handgrad.training.weights import RUN_AGAIN as REMEDY

# arrays that not every record has, in a file of that name with .npz
OPTIONAL = ("mistakes", "diagnostics", "right", "predictions")
ARRAYS = ("curves", "params", "state", *OPTIONAL)
FILES = ("record.json", "curves.npz", "weights.safetensors", "state.safetensors", *(f"{name}.npz" for name in OPTIONAL))
STATUSES = ("done", "diverged", "pruned", "failed")
_LOST = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.ELOOP)


class _Optimizer(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]
    name: str


class _Training(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]
    optimizer: _Optimizer


class _SettingTables(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]
    data: dict[str, Any]
    network: dict[str, Any]
    training: _Training


class Record(Displayed, RecordTable):
    """What a run leaves behind.

    status: one of STATUSES.  A run that diverged, and no other, has `diverged`; one that failed has `error`, no scores
    and no samples.  seeds: of every source, where the study has `vary`.  setting: its tables, every default written
    out.  continues: the run that this one goes on from; parent: the checksums of the files that it began with.
    metrics: of the weights at the end, by name (`handgrad.measures`); None where it diverged.  epochs, steps: over the
    whole history, that of continued runs included.  files: checksums of the other files.  curves, params, state,
    mistakes, diagnostics, right, predictions: arrays by name; empty where record.json alone was read.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    format: int
    id: str
    seed: int
    seeds: dict[str, int] | None = None
    setting: Annotated[dict[str, Any], GetPydanticSchema(lambda _, handler: handler(_SettingTables)), AsWritten]
    continues: str | None
    parent: dict[str, str] | None = None
    status: str
    metrics: dict[str, float | None]
    epochs: int
    steps: int
    best_epoch: int | None
    continued_at: list[int]
    diverged: Divergence | None
    error: str | None
    network: NetworkFacts
    dataset: DatasetFacts = Field(alias="data")
    train_score: TrainScore | None
    confusion: dict[str, list[list[int]]]
    samples: Samples | None
    optimizer_steps: int
    time: Times
    engine: dict[str, Any]
    environment: dict[str, Any]
    files: dict[str, str] | None = None

    curves: Arrays = Field(default_factory=dict, exclude=True, repr=False)
    params: Arrays = Field(default_factory=dict, exclude=True, repr=False)
    state: Arrays = Field(default_factory=dict, exclude=True, repr=False)
    mistakes: Arrays = Field(default_factory=dict, exclude=True, repr=False)
    diagnostics: Arrays = Field(default_factory=dict, exclude=True, repr=False)
    right: Arrays = Field(default_factory=dict, exclude=True, repr=False)
    predictions: Arrays = Field(default_factory=dict, exclude=True, repr=False)

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Raise ValueError where parts contradict each other."""
        if self.status not in STATUSES:
            raise ValueError(f"status is {shown(self.status)}, not one of {', '.join(STATUSES)}")
        for status, part in (("diverged", "diverged"), ("failed", "error")):
            if (getattr(self, part) is not None) != (self.status == status):
                raise ValueError(f"status is {self.status}, and {part} is {shown(getattr(self, part))}")
        classes = len(self.dataset.classes)
        for name, matrix in self.confusion.items():
            if len(matrix) != classes or any(len(row) != classes for row in matrix):
                raise ValueError(f"confusion.{name} has not a row and a column for each of {classes} classes")
        if self.samples is not None:
            self._check_samples(self.samples, classes)
        return self

    def _check_samples(self, samples: Samples, classes: int) -> None:
        outputs = [rows for rows in (samples.before, samples.after) if rows is not None]
        if {len(samples.labels), *map(len, outputs)} != {len(samples.index)}:
            raise ValueError("samples are not of one number of examples")
        widths = {len(row) for rows in outputs for row in rows}
        binary = self.dataset.task is None and classes == 2
        if widths - {classes} and not (binary and widths == {1}):
            raise ValueError(f"samples are not of {classes} classes")
        for label in samples.labels:
            of_class = self.dataset.task is None and isinstance(label, int) and 0 <= label < classes
            if not of_class and not (
                self.dataset.task is not None and isinstance(label, list) and len(label) == classes
            ):
                raise ValueError(f"samples are not of {classes} classes")

    @classmethod
    def from_json(cls, table: Mapping[str, Any], **arrays: Arrays) -> Self:
        """The record of record.json's content, and of the arrays beside it (curves, params, …).

        Raises ValueError, in one line, where that is not the content of a record.
        """
        return check_shape(cls.model_validate, {**table, **{name: {} for name in ARRAYS}, **arrays})

    def _display(self) -> Display:
        network, time, training = self.network, self.time, self.setting["training"]
        optimizer = training["optimizer"]
        steps = [f"{key} {optimizer[key]}" for key in ("name", "lr") if key in optimizer]
        steps += [f"batch {training['batch_size']}"] if "batch_size" in training else []
        where = self.diverged and f"epoch {self.diverged.epoch}, step {self.diverged.step:,}: {self.diverged.reason}"
        rows = [("diverged", where or ""), ("error", self.error or ""), ("slips", "; ".join(network.slips))]
        main = MAIN_MEASURES[self.dataset.task or CLASSIFICATION]
        rows += [(MEASURES[name].word, self._told(name)) for name in (main, "loss")]
        rows.append(
            ("network", f"{listed(network.layers)}; {network.parameters:,} parameters" if network.layers else "")
        )
        rows.append(("training", ", ".join(steps).removeprefix("name ")))
        rows.append(("trained", f"{self.epochs:,} epochs, {self.steps:,} steps, {time.training:.3g} s"))
        examples = ", ".join(f"{n:,} {part}" for part, n in self.dataset.counts.items())
        rows.append(("data", f"{self.dataset.name}: {examples}" if examples else self.dataset.name))
        return Display(f"Record {self.id}, seed {self.seed}: {self.status}", tuple(rows))

    def _told(self, measure: str) -> str:
        """The values of a measure at the end, part by part."""
        found = {part.word: self.metrics.get(part.metric(measure)) for part in PARTS.values()}
        return ", ".join(f"{word} {value:.4f}" for word, value in found.items() if value is not None)

    @property
    def data(self) -> dict[str, Any]:
        """record.json as nested dicts and lists; what is changed in them changes nothing in the record."""
        return self.to_json()

    @property
    def scores(self) -> dict[str, float | None]:
        """The metrics, with those that an earlier version did not write and that follow from the confusion matrices."""
        found = dict(self.metrics)
        for name, metric in METRICS.items():
            matrix, of_counts = self.confusion.get(metric.part.name), metric.measure.of_counts
            if name not in found and matrix and of_counts is not None:
                found[name] = float(of_counts(ClassCounts.of_confusion(np.asarray(matrix))))
        return found

    def classes_of(self, outputs: Sequence[Sequence[float]]) -> list[str]:
        """The names of the classes that rows of outputs tell, as `samples` has them; "" where one is not finite."""
        rows = np.asarray(outputs, np.float64)
        activation = self.network.output
        told = class_of(np.nan_to_num(rows), activation).tolist()
        return [self.dataset.classes[k] if np.isfinite(row).all() else "" for k, row in zip(told, rows, strict=True)]

    @property
    def model(self) -> Model:
        """The trained network, ready to predict.  Raises DamagedError where the record's facts make none."""
        with reading(f"record.json of run {self.id}", DamagedError, "a record", REMEDY):
            return Model.of_facts(self.network.to_json(), self.dataset.to_json(), self.params)

    @property
    def history(self) -> History:
        """Curves by epoch: epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr, …, and epoch_loss.

        Keras's `loss` and `accuracy` lead to epoch_loss and train_accuracy.
        """
        return History(by_epoch(self.curves))

    @property
    def first_epoch(self) -> int:
        """How many epochs the runs trained that this one continues: where its own begin."""
        return self.continued_at[-1] if self.continues is not None and self.continued_at else 0

    @property
    def is_verifiable(self) -> bool:
        """Whether the record says what its files must be; those of earlier versions do not."""
        return self.files is not None

    @property
    def weight_files(self) -> dict[str, str] | None:
        """The checksums of what a run that continues this one begins with (its `parent`); None where there are none."""
        return {name: sum_ for name, sum_ in (self.files or {}).items() if name.endswith(".safetensors")} or None


def save(record: Record, folder: Path) -> None:
    """Write a record's folder whole, or nothing.  Raises ResultsError when the disk is full or not writable.

    record.json is written last and has the checksum of every other file, and at its end that of its own content.
    """
    table = record.to_json()
    facts = json.dumps({"network": table["network"], "data": table["data"]}, sort_keys=True)
    contents = {"curves.npz": npz(record.curves), "weights.safetensors": tensors(record.params, {"handgrad": facts})}
    if record.state:
        contents["state.safetensors"] = tensors(record.state, {})
    for name in OPTIONAL:
        if arrays := getattr(record, name):
            contents[f"{name}.npz"] = npz(arrays, compressed=True)
    table["files"] = {name: checksum(content) for name, content in contents.items()}
    contents["record.json"] = sealed(indented(table))
    try:
        write_folder(folder, contents, FILES)
    except OSError as error:
        raise ResultsError(
            f"{folder}: cannot write the record of run {folder.name}: {error.strerror or error}. "
            "Finished runs are safe; free some room or choose another folder with --out, then run the same command"
        ) from error


def load(folder: Path, *, arrays: bool = True) -> Record:
    """The record of one run, every file that is read compared with its checksum; without `arrays` record.json alone.

    Raises DamagedError where it was altered, is missing or of another run than its folder's name says, and ResultsError
    where it is of another version or may not be read.
    """
    path = folder / "record.json"
    content = _content(path)
    with reading(path, DamagedError, "a record", REMEDY):
        table, is_sealed = unsealed(content, path, REMEDY)
        version = table["format"]
        if version == FORMAT:
            record = Record.from_json(table)
            if is_sealed != record.is_verifiable:
                raise altered(path, REMEDY)
    check_format(path, version)
    check_folder(path, record.id)
    if not arrays:
        return record
    always = {"curves": load_curves, "params": load_params, "state": load_state}
    found = {name: read(folder, record) for name, read in always.items()}
    return record.model_copy(update=found | {name: load_optional(folder, name, record) for name in OPTIONAL})


def check_files(folder: Path, record: Record) -> None:
    """Raise DamagedError at a file of a run that is not the one which its record.json was written with.

    Of a record without checksums, only whether its files can be opened is looked at.
    """
    if record.files is not None:
        for name, expected in record.files.items():
            if checksum(_content(folder / name)) != expected:
                raise altered(folder / name, REMEDY)
        if (folder / "state.safetensors").exists() and "state.safetensors" not in record.files:
            raise DamagedError(f"{folder / 'state.safetensors'}: does not belong to this run; {REMEDY}")
    elif record.status != "failed":
        if "loss_per_step" not in load_curves(folder):
            raise DamagedError(f"{folder / 'curves.npz'}: has no loss_per_step; {REMEDY}")
        load_params(folder)
        load_state(folder)


def load_curves(folder: Path, record: Record | None = None) -> Arrays:
    """curves.npz of one run; nothing in it is executed.  record: that of the run, whose checksum the file must have.

    Raises DamagedError where it was altered or cut off.
    """
    return _npz(folder / "curves.npz", record, "an .npz file of curves")


def load_optional(folder: Path, name: str, record: Record) -> Arrays:
    """The arrays of one of `OPTIONAL` of one run, in the same way; empty where the record names no such file."""
    path = folder / f"{name}.npz"
    return _npz(path, record, f"an .npz file of {name}") if path.name in (record.files or {}) else {}


def _npz(path: Path, record: Record | None, form: str) -> Arrays:
    content = _checked(path, record)
    with reading(path, DamagedError, form, REMEDY), zipfile.ZipFile(io.BytesIO(content)) as file:
        return {one.filename.removesuffix(".npy"): _npy(_member(file, one, content)) for one in file.infolist()}


def _member(file: zipfile.ZipFile, one: zipfile.ZipInfo, content: bytes) -> bytes:
    """`file.read(one)`, for short files in less time: it lies as it is in `content`, behind 30 bytes and two texts."""
    if one.compress_type != zipfile.ZIP_STORED or one.flag_bits:
        return file.read(one)
    lengths = content[one.header_offset + 26 : one.header_offset + 30]
    start = one.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    found = content[start : start + one.file_size]
    if zlib.crc32(found) != one.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {one.filename!r}")
    return found


def _npy(content: bytes) -> np.ndarray:
    """np.load of an .npy file as np.save writes it; nothing in it is executed.

    A report reads thousands of short arrays, and to NumPy a header takes longer than the numbers behind it.
    """
    end = 10 + int.from_bytes(content[8:10], "little")
    shape, order, dtype = _header(content[:end])
    return np.frombuffer(content, dtype, offset=end).reshape(shape, order=order).copy()


@lru_cache(1024)
def _header(head: bytes) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype]:
    """Shape, order and type of the numbers behind a header."""
    stream = io.BytesIO(head)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("the header is not of version 1.0")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    return shape, "F" if by_columns else "C", dtype  # of objects np.frombuffer makes none


def load_params(folder: Path, record: Record | None = None) -> Arrays:
    """The parameters of one run, in the same way."""
    return _tensors(folder / "weights.safetensors", record)


def load_state(folder: Path, record: Record | None = None) -> Arrays:
    """What its optimizer remembers, in the same way; empty where it remembers nothing."""
    path = folder / "state.safetensors"
    is_there = path.exists() if record is None or record.files is None else path.name in record.files
    return _tensors(path, record) if is_there else {}


def _tensors(path: Path, record: Record | None) -> Arrays:
    content = _checked(path, record)
    with reading(path, DamagedError, "a safetensors file", REMEDY):
        from safetensors.numpy import load as read

        return dict(read(content))


def _checked(path: Path, record: Record | None) -> bytes:
    """The bytes of a file, which are those that its record was written with, where the record says which these are."""
    content = _content(path)
    if record is not None and record.files is not None and record.files.get(path.name) != checksum(content):
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
