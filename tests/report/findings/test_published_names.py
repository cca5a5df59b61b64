"""Settings under the names of the original: in the report, not in the results folder."""

import json

import handgrad as hg
from handgrad.report.build import build_report
from handgrad.report.findings.published_names import published_names, renamed
from handgrad.report.findings.summarize import summarize
from handgrad.study.folder.results_folder import Results

GRID = {"seeds": 2, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}
COLUMNS = [{"head": "Run", "show": "original"}, {"head": "Accuracy", "show": "test_accuracy"}]


def table(*labels, number="Table 1", **more):
    rows = [{"label": label, "test_accuracy": 0.8} for label in labels]
    return {"number": number, "title": "Runs", "columns": COLUMNS, "rows": rows, **more}


def tables(*items, phases=()):
    return {**GRID, "original": {"title": "T", "table": list(items)}, "phase": list(phases)}


def named(make_results, *items, phases=()):
    summary = summarize(Results.open(make_results(tables(*items, phases=phases))))
    return published_names(summary), summary


BATCH = {"name": "batch size", "grid": {"training": {"batch_size": [5, 10]}}}  # from the winner, setting 2: 2_1 and 2_2


def test_the_first_row_of_the_originals_own_tables_names_a_setting(make_results):
    added = table("x", "y", number="Added", ours=True)
    names, summary = named(make_results, added, table("0", "1"), table("a", "b", number="Table 2"))
    assert names == {"1": "0", "2": "1"}
    assert [setting.label for setting in renamed(summary, names).settings] == ["0", "1"]
    assert renamed(summary, names).phases[0].winner == "1"


def test_derived_settings_are_called_after_a_parent_whose_name_is_one_word(make_results):
    names, _ = named(make_results, table("0", "9"), phases=[BATCH])
    assert names == {"1": "0", "2": "9", "2_1": "9_1", "2_2": "9_2"}


def test_derived_settings_keep_their_label_where_the_parent_has_a_name_of_words(make_results):
    names, _ = named(make_results, table("slow", "lr 0.1"), phases=[BATCH])
    assert names == {"1": "slow", "2": "lr 0.1"}


def test_rows_of_a_later_phase_name_its_settings(make_results):
    rows = table("9_1", "9_2", number="Table 2", phase="batch size")
    names, _ = named(make_results, table("1", "2"), rows, phases=[BATCH])
    assert names == {"2_1": "9_1", "2_2": "9_2"}


def test_a_label_that_another_setting_is_called_by_is_marked(make_results):
    """Rows of the second phase alone are called "1" and "2", which are the labels of the first phase."""
    names, _ = named(make_results, table("1", "2", phase="batch size"), phases=[BATCH])
    assert names == {"2_1": "1", "2_2": "2", "1": "1 (here)", "2": "2 (here)"}


def test_a_name_of_several_settings_is_that_of_none(make_results):
    same = table("a", "b", number="Table 2", phase="batch size")
    names, _ = named(make_results, table("a", "c"), same, phases=[BATCH])
    assert names == {"2": "c", "2_1": "c_1", "2_2": "b"}


def test_without_an_original_nothing_is_renamed(make_results):
    summary = summarize(Results.open(make_results(GRID)))
    assert published_names(summary) == {}
    assert renamed(summary, {}) is summary


def test_the_report_has_the_names_and_the_folder_and_python_the_labels(make_results):
    folder = make_results(tables(table("0", "9"), phases=[BATCH]))
    page = build_report(folder, formats=())
    rows = (folder / "report" / "tables" / "summary-1.csv").read_text("utf-8").splitlines()
    assert [row.split(",")[0] for row in rows] == ["setting", "0", "9"]
    assert (folder / "report" / "tables" / "names.csv").read_text("utf-8") == (
        "name,label\n0,1\n9,2\n9_1,2_1\n9_2,2_2\n"
    )
    assert "Names of the settings that differ from their labels" in page.read_text("utf-8")
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    assert [one["label"] for one in plan["phases"][0]["settings"]] == ["1", "2"]
    assert set(hg.Results.open(folder).conclusions()["setting"]) == {"1", "2", "2_1", "2_2"}
