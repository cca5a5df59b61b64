"""A study of runs that are over at once, so that what is left is what surrounds a run."""

from handgrad import make_study
from handgrad.study import Study


def trivial_study(runs: int) -> Study:
    """`runs` runs of one step each: settings of five seeds."""
    return make_study(
        {
            "name": "trivial",
            "seeds": 5,
            "data": {"train": {"size": 50}, "validation": {"size": 50}},
            "network": {"hidden": [8]},
            "training": {"epochs": 1, "batch_size": "full"},
            "random": {"runs": runs // 5, "training.optimizer.lr": {"log_uniform": [0.001, 0.1]}},
        }
    )
