"""How lines are drawn: the same on paper and on the page, on white and on black.

`line_style(i)`: six colours of Okabe and Ito (2008), told apart by colour-blind readers; their yellow and black, each
lost on one background, are left out.  Twelve lines: six colours, drawn first solid, then dashed.
`shade(t)`: an ordered palette, from blue (t = 0) over red to yellow (t = 1), whose lightness only rises (also to a
colour-blind eye), and which leaves out what is too dark for a dark page or too light for paper.
Signed pictures go from orange (negative) over the neutral colour to blue (positive).
"""

from dataclasses import dataclass

from handgrad.names import unknown

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
DASHES = ("solid", "dash")
LINES = len(COLOURS) * len(DASHES)
SHADES = ("#4442B0", "#6F3FB7", "#973CB1", "#BA3D9C", "#D7437E", "#E7585E", "#ED733F", "#ED8D24", "#E6A821")

RIGHT = "#0072B2"
WRONG = "#D55E00"


@dataclass(frozen=True)
class LineStyle:
    """A line's colour (#RRGGBB), dash ("solid" or "dash"), width in points and opacity."""

    colour: str
    dash: str = "solid"
    width: float = 1.5
    opacity: float = 1.0

    def __post_init__(self) -> None:
        if self.dash not in DASHES:
            raise ValueError(unknown(self.dash, DASHES, "dash of a line"))


CONTEXT = LineStyle("#9AA0A6", width=0.6, opacity=0.45)  # one of many that are not told apart
BASELINE = LineStyle("#A3A9B0", width=2.6)  # wide, so that it is seen where a line lies on it


def line_style(i: int) -> LineStyle:
    """The i-th of `LINES` styles for lines that are told apart by name.

    >>> line_style(0).colour, line_style(6) == LineStyle("#0072B2", "dash")
    ('#0072B2', True)
    """
    return LineStyle(COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)])


def shade(t: float) -> str:
    """The colour at t in [0, 1] of the ordered palette.

    >>> shade(0), shade(1), shade(0.5)
    ('#4442B0', '#E6A821', '#D7437E')
    """
    place = min(max(t, 0.0), 1.0) * (len(SHADES) - 1)
    low = min(int(place), len(SHADES) - 2)
    ends = [[int(ink[i : i + 2], 16) for i in (1, 3, 5)] for ink in SHADES[low : low + 2]]
    mixed = [round(a + (b - a) * (place - low)) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{part:02X}" for part in mixed)
