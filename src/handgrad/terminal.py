"""Printing to any terminal, file or pipe without ever raising an error: no print may end a study.

`SafeStream` writes every text: characters that the encoding lacks are written as others, and after the first failed
write (the reader of a pipe has gone, a terminal was closed, the disk is full) all further text is dropped.
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
    "\u00a0": " ", "\u202f": " ", "\u2009": " ",  # no-break, narrow no-break and thin space
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


class SafeStream:
    """A text stream whose `write` and `flush` never fail.  `lost`: the error after which nothing is written."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.lost: OSError | None = None

    @property
    def encoding(self) -> str:
        """The encoding of the stream, UTF-8 where it tells none."""
        return getattr(self.stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write a text, in characters that the encoding has, or drop it."""
        if self.stream is not None and self.lost is None:
            try:
                self.stream.write(in_encoding(text, self.encoding))
            except (OSError, ValueError) as error:  # ValueError: it is closed
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if it can still be written to."""
        if self.stream is not None and self.lost is None:
            try:
                self.stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def _lose(self, error: OSError | ValueError) -> None:
        """Drop all further text, and what lies in the stream's buffer, which Python would write at its end."""
        self.lost = error if isinstance(error, OSError) else OSError(str(error))
        with suppress(OSError, ValueError, AttributeError):
            assert self.stream is not None
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
            self.stream.flush()

    def isatty(self) -> bool:
        """Whether the stream is a terminal that can still be written to."""
        try:
            return self.stream is not None and self.lost is None and self.stream.isatty()
        except ValueError:
            return False

    def writable(self) -> bool:
        """True, as no write raises."""
        return True

    def fileno(self) -> int:
        """The number of the stream's file.  Raises OSError where there is no stream."""
        if self.stream is None:
            raise OSError("there is no such stream")
        return self.stream.fileno()

    @property
    def errors(self) -> str:
        """The name of the error handler for characters that the encoding lacks."""
        return PLAIN

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # bytes would go past `write`
            raise AttributeError(name)
        return getattr(self.stream, name)


@contextmanager
def safe_streams() -> Iterator[tuple[SafeStream, SafeStream]]:
    """In this block, standard output and standard error are each a `SafeStream`."""
    before = sys.stdout, sys.stderr
    out, err = SafeStream(sys.stdout), SafeStream(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def open_standard_streams() -> None:
    """Open the null device for standard streams that were closed (`>&-`).

    Otherwise the next file opened takes their number, and what a library prints is written into that file.
    """
    for number in (0, 1, 2):
        with suppress(OSError):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


def say(text: str) -> None:
    """Print one line about progress to standard error; never fails."""
    stream = sys.stderr if isinstance(sys.stderr, SafeStream) else SafeStream(sys.stderr)
    stream.write(f"{text}\n")
    stream.flush()
