"""Words for numbers, settings and their differences, and for runs that went wrong."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.decimals import decimals, significant
from handgrad.measures import METRICS, is_fraction
from handgrad.names import plural as plural
from handgrad.report.findings.run_facts import UNFINISHED, RunFacts, folds_of
from handgrad.report.findings.statistics import Sample
from handgrad.report.findings.summary import SettingSummary
from handgrad.study.changes import at_path, leaves, shown
from handgrad.study.changes import axis_names as axis_names
from handgrad.training.run_keys import RunKey, fold_in, seed_in
from handgrad.training.sources import sources_named

AS_SEEN = "if means and spreads stay as seen"  # on what the number of seeds that would decide rests


def percent(value: float, digits: int = 2) -> str:
    """An accuracy as people read it.

    >>> percent(0.98634)
    '98.63 %'
    """
    return f"{decimals(value, digits, shift=2)} %"


def sentence(text: str) -> str:
    """Text as it begins a sentence: its first letter large, the others as they are.

    >>> sentence("validation macro F1")
    'Validation macro F1'
    """
    return text[:1].upper() + text[1:]


def number(value: float, metric: str) -> str:
    """A metric's value: accuracies in percent, losses with four significant digits."""
    return percent(value) if is_fraction(metric) else significant(value)


def signed(value: float, metric: str) -> str:
    """A difference with its sign: of accuracies in points.

    >>> signed(-0.0312, "val_accuracy"), signed(0.25, "val_loss")
    ('−3.12 points', '+0.25')
    """
    text = f"{decimals(value, shift=2, sign='+')} points" if is_fraction(metric) else significant(value, sign="+")
    return text.replace("-", "−")


def unsigned(value: float, metric: str) -> str:
    """A difference without its sign.

    >>> unsigned(-0.0129, "val_accuracy")
    '1.29 points'
    """
    return signed(abs(value), metric).removeprefix("+")


def amount(value: float, metric: str, least: float = 0.0) -> str:
    """A margin, or a bound of a difference in a measure, of accuracies in points.

    least: of a bound, which is rounded up, and of an accuracy not said to be nothing.

    >>> amount(0.0123, "val_accuracy"), amount(0.01, "val_accuracy"), amount(0.00001, "val_accuracy", least=1e-4)
    ('1.2 points', '1 point', '0.01 points')
    >>> amount(0.0121, "val_loss", least=1e-4), amount(0.125, "val_accuracy", least=1e-4)
    ('0.013', '13 points')
    """
    value = max(value, least) if is_fraction(metric) else value
    if least and value > 0:
        last = 10.0 ** (math.floor(math.log10(value)) - 1)
        value = math.ceil(value / last - 1e-9) * last
    if not is_fraction(metric):
        return significant(value, 2)
    text = significant(value, 2, shift=2)
    return f"{text} point{'' if text == '1' else 's'}"


def mean_std(values: Sample, metric: str) -> str:
    """Mean ± standard deviation, of one run its value alone; accuracies in percent without the sign.

    >>> from handgrad.report.findings.statistics import sample
    >>> mean_std(sample({0: 0.96, 1: 0.98}), "val_accuracy"), mean_std(sample({0: 0.25}), "val_loss")
    ('97.00 ± 1.41', '0.25')
    """
    if values.mean is None:
        return ""
    share = is_fraction(metric)
    parts = [decimals(values.mean, shift=2) if share else significant(values.mean)]
    if values.std is not None:
        parts.append(decimals(values.std, shift=2) if share else significant(values.std, 2))
    return " ± ".join(parts)


def spread(values: Sample, metric: str) -> str:
    """Mean ± standard deviation with the n and the ddof they come from.

    >>> from handgrad.report.findings.statistics import sample
    >>> spread(sample({0: 0.96, 1: 0.97, 2: 0.98}), "val_accuracy")
    '97.00 ± 1.00 % (n = 3, ddof 1)'
    >>> spread(sample({(1, 0): 0.96, (2, 0): 0.97, (3, 0): 0.98}), "val_accuracy")
    '97.00 ± 1.00 % (3 folds × 1 seed, ddof 1)'
    """
    if values.mean is None:
        return "no value (n = 0)"
    if values.std is None:
        return f"{number(values.mean, metric)} ({values.counted}, no spread)"
    over = f", over {sources_named(values.sources)}" * bool(values.sources)
    how = f"({values.counted}, ddof {values.ddof}{over})"
    if is_fraction(metric):
        return f"{mean_std(values, metric)} % {how}"
    return f"{mean_std(values, metric)} {how}"


def seconds(value: float) -> str:
    """Seconds with three significant digits, above 100 with one decimal.

    >>> seconds(0.01234), seconds(3.456), seconds(1195.38)
    ('0.0123', '3.46', '1195.4')
    """
    return decimals(value, 1) if value >= 100 else significant(value, 3)


def enumerated(labels: Sequence[str], most: int = 12) -> str:
    """Labels in a sentence; of many the first ones and a count.

    >>> enumerated(["1", "2", "3"]), enumerated(["1", "2", "3"], most=2)
    ('1, 2 and 3', '1, 2 and 1 more')
    """
    if len(labels) > most:
        return f"{', '.join(labels[:most])} and {len(labels) - most} more"
    return ", ".join(labels[:-1]) + (" and " if len(labels) > 1 else "") + labels[-1] if labels else ""


def holds_for(settings: Sequence[SettingSummary], metric: str, *, examples: bool = False) -> str:
    """Of what an interval speaks, which is over the runs of these settings.

    examples: whether the noise of the examples is in it, estimated from which of them were right.
    """
    runs = [run for setting in settings for run in setting.runs]
    if any(run.fold is not None for run in runs):
        examples = True
        if len({run.seed for run in runs}) < 2:
            return "other examples, with this seed"
    elif any(METRICS[metric].part.name in run.drawn for run in runs):
        return "other seeds and other splits of these examples"
    return "other seeds and other examples" if examples else "other seeds, on these examples"


def settings_named(labels: Sequence[str]) -> str:
    """Settings in a sentence: "setting 3", "settings 3 and 4"."""
    return f"{'setting' if len(labels) == 1 else 'settings'} {enumerated(labels)}"


def runs_named(keys: Sequence[RunKey]) -> str:
    """Runs of a setting in a sentence, by their seeds, or by fold and seed.

    >>> runs_named([3]), runs_named([3, 4]), runs_named([(1, 3), (2, 3), (2, 4)])
    ('seed 3', 'seeds 3, 4', 'fold 1 (seed 3), fold 2 (seeds 3, 4)')
    """
    folds: dict[int | None, list[int]] = {}
    for key in keys:
        folds.setdefault(fold_in(key), []).append(seed_in(key))
    texts = {
        fold: f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
        for fold, seeds in folds.items()
    }
    return ", ".join(text if fold is None else f"fold {fold} ({text})" for fold, text in texts.items())


def setting_value(setting: SettingSummary, path: str) -> Any:
    """The value of a key or an axis."""
    value = at_path(setting.setting, path)
    return setting.all_axes.get(path, setting.axes.get(path)) if value is None else value


def setting_name(setting: SettingSummary, axes: Sequence[str]) -> str:
    """A setting in a legend: its label and what sets it apart, e.g. "9: hidden 1000, lr 0.09"."""
    names = axis_names(axes)
    values = {path: shown(setting.axes[path]) for path in axes if path in setting.axes}
    parts = [f"{names[path]} [{text}]" if ", " in text else f"{names[path]} {text}" for path, text in values.items()]
    if not parts and axes:
        parts = ["as it was" if setting.earlier else "baseline"]
    return f"{setting.label}: {', '.join(parts)}" if parts else setting.label


def values_text(axes: Mapping[str, Any]) -> str:
    """The values that set a setting apart; those that it does not have are left out.

    >>> values_text({"network.hidden": 128, "training.optimizer.lr": 0.2, "network.dropout": None})
    'hidden 128, lr 0.2'
    """
    known = {path: value for path, value in axes.items() if value is not None}
    names = axis_names(list(known))
    return ", ".join(f"{names[path]} {shown(value)}" for path, value in known.items())


def difference(setting: SettingSummary, baseline: SettingSummary) -> str:
    """The values in which a setting differs from the baseline: of the study's axes, else of any key.

    A key that only the baseline has is said to be without; settings that are equal "do not differ".
    """
    ours, theirs = dict(setting.all_axes), dict(baseline.all_axes)
    if ours == theirs:
        ours, theirs = dict(leaves(setting.setting)), dict(leaves(baseline.setting))
    changed = [path for path, value in ours.items() if value != theirs.get(path)]
    names = axis_names(list(ours))
    parts = [f"{_word(names[path])} {shown(ours[path])}" for path in changed if ours[path] is not None]
    gone = [path for path in theirs if path not in ours or (ours[path] is None and theirs[path] is not None)]
    parts += [f"without {_word(axis_names(list(theirs))[path])}" for path in gone]
    return ", ".join(parts) or "does not differ"


def legend(named: Mapping[str, SettingSummary]) -> dict[str, SettingSummary]:
    """The same settings under names that say what differs among them: "1" becomes "1: lr 0.01".

    A label with a word in it ("batch 50", "CNN") says enough, and stays as it is.
    """
    axes = list(dict.fromkeys(path for setting in named.values() for path in setting.all_axes))
    values = {path: [setting_value(setting, path) for setting in named.values()] for path in axes}
    varied = [path for path in axes if any(value != values[path][0] for value in values[path])]
    names = axis_names(varied)
    found = {}
    for label, setting in named.items():
        parts = []
        for path in varied:
            value = setting_value(setting, path)
            text = "" if value is None else shown(value)
            if text and text != label:  # a bundle is often named like the row
                parts.append(f"{_word(names[path])} [{text}]" if ", " in text else f"{_word(names[path])} {text}")
        says = re.search(r"[^\W\d_]{2}| ", label) is not None
        found[label if says or not parts else f"{label}: {', '.join(parts)}"] = setting
    return found


def _word(name: str) -> str:
    """The name of a key without its last word "name": "optimizer adam", not "optimizer name adam"."""
    return name.removesuffix(" name")


def trouble_of(run: RunFacts) -> str | None:
    """Where a run diverged, to which class it collapsed or why it failed; None where nothing went wrong."""
    if run.status == "diverged":
        where = run.record.diverged if run.record else None
        if where is None:
            return "diverged"
        layer = "" if where.layer is None else f", layer {where.layer}"
        return f"diverged in epoch {where.epoch:,}, step {where.step:,}{layer}"
    if run.collapsed is not None:
        label, share = run.collapsed
        what = "everything" if share == 1 else f"{percent(share, 1)} of the examples"
        return f"collapsed: class {label} is predicted for {what}"
    if run.status == "failed":
        error = ((run.record.error if run.record else None) or "no message").strip().splitlines()
        return f"failed: {error[-1] if error else 'no message'}"
    return run.status if run.status in UNFINISHED else None


def troubles(setting: SettingSummary) -> list[str]:
    """What went wrong in one setting: a phrase for each kind of trouble, with the runs that had it."""
    keys: dict[str, list[RunKey]] = {}
    for run in setting.runs:
        text = trouble_of(run)
        if text is not None:
            keys.setdefault(text, []).append(run.key)
    return [f"{runs_named(had)} {text}" for text, had in keys.items()]


def outcome(setting: SettingSummary) -> str:
    """In a few words: done, or how many runs diverged, collapsed, failed or are not finished.

    A setting whose runs all came to a sensible end needs no words beyond "done".
    """
    collapsed = [run.collapsed[0] for run in setting.runs if run.collapsed is not None]
    words = [f"{count} {status}" for status in ("diverged", "failed") if (count := setting.count(status))]
    if pruned := setting.count("pruned"):
        words.append(f"{pruned} pruned at epoch {setting.epochs('pruned')}")
    if collapsed:
        words.append(f"{len(collapsed)} collapsed to one class ({', '.join(dict.fromkeys(collapsed))})")
    words += [f"{count} {status}" for status in UNFINISHED if (count := setting.count(status))]
    return "; ".join(words) or "done"


def facts_text(value: Any) -> str:
    """What a record states, in words: tables as keys and values.

    >>> facts_text({"runner": "processes", "threads_per_worker": 1}), facts_text(["openblas 0.3.30", "mkl 2024"])
    ('runner processes, threads per worker 1', 'openblas 0.3.30, mkl 2024')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {facts_text(part)}" for key, part in value.items())
    return ", ".join(map(facts_text, value)) if isinstance(value, list | tuple) else shown(value)


def folds_named(setting: SettingSummary) -> str:
    """How its data is divided into folds; empty where it is not, or where the study names one fold."""
    if (folds := folds_of(setting.setting)) is None or all(run.fold is None for run in setting.runs):
        return ""
    part = at_path(setting.setting, "data.validation") or {}
    often = f", divided {repeats} times" if (repeats := part.get("repeats", 1)) > 1 else ""
    how = ", stratified" if part.get("stratify") else ""
    return f"{folds}{often}{how} (seed {part.get('seed', 0)}), the same for every setting"
