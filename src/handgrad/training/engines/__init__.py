"""Engines: ways to execute a run.  An engine abstracts an epoch of training, never one operation, so that it can fuse.

A `Job` goes in; a `Session` trains it epoch by epoch and scores it.  Shapes, initial weights, orders and dropout
masks are the same for every engine, so engines differ by rounding only and a checkpoint belongs to none of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from handgrad.network.arrays import Arrays
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.layer import Layer
from handgrad.network.network import Network
from handgrad.network.targets import tells_one_class
from handgrad.training.ingredients import ingredients
from handgrad.training.training_section import TrainingSection

Params = Arrays  # of a network
Slots = dict[str, tuple[np.ndarray, ...]]  # of an optimizer, by parameter


@dataclass(frozen=True)
class Job:
    """What an engine needs to know.  seed: of dropout masks.  `parts` maps a name (train, train_sample, validation,
    test) to (x, y): x (n, *input shape) float32, y (n,) the class of each example, or (n, k) its targets.
    weights (n,): of the losses of the training examples, where they have some."""

    network: Network
    training: TrainingSection
    targets: str
    seed: int
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]]
    weights: np.ndarray | None = None

    @cached_property
    def tells_class(self) -> bool:
        """Whether a score tells the class of the largest output, and not the outputs."""
        return all(tells_one_class(y, self.network.n_outputs) for _, y in self.parts.values())

    def differs_by_seed(self, other: "Job") -> bool:
        """Whether another job is this one but for the seed: the same arrays of examples, equal classes and weights."""
        return (
            (self.targets, self.network, self.training) == (other.targets, other.network, other.training)
            and self.parts.keys() == other.parts.keys()
            and all(x is other.parts[name][0] for name, (x, _) in self.parts.items())
            and all(np.array_equal(y, other.parts[name][1]) for name, (_, y) in self.parts.items())
            and (self.weights is None or np.array_equal(self.weights, cast(np.ndarray, other.weights)))
        )


@dataclass(frozen=True)
class Epoch:
    """An epoch of one run: the order of the examples (n,), and the learning rate of every step (steps,).

    first_step: the number of the first step, counted over the whole run from 0.  x: the training examples of this
    epoch, like those of the job; None: they are those of the job.
    """

    order: np.ndarray
    lrs: np.ndarray
    first_step: int
    x: np.ndarray | None = None


class NetworkState(Protocol):
    """The numbers of one run, wherever an engine keeps them."""

    def load(self, params: Params, slots: Slots, t: int) -> None:
        """Take over parameters, optimizer slots and the number of steps that the optimizer has made."""

    def export(self) -> tuple[Params, Slots, int]:
        """What `load` takes: NumPy arrays that later training does not touch."""

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """(loss of every example (n,), predicted class (n,)) of one part, dropout off.

        Where the job does not tell one class by the largest output (`Job.tells_class`): the outputs (n, k) instead.
        """

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Outputs of the network (n, k), dropout off."""


@runtime_checkable
class Session(NetworkState, Protocol):
    """One network in training."""

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        """Train an `Epoch`.

        -> the loss of every batch, float32 (steps,).  A loss that is not finite ends the epoch before its update:
        the result is then shorter and ends with that loss.
        """

    def take_examples(self, x: np.ndarray) -> None:
        """Train with x from here on, like the training examples of the job; their classes stay."""


class Group(Protocol):
    """Up to `size` runs that are trained together; each is a member."""

    size: int

    def add(self, job: Job) -> NetworkState:
        """Let a run take part; it is loaded before its first epoch."""

    def release(self, member: NetworkState, *, sound: bool) -> None:
        """Let a run go, so that another can be added.  sound: whether it ended with numbers that are finite."""

    def train_epoch(self, epochs: Mapping[NetworkState, Epoch]) -> dict[NetworkState, np.ndarray]:
        """Train an epoch of each of these members -> its losses, as `Session.train_epoch` returns them."""

    def score(self, parts: Iterable[str]) -> None:
        """Score these parts for all members at once, where that is cheaper than one by one."""


class OneRun:
    """A group of one: a run in a session of its own.

    To make a session takes as long as an epoch of a small run, so the next run goes on in it, where it is of the same
    setting and the session can (`takes`).
    """

    size = 1

    def __init__(self) -> None:
        self._idle: Any = None

    def add(self, job: Job) -> NetworkState:
        idle, self._idle = self._idle, None
        if idle is not None and idle.takes(job):
            return cast(Session, idle)
        del idle  # before there is another: both would take twice the memory
        return open_session(job.training.engine, job)

    def release(self, member: NetworkState, *, sound: bool) -> None:
        self._idle = member if sound and hasattr(member, "takes") else None

    def train_epoch(self, epochs: Mapping[NetworkState, Epoch]) -> dict[NetworkState, np.ndarray]:
        ((member, epoch),) = epochs.items()
        session = cast(Session, member)  # as `add` made it; to ask a protocol takes as long as a small epoch
        if epoch.x is not None:
            session.take_examples(epoch.x)
        return {session: session.train_epoch(epoch.order, epoch.lrs, epoch.first_step)}

    def score(self, parts: Iterable[str]) -> None:
        pass


def open_group(training: TrainingSection, one: OneRun) -> Group:
    """The group in which runs of this section are trained: `training.stack` of them in one program, or in `one`."""
    if training.stack in ("auto", 1):
        return one
    from handgrad.training.engines.jax import JaxGroup

    return JaxGroup(int(training.stack))


def open_session(name: str, job: Job) -> Session:
    """A session of the engine of that name."""
    from handgrad.names import lookup

    def array(job: Job) -> Session:
        from handgrad.training.engines.array import ArraySession

        return ArraySession(job)

    def compiled(job: Job) -> Session:
        if kernels_of(job.network.layers) == "images":
            from handgrad.training.engines.compiled.image_session import ImageSession

            return ImageSession(job)
        from handgrad.training.engines.compiled.dense_session import DenseSession

        return DenseSession(job)

    def jax(job: Job) -> Session:
        from handgrad.training.engines.jax import JaxSession

        return JaxSession(job)

    def torch(job: Job) -> Session:
        from handgrad.training.engines.torch import TorchSession

        return TorchSession(job)

    return lookup({"array": array, "compiled": compiled, "jax": jax, "torch": torch}, name, "engine")(job)


def check_additions(network: Network, training: TrainingSection, targets: str) -> None:
    """Raise InputError where what was added to the public tables makes no step, before anything runs.

    On the jax engine also where it cannot be compiled.
    """
    added = [one for one in ingredients(network.layers, training) if one.is_added]
    if not added:
        return
    from handgrad.training.engines.array import check_step

    job = Job(network, training, targets, 0, {})
    check_step(job, added)
    if training.engine == "jax":
        from handgrad.training.engines.jax_programs import check_compiles

        check_compiles(job, added)


def kernels_of(layers: Sequence[Layer]) -> str:
    """Which kernels of the compiled engine train these layers: "dense", or "images" for whatever else there is.

    >>> kernels_of([Dropout(0.2), Dense(10, "softmax")]), kernels_of([Dropout(0.2), Dropout(0.2), Dense(10)])
    ('dense', 'images')
    """
    pairs = zip((None, *layers[:-1]), layers, strict=True)
    in_a_row = any(isinstance(before, Dropout) and isinstance(layer, Dropout) for before, layer in pairs)
    return "dense" if all(isinstance(layer, Dense | Dropout) for layer in layers) and not in_a_row else "images"


def kernels_for(layers: Sequence[Layer], training: TrainingSection, nonzero: float) -> str:
    """`kernels_of`, and "small-batches" for a wide dense layer and more that learn few examples at a time by plain
    descent, where the inputs are mostly 0.

    nonzero: how many of their numbers are not, of 1.
    """
    kernels, first, batch = kernels_of(layers), layers[0], training.batch_size
    plain = training.optimizer.name == "sgd" and training.clip_norm is None
    if batch == "full" or not (plain and kernels == "dense" and isinstance(first, Dense)):
        return kernels
    from handgrad.training.engines.compiled.kernels.dense import windows
    from handgrad.training.engines.compiled.kernels.dense_layers import SPARSE_SHARE, SPARSE_UNITS

    sparse = first.units >= SPARSE_UNITS and nonzero <= SPARSE_SHARE
    return "small-batches" if sparse and windows.pay(batch, first.units) else kernels


def prepare(name: str, dtype: str, kernels: str, *, load: bool) -> None:
    """What an engine does once before a study's runs start, in the parent: `compiled` compiles (see `kernels_for`).

    load: whether the runs are trained in this process.
    """
    if name == "compiled":
        from handgrad.training.engines.compiled.compilation import prepare

        prepare(dtype, kernels, load=load)
