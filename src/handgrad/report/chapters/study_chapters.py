"""The chapters of every report: what was studied, phases, the best setting, times, data, formulas, environment."""

from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.data.catalog import DATASETS
from handgrad.errors import InputError
from handgrad.measures import MULTI_LABEL, REGRESSION
from handgrad.network.arrays import Arrays
from handgrad.report.chapters.chapter import (
    Block,
    Chapter,
    Code,
    Facts,
    FigureBlock,
    RunTableBlock,
    TableBlock,
    Text,
    Verdicts,
    with_sources,
)
from handgrad.report.chapters.search_chapter import timeline_block
from handgrad.report.figures import network_figures as run_figures
from handgrad.report.figures import phase_figures
from handgrad.report.figures.augmentation_figure import augmented_pictures
from handgrad.report.figures.class_balance import class_balance
from handgrad.report.figures.decision_regions import make_regions
from handgrad.report.figures.gradient_figures import gradients
from handgrad.report.figures.network_figures import feature_maps
from handgrad.report.figures.noise_figure import noise_figure
from handgrad.report.figures.request import Request, Sources
from handgrad.report.figures.shapes import FigureData
from handgrad.report.figures.target_figures import predicted_figure, residual_figure, roc_figure
from handgrad.report.findings.class_scores import scores_of
from handgrad.report.findings.conclusion_sentences import phase_verdicts
from handgrad.report.findings.curve_measures import phase_curves
from handgrad.report.findings.noise import noises
from handgrad.report.findings.noise_sentences import noise_verdicts
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary
from handgrad.report.findings.verdicts import slip_verdicts, trouble_verdicts
from handgrad.report.findings.wording import axis_names, facts_text, folds_named, plural, setting_name, settings_named
from handgrad.report.tables import conclusion_tables, findings_tables, study_tables
from handgrad.report.tables.noise_table import noise_table
from handgrad.study.changes import at_path, shown
from handgrad.study.design.study_spec import Made
from handgrad.study.folder.kept_examples import is_plane
from handgrad.study.published.curve_options import GradientsOptions
from handgrad.study.published.data_options import RegionsOptions
from handgrad.study.toml import dumps
from handgrad.training.record import Record
from handgrad.training.record_facts import DatasetFacts
from handgrad.training.run_keys import key_word
from handgrad.training.sources import sources_named


def studied(summary: Summary) -> Chapter:
    """Which file was run, what was laid over it, what varied over which values, and over which seeds."""
    rows: list[tuple[str, tuple[str, ...]]] = (
        [("study file", _provenance(summary.provenance))] if summary.provenance else []
    )
    for phase in summary.phases:
        where = f" ({phase.name})" if len(summary.phases) > 1 else ""
        names = axis_names(phase.axes)
        for path in phase.axes:
            values = [shown(setting.axes[path]) for setting in phase.settings if path in setting.axes]
            distinct = list(dict.fromkeys(values))
            listed = ", ".join(f"[{v}]" if ", " in v else v for v in distinct[:30])
            rows.append((names[path] + where, (listed + (" …" if len(distinct) > 30 else ""),)))
    rows.append(("seeds", (", ".join(map(str, summary.seeds)),)))
    if folds := next(filter(None, map(folds_named, summary.settings)), ""):
        rows.append(("folds", (folds,)))
    rows += _what_seeds_vary(summary)
    settings, runs = len(summary.settings), len(summary.runs)
    rows.append(
        ("size", (f"{plural(settings, 'setting')}, {plural(runs, 'run')}",)),
    )
    data = next((found for setting in summary.settings if (found := setting.dataset)), None)
    if data is not None:
        counts = ", ".join(f"{count:,} {part}" for part, count in data.counts.items())
        rows.append(("data", (f"{data.name}: {counts} examples",)))
    blocks: list[Block] = [Facts(tuple(rows))]
    return Chapter("studied", "What was studied", tuple(blocks))


def _what_seeds_vary(summary: Summary) -> list[tuple[str, tuple[str, ...]]]:
    """What differs from seed to seed, so what every ± over seeds includes, and what it does not."""
    of: dict[tuple[str, ...], list[str]] = {}
    for phase in summary.phases:
        of.setdefault(phase.sources, []).append(phase.name)
    lines, folded = [], any(phase.folded for phase in summary.phases)
    for sources, names in of.items():
        where = f"phase {', '.join(names)}: " if len(of) > 1 else ""
        lines.append(f"{where}{'folds, ' * folded}{sources_named(sources)}")
    if not any(len(setting.runs) > 1 for setting in summary.settings) or not any(of):
        return []
    said = any(phase.vary is not None for phase in summary.phases)
    rest = f"what is not named has the first seed, {summary.seeds[0]}; the split then has that of [data]"
    over = summary.phases[0].over
    return [(f"a ± over {over} includes", tuple([*lines, rest] if said else lines))]


def _provenance(made: Made) -> tuple[str, ...]:
    file = made.file or "tables given in Python"
    if made.as_it_is:
        return (f"{file}, nothing changed",)
    quick = ["with --quick, its own small version"] if made.quick else []
    return (file, *quick, *(f"with {change}" for change in made.changes))


def phase_chapter(summary: Summary, phase: PhaseSummary, position: int, sources: Sources) -> Chapter:
    """Table, ranking and curves of one phase."""
    several = len(summary.phases) > 1
    several_runs = any(len(setting.runs) > 1 for setting in phase.settings)
    suffix = f"-{position + 1}" if several else ""
    title = f"Phase {position + 1}: {phase.name}" if several else "Results"
    blocks: list[Block] = []
    if several:
        blocks.append(Verdicts(tuple(phase_verdicts(phase, brief=True))))
    of = f" of phase {position + 1}" if several else ""
    table = study_tables.summary_table(phase, summary.ddof, f"summary{suffix}", f"Results{of}")
    blocks.append(TableBlock(table))
    if phase.conclusions is not None:
        lost = conclusion_tables.lost_table(phase, phase.conclusions, f"lost-runs{suffix}", f"Lost runs{of}")
        blocks += [TableBlock(lost)] if lost is not None else []
    problems = trouble_verdicts(phase)
    if problems:
        blocks.append(Verdicts(tuple(problems)))
    figures = [
        phase_figures.ranking(phase, f"ranking{suffix}") if len(phase.settings) > 1 or several_runs else None,
        phase_figures.epoch_curves(phase, f"curves{suffix}", sources),
        phase_figures.beside_baseline(phase, f"beside{suffix}", sources),
        phase_figures.phase_step_loss(phase, f"step-loss{suffix}", sources),
        phase_figures.phase_lr_range(phase, f"lr-range{suffix}", sources),
    ]
    blocks += [with_sources(FigureBlock(figure), phase) for figure in figures if figure is not None]
    if (curves := phase_curves(phase, sources.by_epoch, summary.ddof)) is not None:
        table = findings_tables.curves_table(
            phase, curves, summary.ddof, f"curve-measures{suffix}", f"Curves in numbers{of}"
        )
        blocks.append(with_sources(TableBlock(table, folded=True), phase))
    return Chapter(f"phase-{position + 1}", title, tuple(blocks), phase.name if several else "Results")


def noise_chapter(summary: Summary) -> Chapter | None:
    """Where the noise of a setting comes from, where seeds vary one source of it at a time; None where none do."""
    blocks: list[Block] = []
    found = noises(summary)
    for position, noise in enumerate(found, start=1):
        suffix, of = (f"-{position}", f", setting {noise.label}") if len(found) > 1 else ("", "")
        blocks.append(Verdicts(tuple(noise_verdicts(noise))))
        if not noise.parts:
            continue
        blocks.append(TableBlock(noise_table(noise, f"noise{suffix}", f"Variance by source{of}")))
        blocks.append(FigureBlock(noise_figure(noise, f"noise{suffix}", f"Noise by source{of}")))
    return Chapter("noise", "Where noise comes from", tuple(blocks)) if blocks else None


MOST_TARGETS = 4  # whose figures stand in every report


def _of_targets(record: Record, arrays: Arrays, who: str) -> list[FigureData | None]:
    """What is predicted where it is no class: targets and residuals of each, or ROC curves."""
    if record.dataset.task != REGRESSION:
        return [roc_figure(record, arrays, who)]
    found: list[FigureData | None] = []
    names = record.dataset.classes[:MOST_TARGETS]
    for j, target in enumerate(names, start=1):
        suffix = f"-{j}" if len(names) > 1 else ""
        found.append(predicted_figure(record, arrays, who, f"predicted{suffix}", target=target))
        found.append(residual_figure(record, arrays, who, f"residuals{suffix}", target=target))
    return found


def winner_chapter(phase: PhaseSummary, winner: SettingSummary, sources: Sources) -> Chapter:
    """The best setting as a study file, the figures of its best run, and its gradients where they were recorded."""
    blocks: list[Block] = []
    run = winner.best_run(phase.metric)
    if run is not None:
        record = sources.record(run.id)
        rows = [("setting", (setting_name(winner, phase.axes),)), ("layers", tuple(record.network.layers))]
        rows.append(("parameters", (f"{record.network.parameters:,}",)))
        blocks.append(Facts(tuple((term, lines) for term, lines in rows if lines)))
        who = f"Setting {winner.label}, {key_word(run.key)}"
        if len([r for r in winner.runs if r.status == "done"]) > 1:
            who += f" (the {'run' if run.fold else 'seed'} that did best)"
        figures: Sequence[FigureData | None] = [
            run_figures.confusion(record, who),
            run_figures.weights(record, sources.params(run.id), who),
            feature_maps(record, sources.params(run.id), sources.images(winner.label, run.id), who),
            run_figures.predictions(record, sources.images(winner.label, run.id), who),
            run_figures.mistakes(record, sources.mistakes(run.id), who),
            augmented_pictures(record, sources.images(winner.label, run.id), who),
            *_of_targets(record, sources.predictions(run.id), who),
            _regions(winner, sources, phase.metric),
            gradients(Request("gradients", {winner.label: winner}, sources, GradientsOptions(), phase.metric)),
        ]
        blocks += [FigureBlock(figure) for figure in figures if figure is not None]
        for part, scores in sorted(scores_of(record, sources.predictions(run.id)).items()):
            labels = record.dataset.task == MULTI_LABEL
            table = findings_tables.class_table(scores, part, who, f"classes-{part}", labels=labels)
            blocks.insert(2 if figures[0] is not None else 1, TableBlock(table, folded=True))
    facts = {"name": "best", "seeds": list(dict.fromkeys(run.seed for run in winner.runs))}
    facts |= {} if phase.vary is None else {"vary": list(phase.vary)}
    text = f"{dumps(facts)}\n{dumps(winner.setting)}"
    blocks.append(Code(text, "The best configuration as a study file: every value that was in force"))
    return Chapter("best", "The best setting", tuple(blocks))


def _regions(winner: SettingSummary, sources: Sources, metric: str) -> FigureData | None:
    """The decision regions of the best setting, of data of two features of which the folder keeps examples."""
    if winner.dataset is None or not is_plane(winner.dataset.shape):
        return None
    request = Request("decision-regions", {winner.label: winner}, sources, RegionsOptions(), metric)
    try:
        return make_regions(request)
    except InputError:  # results of an earlier version keep none
        return None


def every_run(summary: Summary) -> Chapter:
    """The run table."""
    return Chapter("every-run", "Every run", (RunTableBlock(study_tables.runs_table(summary)),), "Runs")


def times(summary: Summary) -> Chapter:
    """Sizes and times of all settings, and who trained what when, where several workers did."""
    several = len(summary.phases) > 1
    blocks: list[Block] = []
    for position, phase in enumerate(summary.phases):
        name, of = (f"times-{position + 1}", f" of phase {position + 1}") if several else ("times", "")
        blocks.append(TableBlock(study_tables.times_table(phase, name, f"Sizes and times{of}")))
    searched = any(phase.search is not None for phase in summary.phases)  # whose chapter has the timeline
    if not searched and (timeline := timeline_block(summary, least=2)) is not None:
        blocks.append(timeline)
    return Chapter("times", "Settings and times", tuple(blocks))


LINEAR = ("sgd", "momentum", "nesterov")  # optimizers whose step grows with the gradient
BALANCES = 3  # splits whose class balance is drawn; of further ones the table of labels says it
RATES = 12  # products of learning rate and batch size that are named


def data_chapter(summary: Summary) -> Chapter:
    """Every split that was used: its examples, its scaling, whether it is the official data.

    Of splits that the seeds of a setting draw, the first.
    """
    found: dict[str, tuple[DatasetFacts, RunFacts]] = {}
    drawn: set[str | None] = set()  # keys of splits whose parts other seeds draw anew
    for setting in summary.settings:
        splits = [(run.record.dataset, run) for run in setting.trained if run.record]
        if "split" in setting.sources:
            splits = splits[:1]
            drawn |= {data.key for data, _ in splits}
        for data, run in splits:
            key = [data.key, data.scaling, data.counts] if run.fold is None else [at_path(setting.setting, "data")]
            found.setdefault(str([data.checksum, *key]), (data, run))
    blocks: list[Block] = []
    for position, (data, run) in enumerate(found.values()):
        rows = [
            ("data set", (data.name,)),
            ("folds", () if run.fold is None else (f"those of fold {run.fold}; in every other one others validate",)),
            ("examples", tuple(f"{part}: {count:,}" for part, count in data.counts.items())),
            ("shape of one example", (" × ".join(map(str, data.shape)),)),
            ("split", ("each seed draws its own, of as many examples; this is the first one's",) * (data.key in drawn)),
            ("scaling in force", (data.scaling,)),
            ("bytes", (_bytes(data),)),
            ("checksum", (data.checksum[:16] + "…",)),
            ("notes", tuple(data.notes)),
        ]
        blocks.append(Facts(tuple((term, lines) for term, lines in rows if any(lines))))
        suffix = f"-{position + 1}" if len(found) > 1 else ""
        table = study_tables.label_table(data, f"labels{suffix}")
        if table is not None:
            blocks.append(TableBlock(table))
        balance = class_balance(data, f"data {data.name}", f"class-balance{suffix}")
        if balance is not None and position < BALANCES:
            blocks.append(FigureBlock(balance))
    return Chapter("data", "Data", tuple(blocks or [Text("No run has a record yet.")]))


def _bytes(data: DatasetFacts) -> str:
    """Whether the bytes of a named data set are the published ones; empty for the user's own data."""
    if not data.official:
        return "not the published ones (see the notes)"
    return "as published" if data.name in DATASETS else ""


def formulas(summary: Summary) -> Chapter:
    """The loss and L2 formulas in force, with the settings that used each."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    for key, term in (("loss_formula", "loss"), ("l2_formula", "L2")):
        users: dict[str, list[str]] = {}
        for setting in summary.settings:
            formula = getattr(setting.network, key) if setting.network else ""
            if formula:
                users.setdefault(formula, []).append(setting.label)
        many = len(users) > 1
        rows.append((term, tuple(f"{f} — {settings_named(labels)}" if many else f for f, labels in users.items())))
    rows.append(("lr in units of a mean", tuple(_summed_rates(summary))))
    if not any(lines for _, lines in rows):
        return Chapter("formulas", "Formulas in force", (Text("No run has a record yet."),))
    blocks: list[Block] = [
        Text(
            "Units decide everything: a sum instead of a mean, over the batch or over classes, changes the effective "
            "learning rate by a factor of 10 to 1000. These formulas were in force."
        ),
        Facts(tuple((term, lines) for term, lines in rows if lines)),
    ]
    if slips := slip_verdicts(summary.settings):
        blocks.append(Verdicts(tuple(slips)))
    return Chapter("formulas", "Formulas in force", tuple(blocks))


def _summed_rates(summary: Summary) -> list[str]:
    """Where gradients are summed over the batch: the learning rate with which a mean would make the same steps."""
    users: dict[str, list[str]] = {}
    for setting in summary.settings:
        training = setting.setting.get("training", {})
        optimizer, batch = training.get("optimizer", {}), training.get("batch_size")
        lr, linear = optimizer.get("lr"), optimizer.get("name") in LINEAR
        if training.get("batch_reduction") == "sum" and isinstance(batch, int) and lr is not None and linear:
            users.setdefault(f"{lr:g} × {batch:,} = {lr * batch:g}", []).append(setting.label)
    found = [f"sum over the batch, {product} — {settings_named(labels)}" for product, labels in users.items()]
    return found if len(found) <= RATES else [*found[:RATES], f"and {len(found) - RATES} more"]


def environment(summary: Summary) -> Chapter:
    """The machines and libraries of all runs, and notes."""
    values: dict[str, dict[str, None]] = {}
    resumed = 0
    for setting in summary.settings:
        for record in setting.records:
            facts = {**record.environment, "engine": _engine(record.engine)}
            for key, value in facts.items():
                if key != "finished" and value not in (None, "", []):
                    values.setdefault(key, {})[facts_text(value)] = None
            resumed += bool(record.time.resumed)
    rows = [(key, tuple(found)) for key, found in values.items()]
    notes = [*summary.notes]
    if resumed:
        notes.append(f"{plural(resumed, 'run')} continued from a checkpoint; the bits are the same.")
    if summary.ddof == 0:
        notes.append("Standard deviations have ddof 0, to match a report that used it; intervals use ddof 1.")
    if notes:
        rows.append(("notes", tuple(notes)))
    return Chapter("environment", "Environment and notes", (Facts(tuple(rows)),) if rows else (Text("No notes."),))


def _engine(facts: Mapping[str, Any]) -> str | None:
    """Which engine, and how many runs shared a program."""
    shared = facts.get("stack", 1)
    return f"{facts['name']}, {shared} runs in one program" if shared > 1 else facts.get("name")
