"""A bit for each validation and test example: the bits of the weights that the record has, read again as they were."""

import numpy as np
import pytest

from handgrad.errors import DamagedError
from handgrad.training.loop import execute
from handgrad.training.record import check_files, load, load_optional, save
from handgrad.training.right import unpacked_right
from tests.training.conftest import make_run, make_split


def bits(record, part):
    return unpacked_right(record.right, part, record.dataset.counts[part])


def test_they_are_those_of_the_weights_of_the_record(split, tmp_path):
    done = execute(make_run(epochs=6, early_stopping={"patience": 2}, optimizer={"name": "sgd", "lr": 2.0}), split)
    for part, metric in (("validation", "val_accuracy"), ("test", "test_accuracy")):
        examples = split.parts[part]
        predicted = done.model.outputs(examples.x).argmax(axis=1)
        found = bits(done, part)
        assert (found.right == (predicted == examples.y)).all()
        assert found.right.mean() == done.metrics[metric]
        assert found.right.sum() == np.trace(done.confusion[part])
    save(done, tmp_path / done.id)
    again = load(tmp_path / done.id)
    assert (bits(again, "test").right == bits(done, "test").right).all()
    assert "right" not in again.data


def test_equal_examples_have_one_checksum_and_others_another(split):
    run, other = execute(make_run(epochs=1), split), execute(make_run(epochs=1, batch_size=30), split)
    assert bits(run, "test").examples == bits(other, "test").examples
    assert bits(run, "test").examples != bits(run, "validation").examples
    elsewhere = execute(make_run(epochs=1), make_split(validation=30))
    assert bits(run, "validation").examples != bits(elsewhere, "validation").examples


def test_a_run_that_diverged_and_a_part_that_is_not_there_have_none(split):
    lost = execute(make_run(optimizer={"name": "sgd", "lr": 1e30}), split)
    assert (lost.status, lost.right) == ("diverged", {})
    assert execute(make_run(epochs=1), make_split(validation=0, test=0)).right == {}
    assert unpacked_right({}, "test", 3) is None
    assert unpacked_right({"test.bits": np.uint8([1]), "test.examples": np.array("a")}, "test", 9) is None


def test_bits_that_were_altered_are_found(split, tmp_path):
    done = execute(make_run(epochs=1), split)
    folder = tmp_path / done.id
    save(done, folder)
    content = bytearray((folder / "right.npz").read_bytes())
    content[60] ^= 1
    (folder / "right.npz").write_bytes(content)
    record = load(folder, arrays=False)
    with pytest.raises(DamagedError, match=r"right\.npz"):
        check_files(folder, record)
    with pytest.raises(DamagedError, match=r"right\.npz"):
        load_optional(folder, "right", record)
