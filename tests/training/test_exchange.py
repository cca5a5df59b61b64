"""Exchange: other programs compute the same from what is exported; weights from elsewhere give what they gave there."""

import importlib.util
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import safetensors.torch
import torch
from torch import nn

import handgrad as hg
from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.errors import DataError, InputError, NetworkError, UnknownName, WeightsError
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.layers import LAYERS
from handgrad.network.network import Network
from handgrad.streams import stream
from handgrad.training.exchange import READ, WRITTEN, export_model, import_model, read_params
from handgrad.training.exchange.onnx import IR_VERSION, OPSET
from handgrad.training.exchange.state_dict import sequential, to_state_dict
from handgrad.training.model import Model
from tests.network.test_derivations import disagreements, run

ALL_LAYERS = (
    "conv 4 3x2 stride 2x1 pad 1x0 relu", "batch-norm leaky-relu", "max-pool 2 stride 1", "dropout 0.3",
    "conv 5 3x3 pad 1 sigmoid", "average-pool 3 stride 1", "flatten", "dense 12 tanh", "batch-norm", "dense 10 softmax",
)  # fmt: skip
DEEP = Network.parse((2, 9, 8), *ALL_LAYERS)
PERCEPTRON = Network.parse((6,), "dense 5 tanh", "dense 4 sigmoid", "dense 3 softmax")
SCALINGS = {
    "none": AS_IT_IS,
    "unit": Scaling(0.0, 255.0, False, "x / 255"),
    "standard": Scaling(33.0, 78.0, False, "(x − 33) / 78"),
    "symmetric": Scaling(0.0, 255.0, True, "2 · x / 255 − 1"),
}


def made(network, scaler=AS_IT_IS, dtype=np.float32):
    """A model with numbers everywhere, statistics of batch norm included."""
    rng = stream(3, "init")
    params = {name: rng.normal(size=shape).astype(dtype) / 2 for name, shape in network.parameter_shapes.items()}
    params |= {name: np.abs(w) + dtype(0.1) for name, w in params.items() if name.endswith("variance")}
    return Model(network, params, tuple("abcdefghij"[: network.n_outputs]), scaler, (0, 255))


def examples(network, n=7):
    return stream(4, "init").integers(0, 255, size=(n, *network.input_shape)).astype(np.float32)


def by_onnx(path, x):
    session = onnxruntime.InferenceSession(path)
    (taken,) = session.get_inputs()
    (given,) = session.get_outputs()
    assert (taken.name, taken.type, given.name) == ("x", "tensor(float)", "output")
    return session.run(None, {"x": x})[0]


def test_the_networks_of_these_tests_have_every_kind_of_layer():
    assert {layer.kind for layer in DEEP.layers} == set(LAYERS)


# -- ONNX


def test_onnxruntime_fills_missing_cells_with_the_same_means(tmp_path):
    scaler = Scaling((1.0,) * 6, (2.0,) * 6, False, "(x − mean) / std of each column", tuple(range(6)))
    model = made(PERCEPTRON, scaler)
    x = examples(PERCEPTRON)
    x[::2, 1:4] = np.nan
    export_model(model, tmp_path / "m.onnx")
    np.testing.assert_allclose(by_onnx(tmp_path / "m.onnx", x), model.outputs(x), rtol=1e-5)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_onnxruntime_computes_the_same_for_every_layer_and_scaling(tmp_path, scaling):
    model = made(DEEP, SCALINGS[scaling])
    export_model(model, tmp_path / "m.onnx")
    for n in (1, 7):  # any number of examples
        x = examples(DEEP, n)
        np.testing.assert_allclose(by_onnx(tmp_path / "m.onnx", x), model.outputs(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_onnxruntime_computes_every_activation(tmp_path, output):
    hidden = "identity" if output in ("softmax", "log-softmax") else output
    network = Network.parse((1, 3, 2), f"dense 5 {hidden}", f"dense 3 {output}")
    model = made(network, SCALINGS["unit"])
    export_model(model, tmp_path / "m.onnx")
    x = examples(network)
    np.testing.assert_allclose(by_onnx(tmp_path / "m.onnx", x), model.outputs(x), rtol=1e-5, atol=1e-6)


def test_columns_are_scaled_each_by_its_own_numbers(tmp_path):
    model = made(PERCEPTRON, Scaling((1.0, 2, 3, 4, 5, 6), (10.0, 20, 30, 40, 50, 60), True, "of each column"))
    export_model(model, tmp_path / "m.onnx")
    x = examples(PERCEPTRON)
    np.testing.assert_allclose(by_onnx(tmp_path / "m.onnx", x), model.outputs(x), rtol=1e-5)


def test_a_graph_can_leave_scaling_to_its_user(tmp_path):
    model = made(DEEP, SCALINGS["standard"])
    export_model(model, tmp_path / "m.onnx", scaling=False)
    x = examples(DEEP)
    np.testing.assert_allclose(by_onnx(tmp_path / "m.onnx", model.scaled(x)), model.outputs(x), rtol=1e-4, atol=1e-6)


def test_float64_networks_are_exported_in_float32(tmp_path):
    model = made(PERCEPTRON, dtype=np.float64)
    export_model(model, tmp_path / "m.onnx")
    x = examples(PERCEPTRON) / 255
    np.testing.assert_allclose(by_onnx(tmp_path / "m.onnx", x), model.outputs(x), rtol=1e-4)


def test_a_network_without_anything_to_do_in_use_is_a_graph_too(tmp_path):
    network = Network.parse((3,), "dropout 0.5")
    model = Model(network, {}, ("a", "b", "c"), AS_IT_IS, None)
    export_model(model, tmp_path / "m.onnx")
    np.testing.assert_array_equal(by_onnx(tmp_path / "m.onnx", np.ones((2, 3), np.float32)), np.ones((2, 3)))


def test_the_file_says_what_it_is(tmp_path):
    export_model(made(PERCEPTRON, SCALINGS["unit"]), tmp_path / "m.onnx")
    file = onnx.load(tmp_path / "m.onnx")
    assert (file.ir_version, file.opset_import[0].version, file.producer_name) == (IR_VERSION, OPSET, "handgrad")
    facts = {one.key: one.value for one in file.metadata_props}
    assert facts["classes"] == '["a", "b", "c"]'
    assert facts["scaling"] == "x / 255"
    assert facts["input"] == "unscaled"


# -- PyTorch


@pytest.mark.parametrize("ending", [".pt", ".pth", ".safetensors"])
def test_the_printed_python_loads_the_weights_into_pytorch(tmp_path, ending):
    model = replace(made(DEEP), value_range=(0.0, 1.0))
    names = {}
    exec(export_model(model, tmp_path / f"m{ending}"), names)
    x = examples(DEEP) / 255
    with torch.no_grad():
        np.testing.assert_allclose(names["net"](torch.from_numpy(x)).numpy(), model.outputs(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_a_module(activation):
    network = Network.parse((4,), f"dense 3 {activation}")
    model = made(network)
    net = eval(sequential(network), {"nn": nn})
    net.load_state_dict({k: torch.from_numpy(np.asarray(v)) for k, v in to_state_dict(network, model.params).items()})
    x = examples(network) / 255
    np.testing.assert_allclose(net(torch.from_numpy(x)).detach().numpy(), model.outputs(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ending", sorted({*READ} & {*WRITTEN}))
def test_weights_come_back_as_they_were(tmp_path, ending):
    model = made(DEEP)
    export_model(model, tmp_path / f"m{ending}")
    found = read_params(tmp_path / f"m{ending}", DEEP)
    assert found.keys() == model.params.keys()
    for name, array in model.params.items():
        np.testing.assert_array_equal(found[name], array)
    assert [path.name for path in tmp_path.iterdir()] == [f"m{ending}"]


class LeNet(nn.Module):
    """As people write it: modules by name, in no order of use, a bias left out, a softmax nowhere."""

    def __init__(self):
        super().__init__()
        self.fc2 = nn.Linear(12, 10)
        self.fc1 = nn.Linear(4 * 3 * 3, 12, bias=False)
        self.conv = nn.Conv2d(1, 4, 3)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.bn(self.conv(x))), 2)
        return self.fc2(torch.tanh(self.fc1(x.flatten(1))))


LENET = Network.parse((1, 8, 8), "conv 4 3x3", "batch-norm relu", "max-pool 2", "dense 12 tanh", "dense 10")


@pytest.mark.parametrize("form", ["plain", "nested", "half", "safetensors", "saved before 2016"])
def test_a_network_of_somebody_else_gives_here_what_it_gave_there(tmp_path, form):
    torch.manual_seed(0)
    net = LeNet()
    net.train()(torch.rand(20, 1, 8, 8))  # moves the running statistics
    net = net.half().float().eval() if form == "half" else net.eval()
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pt")
    if form == "safetensors":
        safetensors.torch.save_file(net.state_dict(), path)
    elif form == "nested":
        torch.save({"epoch": 3, "model_state_dict": net.state_dict(), "optimizer": {"lr": 0.1}}, path)
    elif form == "half":
        torch.save({k: w.half() if w.is_floating_point() else w for k, w in net.state_dict().items()}, path)
    else:
        torch.save(net.state_dict(), path, _use_new_zipfile_serialization=form == "plain")
    x = torch.rand(5, 1, 8, 8)
    model = Model(LENET, read_params(path, LENET), tuple("0123456789"), AS_IT_IS, None)
    np.testing.assert_allclose(model.outputs(x.numpy()), net(x).detach().numpy(), rtol=1e-4, atol=1e-5)


GOOD = {"1.weight": (5, 6), "2.weight": (4, 5), "3.weight": (3, 4)}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a.weight": (5, 6), "b.weight": (4, 5)}, "has 2 dense layers (a (5, 6), b (4, 5)); this network has 3"),
        ({**GOOD, "2.weight": (5, 4)}, "2.weight has shape (5, 4); dense2.W needs (4, 5)"),
        ({**GOOD, "1.bias": (4,)}, "1.bias has shape (4,); dense1.b needs (5,)"),
        ({"1.weight": (5,), "1.bias": (5,)}, "1.weight has shape (5,); handgrad has dense layers"),
        ({"1.weight": (5, 6), "1.weight_g": (5,)}, "1.weight_g (5,) is of no layer that handgrad has"),
        ({"1.bias": (5,)}, "1 has no weight, only bias"),
        ({"dense1.W": (6, 5), "dense2.W": (5, 9)}, "dense2.W has shape (5, 9); this network needs (5, 4)"),
    ],
)  # fmt: skip
def test_a_state_dict_that_does_not_fit(tmp_path, tensors, message):
    torch.save({name: torch.zeros(shape) for name, shape in tensors.items()}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=re.escape(message)) as said:
        read_params(tmp_path / "w.pt", PERCEPTRON)
    assert str(said.value).startswith(f"{tmp_path / 'w.pt'}: ")


@pytest.mark.parametrize(("ending", "weight"), [(".pt", "{}.weight"), (".npz", "W{}")])
def test_a_message_ends_with_what_to_set(tmp_path, ending, weight):
    arrays = {weight.format(i): np.zeros((2, 9), np.float32) for i in (1, 2, 3)}
    if ending == ".pt":
        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, tmp_path / "w.pt")
    else:
        np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(WeightsError) as said:
        read_params(tmp_path / f"w{ending}", PERCEPTRON)
    assert str(said.value).endswith(
        "set network.hidden or network.layers to the file's layers; now they are dense 5 tanh, dense 4 sigmoid, "
        "dense 3 softmax"
    )


def test_safetensors_without_an_order_are_refused(tmp_path):
    state = {"hidden.weight": (5, 6), "middle.weight": (4, 5), "output.weight": (3, 4)}
    safetensors.torch.save_file({k: torch.zeros(shape) for k, shape in state.items()}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"nothing says the order of .*; save them there as .pt or .npz"):
        read_params(tmp_path / "w.safetensors", PERCEPTRON)
    torch.save({k: torch.zeros(shape) for k, shape in state.items()}, tmp_path / "w.pt")
    assert read_params(tmp_path / "w.pt", PERCEPTRON)["dense3.W"].shape == (4, 3)


class Evil:
    def __reduce__(self):
        return (print, ("executed!",))


def test_files_that_could_run_code_are_refused_and_run_nothing(tmp_path, capsys):
    torch.save(LeNet(), tmp_path / "module.pt")
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"0.weight": Evil()}, protocol=2))
    with pytest.raises(WeightsError, match=r"holds more than weights .* torch.save\(model.state_dict\(\), path\)"):
        read_params(tmp_path / "module.pt", PERCEPTRON)
    with pytest.raises(WeightsError, match=r"is a pickle, which can run code when it is read, and is refused"):
        read_params(tmp_path / "evil.pt", PERCEPTRON)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("keep", [0, 3, 100, 600])
def test_a_pytorch_file_that_was_cut_off(tmp_path, keep):
    export_model(made(PERCEPTRON), tmp_path / "w.pt")
    (tmp_path / "w.pt").write_bytes((tmp_path / "w.pt").read_bytes()[:keep])
    with pytest.raises(
        WeightsError, match=r"w.pt: (is empty; it may|is not a whole PyTorch file, or is damaged .*; it may)"
    ):
        read_params(tmp_path / "w.pt", PERCEPTRON)


@pytest.mark.parametrize("content", [[torch.zeros(2)], {"lr": 0.1}, {}])
def test_a_pytorch_file_of_something_else(tmp_path, content):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"holds no state_dict"):
        read_params(tmp_path / "w.pt", PERCEPTRON)


# -- a student's arrays


def students(params, *, turned=False, bias=(-1,)):
    """W1, b1, … as students name and shape them."""
    arrays = {}
    for i in (1, 2, 3):
        W = params[f"dense{i}.W"]
        arrays |= {f"W{i}": W.T if turned else W, f"b{i}": params[f"dense{i}.b"].reshape(bias)}
    return arrays


@pytest.mark.parametrize(("turned", "bias"), [(False, (-1,)), (False, (1, -1)), (True, (-1, 1))])
@pytest.mark.parametrize("how", ["named", "numbered", "weights first", "backwards", "without biases"])
def test_a_student_s_arrays_find_their_layers(tmp_path, turned, bias, how):
    expected = dict(made(PERCEPTRON, dtype=np.float64).params)
    if how == "without biases":
        expected |= {name: w * 0 for name, w in expected.items() if name.endswith("b")}
    arrays = students(expected, turned=turned, bias=bias)
    if how == "numbered":
        np.savez(tmp_path / "w.npz", *arrays.values())
    else:
        names = {"weights first": sorted, "backwards": lambda a: list(a)[::-1]}.get(how, list)(arrays)
        kept = {name: arrays[name] for name in names if how != "without biases" or name[0] == "W"}
        np.savez(tmp_path / "w.npz", **kept)
    found = read_params(tmp_path / "w.npz", PERCEPTRON)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_filters_of_a_student_are_weights_too(tmp_path):
    network = Network.parse((1, 4, 4), "conv 2 3x3 relu", "dense 3")
    np.savez(tmp_path / "w.npz", K=np.ones((2, 1, 3, 3)), b=np.ones(2), W=np.ones((8, 3)), c=np.ones(3))
    found = read_params(tmp_path / "w.npz", network)
    assert {name: array.shape for name, array in found.items()} == network.parameter_shapes


FITS = {"W1": (6, 5), "W2": (5, 4), "W3": (4, 3)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"W1": (6, 5), "W2": (5, 4)}, "has 2 arrays of weights and 0 of biases (W1 (6, 5), W2 (5, 4)); this network"),
        ({"W1": (6, 5), "W2": (5, 7), "W3": (7, 3)}, "W2 has shape (5, 7); dense2.W needs (5, 4) or (4, 5), as all"),
        ({"W1": (6, 5), "W2": (4, 5), "W3": (4, 3)}, "W2 has shape (4, 5); dense2.W needs"),
        ({**FITS, "b1": (5,), "b2": (9,), "b3": (3,)}, "b2 has shape (9,); dense2.b needs (4,)"),
        ({**FITS, "b1": (5,)}, "has 3 arrays of weights and 1 of biases"),
        ({"dense1.W": (6, 5)}, "dense1.b is missing; needed (5,)"),
        ({}, "(nothing)"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(tmp_path, arrays, message):
    np.savez(tmp_path / "w.npz", **{name: np.zeros(shape) for name, shape in arrays.items()})
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_params(tmp_path / "w.npz", PERCEPTRON)


def test_batch_norm_and_whole_numbers_under_any_names_are_refused(tmp_path):
    np.savez(tmp_path / "w.npz", W=np.zeros((3, 2)))
    with pytest.raises(WeightsError, match=r"told apart by names alone; name the arrays dense1.W, dense1.b"):
        read_params(tmp_path / "w.npz", Network.parse((3,), "dense 2", "batch-norm"))
    np.savez(tmp_path / "w.npz", W=np.zeros((3, 2), int))
    with pytest.raises(WeightsError, match=r"dense1.W holds int64; weights are float32 or float64"):
        read_params(tmp_path / "w.npz", Network.parse((3,), "dense 2"))


# -- endings, libraries, evaluation


def test_endings_that_are_not_known(tmp_path):
    model = made(PERCEPTRON)
    with pytest.raises(WeightsError, match=r"m.h5: unknown ending '.h5'; a network is exported as .onnx, .pt"):
        export_model(model, tmp_path / "m.h5")
    with pytest.raises(WeightsError, match=r"m.onnx: unknown ending '.onnx'; weights are read from .pt"):
        read_params(tmp_path / "m.onnx", PERCEPTRON)
    with pytest.raises(WeightsError, match=r"leaving it out is for .onnx"):
        export_model(model, tmp_path / "m.pt", scaling=False)
    with pytest.raises(WeightsError, match=r"none.pt: no such file"):
        read_params(tmp_path / "none.pt", PERCEPTRON)
    for ending in (".onnx", ".pt", ".npz"):
        with pytest.raises(WeightsError, match=r"cannot be written: No such file or directory"):
            export_model(model, tmp_path / "nowhere" / f"m{ending}")


def test_libraries_that_are_missing(tmp_path, monkeypatch):
    torch.save({"w": torch.ones(2, 3)}, tmp_path / "w.pt")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for ending, extra in ((".onnx", "onnx"), (".pt", "torch")):
        with pytest.raises(InputError, match=rf"pip install 'handgrad\[{extra}\]', or export to .safetensors"):
            export_model(made(PERCEPTRON), tmp_path / f"m{ending}")
    assert read_params(tmp_path / "w.pt", Network.parse((3,), "dense 2"))["dense1.W"].shape == (
        3,
        2,
    )  # reading needs none


SETTING = {"network": {"hidden": [8]}, "training": {"epochs": 2, "engine": "array"}, "data": {"scale": "standard"}}


@pytest.fixture(scope="module")
def trained():
    return hg.train(SETTING, seed=1)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_evaluation_repeats_the_record(trained, tmp_path, part):
    export_model(trained.model, tmp_path / "w.npz")
    short = {"test": "test", "validation": "val"}[part]
    for model in (trained.model, import_model(tmp_path / "w.npz", SETTING)):
        found = hg.evaluate(model, SETTING, part=part)
        assert found.n == trained.data["data"]["counts"][part]
        assert found.loss == trained.metrics[f"{short}_loss"]
        assert found.accuracy == trained.metrics[f"{short}_accuracy"]
        assert found.confusion == trained.data["confusion"][part]


def test_evaluation_scales_as_the_model_learnt_it(trained):
    other = {**SETTING, "data": {"scale": "none"}}
    assert hg.evaluate(trained.model, other).loss == trained.metrics["test_loss"]


def test_evaluations_that_cannot_be(trained):
    with pytest.raises(UnknownName, match=r"unknown part of this data 'tset'; did you mean 'test'"):
        hg.evaluate(trained.model, SETTING, part="tset")
    with pytest.raises(DataError, match=r"^digits has no test part in this setting: data\.test = false; score"):
        hg.evaluate(trained.model, {**SETTING, "data": {"test": False}})
    with pytest.raises(DataError, match=r"has no validation part in this setting: data\.validation = false; score"):
        hg.evaluate(trained.model, {**SETTING, "data": {"validation": False}}, part="validation")
    with pytest.raises(NetworkError, match=r"cannot go with network.output"):
        hg.evaluate(trained.model, {"training": {"loss": "nll"}})
    small = hg.from_arrays(np.zeros((40, 3)), np.arange(40) % 2)
    with pytest.raises(DataError, match=r"examples \(3,\) of 2 classes; the network takes \(1, 8, 8\) and tells 10"):
        hg.evaluate(trained.model, SETTING, data=small)


RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(60, 3)), columns=["a", "b", "c"])
KINDS = np.where(FRAME["a"] > 0, "pos", "neg")


def test_evaluation_takes_no_classes_columns_or_ranges_for_others():
    setting = {"network": {"hidden": [8]}, "training": {"epochs": 20, "engine": "array"}, "data": {"name": "signs"}}
    data = hg.from_arrays(FRAME, KINDS, name="signs")
    record = hg.train(setting, data=data)
    score = hg.evaluate(record, setting, data=data)

    def other(frame, kinds):
        return hg.evaluate(record, setting, data=hg.from_arrays(frame, kinds, name="other"))

    assert other(FRAME[["c", "a", "b"]], KINDS) == score
    assert other(FRAME.to_numpy(), (KINDS == "pos").astype(int)) == score  # neither has names
    with pytest.raises(DataError, match="other lacks a and has also z"):
        other(FRAME.rename(columns={"a": "z"}), KINDS)
    with pytest.raises(DataError, match="its classes in order are a_pos, neg, those of the network neg, pos"):
        other(FRAME, np.where(KINDS == "pos", "a_pos", "neg"))


def test_evaluation_refuses_pictures_of_another_range(trained):
    digits = hg.load_data("digits")
    bright = hg.from_arrays((digits.x_train * 15).astype(np.uint8), digits.y_train, name="bright")
    with pytest.raises(DataError, match=r"have the range \(0, 255\), the network learnt \(0, 16\)"):
        hg.evaluate(trained.model, SETTING, data=bright)
    same = hg.from_arrays(digits.x_train, digits.y_train, value_range=(0, 16), name="same")
    assert hg.evaluate(trained.model, SETTING, data=same).loss == trained.metrics["test_loss"]


def test_weights_beyond_float32_are_said_to_be_so(trained, tmp_path):
    np.savez(tmp_path / "w.npz", **{name: w.astype(np.float64) * 1e300 for name, w in trained.params.items()})
    with pytest.raises(WeightsError, match=r"w.npz, as float32: dense1.W holds infinity"):
        import_model(tmp_path / "w.npz", SETTING)


def test_the_page_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = run((Path(__file__).parents[2] / "docs" / "exchange.md").read_text("utf-8"))
    assert len(blocks) >= 3
    for said, printed in blocks:
        assert not disagreements(said, printed)
