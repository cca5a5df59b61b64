"""A record that is put into a public table from outside works on the reference at once, entered in one place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pytest
from array_api_compat import array_namespace

import handgrad as hg
from handgrad.errors import InputError, NetworkError, UnknownName
from handgrad.network import passes
from handgrad.network.activations import ACTIVATIONS, Activation
from handgrad.network.gradcheck import Combination, all_combinations, check, check_combination
from handgrad.network.initializers import INITIALIZERS, Initializer, Normal, initialize
from handgrad.network.layer import Gradients, Layer, Shape
from handgrad.network.layers import LAYERS, parse_layer
from handgrad.network.losses import LOSSES, Loss, check_fit
from handgrad.network.network import Network
from handgrad.network.network_section import NetworkSection, build
from handgrad.network.targets import TARGETS, encode


def softsign_forward(z: Any) -> Any:
    """a = z/(1 + |z|)."""
    return z / (1 + array_namespace(z).abs(z))


def softsign_backward(da: Any, a: Any) -> Any:
    """dz = da·(1 − |a|)²."""
    return da * (1 - array_namespace(a).abs(a)) ** 2


def normalized_forward(z: Any) -> Any:
    """a = z/√(1 + Σ_j z_j²): every element depends on its whole row."""
    return z / (1 + (z * z).sum(axis=-1, keepdims=True)) ** 0.5


def normalized_backward(da: Any, a: Any) -> Any:
    """dz = (da − a·Σ_j da_j·a_j)·√(1 − Σ_j a_j²)."""
    return (da - a * (da * a).sum(axis=-1, keepdims=True)) * (1 - (a * a).sum(axis=-1, keepdims=True)) ** 0.5


def huber_forward(a: Any, T: Any) -> Any:
    """Σ_j ½e² where |e| ≤ 1, else |e| − ½, with e = a_j − T_j."""
    xp = array_namespace(a)
    e = xp.abs(a - T)
    return xp.sum(xp.where(e <= 1, e * e / 2, e - 0.5), axis=-1)


def huber_backward(a: Any, T: Any) -> Any:
    """da = e, no longer than 1 to either side."""
    return array_namespace(a).clip(a - T, -1, 1)


@dataclass(frozen=True)
class Scale(Layer):
    """`scale`: z = x·s, with one number for every unit."""

    kind: ClassVar[str] = "scale"
    ends_network: ClassVar[bool] = True
    initial: ClassVar = {"s": 1.0}

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"s": shape}

    def forward(self, x: Any, params: Any, mask: Any, training: bool) -> Any:
        return x * params["s"]

    def backward(self, dz: Any, x: Any, params: Any, mask: Any, needs_dx: bool) -> Gradients:
        return dz * params["s"], {"s": (dz * x).sum(axis=0)}


@dataclass(frozen=True)
class Noise(Layer):
    """`noise STD`: in training x plus numbers at random; counts the batches it has seen in a buffer."""

    std: float
    kind: ClassVar[str] = "noise"
    initial: ClassVar = {"batches": 0.0}
    buffers: ClassVar = ("batches",)

    @classmethod
    def parse(cls, words: Any) -> Self:
        return cls(float(words[0]))

    def __str__(self) -> str:
        return f"noise {self.std!r}"

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"batches": (1,)}

    def mask(self, key: Any, step: Any, position: int, shape: Shape, like: Any, rate: Any = None) -> Any:
        return np.random.default_rng([key, step, position]).normal(0, self.std, shape).astype(like.dtype)

    def forward(self, x: Any, params: Any, mask: Any, training: bool) -> Any:
        return x if mask is None else x + mask

    def backward(self, dz: Any, x: Any, params: Any, mask: Any, needs_dx: bool) -> Gradients:
        return dz, {}

    def updated_buffers(self, x: Any, params: Any) -> dict[str, Any]:
        return {"batches": params["batches"] + 1}


class Sparse(Initializer):
    """One weight in `every` is N(0, std²), the others are 0."""

    name: Literal["sparse"] = "sparse"
    every: int = 4
    std: float = 1.0

    def draw(self, rng: Any, shape: Any, n_in: int, n_out: int, gain: float) -> np.ndarray:
        W = rng.normal(0, self.std, shape)
        W.ravel()[np.arange(W.size) % self.every != 0] = 0
        return W


ADDED = {
    "softsign": (ACTIVATIONS, Activation("softsign", softsign_forward, softsign_backward, "a = z/(1 + |z|)")),
    "normalized": (
        ACTIVATIONS,
        Activation("normalized", normalized_forward, normalized_backward, "a = z/√(1 + Σ z²)", rowwise=True),
    ),
    "huber": (LOSSES, Loss("huber", huber_forward, huber_backward, "Σ_j huber(a_j − T_j)")),
    "scale": (LAYERS, Scale),
    "noise": (LAYERS, Noise),
    "sparse": (INITIALIZERS, Sparse),
    "smoothed": (TARGETS, (0.1, 0.9)),
}


@pytest.fixture(autouse=True)
def additions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (table, record) in ADDED.items():
        monkeypatch.setitem(table, name, record)  # type: ignore[arg-type]


def trained(network: dict[str, Any], **training: Any) -> hg.Record:
    data = {"name": "digits", "validation": {"size": 300}}
    given = {"epochs": 3, "engine": "array", "optimizer": {"name": "adam", "lr": 0.01}, **training}
    return hg.train({"data": data, "network": network, "training": given}, seed=1)


def learns(record: hg.Record) -> bool:
    losses = record.history["val_loss"]
    return record.data["status"] == "done" and losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(
    ("network", "training"),
    [
        ({"activation": "softsign"}, {}),
        ({"hidden": [20], "activation": "normalized", "output": "softsign"}, {"loss": "squared-error"}),
        ({"output": "identity"}, {"loss": "huber"}),
        ({"layers": ["dense 20 relu", "scale", "noise 0.01", "dense 10 softmax"]}, {}),
        ({"layers": ["dense 10 tanh", "scale"]}, {}),
        ({"init": {"name": "sparse", "every": 3}, "bias_init": "sparse"}, {}),
        ({"output": "sigmoid", "targets": "smoothed"}, {"loss": "huber"}),
    ],
)
def test_it_trains_on_the_reference_and_its_setting_is_read_back(network, training):
    record = trained(network, **training)
    assert learns(record)
    kept = record.data["setting"]["network"]
    assert NetworkSection(**kept).model_dump(mode="json") == kept
    assert record.model.network.describe() == record.data["network"]["layers"]


def of_additions() -> Iterator[Combination]:
    """The combinations of `handgrad gradcheck` in which an added record takes part, a few of each kind."""
    found: dict[tuple[str, ...], Combination] = {}
    for one in all_combinations():
        if added := [name for name in (one.activation, one.output, one.loss, one.targets) if name in ADDED]:
            found.setdefault((*added, str(one.image_layers), str(one.depth)), one)
    yield from found.values()


def test_gradcheck_takes_it_into_its_combinations():
    chosen = list(of_additions())
    names = {name for one in chosen for name in (one.activation, one.output, one.loss, one.targets)}
    assert {"softsign", "normalized", "huber", "smoothed"} <= names
    assert "softsign" in {one.activation for one in chosen if one.image_layers}
    assert "normalized" not in {one.activation for one in chosen if one.image_layers}
    failed = [str(one) for one in chosen if not all(row.ok for row in check_combination(one))]
    assert failed == []


@pytest.mark.parametrize("layers", [["scale", "dense 3 tanh", "scale"], ["dense 4 tanh", "scale", "dense 3 relu"]])
def test_the_gradients_of_an_added_layer_are_checked(layers, monkeypatch):
    network = Network.parse((5,), *layers)
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=shape) for name, shape in network.parameter_shapes.items()}
    x, T = rng.normal(size=(4, 5)), encode(np.array([0, 2, 1, 0]), 3, "one-hot", np.float64)
    assert all(row.ok for row in check(network, params, x, T, "squared-error"))
    right = Scale.backward

    def wrong(*arguments: Any) -> Gradients:
        dx, grads = right(*arguments)
        return dx, {"s": 1.001 * grads["s"]}

    monkeypatch.setattr(Scale, "backward", wrong)
    names = {row.parameter for row in check(network, params, x, T, "squared-error") if not row.ok}
    assert names == {name for name in params if name.startswith("scale")}


def test_its_layer_is_named_counted_and_drawn_like_any_other():
    network = Network.parse((3,), "scale", "dense 2", "noise 0.5", "scale")
    assert network.layer_names == ("scale1", "dense1", "noise1", "scale2")
    assert network.parameter_shapes["scale2.s"] == (2,)
    assert network.parameter_count == 3 + 6 + 2 + 2  # not the buffer
    assert network.buffer_names == {"noise1.batches"}
    params = initialize(network, Normal(), Normal(), 0)
    assert params["scale1.s"].tolist() == [1, 1, 1]
    without = initialize(Network.parse((3,), "dense 2"), Normal(), Normal(), 0)
    np.testing.assert_array_equal(params["dense1.W"], without["dense1.W"])
    masks = passes.masks(network, 1, 0, 4, like=params["dense1.W"])
    assert {i: mask.shape for i, mask in masks.items()} == {2: (4, 2)}
    x, T = np.ones((4, 3), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    _, grads, trace = passes.loss_and_gradients(network, params, x, T, "huber", "mean", masks=masks)
    assert grads.keys() == params.keys() - network.buffer_names
    assert passes.updated_buffers(network, params, trace)["noise1.batches"].tolist() == [1]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["dense 4", "scale 3", "dense 10"], "'scale 3': write: scale, with nothing after it; got '3'"),
        (["scal", "dense 10"], r"unknown layer 'scal'; did you mean 'scale'\? Known: dense, .*, scale, noise"),
        (["conv 2 3x3 normalized", "dense 10"], "a conv layer can have: identity, .*, leaky-relu, softsign"),
        (["batch-norm softsigm", "dense 10"], r"did you mean 'softsign'\?"),
    ],
)
def test_messages_know_it(layers, message):
    with pytest.raises(InputError, match=message):
        NetworkSection(layers=layers)


def test_what_cannot_go_together_is_refused_by_name():
    with pytest.raises(
        NetworkError, match=r"set network.output to one of: log-softmax; or training.loss to one of: .*huber"
    ):
        check_fit("nll", "softsign", "one-hot")
    with pytest.raises(NetworkError, match=r'set network.targets = "one-hot"; or training.loss to one of: .*huber'):
        check_fit("cross-entropy", "softmax", "smoothed")
    both = replace(LOSSES["huber"], only_targets=frozenset({"one-hot", "smoothed"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LOSSES, "huber", both)
        with pytest.raises(NetworkError, match=r"set network.targets to one of: one-hot, smoothed; or training.loss"):
            check_fit("huber", "tanh", "plus-minus-one")
    with pytest.raises(NetworkError, match=r"'noise 0.5', but it has to give one output for each of the 10 classes"):
        build(NetworkSection(layers=["dense 10", "noise 0.5"]), (4,), 10)
    with pytest.raises(InputError, match=r"init.evry is an unknown key; did you mean 'every'"):
        NetworkSection(init={"name": "sparse", "evry": 2})


def test_a_reduction_that_is_unknown_never_runs_as_another():
    network = Network.parse((3,), "dense 2")
    params = initialize(network, Normal(), Normal(), 0)
    with pytest.raises(UnknownName, match=r"unknown batch reduction 'average'.* Known: mean, sum"):
        passes.loss_and_gradients(network, params, np.ones((1, 3)), np.eye(2)[:1], "huber", "average")


def test_a_layer_without_its_mathematics_is_refused_before_it_runs(monkeypatch):
    @dataclass(frozen=True)
    class Half(Layer):
        kind: ClassVar[str] = "half"

        def forward(self, x: Any, params: Any, mask: Any, training: bool) -> Any:
            return x

    monkeypatch.setitem(LAYERS, "half", Half)
    with pytest.raises(NetworkError, match="'half': layer 'half' has no backward"):
        parse_layer("half")
