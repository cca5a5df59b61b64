"""One BLAS thread, whichever library computes and whenever it was loaded."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import handgrad as hg

small = {"network": {"hidden": [4]}, "data": {"train": {"size": 20}}}
hg.train({**small, "training": {"epochs": 1, "engine": "array"}})
assert "torch" not in sys.modules
def threads(event):
    import torch
    print(torch.get_num_threads())
hg.train({**small, "training": {"epochs": 1, **OPTIONS}}, observers=[threads])
import torch
print(torch.get_num_threads())
"""


@pytest.mark.parametrize("options", [{"engine": "torch"}, {"engine": "array", "arrays": "torch"}])
def test_pytorch_is_held_to_one_thread_though_it_is_loaded_late(options):
    """More would change the order of sums.  Afterwards it has its threads again."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("OPTIONS", repr(options))],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
        check=False,
    )
    assert done.stdout.split() == ["1", "2"], done.stderr
