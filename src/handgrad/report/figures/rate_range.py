"""The learning rate range test: training loss against the learning rate, which grows at every step of a run.

Letters: η_t the learning rate of step t; L_t its loss, the mean over the runs, smoothed; m the step of the smallest L.

The test is that of Smith 2017 ("Cyclical learning rates for training neural networks", section 3.3), here with a rate
that grows exponentially, as in `lr_find` of fastai (Howard & Gugger 2020, "fastai: a layered API for deep learning"),
from which both marks are.  They are rules of thumb: the rate where L falls most steeply, and η_m/10.

The rates are those of the schedule's formula: a record has the rate of the first step of every epoch alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handgrad.data.batches import steps_per_epoch
from handgrad.decimals import significant
from handgrad.measures import TRAIN
from handgrad.names import plural, short
from handgrad.report.figures.request import Request, Sources, logarithmic, runs_of
from handgrad.report.figures.shapes import Curves, Line, Mark, Numbers, Panel
from handgrad.report.figures.smoothing import debiased_ema, thin
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.study.changes import at_path
from handgrad.study.published.curve_options import RateRangeOptions
from handgrad.training.run_keys import counted, key_word
from handgrad.training.schedules import RangeTest

RANGE_TEST: str = RangeTest.model_fields["name"].default
NEEDS_RANGE_TEST = 'a range test has training.schedule = { name = "range-test" }, and no setting here has that'
POINTS = 1000  # drawn of a line
WINDOW = 20  # a slope is taken over one step in so many to either side
MEMORY = 10  # steps that a smoothed loss needs until it is smooth, of which no slope is taken
RISEN = 0.1  # of the fall of the loss: what it rises by at least, so that the smallest loss has its place
BEYOND = 2.0  # times the highest loss before the smallest: where a line ends
MARKED = 3  # settings whose rates are marked in one figure
NAMED = 12  # settings with a sentence of their own


def is_range_test(schedule: str) -> bool:
    """Whether the schedule of this name is a range test."""
    return schedule == RANGE_TEST


def has_range_test(setting: SettingSummary) -> bool:
    """Whether its learning rate grows from step to step."""
    return is_range_test(str(at_path(setting.setting, "training.schedule.name")))


@dataclass(frozen=True, eq=False)
class RangeCurve:
    """What a range test found.  rates, loss: η and L (steps,), as far as the loss of every run is finite.

    lowest: m;  steepest: the step of the steepest fall, None where the loss does not fall;  tenth: η_m/10, None where
    the loss does not fall or does not rise again;  shown: how many steps a line has;  lost: whether a run diverged.
    """

    runs: tuple[RunFacts, ...]
    rates: Numbers
    loss: Numbers
    lowest: int
    steepest: int | None
    tenth: float | None
    shown: int
    lost: bool

    @property
    def steepest_rate(self) -> float | None:
        """The rate of the steepest fall."""
        return None if self.steepest is None else float(self.rates[self.steepest])


def rates_of(training: dict[str, Any], steps: int, per_epoch: int) -> Numbers:
    """The learning rates of the first steps of a run, from its [training] table as records have it; (steps,).

    per_epoch: the steps of an epoch.

    >>> test = {"schedule": {"name": "range-test", "start": 0.01}, "optimizer": {"lr": 1.0}, "epochs": 3}
    >>> rates_of(test, 2, 1).round(6).tolist()
    [0.01, 0.1]
    """
    schedule, epochs = RangeTest.model_validate(training["schedule"]), training["epochs"]
    within = np.arange(per_epoch) / per_epoch
    whole = [schedule.warmed(k + within, epochs, []) for k in range(-(-steps // per_epoch))]
    rates: Numbers = training["optimizer"]["lr"] * np.concatenate([*whole, np.empty(0)])[:steps]
    return rates


def range_curve(
    setting: SettingSummary, runs: Sequence[RunFacts], sources: Sources, weight: float
) -> RangeCurve | None:
    """The test of these runs; None where fewer than two steps of them are finite."""
    losses, lost, there, per_epoch = list[np.ndarray](), False, list[RunFacts](), 0
    for run in runs:
        found, steps = _own_losses(run, sources)
        per_epoch = per_epoch or steps
        finite = np.isfinite(found)
        n = len(found) if finite.all() else int(np.argmin(finite))
        lost |= n < len(found) or run.status == "diverged"
        if len(found):
            losses.append(found[:n])
            there.append(run)
    n = min(map(len, losses), default=0)
    if n < 2:
        return None
    training = setting.setting["training"]
    per_epoch = per_epoch or steps_per_epoch(setting.count_of(TRAIN.name) or n, training["batch_size"])
    rates = rates_of(training, n, per_epoch)
    loss = debiased_ema(np.mean([one[:n] for one in losses], axis=0), weight)
    return found_in(rates, loss, tuple(there), lost=lost)


def _own_losses(run: RunFacts, sources: Sources) -> tuple[np.ndarray, int]:
    """The losses of the steps of a run itself, without those of runs that it continues; and the steps of an epoch, 0
    where it did not come to the end of one."""
    curves = sources.curves(run.id)
    losses = np.asarray(curves.get("loss_per_step", np.empty(0)), dtype=np.float64)
    before = run.record.first_epoch if run.record is not None else 0
    ends = [0, *np.asarray(curves.get("steps_at_epoch_end", ()), dtype=np.int64).tolist()]
    return losses[ends[before] :], ends[before + 1] - ends[before] if len(ends) > before + 1 else 0


def found_in(rates: Numbers, loss: Numbers, runs: tuple[RunFacts, ...] = (), *, lost: bool = False) -> RangeCurve:
    """The marks of a smoothed curve.

    The slope at t is (L_{t+h} − L_{t−h}) / (ln η_{t+h} − ln η_{t−h}), h a twentieth of the steps, of both steps up to m
    and none of the first ten (of a short test: of the first quarter up to m).  The loss falls where some slope is
    negative; it rises where it is again higher than L_m by a tenth of its fall, or where a run diverged.

    >>> found = found_in(np.array([1.0, 2, 4, 8, 16, 32]), np.array([9.0, 8.5, 4, 1, 1.5, 9]))
    >>> found.steepest_rate, found.tenth
    (4.0, 0.8)
    """
    m = int(np.argmin(loss))
    highest = float(loss[: m + 1].max())
    h = max(1, len(loss) // WINDOW)
    first = min(MEMORY, m // 4)
    at = np.arange(first + h, m - h + 1)
    slopes = (loss[at + h] - loss[at - h]) / np.log(rates[at + h] / rates[at - h])
    steepest = int(at[np.argmin(slopes)]) if len(at) and slopes.min() < 0 else None
    rises = lost or bool((loss[m:] > loss[m] + RISEN * (highest - loss[m])).any())
    tenth = float(rates[m]) / 10 if steepest is not None and rises else None
    above = np.flatnonzero(loss[m:] > BEYOND * highest)
    shown = m + int(above[0]) if len(above) else len(loss)
    return RangeCurve(runs, rates, loss, m, steepest, tenth, max(shown, 2), lost)


def lr_range(request: Request[RateRangeOptions]) -> Curves | None:
    """The training loss against the learning rate, a line for each setting that has a range test."""
    options, found = request.options, dict[str, RangeCurve]()
    for label, setting in request.shown.items():
        if has_range_test(setting):
            runs = runs_of(setting, options.seed, request.metric)
            if (curve := range_curve(setting, runs, request.sources, options.smooth)) is not None:
                found[label] = curve
    if not found:
        return None
    lines = [replace(_line(label, curve), style=request.style(label)) for label, curve in found.items()]
    panel = Panel(
        "training loss", "learning rate", "loss", tuple(lines), logarithmic(options.log, lines),
        marks=tuple(_marks(found)) if len(found) <= MARKED else (), log_x=True,
    )  # fmt: skip
    return Curves(
        request.name, "Learning rate range test", _caption(found, options), (panel,), columns=1, fit=len(lines) > 1
    )


def _line(label: str, curve: RangeCurve) -> Line:
    at = thin(curve.shown, POINTS)
    return Line(label, curve.rates[at], curve.loss[at], runs=tuple(run.id for run in curve.runs))


def _marks(found: dict[str, RangeCurve]) -> Iterator[Mark]:
    for label, curve in found.items():
        whose = f"{short(label.split(':')[0], 12)}: " if len(found) > 1 else ""
        if curve.steepest_rate is not None:
            yield Mark(curve.steepest_rate, f"{whose}steepest fall {significant(curve.steepest_rate, 2)}")
        if curve.tenth is not None:
            yield Mark(curve.tenth, f"{whose}lowest/10 = {significant(curve.tenth, 2)}")


def _caption(found: dict[str, RangeCurve], options: RateRangeOptions) -> str:
    curves = list(found.values())
    n = max((curve.runs for curve in curves), key=len)
    whose = f"mean over {counted(run.key for run in n)}" if len(n) > 1 else key_word(n[0].key)
    one = len(found) == 1
    smoothed = (
        f", smoothed by a debiased exponential moving average of weight {options.smooth:g}" if options.smooth else ""
    )
    parts = [f"Loss of every training step against its learning rate, {whose}{smoothed}."]
    if any(curve.tenth is not None or curve.steepest is not None for curve in curves) and len(found) <= MARKED:
        parts.append(
            "Marks, both rules of thumb: the rate where the loss falls most steeply, and a tenth of that with the "
            "smallest loss (the test: Smith 2017; the rules: Howard & Gugger 2020)."
        )
    if lost := sum(curve.lost for curve in curves):
        which = "The line ends" if one else f"{plural(lost, 'line')} {'ends' if lost == 1 else 'end'}"
        parts.append(f"{which} where the loss of a run is not finite, if not before.")
    if cut := sum(curve.shown < len(curve.loss) for curve in curves):
        which = "The line ends" if one else f"{plural(cut, 'line')} {'ends' if cut == 1 else 'end'}"
        parts.append(f"{which} where the loss is twice as high as it was before it fell.")
    if (steps := max(curve.shown for curve in curves)) > POINTS:
        parts.append(f"Only the drawing is thinned, to {POINTS:,} of up to {steps:,} points.")
    return " ".join(parts)


def range_verdicts(summary: Summary, sources: Sources) -> list[Verdict]:
    """A sentence for each setting with a range test, of many the first twelve: which rates its rules give."""
    found = list[Verdict]()
    several = len(summary.settings) > 1
    tested = [setting for setting in summary.settings if has_range_test(setting)]
    for setting in tested[:NAMED]:
        curve = range_curve(setting, runs_of(setting, "mean", ""), sources, RateRangeOptions().smooth)
        if curve is not None:
            where = f" (setting {setting.label})" if several else ""
            found.append(Verdict("note", f"Learning rate range test{where}: {_said(curve)}."))
    if found and len(tested) > NAMED:
        rest = len(tested) - NAMED
        found.append(Verdict("note", f"… and {plural(rest, 'more setting')} with a range test: see the figures."))
    return found


def _said(curve: RangeCurve) -> str:
    last, m = significant(float(curve.rates[-1]), 2), significant(float(curve.rates[curve.lowest]), 2)
    if curve.steepest_rate is None:
        return f"the loss falls nowhere up to lr {last}, so that no rate follows; begin with a smaller one"
    steep = f"the loss falls most steeply at lr {significant(curve.steepest_rate, 2)}"
    if curve.tenth is None:
        return f"{steep}, and has not risen by lr {last}, the largest; test up to a larger one"
    return (
        f"{steep} and is smallest at {m}; by rules of thumb the first, or a tenth of the second, "
        f"{significant(curve.tenth, 2)}, is a rate to train with"
    )
