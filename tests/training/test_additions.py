"""Optimizers and schedules that are put into their tables from outside the package, as docs/how-to shows."""

from typing import Annotated, ClassVar, Literal

import numpy as np
import pytest
from pydantic import BeforeValidator

from handgrad.errors import InputError
from handgrad.sections import real
from handgrad.training.loop import execute
from handgrad.training.optimizers import OPTIMIZERS, Optimizer
from handgrad.training.run import Setting
from handgrad.training.schedules import SCHEDULES, Schedule

from .conftest import make_run, make_split


class HeavyTwin(Optimizer):
    """Momentum under another name, with a key of another name: v ← k·v + dw;  w ← w − lr·v."""

    aliases: ClassVar = {**Optimizer.aliases, "beta": "keep"}
    slots: ClassVar = ("v",)
    name: Literal["heavy-twin"] = "heavy-twin"
    keep: Annotated[float, BeforeValidator(real("[0, 1)"))] = 0.9

    def update(self, w, dw, slots, lr, t):
        v = self.keep * slots[0] + dw
        return w - lr * v, (v,)


class HalfTwin(Schedule):
    """`exponential` with f = ½ under another name, which also claims to read the history."""

    needs_validation: ClassVar = True
    name: Literal["half-twin"] = "half-twin"

    def multipliers(self, e, epochs, history):
        assert len(history) == int(e[0])
        return 0.5 ** np.floor(e)


@pytest.fixture(autouse=True)
def _added(monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "heavy-twin", HeavyTwin)
    monkeypatch.setitem(SCHEDULES, "half-twin", HalfTwin)


TWIN = {"optimizer": {"name": "heavy-twin", "learning_rate": 0.05, "beta": 0.8}, "schedule": "half-twin"}
KNOWN = {
    "optimizer": {"name": "momentum", "lr": 0.05, "momentum": 0.8},
    "schedule": {"name": "exponential", "factor": 0.5},
}


@pytest.mark.parametrize("engine", ["array", "jax"])
def test_they_train_as_their_twins_do(split, engine):
    twin, known = (execute(make_run(engine=engine, **training), split) for training in (TWIN, KNOWN))
    assert twin.status == known.status == "done"
    for name, w in known.params.items():
        np.testing.assert_array_equal(twin.params[name], w, err_msg=name)


def test_their_settings_are_whole_in_dumps_and_ids():
    run = make_run(engine="array", **TWIN)
    training = run.setting.model_dump(mode="json")["training"]
    assert training["optimizer"] == {"lr": 0.05, "name": "heavy-twin", "keep": 0.8}
    assert training["schedule"] == {"name": "half-twin"}
    assert Setting.checked(run.setting.model_dump(mode="json")) == run.setting
    other = {**TWIN, "optimizer": {**TWIN["optimizer"], "beta": 0.7}}
    assert make_run(engine="array", **other).id != run.id


@pytest.mark.parametrize(
    ("training", "line"),
    [
        ({"optimizer": {"name": "heavy-twin", "keep": 1}}, "training.optimizer.keep must be in [0, 1); got 1"),
        (
            {"optimizer": {"name": "heavy-twin", "kepe": 1}},
            "training.optimizer.kepe is an unknown key; did you mean 'keep'? Known: lr, name, keep",
        ),
        (
            {"optimizer": "heavy-twni"},
            "training.optimizer is an unknown optimizer 'heavy-twni'; did you mean 'heavy-twin'? Known: sgd, momentum, "
            "nesterov, adagrad, rmsprop, adam, adamw, heavy-twin",
        ),
        ({"schedule": "half"}, "training.schedule is an unknown schedule 'half'; did you mean 'half-twin'? Known: "
         "constant, exponential, steps, cosine, plateau, range-test, half-twin"),
    ],
)  # fmt: skip
def test_their_problems_read_like_those_of_the_others(training, line):
    assert Setting.read({"training": training})[1] == [line]


def test_a_schedule_that_needs_validation_data_is_refused_without_them():
    with pytest.raises(InputError, match=r"^training\.schedule = half-twin needs validation data"):
        execute(make_run(engine="array", **TWIN), make_split(validation=0))


@pytest.mark.parametrize("section", [*OPTIMIZERS.values(), *SCHEDULES.values()], ids=lambda section: section.__name__)
def test_each_shows_a_number_worked_by_hand(section):
    lines = [line.strip() for line in section.__doc__.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith(">>>"))
    assert len([line for line in lines[first:] if line]) <= 5
