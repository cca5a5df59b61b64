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
from typing import Any

from handgrad.accepts import accepts
from handgrad.errors import InputError
from handgrad.names import listed
from handgrad.sections import one_of
from handgrad.study.published.axis_options import (
    AxesOptions,
    ExpectedBestOptions,
    HeatMapOptions,
    ImportanceOptions,
)
from handgrad.study.published.curve_options import (
    EpochPairOptions,
    EpochsOptions,
    GradientsOptions,
    RateRangeOptions,
    SmallMultiplesOptions,
    StepLossByEpochOptions,
    StepLossOptions,
)
from handgrad.study.published.data_options import (
    ActivationsOptions,
    ClassBalanceOptions,
    RegionsOptions,
    RocOptions,
    TargetOptions,
)
from handgrad.study.published.network_options import (
    ConfusionOptions,
    MistakesOptions,
    PredictionsOptions,
    TemplatesOptions,
)
from handgrad.study.published.option_values import FigureOptions as FigureOptions
from handgrad.study.published.search_options import RungsOptions, SearchHistoryOptions, TimelineOptions

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
    "ClassBalance": FigureShape(
        "handgrad.report.drawing.data_charts:draw_class_balance", "handgrad.report.page.page_data:class_balance"
    ),
    "DecisionRegions": FigureShape(
        "handgrad.report.drawing.data_charts:draw_regions", "handgrad.report.page.page_data:regions"
    ),
    "Activations": FigureShape(
        "handgrad.report.drawing.activation_charts:draw_activations", "handgrad.report.page.page_data:activations"
    ),
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
    "lr-range": FigureKind(
        RateRangeOptions,
        "handgrad.report.figures.rate_range:lr_range",
        "Curves",
        "training loss against the learning rate, of a range test",
        needs="handgrad.report.figures.figure_needs:range_test_needed",
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
    "activations": FigureKind(
        ActivationsOptions,
        "handgrad.report.figures.activation_figures:make_activations",
        "Activations",
        "what every layer makes of one example, and the outputs",
        needs="handgrad.report.figures.figure_needs:example_needed",
    ),
    "decision-regions": FigureKind(
        RegionsOptions,
        "handgrad.report.figures.decision_regions:make_regions",
        "DecisionRegions",
        "the class predicted at every point of the plane, of data of two features",
        needs="handgrad.report.figures.figure_needs:plane_needed",
    ),
    "class-balance": FigureKind(
        ClassBalanceOptions,
        "handgrad.report.figures.class_balance:make_class_balance",
        "ClassBalance",
        "how many examples of each class every part has",
    ),
    "predicted": FigureKind(
        TargetOptions,
        "handgrad.report.figures.target_figures:make_predicted",
        "Scatter",
        "predicted against actual targets, where these are numbers",
        needs="handgrad.report.figures.figure_needs:targets_needed",
    ),
    "residuals": FigureKind(
        TargetOptions,
        "handgrad.report.figures.target_figures:make_residuals",
        "Scatter",
        "residuals against predicted targets",
        needs="handgrad.report.figures.figure_needs:targets_needed",
    ),
    "roc": FigureKind(
        RocOptions,
        "handgrad.report.figures.target_figures:make_roc",
        "Scatter",
        "ROC curves of labels, or of two classes that one output tells",
        needs="handgrad.report.figures.figure_needs:outputs_needed",
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


@accepts(lambda: {"enum": list(FIGURES)})
def figure_kind(value: Any) -> str:
    """A validator for the name of a kind whose figures can be drawn."""
    kind = one_of(FIGURES, "kind of figure")(value)
    try:
        figure_shape(FIGURES[kind].shape)
    except InputError as error:
        raise ValueError(f"is {kind!r}, of an {error}") from None
    return kind
