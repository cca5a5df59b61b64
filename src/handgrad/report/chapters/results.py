"""The chapters of what was studied and what came of it: phases, the best setting, sizes and times."""

from collections.abc import Sequence

from handgrad.report.chapters.blocks import Block, Chapter, Code, Facts, FigureBlock, TableBlock, Verdicts
from handgrad.report.figures import phases as phase_figures
from handgrad.report.figures import runs as run_figures
from handgrad.report.figures.feature_maps import feature_maps
from handgrad.report.figures.figure import Figure
from handgrad.report.figures.sources import Sources
from handgrad.report.findings.naming import axis_names, setting_name
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary
from handgrad.report.findings.verdicts import phase_verdicts, trouble
from handgrad.report.findings.wording import plural
from handgrad.report.tables import study as study_tables
from handgrad.study.changes import shown
from handgrad.study.design.study_spec import Made
from handgrad.study.toml import dumps


def studied(summary: Summary) -> Chapter:
    """Which file was run, what was laid over it, what varied over which values, and over which seeds."""
    rows: list[tuple[str, tuple[str, ...]]] = [("study file", _made(summary.made))] if summary.made else []
    for phase in summary.phases:
        where = f" ({phase.name})" if len(summary.phases) > 1 else ""
        names = axis_names(phase.axes)
        for path in phase.axes:
            values = [shown(setting.axes[path]) for setting in phase.settings if path in setting.axes]
            distinct = list(dict.fromkeys(values))
            listed = ", ".join(f"[{v}]" if ", " in v else v for v in distinct[:30])
            rows.append((names[path] + where, (listed + (" …" if len(distinct) > 30 else ""),)))
    rows.append(("seeds", (", ".join(map(str, summary.seeds)),)))
    settings, runs = len(summary.settings), len(summary.runs)
    rows.append(
        ("size", (f"{plural(settings, 'setting')}, {plural(runs, 'run')}",)),
    )
    facts = next((found for setting in summary.settings if (found := setting.facts("data"))), None)
    if facts is not None:
        counts = ", ".join(f"{count:,} {part}" for part, count in facts.get("counts", {}).items())
        rows.append(("data", (f"{facts.get('name', '')}: {counts} examples",)))
    blocks: list[Block] = [Facts(tuple(rows))]
    return Chapter("studied", "What was studied", tuple(blocks))


def _made(made: Made) -> tuple[str, ...]:
    file = made.file or "tables given in Python"
    if made.as_it_is:
        return (f"{file}, nothing changed",)
    quick = ["with --quick, its own small version"] if made.quick else []
    return (file, *quick, *(f"with {change}" for change in made.changes))


def phase_chapter(summary: Summary, phase: PhaseSummary, position: int, sources: Sources) -> Chapter:
    """Table, ranking and curves of one phase."""
    several = len(summary.phases) > 1
    suffix = f"-{position + 1}" if several else ""
    title = f"Phase {position + 1}: {phase.name}" if several else "Results"
    blocks: list[Block] = []
    if several:
        blocks.append(Verdicts(tuple(phase_verdicts(phase, brief=True))))
    of = f" of phase {position + 1}" if several else ""
    table = study_tables.summary_table(phase, summary.ddof, f"summary{suffix}", f"Results{of}")
    blocks.append(TableBlock(table))
    problems = trouble(phase)
    if problems:
        blocks.append(Verdicts(tuple(problems)))
    figures = [
        phase_figures.ranking(phase, f"ranking{suffix}") if len(phase.settings) > 1 or len(summary.seeds) > 1 else None,
        phase_figures.epoch_curves(phase, f"curves{suffix}", sources),
        phase_figures.beside_baseline(phase, f"beside{suffix}", sources),
        phase_figures.phase_step_loss(phase, f"step-loss{suffix}", sources),
    ]
    blocks += [FigureBlock(figure) for figure in figures if figure is not None]
    return Chapter(f"phase-{position + 1}", title, tuple(blocks), phase.name if several else "Results")


def winner_chapter(phase: PhaseSummary, winner: SettingSummary, sources: Sources) -> Chapter:
    """The best setting as a study file, and what its best run looks like from inside."""
    blocks: list[Block] = []
    run = winner.best_run(phase.metric)
    if run is not None:
        record = sources.record(run.id)
        network = record.get("network") or {}
        layers = tuple(map(str, network.get("layers", ())))
        rows = [("setting", (setting_name(winner, phase.axes),)), ("layers", layers)]
        rows.append(("parameters", (f"{network.get('parameters', 0):,}",)))
        blocks.append(Facts(tuple((term, lines) for term, lines in rows if lines)))
        who = f"Setting {winner.label}, seed {run.seed}"
        if len([r for r in winner.runs if r.status == "done"]) > 1:
            who += " (the seed that did best)"
        figures: Sequence[Figure | None] = [
            run_figures.confusion(record, who),
            run_figures.weights(record, sources.params(run.id), who),
            feature_maps(record, sources.params(run.id), sources.images(winner.label), who),
            run_figures.predictions(record, sources.images(winner.label), who),
        ]
        blocks += [FigureBlock(figure) for figure in figures if figure is not None]
    seeds = f"seeds = [{', '.join(str(r.seed) for r in winner.runs)}]\n\n"
    text = f'name = "best"\n{seeds}{dumps(winner.setting)}'
    blocks.append(Code(text, "The best configuration as a study file: every value that was in force"))
    return Chapter("best", "The best setting", tuple(blocks))


def times(summary: Summary) -> Chapter:
    """Sizes and times of all settings, and every run."""
    several = len(summary.phases) > 1
    blocks: list[Block] = []
    for position, phase in enumerate(summary.phases):
        name, of = (f"times-{position + 1}", f" of phase {position + 1}") if several else ("times", "")
        blocks.append(TableBlock(study_tables.times_table(phase, name, f"Sizes and times{of}")))
    blocks.append(TableBlock(study_tables.runs_table(summary), folded=True))
    return Chapter("times", "Settings and times", tuple(blocks))
