"""Engines say what they cannot take before anything starts."""

import pytest

from handgrad.errors import NetworkError
from handgrad.training.run import Setting


def fit(layers, engine):
    setting = Setting(network={"layers": layers}, training={"engine": engine})
    return setting.resolved(), setting.network_for((1, 8, 8), 3, has_validation=True)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            ["conv 2 3x3 relu", "dense 3 softmax"],
            r"has no layer 'conv 2 3x3 stride 1 pad 0 relu'; set engine = 'array'",
        ),
        (
            ["dropout 0.5", "dropout 0.5", "dense 3 softmax"],
            r"training.engine = 'compiled' takes no two dropout layers",
        ),
    ],
)
def test_what_compiled_cannot_take_is_refused_by_name_and_left_to_array_by_auto(layers, message):
    with pytest.raises(NetworkError, match=message):
        fit(layers, "compiled")
    assert fit(layers, "auto")[0].training.engine == "array"


def test_auto_takes_compiled_for_dense_networks():
    assert fit(["dense 4 tanh", "dropout 0.5", "dense 3 softmax"], "auto")[0].training.engine == "compiled"
