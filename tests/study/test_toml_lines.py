"""Lines of problems: every key of a file, however it is written, and what is written twice."""

import tomllib

import pytest

from handgrad.errors import StudyFileError
from handgrad.study import Plan, load_study, make_study
from handgrad.study.toml_lines import KeyLines, line_of

BAD = """\
name = "x"                      # 1
seeds = [1, 1]

[data]
validation = { size = 0.1, form = "test" }   # 5: [grid]

[training]
learning_rat = 3
optimizer.name = "adam"
optimizer.beta1 = 1.5           # 10
[grid]
"training.batch_size" = [0,
  3]
network.activation = [
  "relu", "gelu"]               # 15
[bundle.case."R+S"]
training.epochs = -1
[bundle.case."B"]
training.epochs = 2

[[phase]]                       # 21
name = "one"
grid.training.epochs = [1]
[[phase]]
name = "two two"                # 25
grid.training.epochs = []
[[phase]]
[[figure]]
title = "A"
kind = "epoch"                  # 30
[original]
title = '''a
"b" # 33'''
table = [
  { number = "T 1", title = "t", columns = [{ head = "a", show = "loss" }], rows = [{ label = "1" },
    { label = "2", runn = true }] },
]
"""
LINES = {
    "seeds": 2,
    "data.validation.form": 5,
    "training.learning_rat": 8,
    "training.optimizer.beta1": 10,
    "grid.training.batch_size": 12,
    "grid.network.activation": 14,
    'bundle.case."R+S".training.epochs': 17,
    'phase "two two".grid.training.epochs': 26,
    "phase 3.name": 27,
    'figure "A".kind': 30,
    'original "T 1".rows "2".runn': 36,
}


def problems_of(path):
    with pytest.raises(StudyFileError) as raised:
        Plan(load_study(path))
    return raised.value


def test_every_problem_of_a_file_has_its_line(tmp_path):
    (tmp_path / "bad.toml").write_text(BAD)
    error = problems_of(tmp_path / "bad.toml")
    found = {problem.split(" is ")[0].split(" must ")[0]: line for problem, line in zip(
        error.problems, error.lines, strict=True)}  # fmt: skip
    assert found == LINES
    assert "\nbad.toml, line 8: training.learning_rat is an unknown key: write training.optimizer.lr." in str(error)


def test_what_does_not_fit_the_data_has_its_line_and_what_the_command_line_says_has_none(tmp_path):
    (tmp_path / "s.toml").write_text('[training]\nepochs = 3\n[network]\nlayers = ["dense 7 softmax"]\n')
    assert problems_of(tmp_path / "s.toml").lines == [4]
    (tmp_path / "grid.toml").write_text(
        "[network]\nlayers = ['dense 7 softmax']\n[grid]\ntraining.optimizer.lr = [1]\n"
    )
    assert str(problems_of(tmp_path / "grid.toml")).startswith("grid.toml, line 2: training.optimizer.lr = 1: network.")
    with pytest.raises(StudyFileError, match=r"^s.toml: training.epochs must be >= 1; got 0 \(given on the command"):
        load_study(tmp_path / "s.toml", ["training.epochs=0"])
    with pytest.raises(StudyFileError, match=r"^quickstart.toml: training.epochs must be"):
        load_study("quickstart", ["training.epochs=0"])
    with pytest.raises(StudyFileError, match=r"^study: training.epochs must be"):
        make_study({"name": "x", "training": {"epochs": 0}})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'name = "x"\n[training]\nepochs = 3\n\nepochs = 4\n',
            "s.toml, line 5: is not TOML: 'epochs = 4' stands in line 3",
        ),
        ("[training]\nepochs = 3\n[training]\n", "s.toml, line 3: is not TOML: '[training]' stands in line 1 already"),
        ("[training]\nepochs = abc\n", "s.toml, line 2: is not TOML: Invalid value in column 10, 'epochs = abc' (text"),
        ("[training]\nepochs = [3\n", "s.toml: is not TOML: Unclosed array (at end of document); mend its end"),
    ],
)
def test_what_is_no_toml_has_its_line(tmp_path, text, says):
    (tmp_path / "s.toml").write_text(text)
    assert says in str(problems_of(tmp_path / "s.toml"))


@pytest.mark.parametrize("text", ["[[[[", "a = [1, {b", "=", "a.b.", '"', "a = }", "[a\nb", "{}", "a = [[[", "\0"])
def test_any_text_is_read_to_its_end(text):
    assert KeyLines(text).lines.keys() is not None


def test_keys_in_quotes_lists_of_tables_and_blanks():
    text = 'a = """\n\n"""\n[ "b c" . d ]\n"e.f" = [ # list\n { g = 1 },\n { g = [ [ 2 ] ], h = 3 } ]\r\ni=2\n'
    lines = KeyLines(text).lines
    tables = tomllib.loads(text)
    assert lines["b c", "d", "e.f", 1, "h"] == 7
    assert lines["b c", "d", "i"] == 8
    assert line_of("nothing of it is known", tables, lines) is None
