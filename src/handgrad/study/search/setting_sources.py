"""Where the settings of a search come from: the plan's list, or a sampler that sees results before it draws.

Serially a sampler is deterministic by `random.seed`; with several workers it depends on the order of results, so every
question and answer is written down (`decisions`) and asking again in the same order gives the same settings.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from handgrad.study.planning.planned import PlannedSetting
from handgrad.study.rules.samplers import SequentialSampler


class SettingSource(Protocol):
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


class Drawn:
    """At most `runs` draws of a sampler.  `add` puts a drawn setting into the plan, `note` writes the draw down."""

    def __init__(
        self,
        sampler: SequentialSampler,
        runs: int,
        add: Callable[[Mapping[str, Any]], PlannedSetting],
        note: Callable[..., None],
    ) -> None:
        self._sampler, self._runs, self._add, self._note = sampler, runs, add, note
        self._draws = 0
        self._labels: set[str] = set()

    def next(self) -> PlannedSetting | None:
        while self._draws < self._runs:
            number, parameters = self._sampler.ask()
            setting, new = self._take(parameters)
            self._note("asked", number=number, parameters=parameters, setting=setting.label)
            if new:
                return setting
        return None

    def recorded(self, parameters: Mapping[str, Any]) -> PlannedSetting | None:
        self._sampler.replay(parameters)
        return self._take(parameters)[0]

    def tell(self, label: str, epoch: int, value: float | None, *, last: bool) -> None:
        self._sampler.tell(label, epoch, value, last=last)

    def _take(self, parameters: Mapping[str, Any]) -> tuple[PlannedSetting, bool]:
        """(the setting, whether it is new): the same one may be drawn twice where every axis is a choice."""
        self._draws += 1
        setting = self._add(parameters)
        new = setting.label not in self._labels
        self._labels.add(setting.label)
        self._sampler.drew(setting.label)
        return setting, new
