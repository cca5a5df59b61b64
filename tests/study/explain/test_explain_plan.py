"""The plan of an explanation: its rows, its readings, what is left out, and the messages about what is wrong."""

from types import SimpleNamespace

import pytest

from handgrad.errors import StudyFileError
from handgrad.study.explain.explain_plan import ExplainPlan
from handgrad.study.explain.ladder import Rung
from handgrad.study.explain.rows import items_with_numbers
from handgrad.study.explain.rung_results import published_cell

COLUMNS = [{"head": "lr", "show": "training.optimizer.lr"}, {"head": "acc", "show": "test_accuracy"}]


def table(*values, **more):
    rows = [{"label": str(n), "test_accuracy": value} for n, value in enumerate(values, start=1)]
    return {"number": "Table 1", "title": "t", "columns": COLUMNS, "rows": rows, **more}


def original(*values, **more):
    return {"title": "a report", "n": 2, "table": [table(*values, **more)]}


GRID = {"training.optimizer.lr": [0.1, 0.3]}


@pytest.fixture
def plan(make):
    def plan(explain=None, values=(0.8, 0.9), **more):
        tables = {"grid": GRID, "original": original(*values), **more}
        return ExplainPlan(make(**tables, **({} if explain is None else {"explain": explain})))

    return plan


HALF = {"loss": {"half": {"training.loss": "half-squared-error"}}}


def test_listed_readings_are_run_on_every_row(plan):
    made = plan({"reading": HALF})
    assert [one.name for one in made.readings] == ["as it is written", "loss: half"]
    (rung,) = made.rungs_run
    assert rung["rows"] == [0, 1]
    settings = {one.label: one for one in made.phases[0].settings}
    losses = [settings[label].setting.training.loss for label in rung["labels"]["1"]]
    rates = [settings[label].setting.training.optimizer.lr for label in rung["labels"]["1"]]
    assert (losses, rates) == (["half-squared-error"] * 2, [0.1, 0.3])
    assert [run.seed for run in settings["1"].runs] == [0, 1]


def test_a_published_number_is_of_as_many_examples_as_a_whole_run_scores(plan):
    """However few of them a cheaper run scores."""
    made = plan({"reading": HALF}, values=([0.8, 0.1], 0.9))
    assert made.to_json()["explain"]["scored"] == [{"train": 240, "validation": 60, "test": 60}] * 2
    cheap = SimpleNamespace(dataset=SimpleNamespace(classes=("a", "b", "c"), counts={"test": 7}), train_score=None)
    cell = published_cell(made.rows[0], "test_accuracy", 1, cheap, made.scored[0]["test"])
    assert (cell.scored, cell.mean, cell.std) == (60, 0.8, 0.1)


def test_what_validates_is_cut_only_where_the_file_says_how_much_does(make):
    written = {"name": "clouds.npz", "test": {"size": 60}}
    own = ExplainPlan(make(grid=GRID, original=original(0.8, 0.9), explain={"reading": HALF}, data=written))
    assert not own._may_validate_less(own._whole(0))
    said = {**written, "validation": {"size": 40}}
    own = ExplainPlan(make(grid=GRID, original=original(0.8, 0.9), explain={"reading": HALF}, data=said))
    assert own._may_validate_less(own._whole(0))


def test_a_reading_of_few_epochs_is_whole_where_the_file_is_cheaper(plan):
    """Half of 10 epochs are 5: more than a reading of 2 epochs has."""
    training = {"batch_size": 20, "epochs": 10}
    made = plan({"reading": {"epochs": {"two": {"training.epochs": 2}}}}, training=training)
    made.rung(Rung(2, 0.5, 2), made.readings)
    rung = made.rungs_run[-1]
    settings = {one.label: one.setting.training.epochs for one in made.phases[-1].settings}
    epochs = {number: [settings[label] for label in labels] for number, labels in rung["labels"].items()}
    assert epochs == {"0": [5, 5], "1": [2, 2]}
    assert rung["shares"] == {"0": [0.5, 0.5], "1": [1.0, 1.0]}


def test_rows_of_words_wait_for_longer_runs(plan):
    made = plan({"reading": HALF}, values=("nan", 0.9))
    assert (made.rows_at(1 / 16), made.rows_at(1 / 4)) == ([1], [0, 1])
    made.rung(Rung(2, 1 / 16, 2), made.readings)
    assert made.rungs_run[-1]["rows"] == [1]
    words = plan({"reading": HALF}, values=("nan", "explodes"))
    assert words.rows_at(1 / 16) == [0, 1]


def test_more_seeds_than_the_study_has_are_further_ones(plan):
    made = plan({"reading": HALF, "seeds": 4})
    assert [run.seed for run in made.phases[0].settings[0].runs] == [0, 1, 2, 3]
    few = plan({"reading": HALF, "seeds": 1})
    assert [run.seed for run in few.phases[0].settings[0].runs] == [0]


def test_rows_can_be_chosen(plan):
    made = plan({"reading": HALF, "rows": ["2"]})
    assert [row.label for row in made.rows] == ["2"]


def test_a_change_of_all_rows_comes_before_readings(plan):
    made = plan({"reading": HALF, "set": {"training": {"epochs": 2}}})
    assert {one.setting.training.epochs for one in made.phases[0].settings} == {2}


def test_the_usual_readings_have_every_slip_that_changes_something(plan):
    made = plan()
    slips = {name for reading in made.readings for name in reading.slips}
    assert {"bias-gradient-summed-over-units", "biases-not-updated", "labels-shuffled-apart"} <= slips
    left = {one.name: one.why for one in made.left_out}
    assert "as it is written" in left["momentum-sign"]  # plain SGD: the slip is out and the run is the same
    assert len(made.readings) > 100


def test_equal_runs_are_tried_once(plan):
    twice = {"loss": {"half": {"training.loss": "half-squared-error"}}, "again": {"cross": {"training.epochs": 3}}}
    made = plan({"reading": twice})
    assert [one.name for one in made.readings] == ["as it is written", "loss: half"]
    assert [(one.name, one.why) for one in made.left_out] == [
        ("again: cross", "on these rows the same as: as it is written")
    ]


def test_what_does_not_go_together_is_named(plan):
    made = plan(
        {
            "reading": {
                "output": {"sigmoid": {"network.output": "sigmoid", "training.loss": "binary-cross-entropy"}},
                "targets": {"both signs": {"network.targets": "plus-minus-one", "training.loss": "squared-error"}},
                "loss": {"cross": {"training.loss": "cross-entropy"}},
            },
            "departures": 2,
        }
    )
    left = {one.name: one.why for one in made.left_out}
    assert "cross-entropy" in left["targets: both signs; loss: cross"]
    assert "targets: both signs" in [one.name for one in made.readings]


def test_another_optimizer_keeps_the_learning_rate_of_the_row(plan):
    made = plan({"reading": {"optimizer": {"momentum": {"training.optimizer": {"name": "momentum"}}}}})
    rung = made.rungs_run[0]
    settings = {one.label: one.setting for one in made.phases[0].settings}
    rates = [settings[label].training.optimizer for label in rung["labels"]["1"]]
    assert [(one.name, one.lr) for one in rates] == [("momentum", 0.1), ("momentum", 0.3)]


def test_slips_of_two_respects_come_together(plan):
    parts = {
        "biases": {"none": {"training.slips": ["biases-not-updated"]}},
        "order": {"fixed": {"training.slips": ["same-order-every-epoch"]}},
    }
    made = plan({"reading": parts})
    settings = {one.label: one.setting for one in made.phases[0].settings}
    last = made.rungs_run[0]["labels"]["3"][0]
    assert settings[last].training.slips == ("biases-not-updated", "same-order-every-epoch")


def test_a_measure_that_may_be_another_needs_no_run(plan):
    made = plan({"reading": {"measured": {"training": {"measured": {"test_accuracy": "train_accuracy"}}}}})
    assert len(made.readings) == 2
    assert made.rungs_run[0]["labels"]["0"] == made.rungs_run[0]["labels"]["1"]


def test_a_measure_that_is_not_published_is_no_reading(plan):
    made = plan({"reading": {"m": {"training": {"measured": {"val_accuracy": "train_accuracy"}}}}})
    assert [one.name for one in made.readings] == ["as it is written"]
    assert "the same as: as it is written" in made.left_out[0].why


def test_a_part_that_the_data_has_not_is_not_measured(plan):
    without = {"data": {"name": "digits", "validation": False}}
    reading = {"reading": {"m": {"validation": {"measured": {"test_accuracy": "val_accuracy"}}}}}
    with pytest.raises(StudyFileError, match="fits no row: there are no validation examples, so no val_accuracy"):
        plan(reading, **without)
    columns = [COLUMNS[0], {"head": "acc", "show": "val_accuracy"}]
    rows = [{"label": str(n), "val_accuracy": 0.9} for n in (1, 2)]
    published = {"title": "r", "table": [{"number": "Table 1", "title": "t", "columns": columns, "rows": rows}]}
    notes = plan({"reading": HALF}, original=published, **without).notes
    assert "val_accuracy is not compared, for want of validation examples: Table 1, 1, Table 1, 2" in notes


def test_a_name_of_the_file_takes_none_from_the_usual_alternatives(plan):
    """The file's "squared-error" is half of it: the usual one by that name is run as well."""
    made = plan({"usual": True, "reading": {"loss": {"squared-error": {"training.loss": "half-squared-error"}}}})
    losses = {
        one.name: one.changes["training.loss"] for one in made.readings if one.departures == 1 and "loss:" in one.name
    }
    assert losses["loss: squared-error"] == "half-squared-error"
    assert losses["loss: squared-error, the usual"] == "squared-error"
    labels = made.rungs_run[0]["labels"]
    settings = {one.label: one.setting.training.loss for one in made.phases[0].settings}
    run = {one.name: settings[labels[str(one.number)][0]] for one in made.readings if one.name in losses}
    assert run == losses


def test_a_later_phase_starts_from_the_row_that_is_published_as_best(make):
    later = table(0.5, 0.6, number="Table 2", phase="batch size")
    later["columns"] = [{"head": "b", "show": "training.batch_size"}, COLUMNS[1]]
    later["rows"] = [{"label": f"b{n}", "test_accuracy": 0.5} for n in (1, 2)]
    study = make(
        grid=GRID,
        phase=[{"name": "batch size", "grid": {"training.batch_size": [10, 50]}}],
        original={"title": "r", "table": [table(0.9, 0.8), later]},
        explain={"reading": HALF, "items": ["Table 2"]},
    )
    made = ExplainPlan(study)
    rates = {one.setting.training.optimizer.lr for one in made.phases[0].settings}
    assert rates == {0.1}  # row 1, 0.9, is the best that was published
    assert items_with_numbers(study.spec.original) == {"Table 1": ("1", "2"), "Table 2": ("b1", "b2")}


@pytest.mark.parametrize(
    ("explain", "message"),
    [
        ({"items": ["Table 9"]}, "explain.items has an unknown item with published numbers 'Table 9'"),
        ({"rows": ["7"]}, "explain.rows has an unknown row '7'. Known: 1, 2 of Table 1"),
        ({"reading": {"loss": {}}}, "explain.reading must hold a table of named alternatives for each respect"),
        ({"reading": {"loss": {"a": 3}}}, "explain.reading has loss.'a', which must be a table of changes"),
        (
            {"reading": {"loss": {"a": {"trainig": {"loss": "nll"}}}}},
            "has trainig, an unknown key; did you mean 'training'?",
        ),
        ({"slips": ["bias"]}, "explain.slips has an unknown entry: unknown slip 'bias'"),
        ({"slips": 3}, 'explain.slips must be "all", false or a list of slips'),
        ({"departures": 0}, "explain.departures must be in [1, 8]"),
        ({"seeds": 0}, "explain.seeds must be in [1, 100]"),
        ({"seeds": 101}, "explain.seeds must be in [1, 100]"),
        ({"reeding": {}}, "explain.reeding is an unknown key"),
        ({"reading": {"m": {"a": {"measured": {"acc": "val_loss"}}}}}, "names an unknown measure 'acc'"),
        (
            {"reading": {"m": {"a": {"measured": {"test_accuracy": "val_loss"}}}}},
            "takes test_accuracy for val_loss; an accuracy can only be another accuracy",
        ),
        (
            {"reading": {"s": {"a": {"training.slips": ["bias"]}}}},
            "explain.reading has s.'a', which names an unknown slip",
        ),
        ({"reading": {"s": {"a": {"training.slips": "bias"}}}}, "which says training.slips = 'bias'; write a list"),
        (
            {"reading": {"loss": {"a": {"training.los": "nll"}}}},
            "explain.reading.loss.'a' fits no row: training.los is an unknown key; did you mean 'loss'?",
        ),
        (
            {"reading": {"loss": {"binary": {"training.loss": "binary-cross-entropy"}}}},
            "explain.reading.loss.'binary' fits no row: training.loss = 'binary-cross-entropy' cannot go with",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(plan, explain, message):
    with pytest.raises(StudyFileError) as error:
        plan(explain)
    assert message in str(error.value)


def test_a_study_without_published_numbers_has_nothing_to_explain(make):
    with pytest.raises(StudyFileError, match="explain needs published accuracies or losses"):
        ExplainPlan(make(grid=GRID))


def test_a_small_version_explains_nothing(make):
    study = make(grid=GRID, original=original(0.8, 0.9), small={"training": {"epochs": 1}}, quick=True)
    with pytest.raises(StudyFileError, match="leave --quick out"):
        ExplainPlan(study)


def test_too_many_readings_are_refused(plan):
    many = {f"r{n}": {f"a{k}": {"training.epochs": 4 + k} for k in range(9)} for n in range(6)}
    with pytest.raises(StudyFileError, match=r"explain has 1,000,000 readings, and 20,000 are the most"):
        plan({"reading": many})
