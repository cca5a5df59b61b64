"""The page in a real browser: Chromium without a window, driven by selenium; skipped where there is none."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handgrad.report import build_report
from handgrad.study.planning.planned import PlannedSetting
from tests.browser.axe_core import axe  # noqa: F401
from tests.prints import prints_are_drawn_once  # noqa: F401  (a fixture of every test here)
from tests.report.conftest import Invented, Outcome, make_results  # noqa: F401

REQUIRED = bool(os.environ.get("HANDGRAD_BROWSER_REQUIRED"))  # set by .ci/run
COLLAPSED = 5  # the setting of `grid_page` that learns nothing
SIZES = {"desk": (1400, 900), "tablet": (800, 1000), "phone": (390, 844)}

Opened = Callable[..., Any]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A driver; every address but file: and 127.0.0.1 is unreachable for its pages."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        said = "needs chromium and chromedriver: apt install chromium chromium-driver"
        if REQUIRED:
            pytest.fail(said)
        pytest.skip(said)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield found
    found.quit()


def shown_as(driver: Any, size: str, dark: bool) -> None:
    """Give the window this size, and the page light or dark colours, without loading it again."""
    width, height = SIZES[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [scheme]})


@pytest.fixture
def opened(chromium: Any) -> Iterator[Opened]:
    """opened(file, size="desk", dark=False) -> the driver on that page.  After the test: no console message, and no
    request to anywhere but the page itself and what is inside it."""
    chromium.get_log("browser"), chromium.get_log("performance")

    def show(page: Path | str, size: str = "desk", dark: bool = False) -> Any:
        shown_as(chromium, size, dark)
        chromium.get(page.resolve().as_uri() if isinstance(page, Path) else page)
        return chromium

    yield show
    messages = [entry["message"] for entry in chromium.get_log("browser")]
    asked = [_address(entry["message"]) for entry in chromium.get_log("performance")]
    chromium.get("about:blank")
    own = ("file:", "data:", "blob:", "about:", "http://127.0.0.1")
    assert messages == []
    assert [one for one in asked if one and not one.startswith(own)] == []


def _address(message: str) -> str:
    """The address of a request in a line of the performance log; empty where it is no request."""
    event = json.loads(message)["message"]
    return event["params"]["request"]["url"] if event["method"] == "Network.requestWillBeSent" else ""


@pytest.fixture(scope="session")
def grid_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """index.html of 2 x 2 x 2 settings, one of which learns nothing, and three seeds, without pictures for print."""
    folder = tmp_path_factory.mktemp("grid") / "results"
    grid = {"training": {"optimizer": {"lr": [0.01, 0.1]}, "batch_size": [8, 16]}, "network": {"hidden": [4, 6]}}

    def tell(setting: PlannedSetting, seed: int) -> Outcome:
        label = int(setting.label)
        return Outcome(0.2, collapsed=1) if label == COLLAPSED else Outcome(0.9 + 0.006 * label + 0.002 * seed**2)

    Invented(folder, {"seeds": 3, "grid": grid}, tell, (8, 8), list("abcde"), {})
    return build_report(folder, formats=())
