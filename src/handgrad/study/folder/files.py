"""Files that are there whole or not at all, and what is said where none can be written."""

import errno
import json
import os
from pathlib import Path
from typing import Any

from handgrad.errors import ResultsError

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR}


def is_disk_error(error: BaseException) -> bool:
    """Whether an error says that nothing can be written any more: a full, read-only or broken disk."""
    return isinstance(error, OSError) and error.errno in DISK


def unwritable(folder: Path, error: OSError) -> ResultsError:
    """The message about a folder that cannot be written."""
    return ResultsError(
        f"{folder}: cannot be written: {error.strerror or error}. Finished runs are safe; "
        "free some room, mend the folder's rights or choose another folder with --out, then run the same command"
    )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: temporary name, forced to the disk, renamed.  Raises ResultsError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(unfinished, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise unwritable(path.parent, error) from error


def in_lines(value: Any, depth: int) -> str:
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
    return _opened(value, depth, "")


def _opened(value: Any, depth: int, indent: str) -> str:
    if not depth or not value or not isinstance(value, dict | list | tuple):
        return json.dumps(value)
    inside = indent + " "
    if isinstance(value, dict):
        opens, closes = "{", "}"
        named = [(f"{json.dumps(str(key))}: ", part) for key, part in value.items()]
    else:
        opens, closes = "[", "]"
        named = [("", part) for part in value]
    entries = [f"\n{inside}{name}{_opened(part, depth - 1, inside)}" for name, part in named]
    return f"{opens}{','.join(entries)}\n{indent}{closes}"
