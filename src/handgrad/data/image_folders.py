"""Image folders: folders with one folder for each class, as they are or packed in a .tar.* or .zip.

    train/cat/1.png  test/dog/7.png      with a test part of its own (also training/, testing/), or a validation part
    cat/1.png  dog/7.png                 without
    anything/train/cat/1.png             folders above that hold everything are passed over

The folder below train/, val/ or test/ (or the top one) is the class; images in folders below it belong to it.
Classes are in the order of their names, as numbers where all are whole numbers.  Images become (channels, rows, cols):
one channel for gray, three for red, green, blue (`image_files`).  Notes say what was left out and what was changed.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.archives import EMPTY, LINK, TWICE, Unread, ending, members
from handgrad.data.bounds import COPIES, room_in_memory
from handgrad.data.contents import PART_WORDS, Contents
from handgrad.data.image_files import (
    ENDINGS,
    REMARKS,
    Picture,
    Size,
    background_for,
    background_name,
    brightness,
    decode,
    on_background,
    without_warnings,
)
from handgrad.data.packed import is_text
from handgrad.errors import DataError, readable
from handgrad.limits import in_words
from handgrad.names import listed

LEVELS = {word: part for word, part in PART_WORDS.items() if word != "dev"}  # a folder called dev may be a class


def read_images(path: Path, *, image_size: Size | None = None, color: str = "keep") -> Contents:
    """The images of a folder or archive by class.  Raises DataError where one cannot be read or has another size."""
    unread: Unread = []
    pictures = PictureSet(path)
    with without_warnings():
        for name, content in members(path, lambda name: ending(name) in ENDINGS, unread):
            pictures.add(name, decode(content, f"{path}: {name}", image_size=image_size, color=color))
    if not pictures.names:
        held = f"; it holds {_by_ending(what for _, what in unread)}" if unread else ""
        other = [name for name, _ in unread if is_text(name) or ending(name) in (".npz", ".npy")]
        if other and not path.is_dir():
            raise DataError(
                f"{path}: holds no images, but {listed(sorted(other), 4)}; unpack it and name that file, or the folder "
                "of train.csv and test.csv"
            )
        raise DataError(
            f"{path}: holds no images ({', '.join(sorted(ENDINGS))}){held}; expected <class>/<image>, "
            "with or without train/ and test/ above"
        )
    left_out = _left_out(unread)
    return of_pictures(pictures, lambda x: _by_level(path, pictures.names, x, tuple(left_out)))


@dataclass
class PictureSet:
    """The pictures read so far, all of one size and colour.  path: where from, for messages."""

    path: Path
    names: list[str] = field(default_factory=list)
    pixels: list[NDArray[Any]] = field(default_factory=list)
    clear: dict[int, NDArray[np.uint8]] = field(default_factory=dict)  # the alpha of pictures that are transparent
    light: float = 0.0  # Σ alpha · brightness of those, and Σ alpha · 127.5
    middle: float = 0.0
    remarks: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    room: int = field(default_factory=lambda: room_in_memory())

    def add(self, name: str, picture: Picture) -> None:
        pixels, first = picture.pixels, self.pixels[0] if self.pixels else picture.pixels
        if (pixels.shape, pixels.dtype) != (first.shape, first.dtype):
            raise DataError(_other_kind(self.path, name, pixels, self.names[0], first))
        if picture.alpha is not None:
            self.clear[len(self.names)] = picture.alpha
            light, middle = brightness(picture)
            self.light, self.middle = self.light + light, self.middle + middle
        for remark in picture.remarks:
            self.remarks[remark].append(name)
        self.names.append(name)
        self.pixels.append(pixels)
        needed = COPIES * pixels.nbytes * len(self.pixels)
        if needed > self.room:
            raise DataError(
                f"{self.path}: {len(self.names):,} of its pictures alone, {_words(first)}, need {in_words(needed)} of "
                f"memory; this machine has {in_words(self.room)}. Set data.image_size = [32, 32], or give fewer"
            )

    def stacked(self) -> tuple[NDArray[Any], list[str]]:
        """Pictures (n, channels, rows, cols), transparent ones on their background, and notes on what was changed."""
        notes = [f"{self._some(names)}: {REMARKS[remark]}" for remark, names in self.remarks.items()]
        if self.clear:
            background = background_for(self.light, self.middle)
            for k, alpha in self.clear.items():
                self.pixels[k] = on_background(self.pixels[k], alpha, background)
            some = self._some([self.names[k] for k in self.clear])
            notes.append(f"{some}: transparent in part; laid on {background_name(background)}")
        rows, cols, channels = self.pixels[0].shape
        x = np.empty((len(self.pixels), channels, rows, cols), self.pixels[0].dtype)
        for k, pixels in enumerate(self.pixels):
            x[k] = pixels.transpose(2, 0, 1)
        return x, notes

    def _some(self, names: list[str]) -> str:
        return _one_line(f"{len(names)} of {len(self.names)} pictures, such as {names[0]}")


def of_pictures(pictures: PictureSet, contents: Callable[[NDArray[Any]], Contents]) -> Contents:
    """What `contents` makes of these pictures (n, channels, rows, cols), with their range and notes on them."""
    x, notes = pictures.stacked()
    made = contents(x)
    made = replace(made, notes=(*notes, *made.notes))
    if x.dtype == np.uint8:
        return replace(made, value_range=(0, 255))
    high = 2 ** max(8, int(x.max()).bit_length()) - 1  # 4095 of a camera of 12 bits
    note = f"pictures of 16 bits with values to {x.max()}: their range is taken for 0 to {high}"
    return replace(made, value_range=(0, high), notes=(*made.notes, note))


def _words(pixels: NDArray[Any]) -> str:
    rows, cols, channels = pixels.shape
    bits = "" if pixels.dtype == np.uint8 else " of 16 bits"
    return f"{rows} × {cols}, {'gray' if channels == 1 else 'colour'}{bits}"


def _other_kind(path: Path, name: str, got: NDArray[Any], first: str, expected: NDArray[Any]) -> str:
    remedy = 'set data.color = "gray" (or "rgb") for all'
    if got.shape[:2] != expected.shape[:2]:
        remedy = f"set data.image_size = [{expected.shape[0]}, {expected.shape[1]}]"
    elif got.dtype != expected.dtype:
        remedy = "save all of them with as many bits"
    return f"{path}: {name} is {_words(got)}, but {first} is {_words(expected)}; {remedy}"


def _by_level(path: Path, names: list[str], x: NDArray[Any], notes: tuple[str, ...]) -> Contents:
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    while len({folder[:1] for folder in folders}) == 1 and min(map(len, folders)) > 1:
        if folders[0][0].lower() in LEVELS:
            break
        folders = [folder[1:] for folder in folders]
    tops = {folder[0] for folder in folders if folder}
    _refuse_parts_by_other_names(path, tops)
    levels = {LEVELS.get(top.lower(), "") for top in tops}
    depth = 1 if levels and "" not in levels else 0
    parts_only = any(
        all(len(folder) > 1 for folder in folders if folder[:1] == (top,)) for top in tops if top.lower() in LEVELS
    )
    if depth == 0 and (len(levels) > 2 or parts_only):  # else train is a class, beside bus and car
        others = listed(sorted(top for top in tops if top.lower() not in LEVELS), 5)
        raise DataError(
            f"{path}: holds {others} beside folders of parts (train, test, val); take it out or into a part"
        )
    for name, folder in zip(names, folders, strict=True):
        if len(folder) <= depth:
            raise DataError(f"{path}: {name} lies in no class folder; expected <class>/<image>")
        if depth == 0 and len(folder) > 1 and folder[1].lower() in LEVELS:
            raise DataError(
                f"{path}: {folder[1]} lies inside the class folder {folder[0]}; expected {folder[1]}/<class>/<image>"
            )
    classes = _in_order(path, {folder[depth] for folder in folders})
    if len(classes) < 2:
        tables = sorted(one.name for one in path.iterdir() if is_text(one.name)) if path.is_dir() else []
        named = f', or name a table of files and labels: data.name = "…/{tables[0]}"' if tables else ""
        raise DataError(
            f"{path}: holds one class only, {readable(classes[0])}; at least two class folders are needed{named}"
        )
    number = {name: k for k, name in enumerate(classes)}
    y = np.array([number[folder[depth]] for folder in folders], np.int64)
    if depth == 0:
        return Contents(x, y, classes=classes, notes=notes)
    level = np.array([LEVELS[folder[0].lower()] for folder in folders])
    at = {part: level == part for part in ("train", "test", "val") if part in levels}
    if "train" not in at:
        raise DataError(
            f"{path}: holds {' and '.join(at)} images but no training images; expected train/<class>/<image>"
        )
    for part in list(at)[1:]:
        notes += _absent_from(path, classes, y[at["train"]], y[at[part]], {"val": "validation"}.get(part, part))
    parts = {f"{kind}_{part}": values[rows] for part, rows in at.items() for kind, values in (("x", x), ("y", y))}
    return Contents(**parts, classes=classes, notes=notes)


def _absent_from(
    path: Path, classes: tuple[str, ...], trained: NDArray[np.int64], y: NDArray[np.int64], part: str
) -> tuple[str, ...]:
    """A note on classes without a picture in a part.  Raises DataError where train/ calls one almost the same."""
    absent = [name for k, name in enumerate(classes) if k not in y]
    untrained = {name.casefold(): name for k, name in enumerate(classes) if k not in trained}
    for name in absent:
        if name.casefold() in untrained:
            raise DataError(
                f"{path}: the class folder {name!a} of the training part is {untrained[name.casefold()]!a} in the "
                f"{part} part; call them the same"
            )
    return (f"the {part} part has no picture of {listed(absent)}",) if absent else ()


def _refuse_parts_by_other_names(path: Path, tops: set[str]) -> None:
    """Raise DataError where folders such as training_set and test_set would be taken for classes."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)  # the rest of the name -> part -> folder
    for top in sorted(tops):
        words = re.split(r"[-_. ]+", top.lower())
        parts = [LEVELS[word] for word in words if word in LEVELS]
        rest = " ".join(word for word in words if word not in LEVELS)
        if rest and len(parts) == 1:
            found[rest][parts[0]] = top
    for parts_there in found.values():
        if "train" in parts_there and len(parts_there) > 1:
            names = ", ".join(f"{folder} {part}" for part, folder in parts_there.items())
            raise DataError(
                f"{path}: {listed(sorted(parts_there.values()))} look like parts and not like classes; parts are "
                f"called train, test and val: rename {names}, each with <class>/<image> in it"
            )


def _in_order(path: Path, names: set[str]) -> tuple[str, ...]:
    """Classes by the number that their names are, where all are whole numbers; else by alphabet."""
    for name in names:
        if any(unicodedata.category(sign) == "Cc" for sign in name):
            raise DataError(f"{path}: the class folder {name!a} holds control signs; rename it")
    whole = all(name.isascii() and name.removeprefix("-").isdigit() and len(name) <= 18 for name in names)
    look: dict[object, str] = {}
    for name in sorted(names):
        same = int(name) if whole else unicodedata.normalize("NFC", name)
        if same in look:
            words = "are the same number" if whole else "look alike (one letter, written in two ways in Unicode)"
            raise DataError(f"{path}: the class folders {look[same]!a} and {name!a} {words}; rename or join them")
        look[same] = name
    return tuple(sorted(names, key=int)) if whole else tuple(sorted(names))


def _left_out(unread: Unread) -> list[str]:
    """Notes on files that were not read, or read twice, one sentence for each kind."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    empty = [name for name, what in unread if what == EMPTY]
    links = [name for name, what in unread if what == LINK]
    twice = [name for name, what in unread if what == TWICE]
    for name, what in unread:
        if what not in (EMPTY, LINK, TWICE):
            found[PurePosixPath(name).parent.as_posix()].append(what)
    notes = []
    if found:
        places = [
            f"{len(kinds)} {'at the top' if at == '.' else f'in {at}'} ({_by_ending(kinds)})"
            for at, kinds in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        ]
        notes.append(f"left out: files of endings that are not read: {listed(places, 6)}")
    if empty:
        notes.append(f"left out: empty folders: {listed(sorted(empty), 6)}")
    if links:
        notes.append(f"left out: links, which are not followed in an archive: {listed(sorted(links), 6)}")
    if twice:
        notes.append(f"read more than once, as links lead there: {listed(sorted(twice), 6)}")
    return [_one_line(note) for note in notes]


def _one_line(note: str) -> str:
    return readable(note.replace("\n", "\\n"))


def _by_ending(kinds: Iterable[str]) -> str:
    counts = sorted(Counter(kinds).items(), key=lambda item: (-item[1], item[0]))
    return listed([f"{what[:20]} {n}" for what, n in counts], 6)
