"""What is measured on which part of the data, once.

    PARTS     train, validation, test
    TASKS     classification, regression, multi-label: what a network learns to tell
    MEASURES  what is measured: loss, accuracy, RMSE, …; each says of which tasks
    METRICS   every measure on every part, by name: `val_accuracy` is the accuracy on the validation part; and
              `epoch_loss`, the training loss as the steps of an epoch met it

A measure that is added to MEASURES is scored after every epoch and at the end; its metrics, their words and their place
in tables follow.

Letters: of class k, TP = right[k] examples of it that are predicted to be k, FN = actual[k] − TP,
FP = predicted[k] − TP.  Of labels, class k are the examples that have label k.

    accuracy           Σ TP / n; of labels: the share of the examples all of whose labels are right
    label accuracy     the share of all labels of all examples that are right
    balanced accuracy  the mean over the classes that have examples of the recall, TP / (TP + FN)
    macro F1           the mean over the classes that have examples or are predicted of F1, 2·TP / (2·TP + FP + FN)
    precision          TP / (TP + FP) of the second class, 0 where it is never predicted; of labels: the mean over those
                       that have examples or are predicted
    recall             TP / (TP + FN) of the second class; of labels: the mean over those that have examples
    ROC AUC            the probability that an example of the second class has a larger output than one of the first,
                       ties counted half (Mann and Whitney 1947); of labels: the mean over those that have both

    RMSE               √(Σ (a − y)² / n), MAE  Σ |a − y| / n, R²  1 − Σ (a − y)² / Σ (y − ȳ)²: of each target, in its
                       own units, and of several targets the mean of theirs

They are those of scikit-learn's functions of these names (`average="macro", zero_division=0`; `accuracy_score` of
several labels is that of whole rows): F1 of a class is 0 where none of its examples is right; a class that neither has
examples nor is predicted has no F1.  A measure that is not defined on a part, as R² of equal targets, is NaN.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

CLASSIFICATION, REGRESSION, MULTI_LABEL = "classification", "regression", "multi-label"
TASKS = (CLASSIFICATION, REGRESSION, MULTI_LABEL)
BINARY = "binary"  # classification of two classes by one output


@dataclass(frozen=True)
class DataPart:
    """A part of the data.

    name: in a `Split`, in records and in options;  short: the beginning of its metrics;  word: in text and figures;
    scored: the examples of it that are scored after an epoch.
    """

    name: str
    short: str
    word: str
    scored: str

    def metric(self, measure: str) -> str:
        """The name of a measure on this part.

        >>> VALIDATION.metric("loss")
        'val_loss'
        """
        return f"{self.short}_{measure}"


class ClassCounts(NamedTuple):
    """Examples of every class (k,), as integer arrays: those that are right, all that are predicted to be of it, all
    that are of it."""

    right: Any
    predicted: Any
    actual: Any

    @classmethod
    def of_confusion(cls, C: Any) -> "ClassCounts":
        """Those of a confusion matrix (k, k), an array with a row for each actual class."""
        return cls(C.diagonal(), C.sum(axis=0), C.sum(axis=1))


class Scored(NamedTuple):
    """What measures are computed of on a part of n examples.

    losses (n,);  counts: of the classes, or of the labels;  y, a (n, k): the targets and the outputs, in the units of
    the targets, and decided (n, k): the labels that are told; None where the task has no such thing.
    """

    losses: Any
    counts: ClassCounts | None = None
    y: Any = None
    a: Any = None
    decided: Any = None


def _of_counts(measure: Callable[[ClassCounts], Any]) -> Callable[[Scored], Any]:
    return lambda scored: measure(scored.counts)  # type: ignore[arg-type]


def _accuracy(counts: ClassCounts) -> Any:
    return counts.right.sum() / counts.actual.sum()


def _balanced_accuracy(counts: ClassCounts) -> Any:
    return _mean_ratio(counts.right, counts.actual)


def _macro_f1(counts: ClassCounts) -> Any:
    return _mean_ratio(2 * counts.right, counts.predicted + counts.actual)


def _precision(counts: ClassCounts) -> Any:
    """The mean over the classes that have examples or are predicted of TP / (TP + FP)."""
    there = counts.predicted + counts.actual > 0
    nothing = counts.predicted == 0
    return (counts.right / (counts.predicted + nothing)).sum() / there.sum() if there.any() else math.nan


def _second(counts: ClassCounts) -> ClassCounts:
    return ClassCounts(*(of_class[1:] for of_class in counts))


def roc_auc(positive: Any, a: Any) -> float:
    """The probability that a positive example has a larger a than another; NaN where there are none of either.

    positive (n,) of bool, a (n,).  Of the ranks R of a, ties sharing their mean rank, over the n₁ positive of n:
    AUC = (Σ R − n₁(n₁ + 1)/2) / (n₁(n − n₁)).

    >>> import numpy as np
    >>> roc_auc(np.array([False, True, True, False]), np.array([0.1, 0.8, 0.3, 0.3]))
    0.875
    """
    from scipy.stats import rankdata

    n, n_positive = len(a), int(positive.sum())
    if not 0 < n_positive < n:
        return math.nan
    ranks = rankdata(a)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * (n - n_positive)))


def _mean_auc(scored: Scored) -> float:
    columns = [roc_auc(y == 1, a) for y, a in zip(scored.y.T, scored.a.T, strict=True)]
    defined = [value for value in columns if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def _residuals(scored: Scored) -> Any:
    return scored.a.astype("float64") - scored.y


def _rmse(scored: Scored) -> Any:
    return ((_residuals(scored) ** 2).mean(axis=0) ** 0.5).mean()


def _mae(scored: Scored) -> Any:
    return abs(_residuals(scored)).mean(axis=0).mean()


def _r2(scored: Scored) -> Any:
    spread = ((scored.y - scored.y.mean(axis=0)) ** 2).sum(axis=0)
    if not (spread > 0).all():
        return math.nan
    return (1 - (_residuals(scored) ** 2).sum(axis=0) / spread).mean()


def _mean_ratio(a: Any, b: Any) -> Any:
    """The mean of a/b over the classes with b > 0, where a = 0 as well where b = 0; NaN where b > 0 of none."""
    if b.all():
        return (a / b).sum() / len(b)
    nothing = b == 0
    there = len(b) - int(nothing.sum())
    return (a / (b + nothing)).sum() / there if there else math.nan


@dataclass(frozen=True)
class Measure:
    """What is measured.  formulas: of which tasks, or of BINARY classification too, and from what.

    of_counts: its formula in classification, where the classes' counts are enough for it.
    is_fraction: between 0 and 1, and shown in percent.
    is_proportion: c of n examples, each counting alike: it has a binomial standard error.
    chooses: whether winners can be chosen by it; not by R², which ranks as RMSE does on one part, and has no scale on
    which spreads of it compare.
    """

    name: str
    word: str
    higher_is_better: bool
    formulas: Mapping[str, Callable[[Scored], Any]] = field(compare=False)
    of_counts: Callable[[ClassCounts], Any] | None = field(default=None, compare=False)
    is_fraction: bool = False
    is_proportion: bool = False
    chooses: bool = True

    def of(self, scored: Scored, task: str = CLASSIFICATION) -> float:
        """The value on a part with one example or more; task: one of `formulas`."""
        return float(self.formulas[task](scored))


@dataclass(frozen=True)
class Metric:
    """A measure on a part of the data.

    over_steps: the mean over the steps of an epoch, each measured on its batch before its update, while the network
    learns; False: scored after the epoch.
    """

    part: DataPart
    measure: Measure
    over_steps: bool = False

    @property
    def name(self) -> str:
        """The name in records, curves and study files: `val_accuracy`."""
        return f"epoch_{self.measure.name}" if self.over_steps else self.part.metric(self.measure.name)

    @property
    def word(self) -> str:
        """The name in text: "validation accuracy"."""
        return f"{self.part.word} {self.measure.word}" + (" over the epoch" if self.over_steps else "")


def _of_classes(measure: Callable[[ClassCounts], Any]) -> dict[str, Callable[[Scored], Any]]:
    return dict.fromkeys((CLASSIFICATION, BINARY), _of_counts(measure))


TRAIN = DataPart("train", "train", "training", "train_sample")
VALIDATION = DataPart("validation", "val", "validation", "validation")
TEST = DataPart("test", "test", "test", "test")

PARTS = {part.name: part for part in (TRAIN, VALIDATION, TEST)}
MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            *("loss", "loss", False),
            dict.fromkeys((*TASKS, BINARY), lambda scored: scored.losses.sum(dtype="float64") / len(scored.losses)),
        ),
        Measure(
            *("accuracy", "accuracy", True),
            {
                **_of_classes(_accuracy),
                MULTI_LABEL: lambda scored: (scored.decided == scored.y).all(axis=1).mean(),
            },
            of_counts=_accuracy,
            is_fraction=True,
            is_proportion=True,
        ),
        Measure(
            *("balanced_accuracy", "balanced accuracy", True, _of_classes(_balanced_accuracy)),
            of_counts=_balanced_accuracy,
            is_fraction=True,
        ),
        Measure(
            *("macro_f1", "macro F1", True, {**_of_classes(_macro_f1), MULTI_LABEL: _of_counts(_macro_f1)}),
            of_counts=_macro_f1,
            is_fraction=True,
        ),
        Measure(
            *("label_accuracy", "label accuracy", True),
            {MULTI_LABEL: lambda scored: (scored.decided == scored.y).mean()},
            is_fraction=True,
        ),
        Measure(
            *("precision", "precision", True),
            {BINARY: _of_counts(lambda counts: _precision(_second(counts))), MULTI_LABEL: _of_counts(_precision)},
            is_fraction=True,
        ),
        Measure(
            *("recall", "recall", True),
            {
                BINARY: _of_counts(lambda counts: _balanced_accuracy(_second(counts))),
                MULTI_LABEL: _of_counts(_balanced_accuracy),
            },
            is_fraction=True,
        ),
        Measure(
            *("roc_auc", "ROC AUC", True),
            {BINARY: lambda scored: roc_auc(scored.y[:, 0] == 1, scored.a[:, 0]), MULTI_LABEL: _mean_auc},
            is_fraction=True,
        ),
        Measure("rmse", "RMSE", False, {REGRESSION: _rmse}),
        Measure("mae", "MAE", False, {REGRESSION: _mae}),
        Measure("r2", "R²", True, {REGRESSION: _r2}, chooses=False),
    )
}
EPOCH_LOSS = Metric(TRAIN, MEASURES["loss"], over_steps=True)
METRICS = {
    metric.name: metric
    for metric in (*(Metric(part, measure) for part in PARTS.values() for measure in MEASURES.values()), EPOCH_LOSS)
}

VALIDATION_METRICS = tuple(  # losses last
    VALIDATION.metric(one.name)
    for one in sorted(MEASURES.values(), key=lambda one: not one.higher_is_better)
    if one.chooses
)
SEARCH_METRICS = (  # what a search may judge by before the end: the test part has no say
    *VALIDATION_METRICS,
    *(name for name, metric in METRICS.items() if metric.part is TRAIN and metric.measure.chooses),
)
MAIN_MEASURES = {CLASSIFICATION: "accuracy", REGRESSION: "rmse", MULTI_LABEL: "macro_f1"}
DEFAULT_METRIC = VALIDATION.metric("accuracy")  # which chooses winners unless the study or its task says otherwise


def usual_measures(task: str) -> tuple[str, str]:
    """The measures that tables and curves show where nothing else is asked for: the main one of a task, and the loss.

    >>> usual_measures(CLASSIFICATION)
    ('accuracy', 'loss')
    """
    return MAIN_MEASURES[task], "loss"


def measures_of(task: str) -> tuple[Measure, ...]:
    """What is measured of a task, or of BINARY classification.

    >>> [measure.name for measure in measures_of(REGRESSION)]
    ['loss', 'rmse', 'mae', 'r2']
    """
    return tuple(measure for measure in MEASURES.values() if task in measure.formulas)


def metrics_of(task: str) -> tuple[str, ...]:
    """The metrics of a task, or of BINARY classification, in the order of METRICS."""
    return tuple(name for name, metric in METRICS.items() if task in metric.measure.formulas)


def part_of(metric: str) -> DataPart | None:
    """The part whose examples a metric is scored on; None of what is not scored, such as `seconds` or `epoch_loss`."""
    return METRICS[metric].part if metric in METRICS and not METRICS[metric].over_steps else None


def measure_of(name: str) -> Measure | None:
    """The measure of a metric, or the measure of this name; None of anything else, such as `seconds`."""
    return METRICS[name].measure if name in METRICS else MEASURES.get(name)


def on_part(metric: str, part: DataPart) -> str:
    """The same measure on another part.

    >>> on_part("val_accuracy", TEST)
    'test_accuracy'
    """
    return part.metric(METRICS[metric].measure.name)


def is_fraction(name: str) -> bool:
    """Whether a metric or measure lies between 0 and 1, and is shown in percent.

    >>> is_fraction("test_accuracy"), is_fraction("macro_f1"), is_fraction("test_loss"), is_fraction("seconds")
    (True, True, False, False)
    """
    measure = measure_of(name)
    return measure is not None and measure.is_fraction


def is_proportion(name: str) -> bool:
    """Whether a metric or measure is c of n examples, each counting alike, with a binomial standard error.

    >>> is_proportion("test_accuracy"), is_proportion("balanced_accuracy"), is_proportion("test_loss")
    (True, False, False)
    """
    measure = measure_of(name)
    return measure is not None and measure.is_proportion


def lower_is_better(name: str) -> bool:
    """Whether a metric or measure is better the lower it is."""
    measure = measure_of(name)
    return measure is not None and not measure.higher_is_better
