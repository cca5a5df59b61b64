"""What can go wrong, as a tree.  Every message says what, where, got, allowed and the remedy.

    HandgradError                  anything that handgrad raises on purpose
    └── InputError                 the user can mend it: one message, exit code 2, nothing lost
        ├── UnknownName            a name that no table holds (the nearest is offered)
        ├── StudyFileError         a study file: all of its problems at once
        ├── DataError              a data set that is missing, damaged or does not fit
        ├── NetworkError           layers, losses or targets that cannot go together
        ├── ParameterError         a parameter of an estimator, or its data; a ValueError too, as scikit-learn expects
        ├── WeightsError           a weights file that is damaged, of other shapes, or no weights file
        └── ResultsError           a results folder: locked, of another version, unwritable
            └── DamagedError       a file in it that was altered, cut off or mixed up after it was written

A run that fails leaves its error in its record (exit code 1).  A run that diverges is no error but a result
(`training.record`, status `diverged`).
"""

from collections.abc import Sequence

MOST_LINES, MOST_SIGNS = 60, 1000  # of a message, and of one of its lines


class HandgradError(Exception):
    """Anything that handgrad raises on purpose; its text is meant for the user, and fits a terminal (`readable`)."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(readable(message))


class CrampedWarning(UserWarning):
    """A figure for print is too narrow for what is on it."""


def is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: a library may raise one of its own from it.

    pydantic does where it writes a setting, and of one section inside another only its text tells.

    >>> is_interrupt(KeyboardInterrupt()), is_interrupt(ValueError())
    (True, False)
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        if type(error).__module__.startswith("pydantic") and KeyboardInterrupt.__name__ in str(error):
            return True
        error = error.__cause__ or error.__context__
    return error is not None


def readable(message: str) -> str:
    r"""A message that every terminal can show: no control signs, no lone surrogates, no endless lines.

    >>> readable("b\udcffb\x1b[2J")
    'b\\udcffb\\x1b[2J'
    >>> len(readable("x" * 40_000))
    1000
    """
    lines = message.split("\n")
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} lines more"]
    return "\n".join(_readable_line(line) for line in lines)


def _readable_line(line: str) -> str:
    if len(line) > MOST_SIGNS:
        line = f"{line[: MOST_SIGNS - 201]}…{line[-200:]}"
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in line)


class InputError(HandgradError):
    """Something the user gave cannot be used; the message says how to mend it."""

    exit_code = 2


class UnknownName(InputError):
    """A name that is in no table."""


class StudyFileError(InputError):
    """Everything that is wrong with one study file, one problem a line.  lines: that of each in the file, if known."""

    def __init__(self, where: str, problems: list[str], lines: Sequence[int | None] = ()) -> None:
        self.where = where
        self.problems = problems
        self.lines = [*lines, *[None] * (len(problems) - len(lines))]
        places = [where if line is None else f"{where}, line {line}" for line in self.lines]
        super().__init__("\n".join(f"{place}: {problem}" for place, problem in zip(places, problems, strict=True)))


class DataError(InputError):
    """A data set is missing, damaged, or does not fit the setting."""


class NetworkError(InputError):
    """Layers, losses or targets that cannot go together."""


class ParameterError(InputError, ValueError):
    """A parameter of an estimator that it cannot have, or data that it cannot learn from."""


class WeightsError(InputError):
    """A weights file that is damaged, has other shapes, or is no weights file."""


class ResultsError(InputError):
    """A results folder that is in use, was written by another version, or cannot be written."""


class DamagedError(ResultsError):
    """A file of a results folder was altered, cut off, removed or mixed up after handgrad wrote it."""
