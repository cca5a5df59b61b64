"""What sessions of the compiled engine share: one call of machine code trains an epoch, one scores a part.

A session of `dense_session` or of `image_session` lays parameters, examples and a workspace out for its kernels.  From
there on both are alike: parameters go in and out by their places, and the entry points take the same arguments.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from handgrad.network.losses import LOSSES
from handgrad.network.passes import rows_at_once
from handgrad.network.targets import VALUES, encode
from handgrad.streams import dropout_key
from handgrad.training import twins
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.engines.compiled import slip_numbers
from handgrad.training.engines.compiled.calling import call, machine_code
from handgrad.training.engines.compiled.compilation import ENTRY_POINTS, entry_point, prepare
from handgrad.training.engines.compiled.kernels import constants as c
from handgrad.training.engines.compiled.kernels import layout, updates
from handgrad.training.engines.compiled.kernels.layout import ParameterPlace
from handgrad.training.engines.compiled.kernels.vectors import LINE_BYTES
from handgrad.training.support import check_supported


class Pass(NamedTuple):
    """What kernels are given to train, or to score: the network as a table, whole numbers, a workspace."""

    table: np.ndarray
    constants: np.ndarray
    work: Any


class CompiledSession(ABC):
    """A `Session` by kernels of one kind.  Raises InputError for a name that has no kernel, before it compiles."""

    train_kernel: Callable[..., Any]
    score_kernel: Callable[..., Any]
    places: dict[str, ParameterPlace]
    memory: updates.Memory
    inputs: dict[str, Any]
    train_pass: Pass
    score_pass: Pass

    def __init__(self, job: Job) -> None:
        check_supported("compiled", job.network, job.training)
        self.job = job
        self.dtype = np.dtype(job.training.dtype)
        self.tells_class = job.tells_class
        self.k, self.multiplications = job.network.n_outputs, job.network.multiplications
        classes = np.zeros((1, self.k)) if job.targets == VALUES else np.arange(max(self.k, 2))
        self.T = self._with_room(encode(classes, self.k, job.targets, self.dtype))  # a row for every class
        self.targets: dict[str, np.ndarray] = {}
        self.weights = np.array(() if job.weights is None else job.weights, self.dtype)  # of the training examples
        self.slot_count = len(job.training.optimizer.slots)
        self.h = np.zeros(updates.NUMBERS, self.dtype)
        self.rates = updates.rates_of(job.training)
        slip_numbers.set_rates(self.rates, job.training.slips)
        self.t = 0
        self.codes: dict[Callable[..., Any], Callable[..., Any]] = {}  # of the kernels that were called

    def _prepare(self, kind: str) -> None:
        """Compile or load the entry points of that kind (of ENTRY_POINTS)."""
        prepare(self.dtype.name, kind)
        points = ENTRY_POINTS[kind]
        self.train_kernel = entry_point(points.train, self.dtype.name)
        self.score_kernel = entry_point(points.score, self.dtype.name)

    def _rows_of_targets(self, y: np.ndarray) -> np.ndarray:
        """Which row of T each example has: its class, or where targets are numbers its own."""
        return np.array(y if y.ndim == 1 else np.arange(len(y)), np.int64)

    def _targets(self, part: str) -> np.ndarray:
        """T, row after row: one for every class, or where targets are numbers one for every example of the part."""
        if part not in self.targets:
            y = self.job.parts[part][1]
            self.targets[part] = self.T if y.ndim == 1 else self._with_room(y)
        return self.targets[part]

    def _with_room(self, targets: np.ndarray) -> np.ndarray:
        """Targets row after row, and zeros behind them: losses take whole lines of 64 bytes."""
        return np.append(targets.ravel(), np.zeros(LINE_BYTES // self.dtype.itemsize)).astype(self.dtype)

    @abstractmethod
    def _inputs(self, x: np.ndarray, y: np.ndarray, weights: Sequence[float] | np.ndarray = ()) -> Any:
        """Examples, their classes and the weights of their losses, or none, as the kernels take them."""

    def _all_inputs(self) -> dict[str, Any]:
        """`_inputs` of every part."""
        parts, weights = self.job.parts, {"train": self.weights}
        return {name: self._inputs(x, y, weights.get(name, ())) for name, (x, y) in parts.items()}

    def _read_only(self, x: np.ndarray) -> np.ndarray:
        """Examples one after the other.  What is mapped from a file is read-only, and the kernels' types say so."""
        flat = np.ascontiguousarray(x, dtype=self.dtype).reshape(-1)
        flat.flags.writeable = False
        return flat

    def _allocate(self, count: int, *, gradient: bool) -> updates.Memory:
        """`count` parameters, the optimizer's slots and, where gradients are put aside, room for them."""
        sizes = (count, *(count if self.slot_count > s else 0 for s in (0, 1)), count if gradient else 0)
        return updates.Memory(*(layout.aligned(size, self.dtype) for size in sizes))

    def _constants(self, *, batch: int, chunk: int, parameters: int) -> np.ndarray:
        """`constants` as far as both kinds of networks have them."""
        training, constants = self.job.training, np.zeros(c.CONSTANTS, np.int64)
        constants[c.BATCH], constants[c.CHUNK], constants[c.PARAMETERS] = batch, chunk, parameters
        constants[c.LOSS] = twins.code_of("loss", training.loss)
        constants[c.FUSED] = self.job.network.output == LOSSES[training.loss].fused_with
        constants[c.MEAN] = training.batch_reduction == "mean"
        constants[c.OPTIMIZER] = twins.code_of("optimizer", training.optimizer.name)
        constants[c.KEY] = dropout_key(self.job.seed)
        constants[c.PER_EXAMPLE] = training.l2_form == "per-example"
        slip_numbers.set_constants(constants, training)
        return constants

    def takes(self, job: Job) -> bool:
        """Train this job from the next `load` on, if it differs from the one before by its seed alone -> whether so."""
        if job.training.augments or not job.differs_by_seed(self.job):
            return False
        self.job = job
        for one in (self.train_pass, self.score_pass):
            one.constants[c.KEY] = dropout_key(job.seed)
        return True

    # -- parameters in and out

    def _slots(self) -> tuple[np.ndarray, ...]:
        return (self.memory.slot1, self.memory.slot2)[: self.slot_count]

    def _fill(self, flat: np.ndarray, arrays: Params) -> None:
        """Lay arrays out in `flat`, each at its place."""
        for name, array in arrays.items():
            offset, rows, shape, transposed = self.places[name]
            matrix = array.reshape(shape)
            if rows:
                layout.pack(matrix.T if transposed else matrix, flat, offset)
            else:
                flat[offset : offset + array.size] = array.ravel()

    def _read(self, flat: np.ndarray) -> Params:
        """All parameters, or what is laid out like them, from `flat`."""
        arrays = {}
        for name, shape_of_array in self.job.network.parameter_shapes.items():
            offset, rows, shape, transposed = self.places[name]
            if rows:
                matrix = layout.unpack(flat, offset, rows, shape[0] if transposed else shape[1])
            else:
                matrix = flat[offset : offset + shape[0] * shape[1]].copy()
            arrays[name] = np.ascontiguousarray(matrix.T if transposed else matrix).reshape(shape_of_array)
        return arrays

    def load(self, params: Params, slots: Slots, t: int) -> None:
        self._fill(self.memory.theta, params)
        for s, flat in enumerate(self._slots()):
            flat[:] = 0
            self._fill(flat, {name: arrays[s] for name, arrays in slots.items()})
        self.t = t

    def export(self) -> tuple[Params, Slots, int]:
        slots, params = [self._read(flat) for flat in self._slots()], self._read(self.memory.theta)
        learnt = [name for name in params if name not in self.job.network.buffer_names]
        return params, {name: tuple(slot[name] for slot in slots) for name in learnt}, self.t

    # -- calls of the entry points

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        table, constants, work = self.train_pass
        curve = np.zeros(len(lrs), np.float32)
        done = self._call(self.train_kernel, constants, len(order), (
            table, constants, self.rates, self.memory, work, self.inputs["train"], self._targets("train"),
            np.ascontiguousarray(order, np.int64), np.ascontiguousarray(lrs, np.float64), first_step, self.t, self.h,
            curve,
        ))  # fmt: skip
        self.t += done
        if not np.isfinite(curve[done - 1]):  # the batch whose loss is not finite made no step
            self.t -= 1
        return curve[:done]

    def take_examples(self, x: np.ndarray) -> None:
        self.inputs["train"] = self._inputs(x, self.job.parts["train"][1], self.weights)

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        drops, n = "dropout-while-scoring" in self.job.training.slips, len(self.job.parts[part][1])
        outputs = np.zeros(0 if self.tells_class else n * self.k, self.dtype)
        losses, predicted = self._score(self.inputs[part], self._targets(part), n, outputs, drops)
        return losses, predicted if self.tells_class else outputs.reshape(n, self.k)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        outputs = np.zeros(len(x) * self.k, self.dtype)
        self._score(self._inputs(x, np.zeros(len(x), np.int64)), self.T, len(x), outputs, False)
        return outputs.reshape(len(x), self.k)

    def _score(
        self, inputs: Any, targets: np.ndarray, n: int, outputs: np.ndarray, drops: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """(loss of every example, predicted class); outputs (n·k,) are written where there is room for them.

        drops: dropout is on, with the masks of the reference: for each `rows_at_once` examples those of another step.
        """
        table, constants, work = self.score_pass
        constants[c.DROPS] = drops
        of_example, predicted = np.zeros(n, self.dtype), np.zeros(n, np.int64)
        at_once = rows_at_once(self.job.network) if drops else max(n, 1)
        for chunk, start in enumerate(range(0, n, at_once)):
            end = min(start + at_once, n)
            self._call(self.score_kernel, constants, end - start, (
                table, constants, self.memory, work, inputs, targets, np.arange(start, end), self.t + chunk,
                of_example[start:end], predicted[start:end], outputs[start * self.k : end * self.k],
            ))  # fmt: skip
        return of_example, predicted

    def _call(self, kernel: Callable[..., Any], constants: np.ndarray, n: int, arguments: tuple[Any, ...]) -> Any:
        """kernel(*arguments).  Their types are compared in the first call of a session, and are the same in all."""
        code = self.codes.get(kernel)
        result = call(code or kernel, arguments, constants=constants, products=n * self.multiplications)
        if code is None:
            self.codes[kernel] = machine_code(kernel)
        return result
