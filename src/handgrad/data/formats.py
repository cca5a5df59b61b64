"""npz: x_train, y_train and, if there is a test part, x_test, y_test; or x, y."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from handgrad.data.archives import damaged
from handgrad.data.examples import Contents
from handgrad.errors import DataError


def read_npz(path: Path) -> Contents:
    """x_train, y_train, x_test, y_test or x, y of a .npz file; `classes`, names of the classes, may be with them."""
    try:
        if path.is_file() and not zipfile.is_zipfile(path):
            raise damaged(path, "no .npz file begins and ends like this")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path}: holds Python objects (a pickle), which are never read; save arrays of numbers or text"
            ) from None
        raise damaged(path, error) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, AttributeError) as error:
        raise damaged(path, error) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    names = ("x", "y") if "x" in arrays else ("x_train", "y_train")
    if any(name not in arrays for name in names) or ("x_test" in arrays) != ("y_test" in arrays):
        held = ", ".join(sorted(arrays)) or "nothing"
        raise DataError(f"{path}: must hold x_train and y_train (and x_test and y_test), or x and y; it holds {held}")
    classes = tuple(str(name) for name in arrays["classes"].ravel()) if "classes" in arrays else None
    return Contents(arrays[names[0]], arrays[names[1]], arrays.get("x_test"), arrays.get("y_test"), classes)
