"""Which axes of a random or searched study matter: the functional analysis of variance of a random forest (fANOVA).

Letters: r settings, y the mean of each over its seeds; f a tree, f_U its component of the axes U (`tree_boxes`); A, B
the two halves of a random split of the settings.

    per tree (Hutter, Hoos and Leyton-Brown 2014)   mean over the trees of ∫ f_U² / ∫ (f − mean f)²
    share_U                                         Σ_splits ∫ f^A_U · f^B_U  /  Σ_splits ∫ (f^A − mean)(f^B − mean)

A tree follows the noise of its settings, and so gives a share to what does nothing, at the cost of the others: with a
noise as large as the spread, 60 settings leave 57 of 71 % to the strongest axis and give 15 % to an interaction that is
not there (`benchmarks/importance.py`).  Two trees grown on different settings have no noise in common, so that the
product of their components is free of it; it may be below 0, and is left so.  What stays is the bias of trees: they
smooth, and strong axes hide weak ones.

R² (out of bag) is that of scikit-learn's forest: 1 − Σ(y − ŷ)²/Σ(y − mean y)², ŷ by the trees that have not seen the
setting.  Differs from the authors' fanova and from Optuna, which show the shares per tree; those stand beside
(`per_tree`).  Optuna integrates ranges in log as if they were not.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.report.findings.axis_scales import VALUE, AxisScale, is_missing, mean_by_setting, scale_of
from handgrad.report.findings.intervals import CONFIDENCE, Interval
from handgrad.report.findings.tree_boxes import Boxes, Space, Term, boxes_of, cross_components, marginal
from handgrad.report.findings.wording import plural
from handgrad.streams import stream

if TYPE_CHECKING:
    from pandas import DataFrame

Numbers = NDArray[np.float64]
FEWEST = 20  # settings, below which a forest sees nothing that their ranking does not
LEAST_R2, LEAST_R2_SETTINGS = 0.1, 6.0  # R² out of bag is at least 0.1, and 6 / settings: chance reaches it in few
TREES = 64  # of the forest
SPLITS = 32  # into two halves with a tree each
REPLICATES, REPLICATE_SPLITS = 40, 4  # of the bootstrap over settings
MANY = 200  # settings, beyond which splits are fewer: each is as slow as they are many, and says as much more
PAIRED = 8  # axes with the largest share per tree whose pairs are looked at
METHOD = "bootstrap over settings"


@dataclass(frozen=True)
class ForestShare:
    """The share of the variance over the space that an axis, or a pair beyond both of its axes, has.

    share: unbiased by the noise, may be below 0;  interval: of the study's settings, not of the forest's own bias;
    per_tree, per_tree_sd: as Hutter's fANOVA has it, over trees.
    """

    axes: tuple[str, ...]
    share: float
    interval: Interval
    per_tree: float
    per_tree_sd: float

    @property
    def name(self) -> str:
        """How a table calls it."""
        return " × ".join(self.axes)


@dataclass(frozen=True, eq=False)
class ForestShares:
    """Shares, largest first.  r2: out of bag;  left_out: sentences;  trees, space: the forest."""

    shares: tuple[ForestShare, ...]
    rest: float  # what no axis and no pair has
    r2: float
    settings: int
    runs: int
    left_out: tuple[str, ...]
    trees: tuple[Boxes, ...]
    space: Space

    @property
    def main(self) -> tuple[ForestShare, ...]:
        """The shares of single axes."""
        return tuple(one for one in self.shares if len(one.axes) == 1)


@dataclass(frozen=True, eq=False)
class Marginal:
    """The mean of a forest over all other axes at values of one; low, high: 10 % and 90 % quantiles of its trees."""

    axis: str
    values: tuple[Any, ...]
    mean: Numbers
    low: Numbers
    high: Numbers


def too_few(settings: int) -> str:
    """Why a forest says nothing of fewer settings than `FEWEST`."""
    return f"{plural(settings, 'setting')}; a random forest needs {FEWEST} or more to say which hyperparameter matters"


def forest_shares(
    frame: "DataFrame",
    axes: Sequence[str],
    *,
    scales: Mapping[str, AxisScale] | None = None,
    names: Mapping[str, str] | None = None,
    seed: int = 0,
) -> ForestShares:
    """The shares of axes and pairs of axes, by trees on settings drawn at random or by a search.

    frame: a row a run, columns `axes`, "seed", "value";  scales: of the axes whose ranges the study declares (others by
    `scale_of`);  names: axis -> how sentences call it;  seed: of the forest.  Settings outside a declared range, or
    that do not say an axis, are left out.

    Raises InputError, with the reason, where there are fewer than 20 settings, where nothing varies, and where R² out
    of bag is below 0.1 or 6 / settings: what a forest says that does not predict is chance.  A search that went where
    results were good has seen the rest of the space less; the shares are still those of the whole space.
    """
    called = {axis: (names or {}).get(axis, axis) for axis in axes}
    table = mean_by_setting(frame, axes)
    said = []
    gone = sum(map(any, zip(*([is_missing(v) for v in frame[axis].tolist()] for axis in axes), strict=True)))
    if gone:
        said.append(f"{plural(gone, 'run')} of settings that do not say every hyperparameter")
    varied = [axis for axis in axes if table[axis].nunique() > 1]
    said += [f"{called[axis]}, which has one value" for axis in axes if axis not in varied]
    if not varied:
        raise InputError("no hyperparameter has two values: there is nothing that could matter")
    space = Space(tuple((scales or {}).get(axis) or scale_of(axis, table[axis].tolist()) for axis in varied))
    known = np.ones(len(table), dtype=bool)
    for scale in space.scales:
        known &= [_is_inside(scale, value) for value in table[scale.name].tolist()]
    if not known.all():
        said.append(f"{plural(int((~known).sum()), 'setting')} outside the declared ranges")
    table = table[known]
    if len(table) < FEWEST:
        raise InputError(too_few(len(table)))
    x = space.encoded([table[axis].tolist() for axis in varied])
    y, weights = table[VALUE].to_numpy(np.float64), table["n"].to_numpy(np.float64)
    if y.max() - y.min() <= 0:
        raise InputError(f"all {plural(len(y), 'setting')} have the same value: there is no variance to share out")
    trees, r2 = _forest(x, y, weights, space, seed)
    if r2 < max(LEAST_R2, LEAST_R2_SETTINGS / len(y)):
        raise InputError(
            "a random forest predicts settings that it has not seen hardly better than their mean does (R² out of bag "
            f"{r2:.2f}, {plural(len(y), 'setting')}); run more settings or more seeds of each"
        )
    first = list(range(len(varied)))
    if len(varied) > PAIRED:
        own = _per_tree(trees, space, [(j,) for j in first])
        first = sorted(sorted(first, key=lambda j: -own[0][j])[:PAIRED])
    terms: list[Term] = [*((j,) for j in range(len(varied))), *combinations(first, 2)]
    mean, deviation = _per_tree(trees, space, terms)
    splits, own_splits = (math.ceil(count * min(1, MANY / len(y))) for count in (SPLITS, REPLICATE_SPLITS))
    share = _shares(x, y, weights, space, terms, splits, stream(seed, "bootstrap", 14))
    replicates = [
        _shares(x, y, weights * counts, space, terms, own_splits, rng) for rng, counts in _resampled(len(y), seed)
    ]
    half = 1.959964 * np.std(replicates, axis=0, ddof=1)
    shares = [
        ForestShare(
            tuple(called[varied[j]] for j in term),
            float(share[k]),
            Interval(
                float(np.clip(share[k] - half[k], 0, 1)), float(np.clip(share[k] + half[k], 0, 1)), METHOD, CONFIDENCE
            ),
            float(mean[k]),
            float(deviation[k]),
        )
        for k, term in enumerate(terms)
    ]
    shares.sort(key=lambda one: -one.share)
    runs = int(weights.sum())
    return ForestShares(tuple(shares), float(1 - share.sum()), r2, len(y), runs, tuple(said), trees, space)


def _is_inside(scale: AxisScale, value: Any) -> bool:
    return scale.low <= float(value) <= scale.high if scale.is_range else value in scale.levels


def _forest(x: Numbers, y: Numbers, weights: Numbers, space: Space, seed: int) -> tuple[tuple[Boxes, ...], float]:
    """The trees of scikit-learn's forest, and its R² out of bag."""
    from sklearn.ensemble import RandomForestRegressor

    equal = bool((weights == weights[0]).all())  # without weights it grows the trees that other programs grow
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=seed % 2**32).fit(
        x, y, None if equal else weights
    )
    return tuple(boxes_of(tree.tree_, space) for tree in forest.estimators_), float(forest.oob_score_)


def _per_tree(trees: Sequence[Boxes], space: Space, terms: Sequence[Term]) -> tuple[Numbers, Numbers]:
    """(mean, standard deviation) over the trees of the shares of each; trees that say the same everywhere have none."""
    rows = []
    for tree in trees:
        whole, found = cross_components(tree, tree, space, terms)
        if whole > 0:
            rows.append([found[term] / whole for term in terms])
    made = np.array(rows)
    return made.mean(axis=0), made.std(axis=0, ddof=min(1, len(made) - 1))


def _resampled(r: int, seed: int) -> list[tuple[np.random.Generator, Numbers]]:
    """For each replicate its generator, and how often each setting was drawn."""
    rngs = [stream(seed, "bootstrap", 14, k) for k in range(1, REPLICATES + 1)]
    return [(rng, np.bincount(rng.integers(0, r, r), minlength=r).astype(np.float64)) for rng in rngs]


def _shares(
    x: Numbers,
    y: Numbers,
    weights: Numbers,
    space: Space,
    terms: Sequence[Term],
    splits: int,
    rng: np.random.Generator,
) -> Numbers:
    """share_U of each term; settings of weight 0 are not there, those drawn twice lie in one half."""
    from sklearn.tree import DecisionTreeRegressor

    there, single = np.flatnonzero(weights), x.astype(np.float32)  # as its trees have them
    parts, whole = np.zeros(len(terms)), 0.0
    for _ in range(splits):
        order = rng.permutation(there)
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        first, second = (
            boxes_of(
                DecisionTreeRegressor(random_state=int(rng.integers(2**31)))
                .fit(single[own], y[own], weights[own], check_input=False)  # checks take longer than small trees
                .tree_,
                space,
            )
            for own in halves
        )
        total, found = cross_components(first, second, space, terms)
        parts += [found[term] for term in terms]
        whole += total
    return parts / whole if whole > 0 else np.zeros(len(terms))


def forest_marginal(found: ForestShares, axis: str, points: int = 60) -> Marginal:
    """The mean of the forest over all other axes: at `points` values of a range, at each level of other axes.

    axis: its name in the frame.  The band is that of trees, which is narrower than an interval of the mean would be.
    """
    j = [scale.name for scale in found.space.scales].index(axis)
    scale = found.space.scales[j]
    values: tuple[Any, ...] = scale.levels
    at = np.arange(len(values), dtype=np.float64)
    if scale.is_range:
        low, high = scale.ends
        at = low + (high - low) * (np.arange(points) + 0.5) / points
        values = tuple((np.exp(at) if scale.kind == "log" else at).tolist())
    each = np.array([marginal(tree, found.space, j, at) for tree in found.trees])
    low_band, high_band = np.quantile(each, [0.1, 0.9], axis=0)
    return Marginal(axis, values, each.mean(axis=0), low_band, high_band)
