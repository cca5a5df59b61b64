"""The kinds of figures, one record each, and the shapes that they have: the public tables `FIGURES` and `SHAPES`.

    FIGURES["epochs"]   options, the function that makes the figure from records, its shape, one line about it
    SHAPES["Curves"]    how figures of that data class are drawn for print and shown on the page

Both stand in study/, so that a study file is checked whole before anything runs.  Functions of report/, which study/
does not import, are named as text, "module:function", and loaded when a figure is made.  A kind or a shape from outside
the package is one more record; it may hold the functions themselves.

`seed` chooses among the runs of a setting: a seed of the study, "first" (the first seed that finished), "best" (the one
that did best by the measure that chose the winner) or, where curves can be averaged, "mean" (all of them, with a band).
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

from pydantic import BeforeValidator

from handgrad.errors import InputError
from handgrad.names import listed
from handgrad.sections import one_of
from handgrad.study.published.axis_options import (
    AxesOptions,
    ExpectedBestOptions,
    HeatMapOptions,
    ImportanceOptions,
)
from handgrad.study.published.network_options import (
    ConfusionOptions,
    MistakesOptions,
    PredictionsOptions,
    TemplatesOptions,
)
from handgrad.study.published.option_values import (
    MEASURES,
    USUAL_MEASURES,
    Count,
    Draw,
    Epochs,
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
from handgrad.study.published.option_values import (
    FigureOptions as FigureOptions,
)
from handgrad.study.published.search_options import RungsOptions, SearchHistoryOptions, TimelineOptions


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


Function = Callable[..., Any] | str  # the function itself, or "module:function"


def load(function: Function) -> Callable[..., Any]:
    """The function that a record holds or names."""
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    loaded: Callable[..., Any] = getattr(import_module(module), name)
    return loaded


@dataclass(frozen=True)
class FigureShape:
    """How figures of one data class (`report/figures/shapes.py`) are shown.

    draw: figure -> matplotlib's figure;  page: figure -> what the page's template takes (`report/page/plots.py`).
    """

    draw: Function
    page: Function


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure.

    options: what it takes;  make: from a request (`report/figures/request.py`) to a figure with its caption, or None
    where the records hold nothing of it;  shape: the data class of that figure, a name of `SHAPES`;  about: what it
    shows, in a line;  titled: whether its panels say how settings differ, so that names of settings stay short.
    needs: from what a study file asks (`study/planning/asked_figures.py`) to why no figure can be made of it, empty
    where nothing is in the way; it is called before anything runs.
    """

    options: type[FigureOptions]
    make: Function
    shape: str
    about: str
    titled: bool = False
    needs: Function | None = None


SHAPES: dict[str, FigureShape] = {
    "Curves": FigureShape("handgrad.report.drawing.charts:draw_curves", "handgrad.report.page.plots:curves"),
    "Ranking": FigureShape("handgrad.report.drawing.charts:draw_ranking", "handgrad.report.page.page_rows:ranking"),
    "Estimates": FigureShape(
        "handgrad.report.drawing.charts:draw_estimates", "handgrad.report.page.page_rows:estimates"
    ),
    "Matrix": FigureShape("handgrad.report.drawing.grids:draw_matrix", "handgrad.report.page.page_grids:matrix"),
    "Pictures": FigureShape("handgrad.report.drawing.grids:draw_pictures", "handgrad.report.page.page_grids:pictures"),
    "Predictions": FigureShape(
        "handgrad.report.drawing.grids:draw_predictions", "handgrad.report.page.page_grids:predictions"
    ),
    "Mistakes": FigureShape("handgrad.report.drawing.grids:draw_mistakes", "handgrad.report.page.page_grids:mistakes"),
    "Scatter": FigureShape(
        "handgrad.report.drawing.search_charts:draw_scatter", "handgrad.report.page.page_search:scatter"
    ),
    "Timeline": FigureShape(
        "handgrad.report.drawing.search_charts:draw_timeline", "handgrad.report.page.page_search:timeline"
    ),
    "AxisPanels": FigureShape(
        "handgrad.report.drawing.axis_charts:draw_axis_panels", "handgrad.report.page.page_axes:axis_panels"
    ),
    "HeatMap": FigureShape(
        "handgrad.report.drawing.axis_charts:draw_heat_map", "handgrad.report.page.page_axes:heat_map"
    ),
    "ParallelCoordinates": FigureShape(
        "handgrad.report.drawing.axis_charts:draw_parallel", "handgrad.report.page.page_axes:parallel"
    ),
    "Importances": FigureShape(
        "handgrad.report.drawing.axis_charts:draw_importances", "handgrad.report.page.page_axes:importances"
    ),
}

FIGURES: dict[str, FigureKind] = {
    "step-loss": FigureKind(
        StepLossOptions,
        "handgrad.report.figures.steps:step_loss",
        "Curves",
        "training loss of every step, a line for each setting",
    ),
    "epochs": FigureKind(
        EpochsOptions,
        "handgrad.report.figures.epochs:epochs",
        "Curves",
        "accuracy, loss or both against the epoch, a line for each setting",
        needs="handgrad.report.figures.figure_needs:parts_needed",
    ),
    "epoch-pair": FigureKind(
        EpochPairOptions,
        "handgrad.report.figures.epochs:epoch_pair",
        "Curves",
        "accuracy and loss side by side, a line for each part",
        needs="handgrad.report.figures.figure_needs:parts_needed",
    ),
    "step-loss-by-epoch": FigureKind(
        StepLossByEpochOptions,
        "handgrad.report.figures.steps:step_loss_by_epoch",
        "Curves",
        "loss against the step within the epoch, a colour for each",
        needs="handgrad.report.figures.figure_needs:epochs_needed",
    ),
    "small-multiples": FigureKind(
        SmallMultiplesOptions,
        "handgrad.report.figures.epochs:small_multiples",
        "Curves",
        "each setting beside the baseline on the same axes",
        titled=True,
        needs="handgrad.report.figures.figure_needs:parts_needed",
    ),
    "confusion": FigureKind(
        ConfusionOptions,
        "handgrad.report.figures.network_figures:make_confusion",
        "Matrix",
        "actual against predicted classes, in percent of the row and counts",
        needs="handgrad.report.figures.figure_needs:part_needed",
    ),
    "templates": FigureKind(
        TemplatesOptions,
        "handgrad.report.figures.network_figures:make_weights",
        "Pictures",
        "first-layer weights as pictures",
        needs="handgrad.report.figures.figure_needs:pictures_needed",
    ),
    "predictions": FigureKind(
        PredictionsOptions,
        "handgrad.report.figures.network_figures:make_predictions",
        "Predictions",
        "sample images with actual and predicted classes",
    ),
    "mistakes": FigureKind(
        MistakesOptions,
        "handgrad.report.figures.network_figures:make_mistakes",
        "Mistakes",
        "pictures that were taken for another class, the most confident ones",
        needs="handgrad.report.figures.figure_needs:mistakes_needed",
    ),
    "gradients": FigureKind(
        GradientsOptions,
        "handgrad.report.figures.gradient_figures:gradients",
        "Curves",
        "norms of gradients and saturated units by layer, against the epoch",
        needs="handgrad.report.figures.figure_needs:diagnostics_needed",
    ),
    "search-history": FigureKind(
        SearchHistoryOptions,
        "handgrad.report.figures.search_figures:make_search_history",
        "Scatter",
        "the best so far against the settings, epochs or time of a search",
        needs="handgrad.report.figures.figure_needs:search_needed",
    ),
    "timeline": FigureKind(
        TimelineOptions,
        "handgrad.report.figures.search_figures:make_timeline",
        "Timeline",
        "which worker trained which setting when",
    ),
    "rungs": FigureKind(
        RungsOptions,
        "handgrad.report.figures.search_figures:make_rungs",
        "Scatter",
        "values at the rungs of a search against later ones",
        needs="handgrad.report.figures.figure_needs:rungs_needed",
    ),
    "importance": FigureKind(
        ImportanceOptions,
        "handgrad.report.figures.axis_figures:make_importance",
        "Importances",
        "the share of the variance that each hyperparameter has",
        needs="handgrad.report.figures.figure_needs:importance_needed",
    ),
    "effects": FigureKind(
        AxesOptions,
        "handgrad.report.figures.axis_figures:make_effects",
        "AxisPanels",
        "the mean of each value of each hyperparameter over all others",
        needs="handgrad.report.figures.figure_needs:effects_needed",
    ),
    "slices": FigureKind(
        AxesOptions,
        "handgrad.report.figures.axis_figures:make_slices",
        "AxisPanels",
        "every setting along each hyperparameter, with the mean of a forest",
        needs="handgrad.report.figures.figure_needs:slices_needed",
    ),
    "heat-map": FigureKind(
        HeatMapOptions,
        "handgrad.report.figures.axis_figures:make_heat_map",
        "HeatMap",
        "two hyperparameters, a cell for each pair of values",
        needs="handgrad.report.figures.figure_needs:heat_map_needed",
    ),
    "parallel-coordinates": FigureKind(
        AxesOptions,
        "handgrad.report.figures.axis_figures:make_parallel",
        "ParallelCoordinates",
        "every setting as a line through all hyperparameters",
        needs="handgrad.report.figures.figure_needs:parallel_needed",
    ),
    "expected-best": FigureKind(
        ExpectedBestOptions,
        "handgrad.report.figures.axis_figures:make_expected_best",
        "Curves",
        "the expected best against the number of random settings tried",
        needs="handgrad.report.figures.figure_needs:draws_needed",
    ),
}


def figure_shape(name: str) -> FigureShape:
    """How figures of a data class are shown.  Raises InputError, with the remedy, where nothing shows them."""
    if name not in SHAPES:
        remedy = f"put a FigureShape, with what draws it for print and for the page, into {__name__}.SHAPES"
        raise InputError(f"unknown shape of figure {name!r}. Known: {listed(SHAPES)}; {remedy}")
    return SHAPES[name]


def figure_kind(value: Any) -> str:
    """A validator for the name of a kind whose figures can be drawn."""
    kind = one_of(FIGURES, "kind of figure")(value)
    try:
        figure_shape(FIGURES[kind].shape)
    except InputError as error:
        raise ValueError(f"is {kind!r}, of an {error}") from None
    return kind
