"""What a record states beside its scores: the tables of record.json about network, data, divergence, samples and times.

Fields have the names and the order of the keys in the file; docs/results.md says what each holds.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, WrapValidator, model_validator

AsWritten = WrapValidator(lambda value, check: (check(value), value)[1])  # checked, and kept as it is
Number = Annotated[float, AsWritten]  # a whole number stays one


class RecordTable(BaseModel):
    """A table of record.json: frozen; types as they stand in the JSON; other keys may be there as well."""

    model_config = ConfigDict(
        strict=True, extra="allow", frozen=True, defer_build=True, validate_by_name=True, validate_by_alias=True
    )

    def to_json(self) -> dict[str, Any]:
        """The table as it stands in the file: keys that it does not have are left out."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class NetworkFacts(RecordTable):
    """The network that was trained, the loss and L2 formulas in force, and the slips, each in one line.

    additions: activations and layers that were added to their public tables, with the checksums of their code.
    """

    layers: list[str]
    output: str
    parameters: int
    loss_formula: str
    l2_formula: str
    slips: list[str] = []
    additions: dict[str, str] | None = None


class DatasetFacts(RecordTable):
    """The data that a run learnt from, and how it was scaled."""

    name: str
    checksum: str
    key: str | None = None
    official: bool | None = None
    scaling: str
    scaler: dict[str, Any] | None = None
    value_range: list[Number] | None = None
    brightness: list[float] | None = None
    classes: list[str] = []
    shape: list[int] = []
    feature_names: list[str] | None = None
    table: dict[str, Any] | None = None  # how its cells are read: `missing` texts, `decimal`; only where the study says
    label_table: dict[str, list[int]] = {}
    counts: dict[str, int]
    notes: list[str] = []
    task: str | None = None  # what is learnt; only where it is no classification
    target_scaler: dict[str, Any] | None = None  # only where targets are scaled

    @model_validator(mode="wrap")
    @classmethod
    def _keep_order(cls, given: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Keep the order of keys, which a failed run has otherwise: a record is written again as it was."""
        made = build(given)
        if isinstance(given, dict):
            fields = made.__dict__
            for key in given:
                if key in fields:
                    fields[key] = fields.pop(key)
        return made


class Divergence(RecordTable):
    """Epoch and step, counted from 1 over the whole history; the first layer that is not finite; the reason."""

    epoch: int
    step: int
    layer: str | None
    reason: str


class TrainScore(RecordTable):
    """The training examples that were scored: "sample" or "all", and how many."""

    what: str
    n: int


class Samples(RecordTable):
    """Outputs (n, k) for a few examples of a part, before training and after it; after is None if diverged.

    drawn: whether they were drawn at random; records of earlier versions have the first of the part.
    """

    source: str
    drawn: bool = False
    index: list[int]
    labels: list[int | list[Number]]  # classes, or targets
    before: list[list[float]]
    after: list[list[float]] | None


class Stretch(RecordTable):
    """A time in which a run trained without a pause.

    worker: the process that trained it, as eight letters;  began, ended: seconds since 1970 by the clock of its
    machine;  until: how many of its own epochs the run had behind it at the end.
    """

    worker: str
    began: float
    ended: float
    until: int


class Times(RecordTable):
    """Seconds; epochs: (training, evaluation) of each; resumed: how often the run went on from a checkpoint.

    stretches: when it trained, in order; empty in records of earlier versions.
    """

    total: float
    training: float
    evaluation: float
    epochs: list[list[float]]
    resumed: int
    stretches: list[Stretch] = []
