"""The chapter of the figures that a study asks for, from invented records."""

import csv

import pytest

from handgrad.report import build_report
from tests.report.conftest import Outcome
from tests.report.page.test_page import EVIL, Reader

GRID = {"seeds": 2, "grid": {"training.optimizer.lr": [0.01, 0.1], "network.hidden": [4, 6]}}
LATER = {"phase": [{"name": "batch size", "grid": {"training.batch_size": [8, 16]}}]}


def lines(report, name):
    """The names of the lines of a figure, from its file."""
    with (report / "figures" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(dict.fromkeys(row["line"] for row in csv.DictReader(file)))


def reported(make_results, *figures, **more):
    folder = make_results(GRID | {"figure": list(figures)} | more)
    path = build_report(folder, formats=["svg"])
    return path.parent, Reader(path.read_text("utf-8"))


def test_figures_stand_in_a_chapter_of_their_own_in_the_order_of_the_file(make_results):
    report, page = reported(
        make_results,
        {"title": "Two losses", "kind": "step-loss", "settings": ["1", "4"], "note": "Seen by us."},
        {"title": "Everything", "kind": "epochs", "options": {"measures": "accuracy"}},
        {"title": "Where it errs", "kind": "confusion", "phase": "batch size"},
        {"title": "Narrow", "kind": "epochs", "settings": {"network.hidden": 4}},
        **LATER,
    )
    assert lines(report, "own-two-losses") == ["1: lr 0.01, hidden 4", "4: lr 0.1, hidden 6"]
    assert [name[0] for name in lines(report, "own-everything")] == ["1", "2", "3", "4"]
    assert [name[0] for name in lines(report, "own-narrow")] == ["1", "3"]
    assert (report / "figures" / "own-where-it-errs.svg").exists()  # of the winner, as this kind shows one
    text = page.text[page.text.index("Two losses") :]
    order = ["Two losses", "Seen by us.", "Everything", "Where it errs", "Narrow", "The best setting"]
    assert sorted(order, key=text.index) == order
    assert page.text.index("Phase 2: batch size") < page.text.index("Figures that the study asks for Two losses")


def test_a_figure_of_which_nothing_came_says_so(make_results):
    folder = make_results(
        GRID | {"figure": [{"title": "Nothing", "kind": "epochs"}, {"title": "Seed", "kind": "step-loss"}]},
        lambda setting, seed: Outcome(0.5, "pending"),
    )
    text = Reader(build_report(folder, formats=[]).read_text("utf-8")).text
    assert "Nothing No figure: the records hold nothing of it. Seed No figure: the records hold nothing of it." in text


def test_a_study_without_figures_has_no_such_chapter(make_results):
    assert "asks for" not in Reader(build_report(make_results(GRID), formats=[]).read_text("utf-8")).text


def test_figures_stand_beside_those_of_an_original(make_results):
    table = {"number": "Table 1", "title": "T", "columns": [{"head": "Run", "show": "original"}]}
    rows = [{"label": label} for label in "abcd"]
    original = {"title": "Digits", "table": [{**table, "rows": rows}]}
    report, page = reported(make_results, {"title": "Ours", "kind": "step-loss", "settings": ["b"]}, original=original)
    assert lines(report, "own-ours") == ["b"]
    assert "Ours, added" not in page.text


@pytest.mark.parametrize("key", ["title", "note"])
def test_whatever_the_user_writes_is_text(make_results, key):
    _, page = reported(make_results, {"title": "T", "kind": "epochs", key: EVIL})
    assert EVIL in page.text


def test_titles_of_any_length_and_alphabet_have_files_of_their_own(make_results):
    """Names of 255 letters are the most that file systems take; Windows' reserved names never stand alone."""
    long = "T" * 400
    titles = [long, long + "!", long[:-1] + "é", "犬", "猫", "CON", "a/b: *?<|>\\", "..", "$x_1$ %s {0}"]
    report, page = reported(make_results, *({"title": title, "kind": "confusion"} for title in titles[:1] + titles[2:]))
    made = sorted(path.stem for path in (report / "figures").glob("own-*.csv"))
    assert len(made) == len(titles) - 1
    assert all(len(name) < 80 and name.isascii() for name in made)
    assert {"own-con", "own-a-b", "own-item", "own-x-1-s-0"} < set(made)
    assert long in page.text
