"""Variances of results: between the seeds of one setting, and between cheaper runs and the runs that they stand for.

The scale of all of it is y: 2·arcsine √x... see `to_scale`.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class VariancePrior:
    """What all settings say of the variance between seeds of one: σ² ~ df·variance / χ²(df), on the scale of `to_scale`."""

    variance: float
    df: float


@dataclass(frozen=True)
class Fidelity:
    """How results of cheaper runs (fewer examples, fewer epochs) differ from those of the runs that they stand for, on
    the scale of `to_scale`: dear − cheap has mean `shift` and variance `variance`; estimated from so many `pairs`.

    Fidelity() is that of the runs themselves: no shift, no variance.
    """

    shift: float = 0.0
    variance: float = 0.0
    pairs: int = 0


def fidelity(pairs: Iterable[tuple[float, float]], bounded: bool = True) -> Fidelity:
    """From (cheap, dear) results of the same reading and row, of one rung; with no pair the prior of a first rung."""
    raise NotImplementedError
