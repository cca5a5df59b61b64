"""One setting by itself: trained, or weights from elsewhere scored in its network, without a results folder.

A setting can be given as a `Setting`, as its tables, or as a study of one setting: its file, its tables or a `Study`.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from handgrad.data.datasets import Dataset, split
from handgrad.errors import InputError
from handgrad.measures import CLASSIFICATION
from handgrad.sections import given, plain
from handgrad.study.changes import SECTIONS
from handgrad.study.design.settings import Study
from handgrad.study.execution.notebook_progress import watched_run
from handgrad.study.reading.loading import as_study
from handgrad.training import evaluation, exchange
from handgrad.training.evaluation import Evaluation
from handgrad.training.given import checked_data
from handgrad.training.loop import Observer, execute
from handgrad.training.model import Model
from handgrad.training.record import Record
from handgrad.training.run import Run, Setting, checked_seed

OneSetting = Setting | Mapping[str, Any] | Study | str | os.PathLike[str]


def train(
    setting: OneSetting,
    *,
    seed: int = 0,
    data: Dataset | None = None,
    continues: Record | None = None,
    observers: Iterable[Observer] = (),
) -> Record:
    """Train one run.  Every problem of `setting` is raised at once as InputError.

    setting: a `Setting`, its tables as dicts, or a study file of one setting.  data: a `Dataset` to use instead of
    loading `setting.data.name`.  continues: the record of a run whose weights, optimizer state and history this one
    goes on from.  observers: called with an `EpochEnd` after every epoch (without any, a notebook shows a bar).

    >>> record = train({"network": {"hidden": [16]}, "training": {"epochs": 2}}, seed=1)
    >>> record.status, sorted(record.metrics)[:2]
    ('done', ['epoch_loss', 'test_accuracy'])
    """
    seed = checked_seed(seed)
    chosen, folder = one_setting(of_data(setting, data), seed)
    data = checked_data(data, chosen, folder)
    parent = None
    if continues is not None:
        parent = given(continues, Record, "continues", "Give what hg.train returned, or results.record(id)").id
    run = Run(chosen, seed, data.checksum, parent)
    own = tuple(_observers(observers))
    parts = split(data, chosen.data)
    if own:
        return execute(run, parts, parent=continues, observers=own)
    with watched_run() as watch:
        return execute(run, parts, parent=continues, observers=watch)


def evaluate(
    model: Model | Record, setting: OneSetting, *, data: Dataset | None = None, part: str = "test"
) -> Evaluation:
    """Score a model on the test part (or "train", "validation") of the data of `setting` (as for `train`).

    See `training.evaluation.evaluate`.
    """
    chosen, folder = one_setting(of_data(setting, data))
    return evaluation.evaluate(model, chosen, data=checked_data(data, chosen, folder), part=part)


def import_model(
    weights: exchange.Weights, setting: OneSetting, *, data: Dataset | None = None, layout: str | None = None
) -> Model:
    """Weights from elsewhere in the network of `setting` (as for `train`), with the scaling of its data.

    See `training.exchange.import_model`.
    """
    chosen, folder = one_setting(of_data(setting, data))
    return exchange.import_model(weights, chosen, data=checked_data(data, chosen, folder), layout=layout)


def one_setting(source: Any, seed: int | None = None) -> tuple[Setting, Path | None]:
    """(the setting, the folder where relative paths start; None: the current one).

    seed: the one that is to be trained.  Raises InputError where a study varies settings, or has other seeds.
    """
    if isinstance(source, Setting):
        return source, None
    if isinstance(source, Mapping) and not any(key in source for key in STUDY):
        return Setting.checked(source), None
    if isinstance(source, Mapping):
        source = {"name": "setting", **source}
    study = as_study(source, "setting must be a Setting, its tables as a dict, or a study file")
    varied = [name for name in VARY if getattr(study.spec, name)]
    if varied:
        raise InputError(
            f"{study.where}: is a study of several settings ({', '.join(varied)}); run all of them with "
            "hg.run_study, or take that out for one"
        )
    if study.spec.vary is not None and (seed is not None or "split" in study.spec.vary):
        raise InputError(
            f"{study.where}: its seeds vary {', '.join(study.spec.vary)}, which one seed does not say; run all of them "
            "with hg.run_study, or take vary out"
        )
    if seed is not None and "seeds" in study.spec.model_fields_set and seed not in study.spec.seeds:
        seeds = ", ".join(map(str, study.spec.seeds[:10]))
        raise InputError(
            f"{study.where}: its seeds are {seeds}{' …' if len(study.spec.seeds) > 10 else ''}, not {seed}; say which "
            f"one is trained: seed={study.spec.seeds[0]}, or run all of them with hg.run_study"
        )
    return Setting(**{name: getattr(study.spec, name) for name in SECTIONS}), study.folder


def of_data(source: Any, data: Any) -> Any:
    """A setting's tables with the task of the data set that is given with them, where they say none."""
    if not isinstance(source, Mapping) or not isinstance(data, Dataset) or data.task == CLASSIFICATION:
        return source
    table = source.get("data", {})
    if not isinstance(table, Mapping) or "task" in table:
        return source
    return {**source, "data": {**table, "task": data.task}}


VARY = ("grid", "bundle", "one_factor", "variant", "random", "phase")
STUDY = (
    *VARY,
    "name",
    "title",
    "seeds",
    "vary",
    "asha",
    "quick",
    "original",
    "figure",
    "select_by",
    "budget",
    "conclusions",
    "report",
)


def _observers(observers: Any) -> Iterable[Observer]:
    if callable(observers):
        return (observers,)
    listed = tuple(observers) if isinstance(observers, Iterable) else (observers,)
    for one in listed:
        if not callable(one):
            raise InputError(f"observers must be functions that take an EpochEnd; got {plain(one)!r}")
    return listed
