"""Files that are written whole or not at all, that show whether they were altered, and a user's files left alone.

    with written(path) as new: ...          `new` becomes `path` at the end of the block, or nothing has happened
    with written_folder(path, ours) as new: the same for a folder; files in the old one that are not `ours` go with it
    write_folder(path, contents, ours)      the same for a few files that are at hand
    sealed(text), unsealed(content)         JSON whose last entry is the checksum of all that stands above it
    remove(folder, ours)                    removes what handgrad wrote into a folder, and nothing else
    sweep(folder)                           removes what processes that were killed left half written

A new file or folder has a temporary name (`.NAME.PID-NUMBER.tmp`), is forced to the disk and renamed, and then the
folder around it is forced to the disk: after a power cut there is the old one or the new one, never a part of one.
"""

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from fnmatch import fnmatchcase
from json.encoder import encode_basestring_ascii as _quoted
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

from handgrad.errors import DamagedError

_TEMPORARY = re.compile(r"\..+\.\d+-\d+\.tmp")
_OF_BEFORE = re.compile(  # what earlier versions called theirs
    r"\.(report|report-old|plan\.json|study\.toml|checkpoint\.safetensors|\d+\.jsonl|[0-9a-f]{10}(\.json)?)\.\d+\.tmp"
    r"|\.[0-9a-f]{10}-samples\.\d+\.npz"
)
_SEAL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n\}\n')
_SEAL_BYTES = 82
_encode = json.JSONEncoder(allow_nan=False).encode
_SCALARS: dict[type, Callable[[Any], str]] = {
    str: _quoted,
    int: repr,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}
_number = itertools.count()


def checksum(content: bytes) -> str:
    """SHA-256 in hexadecimal letters, as `sha256sum` prints it."""
    return hashlib.sha256(content).hexdigest()


def stamped(content: bytes) -> bytes:
    """Content with its checksum in front, for files that only handgrad reads; `unstamped` takes it off."""
    return hashlib.sha256(content).digest() + content


def unstamped(found: bytes) -> bytes | None:
    """The content of a stamped file, None where it is empty, cut, altered or another file.

    >>> unstamped(stamped(b"code")), unstamped(stamped(b"code")[:-1]), unstamped(b"")
    (b'code', None, None)
    """
    digest, content = found[:32], found[32:]
    return content if hashlib.sha256(content).digest() == digest else None


# -- whole or not at all


def temporary(path: Path) -> Path:
    """A new name beside `path` for an unfinished file; long names are cut, as a file system takes 255 bytes."""
    return path.with_name(f".{path.name[:40]}.{os.getpid()}-{next(_number)}.tmp")


def is_temporary(name: str) -> bool:
    """Whether a name is that of something unfinished.

    >>> is_temporary(".plan.json.4711-3.tmp"), is_temporary(".report.4711.tmp"), is_temporary(".notes.2026.tmp")
    (True, True, False)
    """
    return (_TEMPORARY.fullmatch(name) or _OF_BEFORE.fullmatch(name)) is not None


@contextmanager
def written(path: Path, *, forced: bool = True) -> Iterator[Path]:
    """A path to write a file to, which becomes `path` at the end of the block or not at all.  Raises OSError.

    forced: False where a power cut may lose the file, or leave a part of it that its reader recognises.
    """
    new = temporary(path)
    try:
        yield new
        if forced:
            force(new)
        _into_place(new, path, forced=forced)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes, *, forced: bool = True) -> None:
    """Write a file whole or not at all, as `written`.  Raises OSError."""
    new = temporary(path)
    try:
        with _write(new, content) as file:
            if forced:
                os.fsync(file.fileno())
        _into_place(new, path, forced=forced)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def _write(new: Path, content: bytes) -> BinaryIO:
    """Write a file that is not there yet; it is still open."""
    file = open(new, "xb", buffering=0)  # noqa: SIM115 (whoever forces it to the disk closes it)
    try:
        left = memoryview(content)
        while left:
            left = left[file.write(left) :]
    except BaseException:
        file.close()
        raise
    return file


def _into_place(new: Path, path: Path, *, forced: bool = True) -> None:
    os.replace(new, path)
    if forced:
        force_folder(path.parent)


@contextmanager
def written_folder(path: Path, ours: tuple[str, ...]) -> Iterator[Path]:
    """A folder to write files into, which becomes `path` at the end of the block or not at all.  Raises OSError.

    ours: names of the files that handgrad writes there.  All else in an old folder is copied into the new one before
    that takes its place, so that it is there at every moment.
    """
    new = temporary(path)
    try:
        new.mkdir(parents=True)
        yield new
        _take_along(path, new, ours)
        for file in new.rglob("*"):
            force(file)
        _folder_into_place(new, path)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def write_folder(path: Path, contents: Mapping[str, bytes], ours: tuple[str, ...]) -> None:
    """Write a folder of these files whole or not at all, as `written_folder` with a third of its calls of the system.

    Runs of milliseconds write thousands of them, beside the thread that trains.  Raises OSError.
    """
    if os.path.lexists(path):
        with written_folder(path, ours) as new:
            for name, content in contents.items():
                (new / name).write_bytes(content)
        return
    new = temporary(path)
    try:
        try:
            os.mkdir(new)
        except FileNotFoundError:
            new.mkdir(parents=True)
        with ExitStack() as opened:
            files = [opened.enter_context(_write(new / name, content)) for name, content in contents.items()]
            for file in files if hasattr(os, "posix_fadvise") else ():  # all are on their way before one is waited for
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for file in files:
                os.fsync(file.fileno())
        force_folder(new)
        _into_place(new, path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _folder_into_place(new: Path, path: Path) -> None:
    """Let a folder whose files are forced to the disk take the place of what is there."""
    force_folder(new)
    old = None
    if os.path.lexists(path):
        old = temporary(path)
        os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        if old is not None:
            os.replace(old, path)
        raise
    force_folder(path.parent)
    if old is not None:
        _discard(old, path)


def _take_along(old: Path, new: Path, ours: tuple[str, ...]) -> None:
    for entry in old.iterdir() if old.is_dir() else ():
        if entry.name in ours or is_temporary(entry.name):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, new / entry.name, symlinks=True)
        else:
            shutil.copy2(entry, new / entry.name, follow_symlinks=False)


def _discard(old: Path, new: Path) -> None:
    """Remove a folder whose foreign files lie in `new` as well; a link or a file that stood there gets a plain name."""
    if old.is_symlink() or not old.is_dir():
        os.replace(old, free_name(new.with_name(f"{new.name}-before")))
    else:
        shutil.rmtree(old, ignore_errors=True)


def move(file: Path, path: Path) -> None:
    """Give a file that is whole its final name, on the disk for good."""
    force(Path(file))
    os.replace(file, path)
    force_folder(path.parent)


def force(file: Path) -> None:
    """Force a file to the disk; links and folders are passed over."""
    if not file.is_file() or file.is_symlink():
        return
    with open(file, "r+b") as written:
        os.fsync(written.fileno())


def force_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system can do that."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # file systems that cannot
            raise
    finally:
        os.close(descriptor)


# -- nothing of the user's


def remove(folder: Path, ours: tuple[str, ...]) -> None:
    """Remove the files of a folder that match `ours` ("*/x.npy" is one in any folder of it), and folders then empty.

    What handgrad did not write stays, and the folder with it; links are not followed.  Raises nothing.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    for entry in sorted(folder.rglob("*"), reverse=True):  # the contents of a folder come first
        where = entry.relative_to(folder).as_posix()
        with suppress(OSError):
            if entry.is_dir() and not entry.is_symlink():
                entry.rmdir()
            elif is_temporary(entry.name) or any(fnmatchcase(where, pattern) for pattern in ours):
                entry.unlink()
    with suppress(OSError):
        folder.rmdir()


def sweep(folder: Path, ours: tuple[str, ...] = ()) -> None:
    """Remove what processes that were killed left half written in a folder; the caller holds its lock.

    ours: what may be inside of half written folders; one that holds anything else is the user's, and gets a plain name.
    """
    if not folder.is_dir():
        return
    for entry in list(folder.iterdir()):
        if not is_temporary(entry.name):
            continue
        with suppress(OSError):
            if entry.is_dir() and not entry.is_symlink():
                remove(entry, ours)
                if entry.exists():
                    name = entry.name.removeprefix(".").rsplit(".", 2)[0]
                    os.replace(entry, free_name(folder / f"{name}-before"))
            else:
                entry.unlink()


def free_name(path: Path) -> Path:
    """`path` with the first number behind its name that is not taken: earlier-1, earlier-2, …"""
    for number in itertools.count(1):
        found = path.with_name(f"{path.name}-{number}")
        if not os.path.lexists(found):
            return found
    raise AssertionError


def size_text(n_bytes: float) -> str:
    """A number of bytes in words.

    >>> size_text(950), size_text(52_000_000)
    ('950 B', '52 MB')
    """
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


# -- altered or not


def indented(value: Any, line: str = "\n") -> str:
    """`json.dumps(value, indent=1, allow_nan=False)` in two thirds of its time; keys are text.

    line: how a line at this depth begins.  Raises ValueError for numbers that are not finite.

    >>> print(indented({"a": [1, 2.5], "b": {}}))
    {
     "a": [
      1,
      2.5
     ],
     "b": {}
    }
    """
    if not isinstance(value, dict | list | tuple) or not value:
        return _SCALARS.get(type(value), _encode)(value)
    inner = line + " "
    if isinstance(value, dict):
        (first, last), parts = "{}", [f"{_quoted(key)}: {indented(item, inner)}" for key, item in value.items()]
    elif (kinds := {*map(type, value)}) == {int} or (kinds == {float} and all(map(isfinite, value))):
        (first, last), parts = "[]", list(map(repr, value))  # most of what records hold
    else:
        (first, last), parts = "[]", [indented(item, inner) for item in value]
    return f"{first}{inner}{f',{inner}'.join(parts)}{line}{last}"


def sealed(text: str) -> bytes:
    r"""A JSON object with one more entry at its end: the checksum of all that stands above it.

    >>> print(sealed('{\n "name": "a"\n}').decode()[:19])
    {
     "name": "a",
     "s
    """
    head = text.rstrip().removesuffix("}").rstrip()
    return f'{head},\n "sha256": "{checksum(head.encode())}"\n}}\n'.encode()


def altered(path: Path, remedy: str) -> DamagedError:
    """The message about a file that is not as it was written."""
    return DamagedError(f"{path}: was altered after it was written; {remedy}")


def unsealed(content: bytes, path: Path, remedy: str) -> tuple[dict[str, Any], bool]:
    """(the object of a JSON file, whether it is sealed); files of before the seal are not.

    Line ends that another system has changed are as before.  path, remedy: what a message says.
    Raises DamagedError where the content was altered, ValueError where it is no object, and whatever `json` raises.
    """
    content = content.replace(b"\r\n", b"\n")
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}, not an object")
    seal = _SEAL.fullmatch(content[-_SEAL_BYTES:])
    if seal is None:
        last = next(reversed(found.values()), None)
        if "sha256" in found or (isinstance(last, str) and len(last) == 64):  # a seal, or what was one
            raise altered(path, remedy)
        return found, False
    if checksum(content[:-_SEAL_BYTES]) != seal[1].decode():
        raise altered(path, remedy)
    del found["sha256"]
    return found, True
