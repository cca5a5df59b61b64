"""An epoch that takes long: whoever is told to end in the middle of it ends at once, and the study goes on later.

An epoch of this study takes half a minute on an idle core, and what must happen within it takes a second; on a
machine that is busy both take longer.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from handgrad.study import Results, load_study, run_study
from tests.study.conftest import contents
from tests.study.execution.test_kill import gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for workers in /proc")
SOON = 12.0  # seconds
PATIENCE = 300.0  # for processes to start and to be in the middle of an epoch

STUDY = """
name = "long"
seeds = 2
[data]
name = "many.npz"
validation = { size = 1000 }
test = { size = 1000 }
[network]
hidden = [1024, 1024]
[training]
optimizer = { name = "adam", lr = 0.001 }
batch_size = 10
epochs = 2
"""


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A folder with the study."""
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 1, size=(120_000, 64)).astype(np.float32), np.arange(120_000) % 3
    np.savez(folder / "many.npz", x=x, y=y)
    (folder / "study.toml").write_text(STUDY)
    return folder


def children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def seconds(pid):
    """Processor time of a process."""
    found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(found[11]) + int(found[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(condition, patience=PATIENCE):
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > patience:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def in_an_epoch(long):
    """in_an_epoch(jobs, out) -> a command whose processes are in the middle of an epoch, and its workers."""
    started = []

    def start(jobs, out):
        process = subprocess.Popen(
            [sys.executable, "-m", "handgrad.cli", "run", "study.toml", "--jobs", str(jobs), "--out", str(out)],
            cwd=long, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        assert wait_for(lambda: list(out.glob(".working/*/*")) or process.poll() is not None)
        if jobs > 1:
            assert wait_for(lambda: len(children(process.pid)) == jobs)
        at_work = children(process.pid) if jobs > 1 else [process.pid]
        before = [seconds(pid) for pid in at_work]
        assert wait_for(lambda: all(seconds(pid) - b > 4 for pid, b in zip(at_work, before, strict=True)))
        return process, at_work if jobs > 1 else []

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize(
    ("name", "jobs", "code"),
    [
        ("SIGKILL", 2, -signal.SIGKILL),
        ("SIGTERM", 2, -signal.SIGTERM),
        ("SIGHUP", 2, -signal.SIGHUP),
        ("SIGINT", 2, 130),
        ("SIGINT", 1, 130),
    ],
)
def test_all_end_at_once(in_an_epoch, tmp_path, name, jobs, code):
    process, workers = in_an_epoch(jobs, tmp_path / "out")
    start = time.monotonic()
    if name == "SIGINT":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to all of them
    else:
        process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert wait_for(lambda: all(map(gone, workers)))
    assert time.monotonic() - start < SOON
    assert process.returncode == code
    assert "Traceback" not in err
    if name == "SIGINT":
        assert Results.open(tmp_path / "out").state == "interrupted"
    assert not list(tmp_path.glob("out/runs/" + "[0-9a-f]" * 10))


def test_what_was_interrupted_is_begun_again_with_the_same_bits(long, in_an_epoch, tmp_path):
    process, _ = in_an_epoch(1, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    small = ["network.hidden=[64]", "training.epochs=1", "data.train={size = 2000}", "seeds=1"]
    study = load_study(long / "study.toml", small)
    run_study(study, tmp_path / "out", jobs=1)
    run_study(study, tmp_path / "undisturbed", jobs=1)
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
