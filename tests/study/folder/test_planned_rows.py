"""What of a plan is left to run, beside what a results folder has of it."""

import pytest

from handgrad.study import Plan, make_study
from handgrad.study.folder.design_cell import DesignCell
from handgrad.study.folder.planned_rows import STARTING, left_to_run, planned_rows
from handgrad.study.planning.estimate import Estimate, SettingCost

LATER = {"name": "later", "grid": {"training.epochs": [1, 2]}}
TABLES = {"name": "x", "seeds": 2, "data": {"train": {"size": 100}}, "training": {"epochs": 1}, "phase": [LATER]}


@pytest.fixture(scope="module")
def plan():
    return Plan(make_study(TABLES))


@pytest.fixture(scope="module")
def cost(plan):
    rows = [SettingCost(phase.name, setting.label, 2, 3.0) for phase in plan.taken_phases for setting in phase.settings]
    return Estimate(tuple(rows), 2, 9.0, 0, 0, 0, 1, 8, 8)


def cell(label, phase, axes, seed, run_id, status):
    return DesignCell(label, phase, axes, seed, run_id, status, None)


def test_what_has_ended_is_not_left_and_what_failed_is(plan, cost):
    rows = planned_rows(plan, cost, [])
    assert left_to_run(rows, cost).runs == 6
    assert left_to_run(rows, cost).seconds == pytest.approx(9.0 + 2 * STARTING)
    main = [row["id"] for row in rows if row["id"]]
    assert len(main) == 2
    cells = [cell("1", "main", {}, seed, one, state) for seed, (one, state) in enumerate(
        zip(main, ("diverged", "failed"), strict=True))]  # fmt: skip
    left = left_to_run(planned_rows(plan, cost, cells), cost)
    assert (left.runs, left.seconds) == (5, pytest.approx(9.0 * 5 / 6 + 2 * STARTING))


def test_runs_of_a_later_phase_are_known_where_the_folder_has_them(plan, cost):
    main = [row["id"] for row in planned_rows(plan, cost, []) if row["id"]]
    cells = [cell("1", "main", {}, seed, one, "done") for seed, one in enumerate(main)]
    cells += [
        cell(label, "later", {"training.epochs": epochs}, seed, f"{epochs}{seed}" * 5, "pruned" if seed else "pending")
        for label, epochs in (("1_1", 1), ("1_2", 2))
        for seed in (0, 1)
    ]
    rows = planned_rows(plan, cost, cells)
    assert [row["setting"] for row in rows] == ["1", "1", "1_1", "1_1", "1_2", "1_2"]
    assert rows[3]["id"] == "11" * 5
    assert left_to_run(rows, cost).runs == 2
    other = planned_rows(plan, cost, cells[:-1])  # another study's: it has not the same ones
    assert other[3]["id"] is None
