"""Published training losses: `epoch_loss`, the mean over an epoch's steps, beside `train_loss`, scored after it."""

import pytest

from handgrad.errors import StudyFileError
from handgrad.report.findings.summarize import summarize
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.study import run_study
from handgrad.study.reading.loading import make_study
from tests.report.conftest import no_curves

STUDY = {
    "name": "losses",
    "seeds": 2,
    "network": {"hidden": [8]},
    "training": {"epochs": 2},
    "grid": {"training": {"optimizer": {"lr": [0.1, 0.2, 0.3]}}},
}
TABLE = {
    "number": "Table 1",
    "title": "Losses",
    "columns": [
        {"head": "Trial", "show": "original"},
        {"head": "Loss", "show": "epoch_loss", "digits": 3},
        {"head": "After", "show": "train_loss", "digits": 3},
    ],
    "rows": [
        {"label": "0", "epoch_loss": 2.2, "train_loss": 1.9},
        {"label": "1", "epoch_loss": 1.7},
        {"label": "2", "epoch_loss": 99.0},
    ],
}


def test_a_table_compares_it_with_what_the_steps_met(tmp_path):
    results = run_study({**STUDY, "original": {"title": "T", "table": [TABLE]}}, tmp_path, jobs=1)
    runs, curves = results.runs(), results.curves()
    last = curves[curves["epoch"] == 2].set_index("id")["epoch_loss"]
    assert runs.set_index("id")["epoch_loss"].to_dict() == last.to_dict()
    assert (runs["epoch_loss"] != runs["train_loss"]).all()
    (item,) = reproduce(summarize(results), no_curves, no_curves).items
    means = runs.groupby("label")["epoch_loss"].mean()
    found = {number.row: number.values.mean for number in item.numbers if number.measure == "epoch_loss"}
    assert found == pytest.approx({"0": means["1"], "1": means["2"], "2": means["3"]})
    (ranking,) = item.rankings
    assert (ranking.measure, ranking.their_best) == ("epoch_loss", ("1",))  # the lowest is best


def test_a_loss_has_no_unit():
    columns = [{"head": "Loss", "show": "epoch_loss", "unit": "percent"}]
    rows = [{"label": "0", "epoch_loss": 2.2}]
    with pytest.raises(StudyFileError, match=r"unit: epoch_loss has no unit; take it out"):
        make_study({**STUDY, "original": {"title": "T", "table": [{**TABLE, "columns": columns, "rows": rows}]}})
