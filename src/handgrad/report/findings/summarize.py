"""From a results folder to a `Summary`: records cut short, samples over seeds, the winner of every phase."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from handgrad.errors import ResultsError
from handgrad.measures import METRICS, TEST, TRAIN, VALIDATION, is_proportion
from handgrad.report.findings.examples_right import bits_of_settings
from handgrad.report.findings.run_facts import RunFacts, examples_of, folds_of, trained_on
from handgrad.report.findings.searched import read_search
from handgrad.report.findings.statistics import sample
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary, rank
from handgrad.report.findings.wording import plural
from handgrad.study.changes import at_path, shown
from handgrad.study.folder.results_folder import Results
from handgrad.study.published.published_tables import ConfusionTable
from handgrad.study.reading.setting_refs import SettingRef, SettingRefs, drawn_ref, setting_ref
from handgrad.study.rules.select import mean_of
from handgrad.training.collapse import collapse
from handgrad.training.record import Record
from handgrad.training.sources import SOURCES, sources_in_force


def summarize(
    results: Results,
    *,
    only: Collection[str] | None = None,
    keep: Callable[[str, Record], None] = lambda run_id, record: None,
) -> Summary:
    """The summary of a results folder; records are read one at a time and only their short parts are kept.

    only: labels of settings; the others are left out, as are searches, and no file beside record.json is read.
    keep: gets the id and the record of every run, for whoever needs it again.
    Raises DamagedError, with every run that is concerned, where files were altered after they were written.
    """
    spec = results.spec
    facts, unverifiable, fewer = _facts(results, only, keep)
    made = [_phase(results, phase, facts, only) for phase in results.plan["phases"]]
    phases = tuple(phase for phase in made if phase is not None)
    started = [phase.name for phase in phases]
    return Summary(
        name=spec.name,
        title=spec.title or spec.name,
        description=spec.description or "",
        seeds=tuple(results.plan["seeds"]),
        select_on_test=bool(results.plan["select_on_test"]),
        ddof=spec.ddof,
        phases=phases,
        waiting=tuple(phase["name"] for phase in results.plan["phases"] if phase["name"] not in started),
        notes=(*map(str, results.plan.get("notes", ())), *_fewer_measures(fewer), *_unverified(unverifiable)),
        provenance=spec.made,
        quick=bool(results.plan.get("quick")),
        changed=tuple(results.plan.get("changed", ())),
        refs=SettingRefs(results.study) if spec.original is not None or spec.figure else None,
        unverified=unverifiable,
        labels=_labels(results),
    )


def _facts(
    results: Results, only: Collection[str] | None, keep: Callable[[str, Record], None]
) -> tuple[dict[str, list[RunFacts]], int, int]:
    """label -> its runs; how many records of earlier versions have no checksums, and how many lack measures."""
    original = results.spec.original
    matrices = any(isinstance(item, ConfusionTable) for item in (original.table if original else ()))
    samples = original is not None and original.names_predictions
    facts: dict[str, list[RunFacts]] = {}
    unverifiable: set[str] = set()
    fewer: set[str] = set()
    for cell in results.checked_cells() if only is None else results.cells(only):
        record, fallen, drawn = cell.record, None, dict[str, int]()
        if record is not None:
            keep(cell.id, record)
            if not record.is_verifiable:
                unverifiable.add(cell.id)
            if TRAIN.metric("accuracy") in record.metrics and TRAIN.metric("macro_f1") not in record.metrics:
                fewer.add(cell.id)
            fallen = collapse(record) if record.status in ("done", "pruned") else None
            drawn = drawn_parts(record)
            record = shortened(record, matrices=matrices, samples=samples)
        facts.setdefault(cell.label, []).append(
            RunFacts(cell.id, cell.seed, cell.status, record, fallen, drawn, cell.fold)
        )
    return facts, len(unverifiable), len(fewer)


def _labels(results: Results) -> dict[SettingRef, str]:
    """Settings as study files refer to them -> their labels."""
    return {
        drawn_ref(phase["name"], number) if phase["drawn"] else setting_ref(phase["name"], one["axes"]): one["label"]
        for phase in results.plan["phases"]
        for number, one in enumerate(phase["settings"], start=1)
        if one["label"] in results.planned
    }


def _phase(
    results: Results, phase: Mapping[str, Any], facts: Mapping[str, list[RunFacts]], only: Collection[str] | None
) -> PhaseSummary | None:
    """A phase of the plan; None of one whose start is not yet known."""
    if phase["after"] is not None and phase["start"] is None:
        return None
    vary, metric = phase.get("vary"), results.plan["metric"]
    apart = vary != results.plan.get("vary")
    own = _settings(results, phase, facts, only, apart)
    axes = dict.fromkeys(path for one in own for path in one.axes)
    if "explain" in results.plan:  # no setting of a rung wins, so none is compared with another
        made = PhaseSummary(phase["name"], tuple(axes), tuple(own), None, metric)
    else:
        margin = results.spec.conclusions.margin if results.spec.conclusions else None
        made = summarize_phase(phase["name"], list(axes), own, phase["winner"], metric, margin)
        search = None
        if only is None:
            search = read_search(results, phase, [one for one in own if not one.earlier], metric)
        made = replace(made, search=search, sampling=results.study.sampling_of(phase["name"]))
    found = {name for one in own for name in _sources(vary, one.setting, one.runs)}
    vary = None if vary is None else tuple(vary)
    made = replace(made, sources=tuple(name for name in SOURCES if name in found), vary=vary, apart=apart)
    return replace(made, bits=partial(bits_of_settings, results.right))


def _settings(
    results: Results,
    phase: Mapping[str, Any],
    facts: Mapping[str, list[RunFacts]],
    only: Collection[str] | None,
    apart: bool,
) -> list[SettingSummary]:
    """The settings of a phase; before them the one that it starts from, where that ran on the same seeds.

    apart: whether the seeds of the phase vary other sources than the study's.
    """
    wanted = [one for one in phase["settings"] if only is None or one["label"] in only]
    own = [_setting(results, one["label"], one["axes"], facts) for one in wanted]
    start, seeds = phase["start"], {run.seed for one in own for run in one.runs}
    shares = not own or any(fact.seed in seeds for fact in facts.get(start, ()))  # else: other seeds
    if apart or not shares or start not in facts or start in [one.label for one in own]:
        return own
    axes = dict.fromkeys(path for one in own for path in one.axes)
    one_at_a_time = len(axes) > 1 and all(len(one.axes) == 1 for one in own)
    known = {} if one_at_a_time else {p: v for p, v in results.axes[start].items() if p in axes and v is not None}
    return [_setting(results, start, known, facts, earlier=True), *own]


def _setting(
    results: Results,
    label: str,
    axes: Mapping[str, Any],
    facts: Mapping[str, list[RunFacts]],
    *,
    earlier: bool = False,
) -> SettingSummary:
    planned = results.planned[label]
    vary = next(phase.get("vary") for phase in results.plan["phases"] if phase["name"] == planned["phase"])
    sources = () if vary is None else _sources(vary, planned["setting"], facts[label])
    made = summarize_setting(label, axes, planned["setting"], facts[label], ddof=results.spec.ddof, sources=sources)
    return replace(made, all_axes=results.axes[label], earlier=earlier)


def shortened(record: Record, *, matrices: bool = False, samples: bool = False) -> Record:
    """A record without what is long and read again for the one run that shows it; of its files only right.npz.

    matrices: with those of confusion;  samples: with the outputs for the sample examples.
    """
    files = {name: value for name, value in (record.files or {}).items() if name == "right.npz"}
    nothing: dict[str, Any] = {"setting": {}, "files": files, "parent": None, "metrics": record.scores}
    if not samples:
        nothing["samples"] = None
    if not matrices:
        nothing["confusion"] = {}
    return record.model_copy(update={**nothing, "time": record.time.model_copy(update={"epochs": []})})


def _fewer_measures(runs: int) -> list[str]:
    if not runs:
        return []
    return [
        f"{plural(runs, 'record')} of an earlier version without balanced accuracy and macro F1: those of validation "
        "and test follow from confusion matrices, those of training and of single epochs are missing"
    ]


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
    sources: tuple[str, ...] = (),
) -> SettingSummary:
    """One setting: a Sample for every metric, over the runs that came to their end.

    sources: what differs from run to run, where the study says it.
    """
    samples = {}
    folds = folds_of(setting)
    for metric in METRICS:
        values = {run.key: value for run in runs if (value := run.value(metric)) is not None}
        examples = examples_of(runs, metric, folds) if is_proportion(metric) else None
        made = sample(values, ddof, examples, max((run.overlap(metric) for run in runs), default=0.0))
        mean = mean_of(list(values.values()), metric)  # equal counts, equal means
        samples[metric] = replace(made, mean=mean, sources=sources)
    return SettingSummary(label, dict(axes), setting, tuple(runs), samples, earlier=earlier)


def summarize_phase(
    name: str,
    axes: Sequence[str],
    settings: Sequence[SettingSummary],
    winner: str | None,
    metric: str,
    margin: float | None = None,
) -> PhaseSummary:
    """One phase.  While the plan names no winner, the best so far stands in its place."""
    if winner is None:
        valued = [setting for setting in settings if setting.samples[metric].n]
        winner = min(valued, key=lambda setting: rank(setting, metric)).label if valued else None
    return PhaseSummary(name, tuple(axes), tuple(settings), winner, metric, margin)


def _sources(vary: Sequence[str] | None, setting: Mapping[str, Any], runs: Sequence[RunFacts]) -> tuple[str, ...]:
    """The sources that differ from seed to seed and change something.  Raises ResultsError where the plan's network
    cannot be read."""
    try:
        return sources_in_force(vary, setting, trained_on(runs))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        what = shown(at_path(setting, "network"))
        raise ResultsError(f"plan.json: {what} is no network; take the file from a backup") from None


def drawn_parts(record: Record) -> dict[str, int]:
    """part -> the examples it was drawn from, of the parts that are drawn by the seed of the run's split.

    Empty for the seed 0, which [data] has as well where nothing is said: it does not tell what a seed draws.
    """
    seed, counts, found = (record.seeds or {}).get("split"), record.dataset.counts, {}
    for part in (TEST, VALIDATION):
        wish = at_path(record.setting, f"data.{part.name}")
        if seed and isinstance(wish, Mapping) and wish.get("seed") == seed and part.name in counts:
            others = counts if part is TEST or TEST.name in found else (part.name, str(wish.get("from")))
            found[part.name] = sum(counts.get(name, 0) for name in others)
            if at_path(record.setting, "data.train") and isinstance(size := wish.get("size"), float):
                found[part.name] = round(counts[part.name] / size)  # what data.train leaves out is in no count
            if part is TEST or TEST.name in found or wish.get("from") == TRAIN.name:
                found[TRAIN.name] = found[part.name]  # what the part leaves trains
    return found
