"""The index page: a row for every study, links that lead somewhere, offline, and never over a file of the user's."""

import re
from html.parser import HTMLParser

import pytest

from handgrad.errors import ResultsError
from handgrad.report.past.index_page import write_index
from handgrad.report.past.past_studies import read_studies

GRID = {"seeds": 2, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}


class Links(HTMLParser):
    """The tags of a page, and where its links lead."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for key, value in attrs if key in ("href", "src")]


@pytest.fixture
def many(make_results, tmp_path):
    """A folder with a study that has a report and an earlier one, and a damaged one."""
    for name, title in (("a b", "Rates <of> learning"), ("c", "Other")):
        make_results({**GRID, "title": title}, name=f"many/{name}")
    for report in ("report", "earlier-1/report"):
        (tmp_path / "many" / "a b" / report).mkdir(parents=True)
        (tmp_path / "many" / "a b" / report / "index.html").write_text("report")
    (tmp_path / "many" / "c" / "plan.json").write_text("{")
    return tmp_path / "many"


def test_every_study_has_a_row_and_its_links_lead_to_reports(many):
    path = write_index(many, read_studies(many))
    text = path.read_text("utf-8")
    page = Links(text)
    assert page.links == ["a%20b/report/index.html", "a%20b/earlier-1/report/index.html"]
    assert "Rates &lt;of&gt; learning" in text
    assert re.search(r"<strong>2</strong>: lr 0.1", text)
    assert "validation accuracy" in text
    assert re.search(r'<td colspan="3" class="problem">[^<]*c/plan.json: is not a plan of handgrad', text)
    assert "script" not in page.tags
    assert not re.search(r"https?://", text)
    assert "prefers-color-scheme: dark" in text


def test_it_is_made_anew_and_nothing_else_is_written_over(many):
    path = write_index(many, read_studies(many))
    assert write_index(many, read_studies(many)) == path
    ours = path.read_text("utf-8")
    for text in (ours.replace("Studies in", "My studies in"), ours + "\n", "<html>mine</html>"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(
            ResultsError, match=r"index.html: was not written by handgrad, or was changed since; move it"
        ):
            write_index(many, read_studies(many))
        assert path.read_text("utf-8") == text


def test_a_folder_of_one_study_gets_no_index(many):
    with pytest.raises(ResultsError, match="is the results folder of one study; --page is for the folder that holds"):
        write_index(many / "a b", read_studies(many / "a b"))
    assert not (many / "a b" / "index.html").exists()
