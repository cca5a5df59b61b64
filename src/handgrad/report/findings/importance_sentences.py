"""What matters, in sentences that a student can copy: which axis, by how much, how sure, and what does not.

An axis matters where the interval of its share leaves out 0; it matters most where it also lies above the intervals of
all other axes and of the interactions of two others.  It matters little where the intervals of its share and of all its
interactions end below 5 %.  Of every other axis nothing is said but its interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handgrad.measures import METRICS, is_fraction
from handgrad.report.findings.forest_shares import ForestShares
from handgrad.report.findings.importance import Importance, Shares, among, axes_named, with_result
from handgrad.report.findings.spreads import LOST_IS
from handgrad.report.findings.studied_axes import StudiedAxes
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.variance_shares import VarianceShares
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.within_margin import forgiveness_sentence
from handgrad.report.findings.wording import amount, enumerated, number, plural

LEAST = 0.001  # the lower end of an interval from which a share is above 0
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
    def is_above_zero(self) -> bool:
        """Whether its interval leaves out 0."""
        return self.low >= LEAST


def parts_of(shares: Shares) -> list[NamedShare]:
    """Axes and pairs that have an interval, largest first."""
    listed = shares.effects if isinstance(shares, VarianceShares) else shares.shares
    return [
        NamedShare(one.name, one.axes, one.share, one.interval.low, one.interval.high)
        for one in listed
        if one.interval is not None
    ]


def percent_of(share: float) -> str:
    """A share in percent, below 10 with a decimal; never below 0 or above 100.

    >>> percent_of(0.856), percent_of(0.0312), percent_of(-0.01)
    ('86 %', '3.1 %', '0 %')
    """
    value = 100 * min(max(share, 0.0), 1.0)
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
    """Which axis matters most, of all settings and of those of which no run was lost; why, where it cannot be said.

    phase: its name, where sentences of several stand together.
    """
    where, studied = f"{phase}: " if phase else "", found.studied
    if found.refusal:
        several = len(studied.axes) > 1
        what = f"hich of {axes_named(studied)} matters" if several else f"hat {axes_named(studied)} does"
        return [Verdict("note", f"{where}{'w' if where else 'W'}{what} cannot be said: {found.refusal}.")]
    if found.shares is None or len(studied.axes) < 2:
        return []
    text, decided = _most(found.shares, studied, begins=not where)
    method = _method(found.shares, with_result(studied))
    said = [Verdict("good" if decided else "note", f"{where}{text}. {method}{_not_among(studied)}")]
    if found.lost:
        of = f"In {found.lost} of {plural(with_result(studied), 'setting')} runs were lost ({LOST_IS})"
        if found.working is not None:
            rest, decided = _most(found.working, studied)
            method = _method(found.working, with_result(studied) - found.lost)
            text = f"which is part of this variance; among the {among(found)}, {rest}. {method}"
            said.append(Verdict("good" if decided else "note", f"{where}{of}, {text}"))
        else:
            why = found.working_refusal
            said.append(Verdict("note", f"{where}{of}; what matters among the others cannot be said: {why}."))
    return said


def _most(shares: Shares, studied: StudiedAxes, begins: bool = False) -> tuple[str, bool]:
    """The axis that matters most, what interacts, and what matters little or was not shown to matter; and whether one
    is shown to matter most."""
    parts = parts_of(shares)
    of = f"of the variance of {METRICS[studied.metric].word}"
    if isinstance(shares, ForestShares):
        of += " over the space"
    if not parts:  # no noise was seen
        texts = [f"{one.name} {percent_of(one.share)}" for one in shares.shares if one.axes]
        return f"{'O' if begins else 'o'}{of[1:]} the shares are {enumerated(texts, NAMED)}", False
    mains = [part for part in parts if len(part.axes) == 1]
    first, is_above_zero = mains[0], any(part.is_above_zero for part in mains)
    rivals = [one for one in parts if is_above_zero and first.name not in one.axes and one.high >= first.low]
    if not is_above_zero:
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
    if matter := [part for part in others if part.is_above_zero and part not in little]:
        text += f". {_listed(matter, ' has')}"
    pairs = [part for part in parts if len(part.axes) == 2 and part not in rivals]
    text += _together([part for part in pairs if part.is_above_zero and part.share >= LITTLE / 5])
    if little:
        names, most = enumerated([part.name for part in little], NAMED), max(part.high for part in little)
        text += f". {names} {'matters' if len(little) == 1 else 'matter'} little ({_at_most(most)})"
    if unknown := [part for part in others if part not in (*little, *matter)]:
        text += f". Not shown to matter: {_listed(unknown)}"
    return text, is_above_zero and not rivals


def _together(pairs: Sequence[NamedShare]) -> str:
    """What the largest interaction adds, and how many more there are."""
    if not pairs:
        return ""
    pair, more = pairs[0], len(pairs) - 1
    text = f". {pair.name} adds {percent_of(pair.share)} ({_ends(pair)}): what {pair.axes[0]} does depends on "
    also = f"; {plural(more, 'other pair')} interact{'s' if more == 1 else ''} as well" if more else ""
    return f"{text}{pair.axes[1]}{also}"


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


def _method(shares: Shares, settings: int) -> str:
    """n and method, and what noise has;  settings: of which the sentence speaks."""
    used = shares.settings if isinstance(shares, ForestShares) else shares.cells
    of = plural(used, "setting") if used == settings else f"{used:,} of {plural(settings, 'setting')}"
    if isinstance(shares, ForestShares):
        return (
            f"From {of} ({plural(shares.runs, 'run')}) by fANOVA of a random forest, "
            f"R² out of bag {shares.r2:.2f}; intervals by bootstrap over settings."
        )
    text = f"From {of} × {shares.counted}, by unbiased shares of variance (ω²)"
    if shares.notes:  # one seed, or none that differs
        return f"{text}; {'; '.join(shares.notes)}."
    noise = min(1.0, sum(one.share for one in shares.shares if one.kind in ("seeds", "noise")))
    return f"{text}; noise has {percent_of(noise)}."


def _not_among(studied: StudiedAxes) -> str:
    """The settings that have no value, and so are not among those of which the sentence speaks."""
    parts = []
    if studied.without:
        parts.append(f"{plural(studied.without, 'setting')} of which every run diverged")
    if studied.stopped:
        parts.append(f"{plural(studied.stopped, 'setting')} that the search stopped short")
    return f" Not among these: {enumerated(parts)}." if parts else ""


def forgiveness_verdicts(found: Importance) -> list[Verdict]:
    """The part of the space within the margin of the best, and the range of each axis of numbers that works."""
    one, metric = found.forgiveness, found.studied.metric
    if one is None or one.settings < 2 or (len(found.studied.axes) < 2 and not one.ranges):  # the ranking says it all
        return []
    best = f"the best, {number(one.best, metric)}"
    text = forgiveness_sentence(one, amount(one.margin, metric), found.studied.names, best)
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
    text = f"The best of {plural(total, 'random setting')} has {number(float(best.mean[-1]), metric)}"
    if not counts:
        return [Verdict("note", f"{text}.")]
    listed = enumerated([f"{plural(n, 'setting')} {number(float(best.mean[n - 1]), metric)}" for n in counts])
    gain = abs(float(best.mean[-1] - best.mean[total // 2 - 1]))
    added = f"{100 * gain:.2f} points" if is_fraction(metric) else f"{gain:.3g}"
    text += (
        f". The expected best of fewer: {listed}. The second half of them gained {added} (without bias, Tang et al. "
        "2020)."
    )
    return [Verdict("note", text)]
