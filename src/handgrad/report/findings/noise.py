"""Where noise comes from: the variance of a measured accuracy, split among the sources of chance.

Of one setting there are runs whose seeds vary one source and leave the others as they are (`vary` of a study or a
phase), and runs that vary all of these sources together.  Letters: x the accuracies of n runs and s² their variance;
p the mean accuracy; m the examples that are scored; N those of which a split draws them.

    V_init = s²      of the runs that vary the initial weights alone; likewise V_order and V_dropout
    V_test = p(1 − p)/m                          m other examples in their place (binomial)
    V_split = max(0, s² − V_test·(1 − m/N))      less what drawing m of N examples makes, where the split draws them
    share_j = V_j / ΣV

Every V is what this source makes while the others stay as the first seed has them, and holds what it makes together
with these.  So ΣV is, on average over what the others are left at, at least the variance of all of them together, and
equal to it where they simply add up (Efron and Stein 1981); that variance is told beside it.  The scored examples are
one of the sources: two runs differ on some of them only, and V_test and the others both hold that.  A source that
changes nothing in a setting (the order of examples that are all in one batch) is no part of it: its runs are the same.

Intervals (95 %): of the variance of n ≥ 10 runs the one of Bonett (2006), for runs that are not normally distributed,

    ln s² + ln c ± z·c·√((γ − (n − 3)/n)/(n − 1)),  c = n/(n − z),  γ = n·Σ(x − x_t)⁴/(Σ(x − x̄)²)²,

x_t the mean without the lowest and the highest 1/(2√(n − 4)) of the runs; of fewer runs (n − 1)s²/χ²(n − 1), which
assumes that they are; of p the binomial one (Jeffreys) of as many examples as give it the variance p(1 − p)/M + s²/n,
M the different examples that were scored.  Those of V_split, of shares and of ratios are the quantiles of these
formulas for DRAWS draws of every variance and of p from those distributions (Weerahandi 1993).

Sources: Bouthillier et al., "Accounting for variance in machine learning benchmarks" (MLSys 2021), who vary one source
at a time and set the binomial noise of the test set beside it; Bonett, "Approximate confidence interval for standard
deviation of nonnormal distributions" (2006); Efron and Stein, "The jackknife estimate of variance" (1981).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from handgrad.measures import TEST, VALIDATION, is_proportion
from handgrad.report.findings.run_facts import UNFINISHED, trained_on
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.streams import stream
from handgrad.training.sources import SOURCES, sources_in_force, without_effect

CONFIDENCE = 0.95
DRAWS = 20_000
BONETT = 10  # runs from which the interval for other than normal distributions is taken
EXAMPLES = "examples"  # the source beside those of a run: which examples are scored

Draws = NDArray[np.float64]


@dataclass(frozen=True)
class PointEstimate:
    """A number with the ends of its 95 % interval; None where nothing can be said of them."""

    value: float
    low: float | None = None
    high: float | None = None

    def root(self) -> "PointEstimate":
        """Of a variance, the standard deviation."""
        low, high = (None if end is None else math.sqrt(end) for end in (self.low, self.high))
        return PointEstimate(math.sqrt(self.value), low, high)


@dataclass(frozen=True)
class NoisePart:
    """What one source makes: n runs vary it (of the scored examples: how many they are).

    seen: the variance of these runs, of which that of the split has what drawing the scored examples makes.
    """

    source: str
    n: int
    variance: PointEstimate
    share: PointEstimate
    seen: float


@dataclass(frozen=True)
class Together:
    """The n runs that vary all sources together: their variance, and how often it the sources by themselves come to
    (None where these runs agree)."""

    n: int
    variance: PointEstimate
    ratio: PointEstimate | None


@dataclass(frozen=True)
class Still:
    """n runs that vary a source which changes nothing in this setting, and why it does not."""

    source: str
    n: int
    why: str


@dataclass(frozen=True)
class Noise:
    """The variance of a metric of one setting.

    p: its mean;  m, pool: the examples that are scored, and those of which the split draws them (None: it does not)
    parts: empty where every source that runs vary alone changes nothing;  still: those sources
    collapsed, missing: of all runs, those that learnt nothing, which count like the others, and those without a value
    """

    label: str
    metric: str
    p: float
    m: int
    pool: int | None
    parts: tuple[NoisePart, ...]
    together: Together | None
    collapsed: int = 0
    missing: int = 0
    still: tuple[Still, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether any runs differ."""
        alone = any(part.seen for part in self.parts if part.source != EXAMPLES)
        return alone or (self.together is not None and self.together.variance.value > 0)

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return sum(part.variance.value for part in self.parts)


def noise_of(
    label: str,
    metric: str,
    alone: Mapping[str, Sequence[float]],
    together: Sequence[float] = (),
    *,
    m: int,
    pool: int | None = None,
    seed: int = 0,
) -> Noise:
    """The parts of the variance of an accuracy.

    alone: source -> accuracies of the runs that vary it alone, two at least;  together: of those that vary all of them;
    m: the examples that were scored;  pool: the examples of which the split draws them, where it does.

    >>> found = noise_of("1", "test_accuracy", {"init": [0.90, 0.91, 0.92], "order": [0.90, 0.90, 0.91]}, m=1000)
    >>> [(part.source, round(1e4 * part.variance.value, 2)) for part in found.parts]
    [('init', 1.0), ('order', 0.33), ('examples', 0.85)]
    """
    rng = stream(seed, "bootstrap")
    sources = [name for name in SOURCES if name in alone]
    values = {name: _variance(alone[name]) for name in sources}
    drawn = {name: variance_draws(alone[name], rng) for name in sources}
    of_p = together if len(together) > 1 else alone["split"] if pool is not None else np.concatenate([*alone.values()])
    p, n = float(np.mean(of_p)), len(of_p)
    different = m if pool is None else pool * (1 - (1 - m / pool) ** n)  # examples that were scored
    size = different / (1 + different * float(np.var(of_p)) / (n * p * (1 - p))) if 0 < p < 1 else different
    ps = rng.beta(p * size + 0.5, (1 - p) * size + 0.5, DRAWS)
    values[EXAMPLES], drawn[EXAMPLES] = p * (1 - p) / m, ps * (1 - ps) / m
    seen, seen_draws = dict(values), np.sum([drawn[name] for name in sources], axis=0)
    if pool is not None and "split" in values:
        left = 1 - m / pool
        values["split"] = max(0.0, values["split"] - left * values[EXAMPLES])
        drawn["split"] = np.maximum(0.0, drawn["split"] - left * drawn[EXAMPLES])
    total, totals = sum(values.values()), np.sum(list(drawn.values()), axis=0)
    parts = []
    for name, value in values.items():
        ends, share_ends = _ends(drawn[name]), _ends(drawn[name] / totals)
        none = not ends[1]  # an interval of no width is none
        sure = none or share_ends[0] == share_ends[1]
        share = value / total if total else 0.0
        parts.append(
            NoisePart(
                name,
                m if name == EXAMPLES else len(alone[name]),
                PointEstimate(value) if none else PointEstimate(value, *ends),
                PointEstimate(share) if sure else PointEstimate(share, *share_ends),
                seen[name],
            )
        )
    found = None
    if len(together) > 1 and (variance := _variance(together)):
        draws = variance_draws(together, rng)
        ratio = PointEstimate(sum(seen[name] for name in sources) / variance, *_ends(seen_draws / draws))
        found = Together(len(together), PointEstimate(variance, *_ends(draws)), ratio)
    elif len(together) > 1:
        found = Together(len(together), PointEstimate(0.0), None)
    return Noise(label, metric, p, m, pool, tuple(parts), found)


def variance_draws(x: Sequence[float], rng: np.random.Generator, draws: int = DRAWS) -> Draws:
    """Draws from the distribution that gives the interval of the variance of n ≥ 2 runs (see above)."""
    values = np.asarray(x, dtype=np.float64)
    n, variance = len(values), _variance(x)
    if not variance:
        return np.zeros(draws)
    if n < BONETT:
        return (n - 1) * variance / rng.chisquare(n - 1, draws)
    z = 1.959963984540054
    cut = int(n / (2 * math.sqrt(n - 4)))
    middle = float(np.mean(np.sort(values)[cut : n - cut]))
    kurtosis = n * float(np.sum((values - middle) ** 4)) / float(np.sum((values - values.mean()) ** 2)) ** 2
    c = n / (n - z)
    error = c * math.sqrt(max(0.0, kurtosis - (n - 3) / n) / (n - 1))
    found: Draws = c * variance * np.exp(error * rng.standard_normal(draws))
    return found


def _variance(x: Sequence[float]) -> float:
    """s² of runs; 0 where they agree, which the rounding of a mean would not be."""
    return float(np.var(x, ddof=1)) if np.ptp(x) else 0.0


def _ends(draws: Draws) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def noises(summary: Summary) -> list[Noise]:
    """The noise of every setting of which runs vary a single source, two of them at least.

    Runs of folds differ in their examples as well: what they vary is not one source, and they are left out.
    """
    if all(phase.vary is None for phase in summary.phases):
        return []
    found: dict[str, dict[tuple[str, ...], SettingSummary]] = {}
    still: dict[str, dict[str, Still]] = {}
    for phase in summary.phases:
        for setting in () if phase.folded else phase.settings:
            examples, key = trained_on(setting.runs), json.dumps(setting.setting, sort_keys=True)
            sources = sources_in_force(phase.vary, setting.setting, examples)  # a plain phase varies several together
            found.setdefault(key, {}).setdefault(sources, setting)
            if not sources and len(setting.runs) > 1:
                why, n = without_effect(setting.setting, examples), len(setting.runs)
                still.setdefault(key, {}).update({name: Still(name, n, why[name]) for name in phase.vary or ()})
    made = [_noise(groups, tuple(still.get(key, {}).values())) for key, groups in found.items()]
    return [one for one in made if one is not None]


def _noise(groups: Mapping[tuple[str, ...], SettingSummary], still: tuple[Still, ...]) -> Noise | None:
    """Of the test accuracy; of the validation accuracy where there is no test part."""
    alone = {sources[0]: setting for sources, setting in groups.items() if len(sources) == 1}
    for part in (TEST, VALIDATION):
        metric = part.metric(next(iter(groups.values())).main_measure)
        if not is_proportion(metric):
            return None  # noise of a finite part is that of counts
        some = {name: setting for name, setting in alone.items() if setting.samples[metric].n > 1}
        if not some:
            if still and (values := groups[()].samples[metric]).mean is not None:
                scored = groups[()].examples(metric) or 0
                return Noise(groups[()].label, metric, values.mean, scored, None, (), None, still=still)
            continue
        split, m = some.get("split"), next(iter(some.values())).examples(metric)
        assert m is not None
        all_of_them = groups.get(tuple(name for name in SOURCES if name in some)) if len(some) > 1 else None
        used = [*some.values(), *([] if all_of_them is None else [all_of_them])]
        ended = {run.id: run for setting in used for run in setting.runs if run.status not in UNFINISHED}
        made = noise_of(
            next(iter(groups.values())).label,
            metric,
            {name: list(setting.samples[metric].values.values()) for name, setting in some.items()},
            [] if all_of_them is None else list(all_of_them.samples[metric].values.values()),
            m=m,
            pool=None if split is None else _pool(split, part.name),
        )
        collapsed = sum(run.collapsed is not None for run in ended.values())
        missing = sum(run.value(metric) is None for run in ended.values())
        return replace(made, collapsed=collapsed, missing=missing, still=still)
    return None


def _pool(setting: SettingSummary, part: str) -> int | None:
    """The examples of which a split draws a part; None where it leaves the part as it is."""
    return next((run.drawn.get(part) for run in setting.runs if run.drawn), None)
