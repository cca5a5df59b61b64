"""What runs show of an original: the measure of a column, and the best row."""

import pytest

from handgrad.report.reproduced.checks.runs_here import best_is_not_best_here, other_measures, sign_test
from handgrad.study.published.original_text import ChosenRow, SaidMeasure
from tests.report.reproduced.checks.made_up import evidence, row, table, texts

HEADS = {"Loss": "val_loss"}


def losses(n, factor, epochs=10, **more):
    """n rows with training losses .01, .02, … that are published, and validation losses `factor` times as large."""
    ours = [(0.01 * i, 0.01 * i * factor) for i in range(1, n + 1)]
    rows = [
        row(str(i), digits=4, val_loss=train * 1.01, epochs=epochs, ours={"train_loss": [train], "val_loss": [val]})
        for i, (train, val) in enumerate(ours)
    ]
    return evidence(table(*rows, heads=HEADS), judged=True, **more)


def test_the_sign_test():
    """10 of 10: 2·2⁻¹⁰.  5 of 10: every outcome is as extreme."""
    assert sign_test(10, 10) == pytest.approx(2 / 1024)
    assert sign_test(5, 10) == 1.0
    assert sign_test(2, 10) == sign_test(8, 10) == pytest.approx(2 * (1 + 10 + 45) / 1024)


def test_a_column_that_is_another_measure():
    """12 of 12 rows nearer to the training loss: p = 2·2⁻¹² = .0005, times the other measures that were tried."""
    (found,) = other_measures(losses(12, 1.4))
    assert (found.numbers["said"], found.numbers["fits"]) == ("val_loss", "train_loss")
    assert (found.numbers["rows"], found.numbers["nearer"]) == (12, 12)
    assert found.text.startswith(
        "Table 1: what is published as validation loss fits training loss of the runs here better: median |log ratio| "
        "0.010 against 0.327 over 12 rows, nearer in 12 (sign test, p = "
    )


def test_what_fits_or_is_too_little_is_not_said():
    assert texts(other_measures(losses(12, 1.0))) == []
    assert texts(other_measures(losses(5, 1.4))) == []
    assert texts(other_measures(losses(7, 1.4))) == []  # 2·2⁻⁷ = .016


def test_rows_that_trained_otherwise_do_not_count():
    rows = [row(str(i), val_loss=0.01, epochs=10, ours={"train_loss": [0.01], "val_loss": [0.1]}) for i in range(20)]
    other = [row(str(i), val_loss=0.01, ours={"train_loss": [0.01], "val_loss": [0.1]}) for i in range(20)]
    assert len(texts(other_measures(evidence(table(*other, heads=HEADS), judged=True)))) == 1
    published = [
        r.__class__(**{**vars(r), "epochs": 3.0, "values": {**r.values, "epochs": r.values["val_loss"]}}) for r in rows
    ]
    assert texts(other_measures(evidence(table(*published, heads=HEADS), judged=True))) == []


def test_what_the_text_says_of_a_column_is_what_is_tried():
    """The column is compared with the training loss here, and the text calls it validation loss."""
    said = {"measured": (SaidMeasure(item="Table 1", column="Loss", says="val_loss"),)}
    rows = [
        row(
            str(i),
            digits=4,
            train_loss=0.01 * (i + 1),
            ours={"train_loss": [0.01 * (i + 1)], "val_loss": [0.02 * (i + 1)]},
        )
        for i in range(12)
    ]
    one = table(*rows, heads={"Loss": "train_loss"})
    assert texts(other_measures(evidence(one, judged=True))) == []
    (found,) = other_measures(evidence(one, judged=True, **said))
    assert (found.numbers["said"], found.numbers["fits"]) == ("val_loss", "train_loss")


def test_runs_of_another_study_say_nothing():
    one = losses(12, 1.4)
    assert texts(other_measures(evidence(*one.tables, judged=False))) == []


def two(first, second, **more):
    rows = (
        row("a", test_accuracy=0.95, ours={"test_accuracy": first}),
        row("b", test_accuracy=0.90, ours={"test_accuracy": second}),
    )
    return evidence(table(*rows), judged=True, **more)


def test_a_best_that_is_surpassed_here():
    """a: .900, .902, .904 here, published best; b: .98, far outside what more runs of a would give."""
    assert texts(best_is_not_best_here(two([0.900, 0.902, 0.904], [0.980, 0.981, 0.982]))) == [
        "Table 1: the published best by test accuracy, row a, is number 2 of 2 here (0.902 ± 0.002); row b is better "
        "(0.981 ± 0.001, n = 3)."
    ]


def test_a_best_within_noise_or_of_one_run_is_not_judged():
    assert texts(best_is_not_best_here(two([0.900, 0.902, 0.904], [0.903, 0.904, 0.905]))) == []
    assert texts(best_is_not_best_here(two([0.900], [0.98]))) == []
    assert texts(best_is_not_best_here(two([0.98, 0.981], [0.90, 0.901]))) == []
    chosen = (ChosenRow(item="Table 1", row="a", column="Accuracy"),)
    assert len(texts(best_is_not_best_here(two([0.900, 0.902], [0.98, 0.981], chosen=chosen)))) == 1
