"""Kinds and shapes of figures that are put into the public tables from outside, and those that nothing draws."""

from dataclasses import dataclass

import numpy as np
import pytest

import handgrad as hg
from handgrad.errors import InputError
from handgrad.report.drawing.canvas import draw, new_drawing
from handgrad.report.figures.request import make_figure
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.report.findings.summarize import summarize
from handgrad.report.page.plots import axis, layout
from handgrad.report.study_figure import sources_of
from handgrad.study import make_study
from handgrad.study.folder.results_folder import Results
from handgrad.study.published.figure_options import FIGURES, SHAPES, FigureKind, FigureOptions, FigureShape, load
from handgrad.study.published.option_values import Log
from handgrad.study.published.published_tables import SettingsTable
from tests.report.page.test_page import Reader

AXES = {"seeds": 2, "grid": {"training.optimizer.lr": [0.01, 0.1]}}
ASKED = {"title": "Steps a run", "kind": "steps-a-run"}


class StepsOptions(FigureOptions):
    """Steps of every run."""

    log: Log = "no"


def steps_a_run(request):
    lines = []
    for label, setting in request.shown.items():
        seeds = np.array([float(run.seed) for run in setting.runs if run.record])
        steps = np.array([float(len(request.sources.curves(run.id)["loss_per_step"])) for run in setting.runs])
        lines.append(Line(label, seeds, steps))
    panel = Panel("steps", "seed", "steps", tuple(lines), request.options.log == "yes")
    return Curves(request.name, "Steps of every run", "Steps of every run.", (panel,), columns=1)


@dataclass(frozen=True)
class Violins:
    """A shape that handgrad does not have."""

    name: str
    title: str
    caption: str
    values: tuple[float, ...]

    def table(self):
        return ["value"], ([value] for value in self.values)


def violins(request):
    return Violins(request.name, "Violins", "Accuracy of every seed.", (0.8, 0.9))


def draw_violins(figure):
    drawing = new_drawing(4, 3)
    drawing.add_subplot().violinplot(figure.values)
    return drawing


def violins_for_the_page(figure):
    plot = {"data": [{"type": "violin", "y": list(figure.values)}], "layout": layout(axis(""), axis("accuracy"))}
    unnamed = {"legend": [], "key": None, "small": False, "tall": False}
    return {"what": "plots", "plots": [("", plot)], "columns": 1, **unnamed}


@pytest.fixture
def added(monkeypatch):
    """add(kind, record) and add(shape, record), for as long as the test runs."""

    def add(name, record):
        monkeypatch.setitem(FIGURES if isinstance(record, FigureKind) else SHAPES, name, record)

    return add


@pytest.fixture
def with_steps(added):
    added("steps-a-run", FigureKind(StepsOptions, steps_a_run, "Curves", "steps of every run"))


@pytest.fixture
def with_violins(added):
    added("violins", FigureKind(FigureOptions, violins, "Violins", "accuracy of every seed"))


def figures_of(report):
    return {path.name for path in (report / "figures").iterdir()}


@pytest.mark.usefixtures("with_steps")
def test_a_kind_from_outside_is_one_record(make_results, tmp_path):
    original = {"title": "A report", "figure": [{**ASKED, "number": "Figure 1", "settings": ["1"]}]}
    folder = make_results({**AXES, "figure": [{**ASKED, "options": {"log": "yes"}}], "original": original})
    page = hg.build_report(folder, formats=["svg"])
    names = figures_of(page.parent)
    assert {f"{file}.{form}" for file in ("own-steps-a-run", "figure-1") for form in ("svg", "csv")} <= names
    text = page.read_text("utf-8")
    assert 'data-plot="own-steps-a-run:0"' in text
    assert 'data-plot="figure-1:0"' in text
    assert "Steps of every run." in Reader(text).text
    paths = hg.save_figure(folder, "steps-a-run", ["2"], out=tmp_path, formats=["png"])
    assert [path.name for path in paths] == ["steps-a-run.png", "steps-a-run.csv"]
    assert paths[1].read_text().splitlines()[1:] == [f"steps,2: lr 0.1,{seed}.0,100.0,100.0,100.0" for seed in (0, 1)]


@pytest.mark.usefixtures("with_steps")
def test_options_of_a_kind_from_outside_are_checked_before_anything_runs():
    with pytest.raises(InputError, match=r'figure "Steps a run".options.lag is an unknown key\. Known: log'):
        make_study({"name": "s", "data": {"name": "digits"}, "figure": [{**ASKED, "options": {"lag": "yes"}}]})


@pytest.mark.usefixtures("with_violins")
def test_a_shape_that_nothing_draws_is_refused_by_name_before_anything_runs(make_results, tmp_path):
    message = (
        r"kind is 'violins', of an unknown shape of figure 'Violins'\. Known: Curves, Ranking, Estimates, Matrix, "
        r"Pictures, Predictions, Mistakes, ClassBalance, DecisionRegions, Activations, Scatter, Timeline, AxisPanels, "
        r"HeatMap, ParallelCoordinates, Importances; "
        r"put a FigureShape, .*, into handgrad\.[a-z_.]+\.SHAPES$"
    )
    figure = {"title": "Spread", "kind": "violins"}
    with pytest.raises(InputError, match=message):
        make_study({"name": "s", "data": {"name": "digits"}, "figure": [figure]})
    original = {"title": "A report", "figure": [{**figure, "number": "Figure 1"}]}
    with pytest.raises(InputError, match=r'original "Figure 1"\.' + message):
        make_study({"name": "s", "data": {"name": "digits"}, "original": original})
    out = tmp_path / "out"
    with pytest.raises(InputError, match="violins: unknown shape of figure 'Violins'"):
        hg.save_figure(make_results(AXES), "violins", out=out)
    assert not out.exists()
    with pytest.raises(InputError, match="unknown shape of figure 'Violins'"):
        draw(Violins("violins", "Violins", "", (0.8,)))


@pytest.mark.usefixtures("with_violins")
def test_a_shape_from_outside_is_one_record(make_results, added):
    added("Violins", FigureShape(draw_violins, violins_for_the_page))
    page = hg.build_report(make_results({**AXES, "figure": [{"title": "Spread", "kind": "violins"}]}), formats=["pdf"])
    assert {"own-spread.pdf", "own-spread.csv"} <= figures_of(page.parent)
    assert 'data-plot="own-spread:0"' in page.read_text("utf-8")


@pytest.mark.usefixtures("with_violins")
def test_what_the_page_cannot_show_is_refused_and_no_report_is_written(make_results, added):
    added("Violins", FigureShape(draw_violins, lambda figure: {"what": "violins"}))
    folder = make_results({**AXES, "figure": [{"title": "Spread", "kind": "violins"}]})
    with pytest.raises(InputError, match="own-spread: the page shows plots, a matrix, pictures or predictions; got"):
        hg.build_report(folder, formats=[])
    assert not (folder / "report").exists()


def test_a_kind_that_makes_another_shape_than_it_says_is_refused(make_results, added):
    added("violins", FigureKind(FigureOptions, violins, "Curves", "accuracy of every seed"))
    results = Results.open(make_results(AXES))
    summary = summarize(results)
    shown = {setting.label: setting for setting in summary.settings}
    with pytest.raises(InputError, match="f: kind 'violins' made a Violins; its record says Curves"):
        make_figure("violins", summary, shown, sources_of(results), name="f")


def test_a_reproduction_is_computed_once_for_page_files_and_summary(make_results, monkeypatch, capsys):
    """Its tables are made once, for the page, reproduction.json and the command's own output."""
    table = {"number": "Table 1", "title": "t", "columns": [{"head": "accuracy", "show": "test_accuracy"}]}
    table["rows"] = [{"label": "1", "test_accuracy": 0.8}, {"label": "2", "test_accuracy": 0.8}]
    folder = make_results({**AXES, "original": {"title": "A report", "table": [table]}})
    calls, real = [], load(SettingsTable.maker)
    monkeypatch.setattr(SettingsTable, "maker", lambda *given: calls.append(given) or real(*given))
    report = reproduction_of_the_command(folder)
    assert len(calls) == 1
    assert "Reproduction of A report" in Reader(report.read_text("utf-8")).text
    assert "Reproduction of A report" in capsys.readouterr().out
    assert (report.parent / "reproduction.json").exists()
    hg.reproduction(folder)
    assert len(calls) == 2


def reproduction_of_the_command(folder):
    """What `handgrad report` does."""
    from handgrad.cli.studies import report

    report(folder)
    return folder / "report" / "index.html"
