"""Several tests of one question: each p made larger, so that one of them is wrong in 5 % of cases and no more.

Source: Holm, "A simple sequentially rejective multiple test procedure" (1979).
"""

from collections.abc import Sequence


def holm(p: Sequence[float]) -> list[float]:
    """p adjusted for their number: of m, the r-th smallest times m − r + 1, 1 at most and none below one before it.

    >>> holm([0.25, 0.125, 0.375])  # 2·0.25, 3·0.125, then 0.375, which is below 2·0.25
    [0.5, 0.375, 0.5]
    """
    found, highest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        found[place] = highest
    return found
