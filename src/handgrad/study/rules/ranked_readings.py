"""Readings ranked by how well they explain the numbers of an original, and which of them go on to dearer runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from handgrad.study.rules.likelihood import CellFit, PublishedCell, ReadingCell

PENALTY = 2.0  # nats that each departure from the text of the original costs
MARGIN = 2.0  # nats within which readings are not told apart
LEVEL = 0.01  # a row with a probability below it, after Holm over the rows, is not explained


@dataclass(frozen=True)
class ReadingFit:
    """A reading in the ranking.

    log_likelihood  over all rows, in nats; differences are log Bayes factors
    log_posterior   log_likelihood − PENALTY · departures
    weight          posterior probability among the readings given
    log_bayes       log_likelihood − that of the first in the ranking (positive where only departures put it behind)
    group           0: cannot be told apart from the first; 1: nor from the first of the rest; …
    cells           key -> how each published cell looks from it; without those that were not run
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
    noise: float


@dataclass(frozen=True)
class RowFit:
    """A row of the original.  `p`: of the first reading, `adjusted` by Holm over its rows; None: it was not run there.
    `explained_by`: readings with an adjusted p of at least LEVEL, best first."""

    p: float | None
    adjusted: float | None
    explained_by: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """The ranking: readings best first, rows in the order of the original."""

    readings: tuple[ReadingFit, ...]
    rows: Mapping[str, RowFit]

    @property
    def unexplained(self) -> tuple[str, ...]:
        """Rows that were run and that no reading explains."""
        raise NotImplementedError


def rank(
    published: Mapping[str, PublishedCell],
    readings: Mapping[str, Mapping[str, ReadingCell]],
    departures: Mapping[str, int] | None = None,
    penalty: float = PENALTY,
    margin: float = MARGIN,
) -> Explanation:
    """published: key -> cell; readings: name -> key -> results (keys may be missing: not run);
    departures: name -> how many points of the text it contradicts (default 0)."""
    raise NotImplementedError


def survivors(explanation: Explanation, least: int, most: int) -> tuple[str, ...]:
    """Who goes on from a rung, best first: all within a margin of the best that grows with the noise of the rung."""
    raise NotImplementedError
