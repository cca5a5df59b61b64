"""A study with folds: every setting on every fold, and what goes on, stops, fails or is refused."""

import pandas
import pytest

import handgrad as hg
from handgrad.errors import DataError, StudyFileError
from handgrad.report.build import write_report
from handgrad.report.findings.noise import noises
from handgrad.report.findings.summarize import summarize
from handgrad.study import Plan, Results, run_study
from handgrad.study.explain.explain_plan import ExplainPlan
from handgrad.training import loop

DATA = {"name": "clouds.npz", "validation": {"folds": 3}, "test": {"size": 60}}
GRID = {"training.optimizer.lr": [0.01, 0.3]}
RATE = {"optimizer": {"name": "sgd", "lr": 0.01}}


def ids(results):
    return results.runs()["id"].tolist()


def test_every_setting_is_trained_on_every_fold_with_every_seed(make, tmp_path, folder):
    results = run_study(make(data=DATA, grid=GRID), tmp_path, jobs=1)
    runs = results.runs()
    assert list(runs.columns[:5]) == ["label", "phase", "fold", "seed", "id"]
    assert list(zip(runs.label, runs.fold, runs.seed, strict=True)) == [
        (label, fold, seed) for label in "12" for fold in (1, 2, 3) for seed in (0, 1)
    ]
    assert len(set(runs["id"])) == 12
    by_fold = {}
    for cell in results.cells():
        assert cell.record.dataset.counts == {"train": 200, "validation": 100, "test": 60}
        assert cell.record.setting["data"]["validation"]["fold"] == cell.fold
        by_fold.setdefault(cell.fold, set()).add(cell.record.dataset.key)
    assert [len(keys) for keys in by_fold.values()] == [1, 1, 1]  # all settings share the folds
    assert len(set.union(*by_fold.values())) == 3
    one = {**DATA, "name": str(folder / "clouds.npz"), "validation": {"folds": 3, "fold": 2}}
    setting = {"data": one, "network": {"hidden": 8}, "training": {"batch_size": 20, "epochs": 3, **RATE}}
    (there,) = runs.query("label == '1' and fold == 2 and seed == 1").itertuples()
    assert hg.train(setting, seed=1).id == there.id


def test_more_repeats_go_on_with_the_runs_that_are_there(make, tmp_path):
    first = ids(run_study(make(data=DATA), tmp_path, jobs=1))
    told = []
    twice = {**DATA, "validation": {"folds": 3, "repeats": 2}}
    results = run_study(make(data=twice), tmp_path, jobs=1, observer=told.append)
    assert ids(results)[:6] == first
    assert results.runs()["fold"].unique().tolist() == [1, 2, 3, 4, 5, 6]
    assert [event.fold for event in told if event.kind == "run finished"] == [4, 4, 5, 5, 6, 6]


def test_one_fold_that_is_named_is_a_study_of_one_split(make):
    plan = Plan(make(data={**DATA, "validation": {"folds": 3, "fold": 2}}))
    ((first, second),) = [setting.runs for setting in plan.phases[0].settings]
    assert [run.key for run in (first, second)] == [0, 1]
    assert first.id == Plan(make(data=DATA)).phases[0].settings[0].runs[2].id


def test_plans_and_limits_count_folds(make):
    assert Plan(make(data=DATA, grid=GRID)).run_count == 12
    with pytest.raises(StudyFileError, match=r"80,000 settings.* x 2 seeds x 3 folds; the limit is 100,000") as refused:
        make(data=DATA, grid={"training.optimizer.lr": [i / 1e6 for i in range(1, 80_001)]})
    assert "would have 480,000 runs" in str(refused.value)


def test_continued_runs_go_on_on_their_own_fold_and_new_seeds_have_all_folds(make, tmp_path):
    phases = [
        {"name": "on", "continue": True, "set": {"training.optimizer.lr": 0.001}},
        {"name": "again", "after": "main", "new_seeds": 1},
    ]
    results = run_study(make(data=DATA, grid=GRID, phase=phases), tmp_path, jobs=1)
    start = {run["id"]: run for setting in results.planned.values() for run in setting["runs"]}
    continued = [run for run in start.values() if run["continues"]]
    assert len(continued) == 6
    for run in continued:
        parent = start[run["continues"]]
        assert (parent["fold"], parent["seed"], parent["data"]) == (run["fold"], run["seed"], run["data"])
    again = results.runs().query("phase == 'again'")
    assert list(zip(again.fold, again.seed, strict=True)) == [(1, 2), (2, 2), (3, 2)]
    assert results.state == "done"


def test_a_search_judges_a_setting_by_all_folds_and_goes_on_from_its_decisions(make, tmp_path):
    study = make(
        data=DATA,
        grid={"training.optimizer.lr": [0.001, 0.01, 0.1, 0.3]},
        training={"batch_size": 20, "epochs": 4, "early_stopping": {"patience": 3}},
        asha={"grace_period": 1, "reduction_factor": 2},
    )
    results = run_study(study, tmp_path, jobs=1)
    assert set(results.runs()["status"]) == {"done", "pruned"}
    for _, own in results.runs().groupby("label"):
        assert len(own) == 6
        assert len(set(own["status"])) == 1  # folds and seeds stop together
    decisions = (tmp_path / "decisions" / "0.jsonl").read_text()
    assert '"values": {"1/0":' in decisions
    told = []
    again = run_study(study, tmp_path, jobs=1, observer=told.append)
    assert not [event for event in told if event.kind == "run finished"]
    assert (tmp_path / "decisions" / "0.jsonl").read_text() == decisions
    assert ids(again) == ids(results)
    assert not [event.text for event in told if event.kind == "note" and "anew" in event.text]


def test_a_report_of_a_study_in_which_folds_failed(make, tmp_path, monkeypatch):
    real = loop.RunInProgress

    def fails(task, *others):
        section = task.run.setting.data.validation
        if task.run.setting.training.optimizer.lr == 0.01 and (section.fold == 3 or task.run.seed == section.fold == 1):
            raise MemoryError("too large")
        return real(task, *others)

    monkeypatch.setattr(loop, "RunInProgress", fails)
    results = run_study(make(data=DATA, grid=GRID), tmp_path, jobs=1)
    summary = summarize(results)
    failing, best = summary.phases[0].settings
    assert summary.phases[0].winner == "2"
    assert failing.samples["val_accuracy"].counted == "3 runs of 2 folds × 2 seeds"
    assert best.samples["val_accuracy"].counted == "3 folds × 2 seeds"
    assert best.examples("val_accuracy") == 300
    assert (best.overlap("val_accuracy"), best.overlap("test_accuracy")) == (0.5, 0.0)
    assert best.samples["test_accuracy"].interval is None
    assert best.samples["val_accuracy"].interval.method == "corrected t"
    found = summary.phases[0].conclusions
    assert (found.unit, found.against["1"].n, found.against["2"].n) == ("fold", 2, 3)
    page = write_report(results).page.read_text(encoding="utf-8")
    assert "fold 1 (seed 1), fold 3 (seeds 0, 1) failed: MemoryError: too large" in page
    assert "3 of 3 × 2" in page
    for folded in (results.curves(), hg.class_scores(tmp_path), hg.curve_measures(tmp_path)):
        assert {"fold", "seed"} <= set(folded.columns)
    row = hg.compare(tmp_path, "1", "2").set_index("metric").loc["val_accuracy"]
    assert (row.n, row.pairs, row.sign_flip_p) == (2, "3 runs of 2 folds × 2 seeds", None)
    assert row.p < 1
    tested = hg.compare(tmp_path, "1", "2").set_index("metric").loc["test_accuracy"]
    assert pandas.isna(tested[["low", "high", "p"]].to_list()).all()  # one test part: no rule for how runs go together
    assert not tested.decided


def test_every_sentence_of_a_report_says_folds_and_seeds(make, tmp_path):
    results = run_study(make(data=DATA, grid=GRID), tmp_path, jobs=1)
    page = write_report(results).page.read_text(encoding="utf-8")
    for text in (
        "(3 folds × 2 seeds, ddof 1)",
        "Method: differences on shared folds; a 95 % interval by t",
        "It holds for other seeds and other examples.",
        "(Nadeau and Bengio 2003), and that of the seeds beside it.",
        "Intervals hold for other seeds and other examples: they are over 3 folds × 2 seeds, scored on 300 ",
        "Line: mean over the runs (3 folds × 2 seeds) that reached the epoch",
        "3, stratified (seed 0), the same for every setting",
        "mean ± standard deviation over folds and seeds",
        "3 folds × 2 seeds, std with ddof 1",
        "a ± over folds and seeds includes",
        "folds, initial weights, order",
        "fold 1, seed ",
    ):
        assert text in page
    assert "sign-flip" not in page
    ranking = (tmp_path / "report" / "figures" / "ranking.csv").read_text(encoding="utf-8").splitlines()
    assert ranking[0] == "setting,fold,seed,value,mean,low,high,verdict"
    assert [line.split(",")[1:3] for line in ranking[1:3]] == [["1", "0"], ["1", "1"]]


def test_shares_of_the_variance_are_those_of_folds(make, tmp_path):
    grid = {**GRID, "training.batch_size": [20, 40]}
    results = run_study(make(data=DATA, grid=grid, seeds=1), tmp_path, jobs=1)
    page = write_report(results).page.read_text(encoding="utf-8")
    assert "From 4 settings × 3 folds × 1 seed, by unbiased shares of variance (ω²)" in page
    assert len(hg.importance(tmp_path)) > 2


def test_quick_can_say_folds_of_its_own(make):
    study = make(data=DATA, small={"data": {"validation": {"folds": 2}}, "training": {"epochs": 1}}, quick=True)
    assert Plan(study).run_count == 4


def test_settings_that_divide_the_data_otherwise_are_refused(make):
    with pytest.raises(StudyFileError, match=r"data\.validation differs between settings, but with data\.validation\."):
        make(data=DATA, grid={"data.validation.folds": [2, 3]})
    with pytest.raises(StudyFileError, match=r"data\.test differs between settings"):
        make(data=DATA, grid={"data.test.size": [30, 60]})
    assert Plan(make(data=DATA, grid={"data.train": [{"size": 50}, {"size": 100}]})).run_count == 12


def test_winners_are_not_chosen_on_the_test_set(make):
    with pytest.raises(
        StudyFileError, match=r"select_on_test = true stands beside data\.validation\.folds, but folds are"
    ):
        make(data=DATA, grid=GRID, select_on_test=True)


COLUMNS = [{"head": "lr", "show": "training.optimizer.lr"}, {"head": "accuracy", "show": "test_accuracy"}]
ROWS = [{"label": "1", "test_accuracy": 0.9}, {"label": "2", "test_accuracy": 0.8}]
PUBLISHED = {
    "title": "a report",
    "n": 2,
    "table": [{"number": "Table 1", "title": "rates", "columns": COLUMNS, "rows": ROWS}],
}


def test_published_numbers_and_explanations_are_of_one_split(make):
    refused = r"data\.validation\.folds stands beside \[original\], but published numbers are judged and explained by "
    with pytest.raises(StudyFileError, match=refused):
        make(data=DATA, grid=GRID, original=PUBLISHED)
    split = {"five folds": {"data.validation.folds": 5}}
    one = {"name": "clouds.npz", "test": {"size": 60}}
    study = make(data=one, grid=GRID, original=PUBLISHED, explain={"reading": {"split": split}})
    with pytest.raises(StudyFileError, match=r"fits no row: data\.validation\.folds: readings are run on one split"):
        ExplainPlan(study)


def test_seeds_cannot_vary_the_split_of_folds_and_may_vary_all_else(make):
    refused = r"vary holds split, but data\.validation\.folds already makes a split of each"
    with pytest.raises(StudyFileError, match=refused):
        make(data=DATA, vary=["init", "split"])
    (setting,) = Plan(make(data=DATA, vary=["init"])).phases[0].settings
    assert [(run.fold, run.seed, run.seeds.init, run.seeds.order) for run in setting.runs[:3]] == [
        (1, 0, 0, 0),
        (1, 1, 1, 0),
        (2, 0, 0, 0),
    ]
    assert len({run.id for run in setting.runs}) == 6


def test_runs_of_folds_do_not_tell_where_noise_comes_from(make, tmp_path):
    results = run_study(make(data=DATA, vary=["init"]), tmp_path, jobs=1)
    assert noises(summarize(results)) == []
    assert "a ± over folds and seeds includes" in write_report(results).page.read_text(encoding="utf-8")


def test_one_run_needs_a_fold_that_is_named():
    with pytest.raises(DataError, match=r"makes 5 splits, one for each run of a study \(hg\.run_study\)"):
        hg.train({"data": {"validation": {"folds": 5}}, "training": {"epochs": 1}})
    record = hg.train({"data": {"validation": {"folds": 5, "fold": 1}}, "training": {"epochs": 1}})
    assert record.dataset.counts["validation"] == 288


def test_plans_of_folders_without_folds_are_as_before(make, tmp_path):
    results = run_study(make(), tmp_path, jobs=1)
    (setting,) = Results.open(tmp_path).plan["phases"][0]["settings"]
    assert [set(run) for run in setting["runs"]] == [{"seed", "id", "continues"}] * 2
    assert "fold" not in results.runs().columns
