"""Streams: keyed, independent, and the dropout bits the same in every array library."""

import numpy as np
import torch

from handgrad.streams import PURPOSES, dropout_bits, dropout_key, mix32, stream


def test_a_stream_depends_on_all_of_its_key_and_on_nothing_else():
    keys = [(seed, purpose, index) for seed in (0, 1) for purpose in PURPOSES for index in (0, 1)]
    first = {key: stream(key[0], key[1], key[2]).integers(2**62) for key in keys}
    assert len(set(first.values())) == len(keys)
    stream(0, "init", 0).integers(2**62)
    assert stream(1, "order", 0).integers(2**62) == first[1, "order", 0]


def test_lowbias32_by_hand_and_as_a_bijection():
    assert int(mix32(0)) == 0  # zero is its fixed point
    # 1: ^(1>>16) = 1;  · 0x7FEB352D;  ^(>>15) = 0x7FEB352D ^ 0xFFD6;  · 0x846CA68B mod 2^32;  ^(>>16)
    word = 0x7FEB352D ^ (0x7FEB352D >> 15)
    word = (word * 0x846CA68B) % 2**32
    assert int(mix32(1)) == word ^ (word >> 16)
    assert len(np.unique(mix32(np.arange(1 << 18, dtype=np.int64)))) == 1 << 18


def grid(xp, rows, units):
    return xp.arange(rows, dtype=xp.int64).reshape(-1, 1), xp.arange(units, dtype=xp.int64).reshape(1, -1)


def test_dropout_bits_are_the_same_in_numpy_and_torch():
    ours = dropout_bits(dropout_key(3), 17, 2, *grid(np, 64, 50))
    theirs = dropout_bits(dropout_key(3), 17, 2, *grid(torch, 64, 50))
    np.testing.assert_array_equal(ours, theirs.numpy())
    assert ours.min() >= 0
    assert ours.max() < 2**32


def test_dropout_bits_are_uniform_and_uncorrelated():
    n, k = 2000, 100
    bits = dropout_bits(dropout_key(0), 0, 1, *grid(np, n, k)) / 2**32
    # mean of 200,000 uniforms: standard error 0.00065; the bound is five of them
    assert abs(bits.mean() - 0.5) < 5 * (1 / 12 / (n * k)) ** 0.5
    later = dropout_bits(dropout_key(0), 1, 1, *grid(np, n, k)) / 2**32
    other = dropout_bits(dropout_key(0), 0, 2, *grid(np, n, k)) / 2**32
    for one, two in ((bits, later), (bits, other), (bits[1:], bits[:-1]), (bits[:, 1:], bits[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 5 / (one.size**0.5)


def test_keys_differ_by_seed():
    assert len({dropout_key(seed) for seed in range(1000)}) == 1000
