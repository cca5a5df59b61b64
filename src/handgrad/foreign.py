"""Foreign files: every file that handgrad did not write itself is read inside `reading`.

A damaged or hostile file can make its reader raise any exception: LZMAError, TokenError, MemoryError, RecursionError,
UnicodeDecodeError ...  A list of them is never complete, so `reading` turns every exception that is not yet handgrad's
own into a message of handgrad.
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

    Every exception becomes one `error` that names the file, what was found and the remedy; handgrad's own errors and
    Ctrl-C pass unchanged.  What the reader raised stays the cause: it may be a mistake of handgrad.
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
    """A value given as a path, as a Path.  Raises `error` where it cannot be one.

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
