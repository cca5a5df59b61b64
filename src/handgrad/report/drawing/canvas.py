"""What all figures for print share: matplotlib's settings, an empty drawing, an axis of percentages.

No pyplot, hence no global state: a figure is made, drawn and forgotten.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

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
