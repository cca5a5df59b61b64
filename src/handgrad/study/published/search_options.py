"""The options of the figures that show a search: its history, its timeline, and what was stopped at its rungs."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from handgrad.names import unknown
from handgrad.study.published.option_values import FigureOptions, Log

AGAINST = ("settings", "epochs", "time")


def _against(value: Any) -> tuple[str, ...]:
    listed: Sequence[Any] = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    if not listed:
        raise ValueError(f"must be any of {', '.join(AGAINST)}, one or a list")
    if wrong := [one for one in listed if one not in AGAINST]:
        raise ValueError(f"holds an {unknown(wrong[0], AGAINST, 'measure of work')}")
    return tuple(dict.fromkeys(listed))


class SearchHistoryOptions(FigureOptions):
    """The best value so far, and every setting as a dot.

    against: the number of settings, epochs of training or time, a panel for each; time where records say it.
    """

    settings = (2, None)
    against: Annotated[tuple[str, ...], BeforeValidator(_against)] = AGAINST
    log: Log = "auto"


class TimelineOptions(FigureOptions):
    """Which worker trained which setting when."""


class RungsOptions(FigureOptions):
    """Values at a rung against those to which the settings that went on came, and what is foretold of the others."""

    settings = (2, None)
