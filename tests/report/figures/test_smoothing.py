"""Outlier repair and debiased EMA: to the bit, by hand and against plain loops that share nothing with the code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.report.figures.smoothing import debiased_ema, repair_outliers, thin

SERIES = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60)


def plain_repair(x: list[float], factor: float) -> list[float]:
    """The words of the report, one by one."""
    array = np.array(x, dtype=np.float64)
    mean, std = np.mean(array), np.std(array)
    indices = [i for i in range(len(x)) if abs(array[i] - mean) > factor * std]
    for i in indices:
        if i == 0:
            array[i] = array[i + 1]
        elif i == len(x) - 1:
            array[i] = array[i - 1]
        else:
            array[i] = (array[i - 1] + array[i + 1]) / 2
    return [float(value) for value in array]


def plain_ema(x: list[float], w: float) -> list[float]:
    """TensorBoard's loop."""
    last, smooth = 0.0, []
    for k, value in enumerate(x, start=1):
        last = last * w + (1 - w) * value
        smooth.append(last / (1 - w**k))
    return smooth


def test_an_outlier_becomes_the_mean_of_its_neighbours():
    # mean 1.8, std 1.6 (squares 4·0.64 + 10.24 = 12.8 over 5): |5 − 1.8| = 3.2 > 2.4
    assert repair_outliers([1, 1, 5, 1, 1]).tolist() == [1, 1, 1, 1, 1]
    # mean 2.25, std 2.634 (squares 6·1.5625 + 0.5625 + 45.5625 = 55.5 over 8), limit 3.95: only 9, to (3 + 1) / 2
    assert repair_outliers([1, 3, 9, 1, 1, 1, 1, 1]).tolist() == [1, 3, 2, 1, 1, 1, 1, 1]


def test_of_two_neighbouring_outliers_the_second_sees_the_first_replaced():
    # ten zeros, 10, 10, four zeros: mean 1.25, std 3.307, limit 4.96
    x = [0.0] * 10 + [10.0, 10.0] + [0.0] * 4
    # first: (0 + 10) / 2 = 5; second: (5 + 0) / 2 = 2.5, not (10 + 0) / 2
    assert repair_outliers(x).tolist() == [0.0] * 10 + [5.0, 2.5] + [0.0] * 4


def test_ends_copy_their_single_neighbour():
    assert repair_outliers([9, 1, 1, 1, 2]).tolist() == [1, 1, 1, 1, 2]
    assert repair_outliers([2, 1, 1, 1, 9]).tolist() == [2, 1, 1, 1, 1]


def test_the_standard_deviation_has_ddof_0():
    # 0 0 0 1: mean 0.25, ddof 0: std 0.4330, 1.5·std = 0.6495 < 0.75, an outlier; ddof 1: std 0.5, 0.75 is not > 0.75
    assert repair_outliers([0, 0, 0, 1]).tolist() == [0, 0, 0, 0]


@given(SERIES, st.sampled_from([0.5, 1.0, 1.5, 3.0]))
def test_repair_is_the_plain_loop_to_the_bit(x, factor):
    if len(x) == 1:
        assert repair_outliers(x, factor).tolist() == x
    else:
        assert repair_outliers(x, factor).tolist() == plain_repair(x, factor)


@given(SERIES, st.sampled_from([0.0, 0.6, 0.9, 0.999]))
def test_ema_is_the_plain_loop_to_the_bit(x, weight):
    assert debiased_ema(x, weight).tolist() == plain_ema(x, weight)


def test_ema_by_hand():
    # w = ½: last = 2, 3, 5.5; divided by ½, ¾, ⅞
    assert debiased_ema([4, 4, 8], 0.5).tolist() == [4.0, 4.0, 5.5 / 0.875]


def test_long_series_are_smoothed_to_the_bit_as_well():
    x = np.random.default_rng(3).exponential(size=5000).astype(np.float32)
    assert repair_outliers(x).tolist() == plain_repair(x.tolist(), 1.5)
    assert debiased_ema(x).tolist() == plain_ema([float(v) for v in x], 0.9)


def test_values_that_are_not_finite_pass_through_and_count_for_nothing():
    assert repair_outliers([1, 1, 1, 1, 9, 1, np.nan])[:6].tolist() == [1] * 6
    smooth = debiased_ema([1, np.inf, 1, np.nan])
    assert smooth[[0, 2]].tolist() == debiased_ema([1, 1]).tolist()
    assert np.isinf(smooth[1])
    assert np.isnan(smooth[3])
    assert repair_outliers([np.nan]).shape == (1,)


def test_empty_and_constant_series():
    assert repair_outliers([]).tolist() == []
    assert debiased_ema([]).tolist() == []
    assert repair_outliers([2, 2, 2]).tolist() == [2, 2, 2]


def test_a_weight_of_one_has_no_meaning():
    with pytest.raises(ValueError, match=r"weight must be in \[0, 1\); got 1"):
        debiased_ema([1.0], 1)


@given(st.integers(1, 5000), st.integers(2, 300))
def test_thinning_keeps_both_ends_and_the_order(n, points):
    at = thin(n, points)
    assert len(at) == min(n, points)
    assert at[0] == 0
    assert at[-1] == n - 1
    assert (np.diff(at) > 0).all()
