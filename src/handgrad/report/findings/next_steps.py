"""What to try next, in one sentence: values beyond the ends of what was tried, and seeds that would decide."""

from collections.abc import Iterator, Mapping

from handgrad.report.findings.against_best import OPEN
from handgrad.report.findings.axis_scales import is_number
from handgrad.report.findings.conclusions import Conclusions
from handgrad.report.findings.summary import PhaseSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import AS_SEEN, axis_names, enumerated, plural, settings_named
from handgrad.study.changes import shown

LEAST = 2  # values of an axis that have an end


def next_steps(summary: Summary) -> list[Verdict]:
    """Of the phase with the best setting: which hyperparameter has its best value at an end of those that were listed,
    how many more seeds would decide, and of which settings runs failed that are ahead without them; nothing where
    nothing was compared, or while runs are missing.
    """
    phase = summary.leading
    if phase is None or phase.conclusions is None or len(phase.settings) < LEAST or not phase.complete:
        return []
    found = (_missing_runs(phase.conclusions), enumerated(list(_beyond(phase))), _more_seeds(phase))
    steps = [text for text in found if text]
    if steps:
        return [Verdict("note", f"What to try next: {'; '.join(steps)}.")]
    if not phase.conclusions.tested:
        return []
    inside = phase.sampling is None and any(len(_numbers_of(phase, path)) > LEAST for path in phase.axes)
    text = f"{'the best lies inside the values tried, and ' * inside}no other setting is left open"
    return [Verdict("note", f"What to try next: nothing that these runs call for; {text}.")]


def _numbers_of(phase: PhaseSummary, path: str) -> set[float]:
    """The numbers among the values of an axis."""
    return {value for one in phase.settings if is_number(value := one.axes.get(path))}  # type: ignore


def _beyond(phase: PhaseSummary) -> Iterator[str]:
    """A phrase for each axis of listed numbers whose best value is the smallest or the largest of them."""
    best, names = phase.best, axis_names(phase.axes)
    if best is None or phase.sampling is not None:
        return
    for path in phase.axes:
        values = _numbers_of(phase, path)
        own = best.axes.get(path)
        if len(values) < LEAST or not is_number(own):  # as a list of widths beside single ones
            continue
        if own == max(values):
            yield f"{names[path]} above {shown(own)} (the largest tried)"
        elif own == min(values) and own > 0:
            yield f"{names[path]} below {shown(own)} (the smallest tried)"


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
