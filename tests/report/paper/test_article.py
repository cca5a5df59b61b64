"""main.tex: the report as an article, in the order of the page, that LaTeX sets without a line too wide."""

import re
import stat
from pathlib import Path

import pytest

from handgrad.errors import InputError, ResultsError
from handgrad.report import build_report
from handgrad.report.chapters.chapter import Chapter, Code, Facts, Heading, SideBySide, TableBlock, Text, Verdicts
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.paper.article import Article
from handgrad.report.paper.typesetting import typeset
from handgrad.report.tables.table import Column, Row, Table, cell
from tests.latex import compiled, problems  # noqa: F401  (a fixture)
from tests.report.conftest import Outcome

EVIL = r"50 % of a_b & {犬} <$x^2$> \input{/etc/passwd} #1 ~ é Ж 🐈"
GRID = {
    "seeds": 3,
    "title": EVIL,
    "description": f"{EVIL} {'x' * 300}",
    "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}, "batch_size": [5, 10]}},
}


def long_table(rows, name="long"):
    return Table(name, "Long", "C.", (Column("a"),), tuple(Row((cell(f"row {i}"),)) for i in range(rows)))


def test_blocks_are_set_in_their_order():
    article = Article(Path(), [])
    blocks = (
        Text("Said & done."),
        Heading("Part"),
        Verdicts((Verdict("method", "How."), Verdict("warning", "Lost."), Verdict("good", "Best."))),
        Facts((("seeds", ("1, 2", "3")),)),
        Code('[a]\n  b = "1" # c', "study.toml"),
    )
    article.chapter(Chapter("one", "First <chapter>", blocks))
    article.chapter(Chapter("side", "Side by side", (Text("Choose two."), SideBySide({}))))
    text = "\n".join(article.lines)
    wanted = (
        r"\section{First $<$chapter$>$}", r"Said \& done.", r"\subsection*{Part}",
        r"\item {\textbf{Warning.} Lost.}", r"\item {Best.}", r"\item {\footnotesize How.}",
        r"\item[{seeds}] 1, 2 \\ 3", "study.toml", r"{[}a{]}\mbox{}\par", r"~~b = \char34{}1\char34{} \# c\mbox{}\par",
    )  # fmt: skip
    assert "Side by side" not in text
    places = [text.find(part) for part in wanted]
    assert -1 not in places
    assert places == sorted(places)


def test_long_tables_are_shown_in_part_and_named():
    article = Article(Path(), [])
    tables = (TableBlock(long_table(10, "short")), TableBlock(long_table(11, "broken")), TableBlock(long_table(41)))
    article.chapter(Chapter("one", "One", (*tables, TableBlock(long_table(50, "folded"), folded=True))))
    text = "\n".join(article.lines)
    assert r"\input{tables/short.tex}" in text
    assert text.count(r"\begin{longtable}") == 2  # what begins on a page that has no room for all of it
    assert r"\label{tab:broken}" in text
    assert text.count("    row ") == 11 + 40
    assert "The first 40 rows; all 41 rows are in" in text
    assert "Long: all 50 rows are in" in text


def test_a_whole_report_is_set(make_results, compiled):  # noqa: F811
    """No error and no line too wide, in a report with hostile names, lost runs and figures; the same bytes again."""

    def tell(setting, seed):
        return Outcome(0.2, collapsed=1) if setting.label == "4" else Outcome(0.8 + 0.01 * seed)

    folder = make_results(GRID, tell, classes=["a", "犬の名前", "x_1 & y", "an endless name of a class " * 4])
    report = build_report(folder, formats=["pdf"], pdf=True).parent
    text, once = (report / "main.tex").read_text("utf-8"), (report / "main.pdf").read_bytes()
    assert once.startswith(b"%PDF")
    assert compiled(report, text) == []
    assert typeset(report).read_bytes() == once
    assert not {path.suffix for path in report.iterdir() if path.stem == "main"} - {".tex", ".pdf"}
    assert set(re.findall(r"\\fitted\{(.*?)\}", text)) == {
        path.relative_to(report).as_posix() for path in (report / "figures").glob("*.pdf")
    }
    page = (report / "index.html").read_text("utf-8")
    captions = re.findall(r"figures/(\S+?)\.csv", page)
    assert re.findall(r"\\fitted\{figures/(.*?)\.pdf\}", text) == list(dict.fromkeys(captions))


def test_where_latex_is_missing_it_says_what_to_install(make_results, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    folder = make_results({"seeds": 1})
    with pytest.raises(InputError, match="apt install texlive-latex-recommended texlive-science"):
        build_report(folder, formats=[], pdf=True)
    assert not (folder / "report").exists()
    assert (build_report(folder, formats=[]).parent / "main.tex").exists()


@pytest.mark.parametrize(
    ("log", "error", "said"),
    [
        ("! LaTeX Error: File `siunitx.sty' not found.", InputError, "needs LaTeX's siunitx.sty.*texlive-science"),
        ("! Undefined control sequence.\nl.3 \\nothing", ResultsError, "pdflatex stopped: Undefined control sequence"),
    ],
)
def test_what_latex_says_is_passed_on(tmp_path, monkeypatch, log, error, said):
    program = tmp_path / "pdflatex"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{log}\nEND\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("shutil.which", lambda name: str(program))
    with pytest.raises(error, match=said):
        typeset(tmp_path)


def test_problems_of_a_log_are_seen():
    log = "Overfull \\hbox (1.5pt too wide)\nOverfull \\hbox (2.5pt too wide)\n! Bad.\nall right\n"
    assert problems(log) == ["Overfull \\hbox (2.5pt too wide)", "! Bad."]
