"""When a run came to each of its epochs and steps, in seconds since 1970, from what its record says of times.

A record has the time at which each stretch of training began, and the seconds of every epoch.  Records of earlier
versions have no stretches: their epochs are counted back from the time at which the run ended.  Between two ends of
epochs, time passes evenly with the steps.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

import numpy as np

from handgrad.training.record import Record


@dataclass(frozen=True, eq=False)
class RunTimes:
    """began, ended: of the run itself;  start: of its history, that of the runs it continues included;  ends: of every
    epoch of the history (epochs,)."""

    began: float
    ended: float
    start: float
    ends: np.ndarray

    @classmethod
    def of(cls, record: Record, before: "RunTimes | None" = None) -> "RunTimes":
        """Those of a record.  before: of the run that it continues, where that is known."""
        own = _own_ends(record)
        stretches = record.time.stretches
        ended = stretches[-1].ended if stretches else _finished(record)
        began = stretches[0].began if stretches else ended - record.time.total
        earlier = np.full(record.first_epoch, began)
        if before is not None and len(before.ends) >= record.first_epoch:
            earlier = before.ends[: record.first_epoch]
        start = before.start if before is not None else began
        return cls(began, ended, start, np.maximum.accumulate(np.concatenate([earlier, own])))

    def at_epochs(self, epochs: np.ndarray) -> np.ndarray:
        """The time at the end of each epoch, 1, 2, …; that of the end for one whose time is not recorded."""
        known = np.append(self.ends, self.ended)
        found: np.ndarray = known[np.minimum(np.asarray(epochs, dtype=np.int64) - 1, len(self.ends))]
        return found

    def at_steps(self, steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The time of each step, counted from 1.  ends: how many steps there were at the end of every epoch."""
        places = [0.0, *ends.astype(np.float64)]
        times = [self.start, *self.at_epochs(np.arange(1, len(ends) + 1))]
        if len(steps) and steps[-1] > places[-1]:  # of an epoch that a run did not finish
            places, times = [*places, float(steps[-1])], [*times, self.ended]
        found: np.ndarray = np.interp(steps, places, times)
        return found


def _own_ends(record: Record) -> np.ndarray:
    """The ends of the epochs that the run trained itself."""
    seconds = [training + scoring for training, scoring in record.time.epochs]
    if not record.time.stretches:
        left = list(accumulate(reversed(seconds), initial=0.0))[:-1]
        end = _finished(record)
        return np.array([end - one for one in reversed(left)], dtype=np.float64)
    found: list[float] = []
    for stretch in record.time.stretches:
        own = seconds[len(found) : stretch.until]
        found += [min(stretch.began + passed, stretch.ended) for passed in accumulate(own)]
    return np.array(found, dtype=np.float64)


def _finished(record: Record) -> float:
    """When the record was made; 0 where it does not say it."""
    try:
        return datetime.fromisoformat(str(record.environment.get("finished"))).timestamp()
    except ValueError:
        return 0.0
