"""Slips around the steps: the learning rate, the order of examples, their labels and scaling, what is reported.

Each function takes the right function and gives the wrong one.  `Right` and the letters are those of `gradient_slips`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from handgrad.data import scaling
from handgrad.data.batches import epoch_order
from handgrad.measures import VALIDATION
from handgrad.network.network import Network
from handgrad.training.gradient_slips import Right
from handgrad.training.schedules import Schedule
from handgrad.training.step_functions import AtStep, Scores, Slip

VALIDATION_LOSS = VALIDATION.metric("loss")


def _decayed_each_step(right: Right, at: AtStep) -> Right:
    def multipliers(schedule: Schedule, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
        found: np.ndarray = right(schedule, np.rint(e * len(e)), epochs, history)
        return found

    return multipliers


def _as_they_lie(right: Right, at: AtStep) -> Right:
    return lambda seed, epoch, n: np.arange(n, dtype=np.int64)


def _first_order(right: Right, at: AtStep) -> Right:
    return lambda seed, epoch, n: right(seed, 0, n)


def _whole_batches(right: Right, at: AtStep) -> Right:
    def order(seed: int, epoch: int, n: int) -> np.ndarray:
        m = n if at.training.batch_size == "full" else min(n, at.training.batch_size)
        found: np.ndarray = right(seed, epoch, n)[: n - n % m]
        return found

    return order


def _batch_loss_for_validation(right: Right, at: AtStep) -> Right:
    def reported(scores: Scores, batch_loss: Callable[[], float]) -> Scores:
        found: Scores = right(scores, batch_loss)
        return found | {VALIDATION_LOSS: batch_loss()} if VALIDATION_LOSS in found else found

    return reported


def _shuffled_labels(right: Right, at: AtStep) -> Right:
    def labels(y: np.ndarray) -> np.ndarray:
        found: np.ndarray = right(y)[epoch_order(0, 0, len(y))]  # the same for runs that share a program
        return found

    return labels


def _standardized_anew(right: Right, at: AtStep) -> Right:
    """(x − mean)/std of what was standardized already is what the part's own numbers make of the examples as they were:
    a shift and a division before it fall out."""

    def scored(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = right(x)
        return scaling.fit("standard", found, None).apply(found)

    return scored


# -- where they change something


def _batches(network: Network, training: Any) -> bool:
    return training.batch_size not in ("full", 1)


def _shuffled(network: Network, training: Any) -> bool:
    return training.batch_size != "full" and bool(training.shuffle)


def _schedule(network: Network, training: Any) -> bool:
    return training.schedule.name not in ("constant", "range-test") and not training.schedule.needs_validation


EPOCH_SLIPS = (
    Slip(
        "lr-decay-per-step",
        changes="multipliers",
        term="e",
        formula="the schedule at the number of the step",
        right="the schedule at the number of the epoch",
        why="the decay stands in the loop over batches",
        fingerprint="the learning rate changes after every step",
        symptom="the learning rate is gone within an epoch or two, and the curves are flat from there on",
        wrong=_decayed_each_step,
        needs="training.schedule = exponential, steps or cosine",
        applies=_schedule,
    ),
    Slip(
        "no-shuffling",
        changes="order",
        term="permutation",
        formula="examples 0 … n − 1 in every epoch",
        right="another permutation in every epoch",
        why="the batches are slices of the file",
        fingerprint="the order is 0, 1, 2, …",
        symptom="none where the file is mixed; forgets the first classes where it is sorted by class",
        wrong=_as_they_lie,
        needs='batches that are shuffled: training.batch_size below "full"',
        applies=_shuffled,
        source="eee543",
    ),
    Slip(
        "same-order-every-epoch",
        changes="order",
        term="permutation",
        formula="the permutation of the first epoch in every epoch",
        right="another permutation in every epoch",
        why="shuffled once, before the loop over epochs, or with a generator that is seeded in it",
        fingerprint="the order of epoch 2 is that of epoch 1",
        symptom="a loss that repeats itself from epoch to epoch; slightly worse",
        wrong=_first_order,
        needs='batches that are shuffled: training.batch_size below "full"',
        applies=_shuffled,
        source="Fashion-MNIST by hand (fashion)",
    ),
    Slip(
        "last-batch-dropped",
        changes="order",
        term="length",
        formula="⌊n/m⌋ batches",
        right="⌈n/m⌉ batches, the last one shorter",
        why="range(n // m), or drop_last = True",
        fingerprint="n mod m examples of an epoch enter no gradient",
        symptom="none with shuffling; without it the last examples are never learnt",
        wrong=_whole_batches,
        needs="batches of 2 or more, and more than one",
        applies=_batches,
    ),
    Slip(
        "training-loss-as-validation-loss",
        changes="reported",
        term="val_loss",
        formula="val_loss = mean loss of the epoch's batches, while the network learns",
        right="val_loss = mean loss of the validation examples, after the epoch",
        why="the variable of the training loop is what is printed and handed to the search",
        fingerprint="val_loss of an epoch is the mean of its loss_per_step",
        symptom="overfitting cannot be seen; early stopping and a search go by the training loss",
        wrong=_batch_loss_for_validation,
        needs='training.batch_reduction = "mean"',
        applies=lambda network, training: training.batch_reduction == "mean",
        source="earin, Table 4.2",
        needs_validation=True,
    ),
    Slip(
        "labels-shuffled-apart",
        changes="labels",
        term="y",
        formula="example i is trained with the label of another one, y_π(i)",
        right="example i is trained with its own label y_i",
        why="X and y are shuffled one after the other, each by a permutation of its own",
        fingerprint="the counts of labels are right; the label of an example is right no more often than by chance",
        symptom="validation stays at the share of the largest class; a large network learns training by heart",
        wrong=_shuffled_labels,
        needs="nothing",
        applies=lambda network, training: True,
    ),
    Slip(
        "parts-scaled-by-themselves",
        changes="scored",
        term="mean, std",
        formula="(x − mean)/std of validation and test, each by its own mean and std",
        right="mean and std of the training part for all",
        why="the scaler is fitted again on every part: fit_transform in place of transform",
        fingerprint="every scored part has mean 0 and standard deviation 1",
        symptom="hardly any where parts are drawn from one set; a shift between training and test goes unseen",
        wrong=_standardized_anew,
        needs='data.scale = "standard"',
        applies=lambda network, training: True,
        needs_standard=True,
    ),
)
