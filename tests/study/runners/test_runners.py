"""Runners: one conformance test for all of them, and what only processes can go through."""

import os
from dataclasses import replace

import pytest

from handgrad.data.datasets import open_split
from handgrad.errors import InputError, ResultsError
from handgrad.study.runners.processes import Processes
from handgrad.study.runners.runner import Serial, cores
from handgrad.training.loop import execute
from handgrad.training.record import save
from handgrad.training.recording import failed_record
from handgrad.training.run import Run
from tests.study.conftest import same
from tests.study.troubles import Broken, Deadly, Full, Interrupted

RUNNERS = {"serial": Serial, "one process": lambda: Processes(1), "two processes": lambda: Processes(2)}


@pytest.fixture(scope="module", params=[*RUNNERS, "ray"])
def runner(request):
    runner = request.getfixturevalue("nodes").runner() if request.param == "ray" else RUNNERS[request.param]()
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def two():
    runner = Processes(2)
    yield runner
    runner.close()


# -- every runner


def test_every_job_has_one_outcome_with_the_same_bits(runner, jobs):
    heard = []
    outcomes = list(runner.map(iter(jobs), lambda job, news: heard.append((job.id, news and news.epoch))))
    assert sorted(outcome.job.id for outcome in outcomes) == sorted(job.id for job in jobs)
    by_id = {outcome.job.id: outcome for outcome in outcomes}
    for job in jobs:
        assert by_id[job.id].error is None
        same(by_id[job.id].record, execute(job.run, open_split(job.split)))
        assert [epoch for run, epoch in heard if run == job.id] == [None, 1, 2, 3]


def test_a_job_that_raises_fails_alone(runner, jobs):
    broken = replace(jobs[1], run=Broken(jobs[1].id))
    outcomes = {outcome.job.id: outcome for outcome in runner.map([jobs[0], broken, jobs[2]])}
    assert outcomes[broken.id].record is None
    assert outcomes[broken.id].error.startswith("ZeroDivisionError: boom (in troubles.py, line ")
    assert outcomes[jobs[0].id].record is not None
    assert outcomes[jobs[2].id].record is not None


def test_an_interrupt_that_a_library_makes_an_error_of_ends_the_study_and_not_the_run(jobs):
    runner = Serial()
    outcomes = runner.map([jobs[0], replace(jobs[1], run=Interrupted(jobs[1].id)), jobs[2]])
    assert next(outcomes).record is not None
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)


def test_a_job_that_does_not_fit_fails_with_its_message(runner, jobs):
    setting = jobs[0].run.setting.changed(network={"layers": ["dense 9 softmax"]})
    run = Run(setting, 0, jobs[0].run.data_checksum)
    misfit = replace(jobs[0], run=run, id=run.id)
    (outcome,) = runner.map([misfit])
    assert outcome.error.startswith(
        "network.layers: the last layer, 'dense 9 softmax', has 9 units"
    )  # no name of a Python class


def test_a_job_continues_the_record_of_another(runner, jobs, tmp_path):
    parent = execute(jobs[0].run, open_split(jobs[0].split))
    save(parent, tmp_path / parent.id)
    run = replace(jobs[0].run, continues=parent.id)
    (outcome,) = runner.map([replace(jobs[0], run=run, id=run.id, parent=tmp_path / parent.id)])
    assert outcome.record.data["continued_at"] == [3]
    assert len(outcome.record.curves["epoch"]) == 6


def test_a_disk_that_cannot_be_written_ends_the_map(runner, jobs):
    with pytest.raises(ResultsError, match=r"No space left on device.*Finished runs are safe; .*the same command"):
        list(runner.map([replace(jobs[0], run=Full(jobs[0].id))]))
    runner.close()  # what was going on is ended, and the runner can be used again
    assert len(list(runner.map(jobs[:1]))) == 1


def test_jobs_are_taken_one_at_a_time(runner, jobs):
    taken = []

    def source():
        for job in jobs:
            taken.append(job.id)
            yield job

    for done, _ in enumerate(runner.map(source()), start=1):
        assert len(taken) <= done + runner.workers
    assert len(taken) == len(jobs)


def staged(jobs, stages, taken_up):
    """Each job until every stage in turn, the next one only when the outcome before it was taken up."""
    for until in stages:
        for job in jobs:
            yield replace(job, until=until)
        while len(taken_up) < len(jobs):
            yield None
        taken_up.clear()


def test_a_run_that_pauses_is_continued_and_has_the_bits_of_one_that_never_paused(runner, jobs):
    taken_up, paused, records, heard = [], [], {}, []
    for outcome in runner.map(staged(jobs, (1, 2, None), taken_up), lambda job, news: heard.append((job.id, news))):
        assert outcome.error is None
        assert (outcome.record is None) != (outcome.paused is None)
        if outcome.paused is not None:
            assert outcome.job.checkpoint.exists()
            paused.append((outcome.paused.epoch, outcome.job.id, outcome.paused))
        else:
            records[outcome.job.id] = outcome.record
        taken_up.append(outcome)
    assert sorted(epoch for epoch, _, _ in paused) == [1] * len(jobs) + [2] * len(jobs)
    for job in jobs:
        whole = execute(job.run, open_split(job.split))
        same(records[job.id], whole)
        assert [news.epoch for run, news in heard if run == job.id and news] == [1, 2, 3]  # nothing is trained twice
        for epoch, run, pause in paused:
            if run == job.id:
                assert pause.metrics == {
                    name: float(values[epoch - 1]) for name, values in whole.history.items() if name != "epoch"
                }
                assert pause.history["val_loss"] == whole.history["val_loss"][:epoch].tolist()


def test_a_job_until_the_end_or_beyond_gives_the_record(runner, jobs):
    outcomes = list(runner.map([replace(jobs[0], until=3), replace(jobs[1], until=99)]))
    assert [outcome.record.status for outcome in outcomes] == ["done", "done"]
    assert [outcome.record.data["epochs"] for outcome in outcomes] == [3, 3]


def test_a_pruned_run_has_a_record_of_its_epochs(runner, jobs):
    (outcome,) = runner.map([replace(jobs[0], until=2, prune=True)])
    whole = execute(jobs[0].run, open_split(jobs[0].split))
    assert (outcome.record.status, outcome.record.data["epochs"]) == ("pruned", 2)
    assert outcome.record.curves["val_loss"].tolist() == whole.curves["val_loss"][:2].tolist()
    assert outcome.record.metrics["val_loss"] == whole.curves["val_loss"][1]


def test_jobs_that_wait_for_nothing_are_the_callers_mistake(runner, jobs):
    with pytest.raises(RuntimeError, match=r"the jobs wait for an outcome \(None\), but no job is in progress"):
        list(runner.map([jobs[0], None, None, None]))


def test_a_job_that_decides_is_taken_up_before_the_next_is_asked_for(runner, jobs):
    taken_up, known = [], []

    def source():
        for job in jobs:
            known.append(len(taken_up))
            yield replace(job, until=1)

    for outcome in runner.map(source()):
        taken_up.append(outcome)
    least = [max(0, number - runner.workers + 1) for number in range(len(jobs))]
    assert all(map(int.__ge__, known, least))  # more where two outcomes come at the same time
    assert runner.workers > 1 or known == least


# -- processes


def test_a_worker_that_dies_has_its_job_taken_up_again(two, jobs, tmp_path):
    (tmp_path / "marks").mkdir()
    deadly = replace(jobs[0], run=Deadly(jobs[0].run, str(tmp_path / "marks"), times=2))
    outcomes = {outcome.job.id: outcome for outcome in two.map([deadly, *jobs[1:]])}
    assert len(outcomes) == len(jobs)
    assert len(list((tmp_path / "marks").iterdir())) == 2
    same(outcomes[jobs[0].id].record, execute(jobs[0].run, open_split(jobs[0].split)))


def test_a_job_that_kills_three_workers_is_given_up_and_the_others_go_on(two, jobs, tmp_path):
    (tmp_path / "marks").mkdir()
    deadly = replace(jobs[0], run=Deadly(jobs[0].run, str(tmp_path / "marks"), times=9))
    outcomes = {outcome.job.id: outcome for outcome in two.map([deadly, *jobs[1:]])}
    assert outcomes[jobs[0].id].error == ("its worker process died 3 times (ended by SIGKILL); it may need more memory")
    assert all(outcomes[job.id].record is not None for job in jobs[1:])


def test_a_map_that_is_left_early_leaves_nothing_behind_for_the_next(two, jobs):
    going = two.map(jobs)
    next(going)
    going.close()
    assert [outcome.job.id for outcome in two.map(jobs[2:3])] == [jobs[2].id]


def test_workers_that_cannot_start_say_what_to_do(jobs, monkeypatch):
    monkeypatch.setattr("handgrad.study.runners.processes._work", os.abort)  # cannot even be called with a pipe
    runner = Processes(1)
    text = r'no worker process can start: exit code 1, 3 times in a row\..*`if __name__ == "__main__":`.*jobs=1'
    with pytest.raises(InputError, match=text):
        list(runner.map(jobs))
    runner.close()


def test_workers_haveone_thread_each_and_leave_the_environment_alone(monkeypatch):
    from handgrad.study.runners.processes import one_thread_each

    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with one_thread_each():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


# -- how many


def test_the_record_of_a_failed_run_has_every_key_of_a_record(jobs):
    done = execute(jobs[0].run, open_split(jobs[0].split)).data
    failed = failed_record(jobs[0].run, jobs[0].id, "boom").data
    assert set(done) == set(failed)
    assert (failed["status"], failed["error"], failed["id"]) == ("failed", "boom", done["id"])
    assert failed["setting"] == done["setting"]


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= cores() <= (os.cpu_count() or 1)
