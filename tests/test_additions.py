"""What a study file can name is one record of one public table, and never runs as something else.

A made-up record is put into every table from outside the package.  Every consumer of that table then agrees with the
reference, or refuses the record by name and says what to do; tables and consumers are found, not listed, so that a new
one that nobody thought of fails here.
"""

import ast
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
from array_api_compat import array_namespace

import handgrad as hg
from handgrad.data.scaling import SCALES, Scale, Scaling, fit
from handgrad.errors import HandgradError, InputError
from handgrad.network.activations import ACTIVATIONS, Activation
from handgrad.network.dropout import Dropout
from handgrad.network.initializers import INITIALIZERS, Initializer
from handgrad.network.layer import Layer
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES, Loss
from handgrad.network.targets import TARGETS
from handgrad.training.exchange import WRITTEN
from handgrad.training.optimizers import OPTIMIZERS, Optimizer
from handgrad.training.record import load, save
from handgrad.training.run import Run, Setting
from handgrad.training.schedules import SCHEDULES, Schedule
from handgrad.training.slips import SLIPS
from handgrad.training.step_functions import Slip
from handgrad.training.training_section import ENGINES
from tests.training.conftest import make_split

SOURCE = Path(hg.__file__).parent


# -- one made-up record for every table


def softsign_forward(z):
    return z / (1 + abs(z))


def softsign_backward(da, a):
    return da * (1 - abs(a)) ** 2


def quartic_forward(o, T):
    return array_namespace(o).sum((o - T) ** 4, axis=-1)


def quartic_backward(o, T):
    return 4 * (o - T) ** 3


class Signs(Optimizer):
    """Steps by the sign of the momentum."""

    name: Literal["signs"] = "signs"
    slots: ClassVar = ("v",)

    def update(self, w, dw, slots, lr, t):
        v = 0.9 * slots[0] + dw
        return w - lr * array_namespace(v).sign(v), (v,)


@dataclasses.dataclass(frozen=True)
class Gate(Layer):
    """z = x·g, with one g for each unit."""

    kind: ClassVar[str] = "gate"
    initial: ClassVar = {"g": 0.5}

    def parameter_shapes(self, shape):
        return {"g": shape}

    def forward(self, x, params, mask, training):
        return x * params["g"]

    def backward(self, dz, x, params, mask, needs_dx):
        return dz * params["g"], {"g": array_namespace(dz).sum(dz * x, axis=0)}


class Eighths(Initializer):
    """Every weight is 1/8."""

    name: Literal["eighths"] = "eighths"

    def draw(self, rng, shape, n_in, n_out, gain):
        return np.full(shape, 0.125)


class Thirds(Schedule):
    name: Literal["thirds"] = "thirds"

    def multipliers(self, e, epochs, history):
        return np.full_like(e, 1 / 3)


def doubled(x, value_range):
    return Scaling(0.0, 0.5, False, "2 x")


def without_gradient_of_weights(right, at):
    def layer_backward(layer, dz, x, params, mask, needs_dx):
        dx, grads = right(layer, dz, x, params, mask, needs_dx)
        return dx, grads | ({"W": 0 * grads["W"]} if "W" in grads else {})

    return layer_backward


TEXTS = ("dW = 0", "dW = xᵀ @ dz", "a line is missing", "dW is 0", "weights stay")
UNTAUGHT = Slip("weights-not-updated", "layer_backward", "dW", *TEXTS, without_gradient_of_weights, "nothing",
                lambda network, training: True)  # fmt: skip

ADDED = {  # table: (name, record, the sections that name it, how messages call it)
    "ACTIVATIONS": (ACTIVATIONS, "softsign", Activation("softsign", softsign_forward, softsign_backward, "z/(1+|z|)"),
                    {"network": {"activation": "softsign"}}, "activation"),
    "LOSSES": (LOSSES, "quartic", Loss("quartic", quartic_forward, quartic_backward, "Σ_j (a_j − T_j)⁴"),
               {"network": {"output": "sigmoid"}, "training": {"loss": "quartic"}}, "loss"),
    "OPTIMIZERS": (OPTIMIZERS, "signs", Signs, {"training": {"optimizer": "signs"}}, "optimizer"),
    "LAYERS": (LAYERS, "gate", Gate, {"network": {"layers": ["dense 5 tanh", "gate", "dense 3 softmax"]}}, "layer"),
    "INITIALIZERS": (INITIALIZERS, "eighths", Eighths, {"network": {"init": "eighths"}}, "init"),
    "SCHEDULES": (SCHEDULES, "thirds", Thirds, {"training": {"schedule": "thirds"}}, "schedule"),
    "TARGETS": (TARGETS, "zero-two", (0.0, 2.0), {"network": {"targets": "zero-two", "output": "sigmoid"},
                "training": {"loss": "squared-error"}}, "encoding of targets"),
    "SLIPS": (SLIPS, "weights-not-updated", UNTAUGHT, {"training": {"slips": ["weights-not-updated"]}}, "slip"),
    "SCALES": (SCALES, "doubled", Scale("doubled", "2 x", doubled), {"data": {"scale": "doubled"}}, "scale"),
}  # fmt: skip
STEP = ("ACTIVATIONS", "LOSSES", "OPTIMIZERS", "LAYERS", "SLIPS")  # of what the operations of a step are made
REST = {  # tables that are tried elsewhere, or that nothing can be added to
    "DATASETS": "tests/data/test_additions.py",
    "PICKS": "names of what `datasets.split` does",
    "COLORS": "of Pillow's modes",
    "FIGURES": "tests/report/test_additions.py",
    "EXPORTS": "tests/report/exports/test_exports.py",
    "COUNTS": "words of an option",
    "AGAINST": "words of an option",
    "REDUCTIONS": "words of an option",
    "RUNNERS": "tests/study/test_additions.py",
    "TABLES": "tests/study/test_additions.py",
    "CLAIMS": "tests/study/published/test_statements.py",
    "RULES": "tests/study/test_additions.py",
    "SAMPLERS": "tests/study/test_additions.py",
    "DISTRIBUTIONS": "tests/study/test_additions.py",
    "ENGINES": "one module each, which `training.engines` opens",
    "DEVICES": "what PyTorch and JAX call them",
    "ARRAYS": "what array-api-compat knows",
    "LAYOUTS": "other libraries' orders of axes",
    "SOURCES": "the streams of random numbers that a run has: a closed table",
    "CELLS": "words of an option",
    "DECIMALS": "signs before decimals",
    "PARTS": "parts of the data",
    "DASHES": "what Matplotlib and Plotly call them",
    "WHEN": "words of an option",
    "LOG": "a word of an option",
    "DRAW": "a word of an option",
    "METHODS": "words of an option",
    "KINDS": "of axes, by the values that they have",
    "MEASURES": "handgrad.measures",
    "METRICS": "handgrad.measures",
    "VALIDATION_METRICS": "handgrad.measures",
    "SEARCH_METRICS": "handgrad.measures",
    "RANKS": "a word of an option",
    "UNITS": "of published numbers",
    "SCORES": "handgrad.measures",
    "TASKS": "handgrad.measures: a closed table",
    "TARGET_SCALES": "words of an option",
    "VALUES": "targets that are no classes, and so have no encoding",
    "LOSSES_OF_NUMBERS": "scikit-learn's names: a closed table",
    "FILLS": "words of an option",
    "SHELLS": "those that completion is written for",
}


def make_setting(table, **training):
    sections = ADDED[table][3]
    network = {**({} if "layers" in sections.get("network", {}) else {"hidden": [5]}), **sections.get("network", {})}
    plain = {"epochs": 2, "batch_size": 16, "optimizer": {"name": "sgd", "lr": 0.05}}
    return Setting.checked({
        "data": sections.get("data", {}),
        "network": network,
        "training": {**plain, **sections.get("training", {}), **training},
    })  # fmt: skip


@pytest.fixture(params=ADDED)
def table(request, monkeypatch):
    """The name of a table with a record that was put into it."""
    where, name, record, _, _ = ADDED[request.param]
    monkeypatch.setitem(where, name, record)
    return request.param


def trained(table, **training):
    """A record on clouds, whose data section says how they are scaled as well."""
    from handgrad.training.loop import execute

    return execute(Run(make_setting(table, **training), 1, "0" * 64), make_split())


def is_refusal(error, table):
    """Whether a message names what is refused and says what to do."""
    _, name, _, _, kind = ADDED[table]
    return f"{kind} {name!r}" in str(error) and re.search(r"; (set|export|write) ", str(error)) is not None


# -- every consumer


def outcome_of(call):
    """What a call returns, or the error that it raises for the user."""
    try:
        return call()
    except HandgradError as error:
        return error


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_every_engine_agrees_with_the_reference_or_refuses_by_name(table, engine):
    reference = trained(table, engine="array", dtype="float64")
    found = outcome_of(lambda: trained(table, engine=engine, dtype="float64"))
    if isinstance(found, HandgradError):
        assert table in STEP
        assert engine != "auto"
        assert is_refusal(found, table), str(found)
        return
    assert found.status == reference.status == "done"
    for name, w in reference.params.items():
        np.testing.assert_allclose(found.params[name], w, rtol=1e-9, atol=1e-12, err_msg=name)
    if engine == "auto":
        assert found.engine["name"] == ("array" if table in STEP else "compiled")
        assert ("why" in found.engine) == (table in STEP)


@pytest.mark.parametrize("ending", WRITTEN)
def test_every_exporter_agrees_with_the_reference_or_refuses_by_name(table, ending, tmp_path):
    record = trained(table, engine="array")
    x = make_split().test.x
    path = tmp_path / f"model{ending}"
    refused = outcome_of(lambda: hg.export_model(record, path))
    if isinstance(refused, HandgradError):
        assert table in STEP
        assert is_refusal(refused, table), str(refused)
        assert not path.exists()
        return
    if ending == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path.read_bytes())
        np.testing.assert_allclose(session.run(None, {"x": x})[0], record.model.outputs(x), rtol=1e-4, atol=1e-6)
        return
    layout = "handgrad" if ending == ".npz" else None
    params = hg.import_model(path, make_setting(table), data=as_data(), layout=layout).params
    assert {name: w.tobytes() for name, w in params.items()} == {name: w.tobytes() for name, w in record.params.items()}


def as_data():
    split = make_split()
    return hg.from_arrays(split.train.x, split.train.y, split.test.x, split.test.y)


def test_a_record_under_an_old_name_is_no_kernel(monkeypatch):
    """Whoever replaces an activation does not get the compiled one: neither its forward nor its backward."""
    for changes in ({"forward": softsign_forward, "backward": softsign_backward}, {"backward": softsign_backward}):
        with monkeypatch.context() as patch:
            patch.setitem(ACTIVATIONS, "tanh", dataclasses.replace(ACTIVATIONS["tanh"], **changes))
            setting = Setting.checked({"network": {"activation": "tanh"}})
            assert setting.resolved().training.engine == "array"
            with pytest.raises(InputError, match="the compiled engine has no kernel for activation 'tanh'; set "):
                setting.changed(training=setting.training.changed(engine="compiled")).network_for(
                    (4,), 3, has_validation=True
                )


def test_two_activations_of_one_name_share_no_program(monkeypatch):
    """The jax engine keeps compiled programs by what they are made of."""
    losses = []
    for power in (2, 3):
        record = Activation("bent", lambda z, p=power: z**p, lambda da, a, p=power: da, "z^p")
        monkeypatch.setitem(ACTIVATIONS, "bent", record)
        setting = Setting.checked({"network": {"activation": "bent", "hidden": [4]},
                                   "training": {"engine": "jax", "epochs": 1}})  # fmt: skip
        from handgrad.training.loop import execute

        losses.append(execute(Run(setting, 1, "0" * 64), make_split()).curves["loss_per_step"][0])
    assert losses[0] != losses[1]


def test_a_key_of_an_optimizer_that_is_no_number_is_refused_where_numbers_are_needed(monkeypatch):
    class Modal(Signs):
        name: Literal["modal"] = "modal"
        mode: str = "up"

    monkeypatch.setitem(OPTIMIZERS, "modal", Modal)
    setting = Setting.checked({"training": {"optimizer": "modal", "engine": "jax"}})
    with pytest.raises(InputError, match=r"as numbers, and mode of optimizer 'modal' is 'up'; set training.engine = "):
        setting.network_for((4,), 3, has_validation=True)


REPLACED = {  # what of a record or a name was changed: (table, name, the new record, network, training)
    "gain": (ACTIVATIONS, "tanh", dataclasses.replace(ACTIVATIONS["tanh"], gain=3.0), {"activation": "tanh"}, {}),
    "rowwise": (ACTIVATIONS, "softmax", dataclasses.replace(ACTIVATIONS["softmax"], rowwise=False), {}, {}),
    "fused with": (LOSSES, "cross-entropy", dataclasses.replace(LOSSES["cross-entropy"], fused_with=None), {}, {}),
    "another of the package": (ACTIVATIONS, "relu", ACTIVATIONS["tanh"], {}, {}),
    "another loss": (LOSSES, "squared-error", LOSSES["half-squared-error"], {"output": "sigmoid"},
                     {"loss": "squared-error"}),
    "targets": (LOSSES, "nll", dataclasses.replace(LOSSES["nll"], only_targets=None), {"output": "log-softmax"},
                {"loss": "nll"}),
}  # fmt: skip


@pytest.mark.parametrize("what", REPLACED)
@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_a_record_that_was_changed_in_any_part_is_another_one(what, engine, monkeypatch):
    table, name, record, network, training = REPLACED[what]
    tables = {"network": {"hidden": [4], **network}, "training": training}
    before = Run(Setting.checked(tables), 1, "0" * 64).id
    monkeypatch.setitem(table, name, record)
    assert Run(Setting.checked(tables), 1, "0" * 64).id != before
    setting = Setting.checked({**tables, "training": {**training, "engine": engine}})
    with pytest.raises(InputError, match=rf"the {engine} engine has no .*{name}.*; set training.engine"):
        setting.network_for((4,), 3, has_validation=True)


def test_a_scale_of_the_package_under_another_name_is_another_run(monkeypatch):
    before = Run(Setting.checked({}), 1, "0" * 64).id
    monkeypatch.setitem(SCALES, "unit", SCALES["standard"])
    assert Run(Setting.checked({}), 1, "0" * 64).id != before


@dataclasses.dataclass(frozen=True)
class Quiet(Dropout):
    """Dropout that drops nothing: its parent's class must not decide what runs."""

    kind: ClassVar[str] = "quiet"

    def __str__(self):
        return f"quiet {self.rate}"

    def mask(self, key, step, position, shape, like, rate=None):
        return None


def test_a_subclass_of_a_layer_does_not_run_as_its_parent(monkeypatch):
    from handgrad.training.loop import execute

    monkeypatch.setitem(LAYERS, "quiet", Quiet)
    params = {}
    for engine in ("array", "jax"):
        layers = ["dense 8 tanh", "quiet 0.5", "dense 3 softmax"]
        training = {"engine": engine, "epochs": 1, "dtype": "float64"}
        setting = Setting.checked({"network": {"layers": layers}, "training": training})
        params[engine] = execute(Run(setting, 1, "0" * 64), make_split()).params
    for name, w in params["array"].items():
        np.testing.assert_allclose(params["jax"][name], w, rtol=1e-9, atol=1e-12)


def test_a_class_that_forgets_its_kind_is_refused(monkeypatch):
    monkeypatch.setitem(LAYERS, "twice", type("Twice", (Gate,), {"__module__": __name__}))
    with pytest.raises(HandgradError, match="the class of layer 'twice' calls itself 'gate'; give it kind = 'twice'"):
        Setting.checked({"network": {"layers": ["twice", "dense 3 softmax"]}})


def test_a_replaced_layer_is_what_the_short_form_means(monkeypatch):
    monkeypatch.setitem(LAYERS, "dense", type("Other", (LAYERS["dense"],), {"__module__": __name__}))
    for network in ({"hidden": [4]}, {"layers": ["dense 4 relu", "dense 3 softmax"]}):
        built = Setting.checked({"network": network}).network_for((4,), 3, has_validation=True)
        assert [type(layer).__name__ for layer in built.layers] == ["Other", "Other"]


def test_a_default_that_was_replaced_is_told(monkeypatch):
    monkeypatch.setitem(INITIALIZERS, "he", Eighths)
    with pytest.raises(InputError, match=r"init 'he' was replaced in its table, .* add yours under a name of its own"):
        Setting.checked({}).additions()


# -- a trained network whose additions are not there, or mean something else


@pytest.mark.parametrize("table", ["ACTIVATIONS", "LAYERS"], indirect=True)
def test_a_trained_network_is_not_used_with_something_else(table, tmp_path, monkeypatch):
    where, name, record, _, kind = ADDED[table]
    done = trained(table, engine="array")
    save(done, tmp_path / done.id)
    assert done.model.outputs(make_split().test.x).shape == (60, 3)
    monkeypatch.setitem(where, name, changed(record))
    for read in (lambda: load(tmp_path / done.id).model, lambda: hg.Model.load(tmp_path / done.id)):
        with pytest.raises(HandgradError, match=rf"trained with another {kind} '{name}' than is there now"):
            read()
    monkeypatch.delitem(where, name)
    with pytest.raises(HandgradError, match=rf"has {kind} '{name}' that its user added; import the"):
        hg.Model.load(tmp_path / done.id)


# -- records that are wrong


def no_gradient(self, dz, x, params, mask, needs_dx):
    return dz * params["g"], {}


WRONG = {  # what is wrong: (table, record, what the message says)
    "a loss of every output": ("LOSSES", Loss("quartic", lambda o, T: (o - T) ** 4, quartic_backward, "?"),
                               "loss 'quartic': a step on two examples fails: the loss of two examples has the shape"),
    "one loss for all": ("LOSSES", Loss("quartic", lambda o, T: ((o - T) ** 4).sum(), quartic_backward, "?"),
                         "loss 'quartic': a step on two examples fails: "),
    "an activation of another shape": ("ACTIVATIONS", Activation("bent", lambda z: z[:, :1], softsign_backward, "?"),
                                       "activation 'softsign': a step on two examples fails: "),
    "a layer without a gradient": ("LAYERS", type("Gate", (Gate,), {"__module__": __name__, "backward": no_gradient}),
                                   "layer 'gate': a step on two examples fails: "),
    "an optimizer without a slot": ("OPTIMIZERS", type("Signs", (Signs,), {
        "__module__": __name__, "update": lambda self, w, dw, slots, lr, t: (w - lr * dw, ())}),
        "optimizer 'signs': a step on two examples fails: what is kept of dense1.W has the shape"),
    "fused with what there is not": ("LOSSES", Loss("quartic", quartic_forward, quartic_backward, "?", "sofmax"),
                                     "'sofmax'; did you mean 'softmax'"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_record_that_makes_no_step_is_refused_before_anything_runs(what, monkeypatch):
    table, record, message = WRONG[what]
    monkeypatch.setitem(ADDED[table][0], ADDED[table][1], record)
    with pytest.raises(InputError, match=re.escape(message)):
        make_setting(table, engine="array").network_for((4,), 3, has_validation=True)


def test_names_that_a_loss_goes_with_are_a_set():
    with pytest.raises(InputError, match="loss 'quartic': only_outputs must be a set of names; got 'sigmoid'"):
        Loss("quartic", quartic_forward, quartic_backward, "?", only_outputs="sigmoid")


def test_a_schedule_gives_a_number_for_every_step(monkeypatch):
    short = type("Thirds", (Thirds,), {"__module__": __name__, "multipliers": lambda self, e, epochs, history: e[:1]})
    monkeypatch.setitem(SCHEDULES, "thirds", short)
    with pytest.raises(InputError, match=r"schedule 'thirds' must give a number for each of 15 steps; its .* \(1,\)"):
        trained("SCHEDULES", engine="array")


def test_an_initializer_gives_the_shape_that_it_is_asked_for(monkeypatch):
    def draw(self, rng, shape, n_in, n_out, gain):
        return np.zeros(shape[::-1])

    monkeypatch.setitem(INITIALIZERS, "eighths", type("Eighths", (Eighths,), {"__module__": __name__, "draw": draw}))
    with pytest.raises(HandgradError, match=r"'eighths' draws dense1.W in the shape \(5, 6\), not \(6, 5\)"):
        trained("INITIALIZERS", engine="array")


def test_a_scale_gives_a_scaling_and_an_encoding_is_two_numbers(monkeypatch):
    monkeypatch.setitem(SCALES, "doubled", Scale("doubled", "2 x", lambda x, value_range: 2))
    with pytest.raises(HandgradError, match="scale 'doubled' must give a Scaling; its fit gives 2"):
        fit("doubled", np.zeros((2, 2)), None)
    monkeypatch.setitem(TARGETS, "zero-two", (0.0, 1.0, 2.0))
    with pytest.raises(InputError, match="encoding of targets 'zero-two' must be two numbers"):
        trained("TARGETS", engine="array")


def test_weights_of_pytorch_are_not_taken_for_those_of_an_added_layer(monkeypatch, tmp_path):
    plain = Setting.checked({"network": {"layers": ["dense 5 tanh", "dense 3 softmax"]}})
    path = tmp_path / "plain.safetensors"
    from handgrad.training.loop import execute

    hg.export_model(execute(Run(plain, 1, "0" * 64), make_split()), path)
    monkeypatch.setitem(LAYERS, "gate", Gate)
    with pytest.raises(HandgradError, match="PyTorch's nn has no layer 'gate'; give weights under handgrad's names"):
        hg.import_model(path, make_setting("LAYERS"), data=as_data())


@dataclasses.dataclass(frozen=True)
class Gain(Gate):
    kind: ClassVar[str] = "gain"
    factor: float = 1.0

    @classmethod
    def parse(cls, words):
        return cls(float(words[0]))


def test_a_layer_that_leaves_out_a_setting_is_refused(monkeypatch):
    """`gain 1` and `gain 5` would be one layer, one id, one result."""
    monkeypatch.setitem(LAYERS, "gain", Gain)
    with pytest.raises(
        HandgradError, match=r"layer 'gain' writes .*Gain\(factor=5\.0\) as 'gain', which does not read"
    ):
        Setting.checked({"network": {"layers": ["dense 4", "gain 5", "dense 3 softmax"]}})
    with pytest.raises(HandgradError, match="'gain': layer 'gain' cannot read this"):
        Setting.checked({"network": {"layers": ["dense 4", "gain", "dense 3 softmax"]}})


def test_a_worker_that_knows_no_addition_says_so(tmp_path):
    script = tmp_path / "guarded.py"
    script.write_text(GUARDED)
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "make such additions at the top level of a module or script" in done.stdout, done.stdout + done.stderr


GUARDED = """
import handgrad as hg
from handgrad.network.activations import ACTIVATIONS, Activation

if __name__ == "__main__":
    ACTIVATIONS["cube"] = Activation("cube", lambda z: z**3, lambda da, a: da, "z³")
    study = hg.make_study({"name": "guarded", "seeds": 2, "network": {"hidden": [2], "activation": "cube"},
                           "training": {"epochs": 1}})
    print(hg.run_study(study, "out", jobs=2).runs()["error"].tolist())
"""


# -- ids


def test_an_addition_is_part_of_the_id_and_stands_in_the_record(table, monkeypatch):
    """Another record under the same name is another run."""
    where, name, record, _, kind = ADDED[table]

    def run():
        return Run(make_setting(table, engine="array"), 1, "0" * 64)

    before, additions = run().id, run().setting.additions()
    assert additions.keys() == {f"{kind} {name!r}"}
    assert trained(table, engine="array").engine["additions"] == additions
    monkeypatch.setitem(where, name, changed(record))
    assert run().id != before
    monkeypatch.setitem(where, name, record)
    assert run().id == before


SCRIPT = """
import functools
from dataclasses import dataclass
from typing import ClassVar, Literal
import numpy as np
from handgrad.network.activations import ACTIVATIONS, Activation
from handgrad.network.layer import Layer
from handgrad.network.layers import LAYERS
from handgrad.training.optimizers import OPTIMIZERS, Optimizer
from handgrad.training.run import Run, Setting

SLOPE, TABLE = 0.1, {"a": (1, 2.0), "b": {3, 4, 5}, "c": np.arange(3)}
def helper(z): return SLOPE * z + len(TABLE)
def elu(alpha):
    def forward(z): return np.where(z > 0, z, alpha * (np.exp(z) - 1)) + helper(z)
    return forward
class Callable:
    def __init__(self, power): self.power = power
    def __call__(self, da, a): return da * self.power
class Base(Optimizer):
    def scaled(self, dw): return 2 * dw
class Own(Base):
    name: Literal["own"] = "own"
    rate: float = 0.5
    def update(self, w, dw, slots, lr, t): return w - lr * self.scaled(dw), ()
def gate_forward(x): return x * 1.5
@dataclass(frozen=True)
class Gate(Layer):
    kind: ClassVar[str] = "gate"
    def forward(self, x, params, mask, training): return gate_forward(x)
    def backward(self, dz, x, params, mask, needs_dx): return dz * 1.5, {}
def power(p, z): return z**p

ACTIVATIONS["elu"] = Activation("elu", elu(1.5), Callable(2), "elu")
ACTIVATIONS["power"] = Activation("power", functools.partial(power, 3), lambda da, a: da, "z³")
OPTIMIZERS["own"], LAYERS["gate"] = Own, Gate
layers = ["dense 4 elu", "gate", "dense 4 power", "dense 3 softmax"]
setting = Setting.checked({"network": {"layers": layers}, "training": {"optimizer": "own"}})
print(sorted(setting.additions().items()), Run(setting, 1, "0" * 64).id)
"""
CHANGES = {  # of the script: what must become another id
    "a constant": ("SLOPE, TABLE = 0.1", "SLOPE, TABLE = 0.2"),
    "data": ("{3, 4, 5}", "{3, 4, 6}"),
    "an array": ("np.arange(3)", "np.arange(4)"),
    "a helper": ("SLOPE * z +", "SLOPE * z -"),
    "a captured value": ("elu(1.5)", "elu(1.6)"),
    "an attribute": ("Callable(2)", "Callable(3)"),
    "a base class": ("return 2 * dw", "return 3 * dw"),
    "a function beside a class": ("return x * 1.5", "return x * 1.6"),
    "an argument of partial": ("functools.partial(power, 3)", "functools.partial(power, 4)"),
}


def identified(script, seed):
    code = [sys.executable, "-c", script]
    return subprocess.run(code, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed})


def test_the_id_of_an_addition_is_the_same_in_every_process_and_another_after_a_change():
    before = identified(SCRIPT, "1").stdout
    assert identified(SCRIPT, "2").stdout == before
    assert identified("# a comment\n" + SCRIPT, "3").stdout == before
    for what, (old, new) in CHANGES.items():
        assert old in SCRIPT
        assert identified(SCRIPT.replace(old, new), "1").stdout != before, what


def changed(record):
    if isinstance(record, tuple):
        return 0.0, 3.0
    if isinstance(record, type):
        return type(record.__name__, (record,), {"__module__": "somewhere", "another": lambda self: 1})
    return dataclasses.replace(record, formula="another")


# -- nothing is forgotten


def tables_that_are_looked_up():
    """The names in capitals given to `lookup`, `one_of`, `NamedSection` or `unknown` anywhere in the package."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and node.func.id in ("lookup", "one_of", "NamedSection", "unknown"):
                for part in ast.walk(node):
                    name = getattr(part, "attr", None) or getattr(part, "id", "")
                    if re.fullmatch("[A-Z][A-Z_]+", name):
                        found[name] = path
    return found


def test_every_table_is_tried():
    found = tables_that_are_looked_up()
    assert {name: str(path) for name, path in found.items() if name not in {*ADDED, *REST}} == {}
    assert {*ADDED, *REST} - found.keys() == set()


def test_what_is_said_to_be_tried_elsewhere_is():
    for name, where in REST.items():
        if where.startswith("tests/"):
            assert name in (SOURCE.parents[1] / where).read_text("utf-8"), name
