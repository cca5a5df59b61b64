"""What is measured on which part of the data, once.

    PARTS     train, validation, test
    MEASURES  loss, accuracy
    METRICS   every measure on every part, by name: `val_accuracy` is the accuracy on the validation part; and
              `epoch_loss`, the training loss as the steps of an epoch met it

A measure that is added to MEASURES is scored after every epoch and at the end; its metrics, their words and their place
in tables follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True)
class Measure:
    """What is measured.

    of: from the loss of every example (n,), its predicted and its actual class (n,), to the value.
    is_fraction: c of n examples, which is shown in percent and has a binomial standard error.
    """

    name: str
    of: Callable[[Any, Any, Any], Any]
    higher_is_better: bool
    is_fraction: bool = False


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
        return f"{self.part.word} {self.measure.name}" + (" over the epoch" if self.over_steps else "")


TRAIN = DataPart("train", "train", "training", "train_sample")
VALIDATION = DataPart("validation", "val", "validation", "validation")
TEST = DataPart("test", "test", "test", "test")

PARTS = {part.name: part for part in (TRAIN, VALIDATION, TEST)}
MEASURES = {
    measure.name: measure
    for measure in (
        Measure("loss", lambda losses, predicted, actual: losses.mean(dtype="float64"), higher_is_better=False),
        Measure(
            "accuracy",
            lambda losses, predicted, actual: (predicted == actual).mean(),
            higher_is_better=True,
            is_fraction=True,
        ),
    )
}
EPOCH_LOSS = Metric(TRAIN, MEASURES["loss"], over_steps=True)
METRICS = {
    metric.name: metric
    for metric in (*(Metric(part, measure) for part in PARTS.values() for measure in MEASURES.values()), EPOCH_LOSS)
}

VALIDATION_METRICS = tuple(name for name, metric in METRICS.items() if metric.part is VALIDATION)
SEARCH_METRICS = (  # what a search may judge by before the end: the test part has no say
    *VALIDATION_METRICS[::-1],
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
    """Whether a metric or measure is a fraction of examples: shown in percent, with a binomial standard error.

    >>> is_fraction("test_accuracy"), is_fraction("accuracy"), is_fraction("test_loss"), is_fraction("seconds")
    (True, True, False, False)
    """
    measure = measure_of(name)
    return measure is not None and measure.is_fraction


def lower_is_better(name: str) -> bool:
    """Whether a metric or measure is better the lower it is."""
    measure = measure_of(name)
    return measure is not None and not measure.higher_is_better
