"""Losses: numbers by hand, parity with PyTorch's losses, types, NaN, extremes, kinks, what goes together."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from handgrad.errors import NetworkError, UnknownName
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.gradcheck import TOLERANCES, numerical_gradient, relative_error
from handgrad.network.losses import LOSSES, check_fit
from handgrad.network.targets import TARGETS

from .conftest import Library

NAMES = list(LOSSES)


def classes(T: torch.Tensor) -> torch.Tensor:
    return T.argmax(dim=-1)


# PyTorch's losses, per example and summed over classes where its own reduction would take their mean.
OF_TORCH: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "squared-error": lambda o, T: F.mse_loss(o, T, reduction="none").sum(dim=-1),
    "half-squared-error": lambda o, T: F.mse_loss(o, T, reduction="none").sum(dim=-1) / 2,
    "mean-squared-error": lambda o, T: F.mse_loss(o, T, reduction="none").mean(dim=-1),
    "absolute-error": lambda o, T: F.l1_loss(o, T, reduction="none").sum(dim=-1),
    "huber": lambda o, T: F.huber_loss(o, T, reduction="none").sum(dim=-1),
    "cross-entropy": lambda o, T: F.cross_entropy(o, classes(T), reduction="none"),
    "binary-cross-entropy": lambda o, T: F.binary_cross_entropy_with_logits(o, T, reduction="none").sum(dim=-1),
    "nll": lambda o, T: F.nll_loss(o, classes(T), reduction="none"),
    "multi-margin": lambda o, T: F.multi_margin_loss(o, classes(T), reduction="none"),
}

# The same as whole modules with the batch's mean, where the sum over classes and theirs agree.
MODULES: dict[str, tuple[Callable[[], torch.nn.Module], bool]] = {
    "mean-squared-error": (torch.nn.MSELoss, False),
    "cross-entropy": (torch.nn.CrossEntropyLoss, True),
    "nll": (torch.nn.NLLLoss, True),
    "multi-margin": (torch.nn.MultiMarginLoss, True),
}


def numbers(name: str, dtype: str = "float64", n: int = 6, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    o = rng.normal(0, 2, (n, k))
    if name == "nll":
        o = ACTIVATIONS["log-softmax"].forward(o)
    T = np.eye(k)[rng.integers(0, k, n)]
    return o.astype(dtype), T.astype(dtype)


def test_every_loss_has_a_peer():
    assert set(OF_TORCH) == set(LOSSES)
    assert all(name == loss.name for name, loss in LOSSES.items())


@pytest.mark.parametrize(
    ("name", "o", "T", "loss", "do"),
    [
        ("squared-error", [3.0, 1.0], [1.0, 0.0], 4 + 1, [4.0, 2.0]),
        ("half-squared-error", [3.0, 1.0], [1.0, 0.0], 2.5, [2.0, 1.0]),
        ("mean-squared-error", [3.0, 1.0], [1.0, 0.0], 2.5, [2.0, 1.0]),
        ("squared-error", [0.5, 0.5], [1.0, -1.0], 0.25 + 2.25, [-1.0, 3.0]),  # targets -1, +1
        ("absolute-error", [3.0, -1.0], [1.0, 0.0], 2 + 1, [1.0, -1.0]),
        ("huber", [3.0, -0.5, 1.0], [1.0, 0.0, 0.0], (2 - 0.5) + 0.125 + 0.5, [1.0, -0.5, 1.0]),
        # e^z = 3, 1: softmax 3/4, 1/4
        ("cross-entropy", [math.log(3), 0.0], [0.0, 1.0], math.log(4), [0.75, -0.75]),
        # sigmoid 3/4, 1/2: -log(1 - 3/4) - log(1/2)
        ("binary-cross-entropy", [math.log(3), 0.0], [0.0, 1.0], math.log(4) + math.log(2), [0.75, -0.5]),
        ("nll", [-0.5, -2.0], [0.0, 1.0], 2.0, [0.0, -1.0]),
        # y = 0: margins 1 - 1 + 3 = 3 and 1 - 1 - 2 < 0, so (3 + 0)/3
        ("multi-margin", [1.0, 3.0, -2.0], [1.0, 0.0, 0.0], 1.0, [-1 / 3, 1 / 3, 0.0]),
        # both violated: (3 + 1.5)/3
        ("multi-margin", [1.0, 3.0, 1.5], [1.0, 0.0, 0.0], 1.5, [-2 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_numbers_by_hand(name, o, T, loss, do):
    o, T = np.array([o]), np.array([T])
    assert LOSSES[name].forward(o, T) == pytest.approx(np.array([loss]), rel=1e-14)
    assert LOSSES[name].backward(o, T) == pytest.approx(np.array([do]), rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_backward_agrees_with_central_differences(name):
    o, T = numbers(name)
    g_hat = numerical_gradient(lambda o: float(LOSSES[name].forward(o, T).sum()), o)
    assert relative_error(LOSSES[name].backward(o, T), g_hat) < TOLERANCES["central differences"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_autograd(name, dtype):
    o, T = numbers(name, dtype)
    peer = torch.tensor(o, requires_grad=True)
    expected = OF_TORCH[name](peer, torch.tensor(T))
    expected.sum().backward()
    assert peer.grad is not None
    tolerance = TOLERANCES[dtype]
    np.testing.assert_allclose(LOSSES[name].forward(o, T), expected.detach().numpy(), rtol=tolerance)
    np.testing.assert_allclose(LOSSES[name].backward(o, T), peer.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", list(MODULES))
def test_the_mean_over_the_batch_is_the_module_of_pytorch(name):
    o, T = numbers(name)
    module, takes_classes = MODULES[name]
    target = torch.tensor(T)
    expected = module()(torch.tensor(o), classes(target) if takes_classes else target)
    assert LOSSES[name].forward(o, T).mean() == pytest.approx(expected.item(), rel=1e-14)


def test_bce_with_logits_takes_the_mean_over_classes_which_we_do_not():
    o, T = numbers("binary-cross-entropy")
    expected = torch.nn.BCEWithLogitsLoss()(torch.tensor(o), torch.tensor(T)).item()
    assert LOSSES["binary-cross-entropy"].forward(o, T).mean() / o.shape[1] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_types_shapes_and_libraries_stay(name, dtype, library: Library):
    o, T = (library.array(array) for array in numbers(name, dtype))
    loss, do = LOSSES[name].forward(o, T), LOSSES[name].backward(o, T)
    assert type(loss) is type(do) is type(o)
    assert library.dtype(loss) == library.dtype(do) == dtype
    assert tuple(loss.shape) == (6,)
    assert tuple(do.shape) == (6, 4)
    on_numpy = LOSSES[name].forward(*numbers(name, dtype))
    np.testing.assert_allclose(library.numpy(loss), on_numpy, rtol=TOLERANCES[dtype])


@pytest.mark.parametrize("name", NAMES)
def test_nan_goes_through_to_its_own_row_only(name, library: Library):
    o = library.array(np.array([[-0.5, np.nan], [-0.5, -1.0]]))
    T = library.array(np.array([[1.0, 0.0], [1.0, 0.0]]))
    loss = library.numpy(LOSSES[name].forward(o, T))
    assert np.isnan(loss[0])
    assert np.isfinite(loss[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["cross-entropy", "binary-cross-entropy"])
def test_large_logits_are_exact_and_do_not_warn(name, dtype, library: Library):
    z = library.array(np.array([[1e4, -1e4], [1e4, -1e4]], dtype=dtype))
    T = library.array(np.array([[1.0, 0.0], [0.0, 1.0]], dtype=dtype))
    # right by far: loss 0.  Wrong by far: cross-entropy the difference of the logits, bce their two sizes together.
    np.testing.assert_array_equal(library.numpy(LOSSES[name].forward(z, T)), [0.0, 2e4])
    np.testing.assert_array_equal(library.numpy(LOSSES[name].backward(z, T)), [[0.0, 0.0], [1.0, -1.0]])


def test_at_kinks_the_derivative_is_zero_as_in_pytorch():
    for name, o in (("absolute-error", [[1.0, 0.0, 0.5]]), ("multi-margin", [[1.0, 0.0, 0.5]])):
        T = np.array([[1.0, 0.0, 0.0]])  # a - T = 0, 0, 0.5;  margins: 1 - 1 + 0 = 0 and 1 - 1 + 0.5
        peer = torch.tensor(o, requires_grad=True, dtype=torch.float64)
        OF_TORCH[name](peer, torch.tensor(T)).sum().backward()
        do = LOSSES[name].backward(np.array(o), T)
        assert peer.grad is not None
        np.testing.assert_array_equal(do, peer.grad.numpy())
        assert do[0, 1] == 0


def test_cross_entropy_is_nll_after_log_softmax():
    z, T = numbers("cross-entropy")
    log_softmax = ACTIVATIONS["log-softmax"]
    a = log_softmax.forward(z)
    np.testing.assert_allclose(LOSSES["cross-entropy"].forward(z, T), LOSSES["nll"].forward(a, T), rtol=1e-13)
    dz = log_softmax.backward(LOSSES["nll"].backward(a, T), a)
    np.testing.assert_allclose(LOSSES["cross-entropy"].backward(z, T), dz, rtol=1e-12, atol=1e-15)


def test_fused_losses_are_the_unfused_ones_after_their_activation():
    z, T = numbers("cross-entropy")
    a = ACTIVATIONS["softmax"].forward(z)
    np.testing.assert_allclose(LOSSES["cross-entropy"].forward(z, T), -(T * np.log(a)).sum(axis=-1), rtol=1e-12)
    a = ACTIVATIONS["sigmoid"].forward(z)
    unfused = -(T * np.log(a) + (1 - T) * np.log(1 - a)).sum(axis=-1)
    np.testing.assert_allclose(LOSSES["binary-cross-entropy"].forward(z, T), unfused, rtol=1e-12)


def test_the_three_squared_errors_differ_by_their_factors():
    a, T = numbers("squared-error")
    squared = LOSSES["squared-error"].forward(a, T)
    np.testing.assert_allclose(LOSSES["half-squared-error"].forward(a, T), squared / 2, rtol=1e-15)
    np.testing.assert_allclose(LOSSES["mean-squared-error"].forward(a, T), squared / 4, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("cross-entropy", {"softmax", "identity"}),
        ("binary-cross-entropy", {"sigmoid", "identity"}),
        ("nll", {"log-softmax"}),
        ("multi-margin", set(ACTIVATIONS)),
        ("squared-error", set(ACTIVATIONS)),
        ("absolute-error", set(ACTIVATIONS)),
    ],
)
def test_what_a_loss_goes_with(name, outputs):
    for output in ACTIVATIONS:
        if output in outputs:
            check_fit(name, output, "one-hot")
        else:
            with pytest.raises(NetworkError):
                check_fit(name, output, "one-hot")


def test_a_loss_that_cannot_go_with_the_output_says_what_can():
    with pytest.raises(NetworkError) as error:
        check_fit("nll", "softmax", "one-hot")
    assert str(error.value) == (
        "training.loss = 'nll' cannot go with network.output = 'softmax'; set network.output to one of: log-softmax; "
        "or training.loss to one of: squared-error, half-squared-error, mean-squared-error, absolute-error, "
        "huber, cross-entropy, multi-margin"
    )


def test_a_loss_that_cannot_go_with_the_targets_says_what_can():
    with pytest.raises(NetworkError) as error:
        check_fit("cross-entropy", "softmax", "plus-minus-one")
    assert str(error.value) == (
        "training.loss = 'cross-entropy' cannot go with network.targets = 'plus-minus-one'; set network.targets = "
        '"one-hot"; or training.loss to one of: squared-error, half-squared-error, mean-squared-error, absolute-error, '
        "huber"
    )


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownName, match="unknown loss 'cross-entrpy'; did you mean 'cross-entropy'"):
        check_fit("cross-entrpy", "softmax", "one-hot")
    with pytest.raises(UnknownName, match="unknown activation 'softmx'; did you mean 'softmax'"):
        check_fit("cross-entropy", "softmx", "one-hot")
    with pytest.raises(UnknownName, match=f"unknown encoding of targets 'onehot'.*Known: {', '.join(TARGETS)}"):
        check_fit("cross-entropy", "softmax", "onehot")
