"""Archives: the files in a folder, a .tar.* or a .zip, one after the other, read into memory.

Nothing is ever extracted, so no name in an archive can lead anywhere: a name is text, from which `..`,
`.` and a leading `/` are dropped.  Links and devices are passed over.
"""

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from handgrad.errors import DataError

ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")


def is_archive(path: Path) -> bool:
    """Whether a path is named as an archive that can be read."""
    return path.name.lower().endswith(ARCHIVE_ENDINGS)


def damaged(path: Path, reason: object) -> DataError:
    """The error about a file that cannot be read to its end."""
    first = (str(reason).splitlines() or [type(reason).__name__])[0].rstrip(":")
    return DataError(f"{path}: is truncated or altered ({first}); copy or download it again")


def clean_name(name: str) -> str:
    """The name of a file in an archive, without anything that leads out of it.

    >>> clean_name("../../etc/./cat/1.png"), clean_name("/cat\\\\1.png")
    ('etc/cat/1.png', 'cat/1.png')
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "/".join(part for part in parts if part not in ("/", "//", "..", "."))


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every regular file in a folder, .tar.* or .zip whose cleaned name is `wanted`.

    A folder is read in the order of its names, an archive in its own order.
    Raises DataError where the archive is truncated or altered, or a file cannot be read.
    """
    try:
        if path.is_dir():
            yield from _folder_members(path, wanted)
        elif path.name.lower().endswith(".zip"):
            yield from _zip_members(path, wanted)
        else:
            yield from _tar_members(path, wanted)
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, NotImplementedError) as error:
        raise damaged(path, error) from None
    except OSError as error:
        if error.errno is None:  # a decompressor's complaint about its input
            raise damaged(path, error) from None
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from None


def _folder_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    def stop(error: OSError) -> None:
        raise error  # os.walk would pass over a folder that it may not read

    for folder, inner, names in os.walk(path, onerror=stop):
        inner.sort()
        for name in sorted(names):
            file = Path(folder, name)
            label = file.relative_to(path).as_posix()
            if wanted(label) and file.is_file():
                yield label, file.read_bytes()


def _zip_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = clean_name(info.filename)
            if info.is_dir() or not wanted(name):
                continue
            if info.flag_bits & 1:
                raise DataError(f"{path}: {name} is encrypted; unpack the archive and give the folder")
            yield name, archive.read(info)


def _tar_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # else the headers of a million files stay in memory
            name = clean_name(info.name)
            content = archive.extractfile(info) if info.isreg() and wanted(name) else None
            if content is not None:
                yield name, content.read()
        # tarfile takes a damaged header for the end: look for the block of zeros that marks the true end,
        # and read on to the checksum that closes a compressed stream.
        stream = archive.fileobj
        assert stream is not None
        stream.seek(archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise damaged(path, "its end mark is missing")
        while stream.read(1 << 20):
            pass
