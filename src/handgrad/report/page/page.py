"""The page: one self-contained index.html that needs no network and no server, on a screen, a phone and paper.

`Page` turns blocks into what the template shows, saving tables and figures on the way; `render` fills the template.

Everything is escaped.  The page's content security policy names the hashes of its scripts (its own, plotly,
DataTables), so that no other runs.  The libraries, the numbers of plots and runs and the pictures for print are in the
page compressed.  Style elements are allowed because plotly makes some.
"""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, assert_never

from handgrad import __version__
from handgrad.errors import InputError
from handgrad.measures import METRICS, TEST, is_fraction, on_part
from handgrad.report.chapters.chapter import (
    Block,
    Chapter,
    Code,
    Facts,
    FigureBlock,
    Heading,
    RunTableBlock,
    SideBySide,
    TableBlock,
    Text,
    Verdicts,
)
from handgrad.report.drawing.lettering import lettered, without_font
from handgrad.report.drawing.prints import Prints
from handgrad.report.figures.shapes import FigureData
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import mean_std, signed, values_text
from handgrad.report.page.front import front
from handgrad.report.page.static_pictures import file_uri, static_uri
from handgrad.report.tables.table import write_csv, write_table
from handgrad.study.published.figure_options import figure_shape, load
from handgrad.study.published.print_options import AS_USUAL, PrintOptions
from handgrad.training.sources import sources_named

SCRIPTS = (  # one after the other; a name of one is known to those below it
    "selection.js",
    "packed.js",
    "run_filters.js",
    "run_table.js",
    "figures.js",
    "curves.js",
    "parallel.js",
    "side_by_side.js",
    "page.js",
    "settings_tables.js",
    "run_sections.js",
)
STYLES = ("page.css", "run_table.css")
LEVEL = 6  # of gzip; 9 takes three times as long for 1 % less
STAMP = "Selected on the test set (select_on_test = true)"


class Page:
    """Collects chapters: saves their tables and figures, and keeps what the template needs of each."""

    def __init__(
        self, folder: Path, formats: Iterable[str], options: PrintOptions = AS_USUAL, saver: Prints | None = None
    ) -> None:
        self.folder, self.formats, self.options = folder, tuple(formats), options
        self.saver = saver or Prints()
        self._pictured: list[tuple[str, dict[str, Any], list[Path]]] = []  # name, block and files of figures with plots
        self.plots: dict[str, Any] = {}
        self.prints: dict[str, str] = {}
        self.unwritten: dict[str, None] = {}  # words that no font for print has
        self.explored: dict[str, Any] = {}  # what the controls of figures need: of runs, and of pairs of settings
        self.runs: dict[str, Any] | None = None  # the run table (`page.run_table`), and sections (`page.run_sections`)
        self.sections: dict[str, Any] | None = None
        self.tables = self.figures = 0
        for name in ("tables", "figures"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def chapter(self, chapter: Chapter) -> dict[str, Any]:
        """A chapter as the template takes it."""
        blocks = [self.block(block) for block in chapter.blocks]
        return {"id": chapter.id, "title": chapter.title, "short": chapter.short, "blocks": blocks}

    def block(self, block: Block) -> dict[str, Any]:
        """A block as the template takes it; tables and figures are saved."""
        if isinstance(block, Text):
            return {"kind": "text", "text": block.text}
        if isinstance(block, Heading):
            return {"kind": "heading", "text": block.text}
        if isinstance(block, Verdicts):
            return {"kind": "verdicts", "entries": block.items}
        if isinstance(block, Facts):
            return {"kind": "facts", "rows": block.rows}
        if isinstance(block, Code):
            return {"kind": "code", "text": block.text, "title": block.title}
        if isinstance(block, TableBlock):
            self.tables += not block.number
            paths = write_table(block.table, self.folder / "tables")
            if block.alone is not None:
                write_table(block.alone, self.folder / "tables")
                paths.append(self.folder / "tables" / f"{block.alone.name}.tex")
            number = block.number or f"Table {self.tables}"
            found = {"kind": "table", "table": block.table, "folded": block.folded, "number": number}
            return {**found, "files": self._links(paths)}
        if isinstance(block, SideBySide):
            self.explored["side"] = block.data
            return {"kind": "side"}
        if isinstance(block, RunTableBlock):
            self.tables += 1
            paths = write_table(block.table, self.folder / "tables")
            found = {"kind": "runs", "table": block.table, "number": f"Table {self.tables}"}
            return {**found, "files": self._links(paths)}
        if isinstance(block, FigureBlock):
            return self.figure(block.figure, block.number, block.options.over(self.options))
        assert_never(block)

    def figure(self, figure: FigureData, number: str = "", options: PrintOptions = AS_USUAL) -> dict[str, Any]:
        """A figure as the template takes it: its numbers in the page, its files in the folder."""
        self.figures += not number
        folder = self.folder / "figures"
        paths = self.saver.save(figure, folder, self.formats, options)
        if self.formats and (missing := lettered(figure, options.font).missing):
            self.unwritten |= dict.fromkeys(missing)
            note = without_font(missing)
            figure = replace(figure, caption=f"{figure.caption} {note[0].upper()}{note[1:]}.")
        header, rows = figure.table()
        data = folder / f"{figure.name}.csv"
        with data.open("w", encoding="utf-8", newline="") as file:
            write_csv(file, header, rows)
        number = number or f"Figure {self.figures}"
        found = {"kind": "figure", "figure": figure, "number": number, "files": self._links([*paths, data])}
        shown: dict[str, Any] = load(figure_shape(type(figure).__name__).page)(figure)
        plots = shown.pop("plots", ())
        found |= shown
        if shown["what"] == "plots":
            found["panels"] = self._panels(figure.name, plots)
            self._pictured.append((figure.name, found, paths))
        return found

    def finish(self) -> None:
        """When all prints are drawn, every figure with plots has the picture that stands for them in print."""
        self.saver.finish()
        for name, found, paths in self._pictured:
            picture = next((path for form in (".svg", ".png") for path in paths if path.suffix == form), None)
            if picture is not None:
                self.prints[name] = file_uri(picture)
            found |= {"print": picture is not None, "static": static_uri(paths)}

    def _panels(self, name: str, plots: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """Keep the plots, (title, plotly's figure) each."""
        panels = []
        for position, (title, plot) in enumerate(plots):
            key = f"{name}:{position}"
            self.plots[key] = _of_the_page(plot)
            panels.append({"key": key, "title": title, "height": "height" in plot["layout"]})
        return panels

    def _links(self, paths: Iterable[Path]) -> list[str]:
        return [path.relative_to(self.folder).as_posix() for path in paths]


def _of_the_page(plot: dict[str, Any]) -> dict[str, Any]:
    """A plot without what the page's script makes of the rest: bands of lines, and the lines between upright axes."""
    if "lines" in plot:
        return {**plot, "data": [trace for trace in plot["data"] if "fill" not in trace]}
    return {**plot, "data": []} if "settings" in plot else plot


def tiles(summary: Summary, *, preliminary: bool = False) -> list[dict[str, str]]:
    """The numbers at the top: the best setting (so far, where `preliminary`), its metrics, how many runs finished."""
    found = []
    phase, winner = summary.leading, summary.winner
    if phase is not None and winner is not None:
        of_test = [on_part(phase.metric, TEST)] * is_fraction(phase.metric)
        for metric in dict.fromkeys([phase.metric, *of_test, TEST.metric(winner.main_measure)]):
            values = winner.samples[metric]
            if values.mean is None:
                continue
            accuracy = is_fraction(metric)
            value, *std = mean_std(values, metric).split(" ")
            unit = " ".join([*std, *["%"] * accuracy])
            how = values.counted + (f", std with ddof {values.ddof}" if values.std is not None else ", no spread")
            how += f", over {sources_named(values.sources)}" * bool(values.sources)
            bias = phase.conclusions.bias if phase.conclusions and metric == phase.metric else None
            if bias is not None and bias.bias > 0:
                how += f"; the choice flatters it by about {signed(bias.bias, metric).removeprefix('+')}"
            found.append({"term": f"{METRICS[metric].word} of the best", "value": value, "unit": unit, "how": how})
        text = values_text(winner.all_axes) or ("the only one" if len(phase.settings) == 1 else "")
        if len(summary.phases) > 1:
            text = f"{text} (phase {phase.name})".strip()
        found.insert(
            0, {"term": f"best setting{' so far' * preliminary}", "value": winner.label, "unit": "", "how": text}
        )
    runs = summary.runs
    done = sum(run.status == "done" for run in runs)
    others = ", ".join(
        f"{count} {status}"
        for status in dict.fromkeys(run.status for run in runs)
        if status != "done" and (count := sum(run.status == status for run in runs))
    )
    found.append({"term": "runs finished", "value": f"{done:,}", "unit": f"of {len(runs):,}", "how": others or "all"})
    return found


def render(
    page: Page,
    summary: Summary,
    contents: list[dict[str, Any]],
    verdicts: Sequence[Verdict],
    numbers: Sequence[Mapping[str, str]],
) -> str:
    """index.html as text.  verdicts, numbers: at its top (`tiles`)."""
    import jinja2
    from markupsafe import Markup

    here = resources.files("handgrad.report.page")
    style = "".join(here.joinpath(name).read_text("utf-8") for name in STYLES)
    script = "".join(here.joinpath(name).read_text("utf-8") for name in SCRIPTS)
    plotly = _library(_plotly) if page.plots else None
    tables = _library(_datatables) if page.runs else None
    scripts = " ".join([_hash(script), *(one.hash for one in (plotly, tables) if one)])
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.globals["refuse"] = _refuse
    template = environment.from_string(here.joinpath("page.html.j2").read_text("utf-8"))
    pictures = front(page.plots, summary, contents)
    metric = summary.phases[-1].metric if summary.phases else ""
    whole = {
        "plotly": plotly.packed if plotly else "",
        "datatables": tables.packed if tables else "",
        "runs": packed(json.dumps(page.runs, allow_nan=False)) if page.runs else "",
        "sections": packed(json.dumps(page.sections, allow_nan=False)) if page.runs else "",
    }
    page.finish()  # here, since prints may be drawn by others meanwhile
    store = {"plots": page.plots, "prints": page.prints, **page.explored}
    return template.render(
        name=summary.name,
        title=summary.title,
        description=summary.description,
        stamp=STAMP if METRICS[metric].part is TEST else "",
        policy=policy,
        tiles=numbers,
        headline=verdicts,
        front=pictures,
        chapters=contents,
        version=__version__,
        packed=packed(json.dumps(store, allow_nan=False)) if plotly else "",
        style=Markup(style),
        script=Markup(script),
        **whole,
    )


def _refuse(name: str, what: str) -> NoReturn:
    """The template calls this where it has no branch for `what` of a shape's `page` function."""
    raise InputError(f"{name}: the page shows plots, a matrix, pictures or predictions; got {what!r}")


class _Library(NamedTuple):
    """A library of scripts: its hash in the policy, and its text as the page has it."""

    hash: str
    packed: str


@cache
def _library(text_of: Callable[[], str]) -> _Library:
    """Kept while the process lives (2 MB): the report of a running study is made again and again."""
    text = text_of()
    return _Library(_hash(text), packed(text))


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _datatables() -> str:
    """DataTables with its buttons, from the package itables: there it is a module, here a script that sets
    `window.DataTable`."""
    found = resources.files("itables").joinpath("html", "dt_bundle.js").read_text("utf-8")
    exports = re.search(r"\bexport\s*\{([^{}]*\bas default\b[^{}]*)\};?", found)
    name = re.search(r"([\w$]+) as default", exports[1]) if exports else None
    if exports is None or name is None:
        raise InputError("this version of itables holds DataTables in another form; pip install 'itables>=2.9,<3'")
    return f"(()=>{{{found[: exports.start()]}window.DataTable={name[1]};}})();"


def packed(text: str) -> str:
    """Compressed (gzip) and as letters (base64): a half to an eighth of the size, and nothing in it is markup.

    The page's script unpacks it; plotly then runs under the policy's hash of its unpacked text.

    >>> gzip.decompress(base64.b64decode(packed("</script>")))
    b'</script>'
    """
    return base64.b64encode(gzip.compress(text.encode(), LEVEL, mtime=0)).decode()
