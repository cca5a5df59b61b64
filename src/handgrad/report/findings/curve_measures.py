"""What reports argue with when they look at a curve: how fast it climbs, how much lies under it, how it zigzags.

    level_of(start, best)     the level at 95 % of the way from `start` to `best`
    epochs_to(epoch, y, …)    speed: the first epoch at which the curve is there
    area(y)                   the mean height of the curve, by trapezoids
    volatility(y)             the standard deviation of its noise, without its trend

Letters: y values of one run, one an epoch; T of them; d second differences.  A curve says nothing of other seeds:
`sample` sets these numbers of several runs beside each other.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handgrad.measures import METRICS, TEST, TRAIN, VALIDATION, is_fraction, lower_is_better, on_part
from handgrad.network.arrays import Arrays
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.statistics import Sample, sample
from handgrad.report.findings.summary import PhaseSummary, SettingSummary
from handgrad.training.run_keys import RunKey

SHARE = 0.95  # of the way to the best value, that the speed of a climb is measured by
CLIMB = 0.9  # of the way, after which the noise of a curve is measured
LEAST = 3  # values, without which there is no second difference

LoadEpochs = Callable[[str], Arrays]  # id of a run -> its curves by epoch


def level_of(start: float, best: float, share: float = SHARE) -> float:
    """The level at a share of the way from a start to the best value: start + share·(best − start).

    >>> level_of(0.1, 0.9)  # 0.1 + 0.95·0.8
    0.86
    """
    return start + share * (best - start)


def start_of(y: ArrayLike, metric: str, classes: int) -> float:
    """Where the way begins: an accuracy at that of guessing, 1/k for k classes; a loss at that of the first epoch."""
    return 1 / classes if is_fraction(metric) and classes else float(np.asarray(y, np.float64)[0])


def epochs_to(epoch: ArrayLike, y: ArrayLike, level: float, *, lower: bool = False) -> float | None:
    """The first epoch at which y is at the level or better; None where it never is.  lower: of a loss.

    >>> epochs_to([1, 2, 3, 4], [0.3, 0.7, 0.6, 0.9], 0.65)
    2.0
    """
    values = np.asarray(y, np.float64)
    there = np.flatnonzero(values <= level if lower else values >= level)
    return float(np.asarray(epoch)[there[0]]) if len(there) else None


def area(y: ArrayLike) -> float:
    """The area under the curve from the first to the last epoch, by trapezoids, divided by their distance: Σ of the
    means of neighbours / (T − 1).  A mean height, in the unit of y; of one value the value itself.

    >>> area([0.0, 1.0, 1.0])  # (0.5 + 1) / 2
    0.75
    """
    values = np.asarray(y, np.float64)
    return float(values[0]) if len(values) == 1 else float(np.trapezoid(values) / (len(values) - 1))


def volatility(y: ArrayLike) -> float | None:
    """√(Σ d² / (6·(T − 2))), d = y(t+1) − 2y(t) + y(t−1); None below three values.  In the unit of y.

    A straight trend leaves d alone.  Of white noise of variance σ² around one, d has the variance (1 + 4 + 1)σ²: the
    square of the volatility is then σ² on average, whatever the slope.  A curve that bends by d every epoch without any
    noise has |d|/√6, so that the steep first epochs are left out (`after_climb`).

    Source: the estimator of residual variance of Gasser, Sroka and Jennen-Steinmetz 1986 (Biometrika 73, 625-633, eq.
    2.2), for values at equal distances.

    >>> volatility([0.5, 0.6, 0.7, 0.8]) < 1e-15, round(volatility([0.0, 1.0, 0.0, 1.0]), 3)  # d = −2, 2: √(8/12)
    (True, 0.816)
    """
    values = np.asarray(y, np.float64)
    if len(values) < LEAST:
        return None
    d = values[2:] - 2 * values[1:-1] + values[:-2]
    return math.sqrt(float((d**2).sum()) / (6 * len(d)))


def after_climb(y: ArrayLike, level: float, *, lower: bool = False) -> NDArray[np.float64]:
    """The values from the first at the level or better; all of them where none is.

    >>> after_climb([0.1, 0.5, 0.4, 0.6], 0.5).tolist()
    [0.5, 0.4, 0.6]
    """
    values = np.asarray(y, np.float64)
    there = epochs_to(np.arange(len(values)), values, level, lower=lower)
    return values[int(there) :] if there is not None else values


@dataclass(frozen=True)
class CurveMeasures:
    """One run's curve of a metric in numbers.  own: epochs to 95 % of the way to its own best value; best: that value.

    volatility: of the epochs from the first at 90 % of that way on; None where fewer than three are left.
    """

    epoch: NDArray[np.float64]
    y: NDArray[np.float64]
    start: float
    best: float
    own: float | None
    area: float
    volatility: float | None


def measured(run: RunFacts, metric: str, load: LoadEpochs) -> CurveMeasures | None:
    """The curve of a metric of a run that came to its end; None where there is none or where it is not finite."""
    if run.record is None or run.status not in ("done", "pruned"):
        return None
    curves = load(run.id)
    y = np.asarray(curves.get(metric, ()), np.float64)
    if not len(y) or not np.isfinite(y).all():
        return None
    epoch = np.asarray(curves["epoch"], np.float64)[: len(y)]
    lower = lower_is_better(metric)
    start, best = start_of(y, metric, len(run.record.dataset.classes)), float(y.min() if lower else y.max())
    climbs = best < start if lower else best > start  # else it is nowhere better than at its start
    level, climb = (level_of(start, best, share) if climbs else best for share in (SHARE, CLIMB))
    return CurveMeasures(
        epoch,
        y,
        start,
        best,
        epochs_to(epoch, y, level, lower=lower),
        area(y),
        volatility(after_climb(y, climb, lower=lower)),
    )


def curve_metric(settings: Sequence[SettingSummary], metric: str, load: LoadEpochs) -> str | None:
    """The metric whose curve stands for one that is chosen by: itself where it was scored after every epoch, else the
    same measure on the validation part, else on the training part; None where there are no curves."""
    runs = [run for setting in settings for run in setting.runs if run.record and run.status in ("done", "pruned")]
    keys = load(runs[0].id).keys() if runs else ()
    wanted = [metric, *(on_part(metric, part) for part in (VALIDATION, TRAIN))] if metric in METRICS else []
    return next((name for name in wanted if name in keys), None)


@dataclass(frozen=True)
class SettingCurves:
    """The curves of a setting in numbers, each over its seeds.

    own: epochs to 95 % of the way to the run's own best value;  common: to the same level for all settings, of the runs
    that reach it;  best: the best value of the curve;  area, volatility;  gap: `gap_of`.
    """

    setting: SettingSummary
    n: int
    own: Sample
    common: Sample
    best: Sample
    area: Sample
    volatility: Sample
    gap: Sample


@dataclass(frozen=True)
class PhaseCurves:
    """Those of a phase's settings, the metric of the curves, and the common level: 95 % of the way to the mean over
    seeds of the best values of the setting where it is best."""

    metric: str
    level: float
    settings: tuple[SettingCurves, ...]


def phase_curves(phase: PhaseSummary, load: LoadEpochs, ddof: int = 1) -> PhaseCurves | None:
    """The curves of a phase's settings in numbers; None where no run has a curve."""
    metric = curve_metric(phase.settings, phase.metric, load)
    if metric is None:
        return None
    runs = {setting.label: curves_of(setting, metric, load) for setting in phase.settings}
    level = common_level([*runs.values()], metric)
    if level is None:
        return None
    lower = lower_is_better(metric)
    made = partial(_sample, ddof=ddof, overlap=phase.overlap)
    rows = []
    for setting in phase.settings:
        own = runs[setting.label]
        rows.append(
            SettingCurves(
                setting,
                len(own),
                made({s: one.own for s, one in own.items()}),
                made({s: epochs_to(one.epoch, one.y, level, lower=lower) for s, one in own.items()}),
                made({s: one.best for s, one in own.items()}),
                made({s: one.area for s, one in own.items()}),
                made({s: one.volatility for s, one in own.items()}),
                made(gap_of(setting)),
            )
        )
    return PhaseCurves(metric, level, tuple(rows))


def curves_of(setting: SettingSummary, metric: str, load: LoadEpochs) -> dict[RunKey, CurveMeasures]:
    """seed, or fold and seed -> the curve of its run in numbers."""
    found = {run.key: measured(run, metric, load) for run in setting.runs}
    return {key: one for key, one in found.items() if one is not None}


def common_level(settings: Sequence[Mapping[RunKey, CurveMeasures]], metric: str) -> float | None:
    """95 % of the way to the best mean, over a setting's seeds, of best values; None where there are no curves."""
    there = [runs for runs in settings if runs]
    if not there:
        return None
    bests = [math.fsum(one.best for one in runs.values()) / len(runs) for runs in there]
    starts = [one.start for runs in there for one in runs.values()]
    if lower_is_better(metric):
        return level_of(max(starts), min(bests))
    return level_of(min(starts), max(bests))


def gap_of(setting: SettingSummary) -> dict[RunKey, float]:
    """seed, or fold and seed -> by how much training is better than validation at the end (than test where nothing
    validates): accuracy of training − that of validation, of an error that of validation − that of training."""
    metric = TRAIN.metric(setting.main_measure)
    train, sign = setting.samples[metric].values, -1 if lower_is_better(metric) else 1
    held_out = setting.samples[held_out_metric(setting)].values
    return {seed: sign * (value - held_out[seed]) for seed, value in train.items() if seed in held_out}


def held_out_metric(setting: SettingSummary) -> str:
    """The main measure on examples that nothing was learnt from: validation where there is one, else test."""
    metric = VALIDATION.metric(setting.main_measure)
    return metric if setting.samples[metric].n else TEST.metric(setting.main_measure)


def _sample(values: Mapping[RunKey, float | None] | Mapping[RunKey, float], ddof: int, overlap: float) -> Sample:
    return sample({key: value for key, value in values.items() if value is not None}, ddof, overlap=overlap)
