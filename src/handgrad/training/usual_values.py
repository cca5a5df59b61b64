"""Usual values: what a setting has where it says nothing, by what is learnt from its data.

    classification   network.output = "softmax",  training.loss = "cross-entropy"        (the defaults of the tables)
    regression       network.output = "identity", training.loss = "mean-squared-error",   network.targets = "values"
    multi-label      network.output = "sigmoid",  training.loss = "binary-cross-entropy", network.targets = "values"

A single unit for two classes (network.units = 1) has "sigmoid" and "binary-cross-entropy".
"""

from collections.abc import Mapping
from typing import Any

from handgrad.data.catalog import task_of, value_of
from handgrad.measures import BINARY, CLASSIFICATION, MAIN_MEASURES, MULTI_LABEL, REGRESSION, VALIDATION
from handgrad.network.targets import VALUES

USUAL = {
    REGRESSION: ("identity", "mean-squared-error"),
    MULTI_LABEL: ("sigmoid", "binary-cross-entropy"),
    BINARY: ("sigmoid", "binary-cross-entropy"),
}


def scored_as(data: Any, network: Any) -> str:
    """Whose measures runs have, of these tables of a setting: the task's, or those of BINARY classification by one
    output.

    >>> scored_as({"name": "digits"}, {"layers": ["dense 4 tanh", "dense 1 sigmoid"]})
    'binary'
    """
    task, last = task_of(data), str((value_of(network, "layers") or ("",))[-1]).split()
    single = value_of(network, "units") == 1 or last[:2] == ["dense", "1"]
    return BINARY if task == CLASSIFICATION and single else task


def with_usual_values(tables: Any, *, selects: bool = False) -> Any:
    """The tables of a setting with the usual output and loss of its task where they say none; itself where nothing is
    to be added.  selects: they are those of a study, whose winners are chosen by the main measure of the task.

    >>> with_usual_values({"data": {"task": "regression"}})["training"]
    {'loss': 'mean-squared-error'}
    """
    if not isinstance(tables, Mapping):
        return tables
    network, training = tables.get("network", {}), tables.get("training", {})
    task = task_of(tables.get("data", {}))
    single = task == CLASSIFICATION and isinstance(network, Mapping) and network.get("units") == 1
    usual = USUAL.get(BINARY if single else task)
    if usual is None:
        return tables
    found = dict(tables)
    if isinstance(network, Mapping):
        own = {} if network.get("layers") is not None or network.get("output") is not None else {"output": usual[0]}
        own |= {} if task == CLASSIFICATION or network.get("targets") is not None else {"targets": VALUES}
        found["network"] = {**network, **own}
    if isinstance(training, Mapping) and training.get("loss") is None:
        found["training"] = {**training, "loss": usual[1]}
    if selects and task != CLASSIFICATION:
        found.setdefault("select_by", VALIDATION.metric(MAIN_MEASURES[task]))
    return found
