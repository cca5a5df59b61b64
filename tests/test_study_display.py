"""What a terminal shows of a study while it runs: at most as wide as it is, and nothing elsewhere."""

import io
import re

import pytest
from rich.console import Console

from handgrad.cli.study_display import StudyDisplay
from handgrad.study.execution.events import Event


def terminal(width):
    return Console(file=io.StringIO(), width=width, height=25, force_terminal=True, color_system=None)


def event(kind, run="a", label="1_2", **told):
    return Event(kind, work=2.0, total=8.0, finished=1, runs=8, phase="main", run=run, label=label, **told)


SCORES = {"train_loss": 0.5, "val_loss": 0.43125, "train_accuracy": 0.95, "val_accuracy": 0.8912}


def running(width, metric="val_accuracy"):
    """A display in whose study one setting has ended and two runs are going on."""
    display = StudyDisplay(metric, terminal(width))
    display.__enter__()
    for seed, accuracy in ((0, 0.9), (1, 0.92)):
        told = {"seed": seed, "status": "done", "metrics": {"val_accuracy": accuracy}, "epochs": 20}
        display(event("run finished", f"done {seed}", "1_1", **told))
    display(event("run found", "worse", "1_3", seed=0, status="done", metrics={"val_accuracy": 0.3}, epochs=20))
    for run, seed in (("a", 0), ("b", 1)):
        display(event("run started", run, seed=seed))
        display(event("epoch done", run, seed=seed, epoch=5 + seed, epochs=20, metrics=SCORES))
    display(event("run started", "c", seed=2))  # no epoch of it has ended yet
    return display


def shown(display):
    display.__exit__()
    with display.terminal.capture() as captured:
        display.terminal.print(display.bar.get_renderable())
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", captured.get())
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_losses_and_accuracies_of_the_running_runs_and_the_best_so_far_stand_below_the_bar():
    lines = shown(running(80))
    assert lines[0].startswith("main: 1 of 8 runs")
    assert "25 %" in lines[0]
    assert "left:" in lines[0]
    assert lines[1:] == [
        "  setting 1_2, seed 0: epoch 5 of 20, validation loss 0.4313, accuracy 89.12 %",
        "  setting 1_2, seed 1: epoch 6 of 20, validation loss 0.4313, accuracy 89.12 %",
        "  best so far: setting 1_1, validation accuracy 91.00 % (mean of 2 runs)",
    ]


def test_the_bar_names_the_last_phase_to_the_end():
    display = running(80)
    display(Event("study finished", work=8.0, total=8.0, finished=8, runs=8))
    assert shown(display)[0].startswith("main: 8 of 8 runs")


@pytest.mark.parametrize("width", [80, 70, 60, 50, 40, 30, 20])
def test_no_line_is_wider_than_the_terminal(width):
    lines = shown(running(width))
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    assert "89.12 %" in lines[1]
    assert "91.00 %" in lines[3]


def test_a_run_that_has_ended_is_not_shown_and_many_are_counted():
    display = running(80)
    display(event("run finished", "a", seed=0, status="done", metrics=SCORES, epochs=20))
    display(event("epoch done", "b", seed=1, epoch=20, epochs=20, metrics=SCORES))  # its record is on the way
    assert [line for line in shown(display) if "epoch" in line] == []
    display = running(80)
    for number in range(20):
        display(event("epoch done", f"more {number}", seed=number, epoch=1, epochs=20, metrics=SCORES))
    lines = shown(display)
    assert len(lines) == 1 + 6 + 1 + 1
    assert lines[7] == "  … and 16 more runs"


def test_the_best_is_chosen_as_the_study_chooses():
    """A setting with a run that diverged ranks below those without, and a loss is better when it is lower."""
    display = StudyDisplay("val_loss", terminal(80))
    with display:
        for label, runs in {"1": [0.5, 0.7], "2": [0.1, None], "3": [0.4, 0.9]}.items():
            for seed, loss in enumerate(runs):
                status = "done" if loss is not None else "diverged"
                told = {"seed": seed, "status": status, "metrics": {"val_loss": loss}, "epochs": 3}
                display(event("run finished", f"{label} {seed}", label, **told))
    assert list(display.lines(80)) == ["  best so far: setting 1, validation loss 0.6 (mean of 2 runs)"]


def test_where_no_setting_wins_none_is_called_best():
    assert len(shown(running(80, metric=None))) == 3


@pytest.mark.parametrize("last", ["run started", "study finished"])
def test_runs_from_before_are_counted_once_those_of_every_phase_are_found(capsys, last):
    with StudyDisplay("val_accuracy", Console(file=io.StringIO(), width=80)) as display:
        display(event("planned"))
        for run in ("a", "b"):
            display(event("run found", run, seed=0, status="done", metrics=SCORES, epochs=20))
        assert capsys.readouterr().err == ""
        display(event("phase started"))
        display(event("run found", "c", seed=0, status="done", metrics=SCORES, epochs=20))  # of a later phase
        display(event(last))
        display(event("run finished", "d", seed=1, status="done", metrics=SCORES, epochs=20))
    said = capsys.readouterr().err
    assert said.startswith("phase: main\nfinished from before: 3 of 8 runs\n")
    assert said.count("from before") == 1


def test_elsewhere_there_is_a_plain_line_for_every_run(capsys):
    display = StudyDisplay("val_accuracy", Console(file=io.StringIO(), width=80))
    with display:
        display(event("run started"))
        display(event("epoch done", seed=0, epoch=5, epochs=20, metrics=SCORES))
        display(event("run finished", seed=0, status="done", metrics=SCORES, epochs=20, seconds=1.0))
    assert display.bar is None
    assert display.terminal.file.getvalue() == ""
    assert capsys.readouterr().err == "[1/8] setting 1_2, seed 0: done, val_accuracy 0.8912 (1.0 s)\n"
