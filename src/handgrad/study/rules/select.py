"""Selection: which setting wins, from the final numbers of its runs.  Bookkeeping only, no files.

A setting is judged by the mean over its seeds of `select_by`, measured on validation data.  Settings with a run
that diverged, failed or is missing rank below all others.  A search judges by the largest number of epochs: settings
with a run that it stopped short rank below those that came to their end, and among themselves by their epochs.
Ties go to the lower mean validation loss, then to the order of the plan.  The test set is looked at only where the
study says `select_on_test = true`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


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
    return select_by.replace("val_", "test_") if select_on_test else select_by


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
    sign = 1 if metric.endswith("_loss") else -1
    mean, loss = _mean(done, metric), _mean(done, metric.split("_")[0] + "_loss")
    short = [run.epochs for run in done if run.status == "pruned"]
    return (
        len(runs) - len(done),
        len(short),
        -min(short, default=0),
        math.inf if mean is None else sign * mean,
        math.inf if loss is None else loss,
    )


def _mean(runs: Sequence[RunSummary], metric: str) -> float | None:
    values = [run.metrics.get(metric) for run in runs]
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(numbers) / len(numbers) if numbers and len(numbers) == len(values) else None


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
