"""Ranges, captions and values that the text has and the tables have not."""

import pytest

from handgrad.report.reproduced.checks.said_settings import (
    captions_that_contradict,
    draws_that_do_not_fit,
    share_below,
    values_that_contradict,
)
from handgrad.study.published.original_text import DrawnRange, SaidCaption, SaidValues
from tests.report.reproduced.checks.made_up import evidence, row, table, texts

LR = "training.optimizer.lr"


def drawn(values, **said):
    rows = table(*(row(str(i), {LR: value}) for i, value in enumerate(values)))
    return evidence(rows, drawn=(DrawnRange(item="Table 1", key=LR, **said),))


def test_draws_that_leave_a_third_of_their_range_empty():
    """25 draws below 1e-2 of log-uniform 1e-4 to 1e-1: (2/3)²⁵ = 4.0e-5.  The largest, .0091, is rounded to .01."""
    values = [1e-4 * 10 ** (2 * i / 25) for i in range(24)] + [0.0091]
    (found,) = draws_that_do_not_fit(drawn(values, log_uniform=[1e-4, 1e-1]))
    assert found.numbers["p"] == pytest.approx((2 / 3) ** 25)
    assert found.text == (
        "Table 1: training.optimizer.lr is said to be log-uniform between 0.0001 and 0.1; all 25 published values lie "
        "at or below 0.01, which draws from that range do with a probability of 4e-05."
    )
    assert texts(draws_that_do_not_fit(drawn(values, log_uniform=[1e-4, 1e-2]))) == []
    assert texts(draws_that_do_not_fit(drawn(values[:3], log_uniform=[1e-4, 1e-1]))) == []  # three prove nothing


def test_draws_that_leave_the_lower_end_empty():
    """20 draws above .5 of uniform 0 to 1: 2⁻²⁰."""
    (found,) = draws_that_do_not_fit(drawn([0.5 + i / 40 for i in range(20)], uniform=[0, 1]))
    assert "lie at or above 0.5, which" in found.text
    assert found.numbers["p"] == pytest.approx(2**-20)


def test_a_draw_outside_of_its_range():
    assert texts(draws_that_do_not_fit(drawn([0.2, 3.0], uniform=[0, 1]))) == [
        "Table 1: training.optimizer.lr is said to be uniform between 0 and 1; 1 of the 2 published values lie "
        "outside of it."
    ]


def test_the_share_below():
    assert share_below(DrawnRange(item="T", key="lr", uniform=[2, 6]), 3) == pytest.approx(0.25)


def said(*rows, **says):
    return {"captions": (SaidCaption(item="Figure 3", rows=list(rows), says={LR: 0.01, **says}, where="l. 9"),)}


def rows():
    """Two widths and two learning rates: 1 (4, .01), 2 (4, .05), 3 (8, .01), 4 (8, .05)."""
    keys = [{"network.hidden": n, LR: lr} for n in (4, 8) for lr in (0.01, 0.05)]
    return table(*(row(str(i), key) for i, key in enumerate(keys, start=1)))


def test_a_caption_that_names_another_row():
    assert texts(captions_that_contradict(evidence(rows(), **said("1", "4")))) == [
        "Figure 3: the caption (l. 9) says lr 0.01 of rows 1 and 4, but row 4 has lr 0.05; with it row 3 would fit."
    ]
    assert texts(captions_that_contradict(evidence(rows(), **said("1", "3")))) == []


def test_a_key_that_is_not_known_contradicts_nothing():
    assert texts(captions_that_contradict(evidence(table(row("1", {})), **said("1")))) == []


def test_one_thing_with_several_values():
    values = (
        SaidValues(what="the epochs", said={"l. 1": 100, "Fig. 6": 10, "l. 3": 70}),
        SaidValues(what="the batch size", said={"l. 1": 64, "l. 2": 64}),
        SaidValues(what="the learning rate", said={"l. 1": 0.00224, "l. 2": 0.002236}),  # as far as it was printed
    )
    assert texts(values_that_contradict(evidence(values=values))) == [
        "Contradiction: the epochs: 100 (l. 1), 10 (Fig. 6) and 70 (l. 3)."
    ]
