"""From a network to its program: the table of `kernels.images.ops`, the lists of taps and the memory they take."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handgrad.names import lookup
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.layer import Layer
from handgrad.network.network import Network
from handgrad.training import twins
from handgrad.training.engines.compiled import slip_numbers
from handgrad.training.engines.compiled.kernels import layout
from handgrad.training.engines.compiled.kernels.activations import AT_Z
from handgrad.training.engines.compiled.kernels.dense_layers import NARROW_UNITS
from handgrad.training.engines.compiled.kernels.images import ops
from handgrad.training.engines.compiled.kernels.images.convolution import TAP_TILE
from handgrad.training.engines.compiled.kernels.layout import ParameterPlace
from handgrad.training.engines.compiled.kernels.vectors import LINE_BYTES, lanes_of

IMAGE_CHUNK = 32  # examples of a batch that go through the network at once
BLOCK_LANES = 16  # of them side by side in a block
FEWER_LANES = 12  # up to so many examples, a block has no empty lanes; above, whole vectors are faster

POOLS = {"max-pool": ops.MAX_POOL, "average-pool": ops.AVERAGE_POOL}

SWAP_BYTES = 4096  # planes at a multiple of this distance fall on each other in the nearest cache


def has_norm(network: Network) -> bool:
    """Whether a layer needs the whole batch at once."""
    return any(isinstance(layer, BatchNorm) for layer in network.layers)


@dataclass
class Program:
    """The table and the lists of one network, for chunks of `rows` examples; slips: of the setting.

    parameters, space: how many numbers the parameters and the workspace take, padding included.  places: of each
    parameter by name.
    """

    network: Network
    dtype: Any
    rows: int
    slips: Sequence[str] = ()
    table: np.ndarray = field(init=False)
    taps: list[int] = field(default_factory=list)
    places: dict[str, ParameterPlace] = field(default_factory=dict)
    parameters: int = 0
    space: int = 0

    def __post_init__(self) -> None:
        self.L, self.line = lanes_of(self.dtype), LINE_BYTES // np.dtype(self.dtype).itemsize
        self.blocks = -(-self.rows // BLOCK_LANES)
        self.lanes = -(-self.rows // self.blocks)
        if self.lanes > FEWER_LANES:
            self.lanes = BLOCK_LANES
        self.rows_now: list[np.ndarray] = []
        self.images = len(self.network.input_shape) == 3 and self._has_images()
        self._source()
        for i, layer in enumerate(self.network.layers):
            self._layer(i, layer)
        self.table = np.array(self.rows_now)
        self.first = int(np.flatnonzero(self.table[:, ops.W_END] > 0)[0])

    def _has_images(self) -> bool:
        """Whether a layer before the first dense one takes images as such."""
        shapes = zip(self.network.layers, self.network.input_shapes, strict=True)
        return any(len(shape) == 3 and (layer.needs_images or isinstance(layer, BatchNorm)) for layer, shape in shapes)

    # -- memory

    def _take(self, count: int) -> int:
        """Where so many numbers of the workspace begin."""
        begin = self.space
        self.space += -(-count // self.L) * self.L
        return begin

    def _parameter(self, name: str, rows: int, shape: tuple[int, int], *, transposed: bool = False) -> tuple[int, int]:
        """(begin, end) of a parameter."""
        begin = self.parameters
        count = layout.size(rows, shape[0] if transposed else shape[1], self.L) if rows else math.prod(shape)
        self.parameters += -(-count // self.L) * self.L
        self.places[name] = ParameterPlace(begin, rows, shape, transposed)
        return begin, self.parameters

    def _row(self, kind: int, layer: int, activation: str = "identity") -> np.ndarray:
        row = np.zeros(ops.COLUMNS, np.int64)
        row[[ops.KIND, ops.LAYER]], row[ops.ACTIVATION] = (kind, layer), twins.code_of("activation", activation)
        row[ops.DERIVATIVE] = slip_numbers.derivative_code(activation, self.slips)
        row[ops.WAY] = slip_numbers.derivative_way(activation, self.slips)
        self.rows_now.append(row)
        return row

    def _image_memory(self, row: np.ndarray, shape: tuple[int, ...], pitch: int = 0, reach: int = 0) -> None:
        """Room for images and their gradients; reach: how far before and behind a plane a gather looks."""
        row[[ops.CHANNELS, ops.ROWS, ops.COLS]] = shape
        row[ops.PITCH] = pitch or shape[2] * self.lanes
        row[ops.FRONT] = -(-reach // self.line) * self.line
        plane = -(-(shape[1] * row[ops.PITCH] + reach + self.L) // self.line) * self.line
        if plane * np.dtype(self.dtype).itemsize % SWAP_BYTES == 0:
            plane += self.line
        row[ops.PLANE] = plane
        row[ops.BLOCK] = -(-(row[ops.FRONT] + shape[0] * plane) // self.L) * self.L
        self._blocks_of(row)

    def _blocks_of(self, row: np.ndarray) -> None:
        self._matrices(row, self.blocks * row[ops.BLOCK] + self.L)

    def _row_memory(self, row: np.ndarray, units: int) -> None:
        row[[ops.CHANNELS, ops.ROWS, ops.COLS]] = units, 1, 1
        self._matrices(row, layout.size(self.rows, units, self.L))

    def _matrices(self, row: np.ndarray, count: int) -> None:
        """Room for what an operation keeps of a chunk, of so many numbers each."""
        masked, at_z = row[ops.KIND] in (ops.IMAGE_DROPOUT, ops.DROPOUT), row[ops.WAY] == AT_Z
        for column in (ops.A, ops.D, *((ops.MASK,) if masked else ()), *((ops.POINT,) if at_z else ())):
            row[column] = self._take(count) + row[ops.FRONT]
        if not at_z:
            row[ops.POINT] = row[ops.A]

    # -- operations

    def _source(self) -> None:
        row = self._row(ops.IMAGES if self.images else ops.ROWS_OF_NUMBERS, -1)
        if self.images:
            self._image_memory(row, self.network.input_shape)
        else:
            self._row_memory(row, self.network.n_inputs)

    def _layer(self, i: int, layer: Layer) -> None:
        operations: dict[str, Callable[[int, Any], None]] = {
            "dense": self._dense,
            "flatten": self._flatten,
            "conv": self._conv,
            "dropout": self._dropout,
            "batch-norm": self._norm,
            "max-pool": self._pool,
            "average-pool": self._pool,
        }
        lookup(operations, layer.kind, "layer of the compiled engine")(i, layer)

    def _flatten(self, i: int, layer: Any) -> None:
        """Images become rows; rows stay as they are."""
        before = self.rows_now[-1]
        if self.images:
            self._row_memory(self._row(ops.FLATTEN, -1), math.prod(before[[ops.CHANNELS, ops.ROWS, ops.COLS]].tolist()))
            self.images = False

    def _dense(self, i: int, layer: Any) -> None:
        self._flatten(i, layer)
        n, names = int(self.rows_now[-1][ops.CHANNELS]), self.network.parameter_names[i]
        row = self._row(ops.DENSE, i, layer.activation)
        narrow = layer.units <= NARROW_UNITS
        row[ops.N_IN], row[ops.NARROW] = n, narrow
        shape = (n, layer.units)
        row[[ops.W, ops.W_END]] = self._parameter(names["W"], layer.units if narrow else n, shape, transposed=narrow)
        row[[ops.BIAS, ops.BIAS_END]] = self._parameter(names["b"], 1, (1, layer.units))
        self._row_memory(row, layer.units)

    def _dropout(self, i: int, layer: Any) -> None:
        before = self.rows_now[-1]
        row = self._row(ops.IMAGE_DROPOUT if self.images else ops.DROPOUT, i)
        row[ops.LIMIT] = math.floor(layer.rate * 2**32)
        if self.images:
            geometry = [ops.CHANNELS, ops.ROWS, ops.COLS, ops.PITCH, ops.PLANE, ops.BLOCK, ops.FRONT]
            row[geometry] = before[geometry]
            self._blocks_of(row)
        else:
            self._row_memory(row, int(before[ops.CHANNELS]))

    def _norm(self, i: int, layer: Any) -> None:
        shape, names = self.network.input_shapes[i], self.network.parameter_names[i]
        row = self._row(ops.IMAGE_NORM if self.images else ops.NORM, i, layer.activation)
        columns = {
            "gamma": [ops.W, ops.W_END],
            "beta": [ops.BIAS, ops.BIAS_END],
            "mean": [ops.MEAN],
            "variance": [ops.VARIANCE],
        }
        for letter, name in names.items():
            row[columns[letter]] = self._parameter(name, 1, (1, shape[0]))[: len(columns[letter])]
        row[ops.STATISTICS] = self._take(2 * layout.size(1, shape[0], self.L))
        if self.images:
            self._image_memory(row, shape)
        else:
            self._row_memory(row, shape[0])

    def _pool(self, i: int, layer: Any) -> None:
        row = self._row(POOLS[layer.kind], i)
        row[[ops.SIZE_ROWS, ops.SIZE_COLS]], row[[ops.STRIDE_ROWS, ops.STRIDE_COLS]] = layer.size, layer.stride
        shape, after = self.network.input_shapes[i], self.network.shapes[i]
        whole = all(n == count * s for n, count, s in zip(shape[1:], after[1:], layer.stride, strict=True))
        row[ops.ONCE] = layer.size == layer.stride and whole
        self._image_memory(row, after)

    def _conv(self, i: int, layer: Any) -> None:
        (s_rows, s_cols), (k_rows, k_cols) = layer.stride, layer.size
        channels = self.network.input_shapes[i][0]
        if layer.stride != (1, 1) or layer.pad != (0, 0):
            self._arranged(i, layer)
        x, names = self.rows_now[-1], self.network.parameter_names[i]
        row = self._row(ops.CONV, i, layer.activation)
        taps = channels * k_rows * k_cols
        row[[ops.SIZE_ROWS, ops.SIZE_COLS]], row[ops.TAPS] = layer.size, taps
        row[[ops.W, ops.W_END]] = self._parameter(names["W"], 0, (layer.filters, taps))
        row[[ops.BIAS, ops.BIAS_END]] = self._parameter(names["b"], 0, (1, layer.filters))
        B, pitch, after = self.lanes, int(x[ops.PITCH]), self.network.shapes[i]
        reach = (k_rows - 1) // s_rows * pitch + (k_cols - 1) // s_cols * B
        self._image_memory(row, after, pitch, reach)
        row[[ops.RUNS, ops.LENGTH]] = self._runs(after[1], after[2] * B, pitch, self.L)
        row[[ops.BACK_RUNS, ops.BACK_LENGTH]] = self._runs(int(x[ops.ROWS]), int(x[ops.COLS]) * B, pitch, self.L)
        row[[ops.TAP_RUNS, ops.TAP_LENGTH]] = self._runs(after[1], after[2] * B, pitch, self.line)
        if after[2] * B % self.line:  # a vector would take in the next row, which is no zero
            row[[ops.TAP_RUNS, ops.TAP_LENGTH]] = 1, (after[1] - 1) * pitch + after[2] * B
        self._tap_list(row, x, channels, layer)
        self._back_list(row, x, channels, layer)

    def _arranged(self, i: int, layer: Any) -> None:
        (s_rows, s_cols), (p_rows, p_cols) = layer.stride, layer.pad
        channels, rows, cols = self.network.input_shapes[i]
        row = self._row(ops.ARRANGE, i)
        row[[ops.STRIDE_ROWS, ops.STRIDE_COLS]], row[[ops.PAD_ROWS, ops.PAD_COLS]] = layer.stride, layer.pad
        shape = channels * s_rows * s_cols, -(-(rows + 2 * p_rows) // s_rows), -(-(cols + 2 * p_cols) // s_cols)
        self._image_memory(row, shape)

    @staticmethod
    def _runs(rows: int, length: int, pitch: int, L: int) -> tuple[int, int]:
        """Rows one by one, or the plane as a whole where that takes fewer vectors."""
        whole = (rows - 1) * pitch + length
        return (1, whole) if -(-whole // L) < rows * -(-length // L) else (rows, length)

    def _tap_list(self, row: np.ndarray, x: np.ndarray, channels: int, layer: Any) -> None:
        (s_rows, s_cols), (k_rows, k_cols) = layer.stride, layer.size
        row[ops.TAP_LIST] = len(self.taps)
        pairs: list[tuple[int, int]] = []
        for c in range(channels):
            for i in range(k_rows):
                for j in range(k_cols):
                    channel = (c * s_rows + i % s_rows) * s_cols + j % s_cols
                    offset = channel * x[ops.PLANE] + i // s_rows * x[ops.PITCH] + j // s_cols * self.lanes
                    pairs.append((int(offset), len(pairs)))
        pairs += [pairs[-1]] * (-len(pairs) % TAP_TILE)
        self.taps += [number for pair in pairs for number in pair]

    def _back_list(self, row: np.ndarray, x: np.ndarray, channels: int, layer: Any) -> None:
        """How many phases; for each (where its channels begin in x, groups, taps in a group, their first); the taps."""
        (s_rows, s_cols), (k_rows, k_cols), T = layer.stride, layer.size, int(row[ops.TAPS])
        row[ops.BACK_LIST] = len(self.taps)
        heads: list[int] = []
        pairs: list[int] = []
        begin = len(self.taps) + 1 + 4 * s_rows * s_cols
        for a in range(s_rows):
            for b in range(s_cols):
                tall, cols = range(a, k_rows, s_rows), range(b, k_cols, s_cols)
                wide = layer.filters * len(cols)
                heads += [(a * s_cols + b) * int(x[ops.PLANE]), len(tall) if wide else 0, wide, begin + len(pairs)]
                for i in tall:
                    for o in range(layer.filters):
                        for j in cols:
                            offset = o * row[ops.PLANE] - i // s_rows * row[ops.PITCH] - j // s_cols * self.lanes
                            pairs += [int(offset), o * T + i * k_cols + j]
        self.taps += [s_rows * s_cols, *heads, *pairs]

    # -- what the workspace needs besides

    def kept(self) -> np.ndarray:
        """1/(1 − rate) of every dropout operation."""
        kept = np.zeros(len(self.table), self.dtype)
        for k in np.flatnonzero(self.table[:, ops.MASK]):
            layer = self.network.layers[self.table[k, ops.LAYER]]
            assert isinstance(layer, Dropout)
            kept[k] = 1 / (1 - layer.rate)
        return kept

    def transposed(self) -> int:
        """Numbers that the largest dense W takes when it is transposed."""
        dense = [(shape, self.L) for name, (_, _, shape, _) in self.places.items() if self._is_dense(name)]
        return max((layout.size(o, i, L) for (i, o), L in dense), default=0)

    def _is_dense(self, name: str) -> bool:
        i = next(i for i, names in enumerate(self.network.parameter_names) if name in names.values())
        return isinstance(self.network.layers[i], Dense) and name.endswith(".W")
