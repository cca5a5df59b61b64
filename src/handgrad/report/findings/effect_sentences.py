"""The effect of a hyperparameter in a sentence: where the metric is best, what a change does, and where otherwise."""

from collections.abc import Mapping

from handgrad.measures import METRICS
from handgrad.report.findings.effects import Direction, Effect, Step
from handgrad.report.findings.statistics import Comparison
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import enumerated, number, plural, signed
from handgrad.study.changes import shown

FEW = 5  # values of an axis that are all named


def effect_verdict(effect: Effect, names: Mapping[str, str]) -> Verdict:
    """What the effect of an axis is; names: axis -> how the report calls it."""
    name, metric = names[effect.axis], effect.metric
    means = {value: number(one.mean or 0.0, metric) for value, one in effect.levels.items()}
    if len(means) > FEW:
        ends = dict.fromkeys([effect.whole.start, effect.best, effect.whole.end])
        means = {value: means[value] for value in ends}
    listed = enumerated([f"{text} at {shown(value)}" for value, text in means.items()])
    text = f"{name}: mean {METRICS[metric].word} {listed}"
    if effect.combinations > 1:
        text += f", over {plural(effect.combinations, 'combination')} of the others"
    text += f"; best at {shown(effect.best)}."
    if _is_ordered(effect):
        text += f" {_whole(effect.whole, metric)}"
        text += _otherwise(effect, names)
    return Verdict("good" if effect.whole.decided and not effect.mixed else "note", text)


def _is_ordered(effect: Effect) -> bool:
    """Whether from the first to the last value is a direction: of numbers, and of two values."""
    return len(effect.levels) == 2 or all(isinstance(value, int | float) for value in effect.levels)


def _whole(step: Step, metric: str) -> str:
    d = step.difference
    text = f"From {shown(step.start)} to {shown(step.end)}: {signed(d.difference or 0.0, metric)}"
    if d.n < 2:
        return f"{text} by one {'fold' if d.folds else 'seed'}, which shows no spread."
    how = decision_text(d) if step.p is None else _told(step.p, step.decided)
    how += f", Holm's correction for {step.tests} hyperparameters" if step.tests > 1 else ""
    return f"{text} ({interval_text(d, metric)}, {d.counted if d.folds else f'n = {d.n}'}), {how}."


def _otherwise(effect: Effect, names: Mapping[str, str]) -> str:
    """Where the metric goes the other way."""
    if not effect.mixed:
        moved, all_of = effect.whole.rises + effect.whole.falls, effect.combinations
        if all_of < 2 or not moved:
            return ""
        return f" It goes the same way in {'all' if moved == all_of else f'{moved} of'} {all_of}."
    axis = effect.split_by
    if axis is None:
        some = f"{effect.whole.rises} of {effect.combinations} combinations"
        return f" It rises in {some} and falls in {effect.whole.falls}."
    each = effect.by[axis]
    parts = {
        "rises": [one for one in each if one.rises],
        "falls": [one for one in each if one.falls],
        "does not change": [one for one in each if not one.rises and not one.falls],
    }
    said = [
        f"{way} with {names[axis]} {enumerated([_value(one, effect.metric) for one in ones])}"
        for way, ones in parts.items()
        if ones
    ]
    settled = any(one.rises + one.falls > 1 for one in each)
    return f" It {enumerated(said)}{'; the remaining hyperparameters never reverse this' if settled else ''}."


def _value(one: Direction, metric: str) -> str:
    d = one.difference
    how = f", {decision_text(d)}" if d.n > 1 else ""
    return f"{shown(one.value)} ({signed(d.difference or 0.0, metric)}{how})"


def interval_text(d: Comparison, metric: str) -> str:
    """The 95 % interval of a paired difference."""
    if d.interval is None:
        return d.why_bare
    low, high = signed(d.interval.low, metric).removesuffix(" points"), signed(d.interval.high, metric)
    return f"95 % interval {low} to {high.removesuffix(' points')}"


def decision_text(d: Comparison) -> str:
    """Whether a paired difference is told from 0, and by what."""
    return "not told from 0" if d.p is None else _told(d.p, d.decided)


def _told(p: float, decided: bool) -> str:
    text = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return text if decided else f"not told from 0, {text}"
