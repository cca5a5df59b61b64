"""The run table of the page: a row for every run, as numbers that its script sorts, filters and groups.

columns   key, heading, how the script writes values (form: run, setting, text, names, number, percent, metric or
          seconds), whether the column is hidden until it is chosen
rows      a list for every run, in the order of the columns, the best first; None where there is no value

A run belongs to every phase that lists its setting, whichever had it trained: a value of the form "names" is a list.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from handgrad.measures import METRICS, is_fraction, lower_is_better
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.wording import axis_names, setting_value
from handgrad.study.changes import or_baseline, shown

TIMES = ("total", "training", "evaluation")


@dataclass(frozen=True)
class _Column:
    """kind: what a column is of: "axis" is a hyperparameter that varies, "metric" and "time" have means."""

    key: str
    heading: str
    form: str
    value: Callable[[list[str], SettingSummary, RunFacts], Any]
    kind: str = "about"
    hidden: bool = False


def run_table(summary: Summary) -> dict[str, Any]:
    """What the script needs: columns, rows, and the metric by which the best is first."""
    phases = phases_of(summary)
    rows = [(phases[setting.label], setting, run) for setting in summary.settings for run in setting.runs]
    columns = _columns(summary)
    leading = summary.leading or (summary.phases[-1] if summary.phases else None)
    metric = leading.metric if leading else ""
    down = bool(metric) and lower_is_better(metric)

    def rank(row: tuple[list[str], SettingSummary, RunFacts]) -> tuple[bool, float]:
        value = row[2].value(metric)
        return value is None, 0.0 if value is None else value if down else -value

    rows.sort(key=rank)
    values = {
        column.key: [(list if column.form == "names" else _plain)(column.value(*row)) for row in rows]
        for column in columns
    }
    kept = [column for column in columns if column.kind == "axis" or any(v is not None for v in values[column.key])]
    return {
        "columns": [
            {"key": one.key, "heading": one.heading, "form": _form(one, values[one.key]), "kind": one.kind}
            | ({"hidden": True} if one.hidden else {})
            for one in kept
        ],
        "rows": [[values[one.key][i] for one in kept] for i in range(len(rows))],
        "metric": metric,
        "down": down,
        "ddof": summary.ddof,
    }


def phases_of(summary: Summary) -> dict[str, list[str]]:
    """The label of a setting -> the phases that list it; a phase does not list the winner that it has to beat."""
    found: dict[str, list[str]] = {}
    for phase in summary.phases:
        for setting in phase.settings:
            if not setting.earlier:
                found.setdefault(setting.label, []).append(phase.name)
    return found


def _columns(summary: Summary) -> list[_Column]:
    """Every column that there can be; those without a value fall away."""
    several = len(summary.phases) > 1
    paths = list(dict.fromkeys(path for phase in summary.phases for path in phase.axes))
    names = axis_names(paths)
    usual = summary.shown_measures
    found = [
        _Column("id", "run", "run", lambda phases, setting, run: run.id or None),
        _Column("setting", "setting", "setting", lambda phases, setting, run: setting.label),
    ]
    if several:
        found.append(_Column("phase", "phase", "names", lambda phases, setting, run: phases))
    found += [_Column(path, names[path], "number", _axis(path), "axis") for path in paths]
    found += [
        _Column("fold", "fold", "number", lambda phases, setting, run: run.fold),
        _Column("seed", "seed", "number", lambda phases, setting, run: run.seed),
        _Column("status", "status", "text", lambda phases, setting, run: run.status),
    ]
    chosen = [METRICS[phase.metric] for phase in [summary.leading, *summary.phases] if phase]
    for metric in dict.fromkeys([*chosen, *METRICS.values()]):
        form = "percent" if is_fraction(metric.name) else "metric"
        heading = f"{metric.word} %" if form == "percent" else metric.word
        hidden = metric.measure.name not in usual
        found.append(_Column(metric.name, heading, form, _metric(metric.name), "metric", hidden))
    found.append(_Column("collapsed", "collapsed to", "text", lambda p, s, run: run.collapsed and run.collapsed[0]))
    found += [_Column(one, f"{one} s", "seconds", _time(one), "time", one != "total") for one in TIMES]
    found += [
        _Column("epochs", "epochs", "number", lambda p, s, run: run.record and run.record.epochs, hidden=True),
        _Column("steps", "steps", "number", lambda p, s, run: run.record and run.record.steps, hidden=True),
        _Column(
            "parameters",
            "parameters",
            "number",
            lambda p, s, run: run.record and run.record.network.parameters,
            hidden=True,
        ),
    ]
    return found


def _axis(path: str) -> Callable[[list[str], SettingSummary, RunFacts], Any]:
    def value(phases: list[str], setting: SettingSummary, run: RunFacts) -> Any:
        found = or_baseline(path, setting_value(setting, path))
        return found[0] if isinstance(found, list | tuple) and len(found) == 1 else found  # hidden = [5]

    return value


def _metric(name: str) -> Callable[[list[str], SettingSummary, RunFacts], Any]:
    return lambda phases, setting, run: run.value(name)


def _time(part: str) -> Callable[[list[str], SettingSummary, RunFacts], Any]:
    return lambda phases, setting, run: getattr(run.record.time, part) if run.record else None


def _form(column: _Column, values: list[Any]) -> str:
    """That of the column; text, where a hyperparameter has other values than numbers."""
    numbers = all(isinstance(value, int | float) for value in values if value is not None)
    return "text" if column.form == "number" and not numbers else column.form


def _plain(value: Any) -> Any:
    """A value for JSON: numbers as they are, for the script rounds them once; what is neither number nor text as it is
    shown."""
    if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return shown(value)
