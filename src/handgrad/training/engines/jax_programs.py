"""The programs of the jax engine: the reference's own functions under `jit`, `scan` and `vmap`.

    train     many steps: `array.train_step` in a scan
    score     `passes.score`, a chunk of the examples after another
    predict   `passes.predict`

Each is written here for one run, and mapped over the runs of a group.  What the runs share stands in the program (the
network, the loss, which optimizer); what they may differ in goes in as numbers, one of each for every run (Numbers):
learning rates, weight decay, momentum, rates of dropout and so on.  Numbers are JAX's "weakly typed" float64, which
behave beside an array as Python's floats do: computed in double precision among themselves, and of the array's type
beside it.  So the same lines give what NumPy gives, up to the order of additions within an operation.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from handgrad.errors import InputError, readable
from handgrad.names import shown
from handgrad.network import passes
from handgrad.network.arrays import Array
from handgrad.network.dropout import Dropout
from handgrad.network.network import Network
from handgrad.training.engines import Job
from handgrad.training.engines.array import train_step
from handgrad.training.engines.jax_store import KeptProgram
from handgrad.training.ingredients import Ingredient, ingredients
from handgrad.training.training_section import TrainingSection

Numbers = dict[str, Array]  # by name, (R,) each
DeviceParams = dict[str, Array]
State = tuple[DeviceParams, dict[str, tuple[Array, ...]], Array]  # parameters, slots, t: (R, ...) each


class Batches(NamedTuple):
    """Steps for all members: the rows of their examples (R, steps, m), lrs (R, steps), their numbers over the whole run
    (R, steps), and the keys of dropout (R,).  Where lr is NaN no step is made, nor any later one."""

    rows: Array
    lrs: Array
    steps: Array
    keys: Array


# -- what enters as a number


def numbers_of(job: Job) -> dict[str, float]:
    """The numbers of a run that enter its steps, by name; one that is absent or 0 is left out with its operations."""
    training = job.training
    numbers = {f"optimizer.{name}": value for name, value in training.optimizer if name not in ("name", "lr")}
    if training.weight_decay:
        numbers["weight_decay"] = training.weight_decay
    if training.clip_norm is not None:
        numbers["clip_norm"] = training.clip_norm
    layers = enumerate(job.network.layers)
    return numbers | {f"rate {i}": layer.rate for i, layer in layers if type(layer) is Dropout}


def _with_numbers(job: Job, numbers: Mapping[str, Array]) -> tuple[Job, dict[int, Array]]:
    """(the job with these numbers, the rates of dropout by layer)."""
    training = {name: numbers[name] for name in ("weight_decay", "clip_norm") if name in numbers}
    of_optimizer = {name.removeprefix("optimizer."): v for name, v in numbers.items() if name.startswith("optimizer.")}
    optimizer = job.training.optimizer.model_copy(update=of_optimizer)
    rates = {int(name.removeprefix("rate ")): v for name, v in numbers.items() if name.startswith("rate ")}
    return replace(job, training=job.training.model_copy(update={**training, "optimizer": optimizer})), rates


def _shared(network: Network, training: TrainingSection) -> tuple[Network, TrainingSection]:
    """What the programs of runs of one kind have in common: the same for all of them."""
    layers = tuple(Dropout(0.5) if type(layer) is Dropout else layer for layer in network.layers)
    return Network(network.input_shape, layers), training.changed(
        optimizer=training.optimizer.name,
        schedule="constant",
        epochs=1,
        early_stopping=None,
        weight_decay=1.0 if training.weight_decay else 0.0,
        clip_norm=None if training.clip_norm is None else 1.0,
        shuffle=True,
        augmentation=None,
        class_weights=None,
    )


# -- for one run


def _train(job: Job, state: State, batches: Batches, numbers: Numbers, part: tuple[Array, ...]) -> Any:
    """Many steps of one run -> (its state after them, losses (steps,)).  One without a learning rate changes nothing.

    Two things are written for XLA's sake; what they save a GPU is counted in docs/engine.md:
    1. Whether a step is made, and its learning rate, are left behind by the step before.  Only what is there when a
       step begins is joined with the product x.T @ dz in one kernel; else dW goes through memory.
    2. The shares of its examples in a loss are put to their place by the next step, as NaN in a run that makes none,
       and added up at the end.  A choice is a kernel in the CUDA graph of a step; a mere copy cuts the graph in two.
    """
    (params, slots, t), (x, T), weights, lrs = state, part[:2], part[2:], batches.lrs
    job, rates = _with_numbers(job, numbers)

    def step(carried: Any, batch: Any) -> Any:
        (params, slots), (lr, makes), shares_before = carried
        rows, number, made, lr_ahead = batch
        of_examples = {"weights": _taken(weights[0], rows)} if weights else {}
        t_now = (t + made + 1) * 1.0
        of_step = {**of_examples, "lr": lr, "t": t_now, "key": batches.keys, "number": number, "rates": rates}
        *new, shares = train_step(job, params, slots, _taken(x, rows), _taken(T, rows), **of_step)
        kept = jax.tree.map(lambda after, before: jnp.where(makes, after, before), tuple(new), (params, slots))
        return (kept, _with_whether(lr_ahead), shares.astype(x.dtype)), jnp.where(going, shares_before, np.nan)

    _, going = first = _with_whether(lrs[0])
    steps = batches.rows, batches.steps, jnp.arange(len(lrs), dtype=t.dtype), jnp.roll(lrs, -1)
    none = jnp.zeros(batches.rows.shape[1], x.dtype)
    (kept, _, last), before = jax.lax.scan(step, ((params, slots), first, none), steps)
    losses = jnp.append(before[1:].sum(axis=1), last.sum())
    return (*kept, t + (lrs == lrs).sum(dtype=t.dtype)), losses.astype(np.float32)


def _with_whether(lr: Array) -> tuple[Array, Array]:
    """(lr, whether there is one)."""
    return lr, lr == lr


def check_compiles(job: Job, added: Sequence[Ingredient]) -> None:
    """Raise InputError where a step with these additions cannot be compiled, or changes the type of a parameter.

    Only shapes and types go through the step: nothing is computed.
    """
    for name, value in job.training.optimizer:
        if name != "name" and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(
                f"the jax engine takes what an optimizer is set to as numbers, and {name} of optimizer "
                f'{shown(job.training.optimizer.name)} is {shown(value)}; set training.engine = "array"'
            )
    dtype, network = np.dtype(job.training.dtype), job.network
    params = {name: jax.ShapeDtypeStruct(shape, dtype) for name, shape in network.parameter_shapes.items()}
    kinds = job.training.optimizer.slots
    slots = {name: tuple(w for _ in kinds) for name, w in params.items() if name not in network.buffer_names}
    number = jax.ShapeDtypeStruct((), dtype)
    x, T = (jax.ShapeDtypeStruct((2, *shape), dtype) for shape in (network.input_shape, (network.n_outputs,)))

    def step(params: Any, slots: Any, x: Array, T: Array, lr: Array, numbers: Numbers) -> Any:
        with_numbers, rates = _with_numbers(job, numbers)
        return train_step(with_numbers, params, slots, x, T, lr=lr, t=lr, key=0, number=0, rates=rates)

    try:
        with jax.enable_x64(True):
            numbers = dict.fromkeys(numbers_of(job), number)
            after, _, _ = jax.eval_shape(step, params, slots, x, T, number, numbers)
        changed = [name for name, w in params.items() if (after[name].shape, after[name].dtype) != (w.shape, w.dtype)]
        reason = f"{changed[0]} becomes {after[changed[0]].dtype}{list(after[changed[0]].shape)}" if changed else ""
    except Exception as error:  # whatever the added functions do with an array that has no numbers
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    if reason:
        raise InputError(
            f"the jax engine cannot compile {' and '.join(map(str, added))} ({readable(reason)}); write it with "
            'operators and the functions of array_namespace, or set training.engine = "array"'
        )


def _taken(x: Array, rows: Array) -> Array:
    return x.at[rows].get(mode="promise_in_bounds")


def _score(
    job: Job, tells_class: bool, chunk: int, params: DeviceParams, part: tuple[Array, Array]
) -> tuple[Array, Array]:
    def of(x: Array, T: Array) -> tuple[Array, Array]:
        losses, predicted = passes.score(
            job.network, params, x, T, job.training.loss, tells_class=tells_class, chunk=chunk
        )
        return losses, predicted.astype(np.int32) if tells_class else predicted

    losses, predicted = _in_chunks(of, chunk, *part)
    return losses, predicted


def _predict(job: Job, chunk: int, params: DeviceParams, x: Array) -> Array:
    return _in_chunks(lambda x: passes.predict(job.network, params, x, chunk=chunk), chunk, x)


def _in_chunks(function: Any, chunk: int, *arrays: Array) -> Any:
    """`function` of so many rows after another, in a loop of the device; the rest by themselves."""
    whole = len(arrays[0]) // chunk
    if not whole or len(arrays[0]) == chunk:
        return function(*arrays)
    first = tuple(a[: whole * chunk].reshape(whole, chunk, *a.shape[1:]) for a in arrays)
    found = jax.tree.map(
        lambda a: a.reshape(whole * chunk, *a.shape[2:]), jax.lax.map(lambda some: function(*some), first)
    )
    if whole * chunk == len(arrays[0]):
        return found
    rest = function(*(a[whole * chunk :] for a in arrays))
    return jax.tree.map(lambda *both: jnp.concatenate(both), found, rest)


# -- for a group


class Programs:
    """The programs of a group of `size` runs; `Programs.of` has each kind once.  checked: its members were compared."""

    def __init__(self, job: Job, size: int, tells_class: bool) -> None:
        self.job, self.size, self.checked = job, size, False
        self.device = jax.devices(job.training.device)[0]
        chunk = passes.rows_at_once(job.network, size)

        def mapped(function: Any, axes: Any) -> KeptProgram:
            return KeptProgram(jax.vmap(function, in_axes=axes), self.device)

        self._train = mapped(lambda *given: _train(job, *given), (0, 0, 0, None))
        self._score = mapped(lambda *given: _score(job, tells_class, chunk, *given), (0, None))
        self._predict = mapped(lambda *given: _predict(job, chunk, *given), (0, None))
        self._put = jax.jit(lambda state, i, mine: jax.tree.map(lambda all, one: all.at[i].set(one), state, mine))

    @staticmethod
    def of(job: Job, size: int) -> "Programs":
        step = tuple(one.record for one in ingredients(job.network.layers, job.training))
        return _programs(*_shared(job.network, job.training), size, job.tells_class, step)

    def facts(self) -> dict[str, str]:
        """Versions, and the first digits of the hash of the program that makes the steps, where it is kept."""
        of_gpu = {"gpu": self.device.device_kind, "program": self._train.digest}
        return {"jax": jax.__version__, **(of_gpu if self.device.platform != "cpu" else {})}

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """Types as NumPy has them, and products of matrices as exact as float32 is, unless TF32 is asked for."""
        precision = "tensorfloat32" if self.job.training.tf32 else "highest"
        with jax.enable_x64(True), jax.default_matmul_precision(precision):
            yield

    def to_device(self, arrays: Any) -> Any:
        with self._computing():
            return jax.device_put(arrays, self.device)

    def to_numpy(self, arrays: Any) -> Any:
        """NumPy's arrays; waits until they are computed."""
        return jax.device_get(arrays)

    def numbers(self, of_runs: Sequence[Mapping[str, float]]) -> Numbers:
        with self._computing(), jax.default_device(self.device):
            return {name: jnp.stack([jnp.asarray(one[name]) for one in of_runs]) for name in of_runs[0]}

    # -- on the device

    def everywhere(self, mine: Any) -> Any:
        """The numbers of one run in all members."""
        return self.to_device(jax.tree.map(lambda one: np.stack([one] * self.size), mine))

    def put(self, state: State, i: int, mine: Any) -> Any:
        with self._computing():
            return self._put(state, i, self.to_device(mine))

    def train(self, state: State, batches: Batches, numbers: Numbers, part: tuple[Array, ...]) -> Any:
        """(the state after these steps, losses (R, steps)), left on the device."""
        with self._computing():
            return self._train(state, self.to_device(batches), numbers, part)

    def score(self, state: State, part: tuple[Array, Array]) -> Any:
        """(loss of every example, predicted class), (R, n) each, left on the device."""
        with self._computing():
            return self._score(state[0], part)

    def predict(self, state: State, x: Array) -> Array:
        with self._computing():
            return self._predict(state[0], x)


@lru_cache(maxsize=32)
def _programs(
    network: Network, training: TrainingSection, size: int, tells_class: bool, step: tuple[Any, ...]
) -> Programs:
    """step: the functions that make it, since a name can come to mean others."""
    return Programs(Job(network, training, "one-hot", 0, {}), size, tells_class)
