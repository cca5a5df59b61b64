"""A small task in a file of its own, and studies of it that take milliseconds a run."""

import numpy as np
import pytest

from handgrad.streams import stream
from handgrad.study import make_study

STUDY = """
name = "clouds"
seeds = 2

[data]
name = "clouds.npz"
validation = { size = 60 }
test = { size = 60 }

[network]
hidden = 8

[training]
batch_size = 20
epochs = 4

[grid]
training.optimizer.lr = [0.01, 0.1, 0.3]

[[phase]]
name = "batch size"
grid.training.batch_size = [10, 50]
"""


def clouds(n=360, features=6, classes=3):
    """Gaussian clouds, one for each class."""
    rng = stream(5, "split")
    y = np.arange(n) % classes
    centres = rng.normal(size=(classes, features))
    return (centres[y] * 2 + rng.normal(size=(n, features))).astype(np.float32), y


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with clouds.npz and study.toml."""
    folder = tmp_path_factory.mktemp("study")
    x, y = clouds()
    np.savez(folder / "clouds.npz", x=x, y=y)
    (folder / "study.toml").write_text(STUDY)
    return folder


@pytest.fixture
def make(folder):
    """make(**tables): a study of the clouds."""

    def make(overrides=(), quick=False, **tables):
        base = {
            "name": "clouds",
            "seeds": 2,
            "data": {"name": "clouds.npz", "validation": {"size": 60}, "test": {"size": 60}},
            "network": {"hidden": 8},
            "training": {"batch_size": 20, "epochs": 3},
        }
        tables = {key: value for key, value in {**base, **tables}.items() if value is not None}
        return make_study(tables, overrides, quick=quick, where="study.toml", folder=folder)

    return make


def contents(folder):
    """id -> the bytes that must not depend on how a study was run."""
    return {
        run.name: {name: (run / name).read_bytes() for name in ("curves.npz", "weights.safetensors")}
        for run in (folder / "runs").iterdir()
    }


class Nodes:
    """A real Ray cluster on this machine: a head and nodes, each with raylet, object store and workers of its own."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})

    def add(self, **options):
        return self.cluster.add_node(**{"num_cpus": 1, **options})

    def runner(self, **options):
        from handgrad.study.cluster import Ray

        return Ray(self.cluster.address, **options)


@pytest.fixture(scope="session")
def nodes():
    pytest.importorskip("ray", reason="no Ray for this Python")
    import handgrad.study.cluster  # noqa: F401, which makes Ray quiet

    nodes = Nodes()
    yield nodes
    nodes.cluster.shutdown()
