"""A run of a plan, as a results folder has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handgrad.training.record import Record


@dataclass(frozen=True)
class DesignCell:
    """A run of the plan.  `status`: pending, running, interrupted, done, diverged, pruned, failed or not begun.

    waiting: a search has paused it at a rung, where it waits for its turn or for the end of the phase.
    `seeds`: of the sources of its chance, where the study says what its seeds vary.
    `record`: its record.json, None while there is none.
    """

    label: str
    phase: str
    axes: Mapping[str, Any]
    seed: int
    id: str
    status: str
    record: Record | None
    seeds: Mapping[str, int] = field(default_factory=dict)
    fold: int | None = None

    @property
    def run(self) -> dict[str, Any]:
        """What tells it from the other runs of its setting, as columns of a frame."""
        return {"seed": self.seed} if self.fold is None else {"fold": self.fold, "seed": self.seed}
