"""The passes: a batch forward through the whole network, its loss, and the gradients backward.

Every layer computes x → z, maybe with parameters, and its activation z → a (identity for a layer without one); the a of
a layer is the x of the next.  Backward, da → dz → dx, dW, db, layer after layer from the last.
The passes are pure functions: they store nothing and change none of their arguments.

Derivation of the whole: docs/derivations/network.md.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from array_api_compat import array_namespace

from handgrad.errors import UnknownName
from handgrad.names import lookup, unknown
from handgrad.network.activations import ACTIVATIONS, Activation
from handgrad.network.arrays import Array
from handgrad.network.layer import Gradients, Layer, LayerParameters
from handgrad.network.losses import LOSSES, REDUCTIONS, Loss
from handgrad.network.network import Network

Parameters = Mapping[str, Array]  # of the whole network, by name: "dense1.W"


def layer_backward(
    layer: Layer, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool
) -> Gradients:
    """(dx, gradients by letter) of one layer: its own `backward`."""
    return layer.backward(dz, x, params, mask, needs_dx)


def activation_backward(activation: Activation, da: Array, a: Array, z: Callable[[], Array]) -> Array:
    """dz of one activation: its own `backward`, from da and a.  z is not kept; z() computes it again."""
    return activation.backward(da, a)


def loss_backward(loss: Loss, o: Array, T: Array) -> Array:
    """do of the loss, per example: its own `backward`."""
    return loss.backward(o, T)


def reduced(do: Array, m: int, batch_reduction: str) -> Array:
    """do/m for the mean over a batch of m examples, do for their sum."""
    return do / m if batch_reduction == "mean" else do


@dataclass(frozen=True)
class PassFunctions:
    """What `loss_and_gradients` is composed of, function by function, so that one of them can be another."""

    layer_backward: Callable[..., Gradients] = layer_backward
    activation_backward: Callable[..., Array] = activation_backward
    loss_backward: Callable[..., Array] = loss_backward
    reduced: Callable[..., Array] = reduced


AS_DERIVED = PassFunctions()


@dataclass(frozen=True)
class Trace:
    """What a forward pass leaves for the backward one: x, the a of every layer, and the z of the last.

    The z of hidden layers is not kept: every backward is written in terms of a, and z would double the memory.
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


def _of_layer(network: Network, params: Parameters, i: int) -> dict[str, Array]:
    """The parameters of layer i by letter."""
    return {letter: params[name] for letter, name in network.parameter_names[i].items()}


def _layers_forward(
    network: Network, params: Parameters, x: Array, masks: Mapping[int, Array], training: bool
) -> Iterator[tuple[Array, Array]]:
    """(z, a) of layer after layer."""
    for i, layer in enumerate(network.layers):
        z = layer.forward(x, _of_layer(network, params, i), masks.get(i), training)
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
    batch, in inference (False) the running ones.

    >>> network = Network.parse((2,), "dense 1 relu")
    >>> params = {"dense1.W": np.array([[1.0], [-1.0]]), "dense1.b": np.array([0.5])}
    >>> forward(network, params, np.array([[3.0, 1.0], [1.0, 3.0]])).output.tolist()  # 3 - 1 + 0.5;  1 - 3 + 0.5 < 0
    [[2.5], [0.0]]
    """
    outputs = []
    for z, a in _layers_forward(network, params, x, masks or {}, training):  # noqa: B007  (the last z is kept)
        outputs.append(a)
    return Trace(x, tuple(outputs), z)


def loss_input(network: Network, trace: Trace, loss: str) -> Array:
    """o, the input of the loss: the output, or z of the last layer where the loss is fused with its activation."""
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
    weights: Array | None = None,
    functions: PassFunctions = AS_DERIVED,
) -> tuple[Array, dict[str, Array], Trace]:
    """Loss of every example (n,), gradients of their mean or sum by name of the parameter, and the forward pass.

    weights (n,): numbers that multiply the losses of the examples.

    T (n, k): encoded targets.  The gradient to x is not computed, and buffers have none.
    functions: what the backward pass is composed of.
    Raises UnknownName where `loss` is not in LOSSES or `batch_reduction` not in REDUCTIONS.
    """
    trace = forward(network, params, x, masks=masks, training=True)
    chosen = lookup(LOSSES, loss, "loss")
    o = loss_input(network, trace, loss)
    do = functions.loss_backward(chosen, o, T)  # (n, k), per example
    if batch_reduction not in REDUCTIONS:
        raise UnknownName(unknown(batch_reduction, REDUCTIONS, "batch reduction"))
    do = do if weights is None else do * weights[:, None]
    do = functions.reduced(do, x.shape[0], batch_reduction)  # once, where the arrays are smallest
    fused = network.output == chosen.fused_with
    grads = _backward(network, params, trace, do, fused=fused, masks=masks or {}, functions=functions)
    losses = chosen.forward(o, T)
    return losses if weights is None else losses * weights, grads, trace


def _backward(
    network: Network,
    params: Parameters,
    trace: Trace,
    do: Array,
    fused: bool,
    masks: Mapping[int, Array],
    functions: PassFunctions,
) -> dict[str, Array]:
    """Gradients of all parameters from do, that of the output (fused: of the last z)."""
    first = next((i for i, names in enumerate(network.parameter_names) if names), 0)  # none before it has parameters
    grads: dict[str, Array] = {}
    da = do
    for i in range(len(network.layers) - 1, first - 1, -1):
        layer = network.layers[i]
        at_end = i == len(network.layers) - 1
        of_layer, x, mask = _of_layer(network, params, i), trace.input_of(i), masks.get(i)
        z = partial(layer.forward, x, of_layer, mask, True)
        activation = ACTIVATIONS[layer.activation]
        dz = da if fused and at_end else functions.activation_backward(activation, da, trace.a[i], z)
        da, by_letter = functions.layer_backward(layer, dz, x, of_layer, mask, i > first)
        grads |= {network.parameter_names[i][letter]: gradient for letter, gradient in by_letter.items()}
    return {name: grads[name] for name in network.parameter_shapes if name not in network.buffer_names}


def updated_buffers(network: Network, params: Parameters, trace: Trace) -> dict[str, Array]:
    """The buffers by name (batch norm's running statistics) after the batch of a training pass."""
    buffers: dict[str, Array] = {}
    for i, layer in enumerate(network.layers):
        if layer.buffers:
            by_letter = layer.updated_buffers(trace.input_of(i), _of_layer(network, params, i))
            buffers |= {network.parameter_names[i][letter]: value for letter, value in by_letter.items()}
    return buffers


def masks(
    network: Network,
    key: int | Array,
    step: int | Array,
    n: int,
    like: Array,
    rates: Mapping[int, Array] | None = None,
) -> dict[int, Array]:
    """The mask (n, *shape) of every dropout layer at one step of training, by the layer's position; arrays as `like`.

    key, step: of the stream of random numbers;  rates: by position too, in place of the layers' own.

    >>> list(masks(Network.parse((4,), "dense 3 tanh", "dropout 0.5", "dense 2"), 7, 0, 5, np.ones(1)))
    [1]
    """
    found = {}
    for i, layer in enumerate(network.layers):
        mask = layer.mask(key, step, i, (n, *network.shapes[i]), like, (rates or {}).get(i))
        if mask is not None:
            found[i] = mask
    return found


def rows_at_once(network: Network, runs: int = 1) -> int:
    """How many examples are scored at a time: 1000, or fewer where the outputs of all layers fill 256 MB of float32.

    runs: how many networks score them at once.

    >>> rows_at_once(Network.parse((784,), "dense 300 relu", "dense 10"))
    1000
    """
    return max(1, min(1000, 2**26 // (runs * sum(map(math.prod, network.shapes)))))


def _chunks(n: int, chunk: int) -> Iterator[slice]:
    return (slice(start, min(start + chunk, n)) for start in range(0, n, chunk))


def score(
    network: Network,
    params: Parameters,
    x: Array,
    T: Array,
    loss: str,
    *,
    tells_class: bool = True,
    chunk: int | None = None,
) -> tuple[Array, Array]:
    """(loss of every example (n,), predicted class (n,)), dropout off.

    The predicted class is that of the largest output, the first of them if several are equal; with tells_class = False
    the outputs (n, k) themselves come in its place.
    `chunk` rows (`rows_at_once` if not given) are scored at a time, which bounds the memory.
    """
    xp = array_namespace(x)
    chosen = lookup(LOSSES, loss, "loss")
    losses, predicted = [], []
    for rows in _chunks(x.shape[0], chunk or rows_at_once(network)):
        trace = forward(network, params, x[rows])
        losses.append(chosen.forward(loss_input(network, trace, loss), T[rows]))
        predicted.append(xp.argmax(trace.output, axis=-1) if tells_class else trace.output)
    return xp.concat(losses), xp.concat(predicted)


def predict(network: Network, params: Parameters, x: Array, *, chunk: int | None = None) -> Array:
    """Outputs (n, k), dropout off, `chunk` rows (`rows_at_once` if not given) at a time."""
    chunks = _chunks(x.shape[0], chunk or rows_at_once(network))
    return array_namespace(x).concat([forward(network, params, x[rows]).output for rows in chunks])


def first_non_finite(network: Network, params: Parameters, x: Array) -> str:
    """Name of the first layer whose parameters or outputs for x are not all finite; "loss" if there is none."""
    xp = array_namespace(x)
    with np.errstate(all="ignore"):  # the overflow that this function is to find
        for training in (True, False) if network.buffer_names else (False,):
            for i, (_, a) in enumerate(_layers_forward(network, params, x, {}, training)):
                arrays = [*_of_layer(network, params, i).values(), a]
                if not all(bool(xp.all(xp.isfinite(array))) for array in arrays):
                    return network.layer_names[i]
    return "loss"
