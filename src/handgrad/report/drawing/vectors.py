"""SVG and PDF of a drawing, in one pass over what is on it.

Most of the time of a vector file goes into asking every axis, tick and text where it stands; both formats have points
as their unit and get the same answers.  matplotlib draws by the methods of a renderer (`RendererBase`): while the SVG
is drawn, each call of its renderer is passed on to that of the PDF.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from matplotlib.transforms import Bbox

DRAWS = ("path", "markers", "path_collection", "quad_mesh", "gouraud_triangles", "image", "text")


def save_vectors(drawing: "Drawing", box: "Bbox", svg: Path | None, pdf: Path, metadata: Mapping[str, Any]) -> None:
    """Write what lies in a box of a drawing (inches) to both files; svg: None where only the PDF is wanted.

    A PDF is the same whether an SVG is written as well or not.
    """
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure

    class PdfPage(Figure):
        """The page of the PDF, drawn while the SVG is."""

        def draw(self, renderer: Any) -> None:
            usual = drawing.draw

            def both(svg_renderer: Any) -> None:
                _pass_on(svg_renderer, renderer)
                usual(svg_renderer)

            drawing.draw = both  # type: ignore[method-assign,assignment]
            try:
                drawing.savefig(svg or io.StringIO(), format="svg", metadata=metadata["svg"], bbox_inches=box)
            finally:
                del drawing.draw

    page = PdfPage(figsize=box.size, dpi=drawing.dpi)
    FigureCanvasPdf(page)
    page.savefig(pdf, format="pdf", metadata=metadata["pdf"])


def _pass_on(svg: Any, pdf: Any) -> None:
    """From now on, what the renderer of an SVG draws, that of a PDF draws as well."""
    renderer = svg.draw_path.__self__  # without what makes pictures of parts: they are passed on as pictures
    height, within = svg.get_canvas_width_height()[1], False

    def passing(name: str) -> Callable[..., None]:
        first, second = getattr(renderer, name), getattr(pdf, name)

        def draw(gc: Any, *args: Any, **options: Any) -> None:
            nonlocal within
            if within:  # some are composed of others
                first(gc, *args, **options)
                return
            within = True
            first(gc, *args, **options)
            within = False
            state = pdf.new_gc()  # colours, widths, clipping
            state.copy_properties(gc)
            if name == "draw_text":
                x, y, *rest = args
                args = x, height - y, *rest  # a PDF counts from below
            second(state, *args, **options)

        return draw

    for name in DRAWS:
        setattr(renderer, f"draw_{name}", passing(f"draw_{name}"))
