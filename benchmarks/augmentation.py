"""What augmentation costs: processor seconds of an epoch of MNIST with and without it, compiled engine.

    python benchmarks/augmentation.py

Of an epoch with its scores: the difference of runs of four epochs and of one, in which compiling does not count.
"""

import argparse
import time

from handgrad.data.datasets import Split, load, split
from handgrad.training.loop import execute
from handgrad.training.run import Run, Setting

NETWORKS = {
    "784-300-10": {"hidden": [300]},
    "LeNet": {
        "layers": [
            *("conv 6 5x5 relu", "max-pool 2", "conv 16 5x5 relu", "max-pool 2"),
            *("flatten", "dense 120 relu", "dense 10 softmax"),
        ]
    },
}
AUGMENTATIONS = (None, {"shift": 2}, {"shift": 2, "rotate": 10})


def seconds(parts: Split, network: dict, augmentation: dict | None, epochs: int) -> float:
    """Of the processor, for a whole run at batch size 100."""
    training = {"batch_size": 100, "epochs": epochs, "engine": "compiled", "augmentation": augmentation}
    run = Run(Setting(data={"name": "mnist"}, network=network, training=training), 0, parts.checksum)
    start = time.process_time()
    execute(run, parts)
    return time.process_time() - start


def main() -> None:
    """A line for each network and augmentation."""
    parts = split(load("mnist"), {"name": "mnist"})
    for name, network in NETWORKS.items():
        without = 0.0
        for augmentation in AUGMENTATIONS:
            once = min(seconds(parts, network, augmentation, 1) for _ in range(2))  # the first one compiles
            epoch = (seconds(parts, network, augmentation, 4) - once) / 3
            without = without or epoch
            print(f"{name:12} {augmentation!s:30} {epoch:6.2f} s an epoch, {epoch / without:.1f} times", flush=True)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
