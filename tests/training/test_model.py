"""A model from a record or its weights file: the same outputs as in training, from unscaled examples and pictures."""

import numpy as np
import pytest
from PIL import Image

from handgrad.data.datasets import from_arrays, split
from handgrad.errors import DataError, WeightsError
from handgrad.streams import stream
from handgrad.training import record
from handgrad.training.loop import execute
from handgrad.training.model import Model
from handgrad.training.run import Run, Setting
from handgrad.training.weights import save_weights


@pytest.fixture(scope="module")
def pictures():
    """Bright upper or lower halves, 6×4 bytes."""
    rng = stream(0, "split")
    y = rng.integers(2, size=120)
    x = rng.integers(0, 60, size=(120, 1, 6, 4))
    x[y == 0, :, :3] += 150
    x[y == 1, :, 3:] += 150
    return from_arrays(x.astype(np.uint8), y, classes=("upper", "lower"), name="halves")


@pytest.fixture(scope="module", params=["unit", "symmetric", "standard"])
def trained(pictures, request):
    setting = Setting(
        data={"scale": request.param}, training={"epochs": 5, "batch_size": 8, "optimizer": {"name": "sgd", "lr": 0.3}}
    )
    return execute(Run(setting, 0, pictures.checksum), split(pictures, setting.data))


def test_unscaled_examples_give_the_outputs_of_training(trained, pictures):
    index = trained.data["samples"]["index"]
    np.testing.assert_allclose(
        trained.model.outputs(pictures.x_train[index]), trained.data["samples"]["after"], rtol=1e-5
    )


def test_the_weights_file_needs_nothing_else(trained, pictures, tmp_path):
    record.save(trained, tmp_path / "run")
    for path in (tmp_path / "run", tmp_path / "run" / "weights.safetensors"):
        model = Model.load(path)
        assert model.classes == ("upper", "lower")
        np.testing.assert_array_equal(model.outputs(pictures.x_train), trained.model.outputs(pictures.x_train))
        assert (model.predict(pictures.x_train) == pictures.y_train).mean() > 0.95
        np.testing.assert_allclose(model.probabilities(pictures.x_train).sum(axis=1), 1, rtol=1e-5)


def test_pictures_are_read_resized_and_inverted(trained, tmp_path):
    upper = np.full((12, 8), 40, np.uint8)
    upper[:6] = 200
    Image.fromarray(upper).save(tmp_path / "upper.png")
    model = trained.model
    for invert, expected in ((False, 0), (True, 1)):
        example = model.read_image(tmp_path / "upper.png", invert=invert)
        assert example.shape == (1, 6, 4)
        assert model.predict(example[None])[0] == expected


def test_a_picture_that_cannot_be_read(trained, tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"no.png: is no picture"):
        trained.model.read_image(tmp_path / "no.png")


def test_other_shapes_and_bare_weights_say_what_is_needed(trained, tmp_path):
    with pytest.raises(DataError, match=r"examples must be \(n, 1, 6, 4\), .* one example is x\[0:1\]; got \(2, 23\)"):
        trained.model.outputs(np.zeros((2, 23)))
    save_weights(tmp_path / "bare.safetensors", trained.params)
    with pytest.raises(WeightsError, match="does not say which network and scaling it belongs to"):
        Model.load(tmp_path / "bare.safetensors")
