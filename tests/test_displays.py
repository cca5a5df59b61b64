"""What objects say of themselves: little text, and HTML in which everything is escaped."""

import re

import numpy as np

import handgrad
import handgrad as hg
from handgrad import from_report
from handgrad.displays import SIGNS, Display, html_table
from handgrad.report.findings.examples_right import ExamplesRight
from handgrad.training.evaluation import Evaluation
from tests.records import made_record

MARKUP = "<script>alert('a & b')</script>"
SETTING = {"data": {"name": "digits"}, "network": {"hidden": [16] * 40}, "training": {"optimizer": {"name": "adam"}}}


def everything():
    """Objects that users hold, with long and hostile names."""
    rng = np.random.default_rng(0)
    classes = (MARKUP, *(f"class {n}" for n in range(1, 150)))
    data = hg.from_arrays(rng.random((300, 5)), np.arange(300) % 150, name=MARKUP, classes=classes)
    network = hg.Network.parse((5,), *["dense 20 relu"] * 60, "dense 150 softmax")
    facts = {"layers": network.describe(), "output": "softmax", "parameters": 9, "loss_formula": "", "l2_formula": ""}
    metrics = {"train_accuracy": 0.5, "val_accuracy": 0.25, "val_loss": None}
    record = made_record(network=facts, metrics=metrics, data={"name": MARKUP, "counts": {"train": 1200}})
    study = {"name": "s", "title": MARKUP, "seeds": 500, "grid": {"network.hidden": [[n] for n in range(1, 90)]}}
    params = {name: np.zeros(shape, np.float32) for name, shape in network.parameter_shapes.items()}
    yield from (data, network, record, hg.make_study(study), hg.Setting(SETTING), hg.Run(SETTING, 1, "c" * 64))
    yield hg.Model(network, params, classes, hg.split(data, {}).scaler, None)
    yield hg.split(data, {})
    yield hg.split(data, {}).train
    yield Evaluation("test", 9, {"loss": 0.5, "accuracy": 0.75}, [[0] * 150] * 150)
    yield ExamplesRight("test", classes, (0, 1), np.zeros((150, 2, 900), bool), np.ones((150, 2), bool))


def test_a_repr_is_short_and_html_is_text_only():
    for one in everything():
        assert len(repr(one)) <= SIGNS
        assert len(repr(one).splitlines()) <= 10
        assert str(one) == repr(one)
        html = one._repr_html_()
        assert "<script" not in html
        assert len(html) < 20_000
        if MARKUP in repr(one):
            assert "&lt;script&gt;" in html


def test_what_is_short_enough_can_be_read_back():
    network = hg.Network.parse((1, 8, 8), "conv 4 3x3 relu", "flatten", "dense 10 softmax")
    setting = hg.Setting(data={"name": "digits", "validation": {"size": 300}}, network={"hidden": 8})
    run = hg.Run(setting, 3, "abc", continues="0123456789")
    names = {"Network": hg.Network, "Setting": hg.Setting, "Run": hg.Run}
    for one in (network, setting, hg.Setting(), run):
        assert eval(repr(one), names) == one
    assert repr(setting).startswith("Setting(data={'name': 'digits', 'validation': {'size': 300, ")
    assert repr(setting).endswith("network={'hidden': (8,)})")


def test_a_record_says_how_it_ended():
    diverged = {"epoch": 2, "step": 1234, "layer": "dense1", "reason": "not finite"}
    text = repr(made_record(status="diverged", diverged=diverged, metrics={"val_accuracy": None}))
    assert text.splitlines()[:2] == [
        "Record 0123456789, seed 0: diverged",
        "  diverged  epoch 2, step 1,234: not finite",
    ]
    assert "accuracy" not in text
    scored = made_record(metrics={"train_accuracy": 1.0, "val_accuracy": 0.98765, "val_loss": 0.1})
    assert "  accuracy  training 1.0000, validation 0.9877\n  loss      validation 0.1000\n" in repr(scored)


def test_a_layer_is_a_row_with_its_shape_and_numbers():
    network = hg.Network.parse((1, 6, 6), "conv 2 3x3 relu", "batch-norm", "flatten", "dense 3 softmax")
    html = network._repr_html_()
    rows = [row.split("</td>")[0].split("<td>")[-1] for row in html.split("<tr>")[5:]]
    assert rows == ["conv1", "batch-norm1", "flatten1", "dense1"]
    assert '2 × 4 × 4</td><td class="number">20</td>' in html  # 2 filters of 9, 2 biases
    assert '2 × 4 × 4</td><td class="number">4</td>' in html  # without the running statistics
    assert '<td class="number">99</td>' in html  # 32 × 3 + 3


def test_long_texts_are_cut_and_empty_rows_left_out():
    text = Display("x" * 200, (("term", "y" * 300), ("nothing", ""), *((str(n), "z") for n in range(20)))).text()
    assert len(text.splitlines()) == 8
    assert max(map(len, text.splitlines())) == 74
    assert "nothing" not in text
    assert html_table(["a"], [["1"]], numeric=[0], bold=[(0, 0)], shaded=[0]).count('class="number"') == 2


def test_every_function_of_the_report_that_the_front_names_is_there():
    for what in handgrad._FROM_REPORT:
        assert callable(from_report(what))
        assert hasattr(hg, what.split()[0].split(".")[0])
    assert from_report("Setting in a notebook") is None


def test_a_study_says_what_varies_over_which_ranges_and_how_it_stops_settings():
    lists = hg.make_study({"name": "s", "grid": {"network.hidden": [[16], [64, 64], []]}})
    assert "settings  3: hidden [16], [64, 64], [none]" in repr(lists)
    drawn = {"runs": 20, "training.optimizer.lr": {"log_uniform": [0.001, 1.0]}}
    html = hg.make_study({"name": "s", "random": drawn, "asha": {"grace_period": 2}})._display().html()
    assert re.search(r"20: lr 20 values from 0\.00\d+ to 0\.\d+; stopped short by ASHA from epoch 2 on", html)
