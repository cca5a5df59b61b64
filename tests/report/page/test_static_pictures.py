"""Pictures for pages without scripts."""

import base64
import io

import numpy as np
from PIL import Image

from handgrad.report.drawing.canvas import save_prints
from handgrad.report.figures.palette import COLOURS, line_style
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.report.page.static_pictures import file_uri, static_uri

X = np.arange(30.0)


def test_a_small_picture_keeps_the_colours_that_tell_lines_apart(tmp_path):
    lines = tuple(Line(str(k), X, np.sqrt(X) + k, style=line_style(k)) for k in range(6))
    figure = Curves("c", "Curves", "", (Panel("", "epoch", "loss", lines),), columns=1)
    (png,) = save_prints(figure, tmp_path, ["png"])
    uri = static_uri([png, tmp_path / "c.csv"])
    assert len(uri) < len(file_uri(png))
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=int).reshape(-1, 3)
    for ink in COLOURS:
        wanted = [int(ink[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.abs(pixels - wanted).sum(axis=1).min() < 16, ink


def test_the_smaller_of_both_is_taken(tmp_path):
    svg = tmp_path / "a.svg"
    svg.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    png = tmp_path / "a.png"
    Image.new("RGB", (300, 300), "red").save(png)
    assert static_uri([png, svg]) == file_uri(svg)
    assert static_uri([png]).startswith("data:image/png;base64,")
