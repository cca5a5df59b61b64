"""Pages for users: their Python runs and prints what they say, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

import handgrad as hg
from tests.network.test_derivations import anchors, disagreements, run

ROOT = Path(__file__).parents[1]
FRONT = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES = [*FRONT, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "how-to").glob("*.md"))]


def test_the_python_page_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = run((ROOT / "docs" / "python.md").read_text("utf-8"))
    assert len(blocks) >= 6
    for said, printed in blocks:
        assert not disagreements(said, printed)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in anchors(there.read_text("utf-8")), f"{path.name} links to {target}"


def test_public_names_are_pinned_and_there():
    assert hg.__all__ == [
        "Dataset", "HandgradClassifier", "HandgradError", "HandgradRegressor", "InputError", "Model", "Network",
        "Record", "Results", "Run", "Setting", "StudySearchCV", "build_report",
        "class_scores", "compare", "compare_studies", "curve_measures", "effects", "evaluate",
        "examples_right", "explain_study", "explanation", "export_model", "export_study", "figure", "from_arrays",
        "from_keras", "from_sklearn", "from_torch", "import_model", "importance", "load_data", "load_study",
        "load_weights", "make_study", "past_studies",
        "reproduction", "run_study", "rungs", "save_figure", "save_table", "save_weights", "search_history", "split",
        "statements",
        "timeline", "train",
    ]  # fmt: skip
    for name in hg.__all__:
        assert getattr(hg, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'trian'; it has: Dataset"):
        hg.trian  # noqa: B018
