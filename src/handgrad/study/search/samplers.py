"""Where the settings of a search come from: the plan's list, or a sampler of Optuna that learns from results.

Optuna is asked for one setting at a time and told what became of it (its `ask` and `tell`).  Serially that is
deterministic by `random.seed`; with several workers it depends on the order of results, so every question and answer
is written down (`decisions`) and asking again in the same order gives the same settings.

    tpe   tree-structured Parzen estimator, Bergstra et al. 2011 (optuna.samplers.TPESampler)
    qmc   quasi-Monte Carlo, Bergstra & Bengio 2012 (optuna.samplers.QMCSampler): spread evenly, learns nothing;
          scrambled (Owen 1998), as otherwise every seed would draw the same, and the lower ends of all ranges first
"""

import json
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from handgrad.study.design.axes import Sampling
from handgrad.study.planning.planned import PlannedSetting

if TYPE_CHECKING:
    import optuna


class Source(Protocol):
    """Settings to begin, one at a time."""

    def next(self) -> PlannedSetting | None:
        """The next setting; None where there is none."""

    def recorded(self, parameters: Mapping[str, Any]) -> PlannedSetting | None:
        """The next setting as it was recorded; None where this source would not have given it."""

    def tell(self, label: str, epoch: int, value: float | None, *, last: bool) -> None:
        """A setting has the value at this epoch, None where it diverged or failed; `last`: its final epoch."""


class Listed:
    """The settings of the plan, in its order."""

    def __init__(self, settings: Sequence[PlannedSetting]) -> None:
        self._left = deque(settings)

    def next(self) -> PlannedSetting | None:
        return self._left.popleft() if self._left else None

    def recorded(self, parameters: Mapping[str, Any]) -> PlannedSetting | None:
        return None  # a list is not asked

    def tell(self, label: str, epoch: int, value: float | None, *, last: bool) -> None:
        pass


class Asked:
    """Settings that a sampler of Optuna draws.  `add` puts a drawn setting into the plan."""

    def __init__(
        self,
        sampling: Sampling,
        maximize: bool,
        add: Callable[[Mapping[str, Any]], PlannedSetting],
        noted: Callable[..., None],
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._sampling, self._add, self._noted = sampling, add, noted
        self._worst = -math.inf if maximize else math.inf
        self._space = {path: _distribution(kind, what) for path, kind, what in sampling.ranges}
        self._choices = {path: json.loads(json.dumps(what)) for path, kind, what in sampling.ranges if kind == "choice"}
        self._study = optuna.create_study(sampler=_sampler(sampling), direction="maximize" if maximize else "minimize")
        self._asked = 0
        self._open: dict[str, list[optuna.Trial]] = {}  # label -> trials that were not told anything yet
        self._raw: dict[str, dict[str, Any]] = {}  # label -> parameters as the sampler knows them
        self._told: dict[str, tuple[int, float | None, bool]] = {}

    def next(self) -> PlannedSetting | None:
        while self._asked < self._sampling.runs:
            trial = self._study.ask(self._space)
            setting, new = self._take(trial, trial.params)
            self._noted("asked", number=trial.number, parameters=self._values(trial.params), setting=setting.label)
            if new:
                return setting
        return None

    def recorded(self, parameters: Mapping[str, Any]) -> PlannedSetting | None:
        """Asks again.  Another version of Optuna may answer differently: what was recorded stands."""
        trial = self._study.ask(self._space)
        raw = {
            path: self._choices[path].index(value) if path in self._choices else value
            for path, value in parameters.items()
        }
        if raw != trial.params:
            import optuna

            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return self._take(None, raw)[0]
        return self._take(trial, raw)[0]

    def tell(self, label: str, epoch: int, value: float | None, *, last: bool) -> None:
        """A trial that ended is told as complete, one at a rung as pruned there; every rung is told as a trial."""
        from optuna.trial import TrialState, create_trial

        self._told[label] = epoch, value, last
        given = self._worst if value is None else value
        state = TrialState.COMPLETE if last or value is None else TrialState.PRUNED
        trials = self._open.pop(label, [])
        for trial in trials:
            trial.report(given, epoch)
            self._study.tell(trial, given if state is TrialState.COMPLETE else None, state)
        if not trials:
            self._study.add_trial(
                create_trial(
                    state=state,
                    value=given,
                    params=self._raw[label],
                    distributions=self._space,
                    intermediate_values={epoch: given},
                )
            )

    def _take(self, trial: "optuna.Trial | None", raw: Mapping[str, Any]) -> tuple[PlannedSetting, bool]:
        """(the setting, whether it is new): the same one may be drawn twice where every axis is a choice."""
        self._asked += 1
        setting = self._add(self._values(raw))
        new = setting.label not in self._raw
        self._raw[setting.label] = dict(raw)
        if trial is not None:
            self._open.setdefault(setting.label, []).append(trial)
        if setting.label in self._told:
            epoch, value, last = self._told[setting.label]
            self.tell(setting.label, epoch, value, last=last)
        return setting, new

    def _values(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {path: self._choices[path][value] if path in self._choices else value for path, value in raw.items()}


def _distribution(kind: str, what: Any) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if kind == "choice":  # by number, as values may be lists
        return CategoricalDistribution(range(len(what)))
    if kind == "integers":
        return IntDistribution(*what)
    low, high = what
    return FloatDistribution(low, high, log=kind == "log_uniform")


def _sampler(sampling: Sampling) -> "optuna.samplers.BaseSampler":
    import warnings

    import optuna

    kinds: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=sampling.seed),
        "qmc": lambda: optuna.samplers.QMCSampler(scramble=True, seed=sampling.seed, warn_independent_sampling=False),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return kinds[sampling.sampler]()
