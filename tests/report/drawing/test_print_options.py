"""Figures for a column of 3.3 inches, in any font: as wide as asked for, legible, and told apart without colour."""

import io
import re
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fontTools import subset
from fontTools.ttLib import TTFont

from handgrad import build_report
from handgrad.errors import CrampedWarning, InputError
from handgrad.report.drawing import pdf_fonts
from handgrad.report.drawing.canvas import drawn, save_prints
from handgrad.report.drawing.lettering import check_fonts
from handgrad.report.figures.palette import CONTEXT, LINES, line_style, shade
from handgrad.report.figures.palette import LineStyle as Style
from handgrad.report.figures.search_shapes import Dots, Scatter, ScatterPanel
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.study.published.print_options import PrintOptions
from handgrad.study.reading.loading import make_study
from tests.report.drawing.test_canvas import CURVES, MATRIX, PREDICTIONS, RANKING

SINGLE = PrintOptions(column="single")
X = np.arange(1.0, 101)
TWELVE = Curves(
    "twelve",
    "Twelve",
    "c",
    (
        Panel(
            "a", "epoch", "accuracy", tuple(Line(f"{i}: setting", X, X * i, style=line_style(i)) for i in range(LINES))
        ),
    ),
)

SOME = (CURVES, RANKING, MATRIX, PREDICTIONS, TWELVE)


def inches(path):
    return int.from_bytes(path.read_bytes()[16:20]) / 160  # PNG's header holds the width


@pytest.mark.parametrize("figure", SOME, ids=lambda figure: figure.name)
def test_files_are_as_wide_as_asked_for(figure, tmp_path):
    for options, width in ((SINGLE, 3.3), (PrintOptions(column="double"), 7.0)):
        (path,) = save_prints(figure, tmp_path, ["png"], options)
        assert inches(path) == pytest.approx(width, abs=0.03)


@pytest.mark.parametrize("figure", SOME, ids=lambda figure: figure.name)
def test_letters_are_legible_in_a_column(figure):
    drawing = drawn(figure, SINGLE)
    sizes = [text.get_fontsize() for text in drawing.findobj(lambda one: hasattr(one, "get_fontsize"))
             if text.get_text().strip()]  # fmt: skip
    assert min(sizes) >= 5.5
    assert max(sizes) <= 10


def test_a_figure_that_is_too_narrow_says_so_once_in_our_words(tmp_path):
    """With all that is known of it; it is written all the same."""
    panels = tuple(Panel(f"{i}", "epoch", "accuracy", TWELVE.panels[0].lines, percent=True) for i in range(2))
    lines = tuple(replace(line, end=f"a long name {line.label}") for line in panels[0].lines[:3])
    figure = replace(TWELVE, panels=(replace(panels[0], lines=lines), panels[1]), columns=2)
    with pytest.warns(CrampedWarning) as heard:
        (path,) = save_prints(figure, tmp_path, ["png"], PrintOptions(width=2, font_size=20))
    assert [str(one.message) for one in heard] == [
        "figure 'twelve': 2 inches are too narrow for what is on it, and its file is 4.16 inches wide with parts that "
        "overlap; give it a greater width, a smaller font_size or less to show"
    ]
    assert path.exists()
    with pytest.warns(CrampedWarning, match="figure 'twelve': "):
        drawn(figure, PrintOptions(width=2, font_size=20))


@pytest.mark.parametrize(
    ("title", "said", "wider"),
    [
        ("validation-accuracy", "its file is {:.2f} inches wide", True),
        ("a", "parts of it overlap", False),  # 0.96, 0.98, … around the one epoch
    ],
)
def test_a_file_wider_than_asked_and_numbers_that_overprint_are_said(title, said, wider, tmp_path):
    line = Line("1", X, X) if wider else Line("1", X[:1], np.array([0.8812]))
    figure = replace(TWELVE, panels=(Panel(title, "epoch", "accuracy", (line,), percent=True),))
    with pytest.warns(CrampedWarning) as heard:
        (path,) = save_prints(figure, tmp_path, ["png"], PrintOptions(width=2))
    assert (inches(path) > 2.03) is wider
    (message,) = (str(one.message) for one in heard)
    assert f"2 inches are too narrow for what is on it, and {said.format(inches(path))}" in message


def test_the_size_of_letters_is_that_of_labels():
    assert drawn(TWELVE, PrintOptions(font_size=12)).axes[0].xaxis.label.get_fontsize() == 12
    assert drawn(TWELVE, SINGLE).axes[0].xaxis.label.get_fontsize() == 8
    assert drawn(TWELVE).axes[0].xaxis.label.get_fontsize() == 9


def test_lines_are_told_apart_without_colour():
    """A sign for each colour, and a dash for the second six; ordered colours and what is mere context have none."""
    axes = drawn(TWELVE).axes[0]
    looks = [(line.get_marker(), line.get_linestyle()) for line in axes.lines]
    assert len(set(looks)) == LINES
    starts = [line.get_markevery()[0] for line in axes.lines[:6]]
    assert starts == sorted(set(starts))
    plain = [Line("1", X, X, style=Style(shade(0.3))), Line("2", X, X, style=CONTEXT)]
    figure = Curves("plain", "P", "c", (Panel("a", "epoch", "accuracy", tuple(plain)),))
    assert [line.get_marker() for line in drawn(figure).axes[0].lines] == ["", ""]


@pytest.mark.parametrize("font", ["serif", "monospace", "DejaVu Serif"])
def test_a_font_of_ones_own_and_another_for_what_it_lacks(font, tmp_path):
    """The check mark is in none of them but DejaVu Sans; both are in the PDF."""
    (path,) = save_prints(PREDICTIONS, tmp_path, ["pdf"], PrintOptions(font=font))
    names = set(re.findall(rb"/BaseFont /\w+\+([\w-]+)", path.read_bytes()))
    first = {"serif": b"STIXGeneral", "monospace": b"DejaVuSansMono"}.get(font, b"DejaVuSerif")
    assert any(name.startswith(first) for name in names)
    assert len(names) == 1 + (b"DejaVuSans" in names)


def fonts_of(path):
    """The fonts in a PDF, by fontTools."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    contents = [zlib.decompress(one) for one in streams if one[:1] == b"x"]
    return [TTFont(io.BytesIO(one)) for one in contents if one[:4] == b"\0\1\0\0"]


def test_fonts_in_a_pdf_have_their_letters_and_no_rules_for_setting_text(tmp_path):
    """matplotlib has set it; to cut those tables down took most of a PDF's time.  Of others' PDFs nothing changes."""
    usual = subset.Subsetter
    (path,) = save_prints(MATRIX, tmp_path, ["pdf"])
    assert subset.Subsetter is usual
    (font,) = fonts_of(path)
    assert {"glyf", "loca", "hmtx"} <= set(font.keys())
    assert not {"GDEF", "GPOS", "GSUB", "fpgm"} & set(font.keys())
    assert {"c", "t", "dollar", "percent", "Q"} <= set(font.getGlyphOrder())  # the usual letters, of every figure


def test_a_pdf_with_unusual_letters_has_those_and_is_the_same_whatever_was_drawn_before(tmp_path, monkeypatch):
    figure = replace(MATRIX, classes=("кот", "$dog", "<i>"))
    (path,) = save_prints(figure, tmp_path, ["pdf"])
    letters = [set(font.getBestCmap()) for font in fonts_of(path)]
    (own,) = (found for found in letters if ord("к") in found)
    assert set(map(ord, "кот")) <= own
    assert ord("Q") not in own
    content = path.read_bytes()
    monkeypatch.setattr(pdf_fonts, "_LETTERS", {})
    save_prints(figure, tmp_path, ["pdf"])
    assert path.read_bytes() == content


def test_a_font_that_is_not_here_is_refused():
    with pytest.raises(InputError, match=r"font is an unknown font 'Nothing Sans'.*install it"):
        drawn(PREDICTIONS, PrintOptions(font="Nothing Sans"))


def test_fonts_of_a_study_are_refused_before_it_runs(make_results):
    """All of them at once; a report that cannot be drawn leaves the one that is there."""
    figures = [{"title": "A", "kind": "epochs", "font": "Nothing Sans"}, {"title": "B", "kind": "epochs"}]
    study = make_study({"name": "s", "report": {"font": "Nowhere"}, "figure": figures})
    with pytest.raises(InputError) as error:
        check_fonts(PrintOptions(font="serif"), study)
    report, figure = str(error.value).splitlines()
    assert report.startswith("report.font is an unknown font 'Nowhere'. Known: sans-serif, serif, monospace, ")
    assert figure.startswith("figure 'A': font is an unknown font 'Nothing Sans'")
    folder = make_results({"seeds": 1, "report": {"font": "Nowhere"}})
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text("the last one")
    with pytest.raises(InputError, match=r"^report.font is an unknown font 'Nowhere'"):
        build_report(folder)
    with pytest.raises(InputError, match=r"^font is an unknown font 'Nothing'"):
        build_report(folder, font="Nothing")
    assert [(path.name, path.read_text()) for path in (folder / "report").iterdir()] == [("index.html", "the last one")]


def test_what_is_nearest_to_a_figure_counts():
    own, around = PrintOptions(width=4, font="serif"), PrintOptions(column="single", font_size=10)
    assert own.over(around) == PrintOptions(width=4, font="serif", font_size=10)
    assert PrintOptions().over(around) == around
    assert own.over(PrintOptions()).inches == 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"column": "tripple"},
            r"column must be single \(3.3 inches\) or double \(7 inches\); got 'tripple'; any other width",
        ),
        ({"column": ["single"]}, r"column must be single .*; got \['single'\]"),
        ({"width": 1}, r"width must be a number of inches in \[2, 20\]; got 1"),
        ({"width": 3, "column": "single"}, r"width and column both say how wide .*; got 3 and 'single'; keep one"),
        ({"font_size": "big"}, r"font_size must be a number of points in \[4, 24\]; got 'big'"),
        ({"font": ""}, r"font must be text, and not empty"),
        ({"colour": 1}, r"unknown key 'colour'|colour"),
    ],
)
def test_wrong_options_of_a_study_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        make_study({"report": given})
    with pytest.raises(InputError, match=said):
        make_study({"figure": [{"title": "T", "kind": "epochs", **given}]})


def test_numbers_and_titles_of_panels_side_by_side_do_not_overlap_and_are_what_they_say():
    x = np.array([0.80, 0.825, 0.87, 0.905])
    dots = (Dots("went on", "dot", "#0072B2", tuple("abcd"), x, x),)
    panels = tuple(ScatterPanel(f"epoch {n} and epoch 16", "at", dots, percent_x=True) for n in (2, 4, 8))
    drawing = drawn(Scatter("rungs", "t", "c", "accuracy", panels, (0.7, 1.0), percent=True), SINGLE)
    for axes in drawing.axes:
        low, high = axes.get_xlim()
        shown = [text for text in axes.get_xticklabels() if low <= text.get_position()[0] <= high]
        assert [text.get_text() for text in shown] == [f"{100 * text.get_position()[0]:.6g} %" for text in shown]
        boxes = [text.get_window_extent() for text in shown]
        assert len(boxes) > 1
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    first, second = (axes.title.get_window_extent() for axes in drawing.axes[:2])
    assert first.x1 < second.x0
