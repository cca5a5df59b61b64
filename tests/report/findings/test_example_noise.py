"""The noise of the examples, by hand and by simulation."""

import numpy as np
import pytest

from handgrad.report.findings.example_noise import example_noise, margin_of


def test_one_seed_is_the_covariance_of_its_bits():
    right = np.array([[[1, 1, 1, 0]], [[1, 0, 1, 0]]], dtype=bool)
    found = example_noise(right, np.ones((2, 1), dtype=bool))
    assert found == pytest.approx(np.cov(right[:, 0].astype(float)) / 4)


def test_what_seeds_add_is_taken_off():
    """Every example alike, every answer by chance: examples add nothing, on average."""
    rng = np.random.default_rng(0)
    found = [example_noise(rng.random((1, 3, 400)) < 0.5, np.ones((1, 3), dtype=bool))[0, 0] for _ in range(100)]
    assert np.mean(found) < 0.1 * 0.25 / 3 / 400


def test_a_margin_for_every_fraction():
    assert margin_of(0.9, None) is None
    assert margin_of(1.0, 300) > 0
    assert margin_of(0.95, 10**6) == pytest.approx(1.96 * np.sqrt(0.95 * 0.05 / 10**6), rel=0.001)
