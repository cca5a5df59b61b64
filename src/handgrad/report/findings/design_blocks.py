"""The part of a design whose effects can be separated: every cell with the same seeds, and of a grid every combination.

    block_of(frame, axes)   DesignBlock: cells × seeds without a gap, and in sentences what was left out
    terms_of(block, order)  Terms: contrasts of main effects and interactions, and in sentences what cannot be separated

Letters: c cells (combinations of values), p axes, n seeds, y (c, n) the values; an axis has k values.

The contrasts Z (k, k − 1) of an axis are orthonormal over its values, ZᵀZ = k·I and 1ᵀZ = 0; those of an interaction
are the products of both.  So the sum of squares of the coefficients of a term is the variance that the term has over
the whole grid, each combination equally likely.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.report.findings.axis_scales import SEED, VALUE, is_missing, ordered_levels
from handgrad.report.findings.wording import enumerated, plural
from handgrad.study.changes import shown
from handgrad.training.run_keys import RunKey, in_order, key_text

if TYPE_CHECKING:
    from pandas import DataFrame

Numbers = NDArray[np.float64]
KEPT = 0.5  # of the runs (by seeds) or of the cells (by values) that a part without gaps must keep to be preferred
SAME = 1e-10  # of the largest eigenvalue of XᵀX: smaller ones are 0 but for rounding
BUNDLED = 8  # values of two axes that vary only together, up to which they are a bundle and not draws of both


@dataclass(frozen=True, eq=False)
class DesignBlock:
    """Cells × seeds without a gap.

    axes: those with two or more values, two that vary only together as one ("lr and batch_size");  levels: of each
    axis; cells (c, p): the position of each cell's values among them;  values (c, n);  left_out: sentences.
    """

    axes: tuple[str, ...]
    levels: tuple[tuple[Hashable, ...], ...]
    cells: NDArray[np.int64]
    seeds: tuple[RunKey, ...]
    values: Numbers
    left_out: tuple[str, ...] = ()


def block_of(frame: "DataFrame", axes: Sequence[str], names: Mapping[str, str] | None = None) -> DesignBlock:
    """The block of a frame with a row a run: columns `axes`, "seed" and "value".

    A cell that misses more than half of the seeds is left out.  Of the gaps that remain, the seeds that some cell
    misses are left out where that keeps two seeds and half of the runs, else the cells.  Of a grid with missing
    combinations, the values that lack most of them are left out where that makes it whole and keeps half of the cells.

    names: axis -> how sentences call it.  Raises InputError where fewer than two cells are left.
    """
    called = {axis: (names or {}).get(axis, axis) for axis in axes}
    said: list[str] = []
    table: dict[tuple[Hashable, ...], dict[RunKey, float]] = {}
    columns = [frame[axis].tolist() for axis in axes]
    silent = 0
    for *key, seed, value in zip(*columns, frame[SEED].tolist(), frame[VALUE].tolist(), strict=True):
        if any(map(is_missing, key)):
            silent += 1
        elif not is_missing(value):
            table.setdefault(tuple(key), {})[seed if isinstance(seed, tuple) else int(seed)] = float(value)
    if silent:
        said.append(f"{plural(silent, 'run')} of settings that do not say every hyperparameter")
    keys, seeds = list(table), in_order({seed for cell in table.values() for seed in cell})
    y = np.array([[table[key].get(seed, np.nan) for seed in seeds] for key in keys]).reshape(len(keys), len(seeds))
    rows, kept = _without_gaps(np.isnan(y))
    said += [_cell_text(keys[i], axes, called, y[i]) for i in np.flatnonzero(~rows)]
    if not kept.all():
        missed = enumerated([key_text(seeds[j]) for j in np.flatnonzero(~kept)])
        said.append(f"{plural(int((~kept).sum()), 'seed')} that some setting has no result of ({missed})")
    keys = [key for key, there in zip(keys, rows, strict=True) if there]
    y = y[rows][:, kept]
    if len(keys) < 2 or not y.shape[1]:
        raise InputError("there are not two settings with results of the same seed: nothing can be compared")
    levels = [ordered_levels(key[j] for key in keys) for j in range(len(axes))]
    said += [f"{called[axis]}, which has one value" for axis, own in zip(axes, levels, strict=True) if len(own) < 2]
    varied = [j for j, own in enumerate(levels) if len(own) > 1]
    if not varied:
        raise InputError("no hyperparameter has two values with results of the same seed: there is no effect")
    places = np.array([[levels[j].index(key[j]) for j in varied] for key in keys], dtype=np.int64)
    block = DesignBlock(
        tuple(called[axes[j]] for j in varied),
        tuple(levels[j] for j in varied),
        places,
        tuple(seed for seed, there in zip(seeds, kept, strict=True) if there),
        y,
        tuple(said),
    )
    block = _bundled(block)
    differences = sum(len(own) - 1 for own in block.levels)
    if differences >= len(block.cells):
        raise InputError(
            f"{len(block.cells)} settings cannot tell {differences} differences between values apart: they are no "
            "grid; run more combinations of their values, or 20 settings or more for a forest"
        )
    return _whole(block)


def _without_gaps(gap: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(cells that stay, seeds that stay), so that no gap is left."""
    rows = gap.mean(axis=1) <= KEPT if gap.size else np.zeros(len(gap), dtype=bool)
    columns = np.ones(gap.shape[1], dtype=bool)
    left = gap[rows]
    if left.any():
        whole = ~left.any(axis=0)
        if whole.sum() >= 2 and whole.mean() >= KEPT:
            columns = whole
        else:
            rows &= ~gap.any(axis=1)
    return rows, columns


def _cell_text(key: Sequence[Hashable], axes: Sequence[str], called: Mapping[str, str], y: Numbers) -> str:
    where = ", ".join(f"{called[axis]} {shown(value)}" for axis, value in zip(axes, key, strict=True))
    return f"{where}, which has results of {int((~np.isnan(y)).sum())} of {len(y)} seeds"


def _bundled(block: DesignBlock) -> DesignBlock:
    """Axes that vary only together, value by value, as one axis: nothing can tell them apart."""
    for i, j in combinations(range(len(block.axes)), 2):
        pairs = set(zip(block.cells[:, i].tolist(), block.cells[:, j].tolist(), strict=True))
        if len(pairs) == len(block.levels[i]) == len(block.levels[j]) <= BUNDLED:
            partner = dict(pairs)
            both = tuple(
                f"{shown(value)} with {shown(block.levels[j][partner[k]])}" for k, value in enumerate(block.levels[i])
            )
            keep = [k for k in range(len(block.axes)) if k != j]
            joint = f"{block.axes[i]} and {block.axes[j]}"
            levels = [both if k == i else block.levels[k] for k in keep]
            said = f"what {block.axes[i]} and {block.axes[j]} do apart: they vary only together, and count as one"
            axes = tuple(joint if k == i else block.axes[k] for k in keep)
            return _bundled(
                replace(
                    block,
                    axes=axes,
                    levels=tuple(levels),
                    cells=block.cells[:, keep],
                    left_out=(*block.left_out, said),
                )
            )
    return block


def _whole(block: DesignBlock) -> DesignBlock:
    """The block without the values that make a grid incomplete; itself where too little would be left."""
    rows, gone = np.ones(len(block.cells), dtype=bool), []
    present = [set(range(len(levels))) for levels in block.levels]
    while rows.sum() < (size := int(np.prod([len(own) for own in present]))):
        missing = {
            (j, v): 1 - (rows & (block.cells[:, j] == v)).sum() / (size / len(own))
            for j, own in enumerate(present)
            for v in own
            if len(own) > 2
        }
        if not missing:
            return block
        j, v = max(missing, key=lambda key: missing[key])
        present[j].discard(v)
        rows &= block.cells[:, j] != v
        gone.append(f"{block.axes[j]} {shown(block.levels[j][v])}, of which some combinations are missing")
        if rows.sum() < KEPT * len(block.cells):
            return block
    if not gone:
        return block
    kept = [sorted(own) for own in present]
    cells = np.array([[kept[j].index(v) for j, v in enumerate(cell)] for cell in block.cells[rows].tolist()])
    levels = tuple(tuple(block.levels[j][v] for v in own) for j, own in enumerate(kept))
    return replace(block, levels=levels, cells=cells, values=block.values[rows], left_out=(*block.left_out, *gone))


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a model whose coefficients a block can tell apart.

    columns: term (positions of its axes) -> its contrasts in each cell (c, df);  refused: sentences.
    """

    columns: Mapping[tuple[int, ...], Numbers]
    refused: tuple[str, ...] = ()

    @property
    def matrix(self) -> Numbers:
        """The intercept and all contrasts (c, 1 + Σ df)."""
        cells = len(next(iter(self.columns.values())))
        return np.hstack([np.ones((cells, 1)), *self.columns.values()])

    def blocks(self) -> dict[tuple[int, ...], slice]:
        """The columns of each term in the matrix."""
        found, at = {}, 1
        for term, columns in self.columns.items():
            found[term] = slice(at, at + columns.shape[1])
            at += columns.shape[1]
        return found


def contrasts(k: int) -> Numbers:
    """(k, k − 1) with ZᵀZ = k·I and 1ᵀZ = 0: of two values, −1 and 1.

    >>> abs(contrasts(2)).ravel().round(12).tolist()
    [1.0, 1.0]
    """
    z = np.zeros((k, k - 1))
    for j in range(1, k):  # Helmert: value j against the mean of those before it
        z[:j, j - 1], z[j, j - 1] = -1.0, j
    return np.asarray(z * np.sqrt(k / (z**2).sum(axis=0)), dtype=np.float64)


def terms_of(block: DesignBlock, order: int = 2) -> Terms:
    """Main effects and, with order 2, the interactions that the block can separate.

    Raises InputError where the main effects cannot be told from each other.
    """
    own = [contrasts(len(levels))[block.cells[:, j]] for j, levels in enumerate(block.levels)]
    columns: dict[tuple[int, ...], Numbers] = {(j,): z for j, z in enumerate(own)}
    main = Terms(columns)
    mixed = [block.axes[j] for (j,) in _not_separable(main)]
    if mixed:
        raise InputError(f"the effects of {enumerated(mixed)} cannot be separated: the settings vary them together")
    if order < 2 or len(own) < 2:
        return main
    lacking = {}
    for i, j in combinations(range(len(own)), 2):
        pairs = set(zip(block.cells[:, i].tolist(), block.cells[:, j].tolist(), strict=True))
        size = len(block.levels[i]) * len(block.levels[j])
        if len(pairs) < size:
            lacking[i, j] = f"{size - len(pairs)} of {size} combinations of their values have no result"
        else:
            columns[i, j] = (own[i][:, :, None] * own[j][:, None, :]).reshape(len(block.cells), -1)
    for pair in _not_separable(Terms(columns)):
        if len(pair) == 2:
            lacking[pair[0], pair[1]] = "with the other effects there are more of them than settings"
            del columns[pair]
    if lacking and not any(len(term) == 2 for term in columns):
        said = "interactions cannot be separated: no two hyperparameters have all combinations of their values"
        return Terms(columns, (f"{said}; shares of the main effects hold if there are none",))
    refused = [
        f"the interaction of {block.axes[i]} and {block.axes[j]} cannot be separated: {why}; other shares hold if "
        "there is none"
        for (i, j), why in lacking.items()
    ]
    return Terms(columns, tuple(refused))


def rank_of(x: Numbers) -> int:
    """The rank of a design, by the eigenvalues of XᵀX: 1,000 cells have 200 columns, and X has a slow decomposition."""
    values = np.linalg.eigvalsh(x.T @ x)
    return int((values > SAME * values[-1]).sum())


def inverse_of(x: Numbers) -> Numbers:
    """X⁺ = (XᵀX)⁺ Xᵀ."""
    return np.asarray(np.linalg.pinv(x.T @ x, rcond=SAME, hermitian=True) @ x.T)


def _not_separable(terms: Terms) -> list[tuple[int, ...]]:
    """The terms of which some contrast is a combination of the other columns."""
    x = terms.matrix
    rank = rank_of(x)
    if rank == x.shape[1]:
        return []
    found = []
    for term, where in terms.blocks().items():
        others = np.delete(x, np.r_[where], axis=1)
        if rank - rank_of(others) < where.stop - where.start:
            found.append(term)
    return found
