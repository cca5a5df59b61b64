"""What varies: orders, labels of values, and draws that do not disturb each other."""

import math
import tomllib

import pytest

from handgrad.study import make_study
from handgrad.study.changes import apply, changes_of
from handgrad.study.design.axes import Axes, choices
from handgrad.study.toml import dumps


def test_a_grid_goes_through_its_last_axis_fastest_and_bundles_slowest():
    axes = Axes(
        grid={"network": {"hidden": [300, 500]}, "training": {"optimizer": {"lr": [0.1, 0.2]}}},
        bundle={"case": {"R+S": {"network": {"activation": "relu"}}, "T+T": {"network": {"activation": "tanh"}}}},
    )
    found = choices(axes)
    assert [tuple(choice.axes.values()) for choice in found[:5]] == [
        ("R+S", 300, 0.1),
        ("R+S", 300, 0.2),
        ("R+S", 500, 0.1),
        ("R+S", 500, 0.2),
        ("T+T", 300, 0.1),
    ]
    assert len(found) == 8
    assert found[4].changes == {"network.activation": "tanh", "network.hidden": 300, "training.optimizer.lr": 0.1}


def test_one_factor_at_a_time_and_variants_stand_around_the_baseline():
    study = make_study(
        {
            "name": "x",
            "one_factor": {"training": {"epochs": [25, 50], "weight_decay": [0.1]}},
            "variant": {"adam": {"training": {"optimizer": {"name": "adam", "lr": 0.001}}}},
        }
    )
    assert [choice.changes for choice in study.phases[0].choices] == [
        {},
        {"training.epochs": 25},
        {"training.epochs": 50},
        {"training.weight_decay": 0.1},
        {"training.optimizer": {"name": "adam", "lr": 0.001}},
    ]
    assert study.phases[0].choices[-1].axes == {"variant": "adam"}


RANGES = {
    "runs": 200,
    "training.optimizer.lr": {"log_uniform": [1e-4, 1e-1]},
    "training.epochs": {"integers": [2, 4]},
    "training.weight_decay": {"uniform": [0, 0.5]},
    "network.activation": {"choice": ["relu", "tanh"]},
}


def column(table, path, phase=0):
    return [choice.changes[path] for choice in choices(Axes(random=table), phase)]


def test_random_values_lie_in_their_ranges_and_fill_them():
    rates = column(RANGES, "training.optimizer.lr")
    assert len(rates) == 200
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    third = sum(rate < 1e-3 for rate in rates)  # one of three decades: 67 of 200, give or take 4 deviations of 6.7
    assert 40 < third < 94
    assert math.isclose(min(rates), 1e-4, rel_tol=0.2)
    assert set(column(RANGES, "training.epochs")) == {2, 3, 4}  # both ends
    assert all(0 <= decay < 0.5 for decay in column(RANGES, "training.weight_decay"))
    assert set(column(RANGES, "network.activation")) == {"relu", "tanh"}


def test_a_drawn_value_depends_on_seed_phase_draw_and_path_only():
    rates = column(RANGES, "training.optimizer.lr")
    alone = {"runs": 30, "training.optimizer.lr": RANGES["training.optimizer.lr"]}
    assert column(alone, "training.optimizer.lr") == rates[:30]  # neither other axes nor more draws change it
    assert column({**alone, "seed": 1}, "training.optimizer.lr") != rates[:30]
    assert column(alone, "training.optimizer.lr", phase=1) != rates[:30]


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        ({"optimizer": {"name": "sgd", "lr": 0.1}}, {"optimizer.lr": 0.2}, {"optimizer": {"name": "sgd", "lr": 0.2}}),
        ({"optimizer": "adam"}, {"optimizer.lr": 0.2}, {"optimizer": {"name": "adam", "lr": 0.2}}),
        ({}, {"optimizer.lr": 0.2}, {"optimizer": {"name": "sgd", "lr": 0.2}}),  # the default's name
        ({"optimizer": {"name": "sgd", "lr": 0.1}}, {"optimizer.name": "adam"}, {"optimizer": {"name": "adam"}}),
        (
            {"optimizer": {"name": "sgd", "lr": 0.1}},
            {"optimizer.lr": 0.2, "optimizer": "adam"},
            {"optimizer": {"name": "adam", "lr": 0.2}},
        ),
        ({"part": {"size": 5, "seed": 1}}, {"part": {"size": 6}}, {"part": {"size": 6, "seed": 1}}),
        ({"part": False}, {"part.size": 6}, {"part": {"size": 6}}),
    ],
)
def test_changes_are_laid_over_a_base(base, changes, expected):
    tables = {"training": base}
    changes = {f"training.{path}": value for path, value in changes.items()}
    assert apply(tables, changes, {"training": {"optimizer": {"name": "sgd"}}}) == {"training": expected}
    assert tables == {"training": base}  # what came in is as it was


def test_layers_replace_the_short_form_of_a_base_but_not_what_varies_beside_them():
    base = {"network": {"hidden": 8, "activation": "tanh", "init": "he"}}
    layers = {"network.layers": ["dense 3 softmax"]}
    assert apply(base, layers, {}) == {"network": {"init": "he", "layers": ["dense 3 softmax"]}}
    both = apply(base, {**layers, "network.hidden": 9}, {})
    assert both["network"].keys() >= {"hidden", "layers"}  # which is an error, and said


def test_the_data_s_name_is_no_choice_of_a_kind():
    assert changes_of({"data": {"name": "mnist", "scale": "unit"}}) == {"data.name": "mnist", "data.scale": "unit"}
    assert apply({"data": {"name": "digits", "scale": "none"}}, {"data.name": "mnist"}, {}) == {
        "data": {"name": "mnist", "scale": "none"}
    }


def test_toml_is_written_as_it_is_read():
    table = {
        "a": [1, 2.5, 1e-05, True, 'q"\\\n\x7fé'],
        "empty": [],
        "in": {'T+T "x"': {"n": [[1], []]}, "list": [{"name": "adam"}, {"lr": 1e22, "deep": {"x": -0.0}}]},
        "mixed": [1, {"a": 1}],
    }
    assert tomllib.loads(dumps({**table, "none": None})) == table
