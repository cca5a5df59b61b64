"""The reference engine: the functions of `handgrad.network`, batch after batch.  Read this one first.

It is written for reading and is what every other engine is tested against.  With the arrays of another library the
same lines run on a GPU (`arrays`).
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from handgrad.data.batches import batches
from handgrad.errors import InputError, readable
from handgrad.network import passes
from handgrad.network.arrays import Array
from handgrad.network.targets import VALUES, encode
from handgrad.streams import dropout_key
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.engines.backend import Backend, backend_of
from handgrad.training.ingredients import Ingredient
from handgrad.training.optimizers import empty_slots
from handgrad.training.slips import functions_at

LOOK_EVERY = 256  # steps, whose losses are then looked at together: to wait for a GPU takes longer than a step


def train_step(
    job: Job,
    params: dict[str, Array],
    slots: dict[str, tuple[Array, ...]],
    x: Array,
    T: Array,
    *,
    lr: float | Array,
    t: int | Array,
    key: int | Array,
    number: int | Array,
    rates: Mapping[int, Array] | None = None,
    weights: Array | None = None,
) -> tuple[dict[str, Array], dict[str, tuple[Array, ...]], Array]:
    """One step on the batch x, T -> parameters and slots after it, and the loss of the batch before it, as the shares
    (m,) of its examples, whose sum it is.

    t: the step of the optimizer, from 1; key, number: of the dropout masks, the step counted over the whole run from 0;
    rates: of dropout, where they are not the layers' own; weights (m,): of the losses of the examples.  It looks at no
    number and changes no array, so that the jax engine can compile it for many runs at once, each with numbers of its
    own (`jax_programs`).
    """
    network, training, m = job.network, job.training, x.shape[0]
    functions = functions_at(training, lr=lr, key=key, number=number)
    masks = functions.masks(network, key, number, m, like=x, rates=rates)
    of_example, grads, trace = passes.loss_and_gradients(
        network,
        params,
        x,
        T,
        training.loss,
        training.batch_reduction,
        masks=masks,
        weights=weights,
        functions=functions,
    )
    new_params, new_slots = functions.step(
        training.optimizer,
        params,
        grads,
        slots,
        lr=lr,
        t=t,
        weight_decay=training.decay(m),
        clip_norm=training.clip_norm,
    )
    new_params |= passes.updated_buffers(network, params, trace)
    shares = of_example / m if training.batch_reduction == "mean" else of_example  # a sum, then /m, could overflow
    return new_params, new_slots, shares


def check_step(job: Job, added: Sequence[Ingredient]) -> None:
    """Raise InputError where a step on two examples fails with what was added, or gives arrays of other shapes.

    The loss of an example is one number, a gradient and a new parameter are like the parameter.
    """
    network, dtype = job.network, np.dtype(job.training.dtype)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *network.input_shape)).astype(dtype)
    k = network.n_outputs
    y = np.eye(2, k) if job.targets == VALUES else np.arange(2) % max(k, 2)
    T = encode(y, k, job.targets, dtype)
    params = {name: rng.uniform(0.1, 0.5, shape).astype(dtype) for name, shape in network.parameter_shapes.items()}
    learnt = {name: w for name, w in params.items() if name not in network.buffer_names}
    slots = empty_slots(job.training.optimizer, learnt)
    try:
        with np.errstate(all="ignore"):
            functions = functions_at(job.training, lr=0.01)
            masks = functions.masks(network, 0, 0, 2, like=x)
            losses, grads, _ = passes.loss_and_gradients(
                network, params, x, T, job.training.loss, "mean", masks=masks, functions=functions
            )
            after, slots_after, _ = train_step(job, params, slots, x, T, lr=0.01, t=1, key=0, number=0)
        expected = {name: w.shape for name, w in params.items()}
        shapes = [
            ("the loss of two examples", np.shape(losses), (2,)),
            *((f"the gradient of {name}", np.shape(grads[name]), expected[name]) for name in learnt),
            *((f"{name} after the step", np.shape(after[name]), shape) for name, shape in expected.items()),
            *((f"what is kept of {name}", [np.shape(a) for a in slots_after[name]], [expected[name]] * len(kept))
              for name, kept in slots.items()),
        ]  # fmt: skip
        wrong = next((f"{what} has the shape {got}, not {shape}" for what, got, shape in shapes if got != shape), "")
        types = {name: after[name].dtype for name in params if after[name].dtype != dtype}
        wrong = wrong or next((f"{name} becomes {found}, not {dtype}" for name, found in types.items()), "")
    except Exception as error:  # whatever the added functions do
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        raise InputError(f"{' and '.join(map(str, added))}: a step on two examples fails: {readable(wrong)}")


def encoded_arrays(job: Job) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(x, T) of every part of the data."""
    k, dtype = job.network.n_outputs, job.training.dtype
    return {name: (np.asarray(x, dtype=dtype), encode(y, k, job.targets, dtype)) for name, (x, y) in job.parts.items()}


class ArraySession:
    """Trains one step at a time."""

    def __init__(self, job: Job, backend: Backend | None = None) -> None:
        self.job = job
        self.backend = backend or backend_of(job.training.library, job.training.device)
        self.key = dropout_key(job.seed)
        to_device = self.backend.to_device
        self.parts = {name: (to_device(x), to_device(T)) for name, (x, T) in encoded_arrays(job).items()}
        self.weights = None if job.weights is None else self._to_device(job.weights)
        self.params: dict[str, Array] = {}
        self.slots: dict[str, tuple[Array, ...]] = {}
        self.t = 0

    def _to_device(self, array: np.ndarray) -> Array:
        return self.backend.to_device(np.asarray(array, dtype=self.job.training.dtype))

    def load(self, params: Params, slots: Slots, t: int) -> None:
        dtype = self.job.training.dtype
        self.params = {name: self._to_device(array.astype(dtype)) for name, array in params.items()}
        self.slots = {name: tuple(self._to_device(a.astype(dtype)) for a in arrays) for name, arrays in slots.items()}
        learnt = {name: w for name, w in self.params.items() if name not in self.job.network.buffer_names}
        self.slots = self.slots or empty_slots(self.job.training.optimizer, learnt)
        self.t = t

    def export(self) -> tuple[Params, Slots, int]:
        to_numpy = self.backend.to_numpy  # updates make new arrays, so these stay as they are
        slots = {name: tuple(map(to_numpy, arrays)) for name, arrays in self.slots.items()}
        return {name: to_numpy(w) for name, w in self.params.items()}, slots, self.t

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        rows = list(batches(self.backend.to_device(order), self.job.training.batch_size))
        steps = list(zip(rows, lrs.tolist(), range(first_step, first_step + len(lrs)), strict=True))
        losses = np.empty(0, dtype=np.float32)
        for start in range(0, len(steps), LOOK_EVERY):
            some, before = steps[start : start + LOOK_EVERY], (self.params, self.slots, self.t)
            found = self._train(some)
            losses = np.append(losses, found)
            if not np.isfinite(found).all():
                self.params, self.slots, self.t = before
                good = int(np.isfinite(found).argmin())
                self._train(some[:good])  # again, up to the step that must not be made
                return losses[: start + good + 1]
        return losses

    def take_examples(self, x: np.ndarray) -> None:
        self.parts["train"] = self._to_device(x), self.parts["train"][1]

    def _train(self, steps: Iterable[tuple[Array, float, int]]) -> np.ndarray:
        """For batch: step.  -> the loss of every batch before its step, float32."""
        losses = [self._step(rows, lr, number) for rows, lr, number in steps]
        return self.backend.stack_to_numpy(losses).astype(np.float32) if losses else np.empty(0, np.float32)

    def _step(self, rows: Array, lr: float, number: int) -> Array:
        """One step on the examples in `rows`; -> the loss of the batch before it, left on the device."""
        x, T = self.parts["train"]
        weights = None if self.weights is None else self.weights[rows]
        self.t += 1
        self.params, self.slots, shares = train_step(
            self.job,
            self.params,
            self.slots,
            x[rows],
            T[rows],
            lr=lr,
            t=self.t,
            key=self.key,
            number=number,
            weights=weights,
        )
        return shares.sum()

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        x, T = self.parts[part]
        functions = functions_at(self.job.training, key=self.key, number=self.t)
        losses, predicted = functions.score(
            self.job.network, self.params, x, T, self.job.training.loss, tells_class=self.job.tells_class
        )
        return self.backend.to_numpy(losses), self.backend.to_numpy(predicted)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.backend.to_numpy(passes.predict(self.job.network, self.params, self._to_device(x)))
