"""axe-core, which looks at a page in a browser for what keeps people from using it."""

import importlib.resources

import pytest

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe():
    """The script of axe-core, from the package axe-playwright-python, of which nothing else is used."""
    return importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def findings(driver, rules=RULES, outside=(".svg-container",)):
    """What axe-core finds on the page as it stands, a line each, but for the elements `outside`."""
    run = (
        "const [rules, outside, done] = arguments;"
        "axe.run({exclude: outside}, {runOnly: rules, resultTypes: ['violations']})"
        ".then(({violations}) => done(violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => "
        "`${id}: ${target} ${failureSummary}`))), (error) => done([String(error)]))"
    )
    return driver.execute_async_script(run, rules, [[one] for one in outside])
