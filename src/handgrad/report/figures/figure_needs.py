"""What each kind of figure needs of a study: why none can be made of it, said before anything runs; else nothing.

Figures of hyperparameters are tried on the design with made-up results, so that what is refused here is refused there.
"""

from collections.abc import Callable

import numpy as np

from handgrad.errors import InputError
from handgrad.measures import BINARY, CLASSIFICATION, MULTI_LABEL, REGRESSION
from handgrad.names import listed, unknown
from handgrad.report.figures.axis_figures import (
    LISTED,
    NOTHING_VARIES,
    chosen_axes,
    effects_of,
    heat_map_of,
    left_out,
    parallel_of,
    shares_by,
)
from handgrad.report.figures.chosen_examples import index_refused
from handgrad.report.figures.decision_regions import not_a_plane
from handgrad.report.figures.network_figures import image_shape
from handgrad.report.figures.rate_range import NEEDS_RANGE_TEST, is_range_test
from handgrad.report.figures.search_figures import NEEDS_RUNGS, NEEDS_SEARCH
from handgrad.report.findings.axis_scales import LOST, SEED, VALUE, ordered_levels
from handgrad.report.findings.effects import plain_value
from handgrad.report.findings.forest_shares import FEWEST, too_few
from handgrad.report.findings.studied_axes import StudiedAxes, declared
from handgrad.report.findings.wording import plural
from handgrad.study.changes import at_path, axis_names, is_path, leaves, or_baseline
from handgrad.study.folder.kept_examples import is_plane
from handgrad.study.planning.asked_figures import AskedFigure
from handgrad.training.run_keys import run_key

MOST_RUNS = 5_000  # of a design on which a figure is tried


# -- curves and networks


def parts_needed(asked: AskedFigure) -> str:
    """Curves of parts of which the data has one; and a key to colour them by that settings have."""
    parts = getattr(asked.options, "parts", ())
    if not any(part in asked.parts for part in parts):
        return f"options.parts is {listed(parts)}, and the data has no such part; it has {listed(sorted(asked.parts))}"
    if list(parts) == ["test"] and not any(setting.training.test_every_epoch for setting in asked.possible):
        return "curves of the test part are recorded with training.test_every_epoch = true, and no setting has that"
    colour = getattr(asked.options, "colour", "auto")
    if colour in ("auto", "setting", "rank"):
        return ""
    known = dict.fromkeys(path for one in asked.settings or () for path in one.choice.axes)
    for setting in asked.possible:
        known |= dict.fromkeys(path for path, _ in leaves(setting.model_dump(mode="json", by_alias=True)))
    if colour in known or asked.settings is None:
        return ""
    return f"options.colour is an {unknown(colour, [*known, 'auto', 'setting', 'rank'], 'key')}"


def range_test_needed(asked: AskedFigure) -> str:
    """A setting whose learning rate grows."""
    return "" if any(is_range_test(one.training.schedule.name) for one in asked.possible) else NEEDS_RANGE_TEST


def epochs_needed(asked: AskedFigure) -> str:
    """Epochs that a run has."""
    most = max((setting.training.epochs for setting in asked.possible), default=0)
    epochs = asked.options.epochs or (1,)
    if len(asked.phases) > 1 or any(phase.continues for phase in asked.phases) or min(epochs) <= most:
        return ""
    return f"options.epochs begins at {min(epochs)}, and its runs have {plural(most, 'epoch')}"


def _lacks_part(asked: AskedFigure) -> str:
    part = asked.options.part
    if part != "auto" and part not in asked.parts:
        return f"options.part is {part}, and the data has no {part} part"
    return "" if asked.parts & {"validation", "test"} else "the data has neither a validation nor a test part"


def targets_needed(asked: AskedFigure) -> str:
    """Targets that are numbers, and a part on which they are predicted."""
    if any(setting.task != REGRESSION for setting in asked.possible):
        return 'targets are predicted with data.task = "regression", and the data is for another task'
    return _lacks_part(asked)


def outputs_needed(asked: AskedFigure) -> str:
    """Outputs that a threshold divides, of labels or of two classes."""
    if any(setting.scored_as not in (BINARY, MULTI_LABEL) for setting in asked.possible):
        return (
            "ROC curves are those of an output that a threshold divides: of two classes told by one unit "
            '(network.units = 1), or of labels (data.task = "multi-label")'
        )
    return _lacks_part(asked)


def part_needed(asked: AskedFigure) -> str:
    """Classes, and a part on which they are predicted."""
    if any(setting.task != CLASSIFICATION for setting in asked.possible):
        return "a confusion matrix is that of classes, and the data is for another task"
    return _lacks_part(asked)


def pictures_needed(asked: AskedFigure) -> str:
    """Examples that are pictures."""
    if not asked.data or any(image_shape(facts.shape) is not None for facts in asked.data):
        return ""
    shape = " × ".join(map(str, asked.data[0].shape))
    return f"it shows pictures, and an example of this data is none: it has {shape} numbers"


def mistakes_needed(asked: AskedFigure) -> str:
    """Pictures of a part on which classes are predicted."""
    return part_needed(asked) or pictures_needed(asked)


def plane_needed(asked: AskedFigure) -> str:
    """Data of two features, and the part whose examples are shown."""
    other = [facts.shape for facts in asked.data if not is_plane(facts.shape)]
    if other and len(other) == len(asked.data):
        return not_a_plane(other[0])
    return _part_there(asked)


def example_needed(asked: AskedFigure) -> str:
    """The part that a chosen example is in, and the example in it."""
    chosen = asked.options.chosen
    if (reason := _part_there(asked)) or not isinstance(chosen, int):
        return reason
    why = [index_refused(asked.split(facts.key), asked.options.part, chosen) for facts in asked.data]
    return why[0] if why and all(why) else ""


def _part_there(asked: AskedFigure) -> str:
    part = asked.options.part
    return "" if part == "auto" or part in asked.parts else f"options.part is {part}, and the data has no {part} part"


def diagnostics_needed(asked: AskedFigure) -> str:
    """Runs that record norms of gradients."""
    if any(setting.training.diagnostics for setting in asked.possible):
        return ""
    return "norms of gradients are recorded with training.diagnostics = true, and no setting of it has that"


# -- searches


def search_needed(asked: AskedFigure) -> str:
    """Settings that are drawn or stopped short."""
    searched = asked.sampling is not None or any(phase.asha is not None for phase in asked.phases)
    return "" if searched or len(asked.phases) > 1 else NEEDS_SEARCH


def rungs_needed(asked: AskedFigure) -> str:
    """Settings that are stopped short, at rungs that all of them have."""
    rules = [phase.asha for phase in asked.phases if phase.asha is not None]
    if not rules:
        return NEEDS_RUNGS
    ladders = {asha.levels(setting.training.epochs) for asha in rules for setting in asked.possible}
    if len(asked.phases) > 1 or not ladders:
        return ""
    if all(len(one) == 1 for one in ladders):
        return (
            f"asha.grace_period is {rules[0].grace_period}, not less than the epochs of any setting: there is no rung"
        )
    certain = asked.settings is not None and asked.phases[0].number == 0
    if (
        certain
        and len({rules[0].levels(one.setting.training.epochs) for one in asked.settings or () if one.setting}) > 1
    ):
        return "its settings have different numbers of epochs, and stand on different rungs"
    return ""


# -- hyperparameters


def effects_needed(asked: AskedFigure) -> str:
    """Settings that differ in one hyperparameter alone."""
    return _tried(asked, lambda found: effects_of(found, asked.options, "effects"))


def slices_needed(asked: AskedFigure) -> str:
    """Hyperparameters that vary."""
    return _tried(asked, lambda found: chosen_axes(found, asked.options.axes))


def heat_map_needed(asked: AskedFigure) -> str:
    """Two hyperparameters that vary."""
    return _tried(asked, lambda found: heat_map_of(found, asked.options, "heat-map"))


def parallel_needed(asked: AskedFigure) -> str:
    """Two hyperparameters that vary, and three settings."""
    return _tried(asked, lambda found: parallel_of(found, asked.options, "parallel-coordinates"))


def importance_needed(asked: AskedFigure) -> str:
    """Settings whose hyperparameters can be told apart: a grid, with seeds as repeats, or enough for a forest."""
    return _tried(asked, lambda found: _check_shares(found, asked.options.method))


def _check_shares(found: StudiedAxes, method: str) -> None:
    """Raise InputError where the design has no shares.  Whether a forest predicts is known from results alone."""
    enough = found.settings >= FEWEST
    if len(found.axes) > 1 and (method == "forest" or (method == "auto" and found.is_drawn)):
        if not enough:
            raise InputError(too_few(found.settings))
    elif len(found.axes) < 2 or method == "variance" or not enough:
        shares_by(found, method)


def draws_needed(asked: AskedFigure) -> str:
    """All settings that were drawn."""
    if asked.settings is None:
        return ""
    if asked.sampling is None:
        return LISTED
    left = asked.drawn - len(asked.settings)
    return left_out(asked.drawn, left) if left else ""


def _tried(asked: AskedFigure, make: Callable[[StudiedAxes], object]) -> str:
    """Why `make` refuses the design; empty where it does not, or the design is not certain."""
    found = _planned_axes(asked)
    if found is None:
        return ""
    if not found.axes:
        return NOTHING_VARIES
    try:
        make(found)
    except InputError as error:
        return str(error)
    return ""


def _planned_axes(asked: AskedFigure) -> StudiedAxes | None:
    """What varies among the settings, as `studied` finds it in records, with values drawn for their results.

    None where that is not certain: what some choices of a later phase do not say is as in the winner.
    """
    import pandas

    if asked.settings is None or len(asked.settings) * len(asked.runs) > MOST_RUNS:
        return None
    (phase,) = asked.phases
    own = [phase.changes | one.choice.axes for one in asked.settings]
    axes = list(dict.fromkeys(path for values in own for path in values))
    if phase.number and any(path not in values for values in own for path in axes):
        return None
    rows, rng = [], np.random.default_rng(0)
    for one, values in zip(asked.settings, own, strict=True):
        tables = {} if one.setting is None else one.setting.resolved().model_dump(mode="json", by_alias=True)
        row = {}
        for path in axes:
            value = at_path(tables, path) if is_path(path) else None
            value = values.get(path) if value is None else value
            row[path] = plain_value(or_baseline(path, value))
        rows += [{**row, SEED: run_key(*run), VALUE: rng.uniform(0.2, 0.8), LOST: False} for run in asked.runs]
    levels = {path: ordered_levels(row[path] for row in rows) for path in axes}
    varied = tuple(path for path, own in levels.items() if len(own) > 1)
    if phase.sampling is not None and len(varied) < len(axes):
        return None  # others will be drawn while the study runs
    frame = pandas.DataFrame(rows, columns=[*axes, SEED, VALUE, LOST]).astype(dict.fromkeys(axes, object))
    scales = {} if asked.sampling is None else declared(asked.sampling)
    return StudiedAxes(
        metric=asked.metric,
        axes=varied,
        names={path: name.removesuffix(" name") for path, name in axis_names(axes).items()},
        frame=frame,
        scales={path: scale for path, scale in scales.items() if path in varied},
        settings=len(asked.settings),
        tried=(),
        stopped=0,
        sampler="" if asked.sampling is None else asked.sampling.sampler,
    )
