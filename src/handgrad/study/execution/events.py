"""Events: what a study tells its observer, such as the progress bar of the command line.

An observer is any callable that takes an `Event`.  `work` counts in the plan's units of cost and grows to `total`,
so one bar for the whole study is `work / total`, and its time left is a matter of proportion.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handgrad.study.planning.plan import Plan
from handgrad.study.rules.select import RunSummary

KINDS = (
    "planned",  # total and runs are known; `finished` of them from before
    "run found",  # finished by an earlier call
    "phase started",
    "run started",
    "epoch done",
    "run finished",
    "phase finished",  # `label` is the winner
    "note",
    "study finished",
)


@dataclass(frozen=True)
class Event:
    """One thing that happened; `kind` is one of `KINDS`, the rest is filled in where it has a meaning."""

    kind: str
    work: float = 0.0
    total: float = 0.0
    finished: int = 0
    runs: int = 0
    phase: str = ""
    label: str = ""
    name: str = ""  # what the original that is reproduced calls the setting
    run: str = ""
    seed: int | None = None
    fold: int | None = None
    epoch: int = 0
    epochs: int = 0
    status: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0
    text: str = ""


Observer = Callable[[Event], None]


def silent(event: Event) -> None:
    """The observer that does nothing."""


class StudyProgress:
    """Tells an observer what happens, and how much of the plan's work is done, that of runs in progress included."""

    def __init__(self, plan: Plan, observer: Observer) -> None:
        self._plan, self._observer = plan, observer
        self._done = self._going_work = 0.0
        self._going: dict[str, float] = {}
        self._ended: set[str] = set()
        self._total, self._runs = plan.cost(), plan.run_count

    @property
    def _work(self) -> float:
        return self._done + self._going_work

    def grown(self, cost: float = 0.0) -> None:
        """So much work is still to come; the plan may have grown."""
        self._total, self._runs = self._work + cost, self._plan.run_count

    def at(self, run_id: str, work: float) -> None:
        """A run in progress has come so far."""
        self._going_work += work - self._going.get(run_id, 0.0)  # of a search hundreds wait
        self._going[run_id] = work

    def ended(self, summary: RunSummary, cost: float) -> None:
        """A run has a record, from now or from before."""
        trained = self._going.pop(summary.id, 0.0)
        self._going_work = self._going_work - trained if self._going else 0.0
        self._done += trained if summary.status == "pruned" else cost
        self._ended.add(summary.id)

    def tell(self, kind: str, **told: Any) -> None:
        """Tell the observer of something; nothing is computed for the `silent` one."""
        if self._observer is not silent:
            work, total = self._work, max(self._work, self._total)
            self._observer(Event(kind, work=work, total=total, finished=len(self._ended), runs=self._runs, **told))

    def note(self, text: str) -> None:
        """Tell something that the plan and the report are to say as well."""
        self._plan.notes.append(text)
        self.tell("note", text=text)
