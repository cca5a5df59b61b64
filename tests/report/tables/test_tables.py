"""Tables: values for programs, text for people, and nothing of the user's that becomes markup."""

import csv
import io
from dataclasses import replace

import pytest

from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.wording import outcome
from handgrad.report.tables import conclusion_tables, study_tables
from handgrad.report.tables.latex import to_latex
from handgrad.report.tables.latex_text import escape_latex
from handgrad.report.tables.table import (
    Cell,
    Column,
    Row,
    Table,
    cell,
    escape_markdown,
    to_csv,
    to_markdown,
    write_csv,
    write_table,
)
from handgrad.study.folder.results_folder import Results
from handgrad.training.record_facts import TrainScore
from tests.records import made_record
from tests.report.conftest import Outcome

EVIL = 'a|b <i>x</i> & 50% $5 #1 _u_ {c} ~ ^ \\ "q" [1, 2]\n* `t`'


def small(text="plain"):
    columns = (Column("setting"), Column("val %", ("mean", "std"), numeric=True))
    rows = (
        Row((cell(text), Cell("97.00 ± 0.10", (0.97, 0.001))), shaded=True),
        Row((cell("b"), Cell("98.00", (0.98, None), bold=True))),
        Row((cell("sum"), Cell("", (None, None))), total=True),
    )
    return Table("small", "Title", "Caption.", columns, rows)


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_holds_values_in_full_precision():
    assert to_csv(small()) == "setting,mean,std\nplain,0.97,0.001\nb,0.98,\nsum,,\n"


def test_csv_survives_any_text():
    assert read(to_csv(small(EVIL)))[0]["setting"] == EVIL


def test_markdown():
    assert to_markdown(small()) == (
        "**Title**\n\n| setting | val % |\n|---|--:|\n| plain † | 97.00 ± 0.10 |\n| b | **98.00** |\n| sum |  |\n\n"
        "Caption.\n"
    )


def test_latex():
    assert to_latex(small()) == (
        "% needs \\usepackage{booktabs,siunitx} in the preamble\n\\begin{table}\n  \\centering\n  \\sloppy\n"
        "  \\caption{Title.}\n  \\label{tab:small}\n  \\vspace{4pt}\n"
        "  \\sisetup{detect-weight,group-digits=integer,group-minimum-digits=4,"
        "group-separator={,},retain-explicit-plus}\n"
        "  \\begin{tabular}{lS[table-format=2.2]@{}l}\n    \\toprule\n"
        "    setting & \\multicolumn{2}{c}{val \\%} \\\\\n    \\midrule\n"
        "    plain$^{\\dagger}$ & 97.00 & \\,$\\pm$\\,0.10 \\\\\n    b & \\bfseries 98.00 &  \\\\\n"
        "    \\midrule\n    sum & \\multicolumn{2}{c}{} \\\\\n"
        "    \\bottomrule\n  \\end{tabular}\n\n  \\smallskip\n\n"
        "  \\noindent\\parbox{\\linewidth}{\\footnotesize\\sloppy Caption.}\n\\end{table}\n"
    )


def test_markdown_escapes():
    assert escape_markdown(EVIL) == (
        'a\\|b &lt;i&gt;x&lt;/i&gt; &amp; 50% \\$5 \\#1 \\_u\\_ \\{c\\} \\~ ^ \\\\ "q" \\[1, 2\\] \\* \\`t\\`'
    )


def test_latex_escapes():
    assert escape_latex(EVIL) == (
        "a$|$b $<$i$>$x$<$/i$>$ \\& 50\\% \\$5 \\#1 \\_u\\_ \\{c\\} \\textasciitilde{} \\textasciicircum{} "
        "\\textbackslash{} {''}q{''} {[}1, 2{]} {*} \\textasciigrave{}t\\textasciigrave{}"
    )


def test_a_row_that_starts_with_a_bracket_is_no_length_of_the_row_before():
    assert "    {[}512, 256{]}$^" in to_latex(small("[512, 256]"))


def test_rows_must_fit_their_columns():
    with pytest.raises(ValueError, match="table t: a row of 1 cells for 2 columns"):
        Table("t", "", "", (Column("a"), Column("b")), (Row((cell(1),)),))
    with pytest.raises(ValueError, match="does not hold"):
        Table("t", "", "", (Column("a", ("x", "y")),), (Row((cell(1),)),))


def test_files(tmp_path):
    assert [path.name for path in write_table(small(), tmp_path)] == ["small.csv", "small.md", "small.tex"]


def phase_of(folder, position=0):
    return summarize(Results.open(folder)).phases[position]


def test_the_summary_table_has_axes_as_columns(make_results):
    table = study_tables.summary_table(phase_of(make_results()), 1, "summary", "Results")
    assert [column.heading for column in table.columns] == [
        "setting",
        "lr",
        "hidden",
        "n",
        "train % (40 of 80)",
        "validation %",
        "test %",
        "95 % interval (t)",
        "best seed",
        "difference from best, points",
        "verdict",
        "chance to be best",
        "what happened",
    ]
    rows = read(to_csv(table))
    assert [row["training.optimizer.lr"] for row in rows] == ["0.01", "0.01", "0.1", "0.1"]
    assert [row["n"] for row in rows] == ["3"] * 4
    assert float(rows[3]["val_accuracy_mean"]) == pytest.approx(0.883)
    assert float(rows[3]["val_accuracy_std"]) == pytest.approx(0.003)
    assert (rows[3]["best_seed"], rows[0]["shared_seeds"]) == ("2", "3")
    # t(2, 0.975) = 4.303: 0.883 ± 4.303·0.003/√3 = 0.883 ± 0.00745
    assert float(rows[3]["interval_low"]) == pytest.approx(0.883 - 0.00745, abs=1e-5)
    assert "ddof 1" in table.caption
    assert [cell.bold for cell in table.rows[3].cells][:6] == [True, False, False, False, False, True]
    assert table.rows[3].shaded


def test_what_is_not_there_is_a_dash_and_an_empty_field(make_results):
    statuses = {"1": "diverged", "2": "failed", "3": "pending", "4": "done"}
    folder = make_results(tell=lambda setting, seed: Outcome(0.9, statuses[setting.label]))
    table = study_tables.summary_table(phase_of(folder), 1, "summary", "Results")
    rows = read(to_csv(table))
    assert [row["status"] for row in rows] == ["3 diverged", "3 failed", "3 pending", "done"]
    assert [(row["n"], row["diverged"], row["failed"], row["unfinished"]) for row in rows] == [
        ("0", "3", "0", "0"),
        ("0", "0", "3", "0"),
        ("0", "0", "0", "3"),
        ("3", "0", "0", "0"),
    ]
    assert rows[0]["val_accuracy_mean"] == ""
    assert [row.cells[5].text for row in table.rows][:3] == ["–", "–", "–"]


def test_settings_that_differ_in_one_thing_have_one_column_of_changes(make_results):
    tables = {
        "seeds": 2,
        "one_factor": {"training": {"epochs": [25, 50], "batch_size": [8]}, "network": {"hidden": [8]}},
    }
    table = study_tables.summary_table(phase_of(make_results(tables)), 1, "summary", "Results")
    assert [row.cells[1].text for row in table.rows] == [
        "baseline",
        "epochs 25",
        "epochs 50",
        "batch size 8",
        "hidden 8",
    ]


def test_a_study_without_validation_has_no_column_for_it(make_results):
    tables = {
        "seeds": 1,
        "data": {"validation": False},
        "select_on_test": True,
        "grid": {"network": {"hidden": [4, 6]}},
    }
    table = study_tables.summary_table(phase_of(make_results(tables)), 1, "summary", "Results")
    headings = [column.heading for column in table.columns]
    assert "validation %" not in headings
    assert "test %" in headings
    assert not {"95 % interval (t)", "chance to be best"} & set(headings)  # one seed


def test_a_table_of_many_settings_begins_with_the_best(make_results):
    tables = {"seeds": 2, "grid": {"network": {"hidden": list(range(2, 16))}}}
    phase = phase_of(make_results(tables, lambda s, seed: Outcome(0.5 + 0.02 * int(s.label) + 0.004 * (seed % 2))))
    table = study_tables.summary_table(phase, 1, "summary", "Results")
    assert [row.cells[0].text for row in table.rows] == [str(label) for label in range(14, 0, -1)]
    assert [row.cells[1].text for row in table.rows] == [str(hidden) for hidden in range(15, 1, -1)]
    assert "the best first" in table.caption


def test_settings_that_lost_runs_have_a_table(make_results):
    fate = {("2", 1): "diverged", ("3", 0): "collapsed", ("3", 2): "collapsed"}

    def tell(setting, seed):
        end = fate.get((setting.label, seed), "")
        accuracy = 0.2 if end == "collapsed" else 0.9 + 0.01 * (seed % 3)
        return Outcome(accuracy, "diverged" if end == "diverged" else "done", 0 if end == "collapsed" else None)

    phase = phase_of(make_results({"seeds": 5, "grid": {"network": {"hidden": [2, 3, 4]}}}, tell))
    table = conclusion_tables.lost_table(phase, phase.conclusions, "lost", "Lost")
    rows = {row["setting"]: row for row in read(to_csv(table))}
    assert list(rows) == ["2", "3"]
    assert [(rows[k]["lost"], rows[k]["runs"], rows[k]["others_n"]) for k in "23"] == [("1", "5", "4"), ("2", "5", "3")]
    # Clopper and Pearson, 1 of 5: 0.5 to 71.6 %
    assert (float(rows["2"]["lost_low"]), float(rows["2"]["lost_high"])) == pytest.approx((0.00505, 0.71642), abs=1e-5)
    assert float(rows["3"]["median"]) == pytest.approx(0.9)  # 0.2, 0.2, 0.9, 0.91, 0.91
    assert float(rows["3"]["interquartile_mean"]) == pytest.approx((0.2 + 0.9 + 0.91) / 3)
    assert "A diverged run counts as guessing." in table.caption
    summary = read(to_csv(study_tables.summary_table(phase, 1, "summary", "Results")))
    assert [row["status"] for row in summary] == ["done", "1 diverged", "2 collapsed to one class (a)"]
    whole = phase_of(make_results(name="sound"))
    assert conclusion_tables.lost_table(whole, whole.conclusions, "lost", "Lost") is None


def test_selection_by_loss_shows_the_loss(make_results):
    tables = {"seeds": 2, "select_by": "val_loss", "grid": {"network": {"hidden": [4, 6]}}}
    table = study_tables.summary_table(phase_of(make_results(tables)), 1, "summary", "Results")
    assert "validation loss" in [column.heading for column in table.columns]
    assert "mean validation loss" in table.caption


def test_thirty_seeds_put_the_bootstrap_beside(make_results):
    tables = {"seeds": 30, "grid": {"network": {"hidden": [4, 6]}}}
    table = study_tables.summary_table(phase_of(make_results(tables)), 1, "summary", "Results")
    assert "95 % interval (BCa)" in [column.heading for column in table.columns]
    assert "BCa bootstrap (9,999 resamples)" in table.caption


def intervals_of(folder):
    table = study_tables.summary_table(phase_of(folder), 1, "summary", "Results")
    place = [column.heading for column in table.columns].index("95 % interval (t)")
    return table, [row.cells[place].text for row in table.rows]


def test_where_seeds_agree_the_interval_is_that_of_the_examples(make_results):
    folder = make_results({"seeds": 3}, lambda setting, seed: Outcome(1.0))
    table, texts = intervals_of(folder)
    # 20 of 20 validation examples: 0.025^(1/20) = 0.8316
    assert texts == ["83.16 to 100.00 ‡"]
    assert "‡: all seeds agree and show no spread" in table.caption


def test_an_interval_over_runs_that_collapsed_and_others_says_so(make_results):
    def tell(setting, seed):
        return Outcome(0.2, collapsed=1) if seed == 0 else Outcome(0.9 + 0.01 * seed)

    table, texts = intervals_of(make_results({"seeds": 4}, tell))
    # t of 0.91, 0.92 and 0.93: 0.92 ± 4.303·0.01/√3
    assert texts[0] == "89.52 to 94.48 (3 of 4)"
    assert "the interval is that of the others" in table.caption
    whole, texts = intervals_of(make_results({"seeds": 4}, lambda s, seed: Outcome(0.2, collapsed=1), name="all"))
    assert "(" not in texts[0]
    assert "of the others" not in whole.caption


def test_train_says_on_how_many_examples_it_was_measured(make_results):
    folder = make_results({"seeds": 2, "grid": {"network": {"hidden": [4, 6]}}})
    summary = summarize(Results.open(folder))
    assert "Training loss and accuracy were measured on 40 of 80" in study_tables.runs_table(summary).caption
    (phase,) = summary.phases
    whole = TrainScore(what="all", n=80)
    settings = [
        replace(
            setting,
            runs=tuple(
                replace(run, record=run.record.model_copy(update={"train_score": whole})) for run in setting.runs
            ),
        )
        for setting in phase.settings
    ]
    table = study_tables.summary_table(replace(phase, settings=tuple(settings)), 1, "summary", "Results")
    assert "train %" in [column.heading for column in table.columns]


def test_collapses_are_counted(make_results):
    folder = make_results({"seeds": 3}, lambda setting, seed: Outcome(0.2, collapsed=seed))
    (row,) = phase_of(folder).settings
    assert outcome(row) == "3 collapsed to one class (a, b, c)"


def test_the_label_table_adds_up():
    # the report of `eee543` gives class 1 as 1,136 of 1,135: sums are computed here, never copied
    data = {
        "classes": ["0", "1"],
        "label_table": {"train": [5, 7], "validation": [1, 2], "test": [3, 4], "total": [99, 99]},
    }
    rows = read(to_csv(study_tables.label_table(made_record(data=data).dataset)))
    assert [row["total"] for row in rows] == ["9", "13", "22"]
    assert rows[-1] == {"class": "sum", "train": "12", "validation": "3", "test": "7", "total": "22"}
    only = study_tables.label_table(
        made_record(data={"classes": ["0"], "label_table": {"train": [5], "validation": []}}).dataset
    )
    assert [column.heading for column in only.columns] == ["class", "train", "total"]
    assert study_tables.label_table(made_record().dataset) is None


def test_every_run_has_a_row(make_results):
    table = study_tables.runs_table(summarize(Results.open(make_results())))
    rows = read(to_csv(table))
    assert len(rows) == 12
    assert {row["status"] for row in rows} == {"done"}
    assert float(rows[0]["val_accuracy"]) == pytest.approx(0.82)


def test_a_csv_has_no_nan():
    file = io.StringIO()
    write_csv(file, ("a", "b", "c"), [(1.5, float("nan"), None)])
    assert file.getvalue() == "a,b,c\n1.5,,\n"
