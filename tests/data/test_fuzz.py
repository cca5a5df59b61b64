"""Damaged and hostile files, a bounded part of `tests/fuzz`: a data set or one DataError, never anything else."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import data_files

SEEDS = data_files.seeds()


def test_the_files_that_are_damaged_are_good(tmp_path):
    for ending, content in SEEDS:
        (tmp_path / f"f{ending}").write_bytes(content)
        assert data_files.outcome(tmp_path / f"f{ending}", "standard") == "read"


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["unit", "symmetric", "standard", "none"]))
def test_damaged_tables_and_arrays(tmp_path_factory, seed, scale):
    ending, content = data_files.attack(random.Random(seed), SEEDS)
    path = tmp_path_factory.getbasetemp() / f"fuzz{ending}"
    path.write_bytes(content)
    assert data_files.outcome(path, scale) in ("read", "refused")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([".csv", ".npz", ".csv.gz", ".zip"]), st.binary(max_size=300))
def test_garbage(tmp_path_factory, ending, content):
    path = tmp_path_factory.getbasetemp() / f"garbage{ending}"
    path.write_bytes(content)
    assert data_files.outcome(path, "unit") in ("read", "refused")
