"""docs/explain.md: its study is one, and its [explain] has the readings that the page counts."""

import re
import tomllib
from pathlib import Path

from handgrad.study import make_study
from handgrad.study.explain.explain_plan import ExplainPlan
from handgrad.study.published.explain_section import ExplainSection

PAGE = (Path(__file__).parents[3] / "docs" / "explain.md").read_text("utf-8")
BLOCKS = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_example_can_be_explained():
    made = ExplainPlan(make_study({**BLOCKS[0], "explain": {"departures": 1}}))
    assert len(made.rows) == 3
    assert "bias-gradient-summed-over-units" in {one.name for one in made.readings}


def test_the_readings_are_those_that_the_page_counts():
    listed = {**BLOCKS[1]["explain"], "slips": False, "departures": 4}
    made = ExplainPlan(make_study({**BLOCKS[0], "explain": listed}))
    assert len(made.readings) == 3 * 2 * 2 * 2
    assert "3 · 2 · 2 · 2 = 24 readings" in PAGE


def test_every_key_is_documented():
    assert not [
        name for name in ExplainSection.model_fields if f"{name} = " not in PAGE and f"explain.{name}" not in PAGE
    ]
