"""What matters, in sentences that a student can copy: which axis, by how much, how sure, and what does not.

An axis matters where the interval of its share leaves out 0; it matters most where it also lies above the intervals of
all others.  It matters little where the intervals of its share and of all its interactions end below 5 %.  Of every
other axis nothing is said but its interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handgrad.measures import METRICS, is_fraction
from handgrad.report.findings.forest_shares import ForestShares
from handgrad.report.findings.importance import Importance, Shares, among, axes_named
from handgrad.report.findings.studied_axes import StudiedAxes
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.variance_shares import VarianceShares
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.within_margin import forgiveness_sentence
from handgrad.report.findings.wording import enumerated, number, plural

LEAST = 0.001  # the lower end of an interval from which a share is told from 0
LITTLE = 0.05  # of the variance, below which an axis matters little
NAMED = 4  # axes of a kind that are named


@dataclass(frozen=True)
class NamedShare:
    """The share of an axis, or of a pair beyond both, with its interval."""

    name: str
    axes: tuple[str, ...]
    share: float
    low: float
    high: float

    @property
    def is_told(self) -> bool:
        """Whether it is told from 0."""
        return self.low >= LEAST


def parts_of(shares: Shares) -> list[NamedShare]:
    """Axes and pairs, largest first."""
    listed = shares.effects if isinstance(shares, VarianceShares) else shares.shares
    return [
        NamedShare(one.name, one.axes, one.share, one.interval.low, one.interval.high)
        for one in listed
        if one.interval is not None
    ]


def percent_of(share: float) -> str:
    """A share in percent, below 10 with a decimal; never below 0.

    >>> percent_of(0.856), percent_of(0.0312), percent_of(-0.01)
    ('86 %', '3.1 %', '0 %')
    """
    value = 100 * max(share, 0.0)
    return f"{value:.0f} %" if value >= 9.95 or value < 0.05 else f"{value:.1f} %"


def headline_importance(summary: Summary, important: Sequence[Importance]) -> list[Verdict]:
    """Which axis matters most, in every phase that varies two or more, for the top of the page and the terminal."""
    several = len(summary.phases) > 1
    return [
        verdict
        for one in important
        if len(one.studied.axes) > 1
        for verdict in importance_verdicts(one, f"Phase {summary.phases[one.phase].name}" if several else "")
    ]


def importance_verdicts(found: Importance, phase: str = "") -> list[Verdict]:
    """Which axis matters most, of all settings and of those in which no run collapsed; why, where it cannot be said.

    phase: its name, where sentences of several stand together.
    """
    where, studied = f"{phase}: " if phase else "", found.studied
    if found.refusal:
        several = len(studied.axes) > 1
        what = f"hich of {axes_named(studied)} matters" if several else f"hat {axes_named(studied)} does"
        return [Verdict("note", f"{where}{'w' if where else 'W'}{what} cannot be said: {found.refusal}.")]
    if found.shares is None or len(studied.axes) < 2:
        return []
    text = f"{where}{_most(found.shares, studied, begins=not where)}{_method(found.shares)}"
    said = [Verdict("good", text)]
    if found.collapsed:
        of = f"In {found.collapsed} of {plural(studied.settings - studied.without, 'setting')} runs collapsed"
        if found.working is not None:
            rest = f"among the {among(found)}, {_most(found.working, studied)}{_method(found.working)}"
            said.append(Verdict("good", f"{where}{of}, which is part of this variance; {rest}"))
        else:
            why = found.working_refusal
            said.append(Verdict("note", f"{where}{of}; what matters among the others cannot be said: {why}."))
    return said


def _most(shares: Shares, studied: StudiedAxes, begins: bool = False) -> str:
    """The axis that matters most, what interacts, and what matters little or was not shown to matter."""
    parts = parts_of(shares)
    mains = [part for part in parts if len(part.axes) == 1]
    of = f"of the variance of {METRICS[studied.metric].word}"
    first, is_told = mains[0], any(part.is_told for part in mains)
    rivals = [part for part in mains[1:] if is_told and part.high >= first.low]
    if not is_told:
        text = (
            f"{'No' if begins else 'no'} hyperparameter is shown to matter by itself: the largest share {of} is that "
            f"of {first.name}, {percent_of(first.share)} (95 % interval {_ends(first)})"
        )
    elif rivals:
        text = (
            f"{'Which' if begins else 'which'} hyperparameter matters most is not separated: {first.name} has "
            f"{percent_of(first.share)} {of} (95 % interval {_ends(first)}), {_listed(rivals)}"
        )
    else:
        text = f"{first.name} matters most: it has {percent_of(first.share)} {of} (95 % interval {_ends(first)})"
    others = [part for part in mains[1:] if part not in rivals]
    little = [part for part in others if _is_little(part, parts)]
    if matter := [part for part in others if part.is_told and part not in little]:
        text += f". {_listed(matter, ' has')}"
    text += _together([part for part in parts if len(part.axes) == 2 and part.is_told and part.share >= LITTLE / 5])
    if little:
        names, most = enumerated([part.name for part in little], NAMED), max(part.high for part in little)
        text += f". {names} {'matters' if len(little) == 1 else 'matter'} little ({_at_most(most)})"
    if unknown := [part for part in others if part not in (*little, *matter)]:
        text += f". Not shown to matter: {_listed(unknown)}"
    return text


def _together(pairs: Sequence[NamedShare]) -> str:
    """What the largest interaction adds, and how many more there are."""
    if not pairs:
        return ""
    pair, more = pairs[0], len(pairs) - 1
    text = f". {pair.name} adds {percent_of(pair.share)} ({_ends(pair)}): what {pair.axes[0]} does depends on "
    return text + pair.axes[1] + (f", and {plural(more, 'other pair')} as well" if more else "")


def _listed(parts: Sequence[NamedShare], verb: str = "") -> str:
    """verb: after the first name, where it begins a sentence."""
    texts = [f"{percent_of(part.share)} ({_ends(part)})" for part in parts]
    return enumerated([f"{part.name}{'' if i else verb} {texts[i]}" for i, part in enumerate(parts)], NAMED)


def _at_most(share: float) -> str:
    return "less than 0.1 %" if share < 0.0005 else f"at most {percent_of(share)}"


def _is_little(part: NamedShare, parts: Sequence[NamedShare]) -> bool:
    return all(one.high < LITTLE for one in parts if part.axes[0] in one.axes)


def _ends(part: NamedShare) -> str:
    return f"{percent_of(part.low).removesuffix(' %')} to {percent_of(part.high)}"


def _method(shares: Shares) -> str:
    """n and method, and what noise has."""
    if isinstance(shares, ForestShares):
        return (
            f" ({plural(shares.settings, 'setting')}, {plural(shares.runs, 'run')}; fANOVA of a random forest, R² "
            f"out of bag {shares.r2:.2f}; intervals by bootstrap over settings)."
        )
    noise = min(1.0, sum(one.share for one in shares.shares if one.kind in ("seeds", "noise")))
    return (
        f" ({plural(shares.cells, 'setting')} × {shares.counted}, whose noise has {percent_of(noise)}; "
        "unbiased shares ω²)."
    )


def forgiveness_verdicts(found: Importance) -> list[Verdict]:
    """The part of the space within the margin of the best, and the range of each axis of numbers that works."""
    one, metric = found.forgiveness, found.studied.metric
    if one is None or one.settings < 2 or (len(found.studied.axes) < 2 and not one.ranges):  # the ranking says it all
        return []
    margin = f"{100 * one.margin:.2g} points" if is_fraction(metric) else f"{one.margin:.3g}"
    of = f"the best ({number(one.best, metric)})"
    text = forgiveness_sentence(one, margin, found.studied.names, of)
    if found.studied.stopped:
        text = f"Of those that the search did not stop short, {text}"
    return [Verdict("note", f"{text} The margin is {found.margin_is}.")]


def expected_best_verdict(found: Importance) -> list[Verdict]:
    """What fewer settings would have found, and what the second half of them added."""
    best, metric = found.best, found.studied.metric
    if best is None:
        return [Verdict("note", f"{found.best_refusal}.")] if found.best_refusal else []
    total = best.settings
    counts = sorted({n for n in (1, 5, 10, 20, 50, 100, total // 2) if 0 < n < total})
    listed = enumerated([f"{number(float(best.mean[n - 1]), metric)} of {n:,}" for n in counts])
    text = f"The best of {plural(total, 'setting')} has {number(float(best.mean[-1]), metric)}"
    if not counts:
        return [Verdict("note", f"{text}.")]
    gain = float(best.mean[-1] - best.mean[total // 2 - 1])
    added = f"{100 * abs(gain):.2f} points" if is_fraction(metric) else f"{abs(gain):.3g}"
    text += (
        f"; fewer random settings would have found {listed} in the mean. The second half of them gained {added} "
        "(unbiased expected best, Tang et al. 2020)."
    )
    return [Verdict("note", text)]
