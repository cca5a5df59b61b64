"""The jax engine: the lines of the reference engine, compiled by XLA, for one run or for a group of many at once.

A step of a small network is mostly the time to start its operations.  Here an epoch is one program (`jax_programs`)
whose operations each serve all runs of a group: every array has an axis of runs first.

A group always has R places.  A place whose run has ended, or that never had one, goes through the same operations and
keeps its numbers.  So the bits of a run depend on R, but not on who is beside it, on its place, or on when it came.
That is tested on the device itself before anything is trained: the steps and scores of the same run in all places must
have the same bits in all of them, and the same steps a second time the same bits again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.streams import dropout_key
from handgrad.training.engines import Epoch, Job, Params, Slots
from handgrad.training.engines.array import encoded_arrays
from handgrad.training.engines.jax_programs import Batches, Numbers, Programs, numbers_of

LOOK_EVERY = 1024  # steps in one call of the program, after which losses are looked at and Ctrl-C is heard
STATES = tuple[Params, Slots, np.ndarray]


class Group:
    """R places, trained together: of runs that differ in numbers only (`Run.group_key`)."""

    def __init__(self, job: Job, size: int) -> None:
        self.job, self.size = job, size
        self.programs = Programs.of(job, size)
        n, given = len(job.parts["train"][1]), job.training.batch_size
        self.m = n if given == "full" else min(n, int(given))
        whole = max(1, n // self.m)
        self.steps_at_once = -(-whole // -(-whole // LOOK_EVERY))  # so that few are too many in the last call
        self.parts = {name: self.programs.bring(part) for name, part in encoded_arrays(job).items()}
        self.places: list[GroupPlace] = []
        self.keys = np.zeros(size, dtype=np.int64)
        self.numbers: list[dict[str, float]] = [numbers_of(job)] * size
        self._numbers: Numbers | None = None  # the same on the device
        self._state: Any = None  # a State, from the first that is loaded on
        self._fetched: STATES | None = None  # the state as NumPy's arrays
        self._scores: dict[
            str, tuple[np.ndarray, np.ndarray]
        ] = {}  # of the state as it is, but for places that have changed since
        self._changed: set[int] = set()

    def place(self, job: Job) -> "GroupPlace":
        """The next free place, for this run."""
        place = GroupPlace(self, len(self.places))
        self.places.append(place)
        self._take(place.index, job)
        return place

    def again(self, place: "GroupPlace", job: Job) -> "GroupPlace":
        """The place of a run that has ended, for another."""
        self._take(place.index, job)
        return place

    def _take(self, index: int, job: Job) -> None:
        self.keys[index] = dropout_key(job.seed)
        self.numbers[index], self._numbers = numbers_of(job), None

    # -- the numbers of one place

    def load(self, place: int, params: Params, slots: Slots, t: int) -> None:
        """Put these numbers into a place; the first that come are put into all of them."""
        dtype = self.job.training.dtype
        params = {name: np.asarray(array, dtype) for name, array in params.items()}
        learnt = {name: w for name, w in params.items() if name not in self.job.network.measured_names}
        kinds = self.job.training.optimizer.slots
        slots = {name: tuple(np.asarray(a, dtype) for a in arrays) for name, arrays in slots.items()}
        slots = slots or {name: tuple(np.zeros_like(w) for _ in kinds) for name, w in learnt.items()}
        mine = params, slots, np.int32(t)
        if self._state is None:
            self._state = self.programs.everywhere(mine)
        self._state = self.programs.put(self._state, place, mine)
        self._fetched = None
        self._changed.add(place)

    def export(self, place: int) -> tuple[Params, Slots, int]:
        """The numbers of a place, as NumPy arrays; all places are fetched at once."""
        if self._fetched is None:
            self._fetched = self.programs.fetch(self._state)
        params, slots, t = self._fetched
        return (
            {name: np.array(w[place]) for name, w in params.items()},
            {name: tuple(np.array(a[place]) for a in arrays) for name, arrays in slots.items()},
            int(t[place]),
        )

    def score(self, place: int, part: str) -> tuple[np.ndarray, np.ndarray]:
        """As `Session.score`."""
        if part in self._scores and place not in self._changed:
            found = self._scores[part]
        else:
            found = self.programs.fetch(self.programs.score(self._state, self.parts[part]))
            if not self._changed:
                self._scores[part] = found
        losses, predicted = found
        return np.array(losses[place]), np.array(predicted[place])

    def score_all(self, parts: Sequence[str]) -> None:
        """Compute and keep the scores of all places as they are now."""
        self._changed = set()
        found = {part: self.programs.score(self._state, self.parts[part]) for part in parts}
        self._scores |= {part: self.programs.fetch(scores) for part, scores in found.items()}

    def outputs(self, place: int, x: np.ndarray) -> np.ndarray:
        found = self.programs.predict(self._state, self.programs.bring(np.asarray(x, self.job.training.dtype)))
        return np.array(self.programs.fetch(found)[place])

    # -- an epoch

    def train_epoch(self, asks: Mapping[int, Epoch]) -> dict[int, np.ndarray]:
        """Train the places that ask, by their number -> the losses of each, as `Session.train_epoch` has them.

        Where the loss of one is not finite it stops before that update, and the others go on.
        """
        going = np.isin(np.arange(self.size), list(asks))
        n = len(next(iter(asks.values())).lrs)
        found: list[np.ndarray] = []
        for batches in self._batches(asks):
            if not found:
                self._check(next(iter(asks)), batches)
            numbers = self._numbers_here()
            self._state, losses = self.programs.train(self._state, going, batches, numbers, self.parts["train"])
            self._fetched, self._scores, self._changed = None, {}, set()
            found.append(self.programs.fetch(losses))
            going = going & np.isfinite(found[-1][:, batches.counts]).all(axis=1)
            if not going.any():
                break
        losses = np.concatenate(found, axis=1)[:, :n]
        return {place: _up_to_the_end(losses[place]) for place in asks}

    def _numbers_here(self) -> Numbers:
        if self._numbers is None:
            self._numbers = self.programs.numbers(self.numbers)
        return self._numbers

    def _batches(self, asks: Mapping[int, Epoch]) -> Iterator[Batches]:
        """The steps of an epoch, a few hundred at a time: always as many, so that one program does; then the short one.

        What is too many in the last of them is marked, and makes no step.
        """
        n = len(next(iter(asks.values())).order)
        whole, rest = divmod(n, self.m)
        for start in range(0, whole, self.steps_at_once):
            which = range(start, min(start + self.steps_at_once, whole))
            yield self._some(asks, which, self.steps_at_once, self.m)
        if rest:
            yield self._some(asks, range(whole, whole + 1), 1, rest)

    def _some(self, asks: Mapping[int, Epoch], which: range, steps: int, m: int) -> Batches:
        """The steps `which` of every place that asks, each on m examples, filled up to `steps`."""
        dtype, k = self.job.training.dtype, len(which)
        start = which.start * self.m
        rows = np.zeros((self.size, steps, m), dtype=np.int32)
        lrs = np.zeros((self.size, steps), dtype=dtype)
        firsts = np.zeros(self.size, dtype=np.int64)
        for place, epoch in asks.items():
            rows[place, :k] = epoch.order[start : start + k * m].reshape(k, m)
            lrs[place, :k] = epoch.lrs[which.start : which.stop]
            firsts[place] = epoch.first_step + which.start
        return Batches(rows, lrs, firsts[:, None] + np.arange(steps), self.keys.copy(), np.arange(steps) < k)

    def _check(self, place: int, batches: Batches) -> None:
        """Raise InputError where the bits of a run depend on its place or on chance; once for a program."""
        if self.programs.checked:
            return
        alone = np.full(self.size, place)
        params, slots, t = self.programs.fetch(self._state)
        kept = {name: tuple(a[alone] for a in arrays) for name, arrays in slots.items()}
        state = self.programs.bring(({name: w[alone] for name, w in params.items()}, kept, t[alone]))
        numbers = self.programs.numbers([self.numbers[place]] * self.size)
        rows, lrs, numbered, keys = (part[alone] for part in batches[:4])
        everywhere = Batches(rows, lrs, numbered, keys, batches.counts)

        def once() -> dict[str, np.ndarray]:
            after, losses = self.programs.train(state, alone >= 0, everywhere, numbers, self.parts["train"])
            params, slots, _ = self.programs.fetch(after)
            of_slots = {f"what the optimizer keeps of {name}": a for name, arrays in slots.items() for a in arrays}
            scores = self.programs.fetch(
                self.programs.score(after, self.parts.get("train_sample", self.parts["train"]))
            )
            in_use = dict(zip(("loss in use", "predicted class"), scores, strict=True))
            return {**params, "loss": self.programs.fetch(losses), **of_slots, **in_use}

        found, again = once(), once()
        for name, array in found.items():
            if array.tobytes() != again[name].tobytes():
                raise InputError(
                    f"the jax engine: here ({self.job.training.device}) the same steps give other bits a second time "
                    f'({name}), so a run could not be made again; set training.engine = "array"'
                )
            words = np.ascontiguousarray(array).reshape(self.size, -1).view(np.uint8)
            unequal = np.flatnonzero((words != words[0]).any(axis=1))
            if len(unequal):
                raise InputError(
                    f"training.stack = {self.size}: here ({self.job.training.device}) the bits of a run depend on its "
                    f"place in the group ({name} differs between places 1 and {unequal[0] + 1}), so its results would "
                    "depend on which runs share a program; set training.stack = 1"
                )
        self.programs.checked = True


class GroupPlace:
    """One run's place in a group (`engines.Place`)."""

    def __init__(self, group: Group, index: int) -> None:
        self.group, self.index = group, index

    @property
    def facts(self) -> dict[str, str]:
        """What a record says of the engine: versions, and which compiled program made the steps."""
        return self.group.programs.facts()

    def load(self, params: Params, slots: Slots, t: int) -> None:
        self.group.load(self.index, params, slots, t)

    def export(self) -> tuple[Params, Slots, int]:
        return self.group.export(self.index)

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        return self.group.score(self.index, part)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.group.outputs(self.index, x)


class JaxSession(GroupPlace):
    """One run by itself: a group of one."""

    def __init__(self, job: Job) -> None:
        super().__init__(Group(job, 1), 0)
        self.group.place(job)

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        return self.group.train_epoch({0: Epoch(order, lrs, first_step)})[0]


def _up_to_the_end(losses: np.ndarray) -> np.ndarray:
    """The losses of one run up to the first that is not finite."""
    finite = np.isfinite(losses)
    return losses.copy() if finite.all() else losses[: int(finite.argmin()) + 1].copy()
