"""Perceptron: what HandgradClassifier and HandgradRegressor have in common, all but their targets."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from handgrad.data.scaling import AS_IT_IS
from handgrad.data.splits import VALIDATION, choose
from handgrad.errors import ParameterError
from handgrad.estimators.fitting import Fit, FitState, Part
from handgrad.estimators.parameters import Kind, Parameters, read_parameters
from handgrad.measures import CLASSIFICATION
from handgrad.names import listed, shown
from handgrad.network import passes
from handgrad.network.initializers import initialize
from handgrad.network.network import Network
from handgrad.streams import stream
from handgrad.training.model import Model

LEAST_VALIDATION = 2  # examples


@dataclass(frozen=True)
class Targets:
    """What is learnt of examples.  y: (n,) numbers of classes, or (n, k) targets;  names: of classes or targets."""

    kind: Kind
    y: np.ndarray
    names: tuple[str, ...]


class Perceptron(BaseEstimator):
    """Dense layers trained by handgrad's engine.  Parameters have the names, meanings and defaults of MLPClassifier."""

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

    @property
    def _goes_on(self) -> bool:
        """Whether `fit` starts from the weights of the last one."""
        return self.warm_start is True and hasattr(self, "model_")

    def _fit(self, x: np.ndarray, targets: Targets) -> None:
        """Learn up to max_iter epochs, anew or from the weights of the last fit."""
        chosen = self._parameters(len(x), targets.kind)
        if self._goes_on:
            network, before = self._same_network(chosen, x, targets), self._state
            state = FitState(before.params, epoch=before.epoch, step=before.step, seen=before.seen)
            state.losses, state.scores = before.losses, before.scores if chosen.early_stopping else []
        else:
            network, state = self._begin(chosen, x, targets)
        train, validation = self._parts(chosen, x, targets.y)
        fit = Fit(self._name, chosen, network, train, validation, self._seed)
        epochs = self._train(chosen, fit, state, targets, chosen.max_iter)
        if epochs == chosen.max_iter and state.waited <= chosen.patience < math.inf:
            warnings.warn(
                f"{self._name}: all max_iter={epochs} epochs were trained before the "
                f"{'validation score' if chosen.early_stopping else 'loss'} stopped improving; raise max_iter, or set "
                "n_iter_no_change=numpy.inf to train so many epochs without this warning",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _fit_epoch(self, x: np.ndarray, targets: Targets) -> None:
        """Learn one epoch, from where the last one ended."""
        chosen = self._parameters(len(x), targets.kind)
        if chosen.early_stopping:
            raise ParameterError(
                f"{self._name}: partial_fit has no validation part; set early_stopping=False, or use fit"
            )
        if hasattr(self, "model_"):
            network, state = self._same_network(chosen, x, targets), self._state
        else:
            network, state = self._begin(chosen, x, targets)
        self._train(chosen, Fit(self._name, chosen, network, (x, targets.y), None, self._seed), state, targets, 1)

    def _parameters(self, n: int, kind: Kind) -> Parameters:
        return read_parameters(self._name, self.get_params(deep=False), n, kind)

    def _begin(self, chosen: Parameters, x: np.ndarray, targets: Targets) -> tuple[Network, FitState]:
        """The network with its initial weights.  Draws the seed."""
        given = self.random_state
        try:
            rng = check_random_state(given)
        except ValueError:
            raise ParameterError(
                f"{self._name}: random_state must be a whole number from 0 to 2^32 − 1, a RandomState or None; got "
                f"{shown(given)}"
            ) from None
        whole = isinstance(given, int | np.integer)
        self._seed = int(given) if whole else int(rng.randint(np.iinfo(np.int32).max))
        network, section = self._network(chosen, x, targets), chosen.setting.network
        params = initialize(network, section.init, section.bias_init, self._seed, chosen.setting.training.dtype)
        return network, FitState(params)

    def _network(self, chosen: Parameters, x: np.ndarray, targets: Targets) -> Network:
        return chosen.setting.network_for(x.shape[1:], len(targets.names), has_validation=chosen.early_stopping)

    def _same_network(self, chosen: Parameters, x: np.ndarray, targets: Targets) -> Network:
        """The network that the parameters say.  Raises ParameterError where the weights so far are of another one."""
        network, before = self._network(chosen, x, targets), self.model_
        same = before.classes == targets.names or (
            before.task != CLASSIFICATION and len(before.classes) == len(targets.names)
        )
        if before.task != targets.kind.task or not same:
            raise ParameterError(
                f"{self._name}: goes on with the targets of the first fit, {listed(before.classes)}; y has "
                f"{listed(targets.names)}. To begin anew, call fit with warm_start=False"
            )
        if before.network.parameter_shapes != network.parameter_shapes:
            raise ParameterError(
                f"{self._name}: hidden_layer_sizes={self.hidden_layer_sizes!r} is another network than the weights are "
                f"of ({listed(before.network.describe())}). To begin anew, call fit with warm_start=False"
            )
        return network

    def _parts(self, chosen: Parameters, x: np.ndarray, y: np.ndarray) -> tuple[Part, Part | None]:
        """The training part, and that of early stopping: drawn with the seed, of classes stratified."""
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

    def _train(self, chosen: Parameters, fit: Fit, state: FitState, targets: Targets, epochs: int) -> int:
        """Train up to so many epochs -> how many it were; what was learnt is then known."""
        done = fit.train(state, epochs)
        network, self._state = fit.job.network, state
        names = getattr(self, "feature_names_in_", None)
        self.model_ = Model(
            network=network,
            params=state.params,
            classes=targets.names,
            scaler=AS_IT_IS,
            value_range=None,
            feature_names=None if names is None else tuple(map(str, names)),
            task=targets.kind.task,
        )
        stops = chosen.early_stopping
        self.n_iter_, self.t_ = done, state.seen
        self.loss_curve_, self.loss_ = state.losses, state.losses[-1]
        self.best_loss_ = None if stops else min(state.losses)
        self.validation_scores_ = state.scores if stops else None
        self.best_validation_score_ = max(state.scores) if stops else None
        self.n_layers_, self.n_outputs_ = len(self.coefs_) + 1, network.n_outputs
        self.out_activation_ = {"sigmoid": "logistic"}.get(network.output, network.output)
        return done

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

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _outputs(self, X: Any) -> np.ndarray:
        """Outputs of the network (n, k), float64 as scikit-learn has them.

        Products of matrices round by their shapes, so the others that an example comes with change its last places:
        1e-15 of it, where float32 would make it 1e-7.
        """
        check_is_fitted(self, "model_")
        with np.errstate(all="ignore"):  # what underflows is 0, and what is too large is refused by its name
            x = validate_data(self, X, dtype=np.float32, order="C", reset=False)
            params = {name: array.astype(np.float64) for name, array in self.model_.params.items()}
            return np.asarray(passes.predict(self.model_.network, params, x))  # a chunk of x at a time becomes float64
