"""Figures for print: PNG, SVG and PDF by matplotlib, the same bytes for the same numbers.

`draw` returns matplotlib's figure, so that tests can look at its artists; `save` writes the files.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from handgrad.report.drawing.canvas import STYLE
from handgrad.report.drawing.curves import draw_curves
from handgrad.report.drawing.fonts import lettered, silent
from handgrad.report.drawing.pictures import draw_matrix, draw_pictures, draw_predictions
from handgrad.report.drawing.ranking import draw_ranking
from handgrad.report.figures.figure import Curves, Figure, Matrix, Pictures, Ranking

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from matplotlib.transforms import Bbox

MARGIN = 0.08  # inches
NO_DATES: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(figure: Figure, folder: Path, formats: Iterable[str] = ("png", "svg", "pdf")) -> list[Path]:
    """Write `<name>.<format>` for every format and return the paths."""
    import matplotlib

    letters = lettered(figure)
    with matplotlib.rc_context(), silent():
        matplotlib.rcdefaults()  # not the user's own style: the same numbers give the same picture everywhere
        matplotlib.rcParams.update({**STYLE, "font.family": list(letters.families)})
        drawing = draw(letters.figure)
        box = _laid_out(drawing)
        paths = []
        for form in formats:
            paths.append(folder / f"{figure.name}.{form}")
            drawing.savefig(paths[-1], format=form, metadata=NO_DATES[form], bbox_inches=box)
    return paths


def _laid_out(drawing: "Drawing") -> "Bbox":
    """Lay the drawing out once for all formats (it takes most of the time), and the box around all that is on it."""
    drawing.draw_without_rendering()
    drawing.set_layout_engine(None)  # no format does it again
    return drawing.get_tightbbox().padded(MARGIN)


def draw(figure: Figure) -> "Drawing":
    """matplotlib's figure of our numbers."""
    if isinstance(figure, Curves):
        return draw_curves(figure)
    if isinstance(figure, Ranking):
        return draw_ranking(figure)
    if isinstance(figure, Matrix):
        return draw_matrix(figure)
    if isinstance(figure, Pictures):
        return draw_pictures(figure)
    return draw_predictions(figure)
