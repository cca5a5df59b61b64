"""Running a study: the promises, as far as one process can try to break them."""

import gc
import itertools
import tomllib

import numpy as np
import pytest

from handgrad.data.datasets import from_arrays
from handgrad.errors import InputError, StudyFileError
from handgrad.report.build import write_report
from handgrad.study import Results, make_study, run_study
from handgrad.study.design.study_spec import Made
from handgrad.study.execution import choose_runner
from handgrad.study.execution import run_study as execution
from handgrad.study.folder.store import MOST_WAITING, read_plan
from handgrad.study.runners.processes import Processes
from handgrad.training import loop
from handgrad.training.record import Record
from tests.study.conftest import clouds, contents

PHASES = {
    "grid": {"training.optimizer.lr": [0.01, 0.3]},
    "phase": [
        {"name": "batch size", "grid": {"training.batch_size": [10, 50]}},
        {"name": "longer", "continue": True, "set": {"training.optimizer.lr": 0.001}},
    ],
}


def test_the_same_bits_with_one_worker_and_with_two(make, tmp_path):
    study = make(**PHASES)
    run_study(study, tmp_path / "one", jobs=1)
    run_study(study, tmp_path / "two", runner=Processes(2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert read_plan(tmp_path / "one")["phases"] == read_plan(tmp_path / "two")["phases"]
    assert read_plan(tmp_path / "two")["execution"]["workers"] == 2


@pytest.mark.parametrize(("zeros", "kind"), [(0.8, "small-batches"), (0.0, "dense")])
def test_what_is_compiled_before_the_workers_start_fits_the_data(zeros, kind, tmp_path, monkeypatch):
    x, y = clouds(features=40)
    x = np.abs(x) * (np.random.default_rng(0).uniform(size=x.shape) >= zeros)
    asked = []
    monkeypatch.setattr(execution, "prepare", lambda *what, load: asked.append(what))
    tables = {"network": {"hidden": 20}, "training": {"batch_size": 8, "epochs": 1, "optimizer": "sgd"}, "seeds": 1}
    run_study(
        make_study({"name": "some", "data": {"name": "arrays"}, **tables}), tmp_path, data=from_arrays(x, y), jobs=1
    )
    assert asked == [("compiled", "float32", kind)]


def test_a_finished_study_repeats_nothing(make, tmp_path):
    study, events = make(**PHASES), []
    first = run_study(study, tmp_path, jobs=1)
    again = run_study(study, tmp_path, jobs=1, observer=events.append)
    assert not [event for event in events if event.kind in ("run started", "run finished")]
    assert again.plan == first.plan
    assert events[-1].finished == events[-1].runs == 2 * (2 + 2 + 1)


def test_only_the_phases_that_are_asked_for_run_and_the_rest_follows(make, tmp_path):
    study = make(**PHASES)
    whole = run_study(study, tmp_path / "whole", jobs=1)
    events = []
    part = run_study(study, tmp_path / "part", jobs=1, observer=events.append, phases=["batch size"])
    assert [event.phase for event in events if event.kind == "phase started"] == ["main", "batch size"]
    assert events[-1].finished == events[-1].runs == 2 * (2 + 2)
    assert part.plan["notes"][-1] == (
        "phases that were not asked for and not begun: 1 of 3; the same command without --phase goes on"
    )
    assert [phase["winner"] for phase in part.plan["phases"]] == [
        *(phase["winner"] for phase in whole.plan["phases"][:2]),
        None,
    ]
    assert write_report(part.folder).page.is_file()
    events.clear()
    run_study(study, tmp_path / "part", jobs=1, observer=events.append)
    assert {event.phase for event in events if event.kind == "run finished"} == {"longer"}
    assert contents(tmp_path / "part") == contents(tmp_path / "whole")


def test_a_phase_that_is_asked_for_after_the_rest_loses_nothing(make, tmp_path):
    study = make(**PHASES)
    run_study(study, tmp_path, jobs=1)
    before = contents(tmp_path)
    run_study(study, tmp_path, jobs=1, phases=["main"])
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        (["mian"], "unknown phase 'mian'; did you mean 'main'? Known: main, batch size, longer"),
        ("main", "phases must be a list of names, as in [\"main\"]; got 'main'"),
        ([1], 'phases must be a list of names, as in ["main"]; got (1,)'),
    ],
)
def test_phases_that_are_none(make, tmp_path, phases, message):
    with pytest.raises(InputError) as caught:
        run_study(make(**PHASES), tmp_path / "none", jobs=1, phases=phases)
    assert str(caught.value).endswith(message)
    assert not (tmp_path / "none").exists()


def test_a_study_that_grows_runs_only_what_is_new(make, tmp_path):
    run_study(make(grid={"training.optimizer.lr": [0.01]}), tmp_path, jobs=1)
    events = []
    run_study(make(grid={"training.optimizer.lr": [0.3, 0.01]}, seeds=3), tmp_path, jobs=1, observer=events.append)
    ran = [(event.label, event.seed) for event in events if event.kind == "run finished"]
    assert ran == [("1", 0), ("1", 1), ("1", 2), ("2", 2)]


def test_a_results_folder_says_what_was_laid_over_the_file_and_runs_from_there_as_well(make, folder, tmp_path):
    given = ["training.epochs=2", "ddof=0"]
    first = run_study(make(given, quick=True, small={"training": {"epochs": 1}}), tmp_path / "one", jobs=1)
    assert first.spec.made == Made(file="study.toml", quick=True, changes=given)
    assert (first.study.quick, first.study.changed) == (True, ("training.epochs=2",))
    text = (tmp_path / "one" / "study.toml").read_text("utf-8")
    again = run_study(make_study(tomllib.loads(text), folder=folder), tmp_path / "two", jobs=1)
    assert (tmp_path / "two" / "study.toml").read_text("utf-8") == text
    assert (again.plan["quick"], again.plan["changed"]) == (True, ["training.epochs=2"])
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_continued_runs_make_one_history(make, tmp_path):
    results = run_study(make(**PHASES), tmp_path, jobs=1)
    phase = results.plan["phases"][2]
    assert phase["start"] == results.winner("batch size")
    for run in phase["settings"][0]["runs"]:
        record, parent = results.record(run["id"]), results.record(run["continues"])
        assert (record.data["continued_at"], record.data["epochs"]) == ([3], 6)
        steps = len(parent.curves["loss_per_step"])
        np.testing.assert_array_equal(record.curves["loss_per_step"][:steps], parent.curves["loss_per_step"])
        assert record.curves["lr"].tolist() == [*parent.curves["lr"], 0.001, 0.001, 0.001]


def test_a_diverged_run_stops_nothing_and_ranks_last(make, tmp_path):
    study = make(
        network={"hidden": 8, "output": "identity"},
        training={"epochs": 3, "loss": "squared-error", "batch_size": 20},
        grid={"training.optimizer.lr": [1e6, 0.01, 0.02]},
        phase=[{"name": "b", "grid": {"training.optimizer.lr": [1e7, 0.03]}}],
    )
    results = run_study(study, tmp_path, jobs=1)
    table = results.settings()
    assert results.state == "done"
    assert table["diverged"].tolist() == [2, 0, 0, 2, 0]
    assert results.winner("main") in ("2", "3")
    diverged = results.runs().query("status == 'diverged'")
    assert len(diverged) == 4
    assert (diverged["diverged_step"] >= 1).all()
    assert diverged["diverged_layer"].notna().all()
    assert diverged["val_accuracy"].isna().all()


def arrays(swap):
    x, y = clouds(300)
    x_test, y_test = clouds(90)
    return from_arrays(x, y, x_test, (y_test + 1) % 3 if swap else y_test)


def test_selection_never_looks_at_the_test_set(make, tmp_path):
    tables = {
        "data": {"name": "arrays", "validation": {"size": 60}},
        "grid": {"training.optimizer.lr": [0.001, 0.01, 0.1]},
        "phase": [{"name": "b", "grid": {"network.hidden": [1, 9]}}],
    }
    found, chosen = [], []
    for swap in (False, True):
        out = tmp_path / str(swap)
        results = run_study(make(**tables), out, jobs=1, data=arrays(swap))
        found.append(results)
        chosen.append([phase["winner"] for phase in results.plan["phases"]])
    assert chosen[0] == chosen[1]
    one, other = (results.runs().set_index(["label", "seed"]) for results in found)
    assert one["val_loss"].equals(other["val_loss"])
    assert one["test_accuracy"].mean() > other["test_accuracy"].mean() + 0.1  # the test sets do differ


def test_select_on_test_chooses_on_the_test_set_and_says_so(make, tmp_path):
    tables = {
        "data": {"name": "arrays", "validation": False},
        "select_on_test": True,
        "grid": {"training.optimizer.lr": [0.0001, 0.1]},
    }
    good = run_study(make(**tables), tmp_path / "a", jobs=1, data=arrays(False))
    bad = run_study(make(**tables), tmp_path / "b", jobs=1, data=arrays(True))
    assert (good.winner(), bad.winner()) == ("2", "1")  # with wrong test labels the one that learnt less wins
    assert (good.plan["select_on_test"], good.plan["metric"]) == (True, "test_accuracy")


def test_without_validation_nothing_wins_and_everything_runs(make, tmp_path):
    data = {"name": "clouds.npz", "validation": False}
    results = run_study(make(data=data, grid={"training.epochs": [1, 2]}), tmp_path, jobs=1)
    assert results.winner() is None
    assert results.runs()["status"].tolist() == ["done"] * 4


def test_a_run_that_fails_is_recorded_the_study_goes_on_and_tries_it_again(make, tmp_path, monkeypatch):
    study, real, events = make(**PHASES), loop.RunInProgress, []

    def fails(task, *others):
        run = task.run
        if run.seed == 1 and run.setting.training.optimizer.lr == 0.01 and run.continues is None:
            raise MemoryError("too large")
        return real(task, *others)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "RunInProgress", fails)
        results = run_study(study, tmp_path, jobs=1, observer=events.append)
    assert results.state == "failed"
    assert results.failed() == 1
    (failed,) = results.runs().query("status == 'failed'").itertuples()
    assert (failed.label, failed.seed) == ("1", 1)
    assert failed.error.startswith("MemoryError: too large (in test_execution.py, line ")
    (told,) = (event for event in events if event.status == "failed")
    assert told.text == failed.error
    assert results.winner("main") == "2"  # whatever setting 1's other seed did
    events.clear()
    results = run_study(study, tmp_path, jobs=1, observer=events.append)
    assert [event.run for event in events if event.kind == "run finished"] == [failed.id]
    assert (results.state, results.failed()) == ("done", 0)


def test_runs_that_continue_a_failed_one_fail_too(make, tmp_path, monkeypatch):
    study = make(phase=[{"name": "on", "continue": True, "set": {"training.epochs": 1}}])

    def fails(*options):
        raise ValueError("no")

    monkeypatch.setattr(loop, "RunInProgress", fails)
    results = run_study(study, tmp_path, jobs=1)
    assert results.runs()["status"].tolist() == ["failed"] * 4
    assert results.runs()["error"].iloc[-1] == f"the run {results.runs()['id'].iloc[1]} that it continues has failed"


@pytest.mark.parametrize("moment", ["epoch done", "run finished"])
def test_an_interrupt_leaves_everything_to_continue(make, tmp_path, moment):
    study = make(**PHASES)

    def interrupt(event):
        if event.kind == moment and event.seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "a", jobs=1, observer=interrupt)
    halfway = Results.open(tmp_path / "a")
    assert halfway.state == "interrupted"
    assert len(list((tmp_path / "a" / "runs").glob("[0-9a-f]" * 10))) < 10
    results = run_study(study, tmp_path / "a", jobs=1)
    assert results.state == "done"
    run_study(study, tmp_path / "b", jobs=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_what_does_not_fit_is_said_before_a_folder_is_made(make, tmp_path):
    with pytest.raises(StudyFileError):
        run_study(make(training={"loss": "nll"}), tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()


def test_events_count_the_work_up_to_all_of_it(make, tmp_path):
    events = []
    run_study(make(**PHASES), tmp_path, jobs=1, observer=events.append)
    kinds = [event.kind for event in events]
    assert kinds[0] == "planned"
    assert kinds[-1] == "study finished"
    assert kinds.count("run started") == kinds.count("run finished") == events[-1].runs == 10
    assert kinds.count("epoch done") == 30
    assert [event.label for event in events if event.kind == "phase finished"] == [
        phase["winner"] for phase in read_plan(tmp_path)["phases"]
    ]
    work = [event.work for event in events]
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(work))
    assert work[-1] == pytest.approx(events[-1].total)


def test_records_are_let_go(make, tmp_path):
    study = make(grid={"training.optimizer.lr": np.linspace(0.01, 0.1, 20).tolist()})
    alive = []

    def count(event):
        if event.kind == "run finished":
            alive.append(sum(type(thing) is Record for thing in gc.get_objects()))

    run_study(study, tmp_path, jobs=1, observer=count)
    assert len(alive) == 40
    assert max(alive) <= MOST_WAITING + 4  # those that wait to be written, however many runs there are


def test_more_jobs_than_cores_are_not_started_and_noted(make, tmp_path, monkeypatch):
    monkeypatch.setattr(choose_runner, "cores", lambda: 1)
    monkeypatch.setattr(execution, "cores", lambda: 1)
    results = run_study(make(), tmp_path, jobs=4)
    assert results.plan["execution"] == {"runner": "serial", "workers": 1, "threads_per_worker": 1, "cores": 1}
    assert "4 jobs were asked for; 1 run, one for each core" in results.plan["notes"]


def test_frames(make, tmp_path):
    results = run_study(make(**PHASES), tmp_path, jobs=1)
    runs, curves, settings = results.runs(), results.curves(), results.settings()
    winner = results.winner("main")
    assert runs["label"].tolist() == ["1", "1", "2", "2"] + [
        label for label in (f"{winner}_1", f"{winner}_2", settings["label"].iloc[-1]) for _ in range(2)
    ]
    assert runs["seed"].tolist() == [0, 1] * 5
    assert (
        runs["training.batch_size"].tolist()
        == [20] * 4 + [10] * 2 + [50] * 2 + [runs["training.batch_size"].iloc[-1]] * 2
    )
    rate = 0.01 if winner == "1" else 0.3
    assert runs["training.optimizer.lr"].tolist()[:8] == [0.01] * 2 + [0.3] * 2 + [rate] * 4
    assert len(curves) == 8 * 3 + 2 * 6
    last = curves.query("label == '1' and seed == 0 and epoch == 3")["val_accuracy"].item()
    assert last == runs.query("label == '1' and seed == 0")["val_accuracy"].item()
    first = runs.query("label == '1'")["val_loss"]
    row = settings.query("label == '1'").iloc[0]
    assert row["val_loss_mean"] == first.mean()
    assert row["val_loss_std"] == pytest.approx(abs(first.iloc[0] - first.iloc[1]) / 2**0.5)  # ddof 1 with two seeds
    assert "main" in settings.query("label == @winner")["winner_of"].item()
    assert results.setting("1").training.optimizer.lr == 0.01
    assert results.spec.seeds == (0, 1)


VARIED = {
    "seeds": 3,
    "vary": ["init", "split"],
    "phase": [{"name": "weights", "vary": ["init"]}, {"name": "split", "after": "main", "vary": ["split"]}],
}


def test_seeds_vary_what_they_are_told_to_with_any_number_of_workers(make, tmp_path):
    results = run_study(make(**VARIED), tmp_path / "one", jobs=1)
    run_study(make(**VARIED), tmp_path / "two", runner=Processes(2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    frame = results.runs()
    assert frame["init_seed"].tolist() == [0, 1, 2, 0, 1, 2, 0, 0, 0]
    assert frame["split_seed"].fillna(-1).tolist() == [0, 1, 2, -1, -1, -1, 0, 1, 2]
    records = {label: [results.record(run) for run in frame[frame.label == label].id] for label in ("1", "1_1", "1_2")}
    tests_of = {label: [record.samples.index for record in found] for label, found in records.items()}
    assert tests_of["1_1"] == [tests_of["1_1"][0]] * 3  # the same examples
    assert len({tuple(index) for index in tests_of["1_2"]}) == 3
    assert tests_of["1_2"] == tests_of["1"]  # settings share splits as they share seeds
    starts = {label: [record.seeds["init"] for record in found] for label, found in records.items()}
    assert starts == {"1": [0, 1, 2], "1_1": [0, 1, 2], "1_2": [0, 0, 0]}
    assert results.winner() == "1"  # phases that measure noise choose nothing


def test_pictures_of_a_run_are_those_of_its_own_split(make, tmp_path):
    results = run_study(make(seeds=2, vary=["split"]), tmp_path, jobs=1)
    first, second = results.runs()["id"]
    images = [results.images("1", run) for run in (first, second)]
    assert not np.array_equal(*images)
    assert np.array_equal(results.images("1"), images[0])
