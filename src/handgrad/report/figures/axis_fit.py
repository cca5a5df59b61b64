"""Where an axis ends: at what it shows, without the few that are so much worse that they would squeeze the others.

Letters: [a, b] the span of an item (a line, a point: a = b); R the range of those that are kept.

Items at the worse end, fewer than half of all, are left out where the gap between them and the others is wider than R.
The axis then does not reach them; figures draw an arrow at its edge, and captions say how many they are.  What is
better than the others is never left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AxisFit:
    """The ends of what is kept;  beyond: the positions of the items that lie beyond the worse end."""

    low: float
    high: float
    beyond: tuple[int, ...] = ()


def fitted(spans: Sequence[tuple[float, float]], *, worse_is_lower: bool) -> AxisFit:
    """The axis of items with these spans (one or more, all finite).

    >>> fitted([(0.90, 0.95), (0.92, 0.97), (0.93, 0.97), (0.10, 0.11)], worse_is_lower=True)
    AxisFit(low=0.9, high=0.97, beyond=(3,))
    >>> fitted([(0.90, 0.95), (0.10, 0.11), (0.93, 0.97)], worse_is_lower=False)
    AxisFit(low=0.1, high=0.97, beyond=())
    """
    turned = list(spans) if worse_is_lower else [(-high, -low) for low, high in spans]
    away = _far(turned)
    kept = [span for i, span in enumerate(spans) if i not in away]
    return AxisFit(min(low for low, _ in kept), max(high for _, high in kept), tuple(sorted(away)))


def _far(spans: Sequence[tuple[float, float]]) -> set[int]:
    """The positions of the most items, fewer than half, that lie below the others by more than the range of these."""
    order = sorted(range(len(spans)), key=lambda i: spans[i][1])
    low, high = math.inf, -math.inf
    ends = {}  # how many are left out -> the ends of the others
    for n in reversed(range(len(order))):
        low, high = min(low, spans[order[n]][0]), max(high, spans[order[n]][1])
        ends[n] = low, high
    for n in range((len(order) - 1) // 2, 0, -1):
        low, high = ends[n]
        if low - spans[order[n - 1]][1] > high - low > 0:
            return set(order[:n])
    return set()
