"""Drawers: what is on the axes, and the same bytes for the same numbers."""

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from handgrad.report.drawing import text_layouts
from handgrad.report.drawing.canvas import draw, save_prints
from handgrad.report.drawing.grids import signed_colours
from handgrad.report.figures.axis_shapes import HeatMap
from handgrad.report.figures.palette import CONTEXT, line_style
from handgrad.report.figures.row_shapes import Ranking, RankingRow
from handgrad.report.figures.search_shapes import Stripe, Timeline
from handgrad.report.figures.shapes import Curves, Key, Line, Matrix, Panel, Pictures, Predictions
from handgrad.report.page.page_grids import png_uri
from handgrad.study.published.figure_options import figure_shape, load

X = np.arange(1.0, 21)
BAND = Line("1: lr 0.1", X, X / 30, X / 30 - 0.02, X / 30 + 0.02)
PLAIN = Line("2: <b> $x$", X, X / 40, style=line_style(7))
GREY = Line("3: context", X, X / 50, style=CONTEXT)
CURVES = Curves(
    "curves",
    "Learning curves",
    "c",
    (
        Panel("training accuracy", "epoch", "accuracy", (BAND, PLAIN, GREY), percent=True),
        Panel("validation accuracy", "epoch", "accuracy", (BAND,), percent=True),
        Panel("training loss", "epoch", "loss", (Line("1: lr 0.1", X, 10.0 ** (-X / 5)),), log_y=True),
    ),
)
RANKING = Ranking(
    "ranking",
    "Settings",
    "c",
    "validation accuracy",
    (
        RankingRow("1: $a$", {0: 0.91, 1: 0.93}, 0.92, 0.80, 1.04, best=True, shaded=True, word="best"),
        RankingRow("2: b" * 30, {0: 0.9}, 0.9, None, None, shaded=True, word="not separated", note="1 of 2 diverged"),
        RankingRow("3: c", {}, None, None, None),
    ),
    percent=True,
    best_at=0.92,
    margin=0.01,
)
MATRIX = Matrix("confusion", "Confusion", "c", ("cat", "$dog", "<i>"), np.array([[8, 2, 0], [0, 9, 1], [0, 0, 1200]]))
PICTURES = Pictures("weights", "Weights", "c", np.linspace(-1, 1, 5 * 16).reshape(5, 4, 4), tuple("abcde"), 1.0, 3)
COLOUR = Pictures("colour", "Weights", "c", np.linspace(-1, 1, 2 * 48).reshape(2, 4, 4, 3), ("a", "b"), 1.0, 2)
HEAT_MAP = HeatMap(
    "heat-map", "Heat map", "c", "lr", "hidden", ("0.1", "1"), ("8", "16"), np.array([[0.7, 0.8], [0.9, 0.6]]),
    np.full((2, 2), 3), np.array([[0, 0], [0, 1]]), (1, 0), 0.6, 0.9, "accuracy", percent=True,
)  # fmt: skip
SAMPLES = np.random.default_rng(0).random((2, 4, 4))
PREDICTIONS = Predictions("predictions", "Predictions", "c", SAMPLES, (0, 1), ("a", "b"), ("b", "b"), ("a", ""))
BLIND = Predictions("blind", "Predictions", "c", None, (0,), ("a",), ("b",), ("a",))


def plots(figure):
    """The plots that the page has of a figure."""
    return [plot for _, plot in load(figure_shape(type(figure).__name__).page)(figure)["plots"]]


ALL = [CURVES, RANKING, MATRIX, PICTURES, COLOUR, PREDICTIONS, BLIND]


@pytest.mark.parametrize("figure", ALL, ids=lambda figure: figure.name)
def test_the_same_numbers_give_the_same_bytes(figure, tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
        save_prints(figure, folder)
    names = sorted(path.name for path in first.iterdir())
    assert names == [f"{figure.name}.{form}" for form in ("pdf", "png", "svg")]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.parametrize("figure", [CURVES, HEAT_MAP], ids=lambda figure: figure.name)
def test_a_pdf_is_the_same_with_an_svg_and_without_and_lacks_nothing_of_it(figure, tmp_path):
    svg, pdf = save_prints(figure, tmp_path, ["svg", "pdf"])
    content = pdf.read_bytes()
    save_prints(figure, tmp_path, ["pdf"])
    assert pdf.read_bytes() == content
    pictures = svg.read_text("utf-8").count("<image")
    assert pictures == (figure is HEAT_MAP)  # the bar of its colours
    assert content.count(b"/Subtype /Image") == pictures


def test_a_layout_that_is_kept_changes_nothing(tmp_path, monkeypatch):
    usual = Text._get_layout
    kept = [path.read_bytes() for path in save_prints(CURVES, tmp_path, ["png", "svg"])]
    assert Text._get_layout is usual
    monkeypatch.setattr(text_layouts, "KNOWN", ((0, 0), (0, 0)))  # as with a later matplotlib
    assert [path.read_bytes() for path in save_prints(CURVES, tmp_path, ["png", "svg"])] == kept


def test_the_users_own_style_changes_nothing(tmp_path):
    save_prints(RANKING, tmp_path, ["svg"])
    plain = (tmp_path / "ranking.svg").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        save_prints(RANKING, tmp_path, ["svg"])
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "ranking.svg").read_bytes() == plain


def test_a_line_a_setting_with_its_band_and_its_colour():
    first, second, loss = draw(CURVES).axes
    assert [line.get_label() for line in first.lines] == ["3: context", "1: lr 0.1", "2: <b> $x$"]
    assert [to_hex(line.get_color()).upper() for line in first.lines] == [
        CONTEXT.colour,
        line_style(0).colour,
        line_style(7).colour,
    ]
    assert len(first.collections) == 1  # one band
    assert first.lines[1].get_ydata().tolist() == BAND.y.tolist()
    assert first.get_ylim() == second.get_ylim()
    assert loss.get_yscale() == "log"
    assert (first.get_xlabel(), first.get_ylabel()) == ("epoch", "accuracy")


def test_the_legend_names_each_setting_once():
    (legend,) = draw(CURVES).legends
    assert [text.get_text() for text in legend.get_texts()] == ["1: lr 0.1", "2: <b> $x$"]


def test_a_ranking_has_a_row_a_setting():
    (axes,) = draw(RANKING).axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "1: $a$"
    assert labels[1].endswith("\n1 of 2 diverged")
    assert axes.get_ylim() == (2.5, -0.5)
    low, high = axes.get_xlim()
    assert low < 0.9
    assert 0.93 < high < 1.04
    cut = {(y, side) for y, row in enumerate(RANKING.rows) if row.low is not None for side, beyond in
           (("left", row.low < low), ("right", row.high > high)) if beyond}  # fmt: skip
    assert cut  # a wide interval runs off, and an arrow says so
    assert set(RANKING.cuts) == cut
    arrows = [line for line in axes.lines if line.get_marker() in ("<", ">")]
    assert {(int(line.get_ydata()[0]), {"<": "left", ">": "right"}[line.get_marker()]) for line in arrows} == cut


def test_a_timeline_has_a_bar_a_stretch_in_its_row_and_colour():
    stripes = (
        Stripe(0, 0.0, 2.0, 1, "1", ""),
        Stripe(1, 1.0, 4.0, 0, "2", ""),
        Stripe(0, 2.5, 3.0, 1, "3", ""),
    )
    key = Key("", (("#112233", "a"), ("#445566", "b")))
    axes = draw(Timeline("timeline", "Timeline", "c", "time (s)", ("one", "two"), stripes, key)).axes[0]
    bars = {
        to_hex(group.get_facecolor()[0]): [path.get_extents().bounds for path in group.get_paths()]
        for group in axes.collections
    }
    assert bars == {
        "#112233": [pytest.approx((1.0, 0.64, 3.0, 0.72))],
        "#445566": [pytest.approx((0.0, -0.36, 2.0, 0.72)), pytest.approx((2.5, -0.36, 0.5, 0.72))],
    }
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 4), (1.5, -0.5))


def test_a_matrix_says_count_and_percentage():
    (axes,) = draw(MATRIX).axes
    texts = [text.get_text() for text in axes.texts]
    assert texts[:4] == ["8", "80.0%", "2", "20.0%"]
    assert "1,200" in texts
    assert axes.images[0].get_array().tolist() == np.sqrt(MATRIX.shares).tolist()


def test_pictures_are_one_mosaic_with_their_names():
    (axes,) = draw(PICTURES).axes
    mosaic = axes.images[0].get_array()  # bytes
    for i, image in enumerate(PICTURES.images):
        text = axes.texts[i]
        assert text.get_text() == "abcde"[i]
        x, y = text.get_position()
        top, left = round(y + 0.5), round(x - 1.5)
        shades = (255 * signed_colours(image, 1.0)).astype(np.uint8)
        assert mosaic[top : top + 4, left : left + 4].tolist() == shades.tolist()
    assert (mosaic[:, 4] == 255).all()  # white between them


def test_predictions():
    axes = draw(PREDICTIONS).axes
    assert [text.get_text() for text in axes[0].texts] == ["actual: a", "before: b ✗", "after: a ✓"]
    assert [text.get_text() for text in axes[1].texts] == ["actual: b", "before: b ✓"]


def test_signed_colours_are_symmetric_about_a_neutral_zero():
    low, zero, high, beyond = signed_colours(np.array([[-2.0, 0.0, 2.0, 9.0]]), 2.0)[0]
    assert to_hex(low) == "#d55e00"
    assert to_hex(high) == to_hex(beyond) == "#0072b2"
    assert np.ptp(zero) == 0
    assert signed_colours(np.zeros((1, 1, 3)), 1.0).tolist() == [[[0.5, 0.5, 0.5]]]


@pytest.mark.parametrize("figure", [CURVES, RANKING], ids=lambda figure: figure.name)
def test_plotly_takes_what_the_page_gives_it(figure):
    import plotly.graph_objects as go

    for plot in plots(figure):
        go.Figure(plot)  # raises ValueError for a key or value that plotly does not know


def test_panels_with_one_label_share_their_range_on_the_page():
    first, second, loss = plots(CURVES)
    assert first["layout"]["yaxis"]["range"] == second["layout"]["yaxis"]["range"]
    assert loss["layout"]["yaxis"]["type"] == "log"
    assert loss["layout"]["yaxis"]["range"][0] == pytest.approx(-4 - 0.05 * 3.8, abs=1e-4)


def test_nothing_of_the_users_is_plotlys_markup():
    shown = [trace.get("hovertemplate", "") for plot in plots(CURVES) for trace in plot["data"]]
    assert any(text.startswith("2: &lt;b&gt; $x$<br>epoch %{x}") for text in shown)
    evil = Ranking("r", "t", "c", "val", (RankingRow("<a href='x'>%{y}</a>", {0: 1.0}, 1.0, None, None),))
    (plot,) = plots(evil)
    assert plot["layout"]["yaxis"]["ticktext"] == ["&lt;a href='x'&gt;%\u200b{y}&lt;/a&gt;"]


def test_pictures_of_the_page_are_png():
    assert png_uri(np.zeros((2, 2))).startswith("data:image/png;base64,iVBORw0KGgo")
    assert png_uri(np.zeros((2, 2, 3))).startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.3, 3.0, {"0.5", "1", "2"}),
        (0.001, 3.0, {"0.001", "0.01", "0.1", "1"}),
        (4e5, 2.5e6, {"500000", "1000000", "2000000"}),  # as tables write them
    ],
)
def test_a_logarithmic_axis_of_less_than_two_decades_has_numbers_between_its_powers(low, high, labels):
    line = Line("a", np.arange(2.0), np.array([low, high]))
    drawing = draw(Curves("f", "t", "c", (Panel("p", "epoch", "norm", (line,), log_y=True),)))
    (axes,) = drawing.axes
    ticks = [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]
    drawing.canvas.draw()
    low_end, high_end = axes.get_ylim()
    shown = {tick.label1.get_text() for tick in ticks if low_end <= tick.get_loc() <= high_end} - {""}
    assert shown == labels
