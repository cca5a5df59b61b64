"""Keras's files and models become networks of handgrad that predict the same; nothing in them is executed.

keras_made/ was written by Keras 3.15.1 (backend torch) from one model, trained for four epochs:

    Sequential([Input((6, 4, 2)), Conv2D(3, 3, padding="same", activation="relu"), MaxPooling2D(2), Flatten(),
                BatchNormalization(), Dense(2, activation="softmax")])

model.save("small.keras"), model.save("small.h5"), model.save_weights("small.weights.h5").  THERE is model.predict(X).
"""

import json
import re
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import handgrad as hg
from handgrad.data.scaling import AS_IT_IS
from handgrad.errors import InputError, WeightsError
from handgrad.network.network import Network
from handgrad.training.exchange import read_params
from handgrad.training.hdf5 import read_hdf5, read_here
from handgrad.training.model import Model

MADE = Path(__file__).parent / "keras_made"
X = (np.arange(3 * 48).reshape(3, 6, 4, 2) % 7 / 7).astype(np.float32)
THERE = [[0.661630392074585, 0.3383696377277374], [0.7399281859397888, 0.2600718140602112],
         [0.6524967551231384, 0.34750327467918396]]  # fmt: skip
HERE = X.transpose(0, 3, 1, 2)
LAYERS = [
    "conv 3 3x3 stride 1 pad 1 relu",
    "max-pool 2x2 stride 2",
    "flatten",
    "batch-norm identity",
    "dense 2 softmax",
]
NETWORK = Network.parse((2, 6, 4), *LAYERS)


@pytest.fixture
def here(monkeypatch):
    """Files are read in this process, which takes a tenth of the time."""
    monkeypatch.setattr("handgrad.training.keras_files.read_hdf5", read_here)


@pytest.mark.parametrize("name", ["small.keras", "small.h5"])
def test_a_file_of_keras_predicts_what_keras_predicted(name):
    found = hg.from_keras(MADE / name)
    assert found.table == {"layers": LAYERS}
    assert found.network.input_shape == (2, 6, 4)
    np.testing.assert_allclose(found.model.outputs(HERE), THERE, rtol=1e-6)
    assert found.notes == (
        "batch norm here has ε = 1e-05, there 0.001; the running variances were moved by the difference, so "
        "predictions are equal",
        "running statistics of batch norm take 0.1 of each batch here, there 0.01",
    )


@pytest.mark.parametrize("name", ["small.keras", "small.weights.h5"])
def test_weights_of_keras_go_into_a_network(name, here):
    model = Model(NETWORK, read_params(MADE / name, NETWORK), ("a", "b"), AS_IT_IS, None)
    np.testing.assert_allclose(model.outputs(HERE), THERE, rtol=1e-6)


def test_weights_of_keras_have_their_names(here):
    assert {name: w.shape for name, w in hg.load_weights(MADE / "small.weights.h5").items()} == {
        "batch_normalization/gamma": (18,), "batch_normalization/beta": (18,),
        "batch_normalization/moving_mean": (18,), "batch_normalization/moving_variance": (18,),
        "conv2d/kernel": (3, 3, 2, 3), "conv2d/bias": (3,), "dense/kernel": (18, 2), "dense/bias": (2,),
    }  # fmt: skip


def test_weights_alone_say_no_layers(here):
    with pytest.raises(WeightsError, match="holds weights alone and says no layers; give it to hg"):
        hg.from_keras(MADE / "small.weights.h5")


# -- models as Keras describes them


def layer(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, **config}}


def sequential(*layers, shape=None):
    first = [layer("InputLayer", "input_1", batch_shape=[None, *shape])] if shape else []
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": [*first, *layers]}}


class Of:
    """A Keras model or layer in memory, as far as it is asked: its class by name, its description, its weights."""

    def __new__(cls, described, weights):
        made = super().__new__(type(described["class_name"], (cls,), {}))
        made.described, made.arrays = described["config"], weights
        return made

    def get_config(self):
        return self.described

    @property
    def layers(self):
        return [Of(one, self.arrays) for one in self.described.get("layers", ())]

    def get_weights(self):
        return self.arrays.get(self.described["name"], [])


def arrays(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def test_a_model_in_memory_with_what_tutorials_have():
    inside = sequential(layer("Dense", "dense_1", units=3, activation="linear", use_bias=False), layer("ReLU", "re_lu"))
    described = sequential(
        layer("Rescaling", "rescaling", scale=0.5, offset=-1.0),
        layer("Reshape", "reshape", target_shape=[2, 2, 1]),
        layer("Flatten", "flatten"),
        layer("Dense", "dense", units=5, activation="tanh", kernel_regularizer={"class_name": "L2"}),
        inside,
        layer("Dropout", "dropout", rate=0.2),
        layer("Dense", "dense_2", units=2, activation="softmax"),
        shape=(4,),
    )
    (W1, b1), (W2,), (W3, b3) = arrays((4, 5), 5), arrays((5, 3)), arrays((3, 2), 2)
    found = hg.from_keras(Of(described, {"dense": [W1, b1], "dense_1": [W2], "dense_2": [W3, b3]}))
    assert found.table["layers"] == ["dense 5 tanh", "dense 3 relu", "dropout 0.2", "dense 2 softmax"]
    assert found.network.input_shape == (1, 2, 2)
    assert [note.partition(";")[0] for note in found.notes] == [
        "the model scales its examples by itself (0.5·x + -1)",
        "regularizers and constraints of layers are not taken",
        "a layer without bias has one here, which begins at 0 and is learnt",
    ]
    x = np.random.default_rng(1).random((6, 4)).astype(np.float32) * 4
    z = np.maximum(np.tanh((0.5 * x - 1) @ W1 + b1) @ W2, 0) @ W3 + b3
    there = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.model.outputs(x), there, rtol=1e-5)


def test_a_model_without_weights_is_a_table_alone():
    described = sequential(layer("Dense", "a", units=4, activation="relu"), layer("Dense", "b", units=3))
    found = hg.from_keras(Of(described, {}), input_shape=(5,))
    assert (found.table, found.params) == ({"hidden": [4], "activation": "relu", "output": "identity"}, None)
    with pytest.raises(WeightsError, match="has no weights yet: fit or build it there first, or train it here"):
        _ = found.model


def test_a_class_that_computes_by_itself_is_refused():
    model = Of(sequential(layer("Dense", "d", units=3), shape=(4,)), {})
    type(model).call = lambda self, x: x
    type(model).__name__ = "Mine"
    with pytest.raises(InputError, match=r"Keras's model: Mine: a model of a class of somebody's own says no layers"):
        hg.from_keras(model)


def history(*names):
    return [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": [n, 0, 0]}} for n in names]}]


def functional(*layers, outputs):
    config = {
        "name": "f",
        "layers": [{**one, "inbound_nodes": nodes} for one, nodes in layers],
        "output_layers": outputs,
    }
    return {"class_name": "Functional", "config": config}


IN, A, B = layer("InputLayer", "in", batch_shape=[None, 4]), layer("Dense", "a", units=4), layer("Dense", "b", units=2)


@pytest.mark.parametrize("form", ["Keras 3", "Keras 2"])
def test_a_functional_model_that_is_a_row(form):
    after = history if form == "Keras 3" else lambda name: [[[name, 0, 0, {}]]]
    found = hg.from_keras(Of(functional((IN, []), (A, after("in")), (B, after("a")), outputs=[["b", 0, 0]]), {}))
    assert found.table == {"hidden": [4], "activation": "identity", "output": "identity"}


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (functional((IN, []), (A, history("in")), (layer("Add", "add"), history("a", "in")), outputs=["add", 0, 0]),
         "add (Add): takes 'a', 'in'; layers here stand in a row"),
        (functional((IN, []), (A, history("in")), (B, history("a")), outputs=[["a", 0, 0], ["b", 0, 0]]),
         "output: gives more than what the last layer, 'b', gives"),
    ],
)  # fmt: skip
def test_a_functional_model_that_branches(described, message):
    with pytest.raises(InputError, match=re.escape(message)):
        hg.from_keras(Of(described, {}))


SAME = {"filters": 2, "padding": "same"}
REFUSED = [
    (sequential(layer("LSTM", "lstm", units=3), layer("Dense", "d", units=2, activation="gelu"), layer("Lambda", "l"),
                shape=(9,)),
     ["lstm (LSTM): handgrad has no recurrent layers", "l (Lambda): it runs code of somebody's own, which is"]),
    (sequential(layer("Dense", "d", units=2, activation="gelu"), layer("LeakyReLU", "l", alpha=0.3), shape=(9,)),
     ["d (Dense): has the activation 'gelu', which is not there yet", "leaky ReLU has the slope 0.01 here, there 0.3"]),
    (sequential(layer("Dense", "d", units=2, activation="leaky_relu"), shape=(9,)),
     ["d (Dense): leaky ReLU has the slope 0.01 here, there 0.2; train it there with that one"]),
    (sequential(layer("Conv2D", "c", kernel_size=[4, 4], **SAME), shape=(8, 8, 1)),
     ["c (Conv2D): padding = 'same' of 4x4 windows with stride 1x1 on images of 8x8 puts more zeros on one side"]),
    (sequential(layer("Conv2D", "c", kernel_size=[3, 3], strides=[2, 2], **SAME), shape=(8, 8, 1)),
     ["windows with stride 2x2 on images of 8x8 puts more zeros on one side than on the other"]),
    (sequential(layer("Conv2D", "c", filters=2, kernel_size=3, dilation_rate=[2, 2], groups=2), shape=(8, 8, 2)),
     ["dilation_rate = [2, 2], here 1; groups = 2, here 1"]),
    (sequential(layer("Conv2D", "c", filters=2, kernel_size=3, data_format="channels_first"), shape=(1, 8, 8)),
     ["data_format = 'channels_first'; build it there with channels last"]),
    (sequential(layer("MaxPooling2D", "p", pool_size=[2, 2], padding="same"), shape=(7, 8, 1)),
     ["p (MaxPooling2D): padding = 'same' adds zeros here"]),
    (sequential(layer("BatchNormalization", "n", axis=1, epsilon=1e-3), shape=(8, 8, 3)), ["axis = 1; here the mean"]),
    (sequential(layer("Dense", "d", units=3), shape=(8, 8, 1)), ["works on the last axis of images (1, 8, 8)"]),
    (sequential(layer("Flatten", "f"), layer("Rescaling", "r", scale=2.0), layer("Dense", "d", units=3), shape=(8, 8)),
     ["r (Rescaling): scales between layers"]),
    (sequential(layer("Dense", "d", units=3)), ["nothing says the shape of the examples; give input_shape=(channels"]),
    (sequential(layer("Dense", "d", units=2, activation={"class_name": "function", "config": "relu"}),
                {**layer("Dense", "e", units=2), "module": "builtins"}, shape=(3,)),
     ["d (Dense): has the activation 'relu of its own'", "e (Dense): is of a class of somebody's own"]),
    ({"class_name": "MyModel", "config": {}}, ["MyModel: a model of a class of somebody's own says no layers"]),
    (sequential(layer("Dense", "d"), shape=(3,)), ["is not the description of a Keras model, or is damaged ('units')"]),
]  # fmt: skip


@pytest.mark.parametrize(("described", "lines"), REFUSED, ids=[lines[0][:30] for _, lines in REFUSED])
def test_everything_that_cannot_be_taken_is_said_at_once(described, lines):
    model = Of(described, {})
    with pytest.raises(InputError) as said:
        hg.from_keras(model)
    assert [line for line in lines if line not in str(said.value)] == []


def test_same_padding_of_a_stride_that_has_as_many_zeros_on_both_sides():
    conv = layer("Conv2D", "c", kernel_size=[3, 3], strides=[2, 2], **SAME)
    found = hg.from_keras(
        Of(sequential(conv, layer("Flatten", "f"), layer("Dense", "d", units=2), shape=(7, 7, 1)), {})
    )
    assert found.table["layers"] == ["conv 2 3x3 stride 2 pad 1 identity", "dense 2 identity"]


# -- files


def written_by_keras_2(path, weights, *, model=None, divided=False):
    """As model.save(path) of Keras 2 lays it out; without a model, as save_weights."""
    with h5py.File(path, "w") as file:
        if model is not None:
            file.attrs["model_config"] = json.dumps(model).encode()
        root = file if model is None else file.create_group("model_weights")
        names = [name.encode() for name in weights]
        for key, part in (
            {"layer_names0": names[:1], "layer_names1": names[1:]}.items() if divided else [("layer_names", names)]
        ):
            root.attrs[key] = part
        for name, own in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{key}:0".encode() for key in own]
            for key, array in own.items():
                group[f"{name}/{key}:0"] = array
        file.create_group("optimizer_weights")["Adam/iter:0"] = np.array(3)


def two_layers():
    (W1, b1), (W2,) = arrays((4, 3), 3), arrays((3, 2))
    return {"z": {"kernel": W1, "bias": b1}, "flatten": {}, "a": {"kernel": W2}}


@pytest.mark.parametrize("form", ["model", "weights", "divided"])
def test_files_of_keras_2(tmp_path, form, here):
    rows = [layer("Dense", "z", units=3, activation="relu", batch_input_shape=[None, 4]), layer("Flatten", "flatten")]
    model = sequential(*rows, layer("Dense", "a", units=2, use_bias=False))
    written_by_keras_2(
        tmp_path / "m.h5", two_layers(), model=model if form == "model" else None, divided=form == "divided"
    )
    network = Network.parse((4,), "dense 3 relu", "dense 2")
    params = read_params(tmp_path / "m.h5", network)
    np.testing.assert_array_equal(params["dense1.W"], two_layers()["z"]["kernel"])
    assert params["dense2.b"].tolist() == [0, 0]
    if form == "model":
        assert hg.from_keras(tmp_path / "m.h5").network == network


def test_a_file_of_hdf5_that_keras_did_not_write(tmp_path, here):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for i, (W, b) in enumerate([arrays((4, 3), (3, 1)), arrays((3, 2), (2, 1))], 1):
            file[f"W{i}"], file[f"b{i}"] = W.astype(">f8"), b.astype("f2")
    params = read_params(tmp_path / "w.h5", Network.parse((4,), "dense 3 tanh", "dense 2"))
    assert (params["dense1.W"].dtype, params["dense1.b"].shape) == (np.float64, (3,))


def test_what_does_not_fit_is_said_at_once(here):
    with pytest.raises(WeightsError) as said:
        read_params(MADE / "small.weights.h5", Network.parse((2, 6, 4), "dense 3", "dense 2"))
    assert "has 0 dense" not in str(said.value)
    for line in (
        "has 1 dense layers (dense (18, 2)); this network has 2 (dense1, dense2)",
        "has 1 conv layers (conv2d (3",
    ):
        assert line in str(said.value)


def test_other_activations_than_the_file_says_are_said(here):
    network = Network.parse((2, 6, 4), LAYERS[0].replace("relu", "tanh"), *LAYERS[1:])
    with pytest.raises(WeightsError, match=r"small.keras: conv2d has the activation relu, conv1 tanh\n"):
        read_params(MADE / "small.keras", network)


def linked(file):
    file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")


def outside(file):
    file.create_dataset("W", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "W", (4,))
    file.create_virtual_dataset("W", layout)


def endless(file):
    file.create_dataset("W", (10**12,), "f4", chunks=(1000,))


def texts(file):
    file["W"] = ["a", "b"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (linked, "'elsewhere' is a link to elsewhere, which is not followed"),
        (outside, "the numbers of 'W' lie in another file, which is not read"),
        (virtual, "the numbers of 'W' lie in another file, which is not read"),
        (endless, "its arrays are more than 100.0 MB, too much for a file of"),
        (texts, "'W' holds object, no numbers; save float32"),
    ],
)  # fmt: skip
def test_files_that_point_elsewhere_or_claim_too_much(tmp_path, made, message, here):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        made(file)
    with pytest.raises(WeightsError) as said:
        hg.load_weights(tmp_path / "w.h5")
    assert str(said.value).startswith(f"{tmp_path / 'w.h5'}: ")
    assert message in str(said.value)


def test_a_group_that_holds_itself_is_read_once(tmp_path, here):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a/W"] = np.ones((2, 2), np.float32)
        file["a/again"] = file["a"]
    assert list(hg.load_weights(tmp_path / "w.h5")) == ["a/W"]


def test_a_refusal_of_the_child_is_the_message(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        texts(file)
    with pytest.raises(WeightsError, match=r"w.h5: 'W' holds object, no numbers; save float32$"):
        hg.load_weights(tmp_path / "w.h5")


def test_a_library_that_comes_to_no_end_is_ended():
    with pytest.raises(ValueError, match=r"the HDF5 library came to no end with it in 0.001 s"):
        read_hdf5(MADE / "small.h5", "small.h5", size=30_000, seconds=0.001)


@pytest.mark.parametrize("name", ["small.keras", "small.h5"])
def test_a_damaged_file_is_one_message(tmp_path, name):
    content = (MADE / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="is not a Keras file, or is damaged"):
        hg.from_keras(tmp_path / name)


def test_a_zip_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.training.keras_files.most_unpacked", lambda packed: 10 * packed)
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", b" " * 100_000)
        file.writestr("model.weights.h5", b"")
    with pytest.raises(WeightsError, match=r"unpacks to more than [\d.]+ [kK]?B|bytes; it is damaged"):
        hg.from_keras(tmp_path / "m.keras")


def test_what_is_no_model_and_no_file(tmp_path):
    with pytest.raises(InputError, match=r"model must be a Keras model, or the path of a .keras or .h5 file; got 3"):
        hg.from_keras(3)
    with pytest.raises(WeightsError, match="no such file"):
        hg.from_keras(tmp_path / "nowhere.keras")
    np.savez(tmp_path / "w.npz", W=np.ones(3))
    with pytest.raises(WeightsError, match=r"w.npz: is no file of a Keras model \(.keras, .h5\)"):
        hg.from_keras(tmp_path / "w.npz")


def test_without_h5py_a_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"needs the library h5py, .* pip install 'handgrad\[keras\]', or save its arr"
    ):
        hg.from_keras(MADE / "small.h5")


def test_the_process_that_reads_finds_its_libraries_where_this_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "h5py.py").write_text("raise ImportError('No module named what-h5py-needs')")
    said = (
        r"small.h5: the process that reads HDF5 files cannot import what it needs \(No module named what-h5py-needs\)"
    )
    with pytest.raises(
        InputError, match=said + r"; install it where that finds it: .* -m pip install 'handgrad\[keras\]'"
    ):
        hg.from_keras(MADE / "small.h5")
    (tmp_path / "h5py.py").unlink()
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])  # an order that no variable of the environment says
    assert hg.from_keras(MADE / "small.h5").table == {"layers": LAYERS}
