"""What a setting's results predict of the mean and the spread of k further seeds, case by case: how many were lost.

Letters: n results learnt, with mean ȳ and squares around it `squares`, on the scale y of `variances`; k seeds printed,
j of them lost and m = k − j not; v printed mean, σ printed spread, S = k·σ² (ddof 0) or (k − 1)·σ² (ddof 1).

    j = 0       y(v) ~ t around ȳ; S on the scale y / s̃² ~ (k − 1)·F(k − 1, d)
    0 < j < k   v = (m·g + j·c)/k: g the mean of those that learnt, y(g) ~ t around ȳ, c ~ normal that of the lost;
                S = (g − c)²·m·j/k + squares within, which are (k − 2)·F(k − 2, d) times their mean square
    j = k       v = c ~ normal around chance; S ~ (k − 1)·τ²·F(k − 1, LOST_DF)

Every case answers: P(v, σ), the density of y(v) alone, and how far out σ is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from handgrad.study.rules.variances import Numbers, VariancePrior, moderated, spread_to_scale, to_scale

LOST_DF = 4.0  # of the variance of lost runs: it is known only about
MANY = 1e6  # degrees of freedom of a variance that is known
NODES = 4.0  # standard deviations of c on both sides of its mean, over which P(v, σ) is summed
NARROW = 0.1  # of an interval of t, in standard deviations
GAUSS = math.sqrt(3 / 5) / 2  # of the width of an interval, from its middle to the outer points of Gauss and Legendre


@dataclass(frozen=True)
class Printed:
    """What is printed: a mean over `seeds` with half-width, and a spread or None, with the same half-width."""

    mean: float
    half_width: float
    std: float | None
    ddof: int
    seeds: int
    bounded: bool

    @cached_property
    def edges(self) -> tuple[float, float]:
        """The interval of what rounds to the mean, on the scale; unbounded where it holds 0 or 1 of a fraction."""
        low, high = self.mean - self.half_width, self.mean + self.half_width
        if not self.bounded:
            return float(to_scale(low, False)), float(to_scale(high, False))
        return (
            -math.inf if low <= 0 else float(to_scale(low)),
            math.inf if high >= 1 else float(to_scale(high)),
        )

    def squares(self, on_scale: bool) -> tuple[float, float] | None:
        """The interval of S, in units of x² or of y²; None where no spread is printed, or one of a single seed."""
        return self._squares_of_y if on_scale else self._squares_of_x

    @cached_property
    def _squares_of_x(self) -> tuple[float, float] | None:
        return self._squares(lambda edge: edge)

    @cached_property
    def _squares_of_y(self) -> tuple[float, float] | None:
        return self._squares(lambda edge: spread_to_scale(edge, self.mean, self.bounded))

    def _squares(self, scaled: Callable[[float], float]) -> tuple[float, float] | None:
        if self.std is None or self.seeds < 2:
            return None
        low, high = scaled(max(self.std - self.half_width, 0.0)), scaled(self.std + self.half_width)
        count = self.seeds - self.ddof
        return count * low**2, count * high**2

    def distance(self, y: float) -> float:
        """From y to the nearest value that rounds to the mean, with its sign."""
        low, high = self.edges
        return low - y if y < low else high - y if y > high else 0.0


@dataclass(frozen=True)
class Learnt:
    """Our results that learnt: n of them, at least 1, with their mean and squares around it on the scale."""

    n: int
    mean: float
    squares: float
    prior: VariancePrior
    noise: float  # variance from the examples that are scored, ours and theirs
    variance: float  # φ², of the fidelity
    variance_df: float  # degrees of freedom with which it is known

    def between(self, squares: float = 0.0, df: float = 0.0) -> tuple[float, float]:
        """s̃² between seeds and its degrees of freedom, with further squares that were seen."""
        return moderated(self.prior, self.squares + squares, self.n - 1 + df)

    def scale(self, m: int, s2: float, df: float) -> tuple[float, float]:
        """Scale and degrees of freedom of the mean of m further seeds around ours (Satterthwaite)."""
        seeds = s2 * (1 / m + 1 / self.n)
        total = seeds + self.noise + self.variance
        spread = seeds**2 / df + self.variance**2 / self.variance_df
        return math.sqrt(total), min(total**2 / spread, MANY) if spread > 0 else MANY

    def cheap(self, m: int, s2: float) -> float:
        """The share of φ² in the squared scale."""
        return self.variance / (s2 * (1 / m + 1 / self.n) + self.noise + self.variance)


@dataclass(frozen=True)
class Peak:
    """The distribution of y(v) alone: a t with location, scale and degrees of freedom."""

    location: float
    scale: float
    df: float

    @property
    def height(self) -> float:
        """The density in the middle."""
        return _t_height(self.df) / self.scale

    def density(self, distance: float) -> float:
        """The density at a distance from the middle."""
        return self.height * math.exp(-(self.df + 1) / 2 * math.log1p((distance / self.scale) ** 2 / self.df))

    def beyond(self, density: float) -> float:
        """The probability of all y at which the density is at most this one."""
        from scipy.special import stdtr

        if density >= self.height:
            return 1.0
        if density <= 0:
            return 0.0
        log = -2 / (self.df + 1) * math.log(density / self.height)
        r = math.sqrt(self.df * math.expm1(min(log, 600.0)))
        return 2 * float(stdtr(self.df, -r))


class Case(Protocol):
    """How many of the seeds were lost, and what that predicts."""

    @property
    def lost(self) -> int:
        """j"""

    def likelihood(self, printed: Printed, shifts: Numbers) -> Numbers:
        """P(v, σ) for shifts of our results: (q,) -> (q,)."""

    def peak(self, printed: Printed, shift: float) -> Peak:
        """The distribution of y(v) alone."""

    def spread_tail(self, printed: Printed, shift: float) -> float:
        """The two-sided probability of a spread as far out as that printed; 1 where none is."""

    def cheap(self, printed: Printed) -> float:
        """The share of the squared scale that is due to cheaper runs."""


def _t_between(low: Numbers, high: Numbers, df: float) -> Numbers:
    """P(low < T < high): by three points of Gauss and Legendre where that is NARROW (to 1e-9, and forty times faster),
    else by the distribution in the tail on whose side it is exact."""
    width = high - low
    if np.max(width) <= NARROW:
        middle = (low + high) / 2
        points = (middle - width * GAUSS, middle, middle + width * GAUSS)
        first, second, third = (np.exp(-(df + 1) / 2 * np.log1p(t * t / df)) for t in points)
        return np.asarray(_t_height(df) * width * (5 * first + 8 * second + 5 * third) / 18)
    from scipy.special import stdtr

    upper = low > 0
    a, b = np.where(upper, -high, low), np.where(upper, -low, high)
    return np.asarray(np.maximum(stdtr(df, b) - stdtr(df, a), 0.0))


def _t_height(df: float) -> float:
    """The density of t(df) at 0."""
    return math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)


def _f_tails(low: Numbers, high: Numbers, df: float, df_known: float) -> tuple[Numbers, Numbers, Numbers]:
    """P(low ≤ F ≤ high), P(F ≤ high), P(F ≥ low); with df = 0 F is 0."""
    from scipy.special import fdtr, fdtrc

    if df == 0:
        below, above = (high >= 0).astype(float), (low <= 0).astype(float)
        return below * above, below, above
    low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
    below, above = fdtr(df, df_known, high), fdtrc(df, df_known, low)
    return (
        np.maximum(np.where(below < above, below - fdtr(df, df_known, low), above - fdtrc(df, df_known, high)), 0.0),
        below,
        above,
    )


def _slope(y: float) -> float:
    """dx/dy = sin 2y of x = sin² y; at least that of one part in 1,000."""
    return max(abs(math.sin(2 * y)), 0.06)


def _two_sided(below: float, above: float) -> float:
    return min(1.0, 2 * min(below, above))


@dataclass(frozen=True)
class AllLearnt:
    """j = 0."""

    learnt: Learnt
    lost: int = 0

    def _scale(self, printed: Printed) -> tuple[float, float]:
        squares = printed.squares(on_scale=True)
        s2, df = self.learnt.between()
        if squares is not None:
            middle = (math.sqrt(squares[0]) + math.sqrt(squares[1])) ** 2 / 4
            s2, df = self.learnt.between(middle, printed.seeds - 1)
        return self.learnt.scale(printed.seeds, s2, df)

    def _spread(self, printed: Printed) -> tuple[float, float, float]:
        squares = printed.squares(on_scale=True)
        if squares is None:
            return 1.0, 1.0, 1.0
        s2, df = self.learnt.between()
        unit = (printed.seeds - 1) * s2
        found = _f_tails(np.asarray(squares[0] / unit), np.asarray(squares[1] / unit), printed.seeds - 1, df)
        return float(found[0]), float(found[1]), float(found[2])

    def likelihood(self, printed: Printed, shifts: Numbers) -> Numbers:
        """P(σ)·P(v | σ)."""
        scale, df = self._scale(printed)
        low, high = printed.edges
        location = self.learnt.mean + shifts
        return self._spread(printed)[0] * _t_between((low - location) / scale, (high - location) / scale, df)

    def peak(self, printed: Printed, shift: float) -> Peak:
        """A t around our mean."""
        return Peak(self.learnt.mean + shift, *self._scale(printed))

    def spread_tail(self, printed: Printed, shift: float) -> float:
        """Two-sided, by F."""
        _, below, above = self._spread(printed)
        return _two_sided(below, above)

    def cheap(self, printed: Printed) -> float:
        """φ² in the squared scale."""
        return self.learnt.variance / self._scale(printed)[0] ** 2


@dataclass(frozen=True)
class Nodes:
    """Values of the mean c of the lost, their probabilities, and where g lies on the scale if v is printed."""

    c: Numbers
    weight: Numbers
    low: Numbers
    high: Numbers

    def kept(self, keep: NDArray[np.bool_]) -> "Nodes":
        """Some of them."""
        return self if keep.all() else Nodes(self.c[keep], self.weight[keep], self.low[keep], self.high[keep])


@lru_cache(maxsize=1024)  # the same for all readings of which no run was lost
def _nodes(printed: Printed, j: int, chance: float, sd: float) -> Nodes:
    """So close that the spread that is printed is not passed over."""
    step = sd / 8 if printed.std is None else min(sd / 8, printed.half_width)
    half = min(math.ceil(NODES * sd / step), 2000)
    z = np.linspace(-NODES, NODES, 2 * half + 1)
    weight = np.exp(-(z**2) / 2)
    c = chance + sd * z
    k, m = printed.seeds, printed.seeds - j
    low, high = ((k * (printed.mean + sign * printed.half_width) - j * c) / m for sign in (-1, 1))
    return Nodes(c, weight / weight.sum(), to_scale(low), to_scale(high))


@lru_cache(maxsize=1024)  # with one seed a reading the variance between seeds is the prior's
def _node_spreads(
    printed: Printed, j: int, chance: float, sd: float, spread: float, s2: float, df: float
) -> tuple[Numbers, Numbers, Numbers]:
    c = _nodes(printed, j, chance, sd).c
    squares = printed.squares(on_scale=False)
    if squares is None:
        return np.ones_like(c), np.ones_like(c), np.ones_like(c)
    k, m = printed.seeds, printed.seeds - j
    g = (k * printed.mean - j * c) / m
    between = (g - c) ** 2 * m * j / k
    inside = np.clip(g, 0.001, 0.999)
    unit = np.asarray((m - 1) * s2 * 4 * inside * (1 - inside) + (j - 1) * spread**2)  # (dx/dy)² = 4·g·(1 − g)
    unit = np.maximum(unit, 1e-12)
    return _f_tails((squares[0] - between) / unit, (squares[1] - between) / unit, k - 2, df)


@dataclass(frozen=True)
class SomeLost:
    """0 < j < k.  chance, spread: mean c of a lost run and standard deviation τ; known: lost runs of ours."""

    learnt: Learnt
    lost: int
    chance: float
    spread: float
    known: int

    def _lost_mean(self) -> float:
        """The standard deviation of the mean of j lost runs."""
        return self.spread * math.sqrt(1 / self.lost + 1 / (1 + self.known))

    def _nodes(self, printed: Printed) -> Nodes:
        return _nodes(printed, self.lost, self.chance, self._lost_mean())

    def _spread(self, printed: Printed) -> tuple[Numbers, Numbers, Numbers]:
        """P(σ | c, v) at the nodes, and of a spread at most and at least so large."""
        return _node_spreads(printed, self.lost, self.chance, self._lost_mean(), self.spread, *self.learnt.between())

    def _mean(self, printed: Printed, nodes: Nodes, shifts: Numbers) -> Numbers:
        """P(v | c): (nodes,), (q,) -> (q, nodes)."""
        scale, df = self.learnt.scale(printed.seeds - self.lost, *self.learnt.between())
        location = self.learnt.mean + shifts[:, None]
        return _t_between((nodes.low - location) / scale, (nodes.high - location) / scale, df)

    def likelihood(self, printed: Printed, shifts: Numbers) -> Numbers:
        """The sum over c of P(c)·P(v | c)·P(σ | c, v)."""
        nodes = self._nodes(printed)
        spread = self._spread(printed)[0]
        keep = spread > 1e-15
        if not keep.any():
            return np.zeros(len(shifts))
        return np.asarray(self._mean(printed, nodes.kept(keep), shifts) @ (spread * nodes.weight)[keep])

    def peak(self, printed: Printed, shift: float) -> Peak:
        """The mixture of both groups, its scale to first order."""
        k, m = printed.seeds, printed.seeds - self.lost
        scale, df = self.learnt.scale(m, *self.learnt.between())
        y = min(max(self.learnt.mean + shift, 0.0), math.pi / 2)
        location = float(to_scale((m * math.sin(y) ** 2 + self.lost * self.chance) / k))
        both = math.hypot(m * scale * _slope(y), self.lost * self._lost_mean()) / k
        return Peak(location, both / _slope(location), df)

    def spread_tail(self, printed: Printed, shift: float) -> float:
        """Two-sided, over the c that v suggests."""
        nodes = self._nodes(printed)
        weight = nodes.weight * self._mean(printed, nodes, np.asarray([shift]))[0]
        if not weight.sum() > 0:
            return 1.0
        _, below, above = self._spread(printed)
        return _two_sided(float(weight @ below / weight.sum()), float(weight @ above / weight.sum()))

    def cheap(self, printed: Printed) -> float:
        """φ² in the squared scale of those that learnt."""
        return self.learnt.cheap(printed.seeds - self.lost, self.learnt.between()[0])


@dataclass(frozen=True)
class AllLost:
    """j = k.  chance, spread, known: as in `SomeLost`."""

    lost: int
    chance: float
    spread: float
    known: int

    def _scale(self) -> float:
        return self.spread * math.sqrt(1 / self.lost + 1 / (1 + self.known))

    def _spread(self, printed: Printed) -> tuple[float, float, float]:
        squares = printed.squares(on_scale=False)
        if squares is None:
            return 1.0, 1.0, 1.0
        unit = (self.lost - 1) * self.spread**2
        found = _f_tails(np.asarray(squares[0] / unit), np.asarray(squares[1] / unit), self.lost - 1, LOST_DF)
        return float(found[0]), float(found[1]), float(found[2])

    def likelihood(self, printed: Printed, shifts: Numbers) -> Numbers:
        """P(v)·P(σ); no shift of the others changes it."""
        low, high = (printed.mean + sign * printed.half_width for sign in (-1, 1))
        a, b = (np.asarray((edge - self.chance) / self._scale()) for edge in (low, high))
        return np.full(len(shifts), float(_t_between(a, b, MANY)) * self._spread(printed)[0])

    def peak(self, printed: Printed, shift: float) -> Peak:
        """Around chance."""
        y = float(to_scale(self.chance))
        return Peak(y, self._scale() / _slope(y), MANY)

    def spread_tail(self, printed: Printed, shift: float) -> float:
        """Two-sided, by F."""
        _, below, above = self._spread(printed)
        return _two_sided(below, above)

    def cheap(self, printed: Printed) -> float:
        """Nothing: chance is the same for cheaper runs."""
        return 0.0
