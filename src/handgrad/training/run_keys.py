"""What pairs the runs of two settings: their seed, and where the data is divided into folds, fold and seed.

seed            one split for all runs
(fold, seed)    `data.validation.folds`: every setting is trained on every fold with every seed
"""

from collections.abc import Iterable

RunKey = int | tuple[int, int]


def run_key(seed: int, fold: int | None) -> RunKey:
    """The key of a run; fold: None where there are none."""
    return seed if fold is None else (fold, seed)


def fold_in(key: RunKey) -> int | None:
    """The fold of a key; None where there are none."""
    return key[0] if isinstance(key, tuple) else None


def seed_in(key: RunKey) -> int:
    """The seed of a key."""
    return key[1] if isinstance(key, tuple) else key


def in_order(keys: Iterable[RunKey]) -> list[RunKey]:
    """Keys by fold, then by seed.

    >>> in_order([(2, 0), (1, 3), (1, 0)])
    [(1, 0), (1, 3), (2, 0)]
    """
    return sorted(keys, key=lambda key: key if isinstance(key, tuple) else (0, key))


def key_text(key: RunKey) -> str:
    """A key as a file holds it: "3", or "2/3" for fold 2 and seed 3."""
    return f"{key[0]}/{key[1]}" if isinstance(key, tuple) else str(key)


def key_of_text(text: str) -> RunKey:
    """A key as it was written.  Raises ValueError for another text.

    >>> key_of_text("3"), key_of_text("2/3")
    (3, (2, 3))
    """
    fold, between, seed = text.partition("/")
    return (int(fold), int(seed)) if between else int(fold)


def key_word(key: RunKey) -> str:
    """A run in a sentence.

    >>> key_word(3), key_word((2, 3))
    ('seed 3', 'fold 2, seed 3')
    """
    return f"fold {key[0]}, seed {key[1]}" if isinstance(key, tuple) else f"seed {key}"


def counted(keys: Iterable[RunKey]) -> str:
    """How many runs there are, in words.

    >>> counted([0, 1, 2]), counted([(1, 0), (1, 1), (2, 0), (2, 1)]), counted([(1, 0), (1, 1), (2, 0)])
    ('3 seeds', '2 folds × 2 seeds', '3 runs of 2 folds × 2 seeds')
    """
    found = list(keys)
    seeds, folds = {seed_in(key) for key in found}, {fold_in(key) for key in found} - {None}
    if not folds:
        return _plural(len(seeds), "seed")
    text = f"{_plural(len(folds), 'fold')} × {_plural(len(seeds), 'seed')}"
    return text if len(found) == len(folds) * len(seeds) else f"{_plural(len(found), 'run')} of {text}"


def sources_over(keys: Iterable[RunKey]) -> str:
    """What a mean over runs is over.

    >>> sources_over([0, 1]), sources_over([(1, 0), (2, 0)]), sources_over([(1, 0), (2, 0), (1, 1), (2, 1)])
    ('seeds', 'folds', 'folds and seeds')
    """
    found = list(keys)
    if all(fold_in(key) is None for key in found):
        return "seeds"
    return "folds and seeds" if len({seed_in(key) for key in found}) > 1 else "folds"


def _plural(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"
