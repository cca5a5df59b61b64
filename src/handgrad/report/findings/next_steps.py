"""What to try next, in one sentence: values beyond the ends of what was tried or between values that are far apart, and
seeds that would decide."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from handgrad.report.findings.against_best import BEHIND, OPEN
from handgrad.report.findings.axis_scales import is_number
from handgrad.report.findings.conclusions import Conclusions
from handgrad.report.findings.importance import Importance
from handgrad.report.findings.importance_sentences import little
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import AS_SEEN, axis_names, enumerated, plural, settings_named
from handgrad.study.changes import shown

LEAST = 2  # values of an axis that have an end
FAR = 10.0  # times as large or small as the best value: a neighbour from which on values between are worth a try


def next_steps(summary: Summary, important: Sequence[Importance] = ()) -> list[Verdict]:
    """Of the phase with the best setting: which hyperparameter has its best value at an end of those that were listed,
    or far from its neighbours, how many more seeds would decide, and of which settings runs failed that are ahead
    without them; nothing where nothing was compared, or while runs are missing.

    important: what matters; of a hyperparameter that is shown to matter little no value is a next step.
    """
    phase = summary.leading
    if phase is None or phase.conclusions is None or len(phase.settings) < LEAST or not phase.complete:
        return []
    small = {path for one in important if summary.phases[one.phase] is phase for path in little(one)}
    values = [text for path in phase.axes if path not in small for text in _values(phase, path, phase.conclusions)]
    found = (_missing_runs(phase.conclusions), enumerated(values), _more_seeds(phase))
    steps = [text for text in found if text]
    if steps:
        return [Verdict("note", f"What to try next: {'; '.join(steps)}.")]
    if not phase.conclusions.tested:
        return []
    numbers = {path: _numbers_of(phase, path) for path in phase.axes if phase.sampling is None}
    inside = any(len(values) > LEAST for values in numbers.values()) and not _at_end(phase, small)
    text = f"{'the best lies inside the values tried, and ' * inside}no other setting is left open"
    return [Verdict("note", f"What to try next: nothing that these runs call for; {text}.")]


def _at_end(phase: PhaseSummary, paths: Collection[str]) -> bool:
    """Whether the best value of one of these axes is the smallest or largest that was tried."""
    best = phase.best
    return best is not None and any(
        is_number(own := best.axes.get(path)) and own in (min(values), max(values))
        for path in paths
        if (values := _numbers_of(phase, path))
    )


def _numbers_of(phase: PhaseSummary, path: str) -> set[float]:
    """The numbers among the values of an axis."""
    return {value for one in phase.settings if is_number(value := one.axes.get(path))}  # type: ignore


def _values(phase: PhaseSummary, path: str, found: Conclusions) -> Iterator[str]:
    """A phrase for an axis of listed numbers whose best value is the smallest or the largest of them, or has neighbours
    that are far from it and worse."""
    best, name = phase.best, axis_names(phase.axes)[path]
    if best is None or phase.sampling is not None:
        return
    values = sorted(_numbers_of(phase, path))
    own: Any = best.axes.get(path)
    if len(values) < LEAST or not is_number(own):  # as a list of widths beside single ones
        return
    if own == values[-1]:
        yield f"{name} above {shown(own)} (the largest tried)"
    elif own == values[0]:
        if own > 0:
            yield f"{name} below {shown(own)} (the smallest tried)"
    else:
        at = values.index(own)
        yield from _between(name, own, *(_far(phase, path, value, found) for value in (values[at - 1], values[at + 1])))


def _between(name: str, own: float, low: float | None, high: float | None) -> Iterator[str]:
    if low is None and high is None:
        return
    ends = f"{shown(own if low is None else low)} and {shown(own if high is None else high)}"
    where = "both next values" if None not in (low, high) else f"the next {'smaller' if high is None else 'larger'} one"
    is_ = "are" if None not in (low, high) else "is"
    yield f"{name} between {ends} ({shown(own)} is the best tried, and {where} {is_} a factor of 10 or more away)"


def _far(phase: PhaseSummary, path: str, value: float, found: Conclusions) -> float | None:
    """A neighbour of the best value of an axis, where it is far away, and with it the best setting behind or lost."""
    best = phase.best
    own: Any = None if best is None else best.axes.get(path)
    if best is None or not is_number(own) or value <= 0 or max(own / value, value / own) < FAR * (1 - 1e-9):
        return None
    worse = {*found.labels(BEHIND), *found.lost}
    return value if any(one.label in worse and _differs_in(one, best, path, value) for one in phase.settings) else None


def _differs_in(one: SettingSummary, best: SettingSummary, path: str, value: float) -> bool:
    """Whether a setting is the best one but for this value."""
    return {**best.axes, path: value} == dict(one.axes)


def _missing_runs(found: Conclusions) -> str:
    """The runs that settings miss which are better than the best without them."""
    ahead = found.ahead()
    if not ahead:
        return ""
    is_ = "is" if len(ahead) == 1 else "are"
    return f"the missing runs of {settings_named(ahead)}, which {is_} better than the best on shared {found.unit}s"


def _more_seeds(phase: PhaseSummary) -> str:
    """How many more seeds would decide between the best and the nearest; empty where none is open or none would."""
    found = phase.conclusions
    if found is None or not found.tested:
        return ""
    counts = {label: count for label in found.labels(OPEN) if (count := found.against[label].more_seeds) is not None}
    if not counts:
        return ""
    nearest = min(counts, key=lambda label: counts[label])
    of = settings_named([found.best, nearest])
    seeds = f"{plural(counts[nearest], f'further {found.unit}')} of {of}"
    return f"{seeds}, which would decide between them {AS_SEEN}{_others(counts)}"


def _others(counts: Mapping[str, int]) -> str:
    return f" ({plural(len(counts) - 1, 'other')} would need as many or more)" if len(counts) > 1 else ""
