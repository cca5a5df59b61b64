"""Tables in LaTeX fit an article of one column and of two, whatever stands in them."""

import re
from dataclasses import replace

import pytest

from handgrad.report.findings.summarize import summarize
from handgrad.report.tables import study_tables
from handgrad.report.tables.chosen_columns import with_columns
from handgrad.report.tables.latex import BOTH, COLUMN, PAGE, to_latex
from handgrad.report.tables.latex_columns import TexColumn
from handgrad.report.tables.latex_text import LATEX, breakable, escape_latex, plain, width_of
from handgrad.report.tables.table import Column, Row, Table, cell
from handgrad.study.folder.results_folder import Results
from tests.latex import compiled  # noqa: F401  (a fixture)
from tests.report.conftest import Outcome

SEEDS = {"seeds": 12, "grid": {"training": {"optimizer": {"lr": [0.05, 0.1, 0.15, 5.0]}}}}
NAMES = [
    "x" * 10_000,
    "日本語 犬",
    "שלום Жук Ąđ «þ» µ¿°",
    "🐈 e\u0301 q\u0323\u0307 \u200f\x07\ud800 \ue000",
    r"a\b_{c}^$%&#~`|<>[]*",
    "a very long name of a class, in words, " * 5,
    "--quick ,, ?` !` ''",
    "".join(LATEX),
]


def table_of(texts, heads=("a", "b"), *, numeric=True):
    columns = (Column(heads[0]), *(Column(head, numeric=numeric) for head in heads[1:]))
    return Table("t", "T", "C.", columns, tuple(Row(tuple(map(cell, row))) for row in texts))


def wide(columns=14, rows=3):
    heads = [Column(f"column {i} of many (with a note)", numeric=i % 3 > 0) for i in range(columns)]
    return Table("wide", "Wide", "C.", tuple(heads), tuple(Row(tuple(cell(f"{i}.{j} ± 0.12") for j in range(columns)))
                                                          for i in range(rows)))  # fmt: skip


@pytest.mark.parametrize(("sentences", "floats"), [(40, 1), (80, 1), (130, 2)])
def test_a_note_stands_within_a_float(sentences, floats):
    table = replace(wide(columns=2, rows=8), caption="This is what it says. " * sentences)
    text = to_latex(table, "single").partition(r"\else")[0]
    depth, noted = 0, []
    for line in text.splitlines():
        depth += line.startswith(r"\begin{table}") - line.startswith(r"\end{table}")
        noted += [depth] * (r"\parbox" in line)
    assert (depth, noted) == (0, [1])
    assert text.count(r"\begin{table}") == floats
    assert (r"Table~\ref{tab:wide}" in text) == (floats == 2)


def hostile():
    rows = [Row((cell(name), cell(f"{i}"), cell(name, bold=True), cell("97.00 ± 0.10")), i % 2 == 0)
            for i, name in enumerate(NAMES)]  # fmt: skip
    heads = (Column("class"), Column("n", numeric=True), Column("y" * 400), Column("validation %", numeric=True))
    return Table("a_b", "T" * 400, " ".join(NAMES) * 3, heads, tuple(rows))


def numbers():
    """Bold numbers, signs, digits in groups, and text among them."""
    rows = [
        ("98.63 ± 0.05", "+0.30", "238,510", "0.1", "–"),
        ("50.69 ± 7.8", "−12.30", "100", "0.0001", "26 to 54 %"),
        ("–", "", "1 of 3", "1e-05", "−3.28 (−5.29 to −1.28)"),
        ("1 ± 0", "0", "7", "10", "< 1 %"),
    ]
    made = [Row((cell(f"{i}"), *(cell(text, bold=i == 1) for text in row)), i < 2) for i, row in enumerate(rows)]
    heads = ("setting", "validation %", "difference, points", "parameters", "lr", "interval")
    columns = (Column(heads[0]), *(Column(head, numeric=True) for head in heads[1:]))
    return Table("numbers", "Numbers", "C.", columns, tuple(made))


def branches(text):
    """(for two columns, for one)."""
    two, _, one = text.partition("\\else\n")
    return (two, one) if one else (text, text)


def test_numbers_are_aligned_at_their_points():
    two, _ = branches(to_latex(numbers()))
    assert (
        r"\begin{tabular}{lS[table-format=2.2]@{}lS[table-format=+2.2]S[table-format=6.0]S[table-format=2.4]r}" in two
    )
    rows = [line.strip() for line in two.splitlines() if line.endswith(r" \\")]
    assert r"98.63 & \,$\pm$\,0.05 & +0.30 & 238510 & 0.1 & --" in rows[1]
    assert r"\bfseries 50.69 & \bfseries \,$\pm$\,7.8 & \bfseries -12.30 & \bfseries 100 & \bfseries 0.0001" in rows[2]
    assert r"\multicolumn{2}{c}{--} & {} & {1 of 3} & {1e-05} & $-$3.28 ($-$5.29 to $-$1.28)" in rows[3]
    assert rows[0].startswith("setting & ")
    assert rows[0].count(r"\multicolumn{2}{c}{") == 1


def test_a_table_that_fits_a_column_of_two_has_one_form():
    text = to_latex(table_of([("x", "1")]))
    assert text.startswith("% needs \\usepackage{booktabs,siunitx} in the preamble\n\\begin{table}\n")
    assert text.count(r"\begin{tabular}{lS[table-format=1.0]}") == 1
    assert "footnotesize" not in text.split("parbox")[0]


def test_the_document_takes_its_form():
    """One that is wider than a column stands across both; one of more than 40 rows is a longtable in one column."""
    two, one = branches(to_latex(numbers()))
    assert two.splitlines()[1:3] == [r"\ifdim\columnwidth<\textwidth", r"\begin{table*}"]
    assert one.startswith("\\begin{table}\n")
    assert one.endswith("\\end{table}\n\\fi\n")
    two, one = branches(to_latex(wide(columns=3, rows=130)))
    assert two.count(r"\begin{table*}") == two.count("continued.") + 1 > 3
    assert one.count(r"\begin{longtable}") == 1
    assert r"\usepackage{booktabs,siunitx,longtable}" in two
    assert all(form.count(f"    {i}.0 ± 0.12".replace("±", r"$\pm$") + " &") == 1 for form in (two, one)
               for i in range(130))  # fmt: skip


def test_a_wide_table_goes_on_below_with_its_first_column_again():
    for form in branches(to_latex(wide())):
        parts = re.findall(r"\\begin\{tabular\}", form)
        assert len(parts) > 1
        assert form.count("0.0 $\\pm$ 0.12") == len(parts)
        assert form.count(r"\begin{table") == form.count(r"\label") == 1


def test_what_says_the_same_in_every_row_stands_below_where_a_table_is_too_wide():
    texts = [(f"{i}", "relu", "3", "", *["12.34 ± 0.56"] * 2, *[f"{i}.34 ± 0.56" for _ in range(9)]) for i in range(3)]
    heads = ("setting", "activation", "n", "note", *(f"measure {i}" for i in range(11)))
    _, one = branches(to_latex(table_of(texts, heads, numeric=False)))
    assert r"In every row: activation relu; n 3; measure 0 12.34 $\pm$ 0.56" in one
    assert " & note & " not in one
    assert "activation" not in re.sub("In every row.*", "", one)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("naïve Łódź", "naïve Łódź"),
        ("Ж犬🐈", "ZhQuan:cat2:"),
        ("e\u0301", "é"),
        ("a\u200b\u200fb\x07c\nd", "ab c d"),
        ("\ud800\ue000", "U+D800U+E000"),
        ("«Ąđ»", "<<Ad>>"),
        ("q\u0323\u0307", "q"),
        ("±≤λ²", "±≤λ²"),
    ],
)
def test_signs_that_pdflatex_has_not_are_transcribed(text, written):
    assert plain(text) == written


def test_a_transcription_is_told():
    text = to_latex(table_of([("犬 %", "1")], ("é", "b")))
    assert "% 犬: written Quan\n" in text
    assert "    Quan \\% & 1 \\\\" in text
    assert "are transcribed; the CSV has names as they are" in text
    assert "transcribed" not in to_latex(table_of([("naïve", "1")]))


def test_no_sign_of_a_name_is_a_ligature_or_a_command():
    assert escape_latex("--quick") == "-{}-quick"
    assert escape_latex("a,,b") == "a,{},b"
    assert escape_latex("`a`") == r"\textasciigrave{}a\textasciigrave{}"
    assert breakable("a_b" * 9, 40).count(r"\hspace{0pt}") > 2
    assert breakable("short", 100) == "short"


def test_widths_are_those_of_computer_modern():
    assert width_of("98.63") == pytest.approx(22.78)
    assert width_of("é") == width_of("e")


def test_every_table_fits_one_column_and_two(make_results, tmp_path, compiled):  # noqa: F811
    """No error, no line wider than the text, no float higher than the page."""

    def tell(setting, seed):
        return Outcome(0.2, collapsed=1) if setting.label == "4" else Outcome(0.8 + 0.01 * seed)

    summary = summarize(Results.open(make_results(SEEDS, tell)))
    (phase,) = summary.phases
    tables = [
        study_tables.summary_table(phase, 1, "summary", "Results"),
        study_tables.times_table(phase, "times", "Times"),
        study_tables.runs_table(summary),
        study_tables.label_table(phase.settings[0].dataset),
        *(wide(), wide(12, 44), hostile(), numbers()),
        Table("empty", "Empty", "", (Column("a"), Column("b", numeric=True)), ()),
    ]
    some = with_columns(tables[0], ["setting", "lr", "test_accuracy", "verdict"])
    chosen = [(some, "single"), (some, "double"), (tables[0], "single"), (wide(12, 44), "single")]
    tables = [*((table, None) for table in tables), *chosen]
    for number, (table, column) in enumerate(tables):
        text = to_latex(replace(table, name=f"{number}"), column)
        (tmp_path / f"{number}.tex").write_text(text, encoding="utf-8")
    body = "\n".join(rf"\input{{{number}.tex}}\clearpage" for number in range(len(tables)))
    for options in ("", "twocolumn"):
        text = rf"\documentclass[{options}]{{article}}\usepackage{{booktabs,siunitx,longtable}}"
        assert compiled(tmp_path, rf"{text}\begin{{document}}{body}\end{{document}}") == []
    assert (PAGE, COLUMN, BOTH) == (345, 229, 469)


def test_a_number_stays_with_its_spread_where_text_wraps():
    column = TexColumn(("mean of others",), True, ("98.63 ± 0.05 (3 of 4)",), (False,), wrap=60.0)
    assert column.cell(0) == r"\raggedright 98.63~$\pm$~0.05 (3 of 4)"
