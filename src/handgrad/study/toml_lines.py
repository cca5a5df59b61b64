"""Where in a study file a problem is: the line of the key that its message begins with.

Python's reader of TOML tells no places.  So the text is read once more, when there is a message to make, for nothing
but the line of every key.  The path of a key holds the numbers of entries in lists, as in ("phase", 0, "grid").
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from handgrad.errors import StudyFileError

KeyPath = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_SEVERAL = re.compile(r"(?:[\w.+-]+[ ]*,\s*)+")  # numbers in a list: there may be a million
_VALUE = re.compile(r"[^,\]}#\r\n]+")
_TEXT = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'", re.DOTALL)
_START = re.compile(r"[A-Za-z_][\w-]*")
_STEP = re.compile(r'\.([\w-]+)|\.?[ ]?"([^"]*)"| (\d+)(?=[ .:])')
NAMES = ("name", "number", "title", "head", "label", "says")  # by which messages call the entries of a list


class KeyLines:
    """The line of every key of a text: `lines[path]`, from 1;  twice: (first line, line) of what is written again.

    Any text is read to its end; what is no TOML gives some lines or none.
    """

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.twice: list[tuple[int, int]] = []
        self._text, self._at = text, 0
        self._ends = [end.start() for end in re.finditer("\n", text)]
        self._written: dict[KeyPath, int] = {}
        self._lists: dict[KeyPath, int] = {}
        table: KeyPath = ()
        while self._skip():
            if self._next("[["):
                table = self._entry(self._key())
                self._next("]]")
            elif self._next("["):
                table = self._inside(self._key())
                self._note(table, whole=True)
                self._next("]")
            else:
                self._pair(table)

    def _skip(self) -> bool:
        if blank := _BLANK.match(self._text, self._at):
            self._at = blank.end()
        return self._at < len(self._text)

    def _next(self, signs: str) -> bool:
        there = self._text.startswith(signs, self._at)
        self._at += len(signs) * there
        return there

    def _note(self, path: KeyPath, *, whole: bool = False) -> None:
        """The line of a path at this place.  whole: it is written here and may be so nowhere else."""
        line = bisect_left(self._ends, self._at) + 1
        if whole and path in self._written:
            self.twice.append((self._written[path], line))
        elif whole:
            self._written[path] = line
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], line)

    def _inside(self, key: KeyPath) -> KeyPath:
        """The path of a table, in the last entry of every list on its way."""
        path: KeyPath = ()
        for step in key:
            path = (*path, step)
            if path in self._lists:
                path = (*path, self._lists[path])
        return path

    def _entry(self, key: KeyPath) -> KeyPath:
        """A further entry of a list of tables."""
        path = (*self._inside(key[:-1]), *key[-1:])
        self._lists[path] = self._lists.get(path, -1) + 1
        self._note((*path, self._lists[path]))
        return (*path, self._lists[path])

    def _key(self) -> KeyPath:
        steps: list[str] = []
        while self._skip():
            if quoted := _TEXT.match(self._text, self._at):
                steps.append(tomllib.loads(f"x = {quoted[0]}")["x"])
                self._at = quoted.end()
            elif bare := _BARE.match(self._text, self._at):
                steps.append(bare[0])
                self._at = bare.end()
            else:
                self._at += 1
            self._skip()
            if not self._next("."):
                break
        return tuple(steps)

    def _pair(self, table: KeyPath) -> None:
        path = (*table, *self._key())
        self._note(path, whole=True)
        self._skip()
        self._next("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip()
        if self._next("["):
            number = 0
            while self._skip() and not self._next("]"):
                if several := _SEVERAL.match(self._text, self._at):
                    number, self._at = number + several[0].count(","), several.end()
                    continue
                if self._text.startswith("{", self._at):
                    self._note((*path, number))
                self._value((*path, number))
                number += 1
                self._skip()
                self._next(",")
        elif self._next("{"):
            while self._skip() and not self._next("}"):
                self._pair(path)
                self._skip()
                self._next(",")
        elif found := _TEXT.match(self._text, self._at) or _VALUE.match(self._text, self._at):
            self._at = found.end()
        else:
            self._at += 1


def line_of(problem: str, tables: Mapping[str, Any], lines: Mapping[KeyPath, int]) -> int | None:
    """The line of the key that a problem begins with, or else of the table that it is missing in; None of others.

    >>> text = "[training]\\nepochs = 0\\n"
    >>> line_of("training.epochs must be >= 1; got 0", tomllib.loads(text), KeyLines(text).lines)
    2
    """
    if problem.endswith("(given on the command line)"):
        return None
    quick = problem.startswith("with --quick: ")
    steps, then = _steps(problem.removeprefix("with --quick: "))
    if then.startswith((" = ", ", ", " and ", " after ")) and ": " in then:  # a setting, by its axes
        steps, _ = _steps(then.split(": ", 1)[1])
    inside = tables.get("quick") if quick else None
    found = _followed(inside, steps, ("quick",)) if isinstance(inside, Mapping) else ()
    found = found if len(found) > 1 else _followed(tables, steps, ())
    return lines.get(found) if found else None


def _steps(problem: str) -> tuple[list[str | int], str]:
    """(the steps of the path that a problem begins with, what follows); a number is a place in a list, from 0."""
    first = _START.match(problem)
    if first is None:
        return [], problem
    steps: list[str | int] = [first[0]]
    at = first.end()
    while step := _STEP.match(problem, at):
        word, quoted, place = step.groups()
        steps.append(int(place) - 1 if place is not None else word if word is not None else quoted)
        at = step.end()
    return steps, problem[at:]


def _followed(here: Any, steps: list[str | int], path: KeyPath) -> KeyPath:
    """As far as the tables have the steps; keys in quotes hold several of them."""
    if not steps:
        return path
    step, rest = steps[0], steps[1:]
    if isinstance(here, Mapping):
        for end in range(len(steps), 0, -1):
            joined = ".".join(map(str, steps[:end]))
            if joined in here:
                return _followed(here[joined], steps[end:], (*path, joined))
        for key in ("table", "figure", "statement") if path == ("original",) else ():
            there = _followed(here.get(key), steps, (*path, key))
            if len(there) > len(path) + 1:
                return there
    elif isinstance(here, list):
        for number, entry in enumerate(here):
            named = isinstance(entry, Mapping) and step in [str(entry[name]) for name in NAMES if name in entry]
            if number == step or named:
                return _followed(entry, rest, (*path, number))
    return path


def refused(where: str, problems: Iterable[str], file: Path | None) -> StudyFileError:
    """The error with all problems of a study, each with its line where it is of a file."""
    problems = list(problems)
    try:
        text = "" if file is None else file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        tables, lines = (tomllib.loads(text), KeyLines(text).lines) if text else ({}, {})
    except (OSError, ValueError, RecursionError):
        return StudyFileError(where, problems)
    return StudyFileError(where, problems, [line_of(problem, tables, lines) for problem in problems])
