"""What a network is: short notation, shapes, names, and every way to write one wrongly."""

import dataclasses

import pytest

from handgrad.errors import InputError, NetworkError
from handgrad.network.network import Network
from handgrad.network.network_section import NetworkSection, build


def test_shapes_names_and_counts():
    network = Network.parse((2, 3), "dropout 0.1", "dense 4 relu", "dropout 0.5", "dense 5 tanh", "dense 2 softmax")
    assert network.n_inputs == 6
    assert network.n_outputs == 2
    assert network.output == "softmax"
    assert network.shapes == ((2, 3), (4,), (4,), (5,), (2,))
    assert network.input_shapes == ((2, 3), (2, 3), (4,), (4,), (5,))
    assert network.layer_names == ("dropout1", "dense1", "dropout2", "dense2", "dense3")
    assert list(network.parameter_shapes.items()) == [
        ("dense1.W", (6, 4)),
        ("dense1.b", (4,)),
        ("dense2.W", (4, 5)),
        ("dense2.b", (5,)),
        ("dense3.W", (5, 2)),
        ("dense3.b", (2,)),
    ]
    assert network.parameter_count == 24 + 4 + 20 + 5 + 10 + 2
    assert Network.parse((2, 3), *network.describe()) == network


def test_a_network_is_a_value():
    network = Network.parse((3,), "dense 2")
    assert network == Network.parse((3,), "dense 2 identity")
    assert hash(network) == hash(Network.parse([3], "dense 2"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        network.layers = ()  # type: ignore[misc]
    with pytest.raises(NetworkError, match="a network needs at least one layer, such as 'dense 10 softmax'"):
        Network.parse((3,))


@pytest.mark.parametrize(
    ("values", "layers"),
    [
        ({}, ["dense 64 relu", "dense 10 softmax"]),
        ({"hidden": 300}, ["dense 300 relu", "dense 10 softmax"]),
        ({"hidden": []}, ["dense 10 softmax"]),
        ({"hidden_layer_sizes": [7]}, ["dense 7 relu", "dense 10 softmax"]),
        (
            {"hidden": [5, 4], "activation": ["tanh", "relu"], "output": "tanh"},
            ["dense 5 tanh", "dense 4 relu", "dense 10 tanh"],
        ),
        (
            {"hidden": [5, 4], "activation": "sigmoid", "dropout": 0.2},
            ["dense 5 sigmoid", "dropout 0.2", "dense 4 sigmoid", "dropout 0.2", "dense 10 softmax"],
        ),
        ({"layers": ["dense 5 relu", "dropout .5", "dense 10"]}, ["dense 5 relu", "dropout 0.5", "dense 10 identity"]),
    ],
)
def test_sections_become_layers(values, layers):
    section = NetworkSection(**values)
    network = build(section, (28, 28), 10)
    assert network.describe() == layers
    assert network.input_shape == (28, 28)
    resolved = section.model_dump(mode="json")
    assert NetworkSection(**resolved) == section  # what is written to study.toml and records can be read back
    assert NetworkSection(**{key: value for key, value in resolved.items() if value is not None}) == section


def test_one_network_has_one_spelling():
    assert NetworkSection(hidden=64) == NetworkSection(hidden=[64], activation=["relu"])
    assert NetworkSection(layers=["dense 3"]).model_dump() == NetworkSection(layers=["dense  3 identity"]).model_dump()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"hidden": [0]},
            "network.hidden must be a whole number >= 1 or a list of them, as in 300 or [512, 256]; got [0]",
        ),
        (
            {"hidden": "300"},
            "network.hidden must be a whole number >= 1 or a list of them, as in 300 or [512, 256]; got '300'",
        ),
        (
            {"hidden": None},
            "network needs hidden where no layers are given; got hidden = None",
        ),
        (
            {"hidden": [5, 4], "activation": ["tanh"]},
            "network has 1 activations for 2 hidden layers; give one name, or one for each hidden layer",
        ),
        (
            {"activation": "rely"},
            "network.activation is an unknown activation 'rely'; did you mean 'relu'? "
            "Known: identity, sigmoid, tanh, relu, leaky-relu, softmax, log-softmax",
        ),
        (
            {"layers": ["dense 10"], "hidden": 3, "output": "tanh"},
            "network has layers and also hidden, output; keep either layers or the short form "
            "(hidden, activation, output, dropout)",
        ),
        (
            {"layers": ["dense 10 rely"]},
            "network.layers has a layer that cannot be read, 'dense 10 rely': unknown activation 'rely'; did you mean "
            "'relu'? Known: identity, sigmoid, tanh, relu, leaky-relu, softmax, log-softmax",
        ),
        (
            {"layers": []},
            'network.layers must be a list of layers, as in ["dense 120 relu", "dropout 0.5", "dense 10 softmax"]; '
            "got []",
        ),
        ({"dropout": 1}, "network.dropout must be in [0, 1); got 1"),
        (
            {"targets": "one_hot"},
            "network.targets is an unknown encoding of targets 'one_hot'; did you mean 'one-hot'? "
            "Known: one-hot, plus-minus-one, values",
        ),
        (
            {"hiden": 3},
            "network.hiden is an unknown key; did you mean 'hidden'? "
            "Known: hidden, activation, output, units, layers, dropout, init, bias_init, targets",
        ),
        (
            {"hidden": 3, "hidden_layer_sizes": 3},
            "network has both 'hidden_layer_sizes' and 'hidden', which mean the same; keep 'hidden'",
        ),
    ],
)
def test_a_wrong_table_says_what_is_wrong(values, message):
    section, problems = NetworkSection.read(values, prefix="network")
    assert section is None
    assert problems == [message]


def test_all_problems_are_told_at_once():
    _, problems = NetworkSection.read({"hidden": 0, "output": "x", "dropout": 2}, prefix="network")
    assert [line.split()[0] for line in problems] == ["network.hidden", "network.output", "network.dropout"]


def test_the_alias_is_noted():
    notes: list[str] = []
    NetworkSection.read({"hidden_layer_sizes": [3]}, notes=notes)
    assert notes == ["'hidden_layer_sizes' is read as 'hidden'"]


def test_a_changed_copy_may_go_from_the_short_form_to_layers_and_back():
    short = NetworkSection(hidden=[3], init="xavier", dropout=0.5)
    long = short.changed(layers=["dense 10 softmax"])
    assert long.layers == ("dense 10 softmax",)
    assert long.hidden is None
    assert long.init == short.init
    assert long.changed(hidden=4) == NetworkSection(hidden=4, init="xavier")
    assert short.changed(dropout=0.1).hidden == (3,)
    with pytest.raises(InputError, match="dropout must be in"):
        short.changed(dropout=1.5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            ["dense 120 relu"],
            "network.layers: the last layer, 'dense 120 relu', has 120 units, but the data has 10 classes; "
            "write 'dense 10 relu'",
        ),
        (
            ["dense 10 relu", "dropout 0.5"],
            "network.layers: the last layer is 'dropout 0.5', but it has to give one output for each of the 10 "
            "classes; end with 'dense 10 softmax'",
        ),
    ],
)
def test_layers_that_do_not_fit_the_data_say_what_fits(layers, message):
    with pytest.raises(NetworkError) as error:
        build(NetworkSection(layers=layers), (28, 28), 10)
    assert str(error.value) == message
