"""When runs were trained, as their records say it."""

import json
import time

import pytest

from handgrad.training.environment import worker_id
from handgrad.training.loop import advance, execute, train_together
from handgrad.training.progress import load_checkpoint
from handgrad.training.record import Record, load, save
from handgrad.training.task import Task
from tests.training.conftest import make_run, make_split


@pytest.fixture
def split():
    return make_split()


def untils(record):
    return [one.until for one in record.time.stretches]


def test_a_run_that_is_not_paused_is_one_stretch(split, tmp_path):
    before = time.time()
    record = execute(make_run(), split)
    (stretch,) = record.time.stretches
    assert before <= stretch.began < stretch.ended <= time.time()
    assert (stretch.until, stretch.worker) == (4, worker_id())
    save(record, tmp_path / record.id)
    assert load(tmp_path / record.id).time.stretches == [stretch]


def test_a_clock_that_is_set_back_makes_no_stretch_end_before_it_began(split, monkeypatch):
    times = iter(range(2_000_000_000, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(times)))
    (stretch,) = execute(make_run(), split).time.stretches
    assert 0 < stretch.ended - stretch.began < 600


def test_pauses_lie_between_stretches(split, tmp_path):
    run, file = make_run(epochs=6), tmp_path / "checkpoint.safetensors"
    for until in (2, 4):
        advance(run, split, until=until, checkpoint=file)
        assert [one.until for one in load_checkpoint(file, run.id).stretches] == [2, 4][: until // 2]
    pruned = advance(run, split, until=4, checkpoint=file, prune=True)
    assert untils(pruned) == [2, 4]  # to end a run that waits trains nothing
    done = advance(run, split, until=6, checkpoint=file)
    assert untils(done) == [2, 4, 6]
    ends = [time for one in done.time.stretches for time in (one.began, one.ended)]
    assert ends == sorted(ends)


def test_runs_that_continue_and_runs_that_diverge_have_their_own(split):
    first = execute(make_run(epochs=2), split)
    assert untils(execute(make_run(epochs=3, continues=first.id), split, parent=first)) == [3]
    wild = {"loss": "squared-error", "network": {"output": "identity"}, "optimizer": {"name": "sgd", "lr": 1e30}}
    diverged = execute(make_run(**wild), split)
    assert diverged.status == "diverged"
    assert untils(diverged) == [diverged.epochs]
    child = execute(make_run(**wild, continues=diverged.id), split, parent=diverged)
    assert untils(child) == []


def test_runs_of_one_call_come_after_each_other(split):
    ends = dict(train_together([Task(make_run(seed=seed)) for seed in (1, 2)], split))
    first, second = (ends[number].time.stretches[0] for number in (0, 1))
    assert first.ended <= second.began


def test_records_and_checkpoints_of_earlier_versions_have_none(split):
    table = execute(make_run(epochs=1), split).to_json()
    del table["time"]["stretches"]
    record = Record.from_json(table)
    assert record.time.stretches == []
    assert "stretches" not in json.dumps(record.to_json())
