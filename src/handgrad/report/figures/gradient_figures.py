"""Figures of what `training.diagnostics` records: norms of gradients and saturated units, layer by layer."""

from collections.abc import Mapping, Sequence

import numpy as np

from handgrad.decimals import significant
from handgrad.report.figures.palette import line_style
from handgrad.report.figures.request import Request, epoch_series, logarithmic, over_seeds, runs_of, seeds_note
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.study.published.curve_options import GradientsOptions
from handgrad.training.diagnostics import DEAD, NORM, SATURATED

PANELS = {  # the beginning of the name of a curve -> (title of the panel, its y axis)
    NORM: ("norm of the gradient", "norm"),
    SATURATED: ("saturated units", "share of pairs"),
    DEAD: ("dead units", "share of units"),
}

Lines = dict[str, dict[str, Line]]  # kind of curve -> layer or parameter -> its line


def gradients(request: Request[GradientsOptions]) -> Curves | None:
    """Norms of the gradients of every layer against the epoch, saturated units beside them; a row for each setting.

    Dead units have a panel where any setting has one.
    """
    options = request.options
    found = {label: _lines(request, label) for label in request.shown}
    found = {label: (lines, n) for label, (lines, n) in found.items() if lines.get(NORM)}
    if not found:
        return None
    kinds = [kind for kind in PANELS if any(_is_shown(kind, lines) for lines, _ in found.values())]
    log = logarithmic(options.log, [line for lines, _ in found.values() for line in lines[NORM].values()])
    panels = []
    for label, (lines, _) in found.items():
        for kind in kinds:
            word, axis = PANELS[kind]
            title = f"{label.split(':')[0]}: {word}" if len(found) > 1 else word  # the caption names settings in full
            own = tuple(lines.get(kind, {}).values())
            panels.append(Panel(title, "epoch", axis, own, log and kind == NORM, percent=kind != NORM))
    texts = {label: _said(lines) for label, (lines, _) in found.items()}
    seeds = seeds_note(options.seed, max(n for _, n in found.values()), request.folds)
    said = [f"{label}: {text}" if len(found) > 1 else text[:1].upper() + text[1:] for label, text in texts.items()]
    caption = (
        "Norm of the gradient of the mean loss for the weights of every layer, before training (epoch 0) and after "
        "every epoch; beside it the share of pairs of a unit and an example where the unit is saturated (tanh: "
        "|a| > 0.99, sigmoid: |2a − 1| > 0.99, relu: a = 0). A dead unit is saturated for every example. Measured "
        f"on at most 2,000 training examples. {seeds}{' '.join(said)}"
    )
    title = "Gradients and saturation by layer"
    return Curves(request.name, title, caption.strip(), tuple(panels), columns=len(kinds))


def _lines(request: Request[GradientsOptions], label: str) -> tuple[Lines, int]:
    """The lines of one setting, in the order of its layers; and the most seeds that stand behind one."""
    runs = runs_of(request.shown[label], request.options.seed, request.metric)
    names = list(dict.fromkeys(name for run in runs for name in request.sources.diagnostics(run.id)))
    series = epoch_series(runs, request.sources.diagnostics, [name for name in names if name != "epoch"])
    layers = list(dict.fromkeys(name.split(".")[1] for name in series))
    lines: Lines = {}
    for name, curves in series.items():
        kind, layer, *letter = name.split(".")
        if kind == NORM and not (letter == ["W"] or request.options.biases):
            continue
        own = layer if letter in ([], ["W"]) else ".".join((layer, *letter))
        style = line_style(layers.index(layer) + (0 if own == layer else len(layers)))
        lines.setdefault(kind, {})[own] = over_seeds(own, curves, style)
    return lines, max(map(len, series.values()), default=0)


def _is_shown(kind: str, lines: Mapping[str, Mapping[str, Line]]) -> bool:
    """Whether a setting has such curves; of dead units, whether it has any."""
    of_kind = lines.get(kind, {}).values()
    return bool(of_kind) and (kind != DEAD or any(line.y.any() for line in of_kind))


def _said(lines: Mapping[str, Mapping[str, Line]]) -> str:
    """The first layer beside the last, at the start and at the end, in a sentence or two."""
    norms = [line for line in lines[NORM].values() if "." not in line.label]
    text = ""
    if len(norms) > 1:
        first, last = norms[0], norms[-1]
        start, end = (_ratio(first, last, at) for at in (0, -1))
        text = (
            f"the gradient of {first.label} is {start} of that of {last.label} at epoch {first.x[0]:g} and {end} at "
            f"epoch {first.x[-1]:g}; "
        )
    shares = [f"{line.label} {_percent(line.y)}" for line in lines.get(SATURATED, {}).values()]
    text += f"saturated from start to end: {', '.join(shares)}." if shares else "no activation here saturates."
    return text


def _ratio(first: Line, last: Line, at: int) -> str:
    below = float(last.y[at])
    return significant(float(first.y[at]) / below, 2) if below else "infinitely many times"


def _percent(values: Sequence[float] | np.ndarray) -> str:
    return f"{100 * values[0]:.1f} % to {100 * values[-1]:.1f} %"
