"""A small task that a network can learn in a few epochs, and runs on it."""

import sys

import numpy as np
import pytest

from handgrad.data.datasets import Part, Split
from handgrad.streams import stream
from handgrad.training.environment import one_thread
from handgrad.training.run import Run, Setting


def make_split(n=240, *, features=6, classes=3, validation=60, test=60, distance=2.0):
    """Gaussian clouds, one for each class; parts of fixed sizes."""
    rng = stream(7, "split")
    centres = rng.normal(size=(classes, features)) * distance
    parts = {}
    for name, size in (("train", n), ("validation", validation), ("test", test)):
        y = rng.integers(classes, size=size)
        x = (centres[y] + rng.normal(size=(size, features))).astype(np.float32)
        parts[name] = (
            Part(x, y.astype(np.int64), np.arange(size), "test" if name == "test" else "train") if size else None
        )
    return Split(
        name="clouds",
        classes=tuple("abc"[:classes]),
        shape=(features,),
        checksum="0" * 64,
        scaling="x",
        official=False,
        notes=(),
        label_table={name: np.bincount(part.y, minlength=classes).tolist() for name, part in parts.items() if part},
        **parts,
    )


@pytest.fixture(scope="session")
def split():
    return make_split()


def make_run(seed=1, *, network=None, continues=None, data=None, **training):
    defaults = {"epochs": 4, "batch_size": 16, "optimizer": {"name": "sgd", "lr": 0.1}}
    network = network or {}
    short = {} if "layers" in network else {"hidden": [8]}
    setting = Setting(data=data or {}, network={**short, **network}, training={**defaults, **training})
    return Run(setting, seed, "0" * 64, continues)


@pytest.fixture(autouse=True)
def _one_thread():
    """As the loop has it, also where a test opens a session itself: threads that wait for each other between the
    operations of a tiny network take most of the time."""
    with one_thread("torch" if "torch" in sys.modules else "numpy"):
        yield
