"""`handgrad new` and `handgrad schema`: a file for the data at hand, and what editors know of study files."""

import json
import re
import shlex
import sys
import tomllib

import jsonschema
import numpy as np
import pytest
from PIL import Image

from handgrad import cli
from handgrad.errors import StudyFileError
from handgrad.study import load_study, make_study, ready_made
from handgrad.study.planning.plan import Plan
from handgrad.study.reading.file_schema import study_schema


@pytest.fixture
def handgrad(capsys, monkeypatch, tmp_path):
    """Call the command line in a new folder -> (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["handgrad", *shlex.split(line)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


# -- new


def table(n):
    """A table of people, with their numbers, missing ages, texts, and no test part."""
    rng = np.random.default_rng(0)
    ages = rng.integers(1, 80, n)
    towns = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    rows = [
        f"{k + 1},{'' if k % 37 == 5 else age},{town},{'old' if age > 40 else 'young'}"
        for k, (age, town) in enumerate(zip(ages, towns, strict=True))
    ]
    return "Id,age,town,kind\n" + "\n".join(rows) + "\n"


def test_a_study_of_a_table_says_what_was_found_in_it_and_runs(handgrad, tmp_path):
    (tmp_path / "people.csv").write_text(table(200))
    code, out, err = handgrad("new people.csv")
    assert code == 0, err
    assert "people.csv: 200 rows of 4 numbers, 2 classes (old, young); no test part of its own" in out
    assert "handgrad run study.toml" in out
    assert "'kind', the last column, holds the labels; data.label names another; the file says so" in err
    text = (tmp_path / "study.toml").read_text()
    study = load_study("study.toml")
    data = study.spec.data
    assert (data.label, data.drop, data.missing.cells, data.scale) == ("kind", ("Id",), "mean", "standard")
    assert data.validation.folds == 5  # 160 examples that train
    assert len(study.phases[0].choices) == 6
    assert Plan(study).notes is not None  # every setting fits the data
    for key in ("loss", "schedule", "early_stopping", "layers", "train"):
        assert re.search(rf"^# {key} = .+  # .+", text, re.MULTILINE), key
    uncommented = re.sub(r"^# (\w+ = (?:.(?!  # ))*.)  # .*", r"\1", text, flags=re.MULTILINE)
    uncommented = re.sub(r"^layers = .*\n", "", uncommented, flags=re.MULTILINE)  # in place of hidden
    assert "early_stopping = { patience = 10 }" in uncommented
    Plan(make_study(tomllib.loads(uncommented), folder=tmp_path))  # each of them can be set


def test_a_study_of_few_examples_trains_on_all_of_them(handgrad, tmp_path):
    (tmp_path / "xor.csv").write_text("a,b,label\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    assert handgrad("new xor.csv --to x.toml")[0] == 0
    spec = load_study("x.toml").spec
    assert (spec.data.validation, spec.data.test, spec.training.batch_size) == (False, False, "full")
    assert "validation part" not in (tmp_path / "x.toml").read_text()


def test_numbers_to_predict_make_a_study_of_regression(handgrad, tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{100 * a + b:.2f}" for a, b in rng.random((60, 2))]
    (tmp_path / "prices.csv").write_text("a,b,price\n" + "\n".join(rows) + "\n")
    code, out, err = handgrad("new prices.csv")
    assert code == 0, err
    assert "60 rows of 2 numbers, 1 target (price)" in out
    spec = load_study("study.toml").spec
    assert (spec.data.task, spec.data.label, spec.data.scale_targets) == ("regression", "price", "standard")
    text = (tmp_path / "study.toml").read_text()
    for line in (
        '# loss = "mean-squared-error"',
        '# output = "identity"',
        '# select_by = "val_rmse"',
        "dense 1 identity",
    ):
        assert line in text


def test_pictures_of_several_sizes_get_one_and_a_path_starts_at_the_file(handgrad, tmp_path):
    for name, count in (("oak", 12), ("elm", 12)):
        (tmp_path / "leaves" / name).mkdir(parents=True)
        for k in range(count):
            size = (8, 8) if k else (10, 8)
            Image.new("L", size, 20 * k).save(tmp_path / "leaves" / name / f"{k}.png")
    (tmp_path / "studies").mkdir()
    code, out, err = handgrad("new leaves --to studies/leaves.toml data.color=gray --json")
    assert code == 0, err
    assert json.loads(out)["file"] == "studies/leaves.toml"
    study = load_study("studies/leaves.toml")
    assert study.spec.data.name == "../leaves"
    assert study.spec.data.color == "gray"
    assert study.spec.data.image_size in ((8, 8), (8, 10))
    assert '"conv 8 3x3 pad 1 relu"' in (tmp_path / "studies" / "leaves.toml").read_text()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("new digits --to there.toml", "there.toml: is there already and is not written over"),
        ("new digits --to study.txt", "--to study.txt: a study file ends in .toml"),
        ("new digits --to nowhere/study.toml", "there is no folder nowhere; make it first"),
        ("new nothing.csv", "nothing.csv"),
        ("new digits training.epochs=3", "only keys of the data can be given here, as in data.label=species"),
        ("new digits data.lable=x", "data.lable is an unknown key; did you mean 'label'?"),
        ("schema --to there.toml", "there.toml: is there already and is no schema of studies"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is(handgrad, tmp_path, line, says):
    (tmp_path / "there.toml").write_text("name = 'mine'\n")
    code, _, err = handgrad(line)
    assert code == 2
    assert says in err
    assert [path.name for path in tmp_path.iterdir()] == ["there.toml"]
    assert (tmp_path / "there.toml").read_text() == "name = 'mine'\n"


# -- schema


@pytest.fixture(scope="module")
def schema():
    made = study_schema()
    jsonschema.Draft7Validator.check_schema(made)
    return jsonschema.Draft7Validator(made)


@pytest.mark.parametrize("name", ready_made())
def test_every_ready_made_study_is_one_by_the_schema(schema, name):
    tables = tomllib.loads(ready_made()[name].read_text("utf-8"))
    assert [error.message for error in schema.iter_errors(tables)] == []


def test_what_a_results_folder_keeps_is_a_study_by_the_schema(schema):
    kept = tomllib.loads(load_study("quickstart", ["seeds=2"]).toml())
    assert "changes" in kept["made"]
    assert [error.message for error in schema.iter_errors(kept)] == []


RIGHT = """
seeds = [1, 2]
training.optimizer = "adam"
network.hidden = [64, 32]
data.missing = ["?"]
[one_factor]
"training.optimizer.lr" = [0.1]
training.optimizer = [{ name = "momentum", momentum = 0.8 }, "sgd"]
[variant."two"]
training.optimizer.lr = 1
network = { hidden = [], dropout = 0.1 }
[[phase]]
name = "later"
random.training.optimizer.lr = { log_uniform = [1e-4, 0.1] }
random.network.hidden = { choice = [[8], 16] }
random.runs = 3
[quick]
phase.later.random.runs = 2
training.epochs = 1
"""


def test_what_is_right_in_other_ways_is_right_by_the_schema(schema):
    tables = tomllib.loads(RIGHT)
    make_study({"name": "x", **tables})
    assert [error.message for error in schema.iter_errors(tables)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "learning_rate = 0.1",
        "seeds = 0",
        "[training]\nlr = 0.1",
        '[training]\nloss = "mse"',
        "[training]\nepochs = 0",
        "[training]\nbatch_size = 'all'",
        '[training]\noptimizer = { name = "adam", beta1 = 1.0 }',
        '[training]\noptimizer = { name = "sgd", momentum = 0.9 }',
        "[network]\nhidden = [0]",
        '[network]\nactivation = ["relu", "gelu"]',
        "[data]\nvalidation = { size = 0.1, form = 'test' }",
        "[data]\nimage_size = [32]",
        "[grid]\nlr = [0.1]",
        "[grid]\ntraining.epochs = 3",
        "[grid]\ntraining.epochs = [0]",
        "[grid]\ntraining.optimizer.lr = ['much']",
        "[random]\ntraining.epochs = { between = [1, 2] }",
        "[random]\nruns = 0",
        "[[phase]]\ngrid.training.epochs = [1]",
        '[[phase]]\nname = "x"\nafter_ = "main"',
        '[variant."a"]\ntraining.lr = 3',
        '[[figure]]\ntitle = "x"\nkind = "epoch"',
        '[[figure]]\ntitle = "x"\nkind = "epochs"\noptions = { nothing = 1 }',
        "[asha]\nreduction_factor = 1",
        "[budget]\nhours = 1",
    ],
)
def test_what_handgrad_refuses_is_wrong_by_the_schema(schema, wrong):
    tables = tomllib.loads(wrong)
    with pytest.raises(StudyFileError):
        make_study({"name": "x", **tables})
    assert list(schema.iter_errors(tables)), wrong


def test_an_editor_reads_what_a_key_is_and_takes(handgrad, tmp_path):
    for _ in range(2):  # an older one is replaced
        code, out, err = handgrad("schema --to handgrad.schema.json")
        assert (code, err) == (0, "")
    assert "begins with the line  #:schema ./handgrad.schema.json" in out
    made = json.loads((tmp_path / "handgrad.schema.json").read_text())
    training = made["properties"]["training"]["properties"]
    assert training["epochs"] == {
        "type": "integer",
        "minimum": 1,
        "description": "passes over the training examples",
        "default": 10,
    }
    assert "adam" in training["optimizer"]["anyOf"][0]["enum"]
    assert json.loads(handgrad("schema")[1]) == made
