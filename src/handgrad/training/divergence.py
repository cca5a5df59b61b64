"""Where a run diverged: the first step whose loss is not finite, or after which a parameter is not.

Engines notice at different moments.  A weight that is infinite makes the next loss NaN where it meets a zero (0·∞), and
an engine that skips zeros trains on with it; behind a sigmoid it may show in no loss at all.  So the step is not where
an engine noticed: the epoch is trained again from its start, halving what is left, until the step is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handgrad.network.network import Network
from handgrad.network.passes import first_non_finite
from handgrad.training.engines import Epoch, Params, Session, Slots

ALIGNED = 16  # bisect at multiples of 16 steps, so that a replay groups steps as the first pass did


@dataclass(frozen=True)
class State:
    """A network in training between two steps: what `NetworkState.load` takes."""

    params: Params
    slots: Slots
    t: int


@dataclass(frozen=True)
class BadStep:
    """The step of an epoch at which a run diverged: the losses up to and with its own, the network before and after it.

    rows: of the examples of its batch.
    """

    losses: np.ndarray
    before: State
    after: State
    rows: np.ndarray

    def where(self, network: Network, x: np.ndarray) -> tuple[str, str]:
        """(name of the first layer that is not finite, what is not); x: the examples of the training part."""
        loss = self.losses[-1]
        if np.isfinite(loss):
            params, reason = self.after.params, "a parameter is not finite after the step"
        else:
            params, reason = self.before.params, f"the loss of the batch is {loss}"
        return first_non_finite(network, params, x[self.rows]), reason


def all_finite(params: Mapping[str, np.ndarray]) -> bool:
    """Whether every number of every parameter is finite."""
    return all(np.isfinite(array).all() for array in params.values())


def first_bad_step(
    session: Session, start: State, epoch: Epoch, size: int, losses: np.ndarray, noticed: State
) -> BadStep:
    """The step of `epoch`, which began at `start`, by which not all is finite any more.

    size: of a batch.  losses, noticed: of the steps up to where the engine ended the epoch, and the network then.  They
    are the answer where the steps, made again in smaller groups, are rounded differently and all is finite.
    """
    found = _bisected(session, start, epoch, size, len(losses))
    if found is None:
        step, before, after = len(losses), noticed, noticed
        losses = losses.copy()
    else:
        step, before, after, loss = found
        losses = losses[:step].copy()
        losses[-1] = loss
    return BadStep(losses, before, after, epoch.order[(step - 1) * size : step * size])


def _bisected(
    session: Session, start: State, epoch: Epoch, size: int, noticed: int
) -> tuple[int, State, State, float] | None:
    """(the step from 1, the network before it and after it, the loss of its batch); None where all is finite again."""

    def train(begin: int, end: int) -> np.ndarray:
        rows, lrs = epoch.order[begin * size : end * size], epoch.lrs[begin:end]
        return session.train_epoch(rows, lrs, epoch.first_step + begin)

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
    return None if np.isfinite(loss) and all_finite(after.params) else (bad, state, after, loss)
