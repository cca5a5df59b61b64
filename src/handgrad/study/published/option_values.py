"""The values that options of figures take, the validators that check them, and what all options have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from handgrad import measures
from handgrad.measures import PARTS, lower_is_better
from handgrad.names import label_text, unknown
from handgrad.sections import Section, flag, is_real, is_whole, one_of, optional, real, whole

MEASURES = tuple(sorted(measures.MEASURES, key=lower_is_better))
USUAL_MEASURES = ("accuracy", "loss")  # of a figure that does not say which
LOG = ("auto", "yes", "no")
DRAW = ("auto", "points", "stretches")


def _label(value: Any) -> str:
    return _text(label_text(value))


@dataclass(frozen=True)
class Inset:
    """A window of a figure that is shown enlarged in it: from x[0] to x[1] and y[0] to y[1].

    y: what lies in the window where it is None.
    """

    x: tuple[float, float]
    y: tuple[float, float] | None = None


@dataclass(frozen=True)
class LossScale:
    """A factor by which losses are shown, and what they then are, in words."""

    factor: float
    words: str


def _inset(value: Any) -> Inset:
    if not isinstance(value, Mapping) or "x" not in value or set(value) - {"x", "y"}:
        raise ValueError(
            "must be the window that is enlarged, as in { x = [40, 50], y = [0.1, 0.2] }; y can be left out"
        )
    for name, ends in value.items():
        two = isinstance(ends, list | tuple) and len(ends) == 2 and all(map(is_real, ends))
        if not two or not ends[0] < ends[1]:
            raise ValueError(f"must have two numbers for {name}, the smaller one first")
    x, y = value["x"], value.get("y")
    return Inset((float(x[0]), float(x[1])), None if y is None else (float(y[0]), float(y[1])))


def _scale(value: Any) -> LossScale:
    if not isinstance(value, Mapping) or set(value) != {"factor", "words"}:
        raise ValueError(
            'must be a factor and what it makes of the loss, as in { factor = 0.2, words = "mean over outputs" }'
        )
    if not is_real(value["factor"]) or not value["factor"] > 0:
        raise ValueError("must have a factor > 0")
    return LossScale(float(value["factor"]), _text(value["words"]))


def _several(table: tuple[str, ...], kind: str) -> Callable[[Any], tuple[str, ...]]:
    """A validator for one or several different names of a table, in any order."""

    def check(value: Any) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"must be one or several different ones of: {', '.join(table)}")
        for name in names:
            if name not in table:
                raise ValueError("holds an " + unknown(name, table, kind))
        return tuple(name for name in table if name in names)

    return check


def _seed(*words: str) -> Callable[[Any], int | str]:
    """A validator for a seed, or for a word that chooses among a setting's runs."""

    def check(value: Any) -> int | str:
        if is_whole(value):
            return value
        if value not in words or not isinstance(value, str):
            raise ValueError(f"must be a seed or one of: {', '.join(words)}")
        return value

    return check


def _outliers(value: Any) -> float | bool:
    if value is False:
        return False
    if not is_real(value) or not value > 0:
        raise ValueError("must be a number of standard deviations > 0, or false to leave every value as it is")
    return float(value)


def _epochs(value: Any) -> tuple[int, ...]:
    listed = list(value) if isinstance(value, list | tuple) else []
    if not listed or not all(is_whole(n, 1) for n in listed):
        raise ValueError("must be a list of epochs, counted from 1")
    return tuple(sorted(set(listed)))


def _names(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    if not listed or not all(isinstance(name, str) and name for name in listed) or len(set(listed)) < len(listed):
        raise ValueError('must be a list of different names, as in ["training.optimizer.lr", "network.hidden"]')
    return tuple(listed)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


Seed = Annotated[int | str, BeforeValidator(_seed("best", "first"))]
SeedOrMean = Annotated[int | str, BeforeValidator(_seed("mean", "best", "first"))]
Outliers = Annotated[float | bool, BeforeValidator(_outliers)]
Weight = Annotated[float, BeforeValidator(real("[0, 1)"))]
Parts = Annotated[tuple[str, ...], BeforeValidator(_several(tuple(PARTS), "part"))]
Measures = Annotated[tuple[str, ...], BeforeValidator(_several(MEASURES, "measure"))]
Log = Annotated[str, BeforeValidator(one_of(LOG, "word"))]
Draw = Annotated[str, BeforeValidator(one_of(DRAW, "word"))]
Count = Annotated[int, BeforeValidator(whole("[1, 12]"))]
InsetOption = Annotated[Inset | None, BeforeValidator(optional(_inset))]
ScaleOption = Annotated[LossScale | None, BeforeValidator(optional(_scale))]
Flag = Annotated[bool, BeforeValidator(flag)]
Name = Annotated[str, BeforeValidator(_text)]
Label = Annotated[str, BeforeValidator(_label)]  # of a setting: "5", or 5
Epochs = Annotated[tuple[int, ...], BeforeValidator(_epochs)]
Names = Annotated[tuple[str, ...] | None, BeforeValidator(optional(_names))]


class FigureOptions(Section):
    """The options of a kind of figure.  settings: how many it shows at once."""

    settings: ClassVar[tuple[int, int | None]] = (1, None)  # fewest, most
