"""The bar below the cell of a notebook: there, and nowhere else."""

import sys
import types
from typing import ClassVar

import pytest

from handgrad.study.execution import notebook_progress
from handgrad.study.execution.events import Event, silent
from handgrad.study.execution.notebook_progress import watched_run, watched_study
from handgrad.training.loop import EpochEnd


class Handle:
    """IPython's handle of an output, which keeps what it is given."""

    shown: ClassVar[list[str]] = []

    def display(self, data, raw):
        assert raw
        self.shown.append(data["text/html"])

    update = display


@pytest.fixture
def shown(monkeypatch):
    """What a cell shows, in a kernel whose clock goes on by a second at every look."""
    kernel = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: kernel))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(DisplayHandle=Handle))
    seconds = iter(range(1000))
    monkeypatch.setattr(notebook_progress.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(Handle, "shown", [])
    return Handle.shown


def test_a_study_shows_how_far_it_is_and_what_was_lost(shown):
    with watched_study(None) as watch:
        watch(Event("planned", work=0, total=10, runs=4))
        watch(Event("run finished", work=5, total=10, finished=2, runs=4, phase="<main>", status="diverged"))
    assert shown[0].startswith('<progress value="0.0000" max="1"></progress> 0 of 4 runs, 1 s')
    assert '<progress value="0.5000" max="1"></progress> &lt;main&gt;: 2 of 4 runs, 1 diverged' in shown[1]
    assert shown[1].endswith(" s left")
    assert shown[-1] == "&lt;main&gt;: 2 of 4 runs, 1 diverged, 5 s"


def test_a_run_shows_its_scores_and_how_it_was_stopped(shown):
    with pytest.raises(KeyboardInterrupt), watched_run() as (watch,):  # noqa: PT012
        watch(EpochEnd("id", 3, 12, {"val_accuracy": 0.5}))
        raise KeyboardInterrupt
    assert '<progress value="0.2500" max="1"></progress> epoch 3 of 12, val_accuracy 0.5000' in shown[0]
    assert shown[-1].endswith("s, interrupted")


def test_what_is_over_at_once_shows_nothing(shown, monkeypatch):
    monkeypatch.setattr(notebook_progress.time, "monotonic", lambda: 5.0)
    with watched_run() as (watch,):
        watch(EpochEnd("id", 1, 2, {}))
    assert shown == []


def test_nothing_is_shown_by_scripts_terminals_or_where_somebody_listens(shown, monkeypatch):
    own = [].append
    with watched_study(own) as watch:
        assert watch is own
    terminal = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace())
    for module in (terminal, types.SimpleNamespace(get_ipython=lambda: None), None):
        monkeypatch.setitem(sys.modules, "IPython", module)
        with watched_study(None) as watch, watched_run() as watching:
            assert watch is silent
            assert watching == ()
    assert shown == []
