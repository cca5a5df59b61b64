"""From a results folder to the findings in its report."""

import json
from dataclasses import replace

import pytest

from handgrad.report import summarize
from handgrad.report.build import build_report
from handgrad.report.reproduced.checks.evidence import evidence_of
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome, no_curves

STUDY = {
    "seeds": 3,
    "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}},
    "phase": [{"name": "batch", "grid": {"training": {"batch_size": [10, 20, 30]}}}],
}
TABLE = {
    "number": "Table 1",
    "title": "Accuracy",
    "columns": [{"head": "Run", "show": "original"}, {"head": "Test", "show": "test_accuracy", "unit": "percent"}],
    "rows": [{"label": label, "test_accuracy": x} for label, x in zip("abcd", (82.5, 85, 83, 84), strict=True)],
}
LATER = {
    "number": "Table 2",
    "title": "Batch sizes",
    "phase": "batch",
    "columns": [{"head": "Run", "show": "original"}, {"head": "Val", "show": "val_accuracy"}],
    "rows": [{"label": "e", "val_accuracy": [0.9, 0.01]}, {"label": "f"}, {"label": "g", "ours": True}],
}
FACTS = {
    "number": "Text",
    "title": "In the text",
    "kind": "facts",
    "rows": [{"label": "in passing", "setting": "a", "test_accuracy": 90.55, "unit": "percent"}],
}
TEXT = {
    "chosen": [{"item": "Table 1", "row": "a", "column": "Test", "where": "l. 3"}],
    "captions": [{"item": "Table 1", "rows": ["c"], "says": {"training": {"optimizer": {"lr": 0.01}}}}],
}


@pytest.fixture
def results(make_results):
    original = {"title": "Digits", "table": [TABLE, LATER, FACTS], "text": TEXT, "errors": ["Known otherwise."]}
    return Results.open(
        make_results({**STUDY, "original": original}, lambda s, seed: Outcome(0.8 + 0.02 * int(s.label.split("_")[0])))
    )


def test_evidence_is_what_the_study_and_its_records_say(results):
    summary = summarize(results)
    found = evidence_of(summary.refs, summary)
    one, later, facts = found.tables
    assert [row.label for row in one.rows] == ["a", "b", "c", "d"]
    assert [row.keys["training.optimizer.lr"] for row in one.rows] == [0.01, 0.01, 0.1, 0.1]
    assert one.heads == {"Run": "original", "Test": "test_accuracy"}
    assert one.rows[0].values["test_accuracy"].value == pytest.approx(0.825)
    assert one.rows[0].values["test_accuracy"].digits == 1  # as the column is printed
    assert one.rows[0].samples["test_accuracy"].n == 3
    n = sum(found.counts["test"].values())
    assert one.rows[0].examples("test_accuracy") == n == 10 * found.classes
    assert one.rows[0].examples("train_accuracy") is None
    assert later.rows[0].keys["training.batch_size"] == 10
    assert [row.label for row in later.rows] == ["e", "f"]  # what was added to the original's is not in print
    assert (facts.settings, facts.rows[0].values["test_accuracy"].digits) == (False, 2)
    assert found.judged


def test_without_runs_what_the_study_says_is_known(results):
    alone = evidence_of(summarize(results).refs)
    assert alone.tables[0].rows[2].keys["training.optimizer.lr"] == 0.1
    assert alone.tables[1].rows[1].keys == {"training.batch_size": 20}  # the rest depends on who wins
    assert (alone.counts, alone.classes, alone.judged) == ({}, None, False)
    assert alone.tables[0].rows[0].examples("test_accuracy") is None


QUICK = {"seeds": 2, "original": {"title": "T", "table": [{**TABLE, "rows": TABLE["rows"][:1]}]}}


def test_a_quick_study_has_fewer_examples_but_may_have_the_whole_test_set(make_results):
    """50 test examples, of which 20 validate where the study says so."""
    made = {"made": {"quick": True, "changes": []}}
    for name, data, known, whole in (
        ("own", {}, 50, 50),
        ("held out", {"data": {"validation": {"size": 20, "from": "test"}}}, None, 50),
    ):
        summary = summarize(Results.open(make_results({**QUICK, **made, **data}, name=name)))
        assert summary.made_with
        found = evidence_of(summary.refs, summary)
        assert found.tables[0].rows[0].examples("test_accuracy") == known, name
        assert found.tables[0].rows[0].examples("val_accuracy") is None
        assert sum(found.test_set.values()) == whole
        assert (found.judged, found.classes) == (False, 5)
        assert found.tables[0].rows[0].samples == {}


def test_a_changed_study_knows_nothing_of_the_data(make_results):
    made = {"made": {"quick": False, "changes": ["training.epochs=3"]}}
    summary = summarize(Results.open(make_results({**QUICK, **made})))
    summary = replace(summary, changed=("training.epochs=3",))
    found = evidence_of(summary.refs, summary)
    assert (found.counts, found.test_set, found.judged) == ({}, {}, False)


def test_findings_stand_on_the_page_and_in_the_file(results):
    whole = reproduce(summarize(results), no_curves, no_curves)
    assert {error.check.name for error in whole.errors} == {
        "possible-mean", "possible-deviation", "best-in-print", "chosen-on-test", "noise", "caption", "best-here",
    }  # fmt: skip
    assert [error.text for error in whole.errors][-2] == (
        "Table 1: the caption says lr 0.01 of row c, but row c has lr 0.1; with it row a would fit. [caption]"
    )
    build_report(results, formats=["svg"])
    data = json.loads((results.folder / "report" / "reproduction.json").read_text("utf-8"))["errors"]
    assert data[-1] == {"check": None, "where": None, "text": "Known otherwise.", "numbers": {}}
    assert data[5]["text"].startswith(
        "Table 1: row a is said to be best by test accuracy (l. 3) and has 82.5; best is row b"
    )
    page = (results.folder / "report" / "index.html").read_text("utf-8")
    assert page.index("where the original errs, found by checks") < page.index("where the original errs, known by hand")
    assert "[caption]" in page
