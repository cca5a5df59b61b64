"""docs/studies.md: every key is there, and its examples are studies."""

import re
import tomllib
from pathlib import Path

import pytest

from handgrad.network.network_section import NetworkSection
from handgrad.study import make_study
from handgrad.study.design.axes import RANDOM_KEYS
from handgrad.study.design.study_spec import PhaseSpec, StudySpec
from handgrad.study.rules.samplers import DISTRIBUTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "studies.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("section", [StudySpec, PhaseSpec, NetworkSection])
def test_every_key_is_documented(section):
    names = [field.alias or name for name, field in section.model_fields.items()]
    assert not [name for name in names if f"`{name}`" not in PAGE]


def test_every_range_is_documented():
    assert not [name for name in [*DISTRIBUTIONS, *RANDOM_KEYS] if not re.search(rf"\b{name}\b ?=", PAGE)]


@pytest.mark.parametrize("text", EXAMPLES, ids=[text.splitlines()[0] for text in EXAMPLES])
def test_examples_are_studies(text):
    tables = tomllib.loads(text)
    first = tomllib.loads(EXAMPLES[0])
    if "quick" in tables:
        assert make_study({**first, **tables}, quick=True).spec.seeds == (0, 1)
    elif "figure" in tables:
        make_study({**first, **tables})
    elif "title" not in tables.get("original", {"title": ""}):  # a part of the original of an example before
        whole = next(parsed for one in EXAMPLES if "title" in (parsed := tomllib.loads(one)).get("original", {}))
        make_study({"name": "example", **whole, "original": {**whole["original"], **tables["original"]}})
    else:
        make_study({"name": "example", **tables})


def test_defaults_in_the_tables_are_those_in_force():
    defaults = {"seeds": 1, "select_by": '"val_accuracy"', "select_on_test": "false", "continue": "false"}
    defaults |= {"hidden": 64, "activation": '"relu"', "output": '"softmax"', "dropout": 0}
    network, study = NetworkSection(), StudySpec(name="x")
    assert (network.hidden, network.activation, network.output, network.dropout) == ((64,), "relu", "softmax", 0)
    assert (len(study.seeds), study.select_by, study.select_on_test) == (1, "val_accuracy", False)
    for key, value in defaults.items():
        assert re.search(rf"^\| `{key}` \| `?{re.escape(str(value))}`? \|", PAGE, re.MULTILINE), key
