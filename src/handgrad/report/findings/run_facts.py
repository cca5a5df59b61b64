"""One run of a study: its status and its record.json, and what several runs were trained and scored on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from handgrad.measures import METRICS, TRAIN, VALIDATION
from handgrad.study.changes import at_path
from handgrad.training.record import Record
from handgrad.training.run_keys import RunKey, run_key

UNFINISHED = ("pending", "running", "waiting", "interrupted", "not begun")


@dataclass(frozen=True)
class RunFacts:
    """One run.  `record`: without what is long (`summarize.shortened`); None while there is none.

    `collapsed`: the class that it predicts for nearly everything, and the share of examples; None as a rule.  `drawn`:
    part of the data -> how many examples it was drawn from, where the split has a seed of the study's.  `fold`: where
    folds divide the data, which of them validates.
    """

    id: str
    seed: int
    status: str
    record: Record | None = None
    collapsed: tuple[str, float] | None = None
    drawn: Mapping[str, int] = field(default_factory=dict)
    fold: int | None = None

    @property
    def key(self) -> RunKey:
        """What pairs it with the runs of other settings."""
        return run_key(self.seed, self.fold)

    def overlap(self, metric: str) -> float:
        """n₂/n₁ (`resampled`): the examples that score it, of its fold or of a split that its seed draws, by those that
        train it; of training metrics the drawn examples that train it by those that do not.  0 where all runs are
        scored on the same, or where it never trained; and of training and test metrics of folds: these are scored on
        one test part and train on nearly the same examples."""
        part = METRICS[metric].part
        if self.record is None or (part is not VALIDATION if self.fold is not None else part.name not in self.drawn):
            return 0.0
        counts = self.record.dataset.counts
        trained, scored = counts.get(TRAIN.name, 0), counts.get(part.name, 0)
        others = self.drawn[TRAIN.name] - trained if part is TRAIN else trained
        return scored / others if others > 0 else 0.0

    def value(self, metric: str) -> float | None:
        """A metric of a run that came to its end; None where there is none, or where it is not finite."""
        return self._values.get(metric)

    @cached_property
    def _values(self) -> dict[str, float]:
        if self.record is None or self.status not in ("done", "pruned"):
            return {}
        scores = self.record.scores
        return {name: value for name, value in scores.items() if value is not None and math.isfinite(value)}


def folds_of(setting: Mapping[str, Any]) -> int | None:
    """Into how many folds a setting divides its data; None where it does not."""
    folds = at_path(setting, "data.validation.folds")
    return folds if isinstance(folds, int) else None


def trained_on(runs: Sequence[RunFacts]) -> int | None:
    """How many examples these runs trained on; None while none has trained."""
    records = (run.record for run in runs if run.status != "failed")
    return next((record.dataset.counts.get(TRAIN.name) for record in records if record is not None), None)


def examples_of(runs: Sequence[RunFacts], metric: str, folds: int | None = None) -> int | None:
    """On how many examples a metric of these runs was scored.

    folds: of one division, whose validation parts share no example: on those of all of them together.
    """
    part = METRICS[metric].part
    trained = [(run, run.record) for run in runs if run.record is not None and run.status != "failed"]
    if part is TRAIN:
        return next((record.train_score.n for _, record in trained if record.train_score), None)
    counts = {run.fold: count for run, record in trained if (count := record.dataset.counts.get(part.name)) is not None}
    if part is not VALIDATION or folds is None or None in counts:
        return next(iter(counts.values()), None)
    return sum(count for fold, count in counts.items() if fold is not None and fold <= folds) or None
