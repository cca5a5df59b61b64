"""From a results folder to what a search did with every setting (`search_facts`)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.errors import ResultsError
from handgrad.measures import lower_is_better
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.search_facts import ENDED, LOST, OPEN, STOPPED, SearchFacts, Trial
from handgrad.report.findings.summary import SettingSummary
from handgrad.sections import is_whole
from handgrad.study.changes import at_path
from handgrad.study.folder.plan_file import OVER
from handgrad.study.folder.results_folder import Results
from handgrad.study.rules.search_rules import RULES, Asha
from handgrad.training.run_keys import RunKey


def read_search(
    results: Results, phase: Mapping[str, Any], settings: Sequence[SettingSummary], metric: str
) -> SearchFacts | None:
    """The search of a phase of plan.json; None where its settings are neither drawn nor stopped, or nothing ran.

    settings: those of the phase itself;  metric: by which its winner is chosen.  Raises ResultsError where the plan
    cannot be read.
    """
    drawn = results.study.sampling_of(phase["name"])
    asha, wrong = (None, []) if phase.get("asha") is None else Asha.read(phase["asha"], prefix="asha")
    if wrong:
        raise ResultsError(f"plan.json: {wrong[0]}; take the file from a backup")
    # a file of decisions of a search that the study had before says nothing of this one
    events = results.decisions(phase["number"]) if asha is not None or phase["drawn"] else []
    begun = {event["setting"] for event in events if event["event"] == "begun"}
    named = {
        setting.label: setting
        for setting in settings
        if (setting.label in begun if events else any(run.record is not None for run in setting.runs))
    }
    if (drawn is None and asha is None) or not named:
        return None
    judged = (asha.metric if asha else None) or metric
    judge = _Judge(named, asha, judged)
    for event in events:
        judge.take(event)
    for label in () if events else _by_end(named):
        judge.take_whole(label)
    labels = judge.begun if events else list(named)
    trials = tuple(judge.trial(label, number) for number, label in enumerate(labels, start=1))
    runs = [(run, _own_epochs(run), max(_own_epochs(run), trial.levels[-1] if run.status == "pruned" else 0))
            for trial in trials for run in named[trial.label].runs if run.record is not None]  # fmt: skip
    times = [(run.record.time.total, own, whole) for run, own, whole in runs if run.record is not None and own]
    over = phase["winner"] is not None or results.plan["state"] in OVER
    over = over and not any(one.unfinished for one in named.values())
    planned = phase["drawn"] or len(phase["settings"])
    return SearchFacts(
        trials=trials,
        metric=judged,
        asha=asha,
        whole=sum(whole for _, _, whole in runs),
        seconds=(sum(total for total, _, _ in times), sum(total * whole / own for total, own, whole in times)),
        counted=max(named.values(), key=lambda setting: len(setting.runs)).counted,
        examples=next((found for one in named.values() if (found := one.examples(judged)) is not None), None),
        is_decided=bool(events),
        is_over=over,
        unpaid=unpaid_of(asha, events, named, judged) if asha is not None and over else 0,
        unbegun=max(0, planned - len(trials)) if over and events else 0,
    )


def epochs_of(setting: SettingSummary) -> int:
    """The epochs that its runs train if nothing stops them.  Raises ResultsError where the plan does not say it."""
    epochs = at_path(setting.setting, "training.epochs")
    if not is_whole(epochs, 1):
        raise ResultsError(f"plan.json: setting {setting.label} lacks training.epochs; take the file from a backup")
    return int(epochs)


def unpaid_of(asha: Asha, events: Sequence[Mapping[str, Any]], named: Mapping[str, SettingSummary], metric: str) -> int:
    """How many settings the rule would have let go on from where the search ended: then its budget was spent."""
    rule, sign = RULES[asha.rule](asha), 1 if lower_is_better(metric) else -1
    for event in events:
        label, value = str(event.get("setting")), event.get("value")
        if label not in named:
            continue
        if event["event"] == "begun":
            rule.begin(label, epochs_of(named[label]))
        elif event["event"] == "promoted":
            rule.promote(label)
        elif event["event"] == "arrived":
            rule.arrive(label, math.inf if value is None else sign * value)
    found = set[str]()
    while (waits := rule.promotable()) is not None and waits not in found:
        found.add(waits)
        rule.promote(waits)
    return len(found)


def _own_epochs(run: RunFacts) -> int:
    return 0 if run.record is None else run.record.epochs - run.record.first_epoch


def _time_of(run: RunFacts, epoch: int) -> float | None:
    """When a run came to an epoch of its own, or to its end before it; None where that is not recorded."""
    stretches = run.record.time.stretches if run.record is not None else []
    return next((one.ended for one in stretches if one.until >= epoch), stretches[-1].ended if stretches else None)


def _latest(setting: SettingSummary, epoch: int) -> float | None:
    """When the last of its runs that trained came there; None where that is not recorded, or none trained."""
    found = [(_time_of(run, epoch), _own_epochs(run)) for run in setting.runs]
    known = [time for time, _ in found if time is not None]
    return max(known) if known and all(time is not None or not own for time, own in found) else None


def _by_end(named: Mapping[str, SettingSummary]) -> list[str]:
    """Labels in the order in which settings ended; in that of the plan where not all of these times are recorded."""
    times = {label: _latest(setting, epochs_of(setting)) for label, setting in named.items()}
    if any(time is None and any(map(_own_epochs, named[label].runs)) for label, time in times.items()):
        return list(named)
    return sorted(named, key=lambda label: times[label] or 0.0)


class _Judge:
    """Goes through the decisions of a search, and counts the epochs that were trained on the way."""

    def __init__(self, named: Mapping[str, SettingSummary], asha: Asha | None, metric: str) -> None:
        self._named, self._asha, self._metric = named, asha, metric
        self.begun: list[str] = []
        self._values: dict[str, list[float | None]] = {}
        self._spent: dict[str, int] = {}
        self._counted: dict[tuple[str, RunKey], int] = {}
        self._total = 0

    def take(self, event: Mapping[str, Any]) -> None:
        """One recorded decision."""
        label = event.get("setting")
        if event["event"] == "begun" and label in self._named:
            self.begun.append(str(label))
        elif event["event"] == "arrived" and label in self._named:
            self._arrive(str(label), int(event["epoch"]), event.get("value"))

    def take_whole(self, label: str) -> None:
        """A setting that nothing stopped; its value is that of the end."""
        setting = self._named[label]
        lost = setting.count("diverged", "failed") > 0
        levels = self._levels(label)
        epochs = max(map(_own_epochs, setting.runs))
        if self._asha is None and not setting.unfinished:
            self._arrive(label, levels[-1], None if lost else setting.samples[self._metric].mean)
        else:  # its decisions are not here
            self._count(label, epochs)

    def _arrive(self, label: str, epoch: int, value: float | None) -> None:
        self._values.setdefault(label, []).append(value)
        self._count(label, epoch)

    def _count(self, label: str, epoch: int) -> None:
        for run in self._named[label].runs:  # one that waits at a rung, or is on its way, has no record yet
            trained = epoch if run.record is None else min(epoch, _own_epochs(run))
            self._total += trained - self._counted.get((label, run.key), 0)
            self._counted[label, run.key] = trained
        self._spent[label] = self._total

    def _levels(self, label: str) -> tuple[int, ...]:
        epochs = epochs_of(self._named[label])
        return (epochs,) if self._asha is None else self._asha.levels(epochs)

    def trial(self, label: str, number: int) -> Trial:
        """What became of a setting."""
        setting, levels = self._named[label], self._levels(label)
        values = tuple(self._values.get(label, ()))[: len(levels)]
        state = (
            LOST if setting.count("diverged", "failed") or (values and values[-1] is None)
            else OPEN if setting.unfinished
            else STOPPED if setting.stopped and len(values) < len(levels)
            else ENDED
        )  # fmt: skip
        epoch = levels[len(values) - 1] if values else max(map(_own_epochs, setting.runs))
        trained = [
            self._counted.get((label, run.key), 0) if run.record is None else _own_epochs(run) for run in setting.runs
        ]
        return Trial(
            label=label,
            number=number,
            levels=levels,
            values=values,
            state=state,
            trained=sum(trained),
            spent=self._spent.get(label, 0),
            at=_latest(setting, epoch),
        )
