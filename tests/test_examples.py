"""The examples: what they print, and that the lecture's network is handgrad's, bit for bit."""

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import handgrad as hg

FILE = Path(__file__).parents[1] / "examples" / "mlp_in_100_lines.py"
lecture = SimpleNamespace(**runpy.run_path(str(FILE)))


def test_it_is_numpy_alone_in_100_lines():
    text = FILE.read_text("utf-8")
    assert len(text.splitlines()) <= 100
    assert set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE)) == {"numpy", "sklearn"}  # sklearn: data


@pytest.mark.parametrize(
    ("seed", "hidden", "batch_size", "lr"), [(0, 64, 32, 0.1), (7, 30, 1, 0.02), (2**32 - 1, 17, 1500, 0.5)]
)
def test_its_weights_are_those_of_the_array_engine_bit_for_bit(seed, hidden, batch_size, lr):
    """The defaults of handgrad are those of the lecture: relu, softmax, cross-entropy, He's initial weights, SGD."""
    train, test = lecture.digits()
    setting = {
        "data": {"name": "scans", "scale": "none", "validation": False},
        "network": {"hidden": [hidden]},
        "training": {"optimizer": {"name": "sgd", "lr": lr}, "batch_size": batch_size, "epochs": 2, "engine": "array"},
    }
    data = hg.from_arrays(*train, *test, name="scans", classes=[str(digit) for digit in range(10)])
    record = hg.train(setting, seed=seed, data=data)
    with threadpool_limits(1):
        *_, (params, _) = lecture.train(*train, hidden=hidden, batch_size=batch_size, lr=lr, seed=seed, epochs=2)
    for layer, arrays in enumerate(params, start=1):
        for letter, ours in zip("Wb", arrays, strict=True):
            theirs = record.params[f"dense{layer}.{letter}"]
            assert ours.dtype == theirs.dtype == np.float32
            assert ours.tobytes() == theirs.tobytes(), (layer, letter)
    assert lecture.accuracy(*test, params) == record.metrics["test_accuracy"]


def test_it_prints_that_it_learns(capsys):
    runpy.run_path(str(FILE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("epoch  1: loss ")
    assert float(re.search(r"([\d.]+)%$", lines[-1])[1]) > 85
