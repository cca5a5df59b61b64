"""Tables in LaTeX fit an article's page, whatever stands in them."""

import re
import shutil
import subprocess

import pytest

from handgrad.report.findings.summarize import summarize
from handgrad.report.tables import study_tables
from handgrad.report.tables.latex import WIDTH, escape_latex, to_latex, width_of
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome

PDFLATEX = shutil.which("pdflatex")
SEEDS = {"seeds": 12, "grid": {"training": {"optimizer": {"lr": [0.05, 0.1, 0.15, 5.0]}}}}
NAMES = [
    "x" * 10_000,
    "日本語 犬",
    "שלום",
    "🐈",
    r"a\b_{c}^$%&#~",
    "a very long name of a class, in words, " * 5,
    "con",
    "1",
]


def wide(columns=14, rows=3):
    heads = [Column(f"column {i} of many (with a note)", numeric=i % 3 > 0) for i in range(columns)]
    return Table("wide", "Wide", "C.", tuple(heads), tuple(Row(tuple(cell(f"{i}.{j} ± 0.12") for j in range(columns)))
                                                          for i in range(rows)))  # fmt: skip


def hostile():
    rows = [Row((cell(name), cell(f"{i}"), cell(name, bold=True), cell("97.00 ± 0.10")), i % 2 == 0)
            for i, name in enumerate(NAMES)]  # fmt: skip
    heads = (Column("class"), Column("n", numeric=True), Column("y" * 400), Column("validation %", numeric=True))
    return Table("a_b", "T" * 400, f"{NAMES[4]} {NAMES[0]} " * 3, heads, tuple(rows))


def results_of(make_results):
    def tell(setting, seed):
        return Outcome(0.2, collapsed=1) if setting.label == "4" else Outcome(0.8 + 0.01 * seed)

    return summarize(Results.open(make_results(SEEDS, tell)))


def real(make_results):
    summary = results_of(make_results)
    (phase,) = summary.phases
    return [
        study_tables.summary_table(phase, 1, "summary", "Results"),
        study_tables.times_table(phase, "times", "Times"),
        study_tables.runs_table(summary),
        study_tables.label_table(phase.settings[0].dataset),
    ]


def test_a_small_table_is_one_tabular_of_ordinary_letters():
    text = to_latex(Table("t", "T", "C.", (Column("a"), Column("b", numeric=True)), (Row((cell("x"), cell(1))),)))
    assert text.count(r"\begin{tabular}{lr}") == 1
    assert "footnotesize" not in text


def test_a_wide_table_goes_on_below_with_its_first_column_again():
    text = to_latex(wide())
    forms = re.findall(r"\\begin\{tabular\}\{(\w+)\}", text)
    assert len(forms) > 1
    assert sum(len(form) - 1 for form in forms) == 13
    assert text.count("0.0 $\\pm$ 0.12") == len(forms)
    assert text.count(r"\begin{table}") == text.count(r"\label") == 1


def test_a_long_table_goes_on_in_another():
    text = to_latex(wide(columns=2, rows=130))
    assert text.count(r"\begin{table}") == text.count(r"\begin{tabular}") > 2
    assert text.count("continued.") == text.count(r"\begin{table}") - 1
    assert text.count(r"\label") == 1
    assert all(text.count(f"{i}.1 $\\pm$ 0.12") for i in range(130))


def test_the_tables_of_twelve_seeds_are_narrow(make_results):
    for table in real(make_results):
        for tabular in re.findall(r"\\toprule\n(.*?)\\bottomrule", to_latex(table), re.S):
            rows = [row.split(" & ") for row in tabular.replace(r"\midrule", "").strip().split(r" \\" + "\n")]
            plain = [
                [re.sub(r"\\shortstack\[.\]\{.*|\\textbf|\\pm|[\\${}^]|dagger", "", text) for text in row]
                for row in rows
            ]
            if not any("raggedright" in text for row in rows for text in row):
                assert sum(max(width_of(row[j].strip()) for row in plain) for j in range(len(plain[0]))) * 0.86 < WIDTH


def test_what_pdflatex_does_not_know_is_given_by_its_number():
    text = to_latex(Table("t", "犬", "", (Column("é"),), (Row((Cell("猫", None),)),)))
    assert r"\csname u8:\detokenize{犬}\endcsname{\texttt{U+72AC}}" in text
    assert r"\detokenize{猫}" in text
    assert r"\detokenize{é}" not in text
    assert escape_latex("猫") == "猫"  # other engines have fonts for it


@pytest.mark.skipif(PDFLATEX is None, reason="needs pdflatex (texlive-latex-base, texlive-latex-recommended)")
def test_no_table_runs_off_the_page(make_results, tmp_path):
    """An article as the user writes it: every table compiles without an error, an overfull box or a float too large."""
    everything = [*real(make_results), wide(), wide(3, 200), wide(40, 60), hostile()]
    for number, table in enumerate(everything):
        (tmp_path / f"{number}.tex").write_text(to_latex(table), encoding="utf-8")
        begin = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
        (tmp_path / "l.tex").write_text(rf"{begin}\input{{{number}.tex}}\end{{document}}", encoding="utf-8")
        done = subprocess.run(
            [PDFLATEX, "-interaction=batchmode", "-no-shell-escape", "l.tex"], cwd=tmp_path, capture_output=True
        )
        log = (tmp_path / "l.log").read_text("utf-8", "replace")
        wrong = [line for line in log.splitlines() if re.match(r"Overfull|!|LaTeX Warning: Float too large", line)]
        assert (done.returncode, wrong) == (0, []), table.name
