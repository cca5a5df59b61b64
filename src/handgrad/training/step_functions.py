"""What training is composed of, function by function, and a slip: one of these functions as it is got wrong.

`train_step` of the array engine, its scoring and a run in progress take their functions from a `StepFunctions`.  That
is `REFERENCE` unless a setting names slips (`slips.functions_at`), so no function here knows of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.data.batches import epoch_order, file_order
from handgrad.network import passes
from handgrad.network.arrays import Array
from handgrad.network.network import Network
from handgrad.network.passes import PassFunctions
from handgrad.training.optimizers import step
from handgrad.training.schedules import Schedule

Scores = dict[str, float]  # by metric: "val_loss"


def multipliers(schedule: Schedule, e: np.ndarray, epochs: int, history: Sequence[float]) -> np.ndarray:
    """The numbers that multiply lr at the times e of one epoch: the schedule's own."""
    return schedule.warmed(e, epochs, history)


def reported(scores: Scores, batch_loss: Callable[[], float]) -> Scores:
    """Scores after an epoch, by metric, as they are reported; batch_loss() is the mean loss of the epoch's batches."""
    return scores


def labels(y: np.ndarray) -> np.ndarray:
    """The labels (n,) that the training examples are trained with: their own."""
    return y


def scored(x: np.ndarray) -> np.ndarray:
    """The scaled examples (n, *shape) of validation or test as they are scored: the same."""
    return x


@dataclass(frozen=True)
class StepFunctions(PassFunctions):
    """Those of the backward pass, and those around it.

    masks        of dropout at one step: `passes.masks`
    step         gradients -> parameters: `optimizers.step`
    score        (loss of every example, predicted class) after an epoch: `passes.score`
    order        of the examples in one epoch: `batches.epoch_order`, or `file_order` without shuffling
    multipliers  of the learning rate: the schedule's
    reported     scores after an epoch -> those that are reported: the same
    labels       of the training examples (n,) -> those that they are trained with: the same
    scored       scaled examples of validation or test -> those that are scored: the same
    """

    masks: Callable[..., dict[int, Array]] = passes.masks
    step: Callable[..., tuple[dict[str, Array], dict[str, tuple[Array, ...]]]] = step
    score: Callable[..., tuple[Array, Array]] = passes.score
    order: Callable[[int, int, int], np.ndarray] = epoch_order
    multipliers: Callable[[Schedule, np.ndarray, int, Sequence[float]], np.ndarray] = multipliers
    reported: Callable[[Scores, Callable[[], float]], Scores] = reported
    labels: Callable[[np.ndarray], np.ndarray] = labels
    scored: Callable[[np.ndarray], np.ndarray] = scored


REFERENCE = StepFunctions()
IN_FILE_ORDER = StepFunctions(order=file_order)  # training.shuffle = false
# Functions that are no part of a step: a run in progress has them for every engine.
AROUND = ("order", "multipliers", "reported", "labels", "scored")


@dataclass(frozen=True)
class AtStep:
    """What a wrong function may read beside its arguments.

    training: the [training] table;  lr: of this step;  key, number: of the dropout masks, as `train_step` takes them.
    """

    training: Any
    lr: float | Array = 0.0
    key: int | Array = 0
    number: int | Array = 0


@dataclass(frozen=True)
class Slip:
    """One function of the reference, as students get it wrong.

    changes      the field of `StepFunctions` that it replaces
    term         what it changes in it: two slips with the same go not together
    formula      what is computed;  right: what should be
    why          how it comes about
    fingerprint  what it does to gradients, or to the numbers that it is about, in a form that can be checked
    symptom      what it does to training
    wrong        (the right function, AtStep) -> the wrong one, with the same arguments
    needs        what a setting must have so that the slip changes anything, for a message
    applies      (network, [training] table) -> whether it has that
    gradient     whether it makes gradients wrong, so that a gradient check finds it
    source       the published report that has it; empty if none is known
    needs_validation: whether it changes nothing without validation data
    needs_standard: whether it changes nothing unless data.scale = "standard"
    """

    name: str
    changes: str
    term: str
    formula: str
    right: str
    why: str
    fingerprint: str
    symptom: str
    wrong: Callable[[Any, AtStep], Any]
    needs: str
    applies: Callable[[Network, Any], bool]
    gradient: bool = False
    source: str = ""
    needs_validation: bool = False
    needs_standard: bool = False

    @property
    def text(self) -> str:
        """The slip in one line, as records and pages state it."""
        return f"{self.name}: {self.formula}, instead of {self.right}"
