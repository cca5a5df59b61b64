"""The run table, the tables of settings and the sections of runs and settings, by mouse and keyboard."""

import time
from contextlib import suppress

import pytest

from handgrad.decimals import decimals, significant
from handgrad.report import build_report
from handgrad.report.findings.wording import seconds
from handgrad.study.changes import shown
from tests.report.conftest import Invented, Outcome

LR = "training.optimizer.lr"
EVIL = "<b>&\"'</b>"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Fourteen settings, two seeds; one run diverged; a class that is markup."""
    folder = tmp_path_factory.mktemp("table") / "results"
    rates = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.1]
    grid = {"training": {"optimizer": {"lr": rates}}, "network": {"activation": ["relu", "tanh"]}}

    def tell(setting, seed):
        status = "diverged" if (setting.label, seed) == ("3", 1) else "done"
        return Outcome(0.6 + 0.02 * int(setting.label) + 0.002 * seed, status, epochs=6)

    Invented(folder, {"seeds": 2, "grid": grid}, tell, (8, 8), ["a", EVIL], {})
    return build_report(folder, formats=())


class Table:
    """The page's run table, and what is done to it."""

    def __init__(self, driver):
        self.driver = driver
        self.wait("return performance.getEntriesByName('run-table').length")
        self.wait("return document.body.classList.contains('plotted')")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        for _ in range(200):
            if found := self.run(script, *arguments):
                return found
            time.sleep(0.05)
        raise AssertionError(script)

    def find(self, css, nth=0):
        """An element, in the middle of the window, once the figures around it are drawn and it stays where it is."""
        found, place = self.driver.find_elements("css selector", css)[nth], None
        for _ in range(100):
            self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found)
            before, place = place, self.run("return arguments[0].getBoundingClientRect().top", found)
            if place == before:
                break
            time.sleep(0.05)
        return found

    def click(self, css, after):
        """Press until `after` is there: a figure that is drawn above at that moment moves what is pressed."""
        from selenium.common.exceptions import ElementClickInterceptedException

        for _ in range(5):
            with suppress(ElementClickInterceptedException):
                self.find(css).click()
            for _ in range(20):
                if self.driver.find_elements("css selector", after):
                    return
                time.sleep(0.05)
        raise AssertionError(after)

    def column(self, key):
        """The cells of a column, as they stand on this page of the table."""
        return self.run(
            "const i = [...document.querySelectorAll('.runs thead tr:first-child th')]"
            ".findIndex((one) => one.dataset.key === arguments[0]);"
            "return [...document.querySelectorAll('.runs tbody tr')].map((row) => row.cells[i].textContent);",
            key,
        )

    def type(self, css, text):
        self.find(css).clear()
        self.find(css).send_keys(text)

    def filter(self, key, text):
        self.type(f"[data-filter='{key}']", text)

    @property
    def said(self):
        return self.find("#run-table .said").text

    @property
    def selected(self):
        return self.run("return selection.runs && selection.runs.size")


def numbers(cells):
    return [float(cell) for cell in cells if cell]


def test_numbers_are_written_as_everywhere(report, opened):
    values = [1e6, 1_000_000, 1234567.0, 2.5e5, 0.1, 1e-4, 1e-5, 2.5e-7, -3e-5, 0.0, 0.1234567, 1e15, 9.99996e-5]
    values += [9 / 32, 0.58445, 0.5844500001, 0.28945, 12345.6, 99.995, 57 / 20_000, 2 / 3, 1.0, 1e-9, 123.45]
    driver = opened(report)
    ways = {
        "number": shown,
        "percent": lambda value: decimals(value, shift=2),
        "metric": significant,
        "seconds": seconds,
    }
    for form, way in ways.items():
        texts = driver.execute_script(
            "return arguments[0].map((one) => runValues.text(one, arguments[1]))", values, form
        )
        assert texts == [way(value) for value in values], form


def test_filters_compare_what_is_shown(report, opened):
    driver = opened(report)
    values = [0.95139, 0.951449, 0.9515, 0.9513]  # shown: 95.14, 95.14, 95.15, 95.13
    for typed, passes in {
        ">= 95.14": [True, True, True, False],
        "> 95.14": [False, False, True, False],
        "<= 95.14": [True, True, False, True],
        "95.14 .. 95.15": [True, True, True, False],
        "95.14": [True, True, False, False],
        "95.1449": [False, True, False, False],  # as it is, digit by digit
    }.items():
        script = "return arguments[0].map(runValues.test(arguments[1], { form: 'percent' }))"
        assert driver.execute_script(script, values, typed) == passes, typed


def test_it_sorts_filters_searches_and_groups(report, opened):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select

    table = Table(opened(report))
    assert table.said == "28 runs"
    best_first = numbers(table.column("val_accuracy"))
    assert best_first == sorted(best_first, reverse=True)
    assert best_first[0] == 88.2
    Select(table.find(".dt-length select")).select_by_visible_text("all")
    head = table.find("th[data-key='val_accuracy'] .dt-column-order")
    for key in (Keys.ENTER, " "):
        head = table.find("th[data-key='val_accuracy'] .dt-column-order")
        head.send_keys(key)
        cells = table.column("val_accuracy")
        assert cells[-1] == ""  # the run that diverged is last both ways
        values = numbers(cells)
        assert values in (sorted(values), sorted(values, reverse=True))
        assert len(values) == 27
    table.click(f"th[data-key='{LR}'] .dt-column-order", f"th[data-key='{LR}'][aria-sort]")
    assert numbers(table.column(LR)) == sorted(numbers(table.column(LR)))

    table.filter("val_accuracy", ">80")
    assert min(numbers(table.column("val_accuracy"))) > 80
    assert table.said == "9 of 28 runs"
    assert table.selected == 9
    table.filter("val_accuracy", "80 .. 84.1")
    assert all(80 <= value <= 84.1 for value in numbers(table.column("val_accuracy")))
    table.filter("val_accuracy", "84 ..")
    assert min(numbers(table.column("val_accuracy"))) >= 84
    table.filter("val_accuracy", "84 .. 80")
    assert "84 .. 80” is no filter" in table.said
    table.filter("val_accuracy", "= 84.2")
    assert set(numbers(table.column("val_accuracy"))) == {84.2}
    table.filter("val_accuracy", "many")
    assert table.find("[data-filter='val_accuracy']").get_attribute("aria-invalid") == "true"
    wrong = "28 runs. “many” is no filter of validation accuracy % and lets all pass; filters are a number"
    assert table.said.startswith(wrong)
    table.filter("val_accuracy", "")
    table.filter(LR, "0.1, 0.004")
    assert set(numbers(table.column(LR))) == {0.1, 0.004}
    Select(table.find("[data-filter='network.activation']")).select_by_value("tanh")
    assert set(table.column("network.activation")) == {"tanh"}
    assert table.selected == 4
    table.find("#run-table .all").send_keys(Keys.ENTER)
    assert "search" in table.run("return document.activeElement.className")  # what was pressed is gone
    assert (table.said, table.selected) == ("28 runs", None)
    table.type("#run-table .search", "diverged tanh")
    assert table.said == "0 of 28 runs"
    table.type("#run-table .search", "diverged")
    assert table.column("status") == ["diverged"]
    table.find("#run-table .all").click()

    Select(table.find("#run-table .group")).select_by_value(LR)
    cells = table.column("val_accuracy")
    assert len(cells) == 7
    assert cells[0] == "87.10\u00a0±\u00a01.16"  # of 86.0, 86.2, 88.0 and 88.2
    assert any("(3 of 4)" in cell for cell in cells)
    table.find(".runs tbody .only").send_keys(Keys.ENTER)
    assert "group" in table.run("return document.activeElement.className")
    assert set(table.column(LR)) == {"0.1"}
    assert table.said == "4 of 28 runs"


def test_it_shows_what_others_choose_and_gives_what_it_shows(report, opened):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    driver = opened(report, "tablet", dark=True)
    table = Table(driver)
    table.filter("seed", "1")
    ids = table.run("return [...document.querySelectorAll('.runs tbody a')].map((one) => one.textContent).slice(0, 6)")
    chosen = ids[0], ids[2]
    table.run("selection.choose(new Set(arguments[0]), 'parallel')", chosen)
    assert set(table.column("id")) == set(chosen)
    assert table.said == "2 of 28 runs, chosen in parallel"
    table.find("#run-table .all").click()
    assert (table.said, table.selected) == ("28 runs", None)

    table.filter("val_accuracy", ">88")
    table.find(".columns summary").send_keys(Keys.ENTER)
    boxes = {one.text: one for one in driver.find_elements("css selector", ".columns label")}
    ActionChains(driver).send_keys(Keys.TAB, " ").perform()  # the first one, with keys alone
    assert table.run("return document.activeElement.parentElement.textContent.trim()") == "run"
    ActionChains(driver).send_keys(" ").perform()
    boxes["training loss"].click()
    boxes["steps"].find_element("css selector", "input").send_keys(" ")
    ActionChains(driver).send_keys(Keys.ESCAPE).perform()
    assert table.run("return document.activeElement.textContent") == "Columns"
    assert not table.run("return document.querySelector('.columns').open")
    heads = [one.get_attribute("data-key") for one in driver.find_elements("css selector", ".runs th")]
    assert "steps" in heads
    assert "train_loss" not in heads
    table.run("document.execCommand = () => { window.copied = document.activeElement.value; return true; }")
    table.find(".buttons-copy").click()
    rows = [line.split("\t") for line in table.wait("return window.copied").splitlines()]
    assert rows[0][:3] == ["run", "setting", "lr"]
    assert [row[1:3] for row in rows[1:]] == [["14", "0.1"]]
    table.find(".buttons-copy", 1).click()
    table.wait('return window.copied.startsWith(\'"run","setting","lr"\')')
    table.run("URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return '#'; }")
    table.find(".buttons-csv").click()
    lines = table.wait("return window.saved").splitlines()
    assert lines[0].startswith('"run","setting","lr","activation","seed","status","validation accuracy %"')
    assert len(lines) == 2


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_runs_and_settings_have_sections(report, opened, size):
    from selenium.webdriver.common.keys import Keys

    driver = opened(report, size)
    table = Table(driver)
    link = table.find(".runs tbody a[href^='#run-']")
    link.send_keys(Keys.ENTER)
    name = link.text
    table.wait("return document.getElementById('run-' + arguments[0])", name)
    assert table.run("return document.activeElement.id") == f"run-{name}"
    text = table.find(".detail").text
    for words in (
        "88.20 %",
        "python 3.11.7",
        f"handgrad run run-{name}.toml",
        EVIL,
        "Its worst mistakes",
        "dense 6 relu",
    ):
        assert words in text, words
    assert "seeds = [1]" in text
    table.wait("return document.querySelectorAll('.detail .plot .main-svg').length >= 3")
    assert table.run("return document.documentElement.scrollWidth <= window.innerWidth")
    table.find(".detail a[href='#setting-14']").click()
    table.wait("return document.getElementById('setting-14')")
    text = table.find(".detail").text
    assert "against the best" in text
    assert "seeds = [0, 1]" in text
    assert len(driver.find_elements("css selector", ".detail a[href^='#run-']")) == 2
    table.find(".detail").send_keys(Keys.ESCAPE)
    table.wait("return document.getElementById('run-' + arguments[0])", name)  # where the reader came from
    table.find(".detail").send_keys(Keys.ESCAPE)
    table.wait("return !document.querySelector('.detail')")
    assert table.run("return document.activeElement.textContent") == name
    for section in (f"run-{name}", "setting-14"):  # there and back again
        driver.forward()
        table.wait("return document.getElementById(arguments[0])", section)
    table.find(".detail").send_keys(Keys.ESCAPE)
    table.wait("return document.getElementById('run-' + arguments[0])", name)
    table.find(".detail").send_keys(Keys.ESCAPE)
    table.wait("return !document.querySelector('.detail')")
    assert table.run("return document.activeElement.textContent") == name
    driver.execute_script("document.querySelector('nav a').click()")  # then a section, from a chapter
    table.find(".runs tbody a[href^='#setting-']").send_keys(Keys.ENTER)
    table.wait("return document.activeElement.id").startswith("setting-")
    table.find(".detail").send_keys(Keys.ESCAPE)
    table.wait("return !document.querySelector('.detail')")

    driver.get(f"{report.resolve().as_uri()}#setting-3")  # a link that was sent
    table = Table(driver)
    table.wait("return document.getElementById('setting-3')")
    table.find(".detail a[href^='#run-'] ").click()
    table.wait("return document.querySelector('.detail h3').textContent.startsWith('Run')")
    driver.get(f"{report.resolve().as_uri()}#run-nothing")
    table.wait("return document.querySelector('.detail')")
    assert "This study has no run nothing" in table.find(".detail").text
    table.find(".detail .back").click()
    table.wait("return /^Run (?!nothing)/.test(document.querySelector('.detail h3').textContent)")
    table.find(".detail").send_keys(Keys.ESCAPE)
    table.wait("return document.getElementById('setting-3')")
    table.find(".detail").send_keys(Keys.ESCAPE)  # where the link led: the page without a section
    table.wait("return !document.querySelector('.detail')")
    assert table.run("return document.activeElement.getAttribute('href')") == "#setting-3"


def test_tables_of_settings_show_ten_and_sort_by_keyboard(report, opened):
    from selenium.webdriver.common.keys import Keys

    driver = opened(report)
    table = Table(driver)
    shown = "return [...document.querySelectorAll('#table-summary tbody tr')].filter((row) => row.offsetHeight).length"
    assert table.run(shown) == 10
    more = table.find("#table-summary .more")
    assert more.text == "Show all 14 rows"
    more.send_keys(Keys.ENTER)
    assert table.run(shown) == 14
    assert more.get_attribute("aria-expanded") == "true"
    more.click()
    assert table.run(shown) == 10
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert table.run(shown) == 14
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    cells = (
        "[...document.querySelectorAll('#table-summary tbody tr')].map((row) => row.cells[arguments[0]].textContent)"
    )
    heads = [one.text for one in driver.find_elements("css selector", "#table-summary thead th")]
    at = heads.index("difference from best, points")
    for key in (Keys.ENTER, " "):
        table.find("#table-summary thead .sort", at).send_keys(key)
        found = table.run(f"return {cells}", at)
        empty = [cell in ("", "–") for cell in found]
        assert empty == sorted(empty)
        values = [float(cell.split(" ")[0].replace("−", "-")) for cell in found if cell not in ("", "–")]
        assert values in (sorted(values), sorted(values, reverse=True))
    link = table.find("#table-summary tbody a")
    assert link.get_attribute("href").endswith(f"#setting-{link.text}")


def test_a_setting_that_two_phases_list_belongs_to_both_and_phases_are_compared(make_results, opened):
    from selenium.webdriver.support.ui import Select

    tables = {
        "seeds": 3,
        "training": {"batch_size": 8},
        "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}},
        "phase": [{"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}}],
    }
    values = {"1": 0.8, "2": 0.9, "2_1": 0.85}
    folder = make_results(tables, lambda setting, seed: Outcome(values[setting.label] + 0.01 * seed))
    table = Table(opened(build_report(folder, formats=())))
    assert set(table.column("phase")) == {"main", "main, batch size", "batch size"}
    Select(table.find("#run-table .group")).select_by_value("phase")
    counts = dict(zip(table.column("phase"), table.column("n"), strict=True))
    assert counts == {"main": "6", "batch size": "6"}
    assert table.said == "9 runs. A run counts in each phase that lists its setting"
    assert table.find(".dt-info").text == "2 groups"
    Select(table.find("#run-table .group")).select_by_value("")
    Select(table.find("[data-filter='phase']")).select_by_value("batch size")
    assert table.said == "6 of 9 runs"
    assert set(table.column("setting")) == {"2", "2_1"}
    table.find("th[data-key='phase'] .dt-column-order").click()
    Select(table.find("#run-table .group")).select_by_value("training.optimizer.lr")
    assert table.find(".dt-info").text == "1 group"

    box = table.find(".side-by-side")
    first, _, second, _, _ = map(Select, box.find_elements("tag name", "select"))
    first.select_by_visible_text("main, 1: lr 0.01")
    second.select_by_visible_text("batch size, 2_1: batch size 16")
    said = box.find_element("css selector", "p[role=status]").text
    assert said.startswith("2_1 − 1: +5.00 points over 3 seeds")
    rows = [row.text for row in box.find_elements("css selector", ".beside tbody tr")]
    assert rows[1:] == ["lr 0.01 0.1", "batch size 8 16"]

    table.run("window.location.hash = '#setting-2'")
    table.wait("return document.querySelector('.detail .facts')")
    assert "phases that list it\nmain, batch size" in table.find(".detail").text
