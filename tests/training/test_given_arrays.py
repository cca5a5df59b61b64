"""Weights that somebody has in Python: a dict, a state_dict, a list; their orientation is found or asked for."""

import re

import numpy as np
import pytest
import torch
from torch import nn

import handgrad as hg
from handgrad.errors import WeightsError
from handgrad.network.network import Network
from handgrad.training.exchange import read_params

NETWORK = Network.parse((4,), "dense 3 tanh", "dense 2")
RNG = np.random.default_rng(0)
W1, W2 = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))
b1, b2 = RNG.normal(size=3), RNG.normal(size=2)
FORMS = {
    "dict": {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
    "textbook": {"W1": W1.T, "b1": b1[:, None], "W2": W2.T, "b2": b2[:, None]},
    "list": [W1, b1, W2, b2],
    "list of columns": [W1.T, b1[:, None], W2.T, b2[:, None]],
    "pairs": [(W1, b1), (W2, b2)],
    "weights, then biases": [W1, W2, b1, b2],
    "lists of numbers": [W1.tolist(), b1.tolist(), W2.tolist(), b2.tolist()],
    "tensors": {"fc1.weight": torch.tensor(W1.T), "fc1.bias": torch.tensor(b1, requires_grad=True),
                "fc2.weight": torch.tensor(W2.T), "fc2.bias": torch.tensor(b2)},
    "Keras": {"a/kernel": W1, "a/bias": b1, "b/kernel": W2, "b/bias": b2},
    "handgrad": {"dense1.W": W1, "dense1.b": b1, "dense2.W": W2, "dense2.b": b2},
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_arrays_find_their_place(name):
    found = read_params(FORMS[name], NETWORK)
    for key, array in {"dense1.W": W1, "dense1.b": b1, "dense2.W": W2, "dense2.b": b2}.items():
        np.testing.assert_array_equal(found[key], array)


def test_square_matrices_are_asked_about():
    network = Network.parse((3,), "dense 3")
    W = RNG.normal(size=(3, 3))
    with pytest.raises(WeightsError) as said:
        read_params([W, b1], network)
    assert str(said.value) == (
        "the arrays that were given: its matrices fit as (n_in, n_out) and as (n_out, n_in), and no name says which; "
        'give layout = "handgrad" for (n_in, n_out), "torch" for (n_out, n_in) (handgrad evaluate: --layout handgrad)'
    )
    np.testing.assert_array_equal(read_params([W, b1], network, layout="torch")["dense1.W"], W.T)


def test_they_are_scored_in_the_network_of_a_setting():
    net = nn.Sequential(nn.Linear(64, 10))
    model = hg.import_model(net.state_dict(), {"network": {"hidden": []}})
    np.testing.assert_array_equal(model.params["dense1.W"], net[0].weight.detach().numpy().T)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "weights must be arrays by name, such as {'W1': W1, 'b1': b1}, or a list of them, as in [W1, b1, W2, b2]; "
             "got []"),
        ([1, 2], "array 1 is 1"),
        ({"W1": "x"}, "W1 is 'x'"),
        ({"W1": np.ones((4, 3), int), "W2": W2}, "the arrays that were given: dense1.W holds int64"),
        ({"W1": np.full((4, 3), np.nan), "W2": W2}, "dense1.W holds NaN"),
        ([W1, b1], "has 1 arrays of weights and 1 of biases (W1 (4, 3), b1 (3,)); this network has 2 layers with both"),
    ],
)  # fmt: skip
def test_what_are_no_arrays_is_said(given, message):
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_params(given, NETWORK)


def test_tensors_without_numbers_are_refused_with_the_remedy():
    state = nn.Linear(4, 2, device="meta").state_dict()
    with pytest.raises(
        WeightsError, match=r"weight is on the device 'meta', which holds no numbers; .*to_empty\(device"
    ):
        hg.import_model(state, {"data": {"name": "digits"}, "network": {"hidden": []}})
