"""axe-core finds nothing to mend in the pages: names, roles, landmarks, order of headings, contrast, scrolled regions.

Its rules are those of WCAG 2.0 to 2.2, A and AA, and its best practices.  Of a plot the box is looked at, a picture
with a name, and not the hundreds of parts that plotly draws in it.
"""

import time

import pytest

from handgrad.report.explained.explained_chapter import explained_chapters, explained_tiles, explained_verdicts
from handgrad.report.findings.summarize import summarize
from handgrad.report.page.page import Page, render
from handgrad.report.past.index_page import write_index
from handgrad.report.past.past_studies import read_studies
from handgrad.study.folder.results_folder import Results
from tests.browser.axe_core import findings
from tests.browser.conftest import shown_as
from tests.report.explained.conftest import explained  # noqa: F401


def both_ways(driver):
    """Of a page that was opened light, and the colours of it dark."""
    found = findings(driver)
    shown_as(driver, "desk", dark=True)
    return found + findings(driver, ["color-contrast"])


@pytest.fixture
def used(grid_page, opened):
    """The page, with everything open that opens."""
    driver = opened(f"{grid_page.resolve().as_uri()}#setting-8")
    driver.set_script_timeout(120)
    ready = "return document.body.classList.contains('plotted') && document.querySelector('.detail .facts') !== null"
    for _ in range(300):
        if driver.execute_script(ready):
            break
        time.sleep(0.05)
    driver.execute_script(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; });"
        "document.querySelector('.legend button[data-line]').click();"
        "const box = document.querySelector('[data-filter=val_accuracy]'); box.value = 'many';"
        "box.dispatchEvent(new Event('input'));"
    )
    return driver


def test_nothing_is_found_on_the_page_of_a_study(used, axe):
    used.execute_script(axe)
    assert both_ways(used) == []
    assert len(used.find_elements("css selector", ".columns[open] input")) > 10
    shown_as(used, "phone", dark=False)
    assert findings(used) == []


def test_nothing_is_found_on_the_pages_of_an_explanation_and_of_many_studies(
    make_results,
    explained,  # noqa: F811
    tmp_path,
    opened,
    axe,
):
    results = make_results(name="studies/one")
    found, summary = explained([0.9, 0.5], [0.9, 0.7], [0.2, 0.7]), summarize(Results.open(results))
    page = Page(tmp_path, ())
    contents = [page.chapter(chapter) for chapter in explained_chapters(found, summary)]
    text = render(page, summary, contents, explained_verdicts(found), explained_tiles(found))
    (tmp_path / "explained.html").write_text(text, encoding="utf-8")
    for path in (tmp_path / "explained.html", write_index(tmp_path / "studies", read_studies(tmp_path / "studies"))):
        driver = opened(path)
        driver.execute_script(axe)
        assert both_ways(driver) == []
