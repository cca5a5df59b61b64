"""Text in figures for print: names cut and moved apart, and signs that the font of figures does not have.

DejaVu Sans, which matplotlib brings along, has the Latin, Greek, Cyrillic, Arabic and Hebrew alphabets.  A figure whose
words need more is drawn with the fonts found here that have it.  Where none has, a class goes by its number (#0, #1, …)
and any other sign is a question mark, instead of an empty box.
"""

import logging
import os
import re
import sys
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from textwrap import wrap
from typing import Any, TypeVar

from handgrad.errors import InputError
from handgrad.names import shown, unknown
from handgrad.report.figures.shapes import FigureData
from handgrad.report.findings.wording import enumerated
from handgrad.study.design.settings import Study
from handgrad.study.published.print_options import PrintOptions

FONT = "DejaVu Sans"
UNSEEN = ("Cc", "Cf", "Cs", "Mn", "Me")  # categories of signs that only change others; left out where no font has them
NOT_DRAWN = ("name", "caption")  # of figures
Shown = TypeVar("Shown")
PARTS = re.compile(r", (?![^\[]*\])")  # between the values of a setting's name, not inside one
WORDS = re.compile(r"[^\s,=()\[\]]+|[\s,()\[\]]+|=")
SHORT = 18  # letters of a value that stays whole


@dataclass(frozen=True)
class Lettering:
    """A figure as it can be drawn, the fonts for it, and the words that no font here can write."""

    figure: FigureData
    families: tuple[str, ...]
    missing: tuple[str, ...]


def without_font(missing: Collection[str]) -> str:
    """The sentence about words that no font can write.

    >>> without_font(["犬"])[:36]
    'no font here has the signs of 犬: fig'
    """
    words = enumerated([cut(word, 20) for word in missing], 5)
    return (
        f"no font here has the signs of {words}: figures for print show the "
        "numbers of classes (#0, #1, …) and question marks instead; install a font that has them"
    )


FONTS = {"sans-serif": FONT, "serif": "STIXGeneral", "monospace": "DejaVu Sans Mono"}  # matplotlib brings them along


def lettered(figure: FigureData, font: str | None = None) -> Lettering:
    """The figure with words that fonts of this machine can write, and those fonts.

    font: a name of `FONTS`, or of a font that is installed here; signs that it lacks come from others.
    Raises InputError where it is not installed.
    """
    texts = list(dict.fromkeys(_texts(replace(figure, title=""))))  # figures for print have no title
    families, absent = _families("".join(sorted(set("".join(texts)) - {"\n", "\t", " "})), installed_font(font))
    if not absent:
        return Lettering(figure, families, ())
    seen = {sign for sign in absent if unicodedata.category(sign) not in UNSEEN}
    names = {name: f"#{number}" for number, name in enumerate(getattr(figure, "classes", ())) if seen & set(name)}
    missing = tuple(dict.fromkeys(_words(texts, seen)))
    return Lettering(_replaced(figure, names, absent), families, missing)


def check_fonts(options: PrintOptions, study: Study | None = None) -> None:
    """Raise InputError where a font is not installed that is asked for: before anything is trained, or a report begun.

    options: of the command;  study: what it says of all figures ([report]) and of each is looked at too.
    """
    asked = [("", options)]
    if study is not None:
        spec = study.spec
        figures = [*spec.figure, *(spec.original.figure if spec.original is not None else ())]
        asked += [("report.", spec.report)] if spec.report is not None else []
        asked += [(f"figure {shown(item.title)}: ", item.print_options) for item in figures]
    wrong = []
    for where, one in asked:
        try:
            if one.font is not None:
                installed_font(one.font)
        except InputError as error:
            wrong.append(f"{where}{error}")
    if wrong:
        raise InputError("\n".join(wrong))


@contextmanager
def silent() -> Iterator[None]:
    """Without matplotlib's remarks that a font has no bold letters: ordinary ones do as well."""
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _texts(part)
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in NOT_DRAWN:
                yield from _texts(getattr(value, field.name))


def _words(texts: Iterable[str], signs: set[str]) -> Iterator[str]:
    for text in texts:
        yield from (word for word in text.split() if signs & set(word))


def _replaced(value: Shown, names: Mapping[str, str], absent: str) -> Shown:
    """The same, in which classes that cannot be written go by their numbers and other signs are question marks."""
    changed: Any = value
    if isinstance(value, str):
        changed = names.get(value) or _plain(value, absent)
    elif isinstance(value, tuple):
        changed = tuple(_replaced(part, names, absent) for part in value)
    elif is_dataclass(value) and not isinstance(value, type):
        kept = (field.name for field in fields(value) if field.name not in NOT_DRAWN and field.init)
        changed = replace(value, **{name: _replaced(getattr(value, name), names, absent) for name in kept})
    return changed  # type: ignore[no-any-return]


def _plain(text: str, absent: str) -> str:
    """One question mark for each run of signs that cannot be written."""
    found = ""
    for sign in text:
        if sign not in absent:
            found += sign
        elif unicodedata.category(sign) not in UNSEEN and not found.endswith("?"):
            found += "?"
    return found


def with_matplotlib() -> None:
    """Import matplotlib.  Where MPLBACKEND names no backend its import raises, and figures for print need none."""
    if "matplotlib" in sys.modules:
        return
    named = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if named is not None:
            os.environ["MPLBACKEND"] = named
    if named:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = named  # as its import does


@cache
def installed_font(font: str | None) -> str:
    """The name of a font as matplotlib finds it.  Raises InputError where it is not installed."""
    with_matplotlib()
    from matplotlib.font_manager import findSystemFonts, fontManager

    name = FONTS.get(font or "sans-serif", font or "")
    if name not in fontManager.get_font_names():
        known = {entry.fname for entry in fontManager.ttflist}
        for path in sorted(set(findSystemFonts()) - known):  # installed since matplotlib looked for fonts
            with suppress(OSError, RuntimeError, ValueError):
                fontManager.addfont(path)
    names = fontManager.get_font_names()
    if name not in names:
        here = [*FONTS, *sorted(names)]
        raise InputError(f"font is an {unknown(name, here, 'font')}; choose one of these, or install it here")
    return name


@cache
def _families(signs: str, first: str = FONT) -> tuple[tuple[str, ...], str]:
    """(fonts that have these signs, `first` and DejaVu Sans first; the signs that none of this machine has)."""
    from matplotlib.font_manager import findfont, findSystemFonts, fontManager

    begin = tuple(dict.fromkeys((first, FONT)))
    absent = signs
    for name in begin:
        absent = _without(findfont(name), absent)
    if not absent:
        return begin, ""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):  # installed since matplotlib looked for fonts
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError, ValueError):
            continue
    families = list(begin)
    plain = [
        entry for entry in fontManager.ttflist if entry.style == "normal" and not entry.name.startswith("Last Resort")
    ]
    for entry in sorted(plain, key=lambda entry: (abs(int(entry.weight) - 400), entry.name, entry.fname)):
        left = _without(entry.fname, absent)
        if len(left) < len(absent) and entry.name not in families:
            families.append(entry.name)
            absent = left
        if not absent:
            break
    return tuple(families), absent


def _without(path: str, signs: str) -> str:
    """The signs that a font file does not have; all of them where it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
        return "".join(sign for sign in signs if not font.get_char_index(ord(sign)))
    except (OSError, RuntimeError, ValueError):
        return signs


def cut(text: str, most: int) -> str:
    """A text of at most so many letters, the middle left out: names often differ at their ends.

    >>> cut("validation", 12), cut("a very long name of a class", 12)
    ('validation', 'a very …lass')
    """
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"


def told_apart(names: Sequence[str], most: int, lines: int = 2) -> list[str]:
    """Names of settings ("7: lr 0.1, batch size 8") on at most so many lines of `most` letters, told apart by what
    differs: where one is longer than a line, what all have in common is left out of all.

    >>> told_apart(["1: loss nll, optimizer [sgd(lr=0.1, beta=0.9)]", "2: loss nll, optimizer [sgd(lr=0.1)]"], 20)
    ['1: lr=0.1, beta=0.9', '2: lr=0.1']
    """
    names = [" ".join(name.split()) for name in names]
    if all(len(name) <= most for name in names):
        return names
    labels, _, values = zip(*(name.partition(": ") for name in names), strict=True)
    parts = [PARTS.split(value) for value in values]
    if len(names) > 1 and len(set(map(len, parts))) == 1:
        columns = [_differing(column) for column in zip(*parts, strict=True) if len(set(column)) > 1]
        texts = [", ".join(row) for row in zip(*columns, strict=True)] if columns else [""] * len(names)
        names = [f"{label}: {text}" if text else label for label, text in zip(labels, texts, strict=True)]
    return [_on_lines(name, most, lines) for name in names]


def _on_lines(name: str, most: int, lines: int) -> str:
    rooms = range(lines * most, most, -4)  # words leave gaps at the ends of lines
    wrapped = (wrap(cut(name, room), most) for room in rooms)
    return "\n".join(next((found for found in wrapped if len(found) <= lines), [cut(name, most)]))


def _differing(texts: Sequence[str]) -> list[str]:
    """Values of one key, such as "layers [dense 12 relu, dense 10 softmax]", without what all begin and end with; the
    word before what differs stays."""
    words = [WORDS.findall(text) for text in texts]
    if max(map(len, texts)) <= SHORT:
        return list(texts)
    shortest = min(map(len, words))
    begin = next((i for i in range(shortest) if len({one[i] for one in words}) > 1), shortest)
    left = shortest - begin
    after = next((i for i in range(left) if len({one[-1 - i] for one in words}) > 1), left)
    first = max(0, begin - 2)  # the key and its sign
    while first and not words[0][first].strip(", =()[]"):
        first -= 1
    keyed = first > 0 and all(one[first + 1] == "=" for one in words)
    found = []
    for one in words:
        inside = "".join(one[first : len(one) - after]).strip(", ")
        head = "" if keyed or not first else f"{one[0]} …" if first > 1 else f"{one[0]} "
        found.append(f"{head}{inside}{'…' if after and not keyed else ''}")
    return found


def spaced(wanted: Sequence[float], gap: float, low: float = 0.0, high: float = 1.0) -> list[float]:
    """SettingRefs at least `gap` apart in [low, high], in the order of `wanted` and as near to it as possible.

    Names that collide form a block about the mean of what they want; blocks that collide are joined (this minimizes the
    sum of squared shifts).  Where there is no room for all, the gap shrinks.

    >>> spaced([0.5, 0.5, 0.9], 0.1)
    [0.45, 0.55, 0.9]
    >>> spaced([0.0, 0.0], 0.1)
    [0.0, 0.1]
    """
    n = len(wanted)
    if n > 1:
        gap = min(gap, (high - low) / (n - 1))
    order = sorted(range(n), key=lambda i: wanted[i])
    blocks: list[tuple[float, int]] = []  # (the lowest place, how many)
    for i in order:
        start, size = min(max(wanted[i], low), high), 1
        while blocks and blocks[-1][0] + gap * blocks[-1][1] > start:
            before, many = blocks.pop()
            middle = ((before + gap * (many - 1) / 2) * many + (start + gap * (size - 1) / 2) * size) / (many + size)
            size += many
            start = min(max(middle - gap * (size - 1) / 2, low), high - gap * (size - 1))
        blocks.append((start, size))
    places = [start + gap * k for start, size in blocks for k in range(size)]
    found = [0.0] * n
    for i, place in zip(order, places, strict=True):
        found[i] = round(place, 12)
    return found
