"""Foreign files: the one gate through which every file that handgrad did not write itself is read.

A damaged or hostile file makes its reader fail in whatever way its bytes lead to: LZMAError, TokenError, MemoryError,
RecursionError, UnicodeDecodeError ... A list of exceptions is never complete, so a reader works inside `reading`, which
turns everything that is not yet a message of ours into one.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handgrad.errors import HandgradError, InputError
from handgrad.names import shown


@contextmanager
def reading(
    path: str | os.PathLike[str],
    error: Callable[[str], InputError],
    form: str,
    remedy: str = "copy it again from where it came",
) -> Iterator[None]:
    """Read the file `path` of the given form ("an .npz file of arrays") inside this block.

    Whatever goes wrong becomes one `error` that names the file, what was found and the remedy; messages of our own
    pass as they are.  Ctrl-C passes too.  What the reader raised stays the cause: it may be a mistake of ours.
    """
    where = os.fsdecode(path)
    try:
        yield
    except HandgradError:
        raise
    except FileNotFoundError:
        raise error(f"{where}: no such file") from None
    except OSError as failure:
        if failure.strerror is None or failure.errno == errno.EINVAL:  # damaged (a place before 0), not the disk
            raise error(_damaged(where, form, failure, remedy)) from failure
        raise error(f"{where}: cannot be read ({failure.strerror})") from None
    except MemoryError:
        raise error(f"{where}: needs more memory than there is; it is damaged, or too large for this machine") from None
    except RecursionError:
        raise error(f"{where}: is nested too deeply to be {form}; {remedy}") from None
    except Exception as failure:
        raise error(_damaged(where, form, failure, remedy)) from failure


def _damaged(where: str, form: str, failure: Exception, remedy: str) -> str:
    reason = shown(str(failure), 160)[1:-1] or type(failure).__name__
    return f"{where}: is not {form}, or is damaged ({reason}); {remedy}"


def as_path(value: Any, what: str, error: type[InputError] = InputError) -> Path:
    """What somebody gave as a path, as one.  Raises `error` where it can be none.

    >>> as_path(b"w.npz", "path").name
    'w.npz'
    """
    try:
        text = os.fsdecode(value)
    except TypeError:
        raise error(f"{what} must be a path, as text or pathlib.Path; got {shown(value)}") from None
    if not text or "\0" in text or max(len(os.fsencode(part)) for part in text.split(os.sep)) > 255:
        raise error(f"{what} must be a path; got {shown(value)}")
    return Path(text)
