"""The results of a study, setting by setting: the numbers from which tables, figures and verdicts are made.

    Summary          the study: its phases and its winner
      PhaseSummary   the settings of a phase, best first, each compared with the best on shared seeds
        SettingSummary   one setting: a Sample (n, mean, std, intervals) for every metric
          RunFacts     one seed: its status and its record.json (curves and weights stay on disk)

Runs that diverged, failed or are not there have no value: they are counted and named, never averaged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from handgrad.data.catalog import task_of
from handgrad.measures import (
    CLASSIFICATION,
    MAIN_MEASURES,
    METRICS,
    is_proportion,
    lower_is_better,
    usual_measures,
)
from handgrad.report.findings.conclusions import Bits, Conclusions, SettingRuns, conclude
from handgrad.report.findings.run_facts import RunFacts, examples_of, folds_of
from handgrad.report.findings.search_facts import SearchFacts
from handgrad.report.findings.statistics import Sample, sample
from handgrad.study.design.study_spec import Made
from handgrad.study.reading.setting_refs import SettingRef, SettingRefs
from handgrad.study.rules import select
from handgrad.study.rules.samplers import Sampling
from handgrad.training.record import Record
from handgrad.training.record_facts import DatasetFacts, NetworkFacts
from handgrad.training.run_keys import counted, sources_over
from handgrad.training.sources import sources_named


@dataclass(frozen=True)
class SettingSummary:
    """One setting over its seeds.  `axes`: path -> value, what sets it apart; `samples`: metric -> Sample."""

    label: str
    axes: Mapping[str, Any]
    setting: Mapping[str, Any]
    runs: tuple[RunFacts, ...]
    samples: Mapping[str, Sample]
    all_axes: Mapping[str, Any] = field(default_factory=dict)  # those of the phases before it as well
    earlier: bool = False  # the winner of an earlier phase, which this phase has to beat

    @property
    def sources(self) -> tuple[str, ...]:
        """What differs from seed to seed, where the study says what its seeds vary; else nothing."""
        return next((one.sources for one in self.samples.values()), ())

    @property
    def task(self) -> str:
        """What is learnt, one of `measures.TASKS`."""
        return task_of(self.setting.get("data", {}))

    @property
    def main_measure(self) -> str:
        """The measure that says most of its task: accuracy, RMSE, macro F1."""
        return MAIN_MEASURES[self.task]

    @property
    def network(self) -> NetworkFacts | None:
        """The network that was trained; None while no run has trained."""
        return next((record.network for record in self.records), None)

    @property
    def slips(self) -> list[str]:
        """The slips that were switched on, each in one line, as records state them."""
        return next((record.network.slips for record in self.records if record.network.slips), [])

    @property
    def dataset(self) -> DatasetFacts | None:
        """The data that it learnt from; None while no run has trained."""
        return next((record.dataset for record in self.records), None)

    def count_of(self, part: str) -> int | None:
        """How many examples a part of the data has; None where there is none, or no run has trained."""
        return self.dataset.counts.get(part) if self.dataset else None

    def examples(self, metric: str) -> int | None:
        """On how many examples a metric was scored; None while no run has ended."""
        return examples_of(self.runs, metric, folds_of(self.setting))

    def overlap(self, metric: str) -> float:
        """Of its folds or splits, the largest n₂/n₁ (`resampled`); 0 where all runs have one split."""
        return max((run.overlap(metric) for run in self.runs), default=0.0)

    @property
    def counted(self) -> str:
        """The runs that are planned, in words: "3 seeds", "5 folds × 2 seeds"."""
        return counted(run.key for run in self.runs)

    @property
    def collapsed(self) -> int:
        """How many runs came to an end in which one class is predicted for everything."""
        return sum(run.collapsed is not None for run in self.runs)

    def ended(self, metric: str) -> SettingRuns:
        """What its runs came to by a metric."""
        return SettingRuns(
            self.samples[metric].values,
            frozenset(run.key for run in self.runs if run.status == "diverged"),
            frozenset(run.key for run in self.runs if run.collapsed is not None),
        )

    def count(self, *statuses: str) -> int:
        """How many runs have one of these statuses."""
        return sum(run.status in statuses for run in self.runs)

    def epochs(self, *statuses: str) -> str:
        """How many epochs the runs with one of these statuses trained: "10", or "3, 6" where they differ."""
        found = {run.record.epochs for run in self.runs if run.record and run.status in statuses}
        return ", ".join(map(str, sorted(found)))

    @property
    def stopped(self) -> str:
        """The epochs after which a search stopped runs of it short; empty where all were left to their end."""
        return self.epochs("pruned")

    @property
    def unfinished(self) -> int:
        """How many runs have not ended."""
        return len(self.runs) - self.count("done", "pruned", "diverged", "failed")

    @property
    def records(self) -> list[Record]:
        """Of the runs that trained."""
        return [run.record for run in self.trained if run.record is not None]

    @property
    def trained(self) -> list[RunFacts]:
        """The runs that trained: a failed run's record says only why it failed."""
        return [run for run in self.runs if run.record is not None and run.status != "failed"]

    def seconds(self, part: str) -> Sample:
        """Seconds per run ("total", "training" or "evaluation") over all runs that trained."""
        return sample({run.key: float(getattr(run.record.time, part)) for run in self.trained if run.record})

    def best_run(self, metric: str) -> RunFacts | None:
        """The finished run with the best value; where the metric is missing, the first finished run."""
        finished = [run for run in self.runs if run.status in ("done", "pruned")]
        valued = [(run, value) for run in finished if (value := run.value(metric)) is not None]
        if not valued:
            return finished[0] if finished else None
        return (min if lower_is_better(metric) else max)(valued, key=lambda pair: pair[1])[0]


@dataclass(frozen=True)
class PhaseSummary:
    """The settings of one phase in the order of the plan; `axes` are the paths that vary in it."""

    name: str
    axes: tuple[str, ...]
    settings: tuple[SettingSummary, ...]
    winner: str | None  # a label; the best so far while the phase is not finished
    metric: str  # what the winner was chosen by
    margin: float | None = None  # of equivalence, where the study says one
    search: SearchFacts | None = None  # of settings that were drawn or stopped short
    sampling: Sampling | None = None  # from which ranges its settings were drawn; None where they were listed
    sources: tuple[str, ...] = ()  # of chance, which differ from seed to seed
    vary: tuple[str, ...] | None = None  # where the study says what its seeds vary
    apart: bool = False  # its seeds vary other sources than the study's: it measures noise, and chooses nothing
    bits: Callable[[Sequence[SettingSummary], str], Bits] | None = field(default=None, compare=False, repr=False)
    # settings, part -> label -> run -> which examples (m,) of it were right (`examples_right.bits_of_settings`)

    @property
    def main_measure(self) -> str:
        """The main measure of its settings' task, of the first where they differ."""
        return self.settings[0].main_measure if self.settings else MAIN_MEASURES[CLASSIFICATION]

    @property
    def over_seeds(self) -> str:
        """Over what its means are, with the sources that its seeds vary where the study says so."""
        return f"over {self.over}" if self.vary is None else f"over {self.over} ({sources_named(self.sources)})"

    @property
    def has_own_examples(self) -> bool:
        """Whether each seed drew the examples that its runs are scored on, as the study's seeds vary the split."""
        part = METRICS[self.metric].part.name
        return any(part in run.drawn for setting in self.settings for run in setting.runs)

    @cached_property
    def conclusions(self) -> Conclusions | None:
        """Every setting against the winner; None where that has no value, or nothing won as nothing was to win.

        Settings that a search stopped at other epochs than the winner are not compared with it, nor are those of which
        no run has ended.
        """
        best = self.best
        if best is None or not best.samples[self.metric].n:
            return None
        runs = {setting.label: setting.ended(self.metric) for setting in self.settings}
        compared = [s for s in self.settings if s.stopped == best.stopped and runs[s.label].ended]
        if self.bits is not None and is_proportion(self.metric) and not self.folded and not self.has_own_examples:
            bits = self.bits(compared, METRICS[self.metric].part.name)
            runs |= {label: replace(runs[label], right=right) for label, right in bits.items()}
        return conclude(
            runs,
            best.label,
            self.metric,
            compared={setting.label for setting in compared},
            examples=best.examples(self.metric),
            each=examples_of(best.runs, self.metric),
            overlap=self.overlap,
            folds=folds_of(best.setting) if self.folded else None,
            margin=self.margin,
            classes=len(best.dataset.classes) if best.dataset else None,
            ddof=best.samples[self.metric].ddof,
        )

    @cached_property
    def ranked(self) -> list[SettingSummary]:
        """Best first, by the difference from the best; then what is not compared with it."""
        found = self.conclusions
        places = {label: place for place, label in enumerate(found.against)} if found else {}
        last = len(places)
        return sorted(self.settings, key=lambda setting: (places.get(setting.label, last), rank(setting, self.metric)))

    @property
    def best(self) -> SettingSummary | None:
        """The winner, where a run of it came to a finite end."""
        best = next((setting for setting in self.settings if setting.label == self.winner), None)
        return best if best is not None and best.count("done", "pruned") else None

    @property
    def stopped(self) -> list[SettingSummary]:
        """The settings that a search stopped at other epochs than the best: they are not compared with it."""
        best = self.best
        return [setting for setting in self.settings if setting.stopped and best and setting.stopped != best.stopped]

    @property
    def overlap(self) -> float:
        """Of its folds or splits, the largest n₂/n₁ (`resampled`); 0 where all runs have one split."""
        return max((setting.overlap(self.metric) for setting in self.settings), default=0.0)

    @property
    def folded(self) -> bool:
        """Whether folds divide the data."""
        return any(run.fold is not None for setting in self.settings for run in setting.runs)

    @property
    def unit(self) -> str:
        """What settings share and are compared on: "seed", or "fold"."""
        return "fold" if self.folded else "seed"

    @property
    def over(self) -> str:
        """What its means are over: "seeds", "folds", or "folds and seeds"."""
        return sources_over(run.key for setting in self.settings for run in setting.runs)

    @property
    def complete(self) -> bool:
        """Whether all runs have ended."""
        return not any(setting.unfinished for setting in self.settings)


@dataclass(frozen=True)
class Summary:
    """A whole study.  `ddof` is that of every standard deviation shown (intervals always use 1)."""

    name: str
    title: str
    description: str
    seeds: tuple[int, ...]
    select_on_test: bool
    ddof: int
    phases: tuple[PhaseSummary, ...]
    waiting: tuple[str, ...] = ()  # phases whose start is not yet known
    notes: tuple[str, ...] = ()
    provenance: Made | None = None  # from which file, and what was laid over it
    quick: bool = False
    changed: tuple[str, ...] = ()  # changes of the command line that make another study than the file's
    refs: SettingRefs | None = None  # of a study that reproduces something, or asks for figures
    labels: Mapping[SettingRef, str] = field(default_factory=dict)  # the settings that they have become
    unverified: int = 0  # records of earlier versions, without checksums
    names: Mapping[str, str] = field(default_factory=dict)  # label in the results folder -> name here, of those renamed

    @property
    def made_with(self) -> str:
        """What was changed of the file's study, so that no published number is judged; empty where nothing was."""
        if not self.changed:
            return "--quick, a smaller study" if self.quick else ""
        return f"{', '.join([*(['--quick'] if self.quick else []), *self.changed])}: not the original's study"

    @property
    def settings(self) -> list[SettingSummary]:
        """Every setting once, in the order of the plan."""
        found: dict[str, SettingSummary] = {}
        for phase in self.phases:
            for setting in phase.settings:
                if not setting.earlier:
                    found.setdefault(setting.label, setting)
        return list(found.values())

    @property
    def shown_measures(self) -> set[str]:
        """The measures that tables show: the main one of each task, the loss, and those by which winners are chosen."""
        usual = {name for setting in self.settings for name in usual_measures(setting.task)}
        return usual | {METRICS[phase.metric].measure.name for phase in self.phases}

    @property
    def runs(self) -> list[RunFacts]:
        """Every run once: a run that belongs to two settings (the same cell) is counted once."""
        return list({run.id: run for setting in self.settings for run in setting.runs}.values())

    @property
    def comparable(self) -> list[PhaseSummary]:
        """The phases whose winners were scored as that of the latest is: on the same examples, with as many seeds, and
        by a loss of the same kind.  Other numbers rank nothing."""
        won = [phase for phase in self.phases if phase.best is not None and not phase.apart]
        return [phase for phase in won if _scored_on(phase) == _scored_on(won[-1])]

    @property
    def leading(self) -> PhaseSummary | None:
        """The phase in which the best setting of all comparable phases won: of equals the latest."""
        comparable = [(phase, best) for phase in self.comparable if (best := phase.best) is not None]
        found = min(reversed(comparable), key=lambda pair: rank(pair[1], pair[0].metric), default=None)
        return found[0] if found else None

    @property
    def winner(self) -> SettingSummary | None:
        """The best setting of the leading phase."""
        return self.leading.best if self.leading else None


def _scored_on(phase: PhaseSummary) -> tuple[Any, ...]:
    best = phase.best
    if best is None or best.dataset is None:
        return ()
    of_loss = METRICS[phase.metric].measure.name == "loss"
    loss = best.network.loss_formula if of_loss and best.network is not None else ""
    return best.dataset.checksum, best.examples(phase.metric), len(best.runs), loss


def rank(setting: SettingSummary, metric: str) -> select.Rank:
    """The key by which the study itself chose its winners (`study/rules/select.py`): smaller is better."""
    runs = [
        None
        if run.record is None
        else select.RunSummary(run.id, run.seed, run.status, run.record.scores, run.record.epochs)
        for run in setting.runs
    ]
    return select.rank_key(runs, metric)
