"""Folders of images: links, what is left out and what is said of it, the order of classes, names."""

import os

import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load, split
from handgrad.data.image_folders import read_images
from handgrad.errors import DataError, InputError

from .conftest import picture, put, tar, zipped

RED, BLUE, GRAY = picture((255, 0, 0)), picture((0, 0, 255)), picture(255, mode="L")


def folder(tmp_path, files):
    return put(tmp_path / "pictures", files)


def error(tmp_path, files, **options):
    with pytest.raises(DataError) as caught:
        read_images(folder(tmp_path, files), **options)
    where = f"{tmp_path / 'pictures'}: "
    assert str(caught.value).startswith(where)
    return str(caught.value).removeprefix(where)


# What is followed, what is left out, and what is said of it


def test_class_folders_that_are_links_are_followed(tmp_path):
    store = put(tmp_path / "store", {"cat/1.png": RED, "cat/2.png": RED, "dog/1.png": BLUE})
    data = put(tmp_path / "data", {"bird/1.png": BLUE})
    (data / "cat").symlink_to(store / "cat")
    (data / "dog").symlink_to("../store/dog")
    contents = read_images(data)
    assert contents.classes == ("bird", "cat", "dog")
    assert contents.y_train.tolist() == [0, 1, 1, 2]
    assert contents.notes == ()


def test_parts_and_pictures_that_are_links_are_followed(tmp_path):
    store = put(tmp_path / "store", {"one/a/1.png": RED, "one/b/1.png": BLUE, "two/a/1.png": BLUE, "2.png": RED})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(store / "one")
    (tmp_path / "data" / "test").symlink_to(store / "two")
    (store / "two" / "b").mkdir()
    (store / "two" / "b" / "2.png").symlink_to(store / "2.png")
    contents = read_images(tmp_path / "data")
    assert (contents.y_train.tolist(), contents.y_test.tolist()) == ([0, 1], [0, 1])


def test_a_folder_that_is_read_twice_is_said(tmp_path):
    store = put(tmp_path / "store", {"a/1.png": RED, "b/1.png": BLUE})
    (tmp_path / "data").mkdir()
    for part in ("train", "test"):
        (tmp_path / "data" / part).symlink_to(store)
    assert read_images(tmp_path / "data").notes == (
        "read more than once, as links lead there: train, train/a, train/b",
    )


def test_a_link_to_a_folder_above_is_a_loop(tmp_path):
    data = folder(tmp_path, {"a/1.png": RED, "b/1.png": RED})
    (data / "b" / "again").symlink_to(data)
    with pytest.raises(DataError) as caught:
        read_images(data)
    assert str(caught.value) == f"{data / 'b' / 'again'}: is a link to a folder above itself; take it out"


def test_a_link_that_leads_nowhere_is_said(tmp_path):
    data = folder(tmp_path, {"a/1.png": RED, "b/1.png": RED})
    (data / "c").symlink_to("../gone")
    with pytest.raises(DataError) as caught:
        read_images(data)
    assert str(caught.value) == (
        f"{data / 'c'}: is a link to ../gone, where nothing can be read; mend it or take it out"
    )


def test_links_in_rings_without_end_are_given_up(tmp_path, monkeypatch):
    # 2^20 ways through twenty floors of two doors each
    monkeypatch.setattr("handgrad.data.archives.MOST_FILES", 1000)
    for floor in range(20):
        (tmp_path / f"f{floor}").mkdir()
    for floor in range(19):
        for door in "ab":
            (tmp_path / f"f{floor}" / door).symlink_to(tmp_path / f"f{floor + 1}")
    with pytest.raises(DataError, match="holds more than 1,000 files, the most that are read; divide it"):
        read_images(tmp_path / "f0")


def test_what_is_left_out_is_said(tmp_path):
    files = {"cat/1.png": RED, "dog/1.JFIF": picture(9, mode="RGB", form="JPEG"), "cat/2.heic": b"x", "cat/3.HEIC": b""}
    files |= {"cat/notes.txt": b"x", "cat/more/4.svg": b"x", "LICENSE": b"x", "cat/old.png.bak": b"x"}
    data = folder(tmp_path, files)
    (data / "fish").mkdir()
    (data / "cat" / "none").mkdir()
    assert read_images(data).notes == (
        "left out: files of endings that are not read: 4 in cat (.heic 2, .bak 1, .txt 1), 1 at the top (no ending 1), "
        "1 in cat/more (.svg 1)",
        "left out: empty folders: cat/none, fish",
    )


@pytest.mark.parametrize(
    "name",
    ["cat/.DS_Store", "cat/Thumbs.db", ".git/config", "__MACOSX/cat/._1.png", "cat/desktop.ini", ".thumbs/1.png"],
)
def test_what_is_hidden_is_passed_over_without_a_word(tmp_path, name):
    files = {"cat/1.png": RED, "dog/1.png": BLUE, name: b"x"}
    assert read_images(folder(tmp_path, files)).notes == ()
    (tmp_path / "x.zip").write_bytes(zipped(files))
    (tmp_path / "x.tar").write_bytes(tar(files))
    assert read_images(tmp_path / "x.zip").notes == read_images(tmp_path / "x.tar").notes == ()


@pytest.mark.parametrize("ending", [".jfif", ".jpe", ".JPG", ".Jpeg", ".PNM", ".pbm", ".TIF"])
def test_endings_of_pictures(tmp_path, ending):
    assert len(read_images(folder(tmp_path, {f"a/1{ending}": RED, f"b/1{ending}": RED})).y_train) == 2


def test_what_is_left_out_of_an_archive_is_said_too(tmp_path):
    files = {"cat/1.png": RED, "dog/1.png": BLUE, "cat/1.txt": b"x", "more.zip": zipped({"cat/1.png": RED})}
    (tmp_path / "x.zip").write_bytes(zipped(files))
    (tmp_path / "x.tar").write_bytes(tar(files))
    note = "left out: files of endings that are not read: 1 at the top (.zip 1), 1 in cat (.txt 1)"
    assert read_images(tmp_path / "x.zip").notes == read_images(tmp_path / "x.tar").notes == (note,)


def test_an_archive_of_archives_holds_no_images(tmp_path):
    (tmp_path / "x.zip").write_bytes(zipped({"a/1.zip": zipped({"cat/1.png": RED}), "b/2.zip": b"x"}))
    with pytest.raises(DataError, match=r"holds no images \(.*\); it holds \.zip 2; expected <class>/<image>"):
        read_images(tmp_path / "x.zip")


def test_classes_that_one_part_lacks_are_said(tmp_path):
    files = {"train/a/1.png": RED, "train/b/1.png": RED, "test/a/1.png": RED, "test/c/1.png": RED}
    contents = read_images(folder(tmp_path, files))
    assert contents.notes == ("the test part has no picture of b",)
    notes = split(load(str(tmp_path / "pictures")), DataSection(validation=False)).notes
    assert notes == ("the test part has no picture of b", "the training part has no example of c")


@pytest.mark.parametrize(
    ("train", "test", "text"),
    [
        ("Cat", "cat", "the class folder 'Cat' of the training part is 'cat' in the test part; call them the same"),
        (
            "caf\u00e9",
            "cafe\u0301",
            r"the class folders 'cafe\u0301' and 'caf\xe9' look alike (one letter, written in two ways in Unicode); "
            "rename or join them",
        ),
        ("01", "1", "the class folders '01' and '1' are the same number; rename or join them"),
    ],
)
def test_one_class_under_two_names_is_never_two_classes(tmp_path, train, test, text):
    other = "2" if train == "01" else "dog"
    files = {f"train/{train}/1.png": RED, f"test/{test}/1.png": RED}
    assert error(tmp_path, files | {f"train/{other}/1.png": RED, f"test/{other}/1.png": RED}) == text


def test_letters_of_both_cases_are_classes_of_their_own(tmp_path):
    files = {f"{part}/{name}/1.png": RED for part in ("train", "test") for name in "Aa"}
    assert read_images(folder(tmp_path, files)).classes == ("A", "a")


# The order of classes


def test_classes_that_are_whole_numbers_are_in_the_order_of_numbers(tmp_path):
    files = {f"{k}/1.png": picture((k, 0, 0)) for k in range(12)}
    data = folder(tmp_path, files)
    (tmp_path / "x.tar").write_bytes(tar(files))
    (tmp_path / "x.zip").write_bytes(zipped(dict(reversed(files.items()))))
    for path in (data, tmp_path / "x.tar", tmp_path / "x.zip"):
        contents = read_images(path)
        assert contents.classes == tuple(str(k) for k in range(12))
        assert contents.y_train.tolist() == contents.x_train[:, 0, 0, 0].tolist()  # the shade is the number


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("10", "9", "-1"), ("-1", "9", "10")),
        (("00", "01", "10"), ("00", "01", "10")),
        (("1", "10", "2", "x"), ("1", "10", "2", "x")),
        (("class10", "class2"), ("class10", "class2")),
        (("1.5", "10", "2"), ("1.5", "10", "2")),
        (("\u0661", "\u0662"), ("\u0661", "\u0662")),  # digits, but no number that a file would be told by
    ],
)
def test_the_order_of_classes(tmp_path, names, expected):
    assert read_images(folder(tmp_path, {f"{name}/1.png": RED for name in names})).classes == expected


def test_the_checksum_of_folders_of_single_digits_is_as_it_was(tmp_path):
    # as commit 2b0ff72 gave it
    data = folder(tmp_path, {f"{k}/1.png": picture(25 * k, mode="L") for k in range(10)})
    assert load(str(data)).checksum == "5a903d79e73434fee0339c149cf29863a4bb5e042d704dc8ace499fa5707395d"


# Folders that look like something else


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (
            {"cat/train/1.png": RED, "cat/test/1.png": RED, "dog/train/1.png": RED},
            "test lies inside the class folder cat; expected test/<class>/<image>",
        ),
        (
            {"train/a/1.png": RED, "train/b/1.png": RED, "test/a/1.png": RED, "extra/1.png": RED},
            "holds extra beside folders of parts (train, test, val); take it out or into a part",
        ),
        (
            {"train/a/1.png": RED, "train/b/1.png": RED, "unlabeled/1.png": RED},
            "holds unlabeled beside folders of parts (train, test, val); take it out or into a part",
        ),
    ],
)
def test_parts_are_not_taken_for_classes(tmp_path, files, text):
    assert text in error(tmp_path, files)


def test_one_class_is_nothing_to_learn(tmp_path):
    text = error(tmp_path, {"train/a/1.png": RED, "train/b/1.txt": b"x"})
    assert text == "holds one class only, a; at least two class folders are needed"


def test_a_train_is_a_class_beside_a_bus(tmp_path):
    assert read_images(folder(tmp_path, {"train/1.png": RED, "bus/1.png": BLUE})).classes == ("bus", "train")


def test_parts_of_other_colours_or_bits_are_refused(tmp_path):
    text = error(tmp_path, {"train/a/1.png": GRAY, "train/b/1.png": GRAY, "test/a/1.png": RED})
    assert 'set data.color = "gray" (or "rgb") for all' in text
    deep = picture(5, mode="I;16")
    text = error(tmp_path / "2", {"train/a/1.png": GRAY, "train/b/1.png": GRAY, "test/a/1.png": deep})
    assert text == (
        "train/a/1.png is 4 × 6, gray, but test/a/1.png is 4 × 6, gray of 16 bits; save all of them with as many bits"
    )


def test_pictures_that_do_not_fit_the_memory_are_refused_before_they_are_all_read(tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.data.image_folders.room_in_memory", lambda: 600)
    # 72 bytes each, five times with what becomes of them: the second needs 720
    text = error(tmp_path, {"a/1.png": RED, "a/2.png": RED, "b/1.png": b"is not looked at"})
    assert text == (
        "2 of its pictures alone, 4 × 6, colour, need 720 bytes of memory; this machine has 600 bytes. "
        "Set data.image_size = [32, 32], or give fewer"
    )


# Names that are not UTF-8


def test_a_class_folder_whose_name_is_not_utf8(tmp_path):
    data = folder(tmp_path, {"a/1.png": RED})
    (data / os.fsdecode(b"b\xff")).mkdir()
    (data / os.fsdecode(b"b\xff") / "1.png").write_bytes(BLUE)
    with pytest.raises(DataError) as caught:
        load(str(data))
    assert str(caught.value) == f"{data}: the name 'b\\udcff' is no UTF-8 and could stand in no report; rename it"
    (tmp_path / "x.tar").write_bytes(tar({"a/1.png": RED, "b\udcff/1.png": RED}))
    with pytest.raises(DataError, match=r"x\.tar: the name 'b\\udcff' is no UTF-8"):
        load(str(tmp_path / "x.tar"))


def test_file_names_that_are_not_utf8_are_read_and_shown_escaped(tmp_path):
    data = folder(tmp_path, {"a/1.png": RED, "b/1.png": BLUE})
    (data / "a" / os.fsdecode(b"\xff.png")).write_bytes(RED)
    (data / "a" / os.fsdecode(b"1.\xfe")).write_bytes(b"x")
    contents = load(str(data))
    assert len(contents.y_train) == 3
    assert contents.notes == (r"left out: files of endings that are not read: 1 in a (.\udcfe 1)",)
    (data / "b" / os.fsdecode(b"\xff.png")).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"b/\\udcff\.png: is no picture"):
        load(str(data))


def test_a_class_folder_whose_name_holds_control_signs(tmp_path):
    text = error(tmp_path, {"a/1.png": RED, "b\n\x1b[31m/1.png": RED})
    assert text == r"the class folder 'b\n\x1b[31m' holds control signs; rename it"
    (tmp_path / "pictures" / "b\n\x1b[31m").rename(tmp_path / "pictures" / "b")
    (tmp_path / "pictures" / "a" / "x\n.t\nt").write_bytes(b"")
    assert read_images(tmp_path / "pictures").notes == (
        r"left out: files of endings that are not read: 1 in a (.t\nt 1)",
    )


def test_a_data_folder_whose_name_is_not_utf8(tmp_path):
    data = folder(tmp_path, {"a/1.png": RED, "b/1.png": BLUE}).rename(tmp_path / os.fsdecode(b"d\xff"))
    with pytest.raises(InputError, match=r"must be UTF-8, as study files are: rename the file or folder"):
        load(str(data))


def test_names_of_a_zip_that_does_not_say_it_is_utf8(tmp_path):
    packed = zipped({"gr\u00fcn/1.png": RED, "rot/1.png": RED})
    without_mark = bytearray(packed)
    for mark, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        without_mark[without_mark.index(mark) + offset] &= ~0x08  # bit 11 of the flags
    (tmp_path / "x.zip").write_bytes(without_mark)
    assert read_images(tmp_path / "x.zip").classes == ("gr\u00fcn", "rot")


@pytest.mark.parametrize(
    "parts", [("training_set", "test_set"), ("seg_train", "seg_test"), ("Train-images", "val-images")]
)
def test_folders_that_are_called_after_parts_are_no_classes(tmp_path, parts):
    files = {f"{part}/{kind}/{k}.png": GRAY for part in parts for kind in ("cat", "dog") for k in range(2)}
    message = error(tmp_path, files)
    assert "look like parts and not like classes; parts are called train, test and val: rename " in message


def test_a_class_may_be_called_after_a_part(tmp_path):
    contents = read_images(folder(tmp_path, {f"{kind}/1.png": GRAY for kind in ("test_tube", "train_station")}))
    assert contents.classes == ("test_tube", "train_station")
