"""Samplers: how the settings of a table [random] are drawn, from which ranges.  Bookkeeping only.

    random   every value from its own stream of random numbers: known before the study runs
    tpe      tree-structured Parzen estimator, Bergstra et al. 2011 (optuna.samplers.TPESampler)
    qmc      quasi-Monte Carlo, Bergstra & Bengio 2012 (optuna.samplers.QMCSampler): spread evenly, learns nothing;
             scrambled (Owen 1998), as otherwise every seed would draw the same, and the lower ends of all ranges first

A sampler of your own is a record in `SAMPLERS`, a kind of range one in `DISTRIBUTIONS`; then a study file can name it.
"""

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from handgrad.sections import LARGEST, is_real, is_whole
from handgrad.streams import stream

if TYPE_CHECKING:
    import optuna

Parameters = dict[str, Any]  # the path of a key -> its value


# -- ranges


def _span(ends: Any, kind: str, *, whole: bool = False, above_zero: bool = False) -> str | None:
    """What is wrong with [lo, hi], or None."""
    needs = (
        f"{kind} must be [lo, hi], two {'whole ' if whole else ''}numbers with {'0 < ' if above_zero else ''}lo < hi"
    )
    numbers = ends if isinstance(ends, list | tuple) else []
    right = (lambda n: is_whole(n, -LARGEST)) if whole else is_real
    if len(numbers) != 2 or not all(map(right, numbers)):
        return needs
    low, high = numbers
    if not low < high or (above_zero and low <= 0):
        return needs
    if not math.isfinite(float(high) - float(low)):
        return f"{kind}: hi - lo must be a number that float64 can hold (up to 1.8e308)"
    return None


def _not_empty(values: Any) -> str | None:
    return None if isinstance(values, list | tuple) and values else "choice must be a list of at least one value"


@dataclass(frozen=True)
class Distribution:
    """`draw` takes a generator and what the file wrote; `problem` says what is wrong with what it wrote, or None."""

    draw: Callable[[np.random.Generator, Any], Any]
    problem: Callable[[Any], str | None]


DISTRIBUTIONS: dict[str, Distribution] = {
    "uniform": Distribution(lambda rng, ends: float(rng.uniform(*ends)), lambda ends: _span(ends, "uniform")),
    "log_uniform": Distribution(
        lambda rng, ends: math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1]))),
        lambda ends: _span(ends, "log_uniform", above_zero=True),
    ),
    "integers": Distribution(  # both ends can be drawn
        lambda rng, ends: int(rng.integers(ends[0], ends[1], endpoint=True)),
        lambda ends: _span(ends, "integers", whole=True),
    ),
    "choice": Distribution(lambda rng, values: values[int(rng.integers(len(values)))], _not_empty),
}


@dataclass(frozen=True)
class Sampling:
    """What a table [random] says.  `ranges`: (path, name of the distribution, what the file wrote)."""

    sampler: str
    runs: int
    seed: int
    ranges: tuple[tuple[str, str, Any], ...]


# -- samplers


class SequentialSampler(Protocol):
    """Draws one setting after the other and is told what became of them; equal calls in equal order draw equally."""

    def ask(self) -> tuple[int, Parameters]:
        """(the number by which the sampler knows it, the next draw)."""

    def replay(self, parameters: Mapping[str, Any]) -> None:
        """Take over the next draw as it was recorded, even where `ask` would draw another one now."""

    def drew(self, setting: str) -> None:
        """The label of the setting that the last draw is; it may have been drawn before, where all ranges are lists."""

    def tell(self, setting: str, epoch: int, value: float | None, *, last: bool) -> None:
        """A setting has this value at an epoch, None where it diverged or failed; `last`: its final epoch."""


def draw_each(sampling: Sampling, phase: int) -> list[Parameters]:
    """Every value of every draw from a stream keyed by (seed, number of the phase, draw, path)."""
    return [
        {
            path: DISTRIBUTIONS[kind].draw(
                stream(sampling.seed, "search", phase, draw, zlib.crc32(path.encode())), written
            )
            for path, kind, written in sampling.ranges
        }
        for draw in range(sampling.runs)
    ]


@dataclass(frozen=True)
class Sampler:
    """How settings are drawn.

    draw: every setting at once, before the study runs; of a sequential sampler these stand in until it has drawn.
    sequential: makes a sampler that sees results before it draws, of (sampling, whether more is better); None: `draw`
    is all there is.
    distributions: the ranges that it can draw from; None: all.  library: what it needs, install: how that is installed.
    """

    draw: Callable[[Sampling, int], Sequence[Parameters]] = draw_each
    sequential: Callable[[Sampling, bool], SequentialSampler] | None = None
    distributions: tuple[str, ...] | None = None
    library: str = ""
    install: str = ""


class OptunaSampler:
    """A sampler of Optuna, asked for one setting at a time (its `ask` and `tell`)."""

    def __init__(
        self, sampling: Sampling, maximize: bool, sampler: "Callable[[], optuna.samplers.BaseSampler]"
    ) -> None:
        import warnings

        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._worst = -math.inf if maximize else math.inf
        self._space = {path: _optuna_range(kind, written) for path, kind, written in sampling.ranges}
        self._choices = {path: json.loads(json.dumps(what)) for path, kind, what in sampling.ranges if kind == "choice"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            made = sampler()
        self._study = optuna.create_study(sampler=made, direction="maximize" if maximize else "minimize")
        self._last: tuple[optuna.Trial | None, Parameters] = (None, {})
        self._open: dict[str, list[optuna.Trial]] = {}  # setting -> trials that were not told anything yet
        self._raw: dict[str, Parameters] = {}  # setting -> parameters as Optuna knows them: choices by their number
        self._told: dict[str, tuple[int, float | None, bool]] = {}

    def ask(self) -> tuple[int, Parameters]:
        trial = self._study.ask(self._space)
        self._last = trial, trial.params
        return trial.number, {
            path: self._choices[path][value] if path in self._choices else value for path, value in trial.params.items()
        }

    def replay(self, parameters: Mapping[str, Any]) -> None:
        """Asks again.  Another version of Optuna may answer differently: what was recorded stands."""
        trial = self._study.ask(self._space)
        raw = {
            path: self._choices[path].index(value) if path in self._choices else value
            for path, value in parameters.items()
        }
        if raw != trial.params:
            import optuna

            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        self._last = (trial if raw == trial.params else None), raw

    def drew(self, setting: str) -> None:
        trial, raw = self._last
        self._raw[setting] = dict(raw)
        if trial is not None:
            self._open.setdefault(setting, []).append(trial)
        if setting in self._told:
            epoch, value, last = self._told[setting]
            self.tell(setting, epoch, value, last=last)

    def tell(self, setting: str, epoch: int, value: float | None, *, last: bool) -> None:
        """A trial that ended is told as complete, one at a rung as pruned there; every rung is told as a trial."""
        from optuna.trial import TrialState, create_trial

        self._told[setting] = epoch, value, last
        given = self._worst if value is None else value
        state = TrialState.COMPLETE if last or value is None else TrialState.PRUNED
        trials = self._open.pop(setting, [])
        for trial in trials:
            trial.report(given, epoch)
            self._study.tell(trial, given if state is TrialState.COMPLETE else None, state)
        if not trials:
            self._study.add_trial(
                create_trial(
                    state=state,
                    value=given,
                    params=self._raw[setting],
                    distributions=self._space,
                    intermediate_values={epoch: given},
                )
            )


def _optuna_range(kind: str, written: Any) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    ranges: dict[str, Callable[[Any], optuna.distributions.BaseDistribution]] = {
        "uniform": lambda ends: FloatDistribution(*ends),
        "log_uniform": lambda ends: FloatDistribution(ends[0], ends[1], log=True),
        "integers": lambda ends: IntDistribution(*ends),
        "choice": lambda values: CategoricalDistribution(range(len(values))),  # by number, as values may be lists
    }
    return ranges[kind](written)


def _tpe(sampling: Sampling, maximize: bool) -> SequentialSampler:
    import optuna

    return OptunaSampler(sampling, maximize, lambda: optuna.samplers.TPESampler(seed=sampling.seed))


def _qmc(sampling: Sampling, maximize: bool) -> SequentialSampler:
    import optuna

    def made() -> optuna.samplers.BaseSampler:
        return optuna.samplers.QMCSampler(scramble=True, seed=sampling.seed, warn_independent_sampling=False)

    return OptunaSampler(sampling, maximize, made)


def _of_optuna(make: Callable[[Sampling, bool], SequentialSampler]) -> Sampler:
    ranges = ("uniform", "log_uniform", "integers", "choice")
    return Sampler(sequential=make, distributions=ranges, library="optuna", install="'handgrad[optuna]'")


SAMPLERS: dict[str, Sampler] = {"random": Sampler(), "tpe": _of_optuna(_tpe), "qmc": _of_optuna(_qmc)}
USUAL = "random"  # where a table [random] names none
