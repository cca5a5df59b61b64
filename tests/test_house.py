"""The house: imports point one way, and what is heavy is not loaded before it is needed."""

import ast
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import handgrad
from handgrad.data.data_section import DataSection
from handgrad.network.network_section import NetworkSection
from handgrad.training.training_section import TrainingSection

SOURCE = Path(handgrad.__file__).parent
# each may import from those before it
ROOMS = ["base", "data", "network", "training", "study", "report", "estimators", "cli"]
BASE = {
    "__init__",
    "__version__",
    "from_report",
    "accepts",
    "decimals",
    "displays",
    "errors",
    "files",
    "foreign",
    "keys",
    "limits",
    "measures",
    "names",
    "streams",
    "synonyms",
    "terminal",
    "sections",
}
INSIDE = {  # the rooms and files of a room, in the same way
    "data": [
        "bounds",
        "archives",
        "packed",
        "scaling",
        "data_section",
        "batches",
        "brightness",
        "contents",
        "augmentation",
        "ranges",
        "missing",
        "classes",
        "columns",
        "cells",
        "table_files",
        "first_lines",
        "features",
        "target_values",
        "divisions",
        "one_table",
        "tables",
        "unlabelled",
        "frames",
        "npz",
        "array_files",
        "idx",
        "cifar",
        "image_files",
        "image_folders",
        "picture_tables",
        "catalog",
        "own",
        "splits",
        "storage",
        "datasets",
    ],
    "network": [
        "arrays",
        "activations",
        "targets",
        "losses",
        "windows",
        "layer",
        "flatten",
        "dense",
        "dropout",
        "batch_norm",
        "convolution",
        "pooling",
        "layers",
        "network",
        "initializers",
        "network_section",
        "passes",
        "gradcheck",
    ],
    "training": [
        "environment",
        "requirements",
        "optimizers",
        "schedules",
        "step_functions",
        "gradient_slips",
        "update_slips",
        "epoch_slips",
        "slips",
        "class_weights",
        "training_section",
        "ingredients",
        "twins",
        "support",
        "engines",
        "sources",
        "usual_values",
        "run",
        "run_keys",
        "forms",
        "pickles",
        "pytorch",
        "hdf5",
        "keras_files",
        "npz_bytes",
        "weights",
        "inputs",
        "model",
        "curves",
        "diagnostics",
        "mistakes",
        "right",
        "predicted_values",
        "record_facts",
        "record",
        "collapse",
        "given",
        "task",
        "progress",
        "scoring",
        "recording",
        "divergence",
        "sharing",
        "in_progress",
        "loop",
        "evaluation",
        "exchange",
    ],
    "study": [
        "changes",
        "toml",
        "toml_lines",
        "rules",
        "published",
        "design",
        "reading",
        "planning",
        "folder",
        "runners",
        "cluster",
        "search",
        "execution",
        "explain",
        "one_setting",
        "first_study",
    ],
    "report": [
        "findings",
        "tables",
        "figures",
        "drawing",
        "reproduced",
        "chapters",
        "foreseen_time",
        "explained",
        "page",
        "paper",
        "study_figure",
        "study_table",
        "build",
        "live",
        "past",
        "exports",
        "result_frames",
        "result_displays",
    ],
    "estimators": [
        "parameters",
        "fitting",
        "perceptron",
        "classifier",
        "regressor",
        "search_axes",
        "study_search",
    ],
}
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
    "jax",
    "PIL",
    "numba",
    "ray",
    "optuna",
    "onnx",
    "onnxruntime",
    "h5py",
    "keras",
    "pyarrow",
    "tensorboard",
    "mlflow",
    "wandb",
    "sqlalchemy",
}


def room(parts: Sequence[str]) -> str:
    return "base" if parts[0] in BASE else parts[0]


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module.name, at the top of the file) of every import."""
    tree = ast.parse(path.read_text())
    found = []
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            found += [(f"{node.module}.{alias.name}", id(node) in top) for alias in node.names]
    return found


FILES = sorted(SOURCE.rglob("*.py"))
NAMED = re.compile(r"handgrad\.([\w.]+):\w+")  # a function that is named as text and loaded when it is called
TABLES = {  # records of public tables, whose functions stand in report/
    "study/published/figure_options.py",
    "study/published/published_tables.py",
}


def wrong_way(source: str, target: str) -> str | None:
    """Why the file `source` may not import `target`, both written as in study/plan; None where it may."""
    here, there = source.split("/"), target.split("/")
    mine, other = room(here), room(there)
    if ROOMS.index(other) > ROOMS.index(mine) or (mine, other) in FORBIDDEN:
        return f"{mine} imports {other}"
    if mine != other or mine not in INSIDE:
        return None
    order = INSIDE[mine]
    if there[1] not in order:
        return f"inside {mine}, {here[1]} imports {mine}'s own front: {there[1]}"
    return f"inside {mine}, {here[1]} imports {there[1]}" if order.index(there[1]) > order.index(here[1]) else None


FRONTS = [SOURCE / "__init__.py", *(SOURCE / name / "__init__.py" for name in INSIDE)]  # show what is anywhere inside


@pytest.mark.parametrize("path", [file for file in FILES if file not in FRONTS], ids=str)
def test_imports_point_one_way(path):
    for module, _ in imports(path):
        package, _, target = module.replace(".", "/").partition("/")
        if package == "handgrad" and target:
            reason = wrong_way(path.relative_to(SOURCE).with_suffix("").as_posix(), target)
            assert reason is None, f"{path}: {reason}"


def named_as_text(path: Path) -> list[str]:
    """The functions that a file names as text: the paths of their files, written as in study/plan."""
    texts = [node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)]
    found = [NAMED.fullmatch(text) for text in texts if isinstance(text, str)]
    return [match[1].replace(".", "/") for match in found if match]


def test_text_that_names_a_function_points_one_way():
    assert "report/drawing/charts" in named_as_text(SOURCE / "study" / "published" / "figure_options.py")
    for path in FILES:
        name = path.relative_to(SOURCE).as_posix()
        if path not in FRONTS and name not in TABLES:
            wrong = [wrong_way(name.removesuffix(".py"), there) for there in named_as_text(path)]
            assert [reason for reason in wrong if reason] == [], path


@pytest.mark.parametrize("name", INSIDE)
def test_every_room_has_its_place_in_the_order(name):
    here = SOURCE / name
    found = {path.relative_to(here).with_suffix("").parts[0] for path in here.rglob("*.py")} - {"__init__"}
    assert found == set(INSIDE[name])


@pytest.mark.parametrize("name", INSIDE)
def test_the_page_of_the_source_lists_the_rooms_in_this_order(name):
    page = (SOURCE.parents[1] / "docs" / "source.md").read_text("utf-8")
    chapter = page.split(f"## Inside `{name}/`")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)/?` \|", chapter, re.MULTILINE) == INSIDE[name]


# -- one thing, one place; one word, one thing

TWINS = Path("training/engines/compiled/kernels")  # a kernel has the name of its mathematics, in both towers


def files_of_one_name(files):
    """Names that several files have, but for a kernel's that is its mathematics' or that of the other tower."""
    found = {}
    for path in files:
        if path.stem not in ("__init__", "__main__"):
            found.setdefault(path.stem, []).append(path)
    return {
        name: same
        for name, same in found.items()
        if sum(not path.is_relative_to(TWINS) for path in same) > 1 or len({path.parent for path in same}) < len(same)
    }


def test_no_file_name_stands_for_two_things():
    assert files_of_one_name([path.relative_to(SOURCE) for path in FILES]) == {}
    two = [Path("report/table.py"), Path("study/table.py"), TWINS / "dense" / "dropout.py", Path("network/dropout.py")]
    assert files_of_one_name(two) == {"table": two[:2]}


def test_no_public_class_name_stands_for_two_things():
    found = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(path.relative_to(SOURCE).as_posix())
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_file_is_long(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


def definitions(kind, name):
    """The files of the package that define this function or class."""
    return [
        path.relative_to(SOURCE).as_posix()
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, kind) and node.name == name
    ]


def test_the_loop_the_record_and_the_settings_of_a_study_are_written_once():
    """The second law: a sentence, a type and a function."""
    assert callers("train_epoch", "training") - {"divergence", "engines"} == {"loop"}
    assert definitions(ast.ClassDef, "Record") == ["training/record.py"]
    assert callers("json.loads", "training") & {"loop", "in_progress", "recording"} == set()
    assert definitions(ast.ClassDef, "StudySettings") == ["study/design/settings.py"]


def callers(function, room):
    """The files and folders of a room in which `function` is called."""
    found = set()
    for path in (SOURCE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(function):
                found.add(path.relative_to(SOURCE / room).with_suffix("").parts[0])
    return found


MOVES = {"study/folder/earlier.py"}  # what is there already is set aside, nothing is written


def test_what_is_written_whole_is_written_in_one_place():
    """Written under another name, forced to the disk, renamed: files.py alone."""
    for path in FILES:
        text, name = path.read_text("utf-8"), path.relative_to(SOURCE).as_posix()
        if name != "files.py":
            assert "os.fsync(" not in text, path
            assert name in MOVES or not re.search(r"\bos\.(replace|rename)\(", text), path


def test_every_public_callable_is_described():
    bare = [
        f"{path.relative_to(SOURCE).as_posix()}: {node.name}"
        for path in FILES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert bare == []


def test_an_import_against_the_order_is_found():
    assert wrong_way("network/passes", "training/loop") == "network imports training"
    assert wrong_way("network/passes", "data/datasets") == "network imports data"
    assert wrong_way("study/search/asha", "study/execution/study") == "inside study, search imports execution"
    assert wrong_way("study/changes", "study/Plan") == "inside study, changes imports study's own front: Plan"
    assert wrong_way("report/drawing/charts", "report/page/plots/plots") == "inside report, drawing imports page"
    assert wrong_way("report/page/plots", "report/drawing/lettering/spaced") is None
    assert wrong_way("study/execution/study", "errors/InputError") is None


def is_of_one_library(path: Path) -> bool:
    """Files that nobody imports but the engine, the runner or the estimators that are made of this library."""
    runner = path.parent.name in ("cluster", "estimators")
    compiled = "compiled" in path.parts and path.stem != "twins"
    return compiled or runner or (path.parent.name == "engines" and path.stem.startswith(("torch", "jax")))


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


def test_completion_loads_nothing_heavier_than_help():
    words = {"_HANDGRAD_COMPLETE": "zsh", "_HANDGRAD_WORDS": "handgrad\nrun\nx", "_HANDGRAD_WORD": "training.dt"}
    assert not loaded_by(f"import os; os.environ.update({words}); from handgrad.cli import main; main()") & (
        HEAVY | {"numpy", "pydantic"}
    )


def test_a_worker_loads_no_library_of_the_report():
    assert not loaded_by("import handgrad.training.loop") & (HEAVY - {"numba"})


# -- what prose names is there

PATH = re.compile(r"`([a-z_]\w*(?:\.\w+)+)(?:\(\))?`")


def names_at_the_top(path):
    """The functions, classes and constants of a file; what it imports is not its own."""
    found = {path.stem for path in path.parent.iterdir()} if path.name == "__init__.py" else set()
    for node in ast.parse(path.read_text("utf-8")).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Assign() | ast.AnnAssign():
                found |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    return found


def is_there(words):
    """Whether the words end the path of a file or folder, or such a path and a name in that file."""
    for path in FILES:
        *names, here = words
        module = path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts
        if module[-len(words) :] == tuple(words):
            return True
        if names and module[-len(names) :] == tuple(names) and here in names_at_the_top(path):
            return True
    return False


def wrong_paths(docstring):
    """Paths such as `passes.forward` that begin with a file or folder of the package and lead nowhere.

    Keys of a setting (`training.stack`) and names of libraries (`torch.nn`) look alike.
    """
    sections = {"data": DataSection, "network": NetworkSection, "training": TrainingSection}
    modules = {word for path in FILES for word in path.relative_to(SOURCE).with_suffix("").parts}
    for path in PATH.findall(docstring):
        first, second, *_ = words = path.split(".")
        if first == "handgrad":
            first, words = second, words[1:]
        key = first in sections and second in sections[first].model_fields
        other = key or first in HEAVY or (SOURCE / path).is_file()
        if (first in modules or path != ".".join(words)) and not other and not is_there(words):
            yield path


@pytest.mark.parametrize("path", FILES, ids=str)
def test_modules_that_docstrings_name_are_there(path):
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    nodes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, documented)]
    assert [wrong for node in nodes for wrong in wrong_paths(ast.get_docstring(node) or "")] == []


def test_a_module_that_is_not_there_is_found():
    named = "`passes.forward`, `study.rules.budget`, `training.stack`, `torch.nn`, `handgrad.files`, `row.label`"
    assert list(wrong_paths(named)) == []
    for wrong in ("passes.froward", "reading.original", "training.support.nothing", "handgrad.x"):
        assert list(wrong_paths(f"`{wrong}`")) == [wrong]
