"""Colours and dashes, the same on paper and on the page, on white and on black.

Six colours of Okabe and Ito (2008), told apart by colour-blind readers; their yellow and black, each lost on one
background, are left out.  Twelve lines: six colours, drawn first solid, then dashed.
Signed pictures go from orange (negative) over the neutral colour to blue (positive).
"""

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
DASHES = ("solid", "dash")
LINES = len(COLOURS) * len(DASHES)

CONTEXT = "#9AA0A6"
RIGHT = "#0072B2"
WRONG = "#D55E00"


def colour(style: int | None) -> str:
    """The colour of a line's style; grey for context.

    >>> colour(0), colour(6) == colour(0), colour(None)
    ('#0072B2', True, '#9AA0A6')
    """
    return CONTEXT if style is None else COLOURS[style % len(COLOURS)]


def dash(style: int | None) -> str:
    """ "solid" or "dash".

    >>> dash(0), dash(6)
    ('solid', 'dash')
    """
    return "solid" if style is None else DASHES[style // len(COLOURS) % len(DASHES)]
