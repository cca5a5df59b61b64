"""Every kernel against its twin, the reference function: compiled here, and once more with the compiler off."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from handgrad.network.activations import ACTIVATIONS
from handgrad.network.dense import dense_backward, dense_forward
from handgrad.network.dropout import dropout_mask
from handgrad.network.losses import LOSSES
from handgrad.network.targets import encode
from handgrad.streams import mix32
from handgrad.training import twins
from handgrad.training.engines.compiled.dense_session import sparse_rows
from handgrad.training.engines.compiled.kernels import activations, biases, dropout, layout, losses, products, updates
from handgrad.training.engines.compiled.kernels.constants import (
    AVERAGED,
    BIAS_GRADIENT,
    CONSTANTS,
    DECAYED,
    FACTOR,
    FIXED,
    RATES,
)
from handgrad.training.engines.compiled.kernels.linking import program
from handgrad.training.engines.compiled.kernels.subnormals import X86, flush_subnormals, restore
from handgrad.training.engines.compiled.kernels.vectors import lanes_of, load, pointer
from handgrad.training.optimizers import OPTIMIZERS, step
from handgrad.training.slips import functions_at
from handgrad.training.training_section import TrainingSection

DTYPES = ("float32", "float64")
ULPS = {"float32": 2**-23, "float64": 2**-52}


def panels_of(matrix):
    """A plain matrix in panels."""
    flat = layout.aligned(layout.size(*matrix.shape, lanes_of(matrix.dtype)), matrix.dtype)
    layout.pack(matrix, flat, 0)
    return flat


@program
def run_gradient_scale(constants, rates, size):
    return updates.gradient_scale(pointer(constants), pointer(rates), size)


@program
def run_activation(code, z, rows, columns, row):
    activations.activation_forward(code, pointer(z), 0, rows, columns, pointer(row))


@program
def run_activation_backward(code, d, a, rows, columns):
    activations.activation_backward(code, pointer(d), 0, pointer(a), 0, rows, columns)


@program
def run_loss(code, o, T, c, k, d):
    return losses.loss_of(code, pointer(o), pointer(T), c, k, pointer(d))


@program
def run_mix(word):
    return dropout.mix32(word)


@program
def run_mask(mask, rows, columns, key, at_step, layer, limit, kept, shared):
    dropout.fill_mask(pointer(mask), 0, rows, columns, key, at_step, layer, 0, limit, kept, shared)


@program
def run_update(rule, theta, slot1, slot2, g, h, o, lr, decay, t, beside):
    h = pointer(h)
    updates.numbers_of_step(h, pointer(o), rule, lr, decay, t, beside)
    m = updates.Memory(pointer(theta), pointer(slot1), pointer(slot2), pointer(theta))
    updates.apply(rule, m, 0, load(pointer(g), 0), h, True)


@program
def run_forward(x, rows, n, M, b, z):
    products.forward_panel(pointer(x), 0, rows, n, pointer(M), 0, load(pointer(b), 0), pointer(z), 0)


@program
def run_dots(x, rows, n, M, units, b, z):
    products.dots(pointer(x), 0, rows, n, pointer(M), 0, units, pointer(b), 0, True, pointer(z), 0)


@program
def run_sparse(
    starts, pixels, values, which, S, M, b, units, z, dz, n, c_counts, c_pixels, c_rows, c_values, rule, grad, h
):
    x = products.Sparse(pointer(starts), pointer(pixels), pointer(values))
    c = products.Columns(pointer(c_counts), pointer(c_pixels), pointer(c_rows), pointer(c_values))
    rows = which.size
    which = pointer(which)
    products.sparse_forward_panel(x, which, 0, rows, S, pointer(M), 0, load(pointer(b), 0), units, pointer(z), 0)
    listed = products.to_columns(x, which, 0, rows, S, n, True, c)
    m = updates.Memory(pointer(grad), pointer(grad), pointer(grad), pointer(grad))
    products.sparse_gradient_panel(rule, m, 0, pointer(h), c, listed, rows, pointer(dz), 0, units)


@program
def run_gradient(x, rows, n, dz, grad, h):
    m = updates.Memory(pointer(grad), pointer(grad), pointer(grad), pointer(grad))
    products.gradient_panel(updates.KEEP, m, 0, pointer(h), pointer(x), 0, rows, n, pointer(dz), 0)


def close(got, expected, dtype, ulps, scale=None):
    """Equal to so many units in the last place of `scale` (default: of the largest expected number)."""
    scale = np.abs(expected).max() if scale is None else scale
    np.testing.assert_allclose(got, expected, rtol=0, atol=ulps * ULPS[dtype] * scale)


def with_room(numbers, dtype):
    """A row of these numbers, or of so many zeros, with room for whole vectors: NaN, which must not count."""
    row = np.zeros(numbers, dtype) if isinstance(numbers, int) else np.ravel(numbers).astype(dtype)
    return np.append(row, np.full(-len(row) % lanes_of(dtype) + lanes_of(dtype), np.nan)).astype(dtype)


def spread(dtype):
    """Numbers of every size and both signs, and 0."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(7, 70)) * 10.0 ** rng.uniform(-6, 2, size=(7, 70))
    z[0, :3] = 0, 90, -90
    return z.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_forward(name, dtype):
    z = spread(dtype)
    flat = panels_of(z)
    run_activation(twins.ACTIVATIONS[name].code, flat, *z.shape, with_room(z.shape[1], dtype))
    a, expected = layout.unpack(flat, 0, *z.shape), ACTIVATIONS[name].forward(z)
    if "softmax" in name:  # a sum of 70 numbers in another order
        close(a, expected, dtype, 16)
    else:
        units = np.where(np.abs(expected) > np.finfo(dtype).tiny, np.abs(expected), 1)
        assert (np.abs(a - expected) / units).max() <= 4 * ULPS[dtype]


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_polynomials_are_within_two_and_a_half_units_of_the_true_value(name):
    z = np.linspace(-12, 12, 64_000, dtype=np.float32).reshape(1000, 64)
    flat = panels_of(z)
    run_activation(twins.ACTIVATIONS[name].code, flat, *z.shape, np.zeros(64, np.float32))
    true = ACTIVATIONS[name].forward(z.astype(np.float64))
    units = np.spacing(np.abs(true).astype(np.float32))
    assert (np.abs(layout.unpack(flat, 0, *z.shape) - true) / units).max() <= 2.5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_nan_stays_one_and_stays_in_its_row(name):
    z = np.zeros((2, 5), np.float32)
    z[1, 2] = np.nan
    flat = panels_of(z)
    run_activation(twins.ACTIVATIONS[name].code, flat, 2, 5, with_room(5, np.float32))
    a = layout.unpack(flat, 0, 2, 5)
    assert np.isnan(a[1, 2])
    assert np.isfinite(a[0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_backward(name, dtype):
    rng = np.random.default_rng(1)
    da, a = rng.normal(size=(5, 70)).astype(dtype), ACTIVATIONS[name].forward(rng.normal(size=(5, 70)).astype(dtype))
    flat = panels_of(da)
    run_activation_backward(twins.ACTIVATIONS[name].code, flat, panels_of(a), 5, 70)
    close(layout.unpack(flat, 0, 5, 70), ACTIVATIONS[name].backward(da, a), dtype, 30)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, dtype):
    rng = np.random.default_rng(2)
    for targets in sorted(LOSSES[name].targets):
        T = encode(np.arange(6), 6, targets, dtype)
        for c in range(6):
            o, d = rng.normal(size=6).astype(dtype), with_room(6, dtype)
            loss = run_loss(twins.LOSSES[name].code, with_room(o, dtype), with_room(T, dtype), c, 6, d)
            close(loss, LOSSES[name].forward(o[None], T[c : c + 1])[0], dtype, 4, scale=10)
            close(d[:6], LOSSES[name].backward(o[None], T[c : c + 1])[0], dtype, 4, scale=2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 2, 10, 16, 17, 33, 70])
@pytest.mark.parametrize("name", ["cross-entropy", "binary-cross-entropy"])
def test_loss_of_any_number_of_classes(name, k, dtype):
    rng = np.random.default_rng(k)
    T = encode(np.arange(k), k, "one-hot", dtype) if k > 1 else np.ones((1, 1), dtype)
    for c in {0, k // 2, k - 1}:
        o, d = (10 * rng.normal(size=k)).astype(dtype), with_room(k, dtype)
        loss = run_loss(twins.LOSSES[name].code, with_room(o, dtype), with_room(T, dtype), c, k, d)
        exact = o[None].astype(np.float64), T[c : c + 1].astype(np.float64)
        close(loss, LOSSES[name].forward(*exact)[0], dtype, 4, scale=np.abs(o).sum())
        close(d[:k], LOSSES[name].backward(*exact)[0], dtype, 4, scale=2)


def test_a_class_that_is_as_good_as_impossible_has_the_probability_0():
    o, d = np.array([0, -200, -50], np.float32), with_room(3, np.float32)
    T = encode(np.arange(3), 3, "one-hot", "float32")
    assert (
        run_loss(twins.LOSSES["cross-entropy"].code, with_room(o, np.float32), with_room(T, "float32"), 1, 3, d) == 200
    )
    assert d[:2].tolist() == [1, -1]
    np.testing.assert_allclose(d[2], np.exp(-50), rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_of_nan_is_nan(name):
    for nan in range(3):
        o = with_room([0.1, 0.2, 0.3], np.float32)
        o[nan] = np.nan
        T = with_room(encode(np.arange(3), 3, "one-hot"), np.float32)
        assert not np.isfinite(run_loss(twins.LOSSES[name].code, o, T, 1, 3, with_room(3, np.float32)))


def test_dropout_bits():
    for word in (0, 1, 0x7FFFFFFF, 0x80000001, 0xFFFFFFFF):
        assert run_mix(word) == mix32(word)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout_mask(dtype):
    mask = np.zeros(layout.size(5, 70, lanes_of(dtype)), dtype)
    for shared in (False, True):
        run_mask(mask, 5, 70, 123456789, 40, 1, int(0.3 * 2**32), np.dtype(dtype).type(1 / 0.7), shared)
        expected = dropout_mask(123456789, 40, 1, 5, 70, 0.3, like=np.ones(1, dtype))
        close(layout.unpack(mask, 0, 5, 70), expected[[0] * 5] if shared else expected, dtype, 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_update(name, beside, dtype):
    """beside: against `step` with the slip that leaves lr out of the decay."""
    rng, L = np.random.default_rng(3), lanes_of(dtype)
    optimizer, number = OPTIMIZERS[name](lr=0.1), np.dtype(dtype).type
    settings = dict(optimizer)
    first, second = settings.get("momentum", settings.get("beta1", 0)), settings.get("rho", settings.get("beta2", 0))
    numbers = np.array([first, second, settings.get("eps", 0), 0, 0], float)
    w, g = rng.normal(size=L).astype(dtype), rng.normal(size=L).astype(dtype)
    slots = tuple(np.abs(rng.normal(size=L)).astype(dtype) for _ in optimizer.slots)
    theta, memory = w.copy(), [*(s.copy() for s in slots), np.zeros(L, dtype), np.zeros(L, dtype)]
    code, h = twins.OPTIMIZERS[name].code, np.zeros(updates.NUMBERS, dtype)
    run_update(code, theta, memory[0], memory[1], g, h, numbers, 0.1, 0.02, 3, beside)
    made = functions_at(TrainingSection(slips=["l2-without-learning-rate"] if beside else [])).step
    new, new_slots = made(
        optimizer, {"d.W": w}, {"d.W": g}, {"d.W": slots}, lr=0.1, t=3, weight_decay=0.02, clip_norm=None
    )
    close(theta, new["d.W"], dtype, 4)
    for got, expected in zip(memory, new_slots["d.W"], strict=False):
        close(got, expected, dtype, 4)
    assert new["d.W"].dtype == number


@program
def run_biases(constants, theta, grad, units, size, factor, h):
    m = updates.Memory(pointer(theta), pointer(theta), pointer(theta), pointer(grad))
    biases.change_gradient(pointer(constants), m.grad, 0, units, size)
    biases.update_biases(pointer(constants), updates.SGD, m, 0, theta.size, factor, pointer(h))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("changed", "b"),
    [
        ({}, [0.5, -0.5]),  # 1 − ½·1, 1 − ½·3
        ({BIAS_GRADIENT: biases.SUMMED_OVER_UNITS}, [-1.0, -1.0]),  # 1 − ½·(1 + 3)
        ({BIAS_GRADIENT: biases.NOT_AVERAGED}, [-1.0, -5.0]),  # 1 − ½·4·1, 1 − ½·4·3 in a batch of 4
        ({DECAYED: 1}, [0.375, -0.625]),  # 1 − ½·(1 + ¼·1), 1 − ½·(3 + ¼·1)
        ({FIXED: 1, DECAYED: 1}, [1.0, 1.0]),
    ],
)
def test_biases(changed, b, dtype):
    L = lanes_of(dtype)
    constants, h = np.zeros(CONSTANTS, np.int64), np.zeros(updates.NUMBERS, dtype)
    for place, value in changed.items():
        constants[place] = value
    h[[updates.LR, updates.DECAY]] = 0.5, 0.25
    theta, grad = np.zeros(L, dtype), np.zeros(L, dtype)
    theta[:2], grad[:2] = 1.0, (2.0, 6.0)
    run_biases(constants, theta, grad, 2, 4, 0.5, h)  # clipped to half: 1 and 3
    assert theta.tolist() == b + [0.0] * (L - 2)


@pytest.mark.parametrize(
    ("averaged", "factor", "scale"), [(1, 1.0, 0.25), (0, 1.0, 1.0), (2, 1.0, 0.0625), (1, 2.0, 0.5)]
)
def test_the_scale_of_a_gradient(averaged, factor, scale):
    constants, rates = np.zeros(CONSTANTS, np.int64), np.zeros(RATES)
    constants[AVERAGED], rates[FACTOR] = averaged, factor
    assert run_gradient_scale(constants, rates, 4) == scale


@program
def run_fade(rule, theta, slot1, slot2, h, o, lrs, t, rate, correction, fade1, fade2, root, longest, unit, begin, end):
    h, past = (
        pointer(h),
        updates.PastSteps(
            pointer(rate), pointer(correction), pointer(fade1), pointer(fade2), pointer(root), pointer(longest)
        ),
    )
    updates.numbers_of_past(past, pointer(o), rule, pointer(lrs), lrs.size, t, unit)
    updates.numbers_of_step(h, pointer(o), rule, 0.0, 0.0, 1, False)
    m = updates.Memory(pointer(theta), pointer(slot1), pointer(slot2), pointer(theta))
    updates.fade(rule, m, 0, h, past, begin, end)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("steps", [1, 6, 300])
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if OPTIMIZERS[name].slots and name != "adagrad"])
def test_steps_without_a_gradient_at_once(name, steps, dtype):
    """Steps 3 to 3 + steps of an epoch that starts after step 5, against `step` with a gradient of zeros each time."""
    rng, L = np.random.default_rng(3), lanes_of(dtype)
    optimizer = OPTIMIZERS[name](lr=0.1)
    settings = dict(optimizer)
    first, second = settings.get("momentum", settings.get("beta1", 0)), settings.get("rho", settings.get("beta2", 0))
    numbers = np.array([first, second, settings.get("eps", 0), 0, 0], float)
    lrs = rng.uniform(0.05, 0.1, size=3 + steps + 4)
    w = rng.normal(size=L).astype(dtype)
    slots = tuple(np.abs(rng.normal(size=L)).astype(dtype) * 10.0 ** rng.integers(-9, 1, L) for _ in optimizer.slots)
    slots = tuple(slot.astype(dtype) for slot in slots)
    theta, memory = w.copy(), [*(s.copy() for s in slots), np.zeros(L, dtype), np.zeros(L, dtype)]
    past = [np.zeros(len(lrs) + 1) for _ in range(5)]
    run_fade(
        twins.OPTIMIZERS[name].code, theta, memory[0], memory[1], np.zeros(updates.NUMBERS, dtype), numbers, lrs, 5,
        *past, np.zeros(1, np.int64), ULPS[dtype], 3, 3 + steps,
    )  # fmt: skip
    new, new_slots = {"d.W": w.astype(float)}, {"d.W": tuple(s.astype(float) for s in slots)}
    for i in range(3, 3 + steps):
        new, new_slots = step(optimizer, new, {"d.W": np.zeros(L)}, new_slots, lr=lrs[i], t=5 + i + 1)
    for got, expected, start in zip((theta, *memory), (new["d.W"], *new_slots["d.W"]), (w, *slots), strict=False):
        scale = np.maximum(np.abs(start), np.abs(expected - start)) if start is w else np.abs(start)
        assert (np.abs(got - expected) <= (4 + steps / 4) * ULPS[dtype] * scale).all()


@program
def run_subnormals(a, flushed):
    before = flush_subnormals()
    for i in range(a.size):
        flushed[i] = a[i] * a[i]
    restore(before)
    for i in range(a.size):
        a[i] = a[i] * a[i]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="Python leaves the processor as it is")
@pytest.mark.skipif(not X86, reason="only x86 is told to flush")
def test_numbers_below_the_smallest_normal_one_are_zero_within_and_not_afterwards():
    a = np.array([1e-20, 1e-10], np.float32)
    flushed = np.full(2, 7, np.float32)
    run_subnormals(a, flushed)
    assert flushed[0] == 0
    assert a[0] > 0
    assert flushed[1] == a[1] > 0


UNKNOWN = 99  # the code of nothing


def test_an_unknown_activation_gives_nan_forward_and_backward():
    flat = panels_of(np.ones((2, 5), np.float32))
    run_activation(UNKNOWN, flat, 2, 5, with_room(5, np.float32))
    assert np.isnan(layout.unpack(flat, 0, 2, 5)).all()
    flat = panels_of(np.ones((2, 5), np.float32))
    run_activation_backward(UNKNOWN, flat, panels_of(np.ones((2, 5), np.float32)), 2, 5)
    assert np.isnan(layout.unpack(flat, 0, 2, 5)).all()


def test_an_unknown_loss_gives_nan_and_a_gradient_of_nan():
    d = np.zeros(3, np.float32)
    assert np.isnan(run_loss(UNKNOWN, np.zeros(3, np.float32), np.zeros(9, np.float32), 1, 3, d))
    assert np.isnan(d).all()


def test_an_unknown_optimizer_makes_parameters_nan():
    L = lanes_of("float32")
    theta, slot, g = (np.ones(L, np.float32) for _ in range(3))
    rates, h = np.zeros(RATES), np.zeros(updates.NUMBERS, np.float32)
    run_update(UNKNOWN, theta, slot, slot, g, h, rates, 0.1, 0.0, 3, False)
    assert np.isnan(theta).all()
    theta = np.ones(L, np.float32)
    past = [np.zeros(9) for _ in range(5)]
    run_fade(UNKNOWN, theta, slot, slot, h, rates, np.ones(8), 5, *past, np.zeros(1, np.int64), 2**-23, 3, 4)
    assert np.isnan(theta).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 4, 7])
def test_products(rows, dtype):
    rng, L = np.random.default_rng(4), lanes_of(dtype)
    n = 2 * L + 3
    x, W, b = (rng.normal(size=s).astype(dtype) for s in ((rows, n), (n, L), (L,)))
    dz = rng.normal(size=(rows, L)).astype(dtype)
    h = np.zeros(updates.NUMBERS, dtype)
    z, grad = np.zeros(rows * L, dtype), np.zeros(n * L, dtype)
    run_forward(panels_of(x), rows, n, W.ravel(), b, z)
    close(z.reshape(rows, L), dense_forward(x, W, b), dtype, 16)
    run_gradient(panels_of(x), rows, n, dz.ravel(), grad, h)
    close(grad.reshape(n, L), dense_backward(dz, x, W)[1], dtype, 16)
    for units in (1, 4, 6, 7):  # four side by side, and what is left
        z = np.zeros(layout.size(rows, units, L), dtype)
        run_dots(panels_of(x), rows, n, panels_of(np.ascontiguousarray(W[:, :units].T)), units, b, z)
        close(layout.unpack(z, 0, rows, units), dense_forward(x, W[:, :units], b[:units]), dtype, 16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])  # of the columns of a panel
def test_sparse_products(share, dtype):
    rng, L, n = np.random.default_rng(5), lanes_of(dtype), 2 * products.SEGMENT + 9
    x = rng.normal(size=(6, n)).astype(dtype) * (rng.uniform(size=(6, n)) < 0.1)
    x[:, :9] = rng.normal(size=(6, 9))  # pixels of more than four examples
    x[2] = 0
    units = int(share * L)
    W, b, dz = (rng.normal(size=s).astype(dtype) * (np.arange(L) < units) for s in ((n, L), (L,), (5, L)))
    which = np.array([5, 2, 0, 3, 1])
    sparse = sparse_rows(x, np.dtype(dtype))
    entries = n * (5 + products.ROOM_BETWEEN)
    columns = *np.zeros((2, n), np.int64), np.zeros(entries, np.uint16), np.zeros(entries, dtype)
    h = np.zeros(updates.NUMBERS, dtype)
    h[updates.LR] = 0.5
    dW = dense_backward(dz, x[which], W)[1]
    for rule, start, expected in ((updates.KEEP, 7, dW), (updates.SGD, 0, -dW / 2)):
        z, to = np.full(5 * L, np.nan, dtype), np.full(n * L, start, dtype)
        run_sparse(*sparse, which, 3, W.ravel(), b, units, z, dz.ravel(), n, *columns, rule, to, h)
        close(z.reshape(5, L), dense_forward(x[which], W, b), dtype, 16)
        close(to.reshape(n, L), expected, dtype, 16)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the compiler is off already: this is the inner run")
def test_all_of_this_with_the_compiler_off():
    here = Path(__file__)
    few = ("test_compiled.py", "test_compiled_slips.py::test_after_few_steps")
    files = [str(here), *(str(here.with_name(name)) for name in few)]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "not float64", *files],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-2000:]
