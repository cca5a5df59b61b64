"""Records made up for tests: of a run that is done, of two classes, with whatever a test says otherwise."""

from typing import Any

from handgrad.training.record import Record

DONE: dict[str, Any] = {
    "format": 1,
    "id": "0123456789",
    "seed": 0,
    "setting": {"data": {}, "network": {}, "training": {"optimizer": {"name": "sgd"}}},
    "continues": None,
    "status": "done",
    "metrics": {},
    "epochs": 1,
    "steps": 1,
    "best_epoch": None,
    "continued_at": [],
    "diverged": None,
    "error": None,
    "network": {"layers": [], "output": "softmax", "parameters": 1, "loss_formula": "", "l2_formula": "none"},
    "data": {"name": "invented", "checksum": "", "scaling": "x", "classes": ["a", "b"], "counts": {}},
    "train_score": None,
    "confusion": {},
    "samples": None,
    "optimizer_steps": 1,
    "time": {"total": 1.0, "training": 0.5, "evaluation": 0.5, "epochs": [], "resumed": 0},
    "engine": {},
    "environment": {},
}


def made_record(**changed: Any) -> Record:
    """A record with these keys of record.json changed; of its data, the keys that are given."""
    data = {**DONE["data"], **changed.pop("data", {})}
    return Record.from_json({**DONE, **changed, "data": data})
