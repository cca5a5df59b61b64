"""A run of a plan, as a results folder has it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handgrad.measures import METRICS
from handgrad.training.collapse import collapse
from handgrad.training.record import Record

if TYPE_CHECKING:
    from pandas import DataFrame

ENDED = ("done", "pruned")  # what has results, of its last epoch


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

    def row(self, axes: Mapping[str, Any], sources: Iterable[str] = (), metrics: Iterable[str] = ()) -> dict[str, Any]:
        """The run as a row of `Results.runs`, by column.

        axes: path -> the value of what varies;  sources: of chance, whose seeds have a column each;  metrics: those of
        the study.
        """
        record = self.record
        diverged, times = (record.diverged, record.time) if record else (None, None)
        return {
            "label": self.label,
            "phase": self.phase,
            **self.run,
            **{f"{name}_seed": self.seeds.get(name) for name in sources},
            "id": self.id,
            "status": self.status,
            **axes,
            **{name: record.scores.get(name) if record else None for name in metrics},
            "collapsed": collapse(record) is not None if record and record.status in ENDED else None,
            "epochs": record.epochs if record else None,
            "steps": record.steps if record else None,
            "diverged_step": diverged.step if diverged else None,
            "diverged_layer": diverged.layer if diverged else None,
            "error": record.error if record else None,
            "seconds_total": times.total if times else None,
            "seconds_training": times.training if times else None,
            "seconds_evaluation": times.evaluation if times else None,
        }


def frame_of_rows(rows: Iterable[Mapping[str, Any]]) -> "DataFrame":
    """Rows of runs as a frame; numbers that no run has are NaN."""
    import pandas

    frame = pandas.DataFrame(list(rows))
    numbers = [*METRICS, "seconds_total", "seconds_training", "seconds_evaluation"]
    return frame.astype({name: float for name in numbers if name in frame})
