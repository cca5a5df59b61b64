"""An explanation that runs: it finds what a table was made with, runs nothing twice, and goes on after an interrupt."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

import handgrad as hg
from handgrad.study.explain.explain_plan import ExplainPlan
from handgrad.study.explain.explain_study import explain_study, going_on
from handgrad.study.explain.ladder import Rung
from handgrad.study.explain.rows import PublishedRow
from handgrad.study.explain.rung_results import (
    RungResult,
    alike_in,
    nearly_alike_in,
    read_explanation,
    rung_result,
)
from handgrad.study.explain.space import Alternative, Reading
from handgrad.study.published.numbers import published
from handgrad.study.rules.published_cells import PublishedCell, ReadingCell
from handgrad.study.rules.ranked_readings import rank
from handgrad.study.rules.variances import to_scale

SLIP = "gradient-averaged-twice"  # batches of 20: a learning rate that is 20 times too small
RATES = {"training.optimizer.lr": [0.1, 0.3, 1.0]}
READINGS = {
    "gradient": {"averaged twice": {"training.slips": [SLIP]}, "doubled": {"training.slips": ["gradient-doubled"]}},
    "loss": {"squares": {"training.loss": "squared-error"}, "half of them": {"training.loss": "half-squared-error"}},
    "order": {"fixed": {"training.slips": ["same-order-every-epoch"]}},
}


@pytest.fixture(scope="module")
def table(folder, tmp_path_factory):
    """What a program with the slip published: three seeds of its own, mean and standard deviation (ddof 1)."""
    tables = {
        "name": "program",
        "seeds": [101, 102, 103],
        "data": {"name": str(folder / "clouds.npz"), "validation": {"size": 60}, "test": {"size": 60}},
        "network": {"hidden": 8},
        "training": {"batch_size": 20, "epochs": 6, "slips": [SLIP]},
        "grid": RATES,
    }
    settings = hg.run_study(tables, tmp_path_factory.mktemp("program"), jobs=1).settings()
    return [
        {"label": str(n), "test_accuracy": [round(mean, 3), round(std, 3)]}
        for n, (mean, std) in enumerate(
            zip(settings["test_accuracy_mean"], settings["test_accuracy_std"], strict=True), start=1
        )
    ]


@pytest.fixture
def study(make, table):
    columns = [{"head": "lr", "show": "training.optimizer.lr"}, {"head": "accuracy", "show": "test_accuracy"}]
    original = {
        "title": "a program",
        "n": 3,
        "table": [{"number": "Table 1", "title": "t", "columns": columns, "rows": table}],
    }
    return make(
        seeds=3,
        training={"batch_size": 20, "epochs": 6},
        grid=RATES,
        original=original,
        explain={"reading": READINGS},
    )


def ranking(results):
    found = read_explanation(results)
    return [(found.readings[int(fit.name)].name, fit.log_likelihood) for fit in found.rungs[-1].ranking.readings]


def test_the_slip_is_found_and_nothing_runs_twice(study, tmp_path):
    finished = []
    results = explain_study(
        study, tmp_path / "out", jobs=1, observer=lambda event: finished.append(event.run) if event.run else None
    )
    found = read_explanation(results)
    assert found.best.slips == (SLIP,)
    assert found.finished
    assert found.rungs[-1].ranking.unexplained == ()
    assert len({one.id for one in results.cells()}) == len(list((tmp_path / "out" / "runs").iterdir()))
    again = []
    more = explain_study(study, tmp_path / "out", jobs=1, observer=lambda event: again.append(event.kind))
    assert finished
    assert "run started" not in again
    assert ranking(more) == ranking(results)


def test_workers_and_an_interrupt_change_nothing(study, tmp_path):
    whole = explain_study(study, tmp_path / "whole", jobs=1)
    count = 0

    def interrupt(event):
        nonlocal count
        count += event.kind == "run finished"
        if count == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain_study(study, tmp_path / "part", jobs=1, observer=interrupt)
    part = hg.Results.open(tmp_path / "part")
    assert part.state == "interrupted"
    assert not read_explanation(part).finished
    assert ranking(explain_study(study, tmp_path / "part", jobs=2)) == ranking(whole)


def test_the_file_as_it_is_written_goes_on_to_the_last_rung(study, tmp_path):
    found = read_explanation(explain_study(study, tmp_path, jobs=1))
    assert all(0 in rung.readings for rung in found.rungs)
    assert found.rungs[-1].final


def test_another_study_is_no_explanation(make, tmp_path):
    results = hg.run_study(make(grid=RATES), tmp_path, jobs=1)
    assert read_explanation(results) is None
    assert hg.explanation(results).empty


def test_the_frame_has_the_readings_best_first(study, tmp_path):
    frame = hg.explanation(explain_study(study, tmp_path, jobs=1))
    assert SLIP in frame.iloc[0]["slips"]
    assert frame["weight"].sum() == pytest.approx(1.0)
    assert "Table 1, 1: test_accuracy" in frame.columns


def test_readings_of_the_very_same_numbers_are_left_to_one(make, table, tmp_path):
    """Half the squares with twice their gradient are the squares."""
    same = {"loss": READINGS["loss"], "gradient": {"doubled": {"training.slips": ["gradient-doubled"]}}}
    columns = [{"head": "lr", "show": "training.optimizer.lr"}, {"head": "accuracy", "show": "test_accuracy"}]
    items = [{"number": "Table 1", "title": "t", "columns": columns, "rows": table}]
    study = make(grid=RATES, original={"title": "a program", "table": items}, explain={"reading": same})
    found = read_explanation(explain_study(study, tmp_path, jobs=1))
    by_name = {reading.name: reading.number for reading in found.readings}
    squares, halves = by_name["loss: squares"], by_name["loss: half of them; gradient: doubled"]
    assert alike_in(found.rungs[0])[halves] == squares


def test_what_cheaper_runs_cannot_show_goes_on():
    """Reading 2 gave the numbers of 1, and 4 those of 3, which is left behind; 5 those of 1 by two departures."""
    values = {0: 0.5, 1: 0.9, 2: 0.9, 3: 0.1, 4: 0.1, 5: 0.9}
    departures = {0: 0, 1: 1, 2: 1, 3: 1, 4: 1, 5: 2}
    printed = {"0: test_accuracy": PublishedCell(0.9, scored=1000)}
    cells = {str(n): {"0: test_accuracy": ReadingCell((value,), 1000)} for n, value in values.items()}
    ranking = rank(printed, cells, {str(n): count for n, count in departures.items()})
    by_cell = {(n, 0, "test_accuracy"): (value,) for n, value in values.items()}

    def after(share):
        return RungResult("rung 1", share, False, (0,), tuple(values), by_cell, ranking, 6)

    last, readings = Rung(2, 1.0, 1, final=True, alike=1), tuple(map(Reading, values))
    assert going_on(after(0.25), last, 1, readings) == ([0, 1, 2], {4: 3, 5: 1})
    assert going_on(after(1.0), last, 1, readings) == ([0, 1], {2: 1, 4: 3, 5: 1})


def test_what_departs_in_more_and_gives_nearly_the_same_waits():
    """Of .900 and .905 by (loss), (loss, order) the second waits, and goes on after what gave the very numbers; not
    where it is another respect, whole runs say it, its run is a larger share, or .95 is far from .900."""
    loss, order, biases = (Alternative(name, name, slips=(name,)) for name in ("loss", "order", "biases"))
    readings = (Reading(0), Reading(1, (loss,)), Reading(2, (order,)), Reading(3, (loss, order)), Reading(4, (biases,)))
    printed = {"0: test_accuracy": PublishedCell(0.9, scored=1000)}

    def after(values, share=0.25, own=None):
        cells = {str(n): {"0: test_accuracy": ReadingCell((value,), 1000)} for n, value in enumerate(values)}
        ranking = rank(printed, cells, {str(reading.number): reading.departures for reading in readings})
        by_cell = {(n, 0, "test_accuracy"): (value,) for n, value in enumerate(values)}
        shares = {(n, 0): share for n in range(5)} | ({} if own is None else {(3, 0): own})
        return RungResult("rung 1", share, False, (0,), tuple(range(5)), by_cell, ranking, 5, shares)

    near = after([0.5, 0.9, 0.8, 0.905, 0.9])
    assert nearly_alike_in(near, readings) == {3: 1}
    last = Rung(2, 1.0, 1, final=True, alike=1)
    assert going_on(near, last, 1, readings) == ([0, 1, 4], {})
    assert going_on(near, replace(last, alike=2), 1, readings) == ([0, 1, 3, 4], {})
    assert nearly_alike_in(after([0.905, 0.9, 0.8, 0.95, 0.9]), readings) == {}
    assert nearly_alike_in(after([0.5, 0.9, 0.8, 0.905, 0.9], share=1.0), readings) == {}
    assert nearly_alike_in(after([0.5, 0.9, 0.8, 0.905, 0.9], own=0.5), readings) == {}


ACCURACY = {"cheap": 0.5, "dear": 0.8, "dearer": 0.85, "whole": 0.9, "diverged": None}


def after(share, labels, before, whole=False):
    """A rung in which reading 0, the file, has the first label on both rows, and so on; the last one's runs are whole
    where that is said.  The file in full comes to .9, as the published number."""
    row = PublishedRow("Table 1", "1", {"test_accuracy": published(0.9)}, 1, {})
    rows = (row, replace(row, label="2"))
    readings = tuple(map(Reading, range(len(labels))))

    def records(label):
        facts = SimpleNamespace(classes=range(10), counts={"test": 1000})
        scores = {} if ACCURACY[label] is None else {"test_accuracy": ACCURACY[label]}
        status = "done" if scores else "diverged"
        return [SimpleNamespace(id=label, status=status, dataset=facts, scores=scores)]

    last = str(len(labels) - 1)
    rung = {
        "name": "",
        "share": share,
        "final": False,
        "rows": [0, 1],
        "labels": {str(n): [label, label] for n, label in enumerate(labels)},
        "shares": {str(n): [1.0 if whole and str(n) == last else share] * 2 for n in range(len(labels))},
        "in_full": ["whole", "whole"] if before is None else [],
    }
    return rung_result(rung, rows, [{}, {}], readings, 0, records, before)


def first_cells(rung):
    return {fit.name: fit.cells["0: test_accuracy"] for fit in rung.ranking.readings}


def test_whole_runs_of_a_cheaper_rung_are_taken_as_they_are():
    """Two readings gave .5 on both rows by cheaper runs and .8 by dearer ones; the third gave .9 by whole runs."""
    first = after(0.0625, ["cheap", "cheap", "whole"], None, whole=True)
    second = after(0.25, ["dear", "dear", "whole"], first, whole=True)
    assert [cell for cell, share in second.shares.items() if share == 1] == [(2, 0), (2, 1)]
    cells = first_cells(second)
    assert cells["2"].cheap == 0
    assert abs(cells["2"].residual) < 0.05
    assert cells["0"].cheap > 0.5
    shift = float(to_scale(0.9) - to_scale(0.8)) / 2  # half of what the file still gains from .8, as the reading does
    expected = float(to_scale(0.9) - to_scale(0.8) - shift) / cells["0"].deviation
    assert cells["0"].residual == pytest.approx(expected, abs=0.02)


def test_the_file_in_full_says_how_far_cheaper_runs_are_from_whole_ones():
    """At .5 the file has more to gain than at .85: so has another reading at .85.  One at .5 may be slow, and come to
    what the file comes to, less so in runs that are nearly whole."""
    early, late = after(0.01, ["cheap", "dearer"], None), after(0.01, ["dearer", "cheap"], None)
    assert early.written == {(0, "test_accuracy"): 0.9, (1, "test_accuracy"): 0.9}
    assert first_cells(early)["1"].deviation > first_cells(late)["0"].deviation
    slow, nearly = first_cells(late)["1"], first_cells(after(0.64, ["dearer", "cheap"], None))["1"]
    assert abs(slow.residual) < 1.2 < 2 < abs(nearly.residual)
    lost = after(0.01, ["diverged", "cheap"], None)  # then nothing is known of it
    assert first_cells(lost)["1"].deviation < slow.deviation


@pytest.fixture
def dear(monkeypatch):
    """As if runs took long: cheaper ones first, and four readings in full."""
    for name in ("ladder.WORK", "ladder.WORK_IN_FULL", "explain_plan.OVERHEAD"):
        monkeypatch.setattr(f"handgrad.study.explain.{name}", 1e-12)


@pytest.mark.usefixtures("dear")
def test_the_file_runs_whole_beside_the_first_rung(study):
    plan = ExplainPlan(study)
    (rung,) = plan.rungs_run
    settings = {one.label: one for one in plan.phases[0].settings}
    beside = [settings[label] for label in rung["in_full"]]
    assert rung["share"] < 1
    assert [one.setting.training.epochs for one in beside] == [6, 6, 6]
    assert {one.label for one in beside}.isdisjoint(label for names in rung["labels"].values() for label in names)
    assert [len(one.runs) for one in beside] == [1, 1, 1]


@pytest.mark.usefixtures("dear")
def test_a_ladder_of_cheaper_runs_finds_the_slip(study, tmp_path):
    """Results of an older version, without the file in full, are read too."""
    results = explain_study(study, tmp_path, jobs=1)
    found = read_explanation(results)
    assert len(found.rungs) == 2
    assert found.best.slips == (SLIP,)
    page = hg.build_report(tmp_path, formats=[]).read_text("utf-8")
    assert "The file as it is written ran in full beside the first rung" in page
    del results.plan["explain"]["rungs"][0]["in_full"]
    assert read_explanation(results).rungs[0].written == {}


def test_the_page_is_made_from_the_folder_alone(study, tmp_path):
    explain_study(study, tmp_path / "here", jobs=1)
    shutil.move(tmp_path / "here", tmp_path / "there")
    page = hg.build_report(tmp_path / "there", formats=[]).read_text("utf-8")
    assert "What explains the numbers" in page
    assert "The best reading has a slip: gradient-averaged-twice: do/m², instead of do/m" in page
    names = {path.name for path in (tmp_path / "there" / "report" / "tables").iterdir()}
    assert {"readings.csv", "readings-by-rows.csv", "rows-explained.csv", "readings-by-rows.tex"} <= names
