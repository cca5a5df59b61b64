"""Searches made up for tests: what a rule decides of settings whose curves are known, as `decisions/` holds it."""

from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.measures import lower_is_better
from handgrad.report.findings.search_facts import ENDED, LOST, STOPPED, Trial
from handgrad.study.rules.search_rules import RULES, Asha

Events = list[dict[str, Any]]


def decided(asha: Asha, curves: Mapping[str, Sequence[float | None]], epochs: int, metric: str) -> Events:
    """The decisions of a serial search.  curves: label -> its value after each epoch, None once it has diverged."""
    rule, events = RULES[asha.rule](asha), []
    sign = 1 if lower_is_better(metric) else -1
    left = list(curves)

    def arrive(label: str, epoch: int) -> None:
        value = curves[label][epoch - 1]
        events.append({"event": "arrived", "setting": label, "epoch": epoch, "values": {"0": value}, "value": value})
        rule.arrive(label, float("inf") if value is None else sign * value)

    while True:
        label, why = rule.promotable(), ""
        if label is None and left:
            label = left.pop(0)
            until = rule.begin(label, epochs)
            events.append({"event": "begun", "setting": label, "runs": [], "until": until})
            arrive(label, until)
            continue
        if label is None:
            label, why = rule.leader(), "the best, as none has come to the end"
        if label is None:
            return events
        until = rule.promote(label)
        events.append({"event": "promoted", "setting": label, "until": until, "why": why})
        arrive(label, until)


def trials_of(events: Events, levels: tuple[int, ...]) -> list[Trial]:
    """The trials of decisions, one run a setting."""
    values: dict[str, list[float | None]] = {}
    for event in events:
        if event["event"] == "arrived":
            values.setdefault(event["setting"], []).append(event["value"])
    found = []
    for number, (label, own) in enumerate(values.items(), start=1):
        state = LOST if own[-1] is None else ENDED if len(own) == len(levels) else STOPPED
        found.append(Trial(label, number, levels, tuple(own), state, levels[len(own) - 1], 0, None))
    return found


def last_epochs(events: Events) -> dict[str, int]:
    """The last epoch of every setting."""
    return {event["setting"]: event["epoch"] for event in events if event["event"] == "arrived"}
