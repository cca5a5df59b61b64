"""A study of runs that are over at once, so that what is left is what surrounds a run."""

from typing import Any

from handgrad import make_study
from handgrad.study import Study


def trivial_study(runs: int, *, epochs: int = 1, sampler: str = "random", asha: dict[str, Any] | None = None) -> Study:
    """`runs` runs of one step an epoch: settings of five seeds; with a sampler or `asha` it is a search."""
    return make_study(
        {
            "name": "trivial",
            "seeds": 5,
            "data": {"train": {"size": 50}, "validation": {"size": 50}},
            "network": {"hidden": [8]},
            "training": {"epochs": epochs, "batch_size": "full"},
            "random": {
                "runs": runs // 5,
                "sampler": sampler,
                "training.optimizer.lr": {"log_uniform": [0.001, 0.1]},
            },
            **({"asha": asha} if asha else {}),
        }
    )
