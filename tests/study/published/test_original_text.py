"""[original.text]: what an original says of its own numbers, read with every problem at once."""

import tomllib

import pytest

from handgrad.errors import StudyFileError
from handgrad.study import make_study
from handgrad.study.reading.published_reader import read_original
from tests.study.published.test_originals import study, table

COLUMNS = [{"head": "Run", "show": "original"}, {"head": "Accuracy", "show": "test_accuracy", "unit": "percent"}]
FIGURE = {"number": "Figure 1", "title": "Loss", "kind": "step-loss", "settings": ["1"]}


def made(**text):
    base = study(table(columns=COLUMNS), figures=[FIGURE])
    tables = tomllib.loads(base.toml())
    tables["original"]["text"] = text
    return make_study(tables)


def problems(**text):
    with pytest.raises(StudyFileError) as error:
        made(**text)
    return error.value.problems


def test_what_is_said_is_read_and_kept_in_the_study_file():
    said = {
        "chosen": [{"item": "Table 1", "row": 2, "column": "Accuracy", "where": "l. 3"}],
        "drawn": [{"item": "Table 1", "key": "training.optimizer.lr", "log_uniform": [1e-4, 1e-1]}],
        "captions": [{"item": "Figure 1", "rows": ["1", 3], "says": {"training": {"optimizer": {"lr": 0.1}}}}],
        "values": [{"what": "epochs", "said": {"l. 118": 100, "Fig. 6": 10}}],
        "measured": [{"item": "Table 1", "column": "Accuracy", "says": "val_accuracy"}],
    }
    first = made(**said)
    text = first.spec.original.text
    assert (text.chosen[0].row, text.captions[0].rows) == ("2", ("1", "3"))
    assert text.captions[0].says == {"training.optimizer.lr": 0.1}
    assert text.drawn[0].log_uniform == (1e-4, 1e-1)
    assert make_study(tomllib.loads(first.toml())).spec.original.text == text


def test_the_rows_are_still_there_in_the_quick_study():
    text = {"chosen": [{"item": "Table 1", "row": "4", "column": "Accuracy"}]}
    whole = tomllib.loads(made(**text).toml())
    del whole["made"]
    assert make_study(whole, quick=True).spec.original.text.chosen[0].row == "4"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            {"chosen": [{"item": "Table 1", "row": "1", "colum": "Accuracy"}]},
            "original.text.chosen 1.colum is an unknown key; did you mean 'column'? Known: item, row, column, where",
        ),
        ({"chosn": []}, "original.text.chosn is an unknown key; did you mean 'chosen'?"),
        ({"chosen": {"item": "x"}}, "original.text.chosen must be a list of tables such as [{ … }, { … }]; got"),
        (
            {"chosen": [{"item": "Table 2", "row": "1", "column": "Accuracy"}]},
            "original.text.chosen 1.item is an unknown item of the original 'Table 2'; did you mean 'Table 1'?",
        ),
        (
            {"chosen": [{"item": "Table 1", "row": "5", "column": "Accuracy"}]},
            "original.text.chosen 1.row is an unknown row '5'. Known: 1, 2, 3, 4",
        ),
        (
            {"measured": [{"item": "Table 1", "column": "Acuracy", "says": "val_accuracy"}]},
            "original.text.measured 1.column is an unknown column of accuracies or losses 'Acuracy'; did you mean "
            "'Accuracy'?",
        ),
        (
            {"measured": [{"item": "Table 1", "column": "Accuracy", "says": "seconds"}]},
            "original.text.measured 1.says is an unknown accuracy or loss 'seconds'",
        ),
        (
            {"drawn": [{"item": "Table 1", "key": "training.optimizer.lr"}]},
            "original.text.drawn 1 must have uniform or log_uniform, one of the two",
        ),
        (
            {"drawn": [{"item": "Table 1", "key": "training.lr", "uniform": [0, 1]}]},
            "original.text.drawn 1.key.show is an unknown column 'training.lr'",
        ),
        (
            {"drawn": [{"item": "Table 1", "key": "training.optimizer.lr", "log_uniform": [0, 1]}]},
            "original.text.drawn 1.log_uniform must be [lo, hi], two numbers with 0 < lo < hi; got [0, 1]",
        ),
        (
            {"captions": [{"item": "Figure 1", "rows": ["9"], "says": {"training": {"epochs": 3}}}]},
            "original.text.captions 1.rows has an unknown row '9'. Known: 1, 2, 3, 4",
        ),
        (
            {"captions": [{"item": "Figure 1", "rows": [], "says": {}}]},
            "original.text.captions 1.says must be a table of keys, as in { training.optimizer.lr = 0.01 }; got {}",
        ),
        (
            {"values": [{"what": "epochs", "said": {"l. 1": 3}}]},
            "original.text.values 1.said must be a table of two or more places",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, line):
    assert any(line in problem for problem in problems(**text)), problems(**text)


def test_text_that_is_no_table():
    _, found = read_original({"title": "T", "text": ["x"]})
    assert found == ["original.text must be a table of lists: chosen, drawn, captions, values, measured; got ['x']"]
