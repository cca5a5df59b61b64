"""Images: folders with one folder for each class, as they are or packed in a .tar.* or .zip.

    train/cat/1.png  test/dog/7.png      with a test part of its own (also training/, testing/)
    cat/1.png  dog/7.png                 without
    anything/train/cat/1.png             folders above that hold everything are passed over

The folder below train/ or test/ (or the top one) is the class; images in folders below it belong to it.  A level
val/ or validation/ is the test part where there is no test/, and joins train/ where there is: a note says so.
Images become (channels, rows, cols) bytes: one channel for gray, three for red, green, blue; transparency is dropped.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.archives import members
from handgrad.data.examples import Contents
from handgrad.errors import DataError

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
LEVELS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
MODES = {"gray": "L", "rgb": "RGB"}

Size = tuple[int, int]  # rows, cols


def read_images(path: Path, *, image_size: Size | None = None, color: str = "keep") -> Contents:
    """The images of a folder or archive by class.  Raises DataError where one cannot be read or has another size."""
    names: list[str] = []
    pixels: list[bytes] = []
    shape: tuple[int, ...] | None = None
    with _strict():
        for name, content in members(path, _is_image):
            image = decode(content, f"{path}: {name}", image_size=image_size, color=color)
            if shape is None:
                shape = image.shape
            elif image.shape != shape:
                raise DataError(_other_shape(path, name, image.shape, names[0], shape))
            names.append(name)
            pixels.append(image.tobytes())
    if shape is None:
        raise DataError(
            f"{path}: holds no images ({', '.join(sorted(ENDINGS))}); expected <class>/<image>, "
            "with or without train/ and test/ above"
        )
    flat = np.frombuffer(b"".join(pixels), np.uint8).reshape(-1, *shape)  # (n, rows, cols, channels)
    del pixels
    return _by_level(path, names, np.ascontiguousarray(flat.transpose(0, 3, 1, 2)))


def read_picture(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """One picture of the user's, brought to the shape (channels, rows, cols) of a data set's images."""
    channels, *size = shape
    if len(size) != 2 or channels not in (1, 3):
        raise DataError(f"{path}: pictures fit networks whose examples are images; these have the shape {shape}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    with _strict():
        image = decode(content, str(path), image_size=(size[0], size[1]), color="gray" if channels == 1 else "rgb")
    return np.ascontiguousarray(image.transpose(2, 0, 1))


@contextmanager
def _strict() -> Iterator[None]:
    """Refuse an image so large that it would fill the memory; Pillow only warns of it."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode(content: bytes, where: str, *, image_size: Size | None, color: str) -> NDArray[np.uint8]:
    """The pixels of an image file.  -> (rows, cols, channels)."""
    from PIL import Image, ImageOps

    try:
        image: Any = Image.open(io.BytesIO(content))
        image.load()
        if "exif" in image.info:
            image = ImageOps.exif_transpose(image)  # a phone held upright
        keep = "L" if image.mode in ("1", "L", "LA") else "RGB"
        if image.mode.startswith(("I", "F")):
            raise ValueError("it has more than 8 bits a pixel; save it with 8")
        mode = MODES.get(color, keep)
        if image.mode != mode:
            image = image.convert(mode)
        if image_size is not None and image.size != image_size[::-1]:
            image = image.resize(image_size[::-1], Image.Resampling.BILINEAR)
        pixels = np.asarray(image, np.uint8)
    except Exception as error:  # Pillow's readers raise whatever a broken file leads them into
        reason = str(error).split("<_io")[0].strip() or type(error).__name__
        raise DataError(f"{where}: cannot be read as an image ({reason}); mend it or take it out") from None
    return pixels.reshape(*pixels.shape[:2], -1)


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def _other_shape(path: Path, name: str, got: tuple[int, ...], first: str, shape: tuple[int, ...]) -> str:
    def words(size: tuple[int, ...]) -> str:
        return f"{size[0]} × {size[1]}, {'gray' if size[2] == 1 else 'colour'}"

    remedy = (
        f"data.image_size = [{shape[0]}, {shape[1]}]"
        if got[:2] != shape[:2]
        else 'data.color = "gray" (or "rgb") for all'
    )
    return f"{path}: {name} is {words(got)}, but {first} is {words(shape)}; set {remedy}"


def _by_level(path: Path, names: list[str], x: NDArray[np.uint8]) -> Contents:
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    while len({folder[:1] for folder in folders}) == 1 and min(map(len, folders)) > 1:
        if folders[0][0].lower() in LEVELS:
            break
        folders = [folder[1:] for folder in folders]
    levels = {LEVELS.get(folder[0].lower(), "") for folder in folders if folder}
    depth = 1 if levels and "" not in levels else 0
    for name, folder in zip(names, folders, strict=True):
        if len(folder) <= depth:
            raise DataError(f"{path}: {name} lies in no class folder; expected <class>/<image>")
    classes = tuple(sorted({folder[depth] for folder in folders}))
    number = {name: k for k, name in enumerate(classes)}
    y = np.array([number[folder[depth]] for folder in folders], np.int64)
    if depth == 0:
        return Contents(x, y, classes=classes, value_range=(0, 255))
    level = np.array([LEVELS[folder[0].lower()] for folder in folders])
    notes = []
    if "val" in levels:
        joins = "train" if "test" in levels else "test"
        level[level == "val"] = joins
        words = "joined the training examples" if joins == "train" else "is the test part"
        notes.append(f"the folder of validation images {words}; data.validation says what validates")
    train, test = level == "train", level == "test"
    if not train.any():
        raise DataError(f"{path}: holds test images but no training images; expected train/<class>/<image>")
    if not test.any():
        return Contents(x, y, classes=classes, value_range=(0, 255), notes=tuple(notes))
    return Contents(x[train], y[train], x[test], y[test], classes, (0, 255), notes=tuple(notes))
