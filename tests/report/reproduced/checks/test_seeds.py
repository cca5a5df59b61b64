"""Means and deviations that hide collapsed seeds."""

import math

import pytest

from handgrad.report.reproduced.checks.seeds import hidden_collapses, solve
from tests.report.reproduced.checks.made_up import evidence, row, table, texts

SHARES = (0.089, 0.114)


def published(*seeds, ddof=0):
    mean = sum(seeds) / len(seeds)
    return [round(mean, 3), round(math.sqrt(sum((x - mean) ** 2 for x in seeds) / (len(seeds) - ddof)), 3)]


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("lost", [1, 2])
def test_what_was_put_in_comes_out(lost, ddof):
    """Two at .89 and one at .10, or the other way round."""
    seeds = [0.10] * lost + [0.89] * (3 - lost)
    (found,) = solve(*published(*seeds, ddof=ddof), 3, ddof, SHARES)
    assert (found.j, found.c, found.g) == (lost, pytest.approx(0.10, abs=0.002), pytest.approx(0.89, abs=0.002))


def test_the_published_row():
    """.627 ± .371 of three: D = .371·3/√2 = .787; c = .627 − 2·.787/3 = .102, g = .627 + .787/3 = .889."""
    rows = table(row("9", test_accuracy=[0.627, 0.371]), k=3)
    assert texts(hidden_collapses(evidence(rows))) == [
        "Table 1, row 9: test accuracy 0.627 ± 0.371 over 3 seeds fits 2 at 0.889 and 1 at 0.102, which is about what "
        "predicting a single class scores; the mean and the deviation hide a collapsed seed."
    ]


@pytest.mark.parametrize("value", [[0.9, 0.01], [0.477, 0.033], [0.6, 0.2], [0.145, 0.020], 0.1])
def test_other_spreads_hide_nothing(value):
    """.6 ± .2: c is .32 or .46.  .145 ± .020: .117 and .159, less than ten points apart."""
    assert texts(hidden_collapses(evidence(table(row("1", test_accuracy=value), k=3)))) == []
    assert texts(hidden_collapses(evidence(table(row("1", test_accuracy=[0.627, 0.371]), k=3), classes=None))) == []


def test_every_accuracy_of_the_row_has_to_say_so():
    rows = table(row("9", val_accuracy=[0.9, 0.01], test_accuracy=[0.627, 0.371]), k=3)
    assert texts(hidden_collapses(evidence(rows))) == []


def test_all_seeds_lost():
    rows = table(row("b", test_accuracy=[0.101, 0.010]), k=3)
    assert texts(hidden_collapses(evidence(rows))) == [
        "Table 1, row b: test accuracy 0.101 ± 0.010 over 3 seeds fits 3 networks that predict a single class each "
        "(0.090 to 0.110); the mean and the deviation hide collapsed seeds."
    ]
    # numbers in [.1, .8] with mean .101 deviate by √(.001·.699) = .026 at most
    counts = {"test": {"a": 100, "b": 100, "c": 800}}  # the shares are those of the data where they are known
    assert texts(hidden_collapses(evidence(table(row("b", test_accuracy=[0.101, 0.2]), k=3), counts=counts))) == []
