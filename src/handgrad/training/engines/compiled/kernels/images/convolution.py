"""Convolutions of blocks of images: twins of `conv_forward`, `conv_backward` and `conv_backward_parameters`.

A *tap* is one number of a filter: (channel c, row i, column j).  In a block (see `ops`) the input that
it multiplies lies at a fixed distance from the output, at every place, because both have the same pitch:

    z[o, p] = b_o + Σ_t W[o, t]·x[p + offset_t]                 offset_t = c·PLANE + i·PITCH + j·B
    dW[o, t] = Σ_p dz[o, p]·x[p + offset_t]
    dx[c, p] = Σ_{o,i,j} W[o, c, i, j]·dz[p + offset]           offset = o·PLANE_z − i·PITCH − j·B       (a gather)

Strides and padding need nothing here: `image_blocks.arrange` makes one channel of every phase of the stride, with
zeros around it.

p goes along *runs*.  A run is a row of a plane; where a row is short (few examples) it is the whole plane, and what is
computed between two rows is computed for nothing.  In dz these numbers are 0, and so are those before and after it:
`clear_beyond` writes them.  A list of taps holds pairs (offset, place in the filter).  Other letters: letters.md.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fill,
    fma,
    inlined,
    kernel,
    lanes,
    line,
    load,
    load_like,
    load_line,
    splat,
    splat_line,
    store,
    total,
    zero,
)  # fmt: skip

TAP_TILE = 5  # taps of a filter whose gradients are summed at once; lists of taps are filled up to a multiple of it


@inlined
def _four(
    x: Any, p: int, W: Any, w: int, step: int, taps: Any, t: int, end: int, s0: Any, s1: Any, s2: Any, s3: Any
) -> Any:
    """s_k + Σ_t W[w + k·step + place_t]·x[p + offset_t] for k = 0..3."""
    while t < end:
        v = load_like(s0, x, p + at(taps, t))
        i = w + at(taps, t + 1)
        s0 = fma(fill(v, at(W, i)), v, s0)
        s1 = fma(fill(v, at(W, i + step)), v, s1)
        s2 = fma(fill(v, at(W, i + 2 * step)), v, s2)
        s3 = fma(fill(v, at(W, i + 3 * step)), v, s3)
        t += 2
    return s0, s1, s2, s3


@inlined
def _two(x: Any, p: int, W: Any, w: int, step: int, taps: Any, t: int, end: int, s0: Any, s1: Any) -> Any:
    """s_k + Σ_t W[w + k·step + place_t]·x[p + offset_t] for k = 0, 1."""
    while t < end:
        v = load(x, p + at(taps, t))
        i = w + at(taps, t + 1)
        s0 = fma(splat(at(W, i)), v, s0)
        s1 = fma(splat(at(W, i + step)), v, s1)
        t += 2
    return s0, s1


@kernel
def correlate(
    x: Any, xo: int, W: Any, wo: int, step: int, taps: Any, first: int, tall: int, wide: int, last: int,
    bias: Any, bo: int, biased: bool, z: Any, zo: int, filters: int, plane: int, runs: int, pitch: int, length: int,
) -> None:  # fmt: skip
    """Twin of `conv_forward`, and of `conv_backward` for dx, which is such a sum over dz:

        z[k, p] = b_k + Σ_t W[wo + k·step + place_t]·x[p + offset_t]    for `filters` planes k and all runs p

    The taps are `tall` groups of `wide`, from taps[first] on.  last ≥ 0: of run r only groups i with 0 ≤ r − i ≤ last
    count, the others would see nothing but zeros.
    """
    L, lane = lanes(x), line(x)
    k = 0
    while k < filters:
        four = k + 4 <= filters
        count = 4 if four else 2 if k + 2 <= filters else 1
        b0, b1, b2, b3 = zero(x), zero(x), zero(x), zero(x)
        if biased:
            b0, b1 = at(bias, bo + k), at(bias, bo + min(k + 1, filters - 1))
            b2, b3 = at(bias, bo + min(k + 2, filters - 1)), at(bias, bo + min(k + 3, filters - 1))
        w = wo + k * step
        for r in range(runs):
            t, end = first, first + 2 * tall * wide
            if last >= 0:
                t, end = first + 2 * wide * max(0, r - last), first + 2 * wide * min(tall, r + 1)
            for p in range(r * pitch, r * pitch + length, L):
                o = zo + k * plane + p
                left = r * pitch + length - p
                if four and left <= L // 2:  # the end of a run, line by line: that is less than a vector's work
                    for q in range(0, left, lane):
                        s0, s1, s2, s3 = _four(
                            x, xo + p + q, W, w, step, taps, t, end,
                            splat_line(b0), splat_line(b1), splat_line(b2), splat_line(b3),
                        )  # fmt: skip
                        store(z, o + q, s0)
                        store(z, o + q + plane, s1)
                        store(z, o + q + 2 * plane, s2)
                        store(z, o + q + 3 * plane, s3)
                elif four:
                    s0, s1, s2, s3 = _four(
                        x, xo + p, W, w, step, taps, t, end, splat(b0), splat(b1), splat(b2), splat(b3)
                    )
                    store(z, o, s0)
                    store(z, o + plane, s1)
                    store(z, o + 2 * plane, s2)
                    store(z, o + 3 * plane, s3)
                elif count == 2:
                    s0, s1 = _two(x, xo + p, W, w, step, taps, t, end, splat(b0), splat(b1))
                    store(z, o, s0)
                    store(z, o + plane, s1)
                else:
                    s0, s1 = _two(x, xo + p, W, w, 0, taps, t, end, splat(b0), splat(b0))
                    store(z, o, s0)
        k += count


@inlined
def _five(d: Any, x0: Any, x1: Any, x2: Any, x3: Any, x4: Any, s0: Any, s1: Any, s2: Any, s3: Any, s4: Any) -> Any:
    return fma(d, x0, s0), fma(d, x1, s1), fma(d, x2, s2), fma(d, x3, s3), fma(d, x4, s4)


@inlined
def _keep(grad: Any, i: int, add: bool, wanted: bool, s: Any) -> None:
    if wanted:
        grad[i] = total(s) + (at(grad, i) if add else zero(grad))


@kernel
def filter_gradients(
    dz: Any, do: int, plane: int, dz_block: int, x: Any, xo: int, x_block: int, blocks: int, taps: Any, first: int,
    T: int, filters: int, runs: int, pitch: int, length: int, grad: Any, go: int, add: bool,
) -> None:  # fmt: skip
    """Twin of `conv_backward_parameters`, dW: grad[go + o·T + t] = Σ_p dz[o, p]·x[p + offset_t], added where `add`."""
    lane = line(x)
    o = 0
    while o < filters:
        count = 4 if o + 4 <= filters else 2
        for t in range(0, T, TAP_TILE):
            i = first + 2 * t
            t0, t1, t2 = at(taps, i), at(taps, i + 2), at(taps, i + 4)
            t3, t4 = at(taps, i + 6), at(taps, i + 8)
            a0 = a1 = a2 = a3 = a4 = splat_line(zero(x))
            b0 = b1 = b2 = b3 = b4 = a0
            c0 = c1 = c2 = c3 = c4 = a0
            d0 = d1 = d2 = d3 = d4 = a0
            second = plane if o + 1 < filters else 0
            for g in range(blocks):
                for r in range(runs):
                    from_d, from_x = do + g * dz_block + o * plane + r * pitch, xo + g * x_block + r * pitch
                    if count == 4:
                        for p in range(0, length, lane):
                            q = from_x + p
                            x0, x1, x2 = load_line(x, q + t0), load_line(x, q + t1), load_line(x, q + t2)
                            x3, x4 = load_line(x, q + t3), load_line(x, q + t4)
                            q = from_d + p
                            a0, a1, a2, a3, a4 = _five(load_line(dz, q), x0, x1, x2, x3, x4, a0, a1, a2, a3, a4)
                            q += plane
                            b0, b1, b2, b3, b4 = _five(load_line(dz, q), x0, x1, x2, x3, x4, b0, b1, b2, b3, b4)
                            q += plane
                            c0, c1, c2, c3, c4 = _five(load_line(dz, q), x0, x1, x2, x3, x4, c0, c1, c2, c3, c4)
                            q += plane
                            d0, d1, d2, d3, d4 = _five(load_line(dz, q), x0, x1, x2, x3, x4, d0, d1, d2, d3, d4)
                    else:
                        for p in range(0, length, lane):
                            q = from_x + p
                            x0, x1, x2 = load_line(x, q + t0), load_line(x, q + t1), load_line(x, q + t2)
                            x3, x4 = load_line(x, q + t3), load_line(x, q + t4)
                            q = from_d + p
                            a0, a1, a2, a3, a4 = _five(load_line(dz, q), x0, x1, x2, x3, x4, a0, a1, a2, a3, a4)
                            q += second
                            b0, b1, b2, b3, b4 = _five(load_line(dz, q), x0, x1, x2, x3, x4, b0, b1, b2, b3, b4)
            for k in range(count):
                if k == 1:
                    a0, a1, a2, a3, a4 = b0, b1, b2, b3, b4
                elif k == 2:
                    a0, a1, a2, a3, a4 = c0, c1, c2, c3, c4
                elif k == 3:
                    a0, a1, a2, a3, a4 = d0, d1, d2, d3, d4
                if o + k < filters:
                    i = go + (o + k) * T + t
                    _keep(grad, i, add, True, a0)
                    _keep(grad, i + 1, add, t + 1 < T, a1)
                    _keep(grad, i + 2, add, t + 2 < T, a2)
                    _keep(grad, i + 3, add, t + 3 < T, a3)
                    _keep(grad, i + 4, add, t + 4 < T, a4)
        o += count


@kernel
def bias_gradients(
    dz: Any, do: int, plane: int, dz_block: int, blocks: int, filters: int, runs: int, pitch: int, length: int,
    grad: Any, go: int, add: bool,
) -> None:  # fmt: skip
    """Twin of `conv_backward_parameters`, db: grad[go + o] = Σ_p dz[o, p], added where `add`."""
    lane = line(dz)
    for o in range(filters):
        s = splat_line(zero(dz))
        for g in range(blocks):
            for r in range(runs):
                start = do + g * dz_block + o * plane + r * pitch
                for p in range(start, start + length, lane):
                    s = s + load_line(dz, p)
        _keep(grad, go + o, add, True, s)


@kernel
def clear_beyond(dz: Any, do: int, front: int, planes: int, plane: int, rows: int, pitch: int, length: int) -> None:
    """Zero what lies between the rows of length `length`, before the first plane (`front` numbers) and after each."""
    for i in range(do - front, do):
        dz[i] = zero(dz)
    for k in range(planes):
        start = do + k * plane
        for r in range(rows - 1):
            for i in range(start + r * pitch + length, start + (r + 1) * pitch):
                dz[i] = zero(dz)
        for i in range(start + (rows - 1) * pitch + length, start + plane):
            dz[i] = zero(dz)
