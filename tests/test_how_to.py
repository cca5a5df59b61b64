"""docs/how-to: a page for each kind of thing that can be added, whose example runs and prints what the page says.

The Python of a page runs here, up to its first ```diff block.  Diffs are applied to a copy of the package, and the
Python after them runs with that copy.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handgrad.data.catalog import DATASETS
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import INITIALIZERS
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES
from handgrad.study.published.figure_options import FIGURES, SHAPES
from handgrad.study.rules.samplers import SAMPLERS
from handgrad.study.rules.search_rules import RULES
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.schedules import SCHEDULES
from handgrad.training.slips import SLIPS
from tests.network.test_derivations import disagreements, run

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "how-to"
TABLES = {  # by the page about it
    "activation": ACTIVATIONS,
    "data-set": DATASETS,
    "figure": FIGURES,
    "initializer": INITIALIZERS,
    "layer": LAYERS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "sampler": SAMPLERS,
    "schedule": SCHEDULES,
    "search-rule": RULES,
    "slip": SLIPS,
}
DIFF = re.compile(r"^```diff\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def parts(page):
    """(the text before the first diff, all diffs, the text behind the first diff)."""
    text = (FOLDER / f"{page}.md").read_text("utf-8")
    before, *_ = DIFF.split(text, maxsplit=1)
    return before, DIFF.findall(text), text.removeprefix(before)


@pytest.fixture
def _tables_as_before():
    before = [(table, dict(table)) for table in (*TABLES.values(), SHAPES)]
    yield
    for table, entries in before:
        table.clear()
        table.update(entries)


def test_there_is_a_page_for_every_table():
    assert {path.stem for path in FOLDER.glob("*.md")} - {"README"} == set(TABLES)


@pytest.mark.parametrize("page", TABLES)
@pytest.mark.usefixtures("_tables_as_before")
def test_the_example_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(TABLES[page])
    blocks = run(parts(page)[0])
    assert [line for said, printed in blocks for line in disagreements(said, printed)] == []
    assert set(TABLES[page]) - before


def apply(diff, root):
    """Apply diffs without line numbers: the lines that a hunk keeps or takes out stand in the file once."""
    for part in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        name, *hunks = re.split(r"^@@\n|\n@@\n", part, flags=re.MULTILINE)
        path = root / name.strip()
        text = path.read_text("utf-8")
        for hunk in hunks:
            lines = hunk.splitlines()
            old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
            new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
            assert text.count(old) == 1, f"{path.name} has these lines {text.count(old)} times:\n{old}"
            text = text.replace(old, new)
        path.write_text(text, "utf-8")


def test_a_diff_whose_lines_are_not_there_once_is_noticed(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\ny = 2\ny = 2\n")
    apply("--- a.py\n@@\n-x = 1\n+x = 3\n+z = 4\n", tmp_path)
    assert (tmp_path / "a.py").read_text() == "x = 3\nz = 4\ny = 2\ny = 2\n"
    for line in ("x = 1", "y = 2"):
        with pytest.raises(AssertionError, match="has these lines"):
            apply(f"--- a.py\n@@\n {line}\n+new\n", tmp_path)


@pytest.mark.slow
def test_what_the_pages_do_to_the_package_works_on_a_copy_of_it(tmp_path):
    """All diffs of all pages together: the kernels of the copy are compiled once."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    changed = {page: behind for page in TABLES for _, diffs, behind in [parts(page)] if diffs}
    assert changed.keys() >= {"activation"}
    for page in changed:
        for diff in parts(page)[1]:
            apply(diff, tmp_path)
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys\n"
        "from tests.network.test_derivations import disagreements, run\n"
        "blocks = [block for text in json.load(sys.stdin) for block in run(text)]\n"
        "found = [line for said, printed in blocks for line in disagreements(said, printed)]\n"
        "print(json.dumps([len(blocks), found]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "src"), str(ROOT)])}
    environment["NUMBA_CACHE_DIR"] = str(tmp_path / "kernels")
    texts = json.dumps(list(changed.values()))
    done = subprocess.run(
        [sys.executable, script], input=texts, capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [len(changed), []]
