"""Random numbers: every one comes from a stream keyed by (seed, purpose, indices).

Because streams are keyed and never shared, changing one thing (the learning rate, the width of a
layer, the number of workers) changes no other random number, and a run that continues from a
checkpoint needs no generator state: the key is all of it.

Two kinds:
- `stream`: a NumPy generator, for everything drawn once and handed to every engine
  (initial weights, orders, splits).
- `dropout_bits`: a counter-based generator, for dropout masks; a pure function of its counters
  in 32-bit integer arithmetic, so that NumPy, a compiled kernel and a GPU all evaluate the same bits.

Sources: O'Neill, PCG (2014), by NumPy's SeedSequence; the 32-bit finalizer is Wellons' "lowbias32"
(2018), in the manner of counter-based generators (Salmon et al., SC 2011).
"""

from typing import Any

import numpy as np

PURPOSES = {
    "init": 1,  # initial weights, by layer
    "order": 2,  # the order of the examples, by epoch
    "dropout": 3,  # dropout masks
    "split": 4,  # which examples become validation or test
    "subset": 5,  # which training examples are used
    "sample": 6,  # which training examples are scored after an epoch
    "search": 7,  # random search
    "bootstrap": 8,  # resampling in the report
    "gradcheck": 9,  # numbers for gradient checks
    "shown": 10,  # the examples whose predictions a report shows, by how many there are
    "augment": 11,  # how training pictures are changed, by epoch and kind of change
}


def _words(seed: int, purpose: str, indices: tuple[int, ...]) -> np.random.SeedSequence:
    """The seed sequence of a key: purpose, the lower 32 bits of the seed and the indices, each a word of 32 bits.

    NumPy cuts longer numbers into several words and fills up with zeros, so a seed of 2³² + 5 would be a seed of 5
    with the index 1.  The upper bits of a longer seed stand where no word of a shorter one can, behind the number of
    indices.
    """
    assert all(0 <= index < 2**32 for index in indices)
    words = [PURPOSES[purpose], seed % 2**32, *indices]
    rest = seed >> 32
    if rest:
        words += [0] * (4 - len(words)) + [len(indices)]
    while rest:
        words.append(rest % 2**32)
        rest >>= 32
    return np.random.SeedSequence(np.array(words, np.uint32))  # of an array in half the time that a list takes


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """The generator for one purpose, e.g. `stream(42, "order", epoch)`.

    >>> stream(42, "order", 0).permutation(5).tolist() == stream(42, "order", 0).permutation(5).tolist()
    True
    """
    return np.random.Generator(np.random.PCG64(_words(seed, purpose, indices)))


def dropout_key(seed: int) -> int:
    """The 63-bit key of a run's dropout masks."""
    low, high = _words(seed, "dropout", ()).generate_state(2, np.uint32).tolist()
    return int(low | (high >> 1) << 32)


def mix32(word: Any) -> Any:
    """Scramble 32-bit words (lowbias32): a bijection of [0, 2^32).

    `word` is an int or an array of a signed or unsigned 64-bit type holding values in [0, 2^32).
    A product that overflows 64 bits wraps, which leaves its low 32 bits right; NumPy and PyTorch agree.
    """
    low = 0xFFFFFFFF
    word = word ^ (word >> 16)
    word = (word * 0x7FEB352D) & low
    word = word ^ (word >> 15)
    word = (word * 0x846CA68B) & low
    return word ^ (word >> 16)


def dropout_bits(key: Any, step: Any, layer: int, rows: Any, units: Any) -> Any:
    """32 random bits for every (row of the batch, unit) of one dropout layer at one step.

    bits = mix(mix(mix(mix(mix(low ^ step) ^ high) ^ layer) ^ row) + unit · 0x9E3779B9 mod 2^32)

    low, high: the two words of the key.  With one word alone the masks of two seeds whose keys differ by little are the
    same ones in another order of steps, since low ^ step takes the same values.

    key; step, counted over the whole run from 0: ints, or int64 arrays without dimensions.  layer: its position in the
    network.  rows (n, 1) and units (1, k): int64 arrays of any array library -> (n, k), values in [0, 2^32).
    """
    low, high = key & 0xFFFFFFFF, key >> 32
    prefix = mix32(mix32(mix32((low ^ step) & 0xFFFFFFFF) ^ high) ^ layer)
    return mix32((mix32(rows ^ prefix) + units * 0x9E3779B9) & 0xFFFFFFFF)
