"""Scaling, with numbers worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handgrad.data.scaling import fit
from handgrad.errors import UnknownName

IMAGES = np.array([0, 51, 102, 255], np.uint8).reshape(4, 1, 1, 1)
TABLE = np.array([[1, 10, 7], [3, 30, 7]], np.float32)


@pytest.mark.parametrize(
    ("scale", "expected", "formula"),
    [
        ("unit", [0, 0.2, 0.4, 1], "x / 255"),
        ("symmetric", [-1, -0.6, -0.2, 1], "2 · x / 255 − 1"),
        ("none", [0, 51, 102, 255], "x"),
        # mean 408/4 = 102; squares (102² + 51² + 0 + 153²)/4 = 36414/4 = 9103.5, std 95.4123
        ("standard", [-1.069044, -0.534522, 0, 1.603567], "(x − 102) / 95.4123"),
    ],
)
def test_images(scale, expected, formula):
    scaler = fit(scale, IMAGES, (0, 255))
    out = scaler.apply(IMAGES)
    assert out.dtype == np.float32
    assert out.ravel() == pytest.approx(expected, abs=1e-6)
    assert scaler.formula == formula


@pytest.mark.parametrize(
    ("scale", "expected", "formula"),
    [
        ("unit", [[0, 0, 0], [1, 1, 0]], "(x − min) / (max − min) of each column"),
        ("symmetric", [[-1, -1, -1], [1, 1, -1]], "2 · (x − min) / (max − min) of each column − 1"),
        ("standard", [[-1, -1, 0], [1, 1, 0]], "(x − mean) / std of each column"),
        ("none", TABLE.tolist(), "x"),
    ],
)
def test_tables_column_by_column(scale, expected, formula):
    scaler = fit(scale, TABLE, None)
    assert scaler.apply(TABLE).tolist() == expected
    assert scaler.formula == formula


def test_a_range_that_does_not_start_at_zero():
    scaler = fit("unit", TABLE, (-10, 30))
    assert scaler.formula == "(x + 10) / 40"
    assert scaler.apply(TABLE)[0].tolist() == pytest.approx([11 / 40, 20 / 40, 17 / 40])


def test_images_of_unknown_range_have_one_range_for_all_pixels():
    images = np.array([2, 4, 6, 10], np.float32).reshape(2, 1, 1, 2)
    scaler = fit("unit", images, None)
    assert scaler.formula == "(x − 2) / 8"
    assert scaler.apply(images).ravel().tolist() == [0, 0.25, 0.5, 1]
    assert fit("standard", images, None).shift == 5.5


def test_the_numbers_come_from_the_examples_given_and_serve_others():
    scaler = fit("standard", TABLE, None)
    assert scaler.apply(np.array([[5, 10, 9]], np.float32)).tolist() == [[3, -1, 2]]


@pytest.mark.parametrize("scale", ["unit", "standard"])
@pytest.mark.parametrize("value", [np.uint8(9), np.float32(0.1)])
def test_what_never_changes_is_divided_by_one(scale, value):
    for shape in ((5, 3), (5, 1, 2, 2)):
        x = np.full(shape, value)
        assert fit(scale, x, None).divide in (1.0, (1.0,) * 3)
        assert np.abs(fit(scale, x, None).apply(x)).max() < 1e-6


@given(arrays(np.uint8, (7, 1, 3, 3)))
def test_the_moments_of_bytes_are_exact(x):
    scaler = fit("standard", x, (0, 255))
    assert scaler.shift == pytest.approx(x.mean(dtype=np.float64), rel=1e-12)
    assert scaler.divide == pytest.approx(x.std(dtype=np.float64) or 1.0, rel=1e-9)


@given(arrays(np.float32, (6, 3), elements=st.floats(-100, 100, width=32)))
def test_unit_lies_between_zero_and_one(x):
    out = fit("unit", x, None).apply(x)
    assert out.min() >= 0
    assert out.max() <= 1


def test_the_examples_themselves_stay_as_they_are():
    before = TABLE.copy()
    fit("standard", TABLE, None).apply(TABLE)
    assert TABLE.tolist() == before.tolist()


def test_an_unknown_scale():
    with pytest.raises(UnknownName, match="unknown scale 'minmax'"):
        fit("minmax", TABLE, None)
