"""The head of a cluster that is lost: said within seconds, by one message, and the study can go on elsewhere."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from handgrad.study import Results
from handgrad.training.progress import load_checkpoint

joining = pytest.importorskip("handgrad.study.cluster.joining", reason="no Ray for this Python")


class Somewhere:
    def __init__(self, port):
        self.gcs_address = f"127.0.0.1:{port}"


@pytest.fixture
def head(monkeypatch):
    """A head that answers until it is closed: (server, what watches it)."""
    server = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(joining.ray, "get_runtime_context", lambda: Somewhere(server.getsockname()[1]))
    monkeypatch.setattr(joining, "KNOCKS", 0.05)
    monkeypatch.setattr(joining, "GONE", 0.5)
    watching = joining.Head()
    yield server, watching
    watching.close()
    server.close()


def test_a_question_is_not_waited_for_when_the_head_is_lost(head):
    server, watching = head
    assert watching.ask(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        watching.ask(lambda: 1 // 0)
    watching.check()
    never = threading.Event()
    threading.Timer(0.3, server.close).start()
    with pytest.raises(joining.HeadLost):
        watching.ask(lambda: never.wait(60))
    with pytest.raises(joining.HeadLost):
        watching.check()
    never.set()


def test_a_head_that_answers_is_not_lost(head):
    time.sleep(1.5)
    head[1].check()


CLUSTER = """
import os, sys
from ray.cluster_utils import Cluster
head = {"num_cpus": 1, "num_gpus": 0, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=head)
(gcs,) = cluster.head_node.all_processes["gcs_server"]
print(cluster.address, gcs.process.pid, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_study_says_that_the_head_is_lost_and_keeps_what_it_has(make, folder, tmp_path):
    slow = ["training.epochs=100000", "training.engine=array", "training.batch_size=2", "seeds=1"]
    study = make(slow, grid={"training.optimizer.lr": [0.01]})
    (tmp_path / "study.toml").write_text(study.toml())
    (tmp_path / "clouds.npz").write_bytes((folder / "clouds.npz").read_bytes())
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as cluster:
        address, gcs = cluster.stdout.readline().split()
        line = [sys.executable, "-m", "handgrad.cli", "run", "study.toml", "--runner", "ray", "--address", address]
        with subprocess.Popen(
            [*line, "--out", "out"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            while not list(tmp_path.glob("out/runs/*.partial/checkpoint.safetensors")) and process.poll() is None:
                time.sleep(0.1)
            os.kill(int(gcs), signal.SIGKILL)
            start = time.monotonic()
            out, err = process.communicate(timeout=200)
            took = time.monotonic() - start
        cluster.stdin.close()
        cluster.wait(60)
    assert process.returncode == 2, err
    assert took < 50  # Ray itself: 60 seconds of silence
    assert (
        f"handgrad: the head of the Ray cluster at {address} is lost: nothing has answered there for 10 s. Finished "
        "runs and checkpoints are safe; start a cluster again, then run the same command with its address, or "
        "with --runner processes"
    ) in err
    assert "Traceback" not in err + out
    assert "will terminate" not in err + out
    assert Results.open(tmp_path / "out").state == "interrupted"
    (run,) = (tmp_path / "out" / "runs").glob("*.partial")
    progress = load_checkpoint(run / "checkpoint.safetensors", run.name.removesuffix(".partial"))
    assert progress.epoch > 0  # the same command goes on from here (test_cluster, test_kill)
