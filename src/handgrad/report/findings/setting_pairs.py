"""Every pair of the best settings of a phase, and of two phases, on the seeds that both finished.

    pair_differences(phase)     first − second in pairs, with the t interval of the mean difference (`compare`)
    across_phases(summary)      the same of settings that no phase has both of, or why their runs make no pairs

One pair is meant that was named beforehand: intervals are not corrected for how many pairs there are.  A setting of
which a run diverged is in no pair, since the mean of its other runs would flatter it, nor is one that a search stopped
short of the others' epochs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from handgrad.report.findings.pairing import unpaired
from handgrad.report.findings.statistics import Comparison, compare
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary

PAIRED = 40  # settings, of which all pairs are compared
ACROSS = 12  # settings of each phase, which are compared with those of other phases


@dataclass(frozen=True)
class PairDifference:
    """Two settings of a phase by their labels, the better first, and what `compare` says of them."""

    first: str
    second: str
    found: Comparison


def pair_differences(phase: PhaseSummary) -> list[PairDifference]:
    """All pairs of the best `PAIRED` settings of which no run diverged, that share a seed (or fold and seed)."""
    overlap = phase.overlap
    found = (
        PairDifference(
            first.label,
            second.label,
            compare(first.samples[phase.metric].values, second.samples[phase.metric].values, overlap),
        )
        for first, second in combinations(_able(phase)[:PAIRED], 2)
    )
    return [one for one in found if one.found.difference is not None]


def across_phases(summary: Summary) -> Iterator[tuple[str, str, Comparison | str]]:
    """(first, second, what `compare` says of them, or why they make no pairs), by their labels.

    Of the best `ACROSS` settings of each phase of which no run diverged, and only of those that no phase has both of:
    phases are compared by one metric where the study has one, as it has.
    """
    phases = [{setting.label for setting in phase.settings} for phase in summary.phases]
    best = {one.label: (phase.metric, one) for phase in reversed(summary.phases) for one in _able(phase)[:ACROSS]}
    for (metric, first), (other, second) in combinations(best.values(), 2):
        if metric != other or any({first.label, second.label} <= phase for phase in phases):
            continue
        why = unpaired(summary, first, second)
        a, b = (one.samples[metric].values for one in (first, second))
        overlap = max(first.overlap(metric), second.overlap(metric))
        yield first.label, second.label, compare(a, b, overlap) if why is None else why


def _able(phase: PhaseSummary) -> list[SettingSummary]:
    """The settings of a phase whose mean can be compared, best first."""
    short = {setting.label for setting in phase.stopped}
    return [
        setting
        for setting in phase.ranked
        if setting.samples[phase.metric].n and not setting.count("diverged") and setting.label not in short
    ]
