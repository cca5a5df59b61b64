"""Means and deviations that no runs can have: arithmetic on printed numbers.

Letters: k runs, each right about c_i of N examples; m = Σ c_i / (kN) the printed mean, s the printed deviation (ddof as
the original), h half a unit in the last printed digit.

    GRIM      some whole S = Σ c_i has |S/(kN) − m| ≤ h                   Brown & Heathers 2017
    GRIMMER   some whole c_i have that S and a deviation within h of s    Anaya 2016; exact here for k ≤ 3
    bound     k numbers in [0, 1] with mean m deviate by no more than those of which as many as possible are 0 or 1
"""

import math
from collections.abc import Iterator

from handgrad.measures import is_fraction
from handgrad.report.reproduced.checks.evidence import Evidence, Finding, TableEvidence
from handgrad.report.reproduced.judge import word
from handgrad.study.published.numbers import Published

ROUNDING = 1e-9


def nearest_means(mean: float, half: float, k: int, n: int) -> list[float]:
    """The means that k runs of n examples can have around one that they cannot; empty where they can have it.

    >>> nearest_means(0.52, 0.005, 1, 30)  # 15/30 = 0.500, 16/30 = 0.533: no count of 30 rounds to 0.52
    [0.5, 0.5333333333333333]
    >>> nearest_means(0.53, 0.005, 1, 30)
    []
    """
    total = k * n
    low, high = math.floor((mean - half) * total + ROUNDING), math.ceil((mean + half) * total - ROUNDING)
    if math.ceil((mean - half) * total - ROUNDING) <= math.floor((mean + half) * total + ROUNDING):
        return []
    return [count / total for count in (low, high) if 0 <= count <= total]


def largest_deviation(mean: float, half: float, k: int, ddof: int) -> float:
    """The largest deviation of k numbers in [0, 1] whose mean is within `half` of `mean`.

    Of one mean m it is reached where ⌊km⌋ of them are 1, one is km − ⌊km⌋ and the others are 0; between two multiples
    of 1/k it is convex in m, so that only they and the ends of the interval have to be tried.

    >>> largest_deviation(0.5, 0.0, 2, 0), round(largest_deviation(0.9, 0.0, 3, 0), 4)  # 0 and 1; 1, 1 and 0.7
    (0.5, 0.1414)
    """
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    kinks = [i / k for i in range(k + 1) if low <= i / k <= high]
    largest = 0.0
    for m in (low, high, *kinks):
        ones = math.floor(k * m + ROUNDING)
        rest = max(0.0, k * m - ones)
        largest = max(largest, (ones + rest * rest - k * m * m) / (k - ddof))
    return math.sqrt(max(0.0, largest))


def is_possible(mean: float, std: float, half: float, k: int, n: int, ddof: int) -> bool:
    """Whether whole numbers c_1 … c_k of n examples have this mean and deviation, as printed.

    k = 2 and 3: by trying all.  k > 3: Σ c_i² must be a whole number as odd as Σ c_i, and fit; what that lets pass may
    still be impossible.

    >>> is_possible(0.50, 0.20, 0.005, 2, 10, 0)  # 3 and 7 of 10
    True
    >>> is_possible(0.50, 0.25, 0.005, 2, 10, 0)  # the difference would be 5, and the sum, 10, is even
    False
    """
    total = k * n
    least = (k - ddof) * (max(0.0, std - half) * n) ** 2 - ROUNDING * n
    most = (k - ddof) * ((std + half) * n) ** 2 + ROUNDING * n
    sums = range(math.ceil((mean - half) * total - ROUNDING), math.floor((mean + half) * total + ROUNDING) + 1)
    return any(_reached(S, least, most, k, n) for S in sums if 0 <= S <= total)


def _reached(S: int, least: float, most: float, k: int, n: int) -> bool:
    """Whether some c_1 … c_k in 0..n with the sum S have least ≤ Σ (c_i − S/k)² ≤ most."""
    if k <= 3:
        firsts = (0,) if k == 2 else sorted(range(max(0, S - 2 * n), min(n, S) + 1), key=lambda c: abs(3 * c - S))
        return any(_two_reached(S, c, least, most, k, n) for c in firsts)
    ones, rest = divmod(S, n)
    low, high = S * S / k, float(ones * n * n + rest * rest)
    first, last = math.ceil(max(low, least + low) - ROUNDING), math.floor(min(high, most + low) + ROUNDING)
    return any(q % 2 == S % 2 for q in range(first, min(first + 2, last + 1)))


def _two_reached(S: int, c: int, least: float, most: float, k: int, n: int) -> bool:
    """The same where the first of three is c; of two where k = 2.  The other two differ by e, Σ = const + e²/2."""
    pair = S - c if k == 3 else S
    const = 1.5 * (c - S / 3) ** 2 if k == 3 else 0.0
    if 2 * (most - const) < 0:
        return False
    first = math.ceil(math.sqrt(max(0.0, 2 * (least - const))) - ROUNDING)
    first += (first - pair) % 2
    return first * first <= 2 * (most - const) + ROUNDING and first <= min(pair, 2 * n - pair)


def impossible_means(evidence: Evidence) -> Iterator[Finding]:
    """Fractions that no whole number of right answers gives."""
    for table, label, measure, one, n in _fractions(evidence):
        if one.value is None or n is None:
            continue
        means = nearest_means(one.value, one.slack, table.k, n)
        if means:
            near = " or ".join(f"{mean / one.scale:.{one.digits + 1}f}" for mean in means)
            runs = f"{table.k} runs on {n:,} examples each" if table.k > 1 else f"{n:,} examples"
            yield Finding(
                table.number,
                f"{table.number}, {label}: no whole number of right answers gives {word(measure)} {_printed(one)} on "
                f"{runs}; the nearest are {near}.",
                {"row": label, "measure": measure, "value": one.value, "examples": n, "runs": table.k},
            )


def impossible_deviations(evidence: Evidence) -> Iterator[Finding]:
    """Deviations that no fractions with this mean have, whatever the runs were."""
    for table, label, measure, one, n in _fractions(evidence):
        if one.value is None or one.spread is None:
            continue
        numbers = {"row": label, "measure": measure, "mean": one.value, "std": one.spread, "runs": table.k}
        where = f"{table.number}, {label}: {word(measure)} {_printed(one)} ± {one.std:.{one.digits}f}"
        if table.k == 1:
            if one.spread > 0:
                yield Finding(table.number, f"{where} is said of one run, which has no deviation.", numbers)
            continue
        largest = largest_deviation(one.value, one.slack, table.k, table.ddof)
        if one.spread - one.slack > largest + ROUNDING:
            yield Finding(
                table.number,
                f"{where} is impossible: {table.k} numbers between 0 and 1 with this mean deviate by "
                f"{largest / one.scale:.{one.digits}f} at most.",
                {**numbers, "largest": largest},
            )
        elif n is not None and not _is_possible_as_printed(one, table, n):
            yield Finding(
                table.number,
                f"{where} is impossible: no {table.k} whole numbers of {n:,} right answers have this mean and "
                "deviation.",
                {**numbers, "examples": n},
            )


def _is_possible_as_printed(one: Published, table: TableEvidence, n: int) -> bool:
    """Whether a mean, which the first check judges, and its deviation are possible."""
    assert one.value is not None
    assert one.spread is not None
    if nearest_means(one.value, one.slack, table.k, n):
        return True
    return is_possible(one.value, one.spread, one.slack, table.k, n, table.ddof)


def _fractions(evidence: Evidence) -> Iterator[tuple[TableEvidence, str, str, Published, int | None]]:
    """(table, row, measure, what was printed, examples) of every fraction that was not read off."""
    for table in evidence.tables:
        for row in table.rows:
            for measure, one in row.values.items():
                if is_fraction(measure) and one.value is not None and not one.about:
                    yield table, row.label, measure, one, row.examples(measure)


def _printed(one: Published) -> str:
    return f"{one.mean:.{one.digits}f}" + (" %" if one.scale == 0.01 else "")
