"""Array files: examples and labels in MATLAB's files, and in a folder of NumPy's .npy files.

Arrays are found by their names, as those of .npz files are (`npz`).  Nothing in a file is executed.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.bounds import check_memory
from handgrad.data.contents import Contents
from handgrad.data.npz import contents_of, role_of, roles_of
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import shown


def holds_arrays(folder: Path) -> bool:
    """Whether a folder holds .npy files of examples and labels."""
    return folder.is_dir() and any(entry.suffix.lower() == ".npy" and role_of(entry.stem) for entry in folder.iterdir())


def read_folder(folder: Path) -> Contents:
    """The examples and labels of x_train.npy, y_train.npy, …  Raises DataError."""
    files = {entry.stem: entry for entry in sorted(folder.iterdir()) if entry.suffix.lower() == ".npy"}
    roles = roles_of(folder, list(files))
    other = [entry.name for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    unread = [name for name in other if name not in {files[stem].name for stem in roles.values()}]
    check_memory(folder, sum(files[stem].stat().st_size for stem in roles.values()))
    arrays = {}
    for role, stem in roles.items():
        with reading(files[stem], DataError, "an array of numbers or text (np.save)", "save it again"):
            arrays[role] = np.load(files[stem], allow_pickle=False)
    return contents_of(folder, arrays, unread)


def read_mat(path: Path) -> Contents:
    """The examples and labels of a MATLAB file, version 4 to 7.  Raises DataError."""
    from scipy.io import loadmat

    check_memory(path, path.stat().st_size)
    with reading(path, DataError, "a MATLAB file of version 4 to 7"):
        try:
            found = loadmat(path, squeeze_me=False, chars_as_strings=True)
        except NotImplementedError:
            raise DataError(
                f"{path}: is a MATLAB file of version 7.3 (HDF5), which is not read; save it there as save(…, '-v7')"
            ) from None
    held = {name: value for name, value in found.items() if not name.startswith("__")}
    roles = roles_of(path, list(held))
    arrays = {role: _plain(path, name, held[name]) for role, name in roles.items()}
    notes: tuple[str, ...] = ()
    for role in [role for role in arrays if role.startswith("x")]:
        x, n = arrays[role], arrays[role.replace("x", "y", 1)].size
        if x.ndim > 2 and x.shape[-1] == n != x.shape[0]:  # MATLAB's columns first, as in SVHN
            arrays[role] = np.moveaxis(x, -1, 0)
            notes += (f"{path.name}: the last axis of {roles[role]} is that of the examples",)
    for role in [role for role in arrays if role.startswith("y")]:
        arrays[role] = arrays[role].reshape(-1) if arrays[role].ndim == 2 and 1 in arrays[role].shape else arrays[role]
    return contents_of(path, arrays, [name for name in held if name not in roles.values()], notes)


def _plain(path: Path, name: str, array: Any) -> np.ndarray:
    """An array of numbers or text; a cell array of texts is one of text, and a sparse matrix is filled up with 0."""
    if hasattr(array, "toarray"):
        check_memory(path, math.prod(array.shape) * array.dtype.itemsize)
        array = array.toarray()
    if isinstance(array, np.ndarray) and array.dtype == object:
        cells = [np.asarray(cell) for cell in array.reshape(-1)]
        if all(cell.size == 1 and cell.dtype.kind == "U" for cell in cells):
            return np.array([str(cell.reshape(-1)[0]) for cell in cells])
    if isinstance(array, np.ndarray) and array.dtype.kind == "U" and array.ndim == 1:
        return np.array([text.rstrip() for text in array.tolist()])
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise DataError(f"{path}: {shown(name)} must be an array of numbers or a cell array of texts")
    return array
