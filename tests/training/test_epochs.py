"""What an epoch trains on: the order of the examples, and pictures that are augmented, the same on every engine."""

import numpy as np
import pytest

from handgrad.data.batches import file_order
from handgrad.data.datasets import from_arrays, split
from handgrad.errors import InputError
from handgrad.training import in_progress
from handgrad.training.loop import execute
from handgrad.training.run import Run, Setting
from handgrad.training.sources import sources_in_force
from tests.training.conftest import make_run, make_split
from tests.training.test_images import bars
from tests.training.test_loop import same_bits

AUGMENTATION = {"shift": 2, "flip": True, "rotate": 20}
IMAGES = ["conv 3 3x3 relu", "max-pool 2", "flatten", "dense 3 softmax"]
DENSE = ["dense 6 relu", "dense 3 softmax"]


@pytest.fixture(scope="module")
def parts():
    pictures = from_arrays(*bars(90, 1), *bars(30, 2), name="bars", classes=("flat", "upright", "square"))
    return split(pictures, {"validation": {"size": 20}})


def run_of(parts, seed=0, *, layers=DENSE, **training):
    defaults = {"epochs": 2, "batch_size": 16, "engine": "array", "dtype": "float64", "augmentation": AUGMENTATION}
    setting = Setting(data={"validation": {"size": 20}}, network={"layers": layers}, training={**defaults, **training})
    return Run(setting, seed, parts.checksum)


@pytest.fixture(scope="module")
def of_the_reference(parts):
    return {id(layers): execute(run_of(parts, layers=layers), parts) for layers in (DENSE, IMAGES)}


@pytest.mark.parametrize(
    ("engine", "layers"), [("compiled", DENSE), ("compiled", IMAGES), ("torch", IMAGES), ("jax", DENSE)]
)
def test_every_engine_trains_on_the_same_pictures(parts, of_the_reference, engine, layers):
    expected, found = of_the_reference[id(layers)], execute(run_of(parts, layers=layers, engine=engine), parts)
    for name, curve in expected.curves.items():
        tolerance = 1e-6 if name == "loss_per_step" else 1e-9  # which is kept in float32
        assert found.curves[name] == pytest.approx(curve, rel=tolerance), name
    for name, w in expected.params.items():
        assert found.params[name] == pytest.approx(w, rel=1e-9, abs=1e-11), name


def test_sparse_rows_are_those_of_the_epoch(parts):
    """Of these pictures two thirds of the pixels are 0: the compiled engine keeps them as rows of (pixel, value)."""
    x = np.where(parts.train.x > 0.5, parts.train.x, 0).astype(np.float32)
    sparse = from_arrays(x, parts.train.y, name="sparse", value_range=(0, 1))
    made = split(sparse, {"validation": {"size": 20}})
    layers = ["dense 24 relu", "dense 3 softmax"]
    expected, found = (execute(run_of(made, layers=layers, engine=engine), made) for engine in ("array", "compiled"))
    for name, w in expected.params.items():
        assert found.params[name] == pytest.approx(w, rel=1e-9, abs=1e-11), name


def test_scored_examples_are_as_they_were(parts):
    """With a learning rate of nearly nothing, scores are those of the same weights without augmentation."""
    still = {"optimizer": {"name": "sgd", "lr": 1e-300}}
    with_it, without = (execute(run_of(parts, augmentation=one, **still), parts) for one in (AUGMENTATION, None))
    for name in ("train_loss", "val_loss"):
        assert with_it.curves[name].tolist() == without.curves[name].tolist()
    assert with_it.metrics["test_loss"] == without.metrics["test_loss"]
    losses = with_it.curves["loss_per_step"].reshape(2, -1).mean(axis=1)
    assert losses[0] != losses[1]  # other pictures in the second epoch
    assert (losses != without.curves["loss_per_step"].reshape(2, -1).mean(axis=1)).all()


@pytest.mark.parametrize("engine", ["array", "compiled"])
def test_a_killed_run_goes_on_with_the_same_bits(parts, tmp_path, monkeypatch, engine):
    monkeypatch.setattr(in_progress, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(in_progress, "CHECKPOINT_SHARE", np.inf)
    run = run_of(parts, engine=engine, epochs=3, dtype="float32")
    whole = execute(run, parts)

    def kill(event):
        if event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, parts, checkpoint=tmp_path / "c", observers=[kill])
    same_bits(whole, execute(run, parts, checkpoint=tmp_path / "c"))


def test_a_divergence_is_found_in_the_pictures_of_its_epoch(parts):
    huge = {"optimizer": {"name": "sgd", "lr": 1e200}, "loss": "squared-error", "epochs": 1}
    layers = ["dense 6 relu", "dense 3 identity"]
    runs = [run_of(parts, layers=layers, engine=engine, **huge) for engine in ("array", "compiled")]
    found = [execute(run, parts).diverged for run in runs]
    assert found[0] is not None
    assert found[0] == found[1]


def test_augmentation_is_part_of_an_id_only_where_it_is_set(parts):
    plain = run_of(parts, augmentation=None).setting.training.model_dump()
    assert not {"augmentation", "shuffle"} & plain.keys()
    assert run_of(parts).id != run_of(parts, augmentation={"shift": 1}).id
    assert sources_in_force(
        None, {"network": {}, "training": {"batch_size": "full", "augmentation": {"flip": True}}}
    ) == (
        "init",
        "order",
    )


def test_what_augmentation_does_not_go_with(split):
    with pytest.raises(InputError) as caught:
        execute(make_run(augmentation={"flip": True}), split)
    assert str(caught.value) == (
        "training.augmentation is for pictures, but an example is a row of 6 numbers; take it out"
    )
    with pytest.raises(InputError, match=r"has augmentation and stack = 4: runs in one program share their"):
        make_run(engine="jax", stack=4, augmentation={"flip": True})


# -- shuffle = false


def test_without_shuffling_engines_take_the_order_of_the_file(split):
    made = {"shuffle": False, "dtype": "float64", "epochs": 2}
    expected, found = (execute(make_run(engine=engine, **made), split) for engine in ("array", "compiled"))
    assert found.curves["loss_per_step"] == pytest.approx(expected.curves["loss_per_step"], rel=1e-6)
    for name, w in expected.params.items():
        assert found.params[name] == pytest.approx(w, rel=1e-9, abs=1e-12), name


def test_the_order_of_the_file_is_that_of_the_slip(split):
    plain = execute(make_run(shuffle=False), split)
    same_bits(plain, execute(make_run(slips=["no-shuffling"]), split))
    assert file_order(0, 3, 5).tolist() == [0, 1, 2, 3, 4]
    assert plain.setting["training"]["shuffle"] is False
    assert plain.dataset.notes == []
    for slip in ("no-shuffling", "same-order-every-epoch"):
        with pytest.raises(InputError, match="changes nothing here, since it needs batches that are shuffled"):
            execute(make_run(shuffle=False, slips=[slip]), split)


def test_examples_that_lie_sorted_by_class_are_noted():
    parts = make_split(n=60)
    order = np.argsort(parts.train.y, kind="stable")
    parts.train.x[:], parts.train.y[:] = parts.train.x[order], parts.train.y[order]
    (note,) = execute(make_run(shuffle=False, epochs=1), parts).dataset.notes
    assert note == (
        "training.shuffle = false, and the training examples lie sorted by class: nearly every batch holds one class "
        "alone, and training forgets the others; shuffle the file, or take shuffle = false out"
    )
    assert execute(make_run(epochs=1), parts).dataset.notes == []
    assert execute(make_run(shuffle=False, epochs=1, batch_size="full"), parts).dataset.notes == []
