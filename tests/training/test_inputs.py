"""Examples for a trained network: every form that says what it is, and a message for the others."""

import re

import numpy as np
import pandas
import pytest

import handgrad as hg
from handgrad.errors import DataError
from handgrad.training.inputs import as_examples, check_scale

X = np.arange(2 * 1 * 3 * 4, dtype=np.float32).reshape(2, 1, 3, 4)
GRAY, COLOUR = (1, 3, 4), (3, 3, 4)
C = np.arange(2 * 3 * 3 * 4, dtype=np.float32).reshape(2, 3, 3, 4)


@pytest.mark.parametrize(
    ("given", "shape", "expected"),
    [
        (X, GRAY, X),
        (X[:, 0], GRAY, X),
        (X.reshape(2, 12), GRAY, X),
        (X.reshape(2, 12).tolist(), GRAY, X),
        (X[0], GRAY, X[:1]),
        (X[0, 0], GRAY, X[:1]),
        (X[0].ravel(), GRAY, X[:1]),
        (X.transpose(0, 2, 3, 1), GRAY, X),
        (X.astype(np.uint8), GRAY, X),
        (X > 3, GRAY, X > 3),
        (C, COLOUR, C),
        (C[0], COLOUR, C[:1]),
        (C.transpose(0, 2, 3, 1), COLOUR, C),
        (C[0].transpose(1, 2, 0), COLOUR, C[:1]),
        (np.ones((5, 3)), (3,), np.ones((5, 3))),
        ([1, 2, 3], (3,), [[1, 2, 3]]),
        (np.array([1.0, 2]), (1,), [[1.0], [2]]),
        (np.array([[1, 2, 3]], object), (3,), [[1, 2, 3]]),
    ],
    ids=lambda value: str(getattr(value, "shape", value))[:20],
)
def test_what_is_read(given, shape, expected):
    np.testing.assert_array_equal(as_examples(given, shape), expected)


GRAY_FORMS = "(n, 1, 3, 4), (n, 3, 4) or (n, 12); one example is x[0:1]"


@pytest.mark.parametrize(
    ("given", "shape", "message"),
    [
        (np.zeros((2, 5)), GRAY, f"examples must be {GRAY_FORMS}; got (2, 5)"),
        (np.zeros((2, 3, 12)), GRAY, f"examples must be {GRAY_FORMS}; got (2, 3, 12)"),
        (np.zeros((2, 4, 3)), GRAY, f"examples must be {GRAY_FORMS}; got (2, 4, 3)"),
        (5.0, GRAY, "got 5.0"),
        (np.zeros((2, 36)), COLOUR, "got (2, 36): rows do not say whether channels are first or last; write x.resh"),
        (np.zeros(3), (2,), "examples must be (n, 2), or (2,) for one example; got (3,)"),
        (np.zeros((0, 2)), (2,), "examples hold none: the array has the shape (0, 2)"),
        ([[1, 2], [3]], (2,), "examples must be one array of numbers (n, 2), or (2,) for one example; got [[1"),
        (None, (2,), "examples must be (n, 2), or (2,) for one example; got None"),
        ({"a": [1]}, (2,), "examples must be one array of numbers"),
        (["1", "2"], (2,), "examples must hold numbers; got <U1"),
        (np.ones((1, 2), complex), (2,), "examples must hold numbers; got complex128"),
        ([[1, 2], [3, np.nan]], (2,), "examples hold NaN in row 1 (counted from 0), column 1; mend it or leave the"),
        ([[1, 2], [-np.inf, 1]], (2,), "examples hold infinity in row 1 (counted from 0), column 0"),
        ([[1, 1e300]], (2,), "examples hold 1e+300, too large for float32, in row 0"),
        (np.where(X == 17, np.nan, X), GRAY, "examples hold NaN in row 1 (counted from 0), channel 0, pixel (1, 1)"),
    ],
    ids=lambda value: str(getattr(value, "shape", value))[:20],
)  # fmt: skip
def test_what_is_not(given, shape, message):
    with pytest.raises(DataError, match=re.escape(message)):
        as_examples(given, shape)


NAMES = ("height", "width", "age")
FRAME = pandas.DataFrame({"height": [1.0, 2], "width": [3.0, 4], "age": [5, 6]})


def test_columns_of_a_frame_are_found_by_name():
    expected = FRAME.to_numpy()
    for frame in (FRAME, FRAME[["age", "height", "width"]]):
        np.testing.assert_array_equal(as_examples(frame, (3,), NAMES), expected)
    np.testing.assert_array_equal(as_examples(FRAME[["age", "width", "height"]].iloc[1], (3,), NAMES), expected[1:])


@pytest.mark.parametrize(
    ("frame", "names", "message"),
    [
        (FRAME.drop(columns="age"), NAMES, "the frame lacks age; give frame[[…]] with height, width, age"),
        (FRAME.assign(species="x"), NAMES, "the frame has also species; give frame[[…]]"),
        (FRAME.rename(columns={"age": "Age"}), NAMES, "the frame lacks age and has also Age"),
        (FRAME, None, "the network does not know the names of its columns, so their order cannot be checked"),
        (FRAME.assign(age=["a", "b"]), NAMES, "examples must be one array of numbers"),
        (FRAME.assign(age=[1, None]), NAMES, "examples hold NaN in row 1 (counted from 0), column 'age'"),
    ],
)  # fmt: skip
def test_frames_that_do_not_fit(frame, names, message):
    with pytest.raises(DataError, match=re.escape(message)):
        as_examples(frame, (3,), names)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A run on a CSV file, read again from its folder."""
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.normal(size=(80, 3)), columns=list(NAMES))
    frame["kind"] = np.where(frame["age"] > 0, "old", "young")
    frame.to_csv(folder / "people.csv", index=False)
    training = {"epochs": 30, "engine": "array", "optimizer": {"name": "adam", "lr": 0.05}}
    record = hg.train(
        {
            "data": {"name": str(folder / "people.csv"), "scale": "standard"},
            "network": {"hidden": []},
            "training": training,
        }
    )
    from handgrad.training.record import save

    save(record, folder / "run")
    return hg.Model.load(folder / "run"), record, frame


def test_a_table_s_model_knows_its_columns_and_is_not_misled_by_their_order(table):
    model, record, frame = table
    assert model.feature_names == record.model.feature_names == NAMES
    mixed = frame[["age", "height", "width"]]
    np.testing.assert_array_equal(model.predict(mixed), model.predict(frame[list(NAMES)].to_numpy()))
    assert (model.predict(mixed) == (frame["kind"] == "young")).mean() > 0.9
    assert model.predict(frame[list(NAMES)].iloc[0]).shape == (1,)
    with pytest.raises(DataError, match="has also kind"):
        model.predict(frame)


def test_a_masked_value_is_not_read_as_what_lies_under_the_mask():
    with pytest.raises(DataError, match="examples hold a masked value in row 1"):
        as_examples(np.ma.masked_array(np.ones((3, 2)), mask=[[0, 0], [0, 1], [0, 0]]), (2,))


def test_what_cannot_become_an_array_is_refused():
    class Tensor:  # as one of PyTorch that requires grad
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    with pytest.raises(DataError, match="examples must be one array of numbers"):
        as_examples(Tensor(), (2,))


@pytest.mark.parametrize(
    ("pictures", "found"),
    [
        (np.linspace(0, 1, 64).reshape(1, 1, 8, 8), r"0 to 1, but .* 0 to 16; give them unscaled, as x \* 16"),
        (np.full((1, 1, 8, 8), 240), "240 to 240, but the pictures that the network learnt can hold 0 to 16$"),
        (np.full((1, 1, 8, 8), -255.0), "-255 to -255"),
    ],
)
def test_pictures_on_another_scale_are_refused(pictures, found):
    with pytest.raises(DataError, match=f"^examples hold {found}"):
        check_scale(pictures, (0, 16))


def test_noise_black_pictures_and_small_ranges_are_no_other_scale():
    rng = np.random.default_rng(0)
    check_scale(rng.normal(8, 6, (5, 1, 8, 8)).clip(-10, 30), (0, 16))
    check_scale(np.zeros((1, 1, 8, 8)), (0, 255))
    check_scale(np.eye(8)[None, None], (0, 16))  # whole numbers
    check_scale(rng.random((1, 1, 8, 8)), (0, 1))
