"""Figures of predicted numbers and of outputs that a threshold divides, and reports of such studies as a whole."""

import json
import re

import numpy as np
import pandas
import pytest
from sklearn.metrics import roc_curve as curve_of_scikit_learn

import handgrad as hg
from handgrad.decimals import significant
from handgrad.report.build import build_report
from handgrad.report.drawing.canvas import draw
from handgrad.report.figures.target_figures import MOST_POINTS, predicted_figure, residual_figure, roc_curve, roc_figure


@pytest.mark.parametrize("seed", range(4))
def test_a_roc_curve_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    y, a = rng.random(60) > 0.4, np.round(rng.random(60), seed + 1)  # with ties
    x, true = roc_curve(y, a)
    theirs = curve_of_scikit_learn(y, a, drop_intermediate=False)
    assert np.allclose(x, theirs[0])
    assert np.allclose(true, theirs[1])


def test_a_long_roc_curve_keeps_its_ends():
    rng = np.random.default_rng(0)
    x, y = roc_curve(rng.random(5000) > 0.5, rng.random(5000))
    assert len(x) <= MOST_POINTS
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)


def study(name: str, tmp_path, in_memory: hg.Dataset | None = None, **more):
    """The results of a small study of two settings, with its report."""
    tables = {
        "name": name,
        "seeds": 2,
        "training": {"epochs": 8, "optimizer": {"name": "adam", "lr": 0.02}},
        "grid": {"network.hidden": [[4], [16]]},
        **more,
    }
    results = hg.run_study(tables, out=tmp_path / name, data=in_memory, jobs=1)
    return results, build_report(results.folder, formats=("png",)).parent


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    figures = [{"kind": kind, "title": kind, "settings": [2]} for kind in ("predicted", "residuals")]
    section = {"name": "diabetes", "scale": "standard", "scale_targets": "standard"}
    return study("numbers", tmp_path_factory.mktemp("tasks"), data=section, figure=figures)


def text_of(report) -> str:
    body = re.sub(r"<(script|style).*?</\1>", "", (report / "index.html").read_text(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_a_study_of_numbers_speaks_of_their_error(numbers):
    results, report = numbers
    assert results.spec.select_by == "val_rmse"
    best = results.settings().set_index("label")["val_rmse_mean"].idxmin()
    assert results.winner() == best
    text = text_of(report)
    assert f"Setting {best}: hidden" in text
    assert "is best by validation RMSE" in text
    assert "Scores are mean ± standard deviation over seeds" in text
    assert "ccurac" not in text
    assert "nan" not in text
    assert "Collapsed" not in text
    columns = pandas.read_csv(report / "tables" / "runs.csv").columns
    assert {"val_rmse", "test_mae", "train_r2"} <= set(columns)
    assert not any("accuracy" in name or "f1" in name or "auc" in name for name in columns)


def test_frames_and_exports_have_the_measures_of_the_task(numbers, tmp_path):
    results, _ = numbers
    runs = results.runs()
    assert [name for name in runs.columns if name.startswith("val_")] == ["val_loss", "val_rmse", "val_mae", "val_r2"]
    assert hg.compare(results, 1, 2)["metric"].tolist()[:4] == ["train_loss", "train_rmse", "train_mae", "train_r2"]
    hg.export_study(results, tmp_path / "runs.csv")
    assert pandas.read_csv(tmp_path / "runs.csv")["val_rmse"].tolist() == pytest.approx(runs["val_rmse"].tolist())


def test_predicted_and_residuals_are_those_of_the_run(numbers):
    results, report = numbers
    record = next(results.record(cell.id) for cell in results.cells() if cell.label == "2")
    arrays = record.predictions
    y, a = arrays["test.actual"][:, 0], arrays["test.predicted"][:, 0]
    figure = predicted_figure(record, arrays, "Setting 2", "predicted")
    dots = figure.panels[0].dots[0]
    assert np.array_equal(dots.x, y.astype(float))
    assert np.array_equal(dots.y, a.astype(float))
    assert f"RMSE {significant(record.metrics['test_rmse'])}" in figure.caption
    residuals = residual_figure(record, arrays, "Setting 2", "residuals", part="validation")
    expected = arrays["validation.predicted"][:, 0].astype(float) - arrays["validation.actual"][:, 0]
    assert np.allclose(residuals.panels[0].dots[0].y, expected)
    draw(figure)
    assert roc_figure(record, arrays, "Setting 2") is None
    made = hg.figure(results, "residuals", settings=["2"]).frame()
    assert len(made) == len(y)
    assert {"own-predicted.png", "own-residuals.csv", "predicted.png"} <= {
        path.name for path in report.glob("figures/*")
    }


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 4))
    y = (x[:, :3] + 0.3 * rng.normal(size=(120, 3)) > 0).astype(int)
    data = hg.from_arrays(x, y, task="multi-label", classes=["wet", "cold", "dark"], name="weather")
    return study("labels", tmp_path_factory.mktemp("tasks"), data, data={"name": "weather", "task": "multi-label"})


def test_a_study_of_labels_has_scores_of_each(labels):
    results, report = labels
    assert results.spec.select_by == "val_macro_f1"
    scores = hg.class_scores(results)
    of_run = scores[(scores["setting"] == "2") & (scores["part"] == "test") & (scores["seed"] == 0)]
    assert of_run["class"].tolist() == ["wet", "cold", "dark", "macro", "weighted"]
    record = next(results.record(cell.id) for cell in results.cells() if cell.label == "2" and cell.seed == 0)
    assert of_run["f1"].iloc[3] == pytest.approx(record.metrics["test_macro_f1"])
    text = text_of(report)
    assert "Precision, recall and F1 of every label (test)" in text
    assert "ROC curves" in text
    figure = roc_figure(record, record.predictions, "Setting 2")
    assert [line.label for line in figure.panels[0].lines] == ["chance", "wet", "cold", "dark"]
    told, y = record.predictions["test.predicted"] >= 0.5, record.predictions["test.actual"] == 1
    assert figure.panels[0].dots[0].y == pytest.approx([told[y[:, j], j].mean() for j in range(3)])
    draw(figure)
    conclusions = json.loads((report / "conclusions.json").read_text())
    assert "NaN" not in json.dumps(conclusions)
