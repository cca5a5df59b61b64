"""Schedules: the learning rate as a function of time.

Letters: lr the optimizer's learning rate; e the time in epochs since the run began, e = step/(steps of an epoch);
E the epochs of the whole run; w those of the warm-up.

`multipliers(e, epochs, history)` multiply lr in all steps of an epoch at once; e: (steps,) -> (steps,).
`warmed` multiplies them by the warm-up, which every schedule can have.
A schedule has no state to save: `plateau` replays the history, val_loss of every finished epoch, from its start.

Sources: Loshchilov & Hutter 2017 (cosine); Goyal et al. 2017, section 2.2 (warm-up); Smith 2017, section 3.3 (range
test).
"""

import itertools
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer

from handgrad.accepts import POSITIVE, accepts, list_of
from handgrad.names import OpenTable
from handgrad.sections import Section, real, whole


class Schedule(Section):
    """What every schedule has.  One of your own has a `name` and `multipliers` (docs/how-to/schedule.md).

    needs_validation: whether it reads `history`, so that a run without validation data is refused.  warmup: the epochs
    in which the rate rises to that of the schedule; 0: none.
    """

    needs_validation: ClassVar[bool] = False

    name: str
    warmup: Annotated[float, BeforeValidator(real("[0, inf)"))] = 0.0

    @model_serializer(mode="wrap")
    def _without_absent(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        if not values.get("warmup"):
            values.pop("warmup", None)  # records and ids are older than this key
        return values

    def warmed(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        """`multipliers` · min(1, (e + 1/s)/w) in the s steps of an epoch, whose times are e.

        The first step has 1/(s·w) of the rate, and the last one within the warm-up all of it.

        >>> Constant(warmup=2).warmed(np.array([0.0, 0.5]), epochs=3, history=[]).tolist()
        [0.25, 0.5]
        """
        rates = self.multipliers(e, epochs, history)
        return rates if self.warmup == 0 else rates * np.minimum(1, (e + 1 / len(e)) / self.warmup)

    @abstractmethod
    def multipliers(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        """The numbers that multiply lr at the times e, in epochs since the run began; (steps,) -> (steps,).

        epochs: those of the whole run;  history: val_loss of every finished epoch.
        """


class Constant(Schedule):
    """lr·1.

    >>> Constant().multipliers(np.array([0.0, 2.5]), epochs=3, history=[]).tolist()
    [1.0, 1.0]
    """

    name: Literal["constant"] = "constant"

    def multipliers(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        return np.ones_like(e)


class Exponential(Schedule):
    """lr·fᵏ in epoch k = ⌊e⌋ (k from 0): the rate is multiplied by f after every epoch.

    >>> Exponential(factor=0.5).multipliers(np.array([0.0, 0.9, 1.0, 2.5]), epochs=3, history=[]).tolist()
    [1.0, 1.0, 0.5, 0.25]
    """

    aliases: ClassVar = {"gamma": "factor"}
    name: Literal["exponential"] = "exponential"
    factor: Annotated[float, BeforeValidator(real("(0, 1]"))] = 0.97

    def multipliers(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        return np.asarray(self.factor ** np.floor(e))


@accepts(list_of(POSITIVE, 1))
def _rising(value: Any) -> tuple[int, ...]:
    values = tuple(whole("[1, inf)")(v) for v in value) if isinstance(value, list | tuple) and value else ()
    if not values or any(b <= a for a, b in itertools.pairwise(values)):
        raise ValueError("must be a list of rising whole numbers of epochs, as in [10, 20]")
    return values


class Steps(Schedule):
    """lr·fʲ, where j counts the entries of `at` (in epochs) that have passed.

    >>> Steps(at=[10, 20], factor=0.5).multipliers(np.array([0.0, 9.9, 10.0, 20.0]), epochs=30, history=[]).tolist()
    [1.0, 1.0, 0.5, 0.25]
    """

    aliases: ClassVar = {"milestones": "at", "gamma": "factor"}
    name: Literal["steps"] = "steps"
    at: Annotated[tuple[int, ...], BeforeValidator(_rising)]
    factor: Annotated[float, BeforeValidator(real("(0, inf)"))] = 0.1

    def multipliers(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        return self.factor ** np.searchsorted(self.at, e, side="right").astype(float)


class Cosine(Schedule):
    """lr·(r + (1−r)·½(1 + cos(π·e/E))) over the E epochs of the run   (Loshchilov & Hutter 2017, eq. 5, one period).

    r: `final`, the fraction of lr that is left at the end.

    >>> Cosine(final=0.2).multipliers(np.array([0.0, 5.0, 10.0]), epochs=10, history=[]).round(6).tolist()
    [1.0, 0.6, 0.2]
    """

    name: Literal["cosine"] = "cosine"
    final: Annotated[float, BeforeValidator(real("[0, 1]"))] = 0.0

    def multipliers(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        return self.final + (1 - self.final) * 0.5 * (1 + np.cos(math.pi * np.minimum(e / epochs, 1.0)))


class Plateau(Schedule):
    """lr·fʲ, where j counts the times that val_loss had not improved by `min_delta` for `patience` epochs.

    Differs from: PyTorch's ReduceLROnPlateau, whose patience is one longer and whose threshold is relative.

    >>> Plateau(factor=0.5, patience=2).multipliers(np.array([4.0]), epochs=9, history=[3.0, 2.0, 2.0, 2.0]).tolist()
    [0.5]
    """

    needs_validation: ClassVar[bool] = True
    name: Literal["plateau"] = "plateau"
    factor: Annotated[float, BeforeValidator(real("(0, 1)"))] = 0.1
    patience: Annotated[int, BeforeValidator(whole("[1, inf)"))] = 5
    min_delta: Annotated[float, BeforeValidator(real("[0, inf)"))] = 0.0

    def multipliers(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        best, waited, reductions = math.inf, 0, 0
        for value in history:
            if value < best - self.min_delta:
                best, waited = value, 0
            else:
                waited += 1
            if waited == self.patience:
                reductions, waited = reductions + 1, 0
        return np.full_like(e, self.factor**reductions)


class RangeTest(Schedule):
    """lr·r^(1 − t/(N−1)) at step t = e·s of all N = E·s, s an epoch: the rate grows by the same factor at every step.

    r: `start`, the fraction of lr that the first step has; the last one has lr, which is chosen too large on purpose.
    The figure `lr-range` shows from which rate the loss falls and from which it rises again.

    Source: the learning rate range test of Smith 2017, section 3.3.  Differs from: there the rate rises evenly.
    That it grows exponentially is as in fastai's `lr_find` (Howard & Gugger 2020).

    >>> RangeTest(start=0.01).multipliers(np.arange(3) / 3, epochs=1, history=[]).round(6).tolist()
    [0.01, 0.1, 1.0]
    """

    name: Literal["range-test"] = "range-test"
    start: Annotated[float, BeforeValidator(real("(0, 1)"))] = 1e-5

    def multipliers(self, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        steps = len(e)
        last = max(epochs * steps - 1, 1)
        return np.asarray(self.start ** (1 - np.minimum(e * steps / last, 1.0)))


SCHEDULES: OpenTable[type[Schedule]] = OpenTable(
    {
        section.model_fields["name"].default: section
        for section in (Constant, Exponential, Steps, Cosine, Plateau, RangeTest)
    }
)
