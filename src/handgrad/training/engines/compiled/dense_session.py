"""Networks of dense layers and dropout: parameters in panels, examples as sparse rows where most pixels are zero.

Pixels are counted: up to SPARSE_SHARE of them not zero, examples are kept as (pixel, value), unless the first layer is
too narrow for it to pay.
"""

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from handgrad.data.batches import batch_length, steps_per_epoch
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.network import Network
from handgrad.training import twins
from handgrad.training.engines import Job, kernels_for, kernels_of
from handgrad.training.engines.compiled import slip_numbers
from handgrad.training.engines.compiled.kernels import constants as c
from handgrad.training.engines.compiled.kernels import layout, updates
from handgrad.training.engines.compiled.kernels.activations import AT_Z
from handgrad.training.engines.compiled.kernels.dense import stages
from handgrad.training.engines.compiled.kernels.dense.dense_passes import DenseInputs, DenseWork
from handgrad.training.engines.compiled.kernels.dense.lazy_updates import LateRows
from handgrad.training.engines.compiled.kernels.dense.windows import LONGEST, Window
from handgrad.training.engines.compiled.kernels.dense_layers import NARROW_UNITS, SPARSE_SHARE, SPARSE_UNITS
from handgrad.training.engines.compiled.kernels.layout import ParameterPlace
from handgrad.training.engines.compiled.kernels.products import ROOM_BETWEEN, SEGMENT, Columns, Sparse
from handgrad.training.engines.compiled.kernels.vectors import LINE_BYTES, lanes_of
from handgrad.training.engines.compiled.session import CompiledSession, Pass

DENSE_CHUNK = 256  # examples that go through the network at once, at most


def stage_table(
    network: Network, dtype: Any, rows: int, slips: Sequence[str] = (), *, sparse: bool = False
) -> tuple[np.ndarray, int, int]:
    """The table of `stages`: (table, numbers in the parameters, numbers in a workspace of so many rows).

    slips: of the setting.  sparse: the first layer takes sparse examples, for which its W lies in panels.
    Raises ValueError for a network with other layers.
    """
    if kernels_of(network.layers) != "dense":
        raise ValueError(f"not a network of dense layers and dropout: {', '.join(map(str, network.layers))}")
    L = lanes_of(dtype)
    dense = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    table = np.zeros((len(dense) + 1, stages.COLUMNS), np.int64)
    parameters = space = 0
    for stage, i in enumerate([-1, *dense]):
        row = table[stage]
        layer = network.layers[i] if stage else None
        assert layer is None or isinstance(layer, Dense)
        n, units = (table[stage - 1, stages.N_OUT], layer.units) if layer else (network.n_inputs, network.n_inputs)
        row[stages.N_IN], row[stages.N_OUT] = n, units
        if layer:
            row[stages.ACTIVATION] = twins.code_of("activation", layer.activation)
            row[stages.DERIVATIVE] = slip_numbers.derivative_code(layer.activation, slips)
            row[stages.WAY] = slip_numbers.derivative_way(layer.activation, slips)
            row[stages.NARROW] = units <= NARROW_UNITS and not (sparse and stage == 1)
            row[stages.W] = parameters
            parameters += layout.size(units, n, L) if row[stages.NARROW] else layout.size(n, units, L)
            row[stages.B] = parameters
            parameters += layout.size(1, units, L)
        after = network.layers[i + 1] if i + 1 < len(network.layers) else None
        dropped = isinstance(after, Dropout)
        row[stages.DROPOUT] = i + 1 if dropped else -1
        row[stages.LIMIT] = int(after.rate * 2**32) if isinstance(after, Dropout) else 0
        count = layout.size(rows, units, L)
        at_z = row[stages.WAY] == AT_Z
        row[[stages.X, stages.POINT]] = space  # those of A, where they have no place of their own
        for column in (
            stages.A, stages.DZ, *((stages.MASK, stages.X) if dropped else ()), *((stages.POINT,) if at_z else ()),
        ):  # fmt: skip
            row[column] = space
            space += count
    return table, parameters, space


def sparse_rows(x: np.ndarray, dtype: Any) -> Sparse:
    """The examples x (n, …) as their non-zero pixels, in segments of SEGMENT pixels; some examples at a time."""
    x = x.reshape(len(x), -1)
    width = x.shape[1]
    edges = range(0, width, SEGMENT)
    counts, pixels, values = [np.zeros((0, len(edges)), np.int64)], [], []
    for part in (x[i : i + 1000] for i in range(0, len(x), 1000)):
        part = np.asarray(part, dtype)
        found = part != 0
        counts.append(np.stack([found[:, s : s + SEGMENT].sum(1) for s in edges], axis=1))
        pixels.append(np.nonzero(found)[1].astype(np.uint16))
        values.append(part[found])
    starts = np.concatenate([[0], np.concatenate(counts).ravel().cumsum()]).astype(np.int64)
    return Sparse(starts, np.concatenate(pixels), np.concatenate(values))


def nonzero_share(x: np.ndarray) -> float:
    """How many of the numbers are not zero, of 1."""
    return sum(int(np.count_nonzero(x[i : i + 1000])) for i in range(0, len(x), 1000)) / x.size


Found = TypeVar("Found")
_found: dict[tuple[int, str], tuple[weakref.ref[np.ndarray], Any]] = {}


def once(x: np.ndarray, what: str, compute: Callable[[np.ndarray], Found]) -> Found:
    """compute(x); kept while x lives if nothing can write to x, since the runs of a study share their examples."""
    if x.flags.writeable:
        return compute(x)
    key = (id(x), what)
    if key not in _found:
        _found[key] = (weakref.ref(x, lambda _: _found.pop(key, None)), compute(x))
    found: Found = _found[key][1]
    return found


class DenseSession(CompiledSession):
    """Trains a network of dense layers and dropout; no dropout follows another."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        training, x = job.training, job.parts["train"][0]
        self.batch = batch_length(len(x), training.batch_size)
        self.rows = max(1, min(DENSE_CHUNK, max(len(y) for _, y in job.parts.values())))
        self.sparse = self._is_sparse(x)
        self.table, parameters, space = stage_table(
            job.network, self.dtype, self.rows, training.slips, sparse=self.sparse
        )
        self.places = self._places()
        self.inputs = self._all_inputs()
        put_aside = self.batch > self.rows or training.clip_norm is not None
        constants = self._constants(batch=self.batch, chunk=self.rows, parameters=parameters)
        self.memory = self._allocate(parameters, gradient=put_aside or bool(constants[c.ASIDE]))
        kernels = kernels_for(job.network.layers, training, 0.0) if self.sparse else "dense"
        self._prepare(kernels)
        self.window = LONGEST // self.batch * self.batch if kernels == "small-batches" else 0
        self.lazy = self.sparse and not put_aside and training.weight_decay == 0
        constants[c.STAGES], constants[c.SPARSE] = len(self.table) - 1, self.sparse
        constants[c.WINDOW], constants[c.LAZY] = self.window, self.lazy
        constants[c.SEGMENTS] = -(-int(self.table[0, stages.N_OUT]) // SEGMENT)
        work, scoring = self._workspace(space), constants.copy()
        constants[c.TRAIN] = constants[c.DROPS] = 1
        constants[c.WEIGHTED] = job.weights is not None
        scoring[c.SHARED] = 0
        kept = slip_numbers.kept_in_training(work.kept, training.slips)
        self.train_pass = Pass(self.table.ravel(), constants, work._replace(kept=kept))
        self.score_pass = Pass(self.table.ravel(), scoring, work)

    def _places(self) -> dict[str, ParameterPlace]:
        names, places = iter(self.job.network.parameter_shapes), {}
        for row in self.table[1:].tolist():
            n, units, narrow = row[stages.N_IN], row[stages.N_OUT], bool(row[stages.NARROW])
            places[next(names)] = ParameterPlace(row[stages.W], units if narrow else n, (n, units), narrow)
            places[next(names)] = ParameterPlace(row[stages.B], 1, (1, units), False)
        return places

    def _is_sparse(self, x: np.ndarray) -> bool:
        """Counted, not timed, so that the choice does not depend on the load."""
        first = self.job.network.layers[0]
        if x[0].size > np.iinfo(np.uint16).max or not isinstance(first, Dense) or first.units < SPARSE_UNITS:
            return False
        return once(x, "share", nonzero_share) <= SPARSE_SHARE

    def _inputs(self, x: np.ndarray, y: np.ndarray, weights: Sequence[float] | np.ndarray = ()) -> DenseInputs:
        if self.sparse:
            rows = partial(sparse_rows, dtype=self.dtype)
            sparse, dense = once(x, f"rows {self.dtype.name}", rows), np.zeros(0, self.dtype)
        else:
            sparse, dense = Sparse(np.zeros(1, np.int64), np.zeros(0, np.uint16), np.zeros(0, self.dtype)), x
        return DenseInputs(sparse, self._read_only(dense), self._rows_of_targets(y), np.array(weights, self.dtype))

    # -- the workspace

    def _workspace(self, space: int) -> DenseWork:
        table, dtype, L = self.table, self.dtype, lanes_of(self.dtype)
        kept = np.zeros(len(table), dtype)
        for stage in np.flatnonzero(table[:, stages.DROPOUT] >= 0):
            layer = self.job.network.layers[table[stage, stages.DROPOUT]]
            assert isinstance(layer, Dropout)
            kept[stage] = 1 / (1 - layer.rate)
        transposed = max((layout.size(o, i, L) for i, o in table[2:, :2].tolist()), default=0)
        pixels = int(table[0, stages.N_OUT]) if self.sparse else 0
        entries = pixels * (self.rows + ROOM_BETWEEN)
        counts, listed = np.zeros(pixels, np.int64), np.zeros(pixels, np.int64)
        columns = Columns(counts, listed, np.zeros(entries, np.uint16), np.zeros(entries, dtype))
        widest = int(table[1:, stages.N_OUT].max())
        return DenseWork(
            layout.aligned(space, dtype),
            kept,
            layout.aligned(transposed, dtype),
            np.zeros(widest, dtype),
            np.zeros(widest, dtype),
            columns,
            self._window(),
            self._late(),
        )

    def _late(self) -> LateRows:
        """Room for `lazy_updates`: a number for every pixel, and for every step of an epoch."""
        used = self.lazy and self.job.training.optimizer.name not in ("sgd", "adagrad")
        pixels = int(self.table[0, stages.N_OUT]) if used else 0
        steps = steps_per_epoch(len(self.job.parts["train"][1]), self.batch) if used else 0
        seen, rows, since = (np.zeros(pixels, np.int64) for _ in range(3))
        rate, correction, fade1, fade2, root = (np.zeros(steps + 1) for _ in range(5))
        past = updates.PastSteps(rate, correction, fade1, fade2, root, np.zeros(1, np.int64))
        return LateRows(seen, rows, since, past)

    def _window(self) -> Window:
        """Room for `windows`, of no size where it is not used."""
        first, rows, line = self.table[1], self.window, LINE_BYTES // self.dtype.itemsize
        matrix, width = layout.size(rows, int(first[stages.N_OUT]), lanes_of(self.dtype)), layout.size(1, rows, line)
        sizes = (matrix, matrix, int(first[stages.N_IN]) * width, rows * width, width)
        return Window(*(layout.aligned(count, self.dtype) for count in sizes))
