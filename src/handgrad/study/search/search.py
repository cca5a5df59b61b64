"""A search: settings that are begun, judged and continued while the study runs.

    source    gives the next setting: the plan's list, or a sampler (`samplers`)
    rule      says which settings go on from the epoch at which they wait (`rules.search_rules`)
    tracker   says whether there is budget for a step (`rules.budget`)
    decisions write down every step, so that a search that was killed goes on from there (`decisions`)

A setting is all of its seeds, on all folds: it arrives at a rung when the last of them is there, and is judged by their
mean.  A setting with a seed that diverged or failed has lost.  No files and no clock here: `SearchHost`
stands for the study.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from handgrad.errors import InputError
from handgrad.measures import lower_is_better
from handgrad.names import shown
from handgrad.study.folder.decisions import Decisions
from handgrad.study.planning.planned import PlannedRun, PlannedSetting
from handgrad.study.rules.budget import BudgetTracker
from handgrad.study.rules.search_rules import RULES, Asha
from handgrad.study.rules.select import mean_of
from handgrad.study.runners.runner import Outcome, RunJob
from handgrad.training.curves import by_epoch
from handgrad.training.record import Record
from handgrad.training.run_keys import RunKey, key_of_text, key_text, key_word

NEVER = Asha(grace_period=2**62)  # no rung: every setting trains to its end

Values = dict[RunKey, float | None]  # seed, or fold and seed -> measure, None where the run diverged or failed


@dataclass(frozen=True)
class Ended:
    """What a search keeps of a record: the measure of every epoch, and the one that the run ended with."""

    status: str
    curve: Sequence[float]
    end: float | None

    @classmethod
    def of(cls, record: Record, curves: Mapping[str, Any], metric: str) -> "Ended":
        values = by_epoch(curves).get(metric, ())
        curve = [float(value) for value in values[record.first_epoch :]]
        return cls(record.status, curve, record.scores.get(metric))

    def covers(self, epoch: int) -> bool:
        """Whether the run has come to this epoch or can never come there."""
        return self.status != "pruned" or len(self.curve) >= epoch

    def at(self, epoch: int) -> float | None:
        """The measure at an epoch; that of its end for a run that stopped early.  None where an earlier version, whose
        checkpoint the run went on from, did not score it."""
        if len(self.curve) >= epoch:
            value = self.curve[epoch - 1]
            return None if math.isnan(value) else value
        return self.end if self.status == "done" else None


class SettingSource(Protocol):
    """Settings to begin, one at a time."""

    def next(self) -> PlannedSetting | None:
        """The next setting; None where there is none."""

    def recorded(self, parameters: Mapping[str, Any]) -> PlannedSetting | None:
        """The next setting as it was recorded; None where this source would not have given it."""

    def tell(self, label: str, epoch: int, value: float | None, *, last: bool) -> None:
        """A setting has the value at this epoch, None where it diverged or failed; `last`: its final epoch."""


class SearchHost(Protocol):
    """The study around a search."""

    def ready(self, setting: PlannedSetting) -> None:
        """A setting is about to begin."""

    def past(self, run_id: str) -> Ended | None:
        """The record of a run from an earlier call or phase, None where there is none."""

    def job(self, setting: PlannedSetting, planned: PlannedRun, until: int, *, prune: bool) -> RunJob | None:
        """The job of a run; None where it cannot run, which is recorded then."""

    def note(self, text: str) -> None:
        """Tell the observer a note, which the plan and the report keep."""


class Misfit(Exception):
    """Recorded decisions that this search would not have made."""


class Search:
    """The search of one phase.  `jobs` are for a runner, `took` takes up its outcomes."""

    def __init__(
        self,
        asha: Asha | None,
        metric: str,
        source: SettingSource,
        decisions: Decisions,
        tracker: BudgetTracker,
        host: SearchHost,
    ) -> None:
        self.metric, self.source, self.decisions, self.tracker, self.host = metric, source, decisions, tracker, host
        asha = asha or NEVER
        self.rule = RULES[asha.rule](asha)
        self.settings: dict[str, PlannedSetting] = {}  # those that were begun
        self.winner: str | None = None  # as recorded; None as soon as anything is trained
        self._sign = 1 if lower_is_better(metric) else -1
        self._until: dict[str, int] = {}
        self._on_the_way: dict[str, Values] = {}
        self._arrived: dict[str, dict[int, Values]] = {}
        self._next: PlannedSetting | None = None  # it came from the source, and was not begun
        self._queue: deque[RunJob] = deque()
        self._label: dict[str, str] = {}
        self._keys: dict[str, RunKey] = {}
        self._ended: dict[str, Ended] = {}

    # -- from the recorded decisions

    def replay(self) -> None:
        """Take over what was recorded.  Raises Misfit where this search would have decided otherwise."""
        steps: dict[str, Callable[..., None]] = {
            "asked": self._replay_asked,
            "begun": self._replay_begun,
            "arrived": self._replay_arrived,
            "promoted": self._replay_promoted,
            "winner": self._replay_winner,
        }
        for number, event in enumerate(self.decisions.events, start=2):  # the head is line 1
            facts = dict(event)
            try:
                steps[facts.pop("event")](**facts)
            except (Misfit, KeyError, TypeError, ValueError) as error:
                raise Misfit(f"line {number}: {error}") from error

    def _replay_asked(self, number: int, parameters: Mapping[str, Any], setting: str) -> None:
        asked = self.source.recorded(parameters)
        if asked is None or asked.label != setting:
            raise Misfit(f"setting {setting} is not the next one")
        self._next = asked if setting not in self.settings else None

    def _replay_begun(self, setting: str, runs: Sequence[str], until: int) -> None:
        begun = self._next or self.source.next()
        self._next = None
        if begun is None or begun.label != setting or [run.id for run in begun.runs] != list(runs):
            raise Misfit(f"setting {setting} is not the next one")
        self._begin(begun)
        self._expect(setting, until)

    def _replay_arrived(
        self, setting: str, epoch: int, values: Mapping[str, float | None], value: float | None
    ) -> None:
        self._arrive(setting, {key_of_text(key): one for key, one in values.items()})

    def _replay_promoted(self, setting: str, until: int, why: str) -> None:
        if setting != (self.rule.leader() if why else self.rule.promotable()):
            raise Misfit(f"setting {setting} is not the one to go on")
        self._go(setting, self.rule.promote(setting))
        self._expect(setting, until)
        self.winner = None

    def _replay_winner(self, setting: str | None) -> None:
        self.winner = setting

    def _expect(self, label: str, until: int) -> None:
        if self._until[label] != until:
            raise Misfit(f"setting {label} trains to epoch {self._until[label]}, not {until}")

    # -- while it runs

    def jobs(self) -> Iterator[RunJob | None]:
        """Every job, when its time has come; None while that depends on jobs in progress."""
        for label in list(self._on_the_way):
            self._enqueue(label)
        while True:
            if self._queue:
                self.winner = None
                self.decisions.flush()
                yield self._queue.popleft()
            elif not self._step():
                self.decisions.flush()
                if not self._on_the_way:
                    break
                yield None
        for label, setting in self.settings.items():
            for planned in setting.runs:
                assert planned.id is not None
                if not self._covered(planned.id, self._until[label]):
                    self._label[planned.id], self._keys[planned.id] = label, planned.key
                    job = self.host.job(setting, planned, self._until[label], prune=True)
                    if job is not None:
                        yield job

    def took(self, outcome: Outcome) -> None:
        """Take over the outcome of one of the jobs."""
        job = outcome.job
        label = self._label[job.id]
        assert job.until is not None
        ended = self._ended_by(outcome)
        self._compare(label, job, ended)
        if outcome.paused is None:
            self._ended[job.id] = ended
        if not job.prune:
            self._on_the_way[label][self._keys[job.id]] = ended.at(job.until)
            self._settle(label)

    def _ended_by(self, outcome: Outcome) -> Ended:
        if outcome.paused is not None:
            return Ended("pruned", outcome.paused.history[self.metric], None)
        record: Record | None = outcome.record
        return Ended("failed", [], None) if record is None else Ended.of(record, record.curves, self.metric)

    def _step(self) -> bool:
        """Let one setting go on or begin, where there is one and budget for it."""
        label, why = self.rule.promotable(), ""
        if label is None:
            self._next = self._next or self.source.next()
            if self._next is not None:
                return self._begin_next(self._next)
            if not self._on_the_way:
                label, why = self.rule.leader(), "the best, as none has come to the end"
        if label is None:
            return False
        self._check_waits(label)
        setting = self.settings[label]
        if not self.tracker.take({str(run.id): self.rule.target(label) for run in setting.runs}):
            return False
        self._go(label, self.rule.promote(label))
        self.decisions.add("promoted", setting=label, until=self._until[label], why=why)
        self._enqueue(label)
        return True

    def _check_waits(self, label: str) -> None:
        """Raise InputError where the rule names a setting that does not wait at a rung."""
        if label not in self.settings:
            why = "was not begun"
        elif label in self._on_the_way:
            why = f"is on its way to epoch {self._until[label]}"
        elif self._until[label] >= self.rule.levels[label][-1]:
            why = f"has come to its end, epoch {self._until[label]}"
        else:
            return
        raise InputError(
            f"search rule {shown(self.rule.asha.rule)} ({type(self.rule).__name__}) lets setting {shown(label)} go on, "
            f"which {why}; promotable must name a setting that waits at a rung, or None"
        )

    def _begin_next(self, setting: PlannedSetting) -> bool:
        first = self.rule.first(setting.epochs)
        if not self.tracker.take({str(run.id): first for run in setting.runs}):
            return False
        self._next = None
        self._begin(setting)
        runs = [run.id for run in setting.runs]
        self.decisions.add("begun", setting=setting.label, runs=runs, until=self._until[setting.label])
        self._enqueue(setting.label)
        return True

    def _enqueue(self, label: str) -> None:
        setting, until = self.settings[label], self._until[label]
        for planned in setting.runs:
            assert planned.id is not None
            self._label[planned.id], self._keys[planned.id] = label, planned.key
            if self._covered(planned.id, until):
                self._on_the_way[label][planned.key] = self._ended[planned.id].at(until)
                continue
            job = self.host.job(setting, planned, until, prune=False)
            if job is None:
                self._ended[planned.id] = Ended("failed", [], None)
                self._on_the_way[label][planned.key] = None
            else:
                self._queue.append(job)
        self._settle(label)

    def _covered(self, run_id: str, epoch: int) -> bool:
        """Whether nothing is to be trained for a run to be known at an epoch."""
        if run_id not in self._ended and (past := self.host.past(run_id)) is not None:
            self._ended[run_id] = past
        return run_id in self._ended and self._ended[run_id].covers(epoch)

    def _settle(self, label: str) -> None:
        """The setting arrives where all of its seeds have."""
        values = self._on_the_way[label]
        if len(values) < len(self.settings[label].runs):
            return
        in_order = {run.key: values[run.key] for run in self.settings[label].runs}
        epoch = self._until[label]
        value = self._arrive(label, in_order)
        written = {key_text(key): one for key, one in in_order.items()}
        self.decisions.add("arrived", setting=label, epoch=epoch, values=written, value=value)

    def end(self, winner: str | None) -> None:
        """Note the winner."""
        if not self.decisions.events or self.decisions.events[-1] != {"event": "winner", "setting": winner}:
            self.decisions.add("winner", setting=winner)

    # -- both

    def _begin(self, setting: PlannedSetting) -> None:
        self.host.ready(setting)
        self.settings[setting.label] = setting
        self._go(setting.label, self.rule.begin(setting.label, setting.epochs))
        self.winner = None

    def _go(self, label: str, until: int) -> None:
        self._until[label] = until
        self._on_the_way[label] = {}
        self.tracker.take({str(run.id): until for run in self.settings[label].runs}, begun=True)

    def _arrive(self, label: str, values: Values) -> float | None:
        """Judge a setting by the mean of its seeds -> the mean, None where one of them has no result."""
        mean = mean_of(list(values.values()), self.metric)
        self._arrived.setdefault(label, {})[self._until[label]] = values
        self.rule.arrive(label, math.inf if mean is None else self._sign * mean)
        del self._on_the_way[label]
        last = self._until[label] >= self.settings[label].epochs
        self.source.tell(label, self._until[label], mean, last=last)
        return mean

    def _compare(self, label: str, job: RunJob, found: Ended) -> None:
        """Where a run was made again, say if it has other numbers than recorded; what was decided stands."""
        for epoch, values in self._arrived.get(label, {}).items():
            key = self._keys[job.id]
            was, now = values.get(key), found.at(epoch)
            if was is not None and len(found.curve) >= epoch and was != now:
                self.host.note(
                    f"setting {label}, {key_word(key)}: {self.metric} at epoch {epoch} is {now!r} here and {was!r} "
                    f"in {self.decisions.path.name}; the recorded decisions stand"
                )
