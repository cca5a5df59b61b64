"""Products of matrices in panels: twins of `dense_forward` and `dense_backward`, for dense and for sparse rows.

Everything is one loop: Σ_p α_p · M[p, :] for a row of numbers α and the rows of a panel M, each a vector.

    z  = x @ W + b     α: a row of x,        M: a panel of W     (x dense, or sparse: only its non-zero pixels)
    dW = xᵀ @ dz       α: a column of x,     M: a panel of dz    and the result goes to `updates.apply`
    dx = dz @ Wᵀ       α: a row of dz,       M: a panel of Wᵀ    (narrow layers keep Wᵀ, others make it once a batch)

Dense rows are taken four at a time, so that each vector of M is loaded once for four products.  The sum that a
narrow layer needs along its vectors is `dots`.

Sparse examples: `values[k]` at pixel `pixels[k]` for k from `starts[i·S]` on, in S segments of SEGMENT pixels:
so many rows of a panel of W stay in the nearest caches while all examples of a batch pass.  Two sums are made side by
side, from four entries of each at a time (`quads`).  Letters: letters.md.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels.layout import panels, place
from handgrad.training.engines.compiled.kernels.quads import four, half, place_of, places, spread
from handgrad.training.engines.compiled.kernels.updates import DECAY, LR, SGD, Memory, apply, descend
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fill,
    fma,
    inlined,
    kernel,
    lanes,
    load,
    load_like,
    prefetch,
    splat,
    store,
    total,
    zero,
)

SEGMENT = 400
ROOM_BETWEEN = 16  # so that in batches of 256 the entries of pixels do not fall on each other in the cache


class Sparse(NamedTuple):
    """Examples as their non-zero pixels."""

    starts: Any
    pixels: Any
    values: Any


class Columns(NamedTuple):
    """The same of a batch by pixel: values[e] of example rows[e] for counts[pixel] entries from pixel · room on.

    room is the size of the batch and ROOM_BETWEEN.  pixels: those that the update has to go through.
    """

    counts: Any
    pixels: Any
    rows: Any
    values: Any


@inlined
def four_sums(x: Any, i: int, row: int, step: int, n: int, M: Any, m: int, s0: Any, s1: Any, s2: Any, s3: Any) -> Any:
    """s_r + Σ_p x[i + r·row + p·step] · M[p, :] for r = 0..3 and p < n."""
    for _ in range(n):
        v = load(M, m)
        s0 = fma(splat(at(x, i)), v, s0)
        s1 = fma(splat(at(x, i + row)), v, s1)
        s2 = fma(splat(at(x, i + 2 * row)), v, s2)
        s3 = fma(splat(at(x, i + 3 * row)), v, s3)
        i += step
        m += lanes(M)
    return s0, s1, s2, s3


@inlined
def one_sum(x: Any, i: int, step: int, n: int, M: Any, m: int, s: Any) -> Any:
    """s + Σ_p x[i + p·step] · M[p, :] for p < n."""
    for _ in range(n):
        s = fma(splat(at(x, i)), load(M, m), s)
        i += step
        m += lanes(M)
    return s


@kernel
def forward_panel(x: Any, xo: int, rows: int, n: int, M: Any, mo: int, start: Any, z: Any, zo: int) -> None:
    """Twin of `dense_forward` for one panel: z = start + x @ M.  x: (rows, n), M: (n, L) -> z: (rows, L)."""
    L = lanes(M)
    i = 0
    while i + 4 <= rows:
        s0, s1, s2, s3 = start, start, start, start
        for p in range(0, n, L):
            o = xo + place(i, p, rows, L)
            s0, s1, s2, s3 = four_sums(x, o, L, 1, min(L, n - p), M, mo + p * L, s0, s1, s2, s3)
        store(z, zo + i * L, s0)
        store(z, zo + i * L + L, s1)
        store(z, zo + i * L + 2 * L, s2)
        store(z, zo + i * L + 3 * L, s3)
        i += 4
    while i < rows:
        s = start
        for p in range(0, n, L):
            s = one_sum(x, xo + place(i, p, rows, L), 1, min(L, n - p), M, mo + p * L, s)
        store(z, zo + i * L, s)
        i += 1


@kernel
def gradient_panel(
    update_code: int, m: Memory, wo: int, h: Any, x: Any, xo: int, rows: int, n: int, dz: Any, do: int
) -> None:
    """Fused twin of `dense_backward_parameters` and the update, for one panel of W at wo: dW = xᵀ @ dz."""
    L = lanes(dz)
    k = 0
    while k + 4 <= n:
        o = splat(zero(dz))
        s0, s1, s2, s3 = four_sums(x, xo + place(0, k, rows, L), 1, L, rows, dz, do, o, o, o, o)
        apply(update_code, m, wo + k * L, s0, h, True)
        apply(update_code, m, wo + k * L + L, s1, h, True)
        apply(update_code, m, wo + k * L + 2 * L, s2, h, True)
        apply(update_code, m, wo + k * L + 3 * L, s3, h, True)
        k += 4
    while k < n:
        s = one_sum(x, xo + place(0, k, rows, L), L, rows, dz, do, splat(zero(dz)))
        apply(update_code, m, wo + k * L, s, h, True)
        k += 1


@kernel
def dots(
    x: Any, xo: int, rows: int, n: int, M: Any, mo: int, units: int, b: Any, bo: int, biased: bool, z: Any, zo: int
) -> None:
    """Twin of `dense_forward` with W kept transposed: z[i, j] = b[j] + x[i, :] · M[j, :].  x: (rows, n), M: (units, n).

    biased: otherwise there is no b.  Two rows and two units go side by side, so that a vector is loaded for two
    products, and a last row with four units: to add up the lanes of one sum takes longer than its products.
    """
    L, o, step, done = lanes(M), splat(zero(z)), units * lanes(M), rows // 2 * 2
    for i in range(0, done, 2):
        for j in range(0, units - 1, 2):
            s0, s1, s2, s3 = o, o, o, o
            xi, m = xo + i * L, mo + j * L
            for _ in range(panels(n, L)):
                u, v, w = load(x, xi), load(x, xi + L), load(M, m)
                s0, s2 = fma(u, w, s0), fma(v, w, s2)
                w = load(M, m + L)
                s1, s3 = fma(u, w, s1), fma(v, w, s3)
                xi += rows * L
                m += step
            to = zo + place(i, j, rows, L)  # two numbers of one row of a panel, and the two below them
            z[to] = total(s0) + (b[bo + j] if biased else zero(z))
            z[to + 1] = total(s1) + (b[bo + j + 1] if biased else zero(z))
            z[to + L] = total(s2) + (b[bo + j] if biased else zero(z))
            z[to + L + 1] = total(s3) + (b[bo + j + 1] if biased else zero(z))
        for k in range(i, i + 2 * (units % 2)):
            _row_of_dots(x, xo, rows, n, M, mo, units, b, bo, biased, z, zo, k, units - 1)
    for i in range(done, rows):
        _row_of_dots(x, xo, rows, n, M, mo, units, b, bo, biased, z, zo, i, 0)


@kernel
def _row_of_dots(
    x: Any, xo: int, rows: int, n: int, M: Any, mo: int, units: int, b: Any, bo: int, biased: bool, z: Any, zo: int,
    i: int, j: int,
) -> None:  # fmt: skip
    """`dots` for row i and the units from j on."""
    L, o = lanes(M), splat(zero(z))
    while j + 4 <= units:
        s0, s1, s2, s3 = o, o, o, o
        xi, m = xo + i * L, mo + j * L
        for _ in range(panels(n, L)):
            v = load(x, xi)
            s0, s1 = fma(v, load(M, m), s0), fma(v, load(M, m + L), s1)
            s2, s3 = fma(v, load(M, m + 2 * L), s2), fma(v, load(M, m + 3 * L), s3)
            xi += rows * L
            m += units * L
        to = zo + place(i, j, rows, L)  # four numbers of one row of a panel
        z[to] = total(s0) + (b[bo + j] if biased else zero(z))
        z[to + 1] = total(s1) + (b[bo + j + 1] if biased else zero(z))
        z[to + 2] = total(s2) + (b[bo + j + 2] if biased else zero(z))
        z[to + 3] = total(s3) + (b[bo + j + 3] if biased else zero(z))
        j += 4
    while j < units:
        s = o
        for p in range(panels(n, L)):
            s = fma(load(x, xo + (p * rows + i) * L), load(M, mo + (p * units + j) * L), s)
        z[zo + place(i, j, rows, L)] = total(s) + (b[bo + j] if biased else zero(z))
        j += 1


@kernel
def transpose(M: Any, mo: int, rows: int, columns: int, out: Any) -> None:
    """out (columns, rows) becomes M (rows, columns) transposed, both in panels."""
    L = lanes(M)
    for q in range(0, rows, L):
        for j in range(columns):
            o = place(j, q, columns, L)
            for i in range(q, min(q + L, rows)):
                out[o + i - q] = M[mo + place(i, j, rows, L)]


@kernel
def sum_rows(update_code: int, m: Memory, bo: int, h: Any, dz: Any, do: int, rows: int, columns: int) -> None:
    """Fused twin of `dense_backward_parameters` and the update, for the bias: db = Σ_i dz[i, :]."""
    L = lanes(dz)
    for p in range(panels(columns, L)):
        s = splat(zero(dz))
        for i in range(rows):
            s = s + load(dz, do + (p * rows + i) * L)
        apply(update_code, m, bo + p * L, s, h, False)


@inlined
def _sparse_one(values: Any, which: Any, i: int, end: int, M: Any, m: int, s: Any) -> Any:
    """s + Σ_k values[k] · M[which[k], :] for i ≤ k < end, four entries at a time."""
    L = lanes(M)
    while i + 4 <= end:
        v, w = four(values, i), places(which, i)
        s = fma(spread(s, v, 0), load_like(s, M, m + place_of(w, 0) * L), s)
        s = fma(spread(s, v, 1), load_like(s, M, m + place_of(w, 1) * L), s)
        s = fma(spread(s, v, 2), load_like(s, M, m + place_of(w, 2) * L), s)
        s = fma(spread(s, v, 3), load_like(s, M, m + place_of(w, 3) * L), s)
        i += 4
    while i < end:
        s = fma(fill(s, at(values, i)), load_like(s, M, m + int(at(which, i)) * L), s)
        i += 1
    return s


@inlined
def _sparse_two(
    values: Any, which: Any, i: int, i_end: int, j: int, j_end: int, M: Any, m: int, s0: Any, s1: Any
) -> Any:  # fmt: skip
    """`_sparse_one` for two sums side by side: neither waits for the other's last product."""
    L = lanes(M)
    while i + 4 <= i_end and j + 4 <= j_end:
        v0, w0 = four(values, i), places(which, i)
        v1, w1 = four(values, j), places(which, j)
        s0 = fma(spread(s0, v0, 0), load_like(s0, M, m + place_of(w0, 0) * L), s0)
        s1 = fma(spread(s1, v1, 0), load_like(s1, M, m + place_of(w1, 0) * L), s1)
        s0 = fma(spread(s0, v0, 1), load_like(s0, M, m + place_of(w0, 1) * L), s0)
        s1 = fma(spread(s1, v1, 1), load_like(s1, M, m + place_of(w1, 1) * L), s1)
        s0 = fma(spread(s0, v0, 2), load_like(s0, M, m + place_of(w0, 2) * L), s0)
        s1 = fma(spread(s1, v1, 2), load_like(s1, M, m + place_of(w1, 2) * L), s1)
        s0 = fma(spread(s0, v0, 3), load_like(s0, M, m + place_of(w0, 3) * L), s0)
        s1 = fma(spread(s1, v1, 3), load_like(s1, M, m + place_of(w1, 3) * L), s1)
        i += 4
        j += 4
    return _sparse_one(values, which, i, i_end, M, m, s0), _sparse_one(values, which, j, j_end, M, m, s1)


@kernel
def sparse_forward_panel(
    x: Sparse, which: Any, first: int, rows: int, S: int, M: Any, mo: int, start: Any, units: int, z: Any, zo: int
) -> None:
    """Twin of `dense_forward` for one panel and the sparse examples which[first : first + rows]: z = start + x @ M.

    units: as many or more columns of the panel count; those behind them keep what start has.
    """
    for i in range(rows):
        store(z, zo + i * lanes(M), start)
    if units <= lanes(M) // 2:
        _add_sparse_products(x, which, first, rows, S, M, mo, half(start), z, zo)
    else:
        _add_sparse_products(x, which, first, rows, S, M, mo, start, z, zo)


@kernel
def _add_sparse_products(
    x: Sparse, which: Any, first: int, rows: int, S: int, M: Any, mo: int, start: Any, z: Any, zo: int
) -> None:
    """z += x @ M for as many columns of the panel as start has lanes."""
    L = lanes(M)
    for segment in range(S):
        for i in range(0, rows, 2):
            j = min(i + 1, rows - 1)  # i itself where it is the last one; then j adds nothing
            o, q = at(which, first + i) * S + segment, at(which, first + j) * S + segment
            s0, s1 = _sparse_two(
                x.values, x.pixels, at(x.starts, o), at(x.starts, o + 1), at(x.starts, q + (i == j)),
                at(x.starts, q + 1), M, mo, load_like(start, z, zo + i * L), load_like(start, z, zo + j * L),
            )  # fmt: skip
            store(z, zo + j * L, s1)
            store(z, zo + i * L, s0)


@kernel
def fetch(x: Sparse, which: Any, first: int, rows: int, S: int) -> None:
    """Ask for the examples which[first : first + rows]: in a random order each comes from far away, and slowly."""
    for i in range(first, first + rows):
        o = at(which, i) * S
        begin, end = at(x.starts, o), at(x.starts, o + S)
        for k in range(begin, end + 15, 16):
            prefetch(x.values, k)
        for k in range(begin, end + 31, 32):
            prefetch(x.pixels, k)


@kernel
def to_columns(x: Sparse, which: Any, first: int, rows: int, S: int, n: int, every: bool, c: Columns) -> int:
    """The examples which[first : first + rows] by pixel into c -> how many pixels are listed.

    A pixel has its examples in order.  every: also pixels that no example has are listed; their dW is 0, so plain
    descent without decay needs no step.
    """
    room = rows + ROOM_BETWEEN
    for pixel in range(n):
        c.counts[pixel] = 0
    for i in range(rows):
        o = at(which, first + i) * S
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            pixel = int(at(x.pixels, k))
            count = at(c.counts, pixel)
            c.rows[pixel * room + count] = i
            c.values[pixel * room + count] = at(x.values, k)
            c.counts[pixel] = count + 1
    listed = 0
    for pixel in range(n):
        c.pixels[listed] = pixel  # the next one takes its place unless it counts
        listed += 1 if every or at(c.counts, pixel) > 0 else 0
    return listed


@kernel
def sparse_gradient_panel(
    update_code: int, m: Memory, wo: int, h: Any, c: Columns, listed: int, rows: int, dz: Any, do: int, units: int
) -> None:
    """Fused twin of `dense_backward_parameters` and the update, for sparse x and one panel of W at wo: dW = xᵀ @ dz.

    units: as many or more columns of the panel count; dz and W are 0 in those behind them.
    """
    L, room, o = lanes(dz), rows + ROOM_BETWEEN, splat(zero(dz))
    if update_code == SGD and at(h, DECAY) == 0:
        step = splat(-at(h, LR))  # read once, not for every row of W
        if units <= L // 2:
            _descend_sparse(m, wo, half(step), c, listed, room, dz, do, half(o))
        else:
            _descend_sparse(m, wo, step, c, listed, room, dz, do, o)
    else:
        for t in range(0, listed, 2):
            p, q, s0, s1 = _two_gradients(c, t, listed, room, dz, do, o)
            apply(update_code, m, wo + p * L, s0, h, True)
            if q != p:
                apply(update_code, m, wo + q * L, s1, h, True)


@kernel
def _descend_sparse(
    m: Memory, wo: int, step: Any, c: Columns, listed: int, room: int, dz: Any, do: int, o: Any
) -> None:
    """`sparse_gradient_panel` for plain descent; of as many columns as o, which is 0, has lanes."""
    L = lanes(dz)
    for t in range(0, listed, 2):
        p, q, s0, s1 = _two_gradients(c, t, listed, room, dz, do, o)
        descend(m, wo + p * L, s0, step)
        if q != p:
            descend(m, wo + q * L, s1, step)


@inlined
def _two_gradients(c: Columns, t: int, listed: int, room: int, dz: Any, do: int, o: Any) -> Any:
    """(p, q, dW[p, :], dW[q, :]) for the listed pixels t and t + 1; q is p where p is the last one."""
    p, q = at(c.pixels, t), at(c.pixels, min(t + 1, listed - 1))
    i, j = p * room, q * room
    j_end = j + at(c.counts, q) if q != p else j
    s0, s1 = _sparse_two(c.values, c.rows, i, i + at(c.counts, p), j, j_end, dz, do, o, o)
    return p, q, s0, s1
