"""The plan: labels, ids, phases, and what does not fit the data."""

import tomllib

import numpy as np
import pytest

from handgrad.data.datasets import from_arrays
from handgrad.errors import DataError, HandgradError, StudyFileError
from handgrad.study import Plan, make_study
from handgrad.study.design.problems import gathered
from handgrad.study.planning.estimate import estimate
from handgrad.study.planning.split_cache import SplitCache
from handgrad.study.reading.setting_refs import SettingRefs
from handgrad.study.rules.select import RunSummary


def decided(plan, number, winner):
    """Let one setting win."""
    finished = {}
    for label, setting in plan.rivals(number).items():
        for run in setting.runs:
            metrics = {"val_accuracy": 0.9 if label == winner else 0.5, "val_loss": 1.0}
            finished[run.id] = RunSummary(run.id, run.seed, "done", metrics)
    assert plan.decide(number, finished) == winner


def labels(phase):
    return [setting.label for setting in phase.settings]


def test_labels_number_on_from_the_winner(make):
    # as in a published report: run 9 wins 18; batch sizes are 9_1 to 9_3, L2 from run 9 again 9_4 and 9_5
    study = make(
        grid={"network.hidden": [2, 3, 4], "training.optimizer.lr": [0.01, 0.05, 0.09]},
        phase=[
            {"name": "batch size", "grid": {"training.batch_size": [10, 50, 100]}},
            {"name": "L2", "after": "main", "grid": {"training.weight_decay": [0.01, 0.001]}},
            {"name": "last", "after": "batch size", "grid": {"training.epochs": [5]}},
        ],
    )
    plan = Plan(study)
    assert labels(plan.phases[0]) == [str(n) for n in range(1, 10)]
    assert labels(plan.phases[1]) == ["*_1", "*_2", "*_3"]  # not known yet, but in the plan
    assert all(run.id is None for run in plan.phases[1].settings[0].runs)
    assert plan.run_count == 2 * (9 + 3 + 2 + 1)
    decided(plan, 0, "9")
    assert labels(plan.later(1)) == ["9_1", "9_2", "9_3"]
    decided(plan, 1, "9_3")
    assert labels(plan.later(2)) == ["9_4", "9_5"]
    decided(plan, 2, "9")  # the one it started from can stay the winner
    assert labels(plan.later(3)) == ["9_3_1"]
    last = plan.settings["9_3_1"].setting
    assert (last.network.hidden, last.training.batch_size, last.training.epochs) == ((4,), 100, 5)
    assert last.training.optimizer.lr == 0.09
    assert last.training.weight_decay == 0  # phase L2 is not on the way


STARTS = {
    "bundle": {"case": {"R": {"network.activation": "relu"}, "T": {"network.activation": "tanh"}}},
    "grid": {"training.optimizer.lr": [0.1, 0.2]},
}


@pytest.mark.parametrize(
    "start", [{"case": "T", "training.optimizer.lr": 0.1}, {"case": "T", "training": {"optimizer": {"lr": 0.1}}}]
)
def test_a_phase_starts_from_the_setting_that_it_names_whoever_wins(make, start):
    batches = {"name": "batch size", "start": start, "grid": {"training.batch_size": [10, 50]}}
    longer = {"name": "longer", "start": {"training.batch_size": 10}, "continue": True, "set": {"training.epochs": 4}}
    study = make(**STARTS, phase=[batches, longer])
    assert make_study(tomllib.loads(study.toml())).phases == study.phases
    plan = Plan(study)
    decided(plan, 0, "1")
    assert labels(plan.later(1)) == ["3_1", "3_2"]
    assert plan.settings["3_1"].setting.network.layer_list(2)[0].activation == "tanh"
    assert list(plan.rivals(1)) == ["3", "3_1", "3_2"]
    decided(plan, 1, "3")
    assert labels(plan.later(2)) == ["3_1_1"]
    parents = [run.id for run in plan.settings["3_1"].runs]
    assert [run.continues for run in plan.settings["3_1_1"].runs] == parents
    assert plan.to_json()["phases"][2]["start"] == "3_1"


def test_what_starts_from_a_named_setting_is_planned_before_anything_wins(make):
    batches = {"name": "batch size", "start": {"case": "T", "training.optimizer.lr": 0.1}}
    batches |= {"grid": {"training.batch_size": [10, 50]}}
    longer = {"name": "longer", "start": {"training.batch_size": 10}, "continue": True, "set": {"training.epochs": 4}}
    won = {"name": "from the winner", "after": "main", "set": {"training.epochs": 4}}
    named = {"name": "after the winner", "start": {"training.epochs": 4}, "set": {"training.epochs": 5}}
    plan = Plan(make(**STARTS, phase=[batches, longer, won]))
    assert [phase.known for phase in plan.phases] == [True, True, True, False]
    assert [labels(phase) for phase in plan.phases[1:3]] == [["3_1", "3_2"], ["3_1_1"]]
    before = plan.settings
    decided(plan, 0, "1")
    for number in (1, 2):
        plan.later(number)
    assert plan.settings == before
    late = Plan(make(**STARTS, phase=[won, {**named, "after": "from the winner"}]))
    assert [phase.known for phase in late.phases] == [True, False, False]


@pytest.mark.parametrize(("start", "label"), [("T", "2"), ("R", "1")])  # R is the base setting once more
def test_a_start_can_be_the_name_of_a_variant(make, start, label):
    phase = {"name": "longer", "start": start, "set": {"training.epochs": 4}}
    variants = {"R": {"network.activation": "relu"}, "T": {"network.activation": "tanh"}}
    plan = Plan(make(variant=variants, phase=[phase]))
    decided(plan, 0, "2" if label == "1" else "1")
    assert labels(plan.later(1)) == [f"{label}_1"]


def test_new_seeds_of_a_phase_are_those_after_the_largest_of_the_study(make):
    phases = [
        {"name": "more", "new_seeds": 3},
        {"name": "both", "after": "main", "grid": {"network.hidden": [2, 4]}, "new_seeds": 3},
        {"name": "same", "after": "main", "grid": {"network.hidden": [2, 4]}},
    ]
    study = make(seeds=[7, 2], grid={"network.hidden": [2, 3]}, phase=phases)
    plan = Plan(study)
    assert plan.run_count == SettingRefs(study).run_count == 2 * 2 + 1 * 3 + 2 * 3 + 2 * 2
    decided(plan, 0, "2")
    seeds = [
        {setting.label: [run.seed for run in setting.runs] for setting in plan.later(n).settings} for n in (1, 2, 3)
    ]
    # the winner, 2, over new seeds is another setting of the plan; hidden = 2 over the study's seeds is setting 1
    assert seeds == [{"2_1": [8, 9, 10]}, {"2_2": [8, 9, 10], "2_3": [8, 9, 10]}, {"1": [7, 2], "2_4": [7, 2]}]
    assert list(plan.rivals(2)) == ["2_2", "2_3"]  # what they start from was run with other seeds
    assert list(plan.rivals(3)) == ["2", "1", "2_4"]
    assert plan.run_count == 4 + 3 + 6 + 2  # setting 1 runs once


def test_new_seeds_are_counted_before_anything_is_built(make):
    with pytest.raises(StudyFileError, match="100,050 runs: 1,001 settings x 50 seeds and new_seeds; the limit is"):
        make(seeds=50, phase=[{"name": "a", "new_seeds": 100, "grid": {"training.epochs": list(range(1, 1001))}}])


def test_only_what_starts_from_the_named_setting_is_checked(make):
    bundle = {"o": {"plain": {"training.optimizer": "sgd"}, "heavy": {"training.optimizer": "momentum"}}}
    phase = {"name": "a", "start": "heavy", "set": {"training.optimizer.momentum": 0.5}}
    make(bundle=bundle, phase=[phase])
    for start in ({"start": "plain"}, {"start": None}):
        with pytest.raises(StudyFileError, match="optimizer has no momentum"):
            make(bundle=bundle, phase=[phase | start])


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("T", 'phase "a".start must be one setting of phase "main"; 2 of its settings have \'T\'; name a variant or'),
        ("X", "none of its settings has 'X'; name a variant or bundle, or all axes that tell it apart"),
        ({"training.optimizer.lr": 0.3}, "none of its settings has training.optimizer.lr = 0.3; name"),
        (3, "start must be the name of a variant or bundle, or axes such as { training.optimizer.lr = 0.01 }; got 3"),
        ({}, 'phase "a".start must be the name of a variant or bundle, or axes'),
    ],
)
def test_a_start_that_is_not_one_setting_is_refused(make, start, message):
    with pytest.raises(StudyFileError) as error:
        make(**STARTS, phase=[{"name": "a", "start": start, "set": {"training.epochs": 4}}])
    assert message in str(error.value)


def test_plans_are_equal_and_every_cell_has_an_id_of_its_own(make):
    tables = {"grid": {"network.hidden": [2, [2, 2]], "training.optimizer.lr": [0.01, 0.1]}, "seeds": [3, 1, 2]}
    one, other = Plan(make(**tables)).to_json(), Plan(make(**tables)).to_json()
    assert one == other
    ids = [run["id"] for setting in one["phases"][0]["settings"] for run in setting["runs"]]
    assert len(set(ids)) == len(ids) == 12
    assert [run["seed"] for run in one["phases"][0]["settings"][0]["runs"]] == [3, 1, 2]


def test_a_setting_that_is_there_twice_runs_once(make):
    plan = Plan(make(one_factor={"training.epochs": [3, 4]}))  # 3 is the baseline's
    assert [setting.changes for setting in plan.phases[0].settings] == [{}, {"training.epochs": 4}]
    assert "is the same setting as 1, which runs once" in plan.notes[-1]
    plan = Plan(make(grid={"training.epochs": [3, 4]}, phase=[{"name": "b", "grid": {"training.epochs": [4, 5]}}]))
    decided(plan, 0, "1")
    assert labels(plan.later(1)) == ["2", "1_1"]  # 4 epochs have run as setting 2
    assert plan.run_count == 6


def test_a_phase_that_continues_names_the_run_of_the_same_seed(make):
    plan = Plan(make(phase=[{"name": "b", "continue": True, "set": {"training.optimizer.lr": 0.001}}]))
    decided(plan, 0, "1")
    phase = plan.later(1)
    assert phase.continues
    parents = {run.seed: run.id for run in plan.settings["1"].runs}
    assert {run.seed: run.continues for run in phase.settings[0].runs} == parents


def test_a_changed_seed_of_data_or_setting_never_meets_an_old_id(make):
    def ids(**tables):
        return {run.id for setting in Plan(make(**tables)).phases[0].settings for run in setting.runs}

    first = ids()
    assert ids() == first
    assert not ids(training={"batch_size": 20, "epochs": 4}) & first
    assert not ids(data={"name": "clouds.npz", "validation": {"size": 60, "seed": 1}, "test": {"size": 60}}) & first
    assert not ids(seeds=[7, 8]) & first


def problems(study, **options):
    with pytest.raises(StudyFileError) as caught:
        Plan(study, **options)
    return caught.value.problems


def test_layers_and_losses_that_do_not_fit_are_all_found_before_anything_runs(make):
    found = problems(
        make(
            grid={"network.layers": [["dense 5 relu", "dense 3 softmax"], ["dense 4 softmax"]]},
            network=None,
            phase=[{"name": "b", "grid": {"training.loss": ["nll", "cross-entropy"]}}],
        )
    )
    assert len(found) == 2
    assert found[0].startswith(
        "grid.network.layers: the last layer, 'dense 4 softmax', has 4 units, but the data has 3"
    )
    assert found[1].startswith("phase \"b\".grid.training.loss = 'nll' cannot go with network.output = 'softmax'")


def test_what_all_settings_have_in_common_is_said_once(make):
    data = {"name": "clouds.npz", "validation": {"folds": 400}}
    study = make(grid={"training.optimizer.lr": [0.1, 0.01, 0.3, 0.5, 0.7]}, data=data)
    (line,) = problems(study)
    assert line.startswith("data.validation.folds must be at most ")
    possible = study.settings.possible
    first, second, *_ = (one.where for one in possible)
    assert list(gathered([("x is wrong", one) for one in possible], possible)) == ["x is wrong"]
    some = [("x is wrong", one) for one in possible[:4]]
    assert list(gathered(some, possible)) == [f"{first} and 3 more settings: x is wrong"]
    assert list(gathered(some[:2], possible)) == [f"{first}: x is wrong", f"{second}: x is wrong"]


def test_a_split_that_asks_for_too_much_is_found_beside_other_problems(make):
    found = problems(make(grid={"data.validation.size": [60, 999], "training.loss": ["cross-entropy", "nll"]}))
    assert len(found) == 2
    assert found[0].startswith("grid.training.loss = 'nll' cannot go with")
    assert found[1].startswith("grid.data.validation.size must be at most 300, the number of train examples of clouds")


def test_a_long_list_of_problems_ends_where_nobody_reads_on(make):
    layers = [[f"dense {n} softmax"] for n in range(4, 104)]
    found = problems(make(network=None, grid={"network.layers": layers}))
    assert len(found) == 41
    assert found[-1] == "and 60 more problems of this kind"


def test_an_option_that_needs_validation_data(make):
    data = {"name": "clouds.npz", "validation": False, "test": {"size": 60}}
    found = problems(make(data=data, training={"early_stopping": {}}))
    assert found == [
        "training.early_stopping needs validation data, but data.validation = false; set data.validation.size"
    ]


def test_selection_on_a_test_set_that_is_not_there(make):
    data = {"name": "arrays", "validation": {"size": 1.0, "from": "test"}}
    study = make(data=data, select_on_test=True, phase=[{"name": "b", "grid": {"training.epochs": [1]}}])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), np.arange(30) % 3
    found = problems(study, splits=SplitCache(study.folder, from_arrays(x, y, x, y)))
    assert found[0].startswith("test_accuracy chooses what later phases start from, but arrays has no test part left")


def test_data_that_is_not_there_is_no_fault_of_the_study_file(make):
    with pytest.raises(DataError, match=r"nowhere\.npz"):
        Plan(make(data={"name": "nowhere.npz"}))


def test_a_phase_without_a_winner_cannot_start(make):
    plan = Plan(make(grid={"training.epochs": [1, 2]}, phase=[{"name": "b", "grid": {"training.epochs": [1]}}]))
    assert plan.decide(0, {}) is None
    with pytest.raises(HandgradError, match='phase "b" has no winner to start from: no run gave a val_accuracy'):
        plan.later(1)


def test_an_estimate_covers_every_setting_and_grows_with_the_work(make):
    tables = {
        "grid": {"training.epochs": [1, 1000]},
        "phase": [{"name": "b", "grid": {"training.batch_size": [5, 50]}}],
    }
    plan = Plan(make(**tables))
    one, two = estimate(plan), estimate(plan, workers=2)
    assert [(row.phase, row.label, row.runs) for row in one.rows] == [
        ("main", "1", 2),
        ("main", "2", 2),
        ("b", "*_1", 2),
        ("b", "*_2", 2),
    ]
    assert one.measured == 1  # epochs cost no new measurement
    assert one.rows[1].seconds > 20 * one.rows[0].seconds > 0
    assert one.seconds == pytest.approx(sum(2 * row.seconds for row in one.rows))
    assert two.memory > one.memory
    # 2 runs of 1,000 epochs of 12 steps leave 4 bytes a step
    assert one.disk == two.disk > 2 * 4 * 12_000
    assert one.kept < one.disk  # the split lies on the disk while runs need it


def test_runs_that_a_search_stops_short_keep_the_weights_of_their_best_epoch_too(make):
    tables = {"training": {"epochs": 4, "early_stopping": {"patience": 2}}, "network": {"hidden": [2000]}}
    plain, searched = (estimate(Plan(make(**tables, **more))).disk for more in ({}, {"asha": {"grace_period": 1}}))
    assert searched - plain > 4 * 2000


def test_how_many_runs_there_are_is_known_without_the_data(make):
    """What Optuna draws and what is there twice included."""
    pytest.importorskip("optuna")
    drawn = {"random": {"runs": 7, "sampler": "tpe", "training.optimizer.lr": {"log_uniform": [1e-3, 1.0]}}}
    later = {"random": {"runs": 5, "sampler": "qmc", "network.dropout": {"uniform": [0.0, 0.5]}}, "name": "later"}
    twice = {"one_factor": {"training.epochs": [3, 4], "network.dropout": [0.0, 0.5]}}  # 3 and 0 are those of the base
    for tables, runs in ((drawn | {"phase": [later]}, 2 * 12), (twice, 2 * 3), (twice | {"phase": [later]}, 2 * 8)):
        study = make(**tables)
        assert SettingRefs(study).run_count == Plan(study).run_count == runs


NOISE = {
    "seeds": [3, 5, 8],
    "vary": ["init", "split"],
    "phase": [{"name": "weights", "vary": ["init"]}, {"name": "order", "after": "main", "vary": ["order"]}],
}


def test_runs_have_the_seeds_and_the_splits_that_are_varied(make):
    plan = Plan(make(**NOISE))
    decided(plan, 0, "1")
    both, weights, order = (phase.settings[0] for phase in (plan.phases[0], plan.later(1), plan.later(2)))
    assert [run.seeds.to_json() for run in both.runs] == [
        {"init": seed, "order": 3, "dropout": 3, "split": seed} for seed in (3, 5, 8)
    ]
    assert [run.seeds.to_json() for run in order.runs][1] == {"init": 3, "order": 5, "dropout": 3}
    assert len(set(both.data_keys)) == 3  # a split each
    assert both.data == both.runs[0].data
    assert weights.data_keys == [plan.splits.facts(weights.setting.data).key]  # that of [data]
    assert [both.run(run, "0" * 64).setting.data.validation.seed for run in both.runs] == [3, 5, 8]
    assert both.setting == weights.setting == order.setting
    ids = [run.id for one in (both, weights, order) for run in one.runs]
    assert len(set(ids)) == len(ids) - 1  # the first seed with the split of [data] is one run
    assert weights.runs[0].id == order.runs[0].id


def test_a_phase_of_other_sources_is_compared_within_itself(make):
    plan = Plan(make(**NOISE))
    decided(plan, 0, "1")
    plan.later(1)
    assert list(plan.rivals(1)) == ["1_1"]  # not with what it starts from


def test_the_plan_says_what_varies_and_without_vary_it_has_no_such_key(make):
    written = Plan(make(**NOISE)).to_json()
    assert (written["vary"], written["phases"][1]["vary"]) == (["init", "split"], ["init"])
    assert set(written["phases"][0]["settings"][0]["runs"][0]) == {"seed", "id", "continues", "seeds", "data"}
    plain = Plan(make()).to_json()
    assert "vary" not in plain
    assert set(plain["phases"][0]["settings"][0]["runs"][0]) == {"seed", "id", "continues"}


def test_all_that_a_seed_is_of_is_the_plain_study(make):
    plain, said = Plan(make(seeds=[3, 5])), Plan(make(seeds=[3, 5], vary=["init", "order"]))
    ours, theirs = said.phases[0].settings[0].runs, plain.phases[0].settings[0].runs
    assert ours[0].id == theirs[0].id
    assert ours[1].id != theirs[1].id  # its masks would be those of seed 3


def test_a_split_that_is_fixed_cannot_be_varied(make, folder):
    x = np.arange(40, dtype=np.float32).reshape(20, 2)
    data = from_arrays(x, np.arange(20) % 2, x, np.arange(20) % 2, name="clouds.npz")
    study = make(vary=["split"], data={"name": "clouds.npz", "validation": False})
    with pytest.raises(StudyFileError, match=r"the split of clouds\.npz is fixed: no part of it is drawn by chance"):
        Plan(study, SplitCache(folder, data))
