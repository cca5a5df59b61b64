"""Parts, measures and metrics: every one of them is scored, and has its word."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

import handgrad as hg
from handgrad.measures import (
    MEASURES,
    METRICS,
    PARTS,
    ClassCounts,
    is_fraction,
    is_proportion,
    lower_is_better,
    measure_of,
    part_of,
)
from handgrad.report.findings.class_scores import class_scores
from handgrad.training.recording import class_counts, confusion_matrix


def test_every_measure_is_scored_on_every_part():
    training = {"epochs": 1, "test_every_epoch": True}
    record = hg.train({"network": {"hidden": [4]}, "training": training})
    assert list(record.metrics) == list(METRICS)
    assert set(METRICS) <= set(record.history)
    assert list(record.dataset.counts) == list(PARTS)


def test_words_and_order_of_metrics():
    assert {name: metric.word for name, metric in METRICS.items()} == {
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
    assert {name: measure.of(losses, counts) for name, measure in MEASURES.items()} == {
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
    ours = {name: measure.of(None, counts) for name, measure in MEASURES.items() if measure.of_counts}
    assert ours == pytest.approx(theirs, abs=1e-15)
    C = np.asarray(confusion_matrix(actual, predicted, k))
    assert {name: MEASURES[name].of(None, ClassCounts.of_confusion(C)) for name in ours} == ours
    macro = next(one for one in class_scores(C, range(k)) if one.name == "macro")
    assert macro.f1 == pytest.approx(ours["macro_f1"])


def test_balanced_accuracy_is_that_of_scikit_learn_where_all_that_is_predicted_is_there():
    rng = np.random.default_rng(1)
    actual, predicted = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    ours = MEASURES["balanced_accuracy"].of(None, class_counts(actual, predicted, 5))
    assert ours == pytest.approx(balanced_accuracy_score(actual, predicted))


def test_predicting_everything_right_or_one_class():
    y = np.array([0] * 9 + [1])
    right, one = (class_counts(y, predicted, 3) for predicted in (y, np.zeros_like(y)))
    assert [measure.of(None, right) for measure in MEASURES.values() if measure.of_counts] == [1, 1, 1]
    assert MEASURES["accuracy"].of(None, one) == 0.9
    assert MEASURES["balanced_accuracy"].of(None, one) == 0.5
    assert MEASURES["macro_f1"].of(None, one) == pytest.approx((18 / 19) / 2)
