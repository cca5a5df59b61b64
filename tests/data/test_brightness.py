"""Brightness of training pictures: kept in the record, noticed where a picture is of the opposite kind."""

import numpy as np
import pytest

import handgrad as hg
from handgrad.data.brightness import opposite_note
from handgrad.data.datasets import split

RNG = np.random.default_rng(0)
BYTES = (RNG.random((200, 1, 6, 6)) * np.linspace(20, 120, 200)[:, None, None, None]).astype(np.uint8)
LABELS = np.arange(200) % 2


@pytest.mark.parametrize("scale", ["unit", "symmetric", "standard", "none"])
def test_it_is_that_of_the_unscaled_pictures(scale):
    data = hg.from_arrays(BYTES, LABELS, value_range=(0, 255))
    parts = split(data, {"scale": scale, "validation": False})
    raw = data.x_train[parts.train.index].reshape(len(parts.train), -1).mean(axis=1) / 255
    assert parts.brightness == pytest.approx((raw.mean(), raw.std()), abs=2e-4)


def test_tables_and_values_without_a_range_have_none():
    for x in (RNG.random((40, 3)), RNG.random((40, 4, 4))):
        assert split(hg.from_arrays(x, np.arange(40) % 2), {}).brightness is None


@pytest.mark.parametrize(
    ("pictures", "training", "inverted", "note"),
    [
        ([0.3, 0.25], (0.3, 0.05), False, []),
        ([0.7, 0.75], (0.3, 0.05), False, ["2 of 2 pictures are bright (mean 0.72), the training pictures are dark "
         "(mean 0.30): --invert turns them round"]),
        ([0.3, 0.7], (0.3, 0.05), True, ["1 of 2 pictures is bright (mean 0.70), the training pictures are dark "
         "(mean 0.30): leave --invert out"]),
        ([0.1], (0.9, 0.05), False, ["1 of 1 pictures is dark (mean 0.10), the training pictures are bright "
         "(mean 0.90): --invert turns them round"]),
        ([0.6], (0.3, 0.2), False, []),  # the training pictures differ as much
        ([0.9, 0.1], (0.5, 0.1), False, []),  # inverted they would be as far away
    ],
)  # fmt: skip
def test_the_note(pictures, training, inverted, note):
    assert opposite_note(np.array(pictures), training, inverted=inverted) == note


def test_a_model_from_elsewhere_knows_it_too(tmp_path):
    setting = {"network": {"hidden": [4]}, "training": {"epochs": 1, "engine": "array"}}
    record = hg.train(setting, data=hg.from_arrays(BYTES, LABELS, value_range=(0, 255)))
    hg.export_model(record, tmp_path / "w.npz")
    found = hg.import_model(tmp_path / "w.npz", setting, data=hg.from_arrays(BYTES, LABELS, value_range=(0, 255)))
    assert found.brightness == record.model.brightness == tuple(record.data["data"]["brightness"])
    assert found.notes_on(np.full((1, 1, 6, 6), 220.0))
    assert not found.notes_on(BYTES[:100])
