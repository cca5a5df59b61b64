"""The original, item by item: tables, figures, verdicts and files of a reproduction, from invented records."""

import csv
import json

import pytest

import handgrad as hg
from handgrad.cli.console import print_summary
from handgrad.files import sealed
from handgrad.report import build_report, summarize
from handgrad.report.build import write_report
from handgrad.report.findings.verdicts import validation_choice
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.report.reproduced.reproduction_verdicts import reproduction_verdicts, two_groups
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.plan_file import read_plan
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome, no_curves
from tests.report.page.test_page import EVIL, Reader

AXES = {"seeds": 3, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}}}
TABLE = {
    "number": "Table 1",
    "title": "Accuracy of every run",
    "columns": [
        {"head": "Run", "show": "original"},
        {"head": "Ours", "show": "reproduced"},
        {"head": "N", "show": "network.hidden"},
        {"head": "Accuracy", "show": "test_accuracy", "unit": "percent", "digits": 2},
    ],
    "rows": [
        {"label": "a", "test_accuracy": 81.2},  # here 0.81, 0.813, 0.816: m = 81.30, s = 0.30, half = 1.49
        {"label": "b", "test_accuracy": 60.0, "note": "collapsed"},
        {"label": "c", "test_accuracy": "nan"},
        {"label": "d", "test_accuracy": [87.5, 0.2]},
    ],
}


def tables(*items, figures=(), **more):
    return {**AXES, "original": {"title": "Digits", "table": list(items), "figure": list(figures), **more}}


def tell(setting, seed):
    """a: good, b: one seed of three collapsed, c: diverged, d: good and best."""
    accuracy = 0.80 + 0.02 * int(setting.label) + 0.003 * (seed % 3)
    if setting.label == "2" and seed == 1:
        return Outcome(0.2, collapsed=0)
    return Outcome(accuracy, "diverged" if setting.label == "3" else "done")


@pytest.fixture
def found(make_results):
    def make(given, how=tell, **more):
        results = Results.open(make_results(given, how, **more))
        return reproduce(summarize(results), sources_of(results).by_epoch, no_curves), results

    return make


def texts(table):
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_a_table_of_settings_stands_in_the_originals_columns(found):
    whole, _ = found(tables(TABLE))
    (item,) = whole.items
    assert [column.heading for column in item.table.columns] == [
        "Run", "Ours", "N", "Accuracy", "reproduced", "difference", "n", "what happened", "note",
    ]  # fmt: skip
    assert texts(item.table) == [
        ["a", "1", "4", "81.20", "81.30 ± 0.30", "+0.10 inside", "3", "done", ""],
        ["b", "2", "6", "60.00", "61.87 ± 37.12", "+1.87 inside", "3", "1 collapsed to one class (a)", "collapsed"],
        ["c", "3", "4", "nan", "–", "diverged, agrees", "0 of 3", "3 diverged", ""],
        ["d", "4", "6", "87.50 ± 0.20", "87.30 ± 0.30", "−0.20 inside", "3", "done", ""],
    ]
    bold = {cell.text for row in item.table.rows for cell in row.cells if cell.bold}
    assert bold == {"87.50 ± 0.20", "87.30 ± 0.30"}
    assert (whole.count(True), whole.count(False)) == (4, 0)


def test_a_ranking_and_what_a_mean_hides_are_said(found):
    whole, _ = found(tables(TABLE))
    assert [verdict.text for verdict in whole.items[0].verdicts] == [
        "All 4 published numbers lie inside what more runs like those here would give.",
        "Ranking by test accuracy over 4 rows: Kendall's τ-b = 1.00; the best is the same (d).",
        "Row b: 2 seeds end at 83.0 to 83.6 %, but seed 1 collapsed: class a is predicted for everything.",
        "Row c: seeds 0, 1, 2 diverged in epoch 4, step 1,234, layer dense1.",
    ]
    others = {**TABLE, "rows": [{"label": str(i), "test_accuracy": 90 - i} for i in range(4)]}
    whole, _ = found(tables(others), lambda s, seed: Outcome(0.8 + 0.02 * int(s.label)), name="others")
    assert whole.items[0].verdicts[1].text == (
        "Ranking by test accuracy over 4 rows: Kendall's τ-b = −1.00; "
        "the original's best (0) is number 4 here, where 3 leads."
    )


def words(*rows):
    """A table of the settings a to d with what is said of each."""
    return {**TABLE, "rows": [{"label": label, **said} for label, said in zip("abcd", rows, strict=True)]}


def test_what_explodes_here_agrees_whether_it_diverged_or_collapsed(found):
    """b: one seed collapsed, c: diverged; "a" is said to explode and learns."""
    explodes, learns = {"test_accuracy": "explodes"}, {"test_accuracy": "learns"}
    whole, _ = found(tables(words(explodes, explodes, explodes, learns)))
    (item,) = whole.items
    assert [row[3:6] for row in texts(item.table)] == [
        ["explodes", "81.30 ± 0.30", "learns, does not agree"],
        ["explodes", "61.87 ± 37.12", "1 of 3 collapsed, agrees"],
        ["explodes", "–", "diverged, agrees"],
        ["learns", "87.30 ± 0.30", "learns, agrees"],
    ]
    assert [verdict.text for verdict in item.verdicts[:2]] == [
        "3 of 4 published statements agree with the runs here. Not in agreement: row a: explodes, here learns.",
        "Row b: 2 seeds end at 83.0 to 83.6 %, but seed 1 collapsed: class a is predicted for everything.",
    ]  # nothing was published that ranks the rows
    assert item.rankings == ()
    assert [verdict.text for verdict in reproduction_verdicts(whole)] == [
        "Reproduction of Digits: 3 of 4 published statements agree with the runs here.",
        "Not in agreement: Table 1, row a: explodes, here learns.",
    ]


def test_statements_and_numbers_are_counted_together(found):
    rows = {"test_accuracy": "learns"}, {"test_accuracy": 60.0}, {"test_accuracy": "nan"}, {"test_accuracy": 60.5}
    whole, _ = found(tables(words(*rows)))
    assert whole.items[0].verdicts[0].text == (
        "3 of 4 published numbers and statements agree with the runs here, numbers where they lie inside what more "
        "runs like those here would give. Not in agreement: row d: test accuracy 60.50, here 87.30 ± 0.30 %."
    )


def ranks(whole):
    return [row[-3] for row in texts(whole.items[0].table)]


def test_the_rank_that_a_row_is_said_to_have(found):
    """Here a: 81.3, b: 61.9 ± 37.1, c: diverged, d: 87.3 %."""
    whole, _ = found(tables(words({"rank": "worst"}, {}, {"rank": "worst"}, {"rank": "best"})))
    assert ranks(whole) == ["worst; number 2 of 4, does not agree", "", "worst; number 4 of 4, agrees",
                            "best; number 1 of 4, agrees"]  # fmt: skip
    assert [number.row for number in whole.numbers] == ["a", "c", "d"]
    assert whole.items[0].rankings == ()
    whole, _ = found(tables(words({"rank": "best"}, {"rank": "best"}, {}, {})), name="wide")
    assert ranks(whole)[:2] == [
        "best; number 2 of 4, does not agree",  # 81.3 ± 1.5 by the prediction interval
        "best; number 3 of 4, within noise, agrees",  # 61.9 ± 184
    ]
    whole, _ = found(tables(words({}, {}, {"rank": "best"}, {})), name="diverged")
    assert ranks(whole)[2] == "best; number 4 of 4, does not agree"


def test_the_rank_of_one_run_cannot_be_judged(found):
    given = {**tables(words({"rank": "best"}, {}, {}, {"rank": "best"})), "seeds": 1}
    near, _ = found(given, lambda s, seed: Outcome(0.9 if s.label == "1" else 0.91))
    assert ranks(near)[::3] == [
        "best; number 4 of 4, not judged (one run)",
        "best; number 1 of 4, not judged (one run)",
    ]
    assert near.numbers[0].why == "cannot be judged (one run)"
    nothing, _ = found(given, lambda s, seed: Outcome(0.5, "pending"), name="nothing")
    assert nothing.numbers[0].why == "no run has ended"


def test_a_column_in_which_nothing_was_published_is_ours_alone(found):
    columns = [{"head": "Run", "show": "original"}, {"head": "Weights", "show": "parameters"}]
    rows = [{"label": label} for label in "abcd"]
    whole, _ = found(tables({**TABLE, "columns": columns, "rows": rows}))
    table = whole.items[0].table
    assert [column.heading for column in table.columns][:3] == ["Run", "Weights here", "n"]
    assert table.columns[1].names == ("parameters_reproduced", "parameters_reproduced_std")


def test_losses_of_different_kinds_are_not_ranked_in_silence(found):
    kinds = {"loss": {"a": {"training": {"loss": "cross-entropy"}}, "b": {"training": {"loss": "squared-error"}}}}
    given = {"seeds": 2, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}, "bundle": kinds}
    columns = [{"head": "Run", "show": "original"}, {"head": "Loss", "show": "val_loss"}]
    rows = [{"label": str(i), "val_loss": 1 + i} for i in range(4)]
    original = {"title": "T", "table": [{**TABLE, "columns": columns, "rows": rows}]}
    whole, _ = found({**given, "original": original}, lambda s, seed: Outcome(0.5))
    assert "(of different kinds, cross-entropy, squared-error, which cannot be compared" in (
        whole.items[0].verdicts[1].text
    )


def test_a_column_for_mean_and_one_for_deviation(found):
    columns = [
        {"head": "μ", "show": "val_accuracy", "stat": "mean"},
        {"head": "σ", "show": "val_accuracy", "stat": "std"},
    ]
    rows = [{"label": "a", "val_accuracy": [0.821, 0.002]}, {"label": "b"}, {"label": "c"}, {"label": "d"}]
    whole, _ = found(tables({**TABLE, "columns": columns, "rows": rows}))
    table = whole.items[0].table
    assert [column.names for column in table.columns][:5] == [
        ("val_accuracy_published",),
        ("val_accuracy_reproduced",),
        ("val_accuracy_difference", "val_accuracy_low", "val_accuracy_high", "val_accuracy_inside"),
        ("val_accuracy_published_std",),
        ("val_accuracy_reproduced_std",),
    ]
    assert texts(table)[0][:5] == ["0.821", "0.823", "+0.002 inside", "0.002", "0.003"]


def test_by_one_seed_nothing_is_judged_and_the_report_says_so(found):
    rows = [{"label": label, "test_accuracy": 81.2} for label in "abcd"]
    whole, _ = found({**tables({**TABLE, "rows": rows}), "seeds": 1}, lambda s, seed: Outcome(0.9))
    number = whole.numbers[0]
    assert (number.inside, number.low, number.why) == (None, None, "cannot be judged (one run)")
    (verdict,) = reproduction_verdicts(whole)
    assert verdict.text == (
        "Reproduction of Digits: no published number could be judged: there is one run of each setting here, which "
        "shows no spread; two seeds can judge."
    )
    (item,) = whole.items
    assert item.verdicts[0].text == "None of the 4 published numbers can be judged: one run here shows no spread."
    assert "reproduced: one run" in item.table.caption
    assert "By one run nothing can be judged" in item.table.caption
    assert [row[5] for row in texts(item.table)] == ["+7.80 (one run)"] * 4
    some, _ = found({**tables(TABLE), "seeds": 1}, lambda s, seed: Outcome(0.9), name="some")  # one row is "nan"
    assert reproduction_verdicts(some)[0].text == (
        "Reproduction of Digits: 0 of 1 published numbers lies inside what more runs like those here would give; 3 "
        "more cannot be judged, because there is one run of each here."
    )


def test_labels_are_counted_and_published_sums_checked(found):
    rows = [{"label": c, "train": 16, "test": 10, "total": 27} for c in "abcde"]
    rows.append({"label": "sum", "train": 81, "test": 50})
    columns = [{"head": "Label", "show": "class"}, {"head": "Train", "show": "train"}, {"head": "Test", "show": "test"}]
    columns.append({"head": "All", "show": "total"})
    rows[0] |= {"validation": 4, "train": 15}
    whole, _ = found(tables({"number": "Table 1", "title": "L", "kind": "labels", "columns": columns, "rows": rows}))
    (item,) = whole.items
    assert texts(item.table)[0] == ["a", "15", "16", "+1", "10", "10", "0", "27", "30", "+3"]
    assert texts(item.table)[-1] == ["sum", "81", "80", "−1", "50", "50", "0", "", "150", ""]
    assert [verdict.text for verdict in item.verdicts] == [
        "The published counts contradict themselves: the column train adds up to 79, not to 81; "
        "class a adds up to 29, not to 27."
    ]


def test_the_winners_values_and_single_facts(found):
    winner = {
        "number": "Table 2", "title": "Best", "kind": "winner",
        "rows": [
            {"label": "Rate", "show": "training.optimizer.lr", "published": 0.1},
            {"label": "Width", "show": "network.hidden", "published": 4},
            {"label": "Accuracy", "show": "test_accuracy", "published": 0.7},
        ],
    }  # fmt: skip
    facts = {
        "number": "Text", "title": "Facts", "kind": "facts",
        "rows": [
            {"label": "Accuracy of a", "setting": "a", "test_accuracy": 0.813, "training_seconds": 2},
            {"label": "Not here", "setting": "a", "val_accuracy": 0.9, "run": False},
        ],
    }  # fmt: skip
    whole, _ = found(tables(TABLE, winner, facts))
    assert texts(whole.items[1].table) == [
        ["Rate", "0.1", "0.1", "same"],
        ["Width", "4", "6", "other"],
        ["Accuracy", "0.7", "0.873 ± 0.003", "+0.173 inside as printed"],  # 0.75 at most, 0.742 at least,
    ]
    assert texts(whole.items[2].table) == [
        ["Accuracy of a", "test accuracy", "0.813", "0.813 ± 0.003", "+0.000 inside", "3"],
        ["Accuracy of a", "training seconds", "2", "1 ± 0", "× 0.5", "3"],
        ["Not here", "validation accuracy", "0.9", "–", "not run here", "0"],
    ]


def test_a_confusion_matrix_in_percent_of_its_rows(found):
    cells = [{"actual": "a", "predicted": "b", "percent": 3.41}, {"actual": "a", "predicted": "a", "percent": 10}]
    matrix = {"number": "Matrix", "title": "M", "kind": "confusion", "setting": "a", "rows": cells}
    whole, _ = found(tables(TABLE, matrix), lambda s, seed: Outcome(0.9 if seed else 0.8))
    item = whole.items[1]
    assert item.item.file == "original-matrix"
    assert texts(item.table)[0] == ["a", "86.67 (10.00)", "13.33 (3.41)", "0.00", "0.00", "0.00"]
    assert [(number.row, number.inside) for number in item.numbers] == [("a → b", True), ("a → a", False)]
    assert "mean over n = 3" in item.table.caption


def test_figures_are_drawn_under_their_number_with_their_facts(make_results):
    figures = [
        {"number": "Figure 7", "title": "Loss of a and d", "kind": "step-loss", "settings": ["a", "d"], "order": 0,
         "published": {"a": {"val_accuracy": "≈ 0.83"}}},
        {"number": "Fig. 8", "title": "Templates", "kind": "templates", "settings": "d", "note": "Theirs are of run 9.",
         "options": {"seed": 77}},
        {"number": "Figure 9", "title": "Curves", "kind": "epochs", "settings": "a", "ours": True},
    ]  # fmt: skip
    path = build_report(make_results(tables(TABLE, figures=figures), tell), formats=["svg"])
    page = Reader(path.read_text("utf-8"))
    assert "Figure 7: Loss of a and d" in page.text
    assert "Figure 7 of the original." in page.text
    assert '"a: lr 0.01, hidden 4"' in (path.parent / "figures" / "figure-7.csv").read_text().splitlines()[1]
    assert (path.parent / "tables" / "figure-7-numbers.csv").exists()
    assert page.text.index("Figure 7 of the original") < page.text.index("Table 1 of the original")
    assert "No figure: " in page.text  # there is no seed 77
    assert "77" in page.text
    assert "Figure 9, added to those of the original." in page.text


def test_a_legend_says_what_differs_among_the_settings_of_the_figure(found):
    def legend(*settings, kind="epochs", rows="abcd", phase="main", later=()):
        named = [{"label": label} for label in rows]
        figure = {"number": "Fig. 1", "title": "F", "kind": kind, "settings": list(settings), "phase": phase}
        item = {**TABLE, "rows": named, "phase": phase}
        given = {**tables(item, figures=[figure]), "phase": list(later)}
        whole, _ = found(given, name=f"legend of {''.join(settings)} {kind}")
        return [*whole.items[-1].shown]

    assert legend("a", "b") == ["a: hidden 4", "b: hidden 6"]
    assert legend("a", "c") == ["a: lr 0.01", "c: lr 0.1"]
    assert legend("a", "d") == ["a: lr 0.01, hidden 4", "d: lr 0.1, hidden 6"]
    assert legend("a") == ["a"]
    assert legend("1", "batch 9", rows=["1", "batch 9", "3", "4"]) == ["1: hidden 4", "batch 9"]
    assert legend("a", "b", kind="small-multiples") == ["a", "b"]
    later = {"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}}
    derived = legend("d", "d_1", "d_2", rows=[*"abcd", "d_1", "d_2"], phase=["main", "batch size"], later=[later])
    assert derived == ["d: batch size 32", "d_1: batch size 8", "d_2: batch size 16"]


def test_files_hold_every_number(make_results):
    folder = make_results(tables(TABLE, source="nowhere", n=3), tell)
    report = build_report(folder, formats=[]).parent
    data = json.loads((report / "reproduction.json").read_text("utf-8"))
    assert (data["original"], data["source"], data["inside"], data["outside"]) == ("Digits", "nowhere", 4, 0)
    assert data["numbers"][0]["published"] == pytest.approx(0.812)
    assert (data["numbers"][2]["published_word"], data["numbers"][2]["came"]) == ("nan", "diverged")
    assert data["rankings"][0]["kendall_tau_b"] == 1
    rows = list(csv.DictReader((report / "tables" / "reproduction.csv").read_text("utf-8").splitlines()))
    assert [row["row"] for row in rows] == ["a", "b", "c", "d"]
    assert float(rows[0]["mean"]) == pytest.approx(0.813)
    (first, *_) = csv.DictReader((report / "tables" / "table-1.csv").read_text("utf-8").splitlines())
    assert (first["Run"], first["network.hidden"], first["test_accuracy_inside"]) == ("a", "4", "1")
    latex = (report / "tables" / "table-1.tex").read_text("utf-8")
    assert r"81.30 & \,$\pm$\,0.30" in latex
    frame = hg.reproduction(Results.open(folder))
    assert list(frame["inside"]) == [True] * 4
    assert not len(hg.reproduction(Results.open(make_results(AXES, tell, name="other"))))


def test_the_verdict_stands_at_the_top_and_at_the_end_of_a_run(make_results, capsys):
    rows = [{"label": c, "test_accuracy": v} for c, v in zip("abcd", (81.2, 60, "nan", 60.5), strict=True)]
    folder = make_results(tables({**TABLE, "rows": rows}, readings=["One reading."], errors=["One error."]), tell)
    first = (
        "Reproduction of Digits: 3 of 4 published numbers lie inside what more runs like those here would "
        "give (median interval of the accuracies: ± 15 points)."
    )
    second = "Outside: Table 1, row d: test accuracy 60.50, here 87.30 ± 0.30 %."
    report = write_report(folder, formats=[])
    page = Reader(report.page.read_text("utf-8"))
    assert page.text.index(first) < page.text.index(second) < page.text.index("size 4 settings, 12 runs")
    assert "One reading." in page.text
    assert "One error." in page.text
    print_summary(report.summary, report.reproduction, report.page.parent / "tables")
    assert f"The original\n  {first}\n  {second}\n" in capsys.readouterr().out


def test_a_quick_study_is_shown_and_not_judged(found):
    from dataclasses import replace

    _, results = found(tables(TABLE))
    whole = reproduce(replace(summarize(results), quick=True), sources_of(results).by_epoch, no_curves)
    assert {number.inside for number in whole.numbers} == {None}
    assert whole.items[0].rankings == ()
    (verdict,) = reproduction_verdicts(whole)
    assert verdict.text.startswith("Reproduction of Digits: made with --quick, a smaller study")
    changed = replace(summarize(results), quick=True, changed=("training.epochs=3",))
    whole = reproduce(changed, sources_of(results).by_epoch, no_curves)
    assert whole.made_with == "--quick, training.epochs=3: not the original's study"


def test_a_study_changed_on_the_command_line_is_shown_and_not_judged(make_results):
    folder = make_results(tables(TABLE), tell)
    plan = {**read_plan(folder), "changed": ["training.epochs=3", "data.train.size=9"]}
    plan.pop("sha256", None)
    (folder / "plan.json").write_bytes(sealed(json.dumps(plan)))
    page = Reader(build_report(folder, formats=[]).read_text("utf-8"))
    assert (
        "Reproduction of Digits: made with training.epochs=3, data.train.size=9: not the original's study; "
        "published numbers are shown, none is judged."
    ) in page.text
    assert "Its numbers stand beside the published ones to show the form; nothing is judged by them." in page.text
    data = json.loads((folder / "report" / "reproduction.json").read_text("utf-8"))
    assert (data["inside"], data["outside"], data["rankings"]) == (0, 0, [])
    assert data["made_with"] == "training.epochs=3, data.train.size=9: not the original's study"
    assert {number["why"] for number in data["numbers"]} == {f"not judged: made with {data['made_with']}"}


def test_a_study_that_was_run_from_a_changed_results_folder_is_not_judged_either(found):
    whole, _ = found({**tables(TABLE), "made": {"file": "digits.toml", "changes": ["seeds=3", "network.init=xavier"]}})
    assert whole.made_with == "network.init=xavier: not the original's study"
    assert {number.inside for number in whole.numbers} == {None}


@pytest.mark.parametrize("status", ["pending", "failed", "interrupted"])
def test_a_study_of_which_nothing_came_has_its_items(make_results, status):
    figures = [{"number": "Figure 1", "title": "F", "kind": "epochs", "settings": ["a"]}]
    items = [TABLE, {"number": "M", "title": "m", "kind": "confusion", "setting": "winner"}]
    items.append({"number": "W", "title": "w", "kind": "winner", "rows": [{"label": "x", "show": "network.hidden"}]})
    columns = [{"head": "Label", "show": "class"}, {"head": "Train", "show": "train"}]
    items.append(
        {"number": "L", "title": "l", "kind": "labels", "columns": columns, "rows": [{"label": "a", "train": 1}]}
    )
    path = build_report(make_results(tables(*items, figures=figures), lambda s, seed: Outcome(0.5, status)), formats=[])
    page = Reader(path.read_text("utf-8"))
    assert "no published number could be judged" in page.text
    assert "No figure: the records hold nothing of it." in page.text


def test_a_later_phase_that_has_not_begun_is_not_run_here(found):
    phase = {"phase": [{"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}}]}
    rows = [*TABLE["rows"], {"label": "d_1", "test_accuracy": 90}, {"label": "d_2", "test_accuracy": 91}]
    given = {**tables({**TABLE, "phase": ["main", "batch size"], "rows": rows}), **phase}
    whole, _ = found(given, lambda s, seed: Outcome(0.5, "pending"))
    assert [row[-3:] for row in texts(whole.items[0].table)[4:]] == [["–", "not run here", ""]] * 2
    whole, results = found(given, name="finished")
    assert [row[1] for row in texts(whole.items[0].table)] == ["1", "2", "3", "4", "4_1", "4_2"]
    assert results.winner() == "4_2"


def test_whatever_the_user_writes_is_text(make_results):
    rows = [{"label": EVIL + c, "test_accuracy": 80, "note": EVIL} for c in "abcd"]
    figures = [{"number": EVIL, "title": EVIL, "kind": "epochs", "settings": [EVIL + "a"], "note": EVIL}]
    given = tables({**TABLE, "title": EVIL, "rows": rows, "note": EVIL}, figures=figures, readings=[EVIL], source=EVIL)
    page = Reader(build_report(make_results(given, tell), formats=["svg"]).read_text("utf-8"))
    assert "script" not in {tag for tag, _ in page.elements} - {"script"}
    assert page.text.count("<script>alert(1)</script>") > 10


# -- selection on the test set


def chosen(make_results, how, **more):
    given = {"seeds": 1, "select_on_test": True, "grid": {"network": {"hidden": [4, 6]}}, **more}
    return [verdict.text for verdict in validation_choice(summarize(Results.open(make_results(given, how))).phases)]


def test_what_validation_would_have_chosen(make_results):
    (same,) = chosen(make_results, lambda s, seed: Outcome(0.8 + 0.01 * int(s.label)))
    assert same == "Validation accuracy would have chosen the same setting (2)."


def test_another_setting_that_validation_would_have_chosen(make_results, monkeypatch):
    from tests.report import conftest

    real = conftest.invented_record

    def swapped(run, setting, parts, outcome):
        record = real(run, setting, parts, outcome)
        record.metrics["val_accuracy"] = 1 - record.metrics["val_accuracy"]
        return record

    monkeypatch.setattr(conftest, "invented_record", swapped)
    (other,) = chosen(make_results, lambda s, seed: Outcome(0.8 + 0.01 * int(s.label)))
    assert other == (
        "Validation accuracy would have chosen setting 1: hidden 4: test accuracy 80.00 % instead of 81.00 %."
    )


def test_without_a_validation_part_nothing_else_could_choose(make_results):
    (none,) = chosen(make_results, lambda s, seed: Outcome(0.8), data={"validation": False})
    assert none == "There is no validation part: nothing but the test set was there to choose by."


def test_validation_chooses_among_the_settings_that_have_it(make_results):
    variants = {
        "a": {"training": {"epochs": 3}},
        "b": {"data": {"validation": {"size": 20}}},
        "c": {"data": {"validation": {"size": 20}}, "training": {"epochs": 3}},
    }
    (some,) = chosen(
        make_results, lambda s, seed: Outcome(0.8), data={"validation": False}, grid=None, variant=variants
    )
    assert some.startswith("Validation accuracy would have chosen the same setting (")
    assert some.endswith(") among the 2 settings that have a validation part.")


def test_a_validation_part_of_one_setting_chooses_nothing(make_results):
    variants = {"a": {"training": {"epochs": 3}}, "b": {"data": {"validation": {"size": 20}}}}
    (none,) = chosen(
        make_results, lambda s, seed: Outcome(0.8), data={"validation": False}, grid=None, variant=variants
    )
    assert none == "There is no validation part: nothing but the test set was there to choose by."


def test_sums_over_the_batch_name_the_learning_rate_of_a_mean(make_results):
    training = {"batch_reduction": "sum", "batch_size": 20, "optimizer": {"name": "sgd", "lr": 0.01}}
    grid = {"training": {"optimizer": [{"name": "sgd", "lr": 0.01}, {"name": "sgd", "lr": 0.1}, {"name": "adam"}]}}
    path = build_report(make_results({"seeds": 1, "training": training, "grid": grid}), formats=[])
    text = Reader(path.read_text("utf-8")).text
    assert "sum over the batch, 0.01 × 20 = 0.2 — setting 1 sum over the batch, 0.1 × 20 = 2 — setting 2" in text
    assert "setting 3" not in text[text.index("sum over the batch, 0.01") :].split("Environment")[0]


def test_seeds_that_fall_into_two_groups():
    assert two_groups([0.1, 0.12, 0.9, 0.91]) == ([0.1, 0.12], [0.9, 0.91])
    assert two_groups([0.80, 0.85, 0.90]) is None
    assert two_groups([0.1, 0.9]) is None
