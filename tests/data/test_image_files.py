"""One picture file: which formats and modes are read, what becomes of them, and that nothing is executed."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import handgrad
from handgrad.data import image_files
from handgrad.data.image_files import FORMATS, decode, read_picture
from handgrad.data.image_folders import read_images
from handgrad.errors import DataError

from .conftest import picture, put, zipped
from .executions import watched

NOT_READ = (
    "; pictures are PNG, JPEG, BMP, GIF, TIFF, WEBP or PPM, by their content and not their name: "
    "save it as PNG, or take it out"
)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(hello) print flush showpage\n%%EOF\n"


def saved(image, form, **options):
    packed = io.BytesIO()
    image.save(packed, form, **options)
    return packed.getvalue()


def error(content, **options):
    with pytest.raises(DataError) as caught:
        decode(content, "x.png", **options)
    assert str(caught.value).startswith("x.png: ")
    return str(caught.value).removeprefix("x.png: ")


def test_postscript_under_the_name_of_a_png_starts_nothing(tmp_path):
    put(tmp_path / "data", {"cat/1.png": POSTSCRIPT, "dog/1.png": picture()})
    (tmp_path / "data.zip").write_bytes(zipped({"cat/1.png": POSTSCRIPT, "dog/1.png": picture()}))
    with watched() as started:
        for path in (tmp_path / "data", tmp_path / "data.zip"):
            with pytest.raises(DataError) as caught:
                read_images(path)
            assert str(caught.value) == f"{path}: cat/1.png: is PostScript{NOT_READ}"
        with pytest.raises(DataError, match=r"1\.png: is PostScript; pictures are PNG"):
            read_picture(tmp_path / "data" / "cat" / "1.png", (1, 8, 8))
    assert started == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xc5\xd0\xd3\xc6" + bytes(30), "is PostScript"),
        (b"%PDF-1.7\n", "is PDF"),
        (b"SIMPLE  =                    T" + b" " * 80, "is FITS"),
        (b"\xd7\xcd\xc6\x9a" + bytes(60), "is WMF"),
        (b"\x01\x00\x00\x00" + bytes(40) + b" EMF" + bytes(60), "is EMF"),
        (b"8BPS\x00\x01" + bytes(30), "is a Photoshop file"),
        (b"\n<svg xmlns='http://www.w3.org/2000/svg'/>", "is SVG"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(20), "is HEIC"),
        (b"\x00\x00\x00\x18ftypavif" + bytes(20), "is AVIF"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(20), "is a film"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is the pointer of Git LFS to a file that was not fetched"),
        (b"PK\x03\x04" + bytes(30), "is a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n", "is a damaged PNG"),
        (b"", "is empty"),
        (b"\xff\x00what is this", r"is no picture (it begins with '\xff\x00what i')"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(content, kind):
    assert error(content) == kind + NOT_READ


@pytest.mark.parametrize("form", ["ICO", "TGA", "PCX", "DDS", "SGI", "PDF", "EPS", "ICNS", "JPEG2000", "XBM", "MSP"])
def test_other_formats_of_pillow_are_not_opened(form):
    mode = "1" if form in ("XBM", "MSP") else "RGB"
    assert NOT_READ in error(saved(Image.new(mode, (16, 16)), form))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_that_is_named_is_read_under_any_name(form):
    exact = {"lossless": True} if form == "WEBP" else {"quality": 100} if form == "JPEG" else {}
    found = decode(saved(Image.new("RGB", (6, 4), (250, 250, 250)), form, **exact), "x.anything")
    assert found.pixels.shape == (4, 6, 3)
    assert np.ptp(found.pixels) == 0
    assert found.pixels[0, 0, 0] == 250
    assert (found.alpha, found.remarks) == (None, ())


def test_pictures_are_opened_in_one_place():
    """A report reads pictures too: those that it has drawn itself."""
    source = Path(handgrad.__file__).parent
    opening = [path for path in source.rglob("*.py") if "Image.open(" in path.read_text("utf-8")]
    own = [path.name for path in opening if path.is_relative_to(source / "report")]
    assert sorted(own) == ["canvas.py", "static_pictures.py"]
    assert [path.name for path in opening if path.name not in own] == ["image_files.py"]


# Transparency


def clear_drawing(mode, shade):
    """A 4 × 6 picture of one shade whose left half can be seen; the whole shape lies in its alpha."""
    image = Image.new(mode, (6, 4), (shade, 0) if mode == "LA" else (shade, shade, shade, 0))
    image.paste((shade, 255) if mode == "LA" else (shade, shade, shade, 255), (0, 0, 3, 4))
    return image


def palette_drawing(shade):
    image = Image.new("P", (6, 4), 1)
    image.putpalette([shade] * 3 + [9, 9, 9])
    image.paste(0, (0, 0, 3, 4))
    return saved(image, "PNG", transparency=1)


def palette_of_alphas(shade):
    image = Image.new("P", (6, 4), 1)
    image.putpalette([shade] * 3 + [9, 9, 9])
    image.paste(0, (0, 0, 3, 4))
    return saved(image, "PNG", transparency=b"\xff\x00")


def clear_gif(shade):
    image = Image.new("P", (6, 4), 1)
    image.putpalette([shade] * 3 + [9, 9, 9])
    image.paste(0, (0, 0, 3, 4))
    return saved(image, "GIF", transparency=1)


def color_key_drawing(mode, shade):
    image = Image.new(mode, (6, 4), 7 if mode == "L" else (7, 7, 7))
    image.paste(shade if mode == "L" else (shade,) * 3, (0, 0, 3, 4))
    return saved(image, "PNG", transparency=7 if mode == "L" else (7, 7, 7))


DRAWINGS = {
    "LA": lambda shade: saved(clear_drawing("LA", shade), "PNG"),
    "RGBA": lambda shade: saved(clear_drawing("RGBA", shade), "PNG"),
    "RGBA in TIFF": lambda shade: saved(clear_drawing("RGBA", shade), "TIFF"),
    "RGBA in WebP": lambda shade: saved(clear_drawing("RGBA", shade), "WEBP", lossless=True),
    "palette": palette_drawing,
    "palette of alphas": palette_of_alphas,
    "GIF": clear_gif,
    "gray with one clear value": lambda shade: color_key_drawing("L", shade),
    "colour with one clear value": lambda shade: color_key_drawing("RGB", shade),
}


@pytest.mark.parametrize("kind", DRAWINGS)
@pytest.mark.parametrize(("shade", "background", "word"), [(0, 255, "white"), (250, 0, "black, as what can be")])
@pytest.mark.parametrize("color", ["keep", "gray", "rgb"])
def test_what_is_transparent_is_laid_on_a_background_that_lets_it_be_seen(
    tmp_path, kind, shade, background, word, color
):
    content = DRAWINGS[kind](shade)
    path = put(tmp_path / "data", {"a/1.png": content, "b/1.png": content})
    contents = read_images(path, color=color)
    for channel in contents.x_train[0]:
        assert channel[0].tolist() == [shade] * 3 + [background] * 3
    note = f"2 of 2 pictures, such as a/1.png: transparent in part; laid on {word}"
    assert [one for one in contents.notes if one.startswith(note)]
    notes = []
    alone = read_picture(path / "a" / "1.png", contents.x_train.shape[1:], (0, 255), notes)
    assert alone.tolist() == contents.x_train[0].tolist()
    assert notes[0].startswith(f"{path / 'a' / '1.png'}: is transparent in part; laid on {word}")


def test_one_background_for_all_pictures_of_a_set(tmp_path):
    # three dark drawings and one light one: what can be seen is dark on average, so white for all
    dark, light = DRAWINGS["LA"](0), DRAWINGS["LA"](250)
    x = read_images(put(tmp_path / "d", {"a/1.png": dark, "a/2.png": dark, "b/1.png": dark, "b/2.png": light})).x_train
    assert x[:, 0, 0, 5].tolist() == [255] * 4


def test_half_transparent_by_hand():
    # (100·51 + 255·204) / 255 = 224; on black 100·51 / 255 = 20
    alpha, pixels = np.full((1, 1), 51, np.uint8), np.full((1, 1, 1), 100, np.uint8)
    assert image_files.on_background(pixels, alpha, 255).tolist() == [[[224]]]
    assert image_files.on_background(pixels, alpha, 0).tolist() == [[[20]]]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_an_opaque_alpha_says_nothing_and_changes_nothing(tmp_path, mode):
    rng = np.random.default_rng(0)
    plain = Image.fromarray(rng.integers(0, 256, (5, 7) if mode == "LA" else (5, 7, 3), dtype=np.uint8))
    with_alpha = plain.convert(mode)
    for size in (None, (3, 3)):
        one = decode(saved(plain, "PNG"), "a", image_size=size)
        other = decode(saved(with_alpha, "PNG"), "b", image_size=size)
        assert other.alpha is None
        assert other.pixels.tolist() == one.pixels.tolist()


def test_what_is_clear_does_not_bleed_into_what_is_seen_when_a_picture_is_resized(tmp_path):
    # a black drawing whose clear part is white underneath: no gray may come in from below
    image = Image.new("LA", (8, 8), (255, 0))
    image.paste((0, 255), (0, 0, 4, 8))
    found = decode(saved(image, "PNG"), "x", image_size=(4, 4))
    assert found.pixels[found.alpha > 0].max() == 0


# Bits and modes


def png16(values, color_type=0):
    """A PNG of 16 bits: values (rows, cols) or (rows, cols, 3)."""
    values = np.asarray(values, ">u2")

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">2I5B", values.shape[1], values.shape[0], 16, color_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


DEEP = np.array([[0, 1, 255], [256, 4000, 300]])


@pytest.mark.parametrize(
    "content",
    [
        png16(DEEP),
        saved(Image.fromarray(DEEP.astype(np.uint16)), "TIFF"),
    ],
    ids=["PNG", "TIFF"],
)
def test_gray_of_sixteen_bits_keeps_its_values(tmp_path, content):
    # .convert("L") would cut all of them above 255 to 255
    contents = read_images(put(tmp_path / "d", {"a/1.png": content, "b/1.png": content}))
    assert contents.x_train[0, 0].tolist() == DEEP.tolist()
    assert contents.value_range == (0, 4095)
    assert contents.notes == ("pictures of 16 bits with values to 4000: their range is taken for 0 to 4095",)
    notes = []
    # as 0 to 255 of the data's range: 4000 · 255 / 4095 = 249.084
    alone = read_picture(tmp_path / "d/a/1.png", (1, 2, 3), (0, 4095), notes)
    assert alone[0] * 4095 / 255 == pytest.approx(DEEP)
    assert notes == [f"{tmp_path / 'd/a/1.png'}: its values, to 4000, are taken as those of the data"]


def test_sixteen_bits_for_a_network_of_bytes(tmp_path):
    # 65535 becomes 255: 257 to one
    put(tmp_path, {"x.png": png16(DEEP)})
    assert read_picture(tmp_path / "x.png", (1, 2, 3), (0, 255))[0].tolist() == (DEEP / 257).tolist()


def test_a_portable_graymap_of_sixteen_bits():
    # its own header says that 1000 is white: 500 is 32768 of 65535
    content = b"P5 2 1 1000\n" + np.array([500, 1000], ">u2").tobytes()
    assert decode(content, "x").pixels.ravel().tolist() == [32768, 65535]


def test_sixteen_bits_are_resized_and_made_rgb():
    found = decode(png16(np.full((4, 4), 5000)), "x", image_size=(2, 3), color="rgb")
    assert (found.pixels.shape, found.pixels.dtype) == ((2, 3, 3), np.uint16)
    assert set(found.pixels.ravel()) == {5000}


def test_colour_of_sixteen_bits_is_said_to_be_cut(tmp_path):
    content = png16(np.full((2, 3, 3), 0x1234), 2)
    contents = read_images(put(tmp_path / "d", {"a/1.png": content, "b/1.png": picture((9, 9, 9), size=(2, 3))}))
    assert contents.x_train[0].max() == 0x12
    assert contents.notes == ("1 of 2 pictures, such as a/1.png: 16 bits a channel in colour: the upper 8 are read",)
    ppm = b"P6 1 1 65535\n" + b"\x12\x34" * 3
    assert decode(ppm, "x").remarks == ("deep",)
    assert decode(b"P6 1 1 255\n" + b"\x12" * 3, "x").remarks == ()


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (Image.new("F", (2, 2), 0.5), "numbers with decimals (mode F)"),
        (Image.new("I", (2, 2), 70000), "whole numbers of 32 bits (mode I)"),
        (Image.new("LAB", (2, 2)), "pixels of the mode LAB"),
    ],
)
def test_modes_that_are_refused_by_name(image, what):
    assert error(saved(image, "TIFF")) == (
        f"holds {what}, of which nothing says what is black and what is white; save it as gray or RGB, or give arrays "
        "(.npz)"
    )


def test_cmyk_is_converted_with_a_word(tmp_path):
    content = saved(Image.new("CMYK", (2, 2), (0, 0, 0, 255)), "TIFF")  # black ink alone
    contents = read_images(put(tmp_path / "d", {"a/1.tif": content, "b/1.tif": content}))
    assert contents.x_train.max() == 0
    assert contents.notes == (
        "2 of 2 pictures, such as a/1.tif: CMYK: converted to red, green and blue without the colour profile",
    )


def test_one_bit_is_black_and_white():
    image = Image.new("1", (2, 1), 0)
    image.putpixel((1, 0), 1)
    assert decode(saved(image, "PNG"), "x").pixels.ravel().tolist() == [0, 255]


@pytest.mark.parametrize(("form", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_of_several_pictures_in_a_file_the_first_is_taken_with_a_word(tmp_path, form, options):
    frames = [Image.new("RGB", (4, 4), (shade,) * 3) for shade in (200, 100, 0)]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
    contents = read_images(put(tmp_path / "d", {"a/1.png": content, "b/1.png": content}))
    assert set(contents.x_train.ravel()) == {200}
    assert contents.notes == (
        "2 of 2 pictures, such as a/1.png: several pictures in one file (an animation, pages): the first is taken",
    )


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(monkeypatch):
    def not_reached(*_):
        raise AssertionError("was unpacked")

    for size in (12_000, 60_000):  # Pillow warns of the first and refuses the second
        header = struct.pack(">2I5B", size, size, 8, 0, 0, 0, 0)
        chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
        with monkeypatch.context() as during:
            during.setattr("PIL.PngImagePlugin.PngImageFile.load", not_reached)
            text = error(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 4) + b"IDAT" + bytes(8))
        assert text == "has more than 89,478,485 pixels, the most that is read; make it smaller"


def test_a_file_too_large_to_be_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.data.archives.MOST_BYTES", 1_000)
    put(tmp_path, {"x.png": bytes(1_001)})
    with pytest.raises(DataError, match=r"x\.png: has 1001 bytes or more; at most 1000 bytes are read of one file"):
        read_picture(tmp_path / "x.png", (1, 8, 8))


def test_a_picture_with_the_values_of_the_data(tmp_path):
    # a network of pictures that hold 0 and 1: so does this one; another with 0 to 255 is brought to that range
    put(tmp_path, {"bits.png": picture(1, mode="L"), "bytes.png": picture(255, mode="L")})
    assert read_picture(tmp_path / "bits.png", (1, 4, 6), (0, 1)).max() == 255
    assert read_picture(tmp_path / "bytes.png", (1, 4, 6), (0, 1)).max() == 255
    assert read_picture(tmp_path / "bits.png", (1, 4, 6), (0, 255)).max() == 1
