"""Windows: how many there are, what they leave out, and where their pixels lie."""

import numpy as np
import pytest

from handgrad.errors import NetworkError
from handgrad.network.windows import Windows, check_pair, read_pair, write_pair


@pytest.mark.parametrize(
    ("windows", "image", "counts"),
    [
        (Windows((5, 5)), (28, 28), (24, 24)),
        (Windows((2, 2), (2, 2)), (24, 12), (12, 6)),
        (Windows((3, 3), (1, 1), (1, 1)), (7, 5), (7, 5)),
        (Windows((3, 3), (2, 2), (1, 1)), (28, 28), (14, 14)),
        (Windows((5, 4), (3, 2), (0, 1)), (8, 6), (2, 3)),
        (Windows((4, 4)), (4, 4), (1, 1)),
    ],
)
def test_counts_are_those_of_every_place_a_window_can_stand_at(windows, image, counts):
    assert windows.counts(image) == counts
    by_hand = [
        len(range(0, length + 2 * p - k + 1, s))
        for length, k, s, p in zip(image, windows.size, windows.stride, windows.pad, strict=True)
    ]
    assert list(counts) == by_hand
    assert windows.fits(image)


@pytest.mark.parametrize(
    ("windows", "image", "left_out"),
    [
        (Windows((2, 2), (2, 2)), (5, 4), (1, 0)),
        (Windows((3, 3), (3, 3)), (8, 7), (2, 1)),
        (Windows((3, 3), (2, 2), (1, 1)), (28, 28), (0, 0)),  # one row remains, and it is padding
        (Windows((5, 5), (2, 2)), (28, 27), (1, 0)),
        (Windows((1, 1), (2, 2)), (28, 28), (0, 0)),  # every other row is left out on purpose, the last too
        (Windows((2, 2), (3, 3)), (7, 6), (1, 0)),  # 6: the sixth would be in the gap;  7: a window could begin there
    ],
)
def test_what_is_left_out(windows, image, left_out):
    assert windows.left_out(image) == left_out
    assert windows.fits(image) == (left_out == (0, 0))


def test_a_window_larger_than_the_padded_image():
    assert Windows((5, 5)).larger_than((4, 9))
    assert Windows((5, 5)).larger_than((9, 4))
    assert not Windows((5, 5), pad=(1, 0)).larger_than((3, 5))
    assert not Windows((5, 5)).fits((4, 4))


def test_the_places_of_a_window_are_views():
    x = np.arange(2 * 3 * 5 * 6).reshape(2, 3, 5, 6)
    windows = Windows((3, 2), (2, 3))
    assert list(windows.offsets()) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    for i, j in windows.offsets():
        seen = x[windows.at(i, j, windows.counts((5, 6)))]
        assert seen.base is not None
        for r in range(2):
            for q in range(2):
                np.testing.assert_array_equal(seen[:, :, r, q], x[:, :, 2 * r + i, 3 * q + j])


@pytest.mark.parametrize("pair", [(2, 2), (5, 4), (1, 10)])
def test_pairs_go_both_ways(pair):
    assert read_pair(write_pair(pair), "stride") == pair
    assert read_pair(write_pair(pair, short=False), "stride") == pair


@pytest.mark.parametrize("word", ["", "x", "5x", "x5", "5x5x5", "-1", "1.5", "²", "5 x 5", "five"])
def test_a_pair_that_cannot_be_read(word):
    with pytest.raises(NetworkError) as error:
        read_pair(word, "stride")
    assert str(error.value) == (f"stride is written ROWSxCOLS, as in 5x5, or as one number for both; got {word!r}")


@pytest.mark.parametrize("pair", [(0, 1), (1, -1), (1, 2, 3), (True, 1), (1.0, 1)])
def test_a_pair_out_of_range(pair):
    with pytest.raises(NetworkError, match="stride needs whole numbers >= 1; got"):
        check_pair(pair, "stride")
