"""The [training] table of a study file: how a network learns, and which engine trains it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from handgrad.accepts import POSITIVE, accepts, either
from handgrad.data.augmentation import Augmentation
from handgrad.data.batches import scored_of_training
from handgrad.measures import VALIDATION_METRICS, lower_is_better
from handgrad.network.losses import LOSSES
from handgrad.sections import NamedSection, Section, flag, one_of, optional, real, whole
from handgrad.training.class_weights import ClassWeights, checked_class_weights
from handgrad.training.optimizers import OPTIMIZERS, SGD, Optimizer
from handgrad.training.requirements import ARRAYS, DEVICES
from handgrad.training.schedules import SCHEDULES, Constant, Schedule
from handgrad.training.slips import SLIPS, in_order

ENGINES = ("array", "compiled", "jax", "torch")


def _whole_or(word: str) -> Callable[[Any], int | str]:
    """A validator for a whole number >= 1 or one word."""

    @accepts(either(POSITIVE, {"enum": [word]}))
    def check(value: Any) -> int | str:
        if isinstance(value, str) and value == word:
            return word
        try:
            return whole("[1, inf)")(value)
        except ValueError:
            raise ValueError(f'must be a whole number >= 1 or "{word}"') from None

    return check


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
    optimizer: Annotated[Optimizer, NamedSection(OPTIMIZERS, "optimizer")] = SGD()
    schedule: Annotated[Schedule, NamedSection(SCHEDULES, "schedule")] = Constant()
    batch_size: Annotated[int | Literal["full"], BeforeValidator(_whole_or("full"))] = 32
    class_weights: Annotated[ClassWeights | None, BeforeValidator(checked_class_weights)] = None
    shuffle: Annotated[bool, BeforeValidator(flag)] = True
    augmentation: Augmentation | None = None
    epochs: Annotated[int, BeforeValidator(whole("[1, inf)"))] = 10
    weight_decay: Annotated[float, BeforeValidator(real("[0, inf)"))] = 0.0
    l2_form: Annotated[str, BeforeValidator(one_of(("plain", "per-example"), "form of L2"))] = "plain"
    clip_norm: Annotated[float | None, BeforeValidator(optional(real("(0, inf)")))] = None
    early_stopping: EarlyStopping | None = None
    train_score: Annotated[str, BeforeValidator(one_of(("sample", "all"), "choice"))] = "sample"
    test_every_epoch: Annotated[bool, BeforeValidator(flag)] = False
    diagnostics: Annotated[bool, BeforeValidator(flag)] = False
    dtype: Annotated[str, BeforeValidator(one_of(("float32", "float64"), "number type"))] = "float32"
    engine: Annotated[str, BeforeValidator(one_of(("auto", *ENGINES), "engine"))] = "auto"
    device: Annotated[str, BeforeValidator(one_of(DEVICES, "device"))] = "cpu"

    arrays: Annotated[str, BeforeValidator(one_of(ARRAYS, "library of arrays"))] = "auto"
    stack: Annotated[int | Literal["auto"], BeforeValidator(_whole_or("auto"))] = "auto"
    tf32: Annotated[bool, BeforeValidator(flag)] = False
    slips: Annotated[tuple[str, ...], BeforeValidator(in_order)] = ()

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
        if self.augments and self.stack not in ("auto", 1):
            raise ValueError(
                f"has augmentation and stack = {self.stack}: runs in one program share their training examples, and "
                "each seed makes others of them; set stack = 1"
            )
        if self.tf32 and (device == "cpu" or self.dtype != "float32" or not self.may_be_jax):
            raise ValueError(
                'has tf32 = true, which shortens products of float32 in the jax engine on a GPU; set engine = "jax", '
                'device = "cuda" and dtype = "float32", or tf32 = false'
            )
        return self

    @model_serializer(mode="wrap")
    def _without_absent(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        for key in ("tf32", "slips", "diagnostics", "augmentation", "class_weights"):
            if not values.get(key, True):
                del values[key]  # records and ids are older than this key
        if values.get("shuffle"):
            del values["shuffle"]
        return values

    def scored_of_training(self, counts: Mapping[str, int]) -> int:
        """How many training examples are scored, of parts with so many examples (`data.batches.train_sample`)."""
        n = counts["train"]
        others = counts.get("validation") or counts.get("test") or n
        return n if self.train_score == "all" else scored_of_training(n, others)

    def order_notes(self, n: int, *, by_class: bool) -> list[str]:
        """What the user should know of the order of n training examples; by_class: whether each class lies together."""
        if self.shuffle or not by_class or self.batch_size == "full" or self.batch_size >= n:
            return []
        return [
            "training.shuffle = false, and the training examples lie sorted by class: nearly every batch holds one "
            "class alone, and training forgets the others; shuffle the file, or take shuffle = false out"
        ]

    @property
    def augments(self) -> bool:
        """Whether training pictures are changed anew in every epoch."""
        return self.augmentation is not None and self.augmentation.changes

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
        for name in self.slips:
            if SLIPS[name].needs_validation:
                return f"training.slips = {name}"
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
