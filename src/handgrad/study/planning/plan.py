"""The plan: every setting and run of a study with its label and id, written down before anything runs.

Labels: settings of the first phase are "1", "2", … in order; a phase that starts from setting 9 numbers its own
9_1, 9_2, … and a later phase from the same winner goes on at 9_4.  Until a winner is known its phase's settings
are called *_1, *_2, … and their runs have no ids; a phase that names its start is planned at once.  A setting that
has run before keeps its first label: it is the same cell, and every cell is run once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from handgrad.data.batches import steps_per_epoch
from handgrad.data.data_section import DataSection
from handgrad.errors import HandgradError, InputError
from handgrad.measures import METRICS
from handgrad.names import plural, unknown
from handgrad.network.network import Network
from handgrad.study.changes import shown
from handgrad.study.design.axes import Choice
from handgrad.study.design.problems import gathered, seed_notes, shortened
from handgrad.study.design.settings import Phase, Possible, Study
from handgrad.study.planning.asked_figures import figure_notes
from handgrad.study.planning.memory import Need, need_of
from handgrad.study.planning.planned import PlannedPhase, PlannedRun, PlannedSetting
from handgrad.study.planning.split_cache import DataFacts, SplitCache
from handgrad.study.reading.setting_refs import class_problems
from handgrad.study.rules.select import RunSummary, choose, metric_of
from handgrad.study.toml_lines import refused
from handgrad.training.class_weights import check_classes
from handgrad.training.run import Run, Setting, check_measured
from handgrad.training.run_keys import run_key
from handgrad.training.sharing import runs_in_a_program
from handgrad.training.sources import source_seeds


class Plan:
    """All phases of a study.  `later` fills in a phase once the winner that it starts from is known.

    only: the names of the phases that are to be run, those that they come after included; none of them: all.
    Raises StudyFileError with every setting that does not fit the data, DataError where there is no data, and
    InputError for a phase that is not there.
    """

    def __init__(self, study: Study, splits: SplitCache | None = None, only: Iterable[str] = ()) -> None:
        self.study = study
        self.taken = _with_earlier(study, only)
        self.splits = splits or SplitCache(study.folder)
        self.notes: list[str] = [*study.notes]
        self.metric = metric_of(study.spec.select_by, study.spec.select_on_test)
        self._labels: dict[tuple[str | None, ...], str] = {}
        self._derived: dict[str, int] = {}  # prefix of labels -> how many there are
        self.heaviest: Need | None = None  # of all settings that can occur
        self._check(study.settings.possible)
        self.phases: list[PlannedPhase] = [self._first(study.phases[0])]
        self.phases += [self._sketch(phase) for phase in study.phases[1:]]
        for phase in study.phases[1:]:  # what starts from a setting that is named needs no winner to be known
            if phase.start is not None and self.phases[phase.after or 0].known:
                self.later(phase.number)
        self.notes += [note for phase in self.phases if (note := phase.search_note(study.spec.select_by))]
        self.notes += self._programs()
        self.notes += figure_notes(study, self.splits)
        if study.spec.budget is not None:
            self.notes.append(f"the study begins at most {study.spec.budget}")

    # -- what it says

    @property
    def settings(self) -> dict[str, PlannedSetting]:
        """Every setting whose runs have ids, once, by its label."""
        found: dict[str, PlannedSetting] = {}
        for phase in self.phases:
            for setting in phase.settings if phase.known else ():
                found.setdefault(setting.label, setting)
        return found

    @property
    def data_keys(self) -> list[str]:
        """The splits of the settings that are known, each once."""
        return list(dict.fromkeys(key for setting in self.settings.values() for key in setting.data_keys))

    @property
    def taken_phases(self) -> list[PlannedPhase]:
        """The phases that are to be run."""
        return [phase for phase in self.phases if phase.name in self.taken]

    @property
    def run_count(self) -> int:
        """How many runs the phases that are to be run have at most, those of later phases included."""
        known = {s.label: len(s.runs) for phase in self.taken_phases if phase.known for s in phase.settings}
        later = sum(len(s.runs) for phase in self.taken_phases if not phase.known for s in phase.settings)
        undrawn = sum(
            (phase.drawn - len(phase.settings))
            * len(self.study.phases[phase.number].seeds)
            * self.study.spec.data.splits
            for phase in self.taken_phases
            if phase.opened
        )
        return sum(known.values()) + later + undrawn

    def cost(self, number: int = 0) -> float:
        """The work that is expected of the runs of a phase and those after it, in the unit of `PlannedSetting.cost`."""
        seen: set[str] = set()
        total = 0.0
        for phase in self.taken_phases:
            for setting in phase.settings:
                if phase.number >= number and not (phase.known and setting.label in seen):
                    total += setting.cost * len(setting.runs) * phase.share(setting)
                seen.add(setting.label)
        return total

    def rivals(self, number: int) -> dict[str, PlannedSetting]:
        """The settings among which a phase's winner is chosen: the one it starts from, if of its seeds, and its own."""
        phase, known = self.phases[number], self.settings
        shares = self.study.phases[number].shares_runs == self.study.phases[0].shares_runs
        labels = ([phase.start] if phase.start and shares else []) + [setting.label for setting in phase.settings]
        return {label: known[label] for label in labels}

    def decide(self, number: int, finished: Mapping[str, RunSummary], recorded: str | None = None) -> str | None:
        """Choose and note a phase's winner.  `finished`: id -> summary; `recorded`: the winner written by a search."""
        if recorded in self.rivals(number):
            self.phases[number] = replace(self.phases[number], winner=recorded)
            return recorded
        rivals = {
            label: [finished.get(run.id or "") for run in setting.runs]
            for label, setting in self.rivals(number).items()
        }
        self.phases[number] = replace(self.phases[number], winner=choose(rivals, self.metric))
        return self.phases[number].winner

    def later(self, number: int) -> PlannedPhase:
        """Fill in a phase from the winner of the phase that it comes after, or from the setting that it names."""
        phase = self.study.phases[number]
        assert phase.after is not None
        start = self._pinned(phase) or self.phases[phase.after].winner
        if start is None:
            raise HandgradError(f'phase "{phase.name}" has no winner to start from: no run gave a {self.metric}')
        if phase.sampling is not None:
            self.phases[number] = replace(self.phases[number], start=start)
            return self.phases[number]
        found: dict[str, PlannedSetting] = {}
        base = self.settings[start]
        for choice in phase.choices:
            planned = self._setting(phase, choice, base)
            found.setdefault(planned.label, planned)
        self.phases[number] = replace(self.phases[number], settings=tuple(found.values()), start=start)
        return self.phases[number]

    def open(self, number: int) -> None:
        """A sampler begins to draw the settings of a phase, or begins again."""
        self.phases[number] = replace(self.phases[number], settings=(), opened=True)

    def add(self, number: int, parameters: Mapping[str, Any]) -> PlannedSetting:
        """Add a setting that a sampler has drawn, path -> value; where the phase has it already, return that one."""
        phase, planned = self.study.phases[number], self.phases[number]
        choice = Choice(dict(parameters), dict(parameters), dict.fromkeys(parameters, "random"))
        added = self._setting(phase, choice, self._start_of(planned))
        known = next((setting for setting in planned.settings if setting.label == added.label), None)
        if known is None:
            self.phases[number] = replace(planned, settings=(*planned.settings, added))
        return known or added

    def to_json(self) -> dict[str, Any]:
        """The plan as plan.json holds it."""
        return {
            "study": self.study.spec.name,
            "quick": self.study.quick,
            "changed": list(self.study.changed),
            "seeds": list(self.study.spec.seeds),
            **({} if self.study.spec.vary is None else {"vary": list(self.study.spec.vary)}),
            "select_by": self.study.spec.select_by,
            "select_on_test": self.study.spec.select_on_test,
            "metric": self.metric,
            "notes": list(dict.fromkeys(self.notes)),
            "phases": [phase.to_json() for phase in self.phases],
        }

    # -- how it is made

    def _check(self, possible: Iterable[Possible]) -> None:
        """Raise StudyFileError with every setting that can occur and does not fit the data."""
        found: dict[str, None] = {}
        wrong: list[tuple[str, Possible]] = []
        possible = tuple(possible)
        said: dict[int, set[str]] = {}  # by phase: what is wrong with a start is not wrong again with what follows
        for one in possible:
            if one.setting is None:
                wrong += [(line, one) for line in one.problems]
                continue
            check = self.splits.check(one.setting.data)
            lines = list(check.problems)
            try:
                has_validation = one.setting.data.validation is not False
                check_measured(self.study.spec.select_by, one.setting.scored_as, "select_by")
                network = one.setting.network_for(check.shape, check.n_classes, has_validation=has_validation)
                if weights := one.setting.training.class_weights:
                    check_classes(weights, self.splits.dataset(one.setting.data).classes)
                self._weigh(one, network, check.facts)
                if "split" in (one.phase.vary or ()):
                    self.splits.drawn_by(one.setting.data, 0)
            except HandgradError as error:
                lines += str(error).splitlines()
            inherited = {line for line in lines if one.phase.number and line in said.get(one.phase.after or 0, ())}
            said.setdefault(one.phase.number, set()).update(lines)
            wrong += [(line, one) for line in lines if line not in inherited]
            part = METRICS[self.metric].part.name
            if check.facts is None:
                continue
            n = check.facts.counts["train"]
            self.notes += [*check.facts.notes, *seed_notes(one.phase, one.setting, n)]
            self.notes += one.setting.training.order_notes(n, by_class=check.facts.by_class)
            if self.study.spec.phase and part not in check.facts.counts:
                found[
                    f"{self.metric} chooses what later phases start from, but {check.name} has no {part} part left; "
                    f"see data.validation and data.test"
                ] = None
        found = dict.fromkeys([*gathered(wrong, possible), *found])
        if self.study.spec.original is not None and not found:
            classes = self.splits.dataset(self.study.spec.data).classes
            found.update(dict.fromkeys(class_problems(self.study.spec.original, classes)))
        if found:
            raise refused(self.study.where, shortened(found), self.study.file)

    def _weigh(self, one: Possible, network: Network, facts: DataFacts | None) -> None:
        """Note the setting that takes most memory; the memory of a GPU is not known here."""
        if one.setting is None or facts is None or one.setting.training.device != "cpu":
            return
        need = need_of(one.setting.training, network, facts.counts["train"], one.where)
        if self.heaviest is None or need.bytes > self.heaviest.bytes:
            self.heaviest = need

    def _first(self, phase: Phase) -> PlannedPhase:
        if phase.sampling is not None:
            return self._sketch(phase)
        found: dict[str, PlannedSetting] = {}
        for one in self.study.settings.from_base(phase.number):
            planned = self._labelled(one)
            if planned.label in found:
                what = ", ".join(f"{path} = {shown(value)}" for path, value in one.choice.axes.items())
                self.notes.append(f"{what} is the same setting as {planned.label}, which runs once")
            found.setdefault(planned.label, planned)
        return PlannedPhase(phase.name, 0, None, False, tuple(found.values()), asha=phase.asha, vary=phase.vary)

    def _start_of(self, phase: PlannedPhase) -> PlannedSetting | None:
        return None if phase.start is None else self.settings[phase.start]

    def _setting(self, phase: Phase, choice: Choice, start: PlannedSetting | None) -> PlannedSetting:
        """What a choice makes of the setting that its phase starts from, or of the base setting."""
        tables = self.study.base if start is None else start.tables
        return self._labelled(self.study.settings.at(phase, choice, tables), start)

    def _pinned(self, phase: Phase) -> str | None:
        """The label of the setting that a phase names as its start; None where it starts from the winner."""
        if phase.start is None or phase.after is None:
            return None
        earlier, planned = self.study.phases[phase.after], self.phases[phase.after]
        (choice,) = phase.starts(earlier)
        return self._setting(earlier, choice, self._start_of(planned)).label

    def _labelled(self, one: Possible, start: PlannedSetting | None = None) -> PlannedSetting:
        """A setting with the runs that it has after `start`, and with their label: the one they have, or the next."""
        if one.setting is None:
            where = f'phase "{one.phase.name}" after {start.label}: ' if start else ""
            raise refused(self.study.where, [where + line for line in one.problems], self.study.file)
        setting = self._resolved(one.setting)
        parameters, cost, facts = self._work(setting)
        assert facts is not None
        parents = {run.key: run.id for run in start.runs} if start and one.phase.continues else {}
        runs = [
            self._run(one.phase, setting, seed, parents.get(run_key(seed, fold)), fold, section)
            for fold, section in self._folds(setting)
            for seed in one.phase.seeds
        ]
        ids, prefix = tuple(run.id for run in runs), f"{start.label}_" if start else ""
        if ids not in self._labels:
            self._derived[prefix] = self._derived.get(prefix, 0) + 1
            self._labels[ids] = f"{prefix}{self._derived[prefix]}"
        axes, epochs, key = one.phase.changes | one.choice.axes, setting.training.epochs, runs[0].data or facts.key
        return PlannedSetting(
            self._labels[ids], axes, one.changes, setting, tuple(runs), key, parameters, cost, one.tables, epochs
        )

    def _run(
        self,
        phase: Phase,
        setting: Setting,
        seed: int,
        continues: str | None,
        fold: int | None = None,
        own: DataSection | None = None,
    ) -> PlannedRun:
        """The run of a setting with one seed of its phase; own: its data, where folds divide them."""
        facts, seeds, section = self.splits.facts(setting.data), None, own
        if phase.vary is not None:
            seeds = source_seeds(phase.vary, seed, phase.seeds[0])
        if seeds is not None and seeds.split is not None:
            section = self.splits.drawn_by(setting.data, seeds.split)
        key = self.splits.key(section) if section else None
        run = Run(setting.changed(data=section) if section else setting, seed, facts.checksum, continues, seeds)
        return PlannedRun(seed, run.id, continues, seeds, section, key, fold)

    def _folds(self, setting: Setting) -> list[tuple[int | None, DataSection | None]]:
        """(fold, its data) for every fold; (None, None) without folds."""
        if setting.data.splits == 1:
            return [(None, None)]
        return [(fold, setting.data.of_fold(fold)) for fold in range(1, setting.data.splits + 1)]

    def _sketch(self, phase: Phase) -> PlannedPhase:
        """A phase before its settings are known: its changes, and the cost as it would be from the base setting."""
        sketched, drawn = [], phase.sampling
        for number, one in enumerate(self.study.settings.from_base(phase.number), start=1):
            setting = one.setting
            parameters, cost, facts = self._work(setting)
            splits = 1 if setting is None else setting.data.splits
            folds = range(1, splits + 1) if splits > 1 else (None,)
            runs = tuple(PlannedRun(seed, None, fold=fold) for fold in folds for seed in phase.seeds)
            axes = phase.changes | one.choice.axes
            if drawn is not None:
                axes |= {path: f"drawn by {drawn.sampler}" for path, _, _ in drawn.ranges}
            label = f"*{number}" if phase.after is None else f"*_{number}"
            epochs = setting.training.epochs if setting is not None else 1
            stand_in = (
                (self._resolved(setting), facts.key) if setting and facts and phase.after is None else (None, None)
            )
            sketched.append(
                PlannedSetting(
                    label, axes, one.changes, stand_in[0], runs, stand_in[1], parameters, cost, one.tables, epochs
                )
            )
        after = None if phase.after is None else self.study.phases[phase.after].name
        return PlannedPhase(
            phase.name,
            phase.number,
            after,
            phase.continues,
            tuple(sketched),
            asha=phase.asha,
            drawn=0 if drawn is None else drawn.runs,
            sampler=None if drawn is None else drawn.sampler,
            vary=phase.vary,
        )

    def _programs(self) -> list[str]:
        """Notes: how many programs train the runs that share programs, for each size of such a program."""
        kinds: dict[int, dict[str, int]] = {}
        for setting in (setting for phase in self.phases for setting in phase.settings):
            if setting.setting is not None and setting.setting.training.stack != 1:
                checksum = self.splits.facts(setting.setting.data).checksum
                runs = kinds.setdefault(int(setting.setting.training.stack), {})
                for run in setting.runs:
                    key = setting.run(run, checksum).group_key
                    runs[key] = runs.get(key, 0) + 1
        return [
            f"{plural(sum(runs.values()), 'run')} {'is' if sum(runs.values()) == 1 else 'are'} trained by "
            f"{plural(len(runs), 'program')}, up to {stack} at a time in each (training.stack)"
            for stack, runs in sorted(kinds.items())
        ]

    def _network(self, setting: Setting) -> tuple[DataFacts, Network] | None:
        """The facts of a setting's data and its network; None where they do not fit (`_check` reports it)."""
        try:
            facts = self.splits.facts(setting.data)
            return facts, setting.network_for(facts.shape, facts.n_classes, has_validation="validation" in facts.counts)
        except HandgradError:
            return None

    def _resolved(self, setting: Setting) -> Setting:
        """The setting with every "auto" decided, the number of runs that share a program included."""
        training = setting.resolved().training
        found = self._network(setting) if setting.training.stack == "auto" and training.device != "cpu" else None
        if found is not None:
            facts, network = found
            training = training.changed(stack="auto")
            stack = runs_in_a_program(training, network, facts.counts["train"])
            setting = setting.changed(training=training.changed(stack=stack))
        return setting.resolved()

    def _work(self, setting: Setting | None) -> tuple[int, float, DataFacts | None]:
        """(parameters, work of one run, facts of its data).  Work: rough seconds, for a bar's time left."""
        found = None if setting is None else self._network(setting)
        if setting is None or found is None:
            return 0, 1.0, None
        facts, network = found
        n, p, training = facts.counts["train"], network.multiplications, setting.training
        steps = steps_per_epoch(n, training.batch_size)
        epoch = n * p * 6e-10 + steps * (5e-5 + p * 1e-9) + facts.counts.get("validation", n) * p * 4e-10
        return network.parameter_count, 0.005 + training.epochs * epoch, facts


def _with_earlier(study: Study, only: Iterable[str]) -> frozenset[str]:
    """The names of some phases and of those that they come after; of all where none is named."""
    phases = {phase.name: phase for phase in study.phases}
    left, found = list(only) or list(phases), set()
    while left:
        name = left.pop()
        if name not in phases:
            raise InputError(f'study "{study.spec.name}": {unknown(name, phases, "phase")}')
        found.add(name)
        if (after := phases[name].after) is not None:
            left.append(study.phases[after].name)
    return frozenset(found)
