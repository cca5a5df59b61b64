"""Rows that a batch does not touch: their steps are made later, many at once, when the row is next read.

With sparse inputs half of the rows of the first W have no gradient in a batch, because no example has that pixel.
Momentum and Adam move such rows all the same, by what they remember.  The steps of a row depend on nothing but the
row, so they wait until an example of the coming batch has its pixel, or until the epoch ends (so that where an epoch is
followed by a checkpoint changes no bits); `updates.rest` then makes them with one look at memory.

A step is counted from 0 in its epoch.  `seen[row]` is how many of them the row has made.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import updates
from handgrad.training.engines.compiled.kernels.products import Columns, Sparse
from handgrad.training.engines.compiled.kernels.vectors import at, inlined, kernel, lanes, number


class Late(NamedTuple):
    """Steps made by each row, the rows that are late now and from which step on, and the numbers of past steps."""

    seen: Any
    rows: Any
    since: Any
    past: updates.Past


@kernel
def begin(late: Late, pixels: int, theta: Any, o: Any, rule: int, lrs: Any, steps: int, t: int) -> None:
    """Before an epoch: no row is late; the numbers of its steps."""
    for k in range(pixels):
        late.seen[k] = 0
    unit = 1.0
    while number(theta, 1.0 + unit / 2) > number(theta, 1.0):
        unit /= 2
    updates.numbers_of_past(late.past, o, rule, lrs, steps, t, unit)


@kernel
def look_ahead(
    late: Late, c: Columns, pixels: int, x: Sparse, order: Any, first: int, rows: int, S: int, now: int
) -> int:
    """The rows of the batch in c are about to make their step; list those that are late of the rows which the examples
    order[first : first + rows] will read -> how many."""
    for k in range(pixels):
        if at(c.starts, k) < at(c.starts, k + 1):
            late.seen[k] = now
    count = 0
    for i in range(rows):
        o = at(order, first + i) * S
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            count = _list(late, int(at(x.pixels, k)), now, count)
    return count


@inlined
def _list(late: Late, row: int, now: int, count: int) -> int:
    """Put a row on the list if it is late; it counts as up to date from here on."""
    if at(late.seen, row) < now:
        late.rows[count], late.since[count] = row, late.seen[row]
        late.seen[row] = now
        count += 1
    return count


@kernel
def catch_up(late: Late, count: int, rule: int, m: updates.Memory, wo: int, h: Any, now: int) -> None:
    """The listed rows of the panel of W at wo make their steps up to `now`."""
    L = lanes(m.theta)
    for i in range(count):
        updates.rest(rule, m, wo + int(at(late.rows, i)) * L, h, late.past, int(at(late.since, i)), now)


@kernel
def finish(late: Late, rule: int, m: updates.Memory, wo: int, pixels: int, count: int, h: Any, now: int) -> None:
    """At the end of an epoch: every row of the `count` panels from wo on makes the steps that it has not made."""
    behind = 0
    for row in range(pixels):
        behind = _list(late, row, now, behind)
    for p in range(count):
        catch_up(late, behind, rule, m, wo + p * pixels * lanes(m.theta), h, now)
