"""Initializers: the numbers that weights and biases start from.

Letters: n_in, n_out the inputs of an output and the outputs of an input (a filter's are its channels times its size);
std a standard deviation; N(mean, variance), U(low, high).
Each is a section of a study file and draws by itself: `He().draw(rng, shape, n_in, n_out, gain)`.
Everything is drawn in float64 and then cast, so that float32 and float64 runs start from the same numbers.

Sources: LeCun et al., Efficient BackProp (1998), section 4.6; Glorot & Bengio (2010), eq. 16; He et al. (2015), eq. 10;
PyTorch's `nn.Linear.reset_parameters`.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, model_validator

from handgrad.accepts import accepts, either, number
from handgrad.errors import NetworkError
from handgrad.names import OpenTable, shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.network import Network
from handgrad.sections import Section, one_of, real
from handgrad.streams import stream

Std = Annotated[float, BeforeValidator(real("[0, inf)"))]
GAIN_OF_ACTIVATION = "activation"

DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, float, tuple[int, ...]], np.ndarray]] = {
    # of mean 0 and standard deviation std: the variance of U(−w, w) is w²/3
    "normal": lambda rng, std, shape: rng.normal(0.0, std, shape),
    "uniform": lambda rng, std, shape: rng.uniform(-math.sqrt(3) * std, math.sqrt(3) * std, shape),
}
Distribution = Annotated[str, BeforeValidator(one_of(DISTRIBUTIONS, "distribution"))]


@accepts(either(number("(0, inf)"), {"enum": [GAIN_OF_ACTIVATION]}))
def _gain(value: Any) -> Any:
    if isinstance(value, str) and value == GAIN_OF_ACTIVATION:
        return value
    try:
        return real("(0, inf)")(value)
    except ValueError:
        raise ValueError('must be a number > 0 or "activation" (the gain of the layer\'s own activation)') from None


class Initializer(Section):
    """What every initializer has.  A further one is one class with a `name`, its numbers and `draw`, entered in
    INITIALIZERS."""

    name: str

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        """An array of `shape` in float64.  n_in, n_out: the fans of the layer;  gain: that of its activation."""


class Zeros(Initializer):
    """All zero.  For biases; weights that start at zero never become different from each other."""

    name: Literal["zeros"] = "zeros"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        return np.zeros(shape)


class Normal(Initializer):
    """N(0, std²), for a layer of any size."""

    name: Literal["normal"] = "normal"
    std: Std = 0.01

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        return rng.normal(0.0, self.std, shape)


class NormalFanIn(Initializer):
    """N(0, std²)/√n_in: a sum over n_in inputs of size 1 has standard deviation std (LeCun 1998 with std = 1)."""

    name: Literal["normal/sqrt-n"] = "normal/sqrt-n"
    std: Std = 1.0

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        return rng.normal(0.0, self.std / math.sqrt(n_in), shape)


class Uniform(Initializer):
    """U(low, high)."""

    name: Literal["uniform"] = "uniform"
    low: Annotated[float, BeforeValidator(real())] = -0.05
    high: Annotated[float, BeforeValidator(real())] = 0.05

    @model_validator(mode="after")
    def _in_order(self) -> "Uniform":
        if self.low > self.high:
            raise ValueError(f"needs low <= high; got low = {self.low:g} and high = {self.high:g}")
        return self

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        return rng.uniform(self.low, self.high, shape)


class Xavier(Initializer):
    """std = gain·√(2/(n_in + n_out)): keeps the size of signals forward and of gradients backward, for symmetric f.

    Glorot & Bengio (2010), eq. 16, is the uniform form.  Differs from: Keras, whose normal forms are truncated.
    """

    name: Literal["xavier"] = "xavier"
    distribution: Distribution = "normal"
    gain: Annotated[float | str, BeforeValidator(_gain)] = 1.0

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        widened = gain if isinstance(self.gain, str) else self.gain
        return DISTRIBUTIONS[self.distribution](rng, widened * math.sqrt(2 / (n_in + n_out)), shape)


class He(Initializer):
    """std = gain/√n_in with gain = √2: makes up for the half of the signal that relu sets to 0.

    He et al. (2015), eq. 10; in every layer, the last too, unless gain = "activation" takes each layer's own gain.
    Differs from: Keras, whose normal form is truncated.
    """

    name: Literal["he"] = "he"
    distribution: Distribution = "normal"
    gain: Annotated[float | str, BeforeValidator(_gain)] = math.sqrt(2)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        widened = gain if isinstance(self.gain, str) else self.gain
        return DISTRIBUTIONS[self.distribution](rng, widened / math.sqrt(n_in), shape)


class PyTorchDefault(Initializer):
    """U(−1/√n_in, 1/√n_in): what PyTorch's nn.Linear and nn.Conv2d start from, weights and biases alike."""

    name: Literal["pytorch"] = "pytorch"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int, gain: float) -> np.ndarray:
        limit = 1 / math.sqrt(n_in)
        return rng.uniform(-limit, limit, shape)


INITIALIZERS: OpenTable[type[Initializer]] = OpenTable(
    {
        section.model_fields["name"].default: section
        for section in (Zeros, Normal, NormalFanIn, Uniform, Xavier, He, PyTorchDefault)
    }
)


def initialize(
    network: Network, init: Initializer, bias_init: Initializer, seed: int, dtype: str = "float32"
) -> dict[str, np.ndarray]:
    """Every parameter of `network` by its name, weights W drawn by `init` and biases b by `bias_init`.

    The stream of an array is keyed by (seed, number of the layer among those with weights, 0 for W or 1 for b), so that
    another width, or a dropout or batch-norm layer put in between, changes no number of the other layers.
    Nothing is drawn for batch norm: γ, β and its running statistics start as the identity.
    """
    params = {}
    position = 0
    for layer, before, after, names in zip(
        network.layers, network.input_shapes, network.shapes, network.parameter_names, strict=True
    ):
        gain = ACTIVATIONS[layer.activation].gain
        n_in, n_out = layer.fans(before, after)
        for letter, name in names.items():
            shape = network.parameter_shapes[name]
            if letter in layer.initial:
                params[name] = np.full(shape, layer.initial[letter], dtype=dtype)
                continue
            initializer, number = (init, 0) if letter == "W" else (bias_init, 1)
            rng = stream(seed, "init", position, number)
            drawn = initializer.draw(rng, shape, n_in, n_out, gain)
            if np.shape(drawn) != shape:
                raise NetworkError(
                    f"initializer {shown(initializer.name)} draws {name} in the shape {np.shape(drawn)}, not {shape}"
                )
            params[name] = drawn.astype(dtype)
        position += "W" in names
    return params
