"""Every kernel of the compiled engine by name: the code that stands for it, and the reference that it is the twin of.

The codes are written down, so a record that is added to a public table neither shifts nor takes the code of another.
A name has a kernel only while its public record is the reference written here (`training.support`): a tanh that was
replaced by another function has none.  Nothing here needs Numba.
"""

from dataclasses import dataclass
from typing import Any

from handgrad.network import activations, losses
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.convolution import Conv
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.flatten import Flatten
from handgrad.network.pooling import AveragePool, MaxPool
from handgrad.training import optimizers


@dataclass(frozen=True)
class Twin:
    """code: the whole number that stands for a kernel.  reference: the reference's forward function, or its class."""

    code: int
    reference: Any


ACTIVATIONS: dict[str, Twin] = {
    "identity": Twin(0, activations.identity_forward),
    "sigmoid": Twin(1, activations.sigmoid_forward),
    "tanh": Twin(2, activations.tanh_forward),
    "relu": Twin(3, activations.relu_forward),
    "leaky-relu": Twin(4, activations.leaky_relu_forward),
    "softmax": Twin(5, activations.softmax_forward),
    "log-softmax": Twin(6, activations.log_softmax_forward),
}

LOSSES: dict[str, Twin] = {
    "squared-error": Twin(0, losses.squared_error_forward),
    "half-squared-error": Twin(1, losses.half_squared_error_forward),
    "mean-squared-error": Twin(2, losses.mean_squared_error_forward),
    "absolute-error": Twin(3, losses.absolute_error_forward),
    "cross-entropy": Twin(4, losses.cross_entropy_forward),
    "binary-cross-entropy": Twin(5, losses.binary_cross_entropy_forward),
    "nll": Twin(6, losses.nll_forward),
    "multi-margin": Twin(7, losses.multi_margin_forward),
    "huber": Twin(8, losses.huber_forward),
}

OPTIMIZERS: dict[str, Twin] = {
    "sgd": Twin(0, optimizers.SGD),
    "momentum": Twin(1, optimizers.Momentum),
    "nesterov": Twin(2, optimizers.Nesterov),
    "adagrad": Twin(3, optimizers.AdaGrad),
    "rmsprop": Twin(4, optimizers.RMSProp),
    "adam": Twin(5, optimizers.Adam),
    "adamw": Twin(6, optimizers.AdamW),
}

LAYERS: dict[str, Twin] = {
    "dense": Twin(0, Dense),
    "dropout": Twin(1, Dropout),
    "conv": Twin(2, Conv),
    "max-pool": Twin(3, MaxPool),
    "average-pool": Twin(4, AveragePool),
    "flatten": Twin(5, Flatten),
    "batch-norm": Twin(6, BatchNorm),
}

# What a slip makes of the gradient of a layer's biases, by code; 0 stands for the right one.
BIAS_GRADIENTS = {"bias-gradient-summed-over-units": 1, "bias-gradient-not-averaged": 2}

# Where a slip takes the derivative of an activation, or that it does so twice, by code; 0 stands for the right way.
DERIVATIVES = {"activation-derivative-at-a": 1, "activation-derivative-at-z": 2, "activation-derivative-twice": 3}

# The slips of a step or of a score that kernels can make: by a number that is another (`compiled.slip_numbers`).
SLIPS = frozenset(
    {
        *BIAS_GRADIENTS,
        *DERIVATIVES,
        "softmax-gradient-diagonal",
        "activation-derivative-missing",
        "relu-derivative-one",
        "gradient-summed",
        "gradient-averaged-twice",
        "gradient-doubled",
        "gradient-halved",
        "momentum-sign",
        "l2-without-learning-rate",
        "l2-on-biases",
        "biases-not-updated",
        "dropout-not-rescaled",
        "dropout-same-mask-for-all",
        "dropout-while-scoring",
    }
)


TABLES = {"layer": LAYERS, "activation": ACTIVATIONS, "loss": LOSSES, "optimizer": OPTIMIZERS}


def code_of(kind: str, name: str) -> int:
    """The code of `name`, one of TABLES[kind]; `support.check_supported` has refused by name what has none.

    >>> code_of("activation", "tanh")
    2
    """
    return TABLES[kind][name].code
