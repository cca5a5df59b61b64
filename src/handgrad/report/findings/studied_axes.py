"""What varied among settings, and how they came about: the frame that every finding about hyperparameters starts from.

    studied(settings, axes, metric, sampling)   StudiedAxes: a row a run, the axes that vary, their names and scales

Settings were listed (grids, bundles, one factor at a time, variants) or drawn from declared ranges.  Drawn at random
they are independent; a sampler that learns or spreads evenly makes them depend on each other, and so does a search that
stops some of them short.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handgrad.report.findings.axis_scales import FEW_VALUES, AxisScale, is_number, ordered_levels
from handgrad.report.findings.effects import axis_value, frame_of, plain_value
from handgrad.report.findings.summary import PhaseSummary, SettingSummary
from handgrad.report.findings.wording import axis_names
from handgrad.study.rules.samplers import USUAL, Sampling

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class StudiedAxes:
    """axes: paths that have two values or more;  names: what text calls them;  frame: as `effects.frame_of` makes it.

    scales: of the ranges that the study declares;  settings: how many;  tried: the mean of each that came to its end,
    in the order of the plan, NaN where every run diverged;  without: how many these are;  stopped: settings that a
    search stopped short, which have no row;  history: the same as tried with NaN for those;  sampler: by which
    settings were drawn, empty where they were listed;  overlap: of folds or splits (`resampled`).
    """

    metric: str
    axes: tuple[str, ...]
    names: Mapping[str, str]
    frame: "DataFrame"
    scales: Mapping[str, AxisScale]
    settings: int
    tried: tuple[float, ...]
    stopped: int
    sampler: str = ""
    history: tuple[float, ...] = ()
    overlap: float = 0.0

    @property
    def without(self) -> int:
        """Settings of which every run diverged."""
        return sum(value != value for value in self.tried)

    @property
    def is_drawn(self) -> bool:
        """Whether settings were drawn from ranges."""
        return bool(self.sampler)

    @property
    def is_independent(self) -> bool:
        """Whether they are independent draws, all of which came to their last epoch."""
        return self.sampler == USUAL and not self.stopped

    def scales_in(self, frame: "DataFrame") -> dict[str, AxisScale]:
        """The scales for some of the rows: ranges end where their values do, beyond which nothing is known."""
        if len(frame) == len(self.frame):
            return dict(self.scales)
        found = {}
        for path, scale in self.scales.items():
            values = frame[path].tolist()
            if scale.is_range:
                if min(values) < max(values):
                    found[path] = AxisScale(path, scale.kind, float(min(values)), float(max(values)))
            elif len(levels := tuple(level for level in scale.levels if level in set(values))) > 1:
                found[path] = AxisScale(path, scale.kind, levels=levels)
        return found


def studied(
    settings: Sequence[SettingSummary], axes: Sequence[str], metric: str, sampling: Sampling | None = None
) -> StudiedAxes:
    """What varies among settings; of drawn ones, without the setting that their phase started from."""
    if sampling is not None:
        settings = [setting for setting in settings if not setting.earlier]
    values = {path: ordered_levels(axis_value(setting, path) for setting in settings) for path in axes}
    varied = tuple(path for path, levels in values.items() if len(levels) > 1)
    ended = [
        setting
        for setting in settings
        if setting.stopped or setting.samples[metric].n or setting.count("diverged") == len(setting.runs)
    ]
    history = tuple(float("nan") if one.stopped else _mean(one, metric) for one in ended)
    names = {path: name.removesuffix(" name") for path, name in axis_names(list(axes)).items()}
    return StudiedAxes(
        metric=metric,
        axes=varied,
        names=names,
        frame=frame_of(settings, varied, metric),
        scales={} if sampling is None else {path: one for path, one in declared(sampling).items() if path in varied},
        settings=len(settings),
        tried=tuple(value for value, one in zip(history, ended, strict=True) if not one.stopped),
        stopped=sum(bool(setting.stopped) for setting in settings),
        sampler="" if sampling is None else sampling.sampler,
        history=history,
        overlap=max((setting.overlap(metric) for setting in settings), default=0.0),
    )


def _mean(setting: SettingSummary, metric: str) -> float:
    mean = setting.samples[metric].mean
    return float("nan") if mean is None else mean


def studied_in(phase: PhaseSummary) -> StudiedAxes:
    """What varies in a phase."""
    return studied(phase.settings, phase.axes, phase.metric, phase.sampling)


def declared(sampling: Sampling) -> dict[str, AxisScale]:
    """path -> scale of each range of a table [random]; a kind of range from outside has that of the values drawn."""
    found = {path: SCALES_OF[kind](path, what) for path, kind, what in sampling.ranges if kind in SCALES_OF}
    return {path: scale for path, scale in found.items() if scale is not None}


def _whole(path: str, ends: Sequence[int]) -> AxisScale:
    """Few whole numbers are taken one by one."""
    low, high = ends
    if high - low < FEW_VALUES // 3:
        return AxisScale(path, "values", levels=tuple(range(low, high + 1)))
    return AxisScale(path, "linear", float(low), float(high))


def _choice(path: str, listed: Sequence[Any]) -> AxisScale | None:
    levels = ordered_levels(plain_value(value) for value in listed)
    kind = "values" if all(map(is_number, levels)) else "categories"
    return AxisScale(path, kind, levels=levels) if len(levels) > 1 else None


SCALES_OF: dict[str, Callable[[str, Any], AxisScale | None]] = {
    "uniform": lambda path, ends: AxisScale(path, "linear", float(ends[0]), float(ends[1])),
    "log_uniform": lambda path, ends: AxisScale(path, "log", float(ends[0]), float(ends[1])),
    "integers": _whole,
    "choice": _choice,
}
