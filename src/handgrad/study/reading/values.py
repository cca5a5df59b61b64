"""Values that no key takes, wherever they stand: found before anything recurses into the tables or writes them.

What passes is made of tables, lists, text that can be written as UTF-8, true and false, numbers that 64 bits hold, and
whatever objects Python code put in; it is nested no deeper than a study can be.
"""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from handgrad.names import short, shown
from handgrad.sections import LARGEST

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
