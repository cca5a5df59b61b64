"""Optimizers: numbers worked by hand, and PyTorch's optimizers as a second opinion."""

import numpy as np
import pytest
import torch

from handgrad.errors import InputError
from handgrad.training.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    RMSProp,
    clip_by_norm,
    empty_slots,
    step,
)

W0 = np.array([[0.5, -1.0], [2.0, 0.25]])
GRADIENTS = [
    np.array([[0.1, -0.2], [0.3, 1.0]]),
    np.array([[-0.4, 0.05], [0.0, 0.5]]),
    np.array([[0.2, 0.2], [1e-4, -3.0]]),
]

PEERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.0),
}


def run_ours(optimizer, *, steps=3, **options):
    params = {"dense1.W": W0.copy(), "dense1.b": np.array([1.0, -1.0])}
    slots = empty_slots(optimizer, params)
    for t in range(1, steps + 1):
        grads = {"dense1.W": GRADIENTS[t - 1], "dense1.b": GRADIENTS[t - 1][0]}
        params, slots = step(optimizer, params, grads, slots, lr=0.1, t=t, **options)
    return params


def run_peer(make, *, steps=3):
    W = torch.tensor(W0, requires_grad=True)
    b = torch.tensor([1.0, -1.0], dtype=torch.float64, requires_grad=True)
    optimizer = make([W, b])
    for t in range(steps):
        W.grad, b.grad = torch.tensor(GRADIENTS[t]), torch.tensor(GRADIENTS[t][0])
        optimizer.step()
    return {"dense1.W": W.detach().numpy(), "dense1.b": b.detach().numpy()}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_three_steps_are_those_of_pytorch(name):
    ours, peer = run_ours(OPTIMIZERS[name](lr=0.1)), run_peer(PEERS[name])
    for parameter in ours:
        np.testing.assert_allclose(ours[parameter], peer[parameter], rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_default_values_are_those_of_pytorch_except_the_rate_of_sgd(name):
    peer = PEERS[name]([torch.zeros(1)]).defaults
    ours = OPTIMIZERS[name]()
    theirs = {"eps": "eps", "rho": "alpha", "momentum": "momentum"}
    for field, other in theirs.items():
        if hasattr(ours, field):
            assert getattr(ours, field) == peer[other]
    if hasattr(ours, "beta1"):
        assert (ours.beta1, ours.beta2) == peer["betas"]


def test_weight_decay_is_that_of_pytorch_and_spares_biases():
    ours = run_ours(Adam(), weight_decay=0.3)
    peer = run_peer(lambda p: torch.optim.Adam([{"params": p[:1], "weight_decay": 0.3}, {"params": p[1:]}], lr=0.1))
    np.testing.assert_allclose(ours["dense1.W"], peer["dense1.W"], rtol=1e-9)
    np.testing.assert_allclose(ours["dense1.b"], peer["dense1.b"], rtol=1e-9)


def test_decoupled_weight_decay_is_that_of_pytorch():
    ours = run_ours(AdamW(), weight_decay=0.3)
    peer = run_peer(
        lambda p: torch.optim.AdamW(
            [{"params": p[:1], "weight_decay": 0.3}, {"params": p[1:], "weight_decay": 0.0}], lr=0.1
        )
    )
    np.testing.assert_allclose(ours["dense1.W"], peer["dense1.W"], rtol=1e-9)
    np.testing.assert_allclose(ours["dense1.b"], peer["dense1.b"], rtol=1e-9)


def one(optimizer, w, dw, slots, lr, t):
    new, new_slots = optimizer.update(np.array([w]), np.array([dw]), tuple(np.array([s]) for s in slots), lr, t)
    return float(new[0]), tuple(float(s[0]) for s in new_slots)


def test_steps_by_hand():
    # w = 1, dw = 0.5, lr = 0.1
    assert one(SGD(), 1.0, 0.5, (), 0.1, 1)[0] == pytest.approx(0.95)  # 1 − 0.1·0.5
    assert one(Momentum(), 1.0, 0.5, (2.0,), 0.1, 5) == (pytest.approx(0.77), (pytest.approx(2.3),))  # v = 1.8 + 0.5
    assert one(Nesterov(), 1.0, 0.5, (2.0,), 0.1, 5)[0] == pytest.approx(1 - 0.1 * (0.5 + 0.9 * 2.3))
    assert one(AdaGrad(), 1.0, 0.5, (0.0,), 0.1, 1)[0] == pytest.approx(0.9)  # the first step is lr·sign(dw)
    assert one(RMSProp(rho=0.75), 1.0, 0.5, (0.0,), 0.1, 1)[0] == pytest.approx(1 - 0.1 * 0.5 / 0.25)  # s = 0.0625
    assert one(Adam(), 1.0, 0.5, (0.0, 0.0), 0.1, 1)[0] == pytest.approx(0.9)  # m̂ = 0.5, √ŝ = 0.5


def test_clipping_scales_the_common_norm_of_all_parameters():
    # ‖(3, 4)‖ = 5 over two parameters; clipped to 1: each is divided by 5
    clipped = clip_by_norm({"a.W": np.array([3.0]), "a.b": np.array([4.0])}, 1.0)
    assert clipped["a.W"][0] == pytest.approx(0.6)
    assert clipped["a.b"][0] == pytest.approx(0.8)
    unchanged = clip_by_norm({"a.W": np.array([3.0]), "a.b": np.array([4.0])}, 5.0)
    assert unchanged["a.W"][0] == 3.0


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_clipping_does_not_hide_a_gradient_that_is_not_finite(value):
    clipped = clip_by_norm({"a.W": np.array([value, 1.0])}, 1.0)
    assert not np.isfinite(clipped["a.W"]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-30, -20, 0, 19, 30, 38])
def test_clipping_holds_where_squares_overflow_or_vanish(dtype, exponent):
    """In float32 the square of a number above 1.8e19 is infinite, and of one below 1e-19 it loses digits."""
    size = 10.0**exponent
    grads = {"a.W": np.array([0.6 * size, 0.0], dtype), "a.b": np.array([-0.8 * size], dtype)}
    clipped = clip_by_norm(grads, 0.5 * size)
    assert clipped["a.W"].dtype == dtype
    np.testing.assert_allclose(clipped["a.W"], [0.3 * size, 0], rtol=1e-6)
    np.testing.assert_allclose(clipped["a.b"], [-0.4 * size], rtol=1e-6)
    assert clip_by_norm(grads, 2 * size)["a.b"][0] == grads["a.b"][0]
    assert clip_by_norm({"a.W": np.zeros(3, dtype)}, 1.0)["a.W"].tolist() == [0, 0, 0]


def test_clipping_comes_before_weight_decay():
    params = run_ours(SGD(), steps=1, clip_norm=1e-12, weight_decay=0.5)
    np.testing.assert_allclose(params["dense1.W"], W0 - 0.1 * 0.5 * W0, rtol=1e-9)


def test_float32_stays_float32():
    for make in OPTIMIZERS.values():
        optimizer = make()
        params = {"a.W": np.ones((2, 2), np.float32)}
        slots = empty_slots(optimizer, params)
        params, slots = step(
            optimizer, params, {"a.W": np.ones((2, 2), np.float32)}, slots, lr=0.1, t=1, weight_decay=0.1
        )
        assert params["a.W"].dtype == np.float32
        assert all(slot.dtype == np.float32 for slot in slots["a.W"])


def test_values_out_of_range_are_named_with_their_range():
    with pytest.raises(InputError, match=r"^beta2 must be in \[0, 1\); got 1.0$"):
        Adam(beta2=1.0)
    with pytest.raises(InputError, match=r"^lr must be > 0; got -0.1$"):
        SGD(lr=-0.1)
    with pytest.raises(
        InputError, match=r"has no momentum; write { name = 'momentum', momentum = 0.9 } instead of name = 'sgd'"
    ):
        SGD(momentum=0.9)
    with pytest.raises(
        InputError, match=r"beta3 is an unknown key; did you mean 'beta1'\? Known: lr, name, beta1, beta2, eps"
    ):
        Adam(beta3=0.9)
