"""What `handgrad` shows to Python: whatever a function is given, it does the obvious or says what it wants."""

import inspect
import re

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier
from torch import nn

import handgrad as hg
from handgrad.errors import InputError

SETTING = {"data": {"train": {"size": 100}}, "network": {"hidden": [4]}, "training": {"epochs": 1, "engine": "array"}}


class Odd:
    """An object of somebody's own."""

    def __repr__(self):
        return "<Odd>" + "x" * 5000


class Sequential:
    """As much of a Keras model as is asked."""

    def __init__(self):
        self.layers = [self]

    def get_config(self):
        return {"layers": [{"class_name": "Dense", "config": {"name": "dense", "units": 2}}]}

    def get_weights(self):
        return []


WRONG = {
    "None": None, "a number": 3, "a fraction": 1.5, "text": "nowhere", "no text": "", "bytes": b"nowhere", "true": True,
    "a list": [1, "a"], "a dict": {"a": 1}, "an object": Odd(), "nan": float("nan"), "an array": np.zeros((2, 2)),
    "a long text": "y" * 50_000, "a zero": "a\0b", "a set": {1}, "keys": {1: 2}, "a surrogate": "\udcff",
}  # fmt: skip


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Every public callable with arguments that are right, by name."""
    folder = tmp_path_factory.mktemp("public")
    record = hg.train(SETTING, seed=1)
    data = hg.load_data("digits")
    study = {"name": "tiny", "seeds": 2, **SETTING, "grid": {"training.optimizer.lr": [0.1, 0.2]}}
    results = hg.run_study(study, folder / "results", jobs=1)
    columns = [{"head": "accuracy", "show": "test_accuracy"}]
    rows = [{"label": "1", "test_accuracy": 0.5}, {"label": "2", "test_accuracy": 0.6}]
    table = {"number": "Table 1", "title": "accuracy", "columns": columns, "rows": rows}
    readings = {"batch": {"sum": {"training.batch_reduction": "sum"}}}
    published = {**study, "original": {"title": "a report", "table": [table]}, "explain": {"reading": readings}}
    hg.save_weights(folder / "w.npz", record.params)
    x, y = np.random.default_rng(0).random((30, 3)), np.arange(30) % 2
    (run, *_) = (folder / "results" / "runs").iterdir()
    return folder, {
        "Model.load": (hg.Model.load, {"path": run}),
        "Model.outputs": (record.model.outputs, {"x": data.x_train[:2]}),
        "Model.predict": (record.model.predict, {"x": data.x_train[:2]}),
        "Model.probabilities": (record.model.probabilities, {"x": data.x_train[:2]}),
        "Network.parse": (hg.Network.parse, {"input_shape": (4,)}),
        "Results.open": (hg.Results.open, {"folder": folder / "results"}),
        "Run": (hg.Run, {"setting": SETTING, "seed": 1}),
        "Setting": (hg.Setting, {"data": {}, "network": {}, "training": {}}),
        "build_report": (hg.build_report, {"folder": results, "formats": []}),
        "class_scores": (hg.class_scores, {"results": results}),
        "compare": (hg.compare, {"results": results, "first": "1", "second": "2"}),
        "compare_studies": (hg.compare_studies, {"first": results, "second": folder / "results"}),
        "curve_measures": (hg.curve_measures, {"results": results}),
        "effects": (hg.effects, {"results": results}),
        "evaluate": (hg.evaluate, {"model": record, "setting": SETTING, "data": data, "part": "test"}),
        "examples_right": (hg.examples_right, {"results": results, "phase": "main", "part": "test"}),
        "export_model": (hg.export_model, {"model": record, "path": folder / "m.npz"}),
        "export_study": (hg.export_study, {"results": results, "to": folder / "runs.csv", "format": "csv"}),
        "explain_study": (hg.explain_study, {"study": published, "out": folder / "explained", "jobs": 1, "data": data,
                                             "runner": "serial"}),
        "explanation": (hg.explanation, {"results": results}),
        "figure": (hg.figure, {"folder": results, "kind": "epochs", "settings": ["1"], "options": {}, "name": "f",
                               "column": "single", "font_size": 8}),
        "from_arrays": (hg.from_arrays, {"x_train": x, "y_train": y, "x_test": x, "y_test": y,
                                         "classes": ("a", "b"), "value_range": (0, 1)}),
        "from_keras": (hg.from_keras, {"model": Sequential(), "input_shape": (4,)}),
        "from_sklearn": (hg.from_sklearn, {"mlp": MLPClassifier(4)}),
        "from_torch": (hg.from_torch, {"module": nn.Linear(6, 4), "input_shape": (6,)}),
        "import_model": (hg.import_model, {"weights": folder / "w.npz", "setting": SETTING, "data": data,
                                           "layout": "handgrad"}),
        "importance": (hg.importance, {"results": results}),
        "load_data": (hg.load_data, {"section": "digits"}),
        "load_study": (hg.load_study, {"source": "quickstart", "overrides": []}),
        "load_weights": (hg.load_weights, {"path": folder / "w.npz", "network": record.model.network}),
        "make_study": (hg.make_study, {"tables": study, "overrides": []}),
        "past_studies": (hg.past_studies, {"folder": folder}),
        "reproduction": (hg.reproduction, {"results": results}),
        "run_study": (hg.run_study, {"study": study, "out": folder / "results", "jobs": 1, "data": data,
                                     "runner": "serial"}),
        "rungs": (hg.rungs, {"results": results}),
        "save_figure": (hg.save_figure, {"folder": results, "kind": "epochs", "settings": ["1"], "options": {},
                                         "out": folder, "formats": ["svg"]}),
        "save_table": (hg.save_table, {"folder": results, "name": "summary", "path": folder / "t.tex",
                                       "columns": ["setting"], "rows": 2, "column": "single"}),
        "save_weights": (hg.save_weights, {"path": folder / "s.npz", "params": record.params}),
        "search_history": (hg.search_history, {"results": results}),
        "split": (hg.split, {"dataset": data, "section": {}}),
        "statements": (hg.statements, {"results": results}),
        "timeline": (hg.timeline, {"results": results}),
        "train": (hg.train, {"setting": SETTING, "seed": 1, "data": data, "continues": record, "observers": ()}),
    }  # fmt: skip


CALLS = {
    "Model.load": ["path"], "Model.outputs": ["x"], "Model.predict": ["x"], "Model.probabilities": ["x"],
    "Network.parse": ["input_shape"], "Results.open": ["folder"], "Run": ["setting", "seed"],
    "Setting": ["data", "network", "training"], "build_report": ["folder", "formats"],
    "class_scores": ["results"], "compare": ["results", "first", "second"],
    "compare_studies": ["first", "second"], "curve_measures": ["results"],
    "effects": ["results"], "evaluate": ["model", "setting", "data", "part"],
    "examples_right": ["results", "phase", "part"], "export_model": ["model", "path"],
    "export_study": ["results", "to", "format"],
    "explain_study": ["study", "out", "jobs", "data", "runner"], "explanation": ["results"],
    "figure": ["folder", "kind", "settings", "options", "name", "column", "font_size"],
    "from_arrays": ["x_train", "y_train", "x_test", "y_test", "classes", "value_range"],
    "from_keras": ["model", "input_shape"], "from_sklearn": ["mlp"], "from_torch": ["module", "input_shape"],
    "import_model": ["weights", "setting", "data", "layout"], "importance": ["results"], "load_data": ["section"],
    "load_study": ["source", "overrides"],
    "load_weights": ["path", "network"], "make_study": ["tables", "overrides"], "past_studies": ["folder"],
    "reproduction": ["results"],
    "run_study": ["study", "out", "jobs", "data", "runner"],
    "rungs": ["results"], "search_history": ["results"], "timeline": ["results"],
    "save_figure": ["folder", "kind", "settings", "options", "out", "formats"], "save_weights": ["path", "params"],
    "save_table": ["folder", "name", "path", "columns", "rows", "column"],
    "split": ["dataset", "section"], "statements": ["results"],
    "train": ["setting", "seed", "data", "continues", "observers"],
}  # fmt: skip
OPTIONAL = {  # arguments that None leaves out
    ("evaluate", "data"), ("import_model", "data"), ("import_model", "layout"), ("run_study", "out"),
    ("run_study", "jobs"), ("run_study", "data"), ("run_study", "runner"), ("save_figure", "settings"),
    ("export_study", "format"),
    ("explain_study", "out"), ("explain_study", "jobs"), ("explain_study", "data"), ("explain_study", "runner"),
    ("save_figure", "options"), ("figure", "settings"), ("figure", "options"), ("figure", "name"),
    ("figure", "column"), ("figure", "font_size"),
    ("save_table", "columns"), ("save_table", "rows"), ("save_table", "column"),
    ("from_keras", "input_shape"), ("from_torch", "input_shape"),
    ("train", "data"), ("train", "continues"), ("load_weights", "network"),
    ("examples_right", "phase"), ("from_arrays", "classes"), ("from_arrays", "value_range"),
}  # fmt: skip


def test_every_public_function_is_tried():
    functions = {name for name in hg.__all__ if inspect.isfunction(getattr(hg, name))}
    assert functions <= {name.partition(".")[0] for name in CALLS}


def test_the_calls_are_the_ones_that_are_made(right):
    assert {name: [key for key in keys if key in CALLS[name]] for name, (_, keys) in right[1].items()} == CALLS


def called(name, call, arguments):
    """Call it, with what it always needs."""
    arguments = dict(arguments)
    positional = (arguments.pop("input_shape"), "dense 2") if name == "Network.parse" else ()
    if name == "Run":
        arguments["data_checksum"] = "x"
    return call(*positional, **arguments)


@pytest.mark.parametrize("name", CALLS)
def test_right_arguments_are_taken(right, monkeypatch, name):
    folder, calls = right
    monkeypatch.chdir(folder)
    called(name, *calls[name])


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("name", "argument"), [(name, argument) for name in CALLS for argument in CALLS[name]])
def test_a_wrong_argument_is_one_message(right, monkeypatch, tmp_path, name, argument, wrong):
    _, calls = right
    monkeypatch.chdir(tmp_path)
    call, arguments = calls[name]
    message = None
    try:
        called(name, call, {**arguments, argument: WRONG[wrong]})
    except InputError as error:
        message = str(error)
    if message is None:
        means_something = (name, argument) in OPTIONAL and WRONG[wrong] is None
        assert means_something or (name, argument, wrong) in OBVIOUS, f"{name}({argument}={wrong}) was taken"
    else:
        assert 5 < len(message) < 2000
        assert "Traceback" not in message


OBVIOUS = {  # what is taken all the same
    ("from_keras", "input_shape", "a number"), ("Run", "seed", "a number"),
    ("train", "seed", "a number"), ("train", "observers", "no text"),
    ("run_study", "out", "text"), ("run_study", "out", "bytes"), ("run_study", "out", "a surrogate"),
    ("explain_study", "out", "text"), ("explain_study", "out", "bytes"), ("explain_study", "out", "a surrogate"),
    ("export_study", "to", "text"), ("export_study", "to", "bytes"), ("export_study", "to", "a surrogate"),
    ("figure", "name", "text"), ("figure", "name", "no text"), ("figure", "name", "a surrogate"),
    ("save_figure", "out", "text"), ("save_figure", "out", "bytes"), ("save_figure", "out", "a surrogate"),
    ("save_table", "rows", "a number"),
    ("save_weights", "params", "a dict"), ("save_weights", "params", "keys"),
}  # fmt: skip


def test_what_was_meant_is_said():
    for call, message in (
        (
            lambda: hg.run_study(3),
            "study must be a Study, a study file or its name, or the file's tables; got 3",
        ),
        (lambda: hg.train(3), "setting must be a Setting, its tables as a dict, or a study file; got 3"),
        (
            lambda: hg.evaluate("w.npz", {}),
            "model must be a Model or a Record; got 'w.npz'. Read one with hg.Model.load(path)",
        ),
        (lambda: hg.split("digits", {}), "dataset must be a Dataset; got 'digits'. Make one with hg.load_data(name)"),
        (
            lambda: hg.train({}, data=np.zeros(3)),
            "data must be a Dataset; got array([0., 0., 0.]). Make one of arrays with",
        ),
        (lambda: hg.train({}, continues="abc"), "continues must be a Record; got 'abc'. Give what hg.train returned"),
        (
            lambda: hg.load_study("a.toml", {"training.epochs": 3}),
            'overrides must be a list such as ["training.epochs=3"]',
        ),
        (lambda: hg.make_study("a.toml"), "a file is read with hg.load_study(path)"),
        (lambda: hg.save_weights("w.npz", [1]), "params must be arrays by name, such as record.params"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            call()
