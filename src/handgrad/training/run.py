"""A run: a setting and a seed.  It is data, it has an id, and it crosses processes.

The id is the hash of everything that decides a run's bits: the resolved setting, the seed, the checksum
of the data, the run it continues and the version of the mathematics.  Equal ids mean equal results,
so a finished run is never repeated; any change means another id, so no old result is ever reused.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from handgrad.data.data_section import DataSection
from handgrad.errors import InputError, NetworkError
from handgrad.measures import VALIDATION_METRICS, lower_is_better
from handgrad.names import shown
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.losses import LOSSES, check_fit
from handgrad.network.network import Network
from handgrad.network.network_section import NetworkSection, build
from handgrad.sections import Section, flag, named, one_of, plain, real, whole
from handgrad.training.available import ARRAYS, DEVICES, check_available, jax_sees
from handgrad.training.optimizers import OPTIMIZERS, SGD, Optimizer
from handgrad.training.schedules import SCHEDULES, Constant, Schedule
from handgrad.training.support import Ingredient, as_they_came, ingredients, lacking, of_section

# Raised whenever the same run would give other bits: formulas, streams, the order of operations.
MATHEMATICS = 3

ENGINES = ("array", "compiled", "jax", "torch")


def _batch_size(value: Any) -> int | str:
    if isinstance(value, str) and value == "full":
        return "full"
    try:
        return whole("[1, inf)")(value)
    except ValueError:
        raise ValueError('must be a whole number >= 1 or "full"') from None


def _stack(value: Any) -> int | str:
    if isinstance(value, str) and value == "auto":
        return "auto"
    try:
        return whole("[1, inf)")(value)
    except ValueError:
        raise ValueError('must be a whole number >= 1 or "auto"') from None


ROUNDING = 1e-9  # by which a gain of exactly `min_delta` in accuracy can seem more; less than one example of 10⁸


class EarlyStopping(Section):
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs; the network of the best
    epoch is restored, with what the optimizer remembered then.

    The best epoch is the last that improved by more than `min_delta` on the best before it.
    Differs from: Keras, which restores the best weights only when asked to.
    """

    example: ClassVar = "{ patience = 10 }"

    patience: Annotated[int, BeforeValidator(whole("[1, inf)"))] = 10
    min_delta: Annotated[float, BeforeValidator(real("[0, inf)"))] = 0.0
    monitor: Annotated[str, BeforeValidator(one_of(VALIDATION_METRICS, "measure"))] = "val_loss"

    def best(self, history: Sequence[float]) -> tuple[int, bool]:
        """(index of the best epoch so far, whether to stop now) from the monitored value of every epoch.

        >>> EarlyStopping(patience=2).best([0.5, 0.4, 0.41, 0.42])
        (1, True)
        """
        sign, enough = (1, self.min_delta) if lower_is_better(self.monitor) else (-1, self.min_delta + ROUNDING)
        best = 0
        for index, value in enumerate(history):
            if sign * value < sign * history[best] - enough:
                best = index
        return best, len(history) - 1 - best >= self.patience


class TrainingSection(Section):
    """How a network learns."""

    aliases: ClassVar = {"max_iter": "epochs", "n_epochs": "epochs", "reduction": "batch_reduction"}

    loss: Annotated[str, BeforeValidator(one_of(LOSSES, "loss"))] = "cross-entropy"
    batch_reduction: Annotated[str, BeforeValidator(one_of(("mean", "sum"), "batch reduction"))] = "mean"
    optimizer: Annotated[Optimizer, named(OPTIMIZERS, "optimizer")] = SGD()
    schedule: Annotated[Schedule, named(SCHEDULES, "schedule")] = Constant()
    batch_size: Annotated[int | Literal["full"], BeforeValidator(_batch_size)] = 32
    epochs: Annotated[int, BeforeValidator(whole("[1, inf)"))] = 10
    weight_decay: Annotated[float, BeforeValidator(real("[0, inf)"))] = 0.0
    l2_form: Annotated[str, BeforeValidator(one_of(("plain", "per-example"), "form of L2"))] = "plain"
    clip_norm: Annotated[float | None, BeforeValidator(lambda v: v if v is None else real("(0, inf)")(v))] = None
    early_stopping: EarlyStopping | None = None
    train_score: Annotated[str, BeforeValidator(one_of(("sample", "all"), "choice"))] = "sample"
    test_every_epoch: Annotated[bool, BeforeValidator(flag)] = False
    dtype: Annotated[str, BeforeValidator(one_of(("float32", "float64"), "number type"))] = "float32"
    engine: Annotated[str, BeforeValidator(one_of(("auto", *ENGINES), "engine"))] = "auto"
    device: Annotated[str, BeforeValidator(one_of(DEVICES, "device"))] = "cpu"

    arrays: Annotated[str, BeforeValidator(one_of(ARRAYS, "library of arrays"))] = "auto"
    stack: Annotated[int | Literal["auto"], BeforeValidator(_stack)] = "auto"
    tf32: Annotated[bool, BeforeValidator(flag)] = False

    @model_validator(mode="after")
    def _device_of_engine(self) -> Self:
        engine, device, arrays = self.engine, self.device, self.arrays
        if device != "cpu" and engine == "compiled":
            raise ValueError(f'has device = {device!r}, but engine = "compiled"; set engine = "jax" or "array"')
        if arrays != "auto" and engine not in ("auto", "array"):
            raise ValueError(f'has arrays = {arrays!r}, which only the array engine can use; set engine = "array"')
        if arrays == "numpy" and device != "cpu":
            raise ValueError(f'has arrays = "numpy", but device = {device!r}; set arrays = "torch" or "cupy"')
        if arrays == "cupy" and device == "cpu":
            raise ValueError('has arrays = "cupy", but device = "cpu"; set device = "cuda", or arrays = "numpy"')
        if self.stack not in ("auto", 1) and not self.may_be_jax:
            raise ValueError(
                f"has stack = {self.stack}, but only the jax engine trains many runs in one program; "
                'set engine = "jax", or stack = 1'
            )
        if self.tf32 and (device == "cpu" or self.dtype != "float32" or not self.may_be_jax):
            raise ValueError(
                'has tf32 = true, which shortens products of float32 in the jax engine on a GPU; set engine = "jax", '
                'device = "cuda" and dtype = "float32", or tf32 = false'
            )
        return self

    @model_serializer(mode="wrap")
    def _without_tf32(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        if not values.get("tf32", True):
            del values["tf32"]  # records and ids are older than this key
        return values

    @property
    def may_be_jax(self) -> bool:
        """Whether the jax engine is set, or "auto" can take it."""
        return self.engine == "jax" or (self.engine == "auto" and self.device != "cpu" and self.arrays == "auto")

    @property
    def asks_for_jax(self) -> bool:
        """Whether something is set that the jax engine alone can do."""
        return self.tf32 or self.stack not in ("auto", 1)

    @property
    def library(self) -> str:
        """The library that computes: numpy, torch, cupy or jax."""
        if self.engine in ("torch", "jax"):
            return self.engine
        return self.arrays if self.arrays != "auto" else "numpy" if self.device == "cpu" else "torch"

    @property
    def needs_validation(self) -> str | None:
        """The option that cannot work without validation data, if there is one."""
        if self.early_stopping is not None:
            return "training.early_stopping"
        return f"training.schedule = {self.schedule.name}" if self.schedule.needs_validation else None

    def decay(self, m: int) -> float:
        """The number that multiplies W in the gradient: λ, or λ/m for a batch of m examples."""
        return self.weight_decay / m if self.l2_form == "per-example" else self.weight_decay

    def l2_formula(self) -> str:
        """The L2 term in force, as a formula."""
        if not self.weight_decay:
            return "none"
        number = f"{self.weight_decay:g}" + ("/m" if self.l2_form == "per-example" else "")
        if self.optimizer.decoupled_decay:
            return f"W ← W − lr·{number}·W (decoupled; weights, not biases)"
        return f"dW ← dW + {number}·W (weights, not biases)"


class Setting(Section):
    """One combination of hyperparameters: what is learnt, by which network, and how."""

    data: DataSection = DataSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()

    @classmethod
    def checked(cls, setting: "Setting | Mapping[str, Any]") -> "Setting":
        """A setting, or its tables as dicts, as a setting.  Raises InputError with every problem at once."""
        if isinstance(setting, Setting):
            return setting
        if not isinstance(setting, Mapping):
            raise InputError(
                f"setting must be a Setting, or its tables as a dict such as {{'network': {{'hidden': [64]}}}}; "
                f"got {shown(setting)}"
            )
        found, problems = cls.read(setting)
        if found is None:
            raise InputError("\n".join(problems))
        return found

    def resolved(self) -> "Setting":
        """The same setting with nothing left open: the engine and the arrays that "auto" takes are named.

        "auto" takes the compiled engine where it has everything that the setting names, else `array`.
        A stack that is still "auto" is 1: a run by itself shares no program (a study decides before, `sharing`).
        """
        training = self.training
        engine, arrays, stack = training.engine, training.arrays, training.stack
        if engine == "auto" and training.may_be_jax and (training.asks_for_jax or jax_sees(training.device)):
            engine = "jax"
        elif engine == "auto":
            on_cpu = training.device == "cpu" and arrays == "auto"
            has_all = as_they_came() or not lacking("compiled", self.ingredients())
            engine = "compiled" if on_cpu and has_all else "array"
        if engine == "array":
            arrays = training.library
        if stack == "auto":
            stack = 1
        if (engine, arrays, stack) == (training.engine, training.arrays, training.stack):
            return self
        return self.changed(training=training.changed(engine=engine, arrays=arrays, stack=stack))

    def ingredients(self) -> Iterator[Ingredient]:
        """What the setting names and a step is made of, each once."""
        training = self.training
        return ingredients(self.network.layer_list(1), training.loss, training.optimizer)

    def additions(self) -> dict[str, str]:
        """What it names of public tables that comes from outside the package, with the checksum of its source."""
        network = self.network
        sections = {"schedule": self.training.schedule, "init": network.init, "bias_init": network.bias_init}
        named = [of_section(kind, section) for kind, section in sections.items()]
        if not as_they_came():
            named += self.ingredients()
        return {str(one): one.checksum for one in named if one.is_added}

    def network_for(self, shape: Sequence[int], n_classes: int, *, has_validation: bool) -> Network:
        """The network that fits the data; raises NetworkError or InputError where something cannot go together."""
        training = self.resolved().training
        check_available(training.engine, training.device, training.arrays)
        network = build(self.network, tuple(shape), n_classes)
        if not as_they_came():
            from handgrad.training.engines import check_has  # which knows what a run is

            check_has(training.engine, network, training)
        check_fit(self.training.loss, network.output, self.network.targets)
        needs = self.training.needs_validation
        if needs and not has_validation:
            raise InputError(f"{needs} needs validation data, but data.validation = false; set data.validation.size")
        for layer, before in zip(network.layers, network.input_shapes, strict=True):
            if isinstance(layer, BatchNorm) and len(before) == 1 and training.batch_size == 1:
                raise NetworkError(
                    f"network.layers: {str(layer)!r} takes the mean and deviation of its units over the batch, but "
                    "training.batch_size = 1; take 2 or more"
                )
        if self.training.l2_form == "per-example" and self.training.optimizer.decoupled_decay:
            raise NetworkError('training.l2_form = "per-example" has no meaning with adamw; take adam or "plain"')
        return network


SEEDS = 2**63  # what every format that a seed is written in can hold


def checked_seed(seed: Any) -> int:
    """A seed as a whole number of Python's.  Raises InputError where it is none.

    >>> import numpy as np
    >>> checked_seed(np.int64(3))
    3
    """
    value = plain(seed)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < SEEDS:
        limit = " and below 2^63" if type(value) is int and value >= SEEDS else ""
        raise InputError(f"seed must be a whole number >= 0{limit}; got {shown(seed)}")
    return value


@dataclass(frozen=True)
class Run:
    """A resolved setting and a seed; `continues` is the id of the run whose end this one starts from."""

    setting: Setting
    seed: int
    data_checksum: str
    continues: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "setting", Setting.checked(self.setting))
        object.__setattr__(self, "seed", checked_seed(self.seed))

    @property
    def id(self) -> str:
        """Ten hexadecimal digits of the SHA-256 of everything that decides the run's bits."""
        setting = self.setting.resolved().model_dump(mode="json", by_alias=True)
        setting["data"].pop("name")  # a path differs between machines; the checksum says which data it is
        if setting["training"]["stack"] == 1:
            del setting["training"]["stack"]  # the ids of runs by themselves are older than stacks
        identity: list[Any] = [MATHEMATICS, setting, self.seed, self.data_checksum, self.continues]
        if additions := self.setting.additions():
            identity.append(additions)
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def kin(self) -> str:
        """The same text for runs that can share a program: all that decides its operations.

        Left out is what only the numbers that go in depend on (seed, learning rates, initial weights, momentum, the
        size of weight decay, of dropout and of clipping), and when a run ends.
        """
        setting = self.setting.resolved().model_dump(mode="json", by_alias=True)
        for section, key in (("network", "init"), ("network", "bias_init"), ("training", "schedule")):
            del setting[section][key]
        training, network = setting["training"], setting["network"]
        for key in ("epochs", "early_stopping"):
            del training[key]
        training["optimizer"] = training["optimizer"]["name"]  # the rest of it is numbers
        training |= {"weight_decay": bool(training["weight_decay"]), "clip_norm": training["clip_norm"] is not None}
        network["dropout"] = bool(network["dropout"])
        network["layers"] = [text if text.split()[0] != "dropout" else "dropout" for text in network["layers"] or ()]
        return json.dumps([setting, self.data_checksum], sort_keys=True)
