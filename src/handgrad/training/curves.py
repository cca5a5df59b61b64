"""Curves of a run, from what its record keeps: one value an epoch, and the mean loss of the steps of every epoch."""

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from handgrad.measures import EPOCH_LOSS
from handgrad.names import unknown
from handgrad.network.arrays import Arrays

PER_STEP = "loss_per_step"  # the one curve that has a value for every step
ENDS = "steps_at_epoch_end"
KERAS = {"loss": EPOCH_LOSS.name, "accuracy": "train_accuracy", "acc": "train_accuracy", "val_acc": "val_accuracy"}


class History(dict[str, np.ndarray]):
    """Curves by epoch.  Keras's `history` calls some of them otherwise: its names lead to ours.

    `loss` is the mean over the steps of the epoch in both.  `accuracy` is so in Keras; here it is train_accuracy, that
    of the weights at the end of the epoch.

    >>> History(epoch_loss=np.array([0.5]))["loss"].tolist()
    [0.5]
    """

    def __missing__(self, name: str) -> np.ndarray:
        ours = KERAS.get(name, "") if isinstance(name, str) else ""
        if ours in self:
            return self[ours]
        raise KeyError(unknown(name, self, "curve"))


def epoch_losses(per_step: np.ndarray, ends: ArrayLike) -> np.ndarray:
    """The mean of the losses of the steps of every epoch, float64 (epochs,).

    L_e = 1/|e| · Σ_t L_t over the steps t of epoch e, each the loss of its batch before its update, with dropout and
    without the L2 term: what a training loop prints that adds up the losses of its batches.  A shorter batch counts as
    much as the others.  With `batch_reduction = "sum"` an L_t is a sum over its batch.

    per_step: the losses L_t (steps,);  ends: how many steps there were at the end of every epoch (epochs,).

    >>> epoch_losses(np.array([4.0, 2.0, 1.0, 0.0, 9.0]), np.array([2, 4])).tolist()  # the fifth is of a third epoch
    [3.0, 0.5]
    """
    bounds = [0, *np.asarray(ends, dtype=np.int64).tolist()]
    return np.array([per_step[start:end].mean(dtype=np.float64) for start, end in itertools.pairwise(bounds)])


def by_epoch(curves: Mapping[str, np.ndarray]) -> Arrays:
    """Of the arrays of curves.npz those with a value for every epoch, and `epoch_loss`, which follows from the others.

    >>> found = by_epoch({"epoch": np.array([1]), "steps_at_epoch_end": np.array([2]), "loss_per_step": np.ones(2)})
    >>> list(found), found["epoch_loss"].tolist()
    (['epoch', 'steps_at_epoch_end', 'epoch_loss'], [1.0])
    """
    found = {name: values for name, values in curves.items() if name != PER_STEP}
    if PER_STEP in curves and ENDS in curves:
        found[EPOCH_LOSS.name] = epoch_losses(curves[PER_STEP], curves[ENDS])
    return found
