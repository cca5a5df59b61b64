"""Weights: round trips, and every way in which a file can be wrong."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from handgrad.errors import WeightsError
from handgrad.network.network import Network
from handgrad.training.weights import load_weights, save_weights

NETWORK = Network.parse((4,), "dense 3 tanh", "dense 2 softmax")


def params():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in NETWORK.parameter_shapes.items()}


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_weights_come_back_as_they_were(tmp_path, ending):
    path = tmp_path / f"weights{ending}"
    save_weights(path, params())
    loaded = load_weights(path, NETWORK)
    assert list(loaded) == list(NETWORK.parameter_shapes)
    for name, array in params().items():
        np.testing.assert_array_equal(loaded[name], array)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_array_that_is_not_contiguous_is_saved_right(tmp_path):
    W = np.arange(6, dtype=np.float32).reshape(2, 3).T
    save_weights(tmp_path / "w.safetensors", {"dense1.W": W})
    np.testing.assert_array_equal(load_weights(tmp_path / "w.safetensors")["dense1.W"], W)


def test_a_missing_file(tmp_path):
    for ending in (".safetensors", ".npz"):
        with pytest.raises(WeightsError, match=rf"none{ending}: no such file"):
            load_weights(tmp_path / f"none{ending}")


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
@pytest.mark.parametrize("keep", [0, 5, 60, 150])
def test_a_file_that_was_cut_off(tmp_path, ending, keep):
    path = tmp_path / f"weights{ending}"
    save_weights(path, params())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"it may be cut off: copy or train it again"):
        load_weights(path)


class Evil:
    def __reduce__(self):
        return (print, ("executed!",))


def test_a_pickle_in_disguise_is_refused_and_not_executed(tmp_path, capsys):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError, match="is a pickle, which can run code when it is read, and is refused; save the"):
        load_weights(path)
    assert "executed" not in capsys.readouterr().out


def test_a_zip_such_as_pytorch_writes_is_read_as_one_and_what_it_names_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.pkl", pickle.dumps(Evil()))
    with pytest.raises(WeightsError, match=r"holds more than weights \(a whole [\w.]*print\), which could run code"):
        load_weights(path)


def test_an_npz_with_objects_is_refused_and_not_executed(tmp_path, capsys):
    content = io.BytesIO()
    np.savez(content, W=np.array([Evil()], dtype=object))
    path = tmp_path / "weights.npz"
    path.write_bytes(content.getvalue())
    capsys.readouterr()
    with pytest.raises(WeightsError, match=r"W\.npy holds pickled objects, which can run code"):
        load_weights(path)
    assert "executed" not in capsys.readouterr().out


def test_every_wrong_shape_is_named_at_once(tmp_path):
    path = tmp_path / "w.safetensors"
    wrong = params()
    wrong["dense1.W"] = wrong["dense1.W"].T
    del wrong["dense2.b"]
    wrong["dense3.W"] = np.ones((1, 1), np.float32)
    save_weights(path, wrong)
    with pytest.raises(WeightsError) as error:
        load_weights(path, NETWORK)
    assert str(error.value).splitlines() == [
        f"{path}: dense2.b is missing; needed (2,)",
        f"{path}: dense3.W (1, 1) is not in this network",
        f"{path}: dense1.W has shape (3, 4); this network needs (4, 3)",
    ]


def test_weights_that_are_no_floats(tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, W=np.array(["text"]))
    with pytest.raises(WeightsError, match="W holds <U4; weights are float32 or float64"):
        load_weights(path)


def test_another_ending_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(WeightsError, match=r"unknown ending '.pt'; weights are saved as .safetensors or .npz"):
        save_weights(tmp_path / "w.pt", params())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match="cannot be written: No such file or directory"):
        save_weights(tmp_path / "no" / "w.npz", params())
