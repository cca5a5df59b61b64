"""What a plan is made of: phases, their settings, and the runs of each setting."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.study.rules.search_rules import RULES, Asha
from handgrad.training.run import Run, Setting


@dataclass(frozen=True)
class PlannedRun:
    """A cell of the design.  `id` is None until the winner that it starts from is known."""

    seed: int
    id: str | None
    continues: str | None = None


@dataclass(frozen=True)
class PlannedSetting:
    """A setting of a phase.  `axes`: what sets it apart; `changes`: to what it starts from; `cost`: work of one run."""

    label: str
    axes: Mapping[str, Any]
    changes: Mapping[str, Any]
    setting: Setting | None
    runs: tuple[PlannedRun, ...]
    data: str | None
    parameters: int
    cost: float
    tables: Mapping[str, Any]
    epochs: int = 1

    def run(self, planned: PlannedRun, checksum: str) -> Run:
        assert self.setting is not None
        return Run(self.setting, planned.seed, checksum, planned.continues)


@dataclass(frozen=True)
class PlannedPhase:
    """A phase.  `start` is the label it starts from, `winner` the label that won: None until known.

    `drawn`: how many settings a sampler draws while the study runs, 0 where all are listed; `settings` then are those
    that it has drawn, and stand-ins for them as long as the phase is not `known`.
    """

    name: str
    number: int
    after: str | None
    continues: bool
    settings: tuple[PlannedSetting, ...]
    start: str | None = None
    winner: str | None = None
    asha: Asha | None = None
    drawn: int = 0
    sampler: str | None = None
    opened: bool = False  # a sampler has begun to draw

    @property
    def known(self) -> bool:
        """Whether its runs have ids."""
        return self.opened or (not self.drawn and (self.after is None or self.start is not None))

    def share(self, setting: PlannedSetting) -> float:
        """The part of its epochs that a run is expected to train."""
        return 1.0 if self.asha is None else self.asha.share(setting.epochs)

    def search_note(self, select_by: str) -> str | None:
        """How its runs are stopped, in a sentence; None where they are not."""
        asha = self.asha
        if asha is None:
            return None
        levels = sorted({asha.levels(setting.epochs) for setting in self.settings})
        if all(len(one) == 1 for one in levels):
            return (
                f'phase "{self.name}": asha stops no run, as its grace_period of {asha.grace_period} is not less than '
                "the epochs of any setting"
            )
        steps = "; ".join(f"{', '.join(map(str, one[:-1]))} of {one[-1]}" for one in levels if len(one) > 1)
        return (
            f'phase "{self.name}": settings are judged by {asha.metric or select_by} after {steps} epochs, '
            f"and about one in {asha.reduction_factor} {RULES[asha.rule].chosen}"
        )

    def to_json(self) -> dict[str, Any]:
        """The phase as plan.json holds it."""
        return {
            "name": self.name,
            "number": self.number,
            "after": self.after,
            "continue": self.continues,
            "start": self.start,
            "winner": self.winner,
            "asha": None if self.asha is None else self.asha.model_dump(),
            "sampler": self.sampler,
            "drawn": self.drawn,
            "settings": []
            if self.drawn and not self.known
            else [
                {
                    "label": setting.label,
                    "axes": dict(setting.axes),
                    "changes": dict(setting.changes),
                    "data": setting.data,
                    "parameters": setting.parameters,
                    "setting": setting.setting.model_dump(mode="json", by_alias=True) if setting.setting else None,
                    "runs": [{"seed": run.seed, "id": run.id, "continues": run.continues} for run in setting.runs],
                }
                for setting in self.settings
            ],
        }
