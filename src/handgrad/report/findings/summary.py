"""What a study came to, setting by setting: the numbers from which tables, figures and verdicts are made.

    Summary          the study: its phases and its winner
      PhaseSummary   the settings of a phase, best first, each compared with the best on shared seeds
        SettingSummary   one setting: a Sample (n, mean, std, intervals) for every metric
          RunFacts     one seed: its status and its record.json (curves and weights stay on disk)

Runs that diverged, failed or are not there have no value: they are counted and named, never averaged.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from handgrad.report.findings.statistics import Comparison, Sample, compare, sample
from handgrad.study.original.items import ConfusionTable
from handgrad.study.reading.places import Place, Places, place

if TYPE_CHECKING:
    from handgrad.study.folder.results import Results
    from handgrad.study.rules import select

METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy")
LONG = ("confusion", "samples", "setting")  # of a record: read again for the one run that shows them
UNFINISHED = ("pending", "running", "interrupted", "not begun")
ONE_CLASS = 0.99  # the share of one predicted class from which a run counts as collapsed
WORDS = {
    "train_loss": "training loss",
    "train_accuracy": "training accuracy",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
}


@dataclass(frozen=True)
class RunFacts:
    """One run.  `record` is its record.json without what is long (`LONG`); None while there is none.

    `collapsed`: the class that it predicts for nearly everything, and the share of examples; None as a rule.
    """

    id: str
    seed: int
    status: str
    record: Mapping[str, Any] | None = None
    collapsed: tuple[str, float] | None = None

    def value(self, metric: str) -> float | None:
        """A metric of a run that came to its end; None where there is none, or where it is not finite."""
        if self.record is None or self.status not in ("done", "pruned"):
            return None
        value = self.record.get("metrics", {}).get(metric)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


@dataclass(frozen=True)
class SettingSummary:
    """One setting over its seeds.  `axes`: path -> value, what sets it apart; `samples`: metric -> Sample."""

    label: str
    axes: Mapping[str, Any]
    setting: Mapping[str, Any]
    runs: tuple[RunFacts, ...]
    samples: Mapping[str, Sample]
    all_axes: Mapping[str, Any] = field(default_factory=dict)  # those of the phases before it as well
    comparison: Comparison | None = None  # with the best setting of the phase; None for that one itself
    earlier: bool = False  # the winner of an earlier phase, which this phase has to beat

    def facts(self, key: str) -> Mapping[str, Any]:
        """A part of the first record that has it ("network", "data"); empty where none has."""
        return next((record[key] for record in self.records if record.get(key)), {})

    def count(self, *statuses: str) -> int:
        """How many runs have one of these statuses."""
        return sum(run.status in statuses for run in self.runs)

    def epochs(self, *statuses: str) -> str:
        """How many epochs the runs with one of these statuses trained: "10", or "3, 6" where they differ."""
        found = {int(run.record.get("epochs", 0)) for run in self.runs if run.record and run.status in statuses}
        return ", ".join(map(str, sorted(found)))

    @property
    def stopped(self) -> str:
        """The epochs after which a search stopped runs of it short; empty where all were left to their end."""
        return self.epochs("pruned")

    @property
    def unfinished(self) -> int:
        return len(self.runs) - self.count("done", "pruned", "diverged", "failed")

    @property
    def records(self) -> list[Mapping[str, Any]]:
        """Of the runs that trained: a failed run's record says only why it failed."""
        return [run.record for run in self.runs if run.record is not None and run.status != "failed"]

    def seconds(self, part: str) -> Sample:
        """Seconds per run ("total", "training" or "evaluation") over all runs that trained."""
        values = {record["seed"]: (record.get("time") or {}).get(part) for record in self.records}
        return sample({seed: float(value) for seed, value in values.items() if value is not None})

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

    @property
    def ranked(self) -> list[SettingSummary]:
        """Best first; settings that miss a result (a run diverged, failed or is not there) after all others."""
        return sorted(self.settings, key=lambda setting: rank(setting, self.metric))

    @property
    def best(self) -> SettingSummary | None:
        """The winner, where a run of it came to a finite end."""
        best = next((setting for setting in self.settings if setting.label == self.winner), None)
        return best if best is not None and best.count("done", "pruned") else None

    @property
    def tied(self) -> list[SettingSummary]:
        """The settings whose distance from the best is not established, in the order of the plan."""
        return [setting for setting in self.settings if setting.comparison is not None and setting.comparison.tied]

    @property
    def stopped(self) -> list[SettingSummary]:
        """The settings that a search stopped at other epochs than the best: they are not compared with it."""
        best = self.best
        return [setting for setting in self.settings if setting.stopped and best and setting.stopped != best.stopped]

    @property
    def complete(self) -> bool:
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
    quick: bool = False
    changed: tuple[str, ...] = ()  # changes of the command line that make another study than the file's
    places: Places | None = None  # of a study that reproduces something
    labels: Mapping[Place, str] = field(default_factory=dict)  # the settings that they have become

    @property
    def made_with(self) -> str:
        """What makes it another study than the file's, so that published numbers judge nothing; empty where nothing."""
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
    def runs(self) -> list[RunFacts]:
        """Every run once: a run that belongs to two settings (the same cell) is counted once."""
        return list({run.id: run for setting in self.settings for run in setting.runs}.values())

    @property
    def last(self) -> PhaseSummary | None:
        """The latest phase that has a winner."""
        return next((phase for phase in reversed(self.phases) if phase.best is not None), None)

    @property
    def winner(self) -> SettingSummary | None:
        return self.last.best if self.last else None


def summarize(results: "Results") -> Summary:
    """The summary of a results folder; records are read one at a time and only their short parts are kept."""
    spec = results.spec
    matrices = any(isinstance(item, ConfusionTable) for item in (spec.original.table if spec.original else ()))
    long = [key for key in LONG if not (matrices and key == "confusion")]
    facts: dict[str, list[RunFacts]] = {}
    for cell in results.cells():
        record = None if cell.data is None else {key: cell.data[key] for key in cell.data if key not in long}
        if record is not None and record.get("time"):
            record["time"] = {key: value for key, value in record["time"].items() if key != "epochs"}
        ended = cell.data is not None and cell.status in ("done", "pruned")
        fallen = collapse(cell.data) if ended and cell.data is not None else None
        facts.setdefault(cell.label, []).append(RunFacts(cell.id, cell.seed, cell.status, record, fallen))

    def setting(label: str, axes: Mapping[str, Any], earlier: bool = False) -> SettingSummary:
        made = summarize_setting(label, axes, results.planned[label]["setting"], facts[label], ddof=spec.ddof)
        return replace(made, all_axes=results.axes[label], earlier=earlier)

    metric = results.plan["metric"]
    phases = []
    for phase in results.plan["phases"]:
        if phase["after"] is not None and phase["start"] is None:
            continue
        own = [setting(one["label"], one["axes"]) for one in phase["settings"]]
        if phase["start"] is not None and phase["start"] not in [one.label for one in own]:
            axes = dict.fromkeys(path for one in own for path in one.axes)
            one_at_a_time = len(axes) > 1 and all(len(one.axes) == 1 for one in own)
            known = {} if one_at_a_time else {p: v for p, v in results.axes[phase["start"]].items() if p in axes}
            own.insert(0, setting(phase["start"], {p: v for p, v in known.items() if v is not None}, earlier=True))
        axes = dict.fromkeys(path for one in own for path in one.axes)
        phases.append(summarize_phase(phase["name"], list(axes), own, phase["winner"], metric))
    started = [phase.name for phase in phases]
    return Summary(
        name=spec.name,
        title=spec.title or spec.name,
        description=spec.description or "",
        seeds=tuple(results.plan["seeds"]),
        select_on_test=bool(results.plan["select_on_test"]),
        ddof=spec.ddof,
        phases=tuple(phases),
        waiting=tuple(phase["name"] for phase in results.plan["phases"] if phase["name"] not in started),
        notes=tuple(map(str, results.plan.get("notes", ()))),
        quick=bool(results.plan.get("quick")),
        changed=tuple(results.plan.get("changed", ())),
        places=Places(results.study) if spec.original is not None else None,
        labels={
            place(phase["name"], one["axes"]): one["label"]
            for phase in results.plan["phases"]
            for one in phase["settings"]
            if one["label"] in results.planned
        },
    )


def collapse(record: Mapping[str, Any]) -> tuple[str, float] | None:
    """(class, share) where nearly everything is predicted to be one class that is not nearly everything; else None.

    >>> collapse({"confusion": {"validation": [[5, 0], [5, 0]]}, "data": {"classes": ["cat", "dog"]}})
    ('cat', 1.0)
    """
    matrices = record.get("confusion") or {}
    matrix: list[list[int]] = matrices.get("validation") or matrices.get("test") or []
    total = sum(sum(row) for row in matrix)
    if not total:
        return None
    predicted = [sum(column) / total for column in zip(*matrix, strict=True)]
    most = max(range(len(predicted)), key=lambda k: predicted[k])
    if predicted[most] < ONE_CLASS or sum(matrix[most]) / total >= ONE_CLASS:
        return None
    classes = (record.get("data") or {}).get("classes") or []
    return str(classes[most] if most < len(classes) else most), predicted[most]


def lower_is_better(metric: str) -> bool:
    return metric.endswith("_loss")


def rank(setting: SettingSummary, metric: str) -> "select.Rank":
    """The key by which the study itself chose its winners (`study/rules/select.py`): smaller is better."""
    from handgrad.study.rules import select

    runs = [
        None
        if run.record is None
        else select.RunSummary(
            run.id, run.seed, run.status, run.record.get("metrics", {}), int(run.record.get("epochs", 0))
        )
        for run in setting.runs
    ]
    return select.rank_key(runs, metric)


def summarize_setting(
    label: str,
    axes: Mapping[str, Any],
    setting: Mapping[str, Any],
    runs: Sequence[RunFacts],
    *,
    ddof: int = 1,
    earlier: bool = False,
) -> SettingSummary:
    """One setting: a Sample for every metric, over the runs that came to their end."""
    samples = {}
    for metric in METRICS:
        values = {run.seed: value for run in runs if (value := run.value(metric)) is not None}
        samples[metric] = sample(values, ddof)
    return SettingSummary(label, dict(axes), setting, tuple(runs), samples, earlier=earlier)


def summarize_phase(
    name: str, axes: Sequence[str], settings: Sequence[SettingSummary], winner: str | None, metric: str
) -> PhaseSummary:
    """One phase: every setting is compared with the winner, in pairs, with Holm's correction over the phase.

    Settings with diverged runs are behind whatever their other seeds say, and are not tested; nor are those that a
    search stopped short, whose numbers are of fewer epochs.  While the plan names no winner, the best so far stands in
    its place.
    """
    if winner is None:
        valued = [setting for setting in settings if setting.samples[metric].n]
        winner = min(valued, key=lambda setting: rank(setting, metric)).label if valued else None
    best = next((setting for setting in settings if setting.label == winner), None)
    if best is not None and best.samples[metric].n:
        others = [
            setting
            for setting in settings
            if setting is not best and not setting.count("diverged") and setting.stopped == best.stopped
        ]
        comparisons = compare([s.samples[metric].values for s in others], best.samples[metric].values)
        found = dict(zip((s.label for s in others), comparisons, strict=True))
        settings = [replace(setting, comparison=found.get(setting.label)) for setting in settings]
    return PhaseSummary(name, tuple(axes), tuple(settings), winner, metric)


def axis_names(paths: Sequence[str]) -> dict[str, str]:
    """The shortest endings that tell the paths apart, as headings.

    >>> axis_names(["training.optimizer.lr", "network.hidden", "training.batch_size"])
    {'training.optimizer.lr': 'lr', 'network.hidden': 'hidden', 'training.batch_size': 'batch size'}
    >>> axis_names(["network.init.std", "network.bias_init.std"])
    {'network.init.std': 'init std', 'network.bias_init.std': 'bias init std'}
    """
    names = {}
    for path in paths:
        steps = path.split(".")
        length = 1
        others = [other.split(".") for other in paths if other != path]
        while length < len(steps) and any(other[-length:] == steps[-length:] for other in others):
            length += 1
        names[path] = " ".join(steps[-length:]).replace("_", " ")
    return names


def setting_name(setting: SettingSummary, axes: Sequence[str]) -> str:
    """A setting in a legend: its label and what sets it apart, e.g. "9: hidden 1000, lr 0.09"."""
    from handgrad.study.changes import shown

    names = axis_names(axes)
    values = {path: shown(setting.axes[path]) for path in axes if path in setting.axes}
    parts = [f"{names[path]} [{text}]" if ", " in text else f"{names[path]} {text}" for path, text in values.items()]
    if not parts and axes:
        parts = ["as it was" if setting.earlier else "baseline"]
    return f"{setting.label}: {', '.join(parts)}" if parts else setting.label
