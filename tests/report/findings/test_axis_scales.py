"""How the values of an axis are read: in log or not, one by one, or as kinds."""

import numpy as np
import pandas
import pytest

from handgrad.errors import InputError
from handgrad.report.findings.axis_scales import AxisScale, mean_by_setting, ordered_levels, scale_of


@pytest.mark.parametrize(
    ("values", "kind", "levels"),
    [
        ([0.1, 0.01] * 3, "values", (0.01, 0.1)),
        (["tanh", "relu", "tanh"], "categories", ("tanh", "relu")),
        ([True, False, True], "categories", (True, False)),
        ([16, "auto", 16], "categories", (16, "auto")),
        (10.0 ** np.linspace(-4, 0, 30), "log", ()),
        (np.linspace(0.001, 0.5, 30), "linear", ()),  # a factor of 500, but even as it is
        (np.linspace(1, 2, 30), "linear", ()),
        (np.linspace(-1, 1, 30), "linear", ()),
    ],
    ids=str,
)
def test_the_scale_is_read_from_the_values(values, kind, levels):
    scale = scale_of("axis", list(values))
    assert (scale.kind, scale.levels) == (kind, levels)
    if scale.is_range:
        assert (scale.low, scale.high) == pytest.approx((min(values), max(values)))
        assert scale.shares([scale.low, scale.high]) == pytest.approx([0, 1])


def test_a_range_in_log_has_its_middle_at_the_geometric_mean():
    assert AxisScale("lr", "log", 1e-4, 1.0).shares([1e-2])[0] == pytest.approx(0.5)
    assert AxisScale("act", "categories", levels=("a", "b", "c")).shares(["b"])[0] == 0.5


def test_what_is_no_scale_is_refused():
    with pytest.raises(InputError, match="lr: every setting has the same value"):
        scale_of("lr", [0.1, 0.1, None])
    with pytest.raises(ValueError, match=r"lr: a log range from 0\.0 to 1\.0 is none"):
        AxisScale("lr", "log", 0.0, 1.0)
    with pytest.raises(ValueError, match="unknown kind of scale 'lin'"):
        AxisScale("lr", "lin")


def test_settings_are_means_over_their_seeds():
    frame = pandas.DataFrame(
        {
            "lr": [0.1, 0.1, 0.2, None],
            "seed": [0, 1, 0, 0],
            "value": [1.0, 2.0, 5.0, 9.0],
            "lost": [True, False, False, True],
        }
    )
    table = mean_by_setting(frame, ["lr"])
    assert table.to_numpy().tolist() == [[0.1, 1.5, 2, 1, ()], [0.2, 5.0, 1, 0, ()]]
    runs = mean_by_setting(frame.assign(run=["a", "b", "c", "d"]), ["lr"])["run"]
    assert runs.tolist() == [("a", "b"), ("c",)]


def test_levels_of_several_types_keep_their_order():
    assert ordered_levels([3, None, "x", float("nan"), 1]) == (3, "x", 1)
