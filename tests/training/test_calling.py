"""A kernel can be stopped from another thread, and Ctrl-C is heard while one is at work."""

import os
import signal
import threading
import time

import numba
import numpy as np
import pytest

from handgrad.network.initializers import initialize
from handgrad.network.network import Network
from handgrad.training.engines import Job, open_session
from handgrad.training.engines.compiled import calling
from handgrad.training.engines.compiled.compilation import entry_point
from handgrad.training.engines.compiled.kernels.constants import CONSTANTS, STOP
from handgrad.training.loop import execute
from handgrad.training.training_section import TrainingSection
from tests.training.conftest import make_run

KINDS = {
    "dense": (["dense 8 relu", "dense 3 softmax"], 20),
    "batch size 1": (["dense 40 relu", "dense 3 softmax"], 1),
    "full batch": (["dense 8 relu", "dense 3 softmax"], "full"),
    "images": (["dense 8 relu", "batch-norm tanh", "dense 3 softmax"], 20),
}


def session_of(layers, batch):
    rng = np.random.default_rng(1)
    x = (rng.uniform(size=(600, 6)) * (rng.uniform(size=(600, 6)) < 0.3)).astype(np.float32)
    y = rng.integers(0, 3, 600)
    network = Network.parse((6,), *layers)
    training = TrainingSection(optimizer={"name": "sgd", "lr": 0.1}, batch_size=batch)
    session = open_session("compiled", Job(network, training, "one-hot", 1, {"train": (x, y)}))
    section = make_run().setting.resolved().network
    session.load(initialize(network, section.init, section.bias_init, 1, "float32"), {}, 0)
    return session


@pytest.mark.parametrize("kind", KINDS)
def test_a_kernel_that_is_told_to_stop_does_no_more(kind, monkeypatch):
    session = session_of(*KINDS[kind])
    before = session.export()[0]
    for one in (session.train_pass, session.score_pass):
        one.constants[STOP] = 1
    assert len(session.train_epoch(np.arange(600), np.full(600, 0.1), 0)) == 1  # it was about to make the first step
    after = session.export()[0]
    assert all(np.array_equal(before[name], after[name]) for name in before)
    losses, _ = session.score("train")
    assert not losses.any()
    session.train_pass.constants[STOP] = 0
    session.load(before, {}, 0)
    assert len(session.train_epoch(np.arange(600), np.full(600, 0.1), 0)) > 1 or kind == "full batch"
    assert not np.array_equal(before["dense1.W"], session.export()[0]["dense1.W"])


def test_other_threads_run_while_a_kernel_computes(monkeypatch):
    """The one that watches for a lost parent is such a thread."""
    if numba.config.DISABLE_JIT:
        pytest.skip("the compiler is off")
    assert entry_point("train", "float32").targetoptions["nogil"] is True
    assert entry_point("score", "float32").targetoptions["nogil"] is True


def test_the_same_bits_in_a_thread_of_its_own(split, monkeypatch):
    threads = []
    run = make_run(epochs=2, batch_size=20)
    here = execute(run, split)
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (threads.append(self.name), start(self))[1])
    monkeypatch.setattr(calling, "SHORT", 0)
    there = execute(run, split)
    assert threads.count("handgrad-kernel") >= 4  # epochs and scores
    assert {name: array.tobytes() for name, array in here.params.items()} == {
        name: array.tobytes() for name, array in there.params.items()
    }
    assert here.curves["loss_per_step"].tobytes() == there.curves["loss_per_step"].tobytes()


def endless(constants):
    while not constants[STOP]:
        time.sleep(0.01)
    return "stopped"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_is_heard_in_the_middle_and_stops_the_kernel():
    constants = np.zeros(CONSTANTS, np.int64)
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    start = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        calling.call(endless, (constants,), constants=constants, products=2**40)
    assert time.monotonic() - start < 10
    assert constants[STOP] == 1
    assert not [one for one in threading.enumerate() if one.name == "handgrad-kernel" and one.is_alive()]


def test_what_goes_wrong_in_the_thread_is_raised_here():
    constants = np.ones(CONSTANTS, np.int64)  # of an earlier call that was stopped
    with pytest.raises(ZeroDivisionError):
        calling.call(lambda: 1 // int(constants[STOP]), (), constants=constants, products=2**40)
    assert calling.call(lambda: 7, (), constants=constants, products=1) == 7
