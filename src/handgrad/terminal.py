"""What is printed: to any terminal, file or pipe, and whether or not anybody can read it.

Results come first and printing last, so no print may end a study.  `Lasting` is a stream that takes every text at
every time: characters that its encoding lacks are written as others, and from the moment on at which nothing can be
written any more (a pipe whose reader has gone, a terminal that was closed, a full disk) what comes is dropped.
"""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

PLAIN = "handgrad.plain"  # the name of the error handler
_PLAIN = {
    "±": "+-", "×": "x", "·": "*", "÷": "/", "−": "-", "–": "-", "—": "-", "…": "...", "≥": ">=", "≤": "<=", "≠": "!=",
    "≈": "~", "→": "->", "←": "<-", "∞": "inf", "Σ": "sum", "√": "sqrt", "²": "^2", "³": "^3", "µ": "u", "μ": "u",
    "δ": "delta", "σ": "sigma", "λ": "lambda", "ε": "eps", "∂": "d", "‘": "'", "’": "'", "“": '"', "”": '"',
    "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ",
    "━": "-", "╸": "-", "╺": "-", "─": "-", "│": "|",
}  # fmt: skip


def _in_plain_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(PLAIN, _in_plain_signs)


def in_encoding(text: str, encoding: str) -> str:
    """A text in characters that an encoding has.

    >>> in_encoding("67.7 ± 3.4 % – 2 × 3…", "ascii"), in_encoding("± ≥ σ ☂", "latin-1")
    ('67.7 +- 3.4 % - 2 x 3...', '± >= sigma ?')
    """
    return text.encode(encoding, PLAIN).decode(encoding)


class Lasting:
    """A text stream whose `write` and `flush` never fail.  `lost`: why nothing can be written any more, if so."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.lost: OSError | None = None

    @property
    def encoding(self) -> str:
        return getattr(self.stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self.stream is not None and self.lost is None:
            try:
                self.stream.write(in_encoding(text, self.encoding))
            except (OSError, ValueError) as error:  # ValueError: it is closed
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        if self.stream is not None and self.lost is None:
            try:
                self.stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def _lose(self, error: OSError | ValueError) -> None:
        """Drop what comes from now on, and what lies in the stream's buffer, which Python would write at its end."""
        self.lost = error if isinstance(error, OSError) else OSError(str(error))
        with suppress(OSError, ValueError, AttributeError):
            assert self.stream is not None
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
            self.stream.flush()

    def isatty(self) -> bool:
        try:
            return self.stream is not None and self.lost is None and self.stream.isatty()
        except ValueError:
            return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self.stream is None:
            raise OSError("there is no such stream")
        return self.stream.fileno()

    @property
    def errors(self) -> str:
        return PLAIN

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # bytes would go past `write`
            raise AttributeError(name)
        return getattr(self.stream, name)


@contextmanager
def lasting() -> Iterator[tuple[Lasting, Lasting]]:
    """While this is open, everything that is printed goes through two `Lasting` streams: standard output and error."""
    before = sys.stdout, sys.stderr
    out, err = Lasting(sys.stdout), Lasting(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def open_standard_streams() -> None:
    """Give standard streams that were closed (`>&-`) somewhere to go, or the next file opened takes their place.

    Whatever a library then prints by itself would be written into that file.
    """
    for number in (0, 1, 2):
        with suppress(OSError):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


def say(text: str) -> None:
    """One line about what is going on, to standard error; never fails."""
    stream = sys.stderr if isinstance(sys.stderr, Lasting) else Lasting(sys.stderr)
    stream.write(f"{text}\n")
    stream.flush()
