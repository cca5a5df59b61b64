"""Which worker trained which run when, from the stretches that records hold.

Long times in which nobody trained (the study was stopped, and went on the next day) are cut out.  A worker's process
has an end; one that begins after the end of another takes its number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from handgrad.report.findings.summary import SettingSummary
from handgrad.training.run_keys import RunKey, run_key

LONG = 0.1  # of the time in which somebody trained: a longer time in which nobody did is cut out,
LEAST = 60.0  # seconds, where it is longer than this too


@dataclass(frozen=True)
class TrainedStretch:
    """A stretch of a run.  worker, place: from 0; a worker has several places where runs share its program.

    number: which stretch of its run, from 0, also after its worker was killed;  since: epochs of its own that the run
    had behind it at the beginning, `until` at the end;  began, ended: seconds since 1970.
    """

    worker: int
    place: int
    label: str
    seed: int
    number: int
    since: int
    until: int
    began: float
    ended: float
    fold: int | None = None

    @property
    def key(self) -> RunKey:
        """The run, among those of its setting."""
        return run_key(self.seed, self.fold)


@dataclass(frozen=True)
class TimelineFacts:
    """stretches: by the time at which they began;  cuts: (began, ended) of the times that are cut out.

    untimed: how many runs trained of which the records do not say when.
    """

    stretches: tuple[TrainedStretch, ...]
    cuts: tuple[tuple[float, float], ...]
    untimed: int = 0

    @cached_property
    def start(self) -> float:
        """When the first stretch began."""
        return min(one.began for one in self.stretches)

    def place(self, time: float) -> float:
        """Seconds from the start to a time, without what is cut out before it."""
        return time - self.start - sum(max(0.0, min(time, end) - begin) for begin, end in self.cuts)

    @property
    def span(self) -> float:
        """Seconds from the first beginning to the last end, without what is cut out."""
        return self.place(max(one.ended for one in self.stretches))

    @property
    def workers(self) -> int:
        """How many workers trained at a time, at most."""
        return 1 + max(one.worker for one in self.stretches)

    @property
    def busy(self) -> float:
        """The share of the time of all workers in which they trained."""
        times = [[(o.began, o.ended) for o in self.stretches if o.worker == number] for number in range(self.workers)]
        total = sum(end - begin for one in times for begin, end in _union(one))
        return min(1.0, total / (self.workers * self.span)) if self.span else 1.0


def timeline_facts(settings: Iterable[SettingSummary]) -> TimelineFacts | None:
    """When the runs of these settings were trained; None where records do not say it, as those of earlier versions."""
    found: dict[str, list[TrainedStretch]] = {}
    untimed = 0
    for setting in settings:
        for run in setting.trained:
            assert run.record is not None
            since, stretches = 0, run.record.time.stretches
            untimed += not stretches and run.record.epochs > run.record.first_epoch
            for number, one in enumerate(stretches):
                made = TrainedStretch(
                    0, 0, setting.label, run.seed, number, since, one.until, one.began, one.ended, run.fold
                )
                found.setdefault(one.worker, []).append(made)
                since = one.until
    if not found:
        return None
    lanes = _lanes([(min(o.began for o in own), max(o.ended for o in own)) for own in found.values()])
    placed = []
    for worker, own in zip(lanes, found.values(), strict=True):
        places = _lanes([(one.began, one.ended) for one in own])
        placed += [replace(one, worker=worker, place=place) for one, place in zip(own, places, strict=True)]
    placed.sort(key=lambda one: (one.began, one.worker, one.place))
    return TimelineFacts(tuple(placed), _cuts([(one.began, one.ended) for one in placed]), untimed)


def _lanes(times: Sequence[tuple[float, float]]) -> list[int]:
    """The number of a lane for each time, so that no two overlap in one; the lowest that is free.

    >>> _lanes([(0, 2), (1, 3), (2, 4)])
    [0, 1, 0]
    """
    ends: list[float] = []
    found = [0] * len(times)
    for position in sorted(range(len(times)), key=times.__getitem__):
        begin, end = times[position]
        lane = next((number for number, until in enumerate(ends) if until <= begin), len(ends))
        ends[lane : lane + 1] = [end]
        found[position] = lane
    return found


def _union(times: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for begin, end in sorted(times):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def _cuts(times: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The long times between those in which somebody trained.

    >>> _cuts([(0, 5), (25, 30), (100, 110)])
    ((30, 100),)
    """
    busy = _union(times)
    long = max(LEAST, LONG * sum(end - begin for begin, end in busy))
    gaps = zip((end for _, end in busy), (begin for begin, _ in busy[1:]), strict=False)
    return tuple((end, begin) for end, begin in gaps if begin - end > long)
