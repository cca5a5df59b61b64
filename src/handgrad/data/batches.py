"""Batches: the order of the examples in every epoch, and the sample of them that is scored.

An order is a permutation of 0..n-1 from a stream keyed by (seed, epoch), so that the batches of an
epoch do not depend on the epochs before it, on the engine, or on a restart.  A batch is a slice of
the order; the last one is shorter where the batch size does not divide n, and is used.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from handgrad.streams import stream

LEAST_SCORED = 2000  # training examples: scoring fewer saves little time and makes the accuracy coarse

BatchSize = int | Literal["full"]


def epoch_order(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """The order of the n training examples in one epoch (counted from 0): a permutation of 0..n-1.

    >>> sorted(epoch_order(42, 0, 4).tolist())
    [0, 1, 2, 3]
    """
    return stream(seed, "order", epoch).permutation(n).astype(np.int64, copy=False)


def file_order(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """The order of an epoch without shuffling, the same in every epoch: 0 … n−1, as the training part has them.

    >>> file_order(42, 7, 4).tolist()
    [0, 1, 2, 3]
    """
    return np.arange(n, dtype=np.int64)


def lie_by_class(y: NDArray[np.int64]) -> bool:
    """Whether the examples of each class lie together, as in a file that is sorted by its labels.

    >>> lie_by_class(np.array([1, 1, 0, 0])), lie_by_class(np.array([1, 0, 1, 0])), lie_by_class(np.array([1, 1]))
    (True, False, False)
    """
    if y.ndim > 1:
        return False  # targets are no classes
    changes = int(np.count_nonzero(np.diff(y)))
    return changes > 0 and changes + 1 == len(np.unique(y))


def batch_length(n: int, batch_size: BatchSize) -> int:
    """How many examples a batch has (the last one may have fewer): batch_size, and n for "full"."""
    return n if batch_size == "full" else batch_size


def batches(order: NDArray[np.int64], batch_size: BatchSize) -> Iterator[NDArray[np.int64]]:
    """The batches of one epoch as slices of its order; "full" is one batch of everything.

    >>> [batch.tolist() for batch in batches(np.array([3, 0, 2, 1, 4]), 2)]
    [[3, 0], [2, 1], [4]]
    """
    step = batch_length(len(order), batch_size)
    for start in range(0, len(order), step):
        yield order[start : start + step]


def steps_per_epoch(n: int, batch_size: BatchSize) -> int:
    """How many batches an epoch has: ⌈n / batch_size⌉, and 1 for "full".

    >>> steps_per_epoch(60_000, 64), steps_per_epoch(60_000, "full")
    (938, 1)
    """
    return 1 if batch_size == "full" else -(-n // batch_size)


def scored_of_training(n_train: int, n_validation: int) -> int:
    """How many training examples are scored after an epoch: as many as validate but no fewer than LEAST_SCORED; all
    where there are not more.

    >>> scored_of_training(1_293, 144), scored_of_training(60_000, 100)
    (1293, 2000)
    """
    return min(n_train, max(n_validation, LEAST_SCORED))


def train_sample(n_train: int, n_validation: int, *, seed: int = 0) -> NDArray[np.int64]:
    """The training examples that are scored after an epoch: as many as validate but no fewer than LEAST_SCORED, always
    the same ones.

    A sorted choice of 0..n_train-1 without repetition; all where n_train is not larger.  The seed is no run's own, so
    every run of a study is scored on the same sample.

    >>> train_sample(5, 10).tolist(), len(train_sample(60_000, 100)), len(train_sample(60_000, 5_000))
    ([0, 1, 2, 3, 4], 2000, 5000)
    """
    n = scored_of_training(n_train, n_validation)
    if n == n_train:
        return np.arange(n_train, dtype=np.int64)
    chosen = stream(seed, "sample").choice(n_train, n, replace=False)
    return np.sort(chosen).astype(np.int64, copy=False)
