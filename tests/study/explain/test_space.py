"""The space of readings: how many there are, in which order, and what a reading is made of."""

import itertools

import pytest

from handgrad.study.explain.space import AS_WRITTEN, Alternative, Reading, count, readings

LOSS = [Alternative("loss", name, {"training.loss": name}) for name in ("half-squared-error", "mean-squared-error")]
SLIPS = [
    Alternative("slip in a", "gradient-doubled", {}, ("gradient-doubled",)),
    Alternative("slip in b", "l2-on-biases", {}, ("l2-on-biases",)),
]
MEASURED = [Alternative("measured", "training loss", {}, (), {"val_loss": "train_loss"})]
EVERY = [*LOSS, *SLIPS, *MEASURED]


@pytest.mark.parametrize("departures", [1, 2, 3, None])
def test_every_combination_is_there_once_and_counted(departures):
    found = list(readings(EVERY, departures))
    assert len(found) == count(EVERY, departures) == len({one.name for one in found})
    # 2 losses, 2 slips and 1 measure in 4 respects: (1 + 2)·(1 + 1)·(1 + 1)·(1 + 1) without a bound
    assert len(found) == {1: 1 + 5, 2: 6 + (2 + 2 + 2 + 1 + 1 + 1), 3: 15 + (2 + 2 + 2 + 1), None: 24}[departures]


def test_readings_with_fewer_departures_come_first_and_are_numbered():
    found = list(readings(EVERY, None))
    assert [one.number for one in found] == list(range(24))
    assert found[0].name == AS_WRITTEN
    assert found[0].parts == ()
    assert all(a.departures <= b.departures for a, b in itertools.pairwise(found))


def test_a_reading_has_the_changes_the_slips_and_the_measures_of_all_its_parts():
    reading = Reading(7, (LOSS[0], *SLIPS, *MEASURED))
    assert reading.changes == {"training.loss": "half-squared-error"}
    assert reading.slips == ("gradient-doubled", "l2-on-biases")
    assert reading.measured == {"val_loss": "train_loss"}
    assert reading.name == "loss: half-squared-error; gradient-doubled; l2-on-biases; measured: training loss"
    assert Reading.from_data(reading.data()) == reading


def test_slips_of_a_file_are_kept_apart_from_other_changes():
    one = Alternative.of("biases", "none", {"training.slips": ["biases-not-updated"], "training.epochs": 3}, {})
    assert one.slips == ("biases-not-updated",)
    assert one.changes == {"training.epochs": 3}
