"""Budgets: what can be begun, and what was spent."""

import pytest

from handgrad.errors import InputError
from handgrad.study.rules.budget import Budget, BudgetTracker


def test_runs_and_epochs_are_counted_when_they_begin():
    tracker = BudgetTracker(Budget(runs=3, epochs=20))
    assert tracker.take({"a": 5, "b": 5})
    assert tracker.take({"a": 7, "b": 7})  # they go on: two epochs each
    assert tracker.to_json()["spent"] == {"runs": 2, "epochs": 14, "seconds": pytest.approx(0, abs=60)}
    assert not tracker.take({"c": 3, "d": 3})  # one run too many
    assert tracker.spent
    assert not tracker.take({"c": 1})  # nothing else begins, so that what was begun does not depend on what is cheap
    assert tracker.take({"a": 7, "b": 6})  # nothing more than was begun
    assert tracker.take({"e": 9}, begun=True)  # it was begun by an earlier call
    assert tracker.to_json()["spent"]["epochs"] == 23


def test_minutes_are_those_of_all_calls():
    assert BudgetTracker(Budget(minutes=1), seconds=59).take({"a": 1})
    assert not BudgetTracker(Budget(minutes=1), seconds=60).take({"a": 1})


def test_without_a_budget_everything_begins():
    tracker = BudgetTracker(None)
    assert all(tracker.take({str(number): 1000}) for number in range(100))
    assert not tracker.spent


def test_what_a_budget_can_be():
    assert str(Budget(runs=100, minutes=0.5)) == "100 runs, 0.5 minutes"
    assert Budget.read({"n_trials": 25})[0] == Budget(runs=25)
    with pytest.raises(InputError, match=r"runs must be >= 1; got 0"):
        Budget(runs=0)
    with pytest.raises(InputError, match="is empty; give it runs, epochs or minutes"):
        Budget()
