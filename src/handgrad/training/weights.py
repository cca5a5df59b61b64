"""Weights on disk: `.safetensors` (the format of records), `.npz`; PyTorch's and Keras's are read.  No code is run.

Names and shapes are the network's own (`dense1.W`: (n_in, n_out)); `load_weights` checks them against it.
"""

import math
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.format import read_array

from handgrad.data.npz import read_header
from handgrad.errors import DamagedError, ResultsError, WeightsError
from handgrad.files import altered, checksum, unsealed, write_whole
from handgrad.foreign import as_path, reading
from handgrad.names import shown
from handgrad.network.arrays import Arrays
from handgrad.training.forms import KERAS, NPZ, PYTORCH, SAFETENSORS, form_of
from handgrad.training.keras_files import read_keras
from handgrad.training.npz_bytes import npz
from handgrad.training.pytorch import read_pytorch

if TYPE_CHECKING:
    from handgrad.network.network import Network


FORMAT = 1  # of record.json
RUN_AGAIN = "run the study again: this run is made again, all others are kept"
CUT = "it may be cut off: copy or train it again"
AS_CALLED = {
    NPZ: "an .npz file",
    PYTORCH: "a PyTorch file",
    SAFETENSORS: "a safetensors file",
    KERAS: "an HDF5 or Keras file",
}
MOST_BYTES = 4 * 2**30  # unpacked: an .npz of 6 MB can claim 6 GB of zeros
KINDS = {  # of numbers in a safetensors file, as NumPy calls them
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "BF16": "", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


def tensors(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """Arrays as the content of a safetensors file."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata=dict(metadata))


def check_with_record(path: Path) -> None:
    """Raise DamagedError where `path` lies in a run's folder whose record.json was written with another such file.

    Of the record its format and its id are checked as well, as `record.load` does.
    """
    record = path.parent / "record.json"
    if path.name not in ("weights.safetensors", "state.safetensors") or not record.exists():
        return
    with reading(record, DamagedError, "a record", RUN_AGAIN):
        table, _ = unsealed(record.read_bytes(), record, RUN_AGAIN)
        version, run_id = table["format"], table["id"]
        expected = table.get("files", {}).get(path.name)
    check_format(record, version)
    check_folder(record, run_id)
    if expected is not None and path.exists() and checksum(path.read_bytes()) != expected:
        raise altered(path, RUN_AGAIN)


def check_format(record: Path, version: object) -> None:
    """Raise ResultsError where a record.json is of another version than this one writes."""
    if version != FORMAT:
        raise ResultsError(
            f"{record}: record format {shown(version)}, this handgrad reads {FORMAT}; "
            "read it with the version that wrote it, or choose another folder with --out"
        )


def check_folder(record: Path, run_id: str) -> None:
    """Raise DamagedError where a record.json is of another run than the name of its folder says."""
    name = record.parent.name or record.parent.resolve().name
    if re.fullmatch("[0-9a-f]{10}", name) and run_id != name:
        raise DamagedError(f"{record}: it is of run {shown(run_id)}, not of {name}: folders were mixed up; {RUN_AGAIN}")


def read_tensors(path: Path) -> tuple[Arrays, dict[str, str]]:
    """(arrays, metadata) of a safetensors file; bfloat16 as float32.

    Raises WeightsError where it is missing, damaged or something else.
    """
    from safetensors import safe_open

    with reading(path, WeightsError, "a safetensors file", CUT):
        form = form_of(path)
        if form != SAFETENSORS:
            raise WeightsError(
                f"{path}: is {AS_CALLED[form]}, no safetensors file; give it to handgrad evaluate or hg.import_model, "
                "or save it with safetensors"
            )
        with safe_open(path, framework="np") as file:
            kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
            for name, kind in kinds.items():
                if kind not in KINDS:
                    raise WeightsError(f"{path}: {name} holds {kind} numbers, which NumPy lacks; save it as float32")
            metadata = dict(file.metadata() or {})
            if "BF16" not in kinds.values():
                return {name: file.get_tensor(name) for name in kinds}, metadata
        return _decoded(path, kinds), metadata


def _decoded(path: Path, kinds: Mapping[str, str]) -> Arrays:
    """The arrays of a file with bfloat16, the upper half of float32, among them."""
    from safetensors import deserialize

    found: Arrays = {}
    for name, tensor in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
        if kinds[name] == "BF16":
            array = (np.frombuffer(tensor["data"], "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(tensor["data"], KINDS[kinds[name]])
        found[name] = array.reshape(tensor["shape"])
    return found


def write_weights(path: Path, content: bytes) -> None:
    """Write a file of weights whole or not at all.  Raises WeightsError where it cannot be written."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written: {error.strerror or error}") from error


def save_weights(path: str | os.PathLike[str], params: Mapping[str, np.ndarray]) -> None:
    """Save parameters as `.safetensors` or `.npz`, by the path's ending; written whole or not at all."""
    path = as_path(path, "path", WeightsError)
    params = _arrays(params)
    if path.suffix not in (".safetensors", ".npz"):
        raise WeightsError(f"{path}: unknown ending {path.suffix!r}; weights are saved as .safetensors or .npz")
    write_weights(path, tensors(params, {}) if path.suffix == ".safetensors" else npz(params))


def _arrays(params: Any) -> Arrays:
    """What somebody gave as parameters, as arrays by name."""
    wanted = "params must be arrays by name, such as record.params or {'dense1.W': W, …}"
    if not isinstance(params, Mapping):
        raise WeightsError(f"{wanted}; got {shown(params)}")
    found = {str(name): np.asarray(array) for name, array in params.items()}
    for name, array in found.items():
        if array.dtype.kind not in "biuf":
            raise WeightsError(f"{wanted}; {shown(name)} holds {array.dtype}")
    return found


def load_weights(path: str | os.PathLike[str], network: "Network | None" = None) -> Arrays:
    """Parameters from a file of weights under the names that they have there, checked against `network` if it is given.

    Raises WeightsError: no such file, damaged, a pickle in disguise, other names or shapes, values that are no finite
    floats.
    """
    path = as_path(path, "path", WeightsError)
    params = read_arrays(path)[0]
    if network is not None:
        if not hasattr(network, "parameter_shapes"):
            raise WeightsError(f"network must be a Network, such as record.model.network; got {shown(network)}")
        check_shapes(params, network.parameter_shapes, str(path))
    check_numbers(params, str(path))
    return params


def read_arrays(path: Path) -> tuple[Arrays, bool]:
    """(the arrays of a file of weights as they are, whether it keeps their order), whatever its name says it is.

    Raises WeightsError where it cannot be read.
    """
    with reading(path, WeightsError, "a file of weights", CUT):
        form = form_of(path)
    if form == PYTORCH:
        return read_pytorch(path), True
    if form == SAFETENSORS:
        return read_tensors(path)[0], False  # which sorts its tensors
    if form == KERAS:
        return read_keras(path)[1:]
    with reading(path, WeightsError, "an .npz file of arrays", CUT):
        try:
            return _read_npz(path), True
        except ValueError as error:
            if "no array" in str(error):
                raise WeightsError(f"{path}: {error}") from None
            if "pickled" in str(error):
                raise WeightsError(
                    f"{path}: {error}, which can run code when they are read, and is refused. Save plain arrays"
                ) from None
            raise


def _read_npz(path: Path) -> Arrays:
    """The arrays of an .npz file by name.  Raises OSError where it cannot be read, ValueError for all that is wrong."""
    with path.open("rb") as raw:
        try:
            with zipfile.ZipFile(raw) as file:
                members = file.infolist()
                size = sum(member.file_size for member in members)
                if size > MOST_BYTES:
                    raise ValueError(f"it unpacks to {size:,} bytes; at most {MOST_BYTES:,} are read")
                return {member.filename.removesuffix(".npy"): _member(file, member) for member in members}
        except (OSError, MemoryError):
            raise
        except Exception as error:  # zipfile.BadZipFile, zlib.error, EOFError, TokenError …: a damaged file
            raise ValueError(str(error) or type(error).__name__) from None


def _member(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array of an .npz; what its header claims is believed only as far as it can be true."""
    name = member.filename
    if not name.endswith(".npy"):
        raise ValueError(f"it holds {name}, which is no array; keep arrays alone in it")
    with file.open(member) as stream:
        shape, _, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError(f"{name} holds pickled objects")
        claimed, there = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
        if min(shape, default=0) < 0 or claimed != there:
            raise ValueError(f"{name} claims {claimed:,} bytes of numbers and has {there:,}")
    with file.open(member) as stream:
        return np.asarray(read_array(stream, allow_pickle=False))


def check_numbers(params: Mapping[str, np.ndarray], where: str, remedy: str = "") -> None:
    """Raise WeightsError at an array that holds no floats, or NaN or infinity."""
    for name, array in params.items():
        if array.dtype.kind != "f":
            raise WeightsError(f"{where}: {name} holds {array.dtype}; weights are float32 or float64")
    wrong = [f"{name} holds {kind}" for name, array in params.items() if (kind := not_finite(array))]
    if wrong:
        raise WeightsError("\n".join(f"{where}: {line}{remedy}" for line in wrong))


def not_finite(array: np.ndarray) -> str:
    """What an array of floats holds that is no number: "NaN", "infinity", or nothing."""
    if np.isfinite(array).all():
        return ""
    return "NaN" if np.isnan(array).any() else "infinity"


def check_shapes(params: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Raise WeightsError, all differences at once, unless names and shapes are the network's."""
    other = [
        f"{name} has shape {params[name].shape}; this network needs {shape}"
        for name, shape in shapes.items()
        if name in params and tuple(params[name].shape) != tuple(shape)
    ]
    check_names(params, shapes, where, other)


def check_names(
    params: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    where: str,
    other: Sequence[str] = (),
) -> None:
    """Raise WeightsError unless the names are the network's; `other`: what else is wrong."""
    wrong = [f"{name} is missing; needed {shape}" for name, shape in shapes.items() if name not in params]
    wrong += [f"{name} {params[name].shape} is not in this network" for name in params if name not in shapes]
    if wrong or other:
        raise WeightsError("\n".join(f"{where}: {line}" for line in [*wrong, *other]))
