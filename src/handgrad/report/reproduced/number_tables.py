"""Tables of single numbers: facts of settings, keys and values of a winner, examples of a class, confusion matrices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handgrad.decimals import decimals
from handgrad.measures import DEFAULT_METRIC, PARTS, TRAIN
from handgrad.report.figures.request import runs_of
from handgrad.report.findings.statistics import sample
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.reproduced.checks.counts import sum_problems
from handgrad.report.reproduced.item_table import (
    NOT_RUN,
    ItemTable,
    alone,
    caption_of,
    column_head,
    compared_in,
    found,
    judged_cell,
    noted,
    row_label,
    runs_behind,
    setting_at,
    value_in,
)
from handgrad.report.reproduced.judge import (
    Compared,
    digits_of,
    judge,
    shown_difference,
    shown_published,
    shown_values,
    word,
)
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.changes import shown
from handgrad.study.published.items import Figure
from handgrad.study.published.network_options import PredictionsOptions
from handgrad.study.published.numbers import MEASURES, RANKS, Published, published, units_of
from handgrad.study.published.published_tables import ConfusionTable, FactsTable, LabelsTable, WinnerTable
from handgrad.training.record import Record
from handgrad.training.record_facts import DatasetFacts
from handgrad.training.run_keys import RunKey


def facts_table(summary: Summary, item: FactsTable) -> ItemTable:
    """Single numbers, a row for each."""
    further = runs_behind(summary, item.n)
    rows: list[tuple[Compared, str]] = []
    settings: dict[str, SettingSummary | None] = {}
    for row in item.rows:
        (setting,) = found(summary, row.setting, row.phase).values() if row.run else (None,)
        settings[row.label] = setting
        for measure, raw in row.measures.items():
            one = published(raw, row.unit if row.unit in units_of(measure) else None)
            one = one.printed(digits_of([one], row.digits))
            number = compared_in(summary, item, row.label, measure, one, setting)
            rows.append((number, row.note or ""))
    table = numbers_table(summary, item.file, item.title, rows, further, settings.values(), item.note)
    own = [[row.cells[0], row.cells[1], row.cells[3]] for row in table.rows]
    columns = [table.columns[0], table.columns[1], table.columns[3]]
    return ItemTable(table, tuple(number for number, _ in rows), settings, (), alone(item, "", columns, own))


def numbers_table(
    summary: Summary,
    name: str,
    title: str,
    rows: Sequence[tuple[Compared, str]],
    further: int,
    settings: Iterable[SettingSummary | None],
    note: str | None = None,
) -> Table:
    """Comparisons and notes as a table, a row for each."""
    notes = any(remark for _, remark in rows)
    columns = [
        Column("what"),
        Column("measure"),
        Column("published", ("published", "published_std"), numeric=True),
        Column("reproduced", ("reproduced", "reproduced_std"), numeric=True),
        Column("difference", ("difference", "low", "high", "inside"), numeric=True),
        Column("n", ("n", "runs"), numeric=True),
        *([Column("note")] if notes else []),
    ]
    made = []
    for one, remark in rows:
        values, given = one.values, one.published
        cells = [
            cell(one.row),
            cell(with_unit(one)),
            Cell(shown_published(given, given.digits), (given.value, given.spread)),
            Cell(shown_values(values, one.measure, given.scale, given.digits), (values.mean, values.std)),
            judged_cell(one, given.digits),
            Cell(str(values.n) if values.n == one.runs else f"{values.n} of {one.runs}", (values.n, one.runs)),
            *([cell(remark)] if notes else []),
        ]
        made.append(Row(tuple(cells)))
    caption = noted(caption_of(summary, further, [number for number, _ in rows], settings), note)
    return Table(name, title, caption, tuple(columns), tuple(made))


def with_unit(one: Compared) -> str:
    """A measure and the unit in which it was published.

    >>> from handgrad.report.findings.statistics import sample
    >>> with_unit(Compared("Table 1", "9", "test_accuracy", published(98.6, "percent"), sample({})))
    'test accuracy, %'
    """
    measure = f"rank by {word(one.measure)}" if one.published.word in RANKS else word(one.measure)
    return measure + {0.01: ", %", 60.0: ", min"}.get(one.published.scale, "")


def winner_table(summary: Summary, item: WinnerTable) -> ItemTable:
    """Keys and values of one setting."""
    ((_, setting),) = found(summary, item.setting, item.phase).items()
    further = runs_behind(summary, item.n)
    numbers, rows = [], []
    notes = any(row.note for row in item.rows)
    for row in item.rows:
        if row.show in MEASURES:
            one = None if row.published is None else published(row.published, row.unit)
            digits = digits_of([one] if one else [], row.digits)
            number = compared_in(summary, item, row.label, row.show, one or Published(None), setting)
            scale = published(0, row.unit).scale
            theirs = shown_published(one, digits)
            ours = shown_values(number.values, row.show, scale, digits)
            verdict = shown_difference(number, digits) if one else ""
            numbers += [number] if one else []
        else:
            value = value_in(summary, setting, row.show)
            theirs = "" if row.published is None else shown(row.published)
            ours = "–" if value is None else shown(value)
            verdict = (
                "" if row.published is None or value is None else "same" if same(row.published, value) else "other"
            )
        cells = [cell(row_label(row)), cell(theirs), cell(ours), cell(verdict)]
        rows.append(Row(tuple([*cells, cell(row.note or "")] if notes else cells)))
    heads = ["parameter", "published", "reproduced", "difference", *(["note"] if notes else [])]
    caption = caption_of(summary, further, numbers, [setting]) if numbers else ""
    runs = f", n = {setting.count('done', 'pruned')}" if setting else ""
    who = f"Reproduced: setting {setting.label}{runs}. " if setting else "Nothing has won here yet. "
    columns = tuple(Column(head) for head in heads)
    table = Table(item.file, item.title, noted(who + caption, item.note), columns, tuple(rows))
    own = [[made.cells[0], made.cells[2]] for made, row in zip(rows, item.rows, strict=True) if not row.ours]
    reproduced = alone(item, who.strip(), [columns[0], Column("value")], own)
    return ItemTable(table, tuple(numbers), {setting.label if setting else "": setting}, (), reproduced)


def same(published_value: Any, value: Any) -> bool:
    """Whether a published key is the setting's, as far as it was printed.

    >>> same(0.00224, 0.00223616911307715), same("adam", {"name": "adam", "lr": 0.1}), same(256, [256]), same(1, 2)
    (True, True, True, False)
    """
    if isinstance(value, list | tuple) and len(value) == 1 and not isinstance(published_value, list | tuple):
        value = value[0]
    if isinstance(value, Mapping) and isinstance(published_value, str):
        value = value.get("name")
    numbers = [v for v in (published_value, value) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == 2:
        digits = len(f"{published_value:.12g}".lstrip("-0.").replace(".", "").split("e")[0])
        return float(f"{value:.{max(digits, 1)}g}") == float(f"{published_value:.{max(digits, 1)}g}")
    if isinstance(value, list | tuple):
        return list(value) == list(published_value) if isinstance(published_value, list | tuple) else False
    return bool(published_value == value)


def predictions_table(summary: Summary, item: Figure, setting: SettingSummary | None) -> Table:
    """The classes of the examples that a figure shows and what was predicted of them, published beside ours.

    The original's examples are not known: its first stands beside our first, and so on.
    """
    options = PredictionsOptions.model_validate(item.options)
    run = next(iter(runs_of(setting, options.seed, DEFAULT_METRIC)), None) if setting else None
    record = run.record if run else None
    ours = shown_classes(record, options.when) if record else []
    columns = tuple(
        Column(head, (name,))
        for head, name in (
            ("example", "example"), ("actual", "actual_published"), ("predicted", "predicted_published"),
            ("actual here", "actual"), ("predicted here", "predicted"),
        )
    )  # fmt: skip
    rows = []
    for position, theirs in enumerate(zip(item.actual, item.predicted, strict=True)):
        here = ours[position] if position < len(ours) else (None, None)
        rows.append(Row(tuple(map(cell, (position + 1, *theirs, *here)))))
    right = sum(actual == predicted for actual, predicted in zip(item.actual, item.predicted, strict=True))
    caption = f"Published: {right} of {len(rows)} right"
    if ours:
        same_class = sum(actual == predicted for actual, predicted in ours[: len(rows)])
        caption += f"; here {same_class} of {len(ours[: len(rows)])}"
    caption += ". The examples are others, and so are the initial weights: nothing is judged."
    return Table(f"{item.file}-classes", "Actual and predicted classes", caption, columns, tuple(rows))


def shown_classes(record: Record, when: str) -> list[tuple[str, str]]:
    """(actual, predicted) of the sample examples of a record, before training or after it."""
    samples, classes = record.samples, record.dataset.classes
    outputs = None if samples is None else samples.before if when == "before" else samples.after or samples.before
    if samples is None or outputs is None or record.dataset.task is not None:
        return []
    best = record.classes_of(outputs)
    return [(classes[label], name) for label, name in zip(samples.labels, best, strict=True) if isinstance(label, int)]


def labels_table(summary: Summary, item: LabelsTable) -> ItemTable:
    """Examples of every class, published beside ours."""
    assert summary.refs is not None
    refs = summary.refs.of(item.phase)
    setting = next((s for there in refs if (s := setting_at(summary, there)) is not None and s.dataset), None)
    data = setting.dataset if setting else None
    counts = counts_of(data) if data else {}
    columns, cells = [], [[] for _ in item.rows]  # type: list[Column], list[list[Cell]]
    own_columns: list[Column] = []
    own: list[list[Cell]] = [[] for _ in item.rows]
    for column in item.columns:
        if column.show == "class":
            columns.append(Column(column.head))
            own_columns.append(columns[-1])
            for row, alone_row, source in zip(cells, own, item.rows, strict=True):
                row.append(cell(row_label(source)))
                alone_row.append(cell(source.label))
            continue
        heads = {"published": column_head(column), "reproduced": "reproduced", "difference": "difference"}
        columns += [Column(head, (f"{column.show}_{kind}",), numeric=True) for kind, head in heads.items()]
        own_columns += [] if column.ours else [Column(column.head, numeric=True)]
        for row, alone_row, source in zip(cells, own, item.rows, strict=True):
            theirs, ours = getattr(source, column.show), counts.get((source.label, column.show))
            apart = None if theirs is None or ours is None else ours - theirs
            alone_row += [] if column.ours else [cell(ours)]
            row += [cell(theirs, "" if theirs is None else None), cell(ours)]
            row.append(cell(apart, "" if apart is None else f"{apart:+,}".replace("-", "−") if apart else "0"))
    rows = tuple(Row(tuple(row), total=source.label == "sum") for row, source in zip(cells, item.rows, strict=True))
    reproduced = data.name if data else "no record yet"
    caption = f"Examples of every class. Reproduced: {reproduced}; its sums are computed here."
    table = Table(item.file, item.title, noted(caption, item.note), tuple(columns), rows)
    originals = [row for row, source in zip(own, item.rows, strict=True) if not source.ours]
    without = alone(item, f"Examples of every class, {reproduced}.", own_columns, originals)
    return ItemTable(table, (), {}, sum_verdicts(item, len(data.classes) if data else 0), without)


def counts_of(data: DatasetFacts) -> dict[tuple[str, str], int]:
    """(class or "sum", part, "held_out" or "total") -> examples."""
    found: dict[tuple[str, str], int] = {}
    for part in PARTS:
        for name, count in zip(data.classes, data.label_table.get(part, ()), strict=False):
            sums = ("total",) if part == TRAIN.name else ("held_out", "total")
            for key in ((row, count_of) for row in (name, "sum") for count_of in (part, *sums)):
                found[key] = found.get(key, 0) + count
    return found


def sum_verdicts(item: LabelsTable, n_classes: int) -> list[Verdict]:
    """Where the published counts contradict their own sums."""
    found = sum_problems(item, n_classes)
    return [Verdict("warning", f"The published counts contradict themselves: {'; '.join(found)}.")] if found else []


def confusion_table(summary: Summary, item: ConfusionTable) -> ItemTable:
    """Percent of each row, mean over the seeds; a published cell stands below ours."""
    setting = next(iter(found(summary, item.setting, item.phase).values()), None) if item.run else None
    records = [r for r in (setting.records if setting else []) if r.confusion.get(item.part)]
    classes = setting.dataset.classes if setting and setting.dataset else []
    shares: dict[tuple[str, str], dict[RunKey, float]] = {}
    sizes: dict[str, int] = {}
    for record in records:
        for actual, counts in zip(classes, record.confusion[item.part], strict=True):
            sizes[actual] = sum(counts)
            for predicted, count in zip(classes, counts, strict=True):
                shares.setdefault((actual, predicted), {})[record.seed] = count / max(sum(counts), 1)
    given = {(row.actual, row.predicted): row.percent for row in item.rows}
    numbers = []
    for (actual, predicted), percent in given.items():
        one = published(percent, "percent")
        values = sample(shares.get((actual, predicted), {}), summary.ddof)
        low, high, inside, why = judge(one, values, "accuracy", runs_behind(summary, item.n), sizes.get(actual))
        if summary.made_with:
            inside, why = None, f"not judged: made with {summary.made_with}"
        row, runs = f"{actual} → {predicted}", len(setting.runs) if setting else 0
        numbers.append(Compared(item.number, row, "share of its row", one, values, runs, low, high, inside, why))
    by_cell = {number.row: number for number in numbers}
    digits = max(2, digits_of([number.published for number in numbers], None)) if numbers else 2
    columns = [Column("actual"), *(Column(name, (name, f"{name} published"), numeric=True) for name in classes)]
    rows = []
    for actual in classes:
        cells = [cell(actual)]
        for predicted in classes:
            mean = sample(shares.get((actual, predicted), {}), summary.ddof).mean
            text = "–" if mean is None else decimals(mean, digits, shift=2)
            number = by_cell.get(f"{actual} → {predicted}")
            if number is not None:
                text += f" ({shown_published(number.published, digits)})"
            pair = (None if mean is None else 100 * mean, given.get((actual, predicted)))
            cells.append(Cell(text, pair, bold=number is not None))
        rows.append(Row(tuple(cells)))
    n = len(records)
    who = f"setting {setting.label}, mean over n = {n}" if setting else NOT_RUN
    caption = f"Percent of each row (actual class) on the {item.part} part: {who}. In brackets, bold: published."
    table = Table(item.file, item.title, noted(caption, item.note), tuple(columns), tuple(rows))
    own = [
        [cell(actual), *(_percent(shares, actual, predicted, digits, summary.ddof) for predicted in classes)]
        for actual in classes
    ]
    caption = f"Percent of each row (actual class) on the {item.part} part: {who}."
    ours = alone(item, caption, [columns[0], *(Column(name, numeric=True) for name in classes)], own)
    return ItemTable(table, tuple(numbers), {}, (), ours)


def _percent(
    shares: Mapping[tuple[str, str], dict[RunKey, float]], actual: str, predicted: str, digits: int, ddof: int
) -> Cell:
    """A cell of our matrix, in percent of its row."""
    mean = sample(shares.get((actual, predicted), {}), ddof).mean
    return cell(None) if mean is None else cell(100 * mean, decimals(mean, digits, shift=2))
