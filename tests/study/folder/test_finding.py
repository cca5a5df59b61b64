"""A run is found by its folder or its id; whatever else is given is one message."""

import pytest

from handgrad.errors import ResultsError
from handgrad.study.folder.disk import run_folder, short_length

ID = "0123456789"


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    (folder / "study" / "runs" / ID).mkdir(parents=True)
    (folder / "study" / "runs" / ID / "record.json").write_text("{}")
    return folder


def test_a_run_is_found_by_its_id_and_by_its_folder(results):
    run = results / "study" / "runs" / ID
    assert run_folder(ID, results) == run
    assert run_folder(run, results) == run
    assert run_folder(str(run) + "/", results) == run


def test_the_first_signs_of_an_id_do_where_no_other_run_has_them(results):
    run = results / "study" / "runs" / ID
    assert run_folder("0123", results) == run_folder("01234567", results) == run
    assert run_folder(results / "study" / "runs" / "0123") == run
    for other in ("0123ffffff", "0123.partial", "01234-notes"):
        (results / "study" / "runs" / other).mkdir()
    (results / "copy" / "runs" / ID).mkdir(parents=True)  # the same run of another study
    assert run_folder("01234", results).name == ID
    with pytest.raises(ResultsError, match="0123: 2 runs begin so: 0123456789, 0123ffffff; give more of the id"):
        run_folder("0123", results)
    assert short_length([ID], results) == 5
    assert short_length(["a" * 10, "b" * 10], results / "nowhere") == 4


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a**b",
            "x" * 5000,
            "",
            "*",
            "[",
            "**",
            "../../..//*",
            "a\0b",
            "\udcff",
            "\ud800",
            "0123456780",
            "012",  # too short
            "01234568",
            ID + "0",
        ),
        *("?" * 10, "nowhere", "~", "study", "%s", "$HOME"),
    ],
)
def test_what_names_no_run_is_one_message(name, results):
    with pytest.raises(ResultsError, match="no such folder, and no run of that id in") as refused:
        run_folder(name, results)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_folder_of_something_else_says_so(results):
    for name in (".", "..", "/", results):
        with pytest.raises(ResultsError, match=r"is a folder, but of no run: it has no record\.json or"):
            run_folder(name, results)


def test_the_folder_of_a_study_names_one_of_its_runs(results):
    with pytest.raises(ResultsError, match=r"holds the runs of a study; give the folder of one, such as .*/runs/"):
        run_folder(results / "study", results)
