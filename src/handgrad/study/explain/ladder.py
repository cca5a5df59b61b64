"""The ladder: how cheap the first runs of all readings are, how many go on, and to which runs.

    rung 1    every reading, one seed, a share s of the work of a run
    rung k    those of them that may still be right, four times the work a run; more of them where that is cheap
    last      the few that are left: every row, every seed, the work of the original

A run with full batches is made cheaper by fewer examples, as its gradient is a mean over them.  Any other run trains
fewer epochs of the same steps, and where that is not enough fewer examples as well.  Where fewer examples train, no
more than they validate: scoring more of them after each epoch would take longer than training.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

FEWER = 4  # from rung to rung a run costs so many times as much
STEPS = 5  # cheaper rungs at most: the cheapest run costs 1/1024 of a whole one
LESS = 0.4  # of the work of the rung above it, at most: else a cheaper rung would say little that is new
WORK = (
    1000.0  # seconds of one core for a rung: runs of all readings are made cheaper above it, and later rungs take more
)
WORK_IN_FULL = 1200.0  # seconds of one core for the last rung, by which more readings come to it
FEWEST_EXAMPLES = 1000  # that a cheaper run trains on and validates on, where there are as many
FINAL = (4, 150)  # readings that are run in full on every seed: at most so few, or so many where runs are cheap
LEAST = 20  # readings that go on to a rung however far behind they are, where it takes as many
ALIKE = 0.5  # of those that go on from cheaper runs: so many more that gave the same numbers as one of them
SCREENED = 6  # rows at most that readings are tried on before


@dataclass(frozen=True)
class Rung:
    """A step of the ladder.

    share: of the work of a run;  most: readings that begin it by their rank;  alike: so many more at most, which gave
    the very numbers of one of these in cheaper runs;  final: all rows and seeds.
    """

    number: int
    share: float
    most: int
    final: bool = False
    alike: int = 0

    @property
    def at_most(self) -> int:
        """Readings that begin it, at most; the file as it is written is one of them in every rung."""
        return self.most + self.alike + (self.number > 1)

    @property
    def name(self) -> str:
        if self.final:
            return f"rung {self.number}, in full"
        return f"rung {self.number}, {shown_share(self.share)} of a run"


def shown_share(share: float) -> str:
    """A share in words.

    >>> shown_share(1.0), shown_share(1 / 16)
    ('all', '1/16')
    """
    return "all" if share >= 1 else f"1/{round(1 / share)}"


def shares() -> list[float]:
    """The shares of a whole run that rungs can have, the whole first.

    >>> shares()[:3]
    [1.0, 0.25, 0.0625]
    """
    return [float(FEWER) ** -k for k in range(STEPS + 1)]


def ladder(readings: int, work: Sequence[float], in_full: float) -> tuple[Rung, ...]:
    """The rungs for so many readings.

    work: seconds of one core that all of them would take on the rows of the first rungs, on one seed, for each of
    `shares()`;  in_full: what one of them takes on every row and every seed.

    >>> [(rung.share, rung.most, rung.final) for rung in ladder(200, [1e4 * share for share in shares()], 1e3)]
    [(0.0625, 200, False), (0.25, 80, False), (1.0, 4, True)]
    >>> [(rung.share, rung.most) for rung in ladder(400, [100.0, 25.0], 1.0)]
    [(1.0, 400), (1.0, 150)]
    >>> [(rung.share, rung.most) for rung in ladder(4, [1e6], 1e3)]
    [(1.0, 4)]
    """
    fewest, most_of_all = FINAL
    final = min(readings, max(fewest, min(most_of_all, int(WORK_IN_FULL / in_full))))
    if readings == final:
        return (Rung(1, 1.0, final, final=True),)
    steps = 0
    while work[steps] > WORK and steps + 1 < len(work) and work[steps + 1] <= LESS * work[steps]:
        steps += 1
    last = max(1, steps)
    most = [readings]
    for k in range(1, last):
        in_equal_steps = math.ceil(readings * (final / readings) ** (k / last))
        in_little_time = int(WORK * readings / work[steps - k])
        most.append(min(most[-1], max(in_equal_steps, in_little_time)))
    rungs = [Rung(k + 1, 1.0 / FEWER ** (steps - k), most[k], alike=_alike(most[k]) if k else 0) for k in range(last)]
    return (*rungs, Rung(last + 1, 1.0, final, final=True, alike=_alike(final) if steps else 0))


def _alike(most: int) -> int:
    return math.ceil(ALIKE * most)


def own_share(share: float, epochs: int, written: int) -> float:
    """The share of its own work that a reading takes, which may be all of it: one of fewer epochs than the file is not
    made as much shorter as it is short.

    >>> own_share(1 / 64, 70, 70), own_share(1 / 14, 10, 70)
    (0.015625, 0.5)
    """
    return share * max(1.0, written / epochs)


def cheaper(
    share: float, *, examples: int, epochs: int, batch_size: int | str, validation: int = 0, written: int | None = None
) -> dict[str, Any]:
    """The changes that make a run take about this share of its work; none for all of it.

    written: the epochs of the file, where the reading has others (`own_share`).

    >>> cheaper(1 / 16, examples=60000, epochs=100, batch_size="full", validation=5000)
    {'data.train.size': 3750, 'data.validation.size': 3750}
    >>> cheaper(1 / 16, examples=60000, epochs=50, batch_size=1)
    {'training.epochs': 3}
    >>> cheaper(1 / 64, examples=50000, epochs=10, batch_size=64)
    {'training.epochs': 1, 'data.train.size': 7813}
    >>> cheaper(1 / 14, examples=50000, epochs=10, batch_size=64, written=70)
    {'training.epochs': 5}
    """
    share = own_share(share, epochs, written or epochs)
    if share >= 1:
        return {}
    whole = batch_size == "full" or int(batch_size) >= examples
    found: dict[str, Any] = {}
    left = share
    if not whole:
        fewer = max(1, math.floor(epochs * share + 0.5))
        if fewer < epochs:
            found["training.epochs"] = fewer
            left = share * epochs / fewer
    size = max(min(examples, FEWEST_EXAMPLES), math.ceil(examples * left))
    if size < 0.75 * examples:
        found["data.train.size"] = size
        if validation > size:
            found["data.validation.size"] = size
    return found


def screened(costs: Sequence[float]) -> list[int]:
    """The rows that readings are tried on before the last rung: the cheapest, by their cost, in the order of the rows.

    >>> screened([5.0, 1.0, 2.0]), screened([3.0] * 4 + [1.0] * 6)
    ([0, 1, 2], [4, 5, 6, 7, 8, 9])
    """
    cheapest = sorted(range(len(costs)), key=lambda i: (costs[i], i))[:SCREENED]
    return sorted(cheapest)


def last_seeds(seeds: Sequence[int], number: int | None) -> tuple[int, ...]:
    """The seeds of the last rung: those of the study, or so many; where it has fewer, the next whole numbers as well.

    >>> last_seeds([1], 3), last_seeds([0, 1, 2], 2), last_seeds([7, 3], None)
    ((1, 2, 3), (0, 1), (7, 3))
    """
    found = list(seeds[:number])
    while number is not None and len(found) < number:
        found.append(next(seed for seed in count(min(found)) if seed not in found))
    return tuple(found)
