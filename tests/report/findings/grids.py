"""Frames with a row a run whose truth is known: full grids, and settings drawn at random."""

import itertools

import numpy as np
import pandas


def grid(levels, seeds, value):
    """Every combination of the levels with every seed; value: (combination as a dict, seed) -> the metric."""
    rows = []
    for combination in itertools.product(*levels.values()):
        setting = dict(zip(levels, combination, strict=True))
        rows += [{**setting, "seed": seed, "value": value(setting, seed)} for seed in range(seeds)]
    return pandas.DataFrame(rows)


def drawn(rng, settings, value, noise=0.0, seeds=1):
    """Settings of lr (log-uniform from 1e-4 to 1), width (choices) and act (categories), value: dict -> mean."""
    rows = []
    for _ in range(settings):
        setting = {
            "lr": float(10 ** rng.uniform(-4, 0)),
            "width": int(rng.choice([16, 32, 64, 128])),
            "act": str(rng.choice(["relu", "tanh", "sigmoid"])),
        }
        rows += [
            {**setting, "seed": seed, "value": value(setting) + noise * float(rng.standard_normal())}
            for seed in range(seeds)
        ]
    return pandas.DataFrame(rows)


def peak(setting):
    """−(log10 lr + 2)²: the variance over log-uniform lr from 1e-4 to 1 is 64/45 (u² of u uniform on [−2, 2])."""
    return -((np.log10(setting["lr"]) + 2) ** 2)
