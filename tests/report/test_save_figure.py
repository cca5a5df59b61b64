"""One figure of a results folder, as files."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from handgrad import Record, figure, save_figure, train
from handgrad.errors import InputError
from handgrad.report import study_figure
from handgrad.study.published.figure_options import FIGURES


def test_a_figure_is_written_with_its_numbers(make_results, tmp_path):
    folder = make_results()
    paths = save_figure(folder, "epochs", ["1", "4"], options={"measures": "loss"}, out=tmp_path / "p", formats=["svg"])
    assert [path.name for path in paths] == ["epochs.svg", "epochs.csv"]
    rows = paths[1].read_text().splitlines()
    assert rows[0] == "panel,line,epoch,y,low,high"
    assert {row.split(",")[0] for row in rows[1:]} == {"training loss", "validation loss"}
    assert sum("1: lr 0.01, hidden 4" in row for row in rows) == 2 * 4


def test_all_settings_are_shown_or_the_winner_of_a_kind_that_shows_one(make_results, tmp_path):
    folder = make_results()
    data = save_figure(folder, "epochs", out=tmp_path, name="all", formats=[])[-1]
    assert data.name == "all.csv"
    assert all(f"{label}: lr" in data.read_text() for label in "1234")
    assert save_figure(folder, "confusion", out=tmp_path, formats=["png"])[0].exists()


@pytest.mark.parametrize(
    ("kind", "settings", "more", "message"),
    [
        ("epoch", None, {}, "unknown kind of figure 'epoch'; did you mean 'epochs'?"),
        (
            "curve",
            None,
            {},
            "unknown kind of figure 'curve': here it is called 'epochs'; curves is its file in a report",
        ),
        ("weights", None, {}, "unknown kind of figure 'weights': here it is called 'templates'; weights is its file"),
        ("ranking", None, {}, "unknown kind of figure 'ranking': no kind draws it; the report of two settings or more"),
        ("epochs", ["7"], {}, "settings holds an unknown setting '7'. Known: 1, 2, 3, 4"),
        ("epochs", None, {"name": "a/b"}, "name is that of files, without a folder (see out); got 'a/b'"),
        ("epochs", None, {"name": "a\0b"}, "name must be a path; got 'a\\x00b'"),
        ("epochs", None, {"name": "n" * 101}, "name must have 100 letters at most; got 101: 'nnn"),
        ("epochs", None, {"formats": [], "font": "Nothing"}, "font is an unknown font 'Nothing'. Known: sans-serif"),
        ("epochs", None, {"formats": ["gif"]}, "formats must be among png, svg, pdf; got gif"),
        (
            "epochs",
            None,
            {"options": {"measure": "loss"}},
            "options.measure is an unknown key; did you mean 'measures'?",
        ),
        ("epochs", None, {"options": {"parts": "test"}}, "hold nothing that a figure of kind 'epochs' shows"),
    ],
)
def test_what_cannot_be_made_is_said(kind, settings, more, message, make_results, tmp_path):
    folder = make_results()
    with pytest.raises(InputError) as error:
        save_figure(folder, kind, settings, out=tmp_path, **more)
    assert message in str(error.value)


def test_a_figure_is_written_over_an_earlier_one_and_over_nothing_else(make_results, tmp_path):
    folder, out = make_results({"seeds": 1}), tmp_path / "p"
    out.mkdir()
    for name in ("epochs.csv", "epochs.svg"):
        (out / name).write_text("mine")
        with pytest.raises(
            InputError, match=rf"{name}: is there already and was not written as a figure; give another"
        ):
            save_figure(folder, "epochs", out=out, formats=["svg"])
        assert (out / name).read_text() == "mine"
        (out / name).unlink()
    first = save_figure(folder, "epochs", out=out, formats=["svg"])
    assert save_figure(folder, "epochs", ["1"], out=out, formats=["svg"]) == first
    with pytest.raises(InputError, match=r"cannot be written: .*; choose another folder: out"):
        save_figure(folder, "epochs", out=first[0] / "p", formats=["svg"])


def test_a_figure_is_an_object_that_every_library_takes_on(make_results, tmp_path):
    import matplotlib

    folder = make_results({"seeds": 1, "grid": {"training.optimizer.lr": [0.01, 0.1]}})
    asked = {"options": {"measures": "loss"}, "name": "losses"}
    found = figure(folder, "epochs", **asked)
    assert repr(found).startswith("Figure losses, of kind epochs\n")
    with matplotlib.rc_context({"axes.facecolor": "black", "font.family": "serif"}):  # the user's own style
        drawing = found.matplotlib()
        (axes, _) = drawing.axes
        assert axes.get_facecolor() == (1, 1, 1, 1)
        assert axes.xaxis.label.get_fontfamily() == ["DejaVu Sans"]
    assert drawing is not found.matplotlib()
    assert [trace.name for trace in found.plotly().data if trace.showlegend] == ["1: lr 0.01", "2: lr 0.1"]
    assert list(found.frame().columns) == ["panel", "line", "epoch", "y", "low", "high"]
    saved = found.save(tmp_path, formats=["png"])
    assert saved == save_figure(folder, "epochs", **asked, out=tmp_path, formats="png")
    assert [path.name for path in saved] == ["losses.png", "losses.csv"]


def test_a_notebook_shows_what_was_saved(make_results, tmp_path):
    saved = save_figure(make_results({"seeds": 1}), "epochs", out=tmp_path, formats=["png"])
    html = saved._repr_html_()
    picture = base64.b64decode(html.split("data:image/png;base64,")[1].split('"')[0])
    shown, written = Image.open(io.BytesIO(picture)), Image.open(saved[0])
    assert shown.size == written.size
    assert np.abs(np.asarray(shown.convert("RGB"), int) - np.asarray(written.convert("RGB"), int)).mean() < 1
    assert len(picture) < 0.7 * len(saved[0].read_bytes())  # a notebook keeps it
    assert str(saved[0]) in html
    assert saved.figure._repr_html_() in html.replace(html[html.index('<p class="note">') : -6], "")
    assert repr(saved) == repr(list(saved))


@pytest.fixture(scope="module")
def record() -> Record:
    training = {"epochs": 3, "diagnostics": True, "optimizer": {"name": "momentum", "lr": 0.05}}
    return train({"network": {"hidden": [8]}, "training": training}, seed=3)


@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_of_one_record_is_of_every_kind_that_shows_one_setting(kind, record):
    if FIGURES[kind].options.settings[0] > 1:
        with pytest.raises(InputError, match=f"a figure of kind '{kind}' shows 2 or more settings; got 1"):
            figure(record, kind)
        return
    if kind == "decision-regions":
        with pytest.raises(InputError, match="of data of two features; an example of this data has 1 × 8 × 8"):
            figure(record, kind)
        return
    if kind in ("predicted", "residuals", "roc", "lr-range"):  # of other tasks, and of a schedule
        with pytest.raises(InputError, match=f"holds nothing that a figure of kind '{kind}' shows"):
            figure(record, kind)
        return
    found = figure(record, kind).data
    assert "etting" not in found.caption.replace("A line per setting", "")
    if FIGURES[kind].options.settings[1] == 1:
        assert f"un {record.id}, seed 3" in found.caption
    header, rows = found.table()
    assert len(next(rows)) == len(header)


def test_what_a_record_has_no_figure_of_is_said(record, tmp_path):
    with pytest.raises(InputError, match=r"settings are those of a study; leave them out for one record; got '1'"):
        figure(record, "confusion", "1")
    with pytest.raises(InputError, match="seed must be one of the record: 3; got 5"):
        figure(record, "confusion", options={"seed": 5})
    with pytest.raises(InputError, match=rf"without its curves and weights; give results.record\('{record.id}'\)"):
        figure(record.model_copy(update={"curves": {}}), "confusion")
    with pytest.raises(InputError, match=f"record {record.id} holds nothing that a figure of kind 'mistakes' shows"):
        figure(record.model_copy(update={"mistakes": {}}), "mistakes")
    assert save_figure(record, "confusion", out=tmp_path, formats="svg")[0].exists()


def test_what_was_read_is_kept_while_there_is_room():
    asked = []
    read = study_figure.ReadOnce(
        lambda run: asked.append(run) or {"loss": np.zeros(len(run))}, lambda curves: curves["loss"].nbytes, 100
    )
    for run in ("a" * 8, "b" * 9, "c", "a" * 8, "b" * 9, "c"):  # 64, 72 and 8 bytes
        assert len(read(run)["loss"]) == len(run)
    assert asked == ["a" * 8, "b" * 9, "c", "b" * 9]
