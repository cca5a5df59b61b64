"""Names in figures: cut where they are long, and where lines end moved apart so that none covers another."""

from collections.abc import Sequence


def cut(text: str, most: int) -> str:
    """A text of at most so many letters, the middle left out: names often differ at their ends.

    >>> cut("validation", 12), cut("a very long name of a class", 12)
    ('validation', 'a very …lass')
    """
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"


def spread(wanted: Sequence[float], gap: float, low: float = 0.0, high: float = 1.0) -> list[float]:
    """Places at least `gap` apart in [low, high], in the order of the wanted ones and as near to them as possible.

    Names that collide form a block about the mean of what they want; blocks that collide are joined (this minimizes the
    sum of squared shifts).  Where there is no room for all, the gap shrinks.

    >>> spread([0.5, 0.5, 0.9], 0.1)
    [0.45, 0.55, 0.9]
    >>> spread([0.0, 0.0], 0.1)
    [0.0, 0.1]
    """
    n = len(wanted)
    if n > 1:
        gap = min(gap, (high - low) / (n - 1))
    order = sorted(range(n), key=lambda i: wanted[i])
    blocks: list[tuple[float, int]] = []  # (the lowest place, how many)
    for i in order:
        start, size = min(max(wanted[i], low), high), 1
        while blocks and blocks[-1][0] + gap * blocks[-1][1] > start:
            before, many = blocks.pop()
            middle = ((before + gap * (many - 1) / 2) * many + (start + gap * (size - 1) / 2) * size) / (many + size)
            size += many
            start = min(max(middle - gap * (size - 1) / 2, low), high - gap * (size - 1))
        blocks.append((start, size))
    places = [start + gap * k for start, size in blocks for k in range(size)]
    found = [0.0] * n
    for i, place in zip(order, places, strict=True):
        found[i] = round(place, 12)
    return found
