"""A small task in a file of its own, and studies of it that take milliseconds a run."""

import time

import numpy as np
import pytest

from handgrad.data.datasets import load, save_split, split
from handgrad.streams import stream
from handgrad.study import Plan, make_study
from handgrad.study.runners.runner import RunJob

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
    """make(**tables): a study of the clouds; small: its [quick]."""

    def make(overrides=(), quick=False, small=None, **tables):
        base = {
            "name": "clouds",
            "seeds": 2,
            "data": {"name": "clouds.npz", "validation": {"size": 60}, "test": {"size": 60}},
            "network": {"hidden": 8},
            "training": {"batch_size": 20, "epochs": 3},
            "quick": small,
        }
        tables = {key: value for key, value in {**base, **tables}.items() if value is not None}
        return make_study(tables, overrides, quick=quick, where="study.toml", folder=folder)

    return make


def contents(folder):
    """id -> the bytes of a run that came to its end that must not depend on how a study was run."""
    return {
        run.name: {name: (run / name).read_bytes() for name in ("curves.npz", "weights.safetensors")}
        for run in (folder / "runs").iterdir()
        if run.suffix != ".partial"
    }


class Nodes:
    """A real Ray cluster on this machine: a head and nodes, each with raylet, object store and workers of its own."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        often = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 200}  # a lost node is missed in a second
        head = {"num_cpus": 1, "num_gpus": 0, "include_dashboard": False, "_system_config": often}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.added = []

    @property
    def address(self):
        return self.cluster.address

    def add(self, **options):
        self.added.append(self.cluster.add_node(**{"num_cpus": 1, "num_gpus": 0, **options}))
        return self.added[-1]

    def lose(self, node):
        """As when its plug is pulled."""
        self.added.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def runner(self, **options):
        """A runner on exactly the nodes that are there."""
        from handgrad.study.cluster import Ray
        from handgrad.study.cluster.joining import ray

        runner = Ray(self.address, **options)
        while sum(node["Alive"] for node in ray.nodes()) != 1 + len(self.added):
            time.sleep(0.05)
        return runner


@pytest.fixture
def jobs(make, tmp_path):
    """Four small jobs whose split lies on the shelf."""
    return jobs_of(make(grid={"training.optimizer.lr": [0.1, 0.2]}), tmp_path)


def jobs_of(study, tmp_path):
    """The jobs of a study's first phase, in the order of the plan."""
    plan = Plan(study)
    made = split(load(study.spec.data, folder=study.folder), study.spec.data)
    save_split(made, tmp_path / "split")
    return [
        RunJob(setting.run(run, made.checksum), run.id, tmp_path / "split", tmp_path / f"{run.id}.safetensors")
        for setting in plan.phases[0].settings
        for run in setting.runs
    ]


def same(record, other):
    """Whether two records have the same bits."""
    assert record.id == other.id
    for mine, theirs in ((record.curves, other.curves), (record.params, other.params)):
        assert {name: array.tobytes() for name, array in mine.items()} == {
            name: array.tobytes() for name, array in theirs.items()
        }


@pytest.fixture(scope="session")
def nodes():
    pytest.importorskip("handgrad.study.cluster", reason="no Ray for this Python")
    nodes = Nodes()
    yield nodes
    nodes.cluster.shutdown()
