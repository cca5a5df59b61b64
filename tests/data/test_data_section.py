"""The [data] table: what it admits, and the words for what it does not."""

import json

import pytest

from handgrad.data.data_section import DataSection, TrainPart, ValidationPart
from handgrad.errors import InputError


def problems(**values):
    section, found = DataSection.read(values, prefix="data")
    assert section is None
    return found


def test_defaults_are_written_out_in_the_words_of_the_file():
    assert DataSection().model_dump() == {
        "name": "digits",
        "scale": "unit",
        "validation": {"size": 0.1, "from": "train", "stratify": True, "seed": 0},
        "train": None,
        "test": None,
        "label": None,
        "image_size": None,
        "color": "keep",
    }


@pytest.mark.parametrize(
    "values",
    [
        {"validation": False, "train": {"size": 2000, "pick": "random", "seed": 3}},
        {"validation": {"size": 1.0, "from": "test", "stratify": False}, "scale": "standard"},
        {"name": "my.csv", "label": "kind", "test": {"size": 1}},
        {"name": "pictures", "image_size": [8, 9], "color": "gray", "label": None},
        {"name": "my.csv", "drop": ["Id", 3], "missing": [], "value_range": [0, 16]},
        {"name": "my.csv", "missing": "mean", "decimal": ","},
        {"name": "my.csv", "test": False},
        {"name": "my.csv", "missing": {"texts": ["-9"], "cells": "drop"}},
    ],
)
def test_what_was_written_out_reads_back_as_the_same(values):
    section = DataSection(**values)
    assert DataSection(**section.model_dump()) == section
    assert DataSection(**json.loads(section.model_dump_json())) == section


def test_keys_that_older_studies_do_not_know_are_written_only_where_they_were_given():
    assert DataSection(drop=[], missing=None, value_range=None).model_dump() == DataSection().model_dump()
    assert DataSection(missing=[], drop=["Id"]).model_dump(mode="json")["drop"] == ["Id"]
    assert DataSection(missing=[]).model_dump()["missing"] == ()
    assert DataSection(missing={"texts": ["?"]}) == DataSection(missing=["?"])
    assert DataSection(missing={"cells": "mean"}).model_dump(mode="json")["missing"] == "mean"


def test_one_is_one_example_and_one_point_zero_is_all():
    assert isinstance(TrainPart(size=1).size, int)
    assert isinstance(TrainPart(size=1.0).size, float)


def test_from_is_called_source_in_python():
    assert ValidationPart(source="test") == ValidationPart(**{"from": "test"})
    assert ValidationPart().changed(source="test").source == "test"


@pytest.mark.parametrize("size", [0, -1, 0.0, 1.5, True, "10", None])
def test_sizes_that_are_none(size):
    assert problems(validation={"size": size}) == [
        f"data.validation.size must be a whole number of examples >= 1 or a fraction in (0, 1]; got {size!r}"
    ]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"scale": "unti"},
            "data.scale is an unknown scale 'unti'; did you mean 'unit'? Known: unit, symmetric, standard, none",
        ),
        (
            {"validation": {"from": "tst"}},
            "data.validation.from is an unknown part 'tst'; did you mean 'test'? Known: train, test",
        ),
        ({"validation": True}, "data.validation must be a table such as { size = 0.1 }, or false; got True"),
        ({"validation": {"stratify": 1}}, "data.validation.stratify must be true or false; got 1"),
        ({"validation": {"seed": -1}}, "data.validation.seed must be >= 0; got -1"),
        ({"train": {"size": 5, "pick": "last"}}, "data.train.pick is an unknown pick 'last'. Known: first, random"),
        ({"train": {}}, "data.train.size is missing"),
        ({"test": 5}, "data.test must be a table such as { size = 0.2 }, or false; got 5"),
        ({"name": " "}, "data.name must be the name of a data set or a path; got ' '"),
        (
            {"label": 1.5},
            "data.label must be the name of a column, or its number counted from 0 (-1 is the last), or for several "
            "targets a list; got 1.5",
        ),
        (
            {"drop": "Id"},
            "data.drop must be a list of columns, by name or by number from 0, such as [\"Id\", 3]; got 'Id'",
        ),
        (
            {"missing": "?"},
            'data.missing must be "mean" (of the training part), "drop" (such rows are left out) or a list of texts '
            'that mean "nothing here", such as ["?"]; got \'?\'',
        ),
        (
            {"missing": {"texts": "?"}},
            'data.missing.texts must be a list of texts that mean "nothing here", such as ["?"], or [] if none does; '
            "got '?'",
        ),
        (
            {"missing": {"cells": "median"}},
            "data.missing.cells is an unknown way with missing cells 'median'. Known: mean, drop",
        ),
        (
            {"decimal": ";"},
            "data.decimal is an unknown sign before decimals ';'. Known: ., ,",
        ),
        (
            {"value_range": [255, 0]},
            "data.value_range must be two numbers, the smallest and the largest value that x can take, such as [0, 255]"
            "; got [255, 0]",
        ),
        ({"image_size": [8]}, "data.image_size must be two whole numbers >= 1: [rows, cols]; got [8]"),
        ({"image_size": 8}, "data.image_size must be two whole numbers >= 1: [rows, cols]; got 8"),
        ({"color": "grey"}, "data.color is an unknown color 'grey'; did you mean 'gray'? Known: keep, gray, rgb"),
    ],
)
def test_the_words_for_what_is_wrong(values, text):
    assert problems(**values) == [text]


def test_all_problems_at_once():
    found = problems(scale="x", validation={"size": 0, "sede": 1}, nam="mnist")
    assert [line.split()[0] for line in found] == [
        "data.scale",
        "data.validation.size",
        "data.validation.sede",
        "data.nam",
    ]
    assert "did you mean 'seed'?" in found[2]


def test_in_python_it_is_an_input_error():
    with pytest.raises(InputError, match=r"^scale is an unknown scale 'x'"):
        DataSection(scale="x")
