"""The kinds of figures that a study can ask for, by name: `FIGURES`, and `make_figure`, which checks and makes one.

    kind, settings, options  ->  a Figure with its caption, or None where the records hold nothing of it

What each kind takes stands in `study/published/figure_options.py`: a study file is checked before anything runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handgrad.errors import InputError
from handgrad.names import lookup
from handgrad.report.figures import runs as run_figures
from handgrad.report.figures.epochs import epoch_pair, epochs, small_multiples
from handgrad.report.figures.figure import Figure, Matrix, Pictures, Predictions
from handgrad.report.figures.sources import Request, Sources
from handgrad.report.figures.steps import step_loss, step_loss_by_epoch
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.study.published.figure_options import (
    FIGURE_OPTIONS,
    ConfusionOptions,
    FigureOptions,
    PredictionsOptions,
    TemplatesOptions,
)


@dataclass(frozen=True)
class Kind:
    """make: from what is asked for to a figure;  options: what it takes;  about: what it shows, in a line."""

    make: Callable[[Request[Any]], Figure | None]
    options: type[FigureOptions]
    about: str


def _whose(asked: Request[Any], seed: int) -> str:
    ((label, _),) = asked.shown.items()
    return f"Setting {label}, seed {seed}"


def _confusion(asked: Request[ConfusionOptions]) -> Matrix | None:
    run, options = asked.run(asked.options.seed), asked.options
    if run is None:
        return None
    record = asked.sources.record(run.id)
    return run_figures.confusion(record, _whose(asked, run.seed), asked.name, part=options.part, show=options.show)


def _templates(asked: Request[TemplatesOptions]) -> Pictures | None:
    run, options = asked.run(asked.options.seed), asked.options
    if run is None:
        return None
    record, params = asked.sources.record(run.id), asked.sources.params(run.id)
    who = _whose(asked, run.seed)
    return run_figures.weights(record, params, who, asked.name, units=options.units, columns=options.columns)


def _predictions(asked: Request[PredictionsOptions]) -> Predictions | None:
    run, options = asked.run(asked.options.seed), asked.options
    if run is None:
        return None
    record, images = asked.sources.record(run.id), asked.sources.images(asked.only.label)
    who = _whose(asked, run.seed)
    return run_figures.predictions(record, images, who, asked.name, when=options.when, examples=options.examples)


def _kind(name: str, make: Callable[[Request[Any]], Figure | None], about: str) -> tuple[str, Kind]:
    return name, Kind(make, FIGURE_OPTIONS[name], about)


FIGURES: dict[str, Kind] = dict(
    (
        _kind("step-loss", step_loss, "training loss of every step, a line for each setting"),
        _kind("epochs", epochs, "accuracy, loss or both against the epoch, a line for each setting"),
        _kind("epoch-pair", epoch_pair, "accuracy and loss side by side, a line for each part"),
        _kind("step-loss-by-epoch", step_loss_by_epoch, "loss against the step within the epoch, a colour for each"),
        _kind("small-multiples", small_multiples, "each setting beside the baseline on the same axes"),
        _kind("confusion", _confusion, "actual against predicted classes, in percent of the row and counts"),
        _kind("templates", _templates, "first-layer weights as pictures"),
        _kind("predictions", _predictions, "sample images with actual and predicted classes"),
    )
)


def make_figure(
    kind: str,
    summary: Summary,
    shown: Mapping[str, SettingSummary],
    sources: Sources,
    options: Mapping[str, Any] | None = None,
    *,
    name: str,
    title: str = "",
) -> Figure | None:
    """A figure of a study's settings; None where the records hold nothing of it.

    shown: name in the legend -> setting, in the order of the legend;  name: of its files;  title: not the kind's own.
    Raises UnknownName for a kind that is not known, InputError for options or settings that it does not take.
    """
    found = lookup(FIGURES, kind, "kind of figure")
    read, problems = found.options.read(dict(options or {}), prefix=f"{name}: options")
    if read is None:
        raise InputError("\n".join(problems))
    least, most = found.options.settings
    if len(shown) < least or (most is not None and len(shown) > most):
        number = f"{least} or more settings" if most is None else "one setting" if most == 1 else f"{least} to {most}"
        raise InputError(f"{name}: a figure of kind {kind!r} shows {number}; got {len(shown)}")
    metric = summary.phases[-1].metric if summary.phases else "val_accuracy"
    try:
        figure = found.make(Request(name, dict(shown), sources, read, metric))
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    return replace(figure, title=title) if figure is not None and title else figure
