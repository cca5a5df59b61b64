"""Evaluation: a trained network, wherever it was trained, scored on a part of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.data.contents import NAMED
from handgrad.data.datasets import Dataset, split
from handgrad.data.frames import order_of
from handgrad.displays import Display, Displayed
from handgrad.errors import DataError
from handgrad.measures import BINARY, CLASSIFICATION, MEASURES, PARTS, TEST, measures_of
from handgrad.names import listed, lookup
from handgrad.network import passes
from handgrad.network.losses import check_fit
from handgrad.network.targets import encode, tells_one_class
from handgrad.training.environment import one_thread
from handgrad.training.given import checked_data, model_of
from handgrad.training.model import Model, check_outputs
from handgrad.training.record import Record
from handgrad.training.run import Setting
from handgrad.training.scoring import confusion_matrix, scored_part


@dataclass(frozen=True, repr=False)
class Evaluation(Displayed):
    """scores: the measures of the task over the n examples of the part, by name, as `handgrad.measures` defines them;
    each is an attribute too (`accuracy`, `rmse`).  confusion: counts, rows the actual class, columns the predicted one;
    empty where nothing is told into classes."""

    part: str
    n: int
    scores: dict[str, float]
    confusion: list[list[int]]

    def __getattr__(self, name: str) -> float:
        scores = self.__dict__.get("scores", {})
        if name in scores:
            return float(scores[name])
        known = f"; {self.part} was scored by {listed(scores)}" if name in MEASURES else ""
        raise AttributeError(f"an Evaluation has no {name}{known}")

    def _display(self) -> Display:
        rows = [(MEASURES[name].word, f"{value:.4f}") for name, value in self.scores.items()]
        rows += [("confusion", f"{len(self.confusion)} × {len(self.confusion)} counts")] if self.confusion else []
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
    data = checked_data(data, setting)
    single = model.task == CLASSIFICATION and model.network.n_outputs == 1
    check_fit(loss, model.network.output, targets, BINARY if single else model.task)
    parts = split(data, setting.data).parts
    if isinstance(part, str) and part in PARTS and part not in parts:
        why = "data.test = false" if setting.data.test is False else "data.validation takes all of it"
        why = why if part == TEST.name else "data.validation = false"
        raise DataError(
            f"{data.name} has no {part} part in this setting: {why}; score {' or '.join(parts)}, or change the setting"
        )
    chosen = lookup(parts, part, "part of this data")
    if data.task != model.task:
        raise DataError(f"{data.name} is for {data.task}, and the network learnt {model.task}; they must be alike")
    if data.shape != model.network.input_shape or data.n_classes != len(model.classes):
        words = NAMED[model.task]
        raise DataError(
            f"{data.name}: examples {data.shape} of {data.n_classes} {words}; the network takes "
            f"{model.network.input_shape} and tells {len(model.classes)} {words}{' apart' * (words == 'classes')}"
        )
    raw, _ = data.part(chosen.source)
    x = model.scaled(_as_learnt(raw[chosen.index], data, model))
    y, k = chosen.y, model.network.n_outputs
    T = encode(y if model.task == CLASSIFICATION else model.target_scaler.apply(y), k, targets, x.dtype)
    with one_thread(), np.errstate(all="ignore"):  # numbers that overflow are a result
        losses, found = passes.score(
            model.network, model.params, x, T, loss, tells_class=tells_one_class(T if y.ndim == 2 else y, k)
        )
    check_outputs(np.isnan(losses), x.dtype)
    scored, task, predicted = scored_part(losses, found, y, model, model.network.output)
    confusion = confusion_matrix(y, predicted, data.n_classes) if model.task == CLASSIFICATION else []
    return Evaluation(part, len(chosen), {one.name: one.of(scored, task) for one in measures_of(task)}, confusion)


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
