"""Matrices and pictures for the page: what its template takes; pictures are small PNG files in data: addresses."""

import base64
import io
import math
from typing import Any

import numpy as np

from handgrad.report.drawing.grids import signed_colours
from handgrad.report.figures.shapes import Matrix, Mistakes, Pictures, Predictions


def matrix(figure: Matrix) -> dict[str, Any]:
    """A row for each actual class; `level`, 0 to 9, shades a cell by the square root of its share of the row."""
    shares = figure.shares
    rows = [
        {
            "name": name,
            "index": i,
            "cells": [
                {
                    "count": int(count),
                    "text": f"{int(count):,}",
                    "percent": f"{100 * shares[i, j]:.1f} %",
                    "level": max(min(9, int(10 * math.sqrt(shares[i, j]))), int(count > 0)),
                }
                for j, count in enumerate(figure.counts[i])
            ],
        }
        for i, name in enumerate(figure.classes)
    ]
    return {"what": "matrix", "rows": rows}


def pictures(figure: Pictures) -> dict[str, Any]:
    """A picture each, with its label."""
    height, width = figure.images.shape[1:3]
    uris = [png_uri(signed_colours(image, figure.limit)) for image in figure.images]
    items = [
        {"uri": uri, "label": label, "width": width, "height": height}
        for uri, label in zip(uris, figure.labels, strict=True)
    ]
    return {"what": "pictures", "pictures": items, "named": len(items) <= 20}


def predictions(figure: Predictions) -> dict[str, Any]:
    """A picture each, where there are pictures, with its actual class and what was predicted."""
    uris = [""] * len(figure.index) if figure.images is None else [png_uri(image) for image in figure.images]
    samples = [{"uri": uris[i], "actual": actual, "said": figure.said(i)} for i, actual in enumerate(figure.actual)]
    return {"what": "predictions", "samples": samples}


def mistakes(figure: Mistakes) -> dict[str, Any]:
    """A picture each, with what it is, what it was taken for and how confidently."""
    height, width = figure.images.shape[1:3]
    items = [
        {"uri": png_uri(image), "label": label, "width": width, "height": height}
        for image, label in zip(figure.images, figure.labels, strict=True)
    ]
    return {"what": "pictures", "pictures": items, "named": True}


def png_uri(image: np.ndarray) -> str:
    """(rows, cols) or (rows, cols, 3) in [0, 1] -> a data: address."""
    from PIL import Image

    pixels = np.clip(np.rint(np.asarray(image) * 255), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
