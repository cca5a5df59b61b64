"""Parts, measures and metrics: every one of them is scored, and has its word."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

import handgrad as hg
from handgrad.measures import (
    MEASURES,
    METRICS,
    PARTS,
    ClassCounts,
    Scored,
    is_fraction,
    is_proportion,
    lower_is_better,
    measure_of,
    measures_of,
    metrics_of,
    part_of,
)
from handgrad.report.findings.class_scores import class_scores
from handgrad.training.scoring import class_counts, confusion_matrix


def test_every_measure_is_scored_on_every_part():
    training = {"epochs": 1, "test_every_epoch": True}
    record = hg.train({"network": {"hidden": [4]}, "training": training})
    assert list(record.metrics) == list(metrics_of("classification"))
    assert set(record.metrics) <= set(record.history)
    assert list(record.dataset.counts) == list(PARTS)


def test_words_and_order_of_metrics():
    assert {name: METRICS[name].word for name in metrics_of("classification")} == {
        "train_loss": "training loss",
        "train_accuracy": "training accuracy",
        "train_balanced_accuracy": "training balanced accuracy",
        "train_macro_f1": "training macro F1",
        "val_loss": "validation loss",
        "val_accuracy": "validation accuracy",
        "val_balanced_accuracy": "validation balanced accuracy",
        "val_macro_f1": "validation macro F1",
        "test_loss": "test loss",
        "test_accuracy": "test accuracy",
        "test_balanced_accuracy": "test balanced accuracy",
        "test_macro_f1": "test macro F1",
        "epoch_loss": "training loss over the epoch",
    }
    assert [metric.name for metric in METRICS.values()] == list(METRICS)


def test_what_is_no_metric():
    assert (part_of("seconds"), measure_of("seconds")) == (None, None)
    assert part_of("epoch_loss") is None  # it is not scored on the sample of training examples
    assert not is_fraction("seconds")
    assert not is_proportion("seconds")
    assert not lower_is_better("seconds")


def test_measures_of_predictions():
    """Classes 0, 0, 0, 1 taken for 0, 0, 1, 1; nothing is of class 2."""
    losses, counts = np.float32([0.5, 1.5]), class_counts(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 3)
    assert {measure.name: measure.of(Scored(losses, counts)) for measure in measures_of("classification")} == {
        "loss": 1.0,
        "accuracy": 0.75,
        "balanced_accuracy": pytest.approx((2 / 3 + 1) / 2),
        "macro_f1": pytest.approx((4 / 5 + 2 / 3) / 2),  # 2·2/(3 + 2), 2·1/(1 + 2)
    }


@pytest.mark.parametrize("seed", range(6))
def test_they_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    k, n = 7, [30, 1, 500][seed % 3]
    actual, predicted = rng.integers(0, k - 1 - seed % 2, n), rng.integers(1, k, n)  # some never there, 0 never said
    counts = class_counts(actual, predicted, k)
    theirs = {
        "accuracy": accuracy_score(actual, predicted),
        "balanced_accuracy": np.mean([np.mean(predicted[actual == c] == c) for c in np.unique(actual)]),
        "macro_f1": f1_score(actual, predicted, average="macro", zero_division=0),
    }
    ours = {name: measure.of(Scored(None, counts)) for name, measure in MEASURES.items() if measure.of_counts}
    assert ours == pytest.approx(theirs, abs=1e-15)
    C = np.asarray(confusion_matrix(actual, predicted, k))
    assert {name: MEASURES[name].of(Scored(None, ClassCounts.of_confusion(C))) for name in ours} == ours
    macro = next(one for one in class_scores(C, range(k)) if one.name == "macro")
    assert macro.f1 == pytest.approx(ours["macro_f1"])


def test_balanced_accuracy_is_that_of_scikit_learn_where_all_that_is_predicted_is_there():
    rng = np.random.default_rng(1)
    actual, predicted = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    ours = MEASURES["balanced_accuracy"].of(Scored(None, class_counts(actual, predicted, 5)))
    assert ours == pytest.approx(balanced_accuracy_score(actual, predicted))


def test_predicting_everything_right_or_one_class():
    y = np.array([0] * 9 + [1])
    right, one = (Scored(None, class_counts(y, predicted, 3)) for predicted in (y, np.zeros_like(y)))
    assert [measure.of(right) for measure in MEASURES.values() if measure.of_counts] == [1, 1, 1]
    assert MEASURES["accuracy"].of(one) == 0.9
    assert MEASURES["balanced_accuracy"].of(one) == 0.5
    assert MEASURES["macro_f1"].of(one) == pytest.approx((18 / 19) / 2)


def values_of(scored: Scored, task: str) -> dict[str, float]:
    return {measure.name: measure.of(scored, task) for measure in measures_of(task) if measure.name != "loss"}


@pytest.mark.parametrize("k", [1, 3])
def test_measures_of_numbers_are_those_of_scikit_learn(k):
    rng = np.random.default_rng(k)
    y = rng.normal(100, [3, 50, 1][:k], (40, k))
    a = y + rng.normal(0, 2, (40, k))
    assert values_of(Scored(None, y=y, a=a), "regression") == pytest.approx(
        {"rmse": root_mean_squared_error(y, a), "mae": mean_absolute_error(y, a), "r2": r2_score(y, a)}, rel=1e-12
    )


def test_r2_of_equal_targets_is_not_defined():
    assert np.isnan(values_of(Scored(None, y=np.ones((3, 1)), a=np.zeros((3, 1))), "regression")["r2"])


def test_measures_of_labels_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    y, a = (rng.random((60, 4)) > 0.6).astype(float), np.round(rng.random((60, 4)), 1)  # with ties
    told = (a >= 0.5).astype(int)
    counts = ClassCounts((told * y).sum(0), told.sum(0), y.sum(0))
    macro = {"average": "macro", "zero_division": 0}
    assert values_of(Scored(None, counts, y, a, told), "multi-label") == pytest.approx(
        {
            "accuracy": accuracy_score(y, told),
            "macro_f1": f1_score(y, told, **macro),
            "label_accuracy": (y == told).mean(),
            "precision": precision_score(y, told, **macro),
            "recall": recall_score(y, told, **macro),
            "roc_auc": roc_auc_score(y, a),
        },
        rel=1e-12,
    )


def test_labels_without_examples_enter_no_mean():
    y = np.array([[1, 0, 1], [1, 0, 0.0]])  # all have the first label, none the second
    told = np.array([[1, 0, 0], [0, 0, 0]])
    counts = ClassCounts((told * y).sum(0), told.sum(0), y.sum(0))
    found = values_of(Scored(None, counts, y, told * 1.0, told), "multi-label")
    assert found["recall"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["precision"] == pytest.approx((1 + 0) / 2)
    assert found["roc_auc"] == 0.5  # of the third alone: equal outputs


def test_measures_of_two_classes_by_one_output_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    y, a = rng.integers(0, 2, 80), np.round(rng.random(80), 1)
    told = (a >= 0.5).astype(int)
    scored = Scored(None, class_counts(y, told, 2), y[:, None], a[:, None])
    found = values_of(scored, "binary")
    assert found == pytest.approx(
        {
            "accuracy": accuracy_score(y, told),
            "balanced_accuracy": balanced_accuracy_score(y, told),
            "macro_f1": f1_score(y, told, average="macro"),
            "precision": precision_score(y, told),
            "recall": recall_score(y, told),
            "roc_auc": roc_auc_score(y, a),
        },
        rel=1e-12,
    )
