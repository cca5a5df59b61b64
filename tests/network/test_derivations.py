"""The derivation pages: their Python runs and prints what they say, their links lead somewhere, nothing is missing.

A page's Python blocks run in one namespace, in order.  A ```text block right after one is what it prints.  A number
after the word "error" may differ by rounding from machine to machine: it has to be within the tolerance of
central differences and within a factor 100 of the printed one.  Everything else has to be equal.
"""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

from handgrad.network.activations import ACTIVATIONS
from handgrad.network.gradcheck import TOLERANCES
from handgrad.network.initializers import INITIALIZERS
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES

FOLDER = Path(__file__).parents[2] / "docs" / "derivations"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
ERROR = re.compile(r"(error[^0-9]*)([0-9.]+e[+-][0-9]+)")


def run(page: str) -> list[tuple[str, str]]:
    """(what the page says, what was printed) for every Python block."""
    namespace: dict[str, Any] = {}
    results = []
    for code, said in BLOCK.findall(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "page", "exec"), namespace)
        results.append((said, printed.getvalue()))
    return results


def disagreements(said: str, printed: str) -> list[str]:
    """What differs between the two, beyond the rounding of errors."""
    found = []
    if ERROR.sub(r"\1", said) != ERROR.sub(r"\1", printed):
        found.append(f"the page says {said!r}, printed is {printed!r}")
    for (_, old), (_, new) in zip(ERROR.findall(said), ERROR.findall(printed), strict=False):
        if not float(new) <= TOLERANCES["central differences"]:
            found.append(f"the error {new} is too large")
        low, high = sorted(max(float(error), 1e-11) for error in (old, new))
        if high > 100 * low:
            found.append(f"the page says {old}, printed is {new}")
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_python_of_a_page_prints_what_the_page_says(path):
    results = run(path.read_text(encoding="utf-8"))
    assert results
    assert [line for said, printed in results for line in disagreements(said, printed)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_with_a_backward_prints_its_error(path):
    page = path.read_text(encoding="utf-8")
    backwards = re.findall(r"^def (\w*backward)\(", page, re.MULTILINE)
    errors = [line for said, _ in run(page) for line in ERROR.findall(said)]
    assert len(errors) >= len(backwards)
    assert backwards or path.stem == "initializers"
    assert "False" not in page  # "handgrad's own gives the same: True"


def test_a_page_that_is_wrong_is_noticed():
    assert disagreements("error 3e-10\n", "error 5e-10\n") == []
    assert disagreements("error 3e-10\n", "error 3e-04\n")
    assert disagreements("error 3e-10; same: True\n", "error 3e-10; same: False\n")
    assert disagreements("error 3e-06\n", "error 9e-10\n")
    assert disagreements("", "error 3e-10\n")
    assert run("```python\nx = 2\n```\ntext\n```python\nprint(x)\n```\n```text\n2\n```\n") == [("", ""), ("2\n", "2\n")]


def backward_functions() -> list[str]:
    functions = [record.backward.__name__ for table in (ACTIVATIONS, LOSSES) for record in table.values()]
    layers = ("dense", "dropout", "conv", "max_pool", "average_pool", "batch_norm")
    return [*functions, *(f"{layer}_backward" for layer in layers)]


@pytest.mark.parametrize("function", [name for name in backward_functions() if name != "identity_backward"])
def test_every_backward_is_derived_under_its_own_name(function):
    pages = [path for path in PAGES if f"def {function}(" in path.read_text(encoding="utf-8")]
    assert len(pages) == 1


def test_the_index_names_everything_once_in_its_tables():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in (*LAYERS, *ACTIVATIONS, *LOSSES):
        assert len(re.findall(rf"^\| `{re.escape(name)}` \|", index, re.MULTILINE)) == 1, name
    for name in INITIALIZERS:
        assert f"`{name}`" in index, name
    for path in PAGES:
        assert f"({path.name}" in index, path.name


def anchors(page: str) -> set[str]:
    """The names that a page's headings have in links."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [*PAGES, FOLDER / "README.md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_file(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link
