"""How large the page of a report is, how soon it can be used, and how fast its run table filters, in Chromium.

    python benchmarks/page.py                 # 24, 200 and 1,000 runs
    python benchmarks/page.py 1000 --keep DIR # of one size; the results folders stay in DIR

The runs are invented (`tests/report/conftest.py`), of 10 epochs of 25 steps on images of 8 x 8 pixels, 5 seeds a
setting.  Prints the page's size, how long the report took, and, as medians over a few loads: the milliseconds until
DOMContentLoaded and until the run table can be used, and those of a filter, a sort and a grouping, each with everything
that follows from it and until the next frame is painted.  Needs chromium, chromedriver and selenium.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.report.conftest import Invented, Outcome

from handgrad.report import build_report

LOADS = 5
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
BATCHES = (8, 16, 32, 64)
CLASSES = list("0123456789")

ACTION = """
const done = arguments[arguments.length - 1], began = performance.now();
const page = document;
%s
requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
"""
TYPE = "const box = page.querySelector('%s'); box.value = '%s'; box.dispatchEvent(new Event('input', {bubbles: true}));"


def results_of(folder: Path, runs: int) -> Path:
    """A results folder of so many invented runs."""
    hidden = list(range(4, 4 + max(1, runs // (5 * len(RATES) * len(BATCHES)))))
    grid = {"training": {"optimizer": {"lr": list(RATES)}, "batch_size": list(BATCHES)}, "network": {"hidden": hidden}}
    if runs < 100:
        grid = {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6, 8, 10]}}
    tables = {"seeds": 3 if runs < 100 else 5, "grid": grid}

    def tell(setting, seed):
        place = int(setting.label)
        if (place * 7 + seed) % 97 == 0:
            return Outcome(0.5, "diverged", epochs=10)
        return Outcome(0.6 + 0.3 * ((place * 37) % 101) / 101 + 0.004 * ((seed * 13 + place) % 5), epochs=10)

    Invented(folder, tables, tell, (8, 8), CLASSES, {})
    return folder


def measured(driver, page: Path) -> dict[str, float]:
    """Medians of milliseconds over LOADS loads of a page."""
    found: dict[str, list[float]] = {}
    for _ in range(LOADS):
        driver.get(page.resolve().as_uri())
        driver.set_script_timeout(60)
        usable = driver.execute_async_script(
            "const done = arguments[0], wait = () => window.performance.getEntriesByName('run-table').length"
            " ? done(performance.getEntriesByName('run-table')[0].startTime) : setTimeout(wait, 20); wait();"
        )
        loaded = driver.execute_script("return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        found.setdefault("DOMContentLoaded", []).append(loaded)
        found.setdefault("table usable", []).append(usable)
        time.sleep(1)  # the figures near the window are drawn
        for name, action in (
            ("filter", TYPE % ('#run-table [data-filter="val_accuracy"]', ">80")),
            ("all again", "page.querySelector('#run-table .all').click();"),
            ("sort", "page.querySelector('#run-table th[data-key=\"seed\"] .dt-column-order').click();"),
            ("group", TYPE.replace("input", "change") % ("#run-table .group", "training.optimizer.lr")),
        ):
            found.setdefault(name, []).append(driver.execute_async_script(ACTION % action))
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=int, default=[24, 200, 1000])
    parser.add_argument("--keep", type=Path, help="where results folders are made and stay")
    given = parser.parse_args()
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--window-size=1400,900"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    with tempfile.TemporaryDirectory() as scratch:
        for runs in given.runs:
            folder = (given.keep or Path(scratch)) / f"runs-{runs}"
            if not folder.exists():
                results_of(folder, runs)
            began = time.perf_counter()
            page = build_report(folder, formats=())
            took = time.perf_counter() - began
            print(f"{runs:,} runs: {page.stat().st_size / 1e6:.2f} MB, report {took:.1f} s", flush=True)
            for name, value in measured(driver, page).items():
                print(f"  {name:<18} {value:7.0f} ms", flush=True)
    driver.quit()


if __name__ == "__main__":
    main()
