"""The [network] table of a study file, and the network that it becomes for given data.

`build` turns a `NetworkSection` into a `Network` (network.py).  The kinds of layers are in layers.py.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from handgrad.accepts import POSITIVE, TEXT, accepts, either, list_of
from handgrad.errors import NetworkError
from handgrad.measures import CLASSIFICATION, MULTI_LABEL, REGRESSION
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import INITIALIZERS, He, Initializer, Zeros
from handgrad.network.layer import Layer
from handgrad.network.layers import LAYERS, parse_layer
from handgrad.network.network import Network
from handgrad.network.targets import TARGETS, THRESHOLDS, VALUES
from handgrad.sections import NamedSection, Section, one_of, optional, real, whole


@accepts(either(POSITIVE, list_of(POSITIVE)))
def _widths(value: Any) -> tuple[int, ...]:
    check = whole("[1, inf)")
    try:
        return tuple(check(width) for width in (value if isinstance(value, list | tuple) else [value]))
    except ValueError:
        raise ValueError("must be a whole number >= 1 or a list of them, as in 300 or [512, 256]") from None


@accepts(lambda: either({"enum": list(ACTIVATIONS)}, list_of({"enum": list(ACTIVATIONS)})))
def _activations(value: Any) -> str | tuple[str, ...]:
    check = one_of(ACTIVATIONS, "activation")
    if not isinstance(value, list | tuple):
        return check(value)
    return tuple(check(name) for name in value)


@accepts(list_of(TEXT, 1))
def _layers(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(text, str) for text in value):
        raise ValueError('must be a list of layers, as in ["dense 120 relu", "dropout 0.5", "dense 10 softmax"]')
    try:
        return tuple(str(parse_layer(text)) for text in value)
    except NetworkError as error:
        raise ValueError(f"has a layer that cannot be read, {error}") from None


def _targets(value: Any) -> str:
    return one_of((*TARGETS, VALUES), "encoding of targets")(value)


@accepts({"enum": [1]})
def _single(value: Any) -> int:
    if value != 1 or isinstance(value, bool):
        raise ValueError(
            "must be 1, a single unit of the last layer for two classes; widths of hidden layers are network.hidden"
        )
    return 1


_SHORT = ("hidden", "activation", "output", "dropout")  # the short form, which `layers` replaces


class NetworkSection(Section):
    """The [network] table: either hidden, activation, output and dropout, or `layers` for any network.

    hidden      width of each hidden layer; [] is a linear model
    activation  of the hidden layers: one name, or one for each
    output      activation of the last layer, which has one unit for each class, or for each target
    units       of the last layer: 1 is a single unit for two classes
    dropout     rate of a dropout layer after every hidden activation
    layers      every layer in short notation, the last included; those above are then None
    """

    aliases: ClassVar[Mapping[str, str]] = {"hidden_layer_sizes": "hidden"}

    hidden: Annotated[tuple[int, ...] | None, BeforeValidator(optional(_widths))] = (64,)
    activation: Annotated[str | tuple[str, ...] | None, BeforeValidator(optional(_activations))] = "relu"
    output: Annotated[str | None, BeforeValidator(optional(one_of(ACTIVATIONS, "activation")))] = "softmax"
    units: Annotated[int | None, BeforeValidator(optional(_single))] = None
    layers: Annotated[tuple[str, ...] | None, BeforeValidator(optional(_layers))] = None
    dropout: Annotated[float | None, BeforeValidator(optional(real("[0, 1)")))] = 0.0
    init: Annotated[Initializer, NamedSection(INITIALIZERS, "initializer")] = He()
    bias_init: Annotated[Initializer, NamedSection(INITIALIZERS, "initializer")] = Zeros()
    targets: Annotated[str, BeforeValidator(_targets)] = "one-hot"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in _SHORT if getattr(self, name) is not None]
        if self.layers is not None:
            both = [name for name in (*given, *["units"][: self.units or 0]) if name in self.model_fields_set]
            if both:
                raise ValueError(
                    f"has layers and also {', '.join(both)}; keep either layers or the short form ({', '.join(_SHORT)})"
                )
            self.__dict__.update(dict.fromkeys(_SHORT))
        elif len(given) < len(_SHORT):
            missing = next(name for name in _SHORT if name not in given)
            raise ValueError(f"needs {missing} where no layers are given; got {missing} = None")
        elif isinstance(self.activation, tuple) and len(self.activation) != len(self.hidden or ()):
            raise ValueError(
                f"has {len(self.activation)} activations for {len(self.hidden or ())} hidden layers; "
                f"give one name, or one for each hidden layer"
            )
        elif isinstance(self.activation, tuple) and len(set(self.activation)) == 1:
            self.__dict__["activation"] = self.activation[0]  # the same network has one spelling, so one id
        return self

    @model_serializer(mode="wrap")
    def _without_absent(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        return {key: value for key, value in values.items() if key != "units" or value is not None}  # ids are older

    def changed(self, **values: Any) -> Self:
        """A checked copy; giving `layers` replaces hidden, activation, output and dropout, and the other way round."""
        kept = {name: value for name, value in self if value is not None}
        if values.get("layers") is not None:
            kept = {name: value for name, value in kept.items() if name not in (*_SHORT, "units")}
        elif any(values.get(name) is not None for name in _SHORT):
            kept.pop("layers", None)
        return type(self)(**{**kept, **values})

    def layer_list(self, n_classes: int) -> tuple[Layer, ...]:
        """The layers of the network; in the short form the last is dense with one unit for each class, or `units`."""
        if self.layers is not None:
            return tuple(parse_layer(text) for text in self.layers)
        assert self.hidden is not None
        assert self.activation is not None
        assert self.output is not None
        names = (self.activation,) * len(self.hidden) if isinstance(self.activation, str) else self.activation
        dense, dropout = (LAYERS[kind] for kind in ("dense", "dropout"))  # as the table has them
        layers: list[Layer] = []
        for units, activation in zip(self.hidden, names, strict=True):
            layers.append(dense(units, activation))  # type: ignore[call-arg]
            if self.dropout:
                layers.append(dropout(self.dropout))  # type: ignore[call-arg]
        return (*layers, dense(self.units or n_classes, self.output))  # type: ignore[call-arg]


_WORDS = {CLASSIFICATION: "classes", REGRESSION: "targets", MULTI_LABEL: "labels"}
_USUAL = {CLASSIFICATION: "softmax", REGRESSION: "identity", MULTI_LABEL: "sigmoid"}


def build(section: NetworkSection, input_shape: Sequence[int], n_classes: int, task: str = CLASSIFICATION) -> Network:
    """The network of a section for examples of `input_shape`; raises NetworkError where it does not fit the data.

    n_classes: how many classes there are, or by `task` targets or labels.  Two classes can have a single output.

    >>> build(NetworkSection(hidden=[5, 3], dropout=0.1), (28, 28), 10).layer_names
    ('dense1', 'dropout1', 'dense2', 'dropout2', 'dense3')
    """
    layers, words = section.layer_list(n_classes), _WORDS[task]
    try:
        network = Network(tuple(input_shape), layers)
    except NetworkError as error:
        raise NetworkError(f"network.layers: {error}") from None
    last = network.layers[-1]
    if not last.ends_network:
        raise NetworkError(
            f"network.layers: the last layer is {str(last)!r}, but it has to give one output for each of the "
            f"{n_classes} {words}; end with 'dense {n_classes} {_USUAL[task]}'"
        )
    if network.n_outputs == 1 and n_classes == 2 and task == CLASSIFICATION:
        if last.activation not in THRESHOLDS:
            raise NetworkError(
                f"network.layers: the last layer, {str(last)!r}, has one unit for two classes, whose activation must "
                f"be {' or '.join(THRESHOLDS)}; write 'dense 1 sigmoid', or 'dense 2 {last.activation}', one each"
            )
        return network
    if network.n_outputs != n_classes:
        key = "network.units = 1" if section.units else f"network.layers: the last layer, {str(last)!r},"
        remedy = "take it out" if section.units else f"write 'dense {n_classes} {last.activation}'"
        raise NetworkError(
            f"{key} has {network.n_outputs:,} unit{'s' * (network.n_outputs > 1)}, but the data has "
            f"{n_classes} {words if n_classes > 1 else words[:-1]}; {remedy}"
        )
    return network
