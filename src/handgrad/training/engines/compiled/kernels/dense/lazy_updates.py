"""Lazy updates: the steps of a row of W that a batch does not touch are made later, many at once.

With sparse inputs half of the rows of the first W have no gradient in a batch, because no example has that pixel.
Momentum and Adam move such rows all the same, by what they remember.  The steps of a row depend on nothing but the
row, so they wait until an example of the coming batch has its pixel, or until the epoch ends (so that where an epoch is
followed by a checkpoint changes no bits).  `updates.fade` then makes them all, and reads and writes memory once.

A step is counted from 0 in its epoch.  `seen[row]` is how many of them the row has made.  Letters: letters.md.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import updates
from handgrad.training.engines.compiled.kernels.products import Columns, Sparse
from handgrad.training.engines.compiled.kernels.vectors import at, inlined, kernel, lanes, number


class LateRows(NamedTuple):
    """seen: steps that each row has made; rows, since: which are late now, and from which step on; past: for `fade`."""

    seen: Any
    rows: Any
    since: Any
    past: updates.PastSteps


@kernel
def begin_epoch(
    late: LateRows, pixels: int, theta: Any, rates: Any, update_code: int, lrs: Any, steps: int, t: int
) -> None:
    """No row is late; the numbers of the epoch's steps into `late.past`."""
    for k in range(pixels):
        late.seen[k] = 0
    unit = 1.0
    while number(theta, 1.0 + unit / 2) > number(theta, 1.0):
        unit /= 2
    updates.numbers_of_past(late.past, rates, update_code, lrs, steps, t, unit)


@kernel
def look_ahead(
    late: LateRows, c: Columns, listed: int, x: Sparse, order: Any, first: int, rows: int, S: int, now: int
) -> int:
    """List the late rows among those that the examples order[first : first + rows] will read -> how many.

    The rows of the batch, `listed` in c, are about to make their step, so they count as up to date.
    """
    for k in range(listed):
        late.seen[at(c.pixels, k)] = now
    count = 0
    for i in range(rows):
        o = at(order, first + i) * S
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            count = _list_if_late(late, int(at(x.pixels, k)), now, count)
    return count


@inlined
def _list_if_late(late: LateRows, row: int, now: int, count: int) -> int:
    """Put a row on the list if it is late; it counts as up to date from here on."""
    if at(late.seen, row) < now:
        late.rows[count], late.since[count] = row, late.seen[row]
        late.seen[row] = now
        count += 1
    return count


@kernel
def catch_up(late: LateRows, count: int, update_code: int, m: updates.Memory, wo: int, h: Any, now: int) -> None:
    """Make the steps up to `now` of the `count` listed rows, in the panel of W at wo."""
    L = lanes(m.theta)
    for i in range(count):
        updates.fade(update_code, m, wo + int(at(late.rows, i)) * L, h, late.past, int(at(late.since, i)), now)


@kernel
def end_epoch(
    late: LateRows, update_code: int, m: updates.Memory, wo: int, pixels: int, count: int, h: Any, now: int
) -> None:
    """Make all steps up to `now` that wait, in the `count` panels of W from wo on."""
    behind = 0
    for row in range(pixels):
        behind = _list_if_late(late, row, now, behind)
    for p in range(count):
        catch_up(late, behind, update_code, m, wo + p * pixels * lanes(m.theta), h, now)
