"""One BLAS thread, whichever library computes and whenever it was loaded."""

import os
import subprocess
import sys

import pytest
from threadpoolctl import ThreadpoolController

from handgrad.training.environment import OneBlasThread

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


def test_the_limit_lasts_until_the_last_of_several_threads_leaves():
    """Whoever leaves first must give the others no more threads, and the last must not keep the limit."""

    def threads():
        return {pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"}

    with ThreadpoolController().limit(limits=2):
        before, limit = threads(), OneBlasThread()
        limit.__enter__()
        limit.__enter__()
        limit.__exit__()
        assert threads() == {1}
        limit.__exit__()
        assert threads() == before
