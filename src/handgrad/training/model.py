"""A trained network ready for use: parameters, the network they belong to, and how examples are scaled for it.

A record's weights.safetensors holds all three, so that `handgrad predict` needs neither the study nor its data.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from handgrad.data.brightness import Brightness, opposite_note
from handgrad.data.contents import NAMED
from handgrad.data.data_section import DECIMALS
from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.displays import Display, Displayed
from handgrad.errors import DataError, InputError, WeightsError
from handgrad.foreign import as_path, reading
from handgrad.measures import CLASSIFICATION, MULTI_LABEL, REGRESSION, TASKS
from handgrad.names import listed
from handgrad.network import passes
from handgrad.network.arrays import Arrays
from handgrad.network.network import Network
from handgrad.network.targets import class_of, decided
from handgrad.training.ingredients import of_layers
from handgrad.training.inputs import as_examples, check_scale
from handgrad.training.weights import check_numbers, check_shapes, check_with_record, not_finite, read_tensors

KEY = "handgrad"
REMEDY = (
    "give weights.safetensors of a run's folder; weights from elsewhere are scored by handgrad evaluate WEIGHTS STUDY "
    "and used in Python with hg.import_model(path, setting)"
)


LOAD_ADDITIONS = "import the module that adds it to its public table, in a script (docs/how-to)"


@dataclass(frozen=True, repr=False)
class Model(Displayed):
    """params by name; `value_range`: the values of unscaled examples, e.g. (0, 255); None: only the data could tell.

    feature_names: of the columns of a table, where the data says them.  brightness: of the training pictures.
    table: how the cells of a table are read, where the study said it: `missing` (texts) and `decimal`.
    task: what it learnt, one of `measures.TASKS`: `classes` then names the targets or labels.  target_scaler: how
    targets that are numbers were scaled for it.
    """

    network: Network
    params: Arrays
    classes: tuple[str, ...]
    scaler: Scaling
    value_range: tuple[float, float] | None
    feature_names: tuple[str, ...] | None = None
    brightness: Brightness | None = None
    table: Mapping[str, Any] = field(default_factory=dict)
    task: str = CLASSIFICATION
    target_scaler: Scaling = AS_IT_IS

    @classmethod
    def of_facts(cls, network: Mapping[str, Any], data: Mapping[str, Any], params: Arrays) -> Self:
        """From the `network` and `data` parts of a record and its parameters.

        Raises ValueError, TypeError or KeyError where they are not what a record says, WeightsError where an activation
        or a layer that was added to a public table is missing here, or means something else.
        """
        shape = tuple(_list_of(int, data["shape"], "shape"))
        added = network.get("additions") or {}
        try:
            built = Network.parse(shape, *_list_of(str, network["layers"], "layers"))
        except InputError as error:
            if added:
                raise WeightsError(f"this network has {_listed(added)} that its user added; {LOAD_ADDITIONS}") from None
            raise ValueError(str(error)) from None
        here = {str(one): one.checksum for one in of_layers(built.layers) if one.is_added}
        if here != added:
            other = [what for what in {**added, **here} if added.get(what) != here.get(what)]
            raise WeightsError(
                f"this network was trained with another {_listed(other)} than is there now; {LOAD_ADDITIONS}"
            )
        classes = tuple(_list_of(str, data["classes"], "classes"))
        task = data.get("task") or CLASSIFICATION
        if task not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}")
        single = task == CLASSIFICATION and len(classes) == 2 and built.shapes[-1] == (1,)
        if (len(classes),) != built.shapes[-1] and not single:
            raise ValueError(f"{len(classes)} classes for {built.n_outputs} outputs")
        names = data.get("feature_names")
        names = None if names is None else tuple(_list_of(str, names, "feature_names"))
        if names is not None and (len(names),) != shape:
            raise ValueError(f"{len(names)} names for the shape {shape}")
        brightness = _pair(data.get("brightness"), "brightness")
        scaler, table = _scaling(data["scaler"], shape), _table(data.get("table") or {})
        targets = data.get("target_scaler")
        of_targets = AS_IT_IS if targets is None else _scaling(targets, (len(classes),))
        return cls(built, params, classes, scaler, _range(data), names, brightness, table, task, of_targets)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """From weights.safetensors of a run, or the run's folder.

        Raises WeightsError where it is no such file, DamagedError where it is not the one that the run was saved with.
        """
        path = as_path(path, "path", WeightsError)
        if path.is_dir():
            path = path / "weights.safetensors"
        check_with_record(path)
        params, metadata = read_tensors(path)
        if KEY not in metadata:
            raise WeightsError(f"{path}: does not say which network and scaling it belongs to; {REMEDY}")
        with reading(path, WeightsError, "weights that say their network and scaling", REMEDY):
            facts = json.loads(metadata[KEY])
            model = cls.of_facts(facts["network"], facts["data"], params)
        check_shapes(params, model.network.parameter_shapes, str(path))
        check_numbers(params, str(path), ": the run diverged (handgrad show says where), and its weights are of no use")
        return model

    def _display(self) -> Display:
        network = self.network
        values = "" if self.value_range is None else f" with values {self.value_range[0]:g} to {self.value_range[1]:g}"
        rows = [("network", listed(network.describe())), ("parameters", f"{network.parameter_count:,} of {self.dtype}")]
        rows += [("examples", f"{network.input_shape}, unscaled{values}"), ("scaling", self.scaler.formula)]
        rows += [
            ("columns", listed(self.feature_names or ())),
            (NAMED[self.task], f"{len(self.classes)}: {listed(self.classes)}"),
        ]
        return Display("Model: predict(x), probabilities(x), outputs(x)", tuple(rows))

    def summary(self) -> str:
        """The layers as a table of text, with shapes and numbers of parameters."""
        return self.network.summary()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The kind of number that it computes with."""
        return next((w.dtype for w in self.params.values()), np.dtype(np.float32))

    def scaled(self, x: Any) -> np.ndarray:
        """Unscaled examples as the network takes them (n, *shape); `training.inputs` says which forms x can have.

        NaN is a missing cell where cells were missing in training.  Raises DataError where x is none of them, holds NaN
        or infinity, or pictures on another scale.
        """
        missing = self.scaler.fill is not None
        examples = as_examples(x, self.network.input_shape, self.feature_names, missing=missing)
        if len(self.network.input_shape) == 3 and self.value_range is not None:
            check_scale(examples, self.value_range)
        return self.scaler.apply(examples).astype(self.dtype)

    def check_weights(self) -> None:
        """Raise WeightsError where weights are NaN or infinite: nothing that they give means anything."""
        for name, w in self.params.items():
            if kind := not_finite(w):
                raise WeightsError(f"the weights hold {kind} in {name}: the run diverged, and they are of no use")

    def outputs(self, x: Any) -> np.ndarray:
        """Outputs of the network (n, k) for unscaled examples x, as `scaled` takes them.

        Raises DataError where x does not fit, WeightsError where the outputs are NaN.
        """
        scaled = self.scaled(x)
        self.check_weights()
        with np.errstate(all="ignore"):  # what overflows is looked for below
            outputs = np.asarray(passes.predict(self.network, self.params, scaled))
        check_outputs(np.isnan(outputs).any(axis=tuple(range(1, outputs.ndim))), self.dtype)
        return outputs

    def predict(self, x: Any) -> np.ndarray:
        """The class number (n,) of the largest output; for one example (1,).

        Of a single output for two classes: 1 where it is at least the threshold of its activation (0.5 of sigmoid, 0 of
        tanh).  Of regression: the targets in the units of the data, (n,), or (n, k) of several.  Of several labels: 1
        for each label whose output is at least 0.5, else 0, (n, k).
        """
        return self.decide(self.outputs(x))

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """What `predict` says of outputs (n, k)."""
        if self.task == REGRESSION:
            targets = self.target_scaler.undo(outputs)
            return targets[:, 0] if targets.shape[1] == 1 else targets
        if self.task == MULTI_LABEL:
            return decided(outputs, self.network.output)
        return class_of(outputs, self.network.output)

    def per_class(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs (n, k) with one for each class: of a single output a those of its two, 1 − a of sigmoid, −a of tanh,
        and a."""
        if self.task != CLASSIFICATION or outputs.shape[1] > 1:
            return outputs
        other = 1 - outputs if self.network.output == "sigmoid" else -outputs
        return np.concatenate([other, outputs], axis=1)

    def probabilities(self, x: Any) -> np.ndarray | None:
        """Probabilities (n, k) where the output activation gives them: softmax, log-softmax, and sigmoid of a single
        output or of labels; else None."""
        outputs = self.outputs(x)
        if self.network.output == "sigmoid" and self.task == MULTI_LABEL:
            return outputs
        if self.network.output == "sigmoid" and outputs.shape[1] == 1 and self.task == CLASSIFICATION:
            return self.per_class(outputs)
        if self.network.output == "softmax":
            return outputs
        return np.exp(outputs) if self.network.output == "log-softmax" else None

    def read_image(
        self, path: str | os.PathLike[str], *, invert: bool = False, notes: list[str] | None = None
    ) -> np.ndarray:
        """A picture from a file as one example (*shape), in the values of the data; inverted: dark on light instead.

        `notes` gets a line for everything that was done to the picture and that the user should know of.
        """
        from handgrad.data.image_files import read_picture

        path = as_path(path, "path", DataError)
        pixels = read_picture(path, self.network.input_shape, self.value_range, notes).astype(np.float32)
        low, high = self.value_range or (0.0, 255.0)
        return low + (high - low) * (255 - pixels if invert else pixels) / 255

    def read_table(
        self, path: str | os.PathLike[str], *, notes: list[str] | None = None
    ) -> tuple[np.ndarray, dict[str, list[str]]]:
        """The rows of a table as examples (n, columns), and the columns that the network does not take, by name.

        Columns are found by their names; texts become what they became in training.  `notes` gets a line for all that
        the user should know of.  Raises DataError with line and column.
        """
        from handgrad.data.unlabelled import LearntColumns, read_unlabelled

        path, shape = as_path(path, "path", DataError), self.network.input_shape
        if len(shape) != 1:
            raise DataError(f"{path}: is a table, but the network takes pictures {shape}; give picture files")
        missing, decimal = self.table.get("missing"), self.table.get("decimal")
        filled = self.scaler.fill is not None
        found = read_unlabelled(path, LearntColumns(shape[0], self.feature_names, filled, missing, decimal))
        if notes is not None:
            notes += found.notes
        return found.x, found.others

    def notes_on(self, x: np.ndarray, *, inverted: bool = False) -> list[str]:
        """What to know of pictures x (n, *shape) in the data's values: whether they are bright where it learnt dark."""
        if self.brightness is None or self.value_range is None:
            return []
        low, high = self.value_range
        bright = (x.reshape(len(x), -1).mean(axis=1, dtype=np.float64) - low) / (high - low)
        return opposite_note(bright, self.brightness, inverted=inverted)


def check_outputs(wrong: np.ndarray, dtype: np.dtype[Any]) -> None:
    """Raise WeightsError where examples (n,) have no result."""
    if wrong.any():
        raise WeightsError(
            f"{int(wrong.sum())} of {len(wrong)} examples give NaN, though the weights are finite: they are so "
            f"large that {dtype} overflows; the run has all but diverged, and its predictions mean nothing"
        )


def _list_of(kind: type, values: Any, what: str) -> list[Any]:
    if not isinstance(values, list | tuple) or not all(
        isinstance(value, kind) and not isinstance(value, bool) for value in values
    ):
        raise ValueError(f"{what} must be a list of {'texts' if kind is str else 'whole numbers'}")
    return list(values)


def _number(value: Any, what: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{what} must be a finite number")
    return float(value)


def _pair(values: Any, what: str) -> tuple[float, float] | None:
    if values is None:
        return None
    first, second = values
    return _number(first, what), _number(second, what)


def _range(data: Mapping[str, Any]) -> tuple[float, float] | None:
    found = _pair(data["value_range"], "value_range")
    if found is not None and not found[0] < found[1]:
        raise ValueError("value_range must be (smallest, largest)")
    return None if found is None else tuple(data["value_range"])


def _table(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    found = dict(facts)
    if "missing" in found:
        found["missing"] = tuple(_list_of(str, found["missing"], "missing"))
    if found.get("decimal", ",") not in DECIMALS:
        raise ValueError("decimal must be a point or a comma")
    return found


def _scaling(facts: Mapping[str, Any], shape: tuple[int, ...]) -> Scaling:
    numbers: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items()}
    for name in ("shift", "divide", *(["fill"] if numbers.get("fill") is not None else [])):
        listed = numbers[name] if isinstance(numbers[name], tuple) else (numbers[name],)
        if isinstance(numbers[name], tuple) and (len(listed),) != shape:
            raise ValueError(f"the scaling has {len(listed)} numbers for the shape {shape}")
        if name == "divide" and 0 in listed:
            raise ValueError("the scaling divides by 0")
        for value in listed:
            _number(value, "the scaling")
    if type(numbers["symmetric"]) is not bool or not isinstance(numbers["formula"], str):
        raise ValueError("the scaling has another form")
    return Scaling(**numbers)


def _listed(what: Iterable[str]) -> str:
    return " and ".join(what)
