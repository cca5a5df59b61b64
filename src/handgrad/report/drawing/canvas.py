"""Figures for print, PNG, SVG and PDF by matplotlib: its settings, an empty drawing, and the files.

`draw` returns matplotlib's figure, so that tests can look at its artists, and `drawn` the same in the style of print;
`save_prints` writes the files, the same bytes for the same numbers, and `png` gives those of a picture.

Drawers ask how wide the page is (`page_width`), how large letters are (`sized`) and how many of them fit
(`letters_in`): the same figure is drawn for a column of 3.3 inches and for a page of 7.2.

Nothing uses pyplot, which keeps global state.
"""

import io
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handgrad.errors import CrampedWarning
from handgrad.names import shown
from handgrad.report.drawing.lettering import lettered, silent
from handgrad.report.drawing.pdf_fonts import pdf_fonts
from handgrad.report.drawing.text_layouts import layouts_kept
from handgrad.report.drawing.vectors import save_vectors
from handgrad.report.figures.shapes import FigureData
from handgrad.study.published.figure_options import figure_shape, load
from handgrad.study.published.print_options import AS_USUAL, PrintOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from matplotlib.transforms import Bbox


INK = "#202124"
SOFT = "#5F6368"
GRID = "#E3E5E8"
PAGE_WIDTH = 7.2  # inches: the text width of A4 with ordinary margins
NARROW = 5.0  # inches below which a figure is for one column of two
FONT_SIZE, NARROW_SIZE = 9.0, 8.0  # points of axis labels, of figures that are narrow 8
SMALLEST = 6.0  # points; what is smaller on a wide page stays as large
WIDE_LETTER = 0.54  # of the size of letters, how wide one is on average

STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.dpi": 160,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "handgrad",
    "text.parse_math": False,  # a class named "$5" is no formula
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}


@dataclass(frozen=True)
class _Sheet:
    """What is drawn on: inches, and points of axis labels."""

    width: float = PAGE_WIDTH
    font_size: float = FONT_SIZE


_SHEET: ContextVar[_Sheet | None] = ContextVar("_SHEET", default=None)


def _sheet() -> _Sheet:
    return _SHEET.get() or _Sheet()


def page_width() -> float:
    """How wide the page is, in inches."""
    return _sheet().width


def is_narrow() -> bool:
    """Whether the figure is for one column of two."""
    return page_width() < NARROW


def sized(size: float) -> float:
    """The size of letters that have `size` points on an ordinary page; none becomes smaller than 6 points.

    >>> sized(8.5), sized(5.5)
    (8.5, 5.5)
    """
    return max(size * _sheet().font_size / FONT_SIZE, min(size, SMALLEST))


def letters_in(inches: float, size: float) -> int:
    """How many letters of a size fit side by side, at least four.

    >>> letters_in(3.0, 8.0)
    50
    """
    return max(4, int(72 * inches / (WIDE_LETTER * sized(size))))


def side_by_side(n: int) -> int:
    """How many of n panels that lie side by side on an ordinary page do so on this one.

    >>> side_by_side(4)
    4
    """
    return max(1, min(n, math.ceil(n * page_width() / PAGE_WIDTH - 0.1)))


def new_drawing(width: float, height: float) -> "Drawing":
    """An empty drawing, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def percent_axis(axis: Any, span: float | None = None) -> None:
    """Fractions as percentages, with a decimal where the axis spans little."""
    from matplotlib.ticker import PercentFormatter

    decimals = None if span is None else 0 if span > 0.05 else 1
    axis.set_major_formatter(PercentFormatter(1.0, decimals=decimals, symbol=" %"))


MARGIN = 0.08  # inches
NO_DATES: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save_prints(
    figure: FigureData,
    folder: Path,
    formats: Iterable[str] = ("png", "svg", "pdf"),
    options: PrintOptions = AS_USUAL,
) -> list[Path]:
    """Write `<name>.<format>` for every format and return the paths.

    options: where they give a column or a width, files are exactly that wide, or a CrampedWarning says why not.
    """
    formats = tuple(formats)
    if not formats:  # to lay it out takes most of the time
        return []
    paths = print_paths(figure, folder, formats)
    with _in_print(figure, options) as drawing:
        box = _laid_out(figure, drawing, options.inches)
        found = {path.suffix.removeprefix("."): path for path in paths}
        if "pdf" in found:
            with pdf_fonts():
                save_vectors(drawing, box, found.pop("svg", None), found.pop("pdf"), NO_DATES)
        for form, path in found.items():
            drawing.savefig(path, format=form, metadata=NO_DATES[form], bbox_inches=box)
    return paths


def print_paths(figure: FigureData, folder: Path, formats: Iterable[str]) -> list[Path]:
    """Where `save_prints` writes."""
    return [folder / f"{figure.name}.{form}" for form in formats]


def png(figure: FigureData) -> bytes:
    """The bytes of its PNG, small, since notebooks keep it: of 256 colours, or all of them where it holds pictures."""
    from PIL import Image

    content = io.BytesIO()
    with _in_print(figure) as drawing:
        drawing.savefig(content, format="png", metadata=NO_DATES["png"], bbox_inches=_laid_out(figure, drawing))
    if not hasattr(figure, "images"):
        picture = Image.open(content).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        content = io.BytesIO()
        picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def drawn(figure: FigureData, options: PrintOptions = AS_USUAL) -> "Drawing":
    """matplotlib's figure in the style of print, for whoever changes it."""
    with _in_print(figure, options) as drawing:
        # ticks take the style of the moment in which they are first drawn
        if not _arranged(drawing.draw_without_rendering):
            _say_cramped(figure, drawing.get_figwidth())
    return drawing


@contextmanager
def _in_print(figure: FigureData, options: PrintOptions = AS_USUAL) -> "Iterator[Drawing]":
    """matplotlib's figure, within the style of print."""
    import matplotlib

    found = lettered(figure, options.font)
    width = options.inches or PAGE_WIDTH
    sheet = _Sheet(width, options.font_size or (NARROW_SIZE if width < NARROW else FONT_SIZE))
    before = _SHEET.set(sheet)
    try:
        with matplotlib.rc_context(), silent(), layouts_kept():
            matplotlib.rcdefaults()  # not the user's own style: the same numbers give the same bytes everywhere
            sizes = {key: sized(size) for key, size in STYLE.items() if key.endswith("size")}
            matplotlib.rcParams.update({**STYLE, **sizes, "font.size": sized(9), "font.family": list(found.families)})
            yield draw(found.figure)
    finally:
        _SHEET.reset(before)


def _laid_out(figure: FigureData, drawing: "Drawing", width: float | None = None) -> "Bbox":
    """Lay the drawing out once for all formats (it takes most of the time), and the box around all that is on it.

    width: of the box, in inches; what stands beside the axes, such as names at the ends of lines, takes of theirs.
    """
    from matplotlib.transforms import Bbox

    wide = drawing.get_figwidth() if width is None else width

    def box_within(margin: float) -> "tuple[Bbox, bool]":
        engine: Any = drawing.get_layout_engine()
        fits = _arranged(lambda: engine.execute(drawing))  # nothing is drawn for it
        return drawing.get_tightbbox().padded(margin), fits

    box, fits = box_within(MARGIN if width is None else MARGIN / 4)
    for _ in range(3):
        if width is None or box.width <= width + 0.005:
            break
        drawing.set_figwidth(max(1.0, drawing.get_figwidth() + width - box.width))
        box, fits = box_within(MARGIN / 4)
    wider = width is not None and box.width > width + 0.02
    overlap = not fits or (width is not None and _overprinted(drawing))
    if overlap or wider:
        _say_cramped(figure, wide, box.width if wider else None, overlap)
    drawing.set_layout_engine(None)  # no format does it again
    if width is None or wider:  # nothing is cut
        return box
    middle = (box.x0 + box.x1) / 2
    return Bbox.from_extents(middle - width / 2, box.y0, middle + width / 2, box.y1)


def _arranged(arrange: Callable[[], None]) -> bool:
    """Arrange a drawing -> whether there is room for what is on it, of which matplotlib warns in words of its own."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        arrange()
    cramped = [one for one in heard if str(one.message).startswith("constrained_layout not applied")]
    for one in heard:
        if one not in cramped:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return not cramped


def _overprinted(drawing: "Drawing") -> bool:
    """Whether numbers along axes, or titles of panels, run into each other; turned ones are left out."""
    texts: list[Any] = []
    for axes in drawing.axes:
        low, high = sorted(axes.xaxis.get_view_interval())
        texts += [axes.title, axes._left_title, axes.xaxis.label]  # type: ignore[attr-defined]
        texts += [tick.label1 for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    seen = [one for one in texts if one.get_visible() and one.get_text().strip() and one.get_rotation() == 0]
    boxes = sorted(tuple(map(float, one.get_window_extent().extents)) for one in seen)  # pixels: x0, y0, x1, y1
    return any(
        right[0] < left[2] + 2 and right[1] < left[3] - 1 and left[1] < right[3] - 1
        for i, left in enumerate(boxes)
        for right in boxes[i + 1 :]
    )


def _say_cramped(figure: FigureData, width: float, wider: float | None = None, overlap: bool = True) -> None:
    """wider: the width of the file where it does not keep to the one that was asked for."""
    what = "parts of it overlap"
    if wider is not None:
        what = f"its file is {wider:.2f} inches wide" + (" with parts that overlap" if overlap else "")
    warnings.warn(
        f"figure {shown(figure.name)}: {width:.3g} inches are too narrow for what is on it, and {what}; "
        "give it a greater width, a smaller font_size or less to show",
        CrampedWarning,
        stacklevel=3,
    )


def draw(figure: FigureData) -> "Drawing":
    """matplotlib's figure of a figure's numbers.  Raises InputError for a shape that nothing draws."""
    drawing: Drawing = load(figure_shape(type(figure).__name__).draw)(figure)
    return drawing
