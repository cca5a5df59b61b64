"""The array engine on other libraries' arrays: the same numbers as with NumPy, and no step waits for the device.

No GPU is needed: PyTorch's processor arrays run the same code, and its arrays without numbers ("meta") refuse every
operation that would look at a number or mix in an array from elsewhere: what a GPU would have to be waited for.
"""

import importlib.util
import sys
from types import SimpleNamespace

import array_api_compat.torch
import numpy as np
import pytest
import torch

from handgrad.errors import InputError
from handgrad.network.initializers import He, Normal, initialize
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.training.engines import array
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.backend import Backend
from handgrad.training.loop import execute
from handgrad.training.optimizers import OPTIMIZERS, clip_by_norm
from handgrad.training.run import Setting
from handgrad.training.training_section import TrainingSection
from tests.training.conftest import make_run
from tests.training.test_torch import CNN, MLP, TORCH_ARRAYS, N, job_of

META = Backend(array_api_compat.torch, "meta")
EXTRAS = [{}, {"weight_decay": 0.01, "clip_norm": 0.05}]


def session(job, home=None, load=True):
    made = ArraySession(job, home)
    if load:
        made.load(initialize(job.network, He(), Normal(std=0.1), job.seed, job.training.dtype), {}, 0)
    return made


# -- the same numbers: step by step in test_torch, whole runs here


@pytest.mark.parametrize("schedule", ["cosine", {"name": "plateau", "patience": 1}])
def test_whole_runs_agree_and_say_what_computed_them(split, schedule):
    runs = [
        make_run(engine="array", arrays=library, network={"dropout": 0.2}, dtype="float64", schedule=schedule,
                 optimizer={"name": "adam", "lr": 0.01}, clip_norm=1.0, early_stopping={"patience": 2})
        for library in ("numpy", "torch")
    ]  # fmt: skip
    assert runs[0].id != runs[1].id
    ours, theirs = (execute(run, split) for run in runs)
    assert theirs.status == "done"
    for name in ours.curves:
        np.testing.assert_allclose(theirs.curves[name], ours.curves[name], rtol=1e-6)
    np.testing.assert_allclose(theirs.data["samples"]["after"], ours.data["samples"]["after"], rtol=1e-6)
    facts = {"name": "array", "device": "cpu", "threads": 1}
    assert ours.data["engine"] == {**facts, "arrays": "numpy"}
    assert theirs.data["engine"] == {**facts, "arrays": "torch", "torch": torch.__version__}


# -- a step waits for nothing


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("network", [MLP, CNN], ids=["dense", "images"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_step_looks_at_a_number_or_leaves_the_device(optimizer, network, extra):
    job = job_of(network, optimizer={"name": optimizer, "lr": 0.05}, dtype="float32", **extra)
    made = session(job, META)
    for number in range(2):
        loss = made._step(META.to_device(np.arange(6)), 0.1, number)
        assert (loss.device.type, loss.shape) == ("meta", ())
    everything = [*made.params.values(), *(slot for slots in made.slots.values() for slot in slots)]
    assert {one.device.type for one in everything} == {"meta"}
    assert {one.dtype for one in everything} == {torch.float32}


@pytest.mark.parametrize(
    ("loss", "output"), [(name, output) for name, loss in LOSSES.items() for output in sorted(loss.outputs)]
)
def test_no_loss_and_no_activation_does(loss, output):
    hidden = output if output not in ("softmax", "log-softmax") else "leaky-relu"
    network = Network.parse((2, 4, 4), f"conv 3 2x2 {hidden}", "max-pool 3", f"dense 3 {output}")
    made = session(job_of(network, loss=loss), META)
    assert made._step(META.to_device(np.arange(6)), 0.1, 0).device.type == "meta"


def test_arrays_without_numbers_notice_a_look_and_a_stranger():
    """What the tests above rest on."""
    here = META.to_device(np.ones(3))
    with pytest.raises(RuntimeError):
        float(here.sum())
    with pytest.raises(RuntimeError):
        here + torch.ones(3)


def test_losses_are_fetched_once_in_many_steps(monkeypatch):
    fetched = []
    monkeypatch.setattr(
        Backend, "to_numpy", lambda self, a, plain=Backend.to_numpy: fetched.append(tuple(a.shape)) or plain(self, a)
    )
    monkeypatch.setattr(array, "LOOK_EVERY", 3)
    made = session(job_of(MLP, batch_size=2), TORCH_ARRAYS)
    assert len(made.train_epoch(np.arange(N), np.full(10, 0.1), 0)) == 10
    assert fetched == [(3,), (3,), (3,), (1,)]


# -- divergence


@pytest.mark.parametrize("home", [None, TORCH_ARRAYS], ids=["numpy", "torch"])
@pytest.mark.parametrize("look_every", [1, 2, 3, 256])
@pytest.mark.parametrize("bad_step", [0, 1, 4, 9])
def test_a_loss_that_is_not_finite_ends_the_epoch_before_its_update(monkeypatch, home, look_every, bad_step):
    """Found only later, the steps before it are made again, and everything is as if every step had been looked at."""
    network = Network.parse((6,), "dense 4 tanh", "dropout 0.2", "batch-norm", "dense 3")
    job = job_of(network, loss="squared-error", batch_size=2, optimizer={"name": "momentum", "lr": 0.01})
    job.parts["train"][0][2 * bad_step] = np.inf
    ours, theirs = session(job), session(job, home)
    with np.errstate(all="ignore"):
        monkeypatch.setattr(array, "LOOK_EVERY", 1)
        losses = ours.train_epoch(np.arange(N), np.full(10, 0.01), 0)
        monkeypatch.setattr(array, "LOOK_EVERY", look_every)
        peer_losses = theirs.train_epoch(np.arange(N), np.full(10, 0.01), 0)
    assert len(losses) == len(peer_losses) == bad_step + 1
    np.testing.assert_allclose(peer_losses, losses, rtol=1e-6)
    assert not np.isfinite(losses[-1])
    (params, slots, t), (peer_params, peer_slots, peer_t) = ours.export(), theirs.export()
    assert t == peer_t == bad_step
    for name, w in params.items():
        assert np.isfinite(w).all()
        np.testing.assert_allclose(peer_params[name], w, rtol=1e-11, atol=1e-13)
    for name in slots:
        np.testing.assert_allclose(peer_slots[name], slots[name], rtol=1e-11, atol=1e-13)


def test_divergence_is_told_as_with_numpy(split):
    found = [
        execute(make_run(engine="array", arrays=library, loss="squared-error", network={"output": "identity"},
                         optimizer={"name": "sgd", "lr": 1e30}), split)
        for library in ("numpy", "torch")
    ]  # fmt: skip
    assert found[1].status == "diverged"
    for key in ("epoch", "step", "layer"):  # the reason differs where one library meets ∞ − ∞ earlier than the other
        assert found[0].data["diverged"][key] == found[1].data["diverged"][key]


@pytest.mark.parametrize("bring", [np.asarray, torch.asarray])
def test_clipping_leaves_short_and_infinite_gradients(bring):
    for numbers, expected in (
        ([3.0, 4.0], [0.6, 0.8]),
        ([0.3, 0.4], [0.3, 0.4]),
        ([np.inf, 1.0], [np.inf, 1.0]),
        ([np.nan, 1.0], [np.nan, 1.0]),
    ):
        clipped = clip_by_norm({"a": bring(np.float32(numbers))}, 1.0)["a"]
        assert str(clipped.dtype).endswith("float32")
        np.testing.assert_allclose(np.asarray(clipped), np.float32(expected), rtol=1e-6)


# -- what is chosen, and what is missing


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ("compiled", "auto")),
        ({"engine": "array"}, ("array", "numpy")),
        ({"arrays": "torch"}, ("array", "torch")),
        ({"device": "cuda"}, ("array", "torch")),
        ({"device": "cuda", "arrays": "cupy"}, ("array", "cupy")),
        ({"device": "cuda", "engine": "array"}, ("array", "torch")),
        ({"device": "cuda", "engine": "torch"}, ("torch", "auto")),
    ],
)
def test_what_auto_takes(given, found):
    setting = Setting(training=given).resolved()
    assert (setting.training.engine, setting.training.arrays) == found
    assert setting.resolved() is setting


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": "cuda", "engine": "compiled"}, "has device = 'cuda', but engine = \"compiled\"; set engine = "),
        ({"arrays": "torch", "engine": "compiled"}, "has arrays = 'torch', which only the array engine can use; set"),
        ({"arrays": "numpy", "engine": "torch"}, "has arrays = 'numpy', which only the array engine can use"),
        ({"arrays": "numpy", "device": "cuda"}, 'has arrays = "numpy", but device = \'cuda\'; set arrays = "torch" or'),
        ({"arrays": "cupy"}, 'has arrays = "cupy", but device = "cpu"; set device = "cuda", or arrays = "numpy"'),
        ({"arrays": "jax"}, "arrays is an unknown library of arrays 'jax'. Known: auto, numpy, torch, cupy"),
    ],
)  # fmt: skip
def test_what_cannot_go_together(given, message):
    with pytest.raises(InputError) as said:
        TrainingSection(**given)
    assert message in str(said.value)


def test_libraries_that_are_missing(split, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as said:
        execute(make_run(arrays="torch"), split)
    assert str(said.value) == (
        "training.arrays = 'torch' needs PyTorch, which is not installed here; "
        "pip install 'handgrad[torch]', or set training.device = \"cpu\""
    )
    with pytest.raises(InputError) as said:
        execute(make_run(arrays="cupy", device="cuda"), split)
    assert str(said.value) == (
        "training.arrays = 'cupy' needs CuPy, which is not installed here; "
        'pip install cupy-cuda12x, or set training.arrays = "torch"'
    )


def test_without_a_gpu_the_message_says_so(split, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"finds none; set training.device = \"cpu\""):
        execute(make_run(device="cuda"), split)


@pytest.mark.parametrize("driver", [True, False])
def test_without_a_gpu_cupy_s_message_says_so_too(split, monkeypatch, driver):
    class CUDARuntimeError(RuntimeError):
        pass

    def count():
        if driver:
            return 0
        raise CUDARuntimeError

    runtime = SimpleNamespace(getDeviceCount=count, CUDARuntimeError=CUDARuntimeError)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime), __version__="13.0"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(InputError) as said:
        execute(make_run(device="cuda", arrays="cupy"), split)
    assert str(said.value) == (
        "training.arrays = 'cupy' needs an NVIDIA GPU; this CuPy (13.0) finds none; set training.device = \"cpu\""
    )
