"""What is laid over the tables of a study file: its [quick] table, and key=value of the command line."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from handgrad.errors import InputError
from handgrad.names import unknown
from handgrad.study.changes import Table


def change_of(text: str) -> Table:
    """`training.epochs=3` as tables; a value that is not TOML is text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{text!r} is not key=value; write for example training.epochs=3")
    for written in (value.strip(), json.dumps(value.strip())):
        try:
            return tomllib.loads(f"{key} = {written}")
        except tomllib.TOMLDecodeError:
            continue
    raise InputError(f"{text!r}: {key!r} is not the path of a key; write for example training.epochs=3")


def overlaid(
    tables: Mapping[str, Any], over: Mapping[str, Any] | None, origin: str, found: list[str]
) -> tuple[Table, list[str]]:
    """`over` laid over the tables of a study; a named table replaces, [[phase]] tables are found by their name."""
    if not isinstance(over, Mapping):
        return dict(tables), found
    problems = list(found)

    def lay(here: Any, value: Any, path: tuple[str, ...]) -> Any:
        if path[-1:] == ("phase",) and isinstance(value, Mapping) and isinstance(here, list):
            return phases(here, value)
        whole = isinstance(value, Mapping) and "name" in value and len(path) > 1
        if not isinstance(here, Mapping) or not isinstance(value, Mapping) or whole:
            return value
        result = dict(here)
        for key, inner in value.items():
            named = isinstance(result.get(key), str) and isinstance(inner, Mapping) and path[:1] != ()
            result[key] = lay({"name": result[key]} if named else result.get(key), inner, (*path, key))
        return result

    def phases(here: list[Any], value: Mapping[str, Any]) -> list[Any]:
        names = [str(phase.get("name")) if isinstance(phase, Mapping) else "" for phase in here]
        for name in value:
            if name not in names:
                problems.append(f"phase.{name} (from {origin}) is an " + unknown(name, names, "phase"))
        return [
            lay(phase, value[name], ("phase",)) if name in value else phase
            for name, phase in zip(names, here, strict=True)
        ]

    return lay(tables, over, ()), problems
