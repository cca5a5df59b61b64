"""The text of a study file to its tables.

Any content of a file becomes tables or one StudyFileError (`foreign.reading`).
"""

import codecs
import datetime
import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from handgrad.errors import StudyFileError
from handgrad.foreign import reading
from handgrad.names import short, shown
from handgrad.sections import LARGEST
from handgrad.study.changes import Table
from handgrad.study.toml_lines import KeyLines

MOST_BYTES = 16_000_000  # a grid line of a million values is 8 MB, and a study can have 100,000 runs
_OTHER = {  # how text that is not UTF-8 begins
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_tables(path: Path) -> Table:
    """The tables of a study file.  Raises StudyFileError where it cannot be read or is no TOML."""
    where = path.name or str(path)
    if os.path.isdir(path):
        raise StudyFileError(where, ["cannot be read: it is a folder; give the .toml file in it"])
    with reading(where, partial(_refused, where), "a study file"), path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    try:
        return parsed(content, where)
    except StudyFileError as error:
        if path.suffix.lower() not in OTHER_FORMS:
            raise
        form = OTHER_FORMS[path.suffix.lower()]
        raise StudyFileError(
            where, [f"is {form}, and a study file is TOML; write its keys into one (handgrad new DATA makes a first)"]
        ) from error


OTHER_FORMS = {".yaml": "YAML", ".yml": "YAML", ".json": "JSON", ".py": "Python", ".ipynb": "a notebook"}


def parsed(content: bytes, where: str) -> Table:
    """The tables of TOML text in UTF-8, with or without a byte-order mark."""
    if len(content) > MOST_BYTES:
        raise StudyFileError(where, [f"is larger than {MOST_BYTES // 10**6} MB, so it is no study; give a TOML file"])
    with reading(where, partial(_refused, where), "TOML"):
        try:
            text = _text(content, where)
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _no_toml(text, str(error), where) from None
        except ValueError:  # int() of more digits than Python takes
            raise StudyFileError(
                where, ["is not TOML: it has a number of more than 4,300 digits; whole numbers have 64 bits"]
            ) from None
    if not tables:
        raise StudyFileError(where, ['is empty; a study says at least one thing, such as name = "first"'])
    return tables


def _no_toml(text: str, message: str, where: str) -> StudyFileError:
    """The error about a text that is no TOML: its line, and what is most often wrong in it."""
    place = re.search(r" \(at line (\d+), column (\d+)\)", message)
    lines = text.split("\n")
    if any(word in message for word in ("overwrite", "twice", "Duplicate", "mutate", "immutable")):
        with suppress(RecursionError):
            for first, again in KeyLines(text).twice:
                if place is None or again == int(place[1]):  # None: at the end of the text
                    what = shown(lines[again - 1].strip(), 60)
                    problem = f"is not TOML: {what} stands in line {first} already; keep one of the two"
                    return StudyFileError(where, [problem], [again])
    if place is None:
        return StudyFileError(where, [f"is not TOML: {message}; mend its end"])
    number, what = int(place[1]), message[: place.start()]
    line = lines[number - 1].strip() if number <= len(lines) else ""
    found = f", {shown(line, 60)}" if line else ""
    hint = " (text stands in quotes, true and false are small)" if message.startswith("Invalid value") else ""
    return StudyFileError(where, [f"is not TOML: {what} in column {place[2]}{found}{hint}; mend that line"], [number])


def _text(content: bytes, where: str) -> str:
    other = next((name for mark, name in _OTHER.items() if content.startswith(mark)), None)
    half = content[:400]
    if other is None and b"\0" in half and half.count(b"\0") >= len(half) // 3 > 0:
        other = "UTF-16"  # without a mark: every other byte of Latin letters is 0
    if other is not None:
        raise StudyFileError(where, [f"is not TOML: its text is {other}; save it as UTF-8"])
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyFileError(where, ["is not TOML: it is not UTF-8 text; save it as UTF-8"], [line]) from None


def _refused(where: str, message: str) -> StudyFileError:
    return StudyFileError(where, [message.removeprefix(f"{where}: ")])


DEEPEST = 24  # quick.phase.x.bundle.case.y.training.optimizer.lr and lists in it are 12
SHOWN = 20
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_TIMES = (datetime.date, datetime.time)  # a datetime is a date


def value_problems(tables: Mapping[Any, Any]) -> list[str]:
    """Every value that no key of a study takes, as a line with its path."""
    found: list[str] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), tables)]
    while waiting and len(found) < SHOWN:
        path, table = waiting.pop()
        if len(path) >= DEEPEST:
            found.append(f"{_written(path[:3])} is nested too deeply; the deepest key of a study has 12 steps")
            continue
        for key, value in table.items() if isinstance(table, Mapping) else enumerate(table):
            step = "" if not isinstance(table, Mapping) else key if isinstance(key, str) else shown(key, 60)
            if isinstance(value, Mapping | list | tuple):
                waiting.append(((*path, step) if step else (*path, ""), value))
            problem = _problem(value) or (_problem(key) if isinstance(key, str) else None)
            if isinstance(table, Mapping) and not isinstance(key, str):
                problem = "is a key that is no text; write it in quotes if it is a name"
            if problem:
                found.append(f"{_written((*path, step))} {problem}")
    return found


def _written(path: tuple[str, ...]) -> str:
    """A path without the places in lists."""
    return ".".join(short(step, 60) for step in path if step) or "this table"


def _problem(value: Any) -> str | None:
    if isinstance(value, _TIMES):
        return f"holds a date or time, {value}; no key takes one: write it in quotes if it is a name"
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        return f"holds a whole number beyond 64 bits (up to {LARGEST:,}); got {shown(value)}"
    if isinstance(value, str) and (stray := _CONTROL.search(value)):
        what = "signs that are no UTF-8 text" if stray[0] >= "\ud800" else "control signs"
        return f"holds {what}; take them out; got {shown(value)}"
    return None
