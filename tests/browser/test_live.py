"""The live page: a study's runs come and end while a browser looks, and the server ends with the study."""

import json
import threading
import time

import pytest

pytest.importorskip("selenium", reason="needs selenium")

from handgrad.report.live import watching
from tests.browser.axe_core import findings
from tests.browser.conftest import Opened
from tests.report.live.running import RunningStudy


class Watched:
    """`watch` in a thread of this process."""

    def __init__(self, folder):
        self.said = []
        self.thread = threading.Thread(target=watching.watch, args=(folder,), kwargs={"say": self.said.append})
        self.thread.start()
        deadline = time.monotonic() + 60
        while not self.said and time.monotonic() < deadline:
            time.sleep(0.05)
        self.url = self.said[0].split()[-1]


def until(condition, seconds=120):
    """Wait for a condition -> what it came to."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


@pytest.fixture
def study(make_results, tmp_path):
    with RunningStudy(make_results(), tmp_path / "running") as running:
        yield running


FRAME = "document.querySelector('iframe:not(.coming)')"


def in_frame(driver, script):
    """The value of an expression in which `page` is the report's document."""
    return driver.execute_script(f"const frame = {FRAME}, page = frame && frame.contentDocument; return {script};")


def test_a_study_is_watched_from_its_first_run_to_its_end(study, opened: Opened, axe):
    ended = study.left[:2]
    study.finish(2)
    watched = Watched(study.folder)
    driver = opened(watched.url)

    def text(what="page.body.innerText"):
        return in_frame(driver, f"page ? {what} : ''")

    def version():
        return int(in_frame(driver, "frame ? frame.dataset.version || 0 : 0"))

    until(lambda: "2 of 12 runs have ended" in text())
    driver.execute_script(axe)
    assert findings(driver, outside=["iframe"]) == []
    assert "Preliminary: the study is running" in text()
    assert "best setting so far" in text()
    assert driver.title.endswith("(live)")
    status = driver.find_element("id", "message")
    assert status.text == "The study is running, 2 of 12 runs have ended"

    # a run in progress: its epochs and curves are there, and what the reader did to the page is as it was
    until(lambda: in_frame(driver, "page.body.classList.contains('plotted')"))
    in_frame(driver, "page.querySelector('details:not([open])').open = true")
    in_frame(driver, "page.querySelector('figure .legend button[data-line]').click()")
    runs = f"{{runs: new Set({json.dumps(ended)}), by: 'test'}}"
    chosen = f"page.dispatchEvent(new CustomEvent('handgrad:choose', {{detail: {runs}}}))"
    in_frame(driver, chosen)
    driver.switch_to.frame(driver.find_element("css selector", "iframe:not(.coming)"))
    line = driver.find_element("css selector", "figure .legend button[data-line]")
    driver.execute_script("arguments[0].focus()", line)
    driver.switch_to.default_content()
    focused = in_frame(driver, "page.activeElement.dataset.line")
    assert focused
    in_frame(driver, "page.getElementById('data').scrollIntoView({behavior: 'instant'})")
    top = "page.getElementById('data').getBoundingClientRect().top"
    until(lambda: in_frame(driver, top) == (time.sleep(0.5), in_frame(driver, top))[1])  # plots above it are drawn
    at = in_frame(driver, top)
    seen = version()
    study.begin(epochs=3)
    until(lambda: version() > seen)
    until(lambda: driver.execute_script("return document.querySelectorAll('iframe').length") == 1)
    assert "Runs that have begun" in text("page.querySelector('#in-progress h2').textContent")
    assert "seed 2 at epoch 3 of" in text()
    assert abs(in_frame(driver, top) - at) < 3
    assert in_frame(driver, "page.querySelectorAll('details[open]').length") >= 1
    assert in_frame(driver, "page.querySelectorAll('.legend button[aria-pressed=false]').length") == 1
    assert in_frame(driver, "[[...frame.selected.runs], frame.selected.by]") == [ended, "test"]
    assert in_frame(driver, "page.activeElement.dataset.line") == focused

    # text that is selected holds the page as it is, until it is not selected any more
    seen = version()
    in_frame(driver, "page.getSelection().selectAllChildren(page.querySelector('h1'))")
    study.finish(2)
    until(lambda: "text is selected" in driver.find_element("id", "note").text)
    assert version() == seen
    assert status.text.startswith("The study is running, 2 of 12 runs have ended")  # as the page that is shown
    in_frame(driver, "page.getSelection().removeAllRanges()")
    until(lambda: "4 of 12 runs have ended" in text())

    # the end
    study.end()
    until(lambda: status.text.startswith("The study is over, 12 of 12 runs have ended. Its report"))
    until(lambda: "this server has ended" in driver.find_element("id", "note").text)
    assert "Preliminary" not in text()
    watched.thread.join(300)
    assert not watched.thread.is_alive()
    assert watched.said[-1] == status.text
    assert not (study.folder / "report").exists()  # the results folder was only read
