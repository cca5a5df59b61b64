"""What is measured on which part of the data, once.

    PARTS     train, validation, test
    MEASURES  loss, accuracy, balanced accuracy, macro F1
    METRICS   every measure on every part, by name: `val_accuracy` is the accuracy on the validation part; and
              `epoch_loss`, the training loss as the steps of an epoch met it

A measure that is added to MEASURES is scored after every epoch and at the end; its metrics, their words and their place
in tables follow.

Letters: of class k, TP = right[k] examples of it that are predicted to be k, FN = actual[k] − TP,
FP = predicted[k] − TP.

    accuracy           Σ TP / n
    balanced accuracy  the mean over the classes that have examples of the recall, TP / (TP + FN)
    macro F1           the mean over the classes that have examples or are predicted of F1, 2·TP / (2·TP + FP + FN)

They are those of scikit-learn's `balanced_accuracy_score` and `f1_score(…, average="macro", zero_division=0)`: F1 of a
class is 0 where none of its examples is right; a class that neither has examples nor is predicted has no F1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


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


def _accuracy(counts: ClassCounts) -> Any:
    return counts.right.sum() / counts.actual.sum()


def _balanced_accuracy(counts: ClassCounts) -> Any:
    return _mean_ratio(counts.right, counts.actual)


def _macro_f1(counts: ClassCounts) -> Any:
    return _mean_ratio(2 * counts.right, counts.predicted + counts.actual)


def _mean_ratio(a: Any, b: Any) -> Any:
    """The mean of a/b over the classes with b > 0, where a = 0 as well where b = 0."""
    nothing = b == 0
    return (a / (b + nothing)).sum() / (len(b) - nothing.sum())


@dataclass(frozen=True)
class Measure:
    """What is measured: `of_losses`, from the loss of every example (n,), or `of_counts`, from those of the classes.

    is_fraction: between 0 and 1, and shown in percent.
    is_proportion: c of n examples, each counting alike: it has a binomial standard error.
    """

    name: str
    word: str
    higher_is_better: bool
    of_losses: Callable[[Any], Any] | None = None
    of_counts: Callable[[ClassCounts], Any] | None = None
    is_fraction: bool = False
    is_proportion: bool = False

    def of(self, losses: Any, counts: ClassCounts) -> float:
        """The value on a part with one example or more."""
        if self.of_counts is not None:
            return float(self.of_counts(counts))
        assert self.of_losses is not None
        return float(self.of_losses(losses))


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


TRAIN = DataPart("train", "train", "training", "train_sample")
VALIDATION = DataPart("validation", "val", "validation", "validation")
TEST = DataPart("test", "test", "test", "test")

PARTS = {part.name: part for part in (TRAIN, VALIDATION, TEST)}
MEASURES = {
    measure.name: measure
    for measure in (
        Measure("loss", "loss", False, of_losses=lambda losses: losses.mean(dtype="float64")),
        Measure("accuracy", "accuracy", True, of_counts=_accuracy, is_fraction=True, is_proportion=True),
        Measure("balanced_accuracy", "balanced accuracy", True, of_counts=_balanced_accuracy, is_fraction=True),
        Measure("macro_f1", "macro F1", True, of_counts=_macro_f1, is_fraction=True),
    )
}
EPOCH_LOSS = Metric(TRAIN, MEASURES["loss"], over_steps=True)
METRICS = {
    metric.name: metric
    for metric in (*(Metric(part, measure) for part in PARTS.values() for measure in MEASURES.values()), EPOCH_LOSS)
}

VALIDATION_METRICS = tuple(  # losses last
    VALIDATION.metric(one.name) for one in sorted(MEASURES.values(), key=lambda one: not one.higher_is_better)
)
SEARCH_METRICS = (  # what a search may judge by before the end: the test part has no say
    *VALIDATION_METRICS,
    *(name for name, metric in METRICS.items() if metric.part is TRAIN),
)
DEFAULT_METRIC = VALIDATION.metric("accuracy")  # which chooses winners unless the study says otherwise


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
