"""The winner's curse, by hand and by simulation."""

import pytest
from benchmarks import conclusions

from handgrad.report.findings.selection_bias import selection_bias

NAN = float("nan")


def test_by_hand():
    # means .8 and .797: the first is shown.  Without seed 0 the second is chosen (.795 > .75), which has .8 there;
    # without seed 1 the first (.7 ...): .85 > .795, it has .7;  without seed 2 they tie at .8: the first, .8
    found = selection_bias([[0.9, 0.7, 0.8], [0.8, 0.8, 0.79]])
    assert found.shown == pytest.approx(0.8)
    assert found.left_out == pytest.approx((0.8 + 0.7 + 0.8) / 3)
    assert (found.seeds, found.same) == (3, 2)
    turned = selection_bias([[-0.9, -0.7, -0.8], [-0.8, -0.8, -0.79]], higher=False)
    assert (turned.bias, turned.shown) == (pytest.approx(found.bias), pytest.approx(-found.shown))


def test_a_clear_winner_is_not_flattered():
    found = selection_bias([[0.9, 0.91, 0.92], [0.5, 0.5, 0.5]])
    assert (found.bias, found.same) == (pytest.approx(0), 3)


@pytest.mark.parametrize("x", [[[0.9, 0.8]], [[0.9], [0.8]], [[NAN, NAN], [0.8, 0.9]], [[NAN], [NAN]]])
def test_nothing_is_chosen(x):
    assert selection_bias(x) is None


def test_missing_values():
    found = selection_bias([[0.9, 0.8, NAN], [0.7, 0.7, 0.7], [0.6, 0.6, 0.6]])
    assert found.shown == pytest.approx(0.7)


def test_leaving_seeds_out_finds_most_of_the_bias():
    true, said = conclusions.choice(20, 5, 200)
    assert 0.6 * true < said < 1.2 * true
