"""The usual alternatives: what is most often left unsaid, or got wrong, for the settings that a study has.

They are made from the settings of its rows, so that none is tried that could change nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handgrad.measures import EPOCH_LOSS, METRICS, PARTS, measure_of
from handgrad.network.losses import LOSSES
from handgrad.study.explain.space import Alternative
from handgrad.training.run import Setting
from handgrad.training.slips import SLIPS

HALF = 0.5  # a rate of dropout that reads alike both ways
# path -> (respect, name, value): other values of keys that texts leave out
OTHERS: Mapping[str, tuple[str, tuple[tuple[str, Any], ...]]] = {
    "network.init": (
        "initial weights",
        (
            ("N(0, 0.01²)", {"name": "normal", "std": 0.01}),
            ("N(0, 0.1²)", {"name": "normal", "std": 0.1}),
            ("N(0, 1)", {"name": "normal", "std": 1.0}),
            ("N(0, 1)/√n_in", {"name": "normal/sqrt-n", "std": 1.0}),
            ("He", {"name": "he"}),
            ("Xavier", {"name": "xavier"}),
            ("PyTorch's", {"name": "pytorch"}),
        ),
    ),
    "network.bias_init": (
        "initial biases",
        (
            ("0", {"name": "zeros"}),
            ("N(0, 0.1²)", {"name": "normal", "std": 0.1}),
            ("PyTorch's", {"name": "pytorch"}),
        ),
    ),
    "data.scale": (
        "scale of x",
        (("as it is", "none"), ("[0, 1]", "unit"), ("[−1, 1]", "symmetric"), ("mean 0, deviation 1", "standard")),
    ),
    "training.batch_reduction": ("batch", (("mean", "mean"), ("sum", "sum"))),
    "network.targets": ("targets", (("0 and 1", "one-hot"), ("−1 and 1", "plus-minus-one"))),
}


def usual_alternatives(
    settings: Sequence[Setting], measures: Iterable[str], parts: Mapping[str, int]
) -> list[Alternative]:
    """The usual alternatives for these settings, whose published numbers are of these measures; without slips.

    parts: the examples of each part of the data that there is.
    """
    found: list[Alternative] = []
    tables = [setting.model_dump(mode="json", by_alias=True) for setting in settings]
    losses = dict.fromkeys(name for setting in settings for name in _other_losses(setting))
    found += [Alternative("loss", name, {"training.loss": name}) for name in losses]
    for path, (respect, values) in OTHERS.items():
        section, key = path.split(".")
        there = [table[section][key] for table in tables]
        found += [
            Alternative(respect, name, {path: value})
            for name, value in values
            if any(not _is(value, one) for one in there)
        ]
    found += _of_numbers(settings)
    return [*found, *_of_measures(measures, parts)]


def _other_losses(setting: Setting) -> list[str]:
    """Losses that go with the output and the targets of a setting."""
    output = setting.network.layer_list(2)[-1].activation
    targets = setting.network.targets
    return [
        name
        for name, loss in LOSSES.items()
        if name != setting.training.loss and output in loss.outputs and targets in loss.targets
    ]


def _is(value: Any, there: Any) -> bool:
    """Whether a value of a table says nothing but what is there."""
    if isinstance(value, Mapping) and isinstance(there, Mapping):
        return all(there.get(key) == one for key, one in value.items())
    return bool(value == there)


def _of_numbers(settings: Sequence[Setting]) -> list[Alternative]:
    """Numbers that are read in two ways: p of dropout, λ of L2, momentum."""
    found = []
    trainings = [setting.training for setting in settings]
    decays = dict.fromkeys(training.weight_decay for training in trainings if training.weight_decay)
    if decays:
        other = {"plain": "per-example", "per-example": "plain"}
        names = {"plain": "λ, not divided by the batch", "per-example": "λ over the batch"}
        found += [
            Alternative("L2", names[form], {"training.l2_form": form})
            for form in dict.fromkeys(other[training.l2_form] for training in trainings if training.weight_decay)
        ]
        if len(decays) == 1:
            found.append(Alternative("L2", "twice λ", {"training.weight_decay": 2 * next(iter(decays))}))
    rates = dict.fromkeys(setting.network.dropout for setting in settings if setting.network.dropout)
    if len(rates) == 1 and (p := next(iter(rates))) != HALF:
        found.append(Alternative("dropout", "p is the share that is kept", {"network.dropout": round(1 - p, 12)}))
    if all(training.optimizer.name == "sgd" for training in trainings):
        found.append(Alternative("optimizer", "momentum 0.9", {"training.optimizer": {"name": "momentum"}}))
    return found


def _of_measures(measures: Iterable[str], parts: Mapping[str, int]) -> list[Alternative]:
    """The same measure on another part of the data, for every published measure."""
    found = []
    for metric in measures:
        measure = measure_of(metric)
        if metric not in METRICS or measure is None:
            continue
        others = [part.metric(measure.name) for name, part in PARTS.items() if name in parts]
        found += [
            Alternative("measured", f"{METRICS[other].word} as {METRICS[metric].word}", {}, (), {metric: other})
            for other in (*others, *[EPOCH_LOSS.name] * (measure is EPOCH_LOSS.measure))
            if other != metric
        ]
    return found


def of_slips(names: Iterable[str]) -> list[Alternative]:
    """An alternative for each slip; those that change the same are of one respect, as no run can have two of them."""
    slips = [SLIPS[name] for name in names]
    return [Alternative(f"slip in {slip.changes}, {slip.term}", slip.name, {}, (slip.name,)) for slip in slips]
