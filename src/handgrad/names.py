"""Names: every registry is one dict of complete records, and this is how a name is looked up in it."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from handgrad.errors import UnknownName

Entry = TypeVar("Entry")


MOST_NAMES = 40  # that a message lists


def shown(value: Any, most: int = 80) -> str:
    """A value as a message shows it: its repr, long ones shortened in the middle.

    >>> shown("sigmoid"), shown(list(range(100)), 20)
    ("'sigmoid'", '[0, 1, 2, 3,…98, 99]')
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of more than 4,300 digits; lists within lists
        text = f"a {type(value).__name__} that is too long to show"
    return text if len(text) <= most else f"{text[: most - 8]}…{text[-7:]}"


def listed(names: Iterable[Any], most: int = MOST_NAMES) -> str:
    """Names with commas between them; of many, the first ones and how many more there are.

    >>> listed(["a", "b"]), listed(range(1000), most=3)
    ('a, b', '0, 1, 2 … (997 more)')
    """
    words = [str(name) for name in names]
    rest = len(words) - most
    return f"{', '.join(words[:most])} … ({rest} more)" if rest > 0 else ", ".join(words)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, or None where nothing is alike.

    >>> nearest("sigmiod", ["tanh", "sigmoid"])
    'sigmoid'
    """
    by_fold = {candidate.lower().replace("_", "-"): candidate for candidate in known}
    found = difflib.get_close_matches(str(name).lower().replace("_", "-"), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def unknown(name: str, known: Iterable[str], kind: str) -> str:
    """The sentence about a name that is not known: what was given, what is meant, what is allowed.

    >>> unknown("rely", ["relu", "tanh"], "activation")
    "unknown activation 'rely'; did you mean 'relu'? Known: relu, tanh"
    """
    known = list(known)
    guess = nearest(name, known)
    hint = f"; did you mean {guess!r}?" if guess else "."
    return f"unknown {kind} {shown(name)}{hint} Known: {listed(known)}"


def lookup(table: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """The record of `name` in `table`; raises UnknownName with the nearest name and all known ones."""
    if not isinstance(name, str) or name not in table:
        raise UnknownName(unknown(name, table, kind))
    return table[name]
