"""Ranges: in which type values are kept, what they are divided by, and parts that do not go together."""

import numpy as np
import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import from_arrays, load, split
from handgrad.errors import DataError

from .conftest import idx, mnist_files, put

N = 600
RNG = np.random.default_rng(0)
Y = np.arange(N) % 2
NOISE = RNG.normal(size=N)
OWN = DataSection(name="arrays")


def images(high, kind=np.uint8, low=0, n=N):
    """Images of whole numbers that use all of low..high."""
    x = np.arange(n * 16).reshape(n, 4, 4) % (high - low + 1) + low
    return x.astype(kind)


def scaled(x, scale="unit", **options):
    data = from_arrays(x, Y[: len(x)], **options)
    return split(data, DataSection(name="arrays", scale=scale, validation=False)), data


# -- precision


@pytest.mark.parametrize(
    "column",
    [
        1e7 + NOISE,
        1.7e9 + 30 * Y + RNG.uniform(0, 25, N),  # Unix seconds
        1.7e12 + 30_000 * Y + RNG.uniform(0, 25_000, N),  # milliseconds
        2000 + 0.001 * NOISE,
        1e-40 * NOISE,  # below the smallest normal float32
        np.longdouble(1e7) + NOISE,
    ],
)
@pytest.mark.parametrize("scale", ["unit", "symmetric", "standard"])
def test_a_column_keeps_its_differences_until_it_is_scaled(column, scale):
    made, data = scaled(np.c_[column, NOISE], scale)
    assert data.x_train.dtype == np.float64
    raw = data.x_train[made.train.index, 0]
    least, spread = (raw.mean(), raw.std()) if scale == "standard" else (raw.min(), np.ptp(raw))
    expected = (raw - least) / spread * (2 if scale == "symmetric" else 1) - (scale == "symmetric")
    assert made.train.x.dtype == np.float32
    np.testing.assert_allclose(made.train.x[:, 0], expected, rtol=0, atol=3e-7)
    assert not any("column" in note for note in made.notes)


def test_nanoseconds_of_whole_numbers():
    x = np.c_[1_700_000_000_000_000_000 + 1_000_000_000 * np.arange(N), np.arange(N)]
    made, _ = scaled(x, "standard")
    np.testing.assert_allclose(made.train.x[:, 0], made.train.x[:, 1], atol=1e-6)


def test_the_numbers_of_predictions_are_those_of_training():
    x = np.c_[1.7e9 + 30 * Y, NOISE]
    made, _ = scaled(x, "standard")
    assert (made.scaler.apply(x[made.train.index]) == made.train.x).all()


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (np.arange(N * 2).reshape(N, 2), np.float32),
        (np.arange(N * 2).reshape(N, 2) / 8, np.float32),
        (np.arange(N * 2).reshape(N, 2) / 10, np.float64),
        (np.arange(N * 2).reshape(N, 2).astype(np.float32) / 10, np.float32),
        (np.arange(N * 2).reshape(N, 2) + 2**24, np.float64),
        (images(255, np.int64), np.uint8),
        (images(256, np.int64), np.float32),
    ],
)
def test_float32_is_kept_where_it_is_exact(x, dtype):
    data = from_arrays(x, Y)
    assert data.x_train.dtype == dtype
    assert (data.x_train == x.reshape(data.x_train.shape)).all()


def test_parts_have_one_type():
    data = from_arrays(np.eye(6), Y[:6], np.eye(6) / 10, Y[:6], x_val=np.eye(6, dtype=np.float32), y_val=Y[:6])
    assert {data.x_train.dtype, data.x_test.dtype, data.x_val.dtype} == {np.dtype(np.float64)}


@pytest.mark.parametrize(("value", "noise"), [(0.3, np.where(Y, 0.1 + 0.2, 0.3)), (1.7e12, np.full(N, 1.7e12))])
@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_a_column_that_differs_by_rounding_alone_is_constant(value, noise, scale):
    made, _ = scaled(np.c_[noise, NOISE], scale)
    assert np.abs(made.train.x[:, 0]).max() < 1e-9
    images = np.repeat(noise, 4).reshape(N, 2, 2)
    assert np.abs(scaled(images, scale)[0].train.x).max() < 1e-9


def notes_of(made):
    return [note for note in made.notes if note.startswith("column")]


@pytest.mark.parametrize(
    ("column", "scale", "text"),
    [
        (
            1.7e9 + np.arange(N) % 60,
            "none",
            'column 0: scaled to float32, 60 different values become 1; data.scale = "standard" keeps more',
        ),
        (
            np.where(np.arange(N) % 50 == 0, 0, 1e9 + np.arange(N) % 50 / 20),
            "standard",
            "column 0: scaled to float32, 50 different values become",
        ),
        (
            2**53 + 1 + np.arange(N),
            "standard",
            "column 0: whole numbers beyond 2^53 are rounded, as float64 does; subtract a",
        ),
        (2**60 + np.arange(N), "unit", "column 0: whole numbers beyond 2^53 are rounded, as float64 does; subtract a"),
        (
            (1.7e9 + 30 * Y + np.arange(N) % 25).astype(np.float32),
            "standard",
            "column 0: float32 holds its values up to 1.7e+09 in steps of 128 only; their standard deviation is 0",
        ),
        (
            1e18 + 300 * NOISE,
            "standard",
            "column 0: float64 holds its values up to 1e+18 in steps of 128 only; their standard",
        ),
    ],
)
def test_a_column_that_loses_its_differences_is_said(column, scale, text):
    x = np.c_[column, np.arange(N)] if column.dtype.kind == "i" else np.c_[column, NOISE].astype(column.dtype)
    (note,) = notes_of(scaled(x, scale)[0])
    assert note.startswith(text)


def test_what_is_beyond_float32_when_scaled_is_refused():
    data = from_arrays(np.c_[1e-20 * NOISE], Y, np.full((5, 1), 1e30), Y[:5], value_range=(-1e30, 1e30))
    test = DataSection(name="arrays", scale="standard")
    with pytest.raises(DataError, match=r"arrays: scaled \(.*\) some values are beyond float32; mend them"):
        split(data, test)


# -- the range of whole numbers


@pytest.mark.parametrize(
    ("x", "value_range", "formula", "note"),
    [
        (images(1) == 1, (0, 1), "x", None),
        (
            images(1),
            (0, 1),
            "x",
            "bytes that are only 0 and 1: left as they are, not divided by 255; data.value_range = [0, 255]",
        ),
        (
            images(3),
            (0, 3),
            "x / 3",
            "images of whole numbers from 0 to 3: their range is taken for 0 to 3, not 255; data.val",
        ),
        (
            images(15),
            (0, 15),
            "x / 15",
            "images of whole numbers from 0 to 15: their range is taken for 0 to 15, not 255; da",
        ),
        (
            images(16),
            (0, 16),
            "x / 16",
            "images of whole numbers from 0 to 16: their range is taken for 0 to 16, not 255; da",
        ),
        (
            images(16, np.int64),
            (0, 16),
            "x / 16",
            "images of whole numbers from 0 to 16: their range is taken for 0 to 16",
        ),
        (
            images(200),
            (0, 255),
            "x / 255",
            "bytes from 0 to 200: their range is taken for 0 to 255; data.value_range = [0, 200]",
        ),
        (images(255), (0, 255), "x / 255", None),
        (images(255, np.int32), (0, 255), "x / 255", None),
        (np.zeros((N, 4, 4), np.uint8), (0, 255), "x / 255", None),
        (
            images(1023, np.int16),
            None,
            "x / 1023",
            "images of whole numbers from 0 to 1023: divided by the range of the traini",
        ),
        (
            images(4095, np.uint16),
            None,
            "x / 4095",
            "images of whole numbers from 0 to 4095: divided by the range of the tra",
        ),
        (
            images(5, np.int8, -5),
            None,
            "(x + 5) / 10",
            "images of whole numbers from -5 to 5: divided by the range of the t",
        ),
        (images(16) / 16, None, "x", None),
        (images(1).reshape(N, 16), (0, 1), "x", "bytes that are only 0 and 1: left as they are, not divided by 255"),
        (
            images(99).reshape(N, 16),
            None,
            "(x − min) / (max − min) of each column",
            "a table of bytes from 0 to 99: each column has a range of its own; data.value_range = [0, 99] would",
        ),
        (images(255).reshape(N, 16), (0, 255), "x / 255", None),
        (images(99, np.int64).reshape(N, 16), None, "(x − min) / (max − min) of each column", None),
    ],
)
def test_whole_numbers_are_never_divided_by_255_in_silence(x, value_range, formula, note):
    made, data = scaled(x)
    assert (data.value_range, made.scaling) == (value_range, formula)
    said = [one for one in made.notes if one.startswith("x holds")]
    assert (len(said) == 1 and said[0].startswith(f"x holds {note}")) if note else said == []


def test_a_range_can_be_stated(tmp_path):
    np.savez(tmp_path / "a.npz", x=images(16), y=Y)
    put(tmp_path, {"a.csv": b"a,b,label\n" + b"1,2,0\n3,4,1\n" * 9})
    for name in ("a.npz", "a.csv"):
        section = DataSection(name=str(tmp_path / name), value_range=[0, 20])
        made = split(load(section), section)
        assert (made.value_range, made.scaling) == ((0, 20), "x / 20")
        assert not any("value_range" in note for note in made.notes)
        with pytest.raises(
            DataError, match=r"x_train holds [01] to (16|4), but value_range says 0 to 3; widen it, or mend"
        ):
            load(DataSection(name=str(tmp_path / name), value_range=[0, 3]))


def test_a_range_is_read_with_a_file():
    with pytest.raises(
        DataError, match=r"data\.value_range is read with a file; arrays is in memory: give value_range to"
    ):
        split(from_arrays(images(16), Y), DataSection(name="arrays", value_range=[0, 255]))
    data = from_arrays(images(16), Y, value_range=(0, 255))
    assert split(data, DataSection(name="arrays", value_range=[0, 255])).scaling == "x / 255"


def test_pictures_of_idx_files_have_their_range_too(tmp_path):
    binary = {
        name: idx(np.arange(30 * 16).reshape(30, 4, 4) % 2)
        for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte")
    }
    binary |= {name: idx(np.arange(30) % 10) for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")}
    data = load(str(put(tmp_path / "binary", binary)))
    assert (data.value_range, split(data, OWN).scaling) == ((0, 1), "x")
    assert load(str(put(tmp_path / "full", mnist_files()))).value_range == (0, 255)


# -- parts that do not go together


@pytest.mark.parametrize(
    ("x", "x_test", "spans"),
    [
        (images(255) / 255, images(255).astype(float), "x_train holds 0 to 1 and x_test 0 to 255"),
        (images(255), images(1), "x_train holds 0 to 255 and x_test 0 to 1"),
        (images(1) == 1, images(255), "x_train holds 0 to 1 and x_test 0 to 255"),
        (images(1023, np.int64), images(1023, np.int64) / 1023, "x_train holds 0 to 1023 and x_test 0 to 1"),
        (
            images(255).reshape(N, 16) / 255,
            images(255).reshape(N, 16) * 1.0,
            "x_train holds 0 to 1 and x_test 0 to 255",
        ),
    ],
)
def test_a_part_that_is_scaled_beside_one_that_is_not(x, x_test, spans):
    with pytest.raises(DataError) as caught:
        from_arrays(x, Y, x_test, Y)
    assert str(caught.value).startswith(f"arrays: {spans}")
    assert "one of them is scaled and the other is not" in str(caught.value)
    from_arrays(x, Y, x_test, Y, value_range=(0, 1023))  # whoever states the range knows


def test_bytes_beside_fractions():
    with pytest.raises(DataError, match="x_train holds uint8 and x_test float64; they must be of one kind and scale"):
        from_arrays(images(255), Y, images(255) / 255, Y)
    assert from_arrays(images(255), Y, images(255).astype(np.int64), Y).x_test.dtype == np.uint8
    assert from_arrays(images(255, np.int64), Y, images(300, np.int64), Y).x_train.dtype == np.float32


@pytest.mark.parametrize(
    ("x", "x_test", "note"),
    [
        (images(255), images(16), "x_train holds 0 to 255 and x_test 0 to 16; are both scaled alike?"),
        (
            images(255) / 78 - 0.42,
            images(255) / 255,
            "x_train holds -0.42 to 2.849 and x_test 0 to 1; are both scaled alike?",
        ),
    ],
)
def test_images_that_differ_are_said(x, x_test, note):
    assert from_arrays(x, Y, x_test, Y).notes[0] == note


def test_columns_that_lie_elsewhere_are_said(tmp_path):
    z = RNG.normal(size=(N, 4))
    raw = z * [0.8, 0.4, 1.7, 0.7] + [5.8, 3.1, 3.7, 1.2]
    assert from_arrays(z, Y, raw, Y).notes == (
        "2 of 4 columns of x_test lie far from those of x_train (column 0: mean "
        f"{raw[:, 0].mean():.4g} against {z[:, 0].mean():.4g}); are both scaled alike?",
    )
    assert from_arrays(z[:300], Y[:300], z[300:], Y[300:]).notes == ()
    assert (
        from_arrays(raw[:300], Y[:300], raw[300:], Y[300:], x_val=z, y_val=Y)
        .notes[0]
        .startswith("2 of 4 columns of x_val")
    )
