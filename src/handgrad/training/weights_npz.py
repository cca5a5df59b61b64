"""Arrays of an .npz file: nothing in it is executed, and what it claims is believed only as far as it can be true."""

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib.format import read_array

from handgrad.data.npz import read_header

MOST_BYTES = 4 * 2**30  # unpacked: a file of 6 MB can claim 6 GB of zeros


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name.  Raises OSError where it cannot be read, ValueError for all that is wrong."""
    with path.open("rb") as raw:
        try:
            with zipfile.ZipFile(raw) as file:
                members = file.infolist()
                size = sum(member.file_size for member in members)
                if size > MOST_BYTES:
                    raise ValueError(f"it unpacks to {size:,} bytes; at most {MOST_BYTES:,} are read")
                return {member.filename.removesuffix(".npy"): _array(file, member) for member in members}
        except (OSError, MemoryError):
            raise
        except Exception as error:  # zipfile.BadZipFile, zlib.error, EOFError, TokenError …: a damaged file
            raise ValueError(str(error) or type(error).__name__) from None


def _array(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
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
