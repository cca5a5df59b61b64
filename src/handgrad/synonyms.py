"""Synonyms: what other libraries call a key or a name of ours, for messages about unknown ones.

Nothing is read as something else: the message says what to write.  Words are compared without capitals and separators,
so that `CrossEntropyLoss`, `cross_entropy_loss` and `cross-entropy loss` are one.  `synonyms.txt` holds the words.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path


def fold(word: str) -> str:
    """A word without capitals and separators.

    >>> fold("Leaky_ReLU"), fold("leaky-relu")
    ('leakyrelu', 'leakyrelu')
    """
    return "".join(sign for sign in word.casefold() if sign not in "-_ ./")


@cache
def synonyms() -> Mapping[str, Mapping[str, str]]:
    """kind of name ("key" for keys of tables) -> folded word -> the advice for it."""
    found: dict[str, dict[str, str]] = {}
    text = Path(__file__).with_name("synonyms.txt").read_text(encoding="utf-8")
    for kind, rows in re.findall(r"^\[([^\]\n]+)\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL):
        table = found.setdefault(kind, {})
        for words, advice in re.findall(r"^(\S.*?)\n +-> (.*?)(?=\n\S|\Z)", rows.strip(), re.MULTILINE | re.DOTALL):
            table |= dict.fromkeys(map(fold, re.split(r",\s+", words)), " ".join(advice.split()))
    return found


def advice_on_key(key: str) -> str | None:
    """What to write for a key, in whichever table it stood; None where no library is known to use it.

    >>> advice_on_key("learning_rate")
    'write training.optimizer.lr'
    """
    return synonyms()["key"].get(fold(key))


def advice_on_name(name: str, kind: str, known: Iterable[str]) -> str | None:
    """What to write for a name; None where no library is known to use it, or where it is one of `known`, respelled.

    >>> advice_on_name("GELU", "activation", ["relu"])
    'it is not there yet'
    """
    folded = fold(name)
    if any(fold(one) == folded for one in known):
        return None
    return synonyms().get(kind, {}).get(folded)
