"""Damaged and hostile weights files: always a right load or one WeightsError; nothing is executed, no process ends.

`python -m tests.training.mutated N SEED` tries more of them.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handgrad.errors import WeightsError
from handgrad.training.model import Model
from handgrad.training.weights import tensors
from tests.training.mutated import FACTS, NETWORK, made, outcomes

ROOT = Path(__file__).parents[2]


def test_files_damaged_at_random_in_a_process_of_their_own():
    line = [sys.executable, "-m", "tests.training.mutated", "150", "3"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *said, counted = done.stdout.splitlines()
    counts = json.loads(counted)
    assert not said
    assert counts.get("escaped", 0) == counts["executed"] == 0
    assert counts["refused"] > 150
    assert counts["read"] > 10


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), number=st.integers(0, 2**32))
def test_any_damage_is_one_message_or_a_right_load(tmp_path, seed, number):
    ending, content = made(seed, number)
    (tmp_path / f"w{ending}").write_bytes(content)
    assert set(outcomes(tmp_path / f"w{ending}")) <= {"read", "refused"}


def saved(path, facts):
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=shape).astype(np.float32) for name, shape in NETWORK.parameter_shapes.items()}
    path.write_bytes(tensors(params, {"handgrad": facts if isinstance(facts, str) else json.dumps(facts)}))


def changed(*path, to):
    facts = json.loads(json.dumps(FACTS))
    *way, last = path
    at = facts
    for step in way:
        at = at[step]
    at[last] = to
    return facts


def test_a_run_s_facts_are_read(tmp_path):
    saved(tmp_path / "w.safetensors", FACTS)
    model = Model.load(tmp_path / "w.safetensors")
    assert (model.classes, model.feature_names) == (("a", "b", "c"), tuple("uvwxyz"))
    assert model.predict(np.zeros((2, 6))).shape == (2,)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (changed("data", "scaler", to="unit"), "is not weights that say their network and scaling, or is damaged"),
        (changed("data", "scaler", to=[]), "is damaged"),
        (changed("data", "scaler", "shift", to=[0.5] * 5), "the scaling has 5 numbers for the shape (6,)"),
        (changed("data", "scaler", "divide", to=[1.0] * 5 + [0.0]), "the scaling divides by 0"),
        (changed("data", "scaler", "shift", to="x"), "the scaling must be a finite number"),
        (changed("data", "scaler", "symmetric", to=1), "the scaling has another form"),
        (changed("data", "classes", to=["a"]), "1 classes for 3 outputs"),
        (changed("data", "classes", to=None), "classes must be a list of texts"),
        (changed("data", "shape", to=[6.0]), "shape must be a list of whole numbers"),
        (changed("data", "shape", to=[7]), "6 names for the shape (7,)"),
        (changed("data", "value_range", to=[1, 0]), "value_range must be (smallest, largest)"),
        (changed("data", "feature_names", to=["u"]), "1 names for the shape (6,)"),
        (changed("network", "layers", to=["dense 5 tanh", "dense 4 softmax"]), "3 classes for 4 outputs"),
        (changed("network", "layers", to=["dense 7", "dense 3 softmax"]), "dense1.W has shape (6, 5); this network"),
        (changed("network", "layers", to=["dense x"]), "is damaged"),
        (changed("network", to=None), "is damaged"),
        ("[" * 200_000, "is nested too deeply to be weights"),
        ("9" * 5000, "is damaged"),
    ],
)  # fmt: skip
def test_facts_that_are_none_or_contradict_the_arrays(tmp_path, facts, message):
    saved(tmp_path / "w.safetensors", facts)
    with pytest.raises(WeightsError) as said:
        Model.load(tmp_path / "w.safetensors")
    assert message in str(said.value)
    assert str(said.value).startswith(str(tmp_path / "w.safetensors"))
