"""Names: how a name is looked up in a table of records, and the messages about names that no table holds.

Messages show values through `shown`, `short` and `listed`, so that no message grows with its input.
"""

import re
import types
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from handgrad.errors import UnknownName
from handgrad.synonyms import advice_on_key, advice_on_name, fold, synonyms

Entry = TypeVar("Entry")


MOST_NAMES = 40  # that a message lists
MOST_SIGNS = 420  # the characters that they take
LONGEST = 40  # of a name that is compared with others: longer ones are no misspelling of ours


def short(text: str, most: int = 80) -> str:
    """A text as a message shows it: long ones are shortened in the middle.

    >>> short("training." * 100, 30)
    'training.training.trai…aining.'
    """
    return text if len(text) <= most else f"{text[: most - 8]}…{text[-7:]}"


def shown(value: Any, most: int = 80) -> str:
    """A value as a message shows it: its repr, long ones shortened in the middle.

    >>> shown("sigmoid"), shown(list(range(100)), 20)
    ("'sigmoid'", '[0, 1, 2, 3,…98, 99]')
    """
    try:
        text = repr(value)
    except Exception:  # a whole number of more than 4,300 digits; lists within lists; an object's own __repr__
        what = "whole number" if isinstance(value, int) else type(value).__name__
        text = f"a {what} that is too long to show"
    return short(text if "\n" not in text else " ".join(text.split()), most)


def plural(n: int, word: str) -> str:
    """A count with its word.

    >>> plural(1, "seed"), plural(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{n:,} {word if n == 1 else word + 's'}"


def listed(names: Iterable[Any], most: int = MOST_NAMES, signs: int = MOST_SIGNS) -> str:
    """Names with commas between them; of many, the first ones and how many more there are.

    >>> listed(["a", "b"]), listed(range(1000), most=3)
    ('a, b', '0, 1, 2 … (997 more)')
    """
    words = [short(str(name), 60) for name in names]
    kept, length = 0, 0
    for word in words[:most]:
        length += len(word) + 2
        if kept and length > signs:
            break
        kept += 1
    rest = len(words) - kept
    return f"{', '.join(words[:kept])} … ({rest:,} more)" if rest > 0 else ", ".join(words)


def nearest(name: str, known: Iterable[str], *, beginnings: bool = True) -> str | None:
    """The known name of which `name` is a misspelling or (`beginnings`) a beginning, or None where it is neither.

    A misspelling of 4 to 6 letters has one wrong, missing, doubled or swapped letter, of 7 to 10 two, of more three; of
    3 letters one is missing or too many, or two are swapped.

    >>> nearest("sigmiod", ["tanh", "sigmoid"]), nearest("Leaky_ReLU", ["relu", "leaky-relu"])
    ('sigmoid', 'leaky-relu')
    >>> nearest("task", ["stack"])
    """
    word = fold(name)
    found: list[tuple[float, int, str]] = []
    for position, candidate in enumerate(known):
        other = fold(candidate)
        if not word or not other or max(len(word), len(other)) > LONGEST:
            continue
        if word == other:
            return candidate
        longer, shorter = max(len(word), len(other)), min(len(word), len(other))
        most = min(3, (longer + 1) // 4) if longer > 3 else int(longer > shorter or sorted(word) == sorted(other))
        if longer - shorter <= most and (edits := _edits(word, other)) <= most:
            found.append((edits, position, candidate))
        elif (
            beginnings
            and shorter >= 3
            and (other.startswith(word) or (word.startswith(other) and 2 * shorter >= longer))
        ):
            found.append((3.5, position, candidate))
    return min(found)[2] if found else None


def _edits(a: str, b: str) -> int:
    """How many letters have to be changed, left out, put in or swapped with their neighbour (Damerau 1964)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, start=1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                least = min(least, last[j - 2] + 1)
            row.append(least)
    return row[-1]


def unknown(name: str, known: Iterable[str], kind: str) -> str:
    """The sentence about a name that is not known: the name, the one that was probably meant, all that are known.

    >>> unknown("rely", ["relu", "tanh"], "activation")
    "unknown activation 'rely'; did you mean 'relu'? Known: relu, tanh"
    >>> unknown("gelu", ["relu", "tanh"], "activation")
    "unknown activation 'gelu': it is not there yet. Known: relu, tanh"
    """
    known, name = [str(one) for one in known], str(name)
    advice = advice_on_name(name, kind, known)
    if advice is not None:
        hint = f": {advice}."
    else:
        guess = nearest(name, known)
        hint = f"; did you mean {shown(guess)}?" if guess else "."
    return f"unknown {kind} {shown(name)}{hint} Known: {listed(known)}"


def unknown_key(key: str, known: Iterable[str], others: Iterable[str] = (), *, advise: bool = True) -> str:
    """The end of a sentence about a key that is not known in its table.

    `known`: the keys of the table; `others`: more that are accepted (names of other libraries), as a mapping
    with ours for each.
    advise: say which key of a setting does the job of one that other libraries have.

    >>> "training.lr is an " + unknown_key("lr", ["epochs", "batch_size"])
    'training.lr is an unknown key: write training.optimizer.lr. Known: epochs, batch_size'
    >>> "training.epoch is an " + unknown_key("epoch", ["epochs", "batch_size"])
    "training.epoch is an unknown key; did you mean 'epochs'? Known: epochs, batch_size"
    """
    known, key = list(known), str(key)
    ours = dict(others) if isinstance(others, Mapping) else {}
    here = [*known, *others]
    guess = nearest(key, here, beginnings=False)
    guess = ours.get(guess, guess) if guess else None
    advice = advice_on_key(key) if advise else None
    if guess and advice and guess not in re.split(r"[^\w-]+", advice):  # n_layers is no misspelling of layers
        guess = None
    elif guess:
        advice = None
    if not guess and not advice:
        guess = nearest(key, here)
        guess = ours.get(guess, guess) if guess else None
    if advise and not guess and not advice and (alike := nearest(key, synonyms()["key"])) and len(alike) > 3:
        advice = advice_on_key(alike)
    hint = f"; did you mean {shown(guess)}?" if guess else f": {advice}." if advice else "."
    return f"unknown key{hint} Known: {listed(known) or 'none'}"


class OpenTable(dict[str, Entry]):
    """A public table of records by name, to which anyone may add; `own` holds those that the package came with."""

    def __init__(self, records: Mapping[str, Entry]) -> None:
        super().__init__(records)
        self.own = types.MappingProxyType(dict(records))

    def is_own(self, name: str) -> bool:
        """Whether the record of this name is the package's own.

        >>> table = OpenTable({"a": 1})
        >>> table["a"], table["b"] = 2, 3
        >>> table.is_own("a"), table.is_own("b"), table.own["a"]
        (False, False, 1)
        """
        return name in self.own and bool(self.get(name) == self.own[name])

    @property
    def is_unchanged(self) -> bool:
        """Whether the table holds the package's own records and no others."""
        return self == self.own


def label_text(value: Any) -> Any:
    """A setting's label as text, where it was written as a whole number; anything else as it is.

    >>> label_text(1), label_text("1_2")
    ('1', '1_2')
    """
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def lookup(table: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """The record of `name` in `table`; raises UnknownName with the nearest name and all known ones."""
    try:
        return table[name]
    except (KeyError, TypeError):  # TypeError: it is not even text
        raise UnknownName(unknown(name, table, kind)) from None
