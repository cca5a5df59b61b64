"""Which axes of a grid matter: shares of the variance of a run that main effects, interactions and seeds have.

Letters: c cells (combinations of values), n seeds; y_s (c,) the values of seed s; X (c, 1 + Σ df) the contrasts of
`design_blocks`, X⁺ its pseudoinverse; b_s = X⁺ y_s, of which b_As are the coefficients of term A; E, Cov over seeds.

    y_s = μ + Σ_A X_A b_A + rest + seed_s + noise_s

    θ_A     = |b_A|²                             variance of term A over the grid, each combination equally likely
    θ̂_A     = |mean_s b_As|² − tr Cov(b_A)/n     = the mean of b_As·b_At over all pairs of different seeds s, t
    noise   = the mean over cells of the variance between seeds; what cells share of it is the seeds' own
    share_A = θ̂_A / (Σ θ̂ + noise)

This is ω² (Hays 1963; Olejnik and Algina 2003) with each term's own error, its interaction with the seeds.  η², the
share of the sum of squares, says of an axis that does nothing that it matters, by tr Cov(b_A)/n; θ̂ does not: a
product of two different seeds has no noise of its own, whatever the distribution, with unequal spreads and correlated
settings (they share seeds).  It needs seeds that are independent, no more.  So θ̂ can be below 0, and is left so.
Effects are fixed: the values of an axis were chosen, not drawn, and θ is their variance (divided by k, not k − 1).

Folds are not independent: of them the variance of a mean over s is that of Nadeau and Bengio (`resampled`), not Cov/n.
With one seed there is no noise to be seen: the contrasts that no term has stand in for it, as if they were noise alone.
Where all seeds agree in every setting no noise was seen, and there are no intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.report.findings.axis_scales import LOST, WHOLE
from handgrad.report.findings.design_blocks import DesignBlock, Terms, block_of, inverse_of, rank_of, terms_of
from handgrad.report.findings.intervals import CONFIDENCE, Interval
from handgrad.report.findings.resampled import means_of
from handgrad.report.findings.wording import plural
from handgrad.streams import stream
from handgrad.training.run_keys import RunKey, counted, sources_over

if TYPE_CHECKING:
    from pandas import DataFrame

Numbers = NDArray[np.float64]
DRAWS = 2000  # of the pivots behind an interval
EQUAL = 1e-12  # of the largest value, squared: variances below are rounding
METHOD = "generalized pivots"


@dataclass(frozen=True)
class Share:
    """What a term has of the variance of a run.

    name: how a table calls it;  axes: one of a main effect, two of an interaction, none of the others;  kind: main,
    interaction, rest (interactions of more axes, or what no term has), seeds (shared by all settings) or noise;
    variance: unbiased, may be below 0.
    """

    name: str
    kind: str
    axes: tuple[str, ...]
    df: int
    variance: float
    share: float
    interval: Interval | None = None


@dataclass(frozen=True)
class VarianceShares:
    """The shares of a grid, largest first, then rest, seeds and noise: they add up to 1.

    cells, seeds, runs: of what was used;  counted: the seeds, or folds and seeds, in words;  total: the variance of a
    run;  left_out, refused, notes: sentences, for the reader.
    """

    shares: tuple[Share, ...]
    cells: int
    seeds: int
    counted: str
    runs: int
    total: float
    left_out: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def effects(self) -> tuple[Share, ...]:
        """Main effects and interactions."""
        return tuple(share for share in self.shares if share.axes)


def variance_shares(
    frame: "DataFrame",
    axes: Sequence[str],
    *,
    order: int = 2,
    names: Mapping[str, str] | None = None,
    overlap: float = 0.0,
) -> VarianceShares:
    """The shares of main effects and, with order 2, interactions of a full or partial grid, with 95 % intervals.

    frame: a row a run, columns `axes`, "seed" and "value";  names: axis -> how sentences call it;  overlap: n₂/n₁ of
    folds (`resampled`).  What the design cannot separate is refused in `refused`.  Lost runs count as the
    results that they are.

    An interval is made of draws of generalized pivots (Weerahandi 1993): the error of a term from its χ², its
    noncentrality from the confidence distribution of the noncentral χ² that θ̂ comes from.  It takes normal noise, and
    the largest of three errors: the term's own, that of all cells, and that along the effect, which is larger where
    settings that have the effect spread more.  `benchmarks/importance.py` measures how often it holds.

    Raises InputError where main effects cannot be separated, or nothing varies.
    """
    block = block_of(frame, axes, names)
    terms = terms_of(block, order)
    y = block.values
    if y.max() - y.min() <= 0:
        raise InputError(f"all {y.size} runs have the same value: there is no variance to share out")
    n = len(block.seeds)
    parts = _replicated(block, terms, overlap) if n > 1 else _single(block, terms)
    total = sum(part.variance for part in parts)
    rounding = EQUAL * float(np.abs(y).max()) ** 2
    if total <= rounding:
        raise InputError("the runs differ by rounding alone: there is no variance to share out")
    notes = [] if n > 1 else [_one_seed(parts)]
    seen = parts[-1].size > rounding
    if not seen:
        notes.append(f"{_agreeing(block)}: no noise was seen, and there are no intervals")
    intervals = _intervals(parts) if seen else [None] * len(parts)
    made = [
        Share(_called(part, block), part.kind, tuple(block.axes[j] for j in part.term), part.df, part.variance,
              part.variance / total, interval)
        for part, interval in zip(parts, intervals, strict=True)
    ]  # fmt: skip
    effects = sorted((one for one in made if one.axes), key=lambda one: -one.variance)
    shares = (*effects, *(one for one in made if not one.axes))
    of = counted(block.seeds)
    return VarianceShares(shares, len(block.cells), n, of, y.size, total, block.left_out, terms.refused, tuple(notes))


def _called(part: "_Part", block: DesignBlock) -> str:
    """How a table calls a term."""
    if part.term:
        return " × ".join(block.axes[j] for j in part.term)
    unit = sources_over(block.seeds)
    words = {"rest": "all other interactions", "seeds": f"{unit}, alike in all settings"}
    between = f"noise between {unit}" if len(block.seeds) > 1 else "noise and what is not listed"
    return words.get(part.kind, between)


def _agreeing(block: DesignBlock) -> str:
    if len(block.seeds) > 1:
        return f"{counted(block.seeds)} agree in every setting"
    return "the effects that are listed explain every run"


def without_lost(frame: "DataFrame", axes: Sequence[str]) -> "DataFrame":
    """The runs of the settings of which no run was lost: what matters among those that work.

    A learning rate at which everything collapses has nearly all variance of a grid; which axis matters elsewhere is
    then seen by the shares of this frame.
    """
    if WHOLE in frame:  # a run that diverged has no row
        return frame[frame[WHOLE].to_numpy(dtype=bool)]
    if LOST not in frame:
        return frame
    keys = list(zip(*(frame[axis].tolist() for axis in axes), strict=True))
    lost = {key for key, fell in zip(keys, frame[LOST].tolist(), strict=True) if fell}
    return frame[[key not in lost for key in keys]]


@dataclass(frozen=True)
class _Part:
    """A term: its df, its unbiased variance, |mean b|² and its error, tr Var(mean b), with their degrees of freedom."""

    kind: str
    term: tuple[int, ...]
    df: int
    variance: float
    size: float = 0.0
    error: float = 0.0
    error_df: float = 0.0


def _replicated(block: DesignBlock, terms: Terms, overlap: float) -> list[_Part]:
    """Every part from two seeds on."""
    y, x = block.values, terms.matrix
    (cells, n), inverse = y.shape, inverse_of(x)
    b = inverse @ y
    residual = y - y.mean(axis=0) - y.mean(axis=1, keepdims=True) + y.mean()
    error, error_df = _error(residual, block.seeds, overlap)
    pooled, pooled_df = error / (cells - 1), error_df * (cells - 1) / cells  # of the mean of a cell

    def part(kind: str, term: tuple[int, ...], own: Numbers, df: int, weight: float) -> _Part:
        return _part(kind, term, own, df, (pooled * weight, pooled_df), block.seeds, overlap)

    parts = [
        part("main" if len(term) == 1 else "interaction", term, b[at], len(b[at]), float((inverse[at] ** 2).sum()))
        for term, at in terms.blocks().items()
    ]
    left = cells - rank_of(x)
    if left:
        parts.append(part("rest", (), (y - x @ b) / np.sqrt(cells), left, left / cells))
    total = float(y.var(axis=1, ddof=1).mean())
    shared = (cells * float(y.mean(axis=0).var(ddof=1)) - total) / (cells - 1)
    parts.append(_Part("seeds", (), n - 1, shared))
    parts.append(_Part("noise", (), (cells - 1) * (n - 1), total - shared, total, 0.0, cells * (n - 1)))
    return parts


def _error(b: Numbers, seeds: Sequence[RunKey], overlap: float) -> tuple[float, float]:
    """(tr Var(mean of b over seeds), its degrees of freedom) of rows of coefficients (df, n)."""
    found = means_of(b, np.ones_like(b, dtype=bool), seeds, overlap)
    return float(found.variance.sum()), float(found.df.sum())


def _part(
    kind: str,
    term: tuple[int, ...],
    b: Numbers,
    df: int,
    pooled: tuple[float, float],
    seeds: Sequence[RunKey],
    overlap: float,
) -> _Part:
    """A term from its coefficients by seed (rows, n);  pooled: its error and degrees, were that of all cells alike."""
    mean = b.mean(axis=1)
    size, (own, own_df) = float((mean**2).sum()), _error(b, seeds, overlap)
    found = [(own, own_df * df / len(b)), pooled]
    if size > 0:  # along the effect, where settings that have it spread more
        along, along_df = _error((mean @ b)[None], seeds, overlap)
        found.append((df * along / size, along_df))
    error, error_df = max(found)
    return _Part(kind, term, df, size - own, size, error, error_df)


def _single(block: DesignBlock, terms: Terms) -> list[_Part]:
    """Every part of one seed: the contrasts that no term has are the noise.

    Where the interactions leave none, they are taken for noise.
    """
    cells = len(block.cells)
    if cells <= terms.matrix.shape[1]:
        terms = Terms({term: z for term, z in terms.columns.items() if len(term) == 1})
    y, x = block.values[:, 0], terms.matrix
    left = cells - x.shape[1]
    if left < 1:
        raise InputError(
            f"{plural(cells, 'setting')} with one seed each: an effect cannot be told from the noise between seeds; "
            "run two seeds or more"
        )
    inverse = inverse_of(x)
    b = inverse @ y
    noise = float(((y - x @ b) ** 2).sum()) / left
    parts = []
    for term, at in terms.blocks().items():
        size, error = float((b[at] ** 2).sum()), noise * float((inverse[at] ** 2).sum())
        kind = "main" if len(term) == 1 else "interaction"
        parts.append(_Part(kind, term, len(b[at]), size - error, size, error, left))
    return [*parts, _Part("noise", (), left, noise, noise, 0.0, left)]


def _one_seed(parts: Sequence[_Part]) -> str:
    listed = any(len(part.term) == 2 for part in parts)
    what = "interactions that are not listed" if listed else "interactions"
    return f"one seed: {what} and the noise between seeds cannot be told apart, and count as noise"


def _intervals(parts: Sequence[_Part]) -> list[Interval | None]:
    """The intervals of the shares of terms: quantiles of θ*/(Σ θ* + noise*) over draws of all parts."""
    from scipy.special import chdtri

    rng, draws = stream(0, "bootstrap", 13), DRAWS
    drawn: dict[int, Numbers] = {}
    whole = np.zeros(draws)
    for i, part in enumerate(parts):
        if part.kind == "seeds":  # within the noise of a run, which the last part draws
            continue
        chi2 = rng.chisquare(part.error_df, draws) / part.error_df
        if part.kind == "noise":
            whole += part.size / chi2
            continue
        level = rng.random(draws)
        if part.error > 0:
            unit = part.error / chi2 / part.df  # variance of one coefficient of the mean over seeds
            least = float(chdtri(part.df, 0.5))  # what noise alone gives in half of all studies
            drawn[i] = _noncentrality(np.maximum(part.size / unit, least), part.df, level) * unit
        else:
            drawn[i] = np.full(draws, part.size)
        whole += drawn[i]
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    found: list[Interval | None] = []
    for i in range(len(parts)):
        if i not in drawn:
            found.append(None)
            continue
        low, high = np.quantile(drawn[i] / np.maximum(whole, 1e-300), tails)
        found.append(Interval(float(low), float(high), METHOD))
    return found


def _noncentrality(x: Numbers, df: int, level: Numbers) -> Numbers:
    """The λ at which the noncentral χ² of df degrees of freedom is below x with the chance `level`; 0 where none is.

    From x = 1,000 + 50·df on λ = (√x − z)² − (df − 1), within 0.03 %: of √χ²(df, λ) ≈ √λ + z + (df − 1)/(2√λ).
    """
    from scipy.special import chndtrinc, ndtri

    near = x <= 1000 + 50 * df
    found = np.asarray((np.sqrt(x) - ndtri(level)) ** 2 - (df - 1), dtype=np.float64)
    exact = chndtrinc(x[near], float(df), level[near])
    found[near] = np.where(exact > 1e-300, exact, 0.0)  # the inverse of no noncentrality is a tiny number
    return found
