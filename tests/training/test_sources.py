"""Sources of chance: each has its own seed in a run, and a run that says nothing of them keeps its id and its bits."""

import numpy as np
import pytest

from handgrad.network.initializers import initialize
from handgrad.training.loop import execute
from handgrad.training.record import Record, load, save
from handgrad.training.run import Run
from handgrad.training.sources import SourceSeeds, checked_sources, source_seeds, sources_in_force, without_effect
from tests.training.conftest import make_run

DROPOUT = {"layers": ["dense 8 relu", "dropout 0.5", "dense 3 softmax"]}


def with_seeds(run, **seeds):
    """The same run with seeds of sources."""
    usual = {"init": run.seed, "order": run.seed, "dropout": run.seed}
    return Run(run.setting, run.seed, run.data_checksum, run.continues, SourceSeeds(**{**usual, **seeds}))


def losses(run, split):
    return execute(run, split).curves["loss_per_step"]


def test_a_run_with_one_seed_for_all_is_the_run_of_that_seed(split):
    plain, said = make_run(network=DROPOUT), with_seeds(make_run(network=DROPOUT))
    assert said.id == plain.id == "769f8e5be2"  # pinned: equal ids mean equal results
    assert with_seeds(plain, split=5).id == plain.id  # the seeds of the split are in the setting
    assert np.array_equal(losses(said, split), losses(plain, split))


def test_every_source_has_its_part_in_the_id():
    run = make_run(network=DROPOUT)
    ids = {with_seeds(run, **{name: 9}).id for name in ("init", "order", "dropout")}
    assert len(ids | {run.id}) == 4
    assert Run(run.setting, 2, run.data_checksum, None, SourceSeeds(9, 1, 1)).id not in ids  # its own seed counts too


def test_initial_weights_are_those_of_their_seed(split):
    run = with_seeds(make_run(epochs=1, optimizer={"name": "sgd", "lr": 1e-30}), init=5)
    done, section = execute(run, split), run.setting.network
    from handgrad.network.network_section import build

    network = build(section, (6,), 3)
    expected = initialize(network, section.init, section.bias_init, 5, "float32")
    assert np.array_equal(done.params["dense1.W"], expected["dense1.W"])
    other = initialize(network, section.init, section.bias_init, 1, "float32")
    assert not np.array_equal(done.params["dense1.W"], other["dense1.W"])


def test_orders_are_those_of_their_seed(split):
    """Weights that start at 0 are the same by any seed, so what is left is the order."""
    network = {"hidden": [], "init": "zeros"}
    ordered = losses(with_seeds(make_run(seed=1, network=network), order=4), split)
    assert np.array_equal(ordered, losses(make_run(seed=4, network=network), split))
    assert not np.array_equal(ordered, losses(make_run(seed=1, network=network), split))


@pytest.mark.parametrize("engine", ["array", "compiled", "torch", "jax"])
def test_masks_are_those_of_their_seed_in_every_engine(split, engine):
    """Weights and orders of seed 1 with the masks of seed 4: the weights and orders of 1 under the run of seed 4."""
    if engine in ("torch", "jax"):
        pytest.importorskip(engine)
    start = {"network": DROPOUT, "engine": engine, "epochs": 2}
    masked = losses(with_seeds(make_run(seed=1, **start), dropout=4), split)
    swapped = losses(with_seeds(make_run(seed=4, **start), init=1, order=1), split)
    assert np.array_equal(masked, swapped)
    assert not np.array_equal(masked, losses(make_run(seed=1, **start), split))
    reference = losses(with_seeds(make_run(seed=1, network=DROPOUT, engine="array", epochs=2), dropout=4), split)
    assert masked == pytest.approx(reference, rel=1e-4)


def test_the_record_says_which_source_had_which_seed(split, tmp_path):
    done = execute(with_seeds(make_run(epochs=1), init=5), split)
    assert done.seeds == {"init": 5, "order": 1, "dropout": 1}
    save(done, tmp_path / done.id)
    assert load(tmp_path / done.id).seeds == done.seeds
    plain = execute(make_run(epochs=1), split)
    assert plain.seeds is None
    assert "seeds" not in plain.to_json()
    assert Record.from_json(plain.to_json()).seeds is None


def test_what_is_not_named_keeps_the_first_seed():
    assert source_seeds(["order", "split"], 7, first=3) == SourceSeeds(init=3, order=7, dropout=3, split=7)
    assert source_seeds(["init", "order", "dropout"], 7, first=3).all_are(7)
    assert source_seeds(["order"], 3, first=3).to_json() == {"init": 3, "order": 3, "dropout": 3}


def test_sources_are_named_in_the_order_of_their_table():
    assert checked_sources(["split", "init"]) == ("init", "split")
    assert sources_in_force(["init", "dropout"], {"network": {"dropout": 0.0, "layers": None}}) == ("init",)
    layers = ["dense 3 relu", "dropout 0", "dense 2"]
    assert sources_in_force(None, {"network": {"layers": layers}}) == ("init", "order")


@pytest.mark.parametrize(
    ("network", "training", "still"),
    [
        ({}, {"batch_size": 32}, {"dropout"}),
        ({}, {"batch_size": "full"}, {"order", "dropout"}),
        ({}, {"batch_size": 100}, {"order", "dropout"}),  # of 100 examples
        ({"dropout": 0.5}, {"batch_size": "full"}, set()),  # masks meet other examples
        ({"dropout": 0.5}, {"slips": ["no-shuffling"]}, {"order"}),
        ({"init": {"name": "zeros"}}, {}, {"init", "dropout"}),
        ({"init": {"name": "zeros"}, "bias_init": {"name": "pytorch"}}, {}, {"dropout"}),
        ({"init": {"name": "normal", "std": 0.0}}, {}, {"init", "dropout"}),
        ({"init": {"name": "uniform", "low": 0.1, "high": 0.1}}, {}, {"init", "dropout"}),
    ],
)
def test_which_seeds_change_nothing(network, training, still):
    assert set(without_effect({"network": network, "training": training}, examples=100)) == still
