"""The loop: what a run leaves behind, that it learns, stops, continues with the same bits, and tells of divergence."""

import dataclasses
import os

import numpy as np
import pytest

from handgrad.data import batches
from handgrad.errors import InputError, NetworkError, ResultsError
from handgrad.training import in_progress, progress, record
from handgrad.training.loop import advance, execute
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.progress import load_checkpoint, progress_of, save_checkpoint
from handgrad.training.training_section import EarlyStopping
from tests.training.conftest import make_run, make_split


def same_bits(a, b):
    assert a.curves.keys() == b.curves.keys()
    for group in ("curves", "params", "state"):
        ours, theirs = getattr(a, group), getattr(b, group)
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert ours[name].dtype == theirs[name].dtype
            assert ours[name].tobytes() == theirs[name].tobytes(), (group, name)


def test_a_run_learns_and_its_record_says_how(split):
    done = execute(make_run(epochs=10), split)
    assert done.status == "done"
    assert done.metrics["val_accuracy"] > 0.9
    assert done.metrics["test_accuracy"] > 0.9
    # 240 examples in batches of 16 are 15 steps an epoch
    assert done.curves["loss_per_step"].shape == (150,)
    assert done.curves["loss_per_step"].dtype == np.float32
    assert done.curves["epoch"].tolist() == list(range(1, 11))
    assert done.curves["steps_at_epoch_end"].tolist() == list(range(15, 151, 15))
    assert done.curves["val_accuracy"][-1] == done.metrics["val_accuracy"]
    assert done.curves["train_loss"][-1] == done.metrics["train_loss"]
    assert "test_accuracy" not in done.curves
    assert {name: w.shape for name, w in done.params.items()} == {
        "dense1.W": (6, 8), "dense1.b": (8,), "dense2.W": (8, 3), "dense2.b": (3,)
    }  # fmt: skip
    assert np.sum(done.data["confusion"]["test"]) == 60
    assert np.trace(done.data["confusion"]["test"]) / 60 == pytest.approx(done.metrics["test_accuracy"])
    assert done.data["train_score"] == {"what": "sample", "n": 240}  # few enough to score all
    assert len(done.data["samples"]["before"]) == len(done.data["samples"]["after"]) == 10
    assert done.data["network"]["loss_formula"] == "−Σ_j T_j log a_j, a = softmax(z), mean over the batch"
    assert len(done.data["time"]["epochs"]) == 10


def test_the_first_steps_are_those_of_the_formulas(split):
    """Linear model, squared error, batches of 2: two steps by hand from the same start and order."""
    from handgrad.data.batches import epoch_order

    run = make_run(
        network={"hidden": [], "output": "identity", "init": "zeros"},
        loss="squared-error", batch_size=2, epochs=1, dtype="float64", optimizer={"name": "sgd", "lr": 0.01},
    )  # fmt: skip
    losses = execute(run, split).curves["loss_per_step"]
    order = epoch_order(1, 0, 240)
    W, b, T = np.zeros((6, 3)), np.zeros(3), np.eye(3)[split.train.y]
    for step in range(2):
        rows = order[2 * step : 2 * step + 2]
        x = split.train.x[rows].astype(float)
        difference = x @ W + b - T[rows]
        assert losses[step] == pytest.approx((difference**2).sum(axis=1).mean(), rel=1e-6)
        dz = 2 * difference / 2
        W, b = W - 0.01 * x.T @ dz, b - 0.01 * dz.sum(axis=0)


def test_a_short_last_batch_is_a_step(split):
    assert len(execute(make_run(batch_size=7, epochs=1), split).curves["loss_per_step"]) == 35  # ⌈240/7⌉
    assert len(execute(make_run(batch_size="full", epochs=2), split).curves["loss_per_step"]) == 2


def test_changing_the_learning_rate_changes_no_random_number(split):
    one, other = (execute(make_run(epochs=1, optimizer={"name": "sgd", "lr": lr}), split) for lr in (0.1, 0.2))
    assert one.curves["loss_per_step"][0] == other.curves["loss_per_step"][0]
    assert one.data["samples"]["before"] == other.data["samples"]["before"]
    assert one.curves["loss_per_step"][2] != other.curves["loss_per_step"][2]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("extra", [{}, {"clip_norm": 0.5, "weight_decay": 1e-3}])
def test_continuing_from_a_checkpoint_gives_the_same_bits(split, tmp_path, monkeypatch, name, extra):
    monkeypatch.setattr(in_progress, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(in_progress, "CHECKPOINT_SHARE", np.inf)
    run = make_run(optimizer={"name": name, "lr": 0.01}, network={"dropout": 0.3}, epochs=5,
                   schedule={"name": "cosine"}, early_stopping={"patience": 3}, **extra)  # fmt: skip
    whole = execute(run, split)

    class Killed(BaseException):
        pass

    for stop in (1, 3):
        file = tmp_path / f"{stop}.safetensors"

        def kill(event, stop=stop):
            if event.epoch == stop + 1:
                raise Killed

        with pytest.raises(Killed):
            execute(run, split, checkpoint=file, observers=[kill])
        continued = execute(run, split, checkpoint=file)
        assert continued.data["time"]["resumed"] == 1
        same_bits(whole, continued)
        assert whole.metrics == continued.metrics


def test_a_checkpoint_that_is_cut_off_or_of_another_run_is_not_used(split, tmp_path, monkeypatch):
    monkeypatch.setattr(in_progress, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(in_progress, "CHECKPOINT_SHARE", np.inf)
    file = tmp_path / "checkpoint.safetensors"
    whole = execute(make_run(), split, checkpoint=file)
    file.write_bytes(file.read_bytes()[:100])
    same_bits(whole, execute(make_run(), split, checkpoint=file))
    execute(make_run(seed=2), split, checkpoint=file)  # writes the checkpoint of another run
    again = execute(make_run(), split, checkpoint=file)
    same_bits(whole, again)
    assert again.data["time"]["resumed"] == 0


PAUSING = {"optimizer": {"name": "adam", "lr": 0.01}, "network": {"dropout": 0.3}, "epochs": 6,
           "schedule": {"name": "cosine"}, "early_stopping": {"patience": 2}}  # fmt: skip


@pytest.mark.parametrize("read", [(), (1, 2, 4), (2,)])  # after which pauses its file is read
def test_pausing_and_going_on_gives_the_bits_of_never_having_paused(split, tmp_path, monkeypatch, read):
    run, file, loaded = make_run(**PAUSING), tmp_path / "checkpoint.safetensors", []
    monkeypatch.setattr(progress, "_progress", lambda *found, real=progress._progress: loaded.append(1) or real(*found))
    whole, heard = execute(run, split), []
    for until in (1, 2, 4):
        paused = advance(run, split, until=until, checkpoint=file, observers=[heard.append])
        assert (paused.epoch, paused.metrics["lr"]) == (until, whole.curves["lr"][until - 1])  # the whole horizon's
        assert paused.history["val_loss"] == whole.curves["val_loss"][:until].tolist()
        if until in read:
            progress.WAITING.clear()  # as in another process
    done = advance(run, split, until=6, checkpoint=file, observers=[heard.append])
    same_bits(whole, done)
    assert (done.status, done.metrics, done.samples) == ("done", whole.metrics, whole.samples)
    assert [event.epoch for event in heard] == whole.curves["epoch"].tolist()
    assert (len(loaded), done.time.resumed, len(done.time.stretches)) == (len(read), 3, 4)


def test_where_another_process_went_on_its_checkpoint_is_read_and_what_is_held_is_bounded(split, tmp_path):
    run, files = make_run(**PAUSING), [tmp_path / name for name in ("here", "there")]
    for file, until in zip(files, (1, 4), strict=True):
        advance(run, split, until=until, checkpoint=file)
    files[1].replace(files[0])
    assert progress.WAITING.take(files[0], run.id) is None
    held, waits, size = progress.Waiting(0), load_checkpoint(files[0], run.id), files[0].stat().st_size
    held.keep(files[0], run.id, waits)
    assert held.take(files[0], run.id) is None  # no room
    held.most = 2 * size
    copies = [tmp_path / str(number) for number in range(3)]
    for copy in copies:
        copy.write_bytes(files[0].read_bytes())
        held.keep(copy, run.id, waits)
    assert [held.take(copy, run.id) for copy in copies] == [None, waits, waits]
    held.keep(copies[0], run.id, waits)
    assert held.take(copies[0], "another") is None


def test_a_pause_before_where_the_checkpoint_is_comes_from_its_history(split, tmp_path):
    run, file, heard = make_run(**PAUSING), tmp_path / "checkpoint.safetensors", []
    advance(run, split, until=4, checkpoint=file)
    paused = advance(run, split, until=2, checkpoint=file, observers=[heard.append])
    assert paused == advance(run, split, until=2, checkpoint=tmp_path / "another.safetensors")
    assert heard == []
    assert advance(run, split, until=2, prune=True, checkpoint=file).data["epochs"] == 4  # nothing learnt is lost


def test_a_pruned_record_goes_on_with_the_bits_of_never_having_stopped(split, tmp_path):
    first = execute(make_run(epochs=2), split)
    run = make_run(**PAUSING, continues=first.id)
    whole = execute(run, split, parent=first)
    pruned = advance(run, split, until=3, prune=True, parent=first)
    assert (pruned.status, pruned.data["epochs"], pruned.id) == ("pruned", 5, whole.id)
    assert [pruned.metrics[name] for name in ("val_loss", "train_accuracy")] == [
        whole.curves[name][4] for name in ("val_loss", "train_accuracy")
    ]
    record.save(pruned, tmp_path / pruned.id)
    kept, file = record.load(tmp_path / pruned.id), tmp_path / "checkpoint.safetensors"
    save_checkpoint(file, run.id, progress_of(kept))
    done = execute(run, split, checkpoint=file, parent=first)
    same_bits(whole, done)
    assert (done.metrics, done.data["samples"]) == (whole.metrics, whole.data["samples"])


def test_a_run_that_ends_before_it_is_to_pause_gives_its_record(split, tmp_path):
    run = make_run(epochs=50, early_stopping={"patience": 1, "min_delta": 0.01})
    whole = execute(run, split)
    last = whole.data["epochs"]
    assert last < 50
    same_bits(whole, advance(run, split, until=last, checkpoint=tmp_path / "a"))
    assert advance(run, split, until=last - 1, checkpoint=tmp_path / "b").epoch == last - 1
    diverging = make_run(
        network={"output": "identity"}, loss="squared-error", optimizer={"name": "sgd", "lr": 1e6}, epochs=9
    )
    assert advance(diverging, split, until=5, checkpoint=tmp_path / "c").status == "diverged"


def test_a_pause_needs_a_checkpoint(split):
    with pytest.raises(InputError, match=r"is to pause at epoch 1; give the checkpoint that it waits in"):
        advance(make_run(), split, until=1)


def test_one_history_over_a_run_and_the_run_that_continues_it(split, tmp_path):
    first = execute(make_run(optimizer={"name": "momentum", "lr": 0.05}), split)
    record.save(first, tmp_path / first.id)
    parent = record.load(tmp_path / first.id)
    second = make_run(optimizer={"name": "momentum", "lr": 0.005}, epochs=3, continues=first.id)
    done = execute(second, split, parent=parent)
    assert done.data["epochs"] == 7
    assert done.data["continued_at"] == [4]
    assert done.curves["epoch"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert done.curves["lr"].tolist() == [0.05] * 4 + [0.005] * 3
    np.testing.assert_array_equal(done.curves["loss_per_step"][:60], first.curves["loss_per_step"])


def test_two_runs_in_a_row_are_one_run_of_both_lengths(split):
    """With nothing changed, continuing is the same as never having stopped."""
    for optimizer in ({"name": "adam", "lr": 0.01}, {"name": "sgd", "lr": 0.1}):
        whole = execute(make_run(optimizer=optimizer, epochs=5, network={"dropout": 0.2}), split)
        first = execute(make_run(optimizer=optimizer, epochs=2, network={"dropout": 0.2}), split)
        again = make_run(optimizer=optimizer, epochs=3, network={"dropout": 0.2}, continues=first.id)
        same_bits(whole, execute(again, split, parent=first))


def test_the_parent_must_be_the_run_that_is_continued(split):
    first = execute(make_run(epochs=1), split)
    with pytest.raises(InputError, match="its record must be given as parent"):
        execute(make_run(continues="0123456789"), split, parent=first)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_divergence_is_a_result_with_its_step_and_layer(split, optimizer):
    run = make_run(loss="squared-error", network={"output": "identity"}, optimizer={"name": optimizer, "lr": 1e30})
    diverged = execute(run, split)
    assert diverged.status == "diverged"
    where = diverged.data["diverged"]
    assert where["layer"] in ("dense1", "dense2", "loss")
    assert 1 <= where["step"] <= 60
    assert where["step"] == len(diverged.curves["loss_per_step"])
    assert where["reason"]
    assert all(value is None for value in diverged.metrics.values())


def test_the_step_of_divergence_is_the_first_loss_that_is_not_finite(split):
    run = make_run(
        loss="squared-error", network={"hidden": [], "output": "identity"}, optimizer={"name": "sgd", "lr": 1e6}
    )
    diverged = execute(run, split)
    losses = diverged.curves["loss_per_step"]
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    assert diverged.data["diverged"]["epoch"] == (len(losses) - 1) // 15 + 1


def test_a_run_that_continues_a_diverged_run_is_diverged_too(split):
    first = execute(
        make_run(loss="squared-error", network={"output": "identity"}, optimizer={"name": "sgd", "lr": 1e30}), split
    )
    child = make_run(loss="squared-error", network={"output": "identity"}, continues=first.id)
    assert execute(child, split, parent=first).data["diverged"] == first.data["diverged"]


def test_early_stopping_restores_the_best_epoch():
    overlapping = make_split(40, distance=0.5)  # few examples of clouds that overlap: soon learnt by heart
    run = make_run(epochs=60, optimizer={"name": "sgd", "lr": 0.5}, early_stopping={"patience": 3})
    stopped = execute(run, overlapping)
    losses = stopped.curves["val_loss"]
    assert len(losses) < 60
    assert stopped.data["best_epoch"] == int(np.argmin(losses)) + 1
    assert len(losses) == stopped.data["best_epoch"] + 3
    assert stopped.metrics["val_loss"] == losses.min()


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_a_run_that_was_stopped_early_ends_with_the_optimizer_of_its_best_epoch(optimizer, tmp_path):
    """Weights of one epoch with the momentum and the step count of another are no state that training was ever in."""
    overlapping = make_split(40, distance=0.5)
    how = {"optimizer": {"name": optimizer, "lr": 0.05}}
    stopped = execute(make_run(epochs=60, early_stopping={"patience": 3}, **how), overlapping)
    best = stopped.data["best_epoch"]
    assert best < stopped.data["epochs"]
    same = execute(make_run(epochs=best, **how), overlapping)
    for group in ("params", "state"):
        mine, theirs = getattr(stopped, group), getattr(same, group)
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    assert stopped.data["optimizer_steps"] == same.data["optimizer_steps"]
    paused = make_run(epochs=60, early_stopping={"patience": 3}, **how)
    for until in range(1, stopped.data["epochs"], 2):  # the best epoch so far waits in the checkpoint
        advance(paused, overlapping, until=until, checkpoint=tmp_path / "checkpoint.safetensors")
    same_bits(stopped, advance(paused, overlapping, until=60, checkpoint=tmp_path / "checkpoint.safetensors"))


def test_a_gain_of_exactly_min_delta_is_none():
    """(c + m)/N − c/N is more or less than m/N by its last bit."""
    for n in (50, 100, 300):
        for m in (1, 2, 5):
            rule = EarlyStopping(monitor="val_accuracy", min_delta=m / n)
            assert all(rule.best([c / n, (c + m) / n])[0] == 0 for c in range(n - m))
            assert all(rule.best([c / n, (c + m + 1) / n])[0] == 1 for c in range(n - m - 1))


def test_options_that_need_validation_data_say_so():
    alone = make_split(validation=0)
    for option in ({"early_stopping": {}}, {"schedule": "plateau"}):
        with pytest.raises(
            InputError, match=r"needs validation data, but data.validation = false; set data.validation.size"
        ):
            execute(make_run(**option), alone)


def test_without_validation_or_test_parts_the_record_has_none():
    done = execute(make_run(), make_split(validation=0, test=0))
    names = {"train_loss", "train_accuracy", "train_balanced_accuracy", "train_macro_f1", "epoch_loss"}
    assert done.metrics.keys() == names
    assert done.data["confusion"] == {}
    assert done.data["samples"]["source"] == "train"


def test_a_sample_of_training_is_as_large_as_the_validation_part_and_never_small(split, monkeypatch):
    monkeypatch.setattr(batches, "LEAST_SCORED", 10)
    done = execute(make_run(), dataclasses.replace(split))  # a split of its own, which has drawn no sample yet
    assert done.data["train_score"] == {"what": "sample", "n": 60}
    monkeypatch.setattr(batches, "LEAST_SCORED", 100)
    assert execute(make_run(), dataclasses.replace(split)).data["train_score"]["n"] == 100


def test_balanced_accuracy_is_monitored_like_any_measure(split):
    rule = {"patience": 2, "monitor": "val_balanced_accuracy"}
    done = execute(make_run(epochs=30, early_stopping=rule), split)
    curve = done.curves["val_balanced_accuracy"]
    assert done.best_epoch == int(np.argmax(curve)) + 1 < len(curve) < 30
    assert done.metrics["val_balanced_accuracy"] == curve.max()
    rows = np.asarray(done.confusion["validation"])
    assert curve.max() == pytest.approx((np.diag(rows) / rows.sum(axis=1)).mean())


def test_epochs_that_another_run_did_not_score_are_nan_and_shift_nothing(split):
    """A run that scores test after every epoch, continued by one that does not, and the other way round."""
    for first, second in ((True, False), (False, True)):
        parent = execute(make_run(epochs=3, test_every_epoch=first), split)
        child = execute(make_run(epochs=2, test_every_epoch=second, continues=parent.id), split, parent=parent)
        test = child.curves["test_macro_f1"]
        assert np.isfinite(test).tolist() == [first] * 3 + [second] * 2
        assert child.curves["epoch"].tolist() == [1, 2, 3, 4, 5]
        assert np.isfinite(child.curves["val_loss"]).all()
        assert child.curves["val_loss"][:3].tobytes() == parent.curves["val_loss"].tobytes()


def test_all_of_training_is_scored_when_asked_for(split):
    done = execute(make_run(train_score="all", test_every_epoch=True), split)
    assert done.data["train_score"] == {"what": "all", "n": 240}
    assert done.curves["test_accuracy"][-1] == done.metrics["test_accuracy"]


def test_layers_that_do_not_fit_and_losses_that_cannot_go(split):
    with pytest.raises(NetworkError, match=r"training.loss = 'cross-entropy' cannot go with network.output = 'tanh'"):
        execute(make_run(network={"output": "tanh"}), split)


def test_a_record_survives_the_disk(split, tmp_path):
    done = execute(make_run(optimizer={"name": "adam"}), split)
    record.save(done, tmp_path / done.id)
    record.save(done, tmp_path / done.id)  # writing again replaces it whole
    again = record.load(tmp_path / done.id)
    assert again.data == {**done.data, "files": again.data["files"]}
    assert sorted(again.data["files"]) == ["curves.npz", "right.npz", "state.safetensors", "weights.safetensors"]
    same_bits(done, again)
    assert sorted(file.name for file in (tmp_path / done.id).iterdir()) == [
        "curves.npz", "record.json", "right.npz", "state.safetensors", "weights.safetensors"
    ]  # fmt: skip
    assert [file.name for file in tmp_path.iterdir()] == [done.id]


def test_a_damaged_record_says_what_to_do(split, tmp_path):
    done = execute(make_run(epochs=1), split)
    folder = tmp_path / done.id
    record.save(done, folder)
    (folder / "curves.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ResultsError, match=r"curves\.npz: was altered after it was written; run the study again: this"):
        record.load(folder)
    (folder / "record.json").write_text("{")
    with pytest.raises(ResultsError, match="is not a record, or is damaged"):
        record.load(folder)
    record.save(done.model_copy(update={"format": 99}), folder)
    with pytest.raises(
        ResultsError, match="record format 99, this handgrad reads 1; read it with the version that wrote it"
    ):
        record.load(folder)


def test_a_record_that_cannot_be_written_leaves_nothing_behind(split, tmp_path, monkeypatch):
    done = execute(make_run(epochs=1), split)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        ResultsError, match=r"cannot write the record of run \w+: No space left on device. Finished runs are safe"
    ):
        record.save(done, tmp_path / done.id)
    assert list(tmp_path.iterdir()) == []


def test_the_id_is_of_what_decides_the_bits_and_nothing_else():
    run = make_run()
    assert run.id == make_run().id
    assert len(run.id) == 10
    assert run.id == make_run(engine="compiled").id  # what "auto" takes
    assert run.id != make_run(engine="array").id
    assert run.id == make_run(data={"name": "elsewhere.csv"}).id  # the checksum says which data it is
    others = [make_run(seed=2), make_run(continues="abc"), make_run(epochs=5), make_run(data={"scale": "none"})]
    others.append(dataclasses.replace(run, data_checksum="1" * 64))
    assert len({run.id, *(other.id for other in others)}) == 6
