"""Mutated study files: one message each, or a study that reads back equal (`fuzz` tries more of them by hand)."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.study.reading.fuzz import SMALL, bad_message, mutated, problem, texts


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_mutated_file_is_refused_or_reads_back_equal(seed, tmp_path):
    rng = random.Random(seed)
    content = mutated(rng, rng.choice(texts()))
    _, fault = problem(content, tmp_path)
    assert fault is None, (fault, content[:2000])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_random_bytes_are_refused(content, tmp_path):
    _, fault = problem(content, tmp_path)
    assert fault is None


def test_the_fuzz_would_find_what_is_wrong(tmp_path, monkeypatch):
    assert problem(SMALL.encode(), tmp_path, plan=True) == ("study", None)
    assert "nobody foresaw" in bad_message("s.toml: is not a study, or is damaged (KeyError: 'x'); copy it again")
    assert "40000 signs" in bad_message("x" * 40_000)
