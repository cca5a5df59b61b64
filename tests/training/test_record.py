"""The type of a record: what its content must be, and that every key of another version survives."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import handgrad as hg
from handgrad.errors import DamagedError
from handgrad.training.record import Record, load_curves
from handgrad.training.record_facts import Divergence
from handgrad.training.recording import samples_of
from tests.records import DONE, made_record

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = sorted(GOLDEN.glob("*/**/record.json"))


def content(path):
    table = json.loads(path.read_text())
    del table["sha256"]
    return table


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_record_has_the_keys_of_its_file_in_their_order(path):
    table = content(path)
    assert json.dumps(Record.from_json(table).data) == json.dumps(table)


CURVES = [np.arange(5.0), np.zeros((0, 3)), np.float32(3), np.arange(6).reshape(2, 3).T, np.array(["a", "bc"])]


@pytest.mark.parametrize("array", CURVES, ids=str)
def test_curves_are_read_as_they_were_written(tmp_path, array):
    np.savez(tmp_path / "curves.npz", one=array)
    read = load_curves(tmp_path)["one"]
    np.testing.assert_array_equal(read, array, strict=True)
    read[...] = read[::-1] if read.ndim else 1  # it can be changed


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_curves_with_a_changed_byte_are_damaged(tmp_path, save):
    """Where no record has their checksum, that of the archive tells."""
    path = tmp_path / "curves.npz"
    save(path, one=np.arange(50.0))
    content = bytearray(path.read_bytes())
    content[250] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"curves\.npz"):
        load_curves(tmp_path)


def test_curves_of_objects_are_refused(tmp_path):
    np.savez(tmp_path / "curves.npz", one=np.array([{}], object))
    with pytest.raises(DamagedError, match=r"curves\.npz"):
        load_curves(tmp_path)


def test_keys_of_later_versions_survive_at_every_level():
    table = json.loads(json.dumps(DONE))
    table |= {"new": {"a": [1, 2.5, None]}}
    for name in ("network", "data", "time"):
        table[name]["new"] = name
    record = Record.from_json(table)
    assert record.data == table
    assert record.model_copy(update={"epochs": 2}).data == {**table, "epochs": 2}


def test_keys_that_earlier_versions_did_not_write_are_none_or_empty_and_are_not_added():
    record = made_record()
    assert (record.parent, record.files, record.weight_files, record.is_verifiable) == (None, None, None, False)
    assert (record.dataset.scaler, record.dataset.value_range, record.dataset.notes) == (None, None, [])
    assert not {"parent", "files"} & set(record.data)
    assert set(record.data["data"]) == set(DONE["data"])


def test_a_record_does_not_change():
    record = made_record()
    record.data["setting"]["training"]["optimizer"]["name"] = "adam"
    assert record.setting["training"]["optimizer"]["name"] == "sgd"
    for table, name in ((record, "status"), (record.time, "total")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(table, name, 1)


WHERE = {"epoch": 1, "step": 2, "layer": None, "reason": "the loss of the batch is nan"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"status": "ended"}, "status is 'ended', not one of done, diverged, pruned, failed"),
        ({"status": "diverged"}, "status is diverged, and diverged is None"),
        ({"diverged": WHERE}, "status is done, and diverged is "),
        ({"status": "failed"}, "status is failed, and error is None"),
        ({"status": "pruned", "error": "no memory"}, "status is pruned, and error is 'no memory'"),
        ({"epochs": 1.5}, "epochs: input should be a valid integer"),
        ({"epochs": True}, "epochs: input should be a valid integer"),
        ({"time": None}, "time: input should be a valid dictionary"),
        ({"network": {"layers": []}}, "network.output: field required"),
        ({"data": {"value_range": ["0", 1]}}, "data.value_range.0: input should be a valid number"),
        ({"setting": {"data": {}, "network": {}, "training": {}}}, "setting.training.optimizer: field required"),
        ({"setting": {**DONE["setting"], "more": {}}}, "setting.more: extra inputs are not permitted"),
        ({"confusion": {"test": [[1, 0]]}}, "confusion.test has not a row and a column for each of 2 classes"),
        (
            {"samples": {"source": "test", "index": [1], "labels": [0, 1], "before": [[0.1, 0.9]], "after": None}},
            "samples are not of one number of examples",
        ),
        (
            {"samples": {"source": "test", "index": [1], "labels": [2], "before": [[0.1, 0.9]], "after": None}},
            "samples are not of 2 classes",
        ),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(changed, message):
    with pytest.raises(ValueError) as said:  # noqa: PT011, the text is compared below
        made_record(**changed)
    assert str(said.value).startswith(message)
    assert "\n" not in str(said.value)


def test_a_run_that_diverged_says_where():
    assert made_record(status="diverged", diverged=WHERE).diverged == Divergence(**WHERE)


@pytest.mark.parametrize("name", [name for name in DONE if name not in ("format", "parent", "files")])
def test_every_key_is_needed(name):
    table = {key: value for key, value in DONE.items() if key != name}
    with pytest.raises(ValueError, match=f"{name}: field required"):
        Record.from_json(table)


@given(path=st.sampled_from(FILES), data=st.data())
def test_a_key_of_another_kind_is_read_as_it_is_or_refused(path, data):
    table = content(path)
    at = table
    while True:
        key = data.draw(st.sampled_from(sorted(at)))
        if not isinstance(at[key], dict) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(st.sampled_from([None, 1, 0.5, "text", [], {}, [[1]], {"a": None}]))
    try:
        read, said = Record.from_json(table).data, ""
    except ValueError as error:
        read, said = table, str(error)
    assert read == table
    assert "\n" not in said


def test_records_of_before_have_what_follows_from_their_confusion_matrices():
    metrics = {"train_accuracy": 0.9, "val_accuracy": 0.75, "test_accuracy": 1.0}
    record = made_record(metrics=metrics, confusion={"validation": [[2, 1], [0, 1]]})
    assert record.scores == metrics | {
        "val_balanced_accuracy": pytest.approx((2 / 3 + 1) / 2),
        "val_macro_f1": pytest.approx((4 / 5 + 2 / 3) / 2),
    }
    assert record.data["metrics"] == record.metrics == metrics  # the file stays as it was written
    written = made_record(metrics={"val_macro_f1": 0.5}, confusion={"validation": [[2, 1], [0, 1]]})
    assert written.scores["val_macro_f1"] == 0.5
    assert made_record(metrics={"val_loss": None}).scores == {"val_loss": None}


def test_the_examples_that_are_shown_are_drawn_at_random_and_the_same_in_every_run():
    """A part may be in the order of its classes: its first ten examples would be of one."""
    y = np.repeat(np.arange(3), 40)
    x = np.random.default_rng(0).normal(size=(120, 2))
    data = hg.from_arrays(x, y, x[:90], y[:90])
    parts = hg.split(data, {"validation": {"size": 20}})
    source, shown = samples_of(parts)
    assert (source, len(shown.y)) == ("test", 10)
    assert set(shown.y.tolist()) == {0, 1, 2}
    np.testing.assert_array_equal(parts.test.x[shown.index], shown.x)
    section = {"name": "arrays", "validation": {"size": 20}}
    setting = {"network": {"hidden": [3]}, "training": {"epochs": 1}, "data": section}
    records = [hg.train(setting, seed=seed, data=data) for seed in (1, 2)]
    assert [record.samples.index for record in records] == [shown.index.tolist()] * 2
    assert all(record.samples.drawn for record in records)
    np.testing.assert_allclose(records[0].model.outputs(data.x_test[shown.index]), records[0].samples.after, rtol=1e-5)
