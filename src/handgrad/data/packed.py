"""Packed: the lines of a text file, plain or in .gz, .bz2, .xz, or a .zip that holds nothing else.

Unpacked characters are counted while they are read, so that a small file cannot fill the memory.
"""

import bz2
import gzip
import io
import lzma
import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from handgrad.data.bounds import check_memory, most_unpacked
from handgrad.errors import DataError
from handgrad.limits import in_words
from handgrad.names import listed, shown

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".data")
OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "packed by gzip",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ": "packed by xz",
    b"SQLite": "an SQLite database",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
}
OTHER_REMEDY = "save the table as CSV, or call the file what it is (.csv.gz, .csv.zip, …)"
LONGEST, EMPTY = 1 << 24, 1_000_000  # characters of a line; empty lines in a row


def is_text(name: str) -> bool:
    """Whether a file is named as a table, packed or not.

    >>> is_text("a.CSV"), is_text("a.csv.gz"), is_text("a.zip"), is_text("a.tar.gz")
    (True, True, False, False)
    """
    name = name.lower()
    for ending in PACKED_ENDINGS:
        name = name.removesuffix(ending)
    return name.endswith(TEXT_ENDINGS)


def tables_in_zip(path: Path) -> list[str]:
    """The tables in a .zip that holds tables and nothing else; none where it holds anything else."""
    if not path.name.lower().endswith(".zip") or not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir() and not _is_hidden(info.filename)]
    return names if names and all(name.lower().endswith(TEXT_ENDINGS) for name in names) else []


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a text file in UTF-8.  Raises DataError where it is other text, or fills the memory."""
    with _opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        size, empty = 0, 0
        packed = path.stat().st_size if path.name.lower().endswith(PACKED_ENDINGS) else None
        most = math.inf if packed is None else most_unpacked(packed)
        try:
            while line := text.readline(LONGEST):
                size += len(line)
                empty = 0 if line.strip() else empty + 1
                if size > most:
                    raise DataError(
                        f"{path}: its {in_words(packed or 0)} unpack to more than {in_words(int(most))}, as those of a "
                        "bomb; unpack it where there is room and name the table"
                    )
                if len(line) == LONGEST or empty == EMPTY:
                    what = "a line of 16 million signs" if empty < EMPTY else "a million empty lines"
                    raise DataError(f"{path}: holds {what}; it is no table, or damaged")
                if size % 1024 < len(line):  # now and then
                    check_memory(path, 2 * size)
                yield line
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save the table as CSV in UTF-8") from None


def _open_zip(path: Path) -> IO[bytes]:
    names = tables_in_zip(path)
    if len(names) != 1:
        held = listed(map(shown, names), 4) or "no table"
        raise DataError(f"{path}: holds {held}; a .zip of one table is read: unpack it and give the folder")
    return zipfile.ZipFile(path).open(names[0])


OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zip": _open_zip}
PACKED_ENDINGS = tuple(OPENERS)


def _opened(path: Path) -> Any:
    for ending, opener in OPENERS.items():
        if path.name.lower().endswith(ending):
            return opener(path)
    with path.open("rb") as file:
        start = file.read(8)
    for sign, what in OTHERS.items():
        if start.startswith(sign):
            raise DataError(f"{path}: is {what}, no text; {OTHER_REMEDY}")
    return path.open("rb")


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
