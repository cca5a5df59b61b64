"""Files of a results folder: messages where they cannot be written or read, JSON in lines, the folder of a run."""

import errno
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from handgrad import files
from handgrad.errors import ResultsError, readable
from handgrad.names import listed, short

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR}
FOLDERS = ("runs", "data", "decisions")


def is_disk_error(error: BaseException) -> bool:
    """Whether an error says that nothing can be written any more: a full, read-only or broken disk."""
    return isinstance(error, OSError) and error.errno in DISK


def unwritable(folder: Path, error: OSError, *, elsewhere: bool = True) -> ResultsError:
    """The message about a folder that cannot be written.  elsewhere: whether the command can take another one."""
    if error.errno == errno.EISDIR:
        return in_the_way(folder, error)
    rights = ", mend the folder's rights or choose another folder with --out" if elsewhere else " or mend its rights"
    return ResultsError(
        f"{folder}: cannot be written: {error.strerror or error}. Finished runs are safe; free some room{rights}, "
        "then run the same command"
    )


def unreadable(path: Path, error: OSError) -> ResultsError:
    """The message about a file or folder that is there and cannot be read."""
    if error.errno == errno.EISDIR:
        return in_the_way(path, error)
    return ResultsError(f"{path}: cannot be read ({error.strerror or error}); mend the rights of the folder")


def in_the_way(path: Path, error: OSError) -> ResultsError:
    """The message about a folder where handgrad keeps a file; the error names it where it can."""
    where = os.fsdecode(error.filename2 or error.filename or path)
    return ResultsError(f"{where}: is a folder where handgrad keeps a file; move it away, then run the same command")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.  Raises ResultsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, content)
    except OSError as error:
        raise unwritable(path.parent, error) from error


def check_folders(folder: Path) -> None:
    """Raise ResultsError where a folder of a results folder may not be read, or something else stands in its place."""
    for name in FOLDERS:
        path = folder / name
        try:
            if os.path.lexists(path):
                with os.scandir(path):
                    pass
        except NotADirectoryError:
            raise ResultsError(f"{path}: is a file where handgrad keeps a folder; move it away") from None
        except FileNotFoundError:
            raise ResultsError(f"{path}: is a link that leads nowhere; mend or remove it") from None
        except OSError as error:
            raise unreadable(path, error) from None


def in_lines(value: Any, depth: int, indent: str = "") -> str:
    """JSON with a line for each entry down to `depth`; what lies deeper stands on one line, which is quickly written.

    >>> print(in_lines({"name": "a", "settings": [{"lr": 0.1, "runs": [1, 2]}, {"lr": 0.2, "runs": []}]}, 2))
    {
     "name": "a",
     "settings": [
      {"lr": 0.1, "runs": [1, 2]},
      {"lr": 0.2, "runs": []}
     ]
    }
    """
    if not depth or not value or not isinstance(value, dict | list | tuple):
        return json.dumps(value)
    inside = indent + " "
    if isinstance(value, dict):
        opens, closes = "{", "}"
        named = [(f"{json.dumps(str(key))}: ", part) for key, part in value.items()]
    else:
        opens, closes = "[", "]"
        named = [("", part) for part in value]
    entries = [f"\n{inside}{name}{in_lines(part, depth - 1, inside)}" for name, part in named]
    return f"{opens}{','.join(entries)}\n{indent}{closes}"


_BEGINNING = re.compile(r"[0-9a-f]{4,10}")  # of an id of a run, which has ten signs
_FILES = ("record.json", "weights.safetensors")
_REMEDY = "give the run's folder, such as results/quickstart/runs/0123456789"
SHORTEST = 4


def is_run_id(text: str) -> bool:
    """Whether a text is the id of a run, or the beginning of one.

    >>> is_run_id("0123456789"), is_run_id("01ab"), is_run_id("quickstart")
    (True, True, False)
    """
    return _BEGINNING.fullmatch(text) is not None


def short_length(ids: Iterable[str], results: Path = Path("results")) -> int:
    """How many of their first signs tell ids apart, four at least; also from those of all runs in `results`.

    >>> short_length(["0123456789", "0123987654", "ffffffffff"], Path("nowhere"))
    5
    """
    known = {*ids, *(path.name for path in results.glob("*/runs/*") if is_run_id(path.name))}
    return next((n for n in range(SHORTEST, 10) if len({one[:n] for one in known}) == len(known)), 10)


def run_folder(name: str | os.PathLike[str], results: Path = Path("results")) -> Path:
    """The folder of a run.  Raises ResultsError where there is none, or where several begin so.

    name: the folder, or the id of the run, which is looked for in every study of `results`: equal ids are equal runs.
    Of an id its first signs do, four at least, where no other run begins so; also at the end of a path.
    """
    text = os.fspath(name)
    called = short(readable(text), 120) or "''"
    if text and os.path.isdir(text):
        if not any(os.path.isfile(os.path.join(text, file)) for file in _FILES):
            some = next(iter(sorted(Path(text).glob("runs/*/record.json"))), None)
            if some is not None:
                raise ResultsError(
                    f"{called}: holds the runs of a study; give the folder of one, such as {some.parent}"
                )
            raise ResultsError(f"{called}: is a folder, but of no run: it has no {' or '.join(_FILES)}; {_REMEDY}")
        return Path(text)
    found = list[Path]()
    if is_run_id(text):
        found = sorted(results.glob(f"*/runs/{text}*"))
    elif is_run_id(os.path.basename(text)):
        found = sorted(Path(os.path.dirname(text) or ".").glob(f"{os.path.basename(text)}*"))
    found = [path for path in found if len(path.name) == 10 and is_run_id(path.name)]
    if not found:
        raise ResultsError(f"{called}: no such folder, and no run of that id in ./{results}; {_REMEDY}")
    if len(ids := dict.fromkeys(path.name for path in found)) > 1:
        raise ResultsError(f"{called}: {len(ids)} runs begin so: {listed(ids, 8)}; give more of the id")
    return found[0]
