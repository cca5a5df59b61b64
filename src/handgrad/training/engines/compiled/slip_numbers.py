"""Slips as numbers: what the slips of a setting change in the tables, constants and rates that kernels work by.

No kernel knows a slip by its name.  Without slips every number here is what it would be if there were none.
"""

from collections.abc import Sequence

import numpy as np

from handgrad.training import twins
from handgrad.training.engines.compiled.kernels import constants as c
from handgrad.training.gradient_slips import CURVED
from handgrad.training.training_section import TrainingSection


def derivative_code(activation: str, slips: Sequence[str]) -> int:
    """The code of the activation whose derivative is taken behind `activation`: its own, but for slips.

    The diagonal of softmax's Jacobian, a·(1 − a), is the derivative of sigmoid; a derivative of 1 is that of identity.

    >>> derivative_code("softmax", ["softmax-gradient-diagonal"]) == twins.code_of("activation", "sigmoid")
    True
    """
    if "softmax-gradient-diagonal" in slips and activation == "softmax":
        activation = "sigmoid"
    if "activation-derivative-missing" in slips or ("relu-derivative-one" in slips and activation == "relu"):
        activation = "identity"
    return twins.code_of("activation", activation)


def derivative_way(activation: str, slips: Sequence[str]) -> int:
    """How the derivative behind `activation` is taken, by the codes of `twins.DERIVATIVES`: 0, but for slips.

    >>> derivative_way("tanh", ["activation-derivative-twice"]), derivative_way("relu", ["activation-derivative-twice"])
    (3, 0)
    """
    return next((way for name, way in twins.DERIVATIVES.items() if name in slips and activation in CURVED), 0)


def set_constants(constants: np.ndarray, training: TrainingSection) -> None:
    """The constants that slips of training change (those of scoring are set where a part is scored)."""
    slips = training.slips
    constants[c.AVERAGED] = constants[c.MEAN] + ("gradient-averaged-twice" in slips) - ("gradient-summed" in slips)
    constants[c.BIAS_GRADIENT] = next((code for name, code in twins.BIAS_GRADIENTS.items() if name in slips), 0)
    constants[c.DECAYED], constants[c.FIXED] = "l2-on-biases" in slips, "biases-not-updated" in slips
    constants[c.ASIDE] = constants[[c.BIAS_GRADIENT, c.DECAYED, c.FIXED]].any()
    constants[c.BESIDE] = "l2-without-learning-rate" in slips
    constants[c.SHARED] = "dropout-same-mask-for-all" in slips


def set_rates(rates: np.ndarray, slips: Sequence[str]) -> None:
    """The rates that slips change: v ← dw − μ·v is momentum with −μ."""
    if "momentum-sign" in slips:
        rates[c.RATE_MU] *= -1
    rates[c.FACTOR] = 2.0 if "gradient-doubled" in slips else 0.5 if "gradient-halved" in slips else 1.0


def kept_in_training(kept: np.ndarray, slips: Sequence[str]) -> np.ndarray:
    """1/(1 − rate) of every dropout layer, or the 1 of a mask that is not rescaled."""
    return np.ones_like(kept) if "dropout-not-rescaled" in slips else kept
