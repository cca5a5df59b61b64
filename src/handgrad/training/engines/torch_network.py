"""The network in PyTorch's own functions, for autograd: one for each layer, activation and loss.

Parameters have handgrad's names and shapes.  Nothing here is derived by hand; it is a second opinion on what is.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from handgrad.network.activations import LEAKY_SLOPE
from handgrad.network.batch_norm import EPS, MOMENTUM, count
from handgrad.network.losses import LOSSES as REFERENCE
from handgrad.network.network import Network

Own = dict[str, Tensor]  # parameters of one layer, by letter

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky-relu": lambda z: F.leaky_relu(z, LEAKY_SLOPE),
    "softmax": lambda z: torch.softmax(z, dim=-1),
    "log-softmax": lambda z: torch.log_softmax(z, dim=-1),
}

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # (o, T) -> (n,), as network.losses
    "squared-error": lambda o, T: F.mse_loss(o, T, reduction="none").sum(-1),
    "half-squared-error": lambda o, T: F.mse_loss(o, T, reduction="none").sum(-1) / 2,
    "mean-squared-error": lambda o, T: F.mse_loss(o, T, reduction="none").mean(-1),
    "absolute-error": lambda o, T: F.l1_loss(o, T, reduction="none").sum(-1),
    "huber": lambda o, T: F.huber_loss(o, T, reduction="none").sum(-1),
    "cross-entropy": lambda z, T: F.cross_entropy(z, T, reduction="none"),
    "binary-cross-entropy": lambda z, T: F.binary_cross_entropy_with_logits(z, T, reduction="none").sum(-1),
    "nll": lambda a, T: F.nll_loss(a, T.argmax(-1), reduction="none"),
    "multi-margin": lambda a, T: _multi_margin(a, T.argmax(-1)),
}


def _multi_margin(a: Tensor, y: Tensor) -> Tensor:
    """PyTorch's, but NaN where a is: PyTorch's own is 0 there."""
    return torch.where(a.isnan().any(-1), torch.nan, F.multi_margin_loss(a, y, reduction="none"))


def _batch_norm(layer: Any, own: Own, x: Tensor, mask: Tensor | None, training: bool) -> Tensor:
    if training and count(x) < 2:  # PyTorch refuses a single number a unit; handgrad's x̂ is 0
        wide = (1, -1, *(1,) * (x.ndim - 2))
        return x * 0 * own["gamma"].reshape(wide) + own["beta"].reshape(wide)
    return F.batch_norm(x, own["mean"], own["variance"], own["gamma"], own["beta"], training, MOMENTUM, EPS)


# (layer, own, x, mask, training) -> z.  Batch norm in training changes its own mean and variance in place.
OPERATIONS: dict[str, Callable[[Any, Own, Tensor, Tensor | None, bool], Tensor]] = {
    "dense": lambda layer, own, x, mask, training: torch.addmm(own["b"], x.flatten(1), own["W"]),
    "conv": lambda layer, own, x, mask, training: F.conv2d(x, own["W"], own["b"], layer.stride, layer.pad),
    "max-pool": lambda layer, own, x, mask, training: F.max_pool2d(x, layer.size, layer.stride),
    "average-pool": lambda layer, own, x, mask, training: F.avg_pool2d(x, layer.size, layer.stride),
    "flatten": lambda layer, own, x, mask, training: x.flatten(1),
    "batch-norm": _batch_norm,
    "dropout": lambda layer, own, x, mask, training: x if mask is None else x * mask,
}


def forward(
    network: Network,
    params: Mapping[str, Tensor],
    x: Tensor,
    *,
    masks: Mapping[int, Tensor] | None = None,
    training: bool = False,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """(z of the last layer, its a, the buffers after this batch)."""
    buffers = {name: params[name].clone() for name in network.buffer_names} if training else {}
    own_params = {**params, **buffers}
    z = x
    for i, layer in enumerate(network.layers):
        own = {letter: own_params[name] for letter, name in network.parameter_names[i].items()}
        z = OPERATIONS[layer.kind](layer, own, x, (masks or {}).get(i), training)
        x = ACTIVATIONS[layer.activation](z)
    return z, x, buffers


def losses_of(network: Network, loss: str, z: Tensor, a: Tensor, T: Tensor) -> Tensor:
    """Loss of every example (n,) from the last layer's z and a."""
    return LOSSES[loss](z if network.output == REFERENCE[loss].fused_with else a, T)
