"""Every kernel of images against its twin, the reference function: compiled here, and once more with the compiler off.

A network makes two steps; then what the engine left in its workspace before and behind a layer is given to the
reference function, in extended precision.  So each kernel is seen alone, in any shape, and nothing is compiled for a
test.

The bounds: a sum of products may be wrong by UNITS units in the last place of the sum of the products' sizes, number by
number.  That bound knows no cancellation: where large terms nearly cancel, their sizes count, not what is left.
"""

import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

from handgrad.network import batch_norm
from handgrad.network.convolution import conv_backward, conv_backward_parameters, conv_forward
from handgrad.network.dense import dense_backward, dense_forward
from handgrad.network.dropout import dropout_mask
from handgrad.network.network import Network
from handgrad.network.pooling import (
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
)  # fmt: skip
from handgrad.network.windows import Windows
from handgrad.streams import dropout_key
from handgrad.training.engines import Job
from handgrad.training.engines.compiled.image_session import ImageSession
from handgrad.training.engines.compiled.kernels import layout
from handgrad.training.engines.compiled.kernels.images import ops
from handgrad.training.engines.compiled.program import IMAGE_CHUNK
from handgrad.training.training_section import TrainingSection

DTYPES = ("float32", "float64")
UNITS = 4
FAST = not numba.config.DISABLE_JIT  # the compiler off: the same tests on fewer sizes
SIZES = (1, 5, 13, 20, 32) if FAST else (1, 20)  # of a batch: a block with and without empty lanes, two blocks
IMAGES = (ops.IMAGES, ops.ARRANGE, ops.CONV, ops.MAX_POOL, ops.AVERAGE_POOL, ops.IMAGE_DROPOUT, ops.IMAGE_NORM)
SEED, STEP = 3, 11


def numbers(rng, name, shape):
    """Parameters that are nowhere special: not 0, not 1."""
    return rng.uniform(0.5, 2, size=shape) if name.endswith(".variance") else rng.normal(size=shape)


class Step:
    """The second step of a network on n examples, with a learning rate of 0: parameters, gradients, and layer by layer
    inputs and outputs with their gradients, for the part of the batch that went through the network last.  The first
    step, in another order, leaves its numbers everywhere in the workspace."""

    def __init__(self, shape, *layers, n, dtype, whole=False, x=None):
        rng = np.random.default_rng(n)
        x = rng.normal(size=(n, *shape)).astype(dtype) if x is None else x
        network = Network.parse(shape, *layers)
        params = {name: numbers(rng, name, s).astype(dtype) for name, s in network.parameter_shapes.items()}
        if whole:  # numbers that are often equal
            x, params = np.round(x), {name: np.round(w) for name, w in params.items()}
        # gradients that may have to be clipped are put aside, and so can be read
        training = TrainingSection(
            optimizer={"name": "sgd", "lr": 1}, batch_size="full", clip_norm=1e30, dtype=dtype, loss="squared-error"
        )
        part = x, rng.integers(0, network.n_outputs, n)
        session = ImageSession(Job(network, training, "one-hot", SEED, {"train": part}))
        session.load(params, {}, 0)
        with np.errstate(all="ignore"):
            session.train_epoch(rng.permutation(n), np.zeros(1), STEP - 1)
            self.params, order = session.export()[0], rng.permutation(n)
            session.train_epoch(order, np.zeros(1), STEP)
        self.x, self.after = x[order], session.export()[0]
        self.grads, self.session = session._read(session.memory.grad), session
        self.program, self.space = session.trained, session.train_pass.work.space
        self.n = n if n <= self.program.rows else (n - 1) % self.program.rows + 1

    def use(self):
        """The same for a forward pass of all examples in inference."""
        self.session.outputs(self.x)
        self.program, self.space, self.n = self.session.scored, self.session.score_pass.work.space, len(self.x)
        return self

    def read(self, k, column):
        """What lies at that column of operation k: (n, c, rows, cols) or (n, units)."""
        row, B = self.program.table[k].tolist(), self.program.lanes
        if row[ops.KIND] not in IMAGES:
            return layout.unpack(self.space, row[column], self.n, row[ops.CHANNELS])
        sizes = -(-self.n // B), B, row[ops.CHANNELS], row[ops.ROWS], row[ops.COLS]
        strides = row[ops.BLOCK], 1, row[ops.PLANE], row[ops.PITCH], B
        places = row[column] + sum(i * s for i, s in zip(np.indices(sizes), strides, strict=True))
        return self.space[places].reshape(-1, *sizes[2:])[: self.n]

    def around(self, layer):
        """The first and the last operation of the layer."""
        found = np.flatnonzero(self.program.table[:, ops.LAYER] == layer)
        return int(found[0]), int(found[-1])

    def layer(self, layer):
        """x, z, dz and dx of the layer at that position."""
        first, last = self.around(layer)
        return (
            self.read(first - 1, ops.A),
            self.read(last, ops.A),
            self.read(last, ops.D),
            self.read(first - 1, ops.D),
        )


def exact(*arrays):
    return (array.astype(np.longdouble) for array in arrays)


def sizes(*arrays):
    return (abs(array) for array in exact(*arrays))


def within(got, expected, scale, units=UNITS):
    """Wrong by no more than so many units in the last place of `scale`, number by number."""
    assert got.shape == expected.shape
    assert np.abs(got).max() > 0
    allowed = units * np.finfo(got.dtype).eps * scale
    assert (np.abs(got - expected) <= allowed).all(), (np.abs(got - expected) / allowed).max() * units


# -- convolution


CONVOLUTIONS = [
    ((2, 6, 5), "1x1", "1x1", "0x0"),
    ((2, 6, 5), "3x3", "1x1", "0x0"),
    ((3, 5, 7), "2x4", "1x1", "0x0"),
    ((2, 6, 5), "6x5", "1x1", "0x0"),  # one place
    ((1, 5, 6), "3x3", "1x1", "1x1"),
    ((2, 4, 4), "3x2", "1x1", "2x1"),
    ((2, 7, 7), "3x3", "2x2", "0x0"),
    ((1, 8, 6), "2x2", "2x2", "0x0"),
    ((2, 7, 8), "3x2", "2x3", "1x0"),
    ((3, 11, 9), "4x3", "3x2", "1x1"),
    ((2, 7, 7), "1x1", "2x2", "0x0"),  # pixels that no window sees
    ((1, 9, 9), "5x5", "4x1", "2x2"),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("shape", "size", "stride", "pad"), CONVOLUTIONS)
def test_convolution(shape, size, stride, pad, n, dtype):
    windows = Windows(*(tuple(map(int, pair.split("x"))) for pair in (size, stride, pad)))
    for filters in (1, 2, 3, 5, 8) if n == 5 else (7,):
        layers = f"conv {shape[0]} 1x1", f"conv {filters} {size} stride {stride} pad {pad}", "dense 3"
        step = Step(shape, *layers, n=n, dtype=dtype)
        x, z, dz, dx = step.layer(1)
        W, b = step.params["conv2.W"], step.params["conv2.b"]
        within(z, conv_forward(*exact(x, W, b), windows), conv_forward(*sizes(x, W, b), windows))
        expected, scales = conv_backward(*exact(dz, x, W), windows), conv_backward(*sizes(dz, x, W), windows)
        for got, right, scale in zip((dx, step.grads["conv2.W"], step.grads["conv2.b"]), expected, scales, strict=True):
            within(got, right, scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    "layers",
    [
        ("conv 3 3x2", "conv 5 2x3"),  # one behind the other: rows lie apart, with numbers between them
        ("conv 3 3x3", "conv 2 2x2 pad 1", "conv 4 3x3"),
        ("conv 3 3x3 pad 1", "batch-norm", "max-pool 3 stride 1", "conv 2 2x2"),
        ("conv 3 2x3", "average-pool 2 stride 1", "dropout 0.2", "conv 2 3x2"),
        ("conv 3 3x2", "max-pool 2", "conv 2 2x2"),
    ],
)
def test_convolutions_in_a_row(layers, n, dtype):
    step = Step((2, 8, 7), *layers, "dense 3", n=n, dtype=dtype)
    network = step.session.job.network
    for i, layer in enumerate(network.layers):
        if layer.kind == "conv":
            x, z, dz, _ = step.layer(i)
            W, b = (step.params[name] for name in network.parameter_names[i].values())
            within(z, conv_forward(*exact(x, W, b), layer.windows), conv_forward(*sizes(x, W, b), layer.windows))
            expected = conv_backward_parameters(*exact(dz, x, W), layer.windows)
            scales = conv_backward_parameters(*sizes(dz, x, W), layer.windows)
            for name, right, scale in zip(network.parameter_names[i].values(), expected, scales, strict=True):
                within(step.grads[name], right, scale)


# -- pooling


POOLS = [
    ((2, 6, 4), "2", "2"),
    ((1, 6, 9), "2x3", "2x3"),
    ((2, 5, 6), "2", "1"),
    ((2, 7, 7), "3", "2"),
    ((2, 8, 8), "2", "3"),  # pixels between windows
    ((1, 9, 5), "2x1", "3x2"),  # and past the last one
    ((3, 4, 5), "4x5", "4x5"),  # one window
    ((2, 4, 38), "2", "2"),  # rows of several lines, even of one example
    ((1, 3, 38), "3x2", "1x2"),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("shape", "size", "stride"), POOLS)
@pytest.mark.parametrize("whole", [False, True])
def test_max_pool(shape, size, stride, whole, n, dtype):
    layers = f"conv {shape[0]} 1x1", f"max-pool {size} stride {stride}", "dense 3"
    step = Step(shape, *layers, n=n, dtype=dtype, whole=whole)
    x, z, dz, dx = step.layer(1)
    windows = step.session.job.network.layers[1].windows
    np.testing.assert_array_equal(z, max_pool_forward(x, windows))
    counts = z.shape[2:]
    equal = sum((x[windows.at(i, j, counts)] == z).astype(int) for i, j in windows.offsets())
    assert (equal.max() > 1) == whole  # some windows have several maxima: the first counts
    expected, scale = max_pool_backward(dz, x, z, windows), max_pool_backward(abs(dz), x, z, windows)
    within(dx, expected, scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("pool", ["max-pool 3 stride 1", "max-pool 2"])
@pytest.mark.parametrize("shape", [(2, 6, 6), (1, 4, 38)])
def test_max_pool_of_numbers_that_are_not_finite(shape, pool, number, n, dtype):
    x = np.random.default_rng(0).normal(size=(n, *shape)).astype(dtype)
    x[:, -1, 2, 3] = x[n // 2, 0, 1, -2:] = number
    step = Step(shape, pool, "dense 3", n=n, dtype=dtype, x=x)
    np.testing.assert_array_equal(
        step.read(1, ops.A), max_pool_forward(step.x, step.session.job.network.layers[0].windows)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("shape", "size", "stride"), POOLS)
def test_average_pool(shape, size, stride, n, dtype):
    layers = f"conv {shape[0]} 1x1", f"average-pool {size} stride {stride}", "dense 3"
    step = Step(shape, *layers, n=n, dtype=dtype)
    x, z, dz, dx = step.layer(1)
    windows = step.session.job.network.layers[1].windows
    within(z, average_pool_forward(*exact(x), windows), average_pool_forward(*sizes(x), windows))
    within(dx, average_pool_backward(*exact(dz, x), windows), average_pool_backward(*sizes(dz, x), windows))


# -- batch norm


def along(x):
    return (0, *range(2, x.ndim))


def wide(of_units, x):
    return of_units.reshape(1, -1, *(1,) * (x.ndim - 2))


NORMS = {
    "images": ((3, 4, 5), "conv 3 1x1"),
    "units": ((9,), "dense 70"),
}
BATCHES = (1, 2, 3, 20, 50)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", BATCHES)
@pytest.mark.parametrize("what", NORMS)
def test_batch_norm(what, n, dtype):
    """A unit of two examples has x̂ ≈ ±1, and dx is what is left of terms that nearly cancel: the bound is theirs."""
    shape, before = NORMS[what]
    step = Step(shape, before, "batch-norm", "dense 3", n=n, dtype=dtype)
    params = {letter: step.params[f"batch-norm1.{letter}"] for letter in ("gamma", "beta", "mean", "variance")}
    x, z, dz, dx = step.layer(1)
    x, dz = exact(x, dz)
    gamma, beta, mean, variance = exact(*params.values())
    m, (mu, sigma2) = batch_norm.count(x), batch_norm.batch_statistics(x)
    scale = wide(1 / np.sqrt(sigma2 + batch_norm.EPS), x)
    size = np.abs(x) + wide(np.abs(x).mean(along(x)), x)  # of x − μ, before anything cancels
    of_scale = scale * size.max(along(x), keepdims=True)  # how many units the scale may be wrong
    x_hat = scale * (size + np.abs(x - wide(mu, x)) * of_scale)

    within(z, batch_norm.batch_norm_forward(x, gamma, beta), x_hat * wide(abs(gamma), x) + wide(abs(beta), x))
    expected = batch_norm.batch_norm_backward(dz, x, gamma)
    dbeta, dgamma = np.abs(dz).sum(along(x)), (np.abs(dz) * x_hat).sum(along(x))
    within(step.grads["batch-norm1.beta"], expected[2], dbeta)
    if m > 1:
        terms = np.abs(dz) + wide(dbeta / m, x) + x_hat * wide(dgamma / m, x)
        within(dx, expected[0], wide(abs(gamma), x) * scale * terms + np.abs(expected[0]) * of_scale)
        within(step.grads["batch-norm1.gamma"], expected[1], dgamma)
    else:
        assert not dx.any()
        assert not step.grads["batch-norm1.gamma"].any()

    running = batch_norm.batch_norm_running(x, mean, variance)
    within(step.after["batch-norm1.mean"], running[0], np.abs(mean) + np.abs(x).mean(along(x)))
    within(step.after["batch-norm1.variance"], running[1], variance + 2 * (x * x).max(along(x)))
    for name, w in step.params.items():
        assert (step.after[name] == w).all() == (m == 1 or not name.startswith("batch-norm1.") or name.endswith("a"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", NORMS)
def test_batch_norm_inference(what, dtype):
    shape, before = NORMS[what]
    step = Step(shape, before, "batch-norm", "dense 3", n=13, dtype=dtype).use()
    x, z, _, _ = step.layer(1)
    own = (step.after[f"batch-norm1.{letter}"] for letter in ("gamma", "beta", "mean", "variance"))
    gamma, beta, mean, variance = exact(*own)
    scale = (np.abs(x) + wide(abs(mean), x)) * wide(abs(gamma) / np.sqrt(variance), x) + wide(abs(beta), x)
    within(z, batch_norm.batch_norm_inference(*exact(x), gamma, beta, mean, variance), scale)


# -- dense rows, and what only moves numbers


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("units", [5, 32, 33, 70])  # W is kept transposed up to 32
def test_dense_rows(units, n, dtype):
    step = Step((2, 3, 4), "conv 3 1x1", f"dense {units}", "dense 3", n=n, dtype=dtype)
    x, z, dz, dx = step.layer(1)
    W, b = step.params["dense1.W"], step.params["dense1.b"]
    within(z, dense_forward(*exact(x, W, b)), dense_forward(*sizes(x, W, b)))
    expected, scales = dense_backward(*exact(dz, x, W)), dense_backward(*sizes(dz, x, W))
    for got, right, scale in zip((dx, step.grads["dense1.W"], step.grads["dense1.b"]), expected, scales, strict=True):
        within(got, right, scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_gathering_and_flattening_move_numbers(n, dtype):
    step = Step((2, 3, 5), "conv 3 2x2", "flatten", "dense 3", n=n, dtype=dtype)
    np.testing.assert_array_equal(step.read(0, ops.A), step.x)
    kinds = step.program.table[:, ops.KIND].tolist()
    flat = kinds.index(ops.FLATTEN)
    for column in (ops.A, ops.D):
        images, rows = step.read(flat - 1, column), step.read(flat, column)
        assert images.any()
        np.testing.assert_array_equal(rows, images.reshape(n, -1))
    rows = Step((70,), "dense 33", "batch-norm", "dense 3", n=n, dtype=dtype)
    np.testing.assert_array_equal(rows.read(0, ops.A), rows.x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [*SIZES, 2 * IMAGE_CHUNK + 6])
@pytest.mark.parametrize("before", ["conv 3 1x1", "dense 33"])
def test_dropout(before, n, dtype):
    """In a batch of several parts the mask seen is that of the last examples."""
    step = Step((2, 3, 5), before, "dropout 0.3", "dense 3", n=n, dtype=dtype)
    x, z, dz, dx = step.layer(1)
    units = math.prod(x.shape[1:])
    expected = dropout_mask(dropout_key(SEED), STEP, 1, n, units, 0.3, like=x)[n - step.n :].reshape(x.shape)
    mask = step.read(step.around(1)[0], ops.MASK)
    assert 0 < (mask == 0).mean() < 0.6
    np.testing.assert_array_equal(mask, expected.astype(dtype))
    np.testing.assert_array_equal(z, x * mask)
    np.testing.assert_array_equal(dx, dz * mask)
    if n <= IMAGE_CHUNK:
        x, z, _, _ = step.use().layer(1)
        np.testing.assert_array_equal(z, x)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_an_operation_of_unknown_kind_raises(layer):
    """In a thread of its own: where a kernel raises, it leaves subnormal numbers flushed."""
    step = Step((2, 5, 5), "conv 3 2x2", "max-pool 2", "dense 3", n=5, dtype="float32")
    _, last = step.around(layer)
    step.session.train_pass.table[last * ops.COLUMNS + ops.KIND] = 99
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="an operation of unknown kind goes forward"):
        pool.submit(step.session.train_epoch, np.arange(5), np.zeros(1), 0).result()


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the compiler is off already: this is the inner run")
def test_all_of_this_with_the_compiler_off():
    one_precision = ("-k", "not float32")
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *one_precision, str(Path(__file__))],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-2000:]
