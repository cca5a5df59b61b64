"""Products of matrices in panels: twins of `dense_forward` and `dense_backward`, for dense and for sparse rows.

Everything is one loop: Σ_p α_p · M[p, :] for a row of numbers α and the rows of a panel M, each a vector.

    z  = x @ W + b     α: a row of x,        M: a panel of W     (x dense, or sparse: only its non-zero pixels)
    dW = xᵀ @ dz       α: a column of x,     M: a panel of dz    and the result goes to `updates.apply`
    dx = dz @ Wᵀ       α: a row of dz,       M: a panel of Wᵀ    (narrow layers keep Wᵀ, others make it once a batch)

Dense rows are taken four at a time, so that each vector of M is loaded once for four products.  The sum that a
narrow layer needs along its vectors is `dots`.

Sparse examples: `values[k]` at pixel `pixels[k]` for k from `starts[i·S]` on, in S segments of SEGMENT pixels:
so many rows of a panel of W stay in the nearest caches while all examples of a batch pass.  Letters: letters.md.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels.layout import panels, place
from handgrad.training.engines.compiled.kernels.updates import Memory, apply
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fma,
    inlined,
    kernel,
    lanes,
    load,
    prefetch,
    splat,
    store,
    total,
    zero,
)

SEGMENT = 400


class Sparse(NamedTuple):
    """Examples as their non-zero pixels."""

    starts: Any
    pixels: Any
    values: Any


class Columns(NamedTuple):
    """The same of one batch by pixel: values[e] of example rows[e] for e from starts[pixel] to starts[pixel + 1]."""

    starts: Any
    rows: Any
    values: Any


@inlined
def _four(x: Any, i: int, row: int, step: int, n: int, M: Any, m: int, s0: Any, s1: Any, s2: Any, s3: Any) -> Any:
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
def _one(x: Any, i: int, step: int, n: int, M: Any, m: int, s: Any) -> Any:
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
            s0, s1, s2, s3 = _four(x, o, L, 1, min(L, n - p), M, mo + p * L, s0, s1, s2, s3)
        store(z, zo + i * L, s0)
        store(z, zo + i * L + L, s1)
        store(z, zo + i * L + 2 * L, s2)
        store(z, zo + i * L + 3 * L, s3)
        i += 4
    while i < rows:
        s = start
        for p in range(0, n, L):
            s = _one(x, xo + place(i, p, rows, L), 1, min(L, n - p), M, mo + p * L, s)
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
        s0, s1, s2, s3 = _four(x, xo + place(0, k, rows, L), 1, L, rows, dz, do, o, o, o, o)
        apply(update_code, m, wo + k * L, s0, h, True)
        apply(update_code, m, wo + k * L + L, s1, h, True)
        apply(update_code, m, wo + k * L + 2 * L, s2, h, True)
        apply(update_code, m, wo + k * L + 3 * L, s3, h, True)
        k += 4
    while k < n:
        s = _one(x, xo + place(0, k, rows, L), L, rows, dz, do, splat(zero(dz)))
        apply(update_code, m, wo + k * L, s, h, True)
        k += 1


@kernel
def dots(
    x: Any, xo: int, rows: int, n: int, M: Any, mo: int, units: int, b: Any, bo: int, biased: bool, z: Any, zo: int
) -> None:
    """Twin of `dense_forward` with W kept transposed: z[i, j] = b[j] + x[i, :] · M[j, :].  x: (rows, n), M: (units, n).

    biased: otherwise there is no b.  Four units go side by side: to add up the lanes of one takes longer than its
    products.
    """
    L, o, step = lanes(M), splat(zero(z)), units * lanes(M)
    for i in range(rows):
        j = 0
        while j + 4 <= units:
            s0, s1, s2, s3 = o, o, o, o
            xi, m = xo + i * L, mo + j * L
            for _ in range(panels(n, L)):
                v = load(x, xi)
                s0, s1 = fma(v, load(M, m), s0), fma(v, load(M, m + L), s1)
                s2, s3 = fma(v, load(M, m + 2 * L), s2), fma(v, load(M, m + 3 * L), s3)
                xi += rows * L
                m += step
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
    """s + Σ_k values[k] · M[which[k], :] for i ≤ k < end."""
    for k in range(i, end):
        s = fma(splat(at(values, k)), load(M, m + int(at(which, k)) * lanes(M)), s)
    return s


@inlined
def _sparse_two(
    values: Any, which: Any, i: int, i_end: int, j: int, j_end: int, M: Any, m: int, s0: Any, s1: Any
) -> Any:  # fmt: skip
    """`_sparse_one` for two sums side by side: neither waits for the other's last product."""
    for _ in range(min(i_end - i, j_end - j)):
        s0 = fma(splat(at(values, i)), load(M, m + int(at(which, i)) * lanes(M)), s0)
        s1 = fma(splat(at(values, j)), load(M, m + int(at(which, j)) * lanes(M)), s1)
        i += 1
        j += 1
    return _sparse_one(values, which, i, i_end, M, m, s0), _sparse_one(values, which, j, j_end, M, m, s1)


@kernel
def sparse_forward_panel(
    x: Sparse, which: Any, first: int, rows: int, S: int, M: Any, mo: int, start: Any, z: Any, zo: int
) -> None:
    """Twin of `dense_forward` for one panel and the sparse examples which[first : first + rows]: z = start + x @ M."""
    L = lanes(M)
    for i in range(rows):
        store(z, zo + i * L, start)
    for segment in range(S):
        i = 0
        while i + 2 <= rows:
            o, q = at(which, first + i) * S + segment, at(which, first + i + 1) * S + segment
            s0, s1 = _sparse_two(
                x.values, x.pixels, at(x.starts, o), at(x.starts, o + 1), at(x.starts, q), at(x.starts, q + 1), M, mo,
                load(z, zo + i * L), load(z, zo + i * L + L),
            )  # fmt: skip
            store(z, zo + i * L, s0)
            store(z, zo + i * L + L, s1)
            i += 2
        if i < rows:
            o = at(which, first + i) * S + segment
            s = _sparse_one(x.values, x.pixels, at(x.starts, o), at(x.starts, o + 1), M, mo, load(z, zo + i * L))
            store(z, zo + i * L, s)


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
def to_columns(x: Sparse, which: Any, first: int, rows: int, S: int, n: int, c: Columns) -> None:
    """The examples which[first : first + rows] by pixel into c: a counting sort, so a pixel has its rows in order."""
    for k in range(n + 1):
        c.starts[k] = 0
    for i in range(rows):
        o = at(which, first + i) * S
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            c.starts[int(at(x.pixels, k)) + 1] += 1
    total_before = c.starts[0]
    for k in range(n):  # c.starts[k + 1] becomes where pixel k begins, and in the end, where it ends
        count = c.starts[k + 1]
        c.starts[k + 1] = total_before
        total_before += count
    for i in range(rows):
        o = at(which, first + i) * S
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            pixel = int(at(x.pixels, k)) + 1
            e = c.starts[pixel]
            c.starts[pixel] = e + 1
            c.rows[e] = i
            c.values[e] = at(x.values, k)


@kernel
def sparse_gradient_panel(
    update_code: int, m: Memory, wo: int, h: Any, c: Columns, n: int, every: bool, dz: Any, do: int
) -> None:
    """Fused twin of `dense_backward_parameters` and the update, for sparse x and one panel of W at wo: dW = xᵀ @ dz.

    every: also pixels that no example of the batch has; their dW is 0, so plain descent without decay needs no step.
    """
    L = lanes(dz)
    e = int(at(c.starts, 0))
    for k in range(n):
        end = int(at(c.starts, k + 1))
        if every or e < end:
            s = splat(zero(dz))
            for entry in range(e, end):
                s = fma(splat(at(c.values, entry)), load(dz, do + int(at(c.rows, entry)) * L), s)
            apply(update_code, m, wo + k * L, s, h, True)
        e = end
