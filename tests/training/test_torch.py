"""The torch engine, and the array engine on PyTorch's arrays, beside the reference: the same losses, weights, slots and
scores, step by step; what the torch engine needs."""

import importlib.util
import sys

import array_api_compat.torch
import numpy as np
import pytest
import torch

from handgrad.data.batches import epoch_order
from handgrad.errors import InputError
from handgrad.network.initializers import He, Normal, initialize
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.streams import stream
from handgrad.training import in_progress
from handgrad.training.engines import Job, open_session, torch_network
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.backend import Backend
from handgrad.training.engines.torch import OPTIMIZERS as OF_TORCH
from handgrad.training.loop import execute
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.training_section import TrainingSection
from tests.training.conftest import make_run
from tests.training.test_loop import same_bits

MLP = Network.parse((6,), "dense 8 tanh", "dropout 0.3", "dense 7 relu", "dense 3 softmax")
CNN = Network.parse(
    (2, 8, 6), "conv 4 3x2 stride 1 pad 1 relu", "dropout 0.2", "max-pool 2x1", "batch-norm leaky-relu",
    "conv 3 2x3", "average-pool 3x1 stride 3x1", "flatten", "dense 5 sigmoid", "batch-norm", "dropout 0.4",
    "dense 3 softmax",
)  # fmt: skip

# The largest difference of a weight after 12 steps in float64, where engines differ by the order of operations only.
# RMSProp divides by √s: where a gradient is nearly zero (as that of a bias before batch norm, which is rounding
# itself), it makes a whole step of what differs.
ATOL = {"rmsprop": 1e-9}
N = 20  # in batches of 6: three whole ones and one of 2


def job_of(network, *, dtype="float64", seed=3, targets="one-hot", n=N, **training):
    rng = stream(seed, "gradcheck")
    x, y = rng.normal(size=(n, *network.input_shape)).astype(np.float32), rng.integers(0, network.n_outputs, n)
    section = TrainingSection(**{"batch_size": 6, "dtype": dtype, **training})
    return Job(network, section, targets, seed, {"train": (x, y), "validation": (x[:7], y[:7])})


TORCH_ARRAYS = Backend(array_api_compat.torch, "cpu")


def opened(job, *names):
    """Sessions of engines by name, or of the array engine by its home of arrays."""
    params = initialize(job.network, He(), Normal(std=0.1), job.seed, job.training.dtype)
    sessions = [open_session(name, job) if isinstance(name, str) else ArraySession(job, name) for name in names]
    for session in sessions:
        session.load(params, {}, 0)
    return sessions


@pytest.fixture(params=["torch", TORCH_ARRAYS], ids=["torch engine", "array engine on torch arrays"])
def peer(request):
    """What is compared with the reference."""
    return request.param


def agree(ours, theirs, rtol=1e-12, atol=1e-13):
    (params, slots, t), (peer_params, peer_slots, peer_t) = ours.export(), theirs.export()
    assert t == peer_t
    assert list(params) == list(peer_params)
    assert slots.keys() == peer_slots.keys()
    for name in params:
        assert params[name].dtype == peer_params[name].dtype
        np.testing.assert_allclose(peer_params[name], params[name], rtol=rtol, atol=atol, err_msg=name)
    for name, arrays in slots.items():
        for slot, peer in zip(arrays, peer_slots[name], strict=True):
            np.testing.assert_allclose(peer, slot, rtol=rtol, atol=atol, err_msg=name)


def step_by_step(job, peer, epochs=3, rtol=1e-12, atol=1e-13):
    """Ten steps and more, every one compared: losses, weights, slots, running statistics."""
    ours, theirs = opened(job, "array", peer)
    agree(ours, theirs, rtol=0, atol=0)
    size = 6
    step = 0
    for epoch in range(epochs):
        order = epoch_order(job.seed, epoch, N)
        for start in range(0, N, size):
            rows, lrs = order[start : start + size], np.array([job.training.optimizer.lr * 0.9**step])
            losses, peer_losses = (session.train_epoch(rows, lrs, step) for session in (ours, theirs))
            np.testing.assert_allclose(peer_losses, losses, rtol=max(rtol, 2e-7))  # losses are kept in float32
            agree(ours, theirs, rtol, atol)
            step += 1
    for own, peer in zip(ours.score("validation"), theirs.score("validation"), strict=True):
        np.testing.assert_allclose(peer, own, rtol=max(rtol, 1e-11))
    x = job.parts["train"][0]
    np.testing.assert_allclose(theirs.outputs(x), ours.outputs(x), rtol=max(rtol, 1e-11), atol=atol)


def test_both_tables_have_everything():
    assert set(OF_TORCH) == set(OPTIMIZERS)
    assert set(torch_network.OPERATIONS) == set(LAYERS)
    assert set(torch_network.LOSSES) == set(LOSSES)
    for name, (_, keys) in OF_TORCH.items():
        assert len(keys) == len(OPTIMIZERS[name].slots)


@pytest.mark.parametrize("extra", [{}, {"weight_decay": 0.01, "clip_norm": 0.05}])
@pytest.mark.parametrize("network", [MLP, CNN], ids=["dense", "images"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_step_of_every_optimizer(optimizer, network, extra, peer):
    job = job_of(network, optimizer={"name": optimizer, "lr": 0.05}, **extra)
    step_by_step(job, peer, atol=ATOL.get(optimizer, 1e-13))


@pytest.mark.parametrize("batch_reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("loss", "output"), [(name, output) for name, loss in LOSSES.items() for output in sorted(loss.outputs)]
)
def test_every_loss_with_every_output(loss, output, batch_reduction, peer):
    network = Network.parse((2, 4, 4), "conv 3 2x2 tanh", "max-pool 3", f"dense 3 {output}")
    job = job_of(network, loss=loss, batch_reduction=batch_reduction, optimizer={"name": "sgd", "lr": 0.01})
    step_by_step(job, peer)


@pytest.mark.parametrize("loss", ["squared-error", "absolute-error"])
def test_other_targets_and_the_other_form_of_decay(loss, peer):
    network = Network.parse((6,), "dense 5 tanh", "dense 3 tanh")
    job = job_of(network, loss=loss, targets="plus-minus-one", weight_decay=0.3, l2_form="per-example")
    step_by_step(job, peer)


@pytest.mark.parametrize(("network", "atol"), [(MLP, 1e-6), (CNN, 2e-5)], ids=["dense", "images"])
def test_float32_stays_and_agrees_to_its_precision(network, atol, peer):
    job = job_of(network, dtype="float32", optimizer={"name": "momentum", "lr": 0.05})
    step_by_step(job, peer, epochs=1, rtol=1e-5, atol=atol)


def test_a_batch_of_one_example_leaves_the_running_statistics():
    network = Network.parse((6,), "dense 4 tanh", "batch-norm", "dense 3 softmax")
    job = job_of(network, optimizer={"name": "momentum", "lr": 0.1}, batch_size=1, n=3)
    ours, theirs = opened(job, "array", "torch")
    for step in range(3):
        for session in (ours, theirs):
            session.train_epoch(np.array([step]), np.array([0.1]), step)
        agree(ours, theirs)
    assert theirs.export()[0]["batch-norm1.variance"].tolist() == [1.0] * 4


@pytest.mark.parametrize("engine", ["array", "torch"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_export_and_load_continue_the_same(engine, optimizer):
    job = job_of(CNN, optimizer={"name": optimizer, "lr": 0.05}, weight_decay=1e-3)
    whole, other = opened(job, engine, engine)
    lrs = np.full(4, 0.05)
    for epoch in range(3):
        whole.train_epoch(epoch_order(3, epoch, N), lrs, 4 * epoch)
        other.train_epoch(epoch_order(3, epoch, N), lrs, 4 * epoch)
        state = other.export()
        kept = {name: array.copy() for name, array in state[0].items()}
        other.train_epoch(epoch_order(9, epoch, N), lrs, 0)  # what was exported must not follow
        for name, array in kept.items():
            np.testing.assert_array_equal(state[0][name], array)
        (other,) = opened(job, engine)
        other.load(*state)
    agree(whole, other, rtol=0, atol=0)


@pytest.mark.parametrize("pair", [("array", "torch"), ("torch", "array")])
def test_a_checkpoint_belongs_to_no_engine(pair):
    job = job_of(CNN, optimizer={"name": "adam", "lr": 0.01})
    first, peer = opened(job, *pair)
    first.train_epoch(epoch_order(3, 0, N), np.full(4, 0.01), 0)
    peer.load(*first.export())
    agree(first, peer, rtol=0, atol=0)
    for session in (first, peer):
        session.train_epoch(epoch_order(3, 1, N), np.full(4, 0.01), 4)
    agree(first, peer)


def test_a_loss_that_is_not_finite_ends_the_epoch_before_its_update():
    job = job_of(Network.parse((6,), "batch-norm", "dense 3"), loss="squared-error", dtype="float32")
    for session in opened(job, "array", "torch"):
        with np.errstate(all="ignore"):  # as in the loop
            losses = session.train_epoch(np.arange(N), np.array([1e30, 1e30, 0.1, 0.1]), 0)
        assert len(losses) == 2
        assert np.isfinite(losses[0])
        assert not np.isfinite(losses[1])
        params, _, t = session.export()
        assert t == 1
        assert all(np.isfinite(array).all() for array in params.values())
        np.testing.assert_allclose(params["batch-norm1.mean"], 0.1 * job.parts["train"][0][:6].mean(axis=0), rtol=1e-5)


def test_whole_runs_agree_and_differ_in_their_ids(split):
    runs = [
        make_run(engine=engine, network={"dropout": 0.2}, dtype="float64", optimizer={"name": "adam", "lr": 0.01},
                 schedule="cosine", early_stopping={"patience": 2}) for engine in ("array", "torch")
    ]  # fmt: skip
    assert runs[0].id != runs[1].id
    ours, theirs = (execute(run, split) for run in runs)
    assert theirs.status == "done"
    for name in ours.curves:
        np.testing.assert_allclose(theirs.curves[name], ours.curves[name], rtol=1e-6)
    np.testing.assert_allclose(theirs.data["samples"]["after"], ours.data["samples"]["after"], rtol=1e-6)
    assert theirs.data["engine"] == {"name": "torch", "device": "cpu", "threads": 1, "torch": torch.__version__}


@pytest.mark.parametrize("computed", [{"engine": "torch"}, {"engine": "array", "arrays": "torch"}], ids=str)
def test_continuing_from_a_checkpoint_gives_the_same_bits(split, tmp_path, monkeypatch, computed):
    monkeypatch.setattr(in_progress, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(in_progress, "CHECKPOINT_SHARE", np.inf)
    run = make_run(**computed, optimizer={"name": "momentum", "lr": 0.05}, network={"dropout": 0.3})
    whole = execute(run, split)

    def kill(event):
        if event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, split, checkpoint=tmp_path / "c.safetensors", observers=[kill])
    same_bits(whole, execute(run, split, checkpoint=tmp_path / "c.safetensors"))


def test_divergence_is_a_result(split):
    run = make_run(engine="torch", loss="squared-error", network={"output": "identity"},
                   optimizer={"name": "sgd", "lr": 1e30})  # fmt: skip
    ours, theirs = execute(make_run(loss="squared-error", network={"output": "identity"}, engine="array",
                                    optimizer={"name": "sgd", "lr": 1e30}), split), execute(run, split)  # fmt: skip
    assert theirs.status == "diverged"
    assert {key: theirs.data["diverged"][key] for key in ("epoch", "step", "layer")} == {
        key: ours.data["diverged"][key] for key in ("epoch", "step", "layer")
    }


def test_without_pytorch_the_message_has_the_install_line(split, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as error:
        execute(make_run(engine="torch"), split)
    assert str(error.value) == (
        "training.engine = 'torch' needs PyTorch, which is not installed here; "
        "pip install 'handgrad[torch]', or set training.engine = \"array\""
    )


def test_without_a_gpu_the_message_says_so(split, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"finds none; set training.device = \"cpu\""):
        execute(make_run(engine="torch", device="cuda"), split)


def test_another_device_has_to_be_one_of_those_there_are():
    with pytest.raises(
        InputError, match=r"device is an unknown device 'gpu': here it is called 'cuda'\. Known: cpu, cuda"
    ):
        TrainingSection(device="gpu")
