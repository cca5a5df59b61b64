"""What a notebook shows of results and records."""

import re
import shutil

import numpy as np
import pytest

from handgrad.report import result_displays
from handgrad.report.result_displays import explained_html, record_html, results_html
from handgrad.study.folder.results_folder import Results
from tests.records import made_record
from tests.report.conftest import Outcome
from tests.report.explained.conftest import explained  # noqa: F401  (a fixture)


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    """The figures that are shown; drawing is tested elsewhere."""
    found = []
    monkeypatch.setattr(result_displays, "figure_html", lambda figure: found.append(figure) or "<figure></figure>")
    return found


def test_results_are_verdicts_the_table_and_the_curves(make_results, pictures):
    results = Results.open(make_results(classes=["<i>", "b", "c", "d", "e"]))
    html = results._repr_html_()
    assert "✓ &nbsp;Setting 4: lr 0.1, hidden 6 is best by validation accuracy" in html
    assert html.count("<tr") == 4 + 4 + 1  # the facts, four settings and their heading
    assert 'class="shaded"' in html
    assert "<i>" not in html
    (curves,) = pictures
    assert [line.label[:2] for line in curves.panels[0].lines] == ["1:", "2:", "3:", "4:"]
    assert repr(results).splitlines()[1:4] == [
        "  plan    4 settings, 12 runs, seeds 0, 1, 2",
        "  varied  lr, hidden",
        "  best    4: lr 0.1, hidden 6",
    ]


def test_of_many_settings_the_ten_best_are_shown(make_results, pictures):
    rates = [round(0.01 * n, 2) for n in range(1, 21)]
    tables = {"seeds": 1, "grid": {"training.optimizer.lr": rates}}
    tell = lambda setting, seed: Outcome(0.5 + 0.02 * int(setting.label))  # noqa: E731
    html = results_html(Results.open(make_results(tables, tell)))
    labels = re.findall(r"<tr[^>]*><td>(?:<strong>)?(\d+)<", html)
    assert labels == [str(n) for n in range(20, 10, -1)]
    assert "… and 10 more, worse than these" in html


def test_results_of_which_nothing_has_run_say_so(make_results, pictures):
    results = Results.open(make_results({"seeds": 1}, lambda setting, seed: Outcome(status="pending")))
    assert "nothing has won yet" in repr(results)
    assert "handgrad" in results._repr_html_()
    assert pictures == []


def test_altered_results_are_shown_with_the_message_about_them(make_results):
    folder = make_results({"seeds": 1})
    (run, *_) = (folder / "runs").iterdir()
    (run / "curves.npz").write_bytes(b"altered")
    html = Results.open(folder)._repr_html_()
    assert "<strong>Results of invented-study" in html
    assert f"{run.name}/curves.npz: was altered" in html


def test_an_explanation_is_its_readings(explained):  # noqa: F811
    html = explained_html(explained([0.9, 0.8], [0.3, 0.2], [0.9, 0.8]))
    assert "✓ &nbsp;loss: half explains the numbers best" in html
    assert html.count("<tr") == 3


def test_a_record_has_its_curves_by_epoch(pictures):
    curves = {"epoch": np.arange(1, 4), "loss_per_step": np.zeros(9, np.float32)}
    curves |= {"val_loss": np.array([2.0, np.inf, 1.0]), "val_accuracy": np.array([0.1, 0.2, 0.3])}
    record = made_record(epochs=3).model_copy(update={"curves": curves})
    assert record_html(record) == "<figure></figure>"
    loss, accuracy = pictures[0].panels
    assert [line.label for line in loss.lines] == ["validation"]
    assert (loss.percent, accuracy.percent) == (False, True)
    assert accuracy.lines[0].y.tolist() == [0.1, 0.2, 0.3]
    assert record_html(made_record()) == ""


def test_the_text_of_results_says_what_was_damaged_lost_and_never_won(make_results):
    folder = make_results({"seeds": 2})
    gone, altered = sorted((folder / "runs").iterdir())[:2]
    shutil.rmtree(gone)
    (altered / "record.json").write_text("{}")
    lines = repr(Results.open(folder)).splitlines()
    assert lines[0].endswith("damaged")
    assert lines[2] == "  damaged  2 records altered or missing; run the study again"
    assert not any(line.startswith("  runs") for line in lines)

    def tell(setting, seed):
        return Outcome(status="diverged") if setting.label == "1" else Outcome(0.5)

    mixed = repr(Results.open(make_results({"seeds": 2, "grid": {"training.optimizer.lr": [0.01, 0.1]}}, tell)))
    assert "\n  runs    2 done, 2 diverged\n" in mixed
    assert "best    2: " in mixed
    lost = repr(Results.open(make_results({"seeds": 2}, lambda setting, seed: Outcome(status="diverged"))))
    assert "\n  runs    0 done, 2 diverged\n" in lost
    assert "\n  best    none: no run came to its end\n" in lost


def test_of_many_damaged_runs_three_are_named(make_results):
    folder = make_results()
    for run in (folder / "runs").iterdir():
        (run / "curves.npz").write_bytes(b"altered")
    note = Results.open(folder)._repr_html_().split('<p class="note">')[1]
    assert note.count("was altered") == 3
    assert "… and 9 more damaged runs" in note
