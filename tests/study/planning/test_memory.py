"""Networks that do not fit this machine's memory are refused by plan and run, with the numbers."""

import pytest

from handgrad.errors import InputError
from handgrad.limits import machine_memory
from handgrad.network.network import Network
from handgrad.study import Plan, make_study, run_study
from handgrad.study.planning.estimate import estimate
from handgrad.study.planning.memory import check_memory, need_of
from handgrad.training.training_section import TrainingSection

HUGE = 10**15


def need(layers, n=1000, **training):
    return need_of(TrainingSection(**training), Network.parse((100,), *layers), n, "the base setting")


def test_what_a_run_needs():
    # 100·50 + 50 + 50·10 + 10 = 5,560 weights: W and dW, and 32 rows of 100 inputs and of a and da of 50 and 10 units
    small = need(["dense 50 relu", "dense 10 softmax"])
    assert (small.bytes, small.weights, small.rows) == (4 * (2 * 5560 + 32 * (100 + 2 * 60)), 5560, 32)
    assert need(["dense 50 relu", "dense 10 softmax"], n=1).bytes == 12 * 5560  # drawn in float64 and cast is more
    # W, dW and adam's two slots, and 1,000 rows of 100 inputs and of a and da of 50 and 10 units
    full = need(["dense 50 relu", "dense 10 softmax"], engine="array", optimizer="adam", batch_size="full")
    assert full.bytes == 4 * (4 * 5560 + 1000 * (100 + 2 * 60))
    assert need(["dense 50 relu", "dense 10 softmax"], batch_size="full").rows == 256  # compiled: some rows at a time
    assert need(["dense 50", "batch-norm relu", "dense 10 softmax"], batch_size="full").rows == 1000  # but by the batch
    stacked = need(["dense 10 softmax"], engine="jax", stack=100)
    assert stacked.bytes == 100 * need(["dense 10 softmax"], engine="array").bytes


@pytest.mark.parametrize(
    ("workers", "machine", "message"),
    [
        (
            1,
            (30_000, HUGE),
            "takes at least 72640 bytes of memory; this machine has 30000 bytes: take fewer units or filters",
        ),
        (4, (200_000, HUGE), r"\(4 workers, 72640 bytes each\); this machine has 200000 bytes: take --jobs 2"),
        (1, (HUGE, 30_000), "take fewer units or filters"),  # its own limit, as of ulimit -v
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(workers, machine, message):
    with pytest.raises(InputError, match=f"^the base setting: the network has 5,560 weights, .*{message}"):
        check_memory(need(["dense 50 relu", "dense 10 softmax"]), workers, machine)


def test_what_fits_is_not_refused():
    small = need(["dense 50 relu", "dense 10 softmax"])
    check_memory(small, 4, (4 * small.bytes, small.bytes))
    check_memory(None, 4, (1, 1))
    assert machine_memory()[0] > 10**8


@pytest.mark.parametrize(
    ("tables", "where"),
    [
        ({"network": {"hidden": 10**12}}, "the base setting: the network has "),
        ({"grid": {"network.hidden": [8, 10**12]}}, "network.hidden = 1000000000000: the network has "),
        (
            {"phase": [{"name": "p", "grid": {"network.hidden": [10**12]}}]},
            'phase "p", network.hidden = 1000000000000: ',
        ),
        ({"network": {"layers": ["dense 999999999999 relu", "dense 3 softmax"]}}, "the base setting: the network has "),
        (
            {"training": {"engine": "jax", "stack": 10**9}},
            "the base setting: .* 1,000,000,000 runs in",
        ),
    ],
)
def test_plan_and_run_refuse_it_before_anything_is_made(make, tmp_path, tables, where):
    pytest.importorskip("torch")
    study = make(**tables)
    with pytest.raises(InputError, match=f"{where}.* of memory"):
        estimate(Plan(study))
    with pytest.raises(InputError, match=f"{where}.* of memory"):
        run_study(study, tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()


def test_a_plan_of_images_is_refused_too():
    study = make_study({"name": "x", "network": {"layers": ["conv 100000000 3x3 relu", "dense 10 softmax"]}})
    with pytest.raises(InputError, match=r"the network has 37,000,000,010 weights, .* of memory"):
        estimate(Plan(study))
