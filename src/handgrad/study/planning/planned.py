"""What a plan is made of: phases, their settings, and the runs of each setting."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.data.data_section import DataSection
from handgrad.study.rules.search_rules import RULES, Asha
from handgrad.training.run import Run, Setting
from handgrad.training.run_keys import RunKey, run_key
from handgrad.training.sources import SourceSeeds


@dataclass(frozen=True)
class PlannedRun:
    """A cell of the design.  `id` is None until the winner that it starts from is known.

    seeds: of the sources of its chance, where the study says what its seeds vary;  section, data: of a split of its
    own, its description and its key;  fold: where the study divides its data into folds, which of them validates.
    """

    seed: int
    id: str | None
    continues: str | None = None
    seeds: SourceSeeds | None = None
    section: DataSection | None = None
    data: str | None = None
    fold: int | None = None

    @property
    def key(self) -> RunKey:
        """What pairs it with the runs of other settings."""
        return run_key(self.seed, self.fold)

    def to_json(self) -> dict[str, Any]:
        """The run as plan.json holds it."""
        seeds = self.seeds.to_json() if self.seeds else None
        some = {"fold": self.fold, "seeds": seeds, "data": self.data}
        given = {name: value for name, value in some.items() if value is not None}
        return {"seed": self.seed, "id": self.id, "continues": self.continues, **given}


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
        setting = self.setting if planned.section is None else self.setting.changed(data=planned.section)
        return Run(setting, planned.seed, checksum, planned.continues, planned.seeds)

    def data_of(self, planned: PlannedRun) -> str:
        """The key of the split that a run learns from."""
        key = planned.data or self.data
        assert key is not None
        return key

    @property
    def data_keys(self) -> list[str]:
        """The splits of its runs, each once; none where they are not known."""
        return [] if self.data is None else list(dict.fromkeys(self.data_of(run) for run in self.runs))


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
    vary: tuple[str, ...] | None = None  # what its seeds vary, where that is said

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
            **({} if self.vary is None else {"vary": list(self.vary)}),
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
                    "runs": [run.to_json() for run in setting.runs],
                }
                for setting in self.settings
            ],
        }
