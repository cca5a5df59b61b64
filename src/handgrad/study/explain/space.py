"""The space of readings: in which respects an original may have been made otherwise than the file says, and how.

    Alternative   one other way in one respect: changes of a setting, slips, or another measure in a column
    Reading       at most one alternative in each respect; without any it is the file as it stands

Readings stand in the order of their departures, the number of respects in which they differ from the file.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handgrad.study.changes import Changes

MOST_READINGS = 20_000  # of a space
MOST_USUAL = 3_000  # of the usual space; beyond, one departure less is taken
AS_WRITTEN = "as it is written"
WRITTEN = 0  # the number of that reading: every rung has it, so that all are compared with it
SLIPS_PATH = "training.slips"  # of several alternatives these come together; any other key has one value


@dataclass(frozen=True)
class Alternative:
    """Another way in one respect.

    changes: of a setting;  slips: beside those that it has;  measured: published measure -> the measure that it may be.
    """

    respect: str
    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    slips: tuple[str, ...] = ()
    measured: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, respect: str, name: str, changes: Mapping[str, Any], measured: Mapping[str, str]) -> "Alternative":
        """From the changes of a file, of which slips are kept apart."""
        others = {path: value for path, value in changes.items() if path != SLIPS_PATH}
        return cls(respect, name, others, tuple(changes.get(SLIPS_PATH, ())), dict(measured))

    def __str__(self) -> str:
        return self.name if (self.name,) == self.slips else f"{self.respect}: {self.name}"


@dataclass(frozen=True)
class Reading:
    """What may have been done.  number: its place in the space; 0 is the file as it stands."""

    number: int
    parts: tuple[Alternative, ...] = ()

    @property
    def name(self) -> str:
        return "; ".join(map(str, self.parts)) or AS_WRITTEN

    @property
    def key(self) -> tuple[str, ...]:
        """What it changes, whatever it is called: equal of readings that change the same."""
        return tuple(repr((dict(part.changes), part.slips, dict(part.measured))) for part in self.parts)

    @property
    def departures(self) -> int:
        """In how many respects it differs from the file."""
        return len(self.parts)

    @property
    def changes(self) -> Changes:
        """Of a setting, without slips."""
        return {path: value for part in self.parts for path, value in part.changes.items()}

    @property
    def slips(self) -> tuple[str, ...]:
        """All slips of its parts, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.slips))

    @property
    def measured(self) -> dict[str, str]:
        """Published measure -> the measure that it may be."""
        return {theirs: ours for part in self.parts for theirs, ours in part.measured.items()}

    def data(self) -> dict[str, Any]:
        """As plan.json holds it."""
        return {
            "number": self.number,
            "parts": [
                {
                    "respect": part.respect,
                    "name": part.name,
                    "changes": dict(part.changes),
                    "slips": list(part.slips),
                    "measured": dict(part.measured),
                }
                for part in self.parts
            ],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Reading":
        """From what plan.json holds."""
        parts = (
            Alternative(one["respect"], one["name"], one["changes"], tuple(one["slips"]), one["measured"])
            for one in data["parts"]
        )
        return cls(data["number"], tuple(parts))


def count(alternatives: Sequence[Alternative], departures: int | None) -> int:
    """How many readings `readings` gives, without making them.

    >>> count([Alternative("loss", "a"), Alternative("loss", "b"), Alternative("order", "c")], None)
    6
    """
    sizes = [len(group) for group in _by_respect(alternatives).values()]
    ways = [1] + [0] * len(sizes)  # ways[d]: readings of d departures, respect by respect
    for size in sizes:
        for d in range(len(sizes), 0, -1):
            ways[d] += ways[d - 1] * size
    return sum(ways[: 1 + (len(sizes) if departures is None else departures)])


def readings(alternatives: Sequence[Alternative], departures: int | None) -> Iterator[Reading]:
    """Every reading of at most so many departures (None: of any number), those of fewer first.

    >>> [one.name for one in readings([Alternative("loss", "half"), Alternative("order", "fixed")], 1)]
    ['as it is written', 'loss: half', 'order: fixed']
    """
    groups = _by_respect(alternatives)
    numbers = itertools.count()
    for d in range(1 + (len(groups) if departures is None else min(departures, len(groups)))):
        for respects in itertools.combinations(groups, d):
            for parts in itertools.product(*(groups[respect] for respect in respects)):
                yield Reading(next(numbers), parts)


def _by_respect(alternatives: Sequence[Alternative]) -> dict[str, list[Alternative]]:
    found: dict[str, list[Alternative]] = {}
    for one in alternatives:
        found.setdefault(one.respect, []).append(one)
    return found
