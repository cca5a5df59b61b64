"""The page opens in a browser at three widths, light and dark, and fits."""

import re
import time

import pytest

from tests.browser.conftest import SIZES, shown_as


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_its_window(grid_page, opened, size):
    driver = opened(grid_page, size)
    for dark in (False, True):
        shown_as(driver, size, dark)
        assert driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 384) is dark, background


def test_a_selection_is_told_to_who_listens(grid_page, opened):
    driver = opened(grid_page)
    told = driver.execute_script(
        "let told = null; document.addEventListener('handgrad:selection', (event) => { told = event.detail.by; });"
        "selection.choose(new Set(['one']), 'test'); return [told, selection.has('one'), selection.has('two')];"
    )
    assert told == ["test", True, False]


def test_a_link_leads_to_its_place_though_figures_above_are_drawn_late(grid_page, opened):
    driver = opened(f"{grid_page.resolve().as_uri()}#times")
    top = "return document.getElementById('times').getBoundingClientRect().top"
    for _ in range(100):
        before, now = driver.execute_script(top), (time.sleep(0.2), driver.execute_script(top))[1]
        ready = driver.execute_script("return document.body.classList.contains('plotted')")
        if ready and before == now:
            break
    assert 0 <= driver.execute_script(top) < 100


def test_a_damaged_link_is_answered(grid_page, opened):
    driver = opened(f"{grid_page.resolve().as_uri()}#run-%E0%A4")
    said = "return document.querySelector('.detail') && document.querySelector('.detail h3').textContent"
    for _ in range(100):
        if text := driver.execute_script(said):
            break
        time.sleep(0.1)
    assert text == "This study has no run %E0%A4"
