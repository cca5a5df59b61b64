"""Many runs in one program of the jax engine: each as it is alone, whoever is beside it, wherever and whenever."""

import dataclasses
import time

import jax
import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.network.network import Network
from handgrad.training import in_progress
from handgrad.training.engines.jax import JaxGroup
from handgrad.training.loop import execute, train_together
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.schedules import SCHEDULES
from handgrad.training.sharing import runs_in_a_program
from handgrad.training.task import Paused, Task
from tests.training.conftest import make_run, make_split
from tests.training.test_loop import same_bits

# -- the same bits alone, at any index, with anyone

NETWORK = {"layers": ["dense 8 tanh", "batch-norm relu", "dropout 0.3", "dense 3 softmax"]}


def runs_of(count=4, stack=4, **training):
    """Runs of one group key: other seeds and initial weights, and in every number that enters a step."""
    schedules = ["constant", "cosine", {"name": "plateau", "patience": 1}, {"name": "exponential"}]
    training = {"epochs": 5, "early_stopping": {"patience": 1, "min_delta": 0.02}, **training}
    found = [
        make_run(seed=number, engine="jax", stack=stack, batch_size=32, schedule=schedules[number % 4],
                 network={"layers": ["dense 8 tanh", "batch-norm relu", f"dropout {0.1 * number}", "dense 3 softmax"],
                          "init": {"name": "normal", "std": 0.1 * (1 + number)}},
                 optimizer={"name": "adam", "lr": 0.01 * 2**number, "beta1": 0.9 - 0.1 * number},
                 clip_norm=0.5 + number, weight_decay=1e-3 * (1 + number), **training)
        for number in range(count)
    ]  # fmt: skip
    assert len({run.group_key for run in found}) == 1
    return found


def together(runs, split, **tasks):
    """The ends of runs that share a program, by their ids."""
    made = [Task(run, **{name: value(run) for name, value in tasks.items()}) for run in runs]
    return {runs[number].id: end for number, end in train_together(made, split)}


@pytest.fixture(scope="module")
def by_themselves(split):
    """Each run with three empty slots."""
    runs = runs_of(6)
    return {run.id: execute(run, split) for run in runs}


def test_runs_stop_at_different_epochs(by_themselves):
    """What makes the tests below worth their time."""
    assert len({record.data["epochs"] for record in by_themselves.values()}) > 1


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 0), (3, 2, 1), (4, 5, 1, 0, 3, 2)])
def test_the_same_bits_alone_in_any_place_and_with_any_companions(split, by_themselves, order):
    """Of six runs two take over from those that end first."""
    runs = runs_of(6)
    for run_id, end in together([runs[number] for number in order], split).items():
        same_bits(by_themselves[run_id], end)
        assert by_themselves[run_id].metrics == end.metrics
        assert by_themselves[run_id].data["samples"] == end.data["samples"]
        assert by_themselves[run_id].data["engine"] == end.data["engine"]
    assert end.data["engine"] == {"name": "jax", "device": "cpu", "threads": 1, "stack": 4, "jax": jax.__version__}


def test_each_run_of_a_group_is_the_reference_s(split):
    """All schedules, and numbers of its own for every run."""
    runs = [make_run(seed=i, engine="jax", stack=5, dtype="float64", network={"dropout": 0.1 * (i + 1)}, epochs=6,
                     optimizer={"name": "momentum", "lr": 0.02 * (i + 1), "momentum": 0.1 * i},
                     schedule={"name": name, **({"at": [1, 3]} if name == "steps" else {})})
            for i, name in enumerate(SCHEDULES)]  # fmt: skip
    ends = together(runs, split)
    for run in runs:
        training = run.setting.training.changed(engine="array", stack=1)
        expected = execute(dataclasses.replace(run, setting=run.setting.changed(training=training)), split)
        for name, values in expected.curves.items():
            np.testing.assert_allclose(ends[run.id].curves[name], values, rtol=1e-6, err_msg=name)


def test_a_network_of_images_too():
    split = make_split(n=90)
    split = dataclasses.replace(split, shape=(1, 2, 3), **{
        name: dataclasses.replace(part, x=part.x.reshape(-1, 1, 2, 3)) for name, part in split.parts.items()
    })  # fmt: skip
    network = {"layers": ["conv 3 2x2 pad 1", "batch-norm relu", "dropout 0.2", "max-pool 3x2", "dense 3 softmax"]}
    runs = [make_run(seed=seed, network=network, engine="jax", stack=3, epochs=3) for seed in (1, 2)]
    ends = together(runs, split)
    for run in runs:
        same_bits(execute(run, split), ends[run.id])
    one_by_one = execute(make_run(seed=1, network=network, engine="jax", epochs=3), split)
    np.testing.assert_allclose(ends[runs[0].id].curves["loss_per_step"], one_by_one.curves["loss_per_step"], rtol=1e-4)


def test_killed_and_continued_with_other_companions(split, by_themselves, tmp_path, monkeypatch):
    monkeypatch.setattr(in_progress, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(in_progress, "CHECKPOINT_SHARE", np.inf)

    class Killed(BaseException):
        pass

    def kill(event):
        if event.epoch == 2 and event.run_id == runs[1].id:
            raise Killed

    runs = runs_of(6)[:4]
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
    parent = execute(make_run(seed=1, engine="jax", epochs=2, network=NETWORK), split)
    runs = [make_run(seed=1, engine="jax", stack=2, continues=parent.id, network=NETWORK,
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
        make_run(seed=one, engine="jax", stack=4, batch_size=16, loss="squared-error", epochs=3,
                 network={"output": "identity"}, optimizer={"name": "momentum", "lr": rate(one)})
        for one in range(4)
    ]  # fmt: skip


def test_one_diverges_and_the_others_go_on(split):
    runs = diverging(2)
    expected = {run.id: execute(run, split) for run in runs}
    ends = together(runs, split)
    assert [ends[run.id].status for run in runs] == ["done", "done", "diverged", "done"]
    for run in runs:
        same_bits(expected[run.id], ends[run.id])
        assert expected[run.id].data["diverged"] == ends[run.id].data["diverged"]
    by_itself = execute(dataclasses.replace(runs[2], setting=runs[2].setting.changed(
        training=runs[2].setting.training.changed(stack=1))), split)  # fmt: skip
    for key in ("epoch", "step", "layer"):  # the reason differs where one meets ∞ − ∞ earlier than the other
        assert by_itself.data["diverged"][key] == ends[runs[2].id].data["diverged"][key]
    assert len(by_itself.curves["loss_per_step"]) == len(ends[runs[2].id].curves["loss_per_step"])


def test_all_diverge(split):
    runs = [make_run(seed=one, engine="jax", stack=2, loss="squared-error", network={"output": "identity"},
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
        raise RuntimeError("out of memory")

    monkeypatch.setattr(JaxGroup, "train_epoch", fail)
    runs = runs_of(2)
    assert {str(end) for end in together(runs, split).values()} == {"out of memory"}
    with pytest.raises(RuntimeError, match="out of memory"):
        execute(runs[0], split)


def test_seconds_are_shares(split, monkeypatch):
    """Of runs that share a program: together they took no longer than the whole, and scores are shared as well."""
    score = JaxGroup.score

    def slow(self, parts):
        time.sleep(0.04)
        score(self, parts)

    monkeypatch.setattr(JaxGroup, "score", slow)
    start = time.perf_counter()
    ends = together(runs_of(early_stopping=None), split).values()
    whole = time.perf_counter() - start
    assert 0 < sum(end.data["time"]["total"] for end in ends) <= 1.05 * whole
    times = [end.data["time"] for end in ends]
    assert all(time["training"] + time["evaluation"] <= time["total"] for time in times)
    assert all(5 * 0.01 <= time["evaluation"] < 5 * 0.03 for time in times)  # five epochs, a quarter of 0.04 s each


# -- ids, group keys, and how many


def test_a_stack_is_part_of_the_id_and_a_run_by_itself_has_the_id_it_always_had():
    known = {
        "f5af152556": {},
        "e9db0376f7": {"arrays": "torch"},
        "d1cffe6333": {"engine": "array"},
        "37789f1e99": {"engine": "torch", "optimizer": "adam"},
        "ec16a6caa1": {"device": "cuda", "engine": "array"},
        "502f166c6b": {"continues": "0123456789", "dtype": "float64"},
    }
    for run_id, given in known.items():
        assert make_run(**given).id == run_id
        assert make_run(**given, stack=1).id == run_id
        assert make_run(**given, stack="auto").id == run_id
    assert make_run(engine="jax").id == make_run(engine="jax", stack=1).id == make_run(engine="jax", stack="auto").id
    assert len({make_run(engine="jax", stack=stack).id for stack in (1, 2, 16)}) == 3


def test_kin():
    """What enters a step as a number keeps runs together; what changes its operations does not."""
    run = make_run(engine="jax", stack=2)
    for other in (
        {"seed": 9}, {"optimizer": {"name": "sgd", "lr": 3.0}}, {"schedule": "cosine"}, {"epochs": 9},
        {"network": {"init": "xavier", "bias_init": "pytorch"}}, {"early_stopping": {"patience": 3}},
        {"continues": "0123456789"},
    ):  # fmt: skip
        assert make_run(**{"engine": "jax", "stack": 2, **other}).group_key == run.group_key, other
    for other in (
        {"optimizer": "adam"}, {"batch_size": 8}, {"network": {"hidden": [9]}}, {"loss": "squared-error"}, {"stack": 3},
        {"weight_decay": 0.1}, {"clip_norm": 1.0}, {"dtype": "float64"}, {"train_score": "all"}, {"device": "cuda"},
        {"data": {"scale": "symmetric"}}, {"network": {"targets": "plus-minus-one", "output": "tanh"}},
        {"network": {"dropout": 0.1}}, {"l2_form": "per-example"}, {"network": {"layers": ["dense 3 softmax"]}},
    ):  # fmt: skip
        assert make_run(**{"engine": "jax", "stack": 2, **other}).group_key != run.group_key, other
    for one, other in (
        ({"weight_decay": 0.1}, {"weight_decay": 0.2}), ({"clip_norm": 1.0}, {"clip_norm": 2.0}),
        ({"network": {"dropout": 0.1}}, {"network": {"dropout": 0.5}}),
        ({"network": {"layers": ["dropout 0.1", "dense 3 softmax"]}},
         {"network": {"layers": ["dropout 0.2", "dense 3 softmax"]}}),
        ({"optimizer": {"name": "adam", "beta1": 0.5}}, {"optimizer": {"name": "adam", "eps": 1e-3, "beta2": 0.5}}),
    ):  # fmt: skip
        assert make_run(engine="jax", stack=2, **one).group_key == make_run(engine="jax", stack=2, **other).group_key


def test_everything_else_of_an_optimizer_is_a_number():
    """What `group_key` and the programs rest on."""
    for optimizer in OPTIMIZERS.values():
        values = optimizer().model_dump()
        assert values.pop("name")
        assert all(isinstance(value, float) for value in values.values())


LENET = Network.parse(
    (1, 28, 28), "conv 6 5x5 relu", "max-pool 2", "conv 16 5x5 relu", "max-pool 2", "dense 120 relu", "dense 84 relu",
    "dense 10 softmax",
)  # fmt: skip


@pytest.mark.parametrize(
    ("network", "training", "expected"),
    [
        (Network.parse((784,), "dense 30 relu", "dense 10"), {"batch_size": 10}, 256),
        (Network.parse((784,), "dense 300 relu", "dense 10"), {"batch_size": 10}, 256),
        (Network.parse((784,), "dense 300 relu", "dense 10"), {"batch_size": 100}, 32),
        (Network.parse((784,), "dense 300 relu", "dense 10"), {"batch_size": "full"}, 1),
        (Network.parse((784,), "dense 1000 relu", "dense 10"), {"batch_size": 100}, 8),
        (LENET, {"batch_size": 64}, 32),
        (LENET, {"batch_size": 1024}, 2),
        (Network.parse((784,), "dense 40000 relu", "dense 10"), {"batch_size": 1}, 4),  # 31.8 million weights
        (LENET, {"batch_size": 64, "engine": "torch"}, 1),
        (LENET, {"batch_size": 64, "engine": "array"}, 1),
        (LENET, {"batch_size": 64, "device": "cpu"}, 1),
        (LENET, {"batch_size": 1024, "stack": 3}, 3),
    ],
)
def test_how_many_runs_share_a_program(network, training, expected):
    section = make_run(**{"engine": "jax", "device": "cuda", **training}).setting.training
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
            "has stack = 4, but only the jax engine trains many runs in one program; "
            'set engine = "jax", or stack = 1',
        )
        for given in (
            {}, {"engine": "array"}, {"engine": "compiled"}, {"engine": "torch"}, {"arrays": "numpy"},
            {"arrays": "cupy", "device": "cuda"}, {"arrays": "torch", "device": "cuda"},
        )
    ],
)  # fmt: skip
def test_what_cannot_be_stacked(given, message):
    with pytest.raises(InputError) as said:
        make_run(**given)
    assert message in str(said.value)
