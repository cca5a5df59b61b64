"""The options of figures of curves: loss and other measures against steps and epochs."""

from typing import Annotated

from pydantic import BeforeValidator

from handgrad.sections import one_of
from handgrad.study.published.option_values import (
    MEASURES,
    USUAL_MEASURES,
    Count,
    Draw,
    Epochs,
    FigureOptions,
    Flag,
    InsetOption,
    Label,
    Log,
    Measures,
    Name,
    Outliers,
    Parts,
    ScaleOption,
    Seed,
    SeedOrMean,
    Weight,
)


class StepLossOptions(FigureOptions):
    """Training loss of every step.

    outliers: values further than so many standard deviations from the mean are replaced, or false (the report's
    `figures/smoothing.py`).
    smooth: weight of the debiased exponential moving average; 0 smooths nothing.
    draw: a series longer than can be drawn is shown by evenly picked points, or by the median of equal stretches with a
    band from their 10 % to their 90 % quantile; auto is stretches where a picked point would stand for more than ten.
    x: step, epoch or example; auto is step where all settings make equally many an epoch, else epoch.
    scale: a factor by which the loss is shown, and its words: the original's unit, where that is not the loss trained.
    inset: a window that is shown enlarged in the figure.
    """

    outliers: Outliers = 1.5
    smooth: Weight = 0.9
    draw: Draw = "auto"
    seed: SeedOrMean = "first"
    x: Annotated[str, BeforeValidator(one_of(("auto", "step", "epoch", "example"), "axis"))] = "auto"
    scale: ScaleOption = None
    inset: InsetOption = None
    log: Log = "auto"


class RateRangeOptions(FigureOptions):
    """Training loss of every step against the learning rate of the step, of settings whose schedule is a range test.

    smooth: weight of the debiased exponential moving average; 0 smooths nothing.
    seed: mean is over the seeds, as far as the loss of all of them is finite.
    """

    smooth: Weight = 0.9
    seed: SeedOrMean = "mean"
    log: Log = "auto"


class EpochsOptions(FigureOptions):
    """Accuracy, loss or other measures against the epoch, a line for each setting.

    together: all parts in one panel, those but validation dashed; else a panel for each.
    inset: a window that is shown enlarged in the figure.
    colour: "setting" (six colours, solid and dashed), "rank" (by the last value), or the path of a key by whose value
    lines are coloured, such as training.optimizer.lr; auto is setting up to twelve lines and rank beyond.
    """

    measures: Measures = USUAL_MEASURES
    parts: Parts = ("train", "validation")
    seed: SeedOrMean = "mean"
    together: Flag = False
    inset: InsetOption = None
    colour: Name = "auto"
    log: Log = "auto"


class EpochPairOptions(FigureOptions):
    """Accuracy and loss side by side, a line for each part; a row for each setting.

    measures: of one measure alone, the settings stand side by side.  columns: panels in a row; of both measures two, of
    one as many as there are settings, up to three.
    marks: lines where a continued run, or a schedule in steps, changed the learning rate.
    """

    measures: Measures = USUAL_MEASURES
    parts: Parts = ("train", "validation")
    columns: Count | None = None
    seed: SeedOrMean = "mean"
    inset: InsetOption = None
    marks: Flag = True
    log: Log = "auto"


class StepLossByEpochOptions(FigureOptions):
    """Training loss against the step within its epoch, one run, epochs laid over each other.

    epochs: those shown; all where it is not given.  draw: as for step-loss, without the band.
    """

    settings = (1, 1)
    outliers: Outliers = False
    smooth: Weight = 0.9
    draw: Draw = "auto"
    seed: Seed = "best"
    epochs: Epochs | None = None
    log: Log = "auto"


class GradientsOptions(FigureOptions):
    """Norms of gradients by layer against the epoch, saturated units beside them, of runs with `training.diagnostics`.

    biases: show those of biases (and of batch norm) too, not of weights alone.
    """

    biases: Flag = False
    seed: SeedOrMean = "mean"
    log: Log = "yes"


class SmallMultiplesOptions(FigureOptions):
    """Each setting in a panel of its own beside the baseline, which is grey in all of them.

    baseline: its label or its name in the legend; the first setting where it is not given.
    """

    settings = (2, None)
    measure: Annotated[str, BeforeValidator(one_of(MEASURES, "measure"))] = "accuracy"
    parts: Parts = ("validation",)
    baseline: Label | None = None
    seed: SeedOrMean = "mean"
    columns: Count = 4
    log: Log = "auto"
