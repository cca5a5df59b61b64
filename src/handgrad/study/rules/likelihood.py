"""How well the results of a reading explain a published number.

A *reading* is an assumed way in which an original was made; its results are those of its runs, one a seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from handgrad.study.rules.variances import Fidelity, VariancePrior

LOST_WORDS = ("diverged", "explodes", "nan", "collapsed")  # what an original says of a row that did not learn
LEARNT_WORDS = ("learns",)


@dataclass(frozen=True)
class PublishedCell:
    """A number of an original: a mean over `seeds`, or one value, as printed; or a word in its place.

    mean         a fraction for bounded measures, else positive; None where there is a word alone
    half_width   half a unit of the last printed digit, in the units of the mean: 0.0005 for .623; larger for "≈"
    std, ddof    the spread over the seeds, in the same units and with the same last digit; None where none is printed
    word         of LOST_WORDS or LEARNT_WORDS
    scored       examples that it was measured on; None: unknown, or no count of examples
    same_examples  whether ours are measured on the same examples (an official test set)
    classes      of an accuracy: a lost run scores about 1/classes; None for other measures
    bounded      a fraction in [0, 1] (accuracy, precision, F1), else a positive measure without bound (loss, epochs)
    row          cells with the same row are of the same runs and count as one; default: the cell's own key
    """

    mean: float | None = None
    half_width: float = 0.0
    std: float | None = None
    ddof: int = 0
    seeds: int = 1
    word: str | None = None
    scored: int | None = None
    same_examples: bool = False
    classes: int | None = 10
    bounded: bool = True
    row: str | None = None


@dataclass(frozen=True)
class ReadingCell:
    """Results of a reading for one published cell: a value a seed (None: diverged), on so many examples each."""

    values: tuple[float | None, ...]
    scored: int | None = None
    fidelity: Fidelity = Fidelity()


@dataclass(frozen=True)
class CellFit:
    """How one published cell looks from a reading.

    log_likelihood   log probability of what is printed, in nats; finite
    p                two-sided posterior predictive probability of something at least as far off
    residual         (published − predicted) in predictive standard deviations; None for a word
    lost             how many of the published seeds were lost, most probably
    """

    log_likelihood: float
    p: float
    residual: float | None
    lost: int


def log_likelihood(published: PublishedCell, cell: ReadingCell | None, prior: VariancePrior | None = None) -> float:
    """log probability of the printed mean and spread, given the results of a reading; None: was not run."""
    raise NotImplementedError


def cell_fit(published: PublishedCell, cell: ReadingCell, prior: VariancePrior | None = None) -> CellFit:
    """Likelihood, probability and residual of a published cell."""
    raise NotImplementedError


def variance_priors(
    published: Mapping[str, PublishedCell], readings: Mapping[str, Mapping[str, ReadingCell]]
) -> dict[bool, VariancePrior]:
    """bounded -> the prior of the variances between seeds, pooled from all cells."""
    raise NotImplementedError
