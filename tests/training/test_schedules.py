"""Schedules: values worked by hand at the start, inside and at the end of epochs."""

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.report.figures.rate_range import rates_of
from handgrad.training import in_progress
from handgrad.training.loop import execute
from handgrad.training.schedules import Constant, Cosine, Exponential, Plateau, RangeTest, Steps
from tests.training.conftest import make_run
from tests.training.test_loop import same_bits


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


def test_a_range_test_multiplies_the_rate_by_the_same_factor_at_every_step_of_the_run():
    # 2 epochs of 3 steps: N − 1 = 5 factors of 10 from 1e-5 to 1
    test = RangeTest(start=1e-5)
    assert factors(test, 0, 1 / 3, 2 / 3, epochs=2) == pytest.approx([1e-5, 1e-4, 1e-3])
    assert factors(test, 1, 4 / 3, 5 / 3, epochs=2) == pytest.approx([1e-2, 1e-1, 1])
    assert factors(test, 0, epochs=1) == [1e-5]  # a run of one step
    with pytest.raises(InputError, match=r"start must be in \(0, 1\); got 1"):
        RangeTest(start=1)


@pytest.mark.parametrize("engine", ["array", "compiled"])
def test_every_engine_is_given_the_rates_of_a_range_test(split, engine):
    run = make_run(epochs=2, schedule={"name": "range-test", "start": 0.01}, engine=engine)
    record = execute(run, split)
    per_epoch = int(record.curves["steps_at_epoch_end"][0])
    middle = 0.1 * 0.01 ** (1 - per_epoch / (2 * per_epoch - 1))
    assert record.curves["lr"] == pytest.approx([0.1 * 0.01, middle])
    whole = np.exp(np.linspace(np.log(0.001), np.log(0.1), 2 * per_epoch))
    table = record.setting["training"]
    assert rates_of(table, 2 * per_epoch, per_epoch) == pytest.approx(whole)


def test_names_of_other_libraries_are_accepted():
    assert Steps(milestones=[3], gamma=0.5) == Steps(at=[3], factor=0.5)
    assert Exponential(gamma=0.9).factor == 0.9


def test_a_warm_up_rises_evenly_to_the_whole_rate_in_every_schedule():
    # s = 4 steps an epoch, w = 1.5: the first step has 1/6 of the rate, the sixth and all later ones all of it
    quarters = np.arange(4) / 4
    assert Constant(warmup=1.5).warmed(quarters, 3, []) == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6])
    assert Constant(warmup=1.5).warmed(1 + quarters, 3, []) == pytest.approx([5 / 6, 1, 1, 1])
    assert Cosine(warmup=1).warmed(np.array([0.5]), 2, [])[0] == pytest.approx(0.5 * (1 + np.cos(np.pi / 4)))
    assert Exponential(factor=0.5, warmup=4).warmed(np.array([1.0]), 9, [])[0] == pytest.approx(0.5 * 2 / 4)
    with pytest.raises(InputError, match="warmup must be >= 0; got -1"):
        Constant(warmup=-1)


def test_a_run_warms_up_and_a_killed_one_goes_on_in_its_warm_up(split, tmp_path, monkeypatch):
    monkeypatch.setattr(in_progress, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(in_progress, "CHECKPOINT_SHARE", np.inf)
    run = make_run(epochs=4, schedule={"name": "constant", "warmup": 3}, optimizer={"name": "sgd", "lr": 0.3})
    whole = execute(run, split)
    first = 1 + np.array([0, 15, 30, 44])  # the first step of every epoch; at most 45 of 15 steps each
    assert whole.curves["lr"] == pytest.approx(0.3 * first / 45)

    def kill(event):
        if event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, split, checkpoint=tmp_path / "c", observers=[kill])
    same_bits(whole, execute(run, split, checkpoint=tmp_path / "c"))


def test_runs_of_more_epochs_begin_anew_and_a_run_that_continues_another_warms_up_again(split):
    schedule = {"name": "steps", "at": [2], "warmup": 1}
    first = make_run(epochs=3, schedule=schedule)
    parent = execute(first, split)
    longer = execute(make_run(epochs=4, schedule=schedule), split)
    assert longer.id != parent.id
    assert longer.curves["lr"][:3].tolist() == parent.curves["lr"].tolist()
    after = execute(make_run(epochs=3, schedule=schedule, continues=parent.id), split, parent=parent)
    assert after.curves["lr"].tolist() == parent.curves["lr"].tolist() * 2


def test_a_warm_up_is_recorded_only_where_there_is_one(split):
    assert "warmup" not in make_run().setting.model_dump()["training"]["schedule"]
    assert (
        make_run(schedule={"name": "cosine", "warmup": 2}).setting.model_dump()["training"]["schedule"]["warmup"] == 2
    )
