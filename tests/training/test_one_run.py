"""Runs of one setting, one after the other in one session: the bits of a session of their own."""

from dataclasses import replace

import pytest

from handgrad.training import engines
from handgrad.training.engines import OneRun
from handgrad.training.loop import execute, train_together
from handgrad.training.task import Task
from tests.training.conftest import make_run, make_split
from tests.training.test_loop import same_bits


@pytest.fixture
def opened(monkeypatch):
    """The jobs for which a session was made."""
    jobs, real = [], engines.open_session
    monkeypatch.setattr(engines, "open_session", lambda name, job: jobs.append(job) or real(name, job))
    return jobs


def ends(one, split, *runs, observers=()):
    return [end for run in runs for _, end in train_together([Task(run, observers=observers)], split, one)]


@pytest.mark.parametrize(
    "what",
    [
        {"network": {"dropout": 0.3}, "optimizer": "adam", "weight_decay": 1e-3},
        {"optimizer": {"name": "momentum", "lr": 0.1}, "clip_norm": 0.5, "class_weights": "balanced"},
        {"dtype": "float64", "batch_size": "full", "train_score": "all", "early_stopping": {"patience": 1}},
        {"network": {"layers": ["dense 8 relu", "batch-norm", "dropout 0.2", "dense 3 softmax"]}},
    ],
)
def test_seeds_of_a_setting_share_a_session_and_no_bit_changes(split, opened, what):
    runs = [make_run(seed, epochs=2, **what) for seed in (1, 2, 1)]  # each with a setting of its own, as from a pipe
    together = ends(OneRun(), split, *runs)
    assert len(opened) == 1
    for run, record in zip(runs, together, strict=True):
        alone = execute(run, split)
        same_bits(record, alone)
        assert (record.id, record.metrics, record.confusion) == (alone.id, alone.metrics, alone.confusion)
        assert record.data["samples"] == alone.data["samples"]


def test_another_setting_or_other_data_has_a_session_of_its_own(split, opened):
    one, other = OneRun(), make_split(120)
    ends(one, split, make_run(), make_run(optimizer="adam"), make_run(network={"hidden": [9]}))
    ends(one, other, make_run(network={"hidden": [9]}))
    assert len(opened) == 4
    ends(one, other, make_run(2, network={"hidden": [9]}))
    assert len(opened) == 4


def test_what_diverged_or_failed_leaves_nothing_behind(split, opened):
    """Infinite numbers could lie where no run writes."""
    one, huge = OneRun(), {"optimizer": {"name": "sgd", "lr": 1e30}, "loss": "squared-error"}

    def fail(event):
        raise ValueError("an observer")

    diverged, again = ends(one, split, make_run(1, **huge), make_run(2, **huge))
    assert (diverged.status, again.status, len(opened)) == ("diverged", "diverged", 2)
    (failed,) = ends(one, split, make_run(), observers=[fail])
    done, _ = ends(one, split, make_run(2), make_run(3))
    assert (str(failed), len(opened)) == ("an observer", 4)
    same_bits(done, execute(make_run(2), split))


def test_the_reference_makes_a_session_for_every_run(split, opened):
    ends(OneRun(), split, *(make_run(seed, engine="array", epochs=1) for seed in (1, 2)))
    assert len(opened) == 2


def test_augmented_pictures_are_not_taken_for_those_of_the_setting(opened):
    flat = make_split(40, features=4)
    parts = {name: replace(part, x=part.x.reshape(-1, 1, 2, 2)) for name, part in flat.parts.items()}
    split = replace(flat, shape=(1, 2, 2), **parts)
    runs = [make_run(seed, epochs=1, augmentation={"shift": 1}) for seed in (1, 2)]
    together = ends(OneRun(), split, *runs)
    assert len(opened) == 2
    for run, record in zip(runs, together, strict=True):
        same_bits(record, execute(run, split))
