"""The chapter about noise, and what a report says of the sources that its ± includes."""

import csv
import tomllib

import pytest

from handgrad.report import build_report
from handgrad.report.findings.conclusion_sentences import phase_verdicts
from handgrad.report.findings.summarize import summarize
from handgrad.report.tables.study_tables import summary_table
from handgrad.study.folder.results_folder import Results
from handgrad.study.reading.loading import make_study
from tests.report.conftest import Outcome
from tests.report.findings.test_noise import STUDY, tell
from tests.report.page.test_page import Reader


@pytest.fixture
def page(make_results):
    path = build_report(make_results(STUDY, tell), formats=["svg"])
    return path, Reader(path.read_text("utf-8")).text


def test_the_chapter_has_a_table_and_a_figure_with_the_same_numbers(page):
    path, text = page
    assert "Where noise comes from" in text
    with (path.parent / "tables" / "noise.csv").open(encoding="utf-8") as file:
        table = {row["drawn anew"]: row for row in csv.DictReader(file)}
    with (path.parent / "figures" / "noise.csv").open(encoding="utf-8") as file:
        figure = {row["source"]: row for row in csv.DictReader(file)}
    rows = ["initial weights", "order of examples", "split", "finite test set (50 examples)"]
    assert [*table] == [*rows, "sum", "all but the finite set, together"]
    for row in rows:
        assert 100 * float(table[row]["variance"]) ** 0.5 == pytest.approx(float(figure[row]["value"]))
        assert 100 * float(table[row]["variance_high"]) ** 0.5 == pytest.approx(float(figure[row]["high"]))
    assert sum(float(table[row]["share"]) for row in rows) == pytest.approx(1)


def test_the_page_says_which_sources_a_spread_includes(page):
    text = page[1]
    assert "a ± over seeds includes phase main: initial weights, order of examples, split" in text
    assert "what is not named has the first seed, 0; the split then has that of [data]" in text
    assert "standard deviation over seeds (initial weights, order of examples, split) (ddof 1)" in text
    said = "n = 12, std with ddof 1, over initial weights, order of examples, split"
    assert said in text  # beside the number at the top
    assert "Seeds vary: order of examples." in text


def test_the_data_chapter_has_one_of_the_splits(page):
    text = page[1]
    assert "each seed draws its own, of as many examples; this is the first one's" in text
    assert text.count("shape of one example") == 1


def test_the_best_setting_as_a_study_file_varies_the_same(page):
    content = page[0].read_text("utf-8")
    start = content.index("name = &#34;best&#34;") if "&#34;best" in content else content.index('name = "best"')
    text = content[start : content.index("</pre>", start)].replace("&#34;", '"').replace("&lt;", "<")
    text = text.split("</code>")[0]
    tables = tomllib.loads(text)
    assert tables["vary"] == ["init", "order", "split"]
    assert make_study(tables).spec.seeds == tuple(range(12))


def test_a_plain_study_says_what_its_seeds_are_of(make_results):
    text = Reader(build_report(make_results(), formats=[]).read_text("utf-8")).text
    assert "a ± over seeds includes initial weights, order of examples size" in text
    assert "Where noise comes from" not in text
    assert "Seeds vary" not in text


def test_settings_are_compared_over_the_sources_that_seeds_vary(make_results):
    def outcome(setting, seed):
        return Outcome((0.9 if setting.label == "1" else 0.8) + 0.01 * (seed * int(setting.label) % 3))

    tables = {"seeds": 4, "vary": ["init", "split"], "grid": {"training": {"optimizer": {"lr": [0.1, 0.01]}}}}
    (phase,) = summarize(Results.open(make_results(tables, outcome))).phases
    said = (
        "Intervals are over seeds (initial weights, split) and hold for other seeds and other splits of these examples;"
    )
    assert said in summary_table(phase, 1, "summary", "Results").caption
    texts = [one.text for one in phase_verdicts(phase)]
    assert any(" It holds for other seeds and other splits of these examples. Splits share" in text for text in texts)


def test_the_page_of_a_study_of_noise_begins_with_its_answer(page):
    text = page[1]
    assert text.index("Where the noise of the test accuracy of setting 1") < text.index("On the test set:")
