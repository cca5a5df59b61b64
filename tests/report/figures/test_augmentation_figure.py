"""Augmented pictures: those of the run's own seed and epochs, beside the samples as they are."""

import numpy as np
import pytest

from handgrad.data.augmentation import Augmentation
from handgrad.report.figures.augmentation_figure import augmented_pictures
from tests.records import DONE, made_record

RNG = np.random.default_rng(0)


SAMPLES = {"source": "test", "index": [0, 1, 2, 3], "labels": [0, 1, 1, 0], "before": [[0.0, 1.0]] * 4, "after": None}


def record_with(augmentation):
    training = {**DONE["setting"]["training"], "augmentation": augmentation}
    return made_record(setting={**DONE["setting"], "training": training}, seed=3, samples=SAMPLES)


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_of_a_sample_and_its_versions(channels):
    images = RNG.random((4, channels, 6, 5), dtype=np.float32)
    images[0, 0, 0, :2] = 0, 1
    record = record_with({"shift": 2, "flip": True})
    figure = augmented_pictures(record, images, "Setting 1")
    assert (len(figure.images), figure.columns) == (4 * 5, 5)
    assert figure.labels[:6] == ("a", "epoch 1", "epoch 2", "epoch 3", "epoch 4", "b")
    versions = Augmentation(shift=2, flip=True).augmented(images, 3, 1, black=0.0).transpose(0, 2, 3, 1)
    for place, expected in ((0, images.transpose(0, 2, 3, 1)), (2, versions)):
        np.testing.assert_allclose(figure.images[place::5], np.repeat(2 * expected - 1, 3 // channels, 3), atol=1e-6)
    assert "Moved by up to 2 pixels and mirrored by chance: test examples as they are" in figure.caption


def test_nothing_without_augmentation_or_pictures():
    images = RNG.random((4, 1, 6, 5), dtype=np.float32)
    assert augmented_pictures(made_record(), images, "Setting 1") is None
    assert augmented_pictures(record_with({"shift": 0}), images, "Setting 1") is None
    assert augmented_pictures(record_with({"flip": True}), None, "Setting 1") is None
