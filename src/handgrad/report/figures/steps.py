"""Figures of the training loss of every step: of several settings, and of one run with its epochs laid over each other.

The full series is cleaned and smoothed (`smoothing`); only then are points picked for drawing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import cast

import numpy as np

from handgrad.measures import TRAIN
from handgrad.names import lookup, plural
from handgrad.report.figures.epochs import beyond_note
from handgrad.report.figures.palette import LineStyle, shade
from handgrad.report.figures.request import Request, Series, Sources, logarithmic, over_seeds, runs_of
from handgrad.report.figures.shapes import Curves, Key, Line, Numbers, Panel
from handgrad.report.figures.smoothing import debiased_ema, repair_outliers, stretches, thin
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.wording import runs_named
from handgrad.study.published.curve_options import StepLossByEpochOptions, StepLossOptions
from handgrad.study.published.option_values import LossScale
from handgrad.training.run_keys import RunKey, counted, in_order, key_word

STEP_POINTS = 1000  # drawn of a line
OVERLAID_POINTS = 3000  # drawn of all epochs together
STRETCHES = 300  # drawn of a line of very many steps
OVERLAID_STRETCHES = 1000  # drawn of all epochs together
MEMORY = 10  # steps that an average of weight 0.9 remembers: one drawn point can stand for so many
X_LABELS = {"step": "step", "epoch": "epochs", "example": "training examples seen"}


def step_loss(request: Request[StepLossOptions]) -> Curves | None:
    """The training loss of every step, a line for each setting."""
    options = request.options
    found: list[tuple[str, Axis, Line]] = []
    seeds: set[RunKey] = set()
    for label, setting in request.shown.items():
        runs = runs_of(setting, options.seed, request.metric)
        most = max((run.record.steps for run in runs if run.record), default=0)
        axes, lines = [], []
        for run in runs:
            one = _line_of(run, setting, most, request.sources, options)
            if one is not None:
                axes.append(one[0])
                lines.append(one[1])
                seeds.add(run.key)
        if lines:
            series = [Series(line.x, line.y, run=run) for line in lines for run in line.runs]
            line = lines[0] if len(lines) == 1 else over_seeds(label, series)
            longest = max(axes, key=lambda axis: axis.steps)
            found.append((label, longest, replace(line, label=label, style=request.style(label))))
    if not found:
        return None
    unit = options.x
    if unit == "auto":
        unit = "step" if len({axis.per_epoch for _, axis, _ in found}) == 1 else "epoch"
    lines = [scaled(replace(line, x=axis.places(line.x, unit)), options.scale) for _, axis, line in found]
    panel = Panel(
        "training loss per step", X_LABELS[unit], loss_label(options.scale), tuple(lines),
        logarithmic(options.log, lines), inset=options.inset,
    )  # fmt: skip
    steps = max(axis.steps for _, axis, _ in found)
    caption = (
        f"Loss of every training step, {_whose(options.seed, in_order(seeds), len(found) > 1)}. "
        f"{cleaning_note(options)} "
        f"{thinning_note(steps, STEP_POINTS, options.draw, band=options.seed != 'mean' or len(seeds) == 1)}"
    )
    sizes = {setting.setting.get("training", {}).get("batch_size") for setting in request.shown.values()}
    if sizes == {1}:
        caption += " A step is one example (batch size 1)."
    if options.scale is not None:
        caption += f" The loss is shown times {options.scale.factor:g}: {options.scale.words}."
    figure = Curves(request.name, "Training loss of every step", caption.strip(), (panel,), columns=1, fit=True)
    return replace(figure, caption=figure.caption + beyond_note(figure))


def scaled(line: Line, scale: LossScale | None) -> Line:
    """A line of losses in the unit in which they are shown."""
    if scale is None:
        return line
    low, high = (None if part is None else part * scale.factor for part in (line.low, line.high))
    return replace(line, y=line.y * scale.factor, low=low, high=high)


def loss_label(scale: LossScale | None) -> str:
    """The label of an axis of losses, with the factor by which they are shown."""
    return "loss" if scale is None else f"loss × {scale.factor:g}"


def _line_of(
    run: RunFacts, setting: SettingSummary, most: int, sources: Sources, options: StepLossOptions
) -> "tuple[Axis, Line] | None":
    """The steps of a run and the line drawn of them, which is kept for other figures of the same run and options."""
    key = (run.id, most, options.outliers, options.smooth, options.draw)
    if key not in sources.drawn:
        curves, found = sources.curves(run.id), None
        if len(curves.get("loss_per_step", ())) > 1:
            line = drawn(cleaned(curves["loss_per_step"], options), most, STEP_POINTS, options.draw)
            found = Axis.of(curves, setting), replace(line, runs=(run.id,))
        sources.drawn[key] = found
    return cast("tuple[Axis, Line] | None", sources.drawn[key])


def in_stretches(steps: int, points: int, draw: str) -> bool:
    """Whether a series is drawn by stretches: where options say so, or a point would stand for too many steps."""
    return steps > points and (draw == "stretches" or (draw == "auto" and steps > MEMORY * points))


def drawn(smooth: Numbers, most: int, points: int, draw: str, pieces: int = STRETCHES) -> Line:
    """What is drawn of a smoothed series, at most `most` steps long: y at steps counted from 1, a band by stretches."""
    low = high = None
    if in_stretches(most, points, draw):
        edges = np.linspace(0, most, pieces + 1).astype(np.int64)
        edges = edges[: np.searchsorted(edges, len(smooth)) + 1]
        x = (edges[:-1] + edges[1:] + 1) / 2.0
        y, low, high = stretches(smooth, edges)
    else:
        at = thin(most, points)
        at = at[at < len(smooth)]
        x, y = at.astype(np.float64) + 1, smooth[at]
    kept = np.isfinite(y)
    if low is None or high is None:
        return Line("", x[kept], y[kept])
    return Line("", x[kept], y[kept], low[kept], high[kept])


class Axis:
    """The steps of a run, and where they lie in epochs and examples."""

    def __init__(self, steps: int, ends: np.ndarray, examples: int) -> None:
        self.steps, self.ends, self.examples = steps, ends, examples
        self.per_epoch = int(ends[0]) if len(ends) else steps

    @classmethod
    def of(cls, curves: Mapping[str, np.ndarray], setting: SettingSummary) -> "Axis":
        """The axis of a run's curves."""
        ends = np.asarray(curves.get("steps_at_epoch_end", np.empty(0)), dtype=np.float64)
        return cls(len(curves["loss_per_step"]), ends, setting.count_of(TRAIN.name) or 0)

    def places(self, step: Numbers, unit: str) -> Numbers:
        """Steps, counted from 1, as steps, epochs or examples; an epoch that was not finished counts as long as others.

        >>> Axis(4, np.array([2.0, 4.0]), 10).places(np.array([1.0, 3.0]), "epoch").tolist()
        [0.5, 1.5]
        """
        if unit == "step":
            return step
        known = np.concatenate([[0.0], self.ends])
        last = known[-1] + max(self.per_epoch, 1)
        epochs: Numbers = np.interp(step, [*known, last], np.arange(len(known) + 1.0))
        return epochs * lookup({"epoch": 1, "example": self.examples}, unit, "axis")


def cleaned(loss: np.ndarray, options: StepLossOptions | StepLossByEpochOptions) -> Numbers:
    """The full series, its outliers replaced and smoothed as the options say."""
    repaired = loss if options.outliers is False else repair_outliers(loss, float(options.outliers))
    return debiased_ema(repaired, options.smooth)


def cleaning_note(options: StepLossOptions | StepLossByEpochOptions) -> str:
    """What was done to the full series, for a caption."""
    said = []
    if options.outliers is not False:
        said.append(
            f"values further than {options.outliers:g} standard deviations from its mean were replaced by the mean of "
            "their neighbours"
        )
    if options.smooth:
        said.append(f"smoothed by a debiased exponential moving average of weight {options.smooth:g}")
    if not said:
        return "Neither cleaned nor smoothed."
    text = ", then ".join(said)
    return f"On the full series, {text}." if options.outliers is not False else f"The full series was {text}."


def thinning_note(steps: int, points: int, draw: str, pieces: int = STRETCHES, *, band: bool) -> str:
    """How a long series was drawn, for a caption."""
    if steps <= points:
        return "Every point is drawn."
    if not in_stretches(steps, points, draw):
        return f"Only the drawing is thinned, to {points:,} of up to {steps:,} points."
    text = f"Only the drawing is thinned: up to {steps:,} steps in {pieces} equal stretches, the median of each"
    return f"{text} and a band from its 10 % to its 90 % quantile." if band else f"{text}."


def _whose(seed: int | str, seeds: Sequence[RunKey], several: bool) -> str:
    if seed == "mean" and len(seeds) > 1:
        return f"mean over {counted(seeds)} and a band from the lowest to the highest"
    which = runs_named(seeds)
    if not several:
        return which
    return f"one run a setting, {which}" if len(seeds) == 1 else f"one run a setting ({which})"


def step_loss_by_epoch(request: Request[StepLossByEpochOptions]) -> Curves | None:
    """The training loss against the step within its epoch, one run: a colour for each epoch, laid over each other."""
    options, run = request.options, request.run(request.options.seed)
    curves = request.sources.curves(run.id) if run is not None else {}
    loss, ends = curves.get("loss_per_step", np.empty(0)), curves.get("steps_at_epoch_end", np.empty(0))
    if run is None or not len(loss) or not len(ends):
        return None
    smooth = cleaned(loss, options)
    edges = [0, *np.asarray(ends, dtype=np.int64).tolist()]
    if len(loss) > edges[-1]:
        edges.append(len(loss))  # the epoch in which the run diverged
    last = len(edges) - 1
    wanted = [epoch for epoch in options.epochs or range(1, last + 1) if epoch <= last]
    if not wanted:
        return None
    points, pieces = (max(60, number // len(wanted)) for number in (OVERLAID_POINTS, OVERLAID_STRETCHES))
    longest = max(b - a for a, b in pairwise(edges))
    lines, blocks = [], []
    for epoch in wanted:
        line = drawn(smooth[edges[epoch - 1] : edges[epoch]], longest, points, options.draw, pieces)
        ink = shade((epoch - wanted[0]) / max(wanted[-1] - wanted[0], 1))
        lines.append(Line(f"epoch {epoch}", line.x, line.y, style=LineStyle(ink, width=1.1, opacity=0.9)))
        blocks.append((ink, str(epoch)))
    caption = (
        f"Loss of every training step against the step within its epoch, {request.whose}, {key_word(run.key)}; a "
        f"colour for each of {plural(len(wanted), 'epoch')}. {cleaning_note(options)} "
        f"{thinning_note(longest, points, options.draw, pieces, band=False)}"
    )
    panel = Panel(
        "training loss per step", "step within the epoch", "loss", tuple(lines), logarithmic(options.log, lines)
    )
    key = Key("epoch", _readable(blocks))
    return Curves(request.name, "Training loss within each epoch", caption, (panel,), columns=1, key=key)


def _readable(blocks: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The blocks of a key with as many of their texts as can be read: about ten, the first and the last among them."""
    kept = set(thin(len(blocks), 10).tolist())
    return tuple((ink, text if i in kept else "") for i, (ink, text) in enumerate(blocks))
