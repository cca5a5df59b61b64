"""The tables of a report: the summary of a phase, its settings and times, and the label table of the data.

Every number says its n, its spread and how it was computed: in a column, or once in the caption.
"""

from dataclasses import replace

from handgrad.decimals import significant
from handgrad.measures import (
    CLASSIFICATION,
    MAIN_MEASURES,
    MEASURES,
    METRICS,
    PARTS,
    REGRESSION,
    TEST,
    TRAIN,
    is_fraction,
    on_part,
)
from handgrad.report.findings.intervals import Interval
from handgrad.report.findings.scored_parts import scored_on, training_sample
from handgrad.report.findings.statistics import Sample
from handgrad.report.findings.summary import (
    PhaseSummary,
    SettingSummary,
    Summary,
)
from handgrad.report.findings.verdicts import slips_noted
from handgrad.report.findings.wording import axis_names, mean_std, number, outcome, seconds, setting_value
from handgrad.report.tables.conclusion_tables import against_caption, against_cells, against_columns, not_behind
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.changes import at_path, or_baseline, shown
from handgrad.training.record_facts import DatasetFacts
from handgrad.training.usual_values import scored_as

IN_ORDER = 12  # settings that stand in the order of the plan; of more, the best comes first
TIMES = ("training", "evaluation", "total")


def axis_columns(phase: PhaseSummary) -> tuple[list[Column], list[list[Cell]]]:
    """The values of the axes: a column each, or one column "change" where settings differ in one thing at a time."""
    names = axis_names(phase.axes)
    given = [sum(path in setting.axes for path in phase.axes) for setting in phase.settings]
    one_at_a_time = len(phase.axes) > 2 and max(given, default=0) <= 1
    if one_at_a_time:
        cells = []
        for setting in phase.settings:
            changes = [f"{names[path]} {shown(setting.axes[path])}" for path in phase.axes if path in setting.axes]
            cells.append([cell(", ".join(changes) or ("as it was" if setting.earlier else "baseline"))])
        return [Column("change")], cells
    columns = []
    rows: list[list[Cell]] = [[] for _ in phase.settings]
    for path in phase.axes:
        values = [setting.axes.get(path, at_path(setting.setting, path)) for setting in phase.settings]
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        columns.append(Column(names[path], (path,), numeric))
        for row, value in zip(rows, values, strict=True):
            text = "–" if value is None else shown(value)
            row.append(cell(value if isinstance(value, int | float | str) else text, text))
    return columns, rows


def summary_table(phase: PhaseSummary, ddof: int, name: str, title: str) -> Table:
    """One row per setting: axes, n, accuracy of every part, interval, best seed, what happened."""
    parts = [
        part
        for part in PARTS.values()
        if any(setting.samples[part.metric(measure)].n for setting in phase.settings for measure in MEASURES)
    ]
    axes, axis_cells = axis_columns(phase)
    several = any(len(setting.runs) > 1 for setting in phase.settings)
    columns = [Column("setting"), *axes, _count_column(phase)]
    for part in parts:
        key = part.metric(phase.main_measure)
        of = training_sample(phase.settings) if part is TRAIN else ""
        heading = f"{part.name} {_head_of(phase.main_measure)}" + (f" ({of})" if of else "")
        columns.append(Column(heading, (f"{key}_mean", f"{key}_std", f"{key}_n"), numeric=True))
    accuracies = [part.metric(phase.main_measure) for part in parts]
    also = [on_part(phase.metric, TEST)] * (TEST in parts and is_fraction(phase.metric))
    chosen = [metric for metric in dict.fromkeys([phase.metric, *also]) if metric not in accuracies]
    for metric in chosen:
        unit = " %" if is_fraction(metric) else ""
        columns.append(
            Column(f"{METRICS[metric].word}{unit}", (f"{metric}_mean", f"{metric}_std", f"{metric}_n"), True)
        )
    bootstrap = any(setting.samples[phase.metric].bootstrap for setting in phase.settings)
    if several:
        columns += _interval_columns(phase, bootstrap)
        columns.append(Column("best run" if phase.folded else "best seed", ("best", "best_seed"), numeric=True))
    found = phase.conclusions if len(phase.settings) > 1 else None
    if found is not None:
        columns += against_columns(phase, found)
    stopped = any(setting.count("pruned") for setting in phase.settings)
    if stopped:
        columns.append(Column("epochs", ("epochs",), numeric=True))
    columns.append(Column("what happened", ("status",)))
    rows = []
    axes_of = {s.label: cells for s, cells in zip(phase.settings, axis_cells, strict=True)}
    for setting in phase.ranked if len(phase.settings) > IN_ORDER else phase.settings:
        best = setting.label == phase.winner
        row = [cell(setting.label, bold=best), *axes_of[setting.label], _count(setting)]
        for metric in [*accuracies, *chosen]:
            row.append(_mean(setting.samples[metric], metric, bold=best and metric == phase.metric))
        values = setting.samples[phase.metric]
        if several:
            row.append(_own_interval(setting, phase))
            row += [_interval(values.bootstrap, phase.metric)] if bootstrap else []
            row.append(_best(setting, phase.metric))
        row += against_cells(setting, found) if found is not None else []
        row += [cell(setting.epochs("done", "pruned", "diverged"))] if stopped else []
        row.append(cell(outcome(setting)))
        rows.append(Row(tuple(row), shaded=found is not None and not_behind(found, setting.label)))
    caption = " ".join([_summary_caption(phase, ddof, several, bootstrap), *(_interval_marks(phase) * several)])
    if stopped:
        caption += (
            " Runs that the search stopped short (pruned) have the numbers of their last epoch, and rank below others."
        )
        if found is not None and phase.stopped:
            caption += " They are not compared and never shaded: what fewer epochs came to says nothing of the end."
    return Table(name, title, caption, tuple(columns), tuple(rows))


def _head_of(measure: str) -> str:
    """What stands behind a part in a heading: "%" for accuracy, else the measure and its unit."""
    if measure == "accuracy":
        return "%"
    return f"{MEASURES[measure].word} %" if is_fraction(measure) else MEASURES[measure].word


def _count_column(phase: PhaseSummary) -> Column:
    what = "runs (folds × seeds)" if phase.folded else "runs"
    note = f"n: {what} that came to a finite end, of those planned; only they enter the numbers."
    return Column("n", ("n", "runs", "diverged", "failed", "unfinished"), numeric=True, notes=(note,))


def _interval_columns(phase: PhaseSummary, bootstrap: bool) -> list[Column]:
    """The columns of intervals of a setting's own mean."""
    notes = (_intervals_said(phase, bootstrap), *_interval_marks(phase))
    found = [Column("95 % interval (t)", ("interval_low", "interval_high"), numeric=True, notes=notes)]
    if bootstrap:
        keys = ("bootstrap_low", "bootstrap_high")
        found.append(Column("95 % interval (BCa)", keys, numeric=True, notes=notes[:1]))
    return found


def _intervals_said(phase: PhaseSummary, bootstrap: bool) -> str:
    """How intervals of a setting's own mean were computed."""
    said = f"Intervals are for the mean {METRICS[phase.metric].word}: t with {_degrees(phase)}"
    said += " (cut at 0 and 100 %)" if is_fraction(phase.metric) else " (cut at 0)"
    return said + (", and BCa bootstrap (9,999 resamples)." if bootstrap else ".")


def _summary_caption(phase: PhaseSummary, ddof: int, several: bool, bootstrap: bool) -> str:
    word = METRICS[phase.metric].word
    sentences = [*_count_column(phase).notes]
    if where := scored_on(phase.settings):
        sentences.append(f"Scored on {where}.")
    if several:
        scores, unit = ("Accuracies", " in percent") if phase.main_measure == "accuracy" else ("Scores", "")
        sentences.append(f"{scores} are mean ± standard deviation {phase.over_seeds} (ddof {ddof}){unit}.")
        sentences.append(_intervals_said(phase, bootstrap))
    else:
        scores = "accuracies in percent" if phase.main_measure == "accuracy" else "scores"
        sentences.append(f"One seed: {scores}, without spread.")
    if phase.conclusions is not None and len(phase.settings) > 1:
        sentences += against_caption(phase, phase.conclusions)
    sentences.append(f"Bold: the best by mean {word}; settings that miss a result cannot be it.")
    if len(phase.settings) > IN_ORDER:
        sentences.append("Rows: the best first, then by difference.")
    return " ".join([*sentences, slips_noted(phase.settings)]).strip()


def _degrees(phase: PhaseSummary) -> str:
    """The degrees of freedom of a phase's intervals; of folds and splits what is corrected as well."""
    if phase.has_own_examples:
        part = METRICS[phase.metric].part.word
        return f"the variance s²·(1/n + {part}/training examples) (Nadeau and Bengio 2003) and n − 1 degrees of freedom"
    if not phase.folded:
        return "n − 1 degrees of freedom"
    return (
        "the variance s²·(1/folds + validation/training examples) of fold means (Nadeau and Bengio 2003) + s²/seeds of "
        "seed means, and its degrees of freedom"
    )


def _count(setting: SettingSummary) -> Cell:
    done = setting.count("done", "pruned")
    total = len(setting.runs)
    planned = str(total)
    if folds := len({run.fold for run in setting.runs if run.fold is not None}):
        planned = f"{folds} × {total // folds}"
    text = planned if done == total else f"{done} of {planned}"
    return Cell(text, (done, total, setting.count("diverged"), setting.count("failed"), setting.unfinished))


def _mean(values: Sample, metric: str, *, bold: bool = False) -> Cell:
    raw = (values.mean, values.std, values.n)
    if values.mean is None:
        return Cell("–", raw)
    return Cell(mean_std(values, metric), raw, bold=bold)


def _interval(interval: Interval | None, metric: str) -> Cell:
    if interval is None:
        return Cell("–", (None, None))
    low, high = interval.shown(metric)
    text = " to ".join(number(end, metric).removesuffix(" %") for end in (low, high))
    return Cell(text, (interval.low, interval.high))


def _own_interval(setting: SettingSummary, phase: PhaseSummary) -> Cell:
    """The interval of a setting's mean, of the runs that did not fall where some did; ‡ for an exact binomial one."""
    interval, of = setting.samples[phase.metric].interval, ""
    runs = phase.conclusions.outcomes[setting.label] if phase.conclusions else None
    if runs is not None and 0 < runs.fallen < runs.n:
        interval, of = runs.others.interval, f" ({runs.others.n} of {runs.n})"
    made = _interval(interval, phase.metric)
    mark = " ‡" if interval is not None and interval.method == "exact binomial" else ""
    return replace(made, text=made.text + mark + (of if interval is not None else ""))


def _interval_marks(phase: PhaseSummary) -> list[str]:
    """Sentences on the marks beside intervals, where there are any."""
    said = []
    metric = phase.metric
    if any((one := s.samples[metric].interval) is not None and one.method == "exact binomial" for s in phase.settings):
        said.append(
            f"‡: all {'runs' if phase.folded else 'seeds'} agree and show no spread; the interval is the exact "
            "binomial one of the examples scored (Clopper and Pearson)."
        )
    lost = phase.conclusions.outcomes.values() if phase.conclusions else ()
    if any(0 < one.fallen < one.n for one in lost):
        said.append(
            "Where some runs collapsed and others did not, the interval is that of the others (how many, in "
            "brackets); the table below says how often runs are lost."
        )
    return said


def _best(setting: SettingSummary, metric: str) -> Cell:
    run = setting.best_run(metric)
    value = run.value(metric) if run else None
    if run is None or value is None:
        return Cell("–", (None, None))
    return Cell(number(value, metric).removesuffix(" %"), (value, run.seed))


def times_table(phase: PhaseSummary, name: str, title: str) -> Table:
    """Every setting with its size and its times per run."""
    axes, axis_cells = axis_columns(phase)
    columns = [
        Column("setting"),
        *axes,
        Column("parameters", numeric=True),
        Column("epochs", numeric=True),
        Column("steps", numeric=True),
        Column("n", ("timed_runs",), numeric=True),
        *(Column(f"{part} s", (f"{part}_mean", f"{part}_std"), numeric=True) for part in TIMES),
    ]
    rows = []
    for setting, cells in zip(phase.settings, axis_cells, strict=True):
        records = setting.records
        row = [cell(setting.label, bold=setting.label == phase.winner), *cells]
        row.append(cell(setting.network.parameters if setting.network else None))
        row.append(cell(max((record.epochs for record in records), default=None)))
        row.append(cell(max((record.steps for record in records), default=None)))
        row.append(cell(setting.seconds("total").n))
        for part in TIMES:
            values = setting.seconds(part)
            text = "–" if values.mean is None else seconds(values.mean)
            text += "" if values.std is None else f" ± {significant(values.std, 2)}"
            row.append(Cell(text, (values.mean, values.std)))
        rows.append(Row(tuple(row)))
    caption = (
        "Seconds per run, mean ± standard deviation over n runs (ddof 1). Training and evaluation are timed apart; "
        "total adds reading, checkpoints and the final scores. Epochs and steps: of the longest run."
    )
    return Table(name, title, caption, tuple(columns), tuple(rows))


def runs_table(summary: Summary, name: str = "runs") -> Table:
    """Every run of the study, one row each; the file of it has every metric."""
    usual = summary.shown_measures
    behind: dict[str, list[str]] = {}  # metric that heads a column -> those that the file has there
    tasks = {scored_as(one.setting.get("data", {}), one.setting.get("network", {})) for one in summary.settings}
    main = MAIN_MEASURES[summary.settings[0].task if summary.settings else CLASSIFICATION]
    for metric in METRICS.values():
        if not any(task in metric.measure.formulas for task in tasks or {CLASSIFICATION}):
            continue
        head = metric.name if metric.measure.name in usual else metric.part.metric(main)
        behind.setdefault(head, []).append(metric.name)
    folded, told = any(phase.folded for phase in summary.phases), tasks != {REGRESSION}  # classes, or labels
    paths = list(dict.fromkeys(path for phase in summary.phases for path in phase.axes))
    headings = axis_names(paths)
    columns = [
        Column("setting"),
        *(Column(headings[path], (path,)) for path in paths),
        *([Column("fold", numeric=True)] if folded else []),
        Column("seed", numeric=True),
        Column("id"),
        Column("status"),
        *(Column(METRICS[head].word, tuple(metrics), numeric=True) for head, metrics in behind.items()),
        *([Column("collapsed")] if told else []),
        Column("total s", ("seconds",), numeric=True),
    ]
    rows = []
    for setting in summary.settings:
        for run in setting.runs:
            row = [cell(setting.label), *(_value(setting, path) for path in paths)]
            row += [*([cell(run.fold)] if folded else []), cell(run.seed, str(run.seed))]
            row += [cell(run.id or None), cell(run.status)]
            for head, metrics in behind.items():
                value = run.value(head)
                text = "–" if value is None else number(value, head).removesuffix(" %")
                row.append(Cell(text, tuple(map(run.value, metrics))))
            ended = run.status in ("done", "pruned")
            fallen = f"to {run.collapsed[0]}" if run.collapsed else ""
            row += [Cell(fallen, (int(run.collapsed is not None) if ended else None,))] if told else []
            total = run.record.time.total if run.record else None
            row.append(cell(total, None if total is None else seconds(total)))
            rows.append(Row(tuple(row)))
    caption = (
        f"Every run of the study{'; accuracies in percent' * (main == 'accuracy')}. "
        + "Collapsed: to the class that is predicted for nearly everything (1 or 0 in the CSV). " * told
        + "A run's files are in runs/<id>."
    )
    if of := training_sample(summary.settings):
        words = "loss and accuracy" if main == "accuracy" else "scores"
        caption += f" Training {words} were measured on {of} (training examples)."
    return Table(name, "Every run", caption, tuple(columns), tuple(rows))


def _value(setting: SettingSummary, path: str) -> Cell:
    """The value of a hyperparameter in a setting."""
    value = or_baseline(path, setting_value(setting, path))
    text = "–" if value is None else shown(value)
    return cell(value if isinstance(value, int | float | str) else text, text)


def label_table(data: DatasetFacts, name: str = "labels") -> Table | None:
    """How many examples of every class each part has; the sums are computed here and stand in the last row."""
    table, classes = data.label_table, data.classes
    parts = [part for part in PARTS if table.get(part)]
    if not parts or not classes:
        return None
    columns = [Column("class"), *(Column(part, numeric=True) for part in parts), Column("total", numeric=True)]
    rows = []
    for position, label in enumerate(classes):
        counts = [int(table[part][position]) for part in parts]
        rows.append(Row((cell(label), *map(cell, counts), cell(sum(counts)))))
    sums = [sum(int(count) for count in table[part]) for part in parts]
    totals = [*sums, sum(sums)]
    rows.append(Row((cell("sum", bold=True), *(cell(total, bold=True) for total in totals)), total=True))
    return Table(
        name, "Labels", "Examples of every class in every part; rows and columns add up.", tuple(columns), tuple(rows)
    )


def phase_title(summary: Summary, phase: PhaseSummary) -> str:
    """The name of a phase as a heading; empty in a study of one phase."""
    return phase.name if len(summary.phases) > 1 or summary.waiting else ""
