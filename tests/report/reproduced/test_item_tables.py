"""Tables of an original in its own columns: what is ours in them, full batches, classes, what was reproduced alone."""

import csv

from handgrad.report import build_report, summarize
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import no_curves
from tests.report.reproduced.test_reproduction import TABLE, found, tables, tell, texts  # noqa: F401  (found: a fixture)


def heads(table):
    return [column.heading for column in table.columns]


def test_what_was_reproduced_stands_alone_in_the_originals_columns(found):  # noqa: F811
    extra = {"head": "Steps", "show": "steps", "ours": True}
    rows = [*TABLE["rows"][:3], {"label": "d", "test_accuracy": [87.5, 0.2], "ours": True}]
    whole, _ = found(tables({**TABLE, "columns": [*TABLE["columns"], extra], "rows": rows}))
    (item,) = whole.items
    assert heads(item.alone) == ["Run", "Ours", "N", "Accuracy"]
    assert texts(item.alone) == [
        ["a", "1", "4", "81.30 ± 0.30"],
        ["b", "2", "6", "61.87 ± 37.12"],
        ["c", "3", "4", "–"],
    ]
    assert item.alone.name == "table-1-reproduced"
    assert item.alone.caption == "Mean and standard deviation (ddof 1) over 0 to 3 runs."
    assert "Steps here" in heads(item.table)
    assert [row.cells[0].text for row in item.table.rows] == ["a", "b", "c", "d (ours)"]


def test_the_files_of_what_was_reproduced_alone_lie_beside_the_table(make_results):
    folder = make_results(tables(TABLE), tell)
    page = build_report(folder, formats=()).read_text("utf-8")
    with (folder / "report" / "tables" / "table-1-reproduced.csv").open(encoding="utf-8") as file:
        assert [row[0] for row in csv.reader(file)] == ["Run", "a", "b", "c", "d"]
    assert 'href="tables/table-1-reproduced.tex"' in page
    assert "TEX (reproduced alone)" in page


def test_means_and_deviations_keep_their_columns_alone_and_a_deviation_of_zero_is_published(found):  # noqa: F811
    columns = [
        {"head": "Run", "show": "original"},
        {"head": "μ", "show": "test_accuracy", "stat": "mean", "digits": 3},
        {"head": "σ", "show": "test_accuracy", "stat": "std", "digits": 3},
    ]
    rows = [{"label": name, "test_accuracy": [0.81, 0.000]} for name in "abcd"]
    whole, _ = found(tables({"number": "Table 5", "title": "T", "columns": columns, "rows": rows}))
    (item,) = whole.items
    assert texts(item.alone)[0] == ["a", "0.813", "0.003"]
    assert [cell.text for cell in item.table.rows[0].cells][4:6] == ["0.000", "0.003"]
    assert whole.numbers[0].published.spread == 0.0


def test_a_full_batch_is_its_number_of_examples_and_classes_are_counted(make_results):
    rows = [
        {"label": "Batch size", "show": "training.batch_size", "published": 60000},
        {"label": "Classes", "show": "classes", "published": 5},
        {"label": "Added", "show": "training.epochs", "ours": True},
    ]
    item = {"number": "Table 4", "title": "The best", "kind": "winner", "rows": rows}
    given = tables(item) | {"training": {"batch_size": "full", "optimizer": {"name": "sgd", "lr": 0.1}}}
    summary = summarize(Results.open(make_results(given)))
    examples = summary.settings[0].count_of("train")
    (result,) = reproduce(summary, no_curves, no_curves).items
    assert texts(result.table)[:2] == [
        ["Batch size", "60000", str(examples), "other"],
        ["Classes", "5", "5 ± 0", "equal inside"],
    ]
    assert result.table.rows[2].cells[0].text == "Added (ours)"
    assert texts(result.alone) == [["Batch size", str(examples)], ["Classes", "5 ± 0"]]


def test_validation_and_test_together_are_counted(make_results):
    columns = [
        {"head": "Label", "show": "class"},
        {"head": "Test", "show": "test"},
        {"head": "Both", "show": "held_out", "ours": True},
    ]
    rows = [{"label": "a", "held_out": 1136}, {"label": "sum", "ours": True}]
    summary = summarize(Results.open(make_results(tables({"number": "T", "title": "t", "kind": "labels",
                                                          "columns": columns, "rows": rows}))))  # fmt: skip
    (result,) = reproduce(summary, no_curves, no_curves).items
    counts = summary.settings[0].dataset.label_table
    both = counts["validation"][0] + counts["test"][0]
    assert heads(result.table)[4] == "Both (ours)"
    assert [cell.text for cell in result.table.rows[0].cells][4:] == ["1,136", str(both), f"−{1136 - both:,}"]
    assert texts(result.alone) == [["a", str(counts["test"][0])]]


def test_published_classes_of_examples_stand_beside_ours(make_results):
    figure = {
        "number": "Fig. 1",
        "title": "Untrained",
        "kind": "predictions",
        "settings": "winner",
        "options": {"when": "before", "examples": 3},
        "actual": ["a", "b", "a"],
        "predicted": ["a", "c", "e"],
    }
    summary = summarize(Results.open(make_results(tables(figures=[figure]))))
    (result,) = reproduce(summary, no_curves, no_curves).items
    assert heads(result.table) == ["example", "actual", "predicted", "actual here", "predicted here"]
    assert [row[:3] for row in texts(result.table)] == [["1", "a", "a"], ["2", "b", "c"], ["3", "a", "e"]]
    assert result.table.caption.startswith("Published: 1 of 3 right; here ")
    run = summary.winner.best_run("val_accuracy")
    samples, classes = run.record.samples, run.record.dataset.classes
    for row, label, outputs in zip(texts(result.table), samples.labels, samples.before, strict=False):
        assert row[3:] == [classes[label], classes[outputs.index(max(outputs))]]
