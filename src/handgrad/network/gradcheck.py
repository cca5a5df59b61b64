"""Gradient checks: every gradient written by hand against central differences.

Letters: w any array of parameters, g its gradient as the passes give it, ĝ its central difference

    ĝ_i = (L(w + h·e_i) − L(w − h·e_i)) / 2h,   h = 2⁻¹⁷ ≈ ε^(1/3),

whose error is about h²·L‴/6 from the formula and ε·L/h from rounding, 1e-11 each in float64.  They are compared by

    error_i = |g_i − ĝ_i| / max(|g_i|, |ĝ_i|, 0.01·max|ĝ|, 1e-4),

so that an element is judged by its own size unless it is tiny beside its neighbours.

Kinks (relu at 0, |a − T| at 0, a margin at 0): there g is one of several slopes and ĝ their mean, so that they differ
where nothing is wrong.  A point is used only if no element of any relu, difference or margin changes its side between
w − h·e_i and w + h·e_i, for every i; else, or if the gradient of a whole array vanishes (which would check nothing),
other numbers are drawn.  So no element is ever left out.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from handgrad.network import passes
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.network.operations import OPERATIONS
from handgrad.network.targets import TARGETS, encode
from handgrad.streams import stream

STEP = 2.0**-17

# The largest error that is accepted, by what is compared.  A gradient wrong by 0.1 % is far beyond the first.
TOLERANCES = {
    "central differences": 1e-5,  # float64, hand-written against ĝ
    "float64": 1e-12,  # float64, against another implementation of the same formula
    "float32": 2e-5,  # float32, against float64
}

DEPTHS = {0: (), 1: (4,), 3: (3, 2, 4)}  # widths of the hidden layers; neighbours differ: a transpose is noticed
N_ROWS, N_IN, N_CLASSES = 2, 2, 3
DRAWS = 100

# What images go through before the dense layers: two channels, not square, every option of every layer of images.
IMAGE = (2, 6, 5)
FRONTS = {
    "conv": ("conv 2 3x2 {f}",),
    "conv stride pad": ("conv 2 2x3 stride 2x1 pad 0x1 {f}", "conv 3 2x2 pad 1x0 {f}"),
    "max-pool": ("conv 2 3x2 {f}", "max-pool 2"),
    "max-pool stride": ("conv 2 2x1 {f}", "max-pool 3x3 stride 2"),
    "average-pool": ("conv 2 3x2 {f}", "average-pool 3x2 stride 1x2", "flatten"),
    "batch-norm": ("conv 2 3x2 tanh", "batch-norm {f}", "max-pool 2", "dense 3 tanh", "batch-norm {f}"),
}


class AtKink(Exception):
    """Two sides of a kink lie within one central difference; draw other numbers."""


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
    """What is checked together: a network of `depth` hidden layers, its loss, reduction, targets and dropout."""

    activation: str
    output: str
    loss: str
    targets: str
    batch_reduction: str
    dropout: bool
    depth: int
    front: str | None = None  # of FRONTS: layers of images before the dense ones

    def network(self) -> Network:
        """Small, and with dropout before every layer that has weights."""
        front = [text.format(f=self.activation) for text in FRONTS[self.front]] if self.front else []
        dense = [f"dense {units} {self.activation}" for units in DEPTHS[self.depth]]
        layers = [*front, *dense, f"dense {N_CLASSES} {self.output}"]
        if self.dropout:
            weighty = ("dense", "conv")
            layers = [
                t for layer in layers for t in (("dropout 0.3", layer) if layer.startswith(weighty) else (layer,))
            ]
        return Network.parse(IMAGE if self.front else (N_IN,), *layers)

    def __str__(self) -> str:
        hidden = f"{self.depth} × {self.activation}" if self.depth else "no hidden layer"
        if self.front:
            hidden = f"{self.front} with {self.activation}"
        dropout = ", dropout" if self.dropout else ""
        return f"{hidden}, {self.output}, {self.loss} ({self.batch_reduction}), {self.targets}{dropout}"


@dataclass(frozen=True)
class Row:
    """The result for one parameter: its largest error."""

    parameter: str
    error: float
    vanishes: bool  # ĝ is 0 in every element
    tolerance: float = TOLERANCES["central differences"]

    @property
    def ok(self) -> bool:
        """False for a NaN too."""
        return self.error <= self.tolerance


def all_combinations() -> Iterator[Combination]:
    """Every combination that makes sense: every activation, and of output, loss and targets those that fit together."""
    fitting = [
        (output, name, targets)
        for name, loss in LOSSES.items()
        for output in ACTIVATIONS
        for targets in TARGETS
        if output in loss.outputs and targets in loss.targets
    ]
    for output, loss, targets in fitting:
        for reduction, dropout in itertools.product(("mean", "sum"), (False, True)):
            yield Combination("identity", output, loss, targets, reduction, dropout, depth=0)
            for depth, activation in itertools.product((1, 3), ACTIVATIONS):
                yield Combination(activation, output, loss, targets, reduction, dropout, depth)
    yield from image_combinations()


def image_combinations() -> Iterator[Combination]:
    """Every front of image layers with every activation that acts on single numbers, one of them with each loss."""
    elementwise = [name for name in ACTIVATIONS if "softmax" not in name]
    for front, activation, dropout in itertools.product(FRONTS, elementwise, (False, True)):
        yield Combination(activation, "softmax", "cross-entropy", "one-hot", "mean", dropout, 0, front)
    for loss in LOSSES:
        output = LOSSES[loss].fused_with or ("log-softmax" if loss == "nll" else "identity")
        for front in FRONTS:
            yield Combination("tanh", output, loss, "one-hot", "sum", False, 0, front)


def check(
    network: Network,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    T: np.ndarray,
    loss: str,
    batch_reduction: str = "mean",
    *,
    masks: Mapping[int, np.ndarray] | None = None,
) -> list[Row]:
    """One row for each parameter; all arrays in float64.  Raises AtKink where a difference would cross a kink."""
    _, grads, trace = passes.loss_and_gradients(network, params, x, T, loss, batch_reduction, masks=masks)
    sides = _sides(network, trace, T, loss)

    def total(name: str, w: np.ndarray) -> float:
        moved = passes.forward(network, {**params, name: w}, x, masks=masks, training=True)
        if _sides(network, moved, T, loss) != sides:
            raise AtKink(name)
        losses = LOSSES[loss].forward(passes.looked_at(network, moved, loss), T)
        return float(losses.mean() if batch_reduction == "mean" else losses.sum())

    rows = []
    for name, g in grads.items():
        g_hat = numerical_gradient(partial(total, name), params[name])
        rows.append(Row(name, relative_error(g, g_hat), vanishes=not g_hat.any()))
    return rows


def check_combination(combination: Combination, seed: int = 0) -> list[Row]:
    """One row for each parameter of the combination's network, at numbers drawn from `seed`, away from kinks."""
    network = combination.network()
    n = N_CLASSES if combination.front else N_ROWS  # of two rows, batch norm makes -1 and 1 whatever they are
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


def _sides(network: Network, trace: passes.Trace, T: np.ndarray, loss: str) -> bytes:
    """On which side of its kink every element of the pass lies."""
    sides = [
        side(a)
        for layer, a in zip(network.layers, trace.a, strict=True)
        if (side := ACTIVATIONS[layer.activation].side) is not None
    ]
    for i, layer in enumerate(network.layers):
        of_operation = OPERATIONS[layer.kind].side
        if of_operation is not None:
            sides.append(of_operation(layer, trace.input_of(i)))
    of_loss = LOSSES[loss].side
    if of_loss is not None:
        sides.append(of_loss(passes.looked_at(network, trace, loss), T))
    return b"".join(side.tobytes() for side in sides)
