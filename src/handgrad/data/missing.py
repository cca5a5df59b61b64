"""Missing: cells of a table that hold nothing, NaN in its arrays.

    "mean"   the mean of the column over the training part; where texts became columns of 0 and 1, the share of each
    "drop"   the row is left out

With "mean" cells stay NaN until examples are scaled, so that the mean is that of the part that trains, as of every
fold.  Numbers are then scaled like all others: `scikit-learn`'s SimpleImputer and StandardScaler give the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.contents import Contents
from handgrad.data.scaling import means_of
from handgrad.errors import DataError
from handgrad.names import listed


def without_missing(
    examples: Mapping[str, NDArray[Any]], contents: Contents, where: str
) -> tuple[dict[str, NDArray[Any]], Contents]:
    """Examples and contents without the rows that `cells = "drop"` leaves out, and a note on what is missing.

    Raises DataError where a part has no row left, or a column no value.
    """
    kept, labels, notes = dict(examples), dict[str, Any](), list(contents.notes)
    for part, x in examples.items():
        if not has_missing(x):
            continue
        absent = np.isnan(x)
        rows = absent.any(axis=1)
        counts = absent.sum(axis=0)
        of = listed((f"{_column(k, contents)}: {counts[k]}" for k in np.flatnonzero(counts).tolist()), 4)
        missing = f"{part}: {int(rows.sum())} of {len(x)} rows have a missing cell ({of})"
        if contents.cells == "drop":
            if rows.all():
                raise DataError(
                    f'{where}: {missing}, and data.missing = "drop" leaves none; data.drop leaves out columns'
                )
            kept[part], y = x[~rows], part.replace("x", "y")
            labels[y] = _chosen(getattr(contents, y), ~rows)
            notes.append(f"{missing} and are left out")
            continue
        notes.append(f"{missing}: the mean of the training part stands there")
    if contents.cells == "mean":
        check_means(means_of(kept["x_train"]), contents.feature_names, where)
    return kept, replace(contents, notes=tuple(notes), **labels)


def has_missing(x: NDArray[Any] | None) -> bool:
    """Whether cells of a table are missing."""
    return x is not None and x.ndim == 2 and x.dtype.kind == "f" and bool(np.isnan(x).any())


def check_means(means: tuple[float, ...] | None, names: tuple[str, ...] | None, where: str) -> None:
    """Raise DataError where a column has no value that could stand for missing ones."""
    empty = [k for k, mean in enumerate(means or ()) if np.isnan(mean)]
    if empty:
        called = f"{names[empty[0]]!r}" if names else str(empty[0])
        answer = f'"{names[empty[0]]}"' if names else str(empty[0])
        raise DataError(
            f"{where}: column {called} has no value in the training part, whose mean could stand for missing ones; "
            f"data.drop = [{answer}] leaves it out"
        )


def _chosen(y: Any, rows: NDArray[np.bool_]) -> Any:
    return [one for one, stays in zip(y, rows, strict=True) if stays] if isinstance(y, list) else np.asarray(y)[rows]


def _column(k: int, contents: Contents) -> str:
    return repr(contents.feature_names[k]) if contents.feature_names else str(k)
