"""The numbers of the run table and of the sections of runs and settings, as the page's scripts get them."""

import json

import numpy as np
import pytest

from handgrad.report.findings.summarize import summarize
from handgrad.report.page import run_sections as module
from handgrad.report.page.run_sections import run_sections
from handgrad.report.page.run_table import run_table
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from handgrad.study.reading.loading import load_study
from tests.report.conftest import Outcome

FATES = {("1", 0): "diverged", ("2", 0): "failed", ("3", 0): "pending"}


def told(folder):
    results = Results.open(folder)
    summary = summarize(results)
    found = run_table(summary), run_sections(summary, sources_of(results))
    json.dumps(found, allow_nan=False)
    return summary, *found


def fates(setting, seed):
    return Outcome(0.8 + 0.02 * int(setting.label), FATES.get((setting.label, seed), "done"))


def test_rows_are_best_first_and_hyperparameters_are_columns(make_results):
    _, table, _ = told(make_results(tell=fates))
    keys = [column["key"] for column in table["columns"]]
    assert keys[:8] == [
        "id", "setting", "training.optimizer.lr", "network.hidden", "seed", "status", "val_accuracy", "train_loss",
    ]  # fmt: skip
    values = [row[keys.index("val_accuracy")] for row in table["rows"]]
    assert len(values) == 12
    assert [value is None for value in values] == [False] * 9 + [True] * 3
    assert values[:9] == sorted(values[:9], reverse=True)
    hidden = table["columns"][keys.index("network.hidden")]
    assert (hidden["form"], hidden["kind"]) == ("number", "axis")
    assert {row[keys.index("network.hidden")] for row in table["rows"]} == {4, 6}
    assert (table["metric"], table["down"], table["ddof"]) == ("val_accuracy", False, 1)


def test_by_a_loss_the_smallest_is_best_and_words_are_text(make_results):
    grid = {"network.activation": ["relu", "tanh"], "training.batch_size": ["full", 8]}
    _, table, _ = told(make_results({"seeds": 2, "select_by": "val_loss", "grid": grid}))
    keys = [column["key"] for column in table["columns"]]
    values = [row[keys.index("val_loss")] for row in table["rows"]]
    assert table["down"]
    assert values == sorted(values)
    forms = {column["key"]: column["form"] for column in table["columns"]}
    assert (forms["network.activation"], forms["training.batch_size"]) == ("text", "text")


def test_an_environment_is_keys_and_values(make_results):
    known = {"python": "3.11.7", "blas": ["openblas 0.3.30", "mkl 2024"], "execution": {"runner": "ray", "cores": 2}}
    _, _, sections = told(make_results({"seeds": 1}, lambda s, seed: Outcome(environment=known)))
    (environment,) = sections["environments"]
    assert environment["blas"] == "openblas 0.3.30, mkl 2024"
    assert environment["execution"] == "runner ray, cores 2"
    assert environment["engine"] == "array, threads 1"


def test_a_section_says_what_went_wrong_and_what_the_setting_is(make_results):
    summary, _, sections = told(make_results(tell=fates))
    runs = {(one.label, run.seed): run.id for one in summary.settings for run in one.runs}
    diverged, failed = (sections["runs"][runs[key]] for key in (("1", 0), ("2", 0)))
    assert diverged["trouble"] == "diverged in epoch 4, step 1,234, layer dense1"
    assert None in diverged["losses"]
    assert failed["error"].endswith("MemoryError: no <memory> left")
    assert "curves" not in failed
    assert sections["runs"][runs["3", 0]] == {"trouble": "pending"}
    best = sections["settings"]["4"]
    assert best["axes"] == [["lr", "0.1"], ["hidden", "6"]]
    assert ["validation accuracy", "88.00 ± 0.00 % (n = 3, ddof 1)"] in best["scores"]
    assert sections["settings"]["1"]["word"] != best["word"]
    assert best["runs"] == [runs["4", seed] for seed in range(3)]


def test_curves_are_the_records_own_and_long_ones_are_thinned(make_results, monkeypatch):
    folder = make_results({"seeds": 1}, lambda s, seed: Outcome(0.9, epochs=40))
    results = Results.open(folder)
    (run,) = (run for setting in summarize(results).settings for run in setting.runs)
    curves = sources_of(results).curves(run.id)
    _, _, sections = told(folder)
    whole = sections["runs"][run.id]
    assert whole["curves"]["val_accuracy"] == pytest.approx(curves["val_accuracy"], rel=1e-3)
    assert whole["at"] == list(range(1, 41))
    assert whole["of"] == 1000
    monkeypatch.setattr(module, "POINTS", 30)
    _, _, sections = told(folder)
    thin = sections["runs"][run.id]
    assert thin["at"][0] == 1
    assert thin["at"][-1] == 40
    assert len(thin["at"]) == len(thin["curves"]["val_accuracy"]) == 10
    assert thin["losses"] == pytest.approx(np.reshape(curves["loss_per_step"], (10, 100)).mean(axis=1), rel=1e-3)


def test_pictures_and_matrices_are_those_of_the_best_settings(make_results, monkeypatch):
    summary, _, sections = told(make_results())
    assert all({"confusion", "pictures"} <= set(run) for run in sections["runs"].values())
    best = summary.winner.best_run("val_accuracy").id
    shown = sections["runs"][best]["pictures"]
    size = len("".join(uri for kind in ("weights", "mistakes") for uri in shown[kind]["uris"]))
    monkeypatch.setattr(module, "BYTES", size)
    monkeypatch.setattr(module, "CELLS", 30)
    _, _, sections = told(make_results(name="again"))
    pictured = [name for name, run in sections["runs"].items() if "pictures" in run]
    assert pictured == [best]
    assert 1 <= sum("confusion" in run for run in sections["runs"].values()) < 4


def test_the_study_file_of_a_run_makes_it_again(make_results, tmp_path):
    summary, _, sections = told(make_results())
    results = Results.open(tmp_path / "results")
    for setting in summary.settings:
        path = tmp_path / f"{setting.label}.toml"
        path.write_text(f'name = "again"\nseeds = [1]\n\n{sections["settings"][setting.label]["toml"]}')
        spec = load_study(path).spec
        assert spec.seeds == (1,)
        own = results.setting(setting.label)
        assert (spec.training, spec.network, spec.data) == (own.training, own.network, own.data)


@pytest.mark.parametrize(("n", "most"), [(1, 5), (77, 77), (460, 77), (461, 77), (1000, 7)])
def test_means_of_stretches_are_those_of_each_stretch_to_the_bit(n, most):
    values = np.random.default_rng(n).normal(size=n).astype(np.float32)
    parts = np.array_split(values.astype(np.float64), min(n, most))
    assert module.stretch_means(values, most).tolist() == [part.mean() for part in parts]
