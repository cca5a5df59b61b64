"""Image files: one picture of the user's as numbers.  Picture files are opened here and nowhere else.

    formats   FORMATS, by the content of the file and not its name; no other content is given to a decoder, so that a
              PostScript program under the name .png starts nothing
    gray      1-bit, gray, and gray with alpha; 16-bit gray keeps its values
    colour    everything else; CMYK is converted without its profile, 16 bits a channel are read as their upper eight
    alpha     a picture that is transparent in part is laid on one background, `on_background`; an alpha that is opaque
              everywhere is ignored
    several   of an animation or a file of many pages the first picture is taken
    turned    a photograph whose EXIF says that the camera was on its side is turned

Floats, whole numbers of 32 bits and Lab are refused by their name.  Remarks (REMARKS) become notes for the user.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.archives import read_file
from handgrad.data.bounds import MOST_PIXELS
from handgrad.data.data_section import COLORS
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import lookup, shown

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
ENDINGS = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm"),
}
MEND = "mend it or take it out"
KINDS = {  # how files begin
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "PDF",
    b"SIMPLE  =": "FITS",
    b"\xd7\xcd\xc6\x9a": "WMF",
    b"\x01\x00\x00\x00": "EMF",
    b"8BPS": "a Photoshop file",
    b"<svg": "SVG",
    b"<?xml": "XML",
    b"<": "a web page or other text in tags",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"version https://git-lfs": "the pointer of Git LFS to a file that was not fetched",
    b"\x89PNG": "a damaged PNG",
    b"\xff\xd8\xff": "a damaged JPEG",
    b"GIF8": "a damaged GIF",
    b"II*\x00": "a damaged TIFF",
    b"MM\x00*": "a damaged TIFF",
    b"RIFF": "a damaged WebP, or another kind of RIFF",
    b"BM": "a damaged BMP",
}
BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF", b"avis": "AVIF"}  # after "ftyp"
GRAY = ("1", "L", "LA")
COLOURS = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
REMARKS = {
    "first": "several pictures in one file (an animation, pages): the first is taken",
    "deep": "16 bits a channel in colour: the upper 8 are read",
    "cmyk": "CMYK: converted to red, green and blue without the colour profile",
}

Size = tuple[int, int]  # rows, cols


@dataclass(frozen=True)
class Picture:
    """pixels: (rows, cols, channels) of bytes, or of 16-bit numbers; alpha: (rows, cols), None where all is opaque.

    file_size: rows and columns in the file, before it was resized.
    """

    pixels: NDArray[Any]
    alpha: NDArray[np.uint8] | None = None
    remarks: tuple[str, ...] = ()
    file_size: Size | None = None


def read_picture(
    path: Path, shape: tuple[int, ...], value_range: tuple[float, float] | None = None, notes: list[str] | None = None
) -> NDArray[Any]:
    """One picture of the user's, brought to the shape (channels, rows, cols) of a data set's images.  -> 0 to 255

    A picture whose values are those of the data (16 bits for data beyond bytes; 0 and 1 for data of 0 and 1) is
    measured by the data's `value_range`.  `notes` gets a line for everything that the user should know of.
    """
    channels, *size = shape
    if len(size) != 2 or channels not in (1, 3):
        raise DataError(f"{path}: pictures fit networks whose examples are images; these have the shape {shape}")
    with without_warnings():
        color = "gray" if channels == 1 else "rgb"
        picture = decode(read_file(path), str(path), image_size=(size[0], size[1]), color=color)
    notes = [] if notes is None else notes
    notes += [f"{path}: {REMARKS[remark]}" for remark in picture.remarks]
    if picture.file_size is not None and list(picture.file_size) != size:
        rows, cols = picture.file_size
        stretched = "" if rows * size[1] == cols * size[0] else ", which stretches it"
        notes.append(f"{path}: {rows} × {cols} pixels, resized to {size[0]} × {size[1]}{stretched}")
    pixels = picture.pixels
    if picture.alpha is not None:
        background = background_for(*brightness(picture))
        pixels = on_background(pixels, picture.alpha, background)
        notes.append(f"{path}: is transparent in part; laid on {background_name(background)}")
    low, high = (0, 255) if value_range is None else value_range
    deep = pixels.dtype != np.uint8
    if (deep and (value_range is None or high > 255)) or (not deep and high < 255 and 0 < pixels.max() <= high):
        notes.append(f"{path}: its values, to {pixels.max()}, are taken as those of the data")
        pixels = (pixels - low) * (255 / (high - low))
    elif deep:
        pixels = pixels / 257  # 65535 to 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


@contextmanager
def without_warnings() -> Iterator[None]:
    """Without the warnings of Pillow about small damage; it raises an error where it cannot read a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(content: bytes, where: str, *, image_size: Size | None = None, color: str = "keep") -> Picture:
    """The picture in a file, in `color` keep, gray or rgb, resized to `image_size`.  Raises DataError, UnknownName."""
    mode = lookup(COLORS, color, "color")
    with reading(where, DataError, "a picture", MEND):
        from PIL import Image, ImageOps

        image: Any = _opened(content, where)
        remarks = _remarks(image, content)
        image.load()
        if "exif" in image.info:
            image = ImageOps.exif_transpose(image)  # a phone held upright
        file_size = (image.height, image.width)
        if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
            return Picture(
                _deep(image, where, image_size, channels=3 if mode == "RGB" else 1),
                remarks=remarks,
                file_size=file_size,
            )
        if image.mode not in GRAY + COLOURS:
            raise DataError(f"{where}: {_refused(image.mode)}")
        size = None if image_size is None or image.size == image_size[::-1] else image_size[::-1]
        mode = mode or ("L" if image.mode in GRAY else "RGB")
        alpha = None
        if image.has_transparency_data:
            clear = image.convert("LA" if image.mode in GRAY else "RGBA")
            if clear.getchannel("A").getextrema()[0] < 255:
                clear = clear.resize(size, Image.Resampling.BILINEAR) if size else clear
                alpha = np.asarray(clear.getchannel("A"), np.uint8)
                image, size = clear.convert(clear.mode[:-1]), None
        if image.mode != mode:
            image = image.convert(mode)
        if size:
            image = image.resize(size, Image.Resampling.BILINEAR)
        pixels = np.asarray(image, np.uint8)
        return Picture(pixels.reshape(*pixels.shape[:2], -1), alpha, remarks, file_size)


def brightness(picture: Picture) -> tuple[float, float]:
    """(Σ alpha · brightness, Σ alpha · 127.5) of the part that can be seen: the first is larger where that is light."""
    if picture.alpha is None:
        return 0.0, 0.0
    alpha = picture.alpha.astype(np.float64)
    return float((alpha * picture.pixels.mean(axis=2)).sum()), float(alpha.sum() * 127.5)


def background_for(light: float, middle: float) -> int:
    """The background on which transparent pictures can be seen: 255 (white), or 0 (black) for light drawings."""
    return 0 if light > middle else 255


def background_name(background: int) -> str:
    """The background in words."""
    return "white" if background else "black, as what can be seen is light"


def on_background(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], background: int) -> NDArray[np.uint8]:
    """(pixels · alpha + background · (255 − alpha)) / 255, rounded.

    >>> on_background(np.full((1, 3, 1), 10, np.uint8), np.array([[0, 51, 255]], np.uint8), 255).ravel().tolist()
    [255, 206, 10]
    """
    a = alpha[..., None].astype(np.uint32)
    return ((pixels * a + background * (255 - a) + 127) // 255).astype(np.uint8)


def _opened(content: bytes, where: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        too_large = image.width * image.height > MOST_PIXELS
    except UnidentifiedImageError:
        raise DataError(
            f"{where}: {_kind(content)}; pictures are {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, by their content "
            "and not their name: save it as PNG, or take it out"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        too_large = True
    if too_large:
        raise DataError(f"{where}: has more than {MOST_PIXELS:,} pixels, the most that is read; make it smaller")
    return image


def _kind(content: bytes) -> str:
    if not content:
        return "is empty"
    if content[4:8] == b"ftyp":
        return f"is {BRANDS.get(content[8:12], 'a film')}"
    start = content[:64].lstrip()
    for mark, kind in KINDS.items():
        if start.startswith(mark):
            return f"is {kind}"
    return f"is no picture (it begins with {shown(content[:8])[1:]})"


def _remarks(image: Any, content: bytes) -> tuple[str, ...]:
    found = []
    if getattr(image, "is_animated", False) and image.format != "MPO":  # of a camera: the photograph is the first
        found.append("first")
    if image.mode in ("RGB", "RGBA", "CMYK") and _bits(image, content) > 8:
        found.append("deep")
    if image.mode == "CMYK":
        found.append("cmyk")
    return tuple(found)


def _bits(image: Any, content: bytes) -> int:
    if image.format == "PNG":
        return content[24]  # of the header, which comes first
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (8,))))
    largest = image.tile[0][3] if image.format == "PPM" and image.tile else 0
    return 16 if isinstance(largest, tuple) and isinstance(largest[-1], int) and largest[-1] > 255 else 8


def _deep(image: Any, where: str, image_size: Size | None, channels: int) -> NDArray[np.uint16]:
    from PIL import Image

    if image.has_transparency_data:
        raise DataError(f"{where}: has 16 bits and transparency, which are not read together; save it without")
    values = np.asarray(image).astype(np.int32)
    if image_size is not None and image.size != image_size[::-1]:
        resized = Image.fromarray(values).resize(image_size[::-1], Image.Resampling.BILINEAR)
        values = np.asarray(resized).clip(0, 65535)
    return values.astype(np.uint16)[..., None].repeat(channels, axis=2)


def _refused(mode: str) -> str:
    known = {"F": "numbers with decimals (mode F)", "I": "whole numbers of 32 bits (mode I)"}
    return (
        f"holds {known.get(mode, f'pixels of the mode {mode}')}, of which nothing says what is black and what is "
        "white; save it as gray or RGB, or give arrays (.npz)"
    )
