"""The runner `ray` on a real cluster of several nodes, one of which is lost; what every runner must do is tested with
the others (test_runners)."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handgrad.data.datasets import open_split
from handgrad.errors import InputError
from handgrad.study import Results, run_study
from handgrad.study.folder.store import read_plan
from handgrad.study.runners.runner import Outcome
from handgrad.training.loop import EpochEnd, execute
from handgrad.training.progress import load_checkpoint
from handgrad.training.record import load
from tests.study.conftest import contents, same
from tests.study.search.test_search import ASHA, TPE, events
from tests.study.troubles import Deadly, Fatal, Slow

remote = pytest.importorskip("handgrad.study.cluster.remote", reason="no Ray for this Python")


@pytest.fixture(scope="module")
def connected(nodes):
    """One connection for all tests, so that workers need to start only once."""
    first = nodes.runner()
    yield
    first.close()


@pytest.fixture
def runner(nodes, connected):
    """runner(**options) -> a runner on the head of the cluster, with room for one run."""
    opened = []

    def open_one(**options):
        opened.append(nodes.runner(**options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


# -- nodes and workers that are lost


def test_a_node_lost_in_the_middle_of_a_study_costs_nothing_but_time(nodes, runner, make, tmp_path):
    many = "network.hidden=4000"  # more than fits into a message: checkpoints and records are objects of their node
    study = make(["training.epochs=60", many], grid={"training.optimizer.lr": [0.01, 0.1, 0.3]}, phase=[
        {"name": "batch size", "grid": {"training.batch_size": [10, 50]}},
    ])  # fmt: skip
    run_study(study, tmp_path / "serial", runner="serial")
    for _ in range(2):
        nodes.add()
    lost, ended, number, on_nodes = [], [], itertools.count(), runner()

    class SlowAtFirst:
        name, workers, close = on_nodes.name, on_nodes.workers, on_nodes.close

        def map(self, jobs, heard):
            return on_nodes.map(map(self.slow, jobs), heard)

        def slow(self, job):
            return replace(job, run=Slow(job.run, str(tmp_path / job.id), 3.0)) if next(number) < 3 else job

    def watch(event):
        if event.kind == "epoch done" and event.epoch >= 5 and not lost:  # a checkpoint has come
            node = next((node for node in nodes.added if node.node_id == where(event.run)), None)
            if node is not None:
                lost.append(event.run)
                nodes.lose(node)
        elif event.kind == "run finished":
            ended.append(event.run)

    def where(run):
        return (tmp_path / run).read_text() if (tmp_path / run).exists() else None

    assert on_nodes.workers == 3
    try:
        results = run_study(study, tmp_path / "ray", runner=SlowAtFirst(), observer=watch)
    finally:
        for node in list(nodes.added):
            nodes.lose(node)
    assert results.state == "done"
    assert len(ended) == len(set(ended)) == 3 * 2 + 2 * 2  # each cell once
    assert contents(tmp_path / "ray") == contents(tmp_path / "serial")
    assert [run for run in ended if results.record(run).data["time"]["resumed"]] == lost  # not from the start


def test_a_worker_that_dies_has_its_job_taken_up_twice_and_then_given_up(runner, jobs, tmp_path):
    (tmp_path / "marks").mkdir()
    deadly = replace(jobs[0], run=Deadly(jobs[0].run, str(tmp_path / "marks"), times=9))
    outcomes = {outcome.job.id: outcome for outcome in runner().map([deadly, jobs[1]])}
    assert outcomes[jobs[0].id].error.startswith("its worker was lost 3 times (WorkerCrashedError: The worker died ")
    assert outcomes[jobs[0].id].error.endswith("; it may need more memory")
    assert len(list((tmp_path / "marks").iterdir())) == 3
    same(outcomes[jobs[1].id].record, execute(jobs[1].run, open_split(jobs[1].split)))


def test_a_killed_worker_leaves_nothing_behind_for_long(runner, jobs, tmp_path):
    from handgrad.study.cluster import remote

    fatal = replace(jobs[0], run=Fatal(jobs[0].run, str(tmp_path / "mark")))
    before = set(Path(tempfile.gettempdir()).glob(f"{remote.PREFIX}*"))
    cluster = runner()
    outcomes = list(cluster.map([fatal, jobs[1]]))
    assert (tmp_path / "mark").exists()
    assert [outcome.error for outcome in outcomes] == [None, None]
    cluster.close()  # a node looks every SWEEPS seconds at most, and these runs may take less
    assert set(Path(tempfile.gettempdir()).glob(f"{remote.PREFIX}*")) <= before


def test_a_folder_is_removed_when_its_process_is_no_more(tmp_path, monkeypatch):
    from handgrad.study.cluster import remote

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(remote, "_swept", -np.inf)
    code = (
        "import os, tempfile, time; from handgrad.study.cluster.remote import scratch\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        "with scratch() as folder:\n    (folder / 'checkpoint').touch(); print(folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        assert remote.sweep() == []  # it is at work
        assert (folder / "checkpoint").exists()
        process.kill()
    with remote.scratch() as own:
        assert not folder.exists()
        assert own.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_run_tells_that_it_started_unless_it_is_over_by_then(jobs, monkeypatch):
    job = jobs[0]
    order = remote.Order((job,), lambda: open_split(job.split), {}, {}, remote.identity(), 1e6)
    for at_once, starts in ((0.0, True), (60.0, False)):
        monkeypatch.setattr(remote, "AT_ONCE", at_once)
        news = list(remote.work(order))
        assert (news[0] == remote.News()) == starts
        assert (news[-1].last, news[-1].outcomes[0].record.id) == (True, job.id)


@pytest.mark.parametrize("tables", [ASHA, TPE], ids=["asha", "tpe and asha"])
def test_a_search_on_a_cluster_is_replayed_by_one_process(runner, make, tmp_path, tables):
    pytest.importorskip("optuna")
    study = make(**tables)
    two = runner(cpus=0.5)
    assert two.workers == 2
    run_study(study, tmp_path / "ray", runner=two)
    shutil.copytree(tmp_path / "ray" / "decisions", tmp_path / "one" / "decisions")
    run_study(study, tmp_path / "one", runner="serial")
    assert events(tmp_path / "one") == events(tmp_path / "ray")
    assert contents(tmp_path / "one") == contents(tmp_path / "ray")
    assert read_plan(tmp_path / "one")["phases"] == read_plan(tmp_path / "ray")["phases"]


def test_a_run_goes_on_from_the_checkpoint_that_the_driver_has(runner, jobs):
    on_head = runner()
    (pause,) = on_head.map([replace(jobs[0], until=2)])
    assert load_checkpoint(jobs[0].checkpoint, jobs[0].id).epoch == pause.paused.epoch == 2
    heard = []
    (outcome,) = on_head.map(jobs[:1], lambda job, news: heard.append(news and news.epoch))
    assert heard == [None, 3]
    assert outcome.record.data["time"]["resumed"] == 1


def test_an_interrupt_ends_the_command_and_keeps_checkpoints(nodes, folder, tmp_path):
    command = ["run", str(folder / "study.toml"), "training.epochs=1000000", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "handgrad.cli", *command, "--runner", "ray", "--address", nodes.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        kept = list((tmp_path / "out").glob("runs/*.partial/checkpoint.safetensors"))
        if kept or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        printed, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, printed) == (130, "")
    assert told.endswith("handgrad: interrupted; the same command continues from there\n")
    assert "Traceback" not in told
    assert "(raylet)" not in told
    assert Results.open(tmp_path / "out").state == "interrupted"
    (checkpoint,) = kept
    assert load_checkpoint(checkpoint, checkpoint.parent.stem).epoch > 0


# -- data


def test_data_is_put_once_and_mapped_read_only(runner, jobs, monkeypatch):
    from handgrad.study.cluster import ray_runner as cluster

    put, puts = cluster.ray.put, []
    monkeypatch.setattr(cluster.ray, "put", lambda value: puts.append(put(value)) or puts[-1])
    on_head = runner()
    assert len(list(on_head.map(jobs))) == len(jobs)
    assert len(puts) == 1

    def look(reference):
        one, other = cluster._fetch(reference[0]), cluster._fetch(reference[0])
        return one is other, one.train.x.flags.writeable, one.train.x.flags.owndata

    assert cluster.ray.get(cluster.ray.remote(look).remote(puts)) == (True, False, False)


# -- what is said


def test_a_node_with_other_software_ends_the_study_with_one_message(runner, jobs):
    on_head = runner()
    on_head._expected = {**remote.identity(), "numpy": "1.0", "source text of handgrad": "0123456789"}
    there = remote.identity()
    with pytest.raises(InputError) as error:
        list(on_head.map(jobs))
    assert str(error.value) == (
        "a node of the cluster has other software than this machine: source text of handgrad "
        f"{there['source text of handgrad']} there, 0123456789 here; numpy {np.__version__} there, 1.0 here. "
        "Install the same environment on every node (docs/cluster.md), then run the same command"
    )


def test_a_node_without_handgrad_says_so(nodes, runner, jobs, tmp_path):
    (tmp_path / "handgrad").mkdir()
    (tmp_path / "handgrad" / "__init__.py").touch()  # hides the real one
    bare = nodes.add(num_cpus=2, env_vars={**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        on_bare = runner(cpus=2)  # fits there alone
        with pytest.raises(
            InputError, match=r"a node of the cluster cannot take up runs: .*No module named 'handgrad\."
        ):
            list(on_bare.map(jobs[:1]))
    finally:
        nodes.lose(bare)


def test_waiting_for_the_cluster_is_said(runner, jobs, monkeypatch):
    from handgrad.study.cluster import ray_runner as cluster

    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    said = []

    class Enough(Exception):
        pass

    def say(text):
        said.append(text)
        raise Enough

    def occupy():
        yield "the only processor"
        time.sleep(600)

    on_gpu = jobs[0].run.setting.changed(training={"engine": "torch", "device": "cuda"})
    for cpus, setting in ((64, jobs[0].run.setting), (0.5, on_gpu)):
        with pytest.raises(Enough):
            list(runner(cpus=cpus, say=say).map([replace(jobs[0], run=replace(jobs[0].run, setting=setting))]))
    on_head = runner(say=say)
    occupied = cluster.ray.remote(occupy).options(num_cpus=1, num_returns="streaming").remote()
    cluster.ray.get(next(occupied))
    with pytest.raises(Enough):
        list(on_head.map(jobs))
    cluster.ray.cancel(occupied, force=True)
    assert said == [
        "waiting: a run asks for 64 CPU and no node of the cluster has that; add one that has",
        "waiting: a run asks for 0.5 CPU and 1 GPU and no node of the cluster has that; add one that has",
        "waiting: the cluster has started no run for 0 s; a run asks for 1 CPU, free: 0 of 1 CPU. "
        "Others may be using it: `ray status` tells",
    ]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "127.0.0.1:9",
            r"the Ray cluster at 127\.0\.0\.1:9 cannot be joined: .*refused.*ray start --head; .*--address",
        ),
        ("ray://127.0.0.1:10001", r"is host:port of its head, such as 192\.0\.2\.1:6379, or auto; got 'ray://127"),
        ("nowhere", r"is host:port of its head, .*; got 'nowhere'"),
    ],
)
def test_a_cluster_that_cannot_be_reached(address, message, make, tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.study.cluster.joining.ray.is_initialized", lambda: False)
    with pytest.raises(InputError, match=message):
        run_study(make(), tmp_path / "out", runner="ray", address=address)
    assert not (tmp_path / "out").exists()


def test_a_process_that_is_connected_already_keeps_its_connection(runner, jobs):
    from handgrad.study.cluster.joining import ray

    first, second = runner(), runner()
    second.close()
    assert ray.is_initialized()
    assert len(list(first.map(jobs[:1]))) == 1
    with pytest.raises(InputError, match=r"connected to the Ray cluster at .* already; got 192\.0\.2\.9:1: leave out"):
        type(first)("192.0.2.9:1")


# -- on a node


def news(epoch):
    return remote.News([("0123456789", EpochEnd("0123456789", epoch, 9, {}))])


def test_news_gather_until_they_are_due(monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 0.0)
    now = [0.0]
    monkeypatch.setattr(remote.time, "monotonic", lambda: now[0])
    outbox = remote._Outbox()
    for epoch, at in ((1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)):
        now[0] = at
        outbox.put(news(epoch))
    taken = outbox.take()
    assert [end.epoch for _, end in taken.ended] == [1, 2, 3, 4]  # due at 3, not yet taken at 4
    outbox.put(replace(news(5), outcomes=[Outcome(None, None, "boom")]))  # due at once
    taken = outbox.take()
    assert ([end.epoch for _, end in taken.ended], taken.outcomes[0].error, taken.last) == ([5], "boom", False)
    outbox.put(replace(news(6), outcomes=[Outcome(None, None, "bang")], last=True))
    last = outbox.take()
    assert ([end.epoch for _, end in last.ended], last.outcomes[0].error, last.last) == ([6], "bang", True)


def test_a_checkpoint_is_sent_when_it_is_new_and_the_last_one_has_had_its_time(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(remote.time, "monotonic", lambda: now[0])
    path = tmp_path / "checkpoint"
    checkpoint = remote._Checkpoint(path, bandwidth=2.0)
    assert checkpoint.due() is None
    for at, content, sent in ((0, b"123456", b"123456"), (2.9, b"7", None), (3, None, b"7"), (9, None, None)):
        now[0] = at
        if content is not None:
            Path(f"{path}.new").write_bytes(content)
            Path(f"{path}.new").replace(path)
        assert checkpoint.due() == sent
    checkpoint.write(b"from the driver")
    now[0] = 99
    assert checkpoint.due() is None  # it has that one


def test_a_study_on_a_cluster_by_its_address(nodes, make, tmp_path):
    results = run_study(make(), tmp_path, runner="ray", address=nodes.address, jobs=3, cpus_per_run=0.5)
    (record, _) = [load(folder) for folder in (tmp_path / "runs").iterdir()]
    assert record.data["environment"]["execution"] == results.plan["execution"]
    assert results.plan["execution"]["runner"] == "ray"
    assert results.plan["execution"]["workers"] == 3  # more than this machine has cores: the cluster may grow
