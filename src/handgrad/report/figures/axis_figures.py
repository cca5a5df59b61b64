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
from handgrad.report.findings.wording import plural
from handgrad.study.published.axis_options import (
    AxesOptions,
    ExpectedBestOptions,
    HeatMapOptions,
    ImportanceOptions,
)
from handgrad.study.published.figure_options import FigureOptions

NOTHING_VARIES = "no hyperparameter varies among these settings"


def _studied(request: Request[FigureOptions]) -> StudiedAxes | None:
    """What varies among the settings of a request; None where none of them has a result."""
    settings = list(request.shown.values())
    axes = list(dict.fromkeys(path for setting in settings for path in setting.all_axes))
    found = studied(settings, axes, request.metric, request.sampling)
    if not len(found.frame):
        return None
    if not found.axes:
        raise InputError(NOTHING_VARIES)
    return found


def chosen_axes(found: StudiedAxes, names: Sequence[str] | None, option: str = "axes") -> list[str]:
    """The paths that are meant: all that vary, where none is named.  Raises InputError for one that does not vary."""
    by_name = {found.names[path]: path for path in found.axes} | {path: path for path in found.axes}
    for name in names or ():
        if name not in by_name:
            known = [found.names[path] for path in found.axes]
            raise InputError(f"{option}: {unknown(name, known, 'hyperparameter that varies here')}")
    return [by_name[name] for name in names] if names else list(found.axes)


def _varied(found: StudiedAxes) -> str:
    """What varies, in a message."""
    return f"here {'varies' if len(found.axes) == 1 else 'vary'} {listed([found.names[path] for path in found.axes])}"


def make_effects(request: Request[AxesOptions]) -> AxisPanels | None:
    """The mean of each value of each axis over all others, and the runs."""
    found = _studied(request)
    return None if found is None else effects_of(found, request.options, request.name)


def effects_of(found: StudiedAxes, options: AxesOptions, name: str) -> AxisPanels:
    """The figure of `make_effects` of what varies.  Raises InputError where these settings have none."""
    chosen = chosen_axes(found, options.axes)
    figure = effect_figure(
        found.frame, found.axes, found.metric, name, found.names, shown_axes=chosen, overlap=found.overlap
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
    return None if found is None else slices_of(found, request.options, request.name)


def slices_of(found: StudiedAxes, options: AxesOptions, name: str) -> AxisPanels | None:
    """The figure of `make_slices` of what varies.  Raises InputError where these settings have none."""
    chosen = chosen_axes(found, options.axes)
    forest: ForestShares | None = None
    if found.is_drawn:
        try:
            forest = forest_shares(found.frame, found.axes, scales=found.scales, names=found.names)
        except InputError:  # its settings are shown all the same
            forest = None
    return slice_figure(
        found.frame, found.axes, found.metric, name, forest, found.names, found.scales, shown_axes=chosen
    )


def make_heat_map(request: Request[HeatMapOptions]) -> HeatMap | None:
    """Two axes: the mean of the runs with each pair of values, how many they are, and where runs were lost."""
    found = _studied(request)
    return None if found is None else heat_map_of(found, request.options, request.name)


def heat_map_of(found: StudiedAxes, options: HeatMapOptions, name: str) -> HeatMap | None:
    """The figure of `make_heat_map` of what varies.  Raises InputError where these settings have none."""
    (x,) = chosen_axes(found, (options.x,), "x") if options.x else (None,)
    (y,) = chosen_axes(found, (options.y,), "y") if options.y else (None,)
    rest = [path for path in found.axes if path not in (x, y)]
    if x is not None and x == y:
        raise InputError(
            f"x and y are both {found.names[x]}; a heat map shows two hyperparameters, so name another one"
        )
    if len(rest) < (x is None) + (y is None):
        raise InputError(f"a heat map shows two hyperparameters that vary; {_varied(found)}")
    x = rest.pop(0) if x is None else x
    y = rest.pop(0) if y is None else y
    return heat_map_figure(found.frame, x, y, found.metric, name, found.names, found.scales)


def make_parallel(request: Request[AxesOptions]) -> ParallelCoordinates | None:
    """Every setting as a line through all axes to the measure."""
    found = _studied(request)
    return None if found is None else parallel_of(found, request.options, request.name)


def parallel_of(found: StudiedAxes, options: AxesOptions, name: str) -> ParallelCoordinates:
    """The figure of `make_parallel` of what varies.  Raises InputError where these settings have none."""
    chosen = chosen_axes(found, options.axes)
    figure = parallel_figure(found.frame, found.axes, found.metric, name, found.names, found.scales, shown_axes=chosen)
    if figure is None:
        raise InputError("parallel coordinates need two hyperparameters that vary and three settings with results")
    return figure


def make_importance(request: Request[ImportanceOptions]) -> Importances | None:
    """The share of the variance of each axis and pair.  Raises InputError, with the reason, where it cannot be said."""
    found, options = _studied(request), request.options
    if found is None:
        return None
    shares = shares_by(found, options.method, working=not options.lost)
    return importance_figure(shares, found.metric, request.name, working=not options.lost)


def shares_by(found: StudiedAxes, method: str, *, working: bool = False) -> Shares:
    """The shares of the variance by a method of `ImportanceOptions`; working: of settings of which no run was lost."""
    if len(found.axes) < 2:
        raise InputError(f"shares need two hyperparameters that vary; {_varied(found)}")
    frame = without_lost(found.frame, found.axes) if working else found.frame
    if not len(frame):
        raise InputError("runs of every setting were lost, so that none are left")
    if method == "variance":
        return variance_shares(frame, found.axes, names=found.names, overlap=found.overlap)
    if method == "forest":
        return forest_shares(frame, found.axes, scales=found.scales_in(frame), names=found.names)
    return shares_of(found, frame)


LISTED = "settings that were listed are all there is: only random draws have an expected best"


def left_out(drawn: int, left: int) -> str:
    """Why some of the settings that were drawn have no expected best."""
    verb = "is" if left == 1 else "are"
    return f"the expected best is that of all {plural(drawn, 'setting')} that were drawn; {left} {verb} left out"


def make_expected_best(request: Request[ExpectedBestOptions]) -> Curves | None:
    """The expected best of n random settings, and the best so far; of a search that learns or stops, that alone.

    Raises InputError for settings that were listed, and for some of those that were drawn.
    """
    found = _studied(request)
    if found is None:
        return None
    if not found.is_drawn:
        raise InputError(LISTED)
    labels = {setting.label for setting in request.shown.values()}
    drawn = [trial.label for trial in request.search.trials] if request.search else []
    if left := [label for label in drawn if label not in labels]:
        raise InputError(left_out(len(drawn), len(left)))
    return expected_best_figure(best_of(found)[0], found.metric, request.name, found.history)
