"""From a run that ended, was pruned or failed to its record: final scores, facts about network and data, times."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from handgrad.data.contents import Part, Split
from handgrad.data.data_section import DataSection
from handgrad.data.scaling import AS_IT_IS
from handgrad.data.splits import data_key
from handgrad.measures import (
    CLASSIFICATION,
    EPOCH_LOSS,
    MULTI_LABEL,
    PARTS,
    REGRESSION,
    TRAIN,
    DataPart,
    measures_of,
)
from handgrad.network.arrays import Arrays
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.network.passes import first_non_finite
from handgrad.streams import stream
from handgrad.training.class_weights import weights_formula
from handgrad.training.curves import ENDS, epoch_losses
from handgrad.training.diagnostics import names_of
from handgrad.training.engines import NetworkState
from handgrad.training.environment import environment
from handgrad.training.ingredients import of_layers
from handgrad.training.mistakes import are_pictures, mistakes_of
from handgrad.training.predicted_values import kept_predictions
from handgrad.training.progress import Progress, pack_best, pack_slots
from handgrad.training.record import Record
from handgrad.training.record_facts import DatasetFacts, Divergence, NetworkFacts, Samples, Times, TrainScore
from handgrad.training.right import packed_right
from handgrad.training.run import Run, Setting
from handgrad.training.scoring import PartScores, confusion_matrix, score, scored_y
from handgrad.training.slips import SLIPS, functions_at
from handgrad.training.support import refusal_text, unsupported
from handgrad.training.weights import FORMAT

SAMPLES = 10


@dataclass(frozen=True)
class Trained:
    """A run at its end, with everything that a record tells of it.

    scores: of the parts that were scored with the weights which it ends with, after its last epoch.
    """

    id: str
    run: Run
    setting: Setting
    network: Network
    split: Split
    session: NetworkState
    progress: Progress
    scored: np.ndarray
    diverged: Divergence | None
    seconds: float
    scores: Mapping[DataPart, PartScores]
    pruned: bool = False
    parent: Record | None = None


def samples_of(split: Split, shown: Sequence[int] | None = None) -> tuple[str, Part]:
    """(name, part) of the examples whose predictions are shown: ten of the test, validation or training part.

    shown: their places in the part; by default drawn at random, the same in every run, since a part may be in the
    order of its classes.
    """
    name, part = list(split.parts.items())[-1]
    at = drawn_samples(len(part.y)) if shown is None else np.asarray(shown, dtype=np.int64)
    return name, Part(part.x[at], part.y[at], part.index[at], part.source)


@cache
def drawn_samples(n: int) -> np.ndarray:
    """Where the examples whose predictions are shown stand among n."""
    return stream(0, "shown", n).permutation(n)[:SAMPLES].astype(np.int64)


def batch_loss(progress: Progress, epoch: int) -> float:
    """The mean of the losses of the batches of one epoch, counted from 1 over the whole history."""
    start, end = map(int, [0, *progress.curves[ENDS]][epoch - 1 : epoch + 1])
    return float(epoch_losses(np.concatenate(progress.loss_per_step)[start:end], [end - start])[0])


def record_of(trained: Trained) -> Record:
    """The record of a run at its end or where it was pruned: the weights that it ended with, scored on every part.

    A run whose loss on a part is not finite then has diverged: the test part may be scored here for the first time.
    """
    scored = _scores(trained) if trained.diverged is None else {}
    for part, (scores, *_) in scored.items():
        found = not_finite(
            scores, part, trained.split, trained.scored, trained.network, trained.session, trained.progress
        )
        trained = replace(trained, diverged=trained.diverged or found)
    progress, diverged = trained.progress, trained.diverged
    metrics: dict[str, float | None] = {}
    confusion = {}
    mistakes: Arrays = {}
    right: Arrays = {}
    predictions: Arrays = {}
    params, slots, t = trained.session.export()
    reported = functions_at(trained.setting.training).reported
    epoch = progress.epoch if trained.pruned else _best_epoch(trained) or progress.epoch
    for name, examples in trained.split.parts.items():
        part = PARTS[name]
        if diverged is not None:
            metrics |= {part.metric(measure.name): None for measure in measures_of(trained.setting.scored_as)}
            continue
        scores, predicted, outputs = scored[part]
        told = reported(scores, lambda: batch_loss(progress, epoch))
        metrics |= {name: None if math.isnan(value) else value for name, value in told.items()}
        if part is not TRAIN and trained.split.task == REGRESSION:
            predictions |= _of_part(name, kept_predictions(predicted, examples.y))
        elif part is not TRAIN and trained.split.task == MULTI_LABEL:
            right |= _of_part(name, packed_right(examples, (predicted == examples.y).all(axis=1)))
            predictions |= _of_part(name, kept_predictions(outputs, examples.y))
        elif part is not TRAIN:
            if outputs.ndim == 2:  # a single output, which a threshold divides
                predictions |= _of_part(name, kept_predictions(outputs, examples.y[:, None]))
            confusion[name] = confusion_matrix(examples.y, predicted, trained.split.n_classes)
            mistakes |= _of_part(name, _mistakes(trained, params, name, predicted))
            right |= _of_part(name, packed_right(examples, np.asarray(predicted) == examples.y))
    metrics[EPOCH_LOSS.name] = None if diverged is not None else batch_loss(progress, epoch)
    return Record(
        format=FORMAT,
        id=trained.id,
        seed=trained.run.seed,
        **_seeds(trained.run),
        setting=_tables(trained.setting),
        continues=trained.run.continues,
        parent=None if trained.parent is None else trained.parent.weight_files,
        status="diverged" if diverged is not None else "pruned" if trained.pruned else "done",
        metrics=metrics,
        epochs=progress.epoch,
        steps=sum(len(losses) for losses in progress.loss_per_step),
        best_epoch=_best_epoch(trained),
        continued_at=list(progress.continued_at),
        diverged=diverged,
        error=None,
        network=_network_facts(trained),
        dataset=_dataset_facts(trained),
        train_score=TrainScore(what=trained.setting.training.train_score, n=len(trained.scored)),
        confusion=confusion,
        samples=_samples(trained),
        optimizer_steps=t,
        time=_times(trained),
        engine=_engine_facts(trained),
        environment={**environment(), "finished": datetime.now(UTC).isoformat(timespec="seconds")},
        curves=_curves(trained),
        params=params,
        state=pack_slots(slots) | (pack_best(progress, "best.") if trained.pruned else {}),
        mistakes=mistakes,
        diagnostics=_diagnostics(trained),
        right=right,
        predictions=predictions,
    )


def _scores(trained: Trained) -> dict[DataPart, PartScores]:
    def scored(part: DataPart) -> PartScores:
        y = scored_y(trained.split, part, trained.scored)
        return score(trained.session, trained.split, part, y, trained.network.output)

    return {part: trained.scores.get(part) or scored(part) for part in map(PARTS.__getitem__, trained.split.parts)}


def not_finite(
    scores: Mapping[str, float],
    part: DataPart,
    split: Split,
    sample: np.ndarray,
    network: Network,
    session: NetworkState,
    progress: Progress,
) -> Divergence | None:
    """Why a run diverged of which every step was finite: its loss on a part is not.  None where it is.

    sample: as in `score`.
    """
    loss = scores[part.metric("loss")]
    if np.isfinite(loss):
        return None
    x = split.parts[part.name].x
    layer = first_non_finite(network, session.export()[0], x[sample] if part is TRAIN else x)
    reason = f"{part.metric('loss')} is {loss} after the epoch"
    return Divergence(epoch=progress.epoch, step=progress.step, layer=layer, reason=reason)


def failed_record(run: Run, run_id: str, error: str) -> Record:
    """The record of a run that raised an error or lost its worker: every key of record.json, and no result."""
    setting = _tables(run.setting.resolved())
    return Record(
        format=FORMAT,
        id=run_id,
        seed=run.seed,
        **_seeds(run),
        setting=setting,
        continues=run.continues,
        parent=None,
        status="failed",
        metrics={},
        epochs=0,
        steps=0,
        best_epoch=None,
        continued_at=[],
        diverged=None,
        error=error,
        network=NetworkFacts(layers=[], output="", parameters=0, loss_formula="", l2_formula=""),
        dataset=DatasetFacts(name=setting["data"]["name"], checksum=run.data_checksum, counts={}, scaling=""),
        train_score=None,
        confusion={},
        samples=None,
        optimizer_steps=0,
        time=Times(total=0.0, training=0.0, evaluation=0.0, epochs=[], resumed=0),
        engine={"name": setting["training"]["engine"], "threads": 1},
        environment=environment(),
    )


def _seeds(run: Run) -> dict[str, Any]:
    """The seed of every source, a key that only runs of studies with `vary` have."""
    return {} if run.seeds is None else {"seeds": run.seeds.to_json()}


def _tables(setting: Setting) -> dict[str, Any]:
    return setting.model_dump(mode="json", by_alias=True)


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


def _of_part(part: str, arrays: Arrays) -> Arrays:
    return {f"{part}.{name}": array for name, array in arrays.items()}


def _mistakes(trained: Trained, params: Arrays, part: str, predicted: np.ndarray) -> Arrays:
    split, dtype = trained.split, trained.setting.training.dtype
    if not are_pictures(split):
        return {}
    return mistakes_of(trained.network, params, split.parts[part], predicted, split.scaler, dtype)


def _diagnostics(trained: Trained) -> Arrays:
    measured, own = trained.progress.diagnostics, ["epoch", *names_of(trained.network)]
    # a checkpoint has them in another order; of one that diverged at once they may be those of the run before it
    names = [*(name for name in own if name in measured), *sorted(measured.keys() - set(own))]
    return {name: np.asarray(measured[name], np.int64 if name == "epoch" else np.float64) for name in names}


def _engine_facts(trained: Trained) -> dict[str, Any]:
    training = trained.setting.training
    facts: dict[str, Any] = {"name": training.engine, "device": training.device, "threads": 1}
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
    if additions := trained.setting.additions():
        facts["additions"] = additions
    if training.engine == "array" and (missing := unsupported("compiled", trained.setting.ingredients())):
        facts["why"] = refusal_text("compiled", missing)
    return facts | getattr(trained.session, "facts", {})


def _network_facts(trained: Trained) -> NetworkFacts:
    training = trained.setting.training
    y, classes = trained.split.train.y, trained.split.classes
    weighted = weights_formula(training.class_weights, y, classes)
    reduction = "mean over the batch" if training.batch_reduction == "mean" else "sum over the batch"
    some: dict[str, Any] = {
        "slips": [SLIPS[name].text for name in training.slips],
        "additions": {str(one): one.checksum for one in of_layers(trained.network.layers) if one.is_added},
    }
    return NetworkFacts(
        layers=trained.network.describe(),
        output=trained.network.output,
        parameters=trained.network.parameter_count,
        loss_formula=f"{LOSSES[training.loss].formula}, {reduction}{weighted}",
        l2_formula=training.l2_formula(),
        **{key: facts for key, facts in some.items() if facts},
    )


def _dataset_facts(trained: Trained) -> DatasetFacts:
    split, y = trained.split, trained.split.train.y
    scaler = {name: _listed(value) for name, value in split.scaler.facts().items()}
    return DatasetFacts(
        name=split.name,
        checksum=split.checksum,
        key=data_key(trained.setting.data, split.checksum),
        official=split.official,
        scaling=split.scaling,
        scaler=scaler,
        value_range=_listed(split.value_range),
        brightness=_listed(split.brightness),
        classes=list(split.classes),
        shape=list(split.shape),
        feature_names=_listed(split.feature_names),
        **_table_facts(trained.setting.data),
        **_task_facts(split),
        label_table=split.label_table,
        counts={name: len(part) for name, part in split.parts.items()},
        notes=[*split.notes, *trained.setting.training.order_notes(len(y), by_class=split.by_class)],
    )


def _table_facts(section: DataSection) -> dict[str, Any]:
    """How the cells of a table are read, where the study says it: a trained network reads others so."""
    texts = None if section.missing is None else section.missing.texts
    said = {"missing": _listed(texts), "decimal": section.decimal}
    found = {name: value for name, value in said.items() if value is not None}
    return {"table": found} if found else {}


def _task_facts(split: Split) -> dict[str, Any]:
    """What is learnt where it is no classification, and how targets are scaled where they are."""
    facts: dict[str, Any] = {} if split.task == CLASSIFICATION else {"task": split.task}
    if split.target_scaler != AS_IT_IS:
        facts["target_scaler"] = {name: _listed(value) for name, value in split.target_scaler.facts().items()}
    return facts


def _listed(value: Any) -> Any:
    """A tuple as the list that JSON makes of it."""
    return list(value) if isinstance(value, tuple) else value


def _samples(trained: Trained) -> Samples | None:
    """Of outputs that are not finite there is nothing to show: `after` is left out, or all of it."""
    drawn = trained.progress.drawn
    source, part = samples_of(trained.split, None if drawn else range(len(trained.progress.before)))
    before = trained.progress.before
    after = trained.session.outputs(part.x).astype(float) if trained.diverged is None else np.array(np.nan)
    if not np.isfinite(before).all():
        return None
    shown = after.tolist() if np.isfinite(after).all() else None
    own = {"drawn": True} if drawn else {}
    return Samples(source=source, **own, index=part.index.tolist(), labels=part.y.tolist(), before=before, after=shown)


def _times(trained: Trained) -> Times:
    times = trained.progress.times
    training, evaluation = (float(sum(column)) for column in zip(*times, strict=True)) if times else (0.0, 0.0)
    return Times(
        total=trained.seconds,
        training=training,
        evaluation=evaluation,
        epochs=times,
        resumed=trained.progress.resumed,
        stretches=trained.progress.stretches,
    )
