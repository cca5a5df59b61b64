"""Selection: by validation, diverged last, ties by loss and then by order."""

from hypothesis import given
from hypothesis import strategies as st

from handgrad.study.rules.select import RunSummary, choose, metric_of

number = st.floats(0, 1)


def run(accuracy, loss=1.0, status="done", test=0.5, seed=0):
    metrics = {"val_accuracy": accuracy, "val_loss": loss, "test_accuracy": test, "test_loss": test}
    return RunSummary("id", seed, status, metrics)


def test_the_mean_over_seeds_decides():
    settings = {"1": [run(0.9), run(0.5)], "2": [run(0.71), run(0.71)]}  # means 0.70 and 0.71
    assert choose(settings, "val_accuracy") == "2"


def test_lower_loss_wins_when_loss_decides():
    assert choose({"1": [run(0.9, 0.4)], "2": [run(0.1, 0.3)]}, "val_loss") == "2"


def test_ties_go_to_the_lower_loss_then_to_the_order():
    assert choose({"1": [run(0.9, 0.4)], "2": [run(0.9, 0.3)], "3": [run(0.9, 0.3)]}, "val_accuracy") == "2"


@given(st.integers(1, 10**6), st.data())
def test_equally_many_correct_examples_are_a_tie_whatever_the_last_bits_of_their_fractions(n, data):
    """(0.81 + 0.85)/2 is 0.83, (0.82 + 0.84)/2 is 0.8299999999999998: 4 % of equal means were told apart so."""
    seeds = data.draw(st.integers(2, 6))
    correct = data.draw(st.lists(st.integers(0, n), min_size=seeds, max_size=seeds))
    other = list(correct)
    for i in range(seeds - 1):  # the same number in all, spread otherwise over the seeds
        moved = data.draw(st.integers(-min(n - other[i], other[i + 1]), min(other[i], n - other[i + 1])))
        other[i], other[i + 1] = other[i] - moved, other[i + 1] + moved
    assert sum(other) == sum(correct)
    settings = {"1": [run(c / n, 0.9) for c in correct], "2": [run(c / n, 0.1) for c in other]}
    assert choose(settings, "val_accuracy") == "2"
    if correct[0] < n:  # and one more is no tie
        settings["1"][0] = run((correct[0] + 1) / n, 0.9)
        assert choose(settings, "val_accuracy") == "1"


def test_a_setting_with_a_diverged_failed_or_missing_run_ranks_below_every_whole_one():
    bad = [[run(0.99), run(None, None, "diverged")], [run(0.99), run(None, None, "failed")], [run(0.99), None]]
    for runs in bad:
        assert choose({"1": runs, "2": [run(0.1), run(0.1)]}, "val_accuracy") == "2"
        # among settings that all have one, the one with fewer
        assert choose({"1": [None, None], "2": runs}, "val_accuracy") == "2"


def test_a_study_in_which_all_diverged_goes_on_and_one_without_validation_has_no_winner():
    assert choose({"1": [run(None, None, "diverged")], "2": [run(None, None, "diverged")]}, "val_accuracy") == "1"
    without = RunSummary("id", 0, "done", {"test_accuracy": 0.9})
    assert choose({"1": [without], "2": [without]}, "val_accuracy") is None
    assert choose({"1": [without]}, "val_accuracy") == "1"


@given(st.lists(st.tuples(number, number, number), min_size=2, max_size=6), st.lists(number, min_size=6, max_size=6))
def test_the_test_set_has_no_say(values, other):
    def settings(tests):
        return {
            str(i): [run(accuracy, loss, test=test)]
            for i, ((accuracy, loss, _), test) in enumerate(zip(values, tests, strict=False))
        }

    for metric in ("val_accuracy", "val_loss"):
        assert choose(settings([test for *_, test in values]), metric) == choose(settings(other), metric)


def test_select_on_test_is_asked_for_by_name():
    assert metric_of("val_accuracy", False) == "val_accuracy"
    assert metric_of("val_loss", True) == "test_loss"
    assert choose({"1": [run(0.9, test=0.1)], "2": [run(0.1, test=0.9)]}, "test_accuracy") == "2"
