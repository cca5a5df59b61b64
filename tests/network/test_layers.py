"""Layers: their notation, the shapes after them, and what is refused where one does not fit."""

import pytest

from handgrad.errors import NetworkError
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.convolution import Conv
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.flatten import Flatten
from handgrad.network.layers import parse_layer
from handgrad.network.network import Network
from handgrad.network.network_section import NetworkSection, build
from handgrad.network.pooling import AveragePool, MaxPool

LENET = ["conv 6 5x5 relu", "max-pool 2", "conv 16 5x5 relu", "max-pool 2", "dense 120 relu", "dropout 0.5",
         "dense 84 relu", "dropout 0.5", "dense 10 softmax"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "layer", "full"),
    [
        ("dense 120 relu", Dense(120, "relu"), "dense 120 relu"),
        ("dense 10", Dense(10, "identity"), "dense 10 identity"),
        ("  dense   3  tanh ", Dense(3, "tanh"), "dense 3 tanh"),
        ("dropout 0.5", Dropout(0.5), "dropout 0.5"),
        ("dropout .25", Dropout(0.25), "dropout 0.25"),
        ("dropout 0.123456789", Dropout(0.123456789), "dropout 0.123456789"),
        ("conv 6 5x5 relu", Conv(6, (5, 5), activation="relu"), "conv 6 5x5 stride 1 pad 0 relu"),
        ("conv 6 5", Conv(6, (5, 5)), "conv 6 5x5 stride 1 pad 0 identity"),
        (
            "conv 6 5x3 stride 2x1 pad 2 tanh",
            Conv(6, (5, 3), (2, 1), (2, 2), "tanh"),
            "conv 6 5x3 stride 2x1 pad 2 tanh",
        ),
        ("conv 6 5×5 pad 0x1 stride 2", Conv(6, (5, 5), (2, 2), (0, 1)), "conv 6 5x5 stride 2 pad 0x1 identity"),
        ("max-pool 2", MaxPool((2, 2), (2, 2)), "max-pool 2x2 stride 2"),
        ("max-pool 2x2 stride 2", MaxPool((2, 2), (2, 2)), "max-pool 2x2 stride 2"),
        ("max-pool 3x2", MaxPool((3, 2), (3, 2)), "max-pool 3x2 stride 3x2"),
        ("average-pool 3 stride 2", AveragePool((3, 3), (2, 2)), "average-pool 3x3 stride 2"),
        ("flatten", Flatten(), "flatten"),
        ("batch-norm", BatchNorm(), "batch-norm identity"),
        ("batch-norm relu", BatchNorm("relu"), "batch-norm relu"),
    ],
)
def test_short_notation_goes_both_ways(text, layer, full):
    assert parse_layer(text) == layer
    assert str(layer) == full
    assert parse_layer(full) == layer


KNOWN = "dense, dropout, conv, max-pool, average-pool, flatten, batch-norm"
CONV = "write: conv FILTERS SIZE [stride S] [pad P] [ACTIVATION], as in 'conv 6 5x5 relu'"
ELEMENTWISE = "identity, sigmoid, tanh, relu, leaky-relu"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dens 3", f"unknown layer 'dens'; did you mean 'dense'? Known: {KNOWN}"),
        ("dense", "write: dense UNITS [ACTIVATION], as in 'dense 120 relu'"),
        ("dense relu 3", "a dense layer needs a whole number of units >= 1; got 'relu'"),
        ("dense 0 relu", "a dense layer needs a whole number of units >= 1; got 0"),
        ("dense -3", "a dense layer needs a whole number of units >= 1; got '-3'"),
        (
            "dense 3 rely",
            "unknown activation 'rely'; did you mean 'relu'? "
            "Known: identity, sigmoid, tanh, relu, leaky-relu, softmax, log-softmax",
        ),
        ("dropout", "write: dropout RATE, as in 'dropout 0.5'"),
        ("dropout x", "a dropout layer needs a rate in [0, 1); got 'x'"),
        ("dropout 1", "a dropout layer needs a rate in [0, 1); got 1.0"),
        ("dropout nan", "a dropout layer needs a rate in [0, 1); got nan"),
        ("conv", CONV),
        ("conv 6", CONV),
        ("conv six 5x5", "a conv layer needs a whole number of filters >= 1; got 'six'"),
        ("conv ² 5x5", "a conv layer needs a whole number of filters >= 1; got '²'"),
        ("conv 0 5x5", "a conv layer needs a whole number of filters >= 1; got 0"),
        ("conv 6 5x", "a filter's size is written ROWSxCOLS, as in 5x5, or as one number for both; got '5x'"),
        ("conv 6 0x5", "a filter's size needs whole numbers >= 1; got 0x5"),
        ("conv 6 5x5 stride", "stride needs a number, as in 'stride 2'"),
        ("conv 6 5x5 stride 0", "stride needs whole numbers >= 1; got 0x0"),
        ("conv 6 5x5 stride 2 stride 2", "stride is given twice"),
        ("conv 6 5x5 strid 2 relu", "unknown option 'strid'; did you mean 'stride'? Known: stride, pad"),
        ("conv 6 5x5 pad -1", "pad is written ROWSxCOLS, as in 5x5, or as one number for both; got '-1'"),
        ("conv 6 5x5 relu stride 2", f"{CONV}; got 'relu stride 2' at its end"),
        (
            "conv 6 5x5 rely",
            f"unknown activation 'rely'; did you mean 'relu'? Known: {ELEMENTWISE}, softmax, log-softmax",
        ),
        (
            "conv 6 5x5 softmax",
            "softmax is for a dense layer, whose units it sets against each other; a conv layer can have: "
            + ELEMENTWISE,
        ),
        ("max-pool", "write: max-pool SIZE [stride S], as in 'max-pool 2'"),
        (
            "average-pool 2 relu",
            "write: average-pool SIZE [stride S], as in 'average-pool 2'; got 'relu' at its end "
            "(a pool has no activation or pad)",
        ),
        ("max-pool 2 pad 1", "unknown option 'pad'. Known: stride"),
        ("max-pool two", "a window's size is written ROWSxCOLS, as in 5x5, or as one number for both; got 'two'"),
        ("max-pool 2 stride 0x1", "stride needs whole numbers >= 1; got 0x1"),
        ("flatten 3", "write: flatten, with nothing after it; got '3'"),
        ("batch-norm relu tanh", "write: batch-norm [ACTIVATION], as in 'batch-norm relu'; got 'relu tanh' at its end"),
        (
            "batch-norm log-softmax",
            "log-softmax is for a dense layer, whose units it sets against each other; batch-norm can have: "
            + ELEMENTWISE,
        ),
        (
            "maxpool 2",
            f"unknown layer 'maxpool'; did you mean 'max-pool'? Known: {KNOWN}",
        ),
    ],
)
def test_a_layer_that_cannot_be_read_says_why(text, message):
    with pytest.raises(NetworkError) as error:
        parse_layer(text)
    assert str(error.value) == f"{text!r}: {message}"


@pytest.mark.parametrize("text", ["", "  ", 3])
def test_a_layer_without_words_says_how_one_is_written(text):
    with pytest.raises(NetworkError) as error:
        parse_layer(text)
    assert str(error.value) == f"a layer is a line such as 'dense 120 relu' or 'dropout 0.5'; got {text!r}"


def test_the_network_of_report_4():
    network = build(NetworkSection(layers=LENET), (1, 28, 28), 10)
    assert network.shapes == (
        (6, 24, 24), (6, 12, 12), (16, 8, 8), (16, 4, 4), (120,), (120,), (84,), (84,), (10,)
    )  # fmt: skip
    assert network.layer_names == (
        "conv1", "max-pool1", "conv2", "max-pool2", "dense1", "dropout1", "dense2", "dropout2", "dense3"
    )  # fmt: skip
    assert network.parameter_shapes == {
        "conv1.W": (6, 1, 5, 5),
        "conv1.b": (6,),
        "conv2.W": (16, 6, 5, 5),
        "conv2.b": (16,),
        "dense1.W": (256, 120),
        "dense1.b": (120,),
        "dense2.W": (120, 84),
        "dense2.b": (84,),
        "dense3.W": (84, 10),
        "dense3.b": (10,),
    }
    assert network.parameter_count == 156 + 2416 + 30840 + 10164 + 850
    assert Network.parse((1, 28, 28), *network.describe()) == network


def test_flatten_before_dense_is_the_same_network_but_for_its_text():
    one, other = (Network.parse((2, 3, 4), *flatten, "dense 5") for flatten in ([], ["flatten"]))
    assert one.parameter_shapes == other.parameter_shapes
    assert other.shapes == ((24,), (5,))


def test_batch_norm_has_a_number_of_each_kind_for_every_channel_or_unit():
    network = Network.parse((3, 4, 4), "batch-norm", "dense 5", "batch-norm relu", "dense 2")
    shapes = network.parameter_shapes
    for letter in ("gamma", "beta", "mean", "variance"):
        assert shapes[f"batch-norm1.{letter}"] == (3,)
        assert shapes[f"batch-norm2.{letter}"] == (5,)
    assert network.shapes[0] == (3, 4, 4)


@pytest.mark.parametrize(
    ("shape", "layers", "message"),
    [
        (
            (1, 4, 4),
            ["conv 6 5x5 relu"],
            "layer 1, 'conv 6 5x5 stride 1 pad 0 relu': its filters are larger than the images of 4x4 (1 channel) that "
            "it gets; what would fit: 'conv 6 4x4 stride 1 pad 0 relu', 'conv 6 5x5 stride 1 pad 1 relu'",
        ),
        (
            (1, 6, 9),
            ["conv 2 9x3 pad 1"],
            "layer 1, 'conv 2 9x3 stride 1 pad 1 identity': its filters are larger than the images of 6x9 (1 channel) "
            "with pad 1 that it gets; what would fit: 'conv 2 8x3 stride 1 pad 1 identity', "
            "'conv 2 9x3 stride 1 pad 2x1 identity'",
        ),
        (
            (3, 28, 28),
            ["conv 8 5x5 stride 2 relu"],
            "layer 1, 'conv 8 5x5 stride 2 pad 0 relu': its windows do not divide the images of 28x28 (3 channels) "
            "that it gets: the last 1 row and 1 column would be left out; what would fit: "
            "'conv 8 5x5 stride 2 pad 1 relu', 'conv 8 5x5 stride 2 pad 2 relu', 'conv 8 5x5 stride 2 pad 3 relu'",
        ),
        (
            (1, 28, 28),
            ["conv 6 5x5", "max-pool 5"],
            "layer 2, 'max-pool 5x5 stride 5': its windows do not divide the images of 24x24 (6 channels) that it gets"
            ": the last 4 rows and 4 columns would be left out; what would fit: 'max-pool 2x2 stride 2', "
            "'max-pool 3x3 stride 3', 'max-pool 4x4 stride 4'",
        ),
        (
            (1, 5, 4),
            ["average-pool 2"],
            "layer 1, 'average-pool 2x2 stride 2': its windows do not divide the images of 5x4 (1 channel) that it "
            "gets: the last 1 row would be left out; what would fit: 'average-pool 5x4 stride 5x4', "
            "'average-pool 2x2 stride 1'",
        ),
        (
            (1, 5, 7),
            ["max-pool 9"],
            "layer 1, 'max-pool 9x9 stride 9': its windows are larger than the images of 5x7 (1 channel) that it gets; "
            "what would fit: 'max-pool 5x7 stride 5x7'",
        ),
        (
            (1, 28, 28),
            ["flatten", "conv 6 5x5"],
            "layer 2, 'conv 6 5x5 stride 1 pad 0 identity': it needs images (channels, rows, cols) and gets rows of "
            "784 numbers, since layer 1, 'flatten', made rows of them; put it before that layer",
        ),
        (
            (1, 28, 28),
            ["dense 9 relu", "dropout 0.5", "max-pool 2"],
            "layer 3, 'max-pool 2x2 stride 2': it needs images (channels, rows, cols) and gets rows of 9 numbers, "
            "since layer 1, 'dense 9 relu', made rows of them; put it before that layer",
        ),
        (
            (784,),
            ["conv 6 5x5"],
            "layer 1, 'conv 6 5x5 stride 1 pad 0 identity': it needs images (channels, rows, cols), but the data's "
            "examples have the shape (784,); take data of images (arrays of your own: save them with the shape "
            "(n, channels, rows, cols)), or dense layers",
        ),
    ],
)
def test_a_misfit_says_the_layer_what_it_got_and_what_would_fit(shape, layers, message):
    with pytest.raises(NetworkError) as error:
        Network.parse(shape, *layers)
    assert str(error.value) == message
    with pytest.raises(NetworkError) as error:
        build(NetworkSection(layers=[*layers, "dense 10"]), shape, 10)
    assert str(error.value) == f"network.layers: {message}"


def test_what_would_fit_fits():
    for shape, layer in (
        ((1, 28, 28), "conv 8 5x5 stride 2"),
        ((1, 9, 7), "max-pool 4 stride 3"),
        ((2, 13, 13), "max-pool 2"),
    ):
        with pytest.raises(NetworkError) as error:
            Network.parse(shape, layer)
        offered = str(error.value).split("what would fit: ")[1].split("', '")
        assert offered
        for text in offered:
            Network.parse(shape, text.strip("'"))
