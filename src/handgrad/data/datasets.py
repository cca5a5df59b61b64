"""Data sets: a name, a path or arrays become a checked `Dataset`, and that the `Split` of a setting.

    load("mnist")             a named data set (`catalog`)
    load("digits.npz")        a path of your own (`own`; docs/data.md lists the forms)
    from_arrays(x, y)         arrays
    split(dataset, section)   the parts that a setting works with

Labels that are not 0..k-1 are numbered in their own order (numbers by size, text by alphabet), and a note says so.
Images become (channels, rows, cols), whether they come as (rows, cols), channels first or channels last.
"""

import hashlib
import math
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.catalog import DATASETS, paths
from handgrad.data.classes import number_labels
from handgrad.data.contents import Contents, Dataset, Part, Split
from handgrad.data.data_section import CELLS, DataSection
from handgrad.data.frames import as_array, check_rows, columns_like, names_of
from handgrad.data.missing import has_missing, without_missing
from handgrad.data.own import FORMS_OF_SETTINGS, find_own, read_own, refuse_settings
from handgrad.data.ranges import check_inside, compare_parts, in_one_type, natural_range, rounded_columns
from handgrad.data.scaling import Scaling, filled, means_of
from handgrad.data.splits import data_key, drawn_by, split
from handgrad.data.storage import open_split, save_split
from handgrad.data.target_values import target_values
from handgrad.errors import DataError
from handgrad.foreign import as_path, reading
from handgrad.measures import CLASSIFICATION, REGRESSION, TASKS
from handgrad.names import listed, plural, shown
from handgrad.sections import plain

__all__ = [
    "Dataset",
    "Part",
    "Scaling",
    "Split",
    "data_key",
    "drawn_by",
    "from_arrays",
    "load",
    "open_split",
    "save_split",
    "split",
]


def load(
    section: DataSection | Mapping[str, Any] | str | os.PathLike[str], *, folder: Path | None = None, fetch: bool = True
) -> Dataset:
    """The data set that `section.name` says: one of `catalog.DATASETS`, or a path.

    A relative path starts at `folder` (default: the current one) or else at HANDGRAD_DATA.  With fetch = False
    nothing is downloaded.  Raises DataError where the data is missing, damaged, or of another form.

    >>> digits = load("digits")
    >>> digits.shape, len(digits.y_train), digits.value_range
    ((1, 8, 8), 1797, (0, 16))
    """
    section = DataSection.given(section)
    name = section.name
    if name not in DATASETS:
        path = find_own(name, Path.cwd() if folder is None else as_path(folder, "folder", DataError))
        with reading(path, DataError, "data that can be read"):
            return _dataset(read_own(path, section), path.name, str(path))
    record = DATASETS[name]
    refuse_settings(section, [key for key in FORMS_OF_SETTINGS if key != "task"], f"{name} is a named data set")
    if section.task not in (None, record.task):
        raise DataError(f"data.task = {shown(section.task)}, but {name} is for {record.task}; take data.task out")
    found = paths(record, allowed=fetch)
    contents = record.read({one.file.plain_name: one.path for one in found if one.path is not None})
    dataset = _dataset(replace(contents, classes=record.classes or contents.classes), name, name)
    other = [str(one.path) for one in found if not one.verified]
    if not other:
        return dataset
    note = f"{', '.join(other)}: not the published bytes of {name}; used as they are"
    return replace(dataset, official=False, notes=(note, *dataset.notes))


def from_arrays(
    x_train: Any,
    y_train: Any,
    x_test: Any = None,
    y_test: Any = None,
    *,
    name: str = "arrays",
    classes: tuple[str, ...] | list[str] | None = None,
    value_range: tuple[float, float] | None = None,
    x_val: Any = None,
    y_val: Any = None,
    missing: Sequence[str] | str | None = None,
    task: str = CLASSIFICATION,
) -> Dataset:
    """A data set from arrays.  x: (n, columns), (n, rows, cols) or (n, channels, rows, cols); y: (n,) labels.

    task: "regression" where y (n,) or (n, k) are numbers to predict, "multi-label" where y (n, k) says by 0 and 1
    whether an example has each of k labels; `classes` then names the targets or labels.

    x can be a pandas frame, whose column names the network then knows, and by which those of other parts are found.
    value_range: the smallest and largest value x can take; if not given, 0 to 255 of bytes that use it (`ranges`).
    missing: "mean" puts the mean of the training part in the place of NaN in the columns of x, "drop" leaves such rows
    out; by default NaN is refused.  A list holds the texts among the labels that mean "no label" (default: pandas').
    Raises DataError.

    >>> from_arrays([[0.5], [0.7]], ["cat", "dog"]).classes
    ('cat', 'dog')
    >>> from_arrays([[0.5], [0.7]], [1.5, 2.5], task="regression").y_train.tolist()
    [[1.5], [2.5]]
    """
    if task not in TASKS:
        raise DataError(f"{name}: task must be one of: {listed(TASKS)}; got {shown(task)}")
    for part, x, y in (("test", x_test, y_test), ("val", x_val, y_val)):
        if (x is None) != (y is None):
            raise DataError(f"{name}: x_{part} and y_{part} belong together; one of them is missing")
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"name must be a text such as 'mine'; got {shown(name)}")
    columns = names_of(x_train)
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test), ("val", x_val, y_val)):
        check_rows(x, y, f"{name}: x_{part}")
    contents = Contents(
        x_train,
        y_train,
        columns_like(x_test, columns, f"{name}: x_test"),
        y_test,
        _class_names(columns_of(y_train) if classes is None and task != CLASSIFICATION else classes, name, task),
        _checked_range(value_range, name),
        columns,
        x_val=columns_like(x_val, columns, f"{name}: x_val"),
        y_val=y_val,
        missing=None if missing is None or isinstance(missing, str) else tuple(missing),
        cells=_checked_cells(missing, name) if isinstance(missing, str) else None,
        task=task,
    )
    return _dataset(contents, name, name)


def _checked_cells(cells: str, where: str) -> str:
    if cells not in CELLS:
        raise DataError(
            f"{where}: missing must be {' or '.join(map(shown, CELLS))}, or a list of texts; got {shown(cells)}"
        )
    return cells


def columns_of(y: Any) -> list[str] | None:
    """The names of the columns of a frame of targets, or the name of a series."""
    if hasattr(y, "columns"):
        return [str(name) for name in y.columns]
    name = getattr(y, "name", None)
    return [name] if isinstance(name, str) else None


def _class_names(classes: Any, where: str, task: str) -> tuple[str, ...] | None:
    if classes is None:
        return None
    names, least = plain(classes), 1 if task == REGRESSION else 2
    if not isinstance(names, list) or len(names) < least or not all(isinstance(one, str) for one in names):
        raise DataError(
            f"{where}: classes must be at least {'two names' if least == 2 else 'one name'}, in the order of their "
            f"numbers; got {shown(classes)}"
        )
    if len(set(names)) < len(names):
        raise DataError(f"{where}: classes has a name twice; got {shown(classes)}")
    return tuple(names)


def _checked_range(value_range: Any, where: str) -> tuple[float, float] | None:
    if value_range is None:
        return None
    ends = plain(value_range)
    numbers = isinstance(ends, list) and len(ends) == 2 and all(type(end) in (int, float) for end in ends)
    if not numbers or not -math.inf < ends[0] < ends[1] < math.inf:
        raise DataError(f"{where}: value_range must be (smallest, largest); got {shown(value_range)}")
    return ends[0], ends[1]


def _dataset(contents: Contents, name: str, where: str) -> Dataset:
    """Check what files or arrays hold, number the labels, and take the checksum."""
    given = {"x_train": contents.x_train, "x_test": contents.x_test, "x_val": contents.x_val}
    examples = {
        part: _examples(x, f"{where}: {part}", missing=contents.cells is not None)
        for part, x in given.items()
        if x is not None or part == "x_train"
    }
    shape = examples["x_train"].shape[1:]
    for part, x in examples.items():
        if x.shape[1:] != shape:
            raise DataError(
                f"{where}: one example of {part} has the shape {x.shape[1:]}, of x_train {shape}; they must be equal"
            )
    examples, contents = without_missing(examples, contents, where)
    parts = in_one_type(examples, where)
    sizes = {part.replace("x", "y"): len(x) for part, x in parts.items()}
    read = number_labels if contents.task == CLASSIFICATION else target_values
    labels, classes, on_labels = read(contents, sizes, where)
    value_range, notes = contents.value_range, contents.notes
    means = means_of(parts["x_train"]) if any(map(has_missing, parts.values())) else None
    known = {part: filled(x, means) for part, x in parts.items()}
    if value_range is None:
        value_range, of_range = natural_range(examples)
        notes += compare_parts(known, contents.feature_names, where) + of_range
    else:
        check_inside(known, value_range, where)
    notes += rounded_columns(known["x_train"], filled(examples["x_train"], None), contents.feature_names)
    notes += _channels_in_doubt(shape)
    arrays = [parts["x_train"], labels["y_train"], parts.get("x_test"), labels.get("y_test")]
    if "x_val" in parts:  # checksums of data without it are older than validation parts
        arrays += [parts["x_val"], labels["y_val"]]
        n = len(parts["x_val"])
        notes += (
            f"{name} has a validation part of its own, {plural(n, 'example')}: it is used where data.validation is not "
            "set",
        )
    _check_names((name, *classes, *(contents.feature_names or ())), where)
    _check_signs(classes, "class" if contents.task == CLASSIFICATION else "target", "", where)
    _check_signs(contents.feature_names or (), "column", "\n\r\t", where)  # a cell of several lines may be a header
    return Dataset(
        name=name,
        x_train=parts["x_train"],
        y_train=labels["y_train"],
        x_test=parts.get("x_test"),
        y_test=labels.get("y_test"),
        classes=classes,
        value_range=value_range,
        checksum=_checksum(
            arrays, (classes, value_range, *([contents.task] if contents.task != CLASSIFICATION else []))
        ),
        official=True,
        notes=(*notes, *on_labels),
        feature_names=contents.feature_names,
        x_val=parts.get("x_val"),
        y_val=labels.get("y_val"),
        task=contents.task,
    )


def _check_names(names: tuple[str, ...], where: str) -> None:
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{where}: the name {shown(name)} is no UTF-8 and could stand in no report; rename it"
            ) from None


def _check_signs(names: tuple[str, ...], what: str, allowed: str, where: str) -> None:
    """Raise DataError where a name holds control signs, which a terminal would obey."""
    for name in names:
        if any(unicodedata.category(sign) == "Cc" and sign not in allowed for sign in name):
            raise DataError(f"{where}: the {what} {shown(name)} holds control signs; rename it")


def _examples(values: Any, what: str, *, missing: bool) -> NDArray[Any]:
    """Checked examples in their own type: (n, columns), or images as (n, channels, rows, cols).

    missing: whether cells of tables may be missing (NaN, or masked).
    """
    x = as_array(values, what, missing=missing)
    if not 2 <= x.ndim <= 4 or not x.size:
        raise DataError(
            f"{what} must be (n, columns), (n, rows, cols) or (n, channels, rows, cols) with n >= 1; got {x.shape}"
        )
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.transpose(0, 3, 1, 2)  # channels last, as Keras has them
    if x.dtype.kind == "f":
        with np.errstate(all="ignore"):  # what float32 cannot hold becomes infinite
            narrow = x.astype(np.float32).reshape(len(x), -1)
            finite = (np.isfinite(narrow) | (missing and x.ndim == 2 and np.isnan(narrow))).all(axis=1)
        if not finite.all():
            raise DataError(
                f"{what}: example {int(np.argmin(finite))} holds a value that is no finite float32; mend it or take it "
                "out"
            )
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        masked = np.ma.getmaskarray(values).reshape(len(values), -1).any(axis=1)
        raise DataError(f"{what}: example {int(np.argmax(masked))} holds a masked value; fill it in or take it out")
    return x


def _channels_in_doubt(shape: tuple[int, ...]) -> tuple[str, ...]:
    """A note on images that were taken as channels first, though their last axis may be the channels."""
    if len(shape) != 3:
        return ()
    channels, rows, cols = shape
    last = cols in (2, 4) and channels > 4 and rows != cols  # with alpha
    either = channels in (1, 3) and cols == 3 and rows > 3
    if not last and not either:
        return ()
    words = f"examples of the shape {shape} are taken as {channels} channel{'s' * (channels > 1)} of {rows} × {cols}"
    return (f"{words}; x.transpose(0, 3, 1, 2) brings channels that are last to the front",)


def _checksum(arrays: Sequence[NDArray[Any] | None], words: Any) -> str:
    """SHA-256 over the kind, shape and bytes of every array, the classes and the range of values."""
    digest = hashlib.sha256(repr(words).encode())
    for array in arrays:
        digest.update(b"none" if array is None else f"{array.dtype} {array.shape}".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
