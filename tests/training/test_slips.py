"""Slips: each by numbers worked by hand, by its fingerprint on drawn networks, by a gradient check; and who runs it."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from handgrad.data import scaling
from handgrad.data.batches import epoch_order
from handgrad.errors import InputError
from handgrad.network import passes
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.dense import Dense
from handgrad.network.gradcheck import AtKink, check
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.network.targets import encode
from handgrad.training import twins
from handgrad.training.loop import advance, execute
from handgrad.training.optimizers import SGD, Momentum
from handgrad.training.run import Run, Setting
from handgrad.training.schedules import Exponential
from handgrad.training.slips import SLIPS, functions_at
from handgrad.training.step_functions import AROUND, REFERENCE, StepFunctions
from handgrad.training.training_section import TrainingSection
from tests.training.conftest import make_run

GRADIENT = [name for name, slip in SLIPS.items() if slip.gradient]
M = 5
NETWORK = Network.parse((4,), "dense 5 tanh", "dense 4 relu", "dense 3 softmax")
ALL = set(NETWORK.parameter_shapes)
LR = 0.5


def functions(*slips, lr=LR, **training):
    return functions_at(TrainingSection(slips=list(slips), **training), lr=lr)


def drawn(network=NETWORK, draw=0):
    rng = np.random.default_rng(draw)
    params = {name: rng.normal(0, 0.7, shape) for name, shape in network.parameter_shapes.items()}
    return params, rng.normal(size=(M, *network.input_shape)), encode(np.arange(M) % 3, 3, "one-hot", np.float64)


def gradients(found, network=NETWORK, draw=0, loss="mean-squared-error", reduction="mean"):
    params, x, T = drawn(network, draw)
    return passes.loss_and_gradients(network, params, x, T, loss, reduction, functions=found)[1]


# -- nothing unless it is asked for


def test_without_slips_the_functions_are_those_of_the_reference():
    assert functions() is REFERENCE
    assert TrainingSection().slips == ()


def test_l2_without_the_learning_rate_is_a_larger_penalty(split):
    """W − lr·(dW + (λ/lr)·W): what the faster engines can run."""
    plain = {"optimizer": {"name": "sgd", "lr": 0.05}, "schedule": "constant"}
    wrong = trained(run_with("l2-without-learning-rate", **plain, weight_decay=0.001), split)
    right = trained(run_with(None, **plain, weight_decay=0.02), split)
    for n, w in right.params.items():
        np.testing.assert_allclose(wrong.params[n], w, rtol=1e-9, atol=1e-12)


def test_the_reference_is_composed_of_the_reference():
    plain = gradients(passes.AS_DERIVED)
    assert {name: g.tobytes() for name, g in gradients(REFERENCE).items()} == {n: g.tobytes() for n, g in plain.items()}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_replaces_one_function(name):
    found = functions(name)
    changed = [field.name for field in dataclasses.fields(StepFunctions)
               if getattr(found, field.name) is not getattr(REFERENCE, field.name)]  # fmt: skip
    assert changed == [SLIPS[name].changes]


def test_every_field_of_the_step_has_a_slip():
    assert {slip.changes for slip in SLIPS.values()} == {field.name for field in dataclasses.fields(StepFunctions)}


# -- numbers worked by hand


def layer_backward(found, dz, x, W):
    params = {"W": np.array(W), "b": np.zeros(len(W[0]))}
    return found.layer_backward(Dense(len(W[0])), np.array(dz), np.array(x), params, None, True)


DZ, X, W = [[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("slip", "db"),
    [
        (None, [4.0, 6.0]),  # 1 + 3, 2 + 4
        ("bias-gradient-summed-over-units", [10.0, 10.0]),  # 1 + 2 + 3 + 4
        ("bias-gradient-not-averaged", [8.0, 12.0]),  # times m = 2
    ],
)
def test_bias_gradients(slip, db):
    dx, grads = layer_backward(functions(*[slip] if slip else []), DZ, X, W)
    assert grads["b"].tolist() == db
    assert grads["W"].tolist() == DZ
    assert dx.tolist() == DZ


def test_weights_updated_before_backpropagation():
    dx, grads = layer_backward(
        functions("weights-updated-before-backpropagation"), [[2.0]], [[1.0, 0.0]], [[3.0], [1.0]]
    )
    assert grads["W"].tolist() == [[2.0], [0.0]]
    assert dx.tolist() == [[4.0, 2.0]]  # W − 0.5·dW = (2, 1);  right: 2·(3, 1)
    found = functions("weights-updated-before-backpropagation", weight_decay=0.5)
    assert layer_backward(found, [[2.0]], [[1.0, 0.0]], [[4.0], [1.0]])[0].tolist() == [[4.0, 1.5]]  # 4 − ½(2 + 2)


@pytest.mark.parametrize(
    ("slip", "activation", "z", "wrong", "right"),
    [
        ("activation-derivative-missing", "tanh", [0.0, 5.0], [1.0, 1.0], [1.0, 0.000182]),
        ("activation-derivative-at-a", "sigmoid", [0.0, 9.0], [0.235004, 0.196623], [0.25, 0.000123]),  # σ(a)(1 − σ(a))
        ("activation-derivative-at-z", "sigmoid", [3.0, 0.5], [-6.0, 0.25], [0.045177, 0.235004]),  # z·(1 − z)
        ("activation-derivative-at-z", "tanh", [3.0, 0.5], [-8.0, 0.75], [0.009866, 0.786448]),  # 1 − z²
        ("activation-derivative-twice", "sigmoid", [0.0, 0.0], [0.0625, 0.0625], [0.25, 0.25]),  # ¼²
        ("relu-derivative-one", "relu", [-2.0, 3.0], [1.0, 1.0], [0.0, 1.0]),
    ],
)  # fmt: skip
def test_derivatives_of_activations(slip, activation, z, wrong, right):
    record, z, da = ACTIVATIONS[activation], np.array(z), np.ones(2)
    for found, expected in ((functions(slip), wrong), (REFERENCE, right)):
        dz = found.activation_backward(record, da, record.forward(z), lambda: z)
        assert dz.round(6).tolist() == expected


def test_the_softmax_gradient_by_the_diagonal():
    a, da = np.array([[0.5, 0.25, 0.25]]), np.array([[1.0, 0.0, 0.0]])
    found = [
        f.activation_backward(ACTIVATIONS["softmax"], da, a, None)
        for f in (functions("softmax-gradient-diagonal"), REFERENCE)
    ]
    assert found[0].tolist() == [[0.25, 0.0, 0.0]]  # 1·½·(1 − ½)
    assert found[1].tolist() == [[0.25, -0.125, -0.125]]  # a_i·(da_i − ½)


@pytest.mark.parametrize(("slip", "do"), [(None, 2.0), ("gradient-summed", 6.0), ("gradient-averaged-twice", 6 / 9)])
def test_averages(slip, do):
    assert functions(*[slip] if slip else []).reduced(np.array(6.0), 3, "mean") == do


@pytest.mark.parametrize(("slip", "da"), [(None, 2.0), ("gradient-doubled", 4.0), ("gradient-halved", 1.0)])
def test_factors(slip, da):
    found = functions(*[slip] if slip else [])
    assert found.loss_backward(LOSSES["half-squared-error"], np.array([3.0]), np.array([1.0])) == da


STEP = [  # W = b = 1, dW = db = 0.5, lr = 0.1, λ = 0.2
    ([], 0.93, 0.95),  # 1 − 0.1·(0.5 + 0.2);  1 − 0.1·0.5
    (["l2-without-learning-rate"], 0.75, 0.95),  # 1 − 0.05 − 0.2
    (["l2-on-biases"], 0.93, 0.93),
    (["l2-on-biases", "l2-without-learning-rate"], 0.75, 0.75),
    (["biases-not-updated"], 0.93, 1.0),
]


@pytest.mark.parametrize(("slips", "W", "b"), STEP)
def test_updates(slips, W, b):
    params = {"dense1.W": np.array(1.0), "dense1.b": np.array(1.0), "batch-norm1.mean": np.array(3.0)}
    grads, slots = dict.fromkeys(list(params)[:2], np.array(0.5)), dict.fromkeys(list(params)[:2], ())
    after, new_slots = functions(*slips).step(
        SGD(), params, grads, slots, lr=0.1, t=1, weight_decay=0.2, clip_norm=None
    )
    assert {name: round(float(w), 9) for name, w in after.items()} == {
        "dense1.W": W, "dense1.b": b, "batch-norm1.mean": 3.0}  # fmt: skip
    assert new_slots == slots


@pytest.mark.parametrize(
    ("slip", "w", "v"),
    [
        (None, 0.77, 2.3),  # v = 0.9·2 + 0.5;  w = 1 − 0.1·v
        ("momentum-sign", 1.13, -1.3),  # v = 0.5 − 0.9·2
        ("momentum-after-update", 0.8, 2.3),  # w = 1 − 0.1·2
    ],
)
def test_momentum(slip, w, v):
    arrays = {"w": np.array(1.0)}, {"w": np.array(0.5)}, {"w": (np.array(2.0),)}
    found = functions(*[slip] if slip else [])
    after, slots = found.step(Momentum(), *arrays, lr=0.1, t=2, weight_decay=0.0, clip_norm=None)
    assert (round(float(after["w"]), 9), round(float(slots["w"][0]), 9)) == (w, v)


DROPPED = Network.parse((4,), "dense 6 tanh", "dropout 0.5", "dense 3 softmax")


def test_masks():
    like = np.ones(1)
    right = REFERENCE.masks(DROPPED, 7, 3, M, like=like)[1]
    assert set(right.ravel()) == {0.0, 2.0}
    unscaled = functions("dropout-not-rescaled").masks(DROPPED, 7, 3, M, like=like)[1]
    assert unscaled.tolist() == (right / 2).tolist()
    shared = functions("dropout-same-mask-for-all").masks(DROPPED, 7, 3, M, like=like)[1]
    assert shared.tolist() == right[:1].tolist()
    both = functions("dropout-same-mask-for-all", "dropout-not-rescaled").masks(DROPPED, 7, 3, M, like=like)[1]
    assert both.tolist() == (right[:1] / 2).tolist()


def test_scores_with_dropout():
    params, x, T = drawn(DROPPED)
    found = functions_at(TrainingSection(slips=["dropout-while-scoring"]), key=7, number=3)
    losses, predicted = found.score(DROPPED, params, x, T, "cross-entropy")
    masks = passes.masks(DROPPED, 7, 3, M, like=x)
    output = passes.forward(DROPPED, params, x, masks=masks).output
    np.testing.assert_allclose(losses, -np.log(output[T == 1]))
    assert predicted.tolist() == output.argmax(axis=1).tolist()
    right, _ = REFERENCE.score(DROPPED, params, x, T, "cross-entropy")
    assert (losses != right).any()


def test_the_schedule_at_every_step():
    e = 1 + np.arange(4) / 4  # the second epoch of 4 steps
    schedule = Exponential(factor=0.5)
    assert REFERENCE.multipliers(schedule, e, 3, []).tolist() == [0.5] * 4
    assert functions("lr-decay-per-step").multipliers(schedule, e, 3, []).tolist() == [2**-4, 2**-5, 2**-6, 2**-7]
    e = 6 + np.arange(7) / 7  # where e·7 is not whole in floating point
    assert (functions("lr-decay-per-step").multipliers(schedule, e, 9, []) == 0.5 ** np.arange(42, 49)).all()


def test_orders():
    right = epoch_order(1, 3, 10).tolist()
    assert functions("no-shuffling").order(1, 3, 10).tolist() == list(range(10))
    assert functions("same-order-every-epoch").order(1, 3, 10).tolist() == epoch_order(1, 0, 10).tolist() != right
    for m, n in ((4, 8), (5, 10), (16, 10), ("full", 10)):
        assert functions("last-batch-dropped", batch_size=m).order(1, 3, 10).tolist() == right[:n]
    both = functions("no-shuffling", "last-batch-dropped", batch_size=4).order(1, 3, 10)
    assert both.tolist() == list(range(8))


def test_the_loss_of_the_batches_is_reported_for_validation():
    found = functions("training-loss-as-validation-loss").reported
    assert found({"val_loss": 3.0, "val_accuracy": 0.5}, lambda: 2.0) == {"val_loss": 2.0, "val_accuracy": 0.5}
    assert found({"train_loss": 3.0}, lambda: 2.0) == {"train_loss": 3.0}
    assert REFERENCE.reported({"val_loss": 3.0}, lambda: 2.0) == {"val_loss": 3.0}


def test_the_reported_loss_is_that_of_the_epoch_whose_weights_are_kept(split):
    """Curves, early stopping and the final metric agree; continued runs count from their own steps."""
    name = "training-loss-as-validation-loss"
    record = trained(run_with(name, epochs=4), split)
    of_epochs = record.curves["loss_per_step"].reshape(4, 15).mean(axis=1, dtype=np.float64)
    assert record.curves["val_loss"].tolist() == of_epochs.tolist()
    assert record.metrics["val_loss"] == of_epochs[-1]
    right = trained(run_with(None, epochs=4), split)
    assert record.curves["val_accuracy"].tolist() == right.curves["val_accuracy"].tolist()
    assert record.metrics["test_loss"] == right.metrics["test_loss"]
    stopped = trained(run_with(name, epochs=9, early_stopping={"patience": 1, "min_delta": 0.1}), split)
    assert stopped.best_epoch < stopped.epochs
    assert stopped.metrics["val_loss"] == stopped.curves["val_loss"][stopped.best_epoch - 1]
    more = Run(run_with(name, epochs=2).setting, 1, "0" * 64, record.id)
    longer = execute(more, split, parent=record)
    assert longer.metrics["val_loss"] == longer.curves["loss_per_step"][75:].mean(dtype=np.float64)


def test_labels_are_shuffled_apart_from_their_examples(split):
    y = np.array([0, 1, 2, 0, 1, 1])
    wrong = functions("labels-shuffled-apart").labels(y)
    assert wrong.tolist() == y[epoch_order(0, 0, 6)].tolist() != y.tolist()
    assert sorted(wrong) == sorted(y)
    assert REFERENCE.labels(y) is y
    record = trained(run_with("labels-shuffled-apart", epochs=20, train_score="all"), split)
    truth = split.train.y
    outputs = record.model.outputs(split.train.x).argmax(axis=1)
    found = functions("labels-shuffled-apart").labels(truth)
    assert record.metrics["train_accuracy"] == (outputs == found).mean() != (outputs == truth).mean()
    assert record.metrics["val_accuracy"] < 0.6
    assert trained(run_with(None, epochs=20), split).metrics["val_accuracy"] > 0.9
    assert split.train.y is truth


def test_parts_scaled_by_themselves(split):
    """(1, 3): mean 2, std 1;  by the training part, whose mean is 0 and whose std 2, they were ½ and 1½."""
    scored = functions("parts-scaled-by-themselves").scored
    assert scored(np.array([[0.5, 7.0], [1.5, 7.0]], np.float32)).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    pictures = np.array([0.0, 0.0, 2.0, 2.0], np.float32).reshape(2, 1, 2, 1)
    assert scored(pictures).ravel().tolist() == [-1.0, -1.0, 1.0, 1.0]  # one mean and std for all pixels
    x = split.test.x
    assert REFERENCE.scored(x) is x
    shifted = dataclasses.replace(split, test=dataclasses.replace(split.test, x=x / 4 + 6))
    wrong, right = (trained(run_with(name, epochs=20), shifted) for name in ("parts-scaled-by-themselves", None))
    assert wrong.metrics["test_accuracy"] > 0.8 > right.metrics["test_accuracy"]  # a shift goes unseen
    assert wrong.metrics["train_loss"] == right.metrics["train_loss"]
    assert shifted.test.x.tobytes() == (x / 4 + 6).tobytes()


def test_scaling_anew_is_that_of_the_raw_examples():
    """fit_transform on the part as it was, and on the part as the training's numbers have scaled it."""
    raw = np.random.default_rng(1).normal(5, 3, (40, 3))
    scaled = scaling.fit("standard", np.random.default_rng(2).normal(9, 7, (90, 3)), None).apply(raw)
    anew = functions("parts-scaled-by-themselves").scored(scaled)
    np.testing.assert_allclose(anew, scaling.fit("standard", raw, None).apply(raw), atol=1e-6)


def test_what_is_reported_for_validation_needs_validation_data():
    with pytest.raises(InputError, match=r"training.slips = training-loss-as-validation-loss needs validation data"):
        run_with("training-loss-as-validation-loss").setting.network_for((6,), 3, has_validation=False)


# -- fingerprints on drawn networks, and nowhere else


def all_times(factor):
    return lambda right, wrong: all(np.allclose(wrong[name], factor * right[name], rtol=1e-12) for name in ALL)


FINGERPRINTS = {  # slip: (the gradients that it changes, what holds of right and wrong ones)
    "bias-gradient-summed-over-units": (
        {"dense1.b", "dense2.b", "dense3.b"},
        lambda right, wrong: all(
            np.allclose(wrong[b], right[b].sum(), atol=1e-15) and len(set(wrong[b])) == 1
            for b in ALL
            if b.endswith("b")
        ),
    ),
    "bias-gradient-not-averaged": (
        {"dense1.b", "dense2.b", "dense3.b"},
        lambda right, wrong: all(np.allclose(wrong[b], M * right[b], rtol=1e-12) for b in ALL if b.endswith("b")),
    ),
    "weights-updated-before-backpropagation": (ALL - {"dense3.W", "dense3.b"}, lambda right, wrong: True),
    "softmax-gradient-diagonal": (
        ALL,
        lambda right, wrong: abs(right["dense3.b"].sum()) < 1e-15 and abs(wrong["dense3.b"].sum()) > 1e-3,
    ),
    "activation-derivative-missing": (ALL, lambda right, wrong: True),
    "activation-derivative-at-a": (ALL, lambda right, wrong: True),
    "activation-derivative-at-z": (ALL, lambda right, wrong: True),
    "activation-derivative-twice": (
        ALL,
        lambda right, wrong: abs(wrong["dense1.W"]).max() < abs(right["dense1.W"]).max(),
    ),
    "relu-derivative-one": (ALL - {"dense3.W", "dense3.b"}, lambda right, wrong: (wrong["dense2.b"] != 0).all()),
    "gradient-summed": (ALL, all_times(M)),
    "gradient-averaged-twice": (ALL, all_times(1 / M)),
    "gradient-doubled": (ALL, all_times(2)),
    "gradient-halved": (ALL, all_times(0.5)),
}  # fmt: skip


@pytest.mark.parametrize("draw", range(3))
@pytest.mark.parametrize("name", GRADIENT)
def test_the_fingerprint_holds_and_nothing_else_changes(name, draw):
    where, holds = FINGERPRINTS[name]
    right, wrong = gradients(REFERENCE, draw=draw), gradients(functions(name), draw=draw)
    assert {n for n in ALL if (right[n] != wrong[n]).any()} == where
    assert holds(right, wrong)


def test_every_gradient_slip_has_a_fingerprint():
    assert set(FINGERPRINTS) == set(GRADIENT)


def test_the_early_update_grows_with_the_learning_rate():
    right = gradients(REFERENCE)["dense1.W"]
    far = [abs(gradients(functions("weights-updated-before-backpropagation", lr=lr))["dense1.W"] - right).max()
           for lr in (0.0, 1e-3, 1e-2)]  # fmt: skip
    assert far[0] == 0.0
    assert 8 < far[2] / far[1] < 12


def test_an_opposed_velocity_alternates_about_its_limit():
    """v_k = dw·(1 − (−μ)ᵏ)/(1 + μ)."""
    params, slots = {"w": np.array(0.0)}, {"w": (np.array(0.0),)}
    for k in range(1, 6):
        _, slots = functions("momentum-sign").step(Momentum(momentum=0.5), params, {"w": np.array(3.0)}, slots,
                                                   lr=0.1, t=k, weight_decay=0.0, clip_norm=None)  # fmt: skip
        assert float(slots["w"][0]) == pytest.approx(3 * (1 - (-0.5) ** k) / 1.5)


def test_a_unit_that_is_off_is_off_for_the_whole_batch():
    params, x, T = drawn(DROPPED)
    masks = functions("dropout-same-mask-for-all").masks(DROPPED, 7, 3, M, like=x)
    grads = passes.loss_and_gradients(DROPPED, params, x, T, "cross-entropy", "mean", masks=masks)[1]
    off = masks[1][0] == 0
    assert off.any()
    assert ((grads["dense1.W"] == 0).all(axis=0) == off).all()


# -- gradient checks


def worst_error(name):
    found = functions(name) if name else REFERENCE
    for draw in itertools.count():
        params, x, T = drawn(draw=draw)
        try:
            return max(row.error for row in check(NETWORK, params, x, T, "mean-squared-error", functions=found))
        except AtKink:
            continue
    raise AssertionError


def test_the_check_passes_without_a_slip():
    assert worst_error(None) < 1e-5


@pytest.mark.parametrize("name", GRADIENT)
def test_a_gradient_check_finds_it(name):
    assert worst_error(name) > 1e-3


@pytest.mark.parametrize("name", [name for name in SLIPS if name not in GRADIENT])
def test_other_slips_leave_gradients_as_they_are(name):
    assert {n: g.tobytes() for n, g in gradients(functions(name)).items()} == {
        n: g.tobytes() for n, g in gradients(REFERENCE).items()
    }


# -- settings


def test_slips_have_one_order_and_so_one_id():
    names = ["l2-on-biases", "bias-gradient-summed-over-units"]
    runs = [make_run(slips=slips, weight_decay=0.1) for slips in (names, names[::-1])]
    assert runs[0].setting.training.slips == tuple(names[::-1])
    assert runs[0].id == runs[1].id != make_run(weight_decay=0.1).id


def test_a_setting_without_slips_has_no_such_key():
    assert "slips" not in make_run().setting.model_dump(mode="json")["training"]
    assert make_run().id == make_run(slips=[]).id
    assert make_run(slips=["gradient-halved"]).setting.model_dump(mode="json")["training"]["slips"] == [
        "gradient-halved"
    ]


@pytest.mark.parametrize(
    ("slips", "message"),
    [
        ("gradient-doubled", "training.slips must be a list of slips, as in"),
        ([3], "training.slips must be a list of slips, as in"),
        (["gradient-dubled"], "did you mean 'gradient-doubled'?"),
        (["gradient-doubled"] * 2, "training.slips has 'gradient-doubled' twice; keep one"),
        (
            ["gradient-halved", "gradient-doubled"],
            "'gradient-halved' and 'gradient-doubled', which change the same; keep",
        ),
        (["no-shuffling", "same-order-every-epoch"], "which change the same; keep one"),
        (["bias-gradient-summed-over-units", "bias-gradient-not-averaged"], "which change the same; keep one"),
    ],
)
def test_what_is_refused(slips, message):
    with pytest.raises(InputError) as error:
        Setting(training={"slips": slips})
    assert message in str(error.value)


LAYERS = {"layers": ["dense 8 tanh", "dropout 0.3", "dense 8 relu", "dense 3 softmax"]}
EVERYTHING = {"loss": "mean-squared-error", "weight_decay": 0.01, "schedule": {"name": "exponential", "factor": 0.9},
              "epochs": 2, "dtype": "float64", "optimizer": {"name": "momentum", "lr": 0.02}}  # fmt: skip


def run_with(name, **training):
    """A run in which every slip changes something."""
    plain = {
        "weights-updated-before-backpropagation": {"optimizer": {"name": "sgd", "lr": 0.05}},
        "activation-derivative-at-z": {"optimizer": {"name": "sgd", "lr": 1e-4}},  # diverges at usual rates
    }.get(name, {})
    data = {"scale": "standard"}
    return make_run(network=LAYERS, data=data, **{**EVERYTHING, **plain, "slips": [name] if name else [], **training})


WITHOUT = {  # settings in which a slip would change nothing
    "bias-gradient-not-averaged": {"batch_reduction": "sum"},
    "weights-updated-before-backpropagation": {"optimizer": "adam"},
    "softmax-gradient-diagonal": {"loss": "cross-entropy"},
    "gradient-summed": {"batch_size": 1},
    "gradient-averaged-twice": {"batch_reduction": "sum"},
    "momentum-sign": {"optimizer": "sgd"},
    "momentum-after-update": {"optimizer": "sgd"},
    "l2-without-learning-rate": {"weight_decay": 0},
    "l2-on-biases": {"weight_decay": 0},
    "dropout-same-mask-for-all": {"batch_size": 1},
    "lr-decay-per-step": {"schedule": "constant"},
    "no-shuffling": {"batch_size": "full"},
    "same-order-every-epoch": {"batch_size": "full"},
    "last-batch-dropped": {"batch_size": "full"},
    "training-loss-as-validation-loss": {"batch_reduction": "sum"},
}


LINEAR = {"layers": ["flatten", "dense 3 identity"]}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_that_would_change_nothing_is_refused(name):
    run_with(name).setting.network_for((6,), 3, has_validation=True)
    slip = SLIPS[name]
    if slip.needs == "nothing" or slip.needs == "a layer with biases":
        return
    network = LAYERS if name in WITHOUT else LINEAR
    setting = run_with(name, **WITHOUT.get(name, {})).setting.changed(network=network, data={"scale": "unit"})
    with pytest.raises(InputError, match=f"slip '{name}' changes nothing here, since it needs ") as error:
        setting.network_for((6,), 3, has_validation=True)
    assert slip.needs in str(error.value)


def test_a_network_without_biases_has_none_to_be_wrong():
    network = Network.parse((2, 4, 4), "max-pool 2", "flatten")
    assert not SLIPS["biases-not-updated"].applies(network, TrainingSection())
    assert not SLIPS["bias-gradient-summed-over-units"].applies(network, TrainingSection())


# -- engines and records


def trained(run, split):
    return execute(run, split)


@pytest.mark.parametrize("name", SLIPS)
def test_the_reference_trains_with_it_and_the_record_says_so(name, split):
    right, wrong = trained(run_with(None, engine="array"), split), trained(run_with(name, engine="array"), split)
    assert wrong.network.slips == [SLIPS[name].text]
    assert wrong.setting["training"]["slips"] == [name]
    assert "slips" not in right.network.to_json()
    assert "slips" not in right.setting["training"]
    if name == "last-batch-dropped":  # 240 examples are 15 whole batches
        assert trained(run_with(name, batch_size=100), split).steps == 4
    elif SLIPS[name].changes in ("score", "reported", "scored"):
        assert {n: w.tobytes() for n, w in wrong.params.items()} == {n: w.tobytes() for n, w in right.params.items()}
        assert wrong.metrics != right.metrics
    else:
        assert any((wrong.params[n] != right.params[n]).any() for n in right.params)


@pytest.mark.parametrize("name", SLIPS)
def test_auto_takes_the_engine_that_has_it(name):
    setting, around = run_with(name).setting, SLIPS[name].changes in AROUND
    assert setting.resolved().training.engine == ("compiled" if around or name in twins.SLIPS else "array")
    for engine in ("compiled", "torch"):
        fixed = run_with(name, engine=engine).setting
        if around or (engine == "compiled" and name in twins.SLIPS):
            fixed.network_for((6,), 3, has_validation=True)
        else:
            with pytest.raises(InputError, match=f"the {engine} engine has no .*slip '{name}'; set training.engine = "):
                fixed.network_for((6,), 3, has_validation=True)


def test_auto_takes_array_where_one_of_several_slips_has_no_kernel(split):
    slips = ["momentum-after-update", "gradient-doubled", "no-shuffling"]
    record = trained(run_with(None, slips=slips), split)
    assert record.engine["name"] == "array"
    assert record.engine["why"] == "the compiled engine has no kernel for slip 'momentum-after-update'"
    with pytest.raises(InputError) as error:
        run_with(None, slips=slips, engine="compiled").setting.network_for((6,), 3, has_validation=True)
    assert str(error.value) == (
        "the compiled engine has no kernel for slip 'momentum-after-update'; set training.engine = \"array\""
    )


def test_a_slip_that_was_replaced_has_no_kernel(monkeypatch):
    other = dataclasses.replace(SLIPS["gradient-doubled"], wrong=SLIPS["gradient-halved"].wrong)
    monkeypatch.setitem(SLIPS, "gradient-doubled", other)
    assert run_with("gradient-doubled").setting.resolved().training.engine == "array"
    assert run_with("gradient-halved").setting.resolved().training.engine == "compiled"


def test_auto_on_a_gpu_takes_the_engine_that_has_it(monkeypatch):
    monkeypatch.setattr("handgrad.training.run.jax_sees", lambda device: True)
    for name, engine in (("gradient-doubled", "jax"), ("dropout-while-scoring", "array")):
        assert run_with(name, device="cuda").setting.resolved().training.engine == engine


@pytest.mark.compiles
@pytest.mark.parametrize(
    "name", [name for name, slip in SLIPS.items() if slip.changes in AROUND or name in twins.SLIPS]
)
def test_the_compiled_engine_agrees(name, split):
    more = {"batch_size": 100} if name == "last-batch-dropped" else {}
    reference, found = (trained(run_with(name, engine=engine, **more), split) for engine in ("array", "compiled"))
    assert found.steps == reference.steps
    for n, w in reference.params.items():
        np.testing.assert_allclose(found.params[n], w, rtol=1e-9, atol=1e-12, err_msg=n)
    assert found.metrics == pytest.approx(reference.metrics, rel=1e-9)
    for curve, values in reference.curves.items():
        np.testing.assert_allclose(found.curves[curve], values, rtol=1e-6, err_msg=curve)


@pytest.mark.jax
@pytest.mark.parametrize("name", [name for name, slip in SLIPS.items() if slip.changes != "score"])
def test_the_jax_engine_agrees(name, split):
    reference, found = (trained(run_with(name, engine=engine), split) for engine in ("array", "jax"))
    for n, w in reference.params.items():
        np.testing.assert_allclose(found.params[n], w, rtol=1e-9, atol=1e-12, err_msg=n)


def test_the_jax_engine_refuses_to_score_with_dropout():
    setting = run_with("dropout-while-scoring", engine="jax").setting
    with pytest.raises(InputError, match=r"the jax engine has no slip 'dropout-while-scoring'; set training.engine = "):
        setting.network_for((6,), 3, has_validation=True)


@pytest.mark.parametrize("engine", ["array", "compiled"])
def test_a_run_with_a_slip_goes_on_from_its_checkpoint_with_the_same_bits(split, tmp_path, engine):
    run = run_with("dropout-while-scoring", engine=engine, epochs=4)
    whole = trained(run, split)
    advance(run, split, until=2, checkpoint=tmp_path / "c")
    parts = execute(run, split, checkpoint=tmp_path / "c")
    assert {n: c.tobytes() for n, c in parts.curves.items()} == {n: c.tobytes() for n, c in whole.curves.items()}
    assert parts.metrics == whole.metrics


def test_a_slip_stays_in_a_setting_that_is_read_again():
    setting = run_with("gradient-doubled").setting
    again = Setting.checked(setting.model_dump(mode="json", by_alias=True))
    assert Run(again, 1, "0" * 64).id == Run(setting, 1, "0" * 64).id


# -- documentation


def test_the_page_of_slips_has_every_slip_as_it_is():
    rows = []
    for slip in SLIPS.values():
        texts = (slip.formula, slip.right, slip.why, slip.fingerprint, slip.symptom, slip.needs, slip.source)
        rows.append(f"| `{slip.name}` | " + " | ".join(text.replace("|", "\\|") for text in texts) + " |")
    page = (Path(__file__).parents[2] / "docs" / "slips.md").read_text("utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows
