"""scikit-learn's MLPClassifier as a network of handgrad, with its weights where it was fitted.

    hidden_layer_sizes      hidden
    activation              activation; "logistic" is sigmoid
    two classes             one sigmoid unit there; here two softmax units with −w/2 and w/2: the same probabilities
    several classes         softmax
    several labels          sigmoid

Both keep W as (n_in, n_out).  Its training (alpha, solver, learning_rate_init, batch_size, max_iter) is in [training].
"""

from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.names import shown
from handgrad.training.exchange.chain import Chain
from handgrad.training.exchange.imported import ImportedNetwork

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu", "softmax": "softmax"}
SOURCE = "scikit-learn's MLPClassifier"
TWO = (
    "one sigmoid unit for two classes is here two softmax units, with −w/2 and w/2: the same probabilities, "
    "and in training two rows of weights in place of one"
)


def from_sklearn(mlp: Any) -> ImportedNetwork:
    """The network of an MLPClassifier, and its weights where it was fitted.

    `.table` is the [network] table of a setting, `.model` predicts as the classifier does (class names included).
    A classifier that was not fitted knows neither columns nor classes, so `.network` is None then.
    Raises InputError where it is something else.
    """
    from sklearn.neural_network import MLPClassifier

    if not isinstance(mlp, MLPClassifier):
        inside = " (of a pipeline or a search give its last step, best_estimator_ …)" if hasattr(mlp, "fit") else ""
        raise InputError(f"mlp must be a scikit-learn MLPClassifier; got {shown(mlp)}{inside}")
    sizes, activation = mlp.hidden_layer_sizes, mlp.activation
    hidden: list[Any] = [sizes] if np.isscalar(sizes) else list(sizes)
    if activation not in ACTIVATIONS or not all(isinstance(n, int | np.integer) and n > 0 for n in hidden):
        raise InputError(
            f"{SOURCE}: hidden_layer_sizes must be whole numbers, and activation identity, logistic, tanh or relu; "
            f"got {shown(sizes)}, {shown(activation)}"
        )
    fitted = hasattr(mlp, "coefs_")
    chain = Chain(SOURCE, (int(mlp.n_features_in_),) if fitted else (1,))
    weights: list[tuple[Any, Any]] = _weights(mlp, chain) if fitted else [(None, None)] * (len(hidden) + 1)
    units = [W.shape[1] for W, _ in weights] if fitted else [*hidden, 2]
    for i, (W, b) in enumerate(weights):
        last = i == len(weights) - 1
        chain.dense(f"layer {i + 1}", None, int(units[i]), W, b)
        chain.activation(f"layer {i + 1}", _output(mlp, fitted) if last else ACTIVATIONS[activation])
    classes = [str(one) for one in mlp.classes_] if fitted else None
    found = chain.finished(classes, weights=fitted)
    return found if fitted else replace(found, network=None)


def _output(mlp: Any, fitted: bool) -> str:
    if not fitted or mlp.n_outputs_ == 1:
        return "softmax"
    return ACTIVATIONS[mlp.out_activation_]


def _weights(mlp: Any, chain: Chain) -> list[tuple[Any, Any]]:
    found = list(zip(mlp.coefs_, mlp.intercepts_, strict=True))
    if mlp.n_outputs_ == 1:
        W, b = found[-1]
        found[-1] = np.hstack([-W / 2, W / 2]), np.concatenate([-b / 2, b / 2])
        chain.note(TWO)
    return found
