"""Gradient checks: every gradient written by hand against central differences.

Letters: w any array of parameters, g its gradient as the passes give it, ĝ its central difference

    ĝ_i = (L(w + h·e_i) − L(w − h·e_i)) / 2h,   h = 2⁻¹⁷ ≈ ε^(1/3),

whose error is about h²·L‴/6 from the formula and ε·L/h from rounding, 1e-11 each in float64.  They are compared by

    error_i = |g_i − ĝ_i| / max(|g_i|, |ĝ_i|, 0.01·max|ĝ|, 1e-4),

so that an element is judged by its own size unless it is tiny beside its neighbours.

Kinks (relu at 0, |a − T| at 0, a margin at 0): there g is one of several slopes and ĝ their mean, so that they differ
although nothing is wrong.  A point is used only if every relu, difference and margin stays on one smooth piece from
w − h·e_i to w + h·e_i, for every i; else, or if the gradient of a whole array vanishes (which would check nothing),
other numbers are drawn.  So no element is ever left out.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from handgrad.errors import NetworkError
from handgrad.names import shown
from handgrad.network import passes
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.losses import LOSSES, REDUCTIONS
from handgrad.network.network import Network
from handgrad.network.targets import TARGETS, encode
from handgrad.streams import stream

STEP = 2.0**-17

# The largest error that is accepted, by what is compared.  A gradient wrong by 0.1 % is far beyond the first.
TOLERANCES = {
    "central differences": 1e-5,  # float64, hand-written against ĝ
    "float64": 1e-12,  # float64, against another implementation of the same formula
    "float32": 2e-5,  # float32, against float64
}

DEPTHS = {0: (), 1: (4,), 3: (3, 2, 4)}  # widths of the hidden layers; neighbours differ, so that a transposed W fails
N_ROWS, N_IN, N_CLASSES = 2, 2, 3
DRAWS = 100

# Layers before the dense ones: images of two channels, not square, and every option of every other kind of layer.
IMAGE = (2, 6, 5)
IMAGE_LAYERS = {
    "conv": ("conv 2 3x2 {f}",),
    "conv stride pad": ("conv 2 2x3 stride 2x1 pad 0x1 {f}", "conv 3 2x2 pad 1x0 {f}"),
    "max-pool": ("conv 2 3x2 {f}", "max-pool 2"),
    "max-pool stride": ("conv 2 2x1 {f}", "max-pool 3x3 stride 2"),
    "average-pool": ("conv 2 3x2 {f}", "average-pool 3x2 stride 1x2", "flatten"),
    "batch-norm": ("conv 2 3x2 tanh", "batch-norm {f}", "max-pool 2", "dense 3 tanh", "batch-norm {f}"),
}


class AtKink(Exception):
    """A central difference spans a kink; draw other numbers."""


def numerical_gradient(f: Callable[[np.ndarray], float], w: np.ndarray, h: float = STEP) -> np.ndarray:
    """ĝ of f at w, element by element.  f takes an array like w and gives a number.

    >>> numerical_gradient(lambda w: float((w**2).sum()), np.array([1.0, -3.0])).round(6).tolist()
    [2.0, -6.0]
    """
    w = np.array(w, dtype=np.float64)
    g = np.empty_like(w)
    for i in np.ndindex(w.shape):
        kept = w[i]
        w[i] = kept + h
        above = f(w)
        w[i] = kept - h
        g[i] = (above - f(w)) / (2 * h)
        w[i] = kept
    return g


def relative_error(g: np.ndarray, g_hat: np.ndarray) -> float:
    """The largest error_i (formula at the top of the file); NaN if any number is not finite.

    >>> relative_error(np.array([1.001, 0.0]), np.array([1.0, 0.0])) > 9e-4
    True
    """
    scale = np.maximum(np.maximum(np.abs(g), np.abs(g_hat)), max(0.01 * float(np.abs(g_hat).max()), 1e-4))
    return float((np.abs(g - g_hat) / scale).max())


@dataclass(frozen=True)
class Combination:
    """What is checked together: a network of `depth` hidden layers, its loss, reduction, targets and dropout.

    depth: a key of DEPTHS (0, 1 or 3); raises NetworkError for any other.
    image_layers: a key of IMAGE_LAYERS, whose layers stand before the dense ones.
    """

    activation: str
    output: str
    loss: str
    targets: str
    batch_reduction: str
    dropout: bool
    depth: int
    image_layers: str | None = None

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise NetworkError(f"depth must be one of {', '.join(map(str, DEPTHS))}; got {shown(self.depth)}")

    def network(self) -> Network:
        """Small, and with dropout before every layer that has weights."""
        texts = IMAGE_LAYERS[self.image_layers] if self.image_layers else ()
        hidden = [f"dense {units} {self.activation}" for units in DEPTHS[self.depth]]
        layers = [*(text.format(f=self.activation) for text in texts), *hidden, f"dense {N_CLASSES} {self.output}"]
        network = Network.parse(IMAGE if self.image_layers else (N_IN,), *layers)
        if not self.dropout:
            return network
        pairs = zip(layers, network.parameter_names, strict=True)
        dropped = [text for layer, names in pairs for text in (("dropout 0.3", layer) if "W" in names else (layer,))]
        return Network.parse(network.input_shape, *dropped)

    def __str__(self) -> str:
        hidden = f"{self.depth} × {self.activation}" if self.depth else "no hidden layer"
        if self.image_layers:
            hidden = f"{self.image_layers} with {self.activation}"
        dropout = ", dropout" if self.dropout else ""
        return f"{hidden}, {self.output}, {self.loss} ({self.batch_reduction}), {self.targets}{dropout}"


@dataclass(frozen=True)
class GradientCheck:
    """The largest error of one parameter's gradient."""

    parameter: str
    error: float
    vanishes: bool  # ĝ is 0 in every element
    tolerance: float = TOLERANCES["central differences"]

    @property
    def ok(self) -> bool:
        """False for a NaN too."""
        return self.error <= self.tolerance


def all_combinations() -> Iterator[Combination]:
    """Every activation with every output, loss and targets that go together, and `image_combinations`."""
    fitting = [
        (output, name, targets)
        for name, loss in LOSSES.items()
        for output in ACTIVATIONS
        for targets in TARGETS
        if output in loss.outputs and targets in loss.targets
    ]
    for output, loss, targets in fitting:
        for reduction, dropout in itertools.product(REDUCTIONS, (False, True)):
            yield Combination("identity", output, loss, targets, reduction, dropout, depth=0)
            for depth, activation in itertools.product((1, 3), ACTIVATIONS):
                yield Combination(activation, output, loss, targets, reduction, dropout, depth)
    yield from image_combinations()


def image_combinations() -> Iterator[Combination]:
    """Every entry of IMAGE_LAYERS with every elementwise activation, and one of them with each loss."""
    elementwise = [name for name, activation in ACTIVATIONS.items() if not activation.rowwise]
    for layers, activation, dropout in itertools.product(IMAGE_LAYERS, elementwise, (False, True)):
        yield Combination(activation, "softmax", "cross-entropy", "one-hot", "mean", dropout, 0, layers)
    for name, loss in LOSSES.items():
        output = loss.fused_with or next(output for output in ACTIVATIONS if output in loss.outputs)
        targets = next(targets for targets in TARGETS if targets in loss.targets)
        for layers in IMAGE_LAYERS:
            yield Combination("tanh", output, name, targets, "sum", False, 0, layers)


def check(
    network: Network,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    T: np.ndarray,
    loss: str,
    batch_reduction: str = "mean",
    *,
    masks: Mapping[int, np.ndarray] | None = None,
    functions: passes.PassFunctions = passes.AS_DERIVED,
) -> list[GradientCheck]:
    """One row for each parameter with a gradient; all arrays in float64.  Raises AtKink at a kink.

    functions: what the backward pass under test is composed of.
    """
    _, grads, trace = passes.loss_and_gradients(
        network, params, x, T, loss, batch_reduction, masks=masks, functions=functions
    )
    pieces = _pieces(network, trace, T, loss)

    def total(name: str, w: np.ndarray) -> float:
        moved = passes.forward(network, {**params, name: w}, x, masks=masks, training=True)
        if _pieces(network, moved, T, loss) != pieces:
            raise AtKink(name)
        losses = LOSSES[loss].forward(passes.loss_input(network, moved, loss), T)
        return float(losses.mean() if batch_reduction == "mean" else losses.sum())

    rows = []
    for name, g in grads.items():
        g_hat = numerical_gradient(partial(total, name), params[name])
        rows.append(GradientCheck(name, relative_error(g, g_hat), vanishes=not g_hat.any()))
    return rows


def check_combination(combination: Combination, seed: int = 0) -> list[GradientCheck]:
    """One row for each parameter of the combination's network, at numbers drawn from `seed`, away from kinks."""
    network = combination.network()
    n = N_CLASSES if combination.image_layers else N_ROWS  # batch norm makes -1 and 1 of any two rows
    for draw in range(DRAWS):
        rng = stream(seed, "gradcheck", draw)
        params = {name: rng.normal(0, 0.6, shape) for name, shape in network.parameter_shapes.items()}
        x = rng.normal(size=(n, *network.input_shape))
        T = encode(rng.permutation(N_CLASSES)[:n], N_CLASSES, combination.targets, np.float64)
        masks = passes.masks(network, draw, 0, n, like=x)
        try:
            rows = check(network, params, x, T, combination.loss, combination.batch_reduction, masks=masks)
        except AtKink:
            continue
        if not any(row.vanishes for row in rows):
            return rows
    raise RuntimeError(f"{DRAWS} draws, and no point without kinks and vanishing gradients: {combination}")


def _pieces(network: Network, trace: passes.Trace, T: np.ndarray, loss: str) -> bytes:
    """On which smooth piece of its layer, activation or loss every element of the pass lies."""
    pieces = []
    for i, (layer, a) in enumerate(zip(network.layers, trace.a, strict=True)):
        of_layer, of_activation = layer.piece(trace.input_of(i)), ACTIVATIONS[layer.activation].piece
        pieces += [] if of_layer is None else [of_layer]
        pieces += [] if of_activation is None else [of_activation(a)]
    of_loss = LOSSES[loss].piece
    pieces += [] if of_loss is None else [of_loss(passes.loss_input(network, trace, loss), T)]
    return b"".join(piece.tobytes() for piece in pieces)
