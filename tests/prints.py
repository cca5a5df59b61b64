"""Each print of a report is drawn once by a process of tests, and what the page packs is packed once.

The same numbers give the same bytes, as tests/report/drawing shows;
to draw and to pack them is most of the time of a report.
"""

import math
import pickle
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handgrad.report import foreseen_time, study_figure
from handgrad.report.drawing import prints
from handgrad.report.drawing.canvas import save_prints
from handgrad.report.page import page
from handgrad.study.published.print_options import AS_USUAL, PrintOptions

PRINTS: dict[bytes, list[tuple[str, bytes]]] = {}  # a pickled figure and its formats -> its files
packed_once = cache(page.packed)


def save_once(
    figure: Any, folder: Path, formats: Iterable[str] = ("png", "svg", "pdf"), options: PrintOptions = AS_USUAL
) -> list[Path]:
    """What `save_prints` writes, drawn at the first call only."""
    formats = tuple(formats)
    key = pickle.dumps((figure, formats, options.model_dump()))
    if key not in PRINTS:
        PRINTS[key] = [(path.name, path.read_bytes()) for path in save_prints(figure, folder, formats, options)]
    for name, content in PRINTS[key]:
        (folder / name).write_bytes(content)
    return [folder / name for name, _ in PRINTS[key]]


@pytest.fixture(autouse=True)
def prints_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whatever imports it."""
    for module in (study_figure, prints):
        monkeypatch.setattr(module, "save_prints", save_once)
    monkeypatch.setattr(page, "packed", packed_once)
    monkeypatch.setattr(foreseen_time, "LONG", math.inf)  # no process is started for what is drawn already
