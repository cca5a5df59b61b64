"""The compiled engine: an epoch is one call of machine code.  Its mathematics is in `kernels`.

A session lays parameters out in panels, inputs as sparse rows where most of them are zero, and hands both to
`kernels.passes.train`.  Inputs are counted: up to SPARSE_SHARE of non-zero values, rows are kept as (pixel, value).
"""

import weakref
from typing import Any

import numpy as np

from handgrad.data.batches import batch_length, steps_per_epoch
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.network.targets import encode
from handgrad.streams import dropout_key
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.engines.compiled.calling import call
from handgrad.training.engines.compiled.compilation import entry_point, prepare
from handgrad.training.engines.compiled.kernels import activations, layout, losses, updates
from handgrad.training.engines.compiled.kernels.dense import dense_passes as passes
from handgrad.training.engines.compiled.kernels.dense.batch_one import Window
from handgrad.training.engines.compiled.kernels.dense.lazy_updates import Late
from handgrad.training.engines.compiled.kernels.products import SEGMENT, Columns, Sparse
from handgrad.training.engines.compiled.kernels.vectors import LINE_BYTES, lanes_of

SPARSE_SHARE = 0.35
PART = 256  # rows of a batch that are worked through at once


def stages(network: Network, dtype: Any, rows: int) -> tuple[np.ndarray, int, int]:
    """The table of `layout`: (table, numbers in the parameters, numbers in a workspace of so many rows)."""
    L = lanes_of(dtype)
    dense = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    table = np.zeros((len(dense) + 1, layout.COLUMNS), np.int64)
    parameters = space = 0
    for stage, i in enumerate([-1, *dense]):
        row = table[stage]
        layer = network.layers[i] if stage else None
        assert layer is None or isinstance(layer, Dense)
        n, units = (table[stage - 1, layout.N_OUT], layer.units) if layer else (network.n_inputs, network.n_inputs)
        row[layout.N_IN], row[layout.N_OUT] = n, units
        if layer:
            row[layout.ACTIVATION] = activations.CODES[layer.activation]
            row[layout.NARROW] = units <= layout.NARROW_UNITS
            row[layout.W] = parameters
            parameters += layout.size(units, n, L) if row[layout.NARROW] else layout.size(n, units, L)
            row[layout.B] = parameters
            parameters += layout.size(1, units, L)
        after = network.layers[i + 1] if i + 1 < len(network.layers) else None
        dropped = isinstance(after, Dropout)
        row[layout.DROPOUT] = i + 1 if dropped else -1
        row[layout.LIMIT] = int(after.rate * 2**32) if isinstance(after, Dropout) else 0
        count = layout.size(rows, units, L)
        for column in (layout.A, layout.DZ, *((layout.MASK, layout.X) if dropped else ())):
            row[column] = space
            space += count
        if not dropped:
            row[layout.X] = row[layout.A]
    return table, parameters, space


def sparse_rows(x: np.ndarray, dtype: Any) -> Sparse:
    """The rows of x (n, pixels) as their non-zero pixels, in segments of SEGMENT pixels; some rows at a time."""
    n, width = x.shape
    edges = range(0, width, SEGMENT)
    counts, pixels, values = [np.zeros((0, len(edges)), np.int64)], [], []
    for part in (x[i : i + 1000] for i in range(0, n, 1000)):
        part = np.asarray(part, dtype)
        found = part != 0
        counts.append(np.stack([found[:, s : s + SEGMENT].sum(1) for s in edges], axis=1))
        pixels.append(np.nonzero(found)[1].astype(np.uint16))
        values.append(part[found])
    starts = np.concatenate([[0], np.concatenate(counts).ravel().cumsum()]).astype(np.int64)
    return Sparse(starts, np.concatenate(pixels), np.concatenate(values))


_converted: dict[tuple[int, str], tuple[weakref.ref[np.ndarray], Sparse]] = {}


def sparse_rows_once(x: np.ndarray, dtype: Any) -> Sparse:
    """`sparse_rows`; kept while x lives if nobody can write to x, since the runs of a study share their examples."""
    if x.flags.writeable:
        return sparse_rows(x.reshape(len(x), -1), dtype)
    key = (id(x), str(dtype))
    if key not in _converted:
        reference = weakref.ref(x, lambda _: _converted.pop(key, None))
        _converted[key] = (reference, sparse_rows(x.reshape(len(x), -1), dtype))
    return _converted[key][1]


class CompiledSession:
    """Trains with compiled kernels, an epoch a call."""

    def __init__(self, job: Job) -> None:
        self.job, training, network = job, job.training, job.network
        prepare(training.dtype, "dense")
        self.dtype = np.dtype(training.dtype)
        n = len(job.parts["train"][1])
        self.batch = batch_length(n, training.batch_size)
        self.rows = max(1, min(PART, max(len(y) for _, y in job.parts.values())))
        self.table, parameters, space = stages(network, self.dtype, self.rows)
        self.net = self.table.ravel()
        self.k = network.n_outputs
        self.codes = encode(np.arange(self.k), self.k, job.targets, self.dtype).ravel()
        optimizer = training.optimizer
        self.slot_count = len(optimizer.slots)
        self.sparse = self._is_sparse(job.parts["train"][0])
        self.inputs = {name: self._inputs(x, y) for name, (x, y) in job.parts.items()}
        singly = self.batch == 1 and self.sparse and optimizer.name == "sgd" and training.clip_norm is None
        self.window = LINE_BYTES // self.dtype.itemsize if singly else 0
        kept = not self.batch <= self.rows or training.clip_norm is not None
        sizes = (parameters, *(parameters if self.slot_count > s else 0 for s in (0, 1)), parameters if kept else 0)
        self.memory = updates.Memory(*(layout.aligned(count, self.dtype) for count in sizes))
        self.defers = self.sparse and not kept and training.weight_decay == 0
        self.work = self._workspace(space)
        self.h = np.zeros(updates.NUMBERS, self.dtype)
        self.plan = self._plan()
        self.rates = updates.rates(training)
        self.t = 0

    # -- what the kernels are given

    def _is_sparse(self, x: np.ndarray) -> bool:
        """Counted, not measured, so that the choice does not depend on the load."""
        first = self.table[1]
        if x[0].size > np.iinfo(np.uint16).max or first[layout.NARROW] or self.table[0, layout.DROPOUT] >= 0:
            return False
        nonzero = sum(int(np.count_nonzero(x[i : i + 1000])) for i in range(0, len(x), 1000))
        return nonzero <= SPARSE_SHARE * x.size

    def _inputs(self, x: np.ndarray, y: np.ndarray) -> passes.Inputs:
        if self.sparse:
            sparse, dense = sparse_rows_once(x, self.dtype), np.zeros(0, self.dtype)
        else:
            sparse = Sparse(np.zeros(1, np.int64), np.zeros(0, np.uint16), np.zeros(0, self.dtype))
            dense = np.ascontiguousarray(x, dtype=self.dtype).reshape(-1)
        dense.flags.writeable = False  # what is mapped from a file is, and the kernels' types say so
        return passes.Inputs(sparse, dense, np.array(y, np.int64))

    def _workspace(self, space: int) -> passes.Work:
        table, dtype, L = self.table, self.dtype, lanes_of(self.dtype)
        kept = np.zeros(len(table), dtype)
        for stage in np.flatnonzero(table[:, layout.DROPOUT] >= 0):
            layer = self.job.network.layers[table[stage, layout.DROPOUT]]
            assert isinstance(layer, Dropout)
            kept[stage] = 1 / (1 - layer.rate)
        turned = max((layout.size(o, i, L) for i, o in table[2:, :2].tolist()), default=0)
        pixels = int(table[0, layout.N_OUT]) if self.sparse else 0
        columns = Columns(
            np.zeros(pixels + 1, np.int64), np.zeros(pixels * self.rows, np.uint16), np.zeros(pixels * self.rows, dtype)
        )
        widest = int(table[1:, layout.N_OUT].max())
        return passes.Work(
            layout.aligned(space, dtype),
            kept,
            layout.aligned(turned, dtype),
            np.zeros(widest, dtype),
            np.zeros(widest, dtype),
            columns,
            self._window(),
            self._late(),
        )

    def _late(self) -> Late:
        """Room for `deferred`: a number for every pixel, and for every step of an epoch."""
        optimizer = self.job.training.optimizer.name
        used = self.defers and optimizer not in ("sgd", "adagrad")
        pixels = int(self.table[0, layout.N_OUT]) if used else 0
        steps = steps_per_epoch(len(self.job.parts["train"][1]), self.batch) if used else 0
        seen, rows, since = (np.zeros(pixels, np.int64) for _ in range(3))
        rate, correction, fade1, fade2, root = (np.zeros(steps + 1) for _ in range(5))
        past = updates.Past(rate, correction, fade1, fade2, root, np.zeros(1, np.int64))
        return Late(seen, rows, since, past)

    def _window(self) -> Window:
        first, steps = self.table[1], self.window
        matrix = layout.size(steps, int(first[layout.N_OUT]), lanes_of(self.dtype))
        sizes = (matrix, matrix, int(first[layout.N_IN]) * steps, steps * steps, steps)
        return Window(*(layout.aligned(count, self.dtype) for count in sizes))

    def _plan(self) -> np.ndarray:
        training, plan = self.job.training, np.zeros(passes.PLAN, np.int64)
        plan[passes.STAGES], plan[passes.SPARSE] = len(self.table) - 1, self.sparse
        plan[passes.PARAMETERS] = len(self.memory.theta)
        plan[passes.WINDOW], plan[passes.DEFER] = self.window, self.defers
        plan[passes.BATCH], plan[passes.ROWS] = self.batch, self.rows
        plan[passes.SEGMENTS] = -(-int(self.table[0, layout.N_OUT]) // SEGMENT)
        plan[passes.LOSS] = losses.CODES[training.loss]
        plan[passes.FUSED] = self.job.network.output == LOSSES[training.loss].fused_with
        plan[passes.MEAN] = training.batch_reduction == "mean"
        plan[passes.RULE] = updates.CODES[training.optimizer.name]
        plan[passes.KEY] = dropout_key(self.job.seed)
        plan[passes.PER_EXAMPLE] = training.l2_form == "per-example"
        return plan

    # -- the protocol

    def _places(self) -> list[tuple[str, int, int, tuple[int, int], bool]]:
        """(name, offset, rows, shape, transposed) of every parameter; a bias is a matrix of one row."""
        found = []
        names = iter(self.job.network.parameter_shapes)
        for row in self.table[1:].tolist():
            n, units, narrow = row[layout.N_IN], row[layout.N_OUT], bool(row[layout.NARROW])
            found.append((next(names), row[layout.W], units if narrow else n, (n, units), narrow))
            found.append((next(names), row[layout.B], 1, (1, units), False))
        return found

    def _fill(self, flat: np.ndarray, arrays: Params) -> None:
        for name, offset, _, shape, narrow in self._places():
            matrix = arrays[name].reshape(shape)
            layout.pack(matrix.T if narrow else matrix, flat, offset)

    def _read(self, flat: np.ndarray) -> Params:
        arrays = {}
        for name, offset, rows, shape, narrow in self._places():
            matrix = layout.unpack(flat, offset, rows, shape[0] if narrow else shape[1])
            arrays[name] = np.ascontiguousarray(matrix.T if narrow else matrix).reshape(
                self.job.network.parameter_shapes[name]
            )
        return arrays

    def load(self, params: Params, slots: Slots, t: int) -> None:
        self._fill(self.memory.theta, params)
        for s, flat in enumerate((self.memory.slot1, self.memory.slot2)[: self.slot_count]):
            flat[:] = 0
            if slots:
                self._fill(flat, {name: arrays[s] for name, arrays in slots.items()})
        self.t = t

    def export(self) -> tuple[Params, Slots, int]:
        slots = [self._read(flat) for flat in (self.memory.slot1, self.memory.slot2)[: self.slot_count]]
        params = self._read(self.memory.theta)
        return params, {name: tuple(slot[name] for slot in slots) for name in params}, self.t

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        curve = np.zeros(len(lrs), np.float32)
        done = self._call("train", len(order), (
            self.net, self.plan, self.rates, self.memory, self.work, self.inputs["train"], self.codes,
            np.ascontiguousarray(order, np.int64), np.asarray(lrs, np.float64), first_step, self.t, self.h, curve,
        ))  # fmt: skip
        self.t += done - (not np.isfinite(curve[done - 1]))
        return curve[:done]

    def _score(self, inputs: passes.Inputs, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = len(inputs.classes)
        of_example, predicted = np.zeros(n, self.dtype), np.zeros(n, np.int64)
        self._call("score", n, (
            self.net, self.plan, self.memory, self.work, inputs, self.codes,
            np.arange(n), of_example, predicted, outputs,
        ))  # fmt: skip
        return of_example, predicted

    def _call(self, name: str, n: int, arguments: tuple[Any, ...]) -> Any:
        kernel, products = entry_point(name, self.dtype.name), n * self.job.network.multiplications
        return call(kernel, arguments, plan=self.plan, stop=passes.STOP, products=products)

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        return self._score(self.inputs[part], np.zeros(0, self.dtype))

    def outputs(self, x: np.ndarray) -> np.ndarray:
        outputs = np.zeros(len(x) * self.k, self.dtype)
        self._score(self._inputs(x, np.zeros(len(x), np.int64)), outputs)
        return outputs.reshape(len(x), self.k)
