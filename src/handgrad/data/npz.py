"""npz: the arrays of a data set in one .npz file, found by their names; nothing in the file is executed.

    x_train, y_train   x_val, y_val   x_test, y_test    or x, y: all there is
    images for x, labels or targets for y, valid for val, X for x, train_x for x_train (MedMNIST, Keras)
    classes            the names of classes 0..k-1

Before memory is taken, the size in a header is compared with the size of the member and with the memory of the machine.
"""

import math
import re
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.bounds import check_memory
from handgrad.data.contents import PART_WORDS, Contents
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import listed, shown

KINDS = {
    **dict.fromkeys(("x", "image", "images", "data", "features", "inputs"), "x"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "y"),
}
CLASSES = ("classes", "class_names", "label_names", "target_names")
FORMS = "x_train and y_train (and x_val, y_val, x_test, y_test), or x and y"


def read_npz(path: Path) -> Contents:
    """The examples and labels of a .npz file.  Raises DataError where it is none, or holds something else."""
    with reading(path, DataError, "an .npz file of arrays (np.savez)"), zipfile.ZipFile(path) as archive:
        members = _members(path, archive)
        found = roles_of(path, list(members))
        check_memory(path, sum(members[name].file_size for name in found.values()))
        arrays = {role: _array(path, archive, members[name], name) for role, name in found.items()}
        return contents_of(path, arrays, [name for name in members if name not in found.values()])


def contents_of(
    path: Path, arrays: dict[str, NDArray[Any]], unread: list[str], notes: tuple[str, ...] = ()
) -> Contents:
    """Contents of arrays by their roles; unread: names of what is not read.  Raises DataError."""
    if unread:
        notes = (*notes, f"{path.name}: not read: {listed(map(str, unread), 8)}")
    classes = _classes(path, arrays["classes"]) if "classes" in arrays else None
    x_train, y_train = (arrays[kind if kind in arrays else f"{kind}_train"] for kind in "xy")
    return Contents(
        x_train,
        y_train,
        arrays.get("x_test"),
        arrays.get("y_test"),
        classes,
        notes=notes,
        x_val=arrays.get("x_val"),
        y_val=arrays.get("y_val"),
    )


def role_of(name: str) -> str | None:
    """The role of an array by its name: x, y, x_train, ..., y_val, or None.

    >>> [role_of(name) for name in ("X", "X_train", "train_images", "val_labels", "y_valid", "ids")]
    ['x', 'x_train', 'x_train', 'y_val', 'y_val', None]
    """
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    kinds = [KINDS[word] for word in words if word in KINDS]
    parts = [PART_WORDS[word] for word in words if word in PART_WORDS]
    if len(kinds) != 1 or len(kinds) + len(parts) != len(words) or len(parts) > 1:
        return None
    return "_".join([*kinds, *parts])


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise DataError(f"{path}: holds two arrays called {shown(name)}; save it again with one of them")
        members[name] = info
    return members


def roles_of(path: Path, names: list[str]) -> dict[str, str]:
    """role -> the name of the array that has it.  Raises DataError where a role is missing or taken twice."""
    found: dict[str, str] = {}
    for name in names:
        role = "classes" if name in CLASSES else role_of(name)
        if role is None:
            continue
        if role in found:
            raise DataError(
                f"{path}: holds {shown(found[role])} and {shown(name)}, which mean the same; save it with one of them"
            )
        found[role] = name
    whole, parted = [role in found for role in ("x", "y")], [role in found for role in ("x_train", "y_train")]
    for there, absent in (("x", "y"), ("y", "x")):
        alone = [role for role in found if role[0] == there and role.replace(there, absent, 1) not in found]
        if alone and role_of(alone[0]):
            lacks = alone[0].replace(there, absent, 1)
            what = "labels" if absent == "y" else "examples"
            raise DataError(
                f"{path}: holds {shown(found[alone[0]])} without its {what}, {shown(lacks)}; save both, or neither. It "
                f"holds {listed(sorted(names), 12)}"
            )
    if not (all(whole) or all(parted)) or (any(whole) and any(parted)):
        raise DataError(f"{path}: must hold {FORMS}; it holds {listed(sorted(names), 12) or 'nothing'}")
    return found


class UnknownVersion(ValueError):
    """An array in a version of NumPy's format that plain numbers never need."""


def read_header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, whether it lies column by column, type) in the header of a .npy; `member` then stands behind it.

    Raises UnknownVersion, and any exception of NumPy for a damaged header.
    """
    (version, _), readers = np.lib.format.read_magic(member), np.lib.format
    known = {1: readers.read_array_header_1_0, 2: readers.read_array_header_2_0}
    if version not in known:
        raise UnknownVersion(f"is of version {version} of NumPy's format; versions 1 and 2 are read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # headers of Python 2 are read, too
        shape, by_columns, dtype = known[version](member)
    return shape, by_columns, dtype


def _array(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> NDArray[Any]:
    """One array.  Its header is read first, so that no memory is taken for bytes that the member does not hold."""
    with archive.open(info) as member:
        try:
            shape, by_columns, dtype = read_header(member)
        except UnknownVersion as error:
            raise DataError(f"{path}: {name} {error}") from None
        if dtype.hasobject:
            raise DataError(
                f"{path}: {name} holds Python objects (a pickle), which are never read; save arrays of numbers or text"
            )
        promised, held = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
        if promised != held or any(size < 0 for size in shape):
            raise DataError(
                f"{path}: {name} is damaged: its header promises {shown(promised)} bytes, it holds {held}; "
                "save it again"
            )
        content = member.read()
        if len(content) != held:
            raise DataError(f"{path}: {name} is cut: {len(content)} of {held} bytes; copy the file again")
    return np.ndarray(shape, dtype, content, order="F" if by_columns else "C")


def _classes(path: Path, names: NDArray[Any]) -> tuple[str, ...]:
    if names.dtype.kind not in "Uiu" or names.ndim != 1:
        raise DataError(f"{path}: classes must be a list of names, (k,); got {names.dtype} {names.shape}")
    classes = tuple(str(name) for name in names)
    if len(set(classes)) < len(classes):
        raise DataError(f"{path}: classes names one class twice ({listed(classes, 6)}); name them apart")
    return classes
