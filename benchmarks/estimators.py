"""HandgradClassifier and HandgradRegressor beside scikit-learn's own: held-out scores over seeds, and seconds of a fit.

    python benchmarks/estimators.py [--seeds 10] [--only digits]

Each seed draws a split of its own (a fifth is held out) and is random_state of both.  Columns are standardized.  A line
has mean and standard deviation over the seeds of both scores, the mean of their differences with its 95 % interval
(Student's t over the seeds, of one data set: whether they differ beyond the noise of fits and splits), the median
seconds of a fit and their ratio.  Both are fitted in turn, in one process with one BLAS thread; everything but what a
line names has scikit-learn's default.  The last line is a grid search of 24 fits by two processes.
"""

import argparse
import statistics
import time
import warnings
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler, scale
from threadpoolctl import threadpool_limits

import handgrad as hg

CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("iris", datasets.load_iris, {}),
    ("breast cancer", datasets.load_breast_cancer, {}),
    ("digits", datasets.load_digits, {}),
    ("digits, early stopping", datasets.load_digits, {"early_stopping": True}),
    ("digits, sgd, 2 × 50", datasets.load_digits, {"solver": "sgd", "hidden_layer_sizes": (50, 50)}),
    ("digits, batches of 20", datasets.load_digits, {"batch_size": 20, "max_iter": 30}),
    ("diabetes", datasets.load_diabetes, {}),
]


def fitted(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[Any, float]:
    """(the estimator, seconds)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the default of 200 epochs is often too few, for both
        start = time.perf_counter()
        estimator.fit(x, y)
        return estimator, time.perf_counter() - start


def compared(name: str, load: Any, parameters: dict[str, Any], seeds: int) -> str:
    """The line of a data set."""
    X, y = load(return_X_y=True)
    regression = load is datasets.load_diabetes
    y = scale(y) if regression else y
    pair = (hg.HandgradRegressor, MLPRegressor) if regression else (hg.HandgradClassifier, MLPClassifier)
    scores, seconds = np.zeros((2, seeds)), np.zeros((2, seeds))
    for seed in range(seeds):
        stratify = None if regression else y
        x, x_held, t, t_held = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=stratify)
        scaler = StandardScaler().fit(x)
        x, x_held = scaler.transform(x), scaler.transform(x_held)
        for i, kind in enumerate(pair):
            found, seconds[i, seed] = fitted(kind(**parameters, random_state=seed), x, t)
            scores[i, seed] = found.score(x_held, t_held)
    difference = scores[0] - scores[1]
    half = stats.t.ppf(0.975, seeds - 1) * difference.std(ddof=1) / np.sqrt(seeds)
    both = [f"{one.mean():.4f} ± {one.std(ddof=1):.4f}" for one in scores]
    times = [statistics.median(one) for one in seconds]
    return (
        f"{name:24s} {both[0]:>16s} {both[1]:>16s}  {difference.mean():+.4f} ± {half:.4f}"
        f" {times[0]:9.3f} {times[1]:9.3f} {times[1] / times[0]:7.1f}"
    )


def searched(processes: int) -> str:
    """The line of a grid search."""
    X, y = datasets.load_digits(return_X_y=True)
    grid = {"alpha": [0.0001, 0.01], "hidden_layer_sizes": [(50,), (100,)], "learning_rate_init": [0.001, 0.01]}
    seconds = []
    for kind in (hg.HandgradClassifier, MLPClassifier):
        search = GridSearchCV(clone(kind(random_state=0)), grid, cv=3, n_jobs=processes)
        seconds.append(fitted(search, scale(X), y)[1])
    names = f"GridSearchCV, n_jobs={processes}"
    return f"{names:78s} {seconds[0]:9.3f} {seconds[1]:9.3f} {seconds[1] / seconds[0]:7.1f}"


def main() -> None:
    """Print a line for each case, as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default="", help="cases whose names begin so")
    options = parser.parse_args()
    hg.HandgradClassifier(max_iter=1, n_iter_no_change=np.inf).fit([[0.0], [1.0]], [0, 1])  # kernels are loaded
    print(f"{'':24s} {'handgrad':>16s} {'scikit-learn':>16s}  {'difference':16s} {'s':>9s} {'s':>9s} {'ratio':>7s}")
    with threadpool_limits(1):
        for name, load, parameters in CASES:
            if name.startswith(options.only):
                print(compared(name, load, parameters, options.seeds), flush=True)
    if not options.only:
        print(searched(2))


if __name__ == "__main__":
    main()
