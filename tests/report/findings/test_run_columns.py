"""The small table of findings gives what pandas gives, and a report does not import pandas."""

import subprocess
import sys

import pandas
import pytest

from handgrad.report.findings.run_columns import RunColumns

COLUMNS = ([16, 8], [16, None], [0.5, 1], ["a", None], [True, None], [True, 1], [1, "a"], [None, None], [2**70, 1])


@pytest.mark.parametrize("values", COLUMNS, ids=str)
def test_values_and_kinds_are_those_of_pandas(values):
    table = RunColumns.of_rows([(value, place) for place, value in enumerate(values)], ["x", "y"])
    frame = pandas.DataFrame({"x": values, "y": range(2)})
    assert [(repr(value), type(value)) for value in table["x"].tolist()] == [
        (repr(value), type(value)) for value in frame["x"].tolist()
    ]
    assert table["x"].nunique() == frame["x"].nunique()


def test_rows_by_a_mask_and_in_order():
    table = RunColumns.of_rows([(2.0, "a"), (1.0, "b"), (2.0, "c")], ["y", "name"])
    assert table[[True, False, True]]["name"] == ["a", "c"]
    assert len(table[[False] * 3]) == 0
    assert table.sorted_by("y", ascending=True)["name"] == ["b", "a", "c"]
    assert table.sorted_by("y", ascending=False)["name"] == ["a", "c", "b"]  # as they were where they are equal
    assert list(RunColumns.of_rows([], ["y", "name"])) == ["y", "name"]


def test_a_report_imports_no_pandas(make_results):
    """It takes a tenth of a second, and the page takes DataTables from a package that imports it."""
    folder = make_results({"seeds": 2, "grid": {"training.optimizer.lr": [0.1, 0.2], "network.hidden": [4, 8]}})
    code = (
        "import sys; from handgrad import Results; from handgrad.report.findings.importance import importances; "
        "from handgrad.report.findings.summarize import summarize; from handgrad.report.page.page import _datatables; "
        "_datatables(); assert importances(summarize(Results.open(sys.argv[1]))); "
        "print(sorted({'pandas', 'itables'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
