"""Where a run diverged: the first step whose loss is not finite, or after which a parameter is not.

Engines notice at different moments.  A weight that is infinite makes the next loss NaN where it meets a zero (0·∞), and
an engine that skips zeros trains on with it; behind a sigmoid it may show in no loss at all.  So the step is not where
an engine noticed: the epoch is trained again from its start, halving what is left, until the step is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handgrad.training.engines import Params, Session, Slots

ALIGNED = 16  # steps: kernels that work through several at once make the same groups of them again


@dataclass(frozen=True)
class State:
    """A network in training between two steps: what `Place.load` takes."""

    params: Params
    slots: Slots
    t: int


@dataclass(frozen=True)
class FirstBadStep:
    """The step, counted from 1 within the epoch; the network before it and after it; the loss of its batch."""

    step: int
    before: State
    after: State
    loss: float


def all_finite(params: Mapping[str, np.ndarray]) -> bool:
    return all(np.isfinite(array).all() for array in params.values())


def first_bad_step(
    session: Session, start: State, order: np.ndarray, lrs: np.ndarray, first_step: int, size: int, noticed: int
) -> FirstBadStep | None:
    """The step of the epoch that began at `start` by which not all is finite any more.

    order, lrs, first_step: of the whole epoch, as in `Session.train_epoch`; size: of a batch; noticed: the number of
    steps after which something was known not to be finite.  None where the steps, made again in smaller groups, are
    rounded differently and all is finite.
    """

    def train(begin: int, end: int) -> np.ndarray:
        return session.train_epoch(order[begin * size : end * size], lrs[begin:end], first_step + begin)

    good, bad, state = 0, noticed, start
    while bad - good > 1:
        half = (bad - good) // 2
        middle = good + (half - half % ALIGNED if half > ALIGNED else half)
        session.load(state.params, state.slots, state.t)
        losses = train(good, middle)
        if not np.isfinite(losses[-1]):
            bad = good + len(losses)
            continue
        reached = State(*session.export())
        if all_finite(reached.params):
            good, state = middle, reached
        else:
            bad = middle
    session.load(state.params, state.slots, state.t)
    loss = float(train(good, bad)[-1])
    after = State(*session.export())
    if np.isfinite(loss) and all_finite(after.params):
        return None
    return FirstBadStep(bad, state, after, loss)
