"""Figures for print, PNG, SVG and PDF by matplotlib: its settings, an empty drawing, and the files.

`draw` returns matplotlib's figure, so that tests can look at its artists, and `drawn` the same in the style of print;
`save_prints` writes the files, the same bytes for the same numbers, and `png` gives those of a picture.

Nothing uses pyplot, which keeps global state.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handgrad.report.drawing.lettering import lettered, silent
from handgrad.report.figures.shapes import FigureData
from handgrad.study.published.figure_options import figure_shape, load

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from matplotlib.transforms import Bbox


INK = "#202124"
SOFT = "#5F6368"
GRID = "#E3E5E8"
PAGE_WIDTH = 7.2  # inches: the text width of A4 with ordinary margins

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


def save_prints(figure: FigureData, folder: Path, formats: Iterable[str] = ("png", "svg", "pdf")) -> list[Path]:
    """Write `<name>.<format>` for every format and return the paths."""
    paths: list[Path] = []
    formats = tuple(formats)
    if not formats:  # to lay it out takes most of the time
        return paths
    with _in_print(figure) as drawing:
        box = _laid_out(drawing)
        for form in formats:
            paths.append(folder / f"{figure.name}.{form}")
            drawing.savefig(paths[-1], format=form, metadata=NO_DATES[form], bbox_inches=box)
    return paths


def png(figure: FigureData) -> bytes:
    """The bytes of its PNG, small, since notebooks keep it: of 256 colours, or all of them where it holds pictures."""
    from PIL import Image

    content = io.BytesIO()
    with _in_print(figure) as drawing:
        drawing.savefig(content, format="png", metadata=NO_DATES["png"], bbox_inches=_laid_out(drawing))
    if not hasattr(figure, "images"):
        picture = Image.open(content).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        content = io.BytesIO()
        picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def drawn(figure: FigureData) -> "Drawing":
    """matplotlib's figure in the style of print, for whoever changes it."""
    with _in_print(figure) as drawing:
        drawing.draw_without_rendering()  # ticks take the style of the moment in which they are first drawn
    return drawing


@contextmanager
def _in_print(figure: FigureData) -> "Iterator[Drawing]":
    """matplotlib's figure, within the style of print."""
    import matplotlib

    letters = lettered(figure)
    with matplotlib.rc_context(), silent():
        matplotlib.rcdefaults()  # not the user's own style: the same numbers give the same bytes everywhere
        matplotlib.rcParams.update({**STYLE, "font.family": list(letters.families)})
        yield draw(letters.figure)


def _laid_out(drawing: "Drawing") -> "Bbox":
    """Lay the drawing out once for all formats (it takes most of the time), and the box around all that is on it."""
    drawing.draw_without_rendering()
    drawing.set_layout_engine(None)  # no format does it again
    return drawing.get_tightbbox().padded(MARGIN)


def draw(figure: FigureData) -> "Drawing":
    """matplotlib's figure of a figure's numbers.  Raises InputError for a shape that nothing draws."""
    drawing: Drawing = load(figure_shape(type(figure).__name__).draw)(figure)
    return drawing
