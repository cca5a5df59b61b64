"""Numbers are rounded once, as one does by hand with the number in the CSV."""

import random
from fractions import Fraction

import pytest

from handgrad.decimals import decimals, significant


def by_hand(value, unit):
    """The multiple of a unit that is nearest to the shortest decimal of a value > 0, of two the larger one."""
    return (2 * Fraction(repr(value)) / unit + 1) // 2 * unit


def test_shares_in_percent():
    values = [n / m for m in (7, 160, 2_000, 20_000) for n in range(0, m, 1 + m // 500)]
    assert [Fraction(decimals(value, shift=2)) / 100 for value in values] == [
        by_hand(value, Fraction(1, 10_000)) for value in values
    ]


@pytest.mark.parametrize("digits", [2, 4, 6])
def test_significant_digits(digits):
    rng = random.Random(1)
    for _ in range(500):
        power = rng.randint(-9, 3)
        value = float(f"{rng.randint(1_000_000, 9_999_999)}e{power - 6}")
        unit = Fraction(10) ** min(0, power + 1 - digits)
        assert Fraction(significant(value, digits)) == by_hand(value, unit), value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9 / 32, "28.13"),  # 28.125: Python's own format writes 28.12, a browser 28.13
        (0.00015, "0.02"),  # 100 · 0.00015 is 0.015, which lies below 0.015 as a binary number
        (-0.001, "-0.10"),
        (float("nan"), "nan"),
        (1e300, f"{1e302:.2f}"),
    ],
)
def test_halves_go_up(value, text):
    assert decimals(value, shift=2) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.6, "12346"), (1e6, "1000000"), (2.5e-7, "2.5e-07"), (0.000099999, "0.0001"), (1e15, "1e+15")],
)
def test_numbers_have_one_way_of_being_written(value, text):
    assert significant(value) == text
