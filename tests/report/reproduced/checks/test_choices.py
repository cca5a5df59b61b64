"""Rows that are called best, chosen on the test set, or within noise."""

import pytest

from handgrad.report.reproduced.checks.choices import chosen_on_test, differs, not_the_best, within_noise
from handgrad.study.published.original_text import ChosenRow
from tests.report.reproduced.checks.made_up import evidence, row, table, texts

HEADS = {"Val": "val_accuracy", "Test": "test_accuracy"}
ROWS = (  # 3 is best on test, 6 on validation
    row("3", val_accuracy=0.885, test_accuracy=0.886),
    row("6", val_accuracy=0.888, test_accuracy=0.885),
    row("9", val_accuracy=0.629, test_accuracy=0.627),
)


def chose(label, column, where=None):
    return {"chosen": (ChosenRow(item="Table 1", row=label, column=column, where=where),)}


def test_a_best_that_is_not_best():
    assert texts(not_the_best(evidence(table(*ROWS, heads=HEADS), **chose("6", "Test", "l. 167")))) == [
        "Table 1: row 6 is said to be best by test accuracy (l. 167) and has 0.885; best is row 3 (0.886). It is best "
        "by validation accuracy (0.888)."
    ]
    for label, column in (("6", "Val"), ("3", "Test")):
        assert texts(not_the_best(evidence(table(*ROWS, heads=HEADS), **chose(label, column)))) == []


def test_a_tie_is_no_error_and_of_a_loss_less_is_better():
    tied = table(row("1", test_accuracy=0.9), row("2", test_accuracy=0.9))
    assert texts(not_the_best(evidence(tied, **chose("2", "Accuracy")))) == []
    losses = table(row("1", val_loss=0.2), row("2", val_loss=0.1), heads={"Loss": "val_loss"})
    assert texts(not_the_best(evidence(losses, **chose("2", "Loss")))) == []
    assert len(texts(not_the_best(evidence(losses, **chose("1", "Loss"))))) == 1


def test_a_row_whose_rank_is_best():
    ranked = table(row("a", test_accuracy=0.8, rank="best"), row("b", test_accuracy=0.9))
    assert texts(not_the_best(evidence(ranked))) == [
        "Table 1: row a is said to be best by test accuracy and has 0.800; best is row b (0.900)."
    ]


def test_a_winner_chosen_on_the_test_set():
    assert texts(chosen_on_test(evidence(table(*ROWS, heads=HEADS), **chose("3", "Test")))) == [
        "Chosen on the test set: Table 1 (row 3). The test numbers of what was chosen are too good for new data. By "
        "validation accuracy Table 1 would have given row 6 (0.888)."
    ]
    assert texts(chosen_on_test(evidence(table(*ROWS, heads=HEADS), **chose("6", "Val")))) == []
    blind = table(row("1", test_accuracy=0.9))
    assert "No validation accuracy is published." in texts(chosen_on_test(evidence(blind, **chose("1", "Accuracy"))))[0]


def test_one_run_each_and_the_noise_of_the_examples():
    """N = 10,000 at .9: two standard errors of a difference are 2·√(2·.9·.1/10000) = .0085."""
    close = table(row("a", test_accuracy=0.900), row("b", test_accuracy=0.893), row("c", test_accuracy=0.800))
    assert texts(within_noise(evidence(close))) == [
        "Table 1: one run of each of 3 rows, scored on 10,000 examples: of the 2 steps from one row to the next by "
        "test accuracy, 1 is within two standard errors of a difference. The best, row a (0.900), is not separated "
        "from b."
    ]
    apart = table(row("a", test_accuracy=0.900), row("b", test_accuracy=0.890))
    assert texts(within_noise(evidence(apart))) == []
    alone = table(row("a", test_accuracy="≈ 0.50"), row("b"))  # 2·√(2·.25/10000) = .0141
    assert "differences below 1.4 points are within two standard errors." in texts(within_noise(evidence(alone)))[0]
    unknown = table(row("a", scored=None, test_accuracy=0.900), row("b", scored=None, test_accuracy=0.899))
    assert texts(within_noise(evidence(unknown))) == []


def test_welch_from_printed_numbers():
    """k = 3, ddof 1, s = .010 + .0005 and r the same: t = .02/√(2·.0105²/3) = 2.33 on 4 degrees, p = .080;
    .03 gives 3.50, p = .025."""
    first, second, third = (row(n, test_accuracy=[m, 0.010]) for n, m in (("a", 0.90), ("b", 0.88), ("c", 0.87)))
    assert not differs(first, second, "test_accuracy", 3, 1)
    assert differs(first, third, "test_accuracy", 3, 1)
    rows = table(first, second, third, k=3, ddof=1)
    assert texts(within_noise(evidence(rows))) == [
        "Table 1: over 3 runs the best by test accuracy, row a (0.900 ± 0.010), is not shown to differ from b (Welch's "
        "t test of the printed numbers, 5 %)."
    ]


@pytest.mark.parametrize("label", ["7", "Missing"])
def test_what_is_chosen_elsewhere_finds_nothing(label):
    assert texts(not_the_best(evidence(table(*ROWS, heads=HEADS), **chose(label, "Test")))) == []
