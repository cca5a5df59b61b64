"""Writing TOML, for the resolved study that a results folder keeps (Python's own library only reads it).

Plain values and tables of them; None, which TOML does not have, is left out: absent means the default.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumps(table: Mapping[str, Any]) -> str:
    r"""A table as TOML text.

    >>> print(dumps({"seeds": [0, 1], "data": {"name": "digits", "label": None}}), end="")
    seeds = [0, 1]
    <BLANKLINE>
    [data]
    name = "digits"
    """
    return "\n".join(_table(table, "")).lstrip("\n") + "\n"


def inline(value: Any) -> str:
    """A value as it stands behind a key, tables within braces.

    >>> inline({"name": "adam", "lr": 0.1}), inline([True, "a"])
    ('{ name = "adam", lr = 0.1 }', '[true, "a"]')
    """
    return _value(value)


def _table(table: Mapping[str, Any], path: str) -> list[str]:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if _is_plain(value)]
    for key, value in table.items():
        here = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, Mapping):
            lines += ["", f"[{here}]", *_table(value, here)]
        elif not _is_plain(value) and value is not None:
            for entry in value:
                lines += ["", f"[[{here}]]", *_table(entry, here)]
    return lines


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, Mapping):
        return False
    return not (isinstance(value, list | tuple) and value and all(isinstance(entry, Mapping) for entry in value))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    raise TypeError(f"TOML cannot hold {value!r}")
