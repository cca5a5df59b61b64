"""HandgradClassifier: a network of dense layers as a classifier of scikit-learn, with MLPClassifier's parameters."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from handgrad.data.datasets import columns_of
from handgrad.errors import ParameterError
from handgrad.estimators.parameters import CLASSES, LABELS, TWO_CLASSES
from handgrad.estimators.perceptron import Perceptron, Targets
from handgrad.names import listed


class HandgradClassifier(ClassifierMixin, Perceptron):
    """A multi-layer perceptron for classes or labels as scikit-learn's MLPClassifier, trained by handgrad's engine.

    Parameters have the names, meanings and defaults of MLPClassifier; what differs is listed in docs/python.md.
    `solver`, `activation` and `learning_rate` also take the names of handgrad's tables (solver "rmsprop", activation
    "leaky-relu", learning_rate "cosine"), `dropout` is the rate after every hidden layer, `batch_size` may be "full",
    and n_iter_no_change = infinity trains all max_iter epochs.  X: (n, columns), taken as it is, in float32.

    After `fit`: classes_, n_features_in_, feature_names_in_ (of a frame), loss_curve_, loss_, best_loss_, n_iter_, t_,
    validation_scores_ and best_validation_score_ (with early_stopping; else None), coefs_, intercepts_, n_layers_,
    n_outputs_, out_activation_, and model_: the trained network as handgrad's `Model`.

    An int as random_state is the seed of handgrad: the same initial weights, orders and dropout masks as of a run with
    that seed, and the same bits at every fit.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = HandgradClassifier(learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
    >>> round(float(classifier.score(X, y)), 1)
    1.0
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
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

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from X (n, columns) and labels y: (n,), numbers or texts, or (n, k) of 0 and 1 for each of k labels.

        From the start, or with warm_start from the weights of the last fit.  Raises ParameterError (a ValueError) for
        parameters that cannot be, fewer than two classes, or where it diverges.
        """
        x, labels = checked_examples(self, X, y, reset=not self._goes_on)
        classes, targets = targets_of(type(self).__name__, labels, names=columns_of(y))
        self._fit(x, targets)
        self.classes_ = classes
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """One epoch over X (n, columns) and labels y (n,) or (n, k), from where the last one ended.

        classes: all labels that will ever occur; must be given at the first call (of several labels: 0 to k-1).
        """
        name, first = type(self).__name__, not hasattr(self, "model_")
        x, labels = checked_examples(self, X, y, reset=first)
        if first and classes is None:
            raise ParameterError(f"{name}: classes must be given at the first call of partial_fit: all labels")
        known = np.unique(np.asarray(classes)) if classes is not None else self.classes_
        if not first and not np.array_equal(known, self.classes_):
            raise ParameterError(
                f"{name}: classes are those of the first call, {listed(self.classes_)}; got {listed(known)}"
            )
        found, targets = targets_of(name, labels, known, names=columns_of(y))
        self._fit_epoch(x, targets)
        self.classes_ = found
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The label (n,) of each example; of several labels (n, k) of 0 and 1."""
        outputs = self._outputs(X)
        told = self.model_.decide(outputs)
        found: np.ndarray = told if told.ndim == 2 else self.classes_[told]
        return found

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, k), in the order of classes_; of several labels, the probability of each."""
        outputs = self._outputs(X)
        return self.model_.per_class(outputs)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities (n, k); −inf where one is 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def checked_examples(estimator: HandgradClassifier, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
    """X (n, columns) in float32 and labels y (n,) or (n, k), as scikit-learn checks them; reset: X names columns."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large for float32 is refused by its name
        x, labels = validate_data(estimator, X, y, dtype=np.float32, order="C", multi_output=True, reset=reset)
    labels = labels.toarray() if hasattr(labels, "toarray") else labels
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = column_or_1d(labels, warn=True)
    check_classification_targets(labels)
    if type_of_target(labels) == "multiclass-multioutput":
        raise ParameterError(
            f"{type(estimator).__name__}: y has {labels.shape[1]} columns of classes; it should be a 1d array of one "
            "class an example, or (n, k) of 0 and 1, whether an example has each of k labels"
        )
    return x, labels


def targets_of(
    name: str, labels: np.ndarray, known: np.ndarray | None = None, *, names: Sequence[str] | None = None
) -> tuple[np.ndarray, Targets]:
    """The classes, and what is learnt of labels (n,) or (n, k).

    known: the classes; None: those that occur;  names: of the columns of several labels.
    """
    if labels.ndim == 2:
        k = labels.shape[1]
        if known is not None and not np.array_equal(known, np.arange(k)):
            raise ParameterError(f"{name}: classes of {k} labels are 0 to {k - 1}; got {listed(known)}")
        return np.arange(k), Targets(LABELS, labels.astype(np.float64), tuple(names or map(str, range(k))))
    classes = np.unique(labels) if known is None else known
    if len(classes) < 2:
        raise ParameterError(f"{name}: needs at least 2 classes; got one class, {classes[0]!s}")
    if len(strange := np.setdiff1d(labels, classes)):
        raise ParameterError(f"{name}: y has labels that are not in classes: {listed(strange)}")
    kind = TWO_CLASSES if len(classes) == 2 else CLASSES
    return classes, Targets(kind, np.searchsorted(classes, labels), tuple(map(str, classes)))
