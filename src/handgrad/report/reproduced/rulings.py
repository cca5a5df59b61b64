"""What the runs say of a claim, and the comparison of two sets of settings on which most of them rest.

    Claimed     what is claimed: the settings on both sides, the measure, the curves
    Ruling      what the runs say of it, with numbers
    contrast    two sets of settings by one quantity, in pairs of equal seed

Four verdicts: a claim *holds here* or is *contradicted here* where the runs decide; else both are *not separated*,
which is not the same as equal; and it *cannot be judged* where there is nothing to decide by.

Letters: of a set of settings, y(s) is the mean of their values with seed s; d(s) = y(s) − the other set's y(s).
Decided is a difference with p < 0.05 in a paired t-test on the n seeds that both have, and from six seeds on in the
sign-flip test too (`decided` of a `Comparison`).  A run that diverged is worse than any that did not: it has no d,
and decides where the same side diverged with every seed.  Statements are named beforehand and are not corrected for
their number.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from handgrad.measures import METRICS, is_proportion, lower_is_better
from handgrad.report.findings.curve_measures import LoadEpochs
from handgrad.report.findings.effect_sentences import decision_text
from handgrad.report.findings.intervals import binomial_standard_error
from handgrad.report.findings.statistics import Comparison, compare
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.wording import number, plural, seconds, signed
from handgrad.report.reproduced.judge import values_of, word
from handgrad.study.published.numbers import TIMES, WHOLE
from handgrad.study.published.statements import Statement
from handgrad.training.run_keys import RunKey, in_order

HOLDS, CONTRADICTED, UNDECIDED, UNJUDGED = "holds here", "contradicted here", "not separated", "cannot be judged"
ONE_RUN = "one run of each setting shows no spread"


@dataclass(frozen=True)
class Claimed:
    """What is claimed: of `ours`, beside `theirs` (all others of the phases where the statement names none).

    axes: of the phases;  metric: that of the statement, else the one that chose the winner;  load, diagnostics: id of a
    run -> its curves by epoch, and what `training.diagnostics` recorded of it.
    """

    statement: Statement
    ours: tuple[SettingSummary, ...]
    theirs: tuple[SettingSummary, ...]
    axes: tuple[str, ...]
    metric: str
    load: LoadEpochs
    diagnostics: LoadEpochs
    ddof: int = 1


@dataclass(frozen=True)
class Ruling:
    """What the runs say: one of the four verdicts, the numbers in words, and how it was decided.

    n: seeds, or settings where these are what is compared;  difference, low, high: ours − theirs.
    """

    verdict: str
    here: str
    how: str
    n: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Quantity:
    """What is compared: values of a setting by seed, which end is better, and how a value is written.

    lost: the seeds without a value because the run diverged or never came so far: worse than any;  examples: of an
    accuracy, on how many it was scored;  overlap: n₂/n₁ where each seed draws a split of its own (`resampled`).
    """

    name: str
    values: Callable[[SettingSummary], Mapping[RunKey, float]]
    lost: Callable[[SettingSummary], set[RunKey]]
    sign: float
    text: Callable[[float], str]
    difference: Callable[[float], str]
    examples: Callable[[SettingSummary], int | None] = lambda setting: None
    lost_word: str = "diverged"
    missing: str = ""  # why a setting may have no value
    overlap: Callable[[SettingSummary], float] = lambda setting: 0.0


def quantity_of(measure: str, ddof: int = 1) -> Quantity:
    """A measure of runs at their end."""
    return Quantity(
        word(measure),
        lambda setting: values_of(setting, measure, ddof).values,
        lambda setting: {run.key for run in setting.runs if run.status == "diverged"},
        -1.0 if lower_is_better(measure) or measure in TIMES else 1.0,
        lambda value: value_text(value, measure),
        lambda value: difference_text(value, measure),
        (lambda setting: setting.examples(measure)) if is_proportion(measure) else (lambda setting: None),
        overlap=lambda setting: setting.overlap(measure) if measure in METRICS else 0.0,
    )


def value_text(value: float, measure: str) -> str:
    """A value of a measure with its unit."""
    if measure in TIMES:
        return f"{seconds(value)} s"
    return f"{value:,.0f}" if measure in WHOLE else number(value, measure)


def difference_text(value: float, measure: str) -> str:
    """A difference of a measure with its sign and unit.

    >>> difference_text(-0.0312, "val_accuracy"), difference_text(12.34, "seconds")
    ('−3.12 points', '+12.3 s')
    """
    if measure not in TIMES:
        return signed(value, measure)
    return f"{'−' if value < 0 else '+'}{seconds(abs(value))} s"


@dataclass(frozen=True)
class Contrast:
    """Two sets of settings by one quantity.

    sign: +1 where ours is decided to be better, −1 where theirs is, else 0;  comparison: of the pairs that have values;
    here: both sides in words;  how: what decided, or why nothing did;  n: seeds with a value or a loss on both sides.
    """

    sign: int
    n: int
    comparison: Comparison
    here: str
    how: str
    decidable: bool
    inside_examples: bool = False  # of one run: no further apart than other examples alone would put them

    def ruling(self, wanted: int) -> Ruling:
        """The ruling on the claim that ours is better (+1) or worse (−1)."""
        d = self.comparison
        ends = (d.interval.low, d.interval.high) if d.interval else (None, None)
        if not self.decidable and not self.inside_examples:
            verdict = UNJUDGED
        else:
            verdict = HOLDS if self.sign == wanted else CONTRADICTED if self.sign == -wanted else UNDECIDED
        return Ruling(verdict, self.here, self.how, self.n, d.difference, *ends)


@dataclass(frozen=True)
class Side:
    """One side of a comparison: seed -> the mean over its settings, the seeds that one of them lost, and of an accuracy
    of a single setting the examples that it was scored on.  overlap: of seeds that draw a split each, else 0."""

    values: Mapping[RunKey, float]
    lost: frozenset[RunKey]
    examples: int | None = None
    overlap: float = 0.0


def side(settings: Sequence[SettingSummary], by: Quantity) -> Side:
    """The mean over the settings for every seed that all of them have; and the seeds that one of them lost."""
    each = [by.values(setting) for setting in settings]
    lost = frozenset(seed for setting in settings for seed in by.lost(setting))
    shared = set.intersection(*(set(values) for values in each)) if each else set()
    means = {s: math.fsum(values[s] for values in each) / len(each) for s in in_order(shared - lost)}
    overlap = max(map(by.overlap, settings), default=0.0)
    return Side(means, lost, by.examples(settings[0]) if len(settings) == 1 else None, overlap)


def contrast(ours: Sequence[SettingSummary], theirs: Sequence[SettingSummary], by: Quantity) -> Contrast:
    """Two sets of settings compared by the means of each set, in pairs of equal seed."""
    found = compared_sides(side(ours, by), side(theirs, by), by)
    return replace(found, how=found.how + _pairs(ours, theirs, by)) if found.decidable else found


def compared_sides(first: Side, second: Side, by: Quantity) -> Contrast:
    """Two sides compared in pairs of equal seed."""
    seeds = in_order((first.values.keys() | first.lost) & (second.values.keys() | second.lost))
    d = compare(first.values, second.values, max(first.overlap, second.overlap))
    here = f"{_shown(first, by)} against {_shown(second, by)}"
    losses = [(seed in second.lost) - (seed in first.lost) for seed in seeds]
    if any(losses):
        sign = next((s for s in (1, -1) if all(loss == s for loss in losses)), 0)
        side = f"with every one of {plural(len(seeds), 'seed')}" if sign else "with some seeds"
        who = {1: "the other side", -1: "this side", 0: "one side"}[sign]
        return Contrast(sign, len(seeds), d, here, f"{who} {by.lost_word} {side}", True)
    if d.n == 0:
        return Contrast(0, 0, d, here, f"no seed has a value on both sides{by.missing}", False)
    apart = by.difference(d.difference or 0.0)
    if d.n == 1:
        return _one_run(first, second, by, d, f"{here}: {apart}")
    text = f"{here}: {apart} ({_ends(d, by)})"
    test = "corrected resampled t-test" if d.corrected else "paired t-test"
    how = f"{test} on {plural(d.n, 'seed')}, {decision_text(d)}"
    sign = int(math.copysign(1, by.sign * (d.difference or 0.0))) if d.decided else 0
    return Contrast(sign, d.n, d, text, how, True)


def _shown(one: Side, by: Quantity) -> str:
    x = list(one.values.values())
    if not x:
        return by.lost_word if one.lost else "no value"
    text = by.text(math.fsum(x) / len(x))
    if len(x) > 1:
        mean = math.fsum(x) / len(x)
        s = math.sqrt(math.fsum((value - mean) ** 2 for value in x) / (len(x) - 1))
        unit = next((unit for unit in (" %", " s") if text.endswith(unit)), "")
        spread = by.difference(s).removeprefix("+").removesuffix(" points").removesuffix(" s")
        text = f"{text.removesuffix(unit)} ± {spread}{unit}"
    return f"{text} ({len(one.lost)} {by.lost_word})" if one.lost else text


def _ends(d: Comparison, by: Quantity) -> str:
    if d.interval is None:
        return "equal in every seed"
    low, high = by.difference(d.interval.low).removesuffix(" points"), by.difference(d.interval.high)
    return f"95 % interval {low} to {high.removesuffix(' points')}, n = {d.n}"


def _pairs(ours: Sequence[SettingSummary], theirs: Sequence[SettingSummary], by: Quantity) -> str:
    """Of two sets of equally many settings, in order: in how many pairs ours is better."""
    if len(ours) != len(theirs) or len(ours) < 2:
        return ""
    better = 0
    for one, other in zip(ours, theirs, strict=True):
        d = compare(by.values(one), by.values(other))
        better += by.sign * (d.difference or 0.0) > 0
    return f"; better in {better} of {len(ours)} pairs of settings"


def _one_run(first: Side, second: Side, by: Quantity, d: Comparison, here: str) -> Contrast:
    """One seed decides nothing; that the examples alone explain the difference, it can say of single settings."""
    half = examples_noise(first, second)
    if half is None:
        return Contrast(0, 1, d, here, ONE_RUN, False)
    alone = f"other examples alone would move the difference by ± {by.difference(half).removeprefix('+')}"
    if abs(d.difference or 0.0) <= half:
        return Contrast(0, 1, d, here, f"one run each; {alone}", False, inside_examples=True)
    return Contrast(0, 1, d, here, f"{ONE_RUN}; {alone}, and how seeds differ is not known", False)


def examples_noise(first: Side, second: Side) -> float | None:
    """1.96·√(a(1−a)/N + b(1−b)/M) of two accuracies a and b, on other N and M examples; None of anything else."""
    if not first.examples or not second.examples:
        return None
    (seed,) = first.values.keys() & second.values.keys()
    a, b = first.values[seed], second.values[seed]
    if not (0 <= a <= 1 and 0 <= b <= 1):
        return None
    return 1.96 * math.hypot(binomial_standard_error(a, first.examples), binomial_standard_error(b, second.examples))


def unjudged(why: str, here: str = "") -> Ruling:
    """Nothing to decide by."""
    return Ruling(UNJUDGED, here, why)


def about(found: Ruling, by: Quantity) -> Ruling:
    """The same ruling, saying of what its numbers are."""
    return replace(found, here=f"{by.name} {found.here}")
