"""Parts, measures and metrics: every one of them is scored, and has its word."""

import numpy as np

import handgrad as hg
from handgrad.measures import MEASURES, METRICS, PARTS, is_fraction, lower_is_better, measure_of, part_of


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
        "val_loss": "validation loss",
        "val_accuracy": "validation accuracy",
        "test_loss": "test loss",
        "test_accuracy": "test accuracy",
        "epoch_loss": "training loss over the epoch",
    }
    assert [metric.name for metric in METRICS.values()] == list(METRICS)


def test_what_is_no_metric():
    assert (part_of("seconds"), measure_of("seconds")) == (None, None)
    assert part_of("epoch_loss") is None  # it is not scored on the sample of training examples
    assert not is_fraction("seconds")
    assert not lower_is_better("seconds")


def test_measures_of_predictions():
    losses, predicted, actual = np.float32([0.5, 1.5]), np.array([0, 1]), np.array([0, 0])
    assert {name: measure.of(losses, predicted, actual) for name, measure in MEASURES.items()} == {
        "loss": 1.0,
        "accuracy": 0.5,
    }
