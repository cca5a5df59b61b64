"""HandgradRegressor: a network of dense layers as a regressor of scikit-learn, with MLPRegressor's parameters."""

import math
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d, validate_data

from handgrad.data.datasets import columns_of
from handgrad.errors import ParameterError
from handgrad.estimators.parameters import NUMBERS
from handgrad.estimators.perceptron import Perceptron, Targets

LARGEST = math.sqrt(float(np.finfo(np.float32).max))  # of the targets: their squares are in the loss


class HandgradRegressor(RegressorMixin, Perceptron):
    """A multi-layer perceptron for numbers as scikit-learn's MLPRegressor, trained by handgrad's engine.

    Parameters and what there is after `fit` are as of HandgradClassifier; loss is "squared_error", that is ½(a − y)²,
    "absolute_error" or "huber" (δ = 1).  X (n, columns) and y (n,) or (n, k) are taken as they are, in float32: bring y
    to the size of 1, as TransformedTargetRegressor does.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = HandgradRegressor(learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y / 100)
    >>> round(float(regressor.score(X, y / 100)), 1)
    0.6
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: str = "squared_error",
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            dropout=dropout,
        )
        self.loss = loss

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from X (n, columns) and numbers y (n,) or (n, k).

        From the start, or with warm_start from the weights of the last fit.  Raises ParameterError (a ValueError) for
        parameters that cannot be, or where it diverges.
        """
        self._fit(*checked_numbers(self, X, y, reset=not self._goes_on))
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """One epoch over X (n, columns) and numbers y (n,) or (n, k), from where the last one ended."""
        self._fit_epoch(*checked_numbers(self, X, y, reset=not hasattr(self, "model_")))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The numbers (n,) of each example, (n, k) where there are several."""
        outputs = self._outputs(X)
        return self.model_.decide(outputs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def checked_numbers(estimator: HandgradRegressor, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, Targets]:
    """X (n, columns) in float32 and targets y (n, k), checked as scikit-learn does.  reset: X names the columns."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large for float32 is refused by its name
        x, values = validate_data(
            estimator, X, y, dtype=np.float32, order="C", multi_output=True, y_numeric=True, reset=reset
        )
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    targets = values.astype(np.float64).reshape(len(x), -1)
    if (largest := float(np.abs(targets).max(initial=0))) > LARGEST:
        raise ParameterError(
            f"{type(estimator).__name__}: y has numbers as large as {largest:.3g}, whose squares float32 cannot hold; "
            "bring y to the size of 1, as TransformedTargetRegressor does"
        )
    k = targets.shape[1]
    names = columns_of(y) or (["target"] if k == 1 else [f"target {j + 1}" for j in range(k)])
    return x, Targets(NUMBERS, targets, tuple(names))
