"""Readings ranked by how well they explain the numbers of an original, and which of them go on to dearer runs.

    ln L(reading)          sum over the rows of the original; cells of one row are of the same runs and count as one,
                           their mean (a composite likelihood: Varin, Reid and Firth 2011)
    ln posterior           ln L + ln prior, up to a constant:  prior = 2^−d / N_d
    explained              every row and the table as a whole: `row_fits`

d is the number of departures from the text, and N_d that of the readings of the space that depart in d points.  So each
further departure is half as probable, and all readings of two departures together are no more probable for there being
hundreds of them: the best of many fits well by chance.

Errors of cheaper runs are alike in all rows of a reading (fewer examples make all of it worse), and so are those of the
examples that all rows are scored on: half of the variance φ² of the fidelity, and half of that of the examples, is one
shift of the whole reading, over which the likelihood is averaged; the other halves are a row's own.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from handgrad.study.rules.likelihood import (
    CellFit,
    cell_fit,
    log_likelihood,
    lost_prior,
    shifted_log_likelihood,
    variance_priors,
)
from handgrad.study.rules.published_cells import PublishedCell, ReadingCell, example_noise
from handgrad.study.rules.row_fits import LEVEL, RowFit, row_fits, table_p
from handgrad.study.rules.variances import Numbers, VariancePrior

DEPARTURE = math.log(2)  # nats that each departure from the text costs, beside those of the number of readings
MARGIN = 3.0  # nats within which readings are not told apart: a Bayes factor of 20
COMMON = 0.5  # share of φ², and of the variance of the examples, that all rows of a reading have in common
SHIFTS = np.linspace(-3.0, 3.0, 25)  # of a reading, in standard deviations
GOES_ON = 8.0  # nats behind the best within which a reading goes on, without cheaper runs: a Bayes factor of 3,000
PRIOR = 0.25  # of the logarithm of the prior, where it is decided who goes on
EQUAL = 1e-9  # nats within which likelihoods are equal: those of equal numbers, summed in another order


@dataclass(frozen=True)
class ReadingFit:
    """A reading in the ranking.

    log_likelihood  over all rows, in nats; differences are log Bayes factors
    log_posterior   log_likelihood + ln prior, and so up to a constant
    weight          posterior probability among the readings given
    log_bayes       log_likelihood − that of the first in the ranking: above 0 where only departures put it behind
    group           0: cannot be told apart from the first; 1: nor from the first of the rest; …
    cells           key -> how each published cell looks from it; without those that were not run
    p               of the table as a whole (`row_fits.table_p`)
    noise           standard deviation of log_likelihood that is due to the fidelity of cheaper runs
    """

    name: str
    log_likelihood: float
    log_posterior: float
    weight: float
    log_bayes: float
    group: int
    departures: int
    cells: Mapping[str, CellFit]
    p: float
    noise: float


@dataclass(frozen=True)
class Explanation:
    """The ranking: readings best first, rows in the order of the original."""

    readings: tuple[ReadingFit, ...]
    rows: Mapping[str, RowFit]

    @property
    def unexplained(self) -> tuple[str, ...]:
        """Rows that were run and that no reading explains."""
        return tuple(name for name, row in self.rows.items() if row.run_by and not row.explained_by)

    @property
    def explaining(self) -> tuple[str, ...]:
        """The readings that explain every row that was run, and the table as a whole."""
        found = {reading.name for reading in self.readings if reading.p >= LEVEL}
        found = found.intersection(*(row.explained_by for row in self.rows.values() if row.run_by))
        return tuple(reading.name for reading in self.readings if reading.name in found)

    @property
    def leading(self) -> tuple[str, ...]:
        """The readings that cannot be told apart from the first, and the first."""
        return tuple(reading.name for reading in self.readings if reading.group == 0)


def rank(
    published: Mapping[str, PublishedCell],
    readings: Mapping[str, Mapping[str, ReadingCell]],
    departures: Mapping[str, int] | None = None,
    space: Mapping[int, int] | None = None,
    margin: float = MARGIN,
) -> Explanation:
    """Readings by their posterior; of equal ones the earlier given is first.

    published   key -> cell, such as "11/train"
    readings    name -> key -> results; a key that is missing was not run, and says nothing of it
    departures  name -> how many points of the text it contradicts (default 0)
    space       departures -> how many readings of the whole space have so many (default: of those given)
    margin      a reading joins the group of a better one where it is at most so many nats behind in log-likelihood, or
                in log-posterior; readings with equal numbers are always in one group

    >>> published = {"1": PublishedCell(0.900), "2": PublishedCell(0.100)}
    >>> learns, fails = ReadingCell((0.903, 0.901)), ReadingCell((None, None))
    >>> found = rank(published, {"as printed": {"1": learns, "2": learns}, "a slip": {"1": learns, "2": fails}})
    >>> [(reading.name, reading.group) for reading in found.readings]
    [('a slip', 0), ('as printed', 1)]
    """
    unknown = sorted({key for cells in readings.values() for key in cells} - set(published))
    if unknown:
        raise ValueError(f"results for cells that are not published: {', '.join(unknown)}")
    rows: dict[str, list[str]] = {}
    for key, cell in published.items():
        rows.setdefault(cell.row or key, []).append(key)
    priors, lost = variance_priors(published, readings), lost_prior(published, readings)
    count = {name: (departures or {}).get(name, 0) for name in readings}
    of_space = Counter(count.values()) | Counter(space or {})
    likelihood = {name: _log_likelihood(published, cells, rows, priors, lost) for name, cells in readings.items()}
    posterior = {name: found + _log_prior(count[name], of_space) for name, found in likelihood.items()}
    best_first = sorted(readings, key=lambda name: -posterior[name])  # sorted keeps the order of equals
    groups = _groups(best_first, likelihood, posterior, margin)
    highest = max(posterior.values(), default=0.0)
    total = sum(math.exp(value - highest) for value in posterior.values())
    fits = {
        name: {
            key: cell_fit(published[key], cell, priors[published[key].bounded], lost)
            for key, cell in cells.items()
            if cell.values
        }
        for name, cells in readings.items()
    }
    order = sorted(best_first, key=lambda name: groups[name])
    found = tuple(
        ReadingFit(
            name=name,
            log_likelihood=likelihood[name],
            log_posterior=posterior[name],
            weight=math.exp(posterior[name] - highest) / total,
            log_bayes=likelihood[name] - likelihood[order[0]],
            group=groups[name],
            departures=count[name],
            cells=fits[name],
            p=table_p(fits[name], rows, _common(published, readings[name], fits[name])),
            noise=_noise_of(fits[name], rows),
        )
        for name in order
    )
    return Explanation(found, row_fits({reading.name: reading.cells for reading in found}, rows))


def survivors(explanation: Explanation, least: int = 1, most: int | None = None) -> tuple[str, ...]:
    """Who goes on from a rung, in the order of  ln L + PRIOR·ln prior:  cheap runs say little, and by the whole prior
    no reading of many departures would see the runs that could speak for it.

    A reading goes on if it is behind the best by at most  GOES_ON + 2·noise  nats, of log-likelihood or of
    log-posterior, where noise is the larger of both readings'; at least `least` do and at most `most` (None: all).
    Equal ones go on together: those that do not fit below `most` stay behind together, unless `least` needs some of
    them, which are then the first given.

    >>> cells = {"1": PublishedCell(0.9)}
    >>> survivors(rank(cells, {"a": {"1": ReadingCell((0.9,))}, "b": {"1": ReadingCell((0.9,))}}), most=1)
    ('a',)
    """
    most = len(explanation.readings) if most is None else most
    if not 1 <= least <= max(most, 1):
        raise ValueError(f"least must be at least 1 and at most {most}, which is most; got {least}")
    likeliest = max((reading.log_likelihood for reading in explanation.readings), default=0.0)
    probable = max((reading.log_posterior for reading in explanation.readings), default=0.0)
    readings = sorted(explanation.readings, key=lambda reading: -_promise(reading))
    kept: list[ReadingFit] = []
    for same in _equals(readings):
        noise = max(readings[0].noise, *(reading.noise for reading in same))
        behind = min(likeliest - same[0].log_likelihood, probable - same[0].log_posterior)
        if behind > GOES_ON + 2 * noise and len(kept) >= least:
            continue
        if len(kept) + len(same) > most:
            kept += same[: max(0, least - len(kept))]
            break
        kept += same
    return tuple(reading.name for reading in kept)


def _promise(reading: ReadingFit) -> float:
    """ln L + PRIOR·ln prior."""
    return reading.log_likelihood + PRIOR * (reading.log_posterior - reading.log_likelihood)


def _log_prior(departures: int, space: Mapping[int, int]) -> float:
    """ln prior of a reading, up to a constant."""
    return -DEPARTURE * departures - math.log(space[departures])


def _common(
    published: Mapping[str, PublishedCell], results: Mapping[str, ReadingCell], cells: Mapping[str, CellFit]
) -> dict[str, float]:
    """key -> the share of the variance of a cell that all rows have in common, as in `_shifted`."""
    found = {}
    for key, fit in cells.items():
        shared = example_noise(published[key], results[key]) + results[key].fidelity.variance
        found[key] = COMMON * min(1.0, shared / fit.deviation**2) if fit.deviation else 0.0
    return found


def _equals(readings: Sequence[ReadingFit]) -> list[list[ReadingFit]]:
    """Readings of equal likelihood together, each such list where its first stands."""
    found: list[list[ReadingFit]] = []
    for reading in readings:
        for same in found:
            if abs(same[0].log_likelihood - reading.log_likelihood) <= EQUAL:
                same.append(reading)
                break
        else:
            found.append([reading])
    return found


def _groups(
    best_first: Sequence[str], likelihood: Mapping[str, float], posterior: Mapping[str, float], margin: float
) -> dict[str, int]:
    """The group of each reading: the first that has none opens one, and all that are not far behind it join."""
    found: dict[str, int] = {}
    for leader in best_first:
        if leader in found:
            continue
        number = len(set(found.values()))
        for name in best_first:
            behind = min(likelihood[leader] - likelihood[name], posterior[leader] - posterior[name])
            if name not in found and behind <= margin:
                found[name] = number
    return found


def _log_likelihood(
    published: Mapping[str, PublishedCell],
    cells: Mapping[str, ReadingCell],
    rows: Mapping[str, Sequence[str]],
    priors: Mapping[bool, VariancePrior],
    lost: tuple[float, float],
) -> float:
    """ln L of a reading, averaged over the shift that its rows have in common."""
    total = np.zeros_like(SHIFTS)
    for keys in rows.values():
        of_cells = [_shifted(published[key], cells.get(key), priors[published[key].bounded], lost) for key in keys]
        total += np.mean(of_cells, axis=0)
    weight = np.exp(-(SHIFTS**2) / 2)
    highest = float(total.max())
    return highest + math.log(float(weight @ np.exp(total - highest)) / float(weight.sum()))


@lru_cache(maxsize=100_000)  # as `cell_fit`
def _shifted(
    published: PublishedCell, cell: ReadingCell | None, prior: VariancePrior, lost: tuple[float, float]
) -> Numbers:
    """The log likelihood of a cell for each of SHIFTS."""
    if cell is None or not cell.values:
        return np.full(len(SHIFTS), log_likelihood(published, None))
    variance, noise = cell.fidelity.variance, example_noise(published, cell)
    if not variance + noise:
        return np.full(len(SHIFTS), cell_fit(published, cell, prior, lost).log_likelihood)
    shifts = cell.fidelity.shift + SHIFTS * math.sqrt(COMMON * (variance + noise))
    own = 1 - COMMON
    return shifted_log_likelihood(published, cell, prior, shifts, own * variance, lost, own * noise)


def _noise_of(fits: Mapping[str, CellFit], rows: Mapping[str, Sequence[str]]) -> float:
    """A row's ln L is −r²/2 of a residual r; the share of r² that is due to cheaper runs has variance 2·share²."""
    shares = [float(np.mean([fits[key].cheap for key in keys if key in fits] or [0.0])) for keys in rows.values()]
    return math.sqrt(sum(share**2 for share in shares) / 2)
