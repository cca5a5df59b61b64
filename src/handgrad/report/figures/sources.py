"""What a figure is made from: settings, options, and the files of single runs, which a summary does not hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from handgrad.report.figures.palette import LINES, Look, look, shade
from handgrad.report.figures.series import runs_of
from handgrad.report.findings.summary import RunFacts, SettingSummary
from handgrad.study.published.figure_options import FigureOptions
from handgrad.training.record import Arrays

Options = TypeVar("Options", bound=FigureOptions)
Options_co = TypeVar("Options_co", bound=FigureOptions, covariant=True)


@dataclass(frozen=True)
class Sources:
    """Each is read when it is needed and then let go.

    curves, params, record: id of a run -> its files;  images: label of a setting -> sample images, None without.
    drawn: what was made of long series, small enough to be kept: a run stands in several figures of a report.
    """

    curves: Callable[[str], Arrays]
    params: Callable[[str], Arrays]
    record: Callable[[str], Mapping[str, Any]]
    images: Callable[[str], np.ndarray | None]
    drawn: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request(Generic[Options_co]):
    """A figure that is asked for.

    shown: name in the legend -> setting;  metric: what chose the study's winner;  looks: of names, where lines do not
    simply follow the palette.
    """

    name: str
    shown: Mapping[str, SettingSummary]
    sources: Sources
    options: Options_co
    metric: str = "val_accuracy"
    looks: Mapping[str, Look] = field(default_factory=dict)

    @property
    def only(self) -> SettingSummary:
        """The setting of a figure that shows one."""
        (setting,) = self.shown.values()
        return setting

    def run(self, seed: int | str) -> RunFacts | None:
        """The run of the only setting that `seed` means."""
        return next(iter(runs_of(self.only, seed, self.metric)), None)

    def look(self, label: str) -> Look:
        """A line's look: as given, else by its place; beyond the palette's lines the ordered colours."""
        names = list(self.shown)
        place = names.index(label)
        if label in self.looks:
            return self.looks[label]
        return look(place) if len(names) <= LINES else Look(shade(place / (len(names) - 1)), width=1.1)
