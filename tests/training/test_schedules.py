"""Schedules: values worked by hand at the start, inside and at the end of epochs."""

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.training.schedules import Constant, Cosine, Exponential, Plateau, Steps


def factors(schedule, *times, epochs=10, history=()):
    return schedule.multipliers(np.array(times, dtype=float), epochs, history).tolist()


def test_constant():
    assert factors(Constant(), 0, 3.7) == [1, 1]


def test_exponential_changes_after_every_epoch_and_not_within():
    assert factors(Exponential(factor=0.5), 0, 0.99, 1, 2.5) == [1, 1, 0.5, 0.25]


def test_steps_of_report_5():
    # 0.1 for 10 epochs, then 0.01 for 10, then 0.001
    assert 0.1 * np.array(factors(Steps(at=[10, 20]), 0, 9.99, 10, 19.99, 20)) == pytest.approx(
        [0.1, 0.1, 0.01, 0.01, 0.001]
    )


def test_cosine_goes_from_one_to_its_final_fraction():
    assert factors(Cosine(), 0, 5, 10) == pytest.approx([1, 0.5, 0])
    assert factors(Cosine(final=0.2), 0, 5, 10) == pytest.approx([1, 0.6, 0.2])


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], 1.0),
        ([3.0, 2.0, 1.0], 1.0),
        ([3.0, 3.0, 3.0], 0.1),  # two epochs without improvement on 3.0
        ([3.0, 3.0, 2.0, 2.0], 1.0),  # improved in time
        ([3.0, 3.0, 3.0, 3.0, 3.0], 0.01),  # and again
    ],
)
def test_plateau_replays_its_history(history, expected):
    assert factors(Plateau(patience=2), 5, history=history) == pytest.approx([expected])


@pytest.mark.parametrize("at", [[], [20, 10], [0], [1.5], "10"])
def test_steps_refuses_what_does_not_rise(at):
    with pytest.raises(InputError, match=r"at must be"):
        Steps(at=at)


def test_names_of_other_libraries_are_accepted():
    assert Steps(milestones=[3], gamma=0.5) == Steps(at=[3], factor=0.5)
    assert Exponential(gamma=0.9).factor == 0.9
