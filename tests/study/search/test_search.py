"""Searches through whole studies: stopped, continued, killed and replayed, with the bits of runs that never paused."""

import json
import re
import shutil
import statistics

import numpy as np
import pytest

from handgrad.errors import StudyFileError
from handgrad.study import Results, run_study
from handgrad.study.folder.decisions import decision, read_decisions
from handgrad.study.folder.plan_file import read_plan
from handgrad.study.runners.processes import Processes
from handgrad.training import loop
from tests.study.conftest import contents

RATES = [0.001, 0.3, 0.01, 0.1, 0.003, 0.5, 0.03]
ASHA = {
    "training": {"batch_size": 20, "epochs": 8, "schedule": "cosine"},
    "grid": {"training.optimizer.lr": RATES},
    "asha": {"grace_period": 2, "reduction_factor": 2, "metric": "val_loss"},
}
TPE = ASHA | {
    "grid": None,
    "random": {
        "runs": 7,
        "sampler": "tpe",
        "training.optimizer.lr": {"log_uniform": [1e-3, 1.0]},
        "network.hidden": {"choice": [[4], [8, 8]]},
    },
}


def events(folder, number=0):
    found, problem = read_decisions(folder / "decisions" / f"{number}.jsonl")
    assert problem is None
    return found


def statuses(results):
    runs = results.runs()
    return {label: (set(own["status"]), set(own["epochs"])) for label, own in runs.groupby("label")}


def trained(told):
    """(run, epoch) of every epoch that was trained."""
    return [(event.run, event.epoch) for event in told if event.kind == "epoch done"]


@pytest.fixture
def whole(make, tmp_path):
    """The same study without a search."""
    return run_study(make(**ASHA | {"asha": None}), tmp_path / "whole", jobs=1)


def test_runs_are_stopped_short_and_have_the_bits_of_whole_runs_up_to_there(make, tmp_path, whole):
    told = []
    results = run_study(make(**ASHA), tmp_path / "a", jobs=1, observer=told.append)
    runs = results.runs()
    assert results.state == "done"
    assert set(runs["status"]) == {"done", "pruned"}
    assert sorted(runs["epochs"].unique()) == [2, 4, 8]
    assert len(trained(told)) == len(set(trained(told))) == runs["epochs"].sum()  # nothing is trained twice
    for cell in results.cells():
        mine, theirs = results.record(cell.id), whole.record(cell.id)
        n = cell.record.epochs
        for name in set(theirs.curves) - {"loss_per_step"}:
            assert mine.curves[name].tolist() == theirs.curves[name][:n].tolist(), name
        if cell.status == "done":
            assert contents(tmp_path / "a")[cell.id] == contents(tmp_path / "whole")[cell.id]
        assert mine.data["confusion"]["test"]
    assert not list((tmp_path / "a" / "runs").glob("*.partial"))


def test_a_setting_is_judged_by_the_mean_over_its_seeds_at_the_rung(make, tmp_path, whole):
    results = run_study(make(**ASHA), tmp_path / "a", jobs=1)
    curves = whole.curves().set_index(["label", "seed", "epoch"])["val_loss"]
    arrived = [event for event in events(tmp_path / "a") if event["event"] == "arrived"]
    assert len(arrived) >= len(RATES)
    for event in arrived:
        values = [curves[event["setting"], seed, event["epoch"]] for seed in (0, 1)]
        assert event["values"] == {"0": values[0], "1": values[1]}
        assert event["value"] == statistics.fmean(values)
    assert {label: len(epochs) for label, (_, epochs) in statuses(results).items()} == dict.fromkeys(
        results.planned, 1
    )  # both seeds advance together


@pytest.mark.parametrize("metric", ["epoch_loss", "train_loss", "train_accuracy", "val_macro_f1"])
def test_settings_are_judged_by_training_where_it_is_asked_for_and_won_by_validation(make, tmp_path, whole, metric):
    asha = {**ASHA["asha"], "metric": metric}
    results = run_study(make(**ASHA | {"asha": asha}), tmp_path / "a", jobs=1)
    curves = whole.curves().set_index(["label", "seed", "epoch"])[metric]
    arrived = [event for event in events(tmp_path / "a") if event["event"] == "arrived"]
    for event in arrived:
        values = [curves[event["setting"], seed, event["epoch"]] for seed in (0, 1)]
        assert event["value"] == pytest.approx(statistics.fmean(values), abs=1e-15)
    ended = [label for label, (status, _) in statuses(results).items() if status == {"done"}]
    table = results.settings().set_index("label").loc[ended]
    assert table["val_accuracy_mean"][results.winner()] == table["val_accuracy_mean"].max()
    assert results.plan["metric"] == "val_accuracy"
    told = []
    run_study(make(**ASHA | {"asha": asha}), tmp_path / "a", jobs=1, observer=told.append)  # from the records alone
    assert not trained(told)
    assert [event for event in events(tmp_path / "a") if event["event"] == "arrived"] == arrived


def test_no_setting_is_judged_by_the_test_part(make):
    with pytest.raises(StudyFileError, match=r"asha\.metric is an unknown measure 'test_loss'.*epoch_loss"):
        make(asha={"metric": "test_loss"})


def test_a_search_by_the_training_loss_needs_no_validation_data(make):
    study = make(data={"name": "clouds.npz", "validation": False}, asha={"metric": "epoch_loss"}, phase=[])
    assert study.phases[0].asha.metric == "epoch_loss"


def test_the_winner_came_to_its_end(make, tmp_path):
    results = run_study(make(**ASHA), tmp_path, jobs=1)
    assert statuses(results)[results.winner()] == ({"done"}, {8})
    ended = [label for label, (status, _) in statuses(results).items() if status == {"done"}]
    table = results.settings().set_index("label").loc[ended]
    assert table["val_accuracy_mean"][results.winner()] == table["val_accuracy_mean"].max()


@pytest.mark.parametrize("tables", [ASHA, ASHA | {"asha": {**ASHA["asha"], "rule": "stop"}}, TPE])
def test_a_search_of_two_workers_is_replayed_by_one(make, tmp_path, tables):
    study = make(**tables)
    runner = Processes(2)
    run_study(study, tmp_path / "two", runner=runner)
    shutil.copytree(tmp_path / "two" / "decisions", tmp_path / "one" / "decisions")
    told = []
    run_study(study, tmp_path / "one", jobs=1, observer=told.append)
    assert events(tmp_path / "one") == events(tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert read_plan(tmp_path / "one")["phases"] == read_plan(tmp_path / "two")["phases"]
    assert not [event.text for event in told if event.kind == "note" and "decided" in event.text]


def test_a_replay_with_other_numbers_says_so_and_keeps_the_decisions(make, tmp_path):
    study, told = make(**ASHA), []
    run_study(study, tmp_path / "a", jobs=1)
    file = tmp_path / "b" / "decisions" / "0.jsonl"
    file.parent.mkdir(parents=True)
    lines = events(tmp_path / "a")
    first = next(line for line in lines if line["event"] == "arrived")
    first["values"]["1"] += 1e-9
    file.write_text("".join(map(decision, lines)))
    run_study(study, tmp_path / "b", jobs=1, observer=told.append)
    (note,) = (event.text for event in told if "decisions stand" in event.text)
    assert note.startswith(f"setting {first['setting']}, seed 1: val_loss at epoch {first['epoch']} is ")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_decisions_that_the_rule_would_not_make_are_made_anew(make, tmp_path):
    study, told = make(**ASHA), []
    run_study(study, tmp_path, jobs=1)
    before, lines = contents(tmp_path), events(tmp_path)
    wrong = next(number for number, line in enumerate(lines) if line["event"] == "promoted")
    lines[wrong]["setting"] = lines[-1]["setting"] if lines[wrong]["setting"] != lines[-1]["setting"] else "1"
    (tmp_path / "decisions" / "0.jsonl").write_text("".join(map(decision, lines)))
    run_study(study, tmp_path, jobs=1, observer=told.append)
    (note,) = (event.text for event in told if "decided anew" in event.text)
    assert f"0.jsonl, line {wrong + 1}: setting {lines[wrong]['setting']} is not the one to go on" in note
    assert trained(told) == []  # what was trained is enough to decide the same again
    assert contents(tmp_path) == before


@pytest.mark.parametrize("tables", [ASHA, TPE])
@pytest.mark.parametrize("moment", [1, 9, 30, 53])
def test_an_interrupted_search_goes_on_from_its_decisions(make, tmp_path, tables, moment):
    study, told, after = make(**tables), [], []

    def interrupt(event):
        told.append(event)
        if len(trained(told)) == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "a", jobs=1, observer=interrupt)
    begun = events(tmp_path / "a")
    results = run_study(study, tmp_path / "a", jobs=1, observer=after.append)
    assert events(tmp_path / "a")[: len(begun)] == begun
    run_study(study, tmp_path / "b", jobs=1)
    assert events(tmp_path / "a") == events(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(set(trained(after)) & set(trained(told))) <= 2  # at most the leg that was going on
    assert results.state == "done"
    last = []
    run_study(study, tmp_path / "a", jobs=1, observer=last.append)
    assert not trained(last)


def test_without_asha_what_was_pruned_goes_on_to_the_bits_of_whole_runs(make, tmp_path, whole):
    search = run_study(make(**ASHA), tmp_path / "a", jobs=1)
    already, told = search.runs()["epochs"].sum(), []
    run_study(make(**ASHA | {"asha": None}), tmp_path / "a", jobs=1, observer=told.append)
    assert contents(tmp_path / "a") == contents(tmp_path / "whole")
    assert len(trained(told)) == 14 * 8 - already


def test_a_larger_largest_resource_goes_on(make, tmp_path):
    small = run_study(make(**ASHA | {"asha": {**ASHA["asha"], "max_t": 4}}), tmp_path / "a", jobs=1)
    assert set(small.runs()["status"]) == {"pruned"}
    assert set(small.runs()["epochs"]) == {2, 4}
    assert statuses(small)[small.winner()][1] == {4}
    told = []
    run_study(make(**ASHA), tmp_path / "a", jobs=1, observer=told.append)
    run_study(make(**ASHA), tmp_path / "b", jobs=1)
    assert [event.text for event in told if "has changed" in event.text] == [
        'phase "main": its search has changed and is decided anew; trained epochs are kept'
    ]
    assert events(tmp_path / "a") == events(tmp_path / "b")
    assert {epoch for _, epoch in trained(told)} <= {3, 4, 5, 6, 7, 8}
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_what_a_killed_search_left_is_named_as_it_is(make, tmp_path):
    """Runs at a rung wait; nothing runs any more, whatever the plan says that nobody could write down again."""

    def stop(event):
        if event.kind == "epoch done" and event.label == "3" and event.epoch == 1:
            seen.append(Results.open(tmp_path).state)
            raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        run_study(make(**ASHA), tmp_path, jobs=1, observer=stop)
    assert seen == ["running"]
    plan = read_plan(tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps(plan | {"state": "running"}))  # as after kill -9
    (tmp_path / "runs" / f"{plan['phases'][0]['settings'][2]['runs'][0]['id']}.partial").mkdir(exist_ok=True)
    killed = Results.open(tmp_path)
    assert killed.state == "interrupted"
    assert [cell.status for cell in killed.cells()] == ["waiting"] * 4 + ["interrupted"] + ["pending"] * 9
    results = run_study(make(**ASHA), tmp_path, jobs=1)
    assert {cell.status for cell in results.cells()} == {"done", "pruned"}


def test_records_of_whole_runs_are_judged_at_the_rungs_without_training(make, tmp_path, whole):
    told = []
    run_study(make(**ASHA), tmp_path / "whole", jobs=1, observer=told.append)
    run_study(make(**ASHA), tmp_path / "a", jobs=1)
    assert trained(told) == []
    assert events(tmp_path / "whole") == events(tmp_path / "a")


def test_a_setting_that_diverges_loses_and_stops_nothing(make, tmp_path):
    tables = ASHA | {
        "network": {"hidden": 8, "output": "identity"},
        "training": {"epochs": 8, "loss": "squared-error", "batch_size": 20},
        "grid": {"training.optimizer.lr": [1e6, 0.01, 0.02, 1e7]},
    }
    results = run_study(make(**tables), tmp_path, jobs=1)
    found = statuses(results)
    assert (found["1"][0], found["4"][0]) == ({"diverged"}, {"diverged"})
    assert results.winner() in ("2", "3")
    values = {e["setting"]: e["value"] for e in events(tmp_path) if e["event"] == "arrived" and e["epoch"] == 2}
    assert values["1"] is None
    assert not [e for e in events(tmp_path) if e["event"] == "promoted" and e["setting"] in ("1", "4")]


def test_a_run_that_fails_loses_and_is_tried_again_by_the_next_call(make, tmp_path, monkeypatch):
    real = loop.RunInProgress

    def fails(task, *others):
        if task.run.seed == 1 and task.run.setting.training.optimizer.lr == 0.3:
            raise MemoryError("too large")
        return real(task, *others)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "RunInProgress", fails)
        results = run_study(make(**ASHA), tmp_path, jobs=1)
    assert (results.state, results.failed()) == ("failed", 1)
    lines = events(tmp_path)
    results = run_study(make(**ASHA), tmp_path, jobs=1)
    assert events(tmp_path) == lines  # what was decided stands
    assert (results.state, results.failed()) == ("done", 0)
    assert statuses(results)["2"] == ({"pruned"}, {2})


def test_early_stopping_and_a_search_go_together(make, tmp_path):
    training = {"batch_size": 20, "epochs": 16, "early_stopping": {"patience": 1, "min_delta": 0.05}}
    results = run_study(make(**ASHA | {"training": training}), tmp_path / "a", jobs=1)
    whole = run_study(make(**ASHA | {"training": training, "asha": None}), tmp_path / "b", jobs=1)
    one, other = results.runs().set_index("id"), whole.runs().set_index("id")
    done = one["status"] == "done"
    assert one[done]["val_loss"].equals(other[done]["val_loss"])
    assert (one[done]["epochs"] < 16).any()


def test_phases_have_searches_of_their_own_and_continue_what_won(make, tmp_path):
    tables = ASHA | {
        "phase": [
            {"name": "b", "grid": {"training.batch_size": [5, 10, 50]}, "asha": {"grace_period": 2}},
            {
                "name": "on",
                "continue": True,
                "grid": {"training.optimizer.lr": [0.01, 0.02]},
                "asha": {"r": 1, "eta": 2},
            },
        ]
    }
    results = run_study(make(**tables), tmp_path, jobs=1)
    again = run_study(make(**tables), tmp_path, jobs=1)
    assert again.plan == results.plan
    assert events(tmp_path, 1)[0]["start"] == results.winner("main")
    for run in results.plan["phases"][2]["settings"][0]["runs"]:
        data = results.record(run["id"]).data
        assert data["continued_at"] == [8]
        assert (data["status"], data["epochs"]) in {("done", 16), ("pruned", 9), ("pruned", 10), ("pruned", 12)}
    assert {e["until"] for e in events(tmp_path, 2) if "until" in e} <= {1, 2, 4, 8}  # epochs of its own


def test_tpe_learns_where_the_good_rates_are(make, tmp_path):
    tables = TPE | {"asha": None, "random": {**TPE["random"], "runs": 25}, "seeds": 1, "select_by": "val_loss"}
    tables |= {"training": {"batch_size": 20, "epochs": 2}}
    results = run_study(make(**tables), tmp_path / "a", jobs=1)
    rates = results.settings()["training.optimizer.lr"]
    assert len(rates) == 25
    assert rates[15:].median() > 2 * rates[:10].median()  # small rates do not learn here in two epochs
    again = run_study(make(**tables), tmp_path / "b", jobs=1)
    assert again.plan["phases"] == results.plan["phases"]  # deterministic by its seed
    more = run_study(make(**tables | {"random": {**tables["random"], "runs": 27}}), tmp_path / "a", jobs=1)
    assert more.settings()["training.optimizer.lr"][:25].tolist() == rates.tolist()
    assert len(more.settings()) == 27


def test_quasi_monte_carlo_spreads_evenly_and_learns_nothing(make, tmp_path):
    """After the first, which is drawn blindly, every 16 draws of a seed hit each 16th of a range once."""
    pytest.importorskip("optuna")

    def drawn(folder, seed=0, epochs=1, runs=17):
        rates = {"training.optimizer.lr": {"log_uniform": [1e-3, 1.0]}, "network.dropout": {"uniform": [0.0, 0.5]}}
        random = {"runs": runs, "seed": seed, "sampler": "qmc", **rates}
        training = {"batch_size": "full", "epochs": epochs}
        results = run_study(make(seeds=1, training=training, random=random), tmp_path / folder, jobs=1)
        return results, results.settings()[[*rates]].astype(float).to_numpy()

    results, draws = drawn("a")
    places = np.column_stack([np.log10(draws[1:, 0]) / 3 + 1, draws[1:, 1] / 0.5])
    for axis in places.T:
        assert sorted((16 * axis).astype(int)) == list(range(16))
    _, other = drawn("b", seed=1)
    assert not np.isin(other, draws).any()
    _, learnt = drawn("c", epochs=3)  # other results
    assert learnt.tolist() == draws.tolist()
    shutil.copytree(tmp_path / "a" / "decisions", tmp_path / "d" / "decisions")
    again, _ = drawn("d")
    assert again.plan["phases"] == results.plan["phases"]
    more, longer = drawn("a", runs=20)
    assert longer[:17].tolist() == draws.tolist()
    assert len(more.runs()) == 20


def test_where_optuna_answers_otherwise_what_was_recorded_stands(make, tmp_path, monkeypatch):
    results = run_study(make(**TPE), tmp_path, jobs=1)
    import optuna

    real = optuna.samplers.TPESampler
    monkeypatch.setattr(optuna.samplers, "TPESampler", lambda seed: real(seed=seed + 1))
    told = []
    again = run_study(make(**TPE), tmp_path, jobs=1, observer=told.append)
    assert again.plan["phases"] == results.plan["phases"]
    assert not trained(told)


def test_the_same_setting_drawn_twice_runs_once(make, tmp_path):
    tables = TPE | {"random": {"runs": 9, "sampler": "tpe", "network.hidden": {"choice": [[4], [8, 8]]}}}
    results = run_study(make(**tables), tmp_path, jobs=1)
    assert len(results.settings()) == 2
    asked = [event["setting"] for event in events(tmp_path) if event["event"] == "asked"]
    assert len(asked) == 9
    assert set(asked) == {"1", "2"}
    told = []
    run_study(make(**tables), tmp_path, jobs=1, observer=told.append)
    assert [event["setting"] for event in events(tmp_path) if event["event"] == "asked"] == asked
    assert not trained(told)


def test_what_is_wrong_is_said(make, monkeypatch):
    with pytest.raises(StudyFileError, match=r"random\.sampler is an unknown sampler .tp.; did you mean .tpe."):
        make(random={"sampler": "tp", "training.optimizer.lr": {"uniform": [0.1, 1.0]}})
    with pytest.raises(StudyFileError, match=r"asha judges by val_loss, but data.validation = false"):
        make(data={"name": "clouds.npz", "validation": False}, asha={"metric": "val_loss"})
    with pytest.raises(
        StudyFileError, match=r"asha\.epochs = 9 is more than training\.epochs of any of its settings \(3\)"
    ):
        make(asha={"max_t": 9})
    with pytest.raises(StudyFileError, match=r"asha\.grace_period must be >= 1; got 0"):
        make(asha={"grace_period": 0})
    with pytest.raises(StudyFileError, match=r"budget is empty; give it runs, epochs or minutes"):
        make(budget={})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        StudyFileError, match=r"needs Optuna, which is not installed here; pip install 'handgrad\[optuna\]'"
    ):
        make(**TPE)


# -- budgets


@pytest.mark.parametrize(
    ("budget", "begun"),
    [({"runs": 7}, 3), ({"epochs": 50}, 3), ({"epochs": 50, "runs": 3}, 1), ({"runs": 14}, 7), ({"minutes": 1e-9}, 0)],
)
def test_a_budget_begins_whole_settings_in_order_and_a_larger_one_goes_on(make, tmp_path, whole, budget, begun):
    plain = ASHA | {"asha": None}
    told = []
    results = run_study(make(**plain, budget=budget), tmp_path / "a", jobs=1, observer=told.append)
    assert results.runs()["status"].tolist() == ["done"] * 2 * begun + ["not begun"] * 2 * (7 - begun)
    assert results.state == "done"
    notes = [text for text in results.plan["notes"] if text.startswith("the budget of")]
    assert len(notes) == (begun < 7)
    if begun < 7:
        assert (
            f"is spent: {14 - 2 * begun} of at most 14 runs were not begun; the same command with a larger" in notes[0]
        )
    assert results.plan["budget"]["spent"]["runs"] == 2 * begun
    run_study(make(**plain), tmp_path / "a", jobs=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "whole")


def test_a_budget_of_a_search_is_spent_in_the_same_way_and_goes_on(make, tmp_path):
    results = run_study(make(**ASHA, budget={"epochs": 30}), tmp_path / "a", jobs=1)
    assert results.plan["budget"]["spent"]["epochs"] <= 30
    assert results.runs()["epochs"].sum() == results.plan["budget"]["spent"]["epochs"]
    assert "not begun" in set(results.runs()["status"])
    again = run_study(make(**ASHA, budget={"epochs": 30}), tmp_path / "a", jobs=1)
    assert again.runs()["epochs"].sum() == results.runs()["epochs"].sum()
    run_study(make(**ASHA), tmp_path / "a", jobs=1)
    run_study(make(**ASHA), tmp_path / "b", jobs=1)
    without = [event for event in events(tmp_path / "a") if event["event"] != "winner"]
    assert without == [event for event in events(tmp_path / "b") if event["event"] != "winner"]
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_the_report_reads_a_search(make, tmp_path):
    from handgrad.report import build_report

    results = run_study(make(**ASHA, budget={"runs": 10}), tmp_path, jobs=1)
    page = build_report(tmp_path).read_text()
    pruned = sum("pruned" in status for status, _ in statuses(results).values())
    was = "was" if pruned == 1 else "were"
    assert re.search(rf"{pruned} of \d settings {was} stopped short by the search; (its|their) numbers are those", page)
    assert re.search(
        r"\[asha\] stopped \d of 5 settings short .* The budget was spent: .*2 settings were not begun", page
    )
    assert "2 pruned at epoch 2" in page
    assert "the budget of 10 runs is spent: 4 of at most 14 runs were not begun" in page
    assert results.winner() is not None
