"""The picture of a figure that a page shows where no scripts run: small, since it cannot be packed."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

COLOURS_KEPT = 64  # of a drawing of lines and letters; more are not told apart


def static_uri(paths: Iterable[Path]) -> str:
    """A data: address of the smaller of a figure's SVG and its PNG, that in `COLOURS_KEPT` colours; empty of neither.

    >>> static_uri([Path("curves.csv")])
    ''
    """
    found = [_uri(path) for path in paths if path.suffix in (".svg", ".png")]
    return min(found, key=len, default="")


def file_uri(path: Path) -> str:
    """A data: address of a file, an SVG or a PNG, as it is."""
    if path.suffix == ".svg":
        return "data:image/svg+xml," + quote(path.read_text("utf-8"), safe=" /:;=,()")
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _uri(path: Path) -> str:
    if path.suffix == ".svg":
        return file_uri(path)
    from PIL import Image

    content = io.BytesIO()
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS_KEPT, dither=Image.Dither.NONE)
        few.save(content, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
