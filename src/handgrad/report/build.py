"""Building a report: from a results folder to a folder of plain files.

    build_report(folder)  ->  folder/report/index.html, tables/*.{csv,md,tex}, figures/*.{png,svg,pdf} and *.csv,
                              reproduction.json of a study that reproduces something

Records alone are read: no data set, no engine, nothing is trained.  The report is written whole into a folder of
another name, which then takes the place of the old one.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.names import listed
from handgrad.report.chapters.chapters import chapters
from handgrad.report.figures.sources import Sources
from handgrad.report.findings.summarize import summarize
from handgrad.report.original.reproduction import reproduce
from handgrad.report.page.page import Page, render
from handgrad.study.folder.files import unwritable
from handgrad.study.folder.results import Results
from handgrad.training.record import load_curves, load_data
from handgrad.training.weights import read_tensors

FORMATS = ("png", "svg", "pdf")


def build_report(folder: Results | str | os.PathLike[str], *, formats: Iterable[str] = FORMATS) -> Path:
    """Build the report of a results folder (its path, or `Results`) and return the path of its index.html.

    formats: of the figures, any of png, svg and pdf.
    Raises ResultsError where there are no results, a record is damaged, or the disk is full.
    """
    formats = known_formats(formats)
    results = Results.of(folder)
    summary = summarize(results)
    unfinished = results.folder / f".report.{os.getpid()}.tmp"
    try:
        page = Page(unfinished, formats)
        contents = [page.chapter(chapter) for chapter in chapters(summary, sources_of(results))]
        found = reproduce(summary)
        if found is not None:
            text = json.dumps(found.data(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            (unfinished / "reproduction.json").write_text(text, encoding="utf-8", newline="\n")
        (unfinished / "index.html").write_text(render(page, summary, contents), encoding="utf-8", newline="\n")
        return _put_in_place(unfinished, results.folder / "report") / "index.html"
    except OSError as error:
        raise unwritable(results.folder, error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def known_formats(formats: Any) -> tuple[str, ...]:
    """Formats of figures; one by itself is a list of one.  Raises InputError where one is not known."""
    given = (formats,) if isinstance(formats, str) or not isinstance(formats, Iterable) else tuple(formats)
    strange = [str(form) for form in given if not isinstance(form, str) or form not in FORMATS]
    if strange:
        raise InputError(f"formats must be among {', '.join(FORMATS)}; got {listed(strange)}")
    return given


def _put_in_place(made: Path, report: Path) -> Path:
    """Let the new report take the place of the old one."""
    if report.exists():
        old = report.with_name(f".report-old.{os.getpid()}.tmp")
        report.rename(old)
        made.rename(report)
        shutil.rmtree(old, ignore_errors=True)
    else:
        made.rename(report)
    return report


def sources_of(results: Results) -> Sources:
    """The files of a results folder that chapters read one at a time."""
    runs = results.folder / "runs"

    def images(label: str) -> np.ndarray | None:
        path = results.folder / "data" / f"{results.planned[label].get('data')}-samples.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file["x"])

    return Sources(
        curves=lambda run_id: load_curves(runs / run_id),
        params=lambda run_id: read_tensors(runs / run_id / "weights.safetensors")[0],
        record=lambda run_id: load_data(runs / run_id),
        images=images,
    )
