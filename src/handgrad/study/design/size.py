"""How many runs a study has, counted from its tables before anything of it is built: 10⁹ settings cannot be listed.

settings of a phase = (every bundle · every grid line) + one_factor + variants, or random.runs
runs of a study     = seeds · Σ settings of its phases
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.names import short
from handgrad.sections import is_whole
from handgrad.study.changes import leaves
from handgrad.study.design.axes import RANDOM_KEYS, Axes
from handgrad.study.design.study_spec import FIRST, MOST_RUNS, StudySpec

MOST_PHASES = 100
SHOWN = 6  # factors of a product


@dataclass(frozen=True)
class Count:
    """The settings of a phase: the length of every list that is combined with the others, and how many come beside."""

    factors: tuple[int, ...]
    beside: int

    @property
    def settings(self) -> int:
        return math.prod(self.factors) + self.beside

    def __str__(self) -> str:
        listed = [f"{n:,}" for n in self.factors[:SHOWN]] + ["…"] * (len(self.factors) > SHOWN)
        product = " x ".join(listed) if len(self.factors) > 1 else ""
        return " + ".join(part for part in (product, f"{self.beside:,}" if product and self.beside else "") if part)


def count(axes: Axes) -> Count:
    """The settings that axes come to, whether or not their values are right."""
    if isinstance(axes.random, Mapping) and any(key not in RANDOM_KEYS for key in axes.random):
        runs = axes.random.get("runs", 25)
        return Count((runs,) if is_whole(runs) else (), 0)
    bundles = [len(table) for table in (axes.bundle or {}).values() if isinstance(table, Mapping)]
    factors = [*bundles, *_lengths(axes.grid)]
    return Count(tuple(n for n in factors if n), sum(_lengths(axes.one_factor)) + len(axes.variant or {}))


def _lengths(table: Mapping[str, Any] | None) -> list[int]:
    return [len(values) for _, values in leaves(table or {}, lambda *_: False) if isinstance(values, list | tuple)]


def size_problems(spec: StudySpec) -> list[str]:
    """What is too large to be planned."""
    if len(spec.phase) > MOST_PHASES:
        return [
            f"phase: the study has {len(spec.phase):,} phases; the limit is {MOST_PHASES}; put what does not build on "
            "a winner into one grid, or make several studies of it"
        ]
    counts = {FIRST: count(spec)} | {phase.name: count(phase) for phase in spec.phase}
    settings, seeds = sum(one.settings for one in counts.values()), len(spec.seeds)
    if settings * seeds <= MOST_RUNS:
        return []
    largest = max(counts, key=lambda name: counts[name].settings)
    product = str(counts[largest])
    of = f" (phase {short(largest, 60)!r}: {product})" if product else ""
    return [
        f"the study would have {number(settings * seeds)} runs: {number(settings)} settings{of} x {seeds:,} "
        f"{'seed' if seeds == 1 else 'seeds'}; the limit is {MOST_RUNS:,}. List fewer values or seeds, vary one factor "
        "at a time with [one_factor], draw some of them with [random] and its runs, or make several studies of it"
    ]


def number(n: int) -> str:
    """A whole number in words that fit a line.

    >>> number(1_000_000), number(10**30)
    ('1,000,000', 'about 10^30')
    """
    return f"{n:,}" if n < 10**21 else f"about 10^{_digits(n) - 1}"


def _digits(n: int) -> int:
    return int(n.bit_length() * math.log10(2)) + 1
