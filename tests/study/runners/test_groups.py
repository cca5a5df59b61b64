"""Groups: runs that share a program go to one worker, and are what they are alone, on every runner."""

from dataclasses import replace
from pathlib import Path

import pytest

from handgrad.study.runners.processes import Processes
from handgrad.study.runners.runner import JobQueue, RunJob, open_split
from handgrad.training.loop import execute
from tests.study.conftest import jobs_of, same
from tests.study.runners.test_runners import runner, staged  # noqa: F401  (a fixture)
from tests.study.troubles import Deadly
from tests.training.conftest import make_run

STACKED = {
    "training": {"batch_size": 20, "epochs": 3, "engine": "jax", "stack": 3, "optimizer": "adam"},
    "network": {"layers": ["dense 8 relu", "batch-norm tanh", "dropout 0.3", "dense 3 softmax"]},
}


@pytest.fixture
def alike(make, tmp_path):
    """Eight jobs of two kinds, four of each, not yet sorted: groups of at most three."""
    grid = {"training.optimizer.lr": [0.01, 0.003], "training.batch_size": [20, 30]}
    return jobs_of(make(**STACKED, grid=grid), tmp_path)


@pytest.fixture(scope="module")
def two():
    processes = Processes(2)
    yield processes
    processes.close()


def alone(job):
    return execute(job.run, open_split(job.split))


# -- every runner


def test_every_job_of_a_group_has_one_outcome_with_the_bits_that_it_has_alone(runner, alike):  # noqa: F811
    heard = []
    in_order = sorted(alike, key=lambda job: job.run.group_key)
    outcomes = list(runner.map(iter(in_order), lambda job, news: heard.append((job.id, news and news.epoch))))
    assert sorted(outcome.job.id for outcome in outcomes) == sorted(job.id for job in alike)
    for outcome in outcomes:
        assert outcome.error is None
        assert outcome.record.data["engine"]["stack"] == 3
        same(outcome.record, alone(outcome.job))
        assert [epoch for run, epoch in heard if run == outcome.job.id] == [None, 1, 2, 3]


def test_one_of_a_group_fails_alone(runner, alike):  # noqa: F811
    group = [job for job in alike if job.run.group_key == alike[0].run.group_key][:3]
    orphan = replace(group[1].run, continues="0123456789")
    group[1] = replace(group[1], run=orphan, id=orphan.id)
    outcomes = {outcome.job.id: outcome for outcome in runner.map(group)}
    assert outcomes[orphan.id].error == (f"run {orphan.id} continues 0123456789; its record must be given as parent")
    for job in (group[0], group[2]):
        same(outcomes[job.id].record, alone(job))


def test_groups_pause_and_go_on(runner, alike):  # noqa: F811
    jobs, taken_up, paused, records = alike[:5], [], [], {}
    for outcome in runner.map(staged(jobs, (1, None), taken_up)):
        assert outcome.error is None
        if outcome.paused is not None:
            paused.append((outcome.job.id, outcome.paused.epoch))
        else:
            records[outcome.job.id] = outcome.record
        taken_up.append(outcome)
    assert sorted(paused) == sorted((job.id, 1) for job in jobs)
    for job in jobs:
        same(records[job.id], alone(job))


# -- processes


@pytest.mark.parametrize("times", [1, 2])
def test_a_group_whose_worker_dies_is_taken_up_again(two, alike, tmp_path, times):
    (tmp_path / "marks").mkdir()
    group = [job for job in alike if job.run.group_key == alike[0].run.group_key]
    deadly = replace(group[0], run=Deadly(group[0].run, str(tmp_path / "marks"), times=times))
    outcomes = {outcome.job.id: outcome for outcome in two.map([deadly, *group[1:]])}
    assert len(list((tmp_path / "marks").iterdir())) == times
    for job in group:
        same(outcomes[job.id].record, alone(job))


def test_who_kills_three_workers_is_given_up_and_its_companions_are_not(two, alike, tmp_path):
    (tmp_path / "marks").mkdir()
    group = [job for job in alike if job.run.group_key == alike[0].run.group_key]
    deadly = replace(group[1], run=Deadly(group[1].run, str(tmp_path / "marks"), times=9))
    outcomes = {outcome.job.id: outcome for outcome in two.map([group[0], deadly, *group[2:]])}
    assert outcomes[deadly.id].error == "its worker process died 3 times (ended by SIGKILL); it may need more memory"
    for job in (group[0], *group[2:]):
        same(outcomes[job.id].record, alone(job))


# -- how groups are made


def job_of(seed, stack=3, batch_size=16, split="split"):
    run = make_run(seed=seed, batch_size=batch_size, **({"engine": "jax", "stack": stack} if stack > 1 else {}))
    return RunJob(run, run.id, Path(split))


def taken(source):
    groups = []
    while (group := source.take()) is not None:
        groups.append([job.run.seed for job in group])
    return groups


def test_as_many_as_share_a_program_and_are_of_one_kind():
    assert taken(JobQueue(job_of(seed) for seed in range(8))) == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert taken(JobQueue(job_of(seed, stack=1) for seed in range(3))) == [[0], [1], [2]]
    mixed = [job_of(0), job_of(1), job_of(2, batch_size=8), job_of(3, split="other", batch_size=8), job_of(4, stack=1)]
    assert taken(JobQueue(mixed)) == [[0, 1], [2], [3], [4]]


def test_one_job_is_asked_for_where_none_can_share():
    asked = []
    source = JobQueue(asked.append(seed) or job_of(seed, stack=1) for seed in range(4))
    source.take()
    assert asked == [0]


def test_nothing_is_asked_for_after_none_until_an_outcome_is_taken_up():
    source = JobQueue(iter([job_of(0), job_of(1), None, job_of(2), job_of(3, batch_size=8), None]))
    assert [job.run.seed for job in source.take()] == [0, 1]
    assert source.waits
    assert source.take() is None
    source.waits = False
    assert [job.run.seed for job in source.take()] == [2]
    assert [job.run.seed for job in source.take()] == [3]  # it was held, and waits for nobody


def test_the_dead_come_again_together_then_alone_then_not():
    jobs = tuple(job_of(seed) for seed in range(3))
    source = JobQueue(iter(jobs))
    assert source.take() == jobs
    assert source.died(jobs) == ()
    assert source.take() == jobs
    source.ended(jobs[0])
    assert source.died(jobs[1:]) == ()
    assert [source.take(), source.take(), source.take()] == [(jobs[2],), (jobs[1],), None]
    assert source.died((jobs[2],)) == (jobs[2],)
    assert source.take() is None
