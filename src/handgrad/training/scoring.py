"""Scoring: from what a session tells of a part to the measures of its task, and to predictions."""

from typing import Protocol

import numpy as np

from handgrad.data.contents import Split
from handgrad.data.scaling import Scaling
from handgrad.measures import (
    BINARY,
    CLASSIFICATION,
    MULTI_LABEL,
    REGRESSION,
    TRAIN,
    ClassCounts,
    DataPart,
    Scored,
    measures_of,
)
from handgrad.network.targets import class_of, decided
from handgrad.training.engines import NetworkState


class Targeted(Protocol):
    """What is learnt, the names of classes or targets, and how targets are scaled: of a split or a model."""

    @property
    def task(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def target_scaler(self) -> Scaling: ...


PartScores = tuple[dict[str, float], np.ndarray, np.ndarray]  # what `score` returns


def scored_y(split: Split, part: DataPart, sample: np.ndarray) -> np.ndarray:
    """The classes or targets of the examples of a part that are scored; sample: those of the training part."""
    y = split.parts[part.name].y
    return y[sample] if part is TRAIN else y


def score(session: NetworkState, split: Split, part: DataPart, y: np.ndarray, activation: str) -> PartScores:
    """(metrics by name, predictions, what the session's score tells) of a part.

    y: what `scored_y` tells;  activation: of the outputs.  Predictions are classes (n,); of targets that are numbers
    those in the units of the data (n, k), and of labels 0 or 1 (n, k).
    """
    losses, found = session.score(part.scored)
    scored, task, predicted = scored_part(losses, found, y, split, activation)
    return {part.metric(one.name): one.of(scored, task) for one in measures_of(task)}, predicted, found


def scored_part(
    losses: np.ndarray, found: np.ndarray, y: np.ndarray, split: Targeted, activation: str
) -> tuple[Scored, str, np.ndarray]:
    """(what measures are computed of, whose measures: of the task or of BINARY classification, predictions).

    found: what a session's score tells, classes (n,) or outputs (n, k);  y: the classes or targets of the examples.
    """
    if split.task == REGRESSION:
        predicted = split.target_scaler.undo(found)
        return Scored(losses, y=y, a=predicted), REGRESSION, predicted
    if split.task == MULTI_LABEL:
        told = decided(found, activation)
        counts = ClassCounts((told * y).sum(axis=0), told.sum(axis=0), y.sum(axis=0))
        return Scored(losses, counts, y, found, told), MULTI_LABEL, told
    if found.ndim == 1:
        return Scored(losses, class_counts(y, found, len(split.classes))), CLASSIFICATION, found
    classes = class_of(found, activation)
    return Scored(losses, class_counts(y, classes, 2), y[:, None], found), BINARY, classes


def class_counts(actual: np.ndarray, predicted: np.ndarray, k: int) -> ClassCounts:
    """The counts of k classes, of the actual and the predicted class of every example (n,).

    >>> [counts.tolist() for counts in class_counts(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)]
    [[1, 1, 0], [1, 2, 0], [2, 1, 0]]
    """
    predicted = np.asarray(predicted)
    right = np.bincount(actual[predicted == actual], minlength=k)
    return ClassCounts(right, np.bincount(predicted, minlength=k), np.bincount(actual, minlength=k))


def confusion_matrix(actual: np.ndarray, predicted: np.ndarray, k: int) -> list[list[int]]:
    """Rows: the actual class; columns: the predicted one."""
    counts = np.bincount(np.asarray(actual) * k + np.asarray(predicted), minlength=k * k)
    found: list[list[int]] = counts.reshape(k, k).tolist()
    return found
