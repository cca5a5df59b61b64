"""Weights on disk: `.safetensors` (the format of records) and `.npz`.  Both are read without executing anything.

Names and shapes are the network's own (`dense1.W`: (n_in, n_out)); `load_weights` checks them against it.
"""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handgrad.errors import WeightsError
from handgrad.files import write_whole

if TYPE_CHECKING:
    from handgrad.network.spec import Network

Arrays = dict[str, np.ndarray]


def tensors(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """Arrays as the content of a safetensors file."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata=dict(metadata))


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as the content of an .npz file: the same bytes for the same arrays."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **dict(arrays))
    return content.getvalue()


def read_tensors(path: Path) -> tuple[Arrays, dict[str, str]]:
    """(arrays, metadata) of a safetensors file.  Raises WeightsError where it is missing, damaged or something else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file") from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        if "bfloat16" in str(error):
            raise WeightsError(f"{path}: holds bfloat16 numbers, which NumPy lacks; save it as float32") from None
        raise WeightsError(f"{path}: not a whole safetensors file ({error}){_disguise(path)}") from None


def _disguise(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        return ""
    if start[:1] == b"\x80" or start == b"PK\x03\x04":
        return (
            "; it looks like a pickle or a PyTorch file, which can run code when it is read and is refused. "
            "Save it again with safetensors or numpy.savez"
        )
    return "; it may be cut off: copy or train it again"


def write_weights(path: Path, content: bytes) -> None:
    """Write a file of weights whole or not at all.  Raises WeightsError where it cannot be written."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written: {error.strerror or error}") from error


def save_weights(path: str | os.PathLike[str], params: Mapping[str, np.ndarray]) -> None:
    """Save parameters as `.safetensors` or `.npz`, by the path's ending; written whole or not at all."""
    path = Path(path)
    if path.suffix not in (".safetensors", ".npz"):
        raise WeightsError(f"{path}: unknown ending {path.suffix!r}; weights are saved as .safetensors or .npz")
    write_weights(path, tensors(params, {}) if path.suffix == ".safetensors" else npz(params))


def load_weights(path: str | os.PathLike[str], network: "Network | None" = None) -> Arrays:
    """Parameters from a `.safetensors` or `.npz` file, checked against `network` where it is given.

    Raises WeightsError: no such file, damaged, a pickle in disguise, other names or shapes, values that are no floats.
    """
    path = Path(path)
    params = read_arrays(path)
    check_floats(params, str(path))
    if network is not None:
        check_shapes(params, network.parameter_shapes, str(path))
    return params


def read_arrays(path: Path) -> Arrays:
    """The arrays of a `.safetensors` or `.npz` file as they are.  Raises WeightsError where it cannot be read."""
    return _npz_params(path) if path.suffix == ".npz" else read_tensors(path)[0]


def check_floats(params: Mapping[str, np.ndarray], where: str) -> None:
    """Raise WeightsError at an array that holds no floats."""
    for name, array in params.items():
        if array.dtype.kind != "f":
            raise WeightsError(f"{where}: {name} holds {array.dtype}; weights are float32 or float64")


def read_npz(path: Path) -> Arrays:
    """The arrays of an .npz file; nothing in it is executed.  Raises OSError or ValueError."""
    with path.open("rb") as raw:  # numpy leaves a damaged file open when it opens it itself
        try:
            with np.load(raw, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except OSError:
            raise
        except Exception as error:  # zipfile.BadZipFile, zlib.error, EOFError, AttributeError: a damaged file
            raise ValueError(str(error)) from None


def _npz_params(path: Path) -> Arrays:
    try:
        return read_npz(path)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        remedy = (
            "it holds pickled objects, which can run code when they are read, and is refused. Save plain arrays"
            if "pickle" in str(error)
            else "it may be cut off: copy or train it again"
        )
        raise WeightsError(f"{path}: not a readable .npz of arrays; {remedy}") from None


def check_shapes(params: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Raise WeightsError, all differences at once, unless names and shapes are the network's."""
    wrong = [f"{name} is missing; needed {shape}" for name, shape in shapes.items() if name not in params]
    wrong += [f"{name} {params[name].shape} is not in this network" for name in params if name not in shapes]
    wrong += [
        f"{name} has shape {params[name].shape}; this network needs {shape}"
        for name, shape in shapes.items()
        if name in params and tuple(params[name].shape) != tuple(shape)
    ]
    if wrong:
        raise WeightsError("\n".join(f"{where}: {line}" for line in wrong))
