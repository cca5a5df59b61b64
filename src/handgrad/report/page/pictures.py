"""Pictures for the page, as small PNG files in data: addresses."""

import base64
import io

import numpy as np

from handgrad.report.drawing.pictures import signed_colours
from handgrad.report.figures.figure import Pictures, Predictions


def picture_uris(figure: Pictures | Predictions) -> list[str]:
    """Every picture as a small PNG in a data: address."""
    if isinstance(figure, Predictions):
        return [] if figure.images is None else [png_uri(image) for image in figure.images]
    return [png_uri(signed_colours(image, figure.limit)) for image in figure.images]


def png_uri(image: np.ndarray) -> str:
    """(rows, cols) or (rows, cols, 3) in [0, 1] -> a data: address."""
    from PIL import Image

    pixels = np.clip(np.rint(np.asarray(image) * 255), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
