"""The kinds of figures that show what hyperparameters do: from the settings of a request to a figure, or a refusal.

importance             shares of the variance
effects, slices        the measure against each axis
heat-map               two axes
parallel-coordinates   all axes
expected-best          the best of n random settings
"""

from collections.abc import Sequence

from handgrad.errors import InputError
from handgrad.names import listed, unknown
from handgrad.report.figures.axis_shapes import AxisPanels, HeatMap, Importances, ParallelCoordinates
from handgrad.report.figures.hyperparameter_figures import (
    effect_figure,
    heat_map_figure,
    parallel_figure,
    slice_figure,
)
from handgrad.report.figures.importance_figures import expected_best_figure, importance_figure
from handgrad.report.figures.request import Request
from handgrad.report.figures.shapes import Curves
from handgrad.report.findings.forest_shares import ForestShares, forest_shares
from handgrad.report.findings.importance import Shares, best_of, shares_of
from handgrad.report.findings.studied_axes import StudiedAxes, studied
from handgrad.report.findings.variance_shares import variance_shares, without_lost
from handgrad.study.published.axis_options import (
    AxesOptions,
    ExpectedBestOptions,
    HeatMapOptions,
    ImportanceOptions,
)
from handgrad.study.published.figure_options import FigureOptions


def _studied(request: Request[FigureOptions]) -> StudiedAxes | None:
    """What varies among the settings of a request; None where none of them has a result."""
    settings = list(request.shown.values())
    axes = list(dict.fromkeys(path for setting in settings for path in setting.all_axes))
    found = studied(settings, axes, request.metric, request.sampling)
    if not len(found.frame):
        return None
    if not found.axes:
        raise InputError("no hyperparameter varies among these settings")
    return found


def _chosen(found: StudiedAxes, names: Sequence[str] | None, option: str = "axes") -> list[str]:
    """The paths that are meant: all that vary, where none is named.  Raises InputError for one that does not vary."""
    by_name = {found.names[path]: path for path in found.axes} | {path: path for path in found.axes}
    for name in names or ():
        if name not in by_name:
            known = [found.names[path] for path in found.axes]
            raise InputError(f"{option}: {unknown(name, known, 'hyperparameter that varies here')}")
    return [by_name[name] for name in names] if names else list(found.axes)


def make_effects(request: Request[AxesOptions]) -> AxisPanels | None:
    """The mean of each value of each axis over all others, and the runs."""
    found = _studied(request)
    if found is None:
        return None
    chosen = _chosen(found, request.options.axes)
    figure = effect_figure(
        found.frame, found.axes, found.metric, request.name, found.names, shown_axes=chosen, overlap=found.overlap
    )
    if figure is None:
        raise InputError(
            "no value of a hyperparameter was run with the same values of all others as another one, so that there is "
            "no effect to be seen; the kind 'slices' shows settings along each hyperparameter"
        )
    return figure


def make_slices(request: Request[AxesOptions]) -> AxisPanels | None:
    """Every setting along each axis; of drawn settings with the mean of a forest, where it predicts anything."""
    found = _studied(request)
    if found is None:
        return None
    chosen = _chosen(found, request.options.axes)
    forest: ForestShares | None = None
    if found.is_drawn:
        try:
            forest = forest_shares(found.frame, found.axes, scales=found.scales, names=found.names)
        except InputError:  # its settings are shown all the same
            forest = None
    return slice_figure(
        found.frame, found.axes, found.metric, request.name, forest, found.names, found.scales, shown_axes=chosen
    )


def make_heat_map(request: Request[HeatMapOptions]) -> HeatMap | None:
    """Two axes: the mean of the runs with each pair of values, how many they are, and where runs were lost."""
    found = _studied(request)
    if found is None:
        return None
    (x,) = _chosen(found, (request.options.x,), "x") if request.options.x else (None,)
    (y,) = _chosen(found, (request.options.y,), "y") if request.options.y else (None,)
    rest = [path for path in found.axes if path not in (x, y)]
    if x is not None and x == y:
        raise InputError(
            f"x and y are both {found.names[x]}; a heat map shows two hyperparameters, so name another one"
        )
    if len(rest) < (x is None) + (y is None):
        varied = listed([found.names[path] for path in found.axes])
        raise InputError(f"a heat map shows two hyperparameters that vary; here vary: {varied}")
    x = rest.pop(0) if x is None else x
    y = rest.pop(0) if y is None else y
    return heat_map_figure(found.frame, x, y, found.metric, request.name, found.names, found.scales)


def make_parallel(request: Request[AxesOptions]) -> ParallelCoordinates | None:
    """Every setting as a line through all axes to the measure."""
    found = _studied(request)
    if found is None:
        return None
    chosen = _chosen(found, request.options.axes)
    figure = parallel_figure(
        found.frame, found.axes, found.metric, request.name, found.names, found.scales, shown_axes=chosen
    )
    if figure is None:
        raise InputError("parallel coordinates need two hyperparameters that vary and three settings with results")
    return figure


def make_importance(request: Request[ImportanceOptions]) -> Importances | None:
    """The share of the variance of each axis and pair.  Raises InputError, with the reason, where it cannot be said."""
    found = _studied(request)
    if found is None:
        return None
    if len(found.axes) < 2:
        raise InputError(f"shares need two hyperparameters that vary; here varies: {found.names[found.axes[0]]}")
    frame = found.frame if request.options.lost else without_lost(found.frame, found.axes)
    if not len(frame):
        raise InputError("runs of every setting were lost, so that none are left")
    shares: Shares
    if request.options.method == "variance":
        shares = variance_shares(frame, found.axes, names=found.names, overlap=found.overlap)
    elif request.options.method == "forest":
        shares = forest_shares(frame, found.axes, scales=found.scales_in(frame), names=found.names)
    else:
        shares = shares_of(found, frame)
    return importance_figure(shares, found.metric, request.name, working=not request.options.lost)


def make_expected_best(request: Request[ExpectedBestOptions]) -> Curves | None:
    """The expected best of n random settings, and the best so far; of a search that learns or stops, that alone.

    Raises InputError for settings that were listed, and for some of those that were drawn.
    """
    found = _studied(request)
    if found is None:
        return None
    if not found.is_drawn:
        raise InputError("settings that were listed are all there is: only random draws have an expected best")
    labels = {setting.label for setting in request.shown.values()}
    drawn = [trial.label for trial in request.search.trials] if request.search else []
    if left := [label for label in drawn if label not in labels]:
        raise InputError(
            f"the expected best is that of all {len(drawn)} settings that were drawn; {len(left)} are left out"
        )
    return expected_best_figure(best_of(found)[0], found.metric, request.name, found.history)
