"""The layers of images as they are written: `conv 6 5x5 stride 2 pad 2 relu`, `max-pool 2`, `average-pool 2`.

Sizes are ROWSxCOLS, or one number for both.  Images are (channels, rows, cols).  A layer whose windows do not fit its
images is refused, and the message shows layers that would.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from handgrad.errors import NetworkError
from handgrad.names import shown, unknown
from handgrad.network.layer import Plain, Shape, check_elementwise, optional_activation
from handgrad.network.windows import Pair, Windows, check_pair, read_count, read_pair, write_pair

SHOWN = 3  # of the layers that would fit


def _options(words: Sequence[str], known: Sequence[str]) -> tuple[dict[str, Pair], list[str]]:
    """("stride 2 pad 1 relu", stride and pad) -> ({"stride": (2, 2), "pad": (1, 1)}, ["relu"])."""
    found: dict[str, Pair] = {}
    words = list(words)
    while words and words[0] in known:
        option = words.pop(0)
        if option in found:
            raise NetworkError(f"{option} is given twice")
        if not words:
            raise NetworkError(f"{option} needs a number, as in '{option} 2'")
        found[option] = read_pair(words.pop(0), option, least=0 if option == "pad" else 1)
    if len(words) > 1 and words[0].isalpha() and words[1][:1].isdigit():
        raise NetworkError(unknown(words[0], known, "option"))
    return found, words


def _images(shape: Shape) -> str:
    channels, rows, cols = shape
    return f"images of {rows}x{cols} ({channels} channel{'s' if channels != 1 else ''})"


@dataclass(frozen=True)
class Conv(Plain):
    """`conv FILTERS SIZE [stride S] [pad P] [ACTIVATION]`: filters W (filters, channels, *size), one b for each."""

    filters: int
    size: Pair
    stride: Pair = (1, 1)
    pad: Pair = (0, 0)
    activation: str = "identity"
    kind: ClassVar[str] = "conv"
    needs_images: ClassVar[bool] = True

    usage: ClassVar[str] = "conv FILTERS SIZE [stride S] [pad P] [ACTIVATION], as in 'conv 6 5x5 relu'"

    def __post_init__(self) -> None:
        if type(self.filters) is not int or self.filters < 1:
            raise NetworkError(f"a conv layer needs a whole number of filters >= 1; got {shown(self.filters)}")
        check_pair(self.size, "a filter's size")
        check_pair(self.stride, "stride")
        check_pair(self.pad, "pad", 0)
        check_elementwise(self.activation, "a conv layer")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        if len(words) < 2:
            raise NetworkError(f"write: {cls.usage}")
        filters = read_count(words[0])
        if filters is None:
            raise NetworkError(f"a conv layer needs a whole number of filters >= 1; got {shown(words[0])}")
        options, rest = _options(words[2:], ("stride", "pad"))
        activation = optional_activation(rest, cls.usage)
        return cls(filters, read_pair(words[1], "a filter's size"), **options, activation=activation)

    @property
    def windows(self) -> Windows:
        return Windows(self.size, self.stride, self.pad)

    def shape_after(self, shape: Shape) -> Shape:
        image = (shape[1], shape[2])
        if self.windows.larger_than(image):
            smaller = replace(self, size=_least(self.size, self.pad, image))
            pad = _pair(max(p, -((n - k) // 2)) for n, k, p in zip(image, self.size, self.pad, strict=True))
            raise NetworkError(
                f"its filters are larger than the {_images(shape)}{_with_pad(self.pad)} that it gets; "
                + _would_fit(image, [smaller, replace(self, pad=pad)])
            )
        if not self.windows.fits(image):
            raise NetworkError(_left_out(self, shape) + _would_fit(image, self._alternatives()))
        return (self.filters, *self.windows.counts(image))

    def _alternatives(self) -> "Iterator[Conv]":
        for more in range(1, max(self.size)):
            yield replace(self, pad=(self.pad[0] + more, self.pad[1] + more))
        for stride in range(max(self.stride) - 1, 0, -1):
            yield replace(self, stride=(stride, stride))
        for less in range(1, min(self.size)):
            yield replace(self, size=(self.size[0] - less, self.size[1] - less))

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"W": (self.filters, shape[0], *self.size), "b": (self.filters,)}

    def fans(self, before: Shape, after: Shape) -> tuple[int, int]:
        """(channels · k_rows·k_cols, filters · k_rows·k_cols), as PyTorch and Keras count them."""
        return before[0] * math.prod(self.size), self.filters * math.prod(self.size)

    def __str__(self) -> str:
        return (
            f"conv {self.filters} {write_pair(self.size, short=False)} stride {write_pair(self.stride)} "
            f"pad {write_pair(self.pad)} {self.activation}"
        )


@dataclass(frozen=True)
class _Pool(Plain):
    """`max-pool SIZE [stride S]`: one number for every window, in each channel; the stride is the size if not given."""

    size: Pair
    stride: Pair
    kind: ClassVar[str] = ""
    activation: ClassVar[str] = "identity"
    needs_images: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_pair(self.size, "a window's size")
        check_pair(self.stride, "stride")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        usage = f"{cls.kind} SIZE [stride S], as in '{cls.kind} 2'"
        if not words:
            raise NetworkError(f"write: {usage}")
        size = read_pair(words[0], "a window's size")
        options, rest = _options(words[1:], ("stride",))
        if rest:
            raise NetworkError(
                f"write: {usage}; got {shown(' '.join(rest))} at its end (a pool has no activation or pad)"
            )
        return cls(size, options.get("stride", size))

    @property
    def windows(self) -> Windows:
        return Windows(self.size, self.stride)

    def shape_after(self, shape: Shape) -> Shape:
        image = (shape[1], shape[2])
        if self.windows.larger_than(image):
            smaller = _least(self.size, (0, 0), image)
            raise NetworkError(
                f"its windows are larger than the {_images(shape)} that it gets; "
                + _would_fit(image, [replace(self, size=smaller, stride=smaller)])
            )
        if not self.windows.fits(image):
            raise NetworkError(_left_out(self, shape) + _would_fit(image, self._alternatives(image)))
        return (shape[0], *self.windows.counts(image))

    def _alternatives(self, image: Pair) -> "Iterator[_Pool]":
        if self.stride != self.size:
            for stride in range(max(self.stride) - 1, 0, -1):
                yield replace(self, stride=(stride, stride))
        for size in range(2, max(image) + 1):
            yield replace(self, size=(size, size), stride=(size, size))
        yield replace(self, size=image, stride=image)
        yield replace(self, stride=(1, 1))

    def __str__(self) -> str:
        return f"{self.kind} {write_pair(self.size, short=False)} stride {write_pair(self.stride)}"


@dataclass(frozen=True)
class MaxPool(_Pool):
    """`max-pool SIZE [stride S]`: the largest number of every window."""

    kind: ClassVar[str] = "max-pool"


@dataclass(frozen=True)
class AveragePool(_Pool):
    """`average-pool SIZE [stride S]`: the mean of every window."""

    kind: ClassVar[str] = "average-pool"


def _pair(numbers: Iterator[int]) -> Pair:
    rows, cols = numbers
    return rows, cols


def _least(size: Pair, pad: Pair, image: Pair) -> Pair:
    return _pair(min(k, n + 2 * p) for k, n, p in zip(size, image, pad, strict=True))


def _with_pad(pad: Pair) -> str:
    return f" with pad {write_pair(pad)}" if any(pad) else ""


def _left_out(layer: Conv | _Pool, shape: Shape) -> str:
    left = zip(layer.windows.left_out((shape[1], shape[2])), ("row", "column"), strict=True)
    last = " and ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in left if n)
    return f"its windows do not divide the {_images(shape)} that it gets: the last {last} would be left out; "


def _would_fit(image: Pair, candidates: "Sequence[Conv | _Pool] | Iterator[Conv | _Pool]") -> str:
    fits = dict.fromkeys(str(layer) for layer in candidates if layer.windows.fits(image))
    return "what would fit: " + ", ".join(map(repr, list(fits)[:SHOWN]))
