"""The index page of past studies: one index.html in the folder that holds them, offline, without scripts.

It is in the style of the report's page, and its links lead to the reports below it.  Its last line is the checksum of
what stands above, so that a page that somebody changed, or another file of the name, is never written over.
"""

import re
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from handgrad import __version__
from handgrad.errors import ResultsError
from handgrad.files import checksum, size_text
from handgrad.measures import METRICS
from handgrad.report.past.past_studies import PastStudy
from handgrad.study.folder.disk import unreadable, write_whole

_SEAL = re.compile(r"<!-- handgrad list ([0-9a-f]{64}) -->\n")


def write_index(folder: Path, studies: Sequence[PastStudy]) -> Path:
    """Write index.html into a folder of studies and return its path.

    Raises ResultsError where the folder is that of one study, where an index.html stands there that handgrad did not
    write or that was changed since, and where nothing can be written.
    """
    path = folder / "index.html"
    if any(study.folder == folder for study in studies):
        raise ResultsError(f"{folder}: is the results folder of one study; --page is for the folder that holds several")
    try:
        if path.exists() and not _is_ours(path.read_bytes().decode("utf-8", "replace")):
            raise ResultsError(f"{path}: was not written by handgrad, or was changed since; move it away first")
    except OSError as error:
        raise unreadable(path, error) from None
    text = index_page(folder, studies)
    write_whole(path, f"{text}<!-- handgrad list {checksum(text.encode())} -->\n".encode())
    return path


def _is_ours(text: str) -> bool:
    seal = _SEAL.search(text)
    return seal is not None and seal.end() == len(text) and checksum(text[: seal.start()].encode()) == seal[1]


def index_page(folder: Path, studies: Sequence[PastStudy]) -> str:
    """The page as text."""
    import jinja2
    from markupsafe import Markup

    here = resources.files("handgrad.report.page")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(here.joinpath("index.html.j2").read_text("utf-8"))
    bytes_ = sum(study.bytes for study in studies)
    text = template.render(
        folder=str(folder),
        counts=f"{len(studies)} {'study' if len(studies) == 1 else 'studies'}, {size_text(bytes_)}",
        rows=[_row(folder, study) for study in studies],
        style=Markup(here.joinpath("page.css").read_text("utf-8")),
        version=__version__,
    )
    return text.rstrip("\n") + "\n"


def _row(folder: Path, study: PastStudy) -> dict[str, Any]:
    where = study.folder.relative_to(folder).as_posix()
    named = where if study.name in (where, study.title) else f"{study.name}, in {where}"
    written = time.gmtime(study.written)
    return {
        "title": study.title,
        "about": "" if where == study.title else named,
        "problem": study.problem,
        "explains": study.explains,
        "report": study.report and _link(folder, study.report),
        "earlier": [_link(folder, path) for path in study.earlier],
        "state": study.state,
        "runs": study.runs,
        "best": study.best,
        "setting": study.setting,
        "value": study.value + (f" ({study.n})" if study.n else ""),
        "measure": METRICS[study.metric].word if study.metric and study.mean is not None else "",
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", written),
        "date": time.strftime("%Y-%m-%d %H:%M", written),
        "size": size_text(study.bytes),
    }


def _link(folder: Path, path: Path) -> str:
    return quote(path.relative_to(folder).as_posix())
