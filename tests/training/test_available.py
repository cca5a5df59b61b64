"""Which engine "auto" takes."""

import pytest

from handgrad.training.run import Setting


@pytest.mark.parametrize(
    "layers",
    [
        ["dense 4 tanh", "dropout 0.5", "dense 3 softmax"],
        ["conv 2 3x3 relu", "batch-norm", "max-pool 2", "dropout 0.5", "dropout 0.5", "dense 3 softmax"],
    ],
)
def test_auto_takes_compiled_for_every_network_on_a_cpu(layers):
    setting = Setting(network={"layers": layers})
    assert setting.resolved().training.engine == "compiled"
    assert setting.network_for((1, 8, 8), 3, has_validation=True).n_outputs == 3
