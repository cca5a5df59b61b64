"""The kinds of figures that a study can ask for, and what each takes.  `report/figures/kinds.py` makes them.

They stand here so that a study file is checked whole before anything runs:

    FIGURE_OPTIONS[kind].read(options, prefix=...)  ->  (options, []) or (None, every problem as a line)

`seed` chooses among the runs of a setting: a seed of the study, "first" (the first seed that finished), "best" (the one
that did best by the measure that chose the winner) or, where curves can be averaged, "mean" (all of them, with a band).
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from handgrad.names import unknown
from handgrad.sections import Section, flag, is_real, is_whole, one_of, real, whole

PARTS = ("train", "validation", "test")
MEASURES = ("accuracy", "loss")
LOG = ("auto", "yes", "no")
DRAW = ("auto", "points", "stretches")


def _several(table: tuple[str, ...], kind: str) -> Callable[[Any], tuple[str, ...]]:
    """A validator for one or several different names of a table, in any order."""

    def check(value: Any) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"must be one or several different ones of: {', '.join(table)}")
        for name in names:
            if name not in table:
                raise ValueError("holds an " + unknown(name, table, kind))
        return tuple(name for name in table if name in names)

    return check


def _seed(*words: str) -> Callable[[Any], int | str]:
    """A validator for a seed, or for a word that chooses among a setting's runs."""

    def check(value: Any) -> int | str:
        if is_whole(value):
            return value
        if value not in words or not isinstance(value, str):
            raise ValueError(f"must be a seed or one of: {', '.join(words)}")
        return value

    return check


def _outliers(value: Any) -> float | bool:
    if value is False:
        return False
    if not is_real(value) or not value > 0:
        raise ValueError("must be a number of standard deviations > 0, or false to leave every value as it is")
    return float(value)


def _epochs(value: Any) -> tuple[int, ...]:
    listed = list(value) if isinstance(value, list | tuple) else []
    if not listed or not all(is_whole(n, 1) for n in listed):
        raise ValueError("must be a list of epochs, counted from 1")
    return tuple(sorted(set(listed)))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


Seed = Annotated[int | str, BeforeValidator(_seed("best", "first"))]
SeedOrMean = Annotated[int | str, BeforeValidator(_seed("mean", "best", "first"))]
Outliers = Annotated[float | bool, BeforeValidator(_outliers)]
Weight = Annotated[float, BeforeValidator(real("[0, 1)"))]
Parts = Annotated[tuple[str, ...], BeforeValidator(_several(PARTS, "part"))]
Measures = Annotated[tuple[str, ...], BeforeValidator(_several(MEASURES, "measure"))]
Log = Annotated[str, BeforeValidator(one_of(LOG, "word"))]
Draw = Annotated[str, BeforeValidator(one_of(DRAW, "word"))]
Count = Annotated[int, BeforeValidator(whole("[1, 12]"))]


class FigureOptions(Section):
    """What every kind says of itself: how many settings it shows at once."""

    settings: ClassVar[tuple[int, int | None]] = (1, None)  # fewest, most


class StepLossOptions(FigureOptions):
    """Training loss of every step.

    outliers: values further than so many standard deviations from the mean are replaced, or false (the report's
    `figures/smoothing.py`).
    smooth: weight of the debiased exponential moving average; 0 smooths nothing.
    draw: a series longer than can be drawn is shown by evenly picked points, or by the median of equal stretches with a
    band from their 10 % to their 90 % quantile; auto is stretches where a picked point would stand for more than ten.
    x: step, epoch or example; auto is step where all settings make equally many an epoch, else epoch.
    """

    outliers: Outliers = 1.5
    smooth: Weight = 0.9
    draw: Draw = "auto"
    seed: SeedOrMean = "first"
    x: Annotated[str, BeforeValidator(one_of(("auto", "step", "epoch", "example"), "axis"))] = "auto"
    log: Log = "auto"


class EpochsOptions(FigureOptions):
    """Accuracy, loss or both against the epoch, a line for each setting.

    colour: "setting" (six colours, solid and dashed), "rank" (by the last value), or the path of a key by whose value
    lines are coloured, such as training.optimizer.lr; auto is setting up to twelve lines and rank beyond.
    """

    measures: Measures = MEASURES
    parts: Parts = ("train", "validation")
    seed: SeedOrMean = "mean"
    colour: Annotated[str, BeforeValidator(_text)] = "auto"
    log: Log = "auto"


class EpochPairOptions(FigureOptions):
    """Accuracy and loss side by side, a line for each part; a row for each setting.

    marks: lines where a continued run, or a schedule in steps, changed the learning rate.
    """

    parts: Parts = ("train", "validation")
    seed: SeedOrMean = "mean"
    marks: Annotated[bool, BeforeValidator(flag)] = True
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
    epochs: Annotated[tuple[int, ...], BeforeValidator(_epochs)] | None = None
    log: Log = "auto"


class SmallMultiplesOptions(FigureOptions):
    """Each setting in a panel of its own beside the baseline, which is grey in all of them.

    baseline: its label; the first setting where it is not given.
    """

    settings = (2, None)
    measure: Annotated[str, BeforeValidator(one_of(MEASURES, "measure"))] = "accuracy"
    parts: Parts = ("validation",)
    baseline: Annotated[str, BeforeValidator(_text)] | None = None
    seed: SeedOrMean = "mean"
    columns: Count = 4
    log: Log = "auto"


class ConfusionOptions(FigureOptions):
    """The confusion matrix of one run.  part: auto is test where there is a test part, else validation."""

    settings = (1, 1)
    part: Annotated[str, BeforeValidator(one_of(("auto", "validation", "test"), "part"))] = "auto"
    show: Annotated[str, BeforeValidator(one_of(("both", "percent", "count"), "word"))] = "both"
    seed: Seed = "best"


class TemplatesOptions(FigureOptions):
    """First-layer weights (or filters) of one run as pictures.  units: the first so many."""

    settings = (1, 1)
    units: Annotated[int, BeforeValidator(whole("[1, 256]"))] = 64
    columns: Count = 8
    seed: Seed = "best"


class PredictionsOptions(FigureOptions):
    """Sample images with actual and predicted classes.  when: of the untrained network, the trained one, or both."""

    settings = (1, 1)
    when: Annotated[str, BeforeValidator(one_of(("both", "before", "after"), "word"))] = "both"
    examples: Annotated[int, BeforeValidator(whole("[1, 10]"))] = 10
    seed: Seed = "best"


FIGURE_OPTIONS: dict[str, type[FigureOptions]] = {
    "step-loss": StepLossOptions,
    "epochs": EpochsOptions,
    "epoch-pair": EpochPairOptions,
    "step-loss-by-epoch": StepLossByEpochOptions,
    "small-multiples": SmallMultiplesOptions,
    "confusion": ConfusionOptions,
    "templates": TemplatesOptions,
    "predictions": PredictionsOptions,
}
