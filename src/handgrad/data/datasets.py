"""Data sets: from a name, a path or arrays to a checked `Dataset`, and on to the `Split` of a setting.

    load("mnist")             digits, mnist, fashion-mnist, cifar-10
    load("digits.npz")        a path of your own: see docs/data.md for the forms
    from_arrays(x, y)         arrays
    split(dataset, section)   the parts that a setting works with

Labels that are not 0..k-1 are numbered in their own order (numbers by size, text by alphabet), and a note says so.
Images become (channels, rows, cols), whether they come as (rows, cols), channels first or channels last.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data import sources
from handgrad.data.cifar import read_cifar
from handgrad.data.examples import Array, Contents, Dataset, Part, Split
from handgrad.data.idx import read_mnist
from handgrad.data.labels import number_labels
from handgrad.data.own import find_own, read_own, refuse_settings
from handgrad.data.scaling import Scaling
from handgrad.data.spec import DataSection
from handgrad.data.splits import data_key, split
from handgrad.data.storage import open_split, save_split
from handgrad.errors import DataError
from handgrad.names import shown

__all__ = [
    "Dataset",
    "Part",
    "Scaling",
    "Split",
    "data_key",
    "from_arrays",
    "load",
    "open_split",
    "save_split",
    "split",
]

DIGITS = tuple("0123456789")
FASHION = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def load(section: DataSection | str, *, folder: Path | None = None, fetch: bool = True) -> Dataset:
    """The data set that `section.name` says: digits, mnist, fashion-mnist, cifar-10 or a path.

    A relative path starts at `folder` (default: the current one) or else at HANDGRAD_DATA.  With fetch = False
    nothing is downloaded.  Raises DataError where the data is missing, damaged, or not what it should be.

    >>> digits = load("digits")
    >>> digits.shape, len(digits.y_train), digits.value_range
    ((1, 8, 8), 1797, (0, 16))
    """
    section = DataSection(name=section) if isinstance(section, str) else section
    name = section.name
    if name != "digits" and name not in sources.SOURCES:
        path = find_own(name, folder or Path.cwd())
        return _dataset(read_own(path, section), path.name, str(path))
    refuse_settings(section, ("label", "image_size", "color"), f"{name} is a named data set")
    if name == "digits":
        return _dataset(_digits(), name, name)
    found = sources.paths(sources.SOURCES[name], allowed=fetch)
    files = {one.file.plain_name: one.path for one in found if one.path is not None}
    if name == "cifar-10":
        contents = read_cifar(*files.values())
    else:
        contents = read_mnist(files, DIGITS if name == "mnist" else FASHION)
    dataset = _dataset(contents, name, name)
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
) -> Dataset:
    """A data set from arrays.  x: (n, columns), (n, rows, cols) or (n, channels, rows, cols); y: (n,) labels.

    value_range: the smallest and largest value x can take; (0, 255) for bytes if not given.  Raises DataError.

    >>> from_arrays([[0.5], [0.7]], ["cat", "dog"]).classes
    ('cat', 'dog')
    """
    if (x_test is None) != (y_test is None):
        raise DataError(f"{name}: x_test and y_test belong together; one of them is missing")
    named = None if classes is None else tuple(classes)
    return _dataset(Contents(x_train, y_train, x_test, y_test, named, value_range), name, name)


def _digits() -> Contents:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Contents(bunch.images.astype(np.uint8), bunch.target, classes=DIGITS, value_range=(0, 16))


def _dataset(contents: Contents, name: str, where: str) -> Dataset:
    """Check what files or arrays hold, number the labels, and take the checksum."""
    x_train = _examples(contents.x_train, f"{where}: x_train")
    x_test = None if contents.x_test is None else _examples(contents.x_test, f"{where}: x_test")
    if x_test is not None and x_test.shape[1:] != x_train.shape[1:]:
        raise DataError(
            f"{where}: one example of x_test has the shape {x_test.shape[1:]}, of x_train {x_train.shape[1:]}; "
            "they must be equal"
        )
    if x_test is not None and x_test.dtype != x_train.dtype:
        raise DataError(
            f"{where}: x_train holds {x_train.dtype} and x_test {x_test.dtype}; they must be of one kind and scale"
        )
    n_test = 0 if x_test is None else len(x_test)
    y_train, y_test, classes, notes = number_labels(contents, len(x_train), n_test, where)
    value_range = contents.value_range
    if value_range is None and x_train.dtype == np.uint8:
        value_range = (0, 255)
    if value_range is not None and not value_range[0] < value_range[1]:
        raise DataError(f"{where}: value_range must be (smallest, largest); got {value_range}")
    _check_names((name, *classes, *(contents.feature_names or ())), where)
    return Dataset(
        name=name,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        classes=classes,
        value_range=value_range,
        checksum=_checksum((x_train, y_train, x_test, y_test), (classes, value_range)),
        official=True,
        notes=(*contents.notes, *notes),
        feature_names=contents.feature_names,
    )


def _check_names(names: tuple[str, ...], where: str) -> None:
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{where}: the name {shown(name)} is no UTF-8 and could stand in no report; rename it"
            ) from None


def _examples(values: Any, what: str) -> Array:
    """Checked examples as uint8 or float32: (n, columns), or images as (n, channels, rows, cols)."""
    try:
        x = np.asarray(values)
    except ValueError:
        raise DataError(f"{what} must be one array of numbers; its rows have several lengths") from None
    if x.dtype.kind not in "biuf":
        raise DataError(f"{what} must hold numbers; got {x.dtype}")
    if not 2 <= x.ndim <= 4 or not x.size:
        raise DataError(
            f"{what} must be (n, columns), (n, rows, cols) or (n, channels, rows, cols) with n >= 1; got {x.shape}"
        )
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.transpose(0, 3, 1, 2)  # channels last, as Keras has them
    if x.dtype == np.bool_ or (x.dtype.kind in "iu" and x.ndim == 4 and x.min() >= 0 and x.max() <= 255):
        return np.ascontiguousarray(x, np.uint8)
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is reported below
        x = np.ascontiguousarray(x, np.float32)
    finite = np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if not finite.all():
        raise DataError(
            f"{what}: example {int(np.argmin(finite))} holds a value that is no finite float32; mend it or take it out"
        )
    return x


def _checksum(arrays: tuple[NDArray[Any] | None, ...], words: Any) -> str:
    """SHA-256 over the kind, shape and bytes of every array, the classes and the range of values."""
    digest = hashlib.sha256(repr(words).encode())
    for array in arrays:
        digest.update(b"none" if array is None else f"{array.dtype} {array.shape}".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
