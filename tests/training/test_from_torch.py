"""A PyTorch module becomes a network of handgrad that gives what it gave; what cannot be taken is said by name."""

import re
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import handgrad as hg
from handgrad.errors import InputError, WeightsError

pytestmark = pytest.mark.filterwarnings("error")


class Convolutional(nn.Module):
    """As in PyTorch's example of MNIST: functions, view, the activation after the pool, dropout by self.training."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc1 = nn.Linear(36, 10)
        self.rest = nn.Sequential(
            nn.BatchNorm1d(10, eps=1e-3, momentum=0.3), nn.Sequential(nn.ReLU(), nn.Linear(10, 3))
        )

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv(x), 2))
        x = x.view(-1, 36).view(x.size(0), -1)
        x = F.dropout(self.fc1(x), 0.25, training=self.training)
        return F.log_softmax(self.rest(x), dim=1)


MODULES = {
    "dense": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 6), nn.ReLU(), nn.Dropout(0.2),
                              nn.Linear(6, 3)),
        (4,), {}, {"hidden": [8, 6], "activation": "relu", "output": "identity", "dropout": 0.2}, [],
    ),
    "a module of its own": (
        Convolutional, (1, 8, 8), {"input_shape": (1, 8, 8)},
        {"layers": ["conv 4 3x3 stride 1 pad 0 relu", "max-pool 2x2 stride 2", "dense 10 identity", "dropout 0.25",
                    "batch-norm relu", "dense 3 log-softmax"]},
        ["batch norm here has ε = 1e-05, there 0.001", "running statistics of batch norm take 0.1 of each batch here"],
    ),
    "colour pictures": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding="same", bias=False), nn.BatchNorm2d(4, affine=False),
                              nn.LeakyReLU(), nn.AdaptiveAvgPool2d((2, 1)), nn.Flatten(), nn.Linear(8, 1),
                              nn.Sigmoid()),
        (3, 8, 6), {"input_shape": (3, 8, 6)},
        {"layers": ["conv 4 3x3 stride 1 pad 1 identity", "batch-norm leaky-relu", "average-pool 4x6 stride 4x6",
                    "dense 1 sigmoid"]},
        ["a layer without bias has one here", "batch norm without γ and β has them here"],
    ),
    "one layer": (lambda: nn.Linear(3, 2), (3,), {}, {"hidden": [], "output": "identity"}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_gives_here_what_it_gave_there(name):
    make, shape, given, table, notes = MODULES[name]
    torch.manual_seed(0)
    module = make()
    for _ in range(3):
        module(torch.rand(20, *shape))  # moves running statistics
    modes = [one.training for one in module.modules()]
    found = hg.from_torch(module, **given)
    assert [one.training for one in module.modules()] == modes
    assert found.table == table
    assert [said.startswith(wanted) for said, wanted in zip(found.notes, notes, strict=True)] == [True] * len(notes)
    x = torch.rand(7, *shape)
    with torch.no_grad():
        there = module.eval()(x).numpy()
    np.testing.assert_allclose(found.model.outputs(x.numpy()), there, rtol=1e-5, atol=2e-7)


def test_the_table_is_a_study_s_and_the_weights_go_into_its_network():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.Tanh(), nn.Linear(6, 10))
    found = hg.from_torch(module)
    setting = {"network": found.table}
    assert found.text == '[network]\nhidden = [6]\nactivation = "tanh"\noutput = "identity"\n'
    model = hg.import_model(found, setting)
    assert model.network.describe() == found.network.describe()
    x = hg.load_data("digits").x_train[:5]
    np.testing.assert_allclose(
        model.outputs(x), module(torch.tensor(x / 16).float()).detach().numpy(), rtol=1e-4, atol=1e-6
    )
    with pytest.raises(WeightsError, match="the setting has dense 6 relu, dense 10 identity"):
        hg.import_model(found, {"network": {**found.table, "activation": "relu"}})
    with pytest.raises(WeightsError, match=r"on examples \(2, 8, 4\); the setting has dense 6 tanh"):
        hg.import_model(hg.from_torch(module, input_shape=(2, 8, 4)), setting)
    assert "hidden      [6]" in str(found)


def test_float64_stays_and_half_precision_becomes_float32():
    assert hg.from_torch(nn.Linear(2, 2).double()).params["dense1.W"].dtype == np.float64
    assert hg.from_torch(nn.Linear(2, 2).bfloat16()).params["dense1.W"].dtype == np.float32


def test_frozen_weights_are_noted():
    module = nn.Linear(2, 2)
    module.weight.requires_grad = False
    assert hg.from_torch(module).notes == ("weights that are frozen there (requires_grad=False) are trained here",)


def quantized():
    with warnings.catch_warnings(action="ignore"):  # PyTorch means to give it up
        return torch.ao.nn.quantized.dynamic.Linear(2, 2)


REFUSED = [
    (lambda: nn.Sequential(nn.Linear(4, 3), nn.GELU(), nn.LSTM(3, 3), nn.Linear(3, 3), nn.LayerNorm(3),
                           nn.Softmax(dim=0)), None,
     ["1 (GELU): handgrad has no such activation; take relu", "2 (LSTM): handgrad has no recurrent layers",
      "4 (LayerNorm): handgrad has BatchNorm1d and BatchNorm2d", "5 (Softmax): dim = 0; here it is over the units"]),
    (lambda: nn.Sequential(nn.Conv2d(2, 2, 3, dilation=2, groups=2, padding_mode="reflect"),
                           nn.MaxPool2d(2, padding=1)),
     (2, 8, 8),
     ["0 (Conv2d): dilation = (2, 2), here 1; groups = 2, here 1; padding_mode = 'reflect', here 'zeros'",
      "1 (MaxPool2d): padding = 1, which pools here do not have"]),
    (lambda: nn.Conv2d(1, 2, 4, padding="same"), (1, 8, 8), ["padding = 'same' of 4x4 filters differs on two sides"]),
    (lambda: nn.Sequential(nn.Conv2d(1, 2, 4), nn.MaxPool2d(2)), (1, 8, 8),
     ["1 (MaxPool2d): its windows do not divide the images of 5x5", "the last 1 row and 1 column would be left out"]),
    (lambda: nn.Conv2d(1, 2, 3), None, ["nothing says the shape of the examples; give input_shape=(channels, rows"]),
    (lambda: nn.Sequential(nn.Flatten(), nn.Linear(60, 3)), (1, 8, 8), ["takes 60 numbers and gets 64, with examp"]),
    (lambda: nn.Linear(8, 3), (1, 8, 8), ["works on the last axis of images (1, 8, 8); flatten them before it"]),
    (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), (1, 8, 8), ["it ends with 'flatten'; a network here"]),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh(), nn.LeakyReLU(0.2)), None,
     ["2 (Tanh): tanh comes after relu; a layer here has one activation",
      "leaky ReLU has the slope 0.01 here, there 0.2"]),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1), nn.Tanh(), nn.Linear(2, 2)), None,
     ["2 (Tanh): tanh comes after dropout, which has no activation here; put it before that layer"]),
    (lambda: nn.Sequential(nn.ReLU(), nn.Linear(2, 2)), None, ["0 (ReLU): relu comes before every layer"]),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)), None,
     ["track_running_stats = False"]),
    (lambda: nn.LazyLinear(3), None, ["is lazy and has no weights yet; call the module once there"]),
    (lambda: nn.Linear(2, 2, device="meta"), None,
     ["0: is on the device 'meta', which holds no numbers; make room", "module.to_empty(device='cpu'), then"]),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.ReLU(), nn.Linear(2, 2)), None,
     ["2 (ReLU): relu comes after relu; a layer here has one activation: leave it out there, as it changes nothing"]),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh(), nn.Linear(2, 2)), None,
     ["one activation: leave one of the two out and train it again, or put a dense layer"]),
    (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), None,
     ["0: makes its weights anew at each call, as weight_norm and spectral_norm do; make them plain there: "
      "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')"]),
    (lambda: nn.utils.spectral_norm(nn.Linear(2, 2)), None,
     ["0: has hooks, which can change its numbers; remove them there: torch.nn.utils.remove_spectral_norm(layer)"]),
    (lambda: nn.Sequential(quantized()), None,
     ["0 (Linear): is quantized; give the module as it was before that, with its weights in float32"]),
    (lambda: nn.Sequential(), None, ["it has no layer with weights"]),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(("make", "shape", "lines"), REFUSED, ids=[lines[0][:30] for *_, lines in REFUSED])
def test_everything_that_cannot_be_taken_is_said_at_once(make, shape, lines):
    with pytest.raises(InputError) as said:
        hg.from_torch(make(), input_shape=shape)
    assert [line for line in lines if line not in str(said.value)] == []
    assert all(line.startswith("PyTorch's module: ") for line in str(said.value).splitlines())


def module_of(forward):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.scale = nn.Linear(4, 4), nn.Linear(4, 2), nn.Parameter(torch.ones(1))

    Two.forward = forward
    return Two()


def differs(self, x):
    return self.b(self.a(x).relu()) if self.training else self.b(self.a(x))


def decides(self, x):
    return self.b(x) if x.sum() > 0 else self.a(x)


FORWARDS = [
    (lambda self, x: self.b(x + torch.relu(self.a(x))), "add: takes x, relu, not what the layer before it gives"),
    (lambda self, x: self.b(self.a(self.a(x))), "a_1: is called twice with the same weights"),
    (lambda self, x: self.b(F.linear(x, self.a.weight)), "linear: takes x, a_weight, not what the layer before"),
    (lambda self, x: self.b(self.a(x) * self.scale), "mul: takes a, scale, not what"),
    (lambda self, x: self.b(self.a(x) * 2), "mul: calls mul, which is no layer that can be taken"),
    (lambda self, x: (self.a(x), x), "output: takes a, x, not what the layer before it gives"),
    (lambda self, x: self.b(F.gelu(self.a(x))), "gelu (GELU): handgrad has no such activation"),
    (lambda self, x: self.b(F.dropout(self.a(x))), "dropout: drops units in use as well; write F.dropout(x, p,"),
    (lambda self, x: self.b(self.a(x).reshape(-1, 2)), "reshape: makes the shape (-1, 2); here examples are flatt"),
    (lambda self, x: self.b(torch.flatten(x)), "flatten (Flatten): start_dim = 0, end_dim = -1; here whole examples"),
    (lambda self, x, y: self.b(x + y), "y: takes nothing, not what the layer before it gives"),
    (differs, "forward: does something else in training than in use"),
    (decides, "forward cannot be followed (symbolically traced variables cannot be used as inputs to control flow)"),
]  # fmt: skip


@pytest.mark.parametrize(("forward", "message"), FORWARDS, ids=[message[:25] for _, message in FORWARDS])
def test_a_forward_that_is_no_row_of_layers_is_refused_with_the_place(forward, message):
    with pytest.raises(InputError, match=re.escape(message)):
        hg.from_torch(module_of(forward), input_shape=4)


def test_hooks_are_refused():
    module = nn.Linear(2, 2)
    module.register_forward_hook(lambda module, given, found: found * 2)
    with pytest.raises(InputError, match="0: has hooks, which can change its numbers"):
        hg.from_torch(module)


def test_what_the_remedies_give_is_taken():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    nn.utils.parametrize.remove_parametrizations(layer, "weight")
    x = np.float32([[1, -2]])
    np.testing.assert_allclose(hg.from_torch(layer).model.outputs(x), layer(torch.tensor(x)).detach(), rtol=1e-6)
    empty = nn.Linear(2, 2, device="meta").to_empty(device="cpu")
    empty.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(hg.from_torch(empty).model.outputs(x), hg.from_torch(layer).model.outputs(x))


def test_what_is_no_module():
    with pytest.raises(InputError, match=r"module must be a torch.nn.Module; got 3. Weights alone \(a state_dict"):
        hg.from_torch(3)
    with pytest.raises(InputError, match=r"input_shape must be \(columns,\) or \(channels, rows, cols\).* got 'a'"):
        hg.from_torch(nn.Linear(2, 2), input_shape="a")
