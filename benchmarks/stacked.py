"""Sixteen runs of a small network, one after another and in one program, and PyTorch's autograd: µs a run and step.

    python benchmarks/stacked.py [--device cpu|cuda] [--runs 16] [--rounds 5] [--steps 100]

The array engine on PyTorch's arrays trains a run by itself, then as many in one program (`training.stack`); PyTorch as
its users write it trains nn.Sequential with torch.optim.SGD, one run after another.  They take turns; medians of the
rounds, in brackets the fastest and the slowest.  Random images: what is in them changes no time here.

In the first network there is nearly nothing to compute: what is left is the time to start operations, which is what a
program for many runs saves, and all that a small network costs on a GPU.
"""

import os

os.environ.setdefault(
    "MKL_CBWR", "AUTO,STRICT"
)  # products that do not depend on where a matrix begins, for all of them

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from handgrad.network.initializers import He, Zeros, initialize
from handgrad.network.spec import Network
from handgrad.training.engines import Epoch, Job
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.stacked import Stack
from handgrad.training.environment import one_thread
from handgrad.training.run import TrainingSection


@dataclass(frozen=True)
class Case:
    name: str
    batch: int
    network: Network
    modules: Callable[[], nn.Module]


def _perceptron(n_in: int, hidden: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(n_in, hidden), nn.Sigmoid(), nn.Linear(hidden, n_out))


def _lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


IMAGE = (1, 28, 28)
CASES = (
    Case("8-4-3", 2, Network.parse((8,), "dense 4 sigmoid", "dense 3 softmax"), lambda: _perceptron(8, 4, 3)),
    Case(
        "784-30-10", 10, Network.parse(IMAGE, "dense 30 sigmoid", "dense 10 softmax"), lambda: _perceptron(784, 30, 10)
    ),
    Case(
        "LeNet",
        64,
        Network.parse(
            IMAGE, "conv 6 5x5 relu", "max-pool 2", "conv 16 5x5 relu", "max-pool 2", "dense 120 relu",
            "dense 84 relu", "dense 10 softmax",
        ),
        _lenet,
    ),
)  # fmt: skip
LR = 0.01


def contenders(case: Case, runs: int, steps: int, device: str) -> Iterator[tuple[str, int, Callable[[], None]]]:
    """(name, runs that one call trains, call): each call makes `steps` steps of its runs and waits for them."""
    n = steps * case.batch
    rng = np.random.default_rng(0)
    network = case.network
    x, y = rng.normal(size=(n, *network.input_shape)).astype(np.float32), rng.integers(0, network.n_outputs, n)
    training = TrainingSection(
        engine="array", arrays="torch", device=device, batch_size=case.batch, optimizer={"name": "sgd", "lr": LR}
    )
    job = Job(network, training, "one-hot", 0, {"train": (x, y)})

    def start(seed: int) -> dict[str, np.ndarray]:
        return initialize(network, He(), Zeros(), seed)

    asks = {seed: Epoch(rng.permutation(n), np.full(steps, LR), 0) for seed in range(runs)}
    alone = ArraySession(job)
    alone.load(start(0), {}, 0)
    yield "one after another", 1, lambda: _ignore(alone.train_epoch(asks[0].order, asks[0].lrs, 0))
    stack = Stack(job, runs)
    for seed in asks:
        stack.place(seed).load(start(seed), {}, 0)
    yield f"{runs} in one program", runs, lambda: _ignore(stack.train_epoch(asks))
    yield "PyTorch's autograd", 1, _autograd(case, x, y, device)


def _ignore(losses: Any) -> None:
    """Losses were fetched, so everything before them is done."""


def _autograd(case: Case, x: np.ndarray, y: np.ndarray, device: str) -> Callable[[], None]:
    net = case.modules().to(device)
    images, classes = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    order = torch.randperm(len(y), device=device).reshape(-1, case.batch)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    loss_of = nn.CrossEntropyLoss()

    def epoch() -> None:
        losses = []
        for rows in order:
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(net(images[rows]), classes[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.stack(losses).cpu()

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    for case in CASES:
        with one_thread("torch"):
            found = list(contenders(case, options.runs, options.steps, options.device))
            seconds: dict[str, list[float]] = {name: [] for name, _, _ in found}
            for _, _, call in found:
                call()
            for _ in range(options.rounds):
                for name, _, call in found:
                    start = time.perf_counter()
                    call()
                    seconds[name].append(time.perf_counter() - start)
        print(f"\n{case.name}, batch {case.batch}, {options.device}: µs a run and step")
        runs_of = {name: runs for name, runs, _ in found}
        micro = {name: [1e6 * s / (options.steps * runs_of[name]) for s in of] for name, of in seconds.items()}
        first = statistics.median(micro["one after another"])
        for name, values in micro.items():
            middle = statistics.median(values)
            span = f"[{min(values):.1f} to {max(values):.1f}]"
            print(f"    {name:20s} {middle:10.1f} {span:24s} {first / middle:6.2f}× one after another", flush=True)


if __name__ == "__main__":
    main()
