"""Tables of examples: how many of every class each part has, and the confusion matrix in percent of its rows."""

from collections.abc import Mapping
from typing import Any

from handgrad.report.findings.statistics import Sample, sample
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.original.compared import Compared, digits_of, judge, shown_published
from handgrad.report.original.table import NOT_RUN, ItemTable, found, noted, runs_behind, setting_at
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.published.items import ConfusionTable, LabelsTable
from handgrad.study.published.numbers import Published, published

PARTS = ("train", "validation", "test")


def labels_table(summary: Summary, item: LabelsTable) -> ItemTable:
    """Examples of every class, published beside ours."""
    assert summary.places is not None
    places = summary.places.of(item.phase)
    setting = next((s for there in places if (s := setting_at(summary, there)) is not None and s.facts("data")), None)
    data = setting.facts("data") if setting else {}
    counts = counts_of(data)
    columns, cells = [], [[] for _ in item.rows]  # type: list[Column], list[list[Cell]]
    for column in item.columns:
        if column.show == "class":
            columns.append(Column(column.head))
            for row, source in zip(cells, item.rows, strict=True):
                row.append(cell(source.label))
            continue
        heads = {"published": column.head, "reproduced": "reproduced", "difference": "difference"}
        columns += [Column(head, (f"{column.show}_{kind}",), numeric=True) for kind, head in heads.items()]
        for row, source in zip(cells, item.rows, strict=True):
            theirs, ours = getattr(source, column.show), counts.get((source.label, column.show))
            apart = None if theirs is None or ours is None else ours - theirs
            row += [cell(theirs, "" if theirs is None else None), cell(ours)]
            row.append(cell(apart, "" if apart is None else f"{apart:+,}".replace("-", "−") if apart else "0"))
    rows = tuple(Row(tuple(row), total=source.label == "sum") for row, source in zip(cells, item.rows, strict=True))
    caption = f"Examples of every class. Reproduced: {data.get('name', 'no record yet')}; its sums are computed here."
    table = Table(item.file, item.title, noted(caption, item.note), tuple(columns), rows)
    return ItemTable(table, (), {}, sum_verdicts(item, len(data.get("classes", ()))))


def counts_of(data: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """(class or "sum", part or "total") -> examples."""
    table = data.get("label_table") or {}
    found: dict[tuple[str, str], int] = {}
    for part in PARTS:
        for name, count in zip(data.get("classes", ()), table.get(part) or (), strict=False):
            for key in ((str(name), part), ("sum", part), (str(name), "total"), ("sum", "total")):
                found[key] = found.get(key, 0) + int(count)
    return found


def sum_verdicts(item: LabelsTable, n_classes: int) -> list[Verdict]:
    """Where the published counts contradict their own sums; a column is added up where every class has a number."""
    found = []
    classes = [row for row in item.rows if row.label != "sum"]
    total = next((row for row in item.rows if row.label == "sum"), None)
    for part in (*PARTS, "total"):
        given = [count for row in classes if (count := getattr(row, part)) is not None]
        printed = getattr(total, part) if total else None
        if printed is not None and len(given) == n_classes and sum(given) != printed:
            found.append(f"the column {part} adds up to {sum(given):,}, not to {printed:,}")
    for row in item.rows:
        parts = [count for part in PARTS if (count := getattr(row, part)) is not None]
        if row.total is not None and len(parts) == len(PARTS) and sum(parts) != row.total:
            what = "the row of sums adds" if row.label == "sum" else f"class {row.label} adds"
            found.append(f"{what} up to {sum(parts):,}, not to {row.total:,}")
    return [Verdict("warning", f"The published counts contradict themselves: {'; '.join(found)}.")] if found else []


def confusion_table(summary: Summary, item: ConfusionTable) -> ItemTable:
    """Percent of each row, mean over the seeds; a published cell stands below ours."""
    setting = next(iter(found(summary, item.setting, item.phase).values()), None) if item.run else None
    records = [r for r in (setting.records if setting else []) if (r.get("confusion") or {}).get(item.part)]
    classes = [str(name) for name in setting.facts("data").get("classes", ())] if setting else []
    shares: dict[tuple[str, str], dict[int, float]] = {}
    sizes: dict[str, int] = {}
    for record in records:
        for actual, counts in zip(classes, record["confusion"][item.part], strict=True):
            sizes[actual] = sum(counts)
            for predicted, count in zip(classes, counts, strict=True):
                shares.setdefault((actual, predicted), {})[record["seed"]] = count / max(sum(counts), 1)
    given = {(row.actual, row.predicted): row.percent for row in item.rows}
    numbers = []
    for (actual, predicted), percent in given.items():
        one = published(percent, "percent")
        values = sample(shares.get((actual, predicted), {}), summary.ddof)
        numbers.append(_share(summary, item, actual, predicted, one, values, sizes.get(actual), setting))
    by_cell = {number.row: number for number in numbers}
    digits = max(2, digits_of([number.published for number in numbers], None)) if numbers else 2
    columns = [Column("actual"), *(Column(name, (name, f"{name} published"), numeric=True) for name in classes)]
    rows = []
    for actual in classes:
        cells = [cell(actual)]
        for predicted in classes:
            mean = sample(shares.get((actual, predicted), {}), summary.ddof).mean
            text = "–" if mean is None else f"{100 * mean:.{digits}f}"
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
    return ItemTable(table, tuple(numbers), {})


def _share(
    summary: Summary,
    item: ConfusionTable,
    actual: str,
    predicted: str,
    one: Published,
    values: Sample,
    size: int | None,
    setting: SettingSummary | None,
) -> Compared:
    low, high, inside, why = judge(one, values, "cell_accuracy", runs_behind(summary, item.n), size)
    if summary.made_with:
        inside, why = None, f"not judged: made with {summary.made_with}"
    row, runs = f"{actual} → {predicted}", len(setting.runs) if setting else 0
    return Compared(item.number, row, "share of its row", one, values, runs, low, high, inside, why)
