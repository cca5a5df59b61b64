"""How often a ranking of readings is wrong, by simulation: nothing here is trained or timed.

A table of ROWS accuracies is made by one of READINGS readings, each a vector of expected accuracies; the ranking sees
the table and the results of every reading.  In it are what tables have: seeds that differ, in some rows by ten times
as much as in others, one run in ten that collapses, examples that are finitely many and the same for all rows, three
printed digits.

First, leading: how often is the true reading the first, and how often one of those that are not told apart from it?
It should lead in 95 %.  Without it: how often does nothing speak against the first of the wrong ones?
Coverage: in what share of the cells of the true reading is p below 0.05?  It should be 5 %.
Unexplained: in what share of the tables does the true reading not explain a row, in what share not the table as a whole
(1 % at most), and in what share does no reading explain a row?
Goes on: how often is the true reading among at most 15 of 50 after a cheap run each, which is off by about 10 points?
Slow: where three of the six rows have hardly begun to learn then, and readings differ in how fast they do.

    python benchmarks/explaining.py [--tables 100]
"""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from handgrad.study.rules.likelihood import cell_fit, lost_prior, variance_priors
from handgrad.study.rules.published_cells import PublishedCell, ReadingCell
from handgrad.study.rules.ranked_readings import rank, survivors
from handgrad.study.rules.row_fits import LEVEL
from handgrad.study.rules.variances import Fidelity, fidelity, gain_to_whole, to_scale

Numbers = NDArray[np.float64]
Cells = Mapping[str, ReadingCell]
READINGS, ROWS = 50, 6
APART = (0.1, 0.1)  # standard deviations of the readings on the scale arcsin √x: of all rows together, of each row
SPREADS = (0.002, 0.03)  # standard deviations between the seeds of a row lie between these
COLLAPSES = 0.1  # probability of a run
COLLAPSED = (0.1, 0.01)  # mean and standard deviation of its accuracy: about one class of ten
CHEAP = (0.05, 0.06, 0.06)  # standard deviations by which cheaper runs are off: all readings alike, a reading, a row
EXAMPLES = (1000, 10_000)  # that a table is scored on
SHARED = 0.7  # share of the variance of the examples' error that all rows of a table have in common
BEHIND = (0.3, 1.0)  # how far a row that is slow is behind in cheaper runs lies between these
SLOWER = 0.4  # standard deviation of ln of how much farther a reading is behind on a row
CHANCE = 0.33  # the least that a run expects: an accuracy of .1
SHARE = 1 / 16  # of the work of a whole run that a cheaper one takes
MOST = 15  # readings that go on


@dataclass(frozen=True)
class Table:
    """A published table, the true reading's number, and expected accuracies (readings, rows) on the scale."""

    published: Mapping[str, PublishedCell]
    true: int
    expected: Numbers
    spreads: Numbers  # (rows,)
    departures: Mapping[str, int]
    examples: int


def results(
    rng: np.random.Generator, y: float, spread: float, seeds: int, examples: int, common: float
) -> tuple[float, ...]:
    """Accuracies of some seeds, all on the same examples, whose error has variance 1/(4·examples) on the scale; common:
    the part of it that is the same in all rows, in standard deviations."""
    error = (math.sqrt(SHARED) * common + math.sqrt(1 - SHARED) * rng.normal()) / math.sqrt(4 * examples)
    learnt = np.sin(np.clip(y + error + rng.normal(0, spread, seeds), 0, math.pi / 2)) ** 2
    lost = rng.normal(*COLLAPSED, seeds)
    x = np.where(rng.random(seeds) < COLLAPSES, lost, learnt)
    return tuple((np.rint(x * examples) / examples).tolist())


def table(rng: np.random.Generator, k: int, examples: int) -> Table:
    """A table of k seeds, with standard deviations where k > 1.  One reading is the text, the others depart from it in
    one respect or two."""
    together, each = APART
    base = rng.uniform(0.7, 1.4, ROWS)  # accuracies of .41 to .97
    expected = np.clip(base + rng.normal(0, together, (READINGS, 1)) + rng.normal(0, each, (READINGS, ROWS)), 0.35, 1.5)
    spreads = np.exp(rng.uniform(*np.log(SPREADS), ROWS))
    true = int(rng.integers(READINGS))
    cells, common = {}, rng.normal()
    for row in range(ROWS):
        x = np.asarray(results(rng, expected[true, row], spreads[row], k, examples, common))
        std = round(float(x.std()), 3) if k > 1 else None
        cells[str(row)] = PublishedCell(round(float(x.mean()), 3), std=std, seeds=k, scored=examples)
    departures = {str(i): 0 if i == 0 else 1 if i < 15 else 2 for i in range(READINGS)}
    return Table(cells, true, expected, spreads, departures, examples)


def whole_runs(rng: np.random.Generator, one: Table, n: int) -> dict[str, Cells]:
    """Every reading's results of n seeds, all on the same examples."""
    common = rng.normal()
    return {
        str(reading): {
            key: ReadingCell(results(rng, y, s, n, one.examples, common), one.examples)
            for key, y, s in zip(one.published, expected, one.spreads, strict=True)
        }
        for reading, expected in enumerate(one.expected)
    }


def cheap_runs(rng: np.random.Generator, one: Table, file: Cells, behind: Numbers) -> dict[str, Cells]:
    """Every reading's results of a cheaper run of one seed, as far from whole runs as the file's own says.

    file: whole runs of the file;  behind: (rows,) how far cheaper runs of a row are from whole ones, about.
    """
    all_of_them, of_reading, of_row = CHEAP
    off = rng.normal(0, all_of_them) + rng.normal(0, of_reading, (READINGS, 1))
    off = off + rng.normal(0, of_row, (READINGS, ROWS)) - behind * np.exp(rng.normal(0, SLOWER, (READINGS, ROWS)))
    found = whole_runs(rng, replace(one, expected=np.clip(one.expected + off, CHANCE, 1.5)), 1)
    y = {name: {key: float(to_scale(cell.values[0])) for key, cell in cells.items()} for name, cells in found.items()}
    whole = {key: float(to_scale(file[key].values[0])) for key in file}
    trust = fidelity([])

    def of(y: float, key: str, cheap: float) -> Fidelity:
        return trust.of_gain(y, gain_to_whole(y, cheap, whole[key], SHARE))

    return {
        name: {key: replace(cell, fidelity=of(y[name][key], key, y["0"][key])) for key, cell in cells.items()}
        for name, cells in found.items()
    }


@dataclass(frozen=True)
class Shares:
    """Shares of tables, but `small` of the cells of the true readings."""

    first: float
    leads: float
    small: float
    unexplained: float
    table_off: float
    unexplained_by_all: float
    wrong_unopposed: float
    goes_on: float
    goes_on_slowly: float


def shares(k: int, n: int, examples: int, tables: int) -> Shares:
    """k published seeds, n of ours."""
    rng, found = np.random.default_rng([k, n, examples]), []
    for _ in range(tables):
        one = table(rng, k, examples)
        true = str(one.true)
        runs = whole_runs(rng, one, n)
        ranking = rank(one.published, runs, one.departures)
        fit = next(reading for reading in ranking.readings if reading.name == true)
        others = {name: cells for name, cells in runs.items() if name != true}
        without = rank(one.published, others, {name: one.departures[name] for name in others})
        first_of_wrong = without.readings[0].name
        near, far = np.zeros(ROWS), np.where(np.arange(ROWS) % 2, 0.0, rng.uniform(*BEHIND, ROWS))
        cheap = [rank(one.published, cheap_runs(rng, one, runs["0"], behind), one.departures) for behind in (near, far)]
        found.append(
            (
                ranking.readings[0].name == true,
                fit.group == 0,
                np.mean([cell.p < 0.05 for cell in fit.cells.values()]),
                any(true not in row.explained_by for row in ranking.rows.values()),
                fit.p < LEVEL,
                bool(ranking.unexplained),
                first_of_wrong in without.explaining,
                *(true in survivors(ranking, least=6, most=MOST) for ranking in cheap),
            )
        )
    return Shares(*(float(share) for share in np.mean(found, axis=0)))


def coverage(k: int, n: int, examples: int, tables: int) -> dict[float, float]:
    """level -> share of the cells of true readings whose p is below it."""
    rng, p = np.random.default_rng([k, n, examples]), []
    for _ in range(tables):
        one = table(rng, k, examples)
        runs = whole_runs(rng, one, n)
        prior, lost = variance_priors(one.published, runs)[True], lost_prior(one.published, runs)
        p += [cell_fit(one.published[key], cell, prior, lost).p for key, cell in runs[str(one.true)].items()]
    return {level: float(np.mean(np.asarray(p) < level)) for level in (0.2, 0.05, LEVEL)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=100)
    tables = parser.parse_args().tables
    error = 100 * math.sqrt(0.05 * 0.95 / tables)
    print(f"{tables} tables each, {READINGS} readings; at 5 % one standard error is {error:.1f} points; all in %")
    heads = (
        "first",
        "leads",
        "p < .05",
        "row not expl.",
        "table p < .01",
        "by no reading",
        "wrong unopposed",
        "goes on",
        "goes on, slow",
    )
    print(f"{'':34}" + "".join(f"{head:>17}" for head in heads))
    for examples in EXAMPLES:
        for k in (1, 3):
            for n in (1, 3):
                row = shares(k, n, examples, tables)
                print(
                    f"{f'{examples:,} examples, k = {k}, n = {n}':34}"
                    + "".join(f"{100 * share:>17.1f}" for share in vars(row).values()),
                    flush=True,
                )
    print(f"\np of {3 * tables * ROWS} cells of true readings")
    for examples in EXAMPLES:
        for k in (1, 3):
            for n in (1, 3):
                found = coverage(k, n, examples, 3 * tables)
                print(
                    f"{f'{examples:,} examples, k = {k}, n = {n}':34}"
                    + "".join(f"{f'p < {level}: {100 * share:.1f}':>17}" for level, share in found.items()),
                    flush=True,
                )


if __name__ == "__main__":
    main()
