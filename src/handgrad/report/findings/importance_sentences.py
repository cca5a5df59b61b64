"""What matters, in sentences that a student can copy: which axis, by how much, how sure, and what does not.

An axis matters where the interval of its share leaves out 0; it matters most where it also lies above the intervals of
all other axes and of the interactions of two others.  Two axes matter most together where the interval of their
interaction lies above all others.  An axis matters little where the intervals of its share and of all its interactions
end below 5 %.  Of every other axis nothing is said but its interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handgrad.measures import METRICS, is_fraction
from handgrad.report.findings.forest_shares import ForestShares
from handgrad.report.findings.importance import Importance, Shares, among, axes_named, with_result
from handgrad.report.findings.studied_axes import StudiedAxes
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.variance_shares import VarianceShares
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.within_margin import forgiveness_sentence
from handgrad.report.findings.wording import amount, enumerated, number, plural, sentence

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
    def called(self) -> str:
        """The axis, or the interaction of two."""
        return _called(self.name, self.axes)

    @property
    def is_above_zero(self) -> bool:
        """Whether its interval leaves out 0."""
        return self.low >= LEAST


def _called(name: str, axes: Sequence[str]) -> str:
    return name if len(axes) == 1 else f"the interaction of {enumerated(axes)}"


def parts_of(shares: Shares) -> list[NamedShare]:
    """Axes and pairs that have an interval, largest first."""
    listed = shares.effects if isinstance(shares, VarianceShares) else shares.shares
    return [
        NamedShare(one.name, one.axes, one.share, one.interval.low, one.interval.high)
        for one in listed
        if one.interval is not None
    ]


def percent_of(share: float) -> str:
    """A share in percent, below 10 and above 99.5 with a decimal; never below 0 or above 100, and 100 % only of all.

    >>> percent_of(0.856), percent_of(0.0312), percent_of(-0.01)
    ('86 %', '3.1 %', '0 %')
    >>> percent_of(0.9962), percent_of(0.99998), percent_of(1.0)
    ('99.6 %', '> 99.9 %', '100 %')
    """
    value = 100 * min(max(share, 0.0), 1.0)
    if 99.95 <= value < 100:
        return "> 99.9 %"
    return f"{value:.0f} %" if 9.95 <= value < 99.5 or value < 0.05 or value == 100 else f"{value:.1f} %"


def ends_of(low: float, high: float) -> str:
    """The ends of an interval of a share, with one sign of percent.

    >>> ends_of(0.0312, 0.856), ends_of(0.9998, 0.99999)
    ('3.1 to 86 %', '99.9 to 100 %')
    """
    first = "99.9" if (text := percent_of(low).removesuffix(" %")).startswith(">") else text
    last = "100 %" if (text := percent_of(high)).startswith(">") else text
    return f"{first} to {last}"


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
    """Which axis matters most: where runs were lost, first among the settings of which none was, then, in the same
    verdict, among all; why, where it cannot be said.

    phase: its name, where sentences of several stand together.
    """
    where, studied = f"{phase}: " if phase else "", found.studied
    if found.refusal:
        several = len(studied.axes) > 1
        what = f"hich of {axes_named(studied)} matters" if several else f"hat {axes_named(studied)} does"
        return [Verdict("note", f"{where}{'w' if where else 'W'}{what} cannot be said: {found.refusal}.")]
    if found.shares is None or len(studied.axes) < 2:
        return []
    settings, not_among = with_result(studied), _not_among(studied)
    if not found.lost:
        text, decided = _most(found.shares, studied, begins=not where)
        method = _method(found.shares, settings)
        return [Verdict("good" if decided else "note", f"{where}{text}. {method}{not_among}")]
    working = _of_working(found, where)
    lead, _ = _lead(parts_of(found.shares), found.shares, studied)
    text = f"{working.text} Among all {plural(settings, 'setting')}, {found.lost:,} of which lost runs, {lead}."
    if found.working is None:
        text = f"{text} {_method(found.shares, settings)}"
    return [Verdict(working.kind, f"{text}{not_among}")]


def little(found: Importance) -> set[str]:
    """Paths of the axes that are shown to matter little, where runs were lost: among the settings of which none was."""
    shares, studied = found.working if found.lost else found.shares, found.studied
    if shares is None or len(studied.axes) < 2:
        return set()
    parts = parts_of(shares)
    names = {part.name for part in parts if len(part.axes) == 1 and _is_little(part, parts)}
    return {path for path in studied.axes if studied.names[path] in names}


def _of_working(found: Importance, where: str) -> Verdict:
    """Which axis matters most among the settings of which no run was lost."""
    settings, begin = with_result(found.studied), f"{where}{'a' if where else 'A'}mong the {among(found)}"
    if found.working is None:
        return Verdict("note", f"{begin}, what matters cannot be said: {found.working_refusal}.")
    text, decided = _most(found.working, found.studied)
    method = _method(found.working, settings - found.lost)
    return Verdict("good" if decided else "note", f"{begin}, {text}. {method}")


def _most(shares: Shares, studied: StudiedAxes, begins: bool = False) -> tuple[str, bool]:
    """The axis that matters most, or the two that do so together, what interacts, and what matters little or was not
    shown to matter; and whether one is shown to matter most."""
    parts = parts_of(shares)
    text, named = _lead(parts, shares, studied, begins)
    if not parts:
        return text, False
    mains = [part for part in parts if len(part.axes) == 1 and part not in named]
    pairs = [part for part in parts if len(part.axes) == 2 and part not in named]
    first = named[0] if len(named) == 1 and len(named[0].axes) == 2 else None
    return text + _the_others(mains, pairs, parts, first), len(named) == 1 and named[0].is_above_zero


def _lead(
    parts: Sequence[NamedShare], shares: Shares, studied: StudiedAxes, begins: bool = False
) -> tuple[str, list[NamedShare]]:
    """The axis that matters most, or the two that do so together, and which parts that names."""
    of = f"of the variance of {METRICS[studied.metric].word}"
    if isinstance(shares, ForestShares):
        of += " over the space"
    if not parts:  # no noise was seen
        texts = [f"{_called(one.name, one.axes)} {percent_of(one.share)}" for one in shares.shares if one.axes]
        return f"{'O' if begins else 'o'}{of[1:]} the shares are {enumerated(texts, NAMED)}", []
    mains = [part for part in parts if len(part.axes) == 1]
    pairs = [part for part in parts if len(part.axes) == 2]
    if pairs and all(pairs[0].low > one.high for one in parts if one is not pairs[0]) and pairs[0].is_above_zero:
        return _pair_first(pairs[0], of), [pairs[0]]
    first, is_above_zero = mains[0], any(part.is_above_zero for part in mains)
    rivals = [one for one in parts if is_above_zero and first.name not in one.axes and one.high >= first.low]
    if not is_above_zero:
        text = (
            f"{'No' if begins else 'no'} hyperparameter is shown to matter by itself: the largest share {of} is that "
            f"of {first.name}, {percent_of(first.share)} (95 % interval {_ends(first)})"
        )
    elif rivals:
        lead, *rest = sorted([first, *rivals], key=lambda part: -part.share)
        text = (
            f"{'Which' if begins else 'which'} hyperparameter matters most is not separated: {lead.called} has "
            f"{percent_of(lead.share)} {of} (95 % interval {_ends(lead)}), {_listed(rest)}"
        )
    else:
        text = f"{first.name} matters most: it has {percent_of(first.share)} {of} (95 % interval {_ends(first)})"
    return text, [first, *rivals]


def _pair_first(pair: NamedShare, of: str) -> str:
    """Of an interaction that has more than every axis by itself."""
    one, other = pair.axes
    return (
        f"{one} and {other} matter most, together: their interaction has {percent_of(pair.share)} {of} (95 % interval "
        f"{_ends(pair)}), so that what {one} does depends on {other}"
    )


def _the_others(
    mains: Sequence[NamedShare],
    pairs: Sequence[NamedShare],
    parts: Sequence[NamedShare],
    first: NamedShare | None = None,
) -> str:
    """The axes and pairs that are not named yet;  first: the interaction that is; its axes have shares of their own."""
    text = ""
    if first is not None:
        text += f". By themselves {_listed([part for part in mains if part.axes[0] in first.axes], ' has')}"
        mains = [part for part in mains if part.axes[0] not in first.axes]
    small = [part for part in mains if _is_little(part, parts)]
    if matter := [part for part in mains if part.is_above_zero and part not in small]:
        text += f"; {_listed(matter, ' has')}"
    text += _together([part for part in pairs if part.is_above_zero and part.share >= LITTLE / 5])
    if small:
        most = _at_most(max(part.high for part in small))
        text += f". Shown to matter little: {enumerated([part.name for part in small], NAMED)} ({most})"
    if unknown := [part for part in mains if part not in (*small, *matter)]:
        text += f". Not shown to matter: {_listed(unknown)}"
    return text


def _together(pairs: Sequence[NamedShare]) -> str:
    """What the largest interaction adds, and how many more there are."""
    if not pairs:
        return ""
    pair, more = pairs[0], len(pairs) - 1
    text = f". {sentence(pair.called)} adds {percent_of(pair.share)} ({_ends(pair)}): what {pair.axes[0]} does depends "
    also = f"; {plural(more, 'other pair')} interact{'s' if more == 1 else ''} as well" if more else ""
    return f"{text}on {pair.axes[1]}{also}"


def _listed(parts: Sequence[NamedShare], verb: str = "") -> str:
    """verb: after the first name, where it begins a sentence."""
    texts = [f"{percent_of(part.share)} ({_ends(part)})" for part in parts]
    return enumerated([f"{part.called}{'' if i else verb} {texts[i]}" for i, part in enumerate(parts)], NAMED)


def _at_most(share: float) -> str:
    return "less than 0.1 %" if share < 0.0005 else f"at most {percent_of(share)}"


def _is_little(part: NamedShare, parts: Sequence[NamedShare]) -> bool:
    return all(one.high < LITTLE for one in parts if part.axes[0] in one.axes)


def _ends(part: NamedShare) -> str:
    return ends_of(part.low, part.high)


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
