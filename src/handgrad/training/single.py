"""One run without a study: from a setting to its record, in this process."""

from collections.abc import Iterable, Mapping
from typing import Any

from handgrad.data.datasets import Dataset, load, split
from handgrad.training.loop import Observer, execute
from handgrad.training.record import Record
from handgrad.training.run import Run, Setting


def train(
    setting: Setting | Mapping[str, Any],
    *,
    seed: int = 0,
    data: Dataset | None = None,
    continues: Record | None = None,
    observers: Iterable[Observer] = (),
) -> Record:
    """Train one run.  Every problem of `setting` is raised at once as InputError.

    setting: a `Setting`, or its tables as dicts.  data: a `Dataset` to use instead of loading `setting.data.name`.
    continues: the record of a run whose weights, optimizer state and history this one goes on from.

    >>> record = train({"network": {"hidden": [16]}, "training": {"epochs": 2}}, seed=1)
    >>> record.status, sorted(record.metrics)[:2]
    ('done', ['test_accuracy', 'test_loss'])
    """
    setting = Setting.checked(setting)
    data = load(setting.data) if data is None else data
    parent = None if continues is None else continues.id
    run = Run(setting, seed, data.checksum, parent)
    return execute(run, split(data, setting.data), parent=continues, observers=observers)
