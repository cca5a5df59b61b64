"""From a finished training to its record: final scores, facts about network and data, times."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from handgrad.data.datasets import Part, Split, data_key
from handgrad.network.losses import LOSSES
from handgrad.network.spec import Network
from handgrad.training.brightness import brightness_of
from handgrad.training.engines import NetworkState
from handgrad.training.environment import environment
from handgrad.training.progress import Progress, pack_best, pack_slots
from handgrad.training.record import FORMAT, Record, start_of
from handgrad.training.run import Run, Setting

SAMPLES = 10


@dataclass(frozen=True)
class Trained:
    """A run at its end, with everything that a record tells of it."""

    run: Run
    setting: Setting
    network: Network
    split: Split
    session: NetworkState
    progress: Progress
    scored: np.ndarray
    diverged: dict[str, Any] | None
    seconds: float
    pruned: bool = False
    parent: Record | None = None


def samples_of(split: Split) -> tuple[str, Part]:
    """(name, part) of the examples whose predictions are shown: the first of the test, validation or training part."""
    for name in ("test", "validation", "train"):
        part = getattr(split, name)
        if part is not None:
            return name, Part(part.x[:SAMPLES], part.y[:SAMPLES], part.index[:SAMPLES], part.source)
    raise AssertionError("a split has a training part")


def score(session: NetworkState, split: Split, part: str, scored: np.ndarray) -> tuple[float, float, np.ndarray]:
    """(mean loss per example, accuracy, predicted classes) of one part; `scored`: the rows of the training sample."""
    losses, predicted = session.score(part)
    actual = split.train.y[scored] if part == "train_sample" else getattr(split, part).y
    return float(losses.mean(dtype=np.float64)), float((predicted == actual).mean()), predicted


def describe(trained: Trained) -> Record:
    """The record of a run at its end or where it was pruned: the weights that it ended with, scored on every part."""
    progress = trained.progress
    metrics: dict[str, float | None] = {}
    confusion = {}
    for short, part in (("train", "train_sample"), ("val", "validation"), ("test", "test")):
        if part != "train_sample" and getattr(trained.split, part) is None:
            continue
        if trained.diverged is not None:
            metrics |= {f"{short}_loss": None, f"{short}_accuracy": None}
            continue
        loss, accuracy, predicted = score(trained.session, trained.split, part, trained.scored)
        metrics |= {f"{short}_loss": loss, f"{short}_accuracy": accuracy}
        if part != "train_sample":
            confusion[part] = confusion_matrix(getattr(trained.split, part).y, predicted, trained.split.n_classes)
    params, slots, t = trained.session.export()
    return Record(
        {
            "format": FORMAT,
            "id": trained.run.id,
            "seed": trained.run.seed,
            "setting": trained.setting.model_dump(mode="json", by_alias=True),
            "continues": trained.run.continues,
            "parent": None if trained.parent is None else start_of(trained.parent.data),
            "status": "diverged" if trained.diverged is not None else "pruned" if trained.pruned else "done",
            "metrics": metrics,
            "epochs": progress.epoch,
            "steps": sum(len(losses) for losses in progress.loss_per_step),
            "best_epoch": _best_epoch(trained),
            "continued_at": progress.continued_at,
            "diverged": trained.diverged,
            "error": None,
            "network": _network_facts(trained),
            "data": _data_facts(trained),
            "train_score": {"what": trained.setting.training.train_score, "n": len(trained.scored)},
            "confusion": confusion,
            "samples": _samples(trained, trained.diverged is None),
            "optimizer_steps": t,
            "time": _times(trained),
            "engine": _engine_facts(trained),
            "environment": {**environment(), "finished": datetime.now(UTC).isoformat(timespec="seconds")},
        },
        _curves(trained),
        params,
        pack_slots(slots) | (pack_best(progress, "best.") if trained.pruned else {}),
    )


def _best_epoch(trained: Trained) -> int | None:
    rule = trained.setting.training.early_stopping
    history = trained.progress.curves.get(rule.monitor, [])[trained.progress.first_epoch :] if rule else []
    return trained.progress.first_epoch + rule.best(history)[0] + 1 if rule and history else None


def _curves(trained: Trained) -> dict[str, np.ndarray]:
    progress = trained.progress
    complete = min((len(values) for values in progress.curves.values()), default=0)
    curves = {name: np.asarray(values[:complete]) for name, values in sorted(progress.curves.items())}
    if "steps_at_epoch_end" in curves:
        curves["steps_at_epoch_end"] = curves["steps_at_epoch_end"].astype(np.int64)
    per_step = np.concatenate([np.empty(0, np.float32), *progress.loss_per_step])
    return {"epoch": np.arange(1, complete + 1), **curves, "loss_per_step": per_step}


def _engine_facts(trained: Trained) -> dict[str, Any]:
    training = trained.setting.training
    facts = {"name": training.engine, "device": training.device, "threads": 1}
    if training.engine == "array":
        facts["arrays"] = training.arrays
    if training.stack != 1:
        facts["stack"] = training.stack
    if training.tf32:
        facts["tf32"] = True
    if "torch" in (training.engine, training.arrays):
        facts["torch"] = version("torch")
    if training.arrays == "cupy":
        import cupy

        facts["cupy"] = cupy.__version__
    return facts | getattr(trained.session, "facts", {})


def _network_facts(trained: Trained) -> dict[str, Any]:
    reduction = "mean over the batch" if trained.setting.training.batch_reduction == "mean" else "sum over the batch"
    return {
        "layers": trained.network.describe(),
        "output": trained.network.output,
        "parameters": trained.network.parameter_count,
        "loss_formula": f"{LOSSES[trained.setting.training.loss].formula}, {reduction}",
        "l2_formula": trained.setting.training.l2_formula(),
    }


def _data_facts(trained: Trained) -> dict[str, Any]:
    split = trained.split
    parts = {name: getattr(split, name) for name in ("train", "validation", "test")}
    return {
        "name": split.name,
        "checksum": split.checksum,
        "key": data_key(trained.setting.data, split.checksum),
        "official": split.official,
        "scaling": split.scaling,
        "scaler": asdict(split.scaler),
        "value_range": split.value_range,
        "brightness": brightness_of(split),
        "classes": list(split.classes),
        "shape": list(split.shape),
        "feature_names": None if split.feature_names is None else list(split.feature_names),
        "label_table": split.label_table,
        "counts": {name: len(part.y) for name, part in parts.items() if part is not None},
        "notes": list(split.notes),
    }


def _samples(trained: Trained, finite: bool) -> dict[str, Any]:
    source, part = samples_of(trained.split)
    after = trained.session.outputs(part.x).astype(float).tolist() if finite else None
    index, labels = part.index.tolist(), part.y.tolist()
    return {"source": source, "index": index, "labels": labels, "before": trained.progress.before, "after": after}


def _times(trained: Trained) -> dict[str, Any]:
    times = trained.progress.times
    training, evaluation = (float(sum(column)) for column in zip(*times, strict=True)) if times else (0.0, 0.0)
    return {
        "total": trained.seconds,
        "training": training,
        "evaluation": evaluation,
        "epochs": times,
        "resumed": trained.progress.resumed,
    }


def confusion_matrix(actual: np.ndarray, predicted: np.ndarray, k: int) -> list[list[int]]:
    """Rows: the actual class; columns: the predicted one."""
    counts = np.bincount(np.asarray(actual) * k + np.asarray(predicted), minlength=k * k).reshape(k, k)
    return [[int(count) for count in row] for row in counts]
