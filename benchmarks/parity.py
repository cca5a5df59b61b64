"""How far engines differ: random networks, trained a few steps by each, against the reference and its float64.

    python benchmarks/parity.py [networks]        300 unless said; about a third of a second each

Every network is drawn: layers, activations, loss, optimizer, batch size, L2, clipping, examples (sparse or dense).  The
unit is the last place of the largest number of an array, in the type that trained; the largest over all arrays of a
network counts.  A network whose numbers leave the finite is left out and counted.
"""

import argparse

import numpy as np

from handgrad.data.batches import epoch_order, steps_per_epoch
from handgrad.errors import InputError
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import Normal, NormalFanIn, initialize
from handgrad.network.losses import LOSSES
from handgrad.training.engines import Job, open_session
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.run import Setting

N, SEED = 80, 5
INNER = [name for name in ACTIVATIONS if name not in ("softmax", "log-softmax")]


def drawn_layers(rng: np.random.Generator, outputs: str) -> tuple[tuple[int, ...], list[str]]:
    """(shape of an example, layers) of a small network, of dense layers or with convolutions."""
    layers: list[str] = []
    shape: tuple[int, ...] = (int(rng.integers(4, 40)),)
    if rng.random() < 0.4:
        shape = (int(rng.integers(1, 4)), int(rng.integers(8, 14)), int(rng.integers(8, 14)))
        for _ in range(rng.integers(1, 3)):
            side = rng.integers(1, 5)
            layers.append(f"conv {rng.integers(1, 8)} {side}x{side} pad {rng.integers(0, 2)} {rng.choice(INNER)}")
            if rng.random() < 0.5:
                layers.append(f"{rng.choice(['max-pool', 'average-pool'])} 2")
            if rng.random() < 0.25:
                layers.append(f"batch-norm {rng.choice(INNER)}")
    for _ in range(rng.integers(0, 4)):
        layers.append(f"dense {rng.choice([3, 8, 16, 33, 64, 70])} {rng.choice(INNER)}")
        if rng.random() < 0.15:
            layers.append(f"batch-norm {rng.choice(INNER)}")
        if rng.random() < 0.2:
            layers.append(f"dropout {rng.choice([0.1, 0.5])}")
    return shape, [*layers, f"dense 5 {outputs}"]


def drawn_job(rng: np.random.Generator, dtype: str) -> Job | None:
    """A job, or None where what was drawn does not go together."""
    loss = LOSSES[str(rng.choice(list(LOSSES)))]
    shape, layers = drawn_layers(rng, str(rng.choice(sorted(loss.outputs))))
    training = {
        "loss": loss.name,
        "optimizer": {"name": str(rng.choice(list(OPTIMIZERS))), "lr": float(rng.choice([0.1, 0.01, 0.001]))},
        "batch_size": int(rng.choice([1, 2, 7, 20, 80])),
        "weight_decay": float(rng.choice([0, 0, 0.01])),
        "clip_norm": [None, None, 1.0][rng.integers(3)],
        "dtype": dtype,
        "engine": "array",
    }
    x = rng.random((N, *shape)).astype(np.float32)
    if rng.random() < 0.5:
        x[rng.random(x.shape) < 0.8] = 0
    y = rng.integers(0, 5, N)
    targets = str(rng.choice(sorted(loss.targets)))
    try:
        setting = Setting.checked({"network": {"layers": layers, "targets": targets}, "training": training}).resolved()
        network = setting.network_for(shape, 5, has_validation=False)
    except InputError:
        return None
    return Job(network, setting.training, targets, SEED, {"train": (x, y)})


def trained(engine: str, job: Job, steps: int) -> dict[str, np.ndarray] | None:
    """Parameters after so many steps; None where a number is not finite."""
    session = open_session(engine, job)
    session.load(initialize(job.network, NormalFanIn(), Normal(std=0.1), SEED, job.training.dtype), {}, 0)
    size = int(job.training.batch_size)
    for epoch in range(-(-steps * size // N)):
        order = epoch_order(SEED, epoch, N)
        count = min(steps_per_epoch(N, size), steps - epoch * steps_per_epoch(N, size))
        losses = session.train_epoch(order[: count * size], np.full(count, job.training.optimizer.lr), epoch * 1000)
        if not np.isfinite(losses).all():
            return None
    params = session.export()[0]
    return params if all(np.isfinite(w).all() for w in params.values()) else None


def distance(a: dict[str, np.ndarray], b: dict[str, np.ndarray], eps: float) -> float:
    """The largest difference, in units of the last place of the largest number of its array."""
    return max(
        float(np.abs(a[name].astype(float) - b[name]).max() / (eps * max(np.abs(b[name]).max(), 1e-2))) for name in b
    )


def kind_of(job: Job) -> str:
    """The kinds of networks between which rounding differs by orders of magnitude."""
    divides = job.training.optimizer.name in ("adagrad", "rmsprop", "adam", "adamw")
    norm = any(name.startswith("batch-norm") for name in job.network.parameter_shapes)
    return f"{'AdaGrad to AdamW' if divides else 'SGD, momentum'}{', batch norm' if norm else ''}"


def row(name: str, values: list[float]) -> str:
    q = np.quantile(values, [0.5, 0.9, 1])
    beyond = np.mean(np.array(values) > 16)
    return f"  {name:22} {len(values):5} {q[0]:10.1f} {q[1]:12.1f} {q[2]:13.1f} {beyond:9.1%}"


def measure(wanted: int, steps: int) -> None:
    eps = np.finfo(np.float32).eps
    found: dict[str, dict[str, list[float]]] = {}
    seed = left_out = taken = 0
    while taken < wanted:
        seed += 1
        job = drawn_job(np.random.default_rng(seed), "float32")
        double = drawn_job(np.random.default_rng(seed), "float64")
        if job is None or double is None:
            continue
        taken += 1
        exact = trained("array", double, steps)
        results = {engine: trained(engine, job, steps) for engine in ("array", "compiled", "torch")}
        if exact is None or any(result is None for result in results.values()):
            left_out += 1
            continue
        rows = found.setdefault(kind_of(job), {})
        for engine in ("compiled", "torch"):
            rows.setdefault(f"{engine} from array", []).append(distance(results[engine], results["array"], eps))
        for engine, result in results.items():
            rows.setdefault(f"{engine} from float64", []).append(distance(result, exact, eps))
    print(f"\nafter {steps} step{'s' * (steps > 1)}, units in the last place of float32 ({left_out} left out)")
    for kind in sorted(found, reverse=True):
        print(f"{kind:26} {'n':>3} {'median':>10} {'90 %':>12} {'largest':>13} {'above 16':>9}")
        for name, values in found[kind].items():
            print(row(name, values), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", type=int, nargs="?", default=300)
    networks = parser.parse_args().networks
    for steps in (1, 10):
        measure(networks, steps)
