"""The judges of claims about curves.

faster, slower                the first epoch at a level that is the same for both
smoother, more-volatile       the volatility of curves
"""

from functools import partial

from handgrad.measures import lower_is_better
from handgrad.report.findings.curve_measures import common_level, curve_metric, curves_of, epochs_to
from handgrad.report.findings.wording import number, signed
from handgrad.report.reproduced.judge import word
from handgrad.report.reproduced.rulings import Claimed, Quantity, Ruling, about, contrast, unjudged


def _curve(claimed: Claimed) -> str | None:
    """The metric whose curve is meant: that of the statement, or what stands for the one that chose the winner."""
    found = curve_metric([*claimed.ours, *claimed.theirs], claimed.metric, claimed.load)
    return found if claimed.statement.measure in (None, found) else None


def _no_curve(claimed: Claimed) -> Ruling:
    return unjudged(f"no curve of {word(claimed.metric)} was recorded")


def _speed(claimed: Claimed, wanted: int) -> Ruling:
    metric = _curve(claimed)
    if metric is None:
        return _no_curve(claimed)
    sides = {s.label: curves_of(s, metric, claimed.load) for s in (*claimed.ours, *claimed.theirs)}
    level, lower = claimed.statement.level, lower_is_better(metric)
    how = ""
    if level is None:
        level = common_level([*sides.values()], metric)
        how = ", 95 % of the way to the better side's best"
    if level is None:
        return _no_curve(claimed)
    at = {
        label: {seed: epochs_to(one.epoch, one.y, level, lower=lower) for seed, one in runs.items()}
        for label, runs in sides.items()
    }
    by = Quantity(
        f"epochs until a {word(metric)} of {number(level, metric)}{how}:",
        lambda setting: {seed: epoch for seed, epoch in at[setting.label].items() if epoch is not None},
        lambda setting: (
            {seed for seed, epoch in at[setting.label].items() if epoch is None}
            | {run.key for run in setting.runs if run.status == "diverged"}
        ),
        -1.0,
        lambda value: f"{value:.1f}",
        lambda value: f"{value:+.1f}".replace("-", "−"),
        lost_word="never got there",
    )
    return about(contrast(claimed.ours, claimed.theirs, by).ruling(wanted), by)


def faster(claimed: Claimed) -> Ruling:
    """Ours comes to the level in fewer epochs; a run that never does is slower than any."""
    return _speed(claimed, 1)


def slower(claimed: Claimed) -> Ruling:
    """Ours comes to the level in more epochs, or never."""
    return _speed(claimed, -1)


def _noise(claimed: Claimed, wanted: int) -> Ruling:
    metric = _curve(claimed)
    if metric is None:
        return _no_curve(claimed)
    sides = {s.label: curves_of(s, metric, claimed.load) for s in (*claimed.ours, *claimed.theirs)}
    measured = {
        label: {seed: one.volatility for seed, one in runs.items() if one.volatility is not None}
        for label, runs in sides.items()
    }
    by = Quantity(
        f"volatility of {word(metric)}",
        lambda setting: measured[setting.label],
        lambda setting: {run.key for run in setting.runs if run.status == "diverged"},
        -1.0,
        partial(number, metric=metric),
        partial(signed, metric=metric),
        missing=": fewer than three epochs are left after the climb",
    )
    return about(contrast(claimed.ours, claimed.theirs, by).ruling(wanted), by)


def smoother(claimed: Claimed) -> Ruling:
    """The curve of ours has less noise after the climb; one that diverged has the most."""
    return _noise(claimed, 1)


def more_volatile(claimed: Claimed) -> Ruling:
    """The curve of ours has more noise after the climb, or diverged."""
    return _noise(claimed, -1)
