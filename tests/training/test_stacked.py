"""Many runs in one program: each as it is alone, whoever is beside it, wherever it stands and whenever it came."""

import dataclasses
import time

import array_api_compat.torch
import numpy as np
import pytest
import torch

from handgrad.errors import InputError
from handgrad.network.initializers import He, Normal, initialize
from handgrad.network.losses import LOSSES
from handgrad.network.spec import Network
from handgrad.training import course
from handgrad.training.engines import Epoch, array
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.arrays import Home
from handgrad.training.engines.stacked import Stack
from handgrad.training.loop import execute, train_together
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.sharing import runs_in_a_program
from handgrad.training.task import Paused, Task
from tests.training.conftest import make_run, make_split
from tests.training.test_loop import same_bits
from tests.training.test_torch import CNN, MLP, TORCH_ARRAYS, N, job_of

R = 3
META = Home(array_api_compat.torch, "meta")


def stacked(job, home=TORCH_ARRAYS, size=R, seeds=range(R)):
    """A stack with a run of each seed -> (the stack, what each asks for)."""
    made, asks = Stack(job, size, home), {}
    for place, seed in enumerate(seeds):
        made.place(seed).load(initialize(job.network, He(), Normal(std=0.1), seed, job.training.dtype), {}, 0)
        steps = -(-N // int(job.training.batch_size))
        order = np.random.default_rng(seed).permutation(N)
        asks[place] = Epoch(order, np.full(steps, 0.01 * (seed + 1)), 10 * seed)
    return made, asks


def alone(job, seed):
    made = ArraySession(dataclasses.replace(job, seed=seed), TORCH_ARRAYS)
    made.load(initialize(job.network, He(), Normal(std=0.1), seed, job.training.dtype), {}, 0)
    return made


def agree(job):
    """Every run of a stack is what it is alone, up to the order of additions within an operation."""
    made, asks = stacked(job)
    losses = made.train_epoch(asks)
    for seed, epoch in asks.items():
        single, place = alone(job, seed), made.places[seed]
        np.testing.assert_allclose(
            losses[seed], single.train_epoch(epoch.order, epoch.lrs, epoch.first_step), rtol=1e-6
        )
        (params, slots, t), (peer_params, peer_slots, peer_t) = single.export(), place.export()
        assert t == peer_t
        assert params.keys() == peer_params.keys()
        for name, w in params.items():
            assert w.dtype == peer_params[name].dtype
            np.testing.assert_allclose(peer_params[name], w, rtol=1e-11, atol=1e-12, err_msg=name)
        for name, kept in slots.items():
            for one, peer in zip(kept, peer_slots[name], strict=True):
                np.testing.assert_allclose(peer, one, rtol=1e-11, atol=1e-12, err_msg=name)
        for one, peer in zip(single.score("validation"), place.score("validation"), strict=True):
            np.testing.assert_allclose(peer, one, rtol=1e-9)
        x = job.parts["train"][0][:5]
        np.testing.assert_allclose(place.outputs(x), single.outputs(x), rtol=1e-9)


# -- the same step


@pytest.mark.parametrize("extra", [{}, {"weight_decay": 0.01, "clip_norm": 0.05, "l2_form": "per-example"}])
@pytest.mark.parametrize("network", [MLP, CNN], ids=["dense", "images"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_stacked_step_is_the_step_of_every_optimizer_and_layer(optimizer, network, extra):
    agree(job_of(network, optimizer={"name": optimizer}, **extra))


@pytest.mark.parametrize("batch_reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("loss", "output"), [(name, output) for name, loss in LOSSES.items() for output in sorted(loss.outputs)]
)
def test_of_every_loss_and_activation(loss, output, batch_reduction):
    hidden = output if output not in ("softmax", "log-softmax") else "leaky-relu"
    network = Network.parse((2, 4, 4), f"conv 3 2x2 {hidden}", "max-pool 3", f"dense 3 {output}")
    agree(job_of(network, loss=loss, batch_reduction=batch_reduction))


@pytest.mark.parametrize("first", ["max-pool 2", "average-pool 2", "batch-norm", "flatten", "dropout 0.5"])
def test_of_layers_that_see_the_data_first(first):
    agree(job_of(Network.parse((2, 4, 4), first, "dense 3 softmax")))


def test_in_float32_it_differs_by_rounding_only():
    made, asks = stacked(job_of(MLP, dtype="float32", optimizer={"name": "momentum", "lr": 0.01}))
    made.train_epoch(asks)
    for seed, epoch in asks.items():
        single = alone(made.job, seed)
        single.train_epoch(epoch.order, epoch.lrs, epoch.first_step)
        for name, w in single.export()[0].items():
            peer = made.places[seed].export()[0][name]
            assert peer.dtype == np.float32
            np.testing.assert_allclose(peer, w, rtol=0, atol=16 * np.spacing(np.abs(w).max()))


@pytest.mark.parametrize("network", [MLP, CNN], ids=["dense", "images"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_step_looks_at_a_number_or_leaves_the_device(optimizer, network):
    """Arrays without numbers refuse both (see `test_arrays`)."""
    job = job_of(network, optimizer={"name": optimizer}, dtype="float32", clip_norm=0.5, weight_decay=0.1)
    made, asks = stacked(job, META)
    steps = made._steps(range(R), asks)
    for i in range(4):
        made.numbers, loss = made._made(made.numbers, steps, i)
        assert (loss.device.type, loss.shape) == ("meta", (R,))
    params, slots = made.numbers
    everything = [*params.values(), *(kept for of_one in slots.values() for kept in of_one)]
    assert {(one.device.type, one.dtype, one.shape[0]) for one in everything} == {("meta", torch.float32, R)}


def test_losses_are_fetched_once_in_many_steps(monkeypatch):
    made, asks = stacked(job_of(MLP, batch_size=2))
    made.train_epoch(asks)  # with the check of the places
    fetched = []
    monkeypatch.setattr(
        Home, "fetch", lambda self, a, plain=Home.fetch: fetched.append(tuple(a.shape)) or plain(self, a)
    )
    monkeypatch.setattr(array, "LOOK_EVERY", 3)
    made.train_epoch(asks)
    assert fetched == [(3, R), (3, R), (3, R), (1, R)]


def test_what_comes_out_of_a_step_lies_as_what_was_loaded():
    """Other strides could mean other kernels, and a run that was loaded again would have other bits."""
    twice = TORCH_ARRAYS.for_each(lambda a, more: ({"t": a.T}, (a[:, :2] + more,)))
    found = twice(torch.ones(3, 4, 5), torch.ones(3))
    assert found[0]["t"].shape == (3, 5, 4)
    assert found[0]["t"].is_contiguous()
    assert found[1][0].is_contiguous()


def test_arguments_may_be_shared_by_all_runs():
    added = TORCH_ARRAYS.for_each(lambda a, b, *, c: a + b + c, shared=(1,))
    assert added(torch.tensor([1.0, 2.0]), torch.tensor(10.0), c=torch.tensor([0.5, 0.25])).tolist() == [11.5, 12.25]


# -- the check of the places


class Crooked(Home):
    """A home where a step treats the last place otherwise."""

    def for_each(self, function, shared=()):
        straight = super().for_each(function, shared)

        def for_all(*arguments, **named):
            found = straight(*arguments, **named)
            if named:  # a step
                found[0]["dense2.b"][-1] *= 1 + 1e-12
            return found

        return for_all


def test_bits_that_depend_on_the_place_are_refused():
    made, asks = stacked(job_of(MLP), Crooked(array_api_compat.torch, "cpu"))
    with pytest.raises(InputError) as said:
        made.train_epoch(asks)
    assert str(said.value) == (
        "training.stack = 3: here (cpu) the bits of a run depend on its place in the stack (dense2.b differs between "
        "places 1 and 3), so its results would depend on which runs share a program; set training.stack = 1, or "
        "MKL_CBWR=COMPATIBLE in the environment where PyTorch computes with Intel's MKL"
    )


class CrookedScores(Home):
    def for_each(self, function, shared=()):
        straight = super().for_each(function, shared)
        if shared != (1, 2):
            return straight
        return lambda *arguments: (
            straight(*arguments)[0] + torch.tensor([[0.0], [1e-9], [0.0]]),
            straight(*arguments)[1],
        )


def test_so_are_scores_that_do():
    made, asks = stacked(job_of(MLP), CrookedScores(array_api_compat.torch, "cpu"))
    with pytest.raises(InputError, match=r"the stack \(loss in use differs between places 1 and 2\)"):
        made.train_epoch(asks)


# -- the same bits alone, in any place, with anyone

NETWORK = {"layers": ["dense 8 tanh", "batch-norm relu", "dropout 0.3", "dense 3 softmax"]}


def runs_of(count=4, stack=4, **training):
    """Runs of one kin: other seeds, rates, schedules and initial weights."""
    schedules = ["constant", "cosine", {"name": "plateau", "patience": 1}, {"name": "exponential"}]
    training = {"epochs": 5, "optimizer": {"name": "adam", "lr": 0.01}, "clip_norm": 0.5, "weight_decay": 1e-3,
                "early_stopping": {"patience": 1, "min_delta": 0.02}, **training}  # fmt: skip
    found = [
        make_run(seed=number, arrays="torch", stack=stack, batch_size=32, schedule=schedules[number % 4],
                 network={**NETWORK, "init": {"name": "normal", "std": 0.1 * (1 + number)}},
                 **{**training, "optimizer": {**training["optimizer"], "lr": 0.01 * 2**number}})
        for number in range(count)
    ]  # fmt: skip
    assert len({run.kin for run in found}) == 1
    return found


def together(runs, split, **tasks):
    """The ends of runs that share a program, by their ids."""
    made = [Task(run, **{name: value(run) for name, value in tasks.items()}) for run in runs]
    return {runs[number].id: end for number, end in train_together(made, split)}


@pytest.fixture(scope="module")
def by_themselves(split):
    """Each run in a stack of its copies."""
    runs = runs_of()
    return {run.id: execute(run, split) for run in runs}


def test_runs_stop_at_different_epochs(by_themselves):
    """What makes the tests below worth their time."""
    assert len({record.data["epochs"] for record in by_themselves.values()}) > 1


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 0), (1, 3), (3, 2, 1)])
def test_the_same_bits_alone_in_any_place_and_with_any_companions(split, by_themselves, order):
    runs = runs_of()
    for run_id, end in together([runs[number] for number in order], split).items():
        same_bits(by_themselves[run_id], end)
        assert by_themselves[run_id].metrics == end.metrics
        assert by_themselves[run_id].data["samples"] == end.data["samples"]
        assert end.data["engine"] == {
            "name": "array", "device": "cpu", "threads": 1, "arrays": "torch", "stack": 4, "torch": torch.__version__
        }  # fmt: skip


def test_a_network_of_images_too():
    split = make_split(n=90)
    split = dataclasses.replace(split, shape=(1, 2, 3), **{
        name: dataclasses.replace(part, x=part.x.reshape(-1, 1, 2, 3)) for name, part in split.parts.items()
    })  # fmt: skip
    network = {"layers": ["conv 3 2x2 pad 1", "batch-norm relu", "dropout 0.2", "max-pool 3x2", "dense 3 softmax"]}
    runs = [make_run(seed=seed, network=network, arrays="torch", stack=3, epochs=3) for seed in (1, 2)]
    ends = together(runs, split)
    for run in runs:
        same_bits(execute(run, split), ends[run.id])
    one_by_one = execute(make_run(seed=1, network=network, arrays="torch", epochs=3), split)
    np.testing.assert_allclose(ends[runs[0].id].curves["loss_per_step"], one_by_one.curves["loss_per_step"], rtol=1e-4)


def test_killed_and_continued_with_other_companions(split, by_themselves, tmp_path, monkeypatch):
    monkeypatch.setattr(course, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(course, "CHECKPOINT_SHARE", np.inf)

    class Killed(BaseException):
        pass

    def kill(event):
        if event.epoch == 2 and event.run_id == runs[1].id:
            raise Killed

    runs = runs_of()
    files = {"checkpoint": lambda run: tmp_path / run.id}
    with pytest.raises(Killed):
        together(runs[:2], split, **files, observers=lambda run: (kill,))
    assert len(list(tmp_path.iterdir())) == 2
    ends = together([runs[3], runs[1]], split, **files) | together([runs[2], runs[0]], split, **files)
    assert ends[runs[0].id].data["time"]["resumed"] == ends[runs[1].id].data["time"]["resumed"] == 1
    for run in runs:
        same_bits(by_themselves[run.id], ends[run.id])


def test_paused_runs_go_on_beside_others(split, tmp_path):
    runs = runs_of(early_stopping=None)
    whole = together(runs, split)
    files = {"checkpoint": lambda run: tmp_path / run.id}
    untils = {runs[0].id: 1, runs[1].id: 3, runs[2].id: None, runs[3].id: 2}
    ends = together(runs, split, until=lambda run: untils[run.id], **files)
    assert [ends[run.id].epoch for run in (runs[0], runs[1], runs[3])] == [1, 3, 2]
    assert all(isinstance(ends[run.id], Paused) for run in (runs[0], runs[1], runs[3]))
    assert ends[runs[1].id].history["val_loss"] == whole[runs[1].id].curves["val_loss"][:3].tolist()
    ends |= together([runs[3], runs[0], runs[1]], split, **files)
    for run in runs:
        same_bits(whole[run.id], ends[run.id])


def test_pruned_where_it_is(split):
    runs = runs_of(early_stopping=None)
    ends = together(runs, split, until=lambda run: 2 if run is runs[1] else None, prune=lambda run: run is runs[1])
    assert [ends[run.id].status for run in runs] == ["done", "pruned", "done", "done"]
    assert ends[runs[1].id].data["epochs"] == 2


def test_a_continued_run_starts_from_its_parent(split):
    parent = execute(make_run(seed=1, arrays="torch", epochs=2, network=NETWORK), split)
    runs = [make_run(seed=1, arrays="torch", stack=2, continues=parent.id, network=NETWORK,
                     optimizer={"name": "sgd", "lr": lr}) for lr in (0.1, 0.01)]  # fmt: skip
    ends = together(runs, split, parent=lambda run: parent)
    for run in runs:
        same_bits(execute(run, split, parent=parent), ends[run.id])
        assert ends[run.id].data["epochs"] == 6


# -- divergence and errors


def diverging(number):
    """Four runs of which one has a learning rate that is far too large."""

    def rate(one):
        return 1e30 if one == number else 0.01

    return [
        make_run(seed=one, arrays="torch", stack=4, batch_size=16, loss="squared-error", epochs=3,
                 network={"output": "identity"}, optimizer={"name": "momentum", "lr": rate(one)})
        for one in range(4)
    ]  # fmt: skip


@pytest.mark.parametrize("look_every", [1, 2, 256])
def test_one_diverges_and_the_others_go_on(split, monkeypatch, look_every):
    runs = diverging(2)
    expected = {run.id: execute(run, split) for run in runs}
    monkeypatch.setattr(array, "LOOK_EVERY", look_every)
    ends = together(runs, split)
    assert [ends[run.id].status for run in runs] == ["done", "done", "diverged", "done"]
    for run in runs:
        same_bits(expected[run.id], ends[run.id])
        assert expected[run.id].data["diverged"] == ends[run.id].data["diverged"]
    by_itself = execute(dataclasses.replace(runs[2], setting=runs[2].setting.changed(
        training=runs[2].setting.training.changed(stack=1))), split)  # fmt: skip
    assert by_itself.data["diverged"] == ends[runs[2].id].data["diverged"]
    assert len(by_itself.curves["loss_per_step"]) == len(ends[runs[2].id].curves["loss_per_step"])


def test_all_diverge(split):
    runs = [make_run(seed=one, arrays="torch", stack=2, loss="squared-error", network={"output": "identity"},
                     optimizer={"name": "sgd", "lr": 1e30}) for one in range(2)]  # fmt: skip
    assert {end.status for end in together(runs, split).values()} == {"diverged"}


def test_what_goes_wrong_with_one_run_is_its_end(split, by_themselves):
    def fail(event):
        if event.run_id == runs[0].id and event.epoch == 2:
            raise ValueError("no room")

    runs = runs_of()
    ends = together(runs[:2], split, observers=lambda run: (fail,))
    assert repr(ends[runs[0].id]) == "ValueError('no room')"
    same_bits(by_themselves[runs[1].id], ends[runs[1].id])
    ends = together(runs[:2], split, until=lambda run: 1 if run is runs[0] else None)
    assert str(ends[runs[0].id]) == (f"run {runs[0].id} is to pause at epoch 1; give the checkpoint that it waits in")
    same_bits(by_themselves[runs[1].id], ends[runs[1].id])


def test_what_goes_wrong_with_the_program_is_the_end_of_all(split, monkeypatch):
    def fail(self, asks):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(Stack, "train_epoch", fail)
    runs = runs_of(2)
    assert {str(end) for end in together(runs, split).values()} == {"CUDA out of memory"}
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        execute(runs[0], split)


def test_seconds_are_shares(split, monkeypatch):
    """Of runs that share a program: together they took no longer than the whole, and scores are shared as well."""
    score_all = Stack.score_all

    def slow(self, parts):
        time.sleep(0.04)
        score_all(self, parts)

    monkeypatch.setattr(Stack, "score_all", slow)
    start = time.perf_counter()
    ends = together(runs_of(early_stopping=None), split).values()
    whole = time.perf_counter() - start
    assert 0 < sum(end.data["time"]["total"] for end in ends) <= 1.05 * whole
    times = [end.data["time"] for end in ends]
    assert all(time["training"] + time["evaluation"] <= time["total"] for time in times)
    assert all(5 * 0.01 <= time["evaluation"] < 5 * 0.03 for time in times)  # five epochs, a quarter of 0.04 s each


# -- ids, kin, and how many


def test_a_stack_is_part_of_the_id_and_a_run_by_itself_has_the_id_it_always_had():
    known = {
        "6746dd6063": {},
        "e9db0376f7": {"arrays": "torch"},
        "d1cffe6333": {"engine": "array"},
        "37789f1e99": {"engine": "torch", "optimizer": "adam"},
        "ec16a6caa1": {"device": "cuda"},
        "9c1e88cb42": {"continues": "0123456789", "dtype": "float64"},
    }
    for run_id, given in known.items():
        assert make_run(**given).id == run_id
        assert make_run(**given, stack=1).id == run_id
        assert make_run(**given, stack="auto").id == run_id
    assert len({make_run(arrays="torch", stack=stack).id for stack in (1, 2, 16)}) == 3


def test_kin():
    run = make_run(arrays="torch", stack=2)
    for other in (
        {"seed": 9}, {"optimizer": {"name": "sgd", "lr": 3.0}}, {"schedule": "cosine"}, {"epochs": 9},
        {"network": {"init": "xavier", "bias_init": "pytorch"}}, {"early_stopping": {"patience": 3}},
        {"continues": "0123456789"},
    ):  # fmt: skip
        assert make_run(**{"arrays": "torch", "stack": 2, **other}).kin == run.kin, other
    for other in (
        {"optimizer": "adam"}, {"batch_size": 8}, {"network": {"hidden": [9]}}, {"loss": "squared-error"}, {"stack": 3},
        {"weight_decay": 0.1}, {"clip_norm": 1.0}, {"dtype": "float64"}, {"train_score": "all"}, {"device": "cuda"},
        {"data": {"scale": "symmetric"}}, {"network": {"targets": "plus-minus-one", "output": "tanh"}},
    ):  # fmt: skip
        assert make_run(**{"arrays": "torch", "stack": 2, **other}).kin != run.kin, other


LENET = Network.parse(
    (1, 28, 28), "conv 6 5x5 relu", "max-pool 2", "conv 16 5x5 relu", "max-pool 2", "dense 120 relu", "dense 84 relu",
    "dense 10 softmax",
)  # fmt: skip


@pytest.mark.parametrize(
    ("network", "training", "expected"),
    [
        (Network.parse((784,), "dense 30 relu", "dense 10"), {"batch_size": 10}, 16),
        (Network.parse((784,), "dense 300 relu", "dense 10"), {"batch_size": 100}, 16),
        (Network.parse((784,), "dense 300 relu", "dense 10"), {"batch_size": "full"}, 1),
        (Network.parse((784,), "dense 300 relu", "dense 10"), {"batch_size": 1000}, 1),  # 238 million products
        (LENET, {"batch_size": 64}, 16),
        (LENET, {"batch_size": 1024}, 1),
        (Network.parse((784,), "dense 6000 relu", "dense 10"), {"batch_size": 1}, 16),
        (Network.parse((784,), "dense 40000 relu", "dense 10"), {"batch_size": 1}, 1),  # 31.8 million weights
        (LENET, {"batch_size": 64, "engine": "torch"}, 1),
        (LENET, {"batch_size": 64, "arrays": "cupy"}, 1),
        (LENET, {"batch_size": 64, "device": "cpu", "arrays": "torch"}, 1),
        (LENET, {"batch_size": 1024, "stack": 3}, 3),
    ],
)
def test_how_many_runs_share_a_program(network, training, expected):
    section = make_run(**{"device": "cuda", **training}).setting.training
    assert runs_in_a_program(section, network, 60_000) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stack": 0}, 'stack must be a whole number >= 1 or "auto"; got 0'),
        ({"stack": 2.0}, 'stack must be a whole number >= 1 or "auto"; got 2.0'),
        ({"stack": "all"}, "stack must be a whole number >= 1 or \"auto\"; got 'all'"),
    ]
    + [
        (
            {"stack": 4, **given},
            "has stack = 4, but only the array engine on PyTorch's arrays trains many runs in one program; "
            'set engine = "array" and arrays = "torch", or stack = 1',
        )
        for given in (
            {}, {"engine": "array"}, {"engine": "compiled"}, {"engine": "torch"}, {"arrays": "numpy"},
            {"arrays": "cupy", "device": "cuda"},
        )
    ],
)  # fmt: skip
def test_what_cannot_be_stacked(given, message):
    with pytest.raises(InputError) as said:
        make_run(**given)
    assert message in str(said.value)
