"""Results over folds share their training examples: how much less they say than as many independent ones.

Letters: J folds, of all repetitions; S seeds on each; y_j the mean of fold j over its seeds; n₁ examples train and n₂
validate in a fold.

The y_j are not independent: any two folds share most of their training examples, or in two repetitions validation
examples too.  Their variance s² is then smaller than the variance of what it is taken for, and s²/J much smaller than
that of their mean.  Nadeau and Bengio put the correlation of two folds at n₂/(n₁ + n₂), the share that validates:

    var(mean) ≈ s²·(1/J + n₂/n₁)          t = mean / √(s²·(1/J + n₂/n₁)) on J − 1 degrees of freedom

Seeds of one fold share all of their examples, so that they count as one result, their mean; S makes s² smaller.
`benchmarks/folds.py` measures how often equal settings are called different.

Source: Nadeau and Bengio 2003 (Machine Learning 52, 239-281), the corrected resampled t-test, equation 9; its form for
repeated folds: Bouckaert and Frank 2004 (PAKDD, 3-12).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.training.run_keys import RunKey, fold_in, in_order


def variance_factor(n: Any, overlap: float = 0.0) -> Any:
    """1/n + n₂/n₁: what the variance s² of n results is multiplied with for that of their mean.

    n: a whole number, or an array of them.  overlap: n₂/n₁, validation examples by training examples of a fold; 0 for independent results.

    >>> variance_factor(4), variance_factor(5, 1 / 4)  # five folds: 0.2 + 0.25
    (0.25, 0.45)
    """
    return 1 / n + overlap


def has_folds(values: Mapping[RunKey, object]) -> bool:
    """Whether results are those of folds."""
    return any(fold_in(key) is not None for key in values)


def fold_means(values: Mapping[RunKey, float]) -> list[float]:
    """y_j: the mean of each fold over its seeds, in the order of the folds; of seeds alone the values themselves.

    >>> fold_means({(1, 0): 0.5, (1, 1): 0.75, (2, 0): 1.0}), fold_means({3: 0.5, 4: 1.0})
    ([0.625, 1.0], [0.5, 1.0])
    """
    if not has_folds(values):
        return list(values.values())
    keys = in_order(values)
    x = np.array([[values[key] for key in keys]])
    means, _ = by_fold(x, np.ones_like(x, dtype=bool), keys)
    return [float(mean) for mean in means[0]]


def by_fold(
    d: NDArray[np.float64], known: NDArray[np.bool_], keys: list[RunKey]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rows of results (m, len(keys)), of which some are known, as rows of means over the seeds of each fold (m, J), and
    which of these are known; results of seeds alone stay as they are."""
    folds = list(dict.fromkeys(map(fold_in, keys)))
    if folds == [None] or not keys:
        return d, known
    of = np.array([[fold_in(key) == fold for fold in folds] for key in keys], dtype=np.float64)
    counts = known.astype(np.float64) @ of
    return np.where(known, d, 0.0) @ of / np.maximum(counts, 1.0), counts > 0
