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


SEEDS = [0, 1, 5, 7, 2**32 - 1, 2**32, 2**32 + 5, 2**32 + 7, 2 * 2**32 + 5, 5 * 2**32, 2**63 - 1, 2**64 + 5, 2**96 + 5]


def test_seeds_of_any_length_share_no_stream():
    """SeedSequence([purpose, 2**32 + 5]) is SeedSequence([purpose, 5, 1]): the words of long seeds need a place."""
    for purpose in PURPOSES:  # each of them is always asked for with one number of indices
        for indices in ([()], [(0,), (1,), (2,), (5,)], [(0, 0), (0, 1), (1, 0), (5, 2)], [(0, 1, 2), (1, 2, 3)]):
            keys = [(seed, *at) for seed in SEEDS for at in indices]
            assert len({stream(seed, purpose, *at).integers(2**62) for seed, *at in keys}) == len(keys)


def test_streams_of_seeds_below_two_to_the_32_are_those_of_the_first_version():
    assert stream(42, "order", 3).integers(2**62) == 2956327204371741242
    assert stream(7, "search", 1, 2, 2**32 - 1).integers(2**62) == 161292378602703614


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


def test_no_two_seeds_have_the_same_masks_in_another_order_of_steps():
    """With one word of key, seeds 404 and 1649 had each other's masks: the key entered as key ^ step."""
    rows, units = grid(np, 32, 300)
    masks = {}
    for seed in (404, 1649):
        for step in range(2048):
            masks.setdefault(dropout_bits(dropout_key(seed), step, 1, rows[:2], units[:, :8]).tobytes(), []).append(
                seed
            )
    assert all(len(who) == 1 for who in masks.values())
    near = 11 | 5 << 32, 12 | 6 << 32  # keys whose low words differ by 7
    first = {dropout_bits(near[0], step, 1, rows, units).tobytes() for step in range(8)}
    assert not first & {dropout_bits(near[1], step, 1, rows, units).tobytes() for step in range(8)}


def test_keys_differ_by_seed():
    assert len({dropout_key(seed) for seed in range(1000)}) == 1000
