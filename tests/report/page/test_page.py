"""The page and its folder: whole, self-contained, escaped, the same twice, whatever became of the runs."""

import base64
import errno
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from handgrad.errors import InputError, ResultsError
from handgrad.report import build as build_module
from handgrad.report import build_report
from handgrad.study import load_study
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome

EVIL = "<script>alert(1)</script> & \"q\" 'x' {{ 7*7 }} ${x} --><b>"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Elements, texts and what is open: raises where elements do not nest."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts, self.scripts = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.scripts.append((self.elements[-1][1], data))
        elif self.open[-1:] != ["style"]:
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def unpacked(page, name="plotly"):
    """What the page's script unpacks: plotly, or the numbers and pictures ("packed")."""
    (text,) = [text for attributes, text in page.scripts if attributes.get("id") == name]
    return gzip.decompress(base64.b64decode(text)).decode()


@pytest.fixture
def report(make_results):
    def build(*args, formats=(), **more):
        path = build_report(make_results(*args, **more), formats=formats)
        return path.parent, Reader(path.read_text("utf-8"))

    return build


def test_every_part_is_there(report):
    folder, page = report(formats=("png", "svg", "pdf"))
    assert folder.name == "report"
    assert sorted(path.name for path in folder.iterdir()) == [
        ".files.json", "conclusions.json", "figures", "index.html", "main.tex", "tables",
    ]  # fmt: skip
    figures = {path.name for path in (folder / "figures").iterdir()}
    names = ("ranking", "curves", "step-loss", "confusion", "weights", "predictions", "mistakes", "gradients")
    names += ("importance", "effects", "heat-map", "class-balance")
    assert figures == {f"{name}.{form}" for name in names for form in ("png", "svg", "pdf", "csv")}
    tables = {path.name for path in (folder / "tables").iterdir()}
    names = ("summary", "times", "runs", "labels", "effects", "curve-measures", "classes-validation", "classes-test")
    names += ("importance", "working-values")
    assert tables == {f"{name}.{form}" for name in names for form in ("csv", "md", "tex")}
    for words in (
        "What was studied",
        "The best setting",
        "Settings and times",
        "Formulas in force",
        "cross-entropy: −log a_y, mean over the batch",
        "L2 none",
        "x / 255",
        "Setting 4: lr 0.1, hidden 6 is best by validation accuracy: 88.30 ± 0.30 % (n = 3, ddof 1); it leads",
        "Winners were chosen by the mean over seeds of validation accuracy; the test set had no say.",
        "python 3.11.7",
    ):
        assert words in page.text


def test_what_was_laid_over_the_file_is_said(report):
    made = {"file": "rates.toml", "quick": True, "changes": ["training.epochs=3", f"title={EVIL}"]}
    _, page = report({"made": made})
    assert "study file rates.toml with --quick, its own small version with training.epochs=3 with title=" in page.text
    assert EVIL in page.text
    assert "Made with --quick, training.epochs=3: another study than rates.toml as it stands." in page.text
    _, page = report({"made": {"file": "rates.toml", "changes": ["seeds=3"]}}, name="seeds")
    assert "study file rates.toml with seeds=3" in page.text
    assert "another study" not in page.text
    _, page = report({"made": {"file": "rates.toml"}}, name="plain")
    assert "study file rates.toml, nothing changed" in page.text
    _, page = report(name="python")
    assert "study file tables given in Python, nothing changed" in page.text


def test_the_page_needs_nothing_from_elsewhere(report):
    folder, page = report()
    for tag, attributes in page.elements:
        for name in ("src", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert page.all("link") == []
    for link in page.all("a"):
        target = link["href"]
        if target.startswith("#"):
            assert target[1:] in {attributes.get("id") for _, attributes in page.elements}
        else:
            assert (folder / target).is_file()
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_only_our_scripts_may_run(report):
    _, page = report()
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    run = [text for attributes, text in page.scripts if "type" not in attributes]
    run += [unpacked(page), unpacked(page, "datatables")]
    assert {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run} == allowed
    assert len(run) == 3
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_plotly_is_there_once_and_not_at_all_where_nothing_is_drawn(report):
    _, page = report()
    assert sum(attributes.get("id") == "plotly" for attributes, _ in page.scripts) == 1
    assert "plotly.js v" in unpacked(page)
    _, empty = report(tell=lambda setting, seed: Outcome(status="pending"), name="empty")
    assert {attributes.get("id") for attributes, _ in empty.scripts} == {None, "runs", "sections", "datatables"}


def test_every_plot_has_its_numbers(report):
    _, page = report()
    plots = json.loads(unpacked(page, "packed"))["plots"]
    wanted = {attributes["data-plot"] for attributes in page.all("div") if "data-plot" in attributes}
    assert wanted == set(plots)
    # ranking, curves, loss of steps, gradients with saturated and dead units; importance, two effects, one pair;
    # classes of three parts; at the top ranking and importance
    assert len(wanted) == 1 + 4 + 1 + 3 + 1 + 2 + 1 + 3 + 2
    labels = {button.get("data-line") for button in page.all("button") if "data-line" in button}
    named = [plot for key, plot in plots.items() if key.startswith(("curves", "gradients"))]
    traces = {trace.get("meta") for plot in named for trace in plot["data"]}
    assert labels == traces


def test_every_plot_has_its_picture_for_print(report):
    folder, page = report(formats=("svg",))
    prints = json.loads(unpacked(page, "packed"))["prints"]
    assert {attributes["data-print"] for attributes in page.all("div") if "data-print" in attributes} == set(prints)
    names = {"ranking", "curves", "step-loss", "gradients", "importance", "effects", "heat-map", "class-balance"}
    assert set(prints) == names
    written = (folder / "figures" / "curves.svg").read_text("utf-8")
    assert unquote(prints["curves"].removeprefix("data:image/svg+xml,")) == written


def test_without_scripts_the_smaller_picture_stands_for_every_plot(report):
    folder, page = report(formats=("svg", "png"))
    pictures = {one["alt"]: one["src"] for one in page.all("img") if one.get("class") == "static"}
    assert len(pictures) == len([one for one in page.all("div") if "data-print" in one]) == 8
    svg = (folder / "figures" / "curves.svg").read_text("utf-8")
    assert pictures["Learning curves"].startswith("data:image/png;base64,")
    assert len(pictures["Learning curves"]) < len(svg)
    _, page = report(name="none")
    assert not [one for one in page.all("img") if one.get("class") == "static"]
    assert {one["class"] for one in page.all("p") if "unplottable" in one.get("class", "")} == {"unplottable alone"}


def test_whatever_the_user_writes_is_text(report):
    tables = {
        "title": EVIL,
        "description": EVIL,
        "seeds": 2,
        "bundle": {"case": {EVIL: {"network.activation": "tanh"}, "b": {"network.activation": "relu"}}},
        "phase": [{"name": EVIL, "grid": {"training": {"batch_size": [8, 16]}}}],
    }
    statuses = {"1": "done", "2": "failed"}
    folder, page = report(
        tables,
        lambda s, seed: Outcome(0.9, statuses.get(s.label, "done"), environment={"cpu": EVIL, EVIL: EVIL}),
        classes=["a", EVIL, "</td>", "d", "e"],
        formats=("svg",),
    )
    assert len(page.scripts) == 6
    known = (
        "html head meta title style body header p h1 nav ol li a main section h2 h3 div small ul dl dt dd span figure"
    )
    known += " figcaption strong table thead tbody tr th td details summary button img pre code b i br footer script"
    known += " svg path noscript"
    assert {tag for tag, _ in page.elements} <= set(known.split())
    assert page.text.count("<script>alert(1)</script> & \"q\" 'x' {{ 7*7 }} ${x} --><b>") > 10
    assert "49" not in page.texts
    for svg in (folder / "figures").glob("*.svg"):
        assert "<script" not in svg.read_text("utf-8")


def test_runs_of_every_fate_stand_in_the_report(report):
    fates = {("1", 0): "diverged", ("2", 0): "failed", ("3", 0): "pending", ("3", 1): "interrupted"}

    def tell(setting, seed):
        return Outcome(0.8 + 0.02 * int(setting.label), fates.get((setting.label, seed), "done"))

    _, page = report(tell=tell)
    for words in (
        "1 diverged, 1 failed, 1 pending, 1 interrupted",
        "1: lr 0.01, hidden 4 — seed 0 diverged in epoch 4, step 1,234, layer dense1.",
        "2: lr 0.01, hidden 6 — seed 0 failed: MemoryError: no <memory> left.",
        "3: lr 0.1, hidden 4 — seed 0 pending; seed 1 interrupted.",
        "2 runs not finished; the ranking may still change.",
    ):
        assert words in page.text


@pytest.mark.parametrize("status", ["diverged", "failed", "pending", "interrupted"])
def test_a_study_of_which_nothing_came_has_a_report(report, status):
    folder, page = report(tell=lambda setting, seed: Outcome(0.5, status))
    ended = status in ("diverged", "failed")
    assert ("There is no best: of 12 runs none came to a finite end (12" if ended else "No winner yet") in page.text
    written = json.loads((folder / "conclusions.json").read_text("utf-8"))
    assert written["best"] is None
    assert [(one["phase"], one["best"]) for one in written["phases"]] == [("main", None)]
    assert "0 of 12" in page.text


@pytest.mark.parametrize(
    ("tables", "shape", "shown", "hidden"),
    [
        ({"data": {"validation": False}}, (8, 8), {"figure-confusion", "figure-weights", "figure-predictions"}, set()),
        (
            {"data": {"validation": {"size": 1.0, "from": "test"}}},
            (8, 8),
            {"figure-confusion", "figure-weights"},
            set(),
        ),
        ({}, (13,), {"figure-confusion", "figure-predictions"}, {"figure-weights"}),
        ({}, (3, 32, 32), {"figure-confusion", "figure-weights", "figure-predictions"}, set()),
    ],
)
def test_studies_without_a_part_or_without_pictures(report, tables, shape, shown, hidden):
    _, page = report({"seeds": 1, **tables}, shape=shape)
    ids = {attributes.get("id") for attributes in page.all("figure")}
    assert shown <= ids
    assert not hidden & ids


def test_selection_on_the_test_set_is_stamped(report):
    _, page = report({"seeds": 2, "select_on_test": True, "grid": {"network": {"hidden": [4, 6]}}})
    stamps = [attributes for attributes in page.all("p") if attributes.get("class") == "stamp"]
    assert len(stamps) == 1
    assert "Selected on the test set (select_on_test = true)" in page.text


def test_the_best_configuration_is_a_study_file(report, tmp_path):
    tables = {"seeds": [42, 268], "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}
    folder, _ = report(tables)
    text = re.search(r"<code>(name = .*?)</code>", (folder / "index.html").read_text("utf-8"), re.S).group(1)
    path = tmp_path / "best.toml"
    path.write_text(text.replace("&#34;", '"'))
    study = load_study(path)
    assert study.spec.seeds == (42, 268)
    results = Results.open(folder.parent)
    assert study.spec.training == results.setting(results.winner()).training
    assert study.spec.network == results.setting(results.winner()).network


def test_two_reports_of_the_same_records_are_the_same_bytes(make_results):
    folder = make_results({"seeds": 2})
    contents = []
    for _ in range(2):
        report = build_report(folder, formats=["svg"]).parent
        contents.append({path.relative_to(report): path.read_bytes() for path in report.rglob("*") if path.is_file()})
    assert contents[0] == contents[1]


def test_a_new_report_takes_the_place_of_the_old_one_whole(make_results, monkeypatch):
    folder = make_results({"seeds": 1})
    report = build_report(folder, formats=["png"]).parent
    assert list((report / "figures").glob("*.png"))
    before = (report / "index.html").read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "render", full)
        with pytest.raises(ResultsError, match=r"cannot be written: No space left on device\. Finished runs are safe"):
            build_report(folder, formats=[])
    assert (report / "index.html").read_bytes() == before
    build_report(folder, formats=[])
    assert not list((report / "figures").glob("*.png"))  # what is not made any more is gone
    assert not list(folder.rglob("*.tmp"))


def test_bad_requests_are_said(make_results, tmp_path):
    folder = make_results({"seeds": 1})
    with pytest.raises(InputError, match="formats must be among png, svg, pdf; got gif"):
        build_report(folder, formats=["gif"])
    with pytest.raises(ResultsError, match="no results of a study here"):
        build_report(tmp_path / "nothing")


def test_ddof_0_is_said_wherever_it_is_used(report):
    _, page = report({"seeds": 3, "ddof": 0, "grid": {"training": {"epochs": [1, 2]}}})
    assert "std with ddof 0" in page.text
    assert "Standard deviations have ddof 0, to match a report that used it; intervals use ddof 1." in page.text


def test_a_damaged_record_is_named(make_results):
    folder = make_results({"seeds": 1})
    (run,) = (folder / "runs").iterdir()
    (run / "curves.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ResultsError, match=rf"{run.name}.*curves.npz: was altered after it was written; run the"):
        build_report(folder, formats=[])


def test_slips_stand_in_red_at_the_top_in_the_formulas_and_under_the_table(report):
    tables = {"grid": {"training.slips": [[], ["gradient-doubled"]]}, "training": {"engine": "array"}}
    folder, page = report(tables)
    said = "Wrong on purpose (setting 2, training.slips): gradient-doubled: 2·do, instead of do."
    assert page.text.count(said) == 2  # at the top and under the formulas
    noted = "With slips, stated at the top of the report: setting 2 (gradient-doubled)."
    assert page.text.count(noted) == 1
    assert len([li for li in page.all("li") if li.get("class") == "slip"]) == 2
    assert noted in (folder / "tables" / "summary.md").read_text("utf-8")
    style = (folder / "index.html").read_text("utf-8").split("</style>")[0]
    assert ".verdicts .slip { color: var(--slip);" in style
    assert style.count("--slip: #") == 3  # light, dark and in print


def test_a_study_without_slips_says_nothing_of_them(report):
    _, page = report()
    assert "slip" not in page.text


def test_the_pictures_at_the_top_are_those_of_figures_below_with_their_lines_named(report):
    _, page = report()
    plots = json.loads(unpacked(page, "packed"))["plots"]
    front = {key: plot for key, plot in plots.items() if key.startswith("front:")}
    assert list(front) == ["front:ranking", "front:importance"]
    _, one_axis = report({"seeds": 3, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}, name="one-axis")
    curves = json.loads(unpacked(one_axis, "packed"))["plots"]["front:curves"]
    assert curves["layout"]["showlegend"]
    assert [trace["name"] for trace in curves["data"] if trace.get("name")] == ["1: lr 0.01", "2: lr 0.1"]


def test_intervals_of_sections_stay_within_what_an_accuracy_can_be(report):
    def tell(setting, seed):
        return Outcome(0.02 if seed else 0.97)

    _, page = report({"seeds": 2, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}, tell)
    sections = json.loads(unpacked(page, "sections"))["settings"]
    assert {setting["interval"][1] for setting in sections.values()} == {"0.00 % to 100.00 %"}
