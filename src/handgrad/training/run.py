"""A run: a setting and a seed.  It is data, it has an id, and it crosses processes.

The id is the hash of everything that decides a run's bits: the resolved setting, the seed, the checksum
of the data, the run it continues and the version of its engine's mathematics.  Equal ids mean equal results,
so a finished run is never repeated; any change means another id, so no old result is ever reused.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import model_validator

from handgrad.data.catalog import task_of
from handgrad.data.data_section import DataSection
from handgrad.data.scaling import SCALES
from handgrad.displays import SIGNS, Display, Displayed
from handgrad.errors import InputError, NetworkError
from handgrad.measures import BINARY, CLASSIFICATION, METRICS, VALIDATION_METRICS, metrics_of
from handgrad.names import listed, short, shown
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.initializers import INITIALIZERS
from handgrad.network.losses import check_fit
from handgrad.network.network import Network
from handgrad.network.network_section import NetworkSection, build
from handgrad.network.targets import TARGETS, VALUES
from handgrad.sections import Section, plain
from handgrad.training.engines import check_additions
from handgrad.training.ingredients import Ingredient, ingredients, of_section, tables_are_unchanged
from handgrad.training.requirements import check_available, jax_sees
from handgrad.training.schedules import SCHEDULES
from handgrad.training.slips import check_slips
from handgrad.training.sources import SourceSeeds
from handgrad.training.support import check_supported, unsupported
from handgrad.training.training_section import TrainingSection
from handgrad.training.usual_values import scored_as, with_usual_values

# Of each engine, raised whenever the same run would give other bits there: formulas, streams, the order of operations.
# The runs of the other engines keep their ids, and what they have learnt stays valid.
MATHEMATICS = {"array": 3, "compiled": 4, "jax": 4, "torch": 3}


class Setting(Displayed, Section):
    """One combination of hyperparameters: what is learnt, by which network, and how."""

    data: DataSection = DataSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()

    @model_validator(mode="before")
    @classmethod
    def _usual_values(cls, tables: Any) -> Any:
        return with_usual_values(tables)

    @property
    def task(self) -> str:
        """What is learnt, one of `measures.TASKS`, as far as the setting says it."""
        return task_of(self.data)

    @property
    def scored_as(self) -> str:
        """Whose measures its runs have: the task's, or those of BINARY classification by a single output."""
        return scored_as(self.data, self.network)

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

    def __repr__(self) -> str:
        return short(f"Setting({', '.join(f'{name}={table!r}' for name, table in self.written.items())})", SIGNS)

    @property
    def written(self) -> dict[str, dict[str, Any]]:
        """Its tables as they were written, without what is left to the defaults; `Setting(**written)` is the same."""
        tables = self.model_dump(exclude_unset=True, by_alias=True)
        return {name: table for name, table in tables.items() if table}

    def _display(self) -> Display:
        rows = []
        for section, table in self.model_dump(mode="json", by_alias=True).items():
            values = {key: value for key, value in table.items() if value not in (None, [], {})}
            rows.append((section, ", ".join(f"{key} {_told(value)}" for key, value in values.items())))
        return Display("Setting", tuple(rows))

    def resolved(self) -> "Setting":
        """The same setting with nothing left open: the engine and the arrays that "auto" takes are named.

        "auto" takes the compiled engine where it has everything that the setting names, else `array`.
        A stack that is still "auto" is 1: a run by itself shares no program (a study decides before, `sharing`).
        """
        training = self.training
        engine, arrays, stack = training.engine, training.arrays, training.stack
        if (
            engine == "auto"
            and training.may_be_jax
            and (training.asks_for_jax or (jax_sees(training.device) and self._supported_by("jax")))
        ):
            engine = "jax"
        elif engine == "auto":
            on_cpu = training.device == "cpu" and arrays == "auto"
            engine = "compiled" if on_cpu and self._supported_by("compiled") else "array"
        if engine == "array":
            arrays = training.library
        if stack == "auto":
            stack = 1
        if (engine, arrays, stack) == (training.engine, training.arrays, training.stack):
            return self
        return self.changed(training=training.changed(engine=engine, arrays=arrays, stack=stack))

    def ingredients(self) -> Iterator[Ingredient]:
        """What the setting names and a step is made of, each once."""
        return ingredients(self.network.layer_list(1), self.training)

    def _supported_by(self, engine: str) -> bool:
        return self._is_plain or not unsupported(engine, self.ingredients())

    @property
    def _is_plain(self) -> bool:
        """Whether every engine has what a step is made of: the quick answer."""
        training = self.training
        return not training.slips and tables_are_unchanged()

    def additions(self) -> dict[str, str]:
        """What it names of public tables that comes from outside the package, with the checksum of its code."""
        network, training = self.network, self.training
        named = [
            of_section("schedule", training.schedule, SCHEDULES),
            of_section("init", network.init, INITIALIZERS),
            of_section("bias_init", network.bias_init, INITIALIZERS),
            Ingredient("scale", self.data.scale, SCALES),
            *([Ingredient("encoding of targets", network.targets, TARGETS)] if network.targets != VALUES else []),
        ]
        if not self._is_plain:
            named += self.ingredients()
        return {str(one): one.checksum for one in named if one.is_added}

    def network_for(self, shape: Sequence[int], n_classes: int, *, has_validation: bool) -> Network:
        """The network that fits the data; raises NetworkError or InputError where something cannot go together."""
        training = self.resolved().training
        check_available(training.engine, training.device, training.arrays)
        network = build(self.network, tuple(shape), n_classes, self.task)
        if not self._is_plain:
            check_slips(network, training, self.data.scale)
            check_supported(training.engine, network, training)
            check_additions(network, training, self.network.targets)
        if training.class_weights is not None and (self.data.task or CLASSIFICATION) != CLASSIFICATION:
            raise InputError(f"training.class_weights is for classification, and data.task = {shown(self.data.task)}")
        if training.augmentation is not None:
            training.augmentation.check(shape)
        check_fit(self.training.loss, network.output, self.network.targets, self.scored_as)
        rule = self.training.early_stopping
        if rule is not None:
            check_measured(rule.monitor, self.scored_as, "training.early_stopping.monitor")
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


def check_measured(metric: str, task: str, key: str) -> None:
    """Raise InputError where runs of a task, or of BINARY classification, have no such metric."""
    if metric in METRICS and metric not in (known := metrics_of(task)):
        fits = [name for name in VALIDATION_METRICS if name in known]
        raise InputError(
            f"{key} = {shown(metric)} is not measured in {NOT_MEASURED.get(task, task)}; set it to one of: "
            f"{listed(fits)}"
        )


NOT_MEASURED = {CLASSIFICATION: "classification by an output for each class", BINARY: "binary classification"}


def _told(value: Any) -> str:
    """A value as a display of a setting has it: adam (lr 0.001)."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} {_told(part)}" for key, part in value.items() if key != "name" and part is not None)
        return f"{value.get('name', '')} ({inside})".strip() if inside else str(value.get("name", ""))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


_last_identity: tuple[Setting | None, tuple[str, str]] = None, ("", "")


def _identity_of(setting: Setting) -> tuple[str, str]:
    """The version of its engine's mathematics, and the setting as it is part of an id.

    Those of the last one are kept, as the seeds of a setting follow each other.
    """
    global _last_identity
    known, identity = _last_identity
    if known is not setting:
        resolved = setting.resolved()
        table = resolved.model_dump(mode="json", by_alias=True)
        table["data"].pop("name")  # a path differs between machines; the checksum says which data it is
        if table["training"]["stack"] == 1:
            del table["training"]["stack"]  # the ids of runs by themselves are older than stacks
        identity = str(MATHEMATICS[resolved.training.engine]), _compact(table)
        _last_identity = setting, identity
    return identity


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


@dataclass(frozen=True, repr=False)
class Run(Displayed):
    """A resolved setting and a seed; `continues` is the id of the run whose end this one starts from.

    seeds: those of the sources of its chance, where the study says which of them its seeds vary.
    """

    setting: Setting
    seed: int
    data_checksum: str
    continues: str | None = None
    seeds: SourceSeeds | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "setting", Setting.checked(self.setting))
        object.__setattr__(self, "seed", checked_seed(self.seed))

    def __repr__(self) -> str:
        continues = "" if self.continues is None else f", continues={self.continues!r}"
        rest = f", seed={self.seed}, data_checksum={self.data_checksum!r}{continues})"
        return f"Run({short(repr(self.setting), SIGNS - len(rest) - 4)}{rest}"

    def _display(self) -> Display:
        head = f"Run {self.id}, seed {self.seed}" + (f", continues {self.continues}" if self.continues else "")
        return Display(head, self.setting._display().rows)

    @property
    def id(self) -> str:
        """Ten hexadecimal digits of the SHA-256 of everything that decides the run's bits."""
        additions = self.setting.additions()  # of this process at this moment: the tables are open
        added = _compact(additions) if additions else ""
        if added not in self._ids:
            identity: list[Any] = [self.seed, self.data_checksum, self.continues]
            if not self.source_seeds.all_are(self.seed):  # that of the split is in the setting, as seeds of its choices
                identity.append({"seeds": self.source_seeds.to_json()})
            parts = [
                *_identity_of(self.setting),
                *map(_compact, identity),
                *([added] if added else []),
            ]
            self._ids[added] = hashlib.sha256(f"[{','.join(parts)}]".encode()).hexdigest()[:10]
        return self._ids[added]

    @cached_property
    def _ids(self) -> dict[str, str]:
        """The id by what is added: it is asked for a dozen times while a run of milliseconds is made."""
        return {}

    @property
    def source_seeds(self) -> SourceSeeds:
        """The seed of every source of its chance."""
        return self.seeds or SourceSeeds(self.seed, self.seed, self.seed)

    @property
    def group_key(self) -> str:
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
