"""Arrays as the bytes of an .npz file: those that np.savez and np.savez_compressed write.

A study of small runs writes thousands of short arrays.  To NumPy and zipfile their headers take longer than the
numbers, so here a header is made once for all arrays of a type and a shape, and a file is put together in one go.

    member      local header, name, sizes, and the array as an .npy file, deflated or as it is; dated 1980-01-01
    directory   an entry for every member, and the record of its end

Sources: PKWARE, APPNOTE.TXT 6.3.10 (zip), sections 4.3 and 4.5.3;  NEP 1 (.npy).
"""

import io
import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.lib import format as npy

_LOCAL = struct.Struct("<4s5H3L2H")  # signature, version, flags, method, time, date, CRC, two sizes, two lengths
_SIZES = struct.Struct("<2H2Q")  # zip64: number and length of the field, size, compressed size
_ENTRY = struct.Struct("<4s6H3L5H2L")  # … two sizes, three lengths, disk, two kinds, place
_END = struct.Struct("<4s4H2LH")  # … disks, counts, length and place of the directory, length of a comment
_VERSION, _UNIX, _UTF8, _DEFLATED, _NEW_YEAR_1980, _ELSEWHERE = 45, 3 << 8, 0x800, 8, 33, 0xFFFFFFFF
_READ_AND_WRITE = 0o600 << 16
LARGE = 2**24  # bytes: headers do not count beside them


def npz(arrays: Mapping[str, np.ndarray], *, compressed: bool = False) -> bytes:
    """Arrays as the content of an .npz file: the same bytes for the same arrays.

    >>> content = npz({"a": np.arange(3)})
    >>> np.load(io.BytesIO(content))["a"].tolist()
    [0, 1, 2]
    """
    arrays = {name: np.asanyarray(array) for name, array in arrays.items()}
    if sum(array.nbytes for array in arrays.values()) > LARGE or any(a.dtype.hasobject for a in arrays.values()):
        content = io.BytesIO()
        (np.savez_compressed if compressed else np.savez)(content, allow_pickle=False, **arrays)
        return content.getvalue()

    members: list[bytes] = []
    entries: list[bytes] = []
    place, method = 0, _DEFLATED if compressed else 0
    for key, array in arrays.items():
        name = f"{key}.npy".encode()
        flags = 0 if name.isascii() else _UTF8
        plain = _npy(array)
        kept = _deflated(plain) if compressed else plain
        head = _VERSION, flags, method, 0, _NEW_YEAR_1980, zlib.crc32(plain)
        local = _LOCAL.pack(b"PK\3\4", *head, _ELSEWHERE, _ELSEWHERE, len(name), _SIZES.size)
        member = b"".join((local, name, _SIZES.pack(1, 16, len(plain), len(kept)), kept))
        rest = len(name), 0, 0, 0, 0, _READ_AND_WRITE, place
        entries += _ENTRY.pack(b"PK\1\2", _VERSION | _UNIX, *head, len(kept), len(plain), *rest), name
        members.append(member)
        place += len(member)
    directory = b"".join(entries)
    end = _END.pack(b"PK\5\6", 0, 0, len(members), len(members), len(directory), place, 0)
    return b"".join((*members, directory, end))


def _npy(array: np.ndarray) -> bytes:
    """An array as an .npy file."""
    by_columns = array.flags.fnc
    return _header(array.dtype, array.shape, by_columns) + array.tobytes("F" if by_columns else "C")


@lru_cache(1024)
def _header(dtype: np.dtype, shape: tuple[int, ...], by_columns: bool) -> bytes:
    stream = io.BytesIO()
    facts = {"descr": npy.dtype_to_descr(dtype), "fortran_order": by_columns, "shape": shape}
    npy.write_array_header_1_0(stream, facts)
    return stream.getvalue()


def _deflated(content: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(content) + deflate.flush()
