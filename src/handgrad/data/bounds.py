"""Bounds: how much of a foreign file is read, so that a small file cannot fill the memory.

a file, or one in an archive        MOST_BYTES
everything that is packed together  RATIO times the packed size, or ALWAYS where that is more: real pictures and
                                    arrays pack to a half or a tenth, zeros to a thousandth
files of a folder or an archive     MOST_FILES
one picture                         MOST_PIXELS
arrays (npz), the text of a table   half of the machine's memory, as they are copied when they are scaled
all pictures of a data set          a COPIES-th of the machine's memory: it also holds them scaled
"""

from pathlib import Path

from handgrad.errors import DataError
from handgrad.limits import in_words, machine_memory

MOST_BYTES = 1 << 29
RATIO, ALWAYS = 200, 100_000_000
MOST_FILES = 1_000_000
MOST_PIXELS = 89_478_485  # Pillow's own: a gigabyte of them would be 12 bytes each
COPIES = 5  # of a byte: itself, and the float32 that it is scaled to


def most_unpacked(packed: int) -> int:
    """The most bytes that are unpacked from a file of `packed` bytes.

    >>> most_unpacked(10_000), most_unpacked(10_000_000)
    (100000000, 2000000000)
    """
    return max(ALWAYS, RATIO * packed)


def room_in_memory() -> int:
    """The bytes that this process may use at most, of the machine, its container and its own limit."""
    return min(machine_memory())


def check_memory(path: Path, n_bytes: int) -> None:
    """Raise DataError where what a file holds would take more than half of the memory."""
    room = room_in_memory()
    if n_bytes > room // 2:
        raise DataError(
            f"{path}: holds {in_words(n_bytes)} unpacked; at most {in_words(room // 2)} are read, half of the memory "
            "of this machine or of the limit that is set: save less, or smaller numbers (bytes, float32)"
        )
