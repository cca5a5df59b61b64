"""The jax engine: the lines of the reference engine, compiled by XLA, for one run or for a group of many at once.

A step of a small network is mostly the time to start its operations.  Here an epoch is one program (`jax_programs`)
whose operations each serve all runs of a group: every array has an axis of runs first.

A group always computes for R runs.  A member whose run has ended, or that never had one, goes through the same
operations and keeps its numbers.  So the bits of a run depend on R, but not on the runs beside it, on its index in the
group, or on when it was added.
That is tested on the device itself before anything is trained: the steps and scores of the same run at all indices must
have the same bits in all of them, and the same steps a second time the same bits again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from handgrad.data.batches import batch_length
from handgrad.errors import InputError
from handgrad.streams import dropout_key
from handgrad.training.engines import Epoch, Job, NetworkState, Params, Slots
from handgrad.training.engines.array import encoded_arrays
from handgrad.training.engines.jax_programs import Batches, Numbers, Programs, numbers_of

LOOK_EVERY = 1024  # steps in one call of the program, after which losses are looked at and Ctrl-C is heard
STATES = tuple[Params, Slots, np.ndarray]


class JaxGroup:
    """R runs, trained together, that differ in numbers only (`Run.group_key`); each is a member, by its index."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.members: list[JaxMember] = []
        self.released: list[JaxMember] = []

    def _open(self, job: Job) -> None:
        """Compile the programs and bring the data, for the first run; the others share them."""
        self.job = job
        self.programs = Programs.of(job, self.size)
        n = len(job.parts["train"][1])
        self.m = min(n, batch_length(n, job.training.batch_size))
        whole = max(1, n // self.m)
        self.steps_at_once = -(-whole // -(-whole // LOOK_EVERY))  # so that few are too many in the last call
        self.parts = {name: self.programs.to_device(part) for name, part in encoded_arrays(job).items()}
        if job.weights is not None:
            weights = np.asarray(job.weights, job.training.dtype)
            self.parts["train"] = (*self.parts["train"], self.programs.to_device(weights))
        self.keys = np.zeros(self.size, dtype=np.int64)
        self.numbers: list[dict[str, float]] = [numbers_of(job)] * self.size
        self._numbers: Numbers | None = None  # the same on the device
        self._state: Any = None  # a State, from the first that is loaded on
        self._fetched: STATES | None = None  # the state as NumPy's arrays
        self._scores: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # of the state, but for members changed since
        self._changed: set[int] = set()

    def add(self, job: Job) -> "JaxMember":
        """A member for this run: one that was released, or a new one."""
        if not self.members:
            self._open(job)
        if self.released:
            member = self.released.pop()
        else:
            member = JaxMember(self, len(self.members))
            self.members.append(member)
        self.keys[member.index] = dropout_key(job.seed)
        self.numbers[member.index], self._numbers = numbers_of(job), None
        return member

    def release(self, member: NetworkState, *, sound: bool) -> None:
        assert isinstance(member, JaxMember)
        self.released.append(member)

    # -- the numbers of one member

    def load(self, i: int, params: Params, slots: Slots, t: int) -> None:
        """Put these numbers into member i; the first that are loaded are put into all members."""
        dtype = self.job.training.dtype
        params = {name: np.asarray(array, dtype) for name, array in params.items()}
        learnt = {name: w for name, w in params.items() if name not in self.job.network.buffer_names}
        kinds = self.job.training.optimizer.slots
        slots = {name: tuple(np.asarray(a, dtype) for a in arrays) for name, arrays in slots.items()}
        slots = slots or {name: tuple(np.zeros_like(w) for _ in kinds) for name, w in learnt.items()}
        mine = params, slots, np.int32(t)
        if self._state is None:
            self._state = self.programs.everywhere(mine)
        self._state = self.programs.put(self._state, i, mine)
        self._fetched = None
        self._changed.add(i)

    def export(self, i: int) -> tuple[Params, Slots, int]:
        """The numbers of member i, as NumPy arrays; those of all members are fetched at once."""
        if self._fetched is None:
            self._fetched = self.programs.to_numpy(self._state)
        params, slots, t = self._fetched
        return (
            {name: np.array(w[i]) for name, w in params.items()},
            {name: tuple(np.array(a[i]) for a in arrays) for name, arrays in slots.items()},
            int(t[i]),
        )

    def score_of(self, i: int, part: str) -> tuple[np.ndarray, np.ndarray]:
        """As `Session.score`."""
        if part in self._scores and i not in self._changed:
            found = self._scores[part]
        else:
            found = self.programs.to_numpy(self.programs.score(self._state, self.parts[part]))
            if not self._changed:
                self._scores[part] = found
        losses, predicted = found
        return np.array(losses[i]), np.array(predicted[i])

    def score(self, parts: Iterable[str]) -> None:
        """Compute and keep the scores of all members as they are now."""
        self._changed = set()
        found = {part: self.programs.score(self._state, self.parts[part]) for part in parts}
        self._scores |= {part: self.programs.to_numpy(scores) for part, scores in found.items()}

    def outputs(self, i: int, x: np.ndarray) -> np.ndarray:
        found = self.programs.predict(self._state, self.programs.to_device(np.asarray(x, self.job.training.dtype)))
        return np.array(self.programs.to_numpy(found)[i])

    # -- an epoch

    def train_epoch(self, epochs: Mapping[NetworkState, Epoch]) -> dict[NetworkState, np.ndarray]:
        """Train these members -> the losses of each, as `Session.train_epoch` returns them.

        A member whose loss is not finite stops before that update, and the others go on.
        """
        asked = {member.index: epoch for member, epoch in epochs.items() if isinstance(member, JaxMember)}
        going = np.isin(np.arange(self.size), list(asked))
        found: list[np.ndarray] = []
        for batches in self._batches(asked):
            if not found:
                self._check(next(iter(asked)), batches)
            losses, ended = self._train(batches._replace(lrs=np.where(going[:, None], batches.lrs, np.nan)))
            found.append(losses[:, ~np.isnan(batches.lrs).all(axis=0)])  # without steps that are too many
            going &= ~ended
            if not going.any():
                break
        losses = np.concatenate(found, axis=1)
        return {member: _up_to_the_end(losses[member.index]) for member in epochs if isinstance(member, JaxMember)}

    def _train(self, batches: Batches) -> tuple[np.ndarray, np.ndarray]:
        """Make these steps -> (losses (R, steps), which runs ended with one that is not finite (R,)).

        Where runs ended, all is computed again from the state before, with their steps only up to there: to choose by
        the loss within a step would cost every step two more passes over the parameters (`jax_programs._train`).
        """

        def trained(batches: Batches) -> Any:
            return self.programs.train(self._state, batches, self._numbers_here(), self.parts["train"])

        after, losses = trained(batches)
        losses = self.programs.to_numpy(losses)
        bad = ~np.isfinite(losses) & ~np.isnan(batches.lrs)
        if bad.any():
            del after  # its memory is needed
            from_there_on = np.logical_or.accumulate(bad, axis=1)
            after, _ = trained(batches._replace(lrs=np.where(from_there_on, np.nan, batches.lrs)))
        self._state, self._fetched, self._scores, self._changed = after, None, {}, set()
        return losses, bad.any(axis=1)

    def take_examples(self, x: np.ndarray) -> None:
        """As `Session.take_examples`; for all members."""
        copy = np.array(x, self.job.training.dtype)  # on a processor JAX may keep the array that it is given
        self.parts["train"] = (self.programs.to_device(copy), *self.parts["train"][1:])

    def _numbers_here(self) -> Numbers:
        if self._numbers is None:
            self._numbers = self.programs.numbers(self.numbers)
        return self._numbers

    def _batches(self, asked: Mapping[int, Epoch]) -> Iterator[Batches]:
        """The steps of an epoch, a few hundred at a time: always as many, so that one program does; then the short one.

        What is too many in the last of them has no learning rate, and makes no step.
        """
        n = len(next(iter(asked.values())).order)
        whole, rest = divmod(n, self.m)
        for start in range(0, whole, self.steps_at_once):
            which = range(start, min(start + self.steps_at_once, whole))
            yield self._some(asked, which, self.steps_at_once, self.m)
        if rest:
            yield self._some(asked, range(whole, whole + 1), 1, rest)

    def _some(self, asked: Mapping[int, Epoch], which: range, steps: int, m: int) -> Batches:
        """The steps `which` of every member, each on m examples, filled up to `steps`."""
        dtype, k = self.job.training.dtype, len(which)
        start = which.start * self.m
        rows = np.zeros((self.size, steps, m), dtype=np.int32)
        lrs = np.full((self.size, steps), np.nan, dtype=dtype)
        firsts = np.zeros(self.size, dtype=np.int64)
        for i, epoch in asked.items():
            rows[i, :k] = epoch.order[start : start + k * m].reshape(k, m)
            mine = epoch.lrs[which.start : which.stop]
            lrs[i, :k] = np.where(np.isnan(mine), np.inf, mine)  # ruins the parameters as well; NaN is no step
            firsts[i] = epoch.first_step + which.start
        return Batches(rows, lrs, firsts[:, None] + np.arange(steps), self.keys.copy())

    def _check(self, i: int, batches: Batches) -> None:
        """Raise InputError where the bits of a run depend on its index or on chance; once for a program."""
        if self.programs.checked:
            return
        alone = np.full(self.size, i)
        params, slots, t = self.programs.to_numpy(self._state)
        kept = {name: tuple(a[alone] for a in arrays) for name, arrays in slots.items()}
        state = self.programs.to_device(({name: w[alone] for name, w in params.items()}, kept, t[alone]))
        numbers = self.programs.numbers([self.numbers[i]] * self.size)
        everywhere = Batches(*(part[alone] for part in batches))

        def once() -> dict[str, np.ndarray]:
            after, losses = self.programs.train(state, everywhere, numbers, self.parts["train"])
            params, slots, _ = self.programs.to_numpy(after)
            of_slots = {f"what the optimizer keeps of {name}": a for name, arrays in slots.items() for a in arrays}
            scores = self.programs.to_numpy(
                self.programs.score(after, self.parts.get("train_sample", self.parts["train"][:2]))
            )
            inference = dict(zip(("loss in use", "predicted class"), scores, strict=True))
            return {**params, "loss": self.programs.to_numpy(losses), **of_slots, **inference}

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


class JaxMember:
    """One run of a group (`engines.NetworkState`)."""

    def __init__(self, group: JaxGroup, index: int) -> None:
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
        return self.group.score_of(self.index, part)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.group.outputs(self.index, x)


class JaxSession(JaxMember):
    """One run by itself: a group of one."""

    def __init__(self, job: Job) -> None:
        super().__init__(JaxGroup(1), 0)
        self.group.add(job)

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        return self.group.train_epoch({self: Epoch(order, lrs, first_step)})[self]

    def take_examples(self, x: np.ndarray) -> None:
        self.group.take_examples(x)


def _up_to_the_end(losses: np.ndarray) -> np.ndarray:
    """The losses of one run up to the first that is not finite."""
    finite = np.isfinite(losses)
    return losses.copy() if finite.all() else losses[: int(finite.argmin()) + 1].copy()
