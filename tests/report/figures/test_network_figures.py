"""Feature maps: those of the reference passes on the samples, in rows; nothing where there is no convolution."""

import numpy as np
import pytest

from handgrad.data.datasets import from_arrays, split
from handgrad.data.datasets import load as load_data
from handgrad.network.batch_norm import batch_norm_inference
from handgrad.network.convolution import conv_forward
from handgrad.network.windows import Windows
from handgrad.report.build import build_report
from handgrad.report.figures.network_figures import feature_maps
from handgrad.study import run_study
from handgrad.training.loop import execute
from handgrad.training.run import Run, Setting
from tests.records import made_record


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, size=(60, 1, 6, 5)).astype(np.uint8), np.arange(60) % 2
    return from_arrays(x[:40], y[:40], x[40:], y[40:], name="noise", classes=("a", "b"), value_range=(0, 255))


def scaled(pictures, n):
    return pictures.x_test[:n] / np.float32(255)


def trained(pictures, *layers):
    setting = Setting(network={"layers": [*layers, "dense 2 softmax"]}, training={"epochs": 1})
    return execute(Run(setting, 0, pictures.checksum), split(pictures, setting.data))


def test_maps_are_those_of_the_first_convolution(pictures):
    record = trained(pictures, "conv 3 2x2 relu", "conv 2 3x3", "flatten")
    figure = feature_maps(record, record.params, scaled(pictures, 10), "Setting 1")
    x = scaled(pictures, 4)
    expected = np.maximum(conv_forward(x, record.params["conv1.W"], record.params["conv1.b"], Windows((2, 2))), 0)
    np.testing.assert_allclose(figure.images, expected.reshape(12, 5, 4), rtol=1e-5, atol=1e-7)
    names = ["ab"[label] for label in record.samples.labels]
    assert figure.labels[:4] == (*(f"{names[0]}, filter {j}" for j in (1, 2, 3)), f"{names[1]}, filter 1")
    assert figure.columns == 3
    assert figure.limit == pytest.approx(expected.max(), rel=1e-5)
    assert "'conv 3 2x2 stride 1 pad 0 relu' make of the first 4 samples" in figure.caption
    assert "all 3 filters" in figure.caption


def test_of_a_study_they_are_of_the_samples_as_the_network_takes_them(tmp_path, monkeypatch):
    """Scaled once: pixels of digits, 0 to 16, are divided by 16 before the first convolution."""
    made = []
    monkeypatch.setattr(
        "handgrad.report.chapters.study_chapters.feature_maps",
        lambda *given: made.append(feature_maps(*given)) or made[0],
    )
    layers = {"layers": ["conv 2 3x3 tanh", "dense 10 softmax"]}
    results = run_study({"name": "maps", "seeds": 1, "network": layers, "training": {"epochs": 1}}, tmp_path, jobs=1)
    build_report(tmp_path, formats=())
    record = next(results.record(cell.id) for cell in results.cells())
    pixels = load_data("digits").x_train[record.samples.index[:4]]  # all of them are in one part
    x = (pixels / 16).astype(np.float32)
    expected = np.tanh(conv_forward(x, record.params["conv1.W"], record.params["conv1.b"], Windows((3, 3))))
    np.testing.assert_allclose(made[0].images, expected.reshape(8, 6, 6), rtol=1e-4, atol=1e-6)


def test_batch_norm_right_after_it_belongs_to_it_and_at_most_eight_filters_are_shown(pictures):
    record = trained(pictures, "max-pool 1x5", "conv 9 2x1", "batch-norm tanh")
    figure = feature_maps(record, record.params, scaled(pictures, 1), "Setting 1")
    p = record.params
    pooled = scaled(pictures, 1).max(axis=3, keepdims=True)
    z = conv_forward(pooled, p["conv1.W"], p["conv1.b"], Windows((2, 1)))
    z = batch_norm_inference(z, *(p[f"batch-norm1.{letter}"] for letter in ("gamma", "beta", "mean", "variance")))
    np.testing.assert_allclose(figure.images, np.tanh(z)[0, :8], rtol=1e-4, atol=1e-6)
    assert "the first 8 of 9 filters" in figure.caption


def test_without_convolution_or_images_there_are_none(pictures):
    record = trained(pictures, "conv 3 2x2 relu")
    assert feature_maps(record, record.params, None, "Setting 1") is None
    assert feature_maps(record, record.params, scaled(pictures, 0), "Setting 1") is None
    assert feature_maps(made_record(), {}, scaled(pictures, 1), "Setting 1") is None
    dense = trained(pictures, "dense 4 relu")
    assert feature_maps(dense, dense.params, scaled(pictures, 4), "Setting 1") is None


def test_numbers_that_are_not_finite_are_drawn_as_zero(pictures):
    record = trained(pictures, "conv 2 2x2")
    params = {**record.params, "conv1.b": np.array([np.nan, np.inf], dtype=np.float32)}
    figure = feature_maps(record, params, scaled(pictures, 1), "Setting 1")
    assert np.isfinite(figure.images).all()
    assert figure.limit == 1.0
