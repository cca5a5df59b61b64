"""What has no kernel is refused by name when a session opens, and a code is never that of another record."""

import ast
import importlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest

from handgrad import network
from handgrad.errors import InputError
from handgrad.network import activations, losses
from handgrad.network.layers import LAYERS, Dense, Dropout
from handgrad.network.network import Network
from handgrad.training import twins
from handgrad.training.engines import Job, open_session
from handgrad.training.engines.compiled.dense_session import stage_table
from handgrad.training.optimizers import OPTIMIZERS, SGD
from handgrad.training.training_section import TrainingSection

PUBLIC = {
    "activation": (twins.ACTIVATIONS, activations.ACTIVATIONS, lambda record: record.forward),
    "loss": (twins.LOSSES, losses.LOSSES, lambda record: record.forward),
    "optimizer": (twins.OPTIMIZERS, OPTIMIZERS, lambda record: record),
    "layer": (twins.LAYERS, LAYERS, lambda record: record),
}


@pytest.mark.parametrize("kind", PUBLIC)
def test_every_record_of_handgrad_has_a_kernel_that_is_its_twin(kind):
    table, public, of = PUBLIC[kind]
    assert {name: twin.reference for name, twin in table.items()} == {
        name: of(record) for name, record in public.items()
    }
    assert len({twin.code for twin in table.values()}) == len(table)


SAYS = {
    "compiled": 'the compiled engine has no kernel for {}; set training.engine = "array"',
    "torch": 'the torch engine has no {}; set training.engine = "array"',
}


def opened(engine, net, **training):
    x, y = np.zeros((4, 3), np.float32), np.zeros(4, np.int64)
    section = TrainingSection(**{"optimizer": "sgd", **training})
    return open_session(engine, Job(net, section, "one-hot", 1, {"train": (x, y)}))


class Elsewhere(SGD):
    """An optimizer that is plain descent but for its class."""


class Wide(Dense):
    """A layer that is dense but for its class."""


def of_activation(engine, monkeypatch):
    monkeypatch.setitem(
        activations.ACTIVATIONS, "softsign", replace(activations.ACTIVATIONS["tanh"], name="softsign", forward=np.abs)
    )
    opened(engine, Network.parse((3,), "dense 4 softsign", "dense 2 softmax"))


def of_replaced_activation(engine, monkeypatch):
    monkeypatch.setitem(activations.ACTIVATIONS, "tanh", replace(activations.ACTIVATIONS["tanh"], forward=np.abs))
    opened(engine, Network.parse((3,), "dense 4 tanh", "dense 2 softmax"))


def of_replaced_loss(engine, monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "nll", replace(losses.LOSSES["nll"], forward=losses.multi_margin_forward))
    opened(engine, Network.parse((3,), "dense 2 log-softmax"), loss="nll")


def of_loss(engine, monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "huber", replace(losses.LOSSES["squared-error"], name="huber"))
    opened(engine, Network.parse((3,), "dense 2"), loss="huber")


def of_optimizer(engine, monkeypatch):
    section = TrainingSection(optimizer="sgd").model_copy(update={"optimizer": Elsewhere()})
    x, y = np.zeros((4, 3), np.float32), np.zeros(4, np.int64)
    open_session(engine, Job(Network.parse((3,), "dense 2"), section, "one-hot", 1, {"train": (x, y)}))


def of_layer(engine, monkeypatch):
    opened(engine, Network((3,), (Dropout(0.5), Wide(2))))


REFUSED = {
    of_activation: "activation 'softsign'",
    of_replaced_activation: "activation 'tanh'",
    of_loss: "loss 'huber'",
    of_replaced_loss: "loss 'nll'",
    of_optimizer: "optimizer 'sgd'",
    of_layer: "layer 'dense'",
}


@pytest.mark.parametrize("refused", REFUSED, ids=lambda made: made.__name__)
@pytest.mark.parametrize("engine", SAYS)
def test_what_an_engine_has_not_is_refused_by_name(engine, refused, monkeypatch):
    monkeypatch.setattr("handgrad.training.engines.compiled.session.prepare", None)  # nothing is compiled before
    with pytest.raises(InputError) as error:
        refused(engine, monkeypatch)
    assert str(error.value) == SAYS[engine].format(REFUSED[refused])


def test_kernels_of_dense_layers_refuse_other_layers():
    with pytest.raises(ValueError, match="not a network of dense layers and dropout: dense 4 identity, batch-norm"):
        stage_table(Network.parse((3,), "dense 4", "batch-norm", "dense 2"), np.float32, 4)


def test_every_kernel_is_the_twin_of_a_function_that_there_is():
    names = [f"handgrad.network.{one.name}" for one in iter_modules(network.__path__)]
    known = set()
    for module in map(importlib.import_module, [*names, "handgrad.training.optimizers", "handgrad.streams"]):
        short = module.__name__.rpartition(".")[-1]
        known |= {module.__name__, *vars(module), *(f"{short}.{name}" for name in vars(module))}
    for path in (Path(twins.__file__).parent / "engines" / "compiled" / "kernels").rglob("*.py"):
        for name in re.findall(r"[Tt]wins? of `([\w.]+)`", path.read_text("utf-8")):
            assert name in known, f"{path.name}: {name}"


def test_the_legend_has_every_letter_of_the_long_kernels():
    folder = Path(twins.__file__).parent / "engines" / "compiled" / "kernels"
    legend = set(re.findall(r"`(\w+)[^`]*`", (folder / "letters.md").read_text("utf-8")))
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and len(node.args.args) >= 10:
                missing = {one.arg for one in node.args.args} - legend
                assert not missing, f"{path.name}: {node.name} has {', '.join(sorted(missing))}"


def test_the_table_of_twins_needs_no_compiler():
    code = "import handgrad.training.twins, sys; assert not {'numba', 'llvmlite'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
