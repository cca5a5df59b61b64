"""Where the chance in a run comes from: sources, each with a seed of its own.

    init      initial weights, by layer
    order     the order of the examples, by epoch, and how their pictures are augmented
    dropout   dropout masks, by step
    split     which examples test, validate and train

A study's seed is that of init, order and dropout, and the split has the seeds of [data].  With `vary` it is that of the
sources that are named: the others keep the first seed of the study, and a split that is not named those of [data].
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from handgrad.accepts import accepts, list_of
from handgrad.names import shown, unknown

# Closed: the streams of a run, and what a report calls them.
SOURCES = MappingProxyType(
    {"init": "initial weights", "order": "order of examples", "dropout": "dropout", "split": "split"}
)
USUAL = ("init", "order", "dropout")  # what a seed is of where nothing is said


@dataclass(frozen=True)
class SourceSeeds:
    """The seed of every source of a run.  split: None where the split has the seeds of [data]."""

    init: int
    order: int
    dropout: int
    split: int | None = None

    def to_json(self) -> dict[str, int]:
        """source -> seed, of those that a seed of the study decides."""
        return {name: seed for name, seed in asdict(self).items() if seed is not None}

    def all_are(self, seed: int) -> bool:
        """Whether a run with this seed and nothing else said has the same weights, orders and masks."""
        return (self.init, self.order, self.dropout) == (seed, seed, seed)


def source_seeds(vary: Iterable[str], seed: int, first: int) -> SourceSeeds:
    """The seeds of a run whose study varies these sources.  first: the first seed of the study.

    >>> source_seeds(["init"], 7, first=3)
    SourceSeeds(init=7, order=3, dropout=3, split=None)
    """
    found = {name: seed if name in vary else first for name in USUAL}
    return SourceSeeds(**found, split=seed if "split" in vary else None)


@accepts(lambda: list_of({"enum": list(SOURCES)}, 1))
def checked_sources(value: Any) -> tuple[str, ...]:
    """Names of sources in the order of their table.  Raises ValueError where they are none."""
    message = f"must be a list of what the seeds vary, of {', '.join(SOURCES)}"
    if isinstance(value, Mapping):
        raise ValueError(f"{message}; the values that a study compares stand in a table [grid]")
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ValueError(message)
    if not value:
        raise ValueError(
            f"{message}; an empty list varies nothing: leave vary out, and a seed is of {', '.join(USUAL)}"
        )
    for name in value:
        if name not in SOURCES:
            raise ValueError(f"{message}; it has an {unknown(name, SOURCES, 'source')}")
    if len(set(value)) < len(value):
        raise ValueError(f"{message}, each once; got {shown(value)}")
    return tuple(name for name in SOURCES if name in value)


def sources_named(sources: Iterable[str]) -> str:
    """Sources in a sentence, in the order of their table.

    >>> sources_named(["order", "init"]), sources_named([])
    ('initial weights, order of examples', 'nothing that changes a run')
    """
    return ", ".join(word for name, word in SOURCES.items() if name in sources) or "nothing that changes a run"


def without_effect(setting: Mapping[str, Any], examples: int | None = None) -> dict[str, str]:
    """source -> why its seed changes nothing in a setting.

    setting: its tables, as plan.json has them;  examples: how many train, where that is known.  The order of examples
    that are all in one batch changes sums by their rounding alone.

    >>> whole = {"network": {"dropout": 0.0, "init": {"name": "zeros"}}, "training": {"batch_size": "full"}}
    >>> [*without_effect(whole)], [*without_effect({"network": {"dropout": 0.5}, "training": {"batch_size": "full"}})]
    (['init', 'order', 'dropout'], [])
    """
    network, training = setting["network"], setting.get("training") or {}
    layers = (text.split() for text in network.get("layers") or ())
    masks = bool(network.get("dropout")) or any(words[0] == "dropout" and float(words[1]) > 0 for words in layers)
    size, found = training.get("batch_size"), {}
    augmentation = training.get("augmentation") or {}
    augments = any(augmentation.get(key) for key in ("shift", "flip", "rotate"))
    if _is_constant(network.get("init")) and _is_constant(network.get("bias_init", {"name": "zeros"})):
        found["init"] = "all weights start from the same numbers"
    if augments:
        pass  # by other pictures
    elif training.get("shuffle") is False:
        found["order"] = "examples are taken as they lie (training.shuffle = false)"
    elif "no-shuffling" in (training.get("slips") or ()):
        found["order"] = "examples are taken as they lie (no-shuffling)"
    elif not masks and (size == "full" or (examples is not None and isinstance(size, int) and size >= examples)):
        found["order"] = "a batch holds all training examples, and sums in another order differ by rounding alone"
    if not masks:
        found["dropout"] = "there is no dropout"
    return found


def _is_constant(initializer: Any) -> bool:
    """Whether an initializer gives the same numbers for every seed."""
    if not isinstance(initializer, Mapping):
        return False
    name, low = initializer.get("name"), initializer.get("low")
    still = name in ("normal", "normal/sqrt-n") and initializer.get("std") == 0
    return name == "zeros" or still or (name == "uniform" and low is not None and low == initializer.get("high"))


def sources_in_force(
    vary: Sequence[str] | None, setting: Mapping[str, Any], examples: int | None = None
) -> tuple[str, ...]:
    """The sources that differ from seed to seed and change something in a setting (`without_effect`).

    >>> sources_in_force(None, {"network": {"dropout": 0.0}})
    ('init', 'order')
    >>> sources_in_force(["dropout", "split"], {"network": {"layers": ["dropout 0.5"]}})
    ('dropout', 'split')
    """
    still = without_effect(setting, examples)
    return tuple(name for name in (USUAL if vary is None else vary) if name not in still)
