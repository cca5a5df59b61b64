"""Progress: what a study tells whoever listens, such as the progress bar of the command line.

An observer is any callable that takes an `Event`.  `work` counts in the plan's units of cost and grows to `total`,
so one bar for the whole study is `work / total`, and its time left is a matter of proportion.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "planned",  # total and runs are known; `finished` of them from before
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
    run: str = ""
    seed: int | None = None
    epoch: int = 0
    epochs: int = 0
    status: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


Observer = Callable[[Event], None]


def silent(event: Event) -> None:
    """The observer that does nothing."""
