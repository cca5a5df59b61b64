"""Which line gets which colour: by setting, by rank, or by the value of a key.

By setting: six colours, solid and dashed, which a legend names.  Many lines are coloured in order, by where they ended
or by a value that varies (a logarithmic scale where it spans more than a factor of 20); a key says what the colours
stand for, and each line carries its name at its end.  Each value that is not a number has a colour of its own.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from handgrad.errors import InputError
from handgrad.names import unknown
from handgrad.report.figures.palette import COLOURS, CONTEXT, LINES, LineStyle, line_style, shade
from handgrad.report.figures.request import Request
from handgrad.report.figures.shapes import Key
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.wording import axis_names
from handgrad.study.changes import leaves, shown
from handgrad.study.published.figure_options import FigureOptions

SPAN = 20  # from this ratio on a scale is logarithmic
STEPS = 25  # blocks of a continuous key
WIDTH = 1.2


@dataclass(frozen=True)
class Colours:
    """name -> style, the order in which lines are drawn, what is written at their ends, and a note for the caption."""

    styles: Mapping[str, LineStyle]
    order: tuple[str, ...]
    ends: Mapping[str, str] = field(default_factory=dict)
    key: Key | None = None
    note: str = ""


def coloured(request: Request[FigureOptions], by: str, last: Mapping[str, float]) -> Colours:
    """Line styles for all settings shown.  by: auto, setting, rank or a path;  last: end values, larger is better."""
    names = list(request.shown)
    if by == "auto":
        by = "setting" if request.styles or len(names) <= LINES else "rank"
    if by == "setting":
        styles = {name: request.style(name) for name in names}
        order = sorted(names, key=lambda name: styles[name] != CONTEXT)  # context lies behind
        return Colours(styles, tuple(order))
    ends = {name: name.split(":")[0] for name in names}
    if by == "rank":
        order = sorted(names, key=lambda name: -last.get(name, -math.inf))
        styles = {name: LineStyle(shade(i / max(len(order) - 1, 1)), width=WIDTH) for i, name in enumerate(order)}
        texts = {0: "best", len(order) - 1: "worst"}
        key = Key("by the last epoch", tuple((styles[name].colour, texts.get(i, "")) for i, name in enumerate(order)))
        note = "A line per setting, with its name at its end, coloured from the best at its last epoch to the worst. "
        return Colours(styles, tuple(order), ends, key, note)
    values = {name: _value(setting, by) for name, setting in request.shown.items()}
    title = axis_names([by])[by].removesuffix(" name")
    note = f"A line per setting, with its name at its end, coloured by {title}. "
    numbers = {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
    if len(numbers) == len(values) and not any(isinstance(value, bool) for value in values.values()):
        styles, key = _scale(numbers, title)
    else:
        styles, key = _classes({name: shown(value) for name, value in values.items()}, title)
    return Colours(styles, tuple(names), ends, key, note)


def _value(setting: SettingSummary, path: str) -> object:
    """The value at a path of the setting, or of one of its axes (a bundle's name)."""
    if path in setting.all_axes:
        return setting.all_axes[path]
    found = dict(leaves(setting.setting))
    if path not in found:
        raise InputError(f"colour is an {unknown(path, [*found, 'auto', 'setting', 'rank'], 'key')}")
    return found[path]


def _scale(numbers: Mapping[str, float], title: str) -> tuple[dict[str, LineStyle], Key]:
    low, high = min(numbers.values()), max(numbers.values())
    log = low > 0 and high / low > SPAN

    def place(value: float) -> float:
        if high == low:
            return 0.5
        return math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)

    styles = {name: LineStyle(shade(place(value)), width=WIDTH) for name, value in numbers.items()}
    distinct = sorted(set(numbers.values()))
    if len(distinct) <= len(COLOURS):
        return styles, Key(title, tuple((shade(place(value)), shown(value)) for value in distinct))
    blocks = []
    for i in range(STEPS):
        t = i / (STEPS - 1)
        value = low * (high / low) ** t if log else low + t * (high - low)
        digits = {0: 4, STEPS // 2: 2, STEPS - 1: 4}.get(i)  # the ends are values of settings
        blocks.append((shade(t), "" if digits is None else shown(float(f"{value:.{digits}g}"))))
    return styles, Key(title, tuple(blocks))


def _classes(texts: Mapping[str, str], title: str) -> tuple[dict[str, LineStyle], Key]:
    kinds = list(dict.fromkeys(texts.values()))
    if len(kinds) <= len(COLOURS):
        inks = {kind: line_style(i).colour for i, kind in enumerate(kinds)}
    else:
        inks = {kind: shade(i / (len(kinds) - 1)) for i, kind in enumerate(kinds)}
    styles = {name: LineStyle(inks[kind], width=WIDTH) for name, kind in texts.items()}
    return styles, Key(title, tuple((inks[kind], kind) for kind in kinds))
