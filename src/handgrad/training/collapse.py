"""A run that came to its end and learnt nothing: it predicts one class for nearly everything."""

import math

from handgrad.measures import TRAIN
from handgrad.training.record import Record

ONE_CLASS = 0.99  # the share of one predicted class from which a run counts as collapsed
FEW = 10  # examples, below which one class for all of them may be chance


def collapse(record: Record) -> tuple[str, float] | None:
    """(class, share) where nearly everything is predicted to be one class that is not nearly everything; else None.

    Validation and test examples count together.  Fewer than ten examples, or examples of a single class, show no
    collapse; nor has a run collapsed whose training accuracy is above the share of that class by three standard errors.
    """
    matrices = [matrix for matrix in record.confusion.values() if matrix]
    counts = [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]
    total = sum(map(sum, counts))
    if total < FEW or sum(any(row) for row in counts) < 2:
        return None
    predicted = [sum(column) / total for column in zip(*counts, strict=True)]
    most = max(range(len(predicted)), key=lambda k: predicted[k])
    if predicted[most] < ONE_CLASS or sum(counts[most]) / total >= ONE_CLASS or _learnt(record, most):
        return None
    return record.dataset.classes[most], predicted[most]


def _learnt(record: Record, position: int) -> bool:
    """Whether the training accuracy is above what predicting this class for everything gives."""
    accuracy, scored = record.metrics.get(TRAIN.metric("accuracy")), record.train_score
    of_class = record.dataset.label_table.get(TRAIN.name)
    if accuracy is None or scored is None or not scored.n or not of_class or not sum(of_class):
        return False
    share = of_class[position] / sum(of_class)
    return bool(accuracy > share + 1 - ONE_CLASS + 3 * math.sqrt(share * (1 - share) / scored.n))
