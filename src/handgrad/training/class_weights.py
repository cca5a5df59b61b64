"""Class weights: the loss of a training example times w_c of its class, so that rare classes count as much as others.

    loss of the batch = 1/m · Σ w_c(i) · loss_i        (or the sum), and each gradient likewise

    "balanced"   w_c = n / (k · n_c)     n examples train, n_c of them are of class c, k classes have examples

The mean of "balanced" weights over the training examples is 1, so that learning rates keep their meaning.  Only what is
trained with is weighted: every score is that of unweighted examples.
Differs from: PyTorch's CrossEntropyLoss(weight), whose mean divides by Σ w_c(i) of the batch and not by m.
Source: King & Zeng 2001, Logistic regression in rare events data (weighting), with equal shares 1/k of the classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.names import listed, shown, unknown
from handgrad.sections import real

BALANCED = "balanced"
ClassWeights = str | dict[str, float]


def checked_class_weights(value: Any) -> ClassWeights | None:
    """ "balanced", or a weight for each class by its name; None where nothing is weighted.  Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, str) and value == BALANCED:
        return BALANCED
    if not isinstance(value, Mapping) or not value:
        raise ValueError('must be "balanced", or a table of a weight for each class, such as { cat = 1.0, dog = 2.5 }')
    check = real("(0, inf)")
    found = {}
    for name, weight in value.items():
        try:
            found[str(name)] = check(weight)
        except ValueError as error:
            raise ValueError(f"has a weight of {shown(str(name))} that {error}; got {shown(weight)}") from None
    return found


def check_classes(chosen: ClassWeights | None, classes: Sequence[str]) -> None:
    """Raise InputError where a table has no weight for one of these classes, or one for another."""
    if chosen is None or isinstance(chosen, str):
        return
    strange = next((name for name in chosen if name not in classes), None)
    if strange is not None:
        raise InputError(f"training.class_weights has an {unknown(strange, classes, 'class')}")
    absent = [name for name in classes if name not in chosen]
    if absent:
        named = listed(map(shown, absent), 6)
        raise InputError(f"training.class_weights has no weight for {named}; give each class one")


def weights_of(chosen: ClassWeights, y: NDArray[np.int64], classes: Sequence[str]) -> NDArray[np.float64]:
    """w of every class (k,);  y: the classes of the training examples.

    >>> weights_of("balanced", np.array([0, 0, 0, 1]), ("a", "b")).tolist()
    [0.6666666666666666, 2.0]
    """
    check_classes(chosen, classes)
    if isinstance(chosen, str):
        counts = np.bincount(y, minlength=len(classes))
        present = counts > 0
        return np.where(present, len(y) / (present.sum() * np.maximum(counts, 1)), 1.0)
    return np.array([chosen[name] for name in classes])


def weights_formula(chosen: ClassWeights | None, y: NDArray[np.int64], classes: Sequence[str]) -> str:
    """The weights in force, as the end of the formula of the loss."""
    if chosen is None:
        return ""
    found = weights_of(chosen, y, classes).tolist()
    how = "n/(k·n_c): " if chosen == BALANCED else ""
    each = listed((f"{name} {w:.3g}" for name, w in zip(classes, found, strict=True)), 12)
    return f", each example times w_c ({how}{each})"
