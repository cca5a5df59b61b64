"""A few hundred damaged pictures, archives, IDX files and CIFAR batches; many more by hand: fuzz_image_files.py."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .executions import watched
from .fuzz_image_files import EDITS, EXTREMES, SEEDS, damaged, read

few_bytes = st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(EXTREMES))
edits = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(EDITS), few_bytes), max_size=6)


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(range(len(SEEDS))), edits)
@example(0, [])
def test_damaged_files_are_a_data_set_or_one_message(tmp_path, seed, changes):
    name, content, how = SEEDS[seed]
    with watched() as started:
        read(tmp_path, name, damaged(content, changes), how)  # raises where it is neither
    assert started == []


def test_whole_files_are_read(tmp_path):
    # or else the test above would be one of nothing but refusals
    refused = [how for name, content, how in SEEDS if read(tmp_path, name, content, how) is not None]
    assert len(refused) < len(SEEDS) / 4
