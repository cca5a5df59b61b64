"""Layouts: weights of other programs give here what they gave there; where nothing says it, nothing is guessed."""

import re

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from handgrad.data.scaling import AS_IT_IS
from handgrad.errors import UnknownName, WeightsError
from handgrad.network.network import Network
from handgrad.streams import stream
from handgrad.training.exchange import read_params
from handgrad.training.exchange.layouts import LAYOUTS
from handgrad.training.model import Model

SQUARE = Network.parse((3,), "dense 3 tanh", "dense 3 softmax")
PARTLY = Network.parse((3,), "dense 3 tanh", "dense 3 tanh", "dense 2 softmax")
COLOUR = Network.parse((3, 4, 5), "dense 6 tanh", "dense 2")
GRAY = Network.parse((1, 4, 5), "dense 6 tanh", "dense 2")
FILTERS = Network.parse((3, 6, 6), "conv 3 3x3 relu", "dense 2")
CONV = Network.parse((1, 6, 7), "conv 4 3x2 relu", "max-pool 2", "dropout 0.2", "flatten", "dense 5 tanh", "dense 2")


def params_of(network):
    rng = stream(1, "init")
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in network.parameter_shapes.items()}


def pixels_of(network, i):
    """The pictures that layer i takes flattened: (channels, rows, cols), or None."""
    before = [shape for shape in network.input_shapes[: i + 1] if len(shape) == 3]
    direct = len(network.input_shapes[i]) == 3 or (i > 0 and network.layers[i - 1].kind == "flatten")
    return before[-1] if direct else None


def there(network, params, layout):
    """Parameters as another program keeps them."""
    found = {}
    for i, names in enumerate(network.parameter_names):
        for letter, name in names.items():
            w = params[name]
            if letter == "W" and w.ndim == 2:
                if layout == "keras" and (shape := pixels_of(network, i)):
                    w = w[np.arange(len(w)).reshape(shape).transpose(1, 2, 0).ravel()]  # rows, cols, channels
                w = w.T if layout == "torch" else w
            elif letter == "W" and layout == "keras":
                w = np.einsum("oirc->rcio", w)
            found[name] = w
    return found


def saved(path, network, params, layout, names=("W{}", "b{}")):
    arrays = {}
    for name, w in there(network, params, layout).items():
        layer = 1 + len(arrays) // 2
        arrays[names[0 if name.endswith("W") else 1].format(layer)] = w
    np.savez(path, **arrays)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("network", [SQUARE, PARTLY, COLOUR, GRAY, FILTERS, CONV], ids=lambda n: n.describe()[0])
def test_a_layout_that_is_said_is_followed(tmp_path, network, layout):
    params = params_of(network)
    saved(tmp_path / "w.npz", network, params, layout)
    found = read_params(tmp_path / "w.npz", network, layout=layout)
    for name, w in params.items():
        np.testing.assert_array_equal(found[name], w)


@pytest.mark.parametrize(
    ("network", "layout"),
    [(PARTLY, "handgrad"), (PARTLY, "torch"), (GRAY, "torch"), (CONV, "torch"), (CONV, "keras"), (COLOUR, "torch")],
)
def test_shapes_decide_for_all_where_they_can(tmp_path, network, layout):
    params = params_of(network)
    saved(tmp_path / "w.npz", network, params, layout)
    for name, w in read_params(tmp_path / "w.npz", network).items():
        np.testing.assert_array_equal(w, params[name])


@pytest.mark.parametrize(
    ("network", "layout", "message"),
    [
        (SQUARE, "handgrad", "its matrices fit as (n_in, n_out) and as (n_out, n_in), and no name says which; give "
         'layout = "handgrad" for (n_in, n_out), "torch" for (n_out, n_in) (handgrad evaluate: --layout handgrad)'),
        (SQUARE, "torch", "its matrices fit as (n_in, n_out) and as (n_out, n_in)"),
        (COLOUR, "handgrad", "its weights fit with the channels first and last, and no name says which; give layout"),
        (COLOUR, "keras", "its weights fit with the channels first and last"),
        (FILTERS, "handgrad", "its weights fit with the channels first and last"),
    ],
)  # fmt: skip
def test_nothing_is_guessed(tmp_path, network, layout, message):
    saved(tmp_path / "w.npz", network, params_of(network), layout)
    with pytest.raises(WeightsError, match=re.escape(f"w.npz: {message}")):
        read_params(tmp_path / "w.npz", network)


def test_matrices_that_are_the_same_either_way_need_no_layout(tmp_path):
    params = {name: w + w.T if w.ndim == 2 else w for name, w in params_of(SQUARE).items()}
    saved(tmp_path / "w.npz", SQUARE, params, "handgrad")
    np.testing.assert_array_equal(read_params(tmp_path / "w.npz", SQUARE)["dense1.W"], params["dense1.W"])


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (("fc{}.weight", "fc{}.bias"), "torch"),
        (("dense_{}/kernel", "dense_{}/bias"), "keras"),
        (("dense_{}/kernel:0", "dense_{}/bias:0"), "keras"),
        (("dense{}.W", "dense{}.b"), "handgrad"),
    ],
)
@pytest.mark.parametrize("network", [SQUARE, COLOUR], ids=["square", "colour"])
def test_names_of_a_library_decide(tmp_path, network, names, layout):
    params = params_of(network)
    saved(tmp_path / "w.npz", network, params, layout, names)
    for name, w in read_params(tmp_path / "w.npz", network).items():
        np.testing.assert_array_equal(w, params[name])


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_a_square_state_dict_is_pytorch_s(tmp_path, ending):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Softmax(-1))
    write = torch.save if ending == ".pt" else safetensors.torch.save_file
    write(net.state_dict(), tmp_path / f"w{ending}")
    x = torch.rand(5, 3)
    model = Model(SQUARE, read_params(tmp_path / f"w{ending}", SQUARE), tuple("abc"), AS_IT_IS, None)
    np.testing.assert_allclose(model.outputs(x.numpy()), net(x).detach().numpy(), rtol=1e-5)


def test_a_layer_of_one_unit_has_a_matrix_and_a_bias(tmp_path):
    network = Network.parse((4,), "dense 1 tanh", "dense 2")
    params = params_of(network)
    saved(tmp_path / "w.npz", network, params, "handgrad")
    for name, w in read_params(tmp_path / "w.npz", network).items():
        np.testing.assert_array_equal(w, params[name])


def test_what_fits_no_layout_names_every_shape_that_would(tmp_path):
    np.savez(tmp_path / "w.npz", W1=np.ones((9, 9, 9, 9)), b1=np.ones(4), W2=np.ones((24, 5)), W3=np.ones((5, 2)),
             b2=np.ones(5), b3=np.ones(2))  # fmt: skip
    message = "W1 has shape (9, 9, 9, 9); conv1.W needs (4, 1, 3, 2) or (3, 2, 1, 4), as all of them"
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_params(tmp_path / "w.npz", CONV)


def test_a_layout_that_is_none(tmp_path):
    saved(tmp_path / "w.npz", SQUARE, params_of(SQUARE), "handgrad")
    with pytest.raises(UnknownName, match="unknown layout of weights 'pytorch'; did you mean 'torch'"):
        read_params(tmp_path / "w.npz", SQUARE, layout="pytorch")


@pytest.mark.parametrize(("number", "word"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_weights_that_are_no_numbers_are_named(tmp_path, number, word):
    params = params_of(PARTLY)
    params["dense2.b"][1] = number
    saved(tmp_path / "w.npz", PARTLY, params, "handgrad")
    with pytest.raises(WeightsError, match=rf"w.npz: dense2.b holds {word}$"):
        read_params(tmp_path / "w.npz", PARTLY)
