"""A trained network ready for use: parameters, the network they belong to, and how examples are scaled for it.

A record's weights.safetensors holds all three, so that `handgrad predict` needs neither the study nor its data.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from handgrad.data.scaling import Scaling
from handgrad.errors import DataError, InputError, WeightsError
from handgrad.network import passes
from handgrad.network.spec import Network
from handgrad.training.weights import Arrays, check_shapes, read_tensors

KEY = "handgrad"


@dataclass(frozen=True)
class Model:
    """params by name; `value_range`: the values of unscaled examples, e.g. (0, 255); None: only the data could tell."""

    network: Network
    params: Arrays
    classes: tuple[str, ...]
    scaler: Scaling
    value_range: tuple[float, float] | None

    @classmethod
    def of_facts(cls, network: Mapping[str, Any], data: Mapping[str, Any], params: Arrays) -> Self:
        """From the `network` and `data` parts of a record and its parameters."""
        numbers: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data["scaler"].items()}
        value_range = tuple(data["value_range"]) if data["value_range"] is not None else None
        return cls(
            Network.parse(tuple(data["shape"]), *network["layers"]),
            params,
            tuple(data["classes"]),
            Scaling(**numbers),
            value_range,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """From weights.safetensors of a run, or the run's folder.

        Raises WeightsError where it is no such file, DamagedError where it is not the one that the run was saved with.
        """
        from handgrad.training.record import check_weights

        path = Path(path)
        if path.is_dir():
            path = path / "weights.safetensors"
        check_weights(path)
        params, metadata = read_tensors(path)
        try:
            facts = json.loads(metadata[KEY])
            model = cls.of_facts(facts["network"], facts["data"], params)
        except (KeyError, TypeError, ValueError, InputError):
            raise WeightsError(
                f"{path}: does not say which network and scaling it belongs to; "
                "give weights.safetensors of a run's folder, or load it in Python with load_weights(path, network)"
            ) from None
        check_shapes(params, model.network.parameter_shapes, str(path))
        return model

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Unscaled examples x (n, *shape) as the network takes them.  Raises DataError for another shape."""
        x = np.asarray(x)
        if x.shape[1:] != self.network.input_shape:
            raise DataError(f"examples must have the shape {self.network.input_shape}; got {x.shape[1:]}")
        return self.scaler.apply(x).astype(next(iter(self.params.values())).dtype)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Outputs of the network (n, k) for unscaled examples x (n, *shape).  Raises DataError for another shape."""
        return np.asarray(passes.predict(self.network, self.params, self.scaled(x)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The class number (n,) of the largest output."""
        return np.asarray(self.outputs(x).argmax(axis=1))

    def probabilities(self, x: np.ndarray) -> np.ndarray | None:
        """Probabilities (n, k) where the output activation gives them: softmax, log-softmax; else None."""
        outputs = self.outputs(x)
        if self.network.output == "softmax":
            return outputs
        return np.exp(outputs) if self.network.output == "log-softmax" else None

    def read_image(self, path: Path, *, invert: bool = False, notes: list[str] | None = None) -> np.ndarray:
        """A picture from a file as one example (*shape), in the values of the data; inverted: dark on light instead.

        `notes` gets a line for everything that was done to the picture and that the user should know of.
        """
        from handgrad.data.pictures import read_picture

        pixels = read_picture(path, self.network.input_shape, self.value_range, notes).astype(np.float32)
        low, high = self.value_range or (0.0, 255.0)
        return low + (high - low) * (255 - pixels if invert else pixels) / 255
