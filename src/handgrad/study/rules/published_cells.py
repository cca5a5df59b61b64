"""A published number and the results of a reading for it, as `likelihood` compares them."""

import math
from dataclasses import dataclass, field

from handgrad.names import shown
from handgrad.study.rules.variances import Fidelity

LOST_WORDS = ("collapsed", "diverged", "explodes", "nan")  # what an original says of a row that did not learn
LEARNT_WORDS = ("learns",)
NEAR_CHANCE = 0.03  # a lost run is right by at most this share of the way from chance to 1


@dataclass(frozen=True)
class PublishedCell:
    """A number of an original: a mean over `seeds`, or one value, as printed; or a word in its place.

    mean           a fraction for bounded measures, else positive; None where there is a word alone
    half_width     half a unit of the last printed digit, in the units of the mean: 0.0005 for .623; larger for "≈"
    std, ddof      the spread over the seeds, as printed with the same last digit; None where none is
    word           of LOST_WORDS or LEARNT_WORDS; a mean beside it is what counts
    scored         examples that it was measured on; None: unknown, or no count of examples
    same_examples  whether ours are measured on the same examples, or on some of them (an official test set)
    classes        of an accuracy: a lost run scores about 1/classes; None for other measures
    bounded        a fraction in [0, 1] (accuracy, precision, F1), else a positive measure (loss, epochs)
    row            cells with the same row are of the same runs and count as one; None: the cell is a row of its own

    >>> PublishedCell(0.627, 0.0005, std=0.371, seeds=3, scored=5000).ddof
    0
    """

    mean: float | None = None
    half_width: float = 0.0005
    std: float | None = None
    ddof: int = 0
    seeds: int = 1
    word: str | None = None
    scored: int | None = None
    same_examples: bool = False
    classes: int | None = 10
    bounded: bool = True
    row: str | None = None

    def __post_init__(self) -> None:
        if self.mean is None and self.word not in LOST_WORDS + LEARNT_WORDS:
            raise ValueError(
                f"a published cell needs a mean or a word: {shown(LOST_WORDS + LEARNT_WORDS)}; got {self.word!r}"
            )
        if not self.half_width > 0:
            raise ValueError(f"half_width must be above 0; got {self.half_width}")
        if self.seeds < 1 or self.ddof not in (0, 1):
            raise ValueError(f"seeds must be at least 1 and ddof 0 or 1; got {self.seeds} and {self.ddof}")
        for number in (self.mean, self.std):
            if number is not None and not (math.isfinite(number) and number >= 0):
                raise ValueError(f"mean and std must be finite and at least 0; got {self.mean} and {self.std}")
        if self.bounded and self.mean is not None and self.mean > 1 + self.half_width:
            raise ValueError(f"the mean of a bounded measure is a fraction, not above 1; got {self.mean}")


@dataclass(frozen=True)
class ReadingCell:
    """Results of a reading for one published cell: a value a seed (None: diverged), on `scored` examples each."""

    values: tuple[float | None, ...]
    scored: int | None = None
    fidelity: Fidelity = field(default_factory=Fidelity)


def is_lost(value: float | None, classes: int | None = None) -> bool:
    """Whether a run diverged (None, or not finite) or its accuracy is no better than chance:

    (value − 1/classes)/(1 − 1/classes) ≤ NEAR_CHANCE

    >>> is_lost(0.112, 10), is_lost(0.194, 10), is_lost(None)
    (True, False, True)
    """
    if value is None or not math.isfinite(value):
        return True
    return classes is not None and value <= 1 / classes + NEAR_CHANCE * (1 - 1 / classes)


def example_noise(published: PublishedCell, cell: ReadingCell) -> float:
    """The variance of y that is due to the examples that are scored; counts that are unknown add nothing."""
    if not published.bounded:
        return 0.0
    ours, theirs = (0.0 if count is None else 1 / (4 * count) for count in (cell.scored, published.scored))
    if not published.same_examples:
        return ours + theirs
    return abs(ours - theirs) if ours and theirs else 0.0
