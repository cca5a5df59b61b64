"""The judge of every claim of `CLAIMS` (`study/published/statements.py`): from what is claimed to a `Ruling`.

Those about curves stand in `curve_claims`, the one about gradients in `gradient_claims`.

better, worse, equal          two sets of settings by a measure at the end of training
reaches                       a set of settings against a level
best, worst                   one setting against every other
rises, falls                  with an axis over all others, or with another measure over all settings
overfits, underfits           training beside validation
explodes, collapses, learns   whether runs diverged, or came to predict one class
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from handgrad.measures import METRICS, TRAIN, is_fraction
from handgrad.report.findings.curve_measures import gap_of, held_out_metric
from handgrad.report.findings.effect_sentences import decision_text, interval_text
from handgrad.report.findings.effects import Effect, effect_of, frame_of
from handgrad.report.findings.statistics import LEVEL, kendall_tau_b, sample
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.wording import enumerated, number, plural, signed
from handgrad.report.reproduced.judge import judge_stability, stability_of, values_of, word
from handgrad.report.reproduced.rulings import (
    CONTRADICTED,
    HOLDS,
    ONE_RUN,
    UNDECIDED,
    UNJUDGED,
    Claimed,
    Contrast,
    Quantity,
    Ruling,
    about,
    compared_sides,
    contrast,
    quantity_of,
    side,
    unjudged,
)
from handgrad.study.changes import shown
from handgrad.study.published.numbers import MEASURES
from handgrad.study.rules.multiple_tests import holm

POINT = 0.01  # of accuracy, within which two are equal unless the statement says otherwise
TENTH = 0.1  # of anything else


# -- two sets of settings at the end of training


def _end(claimed: Claimed, wanted: int) -> Ruling:
    by = quantity_of(claimed.metric, claimed.ddof)
    found = contrast(claimed.ours, claimed.theirs, by).ruling(wanted)
    return about(found, by)


def better(claimed: Claimed) -> Ruling:
    """Ours is decided to be better."""
    return _end(claimed, 1)


def worse(claimed: Claimed) -> Ruling:
    """Ours is decided to be worse."""
    return _end(claimed, -1)


def equal(claimed: Claimed) -> Ruling:
    """Equivalence: the 95 % interval of the paired difference lies within ± margin.  Contradicted where it lies beyond.

    Two one-sided tests at 2.5 % (Schuirmann 1987).  That no difference was shown is never taken for equality.
    """
    by = quantity_of(claimed.metric, claimed.ddof)
    found = contrast(claimed.ours, claimed.theirs, by)
    d, margin = found.comparison, claimed.statement.margin
    if margin is None:
        theirs = [value for setting in claimed.theirs for value in by.values(setting).values()]
        scale = abs(math.fsum(theirs) / len(theirs)) if theirs else 0.0
        margin = POINT if is_fraction(claimed.metric) else TENTH * scale
    within = f"equal is within ± {by.difference(margin).removeprefix('+')}"
    here = f"{by.name} {found.here}"
    if found.decidable and found.sign and d.n < 2:  # one side diverged
        return Ruling(CONTRADICTED, here, found.how, found.n)
    if d.n < 2:
        return Ruling(UNJUDGED, here, f"{found.how}; {within}", found.n, d.difference)
    low, high = (d.interval.low, d.interval.high) if d.interval else (d.difference or 0.0, d.difference or 0.0)
    inside, beyond = -margin <= low and high <= margin, low > margin or high < -margin
    verdict = HOLDS if inside else CONTRADICTED if beyond else UNDECIDED
    return Ruling(verdict, here, f"95 % interval on {plural(d.n, 'seed')}; {within}", d.n, d.difference, low, high)


def reaches(claimed: Claimed) -> Ruling:
    """Every setting is at the level or better: the 95 % interval of its mean lies there.

    Contradicted where the interval of one lies wholly on the other side, or all its runs diverged.
    """
    by = quantity_of(claimed.metric, claimed.ddof)
    level = claimed.statement.level
    assert level is not None
    verdicts, here, n = [], [], []
    for setting in claimed.ours:
        one = sample(by.values(setting), examples=by.examples(setting), overlap=by.overlap(setting))
        n.append(one.n)
        text = f"{by.name} {by.text(one.mean)}" if one.mean is not None else "no value"
        if one.interval is None:
            lost = one.n == 0 and bool(by.lost(setting))
            verdicts.append(CONTRADICTED if lost else UNJUDGED)
            here.append(by.lost_word if lost else text)
            continue
        low, high = sorted((by.sign * (one.interval.low - level), by.sign * (one.interval.high - level)))
        verdicts.append(HOLDS if low >= 0 else CONTRADICTED if high < 0 else UNDECIDED)
        here.append(f"{text} (95 % interval {by.text(one.interval.low)} to {by.text(one.interval.high)})")
    verdict = next(v for v in (CONTRADICTED, UNJUDGED, UNDECIDED, HOLDS) if v in verdicts)
    how = ONE_RUN if verdict == UNJUDGED else f"interval of the mean against {by.text(level)}"
    return Ruling(verdict, "; ".join(here), how, min(n))


# -- one against all


def _extreme(claimed: Claimed, wanted: int) -> Ruling:
    by = quantity_of(claimed.metric, claimed.ddof)
    (one,) = claimed.ours
    others = [setting for setting in claimed.theirs if setting.label != one.label]
    each = [contrast([one], [other], by) for other in others]
    if not each:
        return unjudged("there is no other setting")
    place, of = _place(one, others, by, wanted)
    which = "best" if wanted > 0 else "worst"
    first = f"{by.name}: number {place} of {of} from the {which}"
    nearest = min(each, key=lambda found: wanted * by.sign * (found.comparison.difference or 0.0))
    here = f"{first}; beside the {'next' if place == 1 else which} {nearest.here}"
    n = min(found.n for found in each)
    if any(not found.decidable for found in each):
        why = f"{ONE_RUN}" if n == 1 else "some settings share no seeds with it"
        return Ruling(UNJUDGED, here, why, n)
    against = _against(each, wanted)
    if all(found.sign == wanted for found in each):
        return Ruling(
            HOLDS, here, f"decided against {'the other' if len(each) == 1 else f'each of {len(each)} others'}", n
        )
    if against:
        text = f"{against} of {plural(len(each), 'other')} decided to be {'better' if wanted > 0 else 'worse'} (Holm)"
        return Ruling(CONTRADICTED, here, text, n)
    left = sum(found.sign != wanted for found in each)
    return Ruling(
        UNDECIDED, here, f"{left} of {plural(len(each), 'other')} {'is' if left == 1 else 'are'} not told from it", n
    )


def _against(each: Sequence[Contrast], wanted: int) -> int:
    """How many others are decided to be further out, with Holm's correction over all of them."""
    p = holm([1.0 if found.comparison.p is None else found.comparison.p for found in each])
    lost = [found.sign == -wanted and found.comparison.p is None for found in each]
    return sum(
        found.sign == -wanted and (was_lost or adjusted < LEVEL)
        for found, adjusted, was_lost in zip(each, p, lost, strict=True)
    )


def _place(one: SettingSummary, others: Sequence[SettingSummary], by: Quantity, wanted: int) -> tuple[int, int]:
    """(its place by the mean, from the claimed end; of how many)."""

    def mean(setting: SettingSummary) -> float:
        x = list(by.values(setting).values())
        return by.sign * math.fsum(x) / len(x) if x and not by.lost(setting) else -math.inf

    own = mean(one)
    return 1 + sum(wanted * mean(other) > wanted * own for other in others), 1 + len(others)


def best(claimed: Claimed) -> Ruling:
    """Better than each other setting; contradicted where one is decided to be better."""
    return _extreme(claimed, 1)


def worst(claimed: Claimed) -> Ruling:
    """Worse than each other setting; contradicted where one is decided to be worse."""
    return _extreme(claimed, -1)


# -- with a hyperparameter, or with another measure


def _trend(claimed: Claimed, wanted: int) -> Ruling:
    along = claimed.statement.along or ""
    if along in MEASURES:
        return _association(claimed, along, wanted)
    others = [axis for axis in claimed.axes if axis != along]
    frame = frame_of(claimed.ours, claimed.axes, claimed.metric)
    overlap = max((setting.overlap(claimed.metric) for setting in claimed.ours), default=0.0)
    effect = effect_of(frame, along, others, claimed.metric, claimed.ddof, overlap)
    if effect is None or len(effect.levels) < 2:
        return unjudged("no two settings here differ in it alone")
    return _monotone(effect, wanted)


def _monotone(effect: Effect, wanted: int) -> Ruling:
    """Holds where the means go one way at every step and the whole change is decided; contradicted where the whole, or
    a step (Holm), is decided to go the other way."""
    metric, whole = effect.metric, effect.whole.difference
    means = [f"{number(one.mean or 0.0, metric)} at {shown(value)}" for value, one in effect.levels.items()]
    here = f"{word(metric)} {enumerated(means)}"
    if effect.combinations > 1:
        here += f", means over {effect.combinations} combinations of the others"
        ways = effect.whole.rises if wanted > 0 else effect.whole.falls
        here += f", {ways} of which {'rise' if wanted > 0 else 'fall'}"
    difference = whole.difference or 0.0
    if whole.n < 2:
        return Ruling(UNJUDGED, here, ONE_RUN, whole.n, difference)
    low, high = (whole.interval.low, whole.interval.high) if whole.interval else (None, None)
    steps = [step.difference for step in effect.steps]
    adjusted = holm([1.0 if step.p is None else step.p for step in steps])
    back = [
        effect.steps[i]
        for i, (step, p) in enumerate(zip(steps, adjusted, strict=True))
        if step.decided and p < LEVEL and wanted * (step.difference or 0.0) < 0
    ]
    test = "corrected resampled t-test" if whole.corrected else "paired t-test"
    how = f"{test} on {plural(whole.n, 'seed')}, from {shown(effect.whole.start)} to {shown(effect.whole.end)} "
    how += f"{signed(difference, metric)} ({interval_text(whole, metric)}), {decision_text(whole)}"
    if back:
        how += f"; the other way from {shown(back[0].start)} to {shown(back[0].end)}, decided (Holm)"
    one_way = all(wanted * (step.difference or 0.0) > 0 for step in steps)
    if back or (whole.decided and wanted * difference < 0):
        verdict = CONTRADICTED
    elif whole.decided and one_way:
        verdict = HOLDS
    else:
        verdict = UNDECIDED
        how += "" if one_way else "; the means do not go one way"
    return Ruling(verdict, here, how, whole.n, difference, low, high)


def _association(claimed: Claimed, along: str, wanted: int) -> Ruling:
    """Kendall's τ-b over settings, of the means over seeds: decided at p < 0.05, two-sided and exact without ties."""
    from scipy.stats import kendalltau

    pairs = [
        (x.mean, y.mean)
        for setting in claimed.ours
        for x, y in [(values_of(setting, name, claimed.ddof) for name in (along, claimed.metric))]
        if x.mean is not None and y.mean is not None
    ]
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    tau = kendall_tau_b(xs, ys)
    if tau is None:
        return unjudged(f"fewer than two settings have both {word(along)} and {word(claimed.metric)}")
    p = float(kendalltau(xs, ys).pvalue)
    settings = plural(len(pairs), "setting")
    of = f"{word(along)} and {word(claimed.metric)} over {settings}"
    here = f"Kendall's τ-b of {of}: {'−' if tau < 0 else ''}{abs(tau):.2f}"
    losses = {str(one.setting.get("training", {}).get("loss")) for one in claimed.ours}
    of_losses = [name for name in (along, claimed.metric) if name in METRICS and METRICS[name].measure.name == "loss"]
    if of_losses and len(losses) > 1:
        here += f" (losses of different kinds, {', '.join(sorted(losses))}, which cannot be compared with each other)"
    how = f"over settings, {'p < 0.001' if p < 0.001 else f'p = {p:.3f}'}"
    verdict = UNDECIDED if p >= LEVEL else HOLDS if tau * wanted > 0 else CONTRADICTED
    return Ruling(verdict, here, how, len(pairs), tau)


def rises(claimed: Claimed) -> Ruling:
    """The measure rises with the axis, over all others; or with another measure, over all settings."""
    return _trend(claimed, 1)


def falls(claimed: Claimed) -> Ruling:
    """The measure falls with the axis, over all others; or with another measure, over all settings."""
    return _trend(claimed, -1)


# -- training beside validation


def overfits(claimed: Claimed) -> Ruling:
    """The gap, training accuracy − validation (or test) accuracy at the end, is above 0; or larger than the others'."""
    settings = [*claimed.ours, *(claimed.theirs if claimed.statement.than else ())]
    gaps = {setting.label: gap_of(setting) for setting in settings}
    metric = held_out_metric(settings[0])
    if claimed.statement.than:
        by = Quantity(
            f"gap, training − {METRICS[metric].word},",
            lambda setting: gaps[setting.label],
            lambda setting: {run.key for run in setting.runs if run.status == "diverged"},
            1.0,
            partial(signed, metric=metric),
            partial(signed, metric=metric),
        )
        return about(contrast(claimed.ours, claimed.theirs, by).ruling(1), by)
    train, other = (quantity_of(name, claimed.ddof) for name in (TRAIN.metric("accuracy"), metric))
    found = compared_sides(side(claimed.ours, train), side(claimed.ours, other), train).ruling(1)
    return about(found, replace(train, name=f"training against {METRICS[metric].word}"))


def underfits(claimed: Claimed) -> Ruling:
    """Ours is worse on its own training examples, and on those held out as well: it does not even fit what it sees."""
    metric = held_out_metric(claimed.ours[0])
    names = (TRAIN.metric("accuracy"), metric)
    each = [contrast(claimed.ours, claimed.theirs, quantity_of(name, claimed.ddof)) for name in names]
    here = "; ".join(f"{METRICS[name].word} {found.here}" for name, found in zip(names, each, strict=True))
    how = "; ".join(found.how for found in each)
    n = min(found.n for found in each)
    if not all(found.decidable for found in each):
        return Ruling(UNJUDGED, here, how, n)
    if all(found.sign < 0 for found in each):
        return Ruling(HOLDS, here, how, n)
    return Ruling(CONTRADICTED if each[0].sign > 0 else UNDECIDED, here, how, n)


# -- how runs ended


def _ended(claimed: Claimed, said: str) -> Ruling:
    """Whether every setting came to what is said; one run of each suffices to see it."""
    found = [judge_stability(said, setting) for setting in claimed.ours]
    known = [agrees for agrees, _, _ in found if agrees is not None]
    outcomes = [outcome for agrees, _, outcome in found if agrees is not None]
    if not known:
        return unjudged("no run has ended")
    return _of_outcomes(known, outcomes, claimed)


def _of_outcomes(known: Sequence[bool], outcomes: Sequence[str], claimed: Claimed) -> Ruling:
    counted = {outcome: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)}
    here = "; ".join(f"{n} of {len(outcomes)} settings: {outcome}" for outcome, n in counted.items())
    here = outcomes[0] if len(outcomes) == 1 else here
    accuracy = [values_of(setting, claimed.metric, claimed.ddof).mean for setting in claimed.ours]
    there = [value for value in accuracy if value is not None]
    if there and is_fraction(claimed.metric):
        low, high = number(min(there), claimed.metric), number(max(there), claimed.metric)
        here += f" ({word(claimed.metric)} {low if low == high else f'{low} to {high}'})"
    runs = sum(len(setting.runs) for setting in claimed.ours)
    return Ruling(HOLDS if all(known) else CONTRADICTED, here, f"by how {plural(runs, 'run')} ended", runs)


def explodes(claimed: Claimed) -> Ruling:
    """A run of every one of the settings diverged or collapsed to one class."""
    return _ended(claimed, "explodes")


def learns(claimed: Claimed) -> Ruling:
    """No run of the settings diverged or collapsed."""
    return _ended(claimed, "learns")


def collapses(claimed: Claimed) -> Ruling:
    """A run of every one of the settings came to predict one class for nearly everything."""
    ended = [setting for setting in claimed.ours if setting.count("done", "pruned", "diverged")]
    if not ended:
        return unjudged("no run has ended")
    return _of_outcomes([setting.collapsed > 0 for setting in ended], [stability_of(s) for s in ended], claimed)
