"""scikit-learn's MLPClassifier and MLPRegressor as a network of handgrad, with its weights where it was fitted.

    hidden_layer_sizes      hidden
    activation              activation; "logistic" is sigmoid
    two classes             one sigmoid unit (units = 1), loss binary-cross-entropy
    several classes         softmax, loss cross-entropy
    several labels          sigmoid, loss binary-cross-entropy
    a regressor             identity, loss half-squared-error (of one target)

Both keep W as (n_in, n_out).  Its training (alpha, solver, learning_rate_init, batch_size, max_iter) is in [training].
"""

from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.measures import CLASSIFICATION, MULTI_LABEL, REGRESSION
from handgrad.names import shown
from handgrad.training.exchange.chain import Chain
from handgrad.training.exchange.imported import ImportedNetwork

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu", "softmax": "softmax"}


def from_sklearn(mlp: Any) -> ImportedNetwork:
    """The network of an MLPClassifier or MLPRegressor, and its weights where it was fitted.

    `.table` is the [network] table of a setting, `.model` predicts as `mlp` does (class names included).
    What was not fitted knows neither columns nor classes, so `.network` is None then, and a classifier is taken for one
    of several classes.  Raises InputError where it is something else.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if not isinstance(mlp, MLPClassifier | MLPRegressor):
        inside = " (of a pipeline or a search give its last step, best_estimator_ …)" if hasattr(mlp, "fit") else ""
        raise InputError(f"mlp must be a scikit-learn MLPClassifier or MLPRegressor; got {shown(mlp)}{inside}")
    source = f"scikit-learn's {'MLPClassifier' if isinstance(mlp, MLPClassifier) else 'MLPRegressor'}"
    sizes, activation = mlp.hidden_layer_sizes, mlp.activation
    hidden: list[Any] = [sizes] if np.isscalar(sizes) else list(sizes)
    if activation not in ACTIVATIONS or not all(isinstance(n, int | np.integer) and n > 0 for n in hidden):
        raise InputError(
            f"{source}: hidden_layer_sizes must be whole numbers, and activation identity, logistic, tanh or relu; "
            f"got {shown(sizes)}, {shown(activation)}"
        )
    fitted, classifies = hasattr(mlp, "coefs_"), isinstance(mlp, MLPClassifier)
    output = mlp.out_activation_ if fitted else "softmax" if classifies else "identity"
    if getattr(mlp, "loss", None) == "poisson" or output not in ACTIVATIONS:
        raise InputError(f"{source}: loss = 'poisson' has an exponential output, which handgrad lacks")
    chain = Chain(source, (int(mlp.n_features_in_),) if fitted else (1,))
    units = [*hidden, mlp.n_outputs_ if fitted else 2]
    for i, n in enumerate(units):
        W, b = (mlp.coefs_[i], mlp.intercepts_[i]) if fitted else (None, None)
        chain.dense(f"layer {i + 1}", None, int(n), W, b)
        chain.activation(f"layer {i + 1}", ACTIVATIONS[output if i == len(hidden) else activation])
    classes = [str(one) for one in mlp.classes_] if fitted and classifies else None
    labels = classifies and output == "logistic" and mlp.n_outputs_ > 1
    task = MULTI_LABEL if labels else CLASSIFICATION if classifies else REGRESSION
    found = chain.finished(classes, task, weights=fitted)
    return found if fitted else replace(found, network=None)
