"""A network of another library, as it comes here: what `from_torch`, `from_keras` and `from_sklearn` return."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.displays import Display, Displayed
from handgrad.errors import WeightsError
from handgrad.measures import CLASSIFICATION
from handgrad.network.arrays import Arrays
from handgrad.network.network import Network
from handgrad.training.model import Model

SILENT = ("flatten", "dropout")  # layers that change no number of a trained network


@dataclass(frozen=True, repr=False)
class ImportedNetwork(Displayed):
    """A network of another library.

    table    its [network] table: a setting with {"network": table} trains it from new initial weights
    network  its layers and shapes; None where it does not say how many columns it takes
    params   its weights under handgrad's names, or None where it has none yet
    notes    sentences on what is not the same here, as training goes on
    source   what it was: "a PyTorch module"
    scaler   what its own first layer does to the examples, where that is scaling
    classes  the names of its classes, labels or targets, where it knows them
    task     one of `measures.TASKS`
    """

    table: Mapping[str, Any]
    network: Network | None
    params: Arrays | None
    notes: tuple[str, ...]
    source: str
    scaler: Scaling = AS_IT_IS
    classes: tuple[str, ...] | None = None
    task: str = CLASSIFICATION

    @property
    def text(self) -> str:
        """The [network] table as a study file has it."""
        return "\n".join(["[network]", *(f"{key} = {json.dumps(value)}" for key, value in self.table.items())]) + "\n"

    @property
    def model(self) -> Model:
        """Its weights, ready to predict: the same function of the same examples, (n, *network.input_shape).

        Raises WeightsError where it has no weights.
        """
        if self.params is None or self.network is None:
            raise WeightsError(f"{self.source}: has no weights yet: fit or build it there first, or train it here")
        single = self.task == CLASSIFICATION and self.network.n_outputs == 1
        classes = self.classes or tuple(map(str, range(2 if single else self.network.n_outputs)))
        return Model(self.network, self.params, classes, self.scaler, None, task=self.task)

    def params_for(self, network: Network, where: str) -> Arrays:
        """Its weights for the network of a setting.  Raises WeightsError where that has other layers or examples.

        Rows of numbers there may be gray pictures here: both go through them row by row.
        """
        model = self.model
        theirs, ours = (
            [str(layer) for layer in one.layers if layer.kind not in SILENT] for one in (model.network, network)
        )
        there, here = model.network.input_shape, network.input_shape
        rows_of_gray = len(there) == 1 and here[0] == 1 and there == (math.prod(here),)
        fits = model.network.parameter_shapes == network.parameter_shapes and (there == here or rows_of_gray)
        if theirs != ours or not fits:
            raise WeightsError(
                f"{where}: is for {', '.join(model.network.describe())} on examples {model.network.input_shape}; the "
                f"setting has {', '.join(network.describe())} on {network.input_shape}; give it "
                '"network": imported.table, and data of that shape'
            )
        return model.params

    def _display(self) -> Display:
        rows = [(key, json.dumps(value)) for key, value in self.table.items()]
        weights = "none yet" if self.params is None else ".model predicts; hg.import_model(this, setting)"
        if self.network is not None:
            rows.append(("examples", str(self.network.input_shape)))
        rows.append(("weights", weights))
        if self.notes:
            rows.append(("notes", f"{len(self.notes)}, in .notes: {self.notes[0]}"))
        size = "" if self.network is None else f" of {self.network.parameter_count:,} parameters"
        return Display(f"Network{size}, from {self.source}", tuple(rows))
