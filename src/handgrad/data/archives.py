"""Archives: the files in a folder, a .tar.* or a .zip, one after the other, read into memory.

Nothing is ever extracted, so no name in an archive can lead anywhere: a name is text, from which `..`, `.` and a
leading `/` are dropped.  Links to folders and files are followed in a folder, never in an archive.  Hidden files
(.git, .DS_Store, __MACOSX, Thumbs.db) are passed over; every other file that is not read is added to a list, `unread`.
"""

import bz2
import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from handgrad.data.bounds import MOST_BYTES, MOST_FILES, most_unpacked
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.limits import in_words

ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
AGAIN = "copy or download it again"
HIDDEN = {"__macosx", "thumbs.db", "desktop.ini", "@eadir"}
PACKERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}

Wanted = Callable[[str], bool]
Unread = list[tuple[str, str]]  # (name, ending) of files that were not read, or one of these in place of the ending
EMPTY, LINK, DEVICE, TWICE = "empty folder", "link", "device", "read before"  # TWICE: of a folder that is read again


def is_archive(path: Path) -> bool:
    """Whether a path is named as an archive that can be read."""
    return path.name.lower().endswith(ARCHIVE_ENDINGS)


def damaged(path: Path | str, reason: object) -> DataError:
    """The error about a file that cannot be read to its end."""
    first = (str(reason).splitlines() or [type(reason).__name__])[0].rstrip(":")
    return DataError(f"{path}: is truncated or altered ({first}); {AGAIN}")


def clean_name(name: str) -> str:
    """The name of a file in an archive, without anything that leads out of it.

    >>> clean_name("../../etc/./cat/1.png"), clean_name("/cat\\\\1.png")
    ('etc/cat/1.png', 'cat/1.png')
    """
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "..", "."))


def is_hidden(name: str) -> bool:
    """Whether a part of a name begins with a dot, or is what a system leaves in folders for itself.

    >>> is_hidden("cat/.DS_Store"), is_hidden("cat/Thumbs.db"), is_hidden("cat/1.png")
    (True, True, False)
    """
    return any(part.startswith(".") or part.lower() in HIDDEN for part in name.split("/"))


def ending(name: str) -> str:
    """The ending of a name, in small letters.

    >>> ending("cat/1.PNG"), ending("LICENSE")
    ('.png', 'no ending')
    """
    return os.path.splitext(name)[1].lower() or "no ending"


def members(path: Path, wanted: Wanted, unread: Unread | None = None) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every regular file in a folder, .tar.* or .zip whose cleaned name is `wanted`.

    A folder is read in the order of its names, an archive in its own order.  Files that are neither read nor hidden are
    added to `unread`.  Raises DataError where the archive is truncated or altered, unpacks to more than `bounds`
    allow, or a file cannot be read.
    """
    unread = [] if unread is None else unread
    if os.path.isdir(path):
        with reading(path, DataError, "a folder"):
            yield from _folder_members(path, wanted, unread)
        return
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would be waited for
        raise DataError(f"{path}: is no file and no folder; give one")
    with reading(path, DataError, "an archive", AGAIN), path.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        read = _zip_members if start[:2] == b"PK" or path.name.lower().endswith(".zip") else _tar_members
        seen: set[str] = set()
        for name, content in read(path, file, lambda name: not is_hidden(name) and wanted(name), unread):
            if name in seen:
                raise DataError(f"{path}: holds {name} twice; unpack it and give the folder")
            seen.add(name)
            yield name, content


def _folder_members(path: Path, wanted: Wanted, unread: Unread) -> Iterator[tuple[str, bytes]]:
    for file, label in _Walk(unread).below(path):
        if not wanted(label):
            unread.append((label, ending(label)))
        elif not file.is_file():
            unread.append((label, DEVICE))
        else:
            yield label, read_file(file)


class _Walk:
    """Goes through folders and follows links, never in a circle and never through more than MOST_FILES entries."""

    def __init__(self, unread: Unread) -> None:
        self.unread = unread
        self.seen: set[tuple[int, int]] = set()  # folders by device and number
        self.above: list[tuple[int, int]] = []  # those that the current one lies in
        self.steps = 0

    def below(self, folder: Path, label: str = "") -> Iterator[tuple[Path, str]]:
        """(path, name) of everything that is no folder: first a folder's own files, then those of its folders."""
        files: list[str] = []
        folders: list[str] = []
        with reading(folder, DataError, "a folder"):
            here = os.stat(folder)
            number = here.st_dev, here.st_ino
            if number in self.above:
                raise DataError(f"{folder}: is a link to a folder above itself; take it out")
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._look_at(folder, entry)
                    if not is_hidden(entry.name):
                        (folders if entry.is_dir() else files).append(entry.name)
        if label and (number in self.seen or not files + folders):
            self.unread.append((label[:-1], TWICE if number in self.seen else EMPTY))
        self.seen.add(number)
        for name in sorted(files):
            yield folder / name, label + name
        self.above.append(number)
        for name in sorted(folders):
            yield from self.below(folder / name, f"{label}{name}/")
        self.above.pop()

    def _look_at(self, folder: Path, entry: os.DirEntry[str]) -> None:
        self.steps += 1
        if self.steps > MOST_FILES:
            raise DataError(_too_many(folder))
        if entry.is_symlink() and not is_hidden(entry.name) and not os.path.exists(entry.path):
            leads = os.readlink(entry.path)
            raise DataError(f"{entry.path}: is a link to {leads}, where nothing can be read; mend it or take it out")


def read_file(path: Path) -> bytes:
    """The bytes of one file.  Raises DataError where it cannot be read, or has more than is read of one file."""
    with reading(path, DataError, "a file"), path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataError(_too_large(path, len(content)))
    return content


def _zip_members(path: Path, file: IO[bytes], wanted: Wanted, unread: Unread) -> Iterator[tuple[str, bytes]]:
    packed = os.fstat(file.fileno()).st_size
    if _entries(file, packed) > MOST_FILES:
        raise DataError(_too_many(path))
    with zipfile.ZipFile(file) as archive:
        chosen = []
        for info in archive.infolist():
            name = clean_name(_utf8_name(info))
            if info.is_dir():
                continue
            is_link = stat.S_ISLNK(info.external_attr >> 16)
            if is_link or not wanted(name):
                _leave(name, LINK if is_link else ending(name), unread)
            else:
                chosen.append((name, info))
        total = sum(info.file_size for _, info in chosen)
        if total > most_unpacked(packed):
            raise DataError(_bomb(path, packed, total))
        for name, info in chosen:
            if info.flag_bits & 1:
                raise DataError(f"{path}: {name} is encrypted; unpack the archive and give the folder")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile unpacks them unbounded
                how = zipfile.compressor_names.get(info.compress_type, str(info.compress_type))  # type: ignore[attr-defined]
                raise DataError(f"{path}: {name} is packed by {how}; unpack the archive and give the folder")
            if info.file_size > MOST_BYTES:
                raise DataError(_too_large(f"{path}: {name}", info.file_size))
            yield name, archive.read(info)


def _entries(file: IO[bytes], size: int) -> int:
    """The number of files that the end of a ZIP states; zipfile would make an object for each to count them."""
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    file.seek(0)
    end, end64 = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    short = struct.unpack_from("<H", tail, end + 10)[0] if 0 <= end <= len(tail) - 22 else 0
    long = struct.unpack_from("<Q", tail, end64 + 32)[0] if 0 <= end64 <= len(tail) - 40 else 0
    return max(int(short), int(long) if short == 0xFFFF else 0)


def _utf8_name(info: zipfile.ZipInfo) -> str:
    """The name of a file in a ZIP: UTF-8 also without the flag for it, which ZIPs made by macOS lack."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _tar_members(path: Path, file: IO[bytes], wanted: Wanted, unread: Unread) -> Iterator[tuple[str, bytes]]:
    packed = os.fstat(file.fileno()).st_size
    start = file.read(6)
    file.seek(0)
    unpack = next((opener for mark, opener in PACKERS.items() if start.startswith(mark)), None)
    stream: Any = file if unpack is None else _Bounded(path, unpack(file), packed)
    total = 0
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for count, info in enumerate(archive):
            if count >= MOST_FILES:
                raise DataError(_too_many(path))
            archive.members = []  # type: ignore[attr-defined]  # else the headers of a million files stay in memory
            name = clean_name(info.name)
            if info.isdir():
                continue
            if not info.isreg() or not wanted(name):
                _leave(name, ending(name) if info.isreg() else LINK if info.issym() or info.islnk() else DEVICE, unread)
                continue
            total += info.size  # of a sparse file more than the stream holds
            if total > most_unpacked(packed):
                raise DataError(_bomb(path, packed, total))
            if info.size > MOST_BYTES:
                raise DataError(_too_large(f"{path}: {name}", info.size))
            content = archive.extractfile(info)
            assert content is not None
            yield name, content.read()
        # tarfile takes a damaged header for the end: look for the block of zeros that marks the true end,
        # and read on to the checksum that closes a compressed stream.
        stream.seek(archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise damaged(path, "its end mark is missing")
        while stream.read(1 << 20):
            pass


class _Bounded:
    """A packed stream that is unpacked no further than `bounds` allow."""

    def __init__(self, path: Path, stream: IO[bytes], packed: int) -> None:
        self.path, self.stream, self.packed = path, stream, packed
        self.most = most_unpacked(packed)
        self.tell, self.close = stream.tell, stream.close

    def seek(self, position: int) -> int:
        self._check(position)
        return self.stream.seek(position)

    def read(self, size: int) -> bytes:
        if size > MOST_BYTES:
            raise damaged(self.path, f"it promises {in_words(size)} at once")
        self._check(self.stream.tell())
        return self.stream.read(size)

    def _check(self, position: int) -> None:
        if position > self.most:
            raise DataError(_bomb(self.path, self.packed, position))


def _leave(name: str, what: str, unread: Unread) -> None:
    if not is_hidden(name):
        unread.append((name, what))


def _bomb(path: Path, packed: int, unpacked: int) -> str:
    return (
        f"{path}: its {in_words(packed)} unpack to {in_words(unpacked)} or more, as those of a bomb; at most "
        f"{in_words(most_unpacked(packed))} are read of it. Unpack it where there is room and give the folder"
    )


def _too_large(what: Path | str, size: int) -> str:
    return f"{what}: has {in_words(size)} or more; at most {in_words(MOST_BYTES)} are read of one file; take it out"


def _too_many(path: Path) -> str:
    return f"{path}: holds more than {MOST_FILES:,} files, the most that are read; divide it"
