"""HandgradClassifier: a network of dense layers as a classifier of scikit-learn, with MLPClassifier's parameters."""

import math
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from handgrad.data.scaling import AS_IT_IS
from handgrad.data.splits import VALIDATION, choose
from handgrad.errors import ParameterError
from handgrad.estimators.fitting import Fit, FitState, Part
from handgrad.estimators.parameters import Parameters, read_parameters
from handgrad.names import listed
from handgrad.network import passes
from handgrad.network.initializers import initialize
from handgrad.network.network import Network
from handgrad.streams import stream
from handgrad.training.model import Model

LEAST_VALIDATION = 2  # examples


class HandgradClassifier(ClassifierMixin, BaseEstimator):
    """A multi-layer perceptron with softmax outputs as scikit-learn's MLPClassifier, trained by handgrad's engine.

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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout

    # -- learning

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from X (n, columns) and labels y (n,), numbers or texts.

        From the start, or with warm_start from the weights of the last fit.  Raises ParameterError (a ValueError) for
        parameters that cannot be, fewer than two classes, or where it diverges.
        """
        again = self.warm_start is True and hasattr(self, "model_")
        x, labels = checked_examples(self, X, y, reset=not again)
        chosen = self._parameters(len(x))
        classes = np.unique(labels)
        if len(classes) < 2:
            raise ParameterError(f"{self._name}: needs at least 2 classes; y has one class, {classes[0]!s}")
        if again:
            if not np.array_equal(classes, self.classes_):
                raise ParameterError(
                    f"{self._name}: warm_start goes on with the classes of the last fit, {listed(self.classes_)}; y "
                    f"has {listed(classes)}. Set warm_start=False to begin anew"
                )
            network, before = self._same_network(chosen, x, classes), self._progress
            progress = FitState(before.params, epoch=before.epoch, step=before.step, seen=before.seen)
            progress.losses, progress.scores = before.losses, before.scores if chosen.early_stopping else []
        else:
            network, progress = self._begin(chosen, x, classes)
        train, validation = self._parts(chosen, x, np.searchsorted(classes, labels))
        epochs = self._train(chosen, Fit(self._name, chosen, network, train, validation, self._seed), progress, classes)
        if epochs == chosen.max_iter and progress.waited <= chosen.patience < math.inf:
            warnings.warn(
                f"{self._name}: all max_iter={epochs} epochs were trained before the "
                f"{'validation score' if chosen.early_stopping else 'loss'} stopped improving; raise max_iter, or set "
                "n_iter_no_change=numpy.inf to train so many epochs without this warning",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """One epoch over X (n, columns) and labels y (n,), from where the last one ended.

        classes: all labels that will ever occur; must be given at the first call.
        """
        first = not hasattr(self, "model_")
        x, labels = checked_examples(self, X, y, reset=first)
        chosen = self._parameters(len(x))
        if chosen.early_stopping:
            raise ParameterError(
                f"{self._name}: partial_fit has no validation part; set early_stopping=False, or use fit"
            )
        if first and classes is None:
            raise ParameterError(f"{self._name}: classes must be given at the first call of partial_fit: all labels")
        known = np.unique(np.asarray(classes)) if classes is not None else self.classes_
        if len(known) < 2:
            raise ParameterError(f"{self._name}: needs at least 2 classes; classes has {len(known)}")
        if not first and not np.array_equal(known, self.classes_):
            raise ParameterError(
                f"{self._name}: classes are those of the first call, {listed(self.classes_)}; got {listed(known)}"
            )
        if len(strange := np.setdiff1d(labels, known)):
            raise ParameterError(f"{self._name}: y has labels that are not in classes: {listed(strange)}")
        if first:
            network, progress = self._begin(chosen, x, known)
        else:
            network, progress = self._same_network(chosen, x, known), self._progress
        part = x, np.searchsorted(known, labels)
        self._train(chosen, Fit(self._name, chosen, network, part, None, self._seed), progress, known, epochs=1)
        return self

    # -- predicting

    def predict(self, X: Any) -> np.ndarray:
        """The label (n,) of the largest output of each example."""
        outputs = self._outputs(X)
        found: np.ndarray = self.classes_[outputs.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, k), in the order of classes_."""
        return self._outputs(X)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities (n, k); −inf where one is 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self._outputs(X)))

    # -- what was learnt

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights W (n_in, n_out) of every dense layer."""
        return self._learnt("W")

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases b (n_out,) of every dense layer."""
        return self._learnt("b")

    def _learnt(self, letter: str) -> list[np.ndarray]:
        if not hasattr(self, "model_"):
            raise AttributeError(f"{self._name} has no weights before fit")
        names = [names[letter] for names in self.model_.network.parameter_names if letter in names]
        return [self.model_.params[name] for name in names]

    # -- inside

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _parameters(self, n: int) -> Parameters:
        return read_parameters(self._name, self.get_params(deep=False), n)

    def _begin(self, chosen: Parameters, x: np.ndarray, classes: np.ndarray) -> tuple[Network, FitState]:
        """The network with its initial weights.  Draws the seed."""
        given = self.random_state
        rng = check_random_state(given)  # refuses what is no seed
        whole = isinstance(given, int | np.integer)
        self._seed = int(given) if whole else int(rng.randint(np.iinfo(np.int32).max))
        network, section = self._network(chosen, x, classes), chosen.setting.network
        params = initialize(network, section.init, section.bias_init, self._seed, chosen.setting.training.dtype)
        return network, FitState(params)

    def _network(self, chosen: Parameters, x: np.ndarray, classes: np.ndarray) -> Network:
        return chosen.setting.network_for(x.shape[1:], len(classes), has_validation=chosen.early_stopping)

    def _same_network(self, chosen: Parameters, x: np.ndarray, classes: np.ndarray) -> Network:
        """The network that the parameters say.  Raises ParameterError where the weights so far are of another one."""
        network, before = self._network(chosen, x, classes), self.model_.network
        if before.parameter_shapes != network.parameter_shapes:
            raise ParameterError(
                f"{self._name}: hidden_layer_sizes={self.hidden_layer_sizes!r} is another network than the weights are "
                f"of ({listed(before.describe())}); call fit with warm_start=False to begin anew"
            )
        return network

    def _parts(self, chosen: Parameters, x: np.ndarray, y: np.ndarray) -> tuple[Part, Part | None]:
        """The training part, and that of early stopping: stratified, drawn with the seed."""
        if not chosen.early_stopping:
            return (x, y), None
        n, m = len(y), math.ceil(chosen.validation_fraction * len(y))
        if m < LEAST_VALIDATION or m >= n:
            raise ParameterError(
                f"{self._name}: validation_fraction={chosen.validation_fraction:g} of {n} examples is {m}; at least "
                f"{LEAST_VALIDATION} must validate and 1 train"
            )
        validation, train = choose(y, np.arange(n), m, True, stream(self._seed, "split", VALIDATION))
        return (x[train], y[train]), (x[validation], y[validation])

    def _train(
        self, chosen: Parameters, fit: Fit, progress: FitState, classes: np.ndarray, *, epochs: int | None = None
    ) -> int:
        """Train up to so many epochs (default max_iter) -> how many it were; what was learnt is then known."""
        done = fit.train(progress, epochs or chosen.max_iter)
        network, self._progress, self.classes_ = fit.job.network, progress, classes
        names = getattr(self, "feature_names_in_", None)
        self.model_ = Model(
            network=network,
            params=progress.params,
            classes=tuple(str(one) for one in self.classes_),
            scaler=AS_IT_IS,
            value_range=None,
            feature_names=None if names is None else tuple(map(str, names)),
        )
        stops = chosen.early_stopping
        self.n_iter_, self.t_ = done, progress.seen
        self.loss_curve_, self.loss_ = progress.losses, progress.losses[-1]
        self.best_loss_ = None if stops else min(progress.losses)
        self.validation_scores_ = progress.scores if stops else None
        self.best_validation_score_ = max(progress.scores) if stops else None
        self.n_layers_, self.n_outputs_ = len(self.coefs_) + 1, network.n_outputs
        self.out_activation_ = network.output
        return done

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        x = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        with np.errstate(all="ignore"):  # what underflows is 0
            return np.asarray(passes.predict(self.model_.network, self.model_.params, x))


def checked_examples(estimator: HandgradClassifier, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
    """X (n, columns) in float32 and labels y (n,), checked as scikit-learn does; reset: their columns are the first."""
    shape = np.asarray(y).shape
    if len(shape) == 2 and shape[1] > 1:
        raise ParameterError(
            f"{type(estimator).__name__}: y should be a 1d array, one label for each example; got the shape {shape}. "
            "Several labels an example (multi-label) are not there yet"
        )
    x, labels = validate_data(estimator, X, y, dtype=np.float32, order="C", reset=reset)
    check_classification_targets(labels)
    return x, labels
