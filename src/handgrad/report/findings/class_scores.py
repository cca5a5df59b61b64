"""Precision, recall and F1 of every class, from a confusion matrix.

The letters are those of `handgrad.measures`.

    precision = TP / (TP + FP)    of those predicted to be k, the share that is
    recall    = TP / (TP + FN)    of those that are k, the share that is predicted so
    F1        = 2·TP / (2·TP + FP + FN), the harmonic mean of both

0/0 is 0.  macro: the mean over the classes that have examples or are predicted, each counting alike; weighted: each
counting by its examples, so that the weighted recall is the accuracy.  The numbers are those of scikit-learn's
`precision_recall_fscore_support(…, zero_division=0)`; macro F1 is the measure `macro_f1`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handgrad.measures import MULTI_LABEL, TEST, VALIDATION, ClassCounts
from handgrad.network.targets import decided
from handgrad.training.record import Record


@dataclass(frozen=True)
class ClassScore:
    """One class, or a mean over classes: all four as fractions, but examples."""

    name: str
    precision: float
    recall: float
    f1: float
    examples: int


def class_scores(confusion: ArrayLike, classes: Sequence[str]) -> list[ClassScore]:
    """A score for every class in order, then their macro and weighted means.

    confusion (k, k): counts, rows actual, columns predicted.

    >>> [(s.name, round(s.precision, 3), s.recall, round(s.f1, 3)) for s in class_scores([[8, 2], [0, 10]], "ab")]
    [('a', 1.0, 0.8, 0.889), ('b', 0.833, 1.0, 0.909), ('macro', 0.917, 0.9, 0.899), ('weighted', 0.917, 0.9, 0.899)]
    """
    return scores_of_counts(ClassCounts.of_confusion(np.asarray(confusion, np.float64)), classes)


def scores_of_counts(counts: ClassCounts, classes: Sequence[str]) -> list[ClassScore]:
    """The same from the counts of every class, or of every label."""
    right, predicted, actual = counts
    precision, recall, f1 = _ratio(right, predicted), _ratio(right, actual), _ratio(2 * right, predicted + actual)
    scores = np.stack([precision, recall, f1])  # (3, k)
    columns = {name: (scores[:, k], actual[k]) for k, name in enumerate(map(str, classes))}
    occurring = np.full(3, np.count_nonzero(predicted + actual), np.float64)
    means = {
        "macro": _ratio(scores.sum(axis=1), occurring),
        "weighted": _ratio(scores @ actual, np.full(3, actual.sum())),
    }
    rows = [*columns.items(), *((name, (mean, actual.sum())) for name, mean in means.items())]
    return [ClassScore(name, float(p), float(r), float(f), int(n)) for name, ((p, r, f), n) in rows]


def _ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def scores_of(record: Record, predictions: Mapping[str, NDArray[Any]]) -> dict[str, list[ClassScore]]:
    """part -> the scores of a run on it, for every part with a confusion matrix, or with the outputs of labels.

    predictions: `Record.predictions`.
    """
    names = record.dataset.classes
    found = {part: class_scores(matrix, names) for part, matrix in record.confusion.items() if matrix}
    for part in (VALIDATION.name, TEST.name) if record.dataset.task == MULTI_LABEL else ():
        if f"{part}.actual" in predictions:
            y = predictions[f"{part}.actual"].astype(np.float64)
            told = decided(predictions[f"{part}.predicted"], record.network.output).astype(np.float64)
            counts = ClassCounts((told * y).sum(axis=0), told.sum(axis=0), y.sum(axis=0))
            found[part] = scores_of_counts(counts, names)
    return found
