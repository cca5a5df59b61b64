"""Every pair of the best settings of a phase, on the seeds that both finished.

    pair_differences(phase)     first − second in pairs, with the t interval of the mean difference (`compare`)

One pair is meant that was named beforehand: intervals are not corrected for how many pairs there are.  A setting of
which a run diverged is in no pair, since the mean of its other runs would flatter it, nor is one that a search stopped
short of the others' epochs.
"""

from dataclasses import dataclass
from itertools import combinations

from handgrad.report.findings.statistics import Comparison, compare
from handgrad.report.findings.summary import PhaseSummary

PAIRED = 40  # settings, of which all pairs are compared


@dataclass(frozen=True)
class PairDifference:
    """Two settings of a phase by their labels, the better first, and what `compare` says of them."""

    first: str
    second: str
    found: Comparison


def pair_differences(phase: PhaseSummary) -> list[PairDifference]:
    """All pairs of the best `PAIRED` settings of which no run diverged, that share a seed (or fold and seed)."""
    short = {setting.label for setting in phase.stopped}
    able = [
        setting
        for setting in phase.ranked
        if setting.samples[phase.metric].n and not setting.count("diverged") and setting.label not in short
    ]
    pairs = combinations(able[:PAIRED], 2)
    found = (
        PairDifference(
            first.label,
            second.label,
            compare(first.samples[phase.metric].values, second.samples[phase.metric].values, phase.overlap),
        )
        for first, second in pairs
    )
    return [one for one in found if one.found.difference is not None]
