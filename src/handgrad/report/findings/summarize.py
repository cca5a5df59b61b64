"""From a results folder to a `Summary`: records cut short, samples over seeds, every setting compared with the best."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from handgrad.measures import METRICS, TRAIN, is_fraction, lower_is_better
from handgrad.report.findings.intervals import binomial_standard_error
from handgrad.report.findings.statistics import compare, sample
from handgrad.report.findings.summary import (
    PhaseSummary,
    RunFacts,
    SettingSummary,
    Summary,
    examples_of,
    folds_of,
    rank,
)
from handgrad.report.findings.wording import plural
from handgrad.study.folder.results_folder import Results
from handgrad.study.published.published_tables import ConfusionTable
from handgrad.study.reading.setting_refs import SettingRefs, drawn_ref, setting_ref
from handgrad.study.rules.select import mean_of
from handgrad.training.record import Record

ONE_CLASS = 0.99  # the share of one predicted class from which a run counts as collapsed
FEW = 10  # examples, below which one class for all of them may be chance


def summarize(results: Results) -> Summary:
    """The summary of a results folder; records are read one at a time and only their short parts are kept.

    Raises DamagedError, with every run that is concerned, where files were altered after they were written.
    """
    spec = results.spec
    original = spec.original
    matrices = any(isinstance(item, ConfusionTable) for item in (original.table if original else ()))
    samples = original is not None and original.names_predictions
    facts: dict[str, list[RunFacts]] = {}
    unverifiable: set[str] = set()
    for cell in results.checked_cells():
        record, fallen = cell.record, None
        if record is not None:
            if not record.is_verifiable:
                unverifiable.add(cell.id)
            fallen = collapse(record) if record.status in ("done", "pruned") else None
            record = shortened(record, matrices=matrices, samples=samples)
        facts.setdefault(cell.label, []).append(RunFacts(cell.id, cell.seed, cell.status, record, fallen, cell.fold))

    def setting(label: str, axes: Mapping[str, Any], earlier: bool = False) -> SettingSummary:
        made = summarize_setting(label, axes, results.planned[label]["setting"], facts[label], ddof=spec.ddof)
        return replace(made, all_axes=results.axes[label], earlier=earlier)

    metric = results.plan["metric"]
    phases = []
    for phase in results.plan["phases"]:
        if phase["after"] is not None and phase["start"] is None:
            continue
        own = [setting(one["label"], one["axes"]) for one in phase["settings"]]
        seeds = {run.seed for one in own for run in one.runs}
        shares = not own or any(fact.seed in seeds for fact in facts.get(phase["start"], ()))  # else: other seeds
        if shares and phase["start"] not in [one.label for one in own]:
            axes = dict.fromkeys(path for one in own for path in one.axes)
            one_at_a_time = len(axes) > 1 and all(len(one.axes) == 1 for one in own)
            known = {} if one_at_a_time else {p: v for p, v in results.axes[phase["start"]].items() if p in axes}
            own.insert(0, setting(phase["start"], {p: v for p, v in known.items() if v is not None}, earlier=True))
        axes = dict.fromkeys(path for one in own for path in one.axes)
        if "explain" in results.plan:  # no setting of a rung wins, so none is compared with another
            phases.append(PhaseSummary(phase["name"], tuple(axes), tuple(own), None, metric))
        else:
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
        notes=(*map(str, results.plan.get("notes", ())), *_unverified(len(unverifiable))),
        provenance=spec.made,
        quick=bool(results.plan.get("quick")),
        changed=tuple(results.plan.get("changed", ())),
        refs=SettingRefs(results.study) if spec.original is not None or spec.figure else None,
        unverified=len(unverifiable),
        labels={
            drawn_ref(phase["name"], number) if phase["drawn"] else setting_ref(phase["name"], one["axes"]): one[
                "label"
            ]
            for phase in results.plan["phases"]
            for number, one in enumerate(phase["settings"], start=1)
            if one["label"] in results.planned
        },
    )


def shortened(record: Record, *, matrices: bool = False, samples: bool = False) -> Record:
    """A record without what is long and read again for the one run that shows it.

    matrices: with those of confusion;  samples: with the outputs for the sample examples.
    """
    nothing: dict[str, Any] = {"setting": {}, "files": None, "parent": None}
    if not samples:
        nothing["samples"] = None
    if not matrices:
        nothing["confusion"] = {}
    return record.model_copy(update={**nothing, "time": record.time.model_copy(update={"epochs": []})})


def _unverified(runs: int) -> list[str]:
    if not runs:
        return []
    return [f"{plural(runs, 'record')} of an earlier version without checksums: damage to the files may go unnoticed"]


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
    overlap, folds = max((run.overlap for run in runs), default=0.0), folds_of(setting)
    for metric in METRICS:
        values = {run.key: value for run in runs if (value := run.value(metric)) is not None}
        examples = examples_of(runs, metric, folds) if is_fraction(metric) else None
        made = sample(values, ddof, examples, overlap)
        samples[metric] = replace(made, mean=mean_of(list(values.values()), metric))  # equal counts, equal means
    return SettingSummary(label, dict(axes), setting, tuple(runs), samples, earlier=earlier)


def summarize_phase(
    name: str, axes: Sequence[str], settings: Sequence[SettingSummary], winner: str | None, metric: str
) -> PhaseSummary:
    """One phase: every setting is compared with the winner, with Holm's correction over all pairs of the phase.

    Settings with diverged runs rank last whatever their other seeds say, and are not tested; nor are those that a
    search stopped short, whose numbers are of fewer epochs.  One that misses runs (failed, or not there yet) ranks
    below the best and may be better on the seeds that it has: it is then not said to be behind.  While the plan names
    no winner, the best so far stands in its place.
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
        overlap = max(setting.overlap for setting in (best, *others))
        comparisons = compare([s.samples[metric].values for s in others], best.samples[metric].values, overlap)
        comparisons = [replace(one, ahead=_is_ahead(one.difference, metric)) for one in comparisons]
        found = dict(zip((s.label for s in others), comparisons, strict=True))
        settings = [replace(setting, comparison=found.get(setting.label)) for setting in settings]
    return PhaseSummary(name, tuple(axes), tuple(settings), winner, metric)


def _is_ahead(difference: float | None, metric: str) -> bool:
    """Whether a setting − the best is a lead: the best has more runs that came to their end."""
    return difference is not None and (difference < 0 if lower_is_better(metric) else difference > 0)


def collapse(record: Record) -> tuple[str, float] | None:
    """(class, share) where nearly everything is predicted to be one class that is not nearly everything; else None.

    Validation and test examples count together.  Fewer than ten examples, or examples of a single class, show no
    collapse; nor has a run collapsed whose training accuracy is above the share of that class by three standard errors.
    """
    matrices = [matrix for matrix in record.confusion.values() if matrix]
    counts = [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]
    total = sum(map(sum, counts))
    if total < FEW or sum(any(row) for row in counts) < 2:
        return None
    predicted = [sum(column) / total for column in zip(*counts, strict=True)]
    most = max(range(len(predicted)), key=lambda k: predicted[k])
    if predicted[most] < ONE_CLASS or sum(counts[most]) / total >= ONE_CLASS or _learnt(record, most):
        return None
    return record.dataset.classes[most], predicted[most]


def _learnt(record: Record, position: int) -> bool:
    """Whether the training accuracy is above what predicting this class for everything gives."""
    accuracy, scored = record.metrics.get(TRAIN.metric("accuracy")), record.train_score
    of_class = record.dataset.label_table.get(TRAIN.name)
    if accuracy is None or scored is None or not scored.n or not of_class or not sum(of_class):
        return False
    share = of_class[position] / sum(of_class)
    return bool(accuracy > share + 1 - ONE_CLASS + 3 * binomial_standard_error(share, scored.n))
