"""Budgets: how many runs, epochs or minutes a study may begin.  Bookkeeping only; the clock is given.

A setting is begun with all of its seeds or not at all, as it is judged by all of them.  Runs and epochs are counted in
the order in which settings are begun, finished ones included, so the same study spends them in the same way; minutes
are counted over every call that ran the study and depend on the machine.  What is in progress is never cut off.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, model_validator

from handgrad.sections import Section, optional, real, whole

_COUNT = BeforeValidator(optional(whole("[1, inf)")))


class Budget(Section):
    """The table [budget] of a study; at least one of its keys."""

    example: ClassVar = "{ minutes = 30 }"
    aliases: ClassVar = {"n_trials": "runs", "num_samples": "runs", "trials": "runs"}

    runs: Annotated[int | None, _COUNT] = None
    epochs: Annotated[int | None, _COUNT] = None
    minutes: Annotated[float | None, BeforeValidator(optional(real("(0, inf)")))] = None

    @model_validator(mode="after")
    def _something(self) -> "Budget":
        if self.runs is None and self.epochs is None and self.minutes is None:
            raise ValueError("is empty; give it runs, epochs or minutes")
        return self

    def __str__(self) -> str:
        given = [(self.runs, "runs"), (self.epochs, "epochs"), (self.minutes, "minutes")]
        return ", ".join(f"{value:g} {name}" for value, name in given if value is not None)


class BudgetTracker:
    """What is left of a budget.  `seconds`: spent by earlier calls."""

    def __init__(self, budget: Budget | None, seconds: float = 0.0) -> None:
        self.budget = budget
        self.spent = False  # something could not be begun
        self._total = 0
        self._epochs: dict[str, int] = {}  # id -> the epoch up to which a run was begun
        self._started = time.monotonic() - seconds

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def take(self, runs: Mapping[str, int], *, begun: bool = False) -> bool:
        """Begin runs, id -> epoch to train to, if that can be paid for.  `begun`: they are, so they only count."""
        more = {run: until for run, until in runs.items() if until > self._epochs.get(run, 0)}
        runs_after = len(self._epochs) + sum(run not in self._epochs for run in more)
        epochs_after = self._total + sum(until - self._epochs.get(run, 0) for run, until in more.items())
        budget = self.budget
        if budget is not None and more and not begun:
            self.spent = (
                self.spent
                or (budget.runs is not None and runs_after > budget.runs)
                or (budget.epochs is not None and epochs_after > budget.epochs)
                or (budget.minutes is not None and self.seconds >= 60 * budget.minutes)
            )
            if self.spent:
                return False
        self._epochs |= more
        self._total = epochs_after
        return True

    def to_json(self) -> dict[str, Any]:
        """What plan.json keeps."""
        assert self.budget is not None
        return {
            **self.budget.model_dump(),
            "spent": {
                "runs": len(self._epochs),
                "epochs": self._total,
                "seconds": round(self.seconds, 3),
            },
        }
