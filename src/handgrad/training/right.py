"""Which examples a trained network gets right: a bit for each, of the validation and the test part.

An accuracy says how many are right; which ones they are, two runs have to be compared by.  Example by example they tell
how much of a difference another set of examples would change, which seeds alone do not show.

    validation.bits       (⌈n/8⌉,) uint8: 1 where the predicted class is the actual one, the first example in the
                          highest bit of the first byte (`numpy.packbits`), in the order of the part
    validation.examples   text: a checksum of which examples of the data set these are

The bits are of the weights that the record has, whose accuracy it states.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad.data.contents import Part
from handgrad.network.arrays import Arrays


class Right(NamedTuple):
    """right (n,): whether each example of a part was right;  examples: equal for equal examples in equal order."""

    right: NDArray[np.bool_]
    examples: str


def packed_right(part: Part, right: NDArray[np.bool_]) -> Arrays:
    """`bits` and `examples` of a part; right (n,): whether each example's class, or all of its labels, were right."""
    return {"bits": np.packbits(right), "examples": np.array(part.examples)}


def unpacked_right(arrays: Mapping[str, np.ndarray], part: str, n: int) -> Right | None:
    """Those of one part of n examples; None where the arrays have none of it, or of another number of examples.

    >>> unpacked_right({"test.bits": np.uint8([0b10100000]), "test.examples": np.array("ab12")}, "test", 3)
    Right(right=array([ True, False,  True]), examples='ab12')
    """
    bits, examples = arrays.get(f"{part}.bits"), arrays.get(f"{part}.examples")
    if bits is None or examples is None or len(bits) != -(-n // 8):
        return None
    return Right(np.unpackbits(bits, count=n).astype(np.bool_), str(examples))
