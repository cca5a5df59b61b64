"""Numbers, several labels, and two classes by one output: the same on every engine, recorded, predicted, evaluated."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, root_mean_squared_error

import handgrad as hg
from handgrad.errors import InputError, NetworkError
from handgrad.network.network_section import NetworkSection, build
from handgrad.training.engines import Job, open_session
from handgrad.training.training_section import TrainingSection

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
NUMBERS, LABELS, CLASSES = RNG.normal(size=(40, 3)), (RNG.random((40, 3)) > 0.5).astype(float), RNG.integers(0, 2, 40)
CASES = {
    "numbers by mean-squared-error": ("regression", "mean-squared-error", "identity", NUMBERS),
    "numbers by huber": ("regression", "huber", "identity", 2 * NUMBERS),
    "numbers by absolute-error": ("regression", "absolute-error", "identity", NUMBERS[:, :1]),
    "labels": ("multi-label", "binary-cross-entropy", "sigmoid", LABELS),
    "labels by squared-error": ("multi-label", "squared-error", "sigmoid", LABELS),
    "one sigmoid": ("classification", "binary-cross-entropy", "sigmoid", CLASSES),
    "one tanh": ("classification", "squared-error", "tanh", CLASSES),
}


def trained(case: str, engine: str, layers: tuple[str, ...] | None = None, dtype: str = "float32"):
    """(losses of an epoch, losses and outputs of the examples after it) of one engine."""
    task, loss, output, y = CASES[case]
    k = y.shape[1] if y.ndim == 2 else 1
    lines = [*(layers or ("dense 7 tanh",)), f"dense {k} {output}"]
    network = build(NetworkSection(layers=lines), (1, 1, 5) if layers else (5,), 2 if y.ndim == 1 else k, task)
    section = TrainingSection(
        loss=loss, engine=engine, dtype=dtype, optimizer={"name": "adam", "lr": 0.01}, batch_size=7
    )
    encoding = "values" if y.ndim == 2 else "plus-minus-one" if output == "tanh" else "one-hot"
    x = X.reshape(-1, 1, 1, 5) if layers else X
    session = open_session(engine, Job(network, section, encoding, 0, {"train": (x, y)}))
    rng = np.random.default_rng(1)
    session.load({name: rng.normal(0, 0.5, shape) for name, shape in network.parameter_shapes.items()}, {}, 0)
    losses = session.train_epoch(np.arange(40), np.full(6, 0.01), 0)
    return losses, *session.score("train"), session.outputs(x)


@pytest.mark.parametrize("engine", ["compiled", "torch", "jax"])
@pytest.mark.parametrize("case", CASES)
def test_engines_agree_with_the_reference(case, engine):
    for ours, theirs in zip(trained(case, engine), trained(case, "array"), strict=True):
        assert ours.shape == theirs.shape
        assert ours == pytest.approx(theirs, rel=2e-5, abs=2e-6)


@pytest.mark.parametrize("case", ["numbers by huber", "labels", "one sigmoid"])
def test_image_kernels_and_float64_agree_too(case):
    layers = ("conv 3 1x3 relu", "flatten", "dense 4 tanh")
    for ours, theirs in zip(trained(case, "compiled", layers), trained(case, "array", layers), strict=True):
        assert ours == pytest.approx(theirs, rel=2e-5, abs=2e-6)
    for ours, theirs in zip(
        trained(case, "compiled", dtype="float64"), trained(case, "array", dtype="float64"), strict=True
    ):
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_a_score_tells_outputs_and_not_a_class():
    _, _, outputs, again = trained("one sigmoid", "compiled")
    assert outputs.shape == (40, 1)
    assert np.array_equal(outputs, again)


# -- runs

DIABETES = {"name": "diabetes", "scale": "standard", "scale_targets": "standard"}
SETTING = {"data": DIABETES, "network": {"hidden": [8]}, "training": {"epochs": 20, "optimizer": "adam"}}


@pytest.fixture(scope="module")
def numbers():
    return hg.train({**SETTING, "training": {"epochs": 20, "optimizer": {"name": "adam", "lr": 0.01}}})


def test_a_network_learns_numbers(numbers):
    data = hg.load_data("diabetes")
    test = hg.split(data, DIABETES).test
    a = numbers.model.predict(data.x_train[test.index])
    y = data.y_train[test.index][:, 0]
    assert a.shape == y.shape
    assert numbers.metrics["test_rmse"] == pytest.approx(root_mean_squared_error(y, a), rel=1e-5)
    assert numbers.metrics["test_r2"] > 0.3
    assert numbers.confusion == {}
    assert numbers.predictions["test.predicted"][:, 0] == pytest.approx(a, rel=1e-5)
    assert numbers.predictions["test.actual"][:, 0] == pytest.approx(y)
    assert sorted(numbers.metrics) == sorted(
        [f"{part}_{name}" for part in ("train", "val", "test") for name in ("loss", "rmse", "mae", "r2")]
        + ["epoch_loss"]
    )


def test_the_record_is_read_again(numbers, tmp_path):
    hg.training.record.save(numbers, tmp_path / numbers.id)
    again = hg.training.record.load(tmp_path / numbers.id)
    assert again.to_json() == {**numbers.to_json(), "files": again.files}
    assert np.array_equal(again.predictions["test.predicted"], numbers.predictions["test.predicted"])
    x = hg.load_data("diabetes").x_train[:5]
    assert np.array_equal(hg.Model.load(tmp_path / numbers.id).predict(x), numbers.model.predict(x))


def test_evaluate_gives_the_same_scores(numbers):
    found = hg.evaluate(numbers, SETTING)
    assert found.scores == pytest.approx({name: numbers.metrics[f"test_{name}"] for name in found.scores}, rel=1e-5)
    assert found.rmse == found.scores["rmse"]
    with pytest.raises(AttributeError, match="has no accuracy; test was scored by loss, rmse, mae, r2"):
        _ = found.accuracy


def test_onnx_tells_targets_in_their_units(numbers, tmp_path):
    import onnxruntime

    hg.export_model(numbers, tmp_path / "model.onnx")
    x = hg.load_data("diabetes").x_train[:5].astype(np.float32)
    (told,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"x": x})
    assert told[:, 0] == pytest.approx(numbers.model.predict(x), rel=1e-4)


def test_a_run_goes_on_from_another(numbers):
    more = hg.train(SETTING, continues=numbers)
    assert len(more.history["val_rmse"]) == 40


def test_several_targets_are_predicted_together():
    y = np.stack([3 * X[:, 0], 100 + 50 * X[:, 1]], axis=1)
    section = {"scale_targets": "standard", "test": False}
    training = {"epochs": 200, "optimizer": {"name": "adam", "lr": 0.05}, "batch_size": "full", "loss": "huber"}
    record = hg.train(
        {"data": section, "network": {"hidden": []}, "training": training}, data=hg.from_arrays(X, y, task="regression")
    )
    assert record.model.predict(X).shape == (40, 2)
    assert record.metrics["train_r2"] > 0.9
    assert record.dataset.classes == ["target 1", "target 2"]


def test_labels_are_told_at_one_half():
    record = hg.train(
        {"network": {"hidden": [6]}, "training": {"epochs": 3}}, data=hg.from_arrays(X, LABELS, task="multi-label")
    )
    model = record.model
    assert np.array_equal(model.predict(X), (model.outputs(X) >= 0.5).astype(int))
    assert np.array_equal(model.probabilities(X), model.outputs(X))
    a, y = (record.predictions[f"test.{name}"] for name in ("predicted", "actual"))
    told = (a >= 0.5).astype(int)
    assert record.metrics["test_accuracy"] == (told == y).all(axis=1).mean()
    assert record.metrics["test_label_accuracy"] == (told == y).mean()
    right = np.unpackbits(record.right["test.bits"], count=len(y))
    assert right.tolist() == (told == y).all(axis=1).astype(int).tolist()


def test_two_classes_by_one_unit():
    data = hg.from_arrays(X, np.where(CLASSES, "yes", "no"))
    record = hg.train({"network": {"hidden": [6], "units": 1}, "training": {"epochs": 3}}, data=data)
    model = record.model
    assert record.params["dense2.W"].shape == (6, 1)
    p = model.probabilities(X)
    assert p.shape == (40, 2)
    assert p.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(model.predict(X), (p[:, 1] >= 0.5).astype(int))
    a, y = (record.predictions[f"test.{name}"][:, 0] for name in ("predicted", "actual"))
    assert record.metrics["test_roc_auc"] == pytest.approx(roc_auc_score(y, a))
    assert np.asarray(record.confusion["test"]).sum() == len(y)
    assert record.classes_of([[0.2], [0.7]]) == ["no", "yes"]


def test_one_unit_in_layers_is_the_same_network():
    data = hg.from_arrays(X, CLASSES)
    short = {"network": {"hidden": [6], "units": 1}, "training": {"epochs": 2}}
    layers = {
        "network": {"layers": ["dense 6 relu", "dense 1 sigmoid"]},
        "training": {"epochs": 2, "loss": "binary-cross-entropy"},
    }
    ours, theirs = (hg.train(one, data=data) for one in (short, layers))
    assert all(np.array_equal(ours.params[name], theirs.params[name]) for name in ours.params)


@pytest.mark.parametrize(
    ("setting", "data", "message"),
    [
        ({"training": {"loss": "cross-entropy"}}, NUMBERS, "'cross-entropy' is not for targets that are num"),
        ({"network": {"targets": "one-hot"}}, NUMBERS, 'are numbers; set network.targets = "values"'),
        (
            {"training": {"early_stopping": {"monitor": "val_accuracy"}}},
            NUMBERS,
            "'val_accuracy' is not measured in reg",
        ),
        (
            {"network": {"layers": ["dense 2"]}},
            NUMBERS,
            "has 2 units, but the data has 3 targets; write 'dense 3 identity'",
        ),
        (
            {"network": {"units": 1, "output": "relu"}},
            CLASSES,
            "has one unit for two classes, whose activation must be sig",
        ),
        ({"network": {"units": 1}, "training": {"loss": "nll"}}, CLASSES, "'nll' is not for two classes by one output"),
        (
            {"network": {"units": 1, "output": "tanh"}, "training": {"loss": "squared-error"}},
            CLASSES,
            'network.targets = "plus-m',
        ),
        (
            {"network": {"units": 2}},
            CLASSES,
            "network.units must be 1, a single unit of the last layer for two classes",
        ),
        (
            {"network": {"units": 1}},
            np.arange(40) % 3,
            "network.units = 1 has 1 unit, but the data has 3 classes; take it out",
        ),
        (
            {"network": {"targets": "values"}},
            CLASSES,
            '"values" is for targets that are numbers (data.task), and these are c',
        ),
        (
            {"training": {"early_stopping": {"monitor": "val_rmse"}}},
            CLASSES,
            "'val_rmse' is not measured in classification",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(setting, data, message):
    task = "classification" if data.ndim == 1 else "regression"
    with pytest.raises((InputError, NetworkError)) as error:
        hg.train(setting, data=hg.from_arrays(X, data, task=task))
    assert message in str(error.value)


def test_ids_of_classification_know_nothing_of_tasks():
    tables = json.loads(hg.Setting().model_dump_json(by_alias=True))
    assert "units" not in tables["network"]
    assert {"task", "scale_targets"}.isdisjoint(tables["data"])
