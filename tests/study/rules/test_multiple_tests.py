"""Holm's correction, worked by hand."""

import pytest

from handgrad.study.rules.multiple_tests import holm


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 -> ·4 .04, ·3 .06, ·2 .06, ·1 .04 -> never falling .06
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
