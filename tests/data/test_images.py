"""Folders of images: levels, classes, colours, sizes, and images that cannot be read."""

import gzip
import io

import numpy as np
import pytest
from PIL import Image

from handgrad.data.image_files import read_picture
from handgrad.data.image_folders import read_images
from handgrad.errors import DataError

from .conftest import picture, put, tar, zipped

RED, BLUE, GRAY = picture((200, 0, 0)), picture((0, 0, 100)), picture(77, mode="L")


def folder(tmp_path, files):
    return put(tmp_path / "pictures", files)


def test_classes_without_levels(tmp_path):
    contents = read_images(
        folder(tmp_path, {"dog/1.png": RED, "cat/2.png": BLUE, "cat/1.PNG": BLUE, "notes.txt": b"x"})
    )
    assert contents.classes == ("cat", "dog")
    assert contents.y_train.tolist() == [0, 0, 1]
    assert contents.x_train.shape == (3, 3, 4, 6)
    assert contents.x_train[2, :, 0, 0].tolist() == [200, 0, 0]
    assert (contents.x_test, contents.value_range) == (None, (0, 255))
    assert contents.notes == ("left out: files of endings that are not read: 1 at the top (.txt 1)",)


@pytest.mark.parametrize("above", ["", "my pictures/", "a/b/"])
def test_train_and_test_levels_under_anything(tmp_path, above):
    files = {"Train/cat/1.png": RED, "Train/dog/1.png": BLUE, "test/dog/1.png": RED, "test/dog/deeper/2.png": BLUE}
    files["test/cat/1.png"] = BLUE
    contents = read_images(folder(tmp_path, {above + name: content for name, content in files.items()}))
    assert contents.classes == ("cat", "dog")
    assert (contents.y_train.tolist(), contents.y_test.tolist()) == ([0, 1], [0, 1, 1])
    assert contents.x_test[:, 0, 0, 0].tolist() == [0, 200, 0]
    assert contents.notes == ()


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".zip"])
def test_packed(tmp_path, ending):
    files = {"set/train/a/1.png": RED, "set/train/b/1.png": BLUE, "set/test/a/1.png": RED, "__MACOSX/set/._1.png": b""}
    packed = zipped(files) if ending == ".zip" else tar(files)
    (tmp_path / f"set{ending}").write_bytes(gzip.compress(packed) if ending == ".tar.gz" else packed)
    contents = read_images(tmp_path / f"set{ending}")
    assert contents.classes == ("a", "b")
    assert (contents.y_train.tolist(), contents.y_test.tolist()) == ([0, 1], [0])


def test_a_level_for_training_alone(tmp_path):
    contents = read_images(folder(tmp_path, {"train/a/1.png": RED, "train/b/1.png": BLUE}))
    assert (contents.classes, contents.x_test) == (("a", "b"), None)


def test_folders_of_parts_are_the_parts(tmp_path):
    files = {"train/a/1.png": RED, "train/b/1.png": BLUE, "valid/b/1.png": BLUE, "test/a/1.png": RED}
    contents = read_images(folder(tmp_path, files))
    assert (contents.y_train.tolist(), contents.y_val.tolist(), contents.y_test.tolist()) == ([0, 1], [1], [0])
    assert (len(contents.x_train), len(contents.x_val), len(contents.x_test)) == (2, 1, 1)
    assert contents.notes == ("the test part has no picture of b", "the validation part has no picture of a")


def test_a_folder_of_validation_images_validates_where_there_is_no_test_part(tmp_path):
    contents = read_images(folder(tmp_path, {"train/a/1.png": RED, "train/b/1.png": BLUE, "val/b/1.png": BLUE}))
    assert (contents.y_val.tolist(), contents.x_test) == ([1], None)


@pytest.mark.parametrize(
    ("mode", "color", "channels"),
    [
        ("L", "keep", 1),
        ("1", "keep", 1),
        ("LA", "keep", 1),
        ("RGB", "keep", 3),
        ("RGBA", "keep", 3),
        ("P", "keep", 3),
        ("RGB", "gray", 1),
        ("L", "rgb", 3),
    ],
)
def test_colours(tmp_path, mode, color, channels):
    files = {"a/1.png": picture(mode=mode), "b/1.png": picture(mode=mode)}
    assert read_images(folder(tmp_path, files), color=color).x_train.shape == (2, channels, 4, 6)


def test_gray_of_a_colour_by_hand(tmp_path):
    # ITU-R 601-2: (200·299 + 0·587 + 0·114) / 1000 = 59.8
    contents = read_images(folder(tmp_path, {"a/1.png": RED, "b/1.png": GRAY}), color="gray")
    assert contents.x_train[:, 0, 0, 0].tolist() == [60, 77]


def test_image_size_is_rows_and_cols(tmp_path):
    files = {"a/1.png": RED, "b/1.png": picture((0, 0, 100), size=(9, 9))}
    assert read_images(folder(tmp_path, files), image_size=(2, 5)).x_train.shape == (2, 3, 2, 5)


def test_a_photograph_on_its_side_is_turned(tmp_path):
    packed = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.new("L", (6, 4)).save(packed, "JPEG", exif=exif)
    contents = read_images(folder(tmp_path, {"a/1.jpg": packed.getvalue(), "b/1.jpg": packed.getvalue()}))
    assert contents.x_train.shape == (2, 1, 6, 4)


def error(tmp_path, files, **options):
    with pytest.raises(DataError) as caught:
        read_images(folder(tmp_path, files), **options)
    where = f"{tmp_path / 'pictures'}: "
    assert str(caught.value).startswith(where)
    return str(caught.value).removeprefix(where)


def noise(form):
    packed = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(values).save(packed, form)
    return packed.getvalue()


def test_something_that_is_no_image(tmp_path):
    text = error(tmp_path, {"a/1.png": RED, "b/1.jpg": b"<html>"})
    assert text == (
        "b/1.jpg: is a web page or other text in tags; pictures are PNG, JPEG, BMP, GIF, TIFF, WEBP or PPM, by their "
        "content and not their name: save it as PNG, or take it out"
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF"])
def test_a_truncated_image(tmp_path, form):
    content = noise(form)
    text = error(tmp_path, {f"a/1.{form.lower()}": content[: len(content) // 2]})
    assert text.startswith(f"a/1.{form.lower()}: is not a picture, or is damaged (")
    assert text.endswith("; mend it or take it out")
    assert "\n" not in text


def test_images_of_several_sizes(tmp_path):
    text = error(tmp_path, {"a/1.png": RED, "b/1.png": picture(size=(5, 6))})
    assert text == "b/1.png is 5 × 6, colour, but a/1.png is 4 × 6, colour; set data.image_size = [4, 6]"


def test_images_of_several_colours(tmp_path):
    text = error(tmp_path, {"a/1.png": RED, "b/1.png": GRAY})
    assert text == 'b/1.png is 4 × 6, gray, but a/1.png is 4 × 6, colour; set data.color = "gray" (or "rgb") for all'


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"a/1.txt": b""}, "holds no images (.bmp, .gif, "),
        ({"1.png": RED, "a/2.png": RED}, "1.png lies in no class folder; expected <class>/<image>"),
        ({"train/1.png": RED, "test/a/2.png": RED}, "train/1.png lies in no class folder"),
        (
            {"test/a/1.png": RED, "test/b/1.png": RED},
            "holds test images but no training images; expected train/<class>",
        ),
    ],
)
def test_folders_that_are_no_data_set(tmp_path, files, text):
    assert text in error(tmp_path, files)


def test_a_picture_is_brought_to_the_shape_of_the_data(tmp_path):
    put(tmp_path, {"red.png": RED})
    assert read_picture(tmp_path / "red.png", (1, 8, 8)).tolist() == np.full((1, 8, 8), 60).tolist()
    assert read_picture(tmp_path / "red.png", (3, 4, 6))[:, 0, 0].tolist() == [200, 0, 0]


def test_pictures_that_cannot_be_predicted(tmp_path):
    put(tmp_path, {"x.png": b"x"})
    with pytest.raises(DataError, match=r"x\.png: is no picture \(it begins with 'x'\)"):
        read_picture(tmp_path / "x.png", (1, 8, 8))
    with pytest.raises(DataError, match=r"y\.png: no such file"):
        read_picture(tmp_path / "y.png", (1, 8, 8))
    with pytest.raises(
        DataError, match=r"pictures fit networks whose examples are images; these have the shape \(4,\)"
    ):
        read_picture(tmp_path / "x.png", (4,))
