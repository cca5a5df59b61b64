"""Many runs in one program: the step of the reference engine for R runs at once, with an axis of runs in every array.

A step of a small network is mostly the time to start its operations; here each is started once for all R.  Nothing is
written twice: `train_step` and `passes.score` are mapped over the runs (`Home.for_each`).

A stack always has R places, and a place without a run makes the steps of another.  So the numbers of a run depend on R,
but not on who is beside it, on its place, or on when it came: the same operation treats every place in the same way.
That is tested on the device itself before anything is trained: one step of the same run in all places must have the
same bits in all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.network import passes
from handgrad.network.activations import Array
from handgrad.streams import dropout_key
from handgrad.training.engines import Epoch, Job, Params, Slots
from handgrad.training.engines import array as one
from handgrad.training.engines.arrays import Home, home_of
from handgrad.training.optimizers import empty_slots

Numbers = tuple[dict[str, Array], dict[str, tuple[Array, ...]]]  # parameters and slots, (R, ...) each


@dataclass(frozen=True)
class _Steps:
    """The steps of an epoch, on the device: rows (R, m) for each of them; lrs, ts, numbers (steps, R); keys (R,)."""

    rows: list[Array]
    lrs: Array
    ts: Array
    numbers: Array
    keys: Array


class Stack:
    """R places, trained together."""

    def __init__(self, job: Job, size: int, home: Home | None = None) -> None:
        self.job, self.size = job, size
        self.home = home or home_of(job.training.library, job.training.device)
        self.parts = one.encoded_parts(job, self.home)
        self.places: list[StackPlace] = []
        self.keys = np.zeros(size, dtype=np.int64)
        self.t = np.zeros(size, dtype=np.int64)
        self.numbers: Numbers = {}, {}
        self._checked = False
        self._fetched: tuple[Params, Slots] | None = None
        self._scores: dict[tuple[int, str], tuple[np.ndarray, np.ndarray]] = {}  # of places as they are
        network, chunk = job.network, passes.rows_at_once(job.network, size)
        self._step = self.home.for_each(partial(one.train_step, job))
        self._score = self.home.for_each(
            lambda params, x, T: passes.score(network, params, x, T, job.training.loss, chunk=chunk), shared=(1, 2)
        )
        self._predict = self.home.for_each(
            lambda params, x: passes.predict(network, params, x, chunk=chunk), shared=(1,)
        )

    def place(self, seed: int) -> "StackPlace":
        """The next free place, for a run with this seed."""
        self.places.append(StackPlace(self, len(self.places)))
        self.keys[self.places[-1].index] = dropout_key(seed)
        return self.places[-1]

    # -- the numbers of one place

    def load(self, place: int, params: Params, slots: Slots, t: int) -> None:
        """Put these numbers into a place; the first that come are put into all of them."""
        dtype = self.job.training.dtype
        mine = {name: self.home.bring(array.astype(dtype)) for name, array in params.items()}
        learnt = {name: w for name, w in mine.items() if name not in self.job.network.measured_names}
        of_mine = {name: tuple(self.home.bring(a.astype(dtype)) for a in arrays) for name, arrays in slots.items()}
        of_mine = of_mine or empty_slots(self.job.training.optimizer, learnt)
        if not self.numbers[0]:
            self.numbers = self._in_all_places((mine, of_mine))
        self._put(place, (mine, of_mine), t)

    def _put(self, place: int, numbers: Numbers, t: int) -> None:
        (params, slots), (new_params, new_slots) = self.numbers, numbers
        for name, w in new_params.items():
            params[name][place] = w
        for name, arrays in new_slots.items():
            for i, kept in enumerate(arrays):
                slots[name][i][place] = kept
        self.t[place] = t
        self._fetched = None
        self._scores = {key: found for key, found in self._scores.items() if key[0] != place}

    def _in_all_places(self, numbers: Numbers) -> Numbers:
        """The numbers of one run R times."""
        return _each(numbers, lambda a: self.home.xp.stack([a] * self.size))

    def export(self, place: int) -> tuple[Params, Slots, int]:
        """The numbers of a place, as NumPy arrays; all places are fetched at once."""
        if self._fetched is None:
            self._fetched = _each(self.numbers, self.home.fetch)
        params, slots = _each(self._fetched, lambda a: np.array(a[place]))
        return params, slots, int(self.t[place])

    def score(self, place: int, part: str) -> tuple[np.ndarray, np.ndarray]:
        """As `Session.score`."""
        if (place, part) not in self._scores:
            self.score_all([part])
        return self._scores[place, part]

    def score_all(self, parts: Sequence[str]) -> None:
        """Compute and keep the scores of all places as they are now."""
        for part in parts:
            losses, predicted = map(self.home.fetch, self._score(self.numbers[0], *self.parts[part]))
            for place in range(self.size):
                self._scores[place, part] = losses[place], predicted[place]

    def outputs(self, place: int, x: np.ndarray) -> np.ndarray:
        x_here = self.home.bring(np.asarray(x, dtype=self.job.training.dtype))
        outputs = self.home.fetch(self._predict(self.numbers[0], x_here))
        return np.array(outputs[place])

    # -- an epoch

    def train_epoch(self, asks: Mapping[int, Epoch]) -> dict[int, np.ndarray]:
        """Train the places that ask, by their number -> the losses of each, as `Session.train_epoch` has them.

        Where the loss of one is not finite, the others go on; it is taken back to the numbers before that step.
        """
        first = next(iter(asks))
        steps = self._steps([i if i in asks else first for i in range(self.size)], asks)
        if not self._checked:
            self._check(first, steps)
        n = len(steps.rows)
        losses = np.empty((n, self.size), dtype=np.float32)
        ended: dict[int, tuple[int, Numbers]] = {}  # place -> step of the epoch that it cannot make, numbers before it
        for start in range(0, n, one.LOOK_EVERY):
            stop = min(start + one.LOOK_EVERY, n)
            before = self.numbers
            found = []
            for i in range(start, stop):
                self.numbers, loss = self._made(self.numbers, steps, i)
                found.append(loss)
            losses[start:stop] = self.home.fetch_numbers(found)
            finite = np.isfinite(losses[start:stop])
            for place in asks:
                if place not in ended and not finite[:, place].all():
                    last = start + int(finite[:, place].argmin())
                    ended[place] = last, self._replayed(place, before, steps, range(start, last))
            if len(ended) == len(asks):
                break
        before_epoch = self.t.copy()
        self.t += n
        for place, (last, numbers) in ended.items():
            self._put(place, numbers, int(before_epoch[place]) + last)
        self._fetched, self._scores = None, {}
        return {place: losses[: ended[place][0] + 1 if place in ended else n, place].copy() for place in asks}

    def _steps(self, who: Sequence[int], asks: Mapping[int, Epoch]) -> _Steps:
        """The steps of all places; place i makes those of place who[i]."""
        chosen, bring = [asks[i] for i in who], self.home.bring
        counted = np.arange(len(chosen[0].lrs), dtype=np.int64)[:, None]
        return _Steps(
            rows=self._rows(np.stack([epoch.order for epoch in chosen])),
            lrs=bring(np.stack([epoch.lrs for epoch in chosen], axis=1)),
            ts=bring((self.t[list(who)] + 1 + counted).astype(np.float64)),
            numbers=bring(np.array([epoch.first_step for epoch in chosen]) + counted),
            keys=bring(self.keys[list(who)]),
        )

    def _rows(self, orders: np.ndarray) -> list[Array]:
        """The orders (R, n) as batches (R, m), sent in one piece, and the last in another where it is shorter."""
        n, given = orders.shape[1], self.job.training.batch_size
        m = n if given == "full" else min(n, int(given))
        whole = n // m * m
        batches = orders[:, :whole].reshape(self.size, -1, m).swapaxes(0, 1)  # (steps, R, m)
        rest = [self.home.bring(orders[:, whole:])] if whole < n else []
        return [*self.home.bring(np.ascontiguousarray(batches)), *rest]

    def _made(self, numbers: Numbers, steps: _Steps, i: int) -> tuple[Numbers, Array]:
        """(numbers after step i, losses (R,) of the batches before it), left on the device."""
        (x, T), rows = self.parts["train"], steps.rows[i]
        params, slots, loss = self._step(
            *numbers, x[rows], T[rows], lr=steps.lrs[i], t=steps.ts[i], key=steps.keys, number=steps.numbers[i]
        )
        return (params, slots), loss

    def _alone(self, place: int, numbers: Numbers, steps: _Steps) -> tuple[Numbers, _Steps]:
        """The numbers and steps of one place in all places."""
        everywhere = self.home.bring(np.full(self.size, place))
        return _each(numbers, lambda a: a[everywhere]), _Steps(
            [rows[everywhere] for rows in steps.rows],
            steps.lrs[:, everywhere],
            steps.ts[:, everywhere],
            steps.numbers[:, everywhere],
            steps.keys[everywhere],
        )

    def _replayed(self, place: int, numbers: Numbers, steps: _Steps, which: range) -> Numbers:
        """The numbers of a place after these steps, made again in a stack of its copies."""
        numbers, steps = self._alone(place, numbers, steps)
        for i in which:
            numbers, _ = self._made(numbers, steps, i)
        return _each(numbers, lambda a: a[0])

    def _check(self, place: int, steps: _Steps) -> None:
        """Raise InputError where the bits of a run depend on its place: after two steps, and in a score."""
        numbers, steps = self._alone(place, self.numbers, steps)
        for i in (0, len(steps.rows) - 1):  # the last batch may be shorter
            numbers, loss = self._made(numbers, steps, i)
            self._compare({**numbers[0], "loss": loss})
            self._compare({f"what the optimizer keeps of {name}": a for name, kept in numbers[1].items() for a in kept})
        x, T = self.parts["train"]
        rows = slice(passes.rows_at_once(self.job.network, self.size))
        losses, predicted = self._score(numbers[0], x[rows], T[rows])
        self._compare({"loss in use": losses, "predicted class": predicted})
        self._checked = True

    def _compare(self, found: Mapping[str, Array]) -> None:
        for name, numbers in found.items():
            words = np.ascontiguousarray(self.home.fetch(numbers)).reshape(self.size, -1).view(np.uint8)
            unequal = np.flatnonzero((words != words[0]).any(axis=1))
            if len(unequal):
                mkl = ", or MKL_CBWR=COMPATIBLE in the environment where PyTorch computes with Intel's MKL"
                raise InputError(
                    f"training.stack = {self.size}: here ({self.home.device}) the bits of a run depend on its place in "
                    f"the stack ({name} differs between places 1 and {unequal[0] + 1}), so its results would depend on "
                    f"which runs share a program; set training.stack = 1{mkl if self.home.device == 'cpu' else ''}"
                )


class StackPlace:
    """One run's place in a stack (`engines.Place`)."""

    def __init__(self, stack: Stack, index: int) -> None:
        self.stack, self.index = stack, index

    def load(self, params: Params, slots: Slots, t: int) -> None:
        self.stack.load(self.index, params, slots, t)

    def export(self) -> tuple[Params, Slots, int]:
        return self.stack.export(self.index)

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        return self.stack.score(self.index, part)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.stack.outputs(self.index, x)


def _each(numbers: tuple[Any, Any], change: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Parameters and slots with every array changed."""
    params, slots = numbers
    return (
        {name: change(w) for name, w in params.items()},
        {name: tuple(map(change, arrays)) for name, arrays in slots.items()},
    )
