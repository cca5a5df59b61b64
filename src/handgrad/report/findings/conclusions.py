"""Which setting of a phase is best, and how sure that is: what its tables, figures, sentences and files are made from.

    conclude(runs, …)    Conclusions: each setting against the best, what its runs came to, how the choice flatters
    lost_runs(runs, …)   which runs collapsed, diverged or ended far below the others of their setting

A run that diverged has no value.  In a difference it counts as guessing (1/classes) of an accuracy, and as three times
the worst value of the phase of a loss: any number as bad leads to the same words.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.measures import is_fraction, is_proportion, lower_is_better
from handgrad.report.findings.against_best import Against, against_best, by_luck
from handgrad.report.findings.example_noise import margin_of
from handgrad.report.findings.outcomes import Outcomes, outcomes
from handgrad.report.findings.resampled import SeedMeans, grouped, has_folds
from handgrad.report.findings.selection_bias import SelectionBias, selection_bias
from handgrad.report.findings.spreads import Flags, Numbers, fallen_runs
from handgrad.training.run_keys import RunKey, fold_in, in_order, seed_in

Bits = Mapping[str, Mapping[RunKey, NDArray[np.bool_]]]  # label -> run -> which examples were right

ROUNDING = 1e-12  # of a difference of means
LOSS_OF_A_DIVERGED_RUN = 3.0  # times the worst: from there on a run has fallen (`spreads.fallen_runs`)


@dataclass(frozen=True)
class SettingRuns:
    """The runs of a setting that ended: seed, or fold and seed -> value of those that have one; those that diverged or
    collapsed.  right: of those that have a value, whether each example (m,) was right; empty where it is not known."""

    values: Mapping[RunKey, float]
    diverged: frozenset[RunKey] = frozenset()
    collapsed: frozenset[RunKey] = frozenset()
    right: Mapping[RunKey, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether any run of it says something."""
        return bool(self.values or self.diverged)


@dataclass(frozen=True)
class Conclusions:
    """What can be said of the settings of one phase by one metric.

    best: the label of the setting that was chosen
    against: label -> the setting against the best; the best first, then by difference
    held_by: label of a setting whose own interval excludes 0 -> the one below it that is not separated
    outcomes: label -> what its runs came to, of all settings, those that a search stopped short among them
    margin: of *equivalent*, in the metric's units; given: whether the study file says it;  examples: that were scored
    noise, level, smallest: of `AgainstBest`;  bias: None where nothing was chosen, or from one seed
    unit: what is shared and counted, "seed" or "fold"
    """

    metric: str
    best: str
    against: Mapping[str, Against]
    held_by: Mapping[str, str]
    outcomes: Mapping[str, Outcomes]
    margin: float | None
    given: bool
    examples: int | None
    noise: str
    level: float
    smallest: Mapping[int, float]
    bias: SelectionBias | None
    unit: str = "seed"

    @property
    def tested(self) -> bool:
        """Whether runs show a spread, so that there are intervals; without one every setting is not separated."""
        return any(one.low is not None for one in self.against.values())

    @property
    def lost(self) -> list[str]:
        """The settings that lost a run: it collapsed, diverged or ended far below the setting's other runs."""
        return [label for label, one in self.outcomes.items() if one.fallen]

    def labels(self, word: str) -> list[str]:
        """The settings with this word, the nearest to the best first."""
        return [label for label, one in self.against.items() if one.word == word]

    def within_margin(self, labels: Sequence[str]) -> list[str]:
        """Those of them whose interval lies inside the margin."""
        ends = ((label, self.against[label].low, self.against[label].high) for label in labels)
        reach = {label: max(abs(low), abs(high)) for label, low, high in ends if low is not None and high is not None}
        return [label for label in labels if self.margin is not None and reach.get(label, np.inf) <= self.margin]

    def ahead(self) -> list[str]:
        """The settings that are better than the best on the seeds that both have, and miss runs."""
        sign = -1.0 if lower_is_better(self.metric) else 1.0
        return [
            label
            for label, one in self.against.items()
            if label != self.best and one.n and one.difference is not None and sign * one.difference > ROUNDING
        ]

    def rows(self) -> list[dict[str, Any]]:
        """What is said of every setting, for frames and programs: the best first, then by difference."""
        return [self._row(label) for label in dict.fromkeys([*self.against, *self.outcomes])]

    def _row(self, label: str) -> dict[str, Any]:
        one, runs = self.against.get(label), self.outcomes[label]
        fall, mean = runs.fall, runs.mean
        found: dict[str, Any] = {"setting": label, "word": one.word if one else None, "n": one.n if one else None}
        for key in ("difference", "low", "high", "chance", "more_seeds"):
            found[key] = getattr(one, key) if one else None
        found["held_by"] = self.held_by.get(label)
        found |= {"runs": runs.n, "lost": runs.fallen}
        found |= {"lost_low": fall.low if fall else None, "lost_high": fall.high if fall else None}
        found |= {"median": runs.median, "interquartile_mean": runs.interquartile_mean}
        found |= {"mean_of_others": runs.others.mean, "n_of_others": runs.others.n}
        return found | {"any_run_low": mean.low if mean else None, "any_run_high": mean.high if mean else None}

    def data(self) -> dict[str, Any]:
        """For programs."""
        bias = self.bias
        return {
            "metric": self.metric,
            "best": self.best,
            "margin": self.margin,
            "margin_given": self.given,
            "examples": self.examples,
            "noise": self.noise,
            "unit": self.unit,
            "level": self.level,
            "smallest_difference": {str(n): value for n, value in self.smallest.items()},
            "selection_bias": None
            if bias is None
            else {"shown": bias.shown, "left_out": bias.left_out, "bias": bias.bias, "seeds": bias.seeds}
            | {"same_choice": bias.same},
            "settings": self.rows(),
        }


def conclude(
    runs: Mapping[str, SettingRuns],
    best: str,
    metric: str,
    *,
    compared: Collection[str],
    examples: int | None = None,
    each: int | None = None,
    overlap: float = 0.0,
    folds: int | None = None,
    margin: float | None = None,
    classes: int | None = None,
    ddof: int = 1,
) -> Conclusions:
    """Compare the settings of a phase with the one that was chosen.

    runs: label -> what its runs came to;  compared: the labels that are compared, the best among them
    examples: on how many the metric was scored;  margin: in its units, None for that of `margin_of`;  classes: how many
    the data has.  Raises ValueError where the best is not among those compared.
    Where all runs that are compared have bits of the same examples (`SettingRuns.right`), intervals are over seeds and
    examples.
    Of folds the columns that are compared are the means of each fold over its seeds.  examples: of all folds of a
    division together;  each: of a single run;  overlap: n₂/n₁ (`resampled`);  folds: of a division.

    >>> runs = {"1": SettingRuns({0: 0.95, 1: 0.96, 2: 0.95}), "2": SettingRuns({0: 0.8, 1: 0.79, 2: 0.81})}
    >>> found = conclude(runs, "1", "val_accuracy", compared=runs, examples=1000)
    >>> {label: one.word for label, one in found.against.items()}
    {'1': 'best', '2': 'behind'}
    """
    if best not in compared:
        raise ValueError(f"best must be one of the settings compared; got {best!r}")
    examples = examples if is_proportion(metric) else None  # balanced accuracy and F1 are no binomial proportions
    each = examples if each is None or examples is None else each
    labels = list(runs)
    higher, bounded = not lower_is_better(metric), is_fraction(metric)
    keys, x, away, fell = _matrices(runs, metric, each)
    guess = 1 / classes if bounded and classes else 0.0 if bounded else None
    rows = [i for i, label in enumerate(labels) if label in compared]
    floor = guess if bounded else _worst(x[rows], higher, bounded)
    place = [labels[i] for i in rows].index(best)
    columns = _columns(x[rows], away[rows], fell[rows], keys, floor, higher, folds)
    found = against_best(
        columns.x,
        higher=higher,
        bounded=bounded,
        examples=each,
        diverged=columns.away,
        floor=floor,
        collapsed=columns.fell,
        right=_right([runs[labels[i]] for i in rows], keys, examples),
        best=place,
        margin=_margin(columns.x[place], bounded, examples) if margin is None else margin,
        overlap=overlap,
        by_seed=columns.by_seed,
        step=folds or 1,
    )
    ended = {
        label: {key: bool(fell[i, j]) for j, key in enumerate(keys) if np.isfinite(x[i, j]) or away[i, j]}
        for i, label in enumerate(labels)
    }
    scored = examples if bounded else None
    came_to = partial(outcomes, examples=scored, floor=guess, ddof=ddof, higher=higher, overlap=overlap)
    named = {labels[i]: one for i, one in zip(rows, found.settings, strict=True)}
    return Conclusions(
        metric=metric,
        best=best,
        against={labels[rows[i]]: named[labels[rows[i]]] for i in found.ranking},
        held_by={label: labels[rows[one.held_by]] for label, one in named.items() if one.held_by is not None},
        outcomes={label: came_to(runs[label].values, ended[label]) for label in labels},
        margin=found.margin,
        given=margin is not None,
        examples=examples,
        noise=found.noise,
        level=found.level,
        smallest=found.smallest,
        bias=selection_bias(columns.x, higher, columns.divisions),
        unit="fold" if has_folds(dict.fromkeys(keys)) else "seed",
    )


def _margin(best: Numbers, bounded: bool, examples: int | None) -> float | None:
    """The margin of equivalence where none is given.  best (n,): values of the best, NaN where it has none."""
    known = best[np.isfinite(best)]
    return margin_of(float(known.mean()), examples) if bounded and len(known) else None


def lost_runs(runs: Mapping[str, SettingRuns], metric: str, examples: int | None = None) -> dict[str, set[RunKey]]:
    """Of each setting the runs that were lost: collapsed, diverged, or far below its others (`fallen_runs`).

    examples: on how many a run was scored.

    >>> runs = {"1": SettingRuns({0: 0.95, 1: 0.5, 2: 0.96}, frozenset({3})), "2": SettingRuns({0: 0.9, 1: 0.91})}
    >>> lost_runs(runs, "val_accuracy")
    {'1': {1, 3}, '2': set()}
    """
    keys, _, _, fell = _matrices(runs, metric, examples if is_proportion(metric) else None)
    return {
        label: {key for key, flag in zip(keys, of, strict=True) if flag} for label, of in zip(runs, fell, strict=True)
    }


def _matrices(
    runs: Mapping[str, SettingRuns], metric: str, examples: int | None
) -> tuple[list[RunKey], Numbers, Flags, Flags]:
    """Keys of runs, and (settings, keys): values, NaN where there is none; which diverged; which were lost."""
    keys = in_order({key for one in runs.values() for key in (*one.values, *one.diverged)})
    shape = (len(runs), len(keys))
    x = np.array([[one.values.get(key, np.nan) for key in keys] for one in runs.values()]).reshape(shape)
    away = np.array([[key in one.diverged for key in keys] for one in runs.values()], dtype=bool).reshape(shape)
    gone = np.array([[key in one.collapsed for key in keys] for one in runs.values()], dtype=bool).reshape(shape)
    low = fallen_runs(-x if lower_is_better(metric) else x, is_fraction(metric), examples)
    return keys, x, away, low | away | gone


@dataclass(frozen=True)
class _Columns:
    """What settings are compared on, a column for each seed or fold.

    x (k, n): values, NaN where there is none;  away (k, n): runs that diverged and count as the worst
    fell (k, n): runs that fell, of folds those in which one did
    by_seed, divisions: of folds what their seeds came to, and to which division each belongs
    """

    x: Numbers
    away: Flags
    fell: Flags
    by_seed: SeedMeans | None = None
    divisions: Sequence[int] | None = None


def _columns(
    x: Numbers, away: Flags, fell: Flags, keys: Sequence[RunKey], floor: float | None, higher: bool, folds: int | None
) -> _Columns:
    """The runs of seeds as they are; of folds the means of each over its seeds, a diverged run as the worst."""
    if not has_folds(dict.fromkeys(keys)):
        return _Columns(x, away, fell)
    worse, values = (min if higher else max), x[np.isfinite(x)].tolist()
    ends = [*([worse(values)] if values else []), *([] if floor is None else [floor])]
    filled = np.where(away, worse(ends) if ends else np.nan, x)
    known, seeds = np.isfinite(filled), len(set(map(seed_in, keys)))
    upward = filled if higher else -filled
    units = seeds if seeds > 1 else None  # a seed that learns nothing may do so in every fold
    fallen = by_luck(upward, known, fell & known, units)
    means, valued = grouped(filled, known, keys, fold_in)
    of_seeds, seeded = grouped(filled, known, keys, seed_in)
    of_folds, fell_seeds = (
        grouped(fallen.astype(np.float64), np.ones_like(fallen), keys, group)[0] > 0 for group in (fold_in, seed_in)
    )
    by_seed = SeedMeans(np.where(seeded, of_seeds, np.nan), fell_seeds)
    divisions = (
        [(fold - 1) // folds for fold in dict.fromkeys(map(fold_in, keys)) if fold is not None] if folds else None
    )
    return _Columns(np.where(valued, means, np.nan), np.zeros_like(valued), of_folds, by_seed, divisions)


def _right(settings: Sequence[SettingRuns], keys: Sequence[RunKey], examples: int | None) -> NDArray[np.bool_] | None:
    """(settings, seeds, examples) of what was right, of a diverged run nothing; None where it is not known of all."""
    if not examples or examples < 2 or has_folds(dict.fromkeys(keys)):
        return None
    if any(len(one.right.get(key, ())) != examples for one in settings for key in one.values):
        return None
    right = np.zeros((len(settings), len(keys), examples), dtype=np.bool_)
    for i, one in enumerate(settings):
        for j, key in enumerate(keys):
            if key in one.values:
                right[i, j] = one.right[key]
    return right


def _worst(x: np.ndarray, higher: bool, bounded: bool) -> float | None:
    """What a diverged run of an unbounded measure counts as; None where nothing has a value or a sign tells nothing."""
    values = x[np.isfinite(x)]
    if bounded or not len(values):
        return None
    worst = float(values.min() if higher else values.max())
    return worst * LOSS_OF_A_DIVERGED_RUN if (worst < 0) == higher else None
