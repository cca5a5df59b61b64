"""A first study of data at hand: its file, with a grid that makes sense, sized to run in about a minute.

The data is read as a study would read it.  Where it is refused with a key that mends it and loses nothing (missing
cells, pictures of several sizes, numbers to predict), that key is written; every other refusal is raised as it is.
Epochs are as many as the estimate of `plan` allows, and of large data a part is taken.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.catalog import DATASETS
from handgrad.data.contents import Dataset
from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load
from handgrad.errors import DataError, InputError
from handgrad.keys import study_keys
from handgrad.measures import CLASSIFICATION, REGRESSION
from handgrad.names import listed, plural, short
from handgrad.study.changes import SECTIONS, at_path
from handgrad.study.design.study_spec import StudySpec
from handgrad.study.execution.choose_runner import jobs_for, open_runner
from handgrad.study.planning.estimate import Estimate, estimate
from handgrad.study.planning.plan import Plan
from handgrad.study.reading.loading import make_study
from handgrad.study.toml import inline

SECONDS = 45.0  # of the runs; the report of such a study takes about 10 more
EPOCHS = (2, 3, 5, 8, 10, 15, 20, 30, 40, 60)
FEWEST_EPOCHS = 5  # fewer are no training: a part of the examples is taken instead
TRIED = 10  # epochs of which the estimate is made
FEW, TINY = 500, 20  # training examples below which folds validate, and below which all of them train
SCHEMA = "handgrad.schema.json"
MENDS = (  # keys that a refusal names and that lose nothing
    re.compile(r'data\.(task) = ("regression")'),
    re.compile(r'data\.(missing) = ("mean")'),
    re.compile(r"data\.(image_size) = (\[\d+, \d+\])"),
)
NUMBERS = re.compile(r"as a number of the row does; data\.drop = (\[.+?\]) would leave it out")
LABELS = re.compile(r": (?:column )?('[^']+'|\d+)(?:, the last(?: column)?,)? holds the (?:labels|target)")


@dataclass(frozen=True)
class FirstStudy:
    """text: of the file;  about: the data in a line;  notes: what was found in it;  runs, seconds: of the study."""

    text: str
    about: str
    notes: tuple[str, ...]
    runs: int
    seconds: float


def first_study(name: str, given: Mapping[str, Any], folder: Path) -> FirstStudy:
    """The study file of a named data set or of a path.  Raises InputError where the data cannot be learnt from.

    given: keys of [data] that are known already;  folder: where the file will lie, from which a path starts.
    """
    keys, data, notes = _read(name, given)
    if name not in DATASETS:
        keys["name"] = _from(folder, name)
    problem: InputError | None = None
    for parts in _parts(data, given):
        tables = _tables(data, {**keys, **parts})
        try:
            tables, cost = _sized(tables, folder, len(data.x_train))
        except InputError as error:  # too few examples of a class for such parts
            problem = problem or error
            continue
        text = _text(tables, data, cost, make_study(tables, folder=folder).spec)
        make_study(tomllib.loads(text), folder=folder)
        return FirstStudy(text, _about(data), notes, sum(row.runs for row in cost.rows), cost.seconds)
    assert problem is not None
    raise problem


def _read(name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], Dataset, tuple[str, ...]]:
    """(the keys of [data] that it needs, the data, notes): what was guessed is written, and noted."""
    keys: dict[str, Any] = {"name": name, **given}
    guesses: list[str] = []
    for _ in range(8):
        try:
            data = load(DataSection.given(keys))
        except DataError as error:
            mended = _mended(keys, str(error))
            if mended is None:
                raise
            keys = mended
            continue
        found = [(note, more) for note in data.notes for more in _guessed(note, keys)]
        if not found:
            break
        for note, more in found:
            guesses.append(f"{note}; the file says so")
            keys |= {key: [*keys.get(key, ()), *value] if key == "drop" else value for key, value in more.items()}
    return keys, data, (*guesses, *data.notes)


def _guessed(note: str, keys: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a note says was taken for granted, as keys: the column of the labels, one that numbers the rows."""
    if (found := LABELS.search(note)) and "label" not in keys:
        yield {"label": _value(found[1])}
    if (found := NUMBERS.search(note)) and "drop" not in keys:
        yield {"drop": _value(found[1])}


def _mended(keys: Mapping[str, Any], refusal: str) -> dict[str, Any] | None:
    """The keys with that which the refusal names; None where it names none that loses nothing."""
    for pattern in MENDS:
        if (found := pattern.search(refusal)) and found[1] not in keys:
            return {**keys, found[1]: _value(found[2])}
    return None


def _value(written: str) -> Any:
    return tomllib.loads(f"value = {written}")["value"]


def _from(folder: Path, name: str) -> str:
    """The path of the data as the study file writes it; one that HANDGRAD_DATA leads to stays as it is."""
    if os.path.isabs(name) or not os.path.exists(name):
        return name
    return Path(os.path.relpath(name, folder)).as_posix()


def _parts(data: Dataset, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What validates and tests, the most telling way first."""
    n = len(data.x_train)
    test: dict[str, Any] = {} if data.x_test is not None or "test" in given else {"test": {"size": 0.2}}
    if "validation" in given or data.x_val is not None:
        yield test
        return
    if n >= TINY:
        of_class = np.bincount(data.y_train, minlength=len(data.classes)) if data.task == CLASSIFICATION else [n]
        rarest = int(min(of_class))
        if n < FEW and rarest >= 8:
            yield test | {"validation": {"folds": 5}}
        yield test | {"validation": {"size": 0.1 if n >= FEW else 0.2}}
    yield ({"test": False} if test else {}) | {"validation": False}


def _tables(data: Dataset, keys: Mapping[str, Any]) -> dict[str, Any]:
    n, folds = len(data.x_train), isinstance(keys.get("validation"), dict) and "folds" in keys["validation"]
    widths = [4, 16] if n < TINY else [16, 64] if n < 5000 else [32, 128]
    scale = {} if "scale" in keys else {"scale": "standard" if data.value_range is None else "unit"}
    if data.task == REGRESSION and "scale_targets" not in keys:
        scale["scale_targets"] = "standard"
    return {
        "name": re.sub(r"[^A-Za-z0-9_-]+", "-", Path(data.name).stem).strip("-")[:60] or "study",
        "seeds": 2 if folds else 3,
        "data": {**keys, **scale},
        "network": {"hidden": widths[0], "activation": "relu"},
        "training": {
            "optimizer": {"name": "adam", "lr": 0.003},
            "batch_size": "full" if n < TINY else 16 if n < 1000 else 32 if n < 10_000 else 64,
            "epochs": TRIED,
        },
        "grid": {"network": {"hidden": widths}, "training": {"optimizer": {"lr": [0.001, 0.003, 0.01]}}},
    }


def _sized(tables: Mapping[str, Any], folder: Path, n: int) -> tuple[dict[str, Any], Estimate]:
    """(the tables with the epochs and examples that run in `SECONDS`, what they take)."""

    def with_(epochs: int, part: int | None) -> dict[str, Any]:
        data = tables["data"] if part is None else {**tables["data"], "train": {"size": part, "pick": "random"}}
        return {**tables, "data": data, "training": {**tables["training"], "epochs": epochs}}

    cost = _cost(with_(TRIED, None), folder)
    affordable = SECONDS / cost.seconds * TRIED
    part = None
    if affordable < FEWEST_EPOCHS and "train" not in tables["data"]:
        part = max(500, _round(int(n * 0.9 * affordable / FEWEST_EPOCHS)))
        affordable = FEWEST_EPOCHS
    epochs = max(one for one in EPOCHS if one <= max(affordable, EPOCHS[0]))
    made = with_(epochs, part)
    if part is None and cost.seconds * epochs / TRIED < SECONDS / 3:
        made["seeds"] *= 2  # what is quick is run more often: more can be said
    elif part is None:
        return made, replace(cost, seconds=cost.seconds * epochs / TRIED)
    return made, _cost(made, folder)


def _cost(tables: Mapping[str, Any], folder: Path) -> Estimate:
    plan = Plan(make_study(tables, folder=folder))
    runner, _ = open_runner(jobs_for(plan, None))
    return estimate(plan, runner.workers)


def _round(n: int) -> int:
    """A number with one or two digits that are not 0.

    >>> _round(12_345), _round(777)
    (12000, 770)
    """
    unit = int(10 ** max(0, len(str(n)) - 2))
    return n // unit * unit


# -- the file


def _about(data: Dataset) -> str:
    shape = data.shape
    if len(shape) == 3:
        kind = {1: "gray pictures", 3: "colour pictures"}.get(shape[0], f"pictures with {shape[0]} channels")
        what = f"{kind} of {shape[1]} × {shape[2]}"
    else:
        what = f"rows of {plural(shape[0], 'number')}"
    parts = "no test part of its own" if data.x_test is None else f"{len(data.x_test):,} more to test"
    names = listed((short(name, 20) for name in data.classes), most=10)
    told = {CLASSIFICATION: "class", REGRESSION: "target"}.get(data.task, "label")
    count = f"{len(data.classes):,} {told}{'' if len(data.classes) == 1 else 'es' if told == 'class' else 's'}"
    return f"{data.name}: {len(data.x_train):,} {what}, {count} ({names}); {parts}"


USEFUL = {  # keys that are written as comments, with their defaults, where the study does not say them
    "": ("select_by", "vary"),
    "data": ("scale", "validation", "test", "train", "label", "drop", "missing", "image_size", "color"),
    "network": ("output", "dropout", "layers", "init"),
    "training": ("loss", "schedule", "weight_decay", "clip_norm", "early_stopping", "engine"),
}
EXAMPLES = {
    "vary": '["init", "order", "split"]',
    "data.train": '{ size = 0.5, pick = "random" }',
    "data.test": "{ size = 0.2 }",
    "data.validation": "{ size = 0.1 }",
    "data.label": '"kind"',
    "data.drop": '["Id"]',
    "data.missing": '"mean"',
    "data.image_size": "[32, 32]",
    "network.init": '{ name = "normal", std = 0.01 }',
    "training.schedule": '{ name = "cosine" }',
    "training.clip_norm": "1.0",
    "training.early_stopping": "{ patience = 10 }",
    "network.dropout": "0.2",
    "training.weight_decay": "1e-4",
}
OF_TABLES, OF_FOLDERS = ("data.label", "data.drop", "data.missing"), ("data.image_size", "data.color")
WIDTH = 44  # of a key with its value, before the line about it


def _text(tables: Mapping[str, Any], data: Dataset, cost: Estimate, spec: StudySpec) -> str:
    runs = sum(row.runs for row in cost.rows)
    first = [
        f"#:schema ./{SCHEMA}",
        f"# {_about(data)}.",
        f"# {plural(runs, 'run')}.  Lines that begin with # are keys that can be set; docs/studies.md has all of them.",
        "",
    ]
    for key in ("name", "seeds"):
        first.append(_line(key, "", tables[key]))
    first += _comments("", tables, data, spec)
    for section in ("data", "network", "training"):
        first += ["", f"[{section}]"]
        first += [_line(key, section, value) for key, value in tables[section].items()]
        first += _comments(section, tables, data, spec)
    first += ["", "[grid]".ljust(WIDTH) + "  # every listed value with every other, over every seed"]
    first += [_line("network.hidden", "", tables["grid"]["network"]["hidden"])]
    first += [_line("training.optimizer.lr", "", tables["grid"]["training"]["optimizer"]["lr"])]
    first += [
        '# training.optimizer.name = ["sgd", "adam"]',
        "",
        "# [[phase]]".ljust(WIDTH) + "  # then, from the winner",
        '# name = "batch size"',
        "# grid.training.batch_size = [16, 64]",
        "",
        "# [quick]".ljust(WIDTH) + "  # what --quick changes",
        "# training.epochs = 2",
    ]
    return "\n".join(first) + "\n"


def _line(key: str, section: str, value: Any) -> str:
    path = f"{section}.{key}" if section else key
    known = study_keys().get(path)
    text = f"{key} = {inline(value)}"
    return f"{text.ljust(WIDTH)}  # {known.about}" if known is not None else text


def _comments(section: str, tables: Mapping[str, Any], data: Dataset, spec: StudySpec) -> Iterator[str]:
    usual = spec.model_dump(mode="json", by_alias=True, include={"select_by", *SECTIONS})
    said = tables[section] if section else tables
    image, named = len(data.shape) == 3, tables["data"]["name"] in DATASETS
    useless = [*(OF_TABLES if image or named else ()), *(OF_FOLDERS if named or not image else ())]
    if "folds" in (tables["data"].get("validation") or {}):
        useless.append("vary")  # a fold is a split already
    for key in USEFUL[section]:
        path = f"{section}.{key}" if section else key
        if key in said or path in useless:
            continue
        if path == "network.layers":
            written = _layers(data, str(spec.network.output))
        elif path in EXAMPLES:
            written = EXAMPLES[path]
        else:
            written = inline(at_path(usual, path))
        text = f"# {key} = {written}"
        yield f"{text.ljust(WIDTH)}  # {study_keys()[path].about}"


def _layers(data: Dataset, output: str) -> str:
    """A deeper network for the data: of pictures a convolutional one."""
    classes = len(data.classes)
    layers: Sequence[str] = ["dense 64 relu", "dropout 0.2", "dense 32 relu", f"dense {classes} {output}"]
    if len(data.shape) == 3 and min(data.shape[1:]) >= 8:
        even = all(side % 2 == 0 for side in data.shape[1:])
        layers = [
            "conv 8 3x3 pad 1 relu",
            *(["max-pool 2"] if even else []),
            "dense 64 relu",
            f"dense {classes} {output}",
        ]
    return inline(list(layers))
