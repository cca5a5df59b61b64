"""Signs that the font lacks, and names of any length: no box, no warning, and what is missing is said."""

import logging
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import font_manager

from handgrad.report.build import build_report
from handgrad.report.drawing import lettering as fonts
from handgrad.report.drawing.canvas import draw, save_prints
from handgrad.report.drawing.charts import row_labels
from handgrad.report.drawing.lettering import cut, lettered, spaced, told_apart, without_font
from handgrad.report.figures.row_shapes import Ranking, RankingRow
from handgrad.report.figures.shapes import Curves, Line, Matrix, Panel, Pictures, Predictions

NAMES = ("日本語", "犬 dog", "שלום", "مرحبا", "🐈\ufe0f cat", r"a$b_%^{\frac}$", "x" * 10_000, "9\tb\x07\nc")
X = np.arange(1.0, 9)
LINES = tuple(Line(f"{i}: name {name}", X, X / 30 + i, end=name) for i, name in enumerate(NAMES))
K = len(NAMES)
EVERY = [
    Matrix("matrix", "犬", "猫", NAMES, np.arange(K * K).reshape(K, K)),
    Curves("curves", "犬", "猫", tuple(Panel(name, "epoch", "accuracy", LINES) for name in NAMES[4:])),
    Curves("small", "犬", "猫", tuple(Panel(name, "epoch", "accuracy", LINES) for name in NAMES), small=True),
    Ranking("ranking", "犬", "猫", "accuracy", tuple(RankingRow(name, {0: 0.9}, 0.9, 0.8, 1.0) for name in NAMES)),
    Predictions("predictions", "犬", "猫", None, tuple(range(K)), NAMES, NAMES, NAMES[::-1], NAMES),
    Pictures("pictures", "犬", "猫", np.zeros((K, 4, 4)), NAMES, 1.0),
]


def test_long_names_of_settings_keep_what_tells_them_apart():
    layers = "layers [dense {} relu, dropout 0.25, dense 10 relu, dropout 0.5, dense 3 softmax], loss cross-entropy"
    names = [
        f"{n}: {layers.format(width)}, optimizer [adam(lr=0.001, beta1=0.9, beta2={beta})], batch size {size}"
        for n, (width, beta, size) in enumerate([(12, 0.99, 8), (13, 0.99, 8), (13, 0.999, 8), (13, 0.999, 16)])
    ]
    found = told_apart(names, 40)
    assert found[3] == "3: layers …dense 13…, beta2=0.999, batch\nsize 16"
    assert len(set(found)) == 4
    assert all(len(line) <= 40 for name in found for line in name.split("\n"))
    notes = row_labels([RankingRow(name, {0: 0.9}, 0.9, 0.8, 1.0, note="1 of 3 diverged") for name in names], 40)
    assert notes[0] == "0: layers …dense 12…, beta2=0.99, batch\nsize 8 — 1 of 3 diverged"


@given(st.lists(st.text(max_size=80), min_size=1, max_size=4), st.integers(8, 60))
def test_names_of_settings_fit_on_two_lines(texts, most):
    names = [f"{n}: {text}" for n, text in enumerate(texts)]
    found = told_apart(names, most)
    assert len(found) == len(names)
    assert all(name.count("\n") <= 1 and max(map(len, name.split("\n"))) <= most for name in found)


@pytest.fixture
def own_fonts_only(monkeypatch):
    """A machine that has no font but matplotlib's own."""
    own = [entry for entry in font_manager.fontManager.ttflist if "mpl-data" in entry.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    fonts._families.cache_clear()
    yield
    fonts._families.cache_clear()


@pytest.mark.parametrize("figure", EVERY, ids=lambda figure: figure.name)
def test_any_name_can_be_drawn_without_a_word_of_matplotlib(figure, own_fonts_only, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        paths = save_prints(figure, tmp_path)  # warnings are errors here
    assert [path.suffix for path in paths] == [".png", ".svg", ".pdf"]
    assert caplog.records == []


def test_a_class_that_cannot_be_written_goes_by_its_number(own_fonts_only):
    found = lettered(EVERY[0])
    assert found.families == ("DejaVu Sans",)
    assert found.missing == ("日本語", "犬", "🐈\ufe0f")
    assert found.figure.classes[:5] == ("#0", "#1", "שלום", "مرحبا", "#4")
    (axes,) = draw(found.figure).axes
    assert [text.get_text() for text in axes.get_yticklabels()][:2] == ["#0", "#1"]
    predictions = lettered(EVERY[4]).figure
    assert (predictions.actual[0], predictions.after[0], predictions.after[-1]) == ("#0", "9\tb\nc", "#0")
    ranking = lettered(EVERY[3]).figure
    assert [row.label for row in ranking.rows[:2]] == ["?", "? dog"]
    assert without_font(found.missing).startswith("no font here has the signs of 日本語, 犬 and 🐈")


def test_another_font_of_this_machine_lends_its_signs(own_fonts_only):
    """STIX, which matplotlib has too, knows a wrist watch that DejaVu Sans does not."""
    found = lettered(replace(EVERY[0], classes=("⌚", *"bcdefgh")))
    assert found.families[0] == "DejaVu Sans"
    assert any(name.startswith("STIX") for name in found.families)
    assert not any(name.startswith("Last Resort") for name in found.families)  # which has a box for every sign
    assert (found.figure.classes[0], found.missing) == ("⌚", ())


def test_ordinary_words_are_left_alone():
    figure = replace(EVERY[0], classes=tuple("abcdefgé"))
    assert lettered(figure).figure is figure


def test_a_report_says_once_what_no_font_has(own_fonts_only, make_results):
    said = []
    page = build_report(make_results(classes=["日本語", "犬", "c"]), formats=["png"], say=said.append)
    assert len(said) == 1
    assert said[0].startswith(
        "no font here has the signs of 日本語 and 犬: figures for print show the numbers of classes"
    )
    text = page.read_text("utf-8")
    assert "No font here has the signs of" in text
    assert text.count("日本語") > 3  # the page has the browser's fonts


def test_long_names_keep_both_ends():
    assert cut("hidden 100, lr 0.01, batch size 32", 20) == "hidden 100, l…ize 32"
    assert len(cut("x" * 10_000, 14)) == 14


PLACES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(PLACES, st.floats(0.001, 0.3))
def test_names_are_apart_in_order_and_inside(wanted, gap):
    found = spaced(wanted, gap)
    gap = min(gap, 1 / max(len(wanted) - 1, 1))
    ordered = [found[i] for i in np.argsort(wanted, kind="stable")]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(ordered))
    assert min(found) >= -1e-9
    assert max(found) <= 1 + 1e-9


@given(PLACES)
def test_names_that_do_not_collide_stay_where_they_belong(wanted):
    if min(np.diff(sorted(wanted)), default=1) >= 0.01:
        np.testing.assert_allclose(spaced(wanted, 0.01), wanted, atol=1e-9)


def test_blocks_that_meet_are_joined():
    assert spaced([0.3, 0.3, 0.42, 0.42], 0.1) == [0.21, 0.31, 0.41, 0.51]
