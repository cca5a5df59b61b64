"""Evaluation: a trained network, wherever it was trained, scored on a part of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.data.datasets import Dataset, split
from handgrad.data.frames import order_of
from handgrad.displays import Display, Displayed
from handgrad.errors import DataError
from handgrad.measures import MEASURES, ClassCounts
from handgrad.names import listed, lookup
from handgrad.network import passes
from handgrad.network.losses import check_fit
from handgrad.network.targets import encode
from handgrad.training.environment import one_thread
from handgrad.training.given import checked_data, model_of
from handgrad.training.model import Model, check_outputs
from handgrad.training.record import Record
from handgrad.training.recording import confusion_matrix
from handgrad.training.run import Setting


@dataclass(frozen=True, repr=False)
class Evaluation(Displayed):
    """loss: mean over the n examples of the part; accuracy: share of them in [0, 1]; balanced_accuracy, macro_f1: as
    `handgrad.measures` defines them; confusion: counts, rows the actual class, columns the predicted one."""

    part: str
    n: int
    loss: float
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    confusion: list[list[int]]

    def _display(self) -> Display:
        rows = [(measure.word, f"{getattr(self, name):.4f}") for name, measure in MEASURES.items()]
        rows.append(("confusion", f"{len(self.confusion)} × {len(self.confusion)} counts"))
        return Display(f"Evaluation of {self.n:,} {self.part} examples", tuple(rows))


def evaluate(
    model: Model | Record, setting: Setting | Mapping[str, Any], *, data: Dataset | None = None, part: str = "test"
) -> Evaluation:
    """Score a model on the test part (or "train", "validation") of the data of `setting`, with the setting's loss.

    model: a `Model`, or the record of a run.  Examples are scaled as the model learnt them, whatever the setting's
    `data.scale`.  Raises DataError where the data has no such part or other shapes or classes than the model,
    NetworkError where the loss cannot go with its output, WeightsError where weights or outputs are NaN, as those of a
    run that diverged.
    """
    model = model_of(model)
    setting = Setting.checked(setting)
    model.check_weights()
    loss, targets = setting.training.loss, setting.network.targets
    check_fit(loss, model.network.output, targets)
    data = checked_data(data, setting)
    parts = split(data, setting.data).parts
    chosen = lookup(parts, part, "part of this data")
    if data.shape != model.network.input_shape or data.n_classes != len(model.classes):
        raise DataError(
            f"{data.name}: examples {data.shape} of {data.n_classes} classes; the network takes "
            f"{model.network.input_shape} and tells {len(model.classes)} classes apart"
        )
    raw, _ = data.part(chosen.source)
    x = model.scaled(_as_learnt(raw[chosen.index], data, model))
    T = encode(chosen.y, data.n_classes, targets, x.dtype)
    with one_thread(), np.errstate(all="ignore"):  # numbers that overflow are a result
        losses, predicted = passes.score(model.network, model.params, x, T, loss)
    check_outputs(np.isnan(losses), x.dtype)
    confusion = confusion_matrix(chosen.y, predicted, data.n_classes)
    counts = ClassCounts.of_confusion(np.asarray(confusion))
    scores = {name: measure.of(losses, counts) for name, measure in MEASURES.items()}
    return Evaluation(part=part, n=len(chosen), confusion=confusion, **scores)


def _as_learnt(x: np.ndarray, data: Dataset, model: Model) -> np.ndarray:
    """Examples with the columns in the order in which the model learnt them.

    Raises DataError where the data's classes, columns or range of values are others than the model's.
    """
    numbers = tuple(map(str, range(data.n_classes)))  # names of classes that have none
    if data.classes != model.classes and numbers not in (data.classes, model.classes):
        raise DataError(
            f"{data.name}: its classes in order are {listed(data.classes, 6)}, those of the network "
            f"{listed(model.classes, 6)}; call them alike, or give the names in the network's order"
        )
    ranges = data.value_range, model.value_range
    if None not in ranges and tuple(map(float, ranges[0] or ())) != tuple(map(float, ranges[1] or ())):
        low, high = model.value_range or (0, 0)
        raise DataError(
            f"{data.name}: its values have the range {data.value_range}, the network learnt {model.value_range}; "
            f"bring them to one range, or state it: data.value_range = [{low:g}, {high:g}]"
        )
    own, names = data.feature_names, model.feature_names
    if own is None or names is None or own == names:
        return x
    return x[:, order_of(own, names, data.name)]
