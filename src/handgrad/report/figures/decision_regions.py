"""Decision regions: the class that networks predict at every point of the plane, for data of two features.

A grid over the range of the examples, in the units of the data, is scaled as the network learnt it and predicted; the
examples that lie on it are those of one part.
"""

from collections.abc import Sequence

import numpy as np

from handgrad.data.contents import Part
from handgrad.errors import InputError
from handgrad.names import listed
from handgrad.network import passes
from handgrad.network.targets import class_of
from handgrad.report.figures.chosen_examples import examples_of_part
from handgrad.report.figures.data_shapes import DecisionRegions, RegionPanel
from handgrad.report.figures.request import Request, runs_of
from handgrad.report.figures.shapes import Numbers
from handgrad.streams import stream
from handgrad.study.folder.kept_examples import MOST, is_plane
from handgrad.study.published.data_options import RegionsOptions
from handgrad.training.model import Model
from handgrad.training.record import Record
from handgrad.training.run_keys import key_word

MOST_CLASSES = 12  # that colours and hatches tell apart
MARGIN = 0.08  # of the range of the examples, around them
SIDES = ((1, 128), (4, 96))  # so many panels at most -> places of the grid along a side
LEAST_SIDE = 64


def make_regions(request: Request[RegionsOptions]) -> DecisionRegions | None:
    """The decision regions of one run of each setting, with the examples of a part, as a study asks for them."""
    found: list[tuple[str, Record, Model, Part]] = []
    part, runs, lost = "", [], []
    for label, setting in request.shown.items():
        run = next(iter(runs_of(setting, request.options.seed, request.metric)), None)
        if run is None or run.record is None:
            continue
        facts = run.record.dataset
        if facts.task is not None:
            raise InputError(f"decision regions are those of classes; this network learnt {facts.task}")
        if not is_plane(facts.shape):
            raise InputError(not_a_plane(facts.shape))
        if len(facts.classes) > MOST_CLASSES:
            raise InputError(
                f"decision regions are drawn for up to {MOST_CLASSES} classes; here are {len(facts.classes)}"
            )
        if run.status == "diverged":
            lost.append(label)
            continue
        record = request.sources.record(run.id)
        record = record.model_copy(update={"params": request.sources.params(run.id)})
        part, examples = examples_of_part(request, setting.label, record, request.options.part)
        found.append((label, record, record.model, _few(examples)))
        runs.append(key_word(run.key))
    if not found:
        return None
    return _figure(request, found, part, runs, lost)


def not_a_plane(shape: Sequence[int]) -> str:
    """Why there are no decision regions of examples of this shape."""
    return f"decision regions are of data of two features; an example of this data has {' × '.join(map(str, shape))}"


def _few(examples: Part) -> Part:
    """At most `MOST` of the examples, drawn at random, the same at every call."""
    n = len(examples)
    at = np.sort(stream(0, "shown", n).permutation(n)[:MOST])
    return Part(examples.x[at], examples.y[at], examples.index[at], examples.source)


def _figure(
    request: Request[RegionsOptions],
    found: Sequence[tuple[str, Record, Model, Part]],
    part: str,
    runs: Sequence[str],
    lost: Sequence[str],
) -> DecisionRegions:
    facts = found[0][1].dataset
    if any(record.dataset.checksum != facts.checksum for _, record, *_ in found):
        raise InputError("the settings learn from different data, which lie on no common plane; choose some of them")
    points = [model.scaler.undo(examples.x) for _, _, model, examples in found]
    x, y = _grid(np.concatenate(points), next((side for most, side in SIDES if len(found) <= most), LEAST_SIDE))
    panels = [
        _panel(label if len(request.shown) > 1 else "", model, examples, own, x, y)
        for (label, _, model, examples), own in zip(found, points, strict=True)
    ]
    names = facts.feature_names or ["feature 1", "feature 2"]
    shown, of = len(panels[0].points), facts.counts.get(part, 0)
    of_part = f"{of:,} {part} examples"
    caption = (
        "Colour and name: the class that the network predicts at every point of the plane, in the units of the data. "
        f"Signs: {f'{shown:,} of the ' if shown < of else 'the '}{of_part}, by their actual class; ringed: those that "
        "are taken for another one"
    )
    if len(request.shown) == 1:
        run = runs_of(request.only, request.options.seed, request.metric)[0]
        caption = f"{request.who(run)}. {caption} ({int(panels[0].wrong.sum()):,})."
    else:
        caption += f". One run a setting: {runs[0] if len(set(runs)) == 1 else listed(runs)}.{_of_lost(lost)}"
    return DecisionRegions(
        request.name,
        f"Decision regions ({part} set)",
        caption,
        names[0],
        names[1],
        part,
        tuple(facts.classes),
        tuple(panels),
        min(request.options.columns, len(panels)),
    )


def _of_lost(lost: Sequence[str]) -> str:
    return f" Not shown, as their runs diverged: {listed(lost)}." if lost else ""


def _grid(points: Numbers, side: int) -> tuple[Numbers, Numbers]:
    """Places along both axes: the range of the points and a margin."""
    axes = []
    for values in points.T:
        low, high = float(values.min()), float(values.max())
        margin = MARGIN * (high - low) or MARGIN * abs(high) or 1.0
        axes.append(np.linspace(low - margin, high + margin, side))
    return axes[0], axes[1]


def _panel(title: str, model: Model, examples: Part, points: Numbers, x: Numbers, y: Numbers) -> RegionPanel:
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    regions = model.predict(plane).reshape(len(y), len(x))
    outputs = passes.predict(model.network, model.params, examples.x.astype(model.dtype))
    predicted = class_of(np.asarray(outputs), model.network.output)
    names = _names(regions, x, y)
    return RegionPanel(title, x, y, regions, names, points, examples.y, predicted, examples.index)


def _names(regions: np.ndarray, x: Numbers, y: Numbers) -> tuple[tuple[float, float, int], ...]:
    """Where the name of each class stands: the place of the plane that is furthest from all other classes."""
    from scipy.ndimage import distance_transform_edt

    found = []
    for label in np.unique(regions).tolist():
        inside = np.pad(regions == label, 1)  # the edge of the figure counts as well
        depth = distance_transform_edt(inside)[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        found.append((float(x[column]), float(y[row]), int(label)))
    return tuple(found)
