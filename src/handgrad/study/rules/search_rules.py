"""Search rules: which settings go on, from the numbers that they reached so far.  Bookkeeping only.

Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (arXiv 1810.05934), Algorithm 2, in its letters:

    r   grace_period        epochs before a setting is judged at all
    η   reduction_factor    one in η goes on
    R   epochs              the most that a setting trains; the horizon of its schedule
    rung k, k = 0, 1, …     r·η^k epochs, as long as that is less than R; the next step from the last rung is R

    promote   the settings of a rung wait; whenever a worker is free, the best ⌊|rung|/η⌋ of the highest rung that has
              not sent them on go on, and only if there is none a new setting is begun
    stop      what Ray Tune's ASHAScheduler does (python/ray/tune/schedulers/async_hyperband.py, `_Bracket.on_result`):
              nothing waits; a setting stops at a rung unless it is at least the (1 − 1/η) percentile of the values
              that others left there before it; a decision is never taken back

Differs from the paper: where R is not r·η^k the settings promoted from the last rung go on to R, as Ray Tune's do, and
a design has an end, at which the best of the highest rung goes on alone if nothing has reached R (`leader`).
Differs from Ray Tune: rungs are whole numbers found by multiplying, not by a logarithm that can lose the last one.
"""

import inspect
import itertools
import math
from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator

from handgrad.accepts import accepts
from handgrad.measures import SEARCH_METRICS
from handgrad.names import shown
from handgrad.sections import Section, one_of, optional, whole


@accepts(lambda: {"enum": list(RULES)})
def _rule(name: Any) -> str:
    """The name of a rule that can decide; raises ValueError for another, as `one_of` does."""
    known: str = one_of(RULES, "rule")(name)
    if inspect.isabstract(RULES[known]):
        raise ValueError(
            f"must be a complete rule; {RULES[known].__name__}, of {shown(known)}, has no method promotable"
        )
    return known


class Asha(Section):
    """The table [asha] of a study or phase.

    metric: what settings are judged by at a rung (default: select_by), of validation, or of training as reports did
    that stopped by it: `train_loss`, or `epoch_loss`, the mean of the losses of the epoch's steps.  Winners are chosen
    by `select_by` all the same.
    """

    example: ClassVar = "{ grace_period = 3, reduction_factor = 2 }"
    aliases: ClassVar = {
        "r": "grace_period",
        "min_t": "grace_period",
        "min_resource": "grace_period",
        "eta": "reduction_factor",
        "R": "epochs",
        "max_t": "epochs",
        "max_resource": "epochs",
    }

    rule: Annotated[str, BeforeValidator(_rule)] = "promote"
    grace_period: Annotated[int, BeforeValidator(whole("[1, inf)"))] = 1
    reduction_factor: Annotated[int, BeforeValidator(whole("[2, inf)"))] = 4
    epochs: Annotated[int | None, BeforeValidator(optional(whole("[1, inf)")))] = None
    metric: Annotated[str | None, BeforeValidator(optional(one_of(SEARCH_METRICS, "measure")))] = None

    def levels(self, epochs: int) -> tuple[int, ...]:
        """Where a setting of so many epochs is stopped: its rungs, and its end R.

        >>> Asha(grace_period=3, reduction_factor=2).levels(10)
        (3, 6, 10)
        """
        end = min(epochs, self.epochs or epochs)
        found, rung = [], self.grace_period
        while rung < end:
            found.append(rung)
            rung *= self.reduction_factor
        return (*found, end)

    def share(self, epochs: int) -> float:
        """The part of its epochs that a setting is expected to train, were 1/η of every rung to go on.

        >>> Asha(grace_period=3, reduction_factor=2).share(10)  # (3 + 3/2 + 4/4) / 10
        0.55
        """
        levels = (0, *self.levels(epochs))
        steps = [after - before for before, after in itertools.pairwise(levels)]
        return sum(step / float(self.reduction_factor) ** k for k, step in enumerate(steps)) / epochs


class SearchRule(ABC):
    """Which settings go on from the rungs, told of settings by any key.  A rule has a `promotable`, some an `arrive`.

    What all rules keep: which setting arrived where, in order, at what cost, and which have gone on.  Costs are to be
    small; infinity has lost (the setting diverged).
    """

    chosen: ClassVar[str] = "goes on"  # "about one in η …", in the note of a plan

    def __init__(self, asha: Asha) -> None:
        self.asha = asha
        self.levels: dict[str, tuple[int, ...]] = {}
        self.at: dict[str, int] = {}  # the number of the level that a setting is at, or on its way to
        self.rungs: dict[int, dict[str, float]] = {}
        self.ranked: dict[int, list[tuple[float, int, str]]] = {}  # those with a result, best first; earlier of equals
        self.promoted: dict[int, set[str]] = {}
        self.ended = False

    def first(self, epochs: int) -> int:
        """The epoch that a new setting of so many epochs trains to."""
        return self.asha.levels(epochs)[0]

    def target(self, setting: str) -> int:
        """The epoch that a setting trains to if it goes on."""
        return self.levels[setting][self.at[setting] + 1]

    def begin(self, setting: str, epochs: int) -> int:
        """A new setting -> the epoch that it trains to."""
        self.levels[setting] = self.asha.levels(epochs)
        self.at[setting] = 0
        return self.levels[setting][0]

    def promote(self, setting: str) -> int:
        """Let a setting go on -> the epoch that it trains to."""
        self.promoted.setdefault(self.at[setting], set()).add(setting)
        self.at[setting] += 1
        return self.levels[setting][self.at[setting]]

    def arrive(self, setting: str, cost: float) -> None:
        """A setting has come to the epoch that it was to train to."""
        rung = self.at[setting]
        if rung == len(self.levels[setting]) - 1:
            self.ended = self.ended or math.isfinite(cost)
            return
        costs = self.rungs.setdefault(rung, {})
        costs[setting] = cost
        if math.isfinite(cost):
            insort(self.ranked.setdefault(rung, []), (cost, len(costs), setting))

    @abstractmethod
    def promotable(self) -> str | None:
        """The setting that goes on now, None where there is none; not one that has gone on from its rung already."""

    def leader(self) -> str | None:
        """When nothing is left to do: the one setting that goes on so that one comes to its end, None if one has."""
        return None if self.ended else self.best_waiting(lambda rung: len(self.rungs[rung]))

    def best_waiting(self, most: Callable[[int], int]) -> str | None:
        """Among the best `most(rung)` of a rung, the highest rung first, the best that has not gone on."""
        for rung in sorted(self.ranked, reverse=True):
            gone = self.promoted.get(rung, ())
            for _, _, setting in itertools.islice(self.ranked[rung], most(rung)):
                if setting not in gone:
                    return setting
        return None


class Promote(SearchRule):
    """Algorithm 2 of the paper: at any time the best ⌊|rung|/η⌋ of a rung may go on, the highest rung first."""

    def promotable(self) -> str | None:
        return self.best_waiting(lambda rung: len(self.rungs[rung]) // self.asha.reduction_factor)


class Stop(SearchRule):
    """Ray Tune's rule: decided at arrival, against those that arrived before; equal to the cutoff goes on.

    With values v (larger is better) of those before: stop if v_new < percentile(v, 100·(1 − 1/η)), linearly
    interpolated.  A setting that diverged leaves no value, as its NaN is passed over there.
    """

    chosen = "is not stopped"

    def __init__(self, asha: Asha) -> None:
        super().__init__(asha)
        self._going_on: list[str] = []

    def arrive(self, setting: str, cost: float) -> None:
        rung = self.at[setting]
        before = [-other for other in self.rungs.get(rung, {}).values() if math.isfinite(other)]
        super().arrive(setting, cost)
        last = rung == len(self.levels[setting]) - 1
        if last or not math.isfinite(cost):
            return
        if not before or -cost >= np.percentile(before, 100 * (1 - 1 / self.asha.reduction_factor)):
            self._going_on.append(setting)

    def promotable(self) -> str | None:
        return self._going_on[0] if self._going_on else None

    def promote(self, setting: str) -> int:
        if setting in self._going_on:
            self._going_on.remove(setting)
        return super().promote(setting)


RULES: dict[str, type[SearchRule]] = {"promote": Promote, "stop": Stop}
