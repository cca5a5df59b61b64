"""The figures of hyperparameters: from a frame with a row a run, and what was found of it, to numbers and captions.

    effect_figure            every value of each axis over all others, with its interval, and the runs
    slice_figure             settings along each axis, with the mean of a forest over all others
    heat_map_figure          two axes, a cell for each pair of values or of stretches of a range
    parallel_figure          every setting through all axes

frame: columns of the axes, "seed", "value" and, where known, "lost";  names: axis -> how the figure calls it.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad.decimals import significant
from handgrad.measures import METRICS, is_fraction, lower_is_better
from handgrad.names import plural
from handgrad.report.figures.axis_fit import AxisFit, fitted
from handgrad.report.figures.axis_shapes import (
    MOST_LINES,
    AxisPanel,
    AxisPanels,
    HeatMap,
    ParallelAxis,
    ParallelCoordinates,
    Ticks,
)
from handgrad.report.figures.shapes import Numbers
from handgrad.report.findings.axis_scales import (
    LOST,
    RUN,
    SEED,
    VALUE,
    AxisScale,
    is_log,
    is_missing,
    is_number,
    mean_by_setting,
    ordered_levels,
    run_ids,
    scale_of,
)
from handgrad.report.findings.effects import effect_of
from handgrad.report.findings.forest_shares import ForestShares, forest_marginal
from handgrad.report.findings.spreads import LOST_IS
from handgrad.report.findings.wording import sentence
from handgrad.study.changes import shown
from handgrad.training.run_keys import sources_over

if TYPE_CHECKING:
    from pandas import DataFrame

STRETCHES = 5  # of a range, in a heat map
SPREAD = 0.018  # of an axis, over which the runs of one value are laid side by side


def _called(axis: str, names: Mapping[str, str] | None) -> str:
    return (names or {}).get(axis, axis)


def _fallen(frame: "DataFrame") -> list[bool]:
    return [bool(c) for c in frame[LOST].tolist()] if LOST in frame else [False] * len(frame)


def _level_places(levels: Sequence[Hashable]) -> Numbers:
    """Where levels lie on their axis: numbers by size or in log, others at equal distances, with room at both ends."""
    if len(levels) == 1:
        return np.array([0.5])
    if all(map(is_number, levels)):
        x = np.asarray(levels, dtype=np.float64)
        x = np.log(x) if is_log(levels) else x
        places = (x - x.min()) / (x.max() - x.min())
        if np.diff(np.sort(places)).min() < 0.25 / len(levels):  # values that would lie on each other
            places = np.linspace(0, 1, len(levels))
    else:
        places = np.linspace(0, 1, len(levels))
    return np.asarray(0.08 + 0.84 * places)


def range_ticks(scale: AxisScale, most: int = 5) -> Ticks:
    """Round values along a range: decades in log (or 1, 2, 5 of them), else steps of 1, 2 or 5.

    >>> [text for _, text in range_ticks(AxisScale("lr", "log", 0.001, 1.0))]
    ['0.001', '0.01', '0.1', '1']
    """
    low, high = scale.low, scale.high
    if scale.kind == "log":
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        for digits in ((1, 2, 5), (1, 3), (1,)):
            values = [d * 10.0**k for k in range(first, last + 1) for d in digits]
            inside = [v for v in values if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]
            if len(inside) <= most:
                break
        else:
            inside = inside[:: math.ceil(len(inside) / most)]
    else:
        raw = (high - low) / most
        step = next(
            s for k in (math.floor(math.log10(raw)),) for s in (10**k, 2 * 10**k, 5 * 10**k, 10 ** (k + 1)) if s >= raw
        )
        inside = [step * k for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    if len(inside) < 2:
        inside = [low, high]
    return tuple((float(place), significant(value)) for place, value in zip(scale.shares(inside), inside, strict=True))


def effect_figure(
    frame: "DataFrame",
    axes: Sequence[str],
    metric: str,
    name: str,
    names: Mapping[str, str] | None = None,
    shown_axes: Sequence[str] | None = None,
    overlap: float = 0.0,
) -> AxisPanels | None:
    """The mean of every value of each axis over the combinations of all others, with its t interval over runs.

    axes: all that vary;  shown_axes: those that have a panel;  overlap: of folds (`resampled`).
    Axes of which no combination of the others has two values show their runs alone; None where no axis has an effect.
    """
    panels, seen = [], 0
    for axis in axes if shown_axes is None else shown_axes:
        effect = effect_of(frame, axis, [other for other in axes if other != axis], metric, overlap=overlap)
        levels = ordered_levels(frame[axis].tolist())
        if len(levels) < 2:
            continue
        places = dict(zip(levels, _level_places(levels).tolist(), strict=True))
        means = {} if effect is None else {v: one for v, one in effect.levels.items() if one.mean is not None}
        seen += bool(means)
        rows = zip(frame[axis].tolist(), frame[VALUE].tolist(), _fallen(frame), run_ids(frame), strict=True)
        dots = [
            (places[value], y, fallen, run, shown(value))
            for value, y, fallen, run in rows
            if not is_missing(value) and not is_missing(y)
        ]
        intervals = [one.interval for one in means.values()]
        panels.append(
            AxisPanel(
                _called(axis, names),
                tuple((place, shown(value)) for value, place in places.items()),
                _side_by_side(np.array([x for x, *_ in dots]), np.array([y for _, y, *_ in dots])),
                np.array([y for _, y, *_ in dots]),
                np.array([c for _, _, c, *_ in dots], dtype=bool),
                np.array([places[value] for value in means]),
                np.array([one.mean for one in means.values()], dtype=np.float64),
                np.array([i.low if i else np.nan for i in intervals], dtype=np.float64),
                np.array([i.high if i else np.nan for i in intervals], dtype=np.float64),
                tuple(shown(value) for value in means),
                joined=all(map(is_number, levels)),
                best=places[effect.best] if effect is not None and means else None,
                runs=tuple((run,) for *_, run, _ in dots if run),
                dot_values=tuple(value for *_, value in dots),
            )
        )
    if not seen:
        return None
    word = METRICS[metric].word
    caption = (
        f"{sentence(word)} for every value of each hyperparameter. Diamonds: the mean over all combinations of the "
        f"others that have every value; bars: 95 % t intervals of that mean over {_over(frame)} (none of one; they "
        f"cover less where some runs were lost); filled: the best. Dots: runs; crosses: those lost ({LOST_IS}), at "
        "the edge where they lie beyond it."
    )
    return AxisPanels(name, f"Effects on {word}", caption, word, tuple(panels), is_fraction(metric))


def _over(frame: "DataFrame") -> str:
    """What means of settings are over."""
    return sources_over(frame[SEED].tolist())


def _side_by_side(x: Numbers, y: Numbers) -> Numbers:
    """Dots of one value moved apart in the order of y, in a repeating pattern: nothing is drawn at random."""
    moved = x.copy()
    for place in np.unique(x):
        at = np.flatnonzero(x == place)
        order = at[np.argsort(y[at], kind="stable")]
        moved[order] += SPREAD * (np.arange(len(at)) % 5 - 2) if len(at) > 1 else 0.0
    return moved


def slice_figure(
    frame: "DataFrame", axes: Sequence[str], metric: str, name: str, forest: ForestShares | None = None,
    names: Mapping[str, str] | None = None, scales: Mapping[str, AxisScale] | None = None,
    shown_axes: Sequence[str] | None = None,
) -> AxisPanels | None:  # fmt: skip
    """Settings along each axis, ranges in log where they are; with a forest, its mean over all other axes.

    axes: all that vary;  shown_axes: those that have a panel;  scales: of axes whose ranges the study declares; those
    of a forest are used in any case.  None where no axis has two values.
    """
    table = mean_by_setting(frame, axes)
    known = {} if forest is None else {scale.name: scale for scale in forest.space.scales}
    declared = {**(scales or {}), **known}
    panels = []
    for axis in axes if shown_axes is None else shown_axes:
        if table[axis].nunique() < 2:
            continue
        scale = declared.get(axis) or scale_of(axis, table[axis].tolist())
        inside = [_is_shown(scale, value) for value in table[axis].tolist()]
        values = [value for value, there in zip(table[axis].tolist(), inside, strict=True) if there]
        y, fallen = table[VALUE].to_numpy(np.float64)[inside], table[LOST].to_numpy()[inside] > 0
        runs = tuple(ids for ids, there in zip(table[RUN].tolist(), inside, strict=True) if there)
        if scale.is_range:
            places, ticks = scale.shares(values), range_ticks(scale)
        else:
            own = dict(zip(scale.levels, _level_places(scale.levels).tolist(), strict=True))
            places = _side_by_side(np.array([own[value] for value in values]), y)
            ticks = tuple((place, shown(value)) for value, place in own.items())
        x, mean, low, high, texts = np.empty(0), np.empty(0), np.empty(0), np.empty(0), tuple[str, ...]()
        if axis in known and forest is not None:
            found = forest_marginal(forest, axis)
            x = scale.shares(found.values) if scale.is_range else np.array([own[value] for value in found.values])
            mean, low, high = found.mean, found.low, found.high
            texts = tuple(shown(value) for value in found.values)
        panels.append(
            AxisPanel(
                _called(axis, names), ticks, places, y, fallen, x, mean, low, high, texts,
                band=scale.is_range, joined=scale.kind != "categories", runs=runs,
                dot_values=tuple(map(shown, values)),
            )
        )  # fmt: skip
    if not panels:
        return None
    word = METRICS[metric].word
    caption = (
        f"{sentence(word)} of every setting (mean over its {_over(frame)}) along each hyperparameter; crosses: "
        f"settings with runs that were lost ({LOST_IS}), at the edge where they lie beyond it."
    )
    if known:
        caption += (
            " Line: the mean of a random forest over all other hyperparameters (R² out of bag "
            f"{forest.r2 if forest else 0:.2f}); band or bars: 10 % to 90 % of its trees."
        )
    title = f"{sentence(word)} along each hyperparameter"
    return AxisPanels(name, title, caption, word, tuple(panels), is_fraction(metric), "setting")


def _is_shown(scale: AxisScale, value: Any) -> bool:
    return scale.low <= float(value) <= scale.high if scale.is_range else value in scale.levels


def heat_map_figure(
    frame: "DataFrame",
    x_axis: str,
    y_axis: str,
    metric: str,
    name: str,
    names: Mapping[str, str] | None = None,
    scales: Mapping[str, AxisScale] | None = None,
) -> HeatMap | None:
    """The mean of all runs with each pair of values of two axes; ranges in five stretches of equal length.

    scales: of axes whose ranges the study declares.
    None where one of both has no two values.
    """
    kept = [
        (x, y, float(value), fallen)
        for x, y, value, fallen in zip(
            frame[x_axis].tolist(), frame[y_axis].tolist(), frame[VALUE].tolist(), _fallen(frame), strict=True
        )
        if not is_missing(x) and not is_missing(y) and not is_missing(value)
    ]
    if len({x for x, *_ in kept}) < 2 or len({y for _, y, *_ in kept}) < 2:
        return None
    columns, x_texts = _binned(x_axis, [x for x, *_ in kept], (scales or {}).get(x_axis))
    rows, y_texts = _binned(y_axis, [y for _, y, *_ in kept], (scales or {}).get(y_axis))
    shape = (len(y_texts), len(x_texts))
    sums, counts, lost = np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    np.add.at(sums, (rows, columns), [value for *_, value, _ in kept])
    np.add.at(counts, (rows, columns), 1)
    np.add.at(lost, (rows, columns), [int(fallen) for *_, fallen in kept])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    down = lower_is_better(metric)
    best = np.unravel_index((np.nanargmin if down else np.nanargmax)(means), shape)
    fine = means[(counts > 0) & (lost == 0)]
    high = float(means[best])
    low = float((fine.max() if down else fine.min()) if fine.size else (np.nanmax if down else np.nanmin)(means))
    word = METRICS[metric].word
    per_cent = " in percent" if is_fraction(metric) else ""
    caption = (
        f"In each cell the mean {word}{per_cent} of all runs with both values, over everything else that varies, and "
        f"how many they are. Framed: the best. Hatched (on the page a cross): runs of the cell were lost ({LOST_IS}); "
        "colours begin at the worst cell without any. Empty: no run with a result."
    )
    x_name, y_name = _called(x_axis, names), _called(y_axis, names)
    return HeatMap(
        name, f"{x_name} and {y_name}", caption, x_name, y_name, x_texts, y_texts, means, counts, lost,
        (int(best[0]), int(best[1])), low, high, word, is_fraction(metric),
    )  # fmt: skip


def _binned(axis: str, values: Sequence[Any], declared: AxisScale | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """(the cell of each value, what stands at each cell)."""
    scale = declared or scale_of(axis, values)
    if not scale.is_range or len(ordered_levels(values)) <= 2 * STRETCHES:
        levels = list(ordered_levels(values))
        if not scale.is_range:
            levels = [level for level in scale.levels if level in levels]
        return np.array([levels.index(value) for value in values]), tuple(shown(value) for value in levels)
    low, high = scale.ends
    edges = np.linspace(low, high, STRETCHES + 1)
    ends = [_two_digits(v) for v in (np.exp(edges) if scale.kind == "log" else edges).tolist()]
    cells = np.clip((scale.shares(values) * STRETCHES).astype(int), 0, STRETCHES - 1)
    return cells, tuple(f"{a}–{b}" for a, b in pairwise(ends))


def _two_digits(value: float) -> str:
    """A number with two digits: above 100 whole, below 0.001 as a power.

    >>> _two_digits(253.1), _two_digits(0.00066), _two_digits(0.0001), _two_digits(0.0251)
    ('253', '6.6e-4', '1e-4', '0.025')
    """
    if abs(value) >= 100:
        return f"{value:.0f}"
    text = f"{value:.2g}" if abs(value) >= 0.001 or not value else f"{value:.1e}"
    return text.replace("e-0", "e-").replace(".0e", "e")


def parallel_figure(
    frame: "DataFrame", axes: Sequence[str], metric: str, name: str, names: Mapping[str, str] | None = None,
    scales: Mapping[str, AxisScale] | None = None, shown_axes: Sequence[str] | None = None,
) -> ParallelCoordinates | None:  # fmt: skip
    """Every setting as a line through its values, coloured by rank; of more than 200 the best and evenly picked ones.

    axes: all that vary;  shown_axes: those that lines pass;  scales: of axes whose ranges the study declares.  None
    where fewer than two axes vary, or fewer than three settings have a result.
    """
    table = mean_by_setting(frame, axes)
    varied = [axis for axis in (axes if shown_axes is None else shown_axes) if table[axis].nunique() > 1]
    of = {axis: (scales or {}).get(axis) or scale_of(axis, table[axis].tolist()) for axis in varied}
    if len(varied) < 2 or len(table) < 3:
        return None
    down, word = lower_is_better(metric), METRICS[metric].word
    table = table.sort_values(VALUE, ascending=down, kind="stable").reset_index(drop=True)
    total = len(table)
    places, made, texts = [], [], []
    for axis in varied:
        values, scale = table[axis].tolist(), of[axis]
        if scale.is_range:
            places.append(np.clip(scale.shares(values), 0, 1))
            made.append(ParallelAxis(_called(axis, names), range_ticks(scale)))
        else:
            own = dict(zip(scale.levels, _level_places(scale.levels).tolist(), strict=True))
            places.append(np.array([own[value] for value in values]))
            made.append(ParallelAxis(_called(axis, names), tuple((p, shown(v)) for v, p in own.items())))
        texts.append([shown(value) for value in values])
    y = table[VALUE].to_numpy(np.float64)
    measured, ticks, beyond = _measure_places(y, word, down=down, percent=is_fraction(metric))
    places.append(measured)
    made.append(ParallelAxis(word, ticks))
    texts.append([repr(value) for value in y.tolist()])
    picked = f"; {MOST_LINES} of {total:,} settings, evenly by rank" if total > MOST_LINES else ""
    caption = (
        f"A line for each setting through its values to its {word} (mean over {_over(frame)}, best on top), coloured "
        f"from the worst to the best by rank{picked}. Wide: the best."
    )
    if beyond:
        caption += f" {plural(beyond, 'setting')} beyond the axis of {word}, at its foot (↓)."
    levels = np.linspace(1, 0, len(table))
    rows = tuple(zip(*texts, strict=True))
    runs = tuple(table[RUN].tolist())
    crossed = np.stack(places, axis=1)
    return ParallelCoordinates(
        name, "Every setting", caption, tuple(made), crossed, levels, rows, runs, is_fraction(metric)
    )


FOOT = 0.08  # of the axis of the measure, below which lies what is beyond it


def _measure_places(y: Numbers, word: str, *, down: bool, percent: bool) -> tuple[Numbers, Ticks, int]:
    """Places of the measure, best on top, its ticks, and how many settings lie beyond the axis (`axis_fit`)."""

    def text(value: float) -> str:
        return f"{significant(value, shift=2)} %" if percent else significant(value)

    if y.max() == y.min():
        return np.full(len(y), 0.5), ((0.5, text(float(y[0]))),), 0
    fit = fitted([(value, value) for value in y.tolist()], worse_is_lower=not down)
    if fit.high == fit.low:
        fit = AxisFit(float(y.min()), float(y.max()))
    scale = AxisScale(word, "linear", fit.low, fit.high)
    foot = FOOT if fit.beyond else 0.0
    shares = (fit.high - y) / (fit.high - fit.low) if down else (y - fit.low) / (fit.high - fit.low)
    places = np.where(shares < 0, 0.0, foot + (1 - foot) * shares)
    ticks = tuple(
        (foot + (1 - foot) * (1 - place if down else place), text(float(value))) for place, value in range_ticks(scale)
    )
    if fit.beyond:
        ticks = ((0.0, f"↓ {text(float(y.max() if down else y.min()))}"), *ticks)
    return places, ticks, len(fit.beyond)
