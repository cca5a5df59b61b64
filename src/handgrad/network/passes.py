"""The passes: a batch forward through the whole network, its loss, and the gradients backward.

Every layer is an operation x → z, which may have parameters, followed by an activation z → a (identity for a layer
without one); the a of a layer is the x of the next.  Backward, da → dz → dx, dW, db, layer after layer from the last.
What a pass needs is an argument, what it makes is returned: nothing is stored, nothing is changed.

Derivation of the whole: docs/derivations/network.md.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from handgrad.names import lookup
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.arrays import Array
from handgrad.network.dropout import dropout_mask
from handgrad.network.layers import Dropout
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.network.operations import OPERATIONS, Own

Parameters = Mapping[str, Array]  # by name: "dense1.W"


@dataclass(frozen=True)
class Trace:
    """What a forward pass leaves for the backward one: x, the a of every layer, and the z of the last.

    The z of hidden layers is not kept: every backward is written in a, and it would double the memory of a full batch.
    """

    x: Array
    a: tuple[Array, ...]
    z: Array

    @property
    def output(self) -> Array:
        """a of the last layer."""
        return self.a[-1]

    def input_of(self, i: int) -> Array:
        """x of layer i."""
        return self.a[i - 1] if i else self.x


def _own(network: Network, params: Parameters, i: int) -> Own:
    return {letter: params[name] for letter, name in network.parameter_names[i].items()}


def _layers_forward(
    network: Network, params: Parameters, x: Array, masks: Mapping[int, Array], training: bool
) -> Iterator[tuple[Array, Array]]:
    """(z, a) of layer after layer."""
    for i, layer in enumerate(network.layers):
        z = OPERATIONS[layer.kind].forward(layer, _own(network, params, i), x, masks.get(i), training)
        x = ACTIVATIONS[layer.activation].forward(z)
        yield z, x


def forward(
    network: Network,
    params: Parameters,
    x: Array,
    *,
    masks: Mapping[int, Array] | None = None,
    training: bool = False,
) -> Trace:
    """The forward pass of a batch x (n, *input_shape).

    masks: of the dropout layers, by position; None: dropout off.  training: batch norm takes the statistics of this
    batch, in use (False) the running ones.

    >>> network = Network.parse((2,), "dense 1 relu")
    >>> params = {"dense1.W": np.array([[1.0], [-1.0]]), "dense1.b": np.array([0.5])}
    >>> forward(network, params, np.array([[3.0, 1.0], [1.0, 3.0]])).output.tolist()  # 3 - 1 + 0.5;  1 - 3 + 0.5 < 0
    [[2.5], [0.0]]
    """
    outputs = []
    for z, a in _layers_forward(network, params, x, masks or {}, training):  # noqa: B007  (the last z is kept)
        outputs.append(a)
    return Trace(x, tuple(outputs), z)


def looked_at(network: Network, trace: Trace, loss: str) -> Array:
    """What the loss looks at: the output, or z of the last layer where the loss has the output activation within."""
    return trace.z if network.output == lookup(LOSSES, loss, "loss").fused_with else trace.output


def loss_and_gradients(
    network: Network,
    params: Parameters,
    x: Array,
    T: Array,
    loss: str,
    batch_reduction: str,
    *,
    masks: Mapping[int, Array] | None = None,
) -> tuple[Array, dict[str, Array], Trace]:
    """Loss of every example (n,), gradients of their mean or sum by name of the parameter, and the forward pass.

    T (n, k): encoded targets.  The gradient of the network's own input is not computed, and parameters that training
    measures have none.
    """
    trace = forward(network, params, x, masks=masks, training=True)
    chosen = lookup(LOSSES, loss, "loss")
    o = looked_at(network, trace, loss)
    do = chosen.backward(o, T)  # (n, k), per example
    if batch_reduction == "mean":
        do = do / x.shape[0]  # the mean over the batch, taken once, where the arrays are smallest
    grads = _backward(network, params, trace, do, fused=network.output == chosen.fused_with, masks=masks or {})
    return chosen.forward(o, T), grads, trace


def _backward(
    network: Network, params: Parameters, trace: Trace, do: Array, fused: bool, masks: Mapping[int, Array]
) -> dict[str, Array]:
    """Gradients of all parameters from do, that of the output (fused: of the last z)."""
    first = next((i for i, names in enumerate(network.parameter_names) if names), 0)  # none before it has parameters
    grads: dict[str, Array] = {}
    da = do
    for i in range(len(network.layers) - 1, first - 1, -1):
        layer = network.layers[i]
        at_end = i == len(network.layers) - 1
        dz = da if fused and at_end else ACTIVATIONS[layer.activation].backward(da, trace.a[i])
        own = _own(network, params, i)
        da, of_layer = OPERATIONS[layer.kind].backward(layer, own, trace.input_of(i), masks.get(i), dz, i > first)
        grads |= {network.parameter_names[i][letter]: gradient for letter, gradient in of_layer.items()}
    return {name: grads[name] for name in network.parameter_shapes if name not in network.measured_names}


def measured(network: Network, params: Parameters, trace: Trace) -> dict[str, Array]:
    """The parameters that training measures (batch norm's running statistics) after the batch of a training pass."""
    found: dict[str, Array] = {}
    for i, layer in enumerate(network.layers):
        measure = OPERATIONS[layer.kind].measure
        if measure is not None:
            values = measure(layer, _own(network, params, i), trace.input_of(i))
            found |= {network.parameter_names[i][letter]: value for letter, value in values.items()}
    return found


def masks(
    network: Network,
    key: int | Array,
    step: int | Array,
    n: int,
    like: Array,
    rates: Mapping[int, Array] | None = None,
) -> dict[int, Array]:
    """The mask (n, *shape) of every dropout layer at one step of training, by the layer's position; arrays as `like`.

    rates: by position too, where they are not those that the layers are written with.

    >>> list(masks(Network.parse((4,), "dense 3 tanh", "dropout 0.5", "dense 2"), 7, 0, 5, np.ones(1)))
    [1]
    """
    found = {}
    for i, layer in enumerate(network.layers):
        if isinstance(layer, Dropout):
            shape = network.shapes[i]
            rate = layer.rate if rates is None else rates[i]
            mask = dropout_mask(key, step, i, n, math.prod(shape), rate, like)
            found[i] = array_namespace(mask).reshape(mask, (n, *shape))
    return found


def rows_at_once(network: Network, runs: int = 1) -> int:
    """How many examples are scored at a time: 1000, or fewer where what their layers put out fills 256 MB of float32.

    runs: so many networks score them at once.

    >>> rows_at_once(Network.parse((784,), "dense 300 relu", "dense 10"))
    1000
    """
    return max(1, min(1000, 2**26 // (runs * sum(map(math.prod, network.shapes)))))


def _chunks(n: int, chunk: int) -> Iterator[slice]:
    return (slice(start, min(start + chunk, n)) for start in range(0, n, chunk))


def score(
    network: Network, params: Parameters, x: Array, T: Array, loss: str, *, chunk: int | None = None
) -> tuple[Array, Array]:
    """(loss of every example (n,), predicted class (n,)), dropout off.

    The predicted class is that of the largest output, the first of them if several are equal.
    `chunk` rows (`rows_at_once` if not given) are done at a time, which bounds the memory.
    """
    xp = array_namespace(x)
    chosen = lookup(LOSSES, loss, "loss")
    losses, predicted = [], []
    for rows in _chunks(x.shape[0], chunk or rows_at_once(network)):
        trace = forward(network, params, x[rows])
        losses.append(chosen.forward(looked_at(network, trace, loss), T[rows]))
        predicted.append(xp.argmax(trace.output, axis=-1))
    return xp.concat(losses), xp.concat(predicted)


def predict(network: Network, params: Parameters, x: Array, *, chunk: int | None = None) -> Array:
    """Outputs (n, k), dropout off, `chunk` rows (`rows_at_once` if not given) at a time."""
    chunks = _chunks(x.shape[0], chunk or rows_at_once(network))
    return array_namespace(x).concat([forward(network, params, x[rows]).output for rows in chunks])


def first_non_finite(network: Network, params: Parameters, x: Array) -> str:
    """Name of the first layer whose parameters or outputs for x are not all finite; "loss" if there is none."""
    xp = array_namespace(x)
    with np.errstate(all="ignore"):  # numbers that overflow are what is looked for
        for training in (True, False) if network.measured_names else (False,):
            layers = _layers_forward(network, params, x, {}, training)
            for i, name in enumerate(network.layer_names):
                own = _own(network, params, i).values()
                if not all(bool(xp.all(xp.isfinite(w))) for w in own) or not bool(xp.all(xp.isfinite(next(layers)[1]))):
                    return name
    return "loss"
