"""The chapter "Hyperparameter importance" of a report: what stands in it, by what varies."""

import json

import pytest

from handgrad.report.chapters.chapter import FigureBlock, Heading, TableBlock, Text, Verdicts
from handgrad.report.chapters.chapters import chapters, headline
from handgrad.report.chapters.importance_chapter import MOST_PAIRS, importance_chapter
from handgrad.report.findings.importance import importances
from handgrad.report.findings.summarize import summarize
from handgrad.report.page.page import Page
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome

LR, HIDDEN, ACTIVATION = "training.optimizer.lr", "network.hidden", "network.activation"


def rising(setting, seed):
    """More with lr, whatever else."""
    lr = setting.axes.get(LR, 0.1)
    return Outcome(0.6 + 0.1 * min(lr, 1.0) + 0.002 * seed + 0.001 * (int(setting.label.split("_")[-1]) % 3))


@pytest.fixture
def chapter_of(make_results):
    """chapter_of(tables, tell) -> (the chapter, its figures by name, its tables by name, its sentences)."""

    def make(tables, tell=rising):
        summary = summarize(Results.open(make_results(tables, tell)))
        chapter = importance_chapter(summary, importances(summary))
        if chapter is None:
            return None, {}, {}, []
        figures = {block.figure.name: block.figure for block in chapter.blocks if isinstance(block, FigureBlock)}
        tables = {block.table.name: block.table for block in chapter.blocks if isinstance(block, TableBlock)}
        said = [one.text for block in chapter.blocks if isinstance(block, Verdicts) for one in block.items]
        return chapter, figures, tables, said

    return make


def test_a_grid_has_shares_effects_and_a_map_of_each_pair(chapter_of):
    chapter, figures, tables, said = chapter_of({"seeds": 3, "grid": {LR: [0.1, 0.5, 1.0], HIDDEN: [4, 6]}})
    assert (chapter.id, chapter.title) == ("hyperparameters", "Hyperparameter importance")
    assert list(figures) == ["importance", "effects", "heat-map"]
    assert list(tables) == ["importance", "effects", "working-values"]
    assert said[0].startswith("lr matters most")
    assert any(text.startswith("lr: mean validation accuracy") for text in said)
    assert any("come within" in text for text in said)
    assert (figures["heat-map"].x_label, figures["heat-map"].y_label) == ("lr", "hidden")
    assert tables["importance"].rows[0].cells[0].values == ("lr", "main")


def test_draws_have_slices_lines_and_the_expected_best(chapter_of):
    random = {"runs": 24, LR: {"log_uniform": [0.001, 1.0]}, HIDDEN: {"choice": [4, [4, 6]]}}
    _, figures, tables, said = chapter_of({"seeds": 1, "random": random})
    assert list(figures) == ["importance", "slices", "heat-map", "parallel-coordinates", "expected-best"]
    assert "effects" not in tables
    assert len(figures["slices"].panels[0].x) == 60  # the mean of the forest
    assert "fANOVA of a random forest" in said[0]
    assert any(text.startswith("The best of 24 random settings has ") for text in said)


def test_few_draws_have_their_pictures_and_the_reason(chapter_of):
    random = {"runs": 6, LR: {"log_uniform": [0.001, 1.0]}, HIDDEN: {"integers": [2, 40]}}
    _, figures, _, said = chapter_of({"seeds": 1, "random": random})
    assert list(figures) == ["slices", "heat-map", "parallel-coordinates", "expected-best"]
    assert said[0] == (
        "Which of lr and hidden matters cannot be said: 6 settings; a random forest needs 20 or more to say which "
        "hyperparameter matters."
    )


def test_one_axis_has_its_effect(chapter_of):
    chapter, figures, tables, _ = chapter_of({"seeds": 2, "grid": {LR: [0.1, 0.5, 1.0]}})
    assert chapter.title == "What lr does"
    assert list(figures) == ["effects"]
    assert "importance" not in tables


def test_nothing_that_varies_has_no_chapter_and_nor_have_names_alone(chapter_of):
    """Of activations the ranking says it all."""
    assert chapter_of({"seeds": 2})[0] is None
    assert chapter_of({"seeds": 2, "grid": {ACTIVATION: ["relu", "tanh"]}})[0] is None


def test_phases_stand_under_their_headings(chapter_of):
    tables = {
        "seeds": 2,
        "grid": {LR: [0.1, 0.5], HIDDEN: [4, 6]},
        "phase": [{"name": "L2", "grid": {"training.weight_decay": [0.01, 0.001]}}],
    }
    chapter, figures, _, _ = chapter_of(tables)
    assert [block.text for block in chapter.blocks if isinstance(block, Heading)] == ["Phase 1: main", "Phase 2: L2"]
    assert list(figures) == ["importance-1", "effects-1", "heat-map-1", "effects-2"]


def test_all_runs_diverged_is_a_sentence(chapter_of):
    grid = {"seeds": 2, "grid": {LR: [0.1, 0.5], HIDDEN: [4, 6]}}
    _, figures, tables, said = chapter_of(grid, lambda setting, seed: Outcome(status="diverged"))
    assert said == ["Which of lr and hidden matters cannot be said: every run of 4 settings diverged."]
    assert (figures, tables) == ({}, {})


def test_settings_that_diverge_are_named_beside_the_shares(chapter_of):
    grid = {"seeds": 2, "grid": {LR: [0.1, 0.5, 1.0], HIDDEN: [4, 6]}}

    def tell(setting, seed):
        return Outcome(status="diverged") if setting.axes[LR] == 1.0 else rising(setting, seed)

    _, _, _, said = chapter_of(grid, tell)
    assert said[0].endswith("Not among these: 2 settings of which every run diverged.")
    assert any(text.startswith("4 of 6 settings (67 %) come within") for text in said)


def test_collapsed_settings_have_shares_apart(chapter_of):
    grid = {"seeds": 2, "grid": {LR: [0.1, 0.5, 1.0], HIDDEN: [4, 6]}}

    def tell(setting, seed):
        return Outcome(0.2, collapsed=1) if setting.axes[LR] == 1.0 else rising(setting, seed)

    _, figures, tables, said = chapter_of(grid, tell)
    assert {"importance", "importance-working"} <= set(figures)
    assert "importance-working" in tables
    assert said[0].startswith("Among the 4 settings")
    assert " Among all 6 settings" in said[0]
    assert figures["heat-map"].lost.tolist() == [[0, 0, 2], [0, 0, 2]]


def test_one_factor_at_a_time_has_no_maps(chapter_of):
    one = {"seeds": 2, "one_factor": {LR: [0.2, 0.5], HIDDEN: [4, 8]}}
    _, figures, _, _ = chapter_of(one)
    assert "effects" in figures
    assert not [name for name in figures if name.startswith("heat-map")]


def test_of_many_pairs_the_largest_have_a_map(chapter_of):
    axes = {LR: [0.1, 0.5], HIDDEN: [4, 6], ACTIVATION: ["relu", "tanh"], "training.batch_size": [5, 10]}
    chapter, figures, _, _ = chapter_of({"seeds": 1, "grid": {**axes, "training.weight_decay": [0.0, 0.01]}})
    maps = [name for name in figures if name.startswith("heat-map")]
    assert len(maps) == MOST_PAIRS
    assert maps[0].startswith("heat-map-")
    assert all("lr" in name.split("-") for name in maps[:4])
    texts = " ".join(block.text for block in chapter.blocks if isinstance(block, Text))
    assert "Heat maps of 6 of 10 pairs" in texts


def test_the_top_of_the_page_says_it_and_the_page_takes_it(make_results, tmp_path):
    results = Results.open(make_results({"seeds": 2, "grid": {LR: [0.1, 0.5], ACTIVATION: ["relu", "tanh"]}}, rising))
    summary = summarize(results)
    found = importances(summary)
    top = [verdict.text for verdict in headline(summary, None, found)]
    assert any("of the variance of validation accuracy" in text for text in top)
    made = {one.id: one for one in chapters(summary, sources_of(results), None, found)}
    assert list(made)[:3] == ["studied", "phase-1", "hyperparameters"]
    page = Page(tmp_path, formats=[])
    page.chapter(made["hyperparameters"])
    assert "nan" not in json.dumps(page.plots).lower()
    assert {path.stem for path in (tmp_path / "tables").glob("*.csv")} == {"importance", "effects", "working-values"}
    for path in tmp_path.rglob("*.csv"):
        assert "nan" not in path.read_text().lower(), path
