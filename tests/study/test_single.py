"""One setting by itself: from a study file, its tables or a Study; seeds and numbers as people give them."""

import re
from pathlib import Path

import numpy as np
import pandas
import pytest

import handgrad as hg
from handgrad.errors import InputError, StudyFileError
from handgrad.training.run import Run, Setting

TINY = {"data": {"train": {"size": 100}}, "network": {"hidden": [4]}, "training": {"epochs": 1, "engine": "array"}}
FILE = """
seeds = [3, 5]
[data]
name = "mine.csv"
[network]
hidden = 4
[training]
epochs = 1
engine = "array"
"""


@pytest.fixture
def study_file(tmp_path):
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    frame["kind"] = np.where(frame["a"] > 0, "x", "y")
    (tmp_path / "there").mkdir()
    frame.to_csv(tmp_path / "there" / "mine.csv", index=False)
    (tmp_path / "there" / "tiny.toml").write_text(FILE)
    return tmp_path / "there" / "tiny.toml"


def test_a_study_file_is_trained_however_it_is_given(study_file):
    ids = {hg.train(given, seed=3).id for given in (study_file, str(study_file), hg.load_study(study_file))}
    assert len(ids) == 1


def test_weights_are_scored_with_the_setting_of_a_study_file(study_file, tmp_path):
    record = hg.train(study_file, seed=5)
    hg.export_model(record, tmp_path / "w.npz")
    for given in (study_file, hg.load_study(study_file)):
        model = hg.import_model(tmp_path / "w.npz", given)
        assert hg.evaluate(model, given).accuracy == record.metrics["test_accuracy"]
        assert hg.evaluate(record, given).loss == record.metrics["test_loss"]


def test_a_seed_that_the_study_does_not_have(study_file):
    with pytest.raises(
        InputError, match=r"tiny.toml: its seeds are 3, 5, not 0; say which one is trained: seed=3, or run"
    ):
        hg.train(study_file)


@pytest.mark.parametrize(
    "more",
    [
        {"grid": {"training.optimizer.lr": [0.1, 0.01]}},
        {"random": {"runs": 2, "training.optimizer.lr": {"uniform": [0.1, 0.2]}}},
        {"phase": [{"name": "then", "grid": {"training.epochs": [1, 2]}}]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_study_of_several_settings_is_for_run_study(more):
    with pytest.raises(
        InputError, match=rf"study: is a study of several settings \({next(iter(more))}\); .* hg.run_study"
    ):
        hg.train({**TINY, **more})


def test_seeds_that_vary_one_source_are_for_run_study():
    tables = {**TINY, "name": "tiny", "vary": ["init"]}
    with pytest.raises(InputError, match=r"its seeds vary init, which one seed does not say; .* hg\.run_study"):
        hg.train(tables)


def test_tables_of_a_study_are_a_setting_and_a_study(tmp_path):
    tables = {**TINY, "name": "tiny", "seeds": [7]}
    alone = hg.train(tables, seed=7)
    assert alone.id == hg.train(TINY, seed=7).id
    for number, given in enumerate((tables, hg.make_study(tables))):
        results = hg.run_study(given, tmp_path / str(number), jobs=1)
        assert [cell.id for cell in results.cells()] == [alone.id]


def test_run_study_takes_a_file(study_file, tmp_path):
    results = hg.run_study(study_file, str(tmp_path / "out"), jobs=1)
    assert [cell.status for cell in results.cells()] == ["done", "done"]
    assert hg.curve_measures(results).equals(hg.curve_measures(tmp_path / "out"))
    assert hg.reproduction(str(tmp_path / "out")).empty


@pytest.mark.parametrize("seed", [None, -1, 1.5, True, "3", np.float64(1.5), np.bool_(True), [1], float("nan")])
def test_what_is_no_seed(seed):
    with pytest.raises(InputError, match=re.escape(f"seed must be a whole number >= 0; got {seed!r}"[:50])):
        hg.train(TINY, seed=seed)


@pytest.mark.parametrize("seed", [2**63, 10**30, np.uint64(2**63), 10**5000], ids=["2^63", "10^30", "NumPy", "endless"])
def test_a_seed_beyond_64_bits(seed):
    with pytest.raises(InputError, match=r"^seed must be a whole number >= 0 and below 2\^63; got .{1,80}$"):
        hg.train(TINY, seed=seed)


def test_seeds_of_numpy_are_seeds():
    expected = Run(Setting(), 3, "x").id
    for seed in (np.int64(3), np.uint8(3), np.array(3)):
        assert Run(Setting(), seed, "x").id == expected
    assert type(Run(Setting(), np.int64(3), "x").seed) is int


def test_a_run_does_not_continue_one_of_another_network():
    before = hg.train(TINY)
    with pytest.raises(InputError, match=r"which this one continues: dense1.W has shape \(64, 4\); .* needs \(64, 5\)"):
        hg.train({**TINY, "network": {"hidden": [5]}}, continues=before)
    assert hg.train({**TINY, "network": {"hidden": [4], "activation": "tanh"}}, continues=before).status == "done"


PLAIN = {
    "data": {"name": "digits", "validation": {"size": 100, "seed": 4}},
    "network": {"hidden": [30, 20], "dropout": 0.25},
    "training": {"epochs": 3, "optimizer": {"name": "adam", "lr": 0.125}, "batch_size": 16, "test_every_epoch": True},
}
OF_NUMPY = {
    "data": {"name": np.str_("digits"), "validation": {"size": np.int64(100), "seed": np.uint8(4)}},
    "network": {"hidden": np.array([30, 20]), "dropout": np.float32(0.25)},
    "training": {
        "epochs": np.int32(3), "optimizer": {"name": "adam", "lr": np.float64(0.125)}, "batch_size": np.array(16),
        "test_every_epoch": np.bool_(True),
    },
}  # fmt: skip


def test_settings_of_numpy_are_the_same_settings():
    assert Run(Setting.checked(OF_NUMPY), 0, "x").id == Run(Setting.checked(PLAIN), 0, "x").id
    assert Run(Setting(OF_NUMPY), 0, "x").id == Run(Setting(**PLAIN), 0, "x").id
    for hidden in ((30, 20), pandas.Series([30, 20]), [np.int16(30), np.int16(20)]):
        network = {**PLAIN["network"], "hidden": hidden}
        assert Run(Setting.checked({**PLAIN, "network": network}), 0, "x").id == Run(Setting(PLAIN), 0, "x").id


def test_a_study_of_numpy_numbers_is_the_same_study():
    def study(seeds, lr, sizes):
        grid = {"training.optimizer.lr": lr, "network.hidden": sizes}
        return hg.make_study({"name": "rates", "seeds": seeds, "grid": grid})

    plain = study([0, 1, 2], [0.5, 0.25], [[8], [16]])
    for seeds, lr, sizes in (
        (range(3), np.array([0.5, 0.25]), np.array([[8], [16]])),
        (np.arange(3), (np.float32(0.5), 0.25), [(8,), (16,)]),
        (np.int64(3), pandas.Series([0.5, 0.25]), [np.array([8]), np.array([16])]),
    ):
        found = study(seeds, lr, sizes)
        assert found.spec.seeds == plain.spec.seeds
        assert [choice.changes for choice in found.phases[0].choices] == [c.changes for c in plain.phases[0].choices]


def test_a_path_is_a_name_of_data():
    assert Setting(data={"name": Path("a") / "b.csv"}).data.name == str(Path("a") / "b.csv")


def test_one_change_by_itself_is_a_list_of_one():
    assert hg.load_study("quickstart", "seeds=2").spec.seeds == (0, 1)
    with pytest.raises(StudyFileError, match=r"training\.epochs must be >= 1"):
        hg.load_study("quickstart", "training.epochs=0")
