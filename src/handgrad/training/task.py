"""What is to become of a run, and what is told of it: a task goes in, a record or a pause comes out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from handgrad.errors import InputError
from handgrad.training.record import Record
from handgrad.training.run import Run


@dataclass(frozen=True)
class EpochEnd:
    """What an observer hears after every epoch."""

    run_id: str
    epoch: int
    epochs: int
    metrics: dict[str, float]


Observer = Callable[[EpochEnd], None]


@dataclass(frozen=True)
class Paused:
    """A run that waits in its checkpoint.  `history`: every score of its own epochs, up to the one it waits at."""

    epoch: int
    history: dict[str, list[float]]

    @property
    def metrics(self) -> dict[str, float]:
        """The scores of the epoch that it waits at."""
        return {name: values[-1] for name, values in self.history.items()}


@dataclass(frozen=True)
class Task:
    """A run and what is to become of it.

    checkpoint: a file to continue from where it exists, and to write while training; what saves the record removes it.
    parent: the record of the run that this one continues (`continues` of `run` is its id).
    until: train up to this epoch, counted as in `EpochEnd`, and pause there; with `prune` end there for good.
    """

    run: Run
    checkpoint: Path | None = None
    parent: Record | None = None
    observers: tuple[Observer, ...] = ()
    until: int | None = None
    prune: bool = False

    def check(self) -> None:
        """Raise InputError where something is missing that the run needs."""
        if self.until is not None and self.checkpoint is None and not self.prune:
            raise InputError(
                f"run {self.run.id} is to pause at epoch {self.until}; give the checkpoint that it waits in"
            )
        if (self.run.continues is None) != (self.parent is None) or (
            self.parent is not None and self.parent.id != self.run.continues
        ):
            raise InputError(f"run {self.run.id} continues {self.run.continues}; its record must be given as parent")


End = Record | Paused
