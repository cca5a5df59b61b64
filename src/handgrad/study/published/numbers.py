"""A published number as a study file writes it, and what it says: a mean, a deviation, how exactly it was printed.

98.32                         a number
[0.627, 0.371]                mean and standard deviation
"≈ 0.925"                     read off a curve, or said in words: it stands for all that rounds to it
"diverged", "nan", "explodes" it came to nothing: a run of ours agrees that diverged, or collapsed to one class
"learns"                      it came to something, and the text does not say what
"""

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from handgrad.measures import METRICS, is_fraction, lower_is_better
from handgrad.names import shown
from handgrad.sections import is_real

MEASURES = {
    **{metric.name: metric.word for metric in sorted(METRICS.values(), key=lambda one: lower_is_better(one.name))},
    "seconds": "seconds",
    "training_seconds": "training seconds",
    "epochs": "epochs",
    "steps": "steps",
    "parameters": "parameters",
    "classes": "classes",
}
TIMES = ("seconds", "training_seconds")  # of another machine: shown, never judged
WHOLE = ("epochs", "steps", "parameters", "classes")
RANKS = ("best", "worst")  # what can be said of a row beside its value
UNITS = {"fraction": 1.0, "percent": 0.01, "s": 1.0, "min": 60.0}  # what one of them is in ours
UNSTABLE = ("diverged", "nan", "explodes")
WORDS = (*UNSTABLE, "learns")  # what can be published in place of a number
_ABOUT = re.compile(r"[≈~]\s*(-?\d+(?:\.(\d+))?)")


@dataclass(frozen=True)
class Published:
    """mean, std: as printed, None where there is none; digits: decimals; about: read off; word: said without a number.

    word: one of `WORDS`, or the rank that a row is said to have, "best" or "worst"; empty where there is a number.
    """

    mean: float | None
    std: float | None = None
    digits: int = 0
    about: bool = False
    word: str = ""
    scale: float = 1.0  # one unit of it in ours

    @property
    def said(self) -> bool:
        """Whether it is a statement; "diverged" and "nan" stand where a number would."""
        return self.word not in ("", "diverged", "nan")

    @property
    def value(self) -> float | None:
        """The mean in our unit: accuracies are fractions, times are seconds."""
        return None if self.mean is None else self.mean * self.scale

    @property
    def spread(self) -> float | None:
        """The deviation in our unit."""
        return None if self.std is None else self.std * self.scale

    @property
    def slack(self) -> float:
        """How far the number may be from what was measured because it was rounded or read off, in our unit."""
        return 0.5 * 10.0**-self.digits * self.scale

    def printed(self, digits: int) -> "Published":
        """The same, printed with `digits` decimals; a number that was read off keeps its own."""
        return self if self.about else replace(self, digits=digits)


def units_of(measure: str) -> tuple[str, ...]:
    """The units in which a measure can be published, ours first."""
    if is_fraction(measure):
        return ("fraction", "percent")
    return ("s", "min") if measure in TIMES else ()


def value(given: Any) -> Any:
    """A validator: what the file wrote, with nan as text.  Raises ValueError."""
    if isinstance(given, float) and math.isnan(given):
        return "nan"
    if is_real(given) or (isinstance(given, str) and (given in WORDS or _ABOUT.fullmatch(given))):
        return given
    if isinstance(given, list | tuple) and len(given) == 2 and all(map(is_real, given)) and given[1] >= 0:
        return list(given)
    raise ValueError('must be a number, [mean, std] with std >= 0, "≈ 0.925", "diverged", "explodes" or "learns"')


def published(given: Any, unit: str | None = None) -> Published:
    """What a checked value says.

    >>> published([62.7, 37.1], "percent").value
    0.627
    >>> published("≈ 0.925")
    Published(mean=0.925, std=None, digits=3, about=True, word='', scale=1.0)
    """
    scale = UNITS[unit] if unit else 1.0
    if isinstance(given, str) and given in WORDS:
        return Published(None, word=given, scale=scale)
    if isinstance(given, str):
        found = _ABOUT.fullmatch(given)
        assert found is not None
        return Published(float(found[1]), digits=len(found[2] or ""), about=True, scale=scale)
    parts = given if isinstance(given, list | tuple) else [given]
    std = float(parts[1]) if len(parts) == 2 else None
    return Published(float(parts[0]), std, max(map(decimals, parts)), scale=scale)


def decimals(number: float) -> int:
    """How many decimals a number is written with.

    >>> decimals(98.32), decimals(0.48), decimals(12), decimals(1e-05)
    (2, 2, 0, 5)
    """
    text = f"{number:.12f}".rstrip("0")
    return len(text.partition(".")[2])


def unit_problems(measure: str, unit: str | None, where: str) -> list[str]:
    """What is wrong with the unit of a published measure."""
    allowed = units_of(measure)
    if unit is None or unit in allowed:
        return []
    return [f"{where}.unit of {measure} must be {' or '.join(allowed)}; got {shown(unit)}" if allowed else
            f"{where}.unit: {measure} has no unit; take it out"]  # fmt: skip


def value_problems(measure: str, given: Any, unit: str | None, where: str) -> list[str]:
    """An accuracy outside [0, 1] as a rule lacks its unit."""
    one = published(given, unit if unit in units_of(measure) else None)
    if not is_fraction(measure) or one.value is None or 0 <= one.value <= 1:
        return []
    remedy = "" if unit == "percent" else '; if it is in percent, say unit = "percent"'
    return [f"{where} must be in [0, {100 if unit == 'percent' else 1}]{remedy}; got {shown(given)}"]
