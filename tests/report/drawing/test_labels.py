"""Names at the ends of lines: apart, in order, inside, and as near as can be to where they belong."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handgrad.report.drawing.labels import spread

PLACES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(PLACES, st.floats(0.001, 0.3))
def test_names_are_apart_in_order_and_inside(wanted, gap):
    found = spread(wanted, gap)
    gap = min(gap, 1 / max(len(wanted) - 1, 1))
    ordered = [found[i] for i in np.argsort(wanted, kind="stable")]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(ordered))
    assert min(found) >= -1e-9
    assert max(found) <= 1 + 1e-9


@given(PLACES)
def test_names_that_do_not_collide_stay_where_they_belong(wanted):
    if min(np.diff(sorted(wanted)), default=1) >= 0.01:
        np.testing.assert_allclose(spread(wanted, 0.01), wanted, atol=1e-9)


def test_blocks_that_meet_are_joined():
    assert spread([0.3, 0.3, 0.42, 0.42], 0.1) == [0.21, 0.31, 0.41, 0.51]
