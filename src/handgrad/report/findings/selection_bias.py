"""By how much choosing the best on the numbers shown flatters it (the winner's curse).

The best of many means is partly the luckiest.  Each seed is left out once: the best is chosen on the others and scored
on the one left out, which had no say (cross-validation of the choice; Stone 1974; Cawley and Talbot 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class SelectionBias:
    """How the best looks, and how what is chosen without a seed does on it.

    shown: the best mean;  left_out: the mean of what was chosen without a seed, on that seed
    bias: shown − left_out, positive where the choice flatters, whether higher or lower is better
    seeds: that were left out;  same: how many of these choices were the setting that is shown
    """

    shown: float
    left_out: float
    bias: float
    seeds: int
    same: int


def selection_bias(values: ArrayLike, higher: bool = True, groups: Sequence[int] | None = None) -> SelectionBias | None:
    """Leave one seed out.  values (k, n): settings × seeds, NaN where there is none.

    Chosen is the best mean among the settings with the fewest missing values; seeds on which the choice has no value
    are left out of both means.  None where nothing is chosen: fewer than two settings or two seeds with values.

    groups (n,): a column is chosen for by the other columns of its group alone.  A fold has all of its examples in the
    folds of another division as well, which would choose by them.

    The choice without a seed is made on n − 1 seeds: what it estimates is the bias of a choice by as many.

    >>> found = selection_bias([[0.9, 0.7, 0.8], [0.8, 0.8, 0.79]])
    >>> round(found.shown, 3), round(found.left_out, 3), found.same  # chosen without each seed: second, first, first
    (0.8, 0.767, 2)
    """
    x = np.asarray(values, dtype=np.float64) * (1.0 if higher else -1.0)
    x = np.where(np.isfinite(x), x, np.nan)
    if x.ndim != 2 or x.shape[0] < 2 or np.isfinite(x).any(axis=0).sum() < 2 or np.isfinite(x).any(axis=1).sum() < 2:
        return None
    best, of = _chosen(x), np.zeros(x.shape[1]) if groups is None else np.asarray(groups)
    shown, left_out, same = [], [], 0
    for seed in range(x.shape[1]):
        chosen = _chosen(x[:, (of == of[seed]) & (np.arange(len(of)) != seed)])
        if chosen is None or best is None or not np.isfinite(x[[chosen, best], seed]).all():
            continue
        shown.append(x[best, seed])
        left_out.append(x[chosen, seed])
        same += chosen == best
    if not shown:
        return None
    sign = 1.0 if higher else -1.0
    a, b = float(np.mean(shown)), float(np.mean(left_out))
    return SelectionBias(sign * a, sign * b, a - b, len(shown), same)


def _chosen(x: NDArray[np.float64]) -> int | None:
    known = np.isfinite(x)
    n = known.sum(axis=1)
    if not n.any():
        return None
    mean = np.where(known, x, 0.0).sum(axis=1) / np.maximum(n, 1)
    return int(np.argmax(np.where(n == n.max(), mean, -np.inf)))
