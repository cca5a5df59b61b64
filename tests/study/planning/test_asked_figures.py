"""Figures that cannot be made are named by the plan, before anything runs, with what they lack."""

import pytest

from handgrad.study import Plan, make_study

LR = {"grid": {"training.optimizer.lr": [0.1, 0.01, 0.03]}}
TWO = {"grid": {"training.optimizer.lr": [0.1, 0.01], "network.hidden": [[8], [16]]}, "seeds": 2}
ONE_FACTOR = {"one_factor": {"training.optimizer.lr": [0.1, 0.2], "training.batch_size": [10, 20]}}
DRAWN = {"random": {"runs": 5, "training.optimizer.lr": {"log_uniform": [0.001, 0.1]}}}
NO_VALIDATION = {"data": {"name": "digits", "validation": False}}
SEARCH = {**LR, "asha": {"grace_period": 1, "reduction_factor": 2}}


def notes(figures, study):
    tables = {"name": "s", "data": {"name": "digits"}, "figure": figures, **study}
    return [note for note in Plan(make_study(tables)).notes if note.startswith("figure ")]


def asked(kind, **more):
    return {"title": "T", "kind": kind, **more}


@pytest.mark.parametrize(
    ("figure", "study", "reason"),
    [
        (asked("heat-map"), LR, "a heat map shows two hyperparameters that vary; here varies lr"),
        (asked("heat-map", options={"x": "hiden"}), TWO, "x: unknown hyperparameter that varies here 'hiden'; did you"),
        (asked("effects", options={"axes": ["batch_size"]}), TWO, "axes: unknown hyperparameter that varies here"),
        (asked("predicted"), TWO, 'targets are predicted with data.task = "regression"'),
        (asked("roc"), TWO, "ROC curves are those of an output that a threshold divides"),
        (asked("confusion"), {"data": {"name": "diabetes"}}, "a confusion matrix is that of classes"),
        (asked("importance"), LR, "shares need two hyperparameters that vary; here varies lr"),
        (asked("importance"), ONE_FACTOR, "5 settings with one seed each: an effect cannot be told from the noise"),
        (asked("importance", options={"method": "forest"}), TWO, "4 settings; a random forest needs 20 or more"),
        (asked("parallel-coordinates"), LR, "parallel coordinates need two hyperparameters that vary"),
        (asked("expected-best"), TWO, "settings that were listed are all there is"),
        (asked("expected-best", settings=["1", "2"]), DRAWN, "the expected best is that of all 5 settings"),
        (
            asked("lr-range"),
            TWO,
            'a range test has training.schedule = { name = "range-test" }, and no setting here has',
        ),
        (asked("rungs"), TWO, "rungs need a search that stops settings short at them ([asha]); here is none"),
        (asked("rungs"), {**SEARCH, "training": {"epochs": 1}}, "asha.grace_period is 1, not less than the epochs of"),
        (asked("search-history"), TWO, "a history needs a search: settings that are drawn ([random]) or stopped"),
        (asked("gradients"), TWO, "norms of gradients are recorded with training.diagnostics = true"),
        (
            asked("epochs", options={"seed": 7}),
            TWO,
            "options.seed must be one of the seeds of its settings, 0, 1; got 7",
        ),
        (
            asked("epochs", options={"colour": "lr"}),
            TWO,
            "options.colour is an unknown key 'lr': write training.opt",
        ),
        (
            asked("epochs", options={"parts": ["validation"]}),
            NO_VALIDATION,
            "options.parts is validation, and the data has",
        ),
        (asked("epochs", options={"parts": ["test"]}), TWO, "curves of the test part are recorded with"),
        (asked("step-loss-by-epoch", options={"epochs": [99]}), LR, "options.epochs begins at 99, and its runs have"),
        (
            asked("confusion", options={"part": "validation"}),
            NO_VALIDATION,
            "options.part is validation, and the data has",
        ),
    ],
)
def test_what_a_figure_lacks_is_a_note_of_the_plan(figure, study, reason):
    (note,) = notes([figure], study)
    assert note.startswith(f'figure "T" (kind {figure["kind"]}) cannot be made: {reason}')
    assert note.endswith("; change or leave out the [[figure]]")


def test_of_figures_that_can_be_made_nothing_is_said():
    kinds = ["heat-map", "importance", "effects", "slices", "parallel-coordinates", "epochs", "timeline", "confusion"]
    assert notes([asked(kind, title=kind) for kind in kinds], TWO) == []
    assert notes([asked("rungs"), asked("search-history", title="S")], SEARCH) == []
    some = {"grid": {"training.schedule": ["constant", {"name": "range-test"}]}}
    assert notes([asked("lr-range")], some) == []
    assert notes([asked("expected-best"), asked("search-history", title="S"), asked("slices", title="L")], DRAWN) == []


def test_what_a_winner_alone_will_tell_is_not_foretold():
    later = {"name": "b", "one_factor": {"training.optimizer.lr": [0.5], "training.batch_size": [10]}}
    figures = [asked("heat-map", phase="b"), asked("effects", title="E", settings=["winner", "1"])]
    assert notes(figures, {**LR, "phase": [later]}) == []
