"""Augmentation: pictures moved, mirrored and turned as the formulas say, other ones in every epoch."""

import math

import numpy as np
import pytest

from handgrad.data.augmentation import Augmentation, Augmenter
from handgrad.errors import InputError
from handgrad.streams import stream

X = stream(0, "sample").random((40, 2, 5, 7), dtype=np.float32)


def by_hand(x, move, s, angle, black):
    """One channel of one picture, pixel by pixel, by the formulas of the module."""
    rows, cols = x.shape

    def old(i, j):
        return float(x[i, j]) if 0 <= i < rows and 0 <= j < cols else black

    new = np.empty((rows, cols))
    for row in range(rows):
        for col in range(cols):
            u, v = row - move[0] - (rows - 1) / 2, col - move[1] - (cols - 1) / 2
            r = (rows - 1) / 2 + u * math.cos(angle) - v * math.sin(angle)
            c = (cols - 1) / 2 + s * (u * math.sin(angle) + v * math.cos(angle))
            i, j = math.floor(r), math.floor(c)
            f, g = r - i, c - j
            new[row, col] = (
                (1 - f) * (1 - g) * old(i, j) + (1 - f) * g * old(i, j + 1)
                + f * (1 - g) * old(i + 1, j) + f * g * old(i + 1, j + 1)
            )  # fmt: skip
    return new


@pytest.mark.parametrize(
    "given", [{"shift": 2}, {"flip": True}, {"shift": 3, "flip": True, "rotate": 40}, {"rotate": 180}], ids=str
)
def test_every_pixel_is_that_of_the_formula(given):
    augmentation = Augmentation(**given)
    moves, signs, angles = augmentation.drawn(len(X), 5, 3)
    found = augmentation.augmented(X, 5, 3, black=-0.25)
    for k in range(8):
        for channel in range(2):
            expected = by_hand(X[k, channel], moves[k], signs[k], angles[k], -0.25)
            assert found[k, channel] == pytest.approx(expected, abs=2e-6)


def test_moved_pictures_hold_the_old_pixels_and_what_fills_them_up():
    moved = Augmentation(shift=2).augmented(X, 0, 0, black=9.0)
    (down, right), *_ = Augmentation(shift=2).drawn(len(X), 0, 0)[0].tolist()
    assert np.isin(moved, [*X.ravel(), 9.0]).all()
    assert (moved[0] == 9).sum() == 2 * (35 - (5 - abs(down)) * (7 - abs(right)))
    edges = Augmentation(shift=2, fill="edge").augmented(X, 0, 0, black=9.0)
    assert np.array_equal(edges[moved != 9], moved[moved != 9])
    assert np.isin(edges, X).all()


def test_what_is_drawn_is_even_and_independent_of_the_rest():
    n, both = 4000, Augmentation(shift=2, flip=True, rotate=10)
    moves, signs, angles = both.drawn(n, 1, 0)
    assert [np.bincount(moves[:, k] + 2, minlength=5).min() > 700 for k in (0, 1)] == [True, True]
    assert abs(signs.mean()) < 0.05
    assert abs(np.degrees(angles)).max() == pytest.approx(10, abs=0.05)
    assert np.array_equal(Augmentation(shift=2).drawn(n, 1, 0)[0], moves)
    assert np.array_equal(Augmentation(flip=True).drawn(n, 1, 0)[1], signs)
    assert not np.array_equal(both.drawn(n, 1, 1)[0], moves)
    assert not np.array_equal(both.drawn(n, 2, 0)[0], moves)


def test_an_augmenter_has_the_darkest_pixel_for_black_and_leaves_the_pictures_alone():
    before = X.copy()
    augmenter = Augmenter.of(Augmentation(shift=4), X)
    first = augmenter.examples(0, 0).copy()
    assert first.min() == X.min()
    assert not np.array_equal(augmenter.examples(0, 1), first)
    assert np.array_equal(augmenter.examples(0, 0), first)
    assert np.array_equal(X, before)
    assert Augmenter.of(None, X) is None
    assert Augmenter.of(Augmentation(), X) is None


def test_what_cannot_be_augmented():
    with pytest.raises(InputError) as caught:
        Augmentation(flip=True).check((13,))
    assert str(caught.value) == (
        "training.augmentation is for pictures, but an example is a row of 13 numbers; take it out"
    )
    with pytest.raises(InputError, match=r"shift must be below 8, the smaller side of the pictures \(12 × 8\); got 8"):
        Augmentation(shift=8).check((1, 12, 8))
    with pytest.raises(InputError, match=r"fill is an unknown fill 'white'\. Known: black, edge"):
        Augmentation(fill="white")
