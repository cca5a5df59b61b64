"""The plan of an explanation: rung by rung, the runs of every reading on the rows of that rung.

It is a plan as any study has, whose phases are the rungs of the ladder; a rung is added when the one before has run.
What is beside the runs (which label a reading has on a row, what was left out) stands under "explain" in plan.json.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handgrad.data.batches import steps_per_epoch
from handgrad.data.data_section import ValidationPart
from handgrad.errors import HandgradError, StudyFileError
from handgrad.measures import METRICS
from handgrad.names import listed, plural, short, shown
from handgrad.network.network_section import build
from handgrad.study.changes import Changes, Table, apply, at_path
from handgrad.study.design.settings import Study
from handgrad.study.explain.ladder import Rung, cheaper, ladder, last_seeds, own_share, screened, shares
from handgrad.study.explain.rows import PublishedRow, rows_to_explain
from handgrad.study.explain.space import (
    MOST_READINGS,
    MOST_USUAL,
    SLIPS_PATH,
    WRITTEN,
    Alternative,
    Reading,
    count,
    readings,
)
from handgrad.study.explain.usual_alternatives import of_slips, usual_alternatives
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.planned import PlannedPhase, PlannedSetting
from handgrad.study.planning.split_cache import SplitCache
from handgrad.study.published.explain_section import ExplainSection
from handgrad.study.rules.select import RunSummary
from handgrad.training.run import Run, Setting
from handgrad.training.slips import SLIPS, in_order

USUAL_DEPARTURES = 2
OVERHEAD = 0.1  # seconds of a run beyond its epochs: its data, its record, its weights
WORDS_FROM = 0.25  # the share of a run from which rows of words are tried
LARGE_BATCH = 1000  # examples from which products are large


@dataclass(frozen=True)
class LeftOut:
    """A reading that is not run.  why: what does not go together, or the reading that it is the same as."""

    name: str
    why: str


class ExplainPlan(Plan):
    """The rungs of an explanation.

    Raises StudyFileError where nothing is published or [explain] does not fit, and what `Plan` raises.
    """

    def __init__(self, study: Study, splits: SplitCache | None = None) -> None:
        if study.quick:
            raise StudyFileError(study.where, ["explain: the numbers are of the whole study; leave --quick out"])
        self.section = study.spec.explain or ExplainSection()
        self.seeds = last_seeds(study.spec.seeds, self.section.seeds)
        published = rows_to_explain(study, self.section)
        super().__init__(study, splits)
        self.phases: list[PlannedPhase] = []
        self.rows = published.rows
        self.notes = [*study.notes, *published.notes]
        self.left_out: list[LeftOut] = []
        self.rungs_run: list[dict[str, Any]] = []
        self.alike: dict[int, int] = {}  # a reading that gave the numbers of another -> that one, which alone goes on
        self._made: dict[tuple[tuple[str, ...], int, float], Setting | str] = {}
        self._numbers: dict[tuple[str, ...], str] = {}
        self.notes += self._unmeasured()
        self.readings = self._space()
        self.scored = [self._scored(row) for row in range(len(self.rows))]
        self.screened = screened([self._seconds(self._whole(row)) for row in range(len(self.rows))])
        every = (self._setting_of(reading, row, 1.0) for reading in self.readings for row in self.screened)
        work = sum(self._seconds(one) for one in every if isinstance(one, Setting))
        seeds = len(self.seeds)
        on_all_rows = work / len(self.readings) * len(self.rows) / len(self.screened)
        written = [sum(self._seconds_of(row, share) for row in self.rows_at(share)) for share in shares()]
        self.ladder = ladder(len(self.readings), [work * one / written[0] for one in written], seeds * on_all_rows)
        self.rung(self.ladder[0], self.readings)

    # -- the space

    def _space(self) -> tuple[Reading, ...]:
        """Every reading that can be run on all rows, each once."""
        section = self.section
        usual = section.usual or not section.reading
        alternatives = [
            Alternative.of(respect, name, changes, measured)
            for respect, table in section.alternatives().items()
            for name, (changes, measured) in table.items()
        ]
        self._refuse_unfit(alternatives)
        if usual:
            known = [(one.changes, one.slips, one.measured) for one in alternatives]
            settings = [self._whole(row) for row in range(len(self.rows))]
            measures = list(dict.fromkeys(name for row in self.rows for name in row.numbers))
            parts = self.splits.facts(settings[0].data).counts
            more = usual_alternatives(settings, measures, parts)
            more = [one for one in more if (one.changes, one.slips, one.measured) not in known]
            named = {(one.respect, one.name) for one in alternatives}
            alternatives += [
                replace(one, name=f"{one.name}, the usual") if (one.respect, one.name) in named else one for one in more
            ]
        names = section.slips if section.slips is not None else tuple(SLIPS) if usual else ()
        alternatives += of_slips(names)
        if not alternatives:
            raise StudyFileError(self.study.where, ["explain lists no reading and no slip; leave it out for the usual"])
        alternatives = self._possible(alternatives)
        departures = section.departures or (USUAL_DEPARTURES if usual else None)
        if usual and section.departures is None and count(alternatives, departures) > MOST_USUAL:
            departures = 1
        total = count(alternatives, departures)
        if total > MOST_READINGS:
            raise StudyFileError(
                self.study.where,
                [
                    f"explain has {total:,} readings, and {MOST_READINGS:,} are the most; list fewer alternatives, or "
                    "set explain.departures to fewer"
                ],
            )
        self.notes.append(
            f"{plural(total, 'reading')} of {plural(len(alternatives), 'alternative')} in "
            f"{plural(len({one.respect for one in alternatives}), 'respect')}"
            + (f", at most {departures} at a time" if departures is not None else "")
        )
        return self._distinct(readings(alternatives, departures))

    def _unmeasured(self) -> list[str]:
        """What is said of published measures on a part that the data of a row has not."""
        found: dict[str, list[str]] = {}
        for i, row in enumerate(self.rows):
            counts = self.splits.facts(self._whole(i).data).counts
            for measure in row.numbers:
                if METRICS[measure].part.name not in counts:
                    found.setdefault(measure, []).append(row.key)
        return [
            f"{measure} is not compared, for want of {METRICS[measure].part.word} examples: {short(listed(keys), 200)}"
            for measure, keys in found.items()
        ]

    def _refuse_unfit(self, alternatives: Sequence[Alternative]) -> None:
        """Raise StudyFileError for every alternative of the file that fits no row: it could never be tried."""
        problems = [
            f"explain.reading.{short(one.respect, 60)}.{shown(one.name)} fits no row: {why}"
            for one in alternatives
            if (why := self._why_unfit(one)) is not None
        ]
        if problems:
            raise StudyFileError(self.study.where, problems)

    def _possible(self, alternatives: Sequence[Alternative]) -> list[Alternative]:
        """Those that fit some row by themselves; others are named in `left_out`."""
        found = []
        for one in alternatives:
            if (why := self._why_unfit(one)) is None:
                found.append(one)
            else:
                self.left_out.append(LeftOut(str(one), why))
        return found

    def _why_unfit(self, one: Alternative) -> str | None:
        """Why an alternative fits no row; None where it fits one."""
        made = [self._setting_of(Reading(-1, (one,)), row, 1.0) for row in range(len(self.rows))]
        whys = [text for text in made if isinstance(text, str)]
        return whys[0] if len(whys) == len(made) else None

    def _distinct(self, space: Iterable[Reading]) -> tuple[Reading, ...]:
        """Readings that fit every row and differ in a setting or in what is measured; the first of equal ones."""
        found: dict[tuple[Any, ...], Reading] = {}
        published = {measure for row in self.rows for measure in row.numbers}
        equal = 0
        for reading in space:
            made = [self._setting_of(reading, i, 1.0) for i in range(len(self.rows))]
            why = next((text for text in made if isinstance(text, str)), None)
            if why is not None:
                self.left_out.append(LeftOut(reading.name, why))
                continue
            measured = tuple(sorted((name, ours) for name, ours in reading.measured.items() if name in published))
            key = (*(self._id(one) for one in made if isinstance(one, Setting)), measured)
            if key in found:
                equal += 1
                if reading.departures == 1:
                    self.left_out.append(LeftOut(reading.name, f"on these rows the same as: {found[key].name}"))
                continue
            found[key] = Reading(len(found), reading.parts)
        if equal:
            self.notes.append(f"readings left out, as they come to the same runs as others: {equal:,}")
        return tuple(found.values())

    def _id(self, setting: Setting) -> str:
        facts = self.splits.facts(setting.data)
        return Run(self._resolved(setting), self.seeds[0], facts.checksum, None).id

    def _seconds(self, setting: Setting) -> float:
        """About what a run takes on one core: the same on every machine, so that the ladder is.

        epoch = (n + 0.3·scored)·m·(seconds of a product) + steps·(seconds of a step)     m products an example

        Scoring is a pass forward, about a third of training.  Small batches make small products, which take longer.
        The numbers were measured once, on networks of 50,000 to 800,000 products; they choose how much cheaper the
        first runs are, and no result depends on them.
        """
        facts = self.splits.facts(setting.data)
        network = build(setting.network, facts.shape, facts.n_classes, setting.task)
        training = self._resolved(setting).training
        n, m = facts.counts["train"], network.multiplications
        steps = steps_per_epoch(n, training.batch_size)
        scored = training.scored_of_training(facts.counts) + facts.counts.get("validation", 0)
        wide = 2 if training.dtype == "float64" else 1
        if training.engine == "compiled":
            small = steps > n / LARGE_BATCH
            epoch = wide * (n + 0.3 * scored) * m * (8e-11 if small else 4e-11) + steps * 3e-6
        else:
            epoch = wide * (n + 0.3 * scored) * m * 1.5e-10 + steps * (8e-5 + m * 2e-9)
        return OVERHEAD + training.epochs * epoch

    def _seconds_of(self, row: int, share: float) -> float:
        """What a run of a row takes as the file is written; infinite where it cannot be made so cheap."""
        made = self._setting_of(Reading(WRITTEN), row, share)
        return self._seconds(made) if isinstance(made, Setting) else math.inf

    def _scored(self, row: int) -> dict[str, int]:
        """part -> examples that are scored in a whole run of a row, as they are taken to have been in the original."""
        setting = self._whole(row)
        counts = self.splits.facts(setting.data).counts
        return {**counts, "train": setting.training.scored_of_training(counts)}

    def _whole(self, row: int) -> Setting:
        made = self._setting_of(Reading(WRITTEN), row, 1.0)
        if isinstance(made, str):
            raise StudyFileError(self.study.where, [f"{self.rows[row].key}: {made}"])
        return made

    def _setting_of(self, reading: Reading, row: int, share: float) -> Setting | str:
        """The setting of a row by a reading, or why there is none; slips that would change nothing in it are out."""
        key = reading.key, row, share
        if key not in self._made:
            self._made[key] = self._make(reading, row, share)
        return self._made[key]

    def _make(self, reading: Reading, row: int, share: float) -> Setting | str:
        base = self.rows[row].tables
        tables = apply(base, _keeping_lr(reading.changes, base), self.study.defaults)
        setting, problems = Setting.read(tables)
        if setting is None:
            return problems[0]
        if setting.data.splits > 1:
            return "data.validation.folds: readings are run on one split; give data.validation a size"
        try:
            facts = self.splits.facts(setting.data)
            network = build(setting.network, facts.shape, facts.n_classes, setting.task)
            training = setting.training
            names = [name for name in reading.slips if name not in training.slips]
            slips = [name for name in names if SLIPS[name].applies(network, training)]
            slips = [name for name in slips if not SLIPS[name].needs_validation or "validation" in facts.counts]
            changes: dict[str, Any] = {}
            if slips:
                try:
                    changes[SLIPS_PATH] = list(in_order([*training.slips, *slips]))
                except ValueError as error:
                    return f"training.slips {error}"
            for ours in reading.measured.values():
                if (part := METRICS[ours].part).name not in facts.counts:
                    return f"there are no {part.word} examples, so no {ours}"
            changes |= cheaper(
                share,
                examples=facts.counts["train"],
                epochs=training.epochs,
                batch_size=training.batch_size,
                validation=facts.counts["validation"] if self._may_validate_less(setting) else 0,
                written=None if share >= 1 else self._whole(row).training.epochs,
            )
            if changes:
                setting, problems = Setting.read(apply(tables, changes, self.study.defaults))
                if setting is None:
                    return problems[0]
                facts = self.splits.facts(setting.data)
            setting.network_for(facts.shape, facts.n_classes, has_validation="validation" in facts.counts)
        except HandgradError as error:
            return str(error).splitlines()[0]
        return setting

    def _share_of(self, reading: Reading, row: int, share: float) -> float:
        """The share of its own work that a run of a reading takes in a rung of so much of the file's."""
        whole = self._setting_of(reading, row, 1.0)
        if share >= 1 or isinstance(whole, str) or whole == self._setting_of(reading, row, share):
            return 1.0
        return min(1.0, own_share(share, whole.training.epochs, self._whole(row).training.epochs))

    @staticmethod
    def _may_validate_less(setting: Setting) -> bool:
        """Whether data.validation says how many validate; else it is a fold, or may be a part of the data's own."""
        part = setting.data.validation
        return isinstance(part, ValidationPart) and part != ValidationPart() and part.folds is None

    # -- the rungs

    def rows_at(self, share: float) -> list[int]:
        """The rows that readings are tried on before the last rung, by runs of such a share: whether a short run learns
        says little of a whole one, so those of which only a word is published wait for longer ones."""
        numbers = [row for row in self.screened if any(not one.word for one in self.rows[row].numbers.values())]
        return numbers if numbers and share < WORDS_FROM else self.screened

    @property
    def taken_phases(self) -> list[PlannedPhase]:
        """The rungs that are planned."""
        return self.phases

    def rung(self, rung: Rung, chosen: Sequence[Reading]) -> PlannedPhase:
        """Add a rung: its readings on its rows, on the first seed or, in the last, on all.

        Beside the first the file as it is written runs whole, which says how far cheaper runs are from that.
        """
        rows = list(range(len(self.rows))) if rung.final else self.rows_at(rung.share)
        seeds = self.seeds if rung.final else self.seeds[:1]
        found: dict[str, PlannedSetting] = {}
        labels: dict[str, list[str]] = {}
        taken: dict[str, list[float]] = {}
        beside: list[str] = []
        if not self.phases and rung.share < 1:
            for row in rows:
                planned = self._cell(self._whole(row), seeds, self.readings[WRITTEN], self.rows[row])
                found[planned.label] = planned
                beside.append(planned.label)
        for reading in chosen:
            labels[str(reading.number)], taken[str(reading.number)] = [], []
            for row in rows:
                made = self._setting_of(reading, row, rung.share)
                if isinstance(made, str):
                    raise StudyFileError(self.study.where, [f"{reading.name}, {self.rows[row].key}: {made}"])
                planned = self._cell(made, seeds, reading, self.rows[row])
                found.setdefault(planned.label, planned)
                labels[str(reading.number)].append(planned.label)
                taken[str(reading.number)].append(self._share_of(reading, row, rung.share))
        phase = PlannedPhase(rung.name, len(self.phases), None, False, tuple(found.values()), vary=self.study.spec.vary)
        self.phases.append(phase)
        self.rungs_run.append(
            {
                "name": rung.name,
                "share": rung.share,
                "final": rung.final,
                "rows": rows,
                "labels": labels,
                "shares": taken,
                **({"in_full": beside} if beside else {}),
            }
        )
        return phase

    def _cell(self, setting: Setting, seeds: Sequence[int], reading: Reading, row: PublishedRow) -> PlannedSetting:
        setting = self._resolved(setting)
        parameters, cost, facts = self._work(setting)
        assert facts is not None
        runs = tuple(self._run(self.study.phases[0], setting, seed, None) for seed in seeds)
        ids = tuple(str(run.id) for run in runs)
        label = self._numbers.setdefault(ids, str(len(self._numbers) + 1))
        axes = {"reading": reading.name, "row": row.key}
        changes = {**reading.changes, **({SLIPS_PATH: list(reading.slips)} if reading.slips else {})}
        tables: Table = setting.model_dump(mode="json", by_alias=True)
        key = runs[0].data or facts.key
        return PlannedSetting(
            label, axes, changes, setting, runs, key, parameters, cost, tables, setting.training.epochs
        )

    def decide(self, number: int, finished: Mapping[str, RunSummary], recorded: str | None = None) -> str | None:
        """No setting wins a rung: readings are ranked over all of their rows."""
        return None

    def to_json(self) -> dict[str, Any]:
        """The plan as plan.json holds it, with what only an explanation has under "explain"."""
        left_out = [{"name": one.name, "why": one.why} for one in self.left_out]
        explain = {
            "rows": [[row.item, row.label] for row in self.rows],
            "scored": self.scored,
            "readings": [reading.data() for reading in self.readings],
            "rungs": self.rungs_run,
            "alike": {str(number): other for number, other in self.alike.items()},
            "left_out": left_out,
        }
        return {**super().to_json(), "explain": explain}


def _keeping_lr(changes: Changes, tables: Table) -> Changes:
    """Another optimizer that says no learning rate has that of the row."""
    optimizer = changes.get("training.optimizer")
    lr = at_path(tables, "training.optimizer.lr")
    if not isinstance(optimizer, Mapping) or "lr" in optimizer or lr is None:
        return changes
    return {**changes, "training.optimizer": {**optimizer, "lr": lr}}
