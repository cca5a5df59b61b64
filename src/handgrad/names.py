"""Names: every registry is one dict of complete records, and this is how a name is looked up in it."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from handgrad.errors import UnknownName

Entry = TypeVar("Entry")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, or None where nothing is alike.

    >>> nearest("sigmiod", ["tanh", "sigmoid"])
    'sigmoid'
    """
    by_fold = {candidate.lower().replace("_", "-"): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower().replace("_", "-"), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def unknown(name: str, known: Iterable[str], kind: str) -> str:
    """The sentence about a name that is not known: what was given, what is meant, what is allowed.

    >>> unknown("rely", ["relu", "tanh"], "activation")
    "unknown activation 'rely'; did you mean 'relu'? Known: relu, tanh"
    """
    known = list(known)
    guess = nearest(name, known)
    hint = f"; did you mean {guess!r}?" if guess else "."
    return f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}"


def lookup(table: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """The record of `name` in `table`; raises UnknownName with the nearest name and all known ones."""
    try:
        return table[name]
    except KeyError:
        raise UnknownName(unknown(name, table, kind)) from None
