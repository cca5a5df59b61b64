"""How often the intervals of "Where noise comes from" hold, in simulated studies whose parts are known.

A study has n runs a source.  A run's accuracy is p plus what each source that varies adds to it; a split also draws m
of a pool of N examples, of which a binomial number is right.  The intervals say 95 %.

    python benchmarks/noise.py [--studies 400]
"""

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from handgrad.report.findings.noise import EXAMPLES, Noise, noise_of

Numbers = NDArray[np.float64]
P, M, N = 0.96, 360, 1800
STD = {"init": 0.004, "order": 0.004, "dropout": 0.003, "split": 0.006}
RUNS = (5, 10, 20, 50)


def normal(rng: np.random.Generator, n: int) -> Numbers:
    return rng.standard_normal(n)


def heavy_tails(rng: np.random.Generator, n: int) -> Numbers:
    """Student's t with 5 degrees of freedom, of variance 1: now and then a run far off."""
    return rng.standard_t(5, n) / np.sqrt(5 / 3)


def skewed(rng: np.random.Generator, n: int) -> Numbers:
    """χ² with 4 degrees of freedom, of variance 1, downwards: most runs are good, some are not."""
    return -(rng.chisquare(4, n) - 4) / np.sqrt(8)


CASES: dict[str, Callable[[np.random.Generator, int], Numbers]] = {
    "normal": normal,
    "heavy tails": heavy_tails,
    "skewed": skewed,
}


def truth() -> dict[str, float]:
    """source -> its variance."""
    return {name: std**2 for name, std in STD.items()} | {EXAMPLES: P * (1 - P) / M}


def study(rng: np.random.Generator, n: int, effect: Callable[[np.random.Generator, int], Numbers]) -> Noise:
    """A simulated study: n runs of each source alone, and n of all of them."""
    right = int(rng.binomial(N, P))

    def scored(size: int) -> Numbers:
        return rng.hypergeometric(right, N - right, M, size) / M

    here = float(scored(1)[0])  # the examples that the first seed draws
    alone = {name: here + std * effect(rng, n) for name, std in STD.items() if name != "split"}
    alone["split"] = scored(n) + STD["split"] * effect(rng, n)
    together = scored(n) + np.sum([std * effect(rng, n) for std in STD.values()], axis=0)
    values = {name: x.tolist() for name, x in alone.items()}
    return noise_of("1", "test_accuracy", values, together.tolist(), m=M, pool=N, seed=int(rng.integers(2**32)))


def coverage(found: list[Noise]) -> dict[str, float]:
    """How often, in percent, the intervals hold the variance of a source, and its share ("… share")."""
    known = truth()
    total = sum(known.values())
    held: dict[str, list[bool]] = {}
    for noise in found:
        for part in noise.parts:
            for key, one, value in (
                (part.source, part.variance, known[part.source]),
                (f"{part.source} share", part.share, known[part.source] / total),
            ):
                held.setdefault(key, []).append(one.low is not None and one.low <= value <= (one.high or 0.0))
    return {name: 100 * float(np.mean(values)) for name, values in held.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--studies", type=int, default=400)
    studies = parser.parse_args().studies
    print(f"{studies} studies a cell; percent of intervals that hold (95 wanted); mean estimate / truth of V_split\n")
    print(f"{'':14}{'runs':>5}" + "".join(f"{name:>10}" for name in (*truth(), "shares, lowest", "V_split")))
    for case, effect in CASES.items():
        for n in RUNS:
            rng = np.random.default_rng(n)
            found = [study(rng, n, effect) for _ in range(studies)]
            held = coverage(found)
            lowest = min(value for name, value in held.items() if name.endswith("share"))
            splits = [part.variance.value for noise in found for part in noise.parts if part.source == "split"]
            ratio = float(np.mean(splits)) / STD["split"] ** 2
            row = "".join(f"{held[name]:10.1f}" for name in truth())
            print(f"{case:14}{n:5}{row}{lowest:16.1f}{ratio:10.2f}", flush=True)


if __name__ == "__main__":
    main()
