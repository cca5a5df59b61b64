"""The curves of a setting: which of its runs are meant, and several seeds put together as one line.

Curves are read from disk one run at a time and reduced at once: memory does not grow with the number of runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from handgrad.errors import InputError
from handgrad.report.figures.figure import FIRST_LOOK, Line, Numbers
from handgrad.report.figures.palette import Look
from handgrad.report.findings.summary import RunFacts, SettingSummary
from handgrad.training.record import Arrays

LoadCurves = Callable[[str], Arrays]


@dataclass(frozen=True, eq=False)
class Series:
    """One seed's curve, before seeds are put together."""

    x: Numbers
    y: Numbers
    seed: int = 0


def runs_of(setting: SettingSummary, seed: int | str, metric: str) -> list[RunFacts]:
    """The runs with curves that `seed` means: "mean" all, "first", "best" by the metric, or the one of that seed.

    A run that diverged is taken as first or best only where none came to its end.  Raises InputError for a seed that
    the setting does not have.
    """
    with_curves = [run for run in setting.runs if run.record is not None and run.status != "failed"]
    if seed == "mean":
        return with_curves
    if isinstance(seed, int):
        known = [run.seed for run in setting.runs]
        if seed not in known:
            raise InputError(f"seed must be one of setting {setting.label}: {', '.join(map(str, known))}; got {seed}")
        return [run for run in with_curves if run.seed == seed]
    ended = [run for run in with_curves if run.status != "diverged"]
    best = setting.best_run(metric) if seed == "best" else None
    return ([best] if best is not None else ended or with_curves)[:1]


def epoch_series(runs: Sequence[RunFacts], load: LoadCurves, keys: Sequence[str]) -> dict[str, list[Series]]:
    """Curves by epoch: key of curves.npz (such as "val_loss") -> a series for each run that has it."""
    found: dict[str, list[Series]] = {}
    for run in runs:
        curves = load(run.id)
        for key in keys:
            y = curves.get(key)
            if y is not None and len(y):
                x = np.asarray(curves["epoch"], dtype=np.float64)[: len(y)]
                found.setdefault(key, []).append(Series(x, np.asarray(y, np.float64), run.seed))
    return found


def over_seeds(label: str, curves: Sequence[Series], look: Look = FIRST_LOOK, end: str = "") -> Line:
    """The mean over the seeds that reached each x, and a band from the lowest to the highest of them.

    Values that are not finite are left out.  All x must be whole numbers counted alike (epochs).

    >>> line = over_seeds("a", [Series(np.arange(2), np.array([1.0, 2.0])), Series(np.arange(1), np.array([3.0]))])
    >>> line.y.tolist(), line.low.tolist(), line.high.tolist()
    ([2.0, 2.0], [1.0, 2.0], [3.0, 2.0])
    """
    values: dict[float, list[float]] = {}
    for curve in curves:
        for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True):
            if np.isfinite(y):
                values.setdefault(x, []).append(y)
    x = np.array(sorted(values), dtype=np.float64)
    y = np.array([sum(values[k]) / len(values[k]) for k in x.tolist()])
    if len(curves) < 2:
        return Line(label, x, y, look=look, end=end)
    low = np.array([min(values[k]) for k in x.tolist()])
    high = np.array([max(values[k]) for k in x.tolist()])
    return Line(label, x, y, low, high, look, end)


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


def seeds_note(seed: int | str, seeds: int) -> str:
    """How the seeds were put together, for a caption.  `seeds`: the most that a line has behind it."""
    if seed == "mean":
        if seeds < 2:
            return "One seed. "
        return f"Line: mean over the seeds (n = {seeds}) that reached the epoch; band: lowest to highest of them. "
    return {"first": "One run a setting: the first seed that finished. ", "best": "One run a setting: its best. "}.get(
        str(seed), f"Seed {seed}. "
    )
