"""Lines and tables that fit the terminal: sentences wrap between words, tables that are too wide go on below.

Where output is no terminal and COLUMNS is not set (a file, a pipe) nothing is wrapped: a line is a sentence or a row.
"""

import os
import re
import textwrap
from collections.abc import Collection, Sequence

from rich.console import Console

WIDEST = 100  # characters of a sentence's line
GAP = 2  # between columns
NO_BREAK = "\u00a0"  # a space at which no line breaks
NARROWEST = 24  # to which a column of text is wrapped
TIED = re.compile(r" (?=[%=±<×]|s\))|(?<=[=±<×]) ")  # spaces that tie a number to its sign: "n = 2", "95 %"


def room_of(console: Console) -> int | None:
    """How many characters a line may have; None where lines are not wrapped."""
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return max(console.width, 40)


def wrapped(text: str, room: int | None) -> str:
    """A sentence on lines of at most `room` (and `WIDEST`) characters; those after its first are indented further.

    >>> print(wrapped("  Setting 4 is best by validation accuracy: 90.97 %.", 40))
      Setting 4 is best by validation
        accuracy: 90.97 %.
    """
    if room is None or len(text) <= min(room, WIDEST):
        return text
    start = text[: len(text) - len(text.lstrip())]
    lines = "\n".join(
        textwrap.wrap(
            TIED.sub(NO_BREAK, text.strip()),
            min(room, WIDEST),
            initial_indent=start,
            subsequent_indent=start.replace("\n", "") + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
    return lines.replace(NO_BREAK, " ")


def table_lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numeric: Collection[int], room: int | None, names: int = 1
) -> list[list[tuple[int, str]]]:
    """Blocks of lines, each with the number of its row, -1 for headings.

    A table wider than `room` becomes several blocks, each with the first `names` columns, which name a row; text that
    is too wide for the rest of a line is wrapped in its column.
    """
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    blocks = [list(range(len(headings)))]
    if room is not None and sum(widths) + GAP * (len(widths) - 1) > room:
        blocks = _blocks(widths, numeric, room, names)
    return [_lines(block, headings, rows, widths, numeric) for block in blocks]


def _blocks(widths: list[int], numeric: Collection[int], room: int, names: int) -> list[list[int]]:
    """Columns that stand together; narrows `widths` of text that is wrapped."""
    first = list(range(min(names, len(widths))))
    taken = sum(widths[i] + GAP for i in first)
    blocks, here, used = list[list[int]](), list(first), taken
    for i in range(len(first), len(widths)):
        left = room - used
        if i not in numeric and widths[i] > left and (left >= NARROWEST or len(here) == len(first)):
            widths[i] = max(left, NARROWEST)
        elif widths[i] > left and len(here) > len(first):
            blocks.append(here)
            here, used = list(first), taken
            if i not in numeric:
                widths[i] = min(widths[i], max(room - used, NARROWEST))
        here.append(i)
        used += widths[i] + GAP
    return [*blocks, here]


def _lines(
    block: Sequence[int],
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    numeric: Collection[int],
) -> list[tuple[int, str]]:
    found = []
    for number, cells in enumerate((headings, *rows), start=-1):
        parts = [_cell(cells[i], widths[i]) for i in block]
        for at in range(max(map(len, parts))):
            texts = [part[at] if at < len(part) else "" for part in parts]
            padded = (
                text.rjust(widths[i]) if i in numeric else text.ljust(widths[i])
                for i, text in zip(block, texts, strict=True)
            )
            found.append((number, (" " * GAP).join(padded).rstrip()))
    return found


def _cell(text: str, width: int) -> list[str]:
    return [text] if len(text) <= width else textwrap.wrap(text, width, break_on_hyphens=False) or [""]
