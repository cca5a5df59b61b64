"""Counts of examples and rows of matrices that do not add up."""

from handgrad.report.reproduced.checks.counts import labels_of_the_data, rows_of_matrices, sums_of_labels
from handgrad.study.published.published_tables import CellRow, ConfusionTable, CountRow, LabelsTable, PublishedColumn
from tests.report.reproduced.checks.made_up import evidence, texts

DATA = {"train": {"a": 60, "b": 40}, "validation": {"a": 12, "b": 8}, "test": {"a": 12, "b": 8}}


def labels(*rows):
    columns = (PublishedColumn(head="Label", show="class"),)
    return LabelsTable(number="Table 1", title="Labels", columns=columns, rows=tuple(CountRow(**row) for row in rows))


def counts(a, b, **total):
    parts = ("train", "validation", "test")
    return labels(
        {"label": "a", **dict(zip(parts, a, strict=True))},
        {"label": "b", **dict(zip(parts, b, strict=True))},
        *([{"label": "sum", **total}] if total else []),
    )


def test_a_column_that_does_not_add_up():
    good, bad = (counts((60, 12, 12), (40, 8, 8), test=n) for n in (20, 21))
    assert texts(sums_of_labels(evidence(labels=(good,), classes=2))) == []
    assert texts(sums_of_labels(evidence(labels=(bad,), classes=2))) == [
        "Table 1: the column test adds up to 20, not to 21."
    ]


def test_a_class_that_has_more_examples_than_the_data_set():
    """Validation and test are cut from the same 24 and 16 examples: 13 + 12 is one too many, 7 + 8 one too few."""
    bad = counts((60, 13, 12), (40, 7, 8))
    assert texts(labels_of_the_data(evidence(labels=(bad,), counts=DATA, held_out_of="test"))) == [
        "Table 1: the published counts of validation and test examples are not those of the data set: class a has 25, "
        "the data set 24; class b has 15, the data set 16."
    ]
    moved = counts((60, 13, 11), (40, 7, 9))  # another split of the same examples
    assert texts(labels_of_the_data(evidence(labels=(moved,), counts=DATA, held_out_of="test"))) == []
    fewer = counts((60, 3, 3), (40, 2, 2))  # parts of other sizes say nothing
    assert texts(labels_of_the_data(evidence(labels=(fewer,), counts=DATA, held_out_of="test"))) == []
    assert texts(labels_of_the_data(evidence(labels=(bad,), held_out_of="test"))) == []


def test_counts_of_what_is_held_out_alone():
    """24 a are in validation and test together; 25 are published, of the other class nothing."""
    rows = {"label": "a", "held_out": 25}, {"label": "b"}, {"label": "sum", "validation": 20, "test": 20}
    for known in (rows, rows[:2]):
        (finding,) = labels_of_the_data(evidence(labels=(labels(*known),), counts=DATA, held_out_of="test"))
        assert finding.numbers == {"a": {"published": 25, "data": 24}}
    other = labels(*rows[:2], {"label": "sum", "held_out": 50})  # parts of another size
    assert texts(labels_of_the_data(evidence(labels=(other,), counts=DATA, held_out_of="test"))) == []
    assert texts(labels_of_the_data(evidence(labels=(labels(*rows),), counts=DATA))) == []  # validation is of training


def matrix(*cells):
    rows = tuple(CellRow(actual=a, predicted=p, percent=x) for a, p, x in cells)
    return ConfusionTable(number="Table 2", title="Matrix", rows=rows)


def test_rows_of_a_matrix():
    """Of 12 examples at most 24 are tried: 91.67 and 8.33 are 11 and 1 of 12; 91.60 is no count of up to 24."""
    good = matrix(("a", "a", 91.67), ("a", "b", 8.33), ("b", "b", 87.5))
    assert texts(rows_of_matrices(evidence(matrices=(good,), counts=DATA, classes=2))) == []
    short = matrix(("a", "a", 91.67), ("a", "b", 7.33))
    assert texts(rows_of_matrices(evidence(matrices=(short,), counts=DATA, classes=2))) == [
        "Table 2: row a adds up to 99.00 %, not to 100."
    ]
    odd = matrix(("a", "a", 91.60), ("a", "b", 8.40))
    assert texts(rows_of_matrices(evidence(matrices=(odd,), counts=DATA, classes=2))) == [
        "Table 2: no whole counts of up to 20 examples give the cells of row a."
    ]
    assert texts(rows_of_matrices(evidence(matrices=(odd,), classes=2))) == []  # how many there are is not known
