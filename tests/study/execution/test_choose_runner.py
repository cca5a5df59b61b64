"""Which runner a name and a number of jobs open."""

import pytest

from handgrad.errors import InputError
from handgrad.study.execution import choose_runner
from handgrad.study.execution.choose_runner import jobs_for, open_runner
from handgrad.study.planning.plan import Plan


def test_never_more_workers_than_cores(monkeypatch):
    monkeypatch.setattr(choose_runner, "cores", lambda: 3)
    assert (open_runner(None)[0].name, open_runner(None)[0].workers) == ("processes", 3)
    assert open_runner(1)[0].name == "serial"
    assert open_runner(2)[0].workers == 2
    runner, notes = open_runner(64)
    assert runner.workers == 3
    assert notes == ["64 jobs were asked for; 3 run, one for each core"]
    with pytest.raises(InputError, match="jobs must be >= 1 and at most 100,000, as no study has more runs; got 0"):
        open_runner(0)


def test_a_runner_by_its_name(monkeypatch):
    monkeypatch.setattr(choose_runner, "cores", lambda: 3)
    assert open_runner(None, "serial")[0].name == "serial"
    assert (open_runner(1, "processes")[0].name, open_runner(1, "processes")[0].workers) == ("processes", 1)
    with pytest.raises(InputError, match=r"unknown runner 'rya'; did you mean 'ray'\? Known: serial, processes, ray"):
        open_runner(None, "rya")
    with pytest.raises(
        InputError, match=r"the runner serial runs one at a time; got jobs = 2: take --runner processes"
    ):
        open_runner(2, "serial")
    with pytest.raises(
        InputError, match=r"address is for the runner ray; got 'head:6379' with no runner: --runner ray"
    ):
        open_runner(address="head:6379")
    with pytest.raises(InputError, match=r"cpus per run is for the runner ray; got 2 with processes runner"):
        open_runner(None, "processes", cpus_per_run=2)
    with pytest.raises(InputError, match=r"cpus per run must be > 0, such as 1 or 1\.5; got 0"):
        open_runner(None, "ray", cpus_per_run=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs Ray, which is not installed here; pip install 'handgrad\[ray\]', or"):
        open_runner(None, "ray")


def test_one_at_a_time_where_all_share_a_gpu(make, monkeypatch):
    for where in ("run", "requirements"):
        monkeypatch.setattr(f"handgrad.training.{where}.jax_sees", lambda device: True)
    on_gpu, both = Plan(make(training={"device": "cuda"})), Plan(make(grid={"training.device": ["cpu", "cuda"]}))
    assert [jobs_for(on_gpu, jobs) for jobs in (None, 0, 3)] == [1, 0, 3]
    assert jobs_for(both, None) is None
