"""Studies whose runs share programs: the promises hold, whatever is grouped with what."""

import time

import pytest

from handgrad.report import build_report
from handgrad.study import Plan, run_study
from handgrad.study.folder.store import read_plan
from handgrad.study.planning import estimate as planning
from handgrad.study.planning.estimate import estimate
from handgrad.study.runners.processes import Processes
from handgrad.study.runners.runner import JobQueue
from handgrad.training.loop import execute
from handgrad.training.record import load
from handgrad.training.run import Run, Setting
from tests.study.conftest import contents

STACKED = {
    "training": {"batch_size": 20, "epochs": 4, "engine": "jax", "stack": 4, "optimizer": "adam",
                 "early_stopping": {"patience": 1}},
    "network": {"layers": ["dense 8 relu", "batch-norm tanh", "dropout 0.3", "dense 3 softmax"]},
    "grid": {"training.batch_size": [20, 50], "training.optimizer.lr": [0.01, 0.1, 1e-4]},
}  # fmt: skip
PHASES = [
    {"name": "decay", "grid": {"training.weight_decay": [0.001, 0.01]}},
    {"name": "longer", "continue": True, "set": {"training.optimizer.lr": 0.001}},
]


@pytest.fixture
def groups(monkeypatch):
    """The groups that were handed out, as (batch size, number of jobs)."""
    found, take = [], JobQueue.take

    def noted(self):
        group = take(self)
        if group:
            found.append((group[0].run.setting.training.batch_size, len(group)))
        return group

    monkeypatch.setattr(JobQueue, "take", noted)
    return found


def test_settings_of_one_kind_are_trained_together(make, tmp_path, groups):
    """Twelve runs of two kinds that alternate in the plan; one worker gets more than it has places for."""
    run_study(make(**STACKED), tmp_path, jobs=1)
    assert sorted(groups) == [(20, 6), (50, 6)]


def test_several_workers_share_them_out(make, tmp_path, groups):
    run_study(make(**STACKED), tmp_path, runner=Processes(2))
    assert sorted(groups) == [(20, 2), (20, 4), (50, 2), (50, 4)]


def test_the_same_bits_alone_with_one_worker_and_with_two(make, tmp_path):
    study = make(**STACKED, phase=PHASES)
    run_study(study, tmp_path / "one", jobs=1)
    run_study(study, tmp_path / "two", runner=Processes(2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert read_plan(tmp_path / "one")["phases"] == read_plan(tmp_path / "two")["phases"]
    plan, epochs = Plan(study), set()
    (split,) = [plan.splits.split(key) for key in plan.data_keys]
    for setting in plan.phases[0].settings:
        for planned in setting.runs:
            record = load(tmp_path / "one" / "runs" / planned.id)
            by_itself = execute(Run(setting.setting, planned.seed, split.checksum), split)
            assert record.data["engine"]["stack"] == 4
            for name, values in by_itself.curves.items():
                assert record.curves[name].tobytes() == values.tobytes()
            for name, values in by_itself.params.items():
                assert record.params[name].tobytes() == values.tobytes()
            epochs.add(record.data["epochs"])
    assert len(epochs) > 1  # some stopped early


@pytest.mark.parametrize("moment", [3, 13, 30])
def test_interrupted_anywhere_it_ends_with_the_same_bits(make, tmp_path, moment):
    class Stop(KeyboardInterrupt):
        pass

    def stop(event):
        nonlocal moment
        moment -= event.kind in ("epoch done", "run finished")
        if moment == 0:
            raise Stop

    study, finished = make(**STACKED), []
    run_study(study, tmp_path / "whole", jobs=1)
    with pytest.raises(Stop):
        run_study(study, tmp_path / "stopped", jobs=1, observer=stop)
    kept = set(contents(tmp_path / "stopped"))
    results = run_study(
        study,
        tmp_path / "stopped",
        jobs=1,
        observer=lambda e: finished.append(e.run) if e.kind == "run finished" else 0,
    )
    assert results.state == "done"
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    assert not kept & set(finished)
    assert len(finished) == len(set(finished)) == 12 - len(kept)


SEARCH = {
    **STACKED,
    "training": {**STACKED["training"], "epochs": 8, "early_stopping": None},
    "grid": {"training.optimizer.lr": [0.001, 0.3, 0.01, 0.1, 0.003, 0.5, 0.03]},
    "asha": {"grace_period": 2, "reduction_factor": 2, "metric": "val_loss"},
}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_of_stacked_runs_has_the_bits_of_whole_runs(make, tmp_path, groups, workers):
    run_study(make(**SEARCH | {"asha": None}), tmp_path / "whole", jobs=1)
    groups.clear()
    results = run_study(make(**SEARCH), tmp_path / "search", runner=Processes(workers) if workers > 1 else None, jobs=1)
    assert max(size for _, size in groups) == 4
    runs = results.runs()
    assert set(runs["status"]) == {"done", "pruned"}
    whole = {path.name: load(path) for path in (tmp_path / "whole" / "runs").iterdir()}
    for path in (tmp_path / "search" / "runs").iterdir():
        record = load(path)
        expected = whole[path.name].curves["val_loss"][: record.data["epochs"]]
        assert record.curves["val_loss"].tobytes() == expected.tobytes()
    run_study(make(**SEARCH), tmp_path / "search", jobs=1)  # the recorded decisions are those of the rule


def test_one_that_diverges_stops_nothing(make, tmp_path):
    rates = {"grid": {"training.optimizer.lr": [0.01, 1e30]}, "training": {
        "batch_size": 20, "epochs": 3, "engine": "jax", "stack": 4, "loss": "squared-error"}}  # fmt: skip
    results = run_study(make(network={"hidden": 8, "output": "identity"}, **rates), tmp_path, jobs=1)
    runs = results.runs().set_index(["label", "seed"])
    assert runs["status"].to_dict() == {
        ("1", 0): "done", ("1", 1): "done", ("2", 0): "diverged", ("2", 1): "diverged"
    }  # fmt: skip


# -- what is said


def test_a_plan_its_estimate_and_the_report_say_how_many_share_a_program(make, tmp_path):
    study = make(**STACKED)
    plan = Plan(study)
    said = "12 runs are trained by 2 programs, up to 4 at a time in each (training.stack)"
    assert said in plan.notes
    cost = estimate(plan, 1)
    by_itself = estimate(Plan(make(**{**STACKED, "training": {**STACKED["training"], "stack": 1}})), 1)
    assert cost.memory > by_itself.memory
    assert said not in Plan(make(**{**STACKED, "training": {**STACKED["training"], "stack": 1}})).notes
    run_study(study, tmp_path, jobs=1)
    page = build_report(tmp_path).read_text()
    assert "jax, 4 runs in one program" in page
    assert said in page


def test_an_estimate_counts_what_is_compiled(make, monkeypatch):
    """Once for a program, not once for a run or a worker."""
    measured = []

    def slow(setting, split):
        measured.append(setting.training.batch_size)
        time.sleep(0.5 if measured.count(setting.training.batch_size) == 1 else 0)
        return planning._Speed(1e-9, 1e-9)

    monkeypatch.setattr(planning, "_measure", slow)
    study = make(**STACKED)
    assert 1.0 <= estimate(Plan(study), 2).seconds < 1.5
    assert {size: measured.count(size) > 1 for size in measured} == {20: True, 50: True}


def test_the_plan_of_a_gpu_decides_by_the_network(make, monkeypatch):
    for where in ("run", "requirements"):
        monkeypatch.setattr(f"handgrad.training.{where}.jax_sees", lambda device: True)
    small = Plan(make(training={"device": "cuda", "batch_size": 20}))
    large = Plan(make(training={"device": "cuda", "batch_size": 300}, network={"hidden": [2000, 2000]}))
    (setting,) = small.phases[0].settings
    assert (setting.setting.training.engine, setting.setting.training.stack) == ("jax", 256)
    assert setting.runs[0].id == Run(setting.setting, 0, small.splits.facts(setting.setting.data).checksum).id
    assert setting.runs[0].id == Plan(make(training={"device": "cuda", "batch_size": 20, "stack": 256})).phases[
        0
    ].settings[0].runs[0].id  # fmt: skip
    assert large.phases[0].settings[0].setting.training.stack == 1
    assert Setting(training={"device": "cuda"}).resolved().training.stack == 1  # a run by itself
