"""Making a figure: the runs and curves of its settings, and `make_figure`, which checks options and calls the kind.

    kind, settings, options  ->  a figure with its caption, or None where the records hold nothing of it

The kinds are the records of `FIGURES` (`study/published/figure_options.py`); their functions take a `Request`.
Curves are read from disk one run at a time and reduced at once: memory does not grow with the number of runs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np

from handgrad.data.contents import Part, Split
from handgrad.errors import InputError
from handgrad.measures import DEFAULT_METRIC, EPOCH_LOSS
from handgrad.names import lookup, unknown
from handgrad.network.arrays import Arrays
from handgrad.report.figures.palette import LINES, LineStyle, line_style, shade
from handgrad.report.figures.shapes import FIRST_STYLE, FigureData, Line, Numbers
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.search_facts import SearchFacts
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.wording import sentence
from handgrad.study.published.figure_options import FIGURES, FigureOptions, figure_shape, load
from handgrad.study.rules.samplers import Sampling
from handgrad.training.curves import by_epoch
from handgrad.training.record import Record
from handgrad.training.run_keys import counted, key_word

LoadCurves = Callable[[str], Arrays]


@dataclass(frozen=True, eq=False)
class Series:
    """One seed's curve, before seeds are averaged."""

    x: Numbers
    y: Numbers
    seed: int = 0
    run: str = ""


def runs_of(setting: SettingSummary, seed: int | str, metric: str) -> list[RunFacts]:
    """The runs with curves that `seed` selects: "mean" all, "first", "best" by the metric, or the one of that seed.

    A run that diverged is taken as first or best only where none came to its end.  Raises InputError for a seed that
    the setting does not have.
    """
    with_curves = [run for run in setting.runs if run.record is not None and run.status != "failed"]
    if seed == "mean":
        return with_curves
    if isinstance(seed, int):
        known = list(dict.fromkeys(run.seed for run in setting.runs))
        if seed not in known:
            whose = f"setting {setting.label}" if setting.label else "the record"
            raise InputError(f"seed must be one of {whose}: {', '.join(map(str, known))}; got {seed}")
        return [run for run in with_curves if run.seed == seed]
    if seed not in ("first", "best"):
        raise InputError(unknown(seed, ("first", "best", "mean"), "choice of a run"))
    ended = [run for run in with_curves if run.status != "diverged"]
    best = setting.best_run(metric) if seed == "best" else None
    return ([best] if best is not None else ended or with_curves)[:1]


def epoch_series(runs: Sequence[RunFacts], load: LoadCurves, keys: Sequence[str]) -> dict[str, list[Series]]:
    """Curves by epoch: key of curves.npz (such as "val_loss") -> a series for each run that has it."""
    found: dict[str, list[Series]] = {}
    for run in runs:
        curves = load(run.id)
        if EPOCH_LOSS.name in keys:
            curves = by_epoch(curves)
        for key in keys:
            y = curves.get(key)
            if y is not None and len(y):
                x = np.asarray(curves["epoch"], dtype=np.float64)[: len(y)]
                found.setdefault(key, []).append(Series(x, np.asarray(y, np.float64), run.seed, run.id))
    return found


def over_seeds(label: str, curves: Sequence[Series], style: LineStyle = FIRST_STYLE, end: str = "") -> Line:
    """The mean over the seeds that reached each x, and a band from the lowest to the highest of them.

    Values that are not finite are left out.  All x must be whole numbers counted alike (epochs).

    >>> line = over_seeds("a", [Series(np.arange(2), np.array([1.0, 2.0])), Series(np.arange(1), np.array([3.0]))])
    >>> line.y.tolist(), line.low.tolist(), line.high.tolist()
    ([2.0, 2.0], [1.0, 2.0], [3.0, 2.0])
    """
    values: dict[float, list[float]] = {}
    for curve in curves:
        for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True):
            if math.isfinite(y):
                values.setdefault(x, []).append(y)
    x = np.array(sorted(values), dtype=np.float64)
    y = np.array([sum(values[k]) / len(values[k]) for k in x.tolist()])
    runs = tuple(curve.run for curve in curves if curve.run)
    if len(curves) < 2:
        return Line(label, x, y, style=style, end=end, runs=runs)
    low = np.array([min(values[k]) for k in x.tolist()])
    high = np.array([max(values[k]) for k in x.tolist()])
    n = np.array([len(values[k]) for k in x.tolist()], dtype=np.float64)
    return Line(label, x, y, low, high, style, end, runs, n)


def wide(lines: Sequence[Line], ratio: float = 50.0) -> bool:
    """Whether positive values span more than `ratio`, so that a logarithmic axis shows them better.

    >>> wide([Line("a", np.arange(2.0), np.array([0.01, 1.0]))])
    True
    """
    parts = [line.y[np.isfinite(line.y)] for line in lines]
    y = np.concatenate(parts) if parts else np.empty(0)
    return bool(y.size and y.min() > 0 and y.max() / y.min() > ratio)


def logarithmic(log: str, lines: Sequence[Line]) -> bool:
    """Whether a loss axis is logarithmic: "yes", "no", or "auto" by its values."""
    return log == "yes" or (log == "auto" and wide(lines))


def seeds_note(seed: int | str, seeds: int, folds: str = "") -> str:
    """How seeds were averaged, for a caption.  seeds: the most that one line averages;  folds: where these divide the
    data, the runs in words."""
    if isinstance(seed, int) and folds:
        return f"Line: mean over the folds of seed {seed}; band: lowest to highest of them. "
    if seed == "mean":
        if seeds < 2:
            return "One seed. "
        runs = f"runs ({folds})" if folds else f"seeds (n = {seeds})"
        return f"Line: mean over the {runs} that reached the epoch; band: lowest to highest of them. "
    return {"first": "One run a setting: the first seed that finished. ", "best": "One run a setting: its best. "}.get(
        str(seed), f"Seed {seed}. "
    )


Options = TypeVar("Options", bound=FigureOptions)
Options_co = TypeVar("Options_co", bound=FigureOptions, covariant=True)


@dataclass(frozen=True)
class Sources:
    """Files of single runs, which a summary does not hold; each is read when a figure needs it, and not kept.

    curves, params, mistakes, predictions, diagnostics, record: id of a run -> its files, no arrays where it has none;
    images: label of a setting and id of its run -> sample images, None without.
    examples: label of a setting and id of its run -> the examples that its results folder keeps, by part;  split: of a
    record, the split that it learnt from, made again from the data; None where a figure must do without data.
    drawn: lines already computed from long series, by run and options: several figures of a report show the same run.
    epochs: curves by epoch, which are short and are asked for again and again (`by_epoch`).
    """

    curves: Callable[[str], Arrays]
    params: Callable[[str], Arrays]
    mistakes: Callable[[str], Arrays]
    diagnostics: Callable[[str], Arrays]
    record: Callable[[str], Record]
    images: Callable[[str, str], np.ndarray | None]
    examples: Callable[[str, str], Mapping[str, Part]] = lambda *_: {}
    split: Callable[[Record], Split] | None = None
    predictions: Callable[[str], Arrays] = lambda _: {}
    drawn: dict[Any, Any] = field(default_factory=dict)
    epochs: dict[str, Arrays] = field(default_factory=dict)

    def by_epoch(self, run_id: str) -> Arrays:
        """The curves of a run without the long ones by step; kept."""
        if run_id not in self.epochs:
            curves = self.curves(run_id)
            n = len(curves["epoch"])
            self.epochs[run_id] = {name: values for name, values in curves.items() if len(values) <= n}
        return self.epochs[run_id]


@dataclass(frozen=True)
class Request(Generic[Options_co]):
    """What the function of a kind is given.

    shown: name in the legend -> setting;  metric: by which the study chose its winner;  styles: by name, of lines
    that do not follow the palette;  search: of the phase that has all of the settings, None where it was none;
    sampling: from which ranges the settings were drawn, None where they were listed.
    """

    name: str
    shown: Mapping[str, SettingSummary]
    sources: Sources
    options: Options_co
    metric: str = DEFAULT_METRIC
    styles: Mapping[str, LineStyle] = field(default_factory=dict)
    search: SearchFacts | None = None
    sampling: Sampling | None = None

    @property
    def only(self) -> SettingSummary:
        """The setting of a figure that shows one."""
        (setting,) = self.shown.values()
        return setting

    @property
    def whose(self) -> str:
        """The only setting in words, for a caption: "setting 3"; of a record by itself, which is no setting of a study
        and so has no label, the name that it is shown by."""
        ((name, setting),) = self.shown.items()
        return f"setting {name}" if setting.label else name

    def who(self, run: RunFacts) -> str:
        """The only setting and a run of it, at the beginning of a caption: "Setting 3, seed 1"."""
        return f"{sentence(self.whose)}, {key_word(run.key)}"

    def run(self, seed: int | str) -> RunFacts | None:
        """The run of the only setting that `seed` selects; None where it left no curves."""
        return next(iter(runs_of(self.only, seed, self.metric)), None)

    @property
    def folds(self) -> str:
        """Where folds divide the data, the runs of the setting with the most of them in words; else empty."""
        keys = [[run.key for run in setting.runs if run.fold is not None] for setting in self.shown.values()]
        most = max(keys, key=len, default=[])
        return counted(most) if most else ""

    def style(self, label: str) -> LineStyle:
        """A line's style: as given, else by its place; beyond the palette's lines the ordered colours."""
        names = list(self.shown)
        place = names.index(label)
        if label in self.styles:
            return self.styles[label]
        return line_style(place) if len(names) <= LINES else LineStyle(shade(place / (len(names) - 1)), width=1.1)


def make_figure(
    kind: str,
    summary: Summary,
    shown: Mapping[str, SettingSummary],
    sources: Sources,
    options: Mapping[str, Any] | None = None,
    *,
    name: str,
    title: str = "",
) -> FigureData | None:
    """A figure of a study's settings; None where the records hold nothing of it.

    shown: name in the legend -> setting, in the order of the legend;  name: of its files;  title: replaces the kind's.
    Raises UnknownName for a kind that is not known, InputError for options or settings that it does not take, and for
    a shape that nothing draws.
    """
    found = lookup(FIGURES, kind, "kind of figure")
    read, problems = found.options.read(dict(options or {}), prefix=f"{name}: options")
    if read is None:
        raise InputError("\n".join(problems))
    least, most = found.options.settings
    if len(shown) < least or (most is not None and len(shown) > most):
        number = f"{least} or more settings" if most is None else "one setting" if most == 1 else f"{least} to {most}"
        raise InputError(f"{name}: a figure of kind {kind!r} shows {number}; got {len(shown)}")
    metric = summary.phases[-1].metric if summary.phases else DEFAULT_METRIC
    try:
        figure_shape(found.shape)
        figure: FigureData | None = load(found.make)(
            Request(
                name,
                dict(shown),
                sources,
                read,
                metric,
                search=_search(summary, shown),
                sampling=_sampling(summary, shown),
            )
        )
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if figure is not None and type(figure).__name__ != found.shape:
        raise InputError(f"{name}: kind {kind!r} made a {type(figure).__name__}; its record says {found.shape}")
    return replace(figure, title=title) if figure is not None and title else figure


def _search(summary: Summary, shown: Mapping[str, SettingSummary]) -> SearchFacts | None:
    """The search of the phase that has all of these settings."""
    labels = {setting.label for setting in shown.values()}
    found = (phase.search for phase in summary.phases if labels <= {setting.label for setting in phase.settings})
    return next((search for search in found if search is not None), None)


def _sampling(summary: Summary, shown: Mapping[str, SettingSummary]) -> Sampling | None:
    """From which ranges these settings were drawn, where one phase drew them all."""
    labels = {setting.label for setting in shown.values()}
    for phase in summary.phases:
        if labels <= {setting.label for setting in phase.settings}:
            return phase.sampling
    return None
