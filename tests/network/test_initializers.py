"""Initializers: mean and spread, PyTorch's formulas, streams that do not disturb each other."""

import math

import numpy as np
import pytest
import torch

from handgrad.errors import InputError
from handgrad.network.initializers import (
    INITIALIZERS,
    He,
    Normal,
    NormalFanIn,
    PyTorchDefault,
    Uniform,
    Xavier,
    Zeros,
    initialize,
)
from handgrad.network.network import Network
from handgrad.network.network_section import NetworkSection

N_IN, N_OUT = 300, 200
NETWORK = Network.parse((N_IN,), f"dense {N_OUT} relu", "dense 10 tanh")


def weights(init, seed=0, network=NETWORK, name="dense1.W"):
    return initialize(network, init, Zeros(), seed, "float64")[name]


@pytest.mark.parametrize(
    ("init", "mean", "std", "limit"),
    [
        (Zeros(), 0, 0, 0),
        (Normal(std=0.01), 0, 0.01, math.inf),
        (NormalFanIn(std=0.1), 0, 0.1 / math.sqrt(300), math.inf),
        (He(), 0, math.sqrt(2 / 300), math.inf),
        (He(distribution="uniform"), 0, math.sqrt(2 / 300), math.sqrt(6 / 300)),  # He et al.: U(±√(6/n_in))
        (He(gain=1), 0, math.sqrt(1 / 300), math.inf),
        (Xavier(), 0, math.sqrt(2 / 500), math.inf),
        (Xavier(distribution="uniform"), 0, math.sqrt(2 / 500), math.sqrt(6 / 500)),  # Glorot & Bengio, eq. 16
        (Xavier(gain="activation"), 0, math.sqrt(2) * math.sqrt(2 / 500), math.inf),  # the gain of relu is √2
        (Uniform(low=-1, high=3), 1, 4 / math.sqrt(12), 3),  # a width of w has standard deviation w/√12
        (PyTorchDefault(), 0, 1 / math.sqrt(300) / math.sqrt(3), 1 / math.sqrt(300)),
    ],
    ids=str,
)
def test_mean_and_spread(init, mean, std, limit):
    W = weights(init)
    n = W.size  # 60,000: the mean has standard error std/√n, the standard deviation at most std/√(2n)
    assert abs(W.mean() - mean) <= 5 * std / math.sqrt(n)
    assert abs(W.std() - std) <= 5 * std / math.sqrt(2 * n)
    assert np.abs(W).max() <= limit
    if math.isfinite(limit):
        assert np.abs(W).max() >= 0.999 * limit


def test_pytorchs_default_is_the_formula_in_its_source():
    # nn.Linear.reset_parameters: kaiming_uniform_(weight, a=√5), bias U(±1/√fan_in)
    gain = torch.nn.init.calculate_gain("leaky_relu", math.sqrt(5))
    assert gain * math.sqrt(3 / N_IN) == pytest.approx(1 / math.sqrt(N_IN), rel=1e-15)
    params = initialize(NETWORK, PyTorchDefault(), PyTorchDefault(), 1, "float64")
    layer = torch.nn.Linear(N_IN, N_OUT)
    for ours, theirs in ((params["dense1.W"], layer.weight), (params["dense1.b"], layer.bias)):
        assert np.abs(ours).max() == pytest.approx(theirs.abs().max().item(), rel=0.05)
        assert np.abs(ours).max() <= 1 / math.sqrt(N_IN)


def test_he_and_xavier_are_the_formulas_of_pytorch():
    weight = torch.empty(N_OUT, N_IN)  # PyTorch keeps (n_out, n_in)
    peers = {
        He(): torch.nn.init.kaiming_normal_(weight.clone(), nonlinearity="relu"),
        He(distribution="uniform"): torch.nn.init.kaiming_uniform_(weight.clone(), nonlinearity="relu"),
        Xavier(): torch.nn.init.xavier_normal_(weight.clone()),
        Xavier(distribution="uniform"): torch.nn.init.xavier_uniform_(weight.clone()),
    }
    for init, peer in peers.items():
        # two samples of 60,000: each standard deviation is known to 0.3 %
        assert weights(init).std() == pytest.approx(peer.std().item(), rel=0.02)


@pytest.mark.parametrize("name", list(INITIALIZERS))
def test_every_initializer_serves_weights_and_biases_in_the_asked_type(name):
    section = NetworkSection(init=name, bias_init=name)
    params = initialize(NETWORK, section.init, section.bias_init, 3, "float32")
    assert {key: (array.shape, array.dtype.name) for key, array in params.items()} == {
        "dense1.W": ((N_IN, N_OUT), "float32"),
        "dense1.b": ((N_OUT,), "float32"),
        "dense2.W": ((N_OUT, 10), "float32"),
        "dense2.b": ((10,), "float32"),
    }


def test_float32_starts_from_the_rounded_float64_numbers():
    params = {dtype: initialize(NETWORK, He(), Normal(), 3, dtype) for dtype in ("float32", "float64")}
    for name, W in params["float32"].items():
        np.testing.assert_array_equal(W, params["float64"][name].astype("float32"))


def test_the_seed_decides_and_layers_differ():
    np.testing.assert_array_equal(weights(He(), seed=4), weights(He(), seed=4))
    assert (weights(He(), seed=4) != weights(He(), seed=5)).all()
    square = Network.parse((8,), "dense 8 relu", "dense 8 relu")
    params = initialize(square, Normal(), Normal(), 0, "float64")
    assert (params["dense1.W"] != params["dense2.W"]).all()
    assert (params["dense1.b"] != params["dense1.W"][0]).all()


def test_changing_one_layer_changes_no_number_of_another():
    before = initialize(NETWORK, Normal(), Normal(), 0)
    with_dropout = Network.parse((N_IN,), f"dense {N_OUT} relu", "dropout 0.5", "dense 10 tanh")
    after = initialize(with_dropout, Normal(), Normal(), 0)
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name])
    wider = initialize(Network.parse((N_IN,), f"dense {N_OUT} relu", "dense 20 tanh"), Normal(), Uniform(), 0)
    np.testing.assert_array_equal(before["dense1.W"], wider["dense1.W"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "normal", "std": -1}, "network.init.std must be >= 0; got -1"),
        ({"name": "uniform", "low": 1, "high": 0}, "network.init needs low <= high; got low = 1 and high = 0"),
        (
            {"name": "he", "gain": "relu"},
            'network.init.gain must be a number > 0 or "activation" (the gain of the layer\'s own activation); '
            "got 'relu'",
        ),
        (
            {"name": "xavier", "distribution": "norml"},
            "network.init.distribution is an unknown distribution 'norml'; did you mean 'normal'? "
            "Known: normal, uniform",
        ),
        ({"name": "normal", "sd": 1}, "network.init.sd is an unknown key; did you mean 'std'? Known: name, std"),
        (
            "hee",
            "network.init is an unknown initializer 'hee'; did you mean 'he'? "
            "Known: zeros, normal, normal/sqrt-n, uniform, xavier, he, pytorch",
        ),
    ],
)
def test_bad_values_are_told_apart(values, message):
    section, problems = NetworkSection.read({"init": values}, prefix="network")
    assert section is None
    assert problems == [message]


def test_in_python_a_bad_value_raises_the_same_sentence():
    with pytest.raises(InputError, match="std must be >= 0; got -1"):
        Normal(std=-1)
