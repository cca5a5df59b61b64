"""CONTRIBUTING.md and what it leads to: paths are there, marks mark something, the version stands in one way."""

import re
import tomllib
from pathlib import Path

import handgrad as hg
from tests.conftest import HERE, SLOW, marks_of

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_files_and_folders_of_the_page_are_there():
    named = re.findall(r"`((?:tests|docs|examples|benchmarks|src|training)/[\w./-]*|[\w]+\.(?:py|md|toml))`", PAGE)
    assert len(named) > 15
    places = [ROOT, ROOT / "src" / "handgrad", *(ROOT / "src" / "handgrad").iterdir()]
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_commands_of_the_page_are_targets_and_files():
    made = re.findall(r"\bmake (\w+)", PAGE)
    assert {"quick", "test"} <= set(made)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert [target for target in made if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
    assert [name for name in re.findall(r"python (\S+\.py)", PAGE) if not (ROOT / name).exists()] == []


def test_every_benchmark_reads_its_arguments_so_that_it_has_help():
    texts = {path.name: path.read_text("utf-8") for path in (ROOT / "benchmarks").glob("*.py")}
    scripts = {name for name, text in texts.items() if '__name__ == "__main__"' in text}
    assert len(scripts) > 10
    assert [name for name in scripts if "argparse.ArgumentParser(" not in texts[name]] == []
    assert [name for name, text in texts.items() if "sys.argv" in text] == []


def test_the_table_of_marks_names_what_is_there():
    assert [place for places in SLOW.values() for place in places if not (HERE / place).exists()] == []
    marks = {line.split(":")[0] for line in SETTINGS["tool"]["pytest"]["ini_options"]["markers"]}
    assert marks == {*SLOW, "slow"}
    assert all(f"`{mark}`" in PAGE for mark in marks)
    assert marks_of(HERE / "study" / "cluster" / "test_head.py") == {"cluster", "slow"}
    assert marks_of(HERE / "network") == marks_of(HERE / "network" / "test_dense.py") == set()


def test_the_version_is_one():
    assert SETTINGS["project"]["version"] == hg.__version__
    assert re.search(rf"^## {re.escape(hg.__version__)}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
