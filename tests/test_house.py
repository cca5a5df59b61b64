"""The house: imports point one way, and what is heavy is not loaded before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import handgrad

SOURCE = Path(handgrad.__file__).parent
ROOMS = ["base", "data", "network", "training", "study", "report", "cli"]  # each may import from those before it
BASE = {"__init__", "errors", "names", "streams", "validation"}
FORBIDDEN = {("network", "data")}  # the mathematics knows nothing of data sets
HEAVY = {
    "sklearn",
    "scipy",
    "pandas",
    "matplotlib",
    "plotly",
    "jinja2",
    "pooch",
    "torch",
    "PIL",
    "numba",
    "ray",
    "optuna",
    "onnx",
    "onnxruntime",
}


def room(parts: tuple[str, ...]) -> str:
    return "base" if parts[0] in BASE else parts[0] if parts[0] in ROOMS else "cli"


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, at the top of the file) of every import."""
    tree = ast.parse(path.read_text())
    found = []
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            found.append((node.module, id(node) in top))
    return found


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize(
    "path", [file for file in FILES if file.name != "__init__.py" or file.parent != SOURCE], ids=str
)
def test_imports_point_one_way(path):
    here = room(path.relative_to(SOURCE).with_suffix("").parts)
    for module, _ in imports(path):
        parts = tuple(module.split("."))
        if parts[0] != "handgrad" or len(parts) == 1:
            continue
        there = room(parts[1:])
        assert ROOMS.index(there) <= ROOMS.index(here), f"{path} ({here}) imports {module} ({there})"
        assert (here, there) not in FORBIDDEN, f"{path} imports {module}"


def is_of_one_library(path: Path) -> bool:
    """Files that nobody imports but the engine or the runner that is made of this library."""
    runner = path.parent.name == "study" and path.stem in ("cluster", "joining")
    return "kernels" in path.parts or runner or (path.parent.name == "engines" and path.stem.startswith("torch"))


@pytest.mark.parametrize("path", [file for file in FILES if not is_of_one_library(file)], ids=str)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    for module, at_top in imports(path):
        assert not (at_top and module.split(".")[0] in HEAVY), f"{path} loads {module} as soon as it is imported"


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_loads_neither_numpy_nor_anything_heavier():
    assert not loaded_by("import handgrad, handgrad.cli") & (HEAVY | {"numpy", "pydantic"})


def test_a_worker_loads_no_library_of_the_report():
    assert not loaded_by("import handgrad.training.loop") & (HEAVY - {"numba"})
