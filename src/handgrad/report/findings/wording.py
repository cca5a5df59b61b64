"""Numbers, counts and lists as people read them."""

from collections.abc import Sequence

from handgrad.measures import is_fraction
from handgrad.report.findings.statistics import Sample


def percent(value: float, digits: int = 2) -> str:
    """An accuracy as people read it.

    >>> percent(0.98634)
    '98.63 %'
    """
    return f"{100 * value:.{digits}f} %"


def number(value: float, metric: str) -> str:
    """A metric's value: accuracies in percent, losses with four significant digits."""
    return percent(value) if is_fraction(metric) else f"{value:.4g}"


def spread(values: Sample, metric: str) -> str:
    """Mean ± standard deviation with the n and the ddof they come from.

    >>> from handgrad.report.findings.statistics import sample
    >>> spread(sample({0: 0.96, 1: 0.97, 2: 0.98}), "val_accuracy")
    '97.00 ± 1.00 % (n = 3, ddof 1)'
    """
    if values.mean is None:
        return "no value (n = 0)"
    if values.std is None:
        return f"{number(values.mean, metric)} (n = {values.n}, no spread)"
    how = f"(n = {values.n}, ddof {values.ddof})"
    if is_fraction(metric):
        return f"{100 * values.mean:.2f} ± {100 * values.std:.2f} % {how}"
    return f"{values.mean:.4g} ± {values.std:.2g} {how}"


def seconds(value: float) -> str:
    """Seconds with three digits or so.

    >>> seconds(0.01234), seconds(3.456), seconds(1195.38)
    ('0.0123', '3.46', '1195.4')
    """
    return f"{value:.1f}" if value >= 100 else f"{value:.3g}"


def plural(n: int, word: str, words: Sequence[str] = ()) -> str:
    """A count with its word.

    >>> plural(1, "seed"), plural(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{n:,} {word if n == 1 else (words[0] if words else word + 's')}"


def listed(labels: Sequence[str], most: int = 12) -> str:
    """Labels in a sentence; of many the first ones and a count.

    >>> listed(["1", "2", "3"]), listed(["1", "2", "3"], most=2)
    ('1, 2 and 3', '1, 2 and 1 more')
    """
    if len(labels) > most:
        return f"{', '.join(labels[:most])} and {len(labels) - most} more"
    return ", ".join(labels[:-1]) + (" and " if len(labels) > 1 else "") + labels[-1] if labels else ""


def seeds_named(seeds: Sequence[int]) -> str:
    """Seeds in a sentence: "seed 3", "seeds 3, 4"."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
