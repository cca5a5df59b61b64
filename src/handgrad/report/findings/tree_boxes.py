"""A regression tree over a space of hyperparameters as boxes, and exact integrals of it: no value is drawn at random.

    boxes_of(tree, space)           Boxes: the leaves, each a value over a product of intervals and sets of levels
    cross_components(A, B, terms)   ∫ f_A,U · f_B,U for each term U, and ∫ (f_A − mean)(f_B − mean)

Letters: f a tree, constant on each leaf l with value v_l and volume Π_j w_lj (w_lj the part of axis j that the leaf
has, all values of the axis equally likely); U a set of axes; a_U(x_U) the mean of f over all other axes.

    a_U(x_U) = Σ_l v_l · 1[x_U in leaf l] · Π_{j not in U} w_lj
    f_∅      = a_∅,     f_U = a_U − Σ_{W ⊂ U} f_W     the functional analysis of variance (Hoeffding 1948; Hooker 2007)

Between two thresholds a_U is constant, so that an integral is a finite sum over the pieces (Hutter, Hoos and
Leyton-Brown 2014, algorithm 2).  Categories are one column each in the tree (1 where the setting has it); their pieces
are the levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.report.findings.axis_scales import AxisScale

Numbers = NDArray[np.float64]
Term = tuple[int, ...]


@dataclass(frozen=True)
class Space:
    """The axes of a study, and the columns that trees see of them."""

    scales: tuple[AxisScale, ...]

    @property
    def columns(self) -> list[slice]:
        """The columns of each axis: one, or of categories one for each level."""
        found, at = [], 0
        for scale in self.scales:
            width = len(scale.levels) if scale.kind == "categories" else 1
            found.append(slice(at, at + width))
            at += width
        return found

    def encoded(self, values: Sequence[Sequence[Any]]) -> Numbers:
        """Settings as rows of numbers; values: of each axis, one for each setting."""
        parts = []
        for scale, own in zip(self.scales, values, strict=True):
            x = scale.coordinates(own)
            parts.append(np.eye(len(scale.levels))[x.astype(int)] if scale.kind == "categories" else x[:, None])
        return np.hstack(parts)


@dataclass(frozen=True, eq=False)
class Boxes:
    """The leaves of a tree that have a volume.  values (l,);  low < x ≤ high, bounds of each column (l, columns)."""

    values: Numbers
    low: Numbers
    high: Numbers


def boxes_of(tree: Any, space: Space) -> Boxes:
    """The leaves of a fitted tree of scikit-learn (`tree_`), trained on what `Space.encoded` makes."""
    columns = space.columns
    low, high = np.empty((tree.node_count, columns[-1].stop)), np.empty((tree.node_count, columns[-1].stop))
    for scale, at in zip(space.scales, columns, strict=True):
        ends = scale.ends if scale.is_range else (-1.0, float(len(scale.levels)))
        low[0, at], high[0, at] = ends
    left, right, feature, threshold = tree.children_left, tree.children_right, tree.feature, tree.threshold
    for node in range(tree.node_count):  # a parent comes before its children
        if left[node] < 0:
            continue
        column, cut = feature[node], threshold[node]
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], column] = min(high[node, column], cut)
        low[right[node], column] = max(low[node, column], cut)
    leaf = left < 0
    made = Boxes(tree.value[leaf, 0, 0], low[leaf], high[leaf])
    whole = np.prod([part.volumes for part in _pieces(space, (made,))[0]], axis=0) > 0
    return Boxes(made.values[whole], made.low[whole], made.high[whole])


@dataclass(frozen=True, eq=False)
class _Pieces:
    """An axis in pieces on which trees are constant.  inside (l, pieces): whether a leaf has it;  weights (pieces,)."""

    inside: Numbers
    weights: Numbers
    starts: Numbers  # the coordinate where each piece begins, or its level

    @property
    def volumes(self) -> Numbers:
        return np.asarray(self.inside @ self.weights)


def _pieces(space: Space, trees: Sequence[Boxes]) -> list[list[_Pieces]]:
    """For each tree the pieces of each axis; they are the same of all trees given."""
    found: list[list[_Pieces]] = [[] for _ in trees]
    for scale, at in zip(space.scales, space.columns, strict=True):
        if scale.is_range:
            bounds = [np.asarray(scale.ends), *(b[:, at.start] for tree in trees for b in (tree.low, tree.high))]
            edges = np.unique(np.clip(np.concatenate(bounds), *scale.ends))
            starts, weights = edges[:-1], np.diff(edges) / (edges[-1] - edges[0])
            middles = edges[:-1] + np.diff(edges) / 2
        else:
            starts = middles = np.arange(len(scale.levels), dtype=np.float64)
            weights = np.full(len(scale.levels), 1 / len(scale.levels))
        for tree, own in zip(trees, found, strict=True):
            if scale.kind == "categories":
                may, must = tree.high[:, at] > 1, tree.low[:, at] > 0
                inside = may & ((must.sum(axis=1, keepdims=True) - must) == 0)
            else:
                inside = (tree.low[:, at] < middles) & (middles <= tree.high[:, at])
            own.append(_Pieces(inside.astype(np.float64), weights, starts))
    return found


def _components(tree: Boxes, pieces: Sequence[_Pieces], terms: Sequence[Term]) -> tuple[float, dict[Term, Numbers]]:
    """The mean of a tree, and f_U of each term on the pieces of its axes; a pair needs both of its axes before it."""
    volumes = np.array([part.volumes for part in pieces])  # (axes, l), all above 0
    whole = tree.values * volumes.prod(axis=0)
    mean, found = float(whole.sum()), dict[Term, Numbers]()
    for term in terms:
        if len(term) == 1:
            (j,) = term
            found[term] = (whole / volumes[j]) @ pieces[j].inside - mean
        else:
            i, j = term
            weighted = pieces[i].inside * (whole / volumes[i] / volumes[j])[:, None]
            found[term] = weighted.T @ pieces[j].inside - mean - found[i,][:, None] - found[j,][None, :]
    return mean, found


def cross_components(
    first: Boxes, second: Boxes, space: Space, terms: Sequence[Term]
) -> tuple[float, dict[Term, float]]:
    """(∫ (f − mean f)(g − mean g), term U -> ∫ f_U · g_U) of two trees; of one tree twice they are variances.

    terms: axes alone and pairs of them, a pair after both of its axes.
    """
    mine, others = _pieces(space, (first, second))
    mean, a = _components(first, mine, terms)
    other_mean, b = _components(second, others, terms)
    found = {}
    for term in terms:
        product = a[term] * b[term]
        for j in reversed(term):
            product = product @ mine[j].weights
        found[term] = float(product)
    if second is first:  # its leaves do not overlap
        volumes = np.prod([part.volumes for part in mine], axis=0)
        return float((first.values**2) @ volumes) - mean**2, found
    overlap = np.ones((len(first.values), len(second.values)))
    for own, other in zip(mine, others, strict=True):
        overlap *= (own.inside * own.weights) @ other.inside.T
    return float(first.values @ overlap @ second.values) - mean * other_mean, found


def marginal(tree: Boxes, space: Space, axis: int, at: Numbers) -> Numbers:
    """a_j at coordinates of an axis: the mean of the tree over all other axes."""
    (pieces,) = _pieces(space, (tree,))
    mean, found = _components(tree, pieces, [(axis,)])
    values, starts = found[axis,] + mean, pieces[axis].starts
    return np.asarray(values[np.clip(np.searchsorted(starts, at, side="left") - 1, 0, None)]
                      if space.scales[axis].is_range else values[at.astype(int)])  # fmt: skip
