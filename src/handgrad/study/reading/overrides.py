"""What is laid over the tables of a study file: its [quick] table, and key=value of the command line."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.errors import InputError
from handgrad.names import short, shown, unknown
from handgrad.study.changes import Table
from handgrad.study.design.axes import DISTRIBUTIONS
from handgrad.study.reading.values import DEEPEST
from handgrad.training.run import Setting


def change_of(text: str) -> Table:
    """`training.epochs=3` as tables; a value that is not TOML is text.

    >>> change_of("training.epochs=3"), change_of("network.activation=tanh")
    ({'training': {'epochs': 3}}, {'network': {'activation': 'tanh'}})
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{shown(text)} is not key=value; write for example training.epochs=3")
    *way, last = _path(text, key)
    table = {last: _value(text, value.strip())}
    for step in reversed(way):
        table = {step: table}
    return table


def _path(text: str, key: str) -> list[str]:
    """`phase."batch size".continue` as its steps."""
    try:
        table: Any = tomllib.loads(f"{key} = 0") if "\n" not in key else {}
    except (ValueError, RecursionError):
        table = {}
    steps: list[str] = []
    while isinstance(table, dict) and len(table) == 1 and len(steps) < DEEPEST:
        ((step, table),) = table.items()
        steps.append(step)
    if isinstance(table, dict) or not steps:
        raise InputError(f"{shown(text)}: {shown(key)} is not the path of a key; write for example training.epochs=3")
    return steps


def _value(text: str, written: str) -> Any:
    try:
        tables = tomllib.loads(f"value = {written}") if "\n" not in written else {}
    except tomllib.TOMLDecodeError:
        return written
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else "a number of more than 4,300 digits"
        raise InputError(f"{shown(text)}: the value is {what}; write for example training.epochs=3") from None
    return tables["value"] if len(tables) == 1 else written


def overlaid(
    tables: Mapping[str, Any], over: Mapping[str, Any] | None, origin: str, found: list[str]
) -> tuple[Table, list[str]]:
    """`over` laid over the tables of a study; a named table replaces, [[phase]] tables are found by their name."""
    if not isinstance(over, Mapping):
        return dict(tables), found
    problems = list(found)

    def lay(here: Any, value: Any, path: tuple[str, ...]) -> Any:
        if path == ("phase",) and here is None and isinstance(value, Mapping) and value:
            problems.append(f"phase (from {origin}) has no effect: the file has no [[phase]]; write one into it")
            return None
        if path[-1:] == ("phase",) and isinstance(value, Mapping) and isinstance(here, list | tuple):
            return phases(here, value)
        if not isinstance(value, Mapping) or _replaces(path, value):
            return value
        here = _default(path) if here is None else here
        if not isinstance(here, Mapping):
            return value
        result = _undotted(here, value)
        for key, inner in value.items():
            named = isinstance(result.get(key), str) and isinstance(inner, Mapping) and path[:1] != ()
            result[key] = lay({"name": result[key]} if named else result.get(key), inner, (*path, key))
        return result

    def phases(here: Sequence[Any], value: Mapping[str, Any]) -> list[Any]:
        names = [str(phase.get("name")) if isinstance(phase, Mapping) else "" for phase in here]
        for name in value:
            if name not in names:
                problems.append(f"phase.{short(name, 60)} (from {origin}) is an " + unknown(name, names, "phase"))
        return [
            lay(phase, value[name], ("phase",)) if name in value else phase
            for name, phase in zip(names, here, strict=True)
        ]

    return lay(tables, over, ()), problems


def _replaces(path: tuple[str, ...], value: Mapping[str, Any]) -> bool:
    """Whether a table is laid in the place of another: one that says its name, or a range of [random]."""
    if "random" in path[:2] and path[0] in ("random", "phase"):
        return any(kind in value for kind in DISTRIBUTIONS)
    return len(path) > 1 and "name" in value


def _default(path: tuple[str, ...]) -> Table:
    """What a table is before anything is said of it: a key of an optimizer alone is of the default's, as in a grid."""
    usual: Any = Setting().model_dump(by_alias=True)
    for step in path:
        usual = usual.get(step) if isinstance(usual, Mapping) else None
    named = len(path) > 1 and isinstance(usual, Mapping) and "name" in usual
    return {"name": usual["name"]} if named else {}


def _undotted(here: Mapping[str, Any], value: Mapping[str, Any]) -> Table:
    """`here` without keys in quotes ("training.optimizer.lr") where `value` goes into the table that they mean."""
    result = dict(here)
    for key in here:
        first, dot, rest = str(key).partition(".")
        if dot and first in value and isinstance(value[first], Mapping) and isinstance(here.get(first, {}), Mapping):
            inner = {**result.get(first, {}), rest: result.pop(key)}
            result[first] = inner
    return result
