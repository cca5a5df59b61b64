"""The chapters of what the results rest on: data, formulas in force, environment."""

from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.data.sources import SOURCES
from handgrad.report.chapters.blocks import Block, Chapter, Facts, TableBlock, Text
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.wording import listed, plural
from handgrad.report.tables import study as study_tables
from handgrad.training.record import DatasetFacts

LINEAR = ("sgd", "momentum", "nesterov")  # optimizers whose step grows with the gradient
RATES = 12  # products of learning rate and batch size that are named


def data_chapter(summary: Summary) -> Chapter:
    """Every split that was used: its examples, its scaling, whether it is the official data."""
    found: dict[str, DatasetFacts] = {}
    for setting in summary.settings:
        for data in (record.dataset for record in setting.records):
            found.setdefault(str([data.key, data.checksum, data.scaling, data.counts]), data)
    blocks: list[Block] = []
    for position, data in enumerate(found.values()):
        rows = [
            ("data set", (data.name,)),
            ("examples", tuple(f"{part}: {count:,}" for part, count in data.counts.items())),
            ("shape of one example", (" × ".join(map(str, data.shape)),)),
            ("scaling in force", (data.scaling,)),
            ("bytes", (_bytes(data),)),
            ("checksum", (data.checksum[:16] + "…",)),
            ("notes", tuple(data.notes)),
        ]
        blocks.append(Facts(tuple((term, lines) for term, lines in rows if any(lines))))
        suffix = f"-{position + 1}" if len(found) > 1 else ""
        table = study_tables.label_table(data, f"labels{suffix}")
        if table is not None:
            blocks.append(TableBlock(table))
    return Chapter("data", "Data", tuple(blocks or [Text("No run has a record yet.")]))


def _bytes(data: DatasetFacts) -> str:
    """Whether a named data set is the published one; data of one's own is what it is."""
    if not data.official:
        return "not the published ones (see the notes)"
    return "as published" if data.name in ("digits", *SOURCES) else ""


def formulas(summary: Summary) -> Chapter:
    """The loss and L2 formulas in force, with the settings that used each."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    for key, term in (("loss_formula", "loss"), ("l2_formula", "L2")):
        users: dict[str, list[str]] = {}
        for setting in summary.settings:
            formula = getattr(setting.network, key) if setting.network else ""
            if formula:
                users.setdefault(formula, []).append(setting.label)
        many = len(users) > 1
        rows.append((term, tuple(f"{f} — {_settings(labels)}" if many else f for f, labels in users.items())))
    rows.append(("lr in units of a mean", tuple(_summed_rates(summary))))
    if not any(lines for _, lines in rows):
        return Chapter("formulas", "Formulas in force", (Text("No run has a record yet."),))
    blocks: list[Block] = [
        Text(
            "Units decide everything: a sum instead of a mean, over the batch or over classes, changes the effective "
            "learning rate by a factor of 10 to 1000. These formulas were in force."
        ),
        Facts(tuple((term, lines) for term, lines in rows if lines)),
    ]
    return Chapter("formulas", "Formulas in force", tuple(blocks))


def _settings(labels: Sequence[str]) -> str:
    return f"{'setting' if len(labels) == 1 else 'settings'} {listed(labels)}"


def _summed_rates(summary: Summary) -> list[str]:
    """Where gradients are summed over the batch: the learning rate with which a mean would make the same steps."""
    users: dict[str, list[str]] = {}
    for setting in summary.settings:
        training = setting.setting.get("training", {})
        optimizer, batch = training.get("optimizer", {}), training.get("batch_size")
        lr, linear = optimizer.get("lr"), optimizer.get("name") in LINEAR
        if training.get("batch_reduction") == "sum" and isinstance(batch, int) and lr is not None and linear:
            users.setdefault(f"{lr:g} × {batch:,} = {lr * batch:g}", []).append(setting.label)
    found = [f"sum over the batch, {product} — {_settings(labels)}" for product, labels in users.items()]
    return found if len(found) <= RATES else [*found[:RATES], f"and {len(found) - RATES} more"]


def environment(summary: Summary) -> Chapter:
    """Where the runs happened, and notes."""
    values: dict[str, dict[str, None]] = {}
    resumed = 0
    for setting in summary.settings:
        for record in setting.records:
            facts = {**record.environment, "engine": _engine(record.engine)}
            for key, value in facts.items():
                if key != "finished" and value not in (None, "", []):
                    values.setdefault(key, {})[_plain(value)] = None
            resumed += bool(record.time.resumed)
    rows = [(key, tuple(found)) for key, found in values.items()]
    notes = [*summary.notes]
    if resumed:
        notes.append(f"{plural(resumed, 'run')} continued from a checkpoint; the bits are the same.")
    if summary.ddof == 0:
        notes.append("Standard deviations have ddof 0, to match a report that used it; intervals use ddof 1.")
    if notes:
        rows.append(("notes", tuple(notes)))
    return Chapter("environment", "Environment and notes", (Facts(tuple(rows)),) if rows else (Text("No notes."),))


def _engine(facts: Mapping[str, Any]) -> str | None:
    """Which engine, and how many runs shared a program."""
    shared = facts.get("stack", 1)
    return f"{facts['name']}, {shared} runs in one program" if shared > 1 else facts.get("name")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {part}" for key, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
