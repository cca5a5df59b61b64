"""The most confident mistakes of a trained network, kept as pictures in the values of the data set."""

import numpy as np
import pytest

import handgrad as hg
from handgrad.data.contents import Part
from handgrad.data.datasets import from_arrays
from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.network.network import Network
from handgrad.training import record
from handgrad.training.loop import execute
from handgrad.training.mistakes import MOST, mistakes_of, of_part, unscaled
from tests.training.conftest import make_run, make_split

CHOICE = Network.parse((1, 1, 3), "flatten", "dense 3 softmax")  # o = x: whatever pixel is brightest
EYE = {"dense1.W": np.eye(3), "dense1.b": np.zeros(3)}


def part_of(x, y):
    return Part(np.asarray(x, np.float32).reshape(-1, 1, 1, 3), np.array(y), 100 + np.arange(len(y)), "test")


def test_by_hand():
    """a = softmax(x).  Of four examples the second is right, as its label is 1; the others were taken for the class of
    the largest pixel, with e²/(e² + 2) = 0.787, e¹/(e¹ + 2) = 0.576 and e³/(e³ + 2) = 0.909: the last comes first."""
    part = part_of([[2, 0, 0], [0, 5, 0], [0, 1, 0], [0, 0, 3]], [1, 1, 2, 0])
    found = mistakes_of(CHOICE, EYE, part, np.array([0, 1, 1, 2]), AS_IT_IS, "float64")
    assert found["index"].tolist() == [103, 100, 102]
    assert found["actual"].tolist() == [0, 1, 2]
    assert found["predicted"].tolist() == [2, 0, 1]
    assert found["confidence"] == pytest.approx([0.909443, 0.786986, 0.576117], abs=1e-6)
    assert found["images"].reshape(3, 3).tolist() == [[0, 0, 3], [2, 0, 0], [0, 1, 0]]
    assert str(found["source"]) == "test"


def test_log_probabilities_are_told_as_probabilities_and_other_outputs_as_they_are():
    part, predicted = part_of([[0, 0, 3]], [0]), np.array([2])
    found = {}
    for output in ("softmax", "log-softmax", "identity"):
        network = Network.parse((1, 1, 3), "flatten", f"dense 3 {output}")
        found[output] = mistakes_of(network, EYE, part, predicted, AS_IT_IS, "float64")["confidence"][0]
    assert found["log-softmax"] == pytest.approx(found["softmax"])
    assert found["identity"] == 3.0


def test_there_are_25_at_most_and_of_equals_the_first():
    part = part_of([[0, 0, 1]] * 40, [0] * 40)
    found = mistakes_of(CHOICE, EYE, part, np.full(40, 2), AS_IT_IS, "float32")
    assert found["index"].tolist() == list(range(100, 100 + MOST))


def test_a_network_without_mistakes_has_none():
    found = mistakes_of(CHOICE, EYE, part_of([[0, 0, 1]], [2]), np.array([2]), AS_IT_IS, "float32")
    assert {name: len(array) for name, array in found.items() if array.ndim} == dict.fromkeys(
        ("index", "actual", "predicted", "confidence", "images"), 0
    )


@pytest.mark.parametrize("scale", ["unit", "symmetric", "standard", "none"])
def test_pictures_are_those_of_the_data_set_whatever_the_scale(scale):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (300, 1, 5, 5)).astype(np.uint8)
    data = from_arrays(x, rng.integers(0, 3, 300), name="noise")
    setting = {"data": {"name": "noise", "scale": scale}, "network": {"hidden": [4]}, "training": {"epochs": 1}}
    run = hg.train(setting, data=data)
    for part in ("validation", "test"):
        found = of_part(run.mistakes, part)
        wrong = np.sum(run.confusion[part]) - np.trace(run.confusion[part])
        assert len(found["index"]) == min(MOST, wrong) > 10  # noise cannot be learnt
        assert found["images"].dtype == np.uint8
        source = data.x_train if str(found["source"]) == "train" else data.x_test
        np.testing.assert_array_equal(found["images"], source[found["index"]])
        assert (found["actual"] != found["predicted"]).all()
        assert (np.diff(found["confidence"]) <= 0).all()


def test_values_that_are_no_bytes_stay_numbers():
    raw = np.float32([[0.25, -3.5], [300.0, 1.0]])
    scaler = Scaling(1.0, 4.0, True, "")
    found = unscaled(scaler.apply(raw), scaler)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, raw, atol=1e-5)


@pytest.mark.parametrize("engine", ["array", "compiled", "torch", "jax"])
def test_every_engine_keeps_them(engine):
    setting = {"network": {"hidden": [6]}, "training": {"epochs": 2, "engine": engine}}
    found = hg.train(setting, seed=2).mistakes
    reference = hg.train({**setting, "training": {"epochs": 2, "engine": "array"}}, seed=2).mistakes
    for name in ("test.confidence", "validation.confidence"):
        np.testing.assert_allclose(found[name], reference[name], atol=1e-4)


def test_rows_of_a_table_and_diverged_runs_have_none(tmp_path):
    assert execute(make_run(), make_split()).mistakes == {}
    training = {"loss": "squared-error", "optimizer": {"name": "sgd", "lr": 1e6}}
    run = hg.train({"network": {"hidden": [4], "output": "identity"}, "training": training})
    assert (run.status, run.mistakes) == ("diverged", {})
    record.save(run, tmp_path / run.id)
    assert not (tmp_path / run.id / "mistakes.npz").exists()


def test_they_survive_the_disk_and_damage_is_told(tmp_path):
    run = hg.train({"network": {"hidden": [4]}, "training": {"epochs": 1}})
    record.save(run, tmp_path / run.id)
    read = record.load(tmp_path / run.id)
    assert {name: array.tolist() for name, array in read.mistakes.items()} == {
        name: array.tolist() for name, array in run.mistakes.items()
    }
    path = tmp_path / run.id / "mistakes.npz"
    path.write_bytes(b"\0" + path.read_bytes()[1:])
    with pytest.raises(record.DamagedError, match=r"mistakes\.npz: was altered"):
        record.load(tmp_path / run.id)
    path.unlink()
    with pytest.raises(record.DamagedError, match=r"mistakes\.npz: cannot be read"):
        record.check_files(tmp_path / run.id, read)
