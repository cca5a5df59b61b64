"""HDF5 files: the numbers and texts of this one file, read by h5py in a process of its own.

HDF5's library can run for ever, or end the process, on a file that is damaged.  So a child reads it, has an end, and
hands over what it found as a .safetensors file.

An HDF5 file can also point out of itself (links to other files, numbers that lie in other files) and can name filters
that are loaded as plug-ins.  Both are refused by name, so nothing is executed and no other file is read.  A small file
can claim any size; `data.bounds` says how much is read.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import handgrad
from handgrad.data.bounds import most_unpacked
from handgrad.errors import InputError, WeightsError
from handgrad.limits import in_words
from handgrad.names import shown
from handgrad.network.arrays import Arrays
from handgrad.training.requirements import check_installed

FILTERS = (1, 2, 3, 4, 5, 6, 32000)  # gzip, shuffle, fletcher32, szip, nbit, scaleoffset; lzf of h5py: no plug-ins
MOST_OBJECTS = 100_000  # groups and arrays of a file
MOST_TEXTS = 1 << 24  # numbers or texts of an attribute
SECONDS = 30.0  # that the child has; a gigabyte takes two
REFUSED = 3  # exit code of the child where it says why
WITHOUT = 4  # where it lacks a library
CHILD = f"""
import sys
sys.path = sys.argv[1:]  # where this process finds its libraries
try:
    import h5py, safetensors.numpy
    from handgrad.training.hdf5 import main
except ImportError as error:
    print(error)
    sys.exit({WITHOUT})
main()
"""

Attributes = Mapping[str, Mapping[str, list[str]]]  # path of a group -> name -> its texts


def check_h5py(where: str) -> None:
    """Raise InputError where h5py is missing."""
    otherwise = "save its arrays there: numpy.savez(path, **{w.path: w.numpy() for w in model.weights})"
    check_installed("h5py", f"{where}: reading an HDF5 file", "'handgrad[keras]'", otherwise)


def read_hdf5(
    path: Path, where: str, *, size: int, leave_out: Sequence[str] = (), seconds: float = SECONDS
) -> tuple[Arrays, Attributes]:
    """(every array by its path, in the file's order; the texts that are attributes of groups, by path and name).

    Half precision becomes float32.  where: what messages call it.  size: bytes of the file that it came in.
    leave_out: groups at its top that are not looked into.  Raises WeightsError, ValueError where it is damaged,
    InputError where the child lacks a library.
    """
    from safetensors import safe_open

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.safetensors"
        given = json.dumps([str(path), where, size, list(leave_out), str(out)])
        search = [str(Path(handgrad.__file__).parents[1]), *(entry for entry in sys.path if entry)]
        try:
            child = subprocess.run(
                [sys.executable, "-P", "-c", CHILD, *search],
                input=given,
                capture_output=True,
                text=True,
                timeout=seconds,
                env=os.environ | {"PYTHONIOENCODING": "utf-8"},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"the HDF5 library came to no end with it in {seconds:g} s") from None
        if child.returncode == REFUSED:
            raise WeightsError(child.stdout)
        if child.returncode == WITHOUT:
            raise InputError(
                f"{where}: the process that reads HDF5 files cannot import what it needs ({child.stdout.strip()}); "
                f"install it where that finds it: {sys.executable} -m pip install 'handgrad[keras]'"
            )
        if child.returncode != 0:
            said = child.stderr.strip().rpartition("\n")[2] or "nothing is said"
            raise ValueError(f"the HDF5 library gave up: {said}")
        with safe_open(out, framework="np") as file:
            facts = json.loads(file.metadata()["found"])
            return {name: file.get_tensor(name) for name in facts["order"]}, facts["attributes"]


def main() -> None:
    """What the child does: read the file that standard input names, write what it holds."""
    from safetensors.numpy import save_file

    path, where, size, leave_out, out = json.load(sys.stdin)
    try:
        arrays, attributes = read_here(path, where, size=size, leave_out=leave_out)
    except WeightsError as error:
        sys.stdout.write(str(error))
        sys.exit(REFUSED)
    found = json.dumps({"order": list(arrays), "attributes": attributes})
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, out, metadata={"found": found})


def read_here(
    path: str | Path, where: str, *, size: int, leave_out: Sequence[str] = ()
) -> tuple[Arrays, dict[str, dict[str, list[str]]]]:
    """What `read_hdf5` says, in this process: for files that are known to be whole."""
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        return _found(file, where, size, leave_out)


def _found(
    file: Any, where: str, size: int, leave_out: Sequence[str]
) -> tuple[Arrays, dict[str, dict[str, list[str]]]]:
    import h5py

    arrays: Arrays = {}
    attributes: dict[str, dict[str, list[str]]] = {}
    room = most_unpacked(size)
    for path, one in _objects(file, where, leave_out):
        if isinstance(one, h5py.Group):
            attributes[path] = {name: texts for name in one.attrs if (texts := _texts(one, name)) is not None}
            continue
        if one.shape is None:
            raise WeightsError(f"{where}: {shown(path)} is empty")
        room -= math.prod(one.shape) * one.dtype.itemsize
        if room < 0:
            raise WeightsError(
                f"{where}: its arrays are more than {in_words(most_unpacked(size))}, too much for a file of "
                f"{in_words(size)}; it is damaged, or packed beyond what is read"
            )
        arrays[path] = _numbers(one, path, where)
    return arrays, attributes


def _objects(file: Any, where: str, leave_out: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """(path, group or array) of all, group by group; each group once, as a group can hold itself."""
    import h5py

    groups: list[tuple[str, Any]] = [("", file)]
    seen: set[Any] = set()
    count = 0
    while groups:
        path, group = groups.pop()
        yield path, group
        inside: list[tuple[str, Any]] = []
        for name in group:
            here = f"{path}/{name}" if path else name
            if here in leave_out:
                continue
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise WeightsError(f"{where}: {shown(here)} is a link to elsewhere, which is not followed")
            count += 1
            if count > MOST_OBJECTS:
                raise WeightsError(f"{where}: holds more than {MOST_OBJECTS:,} groups and arrays")
            one = group[name]
            if isinstance(one, h5py.Dataset):
                yield here, one
            elif isinstance(one, h5py.Group) and (key := h5py.h5o.get_info(one.id).addr) not in seen:
                seen.add(key)
                inside.append((here, one))
        groups += reversed(inside)


def _texts(group: Any, name: str) -> list[str] | None:
    """The texts of an attribute; None where it holds something else."""
    attribute = group.attrs.get_id(name)
    if attribute.dtype.kind not in "OSU" or math.prod(attribute.shape or ()) > MOST_TEXTS:
        return [] if 0 in (attribute.shape or ()) else None  # Keras writes no texts as no numbers
    values = np.atleast_1d(group.attrs[name])
    return [one.decode("utf-8") if isinstance(one, bytes) else str(one) for one in values.reshape(-1)]


def _numbers(dataset: Any, path: str, where: str) -> np.ndarray:
    if dataset.external or dataset.is_virtual:
        raise WeightsError(f"{where}: the numbers of {shown(path)} lie in another file, which is not read")
    plan = dataset.id.get_create_plist()
    for i in range(plan.get_nfilters()):
        if plan.get_filter(i)[0] not in FILTERS:
            raise WeightsError(f"{where}: {shown(path)} is packed by a plug-in, which is not loaded; save it unpacked")
    if dataset.dtype.kind not in "biuf":
        raise WeightsError(f"{where}: {shown(path)} holds {dataset.dtype}, no numbers; save float32")
    numbers = np.asarray(dataset[()])
    if numbers.dtype.kind == "f" and numbers.dtype.itemsize == 2:
        return numbers.astype(np.float32)
    return numbers.astype(numbers.dtype.newbyteorder("="))
