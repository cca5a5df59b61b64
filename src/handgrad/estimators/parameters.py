"""Parameters: those of scikit-learn's MLPClassifier and MLPRegressor, checked, and the setting that they mean.

    hidden_layer_sizes   network.hidden                  learning_rate_init   training.optimizer.lr
    activation           network.activation              batch_size           training.batch_size
    solver, momentum …   training.optimizer              max_iter             training.epochs
    alpha                training.weight_decay, λ/m·W    learning_rate        training.schedule, or a rule of `fitting`
    loss                 training.loss

The last layer and its loss are those of what is learnt (`Kind`), as there: softmax for three classes or more, a single
logistic unit for two, a logistic unit for each of several labels, identity for numbers.

Weights and biases start as there: U(−w, w) with w = √(6/(n_in + n_out)), and √(2/(n_in + n_out)) for logistic units
(Glorot & Bengio 2010), which is the initializer xavier with gain 1 and √(1/3).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from handgrad.errors import InputError, ParameterError
from handgrad.measures import CLASSIFICATION, MULTI_LABEL, REGRESSION
from handgrad.names import listed, shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.sections import flag, is_whole, one_of, plain, real, whole
from handgrad.training.optimizers import OPTIMIZERS, Adam
from handgrad.training.run import Setting
from handgrad.training.schedules import SCHEDULES

AUTO_BATCH = 200  # examples at most in a batch of batch_size = "auto"
LOSSES_OF_NUMBERS = MappingProxyType(  # closed: scikit-learn's names -> ours, whose means over the batch they are
    {"squared_error": "half-squared-error", "absolute_error": "absolute-error", "huber": "huber"}
)
RULES = ("constant", "invscaling", "adaptive")  # learning_rate as scikit-learn has it; others are schedules
NAMES = {"logistic": "sigmoid"}  # activations: scikit-learn's name -> ours
LBFGS = (
    "solver is 'lbfgs', which takes all examples at once and is no optimizer of handgrad; take 'adam' or 'sgd' (with "
    "batch_size='full' for all examples at once), or scikit-learn's own estimator"
)
POISSON = (
    "loss is 'poisson', which handgrad does not have; take one of "
    f"{listed(LOSSES_OF_NUMBERS)}, or scikit-learn's own estimator"
)


@dataclass(frozen=True)
class Kind:
    """What is learnt.  task: of `measures.TASKS`;  units: of the last layer, where it has not one for each target."""

    task: str
    output: str
    loss: str
    units: int | None = None


CLASSES = Kind(CLASSIFICATION, "softmax", "cross-entropy")
TWO_CLASSES = Kind(CLASSIFICATION, "sigmoid", "binary-cross-entropy", units=1)
LABELS = Kind(MULTI_LABEL, "sigmoid", "binary-cross-entropy")
NUMBERS = Kind(REGRESSION, "identity", "half-squared-error")


@dataclass(frozen=True)
class Parameters:
    """The parameters of an estimator, checked.  setting: what handgrad trains;  rate: its learning_rate, a rule.

    rate is "schedule" where the setting has a schedule.  patience: n_iter_no_change, infinite for no stop.
    """

    setting: Setting
    rate: str
    power_t: float
    max_iter: int
    shuffle: bool
    tol: float
    patience: float
    warm_start: bool
    early_stopping: bool
    validation_fraction: float
    verbose: bool

    @property
    def alpha(self) -> float:
        """What the L2 penalty is multiplied with in the loss: ½·α/m·ΣW²; 0 where weights shrink by themselves."""
        training = self.setting.training
        return 0.0 if training.optimizer.decoupled_decay else training.weight_decay


def read_parameters(estimator: str, given: Mapping[str, Any], n: int, kind: Kind) -> Parameters:
    """The parameters of an estimator by name, for n training examples.  kind: what it learns.

    Raises ParameterError with every problem at once, a line each.
    """
    values, problems = {}, []
    for name in (name for name in CHECKS if name in given):
        try:
            values[name] = CHECKS[name](plain(given[name]))
        except ValueError as error:
            text = str(error)
            got = "" if "unknown" in text or "; " in text else f"; got {shown(given[name])}"
            problems.append(text if text.startswith(name) else f"{name} {text}{got}")
    if not problems:
        try:
            setting = Setting.checked(tables_of(values, n, kind))
        except InputError as error:
            problems = str(error).split("\n")
    if problems:
        raise ParameterError("\n".join(f"{estimator}: {problem}" for problem in problems))
    return Parameters(
        setting=setting,
        rate=values["learning_rate"] if values["learning_rate"] in RULES else "schedule",
        power_t=values["power_t"],
        max_iter=values["max_iter"],
        shuffle=values["shuffle"],
        tol=values["tol"],
        patience=values["n_iter_no_change"],
        warm_start=values["warm_start"],
        early_stopping=values["early_stopping"],
        validation_fraction=values["validation_fraction"],
        verbose=values["verbose"],
    )


def tables_of(values: Mapping[str, Any], n: int, kind: Kind) -> dict[str, dict[str, Any]]:
    """The tables of checked parameters, for n training examples."""
    optimizer, size = optimizer_of(values), values["batch_size"]
    logistic = values["activation"] == "sigmoid"
    start = {"name": "xavier", "distribution": "uniform", "gain": math.sqrt(1 / 3) if logistic else 1.0}
    decoupled = getattr(OPTIMIZERS.get(optimizer["name"]), "decoupled_decay", False)
    rate = values["learning_rate"]
    return {
        "data": {} if kind.task == CLASSIFICATION else {"task": kind.task},
        "network": {
            "output": kind.output,
            **({} if kind.units is None else {"units": kind.units}),
            "hidden": values["hidden_layer_sizes"],
            "activation": values["activation"],
            "dropout": values["dropout"],
            "init": start,
            "bias_init": start,
        },
        "training": {
            "loss": values.get("loss", kind.loss),
            "optimizer": optimizer,
            "schedule": "constant" if rate in RULES else rate,
            "batch_size": min(AUTO_BATCH, n) if size == "auto" else size if size == "full" else min(size, n),
            "epochs": values["max_iter"],
            "weight_decay": values["alpha"],
            "l2_form": "plain" if decoupled else "per-example",
        },
    }


def optimizer_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The table of the optimizer: what `solver` names, with the parameters that are its own.

    >>> optimizer_of({"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0, "nesterovs_momentum": True})
    {'lr': 0.1, 'name': 'sgd'}
    """
    solver = values["solver"]
    table = {"name": solver} if isinstance(solver, str) else dict(solver)
    if table["name"] == "sgd" and values["momentum"] > 0:
        table["name"] = "nesterov" if values["nesterovs_momentum"] else "momentum"
    own: dict[str, Any] = {"lr": values["learning_rate_init"]}
    if table["name"] in ("momentum", "nesterov"):
        own["momentum"] = values["momentum"]
    elif issubclass(OPTIMIZERS[table["name"]], Adam):
        own |= {"beta1": values["beta_1"], "beta2": values["beta_2"], "eps": values["epsilon"]}
    return {**own, **table}


# -- one check for each parameter


def _sizes(value: Any) -> list[int]:
    check = whole("[1, inf)")
    try:
        return [check(size) for size in (value if isinstance(value, list | tuple) else [value])]
    except ValueError:
        raise ValueError("must be a whole number >= 1 or several of them, as in 100 or (100, 50)") from None


def _activation(value: Any) -> str | list[str]:
    if isinstance(value, list | tuple):
        return [str(_activation(name)) for name in value]
    ours = NAMES.get(value, value) if isinstance(value, str) else value
    return one_of(ACTIVATIONS, "activation")(ours)


def _solver(value: Any) -> str | Mapping[str, Any]:
    if value == "lbfgs":
        raise ValueError(LBFGS)
    return _named(value, OPTIMIZERS, "optimizer")


def _learning_rate(value: Any) -> str | Mapping[str, Any]:
    if isinstance(value, str) and value in RULES:
        return value
    known = [*RULES, *(name for name in SCHEDULES if name not in RULES and not SCHEDULES[name].needs_validation)]
    return _named(value, known, "learning rate")


def _named(value: Any, known: Any, kind: str) -> str | Mapping[str, Any]:
    name = value.get("name") if isinstance(value, Mapping) else value
    if not isinstance(name, str):
        raise ValueError(f"must be the name of one {kind}, or a table with its name and numbers: {listed(known)}")
    one_of(known, kind)(name)
    found: str | Mapping[str, Any] = value
    return found


def _loss(value: Any) -> str:
    if value == "poisson":
        raise ValueError(POISSON)
    return LOSSES_OF_NUMBERS[one_of(LOSSES_OF_NUMBERS, "loss")(value)]


def _batch_size(value: Any) -> int | str:
    if isinstance(value, str) and value in ("auto", "full"):
        return value
    try:
        return whole("[1, inf)")(value)
    except ValueError:
        raise ValueError("must be a whole number >= 1, 'auto' or 'full'") from None


def _patience(value: Any) -> float:
    if isinstance(value, float) and value == math.inf:
        return value
    try:
        return whole("[1, inf)")(value)
    except ValueError:
        raise ValueError("must be a whole number >= 1, or infinity to train all max_iter epochs") from None


def _verbose(value: Any) -> bool:
    if not isinstance(value, bool) and not is_whole(value):
        raise ValueError("must be true, false or a whole number >= 0")
    return bool(value)


CHECKS: dict[str, Callable[[Any], Any]] = {
    "loss": _loss,
    "hidden_layer_sizes": _sizes,
    "activation": _activation,
    "solver": _solver,
    "alpha": real("[0, inf)"),
    "batch_size": _batch_size,
    "learning_rate": _learning_rate,
    "learning_rate_init": real("(0, inf)"),
    "power_t": real("[0, inf)"),
    "max_iter": whole("[1, inf)"),
    "shuffle": flag,
    "tol": real("[0, inf)"),
    "verbose": _verbose,
    "warm_start": flag,
    "momentum": real("[0, 1)"),
    "nesterovs_momentum": flag,
    "early_stopping": flag,
    "validation_fraction": real("(0, 1)"),
    "beta_1": real("[0, 1)"),
    "beta_2": real("[0, 1)"),
    "epsilon": real("(0, inf)"),
    "n_iter_no_change": _patience,
    "dropout": real("[0, 1)"),
}
