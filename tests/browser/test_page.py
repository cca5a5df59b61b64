"""The page opens in a browser at three widths, light and dark, and fits."""

import re

import pytest

from tests.browser.conftest import SIZES


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_its_window(page, opened, size, dark):
    driver = opened(page(), size, dark)
    assert driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 384) is dark, background


def test_a_selection_is_told_to_who_listens(page, opened):
    driver = opened(page())
    told = driver.execute_script(
        "let told = null; document.addEventListener('handgrad:selection', (event) => { told = event.detail.by; });"
        "selection.choose(new Set(['one']), 'test'); return [told, selection.has('one'), selection.has('two')];"
    )
    assert told == ["test", True, False]
