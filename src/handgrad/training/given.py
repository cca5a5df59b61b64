"""What public functions are given for a data set or a model, checked."""

from pathlib import Path
from typing import Any

from handgrad.data.datasets import Dataset, load
from handgrad.errors import InputError
from handgrad.names import shown
from handgrad.sections import given
from handgrad.training.model import Model
from handgrad.training.record import Record
from handgrad.training.run import Setting


def checked_data(data: Any, setting: Setting, folder: Path | None = None) -> Dataset:
    """The data set that was given, or the one that the setting names; `folder` is where its relative path starts."""
    if data is None:
        return load(setting.data, folder=folder)
    return given(data, Dataset, "data", "Make one of arrays with hg.from_arrays(x, y), or leave data out to load it")


def model_of(model: Any) -> Model:
    """A model, or that of a record."""
    if isinstance(model, Record):
        return model.model
    if not isinstance(model, Model):
        raise InputError(
            f"model must be a Model or a Record; got {shown(model)}. Read one with hg.Model.load(path), or put weights "
            "from elsewhere into one with hg.import_model(path, setting)"
        )
    return model
