"""Results folders with invented numbers: planned and written by the study's own code, trained by nobody."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import Split, from_arrays, split
from handgrad.study.folder.decisions import decision
from handgrad.study.folder.store import Store, opened, summary_of
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.planned import PlannedRun, PlannedSetting
from handgrad.study.planning.split_cache import SplitCache
from handgrad.study.reading.loading import make_study
from handgrad.training.record import Record, save
from handgrad.training.recording import samples_of
from handgrad.training.slips import SLIPS
from tests.prints import prints_are_drawn_once  # noqa: F401  (a fixture of every test here)


@dataclass(frozen=True)
class Outcome:
    """What a run is said to have come to."""

    accuracy: float = 0.9
    status: str = "done"  # also: pending, interrupted
    collapsed: int | None = None  # the class that is predicted for everything
    epochs: int = 4
    steps_per_epoch: int = 25
    loss: str = "cross-entropy"
    environment: Mapping[str, Any] = field(default_factory=dict)
    stretches: Sequence[Mapping[str, Any]] | None = None  # None: one, of the only worker


Tell = Callable[[PlannedSetting, int], Outcome]


def no_curves(run_id: str) -> dict[str, np.ndarray]:
    """The curves, or the diagnostics, of a run that recorded none."""
    return {}


class Invented:
    """Writes the results folder of a study whose runs all came to what `tell(setting, seed)` says."""

    def __init__(
        self,
        folder: Path,
        tables: Mapping[str, Any],
        tell: Tell,
        shape: tuple[int, ...],
        classes: list[str],
        decisions: Mapping[int, Sequence[Mapping[str, Any]]],
    ):
        rng = np.random.default_rng(7)
        k = len(classes)
        n_train, n_test = 20 * k, 10 * k
        self.dataset = from_arrays(
            rng.integers(0, 256, (n_train, *shape)).astype(np.uint8),
            [classes[i % k] for i in range(n_train)],
            rng.integers(0, 256, (n_test, *shape)).astype(np.uint8),
            [classes[i % k] for i in range(n_test)],
            name="invented",
            classes=classes,
        )
        self.folder = folder
        base: dict[str, Any] = {"name": "invented-study", "data": {"name": "invented", "validation": {"size": 4 * k}}}
        base |= {"network": {"hidden": 6}}
        tables = {**base, **tables}
        tables["data"] = {**base["data"], **tables["data"]}
        study = make_study(tables)
        self.plan = Plan(study, SplitCache(folder, self.dataset))
        self.tell = tell
        with opened(folder, study.spec.name) as store:
            store.write_study(study.toml())
            for number, events in decisions.items():
                store.decisions(number).parent.mkdir(parents=True, exist_ok=True)
                store.decisions(number).write_text("".join(map(decision, ({"event": "search"}, *events))))
            finished: dict[str, Any] = {}
            for number, phase in enumerate(self.plan.phases):
                if number and self.plan.phases[self.plan.study.phases[number].after or 0].winner is None:
                    continue
                phase = self.plan.later(number) if number else phase
                for setting in phase.settings:
                    for run in setting.runs:
                        self._run(store, setting, run, finished)
                if all(run.id in finished for setting in phase.settings for run in setting.runs):
                    self.plan.decide(number, finished)
            state = "done" if self.plan.phases[-1].winner else "interrupted"
            store.write_plan({**self.plan.to_json(), "state": state, "execution": {"workers": 2}})

    def _run(self, store: Store, setting: PlannedSetting, run: PlannedRun, finished: dict[str, Any]) -> None:
        outcome = self.tell(setting, run.seed)
        assert run.id is not None
        assert setting.setting is not None
        if outcome.status == "pending":
            return
        if outcome.status == "interrupted":
            store.checkpoint(run.id).parent.mkdir(parents=True, exist_ok=True)
            return
        described = setting.run(run, "").setting.data
        parts = split(self.dataset, DataSection.model_validate(described.model_dump(by_alias=True)))
        store.write_data(setting.data_of(run), parts)
        record = invented_record(run, setting, parts, outcome)
        if outcome.status == "failed":
            record = failed_record(record.data)
        save(record, store.run_folder(run.id))
        finished[run.id] = summary_of(record)


def confusion(y: np.ndarray, k: int, outcome: Outcome) -> list[list[int]]:
    """A matrix with about the outcome's accuracy; its wrong ones are put into the next class."""
    counts = np.zeros((k, k), dtype=int)
    for label in range(k):
        n = int((y == label).sum())
        right = n if outcome.collapsed == label else 0 if outcome.collapsed is not None else round(n * outcome.accuracy)
        counts[label, label] = right
        counts[label, (label + 1) % k if outcome.collapsed is None else outcome.collapsed] += n - right
    return counts.tolist()


def failed_record(data: dict[str, Any]) -> Record:
    """What is left of a run that raised an error: every key, and no result."""
    nothing: dict[str, Any] = {
        "status": "failed",
        "metrics": {},
        "epochs": 0,
        "steps": 0,
        "confusion": {},
        "samples": None,
    }
    nothing |= {"train_score": None, "error": "Traceback …\nMemoryError: no <memory> left"}
    nothing["network"] = {"layers": [], "output": "", "parameters": 0, "loss_formula": "", "l2_formula": ""}
    nothing["data"] = {"name": "invented", "checksum": data["data"]["checksum"], "counts": {}, "scaling": ""}
    nothing["time"] = {"total": 0.0, "training": 0.0, "evaluation": 0.0, "epochs": [], "resumed": 0}
    return Record.from_json(data | nothing)


def invented_record(run: PlannedRun, setting: PlannedSetting, parts: Split, outcome: Outcome) -> Record:
    """A record with every key that the real one has (docs/results.md)."""
    assert setting.setting is not None
    rng = np.random.default_rng(run.seed)
    k, steps = parts.n_classes, outcome.epochs * outcome.steps_per_epoch
    diverged = outcome.status == "diverged"
    metrics: dict[str, float | None] = {}
    curves: dict[str, np.ndarray] = {
        "epoch": np.arange(1, outcome.epochs + 1),
        "lr": np.full(outcome.epochs, 0.1),
        "steps_at_epoch_end": outcome.steps_per_epoch * np.arange(1, outcome.epochs + 1),
        "loss_per_step": (2.3 * np.exp(-3 * np.arange(steps) / steps) + 0.3 * rng.random(steps)).astype(np.float32),
    }
    rise = 1 - 0.7 * 0.5 ** np.arange(outcome.epochs)
    for part, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        if getattr(parts, name) is None:
            continue
        offset = {"train": 0.02, "val": 0.0, "test": -0.01}[part]
        metrics[f"{part}_accuracy"] = None if diverged else outcome.accuracy + offset
        metrics[f"{part}_loss"] = None if diverged else 2 * (1 - outcome.accuracy) - offset
        if part != "test":
            curves[f"{part}_accuracy"] = (outcome.accuracy + offset) * rise
            curves[f"{part}_loss"] = 2.3 - 2 * (outcome.accuracy + offset) * rise
    if diverged:
        curves["loss_per_step"][-1] = np.inf
    shape = [int(size) for size in parts.shape]
    params = {
        "dense1.W": rng.normal(0, 0.3, (int(np.prod(shape)), 6)).astype(np.float32),
        "dense1.b": np.zeros(6, np.float32),
        "dense2.W": rng.normal(0, 0.3, (6, k)).astype(np.float32),
        "dense2.b": np.zeros(k, np.float32),
    }
    parts_of_confusion = [name for name in ("validation", "test") if getattr(parts, name) is not None]
    matrices = {name: confusion(getattr(parts, name).y, k, outcome) for name in parts_of_confusion}
    source, shown = samples_of(parts)
    labels = shown.y.tolist()
    data = {
        "format": 1,
        "id": run.id,
        "seed": run.seed,
        **({"seeds": run.seeds.to_json()} if run.seeds else {}),
        "setting": setting.run(run, "").setting.model_dump(mode="json", by_alias=True),
        "continues": run.continues,
        "status": "done" if outcome.status == "failed" else outcome.status,
        "metrics": metrics,
        "epochs": outcome.epochs,
        "steps": steps,
        "best_epoch": None,
        "continued_at": [],
        "diverged": {"epoch": 4, "step": 1234, "layer": "dense1", "reason": "not finite"} if diverged else None,
        "error": None,
        "network": {
            "layers": ["dense 6 relu", f"dense {k} softmax"],
            "output": "softmax",
            "parameters": sum(array.size for array in params.values()),
            "loss_formula": f"{outcome.loss}: −log a_y, mean over the batch",
            "l2_formula": "none",
            **({"slips": [SLIPS[name].text for name in slips]} if (slips := setting.setting.training.slips) else {}),
        },
        "data": {
            "name": parts.name,
            "checksum": parts.checksum,
            "official": parts.official,
            "scaling": parts.scaling,
            "scaler": {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(parts.scaler).items()},
            "value_range": list(parts.value_range) if parts.value_range else None,
            "classes": list(parts.classes),
            "shape": shape,
            "label_table": parts.label_table,
            "counts": {name: len(part) for name, part in parts.parts.items()},
            "notes": list(parts.notes),
        },
        "train_score": {"what": "sample", "n": 40},
        "confusion": {} if diverged else matrices,
        "samples": {
            "source": source,
            "index": shown.index.tolist(),
            "drawn": True,
            "labels": labels,
            "before": rng.random((len(labels), k)).tolist(),
            "after": None if diverged else np.eye(k)[labels].tolist(),
        },
        "optimizer_steps": steps,
        "time": {
            "total": 1.5,
            "training": 1.0,
            "evaluation": 0.25,
            "epochs": [[0.25, 0.06]] * 4,
            "resumed": 0,
            "stretches": _stretches(run, setting, outcome),
        },
        "engine": {"name": "array", "threads": 1},
        "environment": {"python": "3.11.7", "finished": "2025-11-21T00:00:00+00:00", **outcome.environment},
    }
    mistakes: dict[str, np.ndarray] = {}
    for name in () if diverged else parts_of_confusion:
        part = getattr(parts, name)
        n = max(0, min(25, int(np.sum(matrices[name]) - np.trace(matrices[name]))))
        mistakes |= {
            f"{name}.source": np.array(part.source),
            f"{name}.index": part.index[:n],
            f"{name}.actual": part.y[:n],
            f"{name}.predicted": (part.y[:n] + 1) % k,
            f"{name}.confidence": np.linspace(0.99, 0.5, n),
            f"{name}.images": rng.integers(0, 256, (n, *shape)).astype(np.uint8),
        }
    epochs = np.arange(outcome.epochs + 1)
    diagnostics = {
        "epoch": epochs,
        "gradient_norm.dense1.W": 0.01 * 0.8**epochs,
        "gradient_norm.dense1.b": 0.002 * 0.8**epochs,
        "gradient_norm.dense2.W": 0.1 * 0.9**epochs,
        "gradient_norm.dense2.b": 0.02 * 0.9**epochs,
        "saturated.dense1": 0.5 + 0.02 * epochs,
        "dead.dense1": 0.1 * (epochs > 2),
    }
    return Record.from_json(data, curves=curves, params=params, mistakes=mistakes, diagnostics=diagnostics)


def _stretches(run: PlannedRun, setting: PlannedSetting, outcome: Outcome) -> list[Mapping[str, Any]]:
    if outcome.stretches is not None:
        return list(outcome.stretches)
    began = 1.7e9 + 2 * sum(int(part) for part in setting.label.split("_"))
    return [{"worker": "one", "began": began, "ended": began + 1.5, "until": outcome.epochs}]


Make = Callable[..., Path]


@pytest.fixture
def make_results(tmp_path: Path) -> Make:
    """make_results(tables, tell, shape=(8, 8), classes=[...]) -> the folder."""

    def make(
        tables: Mapping[str, Any] | None = None,
        tell: Tell | None = None,
        *,
        shape: tuple[int, ...] = (8, 8),
        classes: list[str] | None = None,
        name: str = "results",
        decisions: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
    ) -> Path:
        def usual(setting: PlannedSetting, seed: int) -> Outcome:
            return Outcome(0.80 + 0.02 * int(setting.label.split("_")[-1]) + 0.003 * (seed % 3))

        folder = tmp_path / name
        grid = {"seeds": 3, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}}}
        grid = grid if tables is None else dict(tables)
        Invented(folder, grid, tell or usual, shape, classes or list("abcde"), decisions or {})
        return folder

    return make
