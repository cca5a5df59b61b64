"""The picture of a figure that a page shows where no scripts run: small, since it cannot be packed."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

COLOURS_KEPT = 128  # of a drawing of lines and letters: few enough for a small file, and lines keep theirs


def static_uri(paths: Iterable[Path]) -> str:
    """A data: address of the smaller of a figure's SVG and its PNG, that in `COLOURS_KEPT` colours; empty of neither.

    >>> static_uri([Path("curves.csv")])
    ''
    """
    found = {path.suffix: path for path in paths}
    drawn, picture = found.get(".svg"), _in_few_colours(found[".png"]) if ".png" in found else ""
    if drawn is None or 0 < len(picture) < drawn.stat().st_size:  # as an address it is longer still
        return picture
    return min(filter(None, (file_uri(drawn), picture)), key=len)


def file_uri(path: Path) -> str:
    """A data: address of a file, an SVG or a PNG, as it is."""
    if path.suffix == ".svg":
        return "data:image/svg+xml," + quote(path.read_text("utf-8"), safe=" /:;=,()")
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _in_few_colours(path: Path) -> str:
    """A data: address of a PNG in `COLOURS_KEPT` colours."""
    from PIL import Image

    content = io.BytesIO()
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS_KEPT, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(content, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
