"""The figures of the page as controls: curves, parallel coordinates, two settings side by side, and no scripts."""

import csv
import time

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from handgrad.report import build_report
from handgrad.report.figures.smoothing import debiased_ema
from handgrad.study.folder.results_folder import Results
from tests.browser.conftest import shown_as
from tests.report.conftest import Outcome


@pytest.fixture
def shown(grid_page, opened):
    """The page, its plots unpacked."""
    driver = opened(grid_page)
    WebDriverWait(driver, 30).until(lambda d: d.execute_script("return document.body.classList.contains('plotted')"))
    return driver


def figure(driver, name):
    """A figure, scrolled into view and drawn."""
    found, place = driver.find_element(By.ID, f"figure-{name}"), None
    for _ in range(50):
        driver.execute_script("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", found)
        drawn = "return [...arguments[0].querySelectorAll('.plot')].every((box) => box.querySelector('.nsewdrag'))"
        ready = driver.execute_script(drawn, found)
        if ready and place == (
            place := driver.execute_script("return arguments[0].getBoundingClientRect().top", found)
        ):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{name} is not drawn")


def traces(driver, found, panel=0):
    """What plotly draws in a panel: name, mode, fill, visible x and y of each trace."""
    script = (
        "const [found, panel, done] = arguments;"
        "const shown = () => found.querySelectorAll('.plot')[panel].data.map((trace) => "
        "({meta: trace.meta, mode: trace.mode, fill: trace.fill, x: trace.x, y: trace.y, hover: trace.hovertemplate, "
        "opacity: trace.opacity, points: trace.selectedpoints, custom: trace.customdata}));"
        "requestAnimationFrame(() => requestAnimationFrame(() => done(shown())))"
    )
    return driver.execute_async_script(script, found, panel)


def lines(driver, found, panel=0):
    """The traces that are hovered, thus not bands, faint lines and arrows."""
    return [one for one in traces(driver, found, panel) if one["hover"] and one["mode"] != "markers"]


def axis(driver, found, name, panel=0):
    return driver.execute_script(f"return arguments[0].querySelectorAll('.plot')[{panel}].layout.{name}", found)


def choose(found, name, text):
    Select(found.find_element(By.CSS_SELECTOR, f".controls select[name={name}]")).select_by_visible_text(text)


def all_axes_become_logarithmic(shown, found):
    """Plotly draws an axis anew after the key that asked for it."""
    places = [(name, panel) for name in "xy" for panel in (0, 2)]
    return WebDriverWait(shown, 10).until(
        lambda _: all(axis(shown, found, f"{name}axis.type", panel) == "log" for name, panel in places)
    )


def test_curves_are_smoothed_spread_and_moved_along_other_axes(shown):
    found = figure(shown, "curves")
    bars = found.find_elements(By.CSS_SELECTOR, ".controls input, .controls select")
    assert len(bars) == 7
    assert all(shown.execute_script("return arguments[0].labels.length === 1", one) for one in bars)
    before = lines(shown, found)
    assert len(before) == 8
    assert axis(shown, found, "hovermode") == "x unified"
    assert "n = %{customdata[2]}" in before[0]["hover"]
    assert before[0]["custom"][0][2] == 3
    assert sum(one["fill"] == "toself" for one in traces(shown, found)) == 8

    slider = found.find_element(By.CSS_SELECTOR, "input[name=smooth]")
    slider.send_keys(*[Keys.PAGE_UP] * 6)
    after, w = lines(shown, found), float(slider.get_attribute("value"))
    assert w > 0.4
    for one, raw in zip(after, before, strict=True):
        assert one["y"] == pytest.approx(debiased_ema(np.array(raw["y"]), w).tolist())
    faint = [one for one in traces(shown, found) if one["opacity"] == 0.28]
    assert [one["y"] for one in faint] == [one["y"] for one in before]
    said = found.find_element(By.CLASS_NAME, "formula")
    assert said.is_displayed()
    assert "last ← w·last + (1 − w)·y, shown: last / (1 − wᵏ)" in said.text
    slider.send_keys(Keys.HOME)
    assert not said.is_displayed()

    choose(found, "seeds", "band: mean ± standard deviation (ddof 1)")
    spread = lines(shown, found)[0]
    std = (1 - 0.7 / 8) * np.std([0.0, 0.002, 0.008], ddof=1)
    assert spread["custom"][-1][1] - before[0]["y"][-1] == pytest.approx(std, abs=1e-5)
    choose(found, "seeds", "a line each")
    each = lines(shown, found)
    assert len(each) == 24
    assert not any(one["fill"] for one in traces(shown, found))
    assert "seed 0" in each[0]["hover"]
    choose(found, "x", "step")
    assert lines(shown, found)[0]["x"] == [25, 50, 75, 100]
    assert axis(shown, found, "xaxis.title.text") == "step"
    choose(found, "x", "seconds")
    assert lines(shown, found)[0]["x"] == pytest.approx([0.31, 0.62, 0.93, 1.24])
    choose(found, "x", "epoch")
    choose(found, "seeds", "band: lowest to highest")
    assert [one["y"] for one in lines(shown, found)] == [one["y"] for one in before]
    for box in found.find_elements(By.CSS_SELECTOR, ".controls input[type=checkbox]"):
        box.send_keys(Keys.SPACE)
    assert all_axes_become_logarithmic(shown, found)


def test_every_control_of_curves_is_reached_and_moved_by_keys(shown):
    found = figure(shown, "curves")
    shown.execute_script("arguments[0].querySelector('.legend button.every:last-child').focus()", found)

    def press(key):
        ActionChains(shown, duration=0).send_keys(key).perform()
        return shown.execute_script("const on = document.activeElement; return [on.name, on.value, on.checked]")

    keys = {"range": Keys.ARROW_RIGHT, "select-one": Keys.ARROW_DOWN, "checkbox": Keys.SPACE}
    moved = []
    for _ in range(7):
        name, *before = press(Keys.TAB)
        kind = shown.execute_script("return document.activeElement.type")
        moved.append((name, *before, *press(keys[kind])))
    *_, only = moved
    assert moved[:6] == [
        ("smooth", "0", False, "smooth", "0.01", False),
        ("x", "epoch", None, "x", "step", None),
        *[(name, "on", False, name, "on", True) for name in ("logX", "logY", "logY")],
        ("seeds", "range", None, "seeds", "std", None),
    ]
    assert only[:2] == ("only", "")
    (line,) = lines(shown, found)
    assert line["meta"] == only[4]
    assert axis(shown, found, "xaxis.title.text") == "step"
    assert all_axes_become_logarithmic(shown, found)


def test_a_line_is_isolated_and_all_or_none_are_shown(shown):
    found = figure(shown, "curves")
    buttons = found.find_elements(By.CSS_SELECTOR, ".legend button[data-line]")
    names = [button.get_attribute("data-line") for button in buttons]
    buttons[1].click()
    assert {one["meta"] for one in lines(shown, found)} == set(names) - {names[1]}
    buttons[1].send_keys(Keys.ENTER)
    assert len(lines(shown, found)) == 8
    ActionChains(shown).double_click(buttons[2]).perform()
    assert [one["meta"] for one in lines(shown, found)] == [names[2]]
    choose(found, "only", names[3])
    assert [one["meta"] for one in lines(shown, found)] == [names[3]]
    assert [button.get_attribute("aria-pressed") for button in buttons].count("true") == 1
    every, none = found.find_elements(By.CSS_SELECTOR, ".legend button.every")
    none.send_keys(Keys.ENTER)
    assert lines(shown, found) == []
    every.click()
    assert len(lines(shown, found)) == 8


def test_axes_leave_out_what_would_squeeze_the_others(shown):
    low, high = axis(shown, figure(shown, "ranking"), "xaxis.range")
    assert 0.85 < low < high < 1
    arrows = [one for one in traces(shown, figure(shown, "ranking")) if "beyond the axis" in (one["hover"] or "")]
    assert any("mean 20.00%" in one["hover"] for one in arrows)
    caption = shown.find_element(By.CSS_SELECTOR, "#figure-ranking figcaption").text
    assert "1 setting beyond the axis, too far from the others to be seen beside them." in caption
    texts = [one["text"] for one in axis(shown, figure(shown, "parallel-coordinates"), "annotations")]
    assert "↓ 20 %" in texts


def test_what_is_brushed_is_what_all_figures_show(shown):
    found = figure(shown, "parallel-coordinates")
    place = "const box = arguments[0].querySelector('.nsewdrag').getBoundingClientRect();"
    place += "const [left, right] = arguments[0].querySelector('.plot').layout.xaxis.range;"
    place += "return [box.left - left / (right - left) * box.width, box.top, box.height].map(Math.round)"

    def pull(start, end):
        figure(shown, "parallel-coordinates")
        x, top, height = shown.execute_script(place, found)
        actions = ActionChains(shown, duration=20)
        pointer = actions.w3c_actions.pointer_action
        pointer.move_to_location(x + 2, top + round(start * height)).pointer_down()
        pointer.move_to_location(x + 3, top + round((start + end) / 2 * height))
        pointer.move_to_location(x + 3, top + round(end * height)).pointer_up()
        actions.perform()
        time.sleep(0.4)

    pull(0.02, 0.3)  # the largest learning rate
    said = found.find_element(By.CLASS_NAME, "chosen")
    assert said.text.startswith("Selected in the parallel coordinates: 4 of 8 settings, 12 of 24 runs.")
    outputs = [one.get_attribute("textContent") for one in found.find_elements(By.CSS_SELECTOR, ".brushes output")]
    assert outputs[:2] == ["0.1", "0.1"]
    curves = figure(shown, "curves")
    labels = {one["meta"] for one in lines(shown, curves)}
    assert len(labels) == 4
    assert all("lr 0.1" in label for label in labels)
    kept = curves.find_elements(By.CSS_SELECTOR, ".legend button[data-line]")
    assert [one.is_displayed() for one in kept].count(True) == 4
    ranked = traces(shown, figure(shown, "ranking"))
    assert sum(len(one["points"]) for one in ranked if one["points"] and len(one["x"]) == 3) == 12
    effects = figure(shown, "effects")
    assert sum(len(one["points"]) for one in traces(shown, effects) if one["points"]) == 12
    pull(0.1, 0.1)  # a press lets go
    assert not said.is_displayed()
    assert len(lines(shown, figure(shown, "curves"))) == 8

    found = figure(shown, "parallel-coordinates")
    found.find_element(By.CSS_SELECTOR, ".brushes summary").send_keys(Keys.ENTER)
    sliders = {one.get_attribute("aria-label"): one for one in found.find_elements(By.CSS_SELECTOR, ".brushes input")}
    sliders["lr, from"].send_keys(Keys.ARROW_RIGHT)
    sliders["hidden, to"].send_keys(Keys.ARROW_LEFT)
    assert sliders["lr, from"].get_attribute("aria-valuetext") == "0.1"
    assert said.text.startswith("Selected in the parallel coordinates: 2 of 8 settings, 6 of 24 runs.")
    said.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert sliders["lr, from"].get_attribute("aria-valuetext") == "0.01"
    assert sliders["validation accuracy, to"].get_attribute("aria-valuetext") == "95.13 %"
    assert not said.is_displayed()


def test_a_selection_from_the_table_takes_single_runs(shown):
    found = figure(shown, "curves")
    runs = shown.execute_script("return Object.keys(figures.store.names).slice(0, 2)")
    shown.execute_script("selection.choose(new Set(arguments[0]), 'table')", runs)
    time.sleep(0.3)
    said = found.find_element(By.CLASS_NAME, "chosen").text
    assert said.startswith("Selected in the table of runs: 1 of 8 settings, 2 of 24 runs.")
    (line,) = lines(shown, found)
    assert {row[2] for row in line["custom"]} == {2}


def test_a_search_without_a_hit_is_said_in_every_figure_that_shows_runs(shown):
    figure(shown, "curves")
    search = shown.find_element(By.CSS_SELECTOR, "#run-table .search")
    search.send_keys("nothing")
    for name in ("curves", "ranking", "effects", "parallel-coordinates"):
        found = figure(shown, name)
        said = found.find_element(By.CLASS_NAME, "chosen").text
        assert said.startswith(
            "No run is chosen: none passes the search and the filters of the table of runs. Show all"
        )
        traces(shown, found)
        assert axis(shown, found, "annotations").pop()["text"] == "no run is chosen"
    assert traces(shown, figure(shown, "curves")) == []
    found.find_element(By.CSS_SELECTOR, ".chosen button").send_keys(Keys.ENTER)
    assert shown.execute_script("return document.activeElement.tagName") == "SUMMARY"  # the button is gone
    found = figure(shown, "curves")
    assert len(lines(shown, found)) == 8
    assert not [one for one in axis(shown, found, "annotations") if one["text"] == "no run is chosen"]
    assert search.get_attribute("value") == ""


def test_two_settings_and_two_runs_side_by_side(grid_page, shown):
    box = shown.find_element(By.CLASS_NAME, "side-by-side")
    shown.execute_script("arguments[0].scrollIntoView({behavior: 'instant'})", box)
    first, first_runs, second, second_runs, _ = map(Select, box.find_elements(By.TAG_NAME, "select"))
    labels = [option.text for option in first.options]
    assert len(labels) == 8
    rows = [row.text for row in box.find_elements(By.CSS_SELECTOR, ".beside tbody tr")]
    assert rows[0].startswith("validation accuracy 95.13 ± 0.42 % (n = 3, ddof 1)")
    said = box.find_element(By.CSS_SELECTOR, "p[role=status]").text
    frame = Results.open(grid_page.parents[1]).conclusions()
    low, high = (100 * frame[name].iloc[1] for name in ("low", "high"))
    ends = f"{low:+.2f} to {high:+.2f} points".replace("-", "−")
    assert said == f"7 − 8 (the best): −0.60 points, simultaneous 95 % interval {ends}: behind."
    first.select_by_visible_text(labels[1])
    second.select_by_visible_text(labels[2])
    said = box.find_element(By.CSS_SELECTOR, "p[role=status]").text
    assert "points over 3 seeds" in said
    assert len(box.find_elements(By.CSS_SELECTOR, "table.matrix")) == 2
    assert box.find_elements(By.CSS_SELECTOR, ".panel-title")[0].text.endswith("test, sum over 3 runs")
    first_runs.select_by_visible_text("seed 1")
    assert "a run beside a mean has no interval" in box.find_element(By.CSS_SELECTOR, "p[role=status]").text
    second_runs._el.send_keys(Keys.ARROW_DOWN)
    assert "One run of each shows no spread" in box.find_element(By.CSS_SELECTOR, "p[role=status]").text
    drawn = shown.execute_script("return arguments[0].querySelector('.plot').data.map((trace) => trace.meta)", box)
    assert drawn == [f"{labels[1]}, seed 1", f"{labels[2]}, seed 0"]


def test_matrices_side_by_side_show_every_class(shown):
    """Ten classes of five digits each: wider than half of the text, and than half of a tablet."""
    shown.execute_script("""
        const { side } = figures.store;
        side.classes = [..."0123456789"];
        for (const id in side.matrices) side.matrices[id] = side.classes.map(() => side.classes.map(() => 11350));
        document.querySelector(".side-by-side select").dispatchEvent(new Event("change"));
    """)
    for size, tops in (("desk", 1), ("tablet", 2)):
        shown_as(shown, size, dark=False)
        cut, rows = shown.execute_script("""
            const all = [...document.querySelectorAll(".side-by-side .matrix")].map((one) => one.parentElement);
            return [all.map((one) => one.scrollWidth - one.clientWidth),
              all.map((one) => one.getBoundingClientRect().top)];
        """)
        assert cut == [0, 0]
        assert len(set(rows)) == tops


def test_without_scripts_every_figure_is_a_picture(make_results, chromium, opened):
    grid = {"training": {"optimizer": {"lr": [0.01, 0.1]}}}
    page = build_report(make_results({"seeds": 2, "grid": grid}), formats=("png",))
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver = opened(page)
        pictures = driver.find_elements(By.CSS_SELECTOR, "figure.drawing img.static")
        plots = driver.find_elements(By.CSS_SELECTOR, "figure.drawing .screen-only")
        assert len(pictures) == len(plots) >= 5
        assert all(one.is_displayed() and int(one.get_property("naturalWidth")) > 500 for one in pictures)
        assert not any(one.is_displayed() for one in plots)
        assert not driver.find_elements(By.CLASS_NAME, "controls")
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_expected_best_has_its_band_and_no_selection_of_runs(make_results, opened):
    lr = "training.optimizer.lr"
    tables = {"seeds": 1, "random": {"runs": 12, lr: {"log_uniform": [0.001, 1.0]}}}
    folder = make_results(tables, lambda setting, seed: Outcome(0.6 + 0.1 * setting.axes[lr]))
    driver = opened(build_report(folder, formats=()))
    WebDriverWait(driver, 30).until(lambda d: d.execute_script("return document.body.classList.contains('plotted')"))
    found = figure(driver, "expected-best")
    with (folder / "report" / "figures" / "expected-best.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["line"] == "expected best"]
    known = [row for row in rows if "nan" not in (row["low"], row["high"])]
    band = next(one for one in traces(driver, found) if one["fill"])
    assert band["x"][: len(known)] == [float(row["settings_tried"]) for row in known]
    ends = [float(row["high"]) for row in known] + [float(row["low"]) for row in reversed(known)]
    assert band["y"] == pytest.approx(ends, rel=1e-5)
    driver.execute_script("selection.choose(new Set([Object.keys(figures.store.names)[0]]), 'table')")
    said = figure(driver, "slices").find_element(By.CLASS_NAME, "chosen")
    assert said.text.startswith("Selected in the table of runs: 1 of 12 settings, 1 of 12 runs.")
    assert not found.find_elements(By.CLASS_NAME, "chosen")  # it shows no run, and changes with none
