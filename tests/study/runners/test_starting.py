"""Workers that die before they are ready, and workers that cannot start at all."""

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from handgrad.data.datasets import open_split
from handgrad.errors import InputError
from handgrad.study.runners import processes
from handgrad.study.runners.processes import Processes
from handgrad.training.loop import execute
from tests.study.conftest import same


@pytest.fixture
def runner():
    runner = Processes(2)
    yield runner
    runner.close()


def killing(monkeypatch, which):
    """Kill the workers of these numbers as soon as they are started -> the numbers of all that were started."""
    started = []

    class Worker(processes._Worker):
        def __init__(self):
            super().__init__()
            started.append(len(started))
            if started[-1] in which:
                self.process.kill()

    monkeypatch.setattr(processes, "_Worker", Worker)
    return started


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("which", [{0}, {0, 1}, {1, 2}])
def test_a_worker_killed_before_it_is_ready_is_replaced(runner, jobs, monkeypatch, which):
    started = killing(monkeypatch, which)
    outcomes = {outcome.job.id: outcome for outcome in runner.map(jobs)}
    assert sorted(outcomes) == sorted(job.id for job in jobs)
    for job in jobs:
        same(outcomes[job.id].record, execute(job.run, open_split(job.split)))
    assert len(started) > max(which)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_others_do_it_where_no_more_can_start(jobs, monkeypatch):
    started = killing(monkeypatch, set(range(1, 100)))
    runner = Processes(3)
    outcomes = list(runner.map(jobs))
    runner.close()
    assert sorted(outcome.job.id for outcome in outcomes) == sorted(job.id for job in jobs)
    assert all(outcome.error is None for outcome in outcomes)
    assert len(started) <= 1 + processes.STARTS * (len(jobs) + 2)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_three_in_a_row_and_nobody_else_is_the_end(runner, jobs, monkeypatch):
    started = killing(monkeypatch, set(range(100)))
    with pytest.raises(InputError, match=r"no worker process can start: ended by SIGKILL, 3 times in a row\. Free mem"):
        list(runner.map(jobs))
    assert 3 <= len(started) <= 4


def test_a_limit_of_the_system_is_the_reason_that_is_given(runner, jobs, monkeypatch):
    tries = []

    def none(self):
        tries.append(1)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(processes._Worker, "__init__", none)
    monkeypatch.setattr(processes, "AGAIN_SECONDS", 0.0)
    with pytest.raises(InputError, match=r"no worker process can start: too many files are open at once \(.*Too many"):
        list(runner.map(jobs))
    assert len(tries) == 3


def test_a_limit_that_passes_costs_nothing(runner, jobs, monkeypatch):
    tries = []
    begin = processes._Worker.__init__

    def some(self):
        tries.append(1)
        if len(tries) < 3:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        begin(self)

    monkeypatch.setattr(processes._Worker, "__init__", some)
    assert len(list(runner.map(jobs))) == len(jobs)


def test_a_worker_that_never_comes_to_be_ready_is_ended(runner, jobs, monkeypatch):
    monkeypatch.setattr(processes, "START_SECONDS", 0.01)
    with pytest.raises(InputError, match=r"no worker process can start: not ready after 0 s, 3 times in a row"):
        list(runner.map(jobs))


def test_a_script_without_a_guard_is_told_so(folder, tmp_path):
    (tmp_path / "study.toml").write_text((folder / "study.toml").read_text())
    (tmp_path / "clouds.npz").write_bytes((folder / "clouds.npz").read_bytes())
    (tmp_path / "script.py").write_text(
        "import handgrad as hg\nfrom handgrad.study.runners.processes import Processes\n"
        'hg.run_study(hg.load_study("study.toml"), "out", runner=Processes(2))\n'
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1  # the script's own; its workers end without a word
    assert (
        "InputError: a worker process cannot start: it runs the script that started it. There, put the call under "
        '`if __name__ == "__main__":`, as every program must that starts processes; or use jobs=1. Finished runs are '
        "safe"
    ) in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="Linux kills the children of a process with it")
def test_a_stopped_worker_dies_with_its_parent(tmp_path):
    """It could not look for its parent itself, and might hold what others wait for."""
    code = (
        "import multiprocessing, sys, time\n"
        "from handgrad.study.runners.processes import _Worker\n"
        "if __name__ == '__main__':\n"
        "    worker = _Worker(); print(worker.process.pid, worker.pipe.recv()[0], flush=True); time.sleep(600)\n"
    )
    (tmp_path / "script.py").write_text(code)
    parent = subprocess.Popen([sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, text=True)
    pid, word = parent.stdout.readline().split()
    assert word == "ready"
    os.kill(int(pid), signal.SIGSTOP)
    parent.kill()
    parent.communicate()
    ended = threading.Event()
    for _ in range(300):
        if gone(int(pid)):
            return
        ended.wait(0.1)
    os.kill(int(pid), signal.SIGKILL)
    pytest.fail("it is still there")


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_a_worker_loads_no_more_than_it_needs():
    """What plans a study and what reads data take a third of a worker's start."""
    script = "import sys, handgrad.study.runners.processes; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "handgrad.training.loop" in loaded
    assert not loaded & {"handgrad.study.planning.plan", "handgrad.data.own", "numba", "scipy", "pandas", "sklearn"}
