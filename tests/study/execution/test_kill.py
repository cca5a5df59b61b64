"""kill -9 and Ctrl-C at any moment, through a real process: run again, and it is as if nothing had happened.

The study trains networks of images, with all that is remembered from batch to batch, and from its winner dense ones.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from handgrad.study import Results, load_study, run_study
from handgrad.training.record import load
from tests.study.conftest import contents

# Checkpoints after every epoch, in the workers too: they execute this file when they start.  After `halt` events the
# parent waits for a blow that is sure to come, so that no test depends on who is faster; workers go on meanwhile.
SCRIPT = """
import multiprocessing, sys
from handgrad.study import load_study, run_study
from handgrad.training import in_progress

in_progress.CHECKPOINT_SECONDS, in_progress.CHECKPOINT_SHARE = 0.0, 1e9

def tell(event):
    global halt
    halt -= 1
    if halt == 0:
        print("halted", *(child.pid for child in multiprocessing.active_children()), flush=True)
        sys.stdin.read()

if __name__ == "__main__":
    workers, halt = map(int, sys.argv[1:])
    runner = None
    if workers > 1:
        from handgrad.study.runners.processes import Processes
        runner = Processes(workers)
    run_study(load_study("study.toml"), "out", jobs=1, runner=runner, observer=tell)
"""

IMAGES = """[network]
layers = ["conv 3 2x2 pad 1", "batch-norm relu", "dropout 0.2", "max-pool 3x2", "dense 3 softmax"]
"""
DENSE = """name = "batch size"
set = { network = { layers = ["dense 8 relu", "dense 3 softmax"] } }
"""


def of_images(folder, into):
    """Write the study of clouds with them as images of 2x3 pixels, for 40 epochs -> its file."""
    text = (folder / "study.toml").read_text()
    changes = {
        "epochs = 4": "epochs = 40",
        "[network]\nhidden = 8\n": IMAGES,
        'name = "batch size"\n': DENSE,
        "clouds.npz": "images.npz",
    }
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    with np.load(folder / "clouds.npz") as clouds:
        np.savez(into / "images.npz", x=clouds["x"].reshape(-1, 1, 2, 3), y=clouds["y"])
    (into / "study.toml").write_text(text)
    return into / "study.toml"


pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory):
    """The bytes of a study that nobody disturbed, trained in one process."""
    out = tmp_path_factory.mktemp("undisturbed")
    run_study(load_study(of_images(folder, out)), out / "out", jobs=1)
    settings = [load(run).data["setting"] for run in (out / "out" / "runs").iterdir()]
    assert {setting["training"]["engine"] for setting in settings} == {"compiled"}
    return contents(out / "out")


@pytest.fixture
def start(folder, tmp_path):
    """start(workers) -> the process of a study that writes tmp_path/out."""
    study = of_images(folder, tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    root = str(Path(__file__).parents[3])

    def start(workers, halt=0, also=""):
        study.write_text(study.read_text() + also * (also not in study.read_text()))
        environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "script.py", str(workers), str(halt)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def gone(pid):
    """Whether a process has ended (a zombie that nobody waits for has)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def wait_for(condition):
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.05)
    return False


def halted(process):
    """Wait until the parent halts -> the ids of its workers."""
    word, *children = process.stdout.readline().split()
    assert word == "halted"
    return [int(pid) for pid in children]


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_several_moments_and_run_again(start, expected, tmp_path, workers):
    children = []
    for halt in (20, 130):  # events, most of them ends of epochs; a run has 42
        process = start(workers, halt)
        children += halted(process)
        time.sleep(random.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert len(children) == (4 if workers == 2 else 0)
    assert all(wait_for(lambda pid=pid: gone(pid)) for pid in children)  # workers do not outlive their parent
    finished = list((tmp_path / "out" / "runs").glob("[0-9a-f]" * 10))
    written = {run: (run / "record.json").stat().st_mtime_ns for run in finished}
    assert finished
    process = start(workers)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert contents(tmp_path / "out") == expected  # every cell once, the same bytes, nothing half finished left
    assert {run: (run / "record.json").stat().st_mtime_ns for run in finished} == written  # none was repeated
    assert not (tmp_path / "out" / ".working").exists()
    resumed = [record.data["time"]["resumed"] for record in map(load, (tmp_path / "out" / "runs").iterdir())]
    assert sum(resumed) >= 1  # from checkpoints, not from the start


def test_runs_that_share_programs_are_killed_and_go_on_in_other_groups(start, tmp_path):
    study = tmp_path / "study.toml"
    text = study.read_text()
    assert text.count("batch_size = 20\n") == 1
    study.write_text(text.replace("batch_size = 20\n", 'batch_size = 20\nengine = "jax"\nstack = 3\n'))
    run_study(load_study(study), tmp_path / "undisturbed", jobs=1)
    for halt in (40, 150):
        process = start(2, halt)
        children = halted(process)
        time.sleep(random.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert all(wait_for(lambda pid=pid: gone(pid)) for pid in children)
    process = start(1)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    records = [load(folder).data for folder in (tmp_path / "out" / "runs").iterdir()]
    assert {record["engine"]["stack"] for record in records} == {3}
    assert sum(record["time"]["resumed"] for record in records) >= 1


SEARCH = """
[asha]
grace_period = 5
reduction_factor = 2
"""


def test_a_search_that_is_killed_goes_on_from_its_decisions(start, expected, tmp_path):
    file = tmp_path / "out" / "decisions" / "0.jsonl"
    written = []
    for halt in (15, 60):
        process = start(2, halt, SEARCH)
        children = halted(process)
        time.sleep(random.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert all(wait_for(lambda pid=pid: gone(pid)) for pid in children)
        written.append(file.read_text().rpartition("\n")[0])
    process = start(2, also=SEARCH)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    decided = file.read_text()
    assert all(decided.startswith(before) for before in written)  # what was decided stands
    assert len(written[1]) > len(written[0])
    shutil.copytree(tmp_path / "out" / "decisions", tmp_path / "again" / "decisions")
    study = load_study(tmp_path / "study.toml")
    run_study(study, tmp_path / "again", jobs=1)
    assert (tmp_path / "again" / "decisions" / "0.jsonl").read_text() == decided
    found = contents(tmp_path / "out")
    assert found == contents(tmp_path / "again")
    records = [load(tmp_path / "out" / "runs" / run) for run in found]
    assert {record.status for record in records} == {"done", "pruned"}
    for record in records:
        if record.status == "done" and record.id in expected:
            assert found[record.id] == expected[record.id]
    assert not list((tmp_path / "out" / "runs").glob("*.partial"))


def test_an_interrupt_ends_parent_and_workers_and_the_rest_continues(start, expected, tmp_path):
    process = start(2, 130)
    children = halted(process)
    for pid in [process.pid, *children]:  # as a terminal sends it: to all of them
        os.kill(pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 1  # the parent's own, which the command line turns into exit code 130
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert all(wait_for(lambda pid=pid: gone(pid)) for pid in children)
    assert Results.open(tmp_path / "out").state == "interrupted"
    process = start(2)
    process.communicate()
    assert process.returncode == 0
    assert contents(tmp_path / "out") == expected
