"""Figures that show examples of the data: classes by part, decision regions, activations of a chosen example."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba

import handgrad as hg
from handgrad.errors import InputError
from handgrad.network import passes
from handgrad.report.build import build_report
from handgrad.report.drawing.canvas import draw
from handgrad.report.figures.class_balance import balance_words, class_balance
from handgrad.report.figures.data_shapes import ClassBalance, LayerOutputs
from handgrad.report.figures.palette import RIGHT, WRONG
from handgrad.report.page.page_data import activations as activations_on_page
from handgrad.report.page.page_data import class_balance as class_balance_on_page
from handgrad.report.page.page_data import regions as regions_on_page
from handgrad.report.page.plotly_figure import plotly_figure
from handgrad.study.folder.store import read_data
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.split_cache import SplitCache
from handgrad.study.reading.loading import make_study
from handgrad.training.record_facts import Divergence
from tests.records import made_record

# -- class balance


def test_words_on_balance():
    rare = balance_words([("train", (90, 9)), ("test", (30, 3))], ["usual", "rare"])
    assert rare[0] == "The rarest class, rare, has 9 train examples, 10 % of those of the largest, usual (90)."
    assert rare[1] == "No share of a class differs between the parts by 1 point or more."
    small, missing, apart = balance_words([("train", (60, 40)), ("test", (30, 0))], ["a", "b"])
    assert small == "The smallest class, b, has 40 train examples, 66.7 % of those of the largest, a (60)."
    assert missing == "The test part has no example of b."
    assert apart.startswith(
        "The share that differs most between parts is that of a: 100.0 % of test, 60.0 % of train; "
    )
    assert apart.endswith("all shares together differ more than chance makes (chi-square test, p < 0.001).")
    # of 65 and 45 in 110, test has 5 and 5 for 5.909 and 4.091: χ² = 0.909²·(1/59.09 + 1/40.91 + 1/5.909 + 1/4.091)
    chance = balance_words([("train", (60, 40)), ("test", (5, 5))], ["a", "b"])[-1]  # = 0.376, p = erfc(√(χ²/2)) = 0.54
    assert chance.endswith("all shares together differ as chance makes it (chi-square test, p = 0.54).")


def test_no_share_is_above_100_percent_and_one_example_is_one():
    counts = (("train", (1, 99)), ("test", (1, 99)))
    figure = ClassBalance("balance", "Balance", "", ("a", "b"), counts)
    for axes in draw(figure).axes:
        assert axes.get_xticks().max() == 1.0
    assert max(class_balance_on_page(figure)["plots"][0][1]["layout"]["xaxis"]["tickvals"]) == 1
    assert balance_words(counts, "ab")[0].startswith("The rarest class, a, has 1 train example, 1.01 % of")
    assert balance_words([("train", (1, 1))], "ab") == ["All classes have 1 train example."]


def test_the_balance_of_a_record():
    data = made_record().dataset.model_copy(
        update={"classes": ["a", "b"], "label_table": {"train": [3, 1], "test": [2, 2], "total": [5, 3]}}
    )
    figure = class_balance(data, "data")
    assert figure.counts == (("train", (3, 1)), ("test", (2, 2)))
    assert figure.largest_share == 0.75
    assert list(figure.table()[1])[:2] == [["train", "a", 3, 75.0], ["train", "b", 1, 25.0]]
    assert figure.caption.startswith("Data: 4 train, 4 test examples.")
    assert class_balance(data.model_copy(update={"label_table": {}}), "data") is None
    axes = draw(figure).axes
    assert [one.get_title() for one in axes] == ["train", "test"]
    assert [text.get_text() for text in axes[0].texts] == ["3", "1"]
    assert axes[0].get_xlim() == axes[1].get_xlim()  # bars of one length are one share


def test_of_many_classes_the_largest_and_the_smallest_are_drawn():
    counts = tuple(range(1, 61))
    figure = ClassBalance("n", "t", "c.", tuple(map(str, counts)), (("train", counts),))
    assert figure.drawn == [*range(20), *range(40, 60)]
    assert len(list(figure.table()[1])) == 60


# -- decision regions

X = np.random.default_rng(3).normal(size=(120, 2)) * (10, 200) + (50, 500)
Y = (X[:, 0] > 50).astype(int) + (X[:, 1] > 650)
FIGURES = [
    {"title": "Planes", "kind": "decision-regions"},
    {"title": "One", "kind": "activations", "settings": ["1"], "options": {"example": 7, "part": "train"}},
]


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """(results of two settings on a CSV of two columns, whose file is gone; its data set)."""
    folder = tmp_path_factory.mktemp("plane")
    rows = [f"{a!r},{b!r},{['low', 'mid', 'top'][c]}" for (a, b), c in zip(X.tolist(), Y.tolist(), strict=True)]
    (folder / "points.csv").write_text("\n".join(["length,weight,kind", *rows]))
    study = {
        "name": "plane",
        "seeds": 2,
        "data": {"name": str(folder / "points.csv")},
        "training": {"epochs": 3, "optimizer": {"name": "adam", "lr": 0.05}, "engine": "array"},
        "network": {"hidden": 4},
        "grid": {"data.scale": ["standard", "symmetric"]},
        "figure": FIGURES,
    }
    results = hg.run_study(study, folder / "results", jobs=1)
    data = hg.load_data(str(folder / "points.csv"))
    (folder / "points.csv").unlink()
    return results, data


def test_regions_are_what_the_network_predicts_in_the_units_of_the_data(plane):
    results, data = plane
    figure = hg.figure(results, "decision-regions").data
    assert (figure.x_label, figure.y_label, figure.part) == ("length", "weight", "test")
    for panel, label in zip(figure.panels, "12", strict=True):
        record = next(results.record(cell.id) for cell in results.cells() if cell.label == label)
        np.testing.assert_allclose(panel.points, data.x_train[panel.index], rtol=1e-5)
        assert panel.actual.tolist() == data.y_train[panel.index].tolist()
        corner = [[panel.x[0], panel.y[5]], [panel.x[-1], panel.y[5]]]
        assert panel.regions[5, [0, -1]].tolist() == record.model.predict(corner).tolist()
        counts = np.asarray(record.confusion["test"])
        assert int(panel.wrong.sum()) == counts.sum() - np.trace(counts)
        for x, y, name in panel.names:  # the name of a class stands in its own region
            assert panel.regions[panel.y == y][0, panel.x == x][0] == name
    assert "the 24 test examples, by their actual class" in figure.caption
    assert figure.caption.endswith("One run a setting: seed 0.") or "seed 1" in figure.caption


def test_regions_are_drawn_and_shown_with_a_sign_for_each_class(plane):
    results, _ = plane
    one = hg.figure(results, "decision-regions", "2", options={"part": "train"})
    assert one.data.part == "train"
    (panel,) = one.data.panels
    axes = draw(one.data).axes[0]
    assert len({line.get_marker() for line in axes.lines[:3]}) == 3
    assert len(axes.lines[3].get_xdata()) == int(panel.wrong.sum())
    assert f"taken for another one ({int(panel.wrong.sum())})." in one.data.caption
    assert [line.label for line in regions_on_page(one.data)["legend"]] == ["low", "mid", "top"]
    assert len(plotly_figure(one.data).data) == 1 + 3 + 6
    frame = one.frame()
    assert frame["what"].value_counts().to_dict() == {"plane": 128 * 128, "train": 86}


def test_the_report_has_what_the_folder_keeps_without_the_data(plane):
    results, _ = plane
    page = build_report(results.folder, formats=())
    names = {path.stem for path in (page.parent / "figures").glob("*.csv")}
    assert {"decision-regions", "own-planes", "own-one", "class-balance-1", "class-balance-2"} <= names
    figure = page.read_text().partition('aria-label="classes of the figure">')[2].partition("</div>")[0]
    signs = re.findall(r'<svg class="sign"[^>]*><path d="([^"]+)" fill="(#\w+)"', figure)
    assert len({path for path, _ in signs}) == len({ink for _, ink in signs}) == 3  # no lines
    assert "swatch" not in figure
    assert figure.rstrip().endswith("ringed: taken for another</span>")
    found = read_data(results.folder, results.planned["1"]["data"])
    assert found["kept"] == ["plane", "train 7"]
    assert sorted(np.concatenate([found[f"{part}.index"] for part in ("train", "validation", "test")])) == [*range(120)]


def test_what_is_not_kept_is_named_and_made_from_the_data(plane, tmp_path):
    results, data = plane
    folder = shutil.copytree(results.folder, tmp_path / "old")
    shutil.rmtree(folder / "data")
    page = build_report(folder, formats=())
    assert "examples of the test part are not kept in the results folder; run the study again" in page.read_text()
    assert not (page.parent / "figures" / "decision-regions.csv").exists()
    with pytest.raises(InputError, match=r"their data cannot be loaded: .*points\.csv.*or give the data set: data=hg"):
        hg.figure(folder, "decision-regions", "1")
    again = hg.figure(folder, "decision-regions", "1", data=data).data
    assert again.panels[0].points == pytest.approx(hg.figure(results, "decision-regions", "1").data.panels[0].points)
    other = hg.from_arrays(X[:60], Y[:60], X[60:], Y[60:])
    with pytest.raises(InputError, match=r"data must be what the run learnt from, .* with the checksum [0-9a-f]+; got"):
        hg.figure(folder, "decision-regions", "1", data=other)
    with pytest.raises(InputError, match="data must be a Dataset; got 5"):
        hg.figure(folder, "decision-regions", "1", data=5)


def test_figures_that_cannot_be_made_are_named_before_anything_runs(tmp_path):
    figures = [
        {"title": "A", "kind": "decision-regions"},
        {"title": "B", "kind": "activations", "settings": ["1"], "options": {"example": 2, "part": "train"}},
        {"title": "C", "kind": "activations", "settings": ["1"], "options": {"part": "validation"}},
    ]
    study = {"name": "n", "seeds": 1, "data": {"validation": False}, "select_on_test": True, "figure": figures}
    study |= {"network": {"hidden": 2}, "training": {"epochs": 1}, "grid": {"training.optimizer.lr": [0.1, 0.2]}}
    said = "\n".join(Plan(make_study(study), SplitCache(tmp_path)).notes)
    assert '"A" (kind decision-regions) cannot be made: decision regions are of data of two features' in said
    assert 'options.example is 2, which is in the test part, not in train: options.part = "test"' in said
    assert "options.part is validation, and the data has no validation part" in said


# -- activations


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, size=(60, 1, 6, 5)).astype(np.uint8), np.arange(60) % 2
    return hg.from_arrays(x[:40], y[:40], x[40:], y[40:], name="noise", classes=("a", "b"), value_range=(0, 255))


@pytest.fixture(scope="module")
def record(pictures):
    layers = ["conv 3 3x3 relu", "max-pool 4x1", "dropout 0.5", "flatten", "dense 4 tanh", "dense 2 softmax"]
    setting = {"network": {"layers": layers}, "training": {"epochs": 1, "engine": "array"}}
    return hg.train(setting, seed=1, data=pictures)


def test_activations_are_those_of_the_forward_pass(record, pictures):
    figure = hg.figure(record, "activations", options={"example": 5}, data=pictures).data
    network, x = record.model.network, pictures.x_test[5:6] / np.float32(255)
    a = passes.forward(network, record.params, x).a
    assert [layer.label.split()[1] for layer in figure.layers] == ["conv", "max-pool", "dense"]
    np.testing.assert_allclose(figure.layers[0].values, a[0][0], rtol=1e-5)
    np.testing.assert_allclose(figure.layers[2].values, a[4][0], rtol=1e-5)
    np.testing.assert_allclose(figure.outputs, record.model.probabilities(pictures.x_test[5:6])[0], rtol=1e-5)
    assert (figure.what, figure.actual) == ("probability", 1)
    assert f"Run {record.id}, seed 1. The test example with index 5: its class is b (blue bar)" in figure.caption
    assert figure.image.shape == (6, 5)
    header, rows = figure.table()
    rows = list(rows)
    assert header == ["layer", "unit", "row", "column", "value"]
    assert len(rows) == 3 * 4 * 3 + 3 * 1 * 3 + 4 + 2
    assert rows[0][1:4] == [1, 0, 0]
    assert rows[-1][:2] == ["probability", "b"]
    titles = [axes.get_title() for axes in draw(figure).axes]
    said, colours = ("actual: b", "blue: actual")
    if figure.predicted != figure.actual:
        said, colours = f"{said}\ntaken for {figure.classes[figure.predicted]}", f"{colours}, orange: taken for"
    assert titles[:3] == [said, f"probability ({colours})", figure.layers[0].words]
    assert len(activations_on_page(figure)["plots"]) == 5
    assert len(plotly_figure(figure).data) == 5


def test_the_worst_mistake_is_scaled_as_it_was_learnt(record, pictures):
    figure = hg.figure(record, "activations", options={"example": "mistake"}).data  # its picture is in the record
    index, predicted = int(record.mistakes["test.index"][0]), int(record.mistakes["test.predicted"][0])
    assert figure.outputs == pytest.approx(record.model.probabilities(pictures.x_test[index : index + 1])[0], rel=1e-4)
    assert figure.predicted == predicted != figure.actual
    said = [f"actual: {figure.classes[figure.actual]}", f"taken for {figure.classes[predicted]}"]
    picture, outputs, *_ = draw(figure).axes
    assert picture.get_title() == "\n".join(said)
    inks = dict(zip(figure.drawn, (bar.get_facecolor() for bar in outputs.patches), strict=True))
    assert inks[predicted] == to_rgba(WRONG)
    assert inks[figure.actual] == to_rgba(RIGHT)
    assert outputs.get_title() == "probability (blue: actual, orange: taken for)"
    assert "(orange bar, probability " in figure.caption
    assert activations_on_page(figure)["plots"][0][0] == ", ".join(said)
    lost = record.model_copy(
        update={"status": "diverged", "diverged": Divergence(epoch=1, step=7, layer=None, reason="loss is nan")}
    )
    with pytest.raises(InputError, match="diverged at step 7, and holds nothing that a figure of kind 'activations'"):
        hg.figure(lost, "activations", options={"example": "mistake"})
    right = record.model_copy(update={"mistakes": {}})
    with pytest.raises(InputError, match="no picture of a mistake on the test part; give the index of an example"):
        hg.figure(right, "activations", options={"example": "mistake"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"example": 99},
            "must be the index of an example of the test part, .*; got 99. It counts the data set's test",
        ),
        (
            {"example": -1},
            "options.example must be the index of an example among .*, or one of: sample, mistake; got -1",
        ),
        ({"example": "sampel"}, "or one of: sample, mistake; got 'sampel'"),
        ({"part": "train"}, "options.part is train, and samples are of the test part; give the index of an example"),
        ({"exampel": 1}, "options.exampel is an unknown key; did you mean 'example'?"),
    ],
)
def test_examples_that_are_not_there_are_refused(options, message, record, pictures):
    with pytest.raises(InputError, match=message):
        hg.figure(record, "activations", options=options, data=pictures)


def test_a_row_of_a_table_is_shown_by_its_numbers(plane):
    results, data = plane
    figure = hg.figure(results, "activations", "1", options={"example": 7, "part": "train"}).data
    assert figure.image is None
    assert figure.features == ("length", "weight")
    record = next(results.record(cell.id) for cell in results.cells() if cell.label == "1")
    if "seed 0" in figure.caption:
        assert figure.inputs.values == pytest.approx(record.model.scaled(data.x_train[7:8])[0], rel=1e-4)
    assert [row[:2] for row in list(figure.table()[1])[:2]] == [
        ["the example, scaled", "length"],
        ["the example, scaled", "weight"],
    ]


def test_a_layer_is_cut_at_what_can_be_drawn():
    units = LayerOutputs("1. dense 300 relu", np.arange(40.0), 300, 39.0)
    values, numbers = units.mosaic
    assert values.shape == (2, 32)
    assert np.isnan(values[1, 8:]).all()
    assert numbers[1, 7:9].tolist() == [39, -1]
    assert units.words == "1. dense 300 relu (40 of 300 units, ±39)"
    assert units.rows == {1: 0.0, 33: 1.0}
    maps = replace(units, values=np.ones((9, 4, 4)), total=9)
    assert maps.mosaic[0].shape == (4 + 1 + 4, 8 * 5 - 1)
    assert maps.rows == {1: 1.5, 9: 6.5}
