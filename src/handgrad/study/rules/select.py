"""Selection: which setting wins, from the final numbers of its runs.  Bookkeeping only, no files.

A setting is judged by the mean over its seeds of `select_by`, measured on validation data.  Settings with a run
that diverged, failed or is missing rank below all others.  A search judges by the largest number of epochs: settings
with a run that it stopped short rank below those that came to their end, and among themselves by their epochs.
Equal means of accuracy are those of equally many correct examples, not of equal last bits.  Ties go to the lower mean
loss on the same part of the data, then to the order of the plan.  The test set is looked at only where the study says
`select_on_test = true`, and then decides ties by its loss as well.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from handgrad.measures import METRICS, TEST, is_proportion, lower_is_better, on_part


@dataclass(frozen=True)
class RunSummary:
    """All that is kept of a finished run while a study goes on."""

    id: str
    seed: int
    status: str
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0


def metric_of(select_by: str, select_on_test: bool) -> str:
    """The metric that decides: `val_accuracy`, or with select_on_test `test_accuracy`."""
    return on_part(select_by, TEST) if select_on_test else select_by


Rank = tuple[int, int, int, float, float]


def rank_key(runs: Sequence[RunSummary | None], metric: str) -> Rank:
    """Smaller is better: how many runs have no result, how many were stopped short, minus the epochs of the shortest
    of these, the mean of the metric, the mean validation loss.

    >>> good = [RunSummary("a", 0, "done", {"val_accuracy": 0.9})]
    >>> bad = [RunSummary("b", 0, "diverged", {"val_accuracy": None})]
    >>> rank_key(good, "val_accuracy") < rank_key(bad, "val_accuracy")
    True
    """
    done = [run for run in runs if run is not None and run.status in ("done", "pruned")]
    sign = 1 if lower_is_better(metric) else -1
    mean, loss = _mean(done, metric), _mean(done, METRICS[metric].part.metric("loss"))
    short = [run.epochs for run in done if run.status == "pruned"]
    return (
        len(runs) - len(done),
        len(short),
        -min(short, default=0),
        math.inf if mean is None else sign * mean,
        math.inf if loss is None else loss,
    )


def _mean(runs: Sequence[RunSummary], metric: str) -> float | None:
    return mean_of([run.metrics.get(metric) for run in runs], metric)


MOST_EXAMPLES = 10**7  # fractions of so many examples are told apart by their floats


def mean_of(values: Sequence[float | None], metric: str) -> float | None:
    """The mean of a metric over seeds; None without values, or where one of them is missing or not finite.

    An accuracy is a fraction c/N of examples, and the sum of such floats depends on which of them they are: the means
    of 81/100, 85/100 and of 82/100, 84/100 differ in their last bit.  Fractions are added instead.

    >>> mean_of([0.81, 0.85], "val_accuracy") == mean_of([0.82, 0.84], "val_accuracy") == 0.83
    True
    """
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if not numbers or len(numbers) < len(values):
        return None
    if is_proportion(metric):
        total = sum((Fraction(value).limit_denominator(MOST_EXAMPLES) for value in numbers), start=Fraction())
        return float(total / len(numbers))
    return math.fsum(numbers) / len(numbers)


def choose(settings: Mapping[str, Sequence[RunSummary | None]], metric: str) -> str | None:
    """The label of the winner; None where no setting has the metric and there are several.

    `settings`: label -> its runs, in the order of the plan.
    """
    if len(settings) < 2:
        return next(iter(settings), None)
    keys = {label: rank_key(runs, metric) for label, runs in settings.items()}
    if all(math.isinf(key[3]) for key in keys.values()) and not any(
        run is not None and run.status == "diverged" for runs in settings.values() for run in runs
    ):
        return None
    return min(settings, key=lambda label: keys[label])  # min keeps the first of equals
