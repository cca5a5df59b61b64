"""Equal losses under two names, outputs that a loss does not see, rankings across losses."""

import pytest

from handgrad.report.reproduced.checks.loss_functions import equal_losses, is_same, ranked_across_losses, unseen_outputs
from handgrad.study.published.original_text import ChosenRow
from tests.report.reproduced.checks.made_up import evidence, row, table, texts


def keys(output, loss, targets="one-hot"):
    return {"network.output": output, "training.loss": loss, "network.targets": targets}


CE, NLL, MARGIN = keys("softmax", "cross-entropy"), keys("log-softmax", "nll"), keys("log-softmax", "multi-margin")
CHOSEN = {"chosen": (ChosenRow(item="Table 1", row="a", column="Loss"),)}
HEADS = {"Loss": "val_loss", "Accuracy": "val_accuracy"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("softmax", "cross-entropy"), ("log-softmax", "nll"), True),  # −log softmax(z)_y both
        (("identity", "cross-entropy"), ("softmax", "cross-entropy"), True),
        (("log-softmax", "multi-margin"), ("identity", "multi-margin"), True),  # log-softmax shifts all scores alike
        (("softmax", "multi-margin"), ("identity", "multi-margin"), False),
        (("softmax", "squared-error"), ("softmax", "half-squared-error"), False),
        (("softmax", "nothing"), ("softmax", "nothing"), False),
    ],
)
def test_two_names_of_one_function(one, other, same):
    assert is_same((*one, "one-hot"), (*other, "one-hot")) is same


def test_rows_with_one_loss_under_two_names():
    both = table(row("a", CE), row("b", NLL), row("c", MARGIN), row("d", CE))
    assert texts(equal_losses(evidence(both))) == [
        "Table 1: cross-entropy on softmax and nll on log-softmax are the same function of the scores under two names "
        "(cross-entropy: a and d; nll: b)."
    ]
    assert texts(equal_losses(evidence(table(row("a", CE), row("c", MARGIN))))) == []


def test_an_output_that_changes_nothing():
    assert texts(unseen_outputs(evidence(table(row("c", MARGIN))))) == [
        "Table 1: log-softmax before multi-margin changes nothing: the loss is the same on the scores themselves."
    ]
    assert texts(unseen_outputs(evidence(table(row("a", CE), row("b", NLL))))) == []


def test_a_ranking_across_losses():
    rows = (
        row("a", MARGIN, digits=4, val_loss=0.0073, val_accuracy=0.9679, epochs=10),
        row("b", NLL, digits=4, val_loss=0.0965, val_accuracy=0.9708),
        row("c", CE, digits=4, val_loss=0.2406, val_accuracy=0.9316),
    )
    found = evidence(table(*rows, heads=HEADS), **CHOSEN)
    assert texts(ranked_across_losses(found)) == [
        "Table 1: row a (0.0073) was chosen by a loss that is not comparable across its rows, which have 2 different "
        "ones: multi-margin; nll or cross-entropy. By validation accuracy the best is row b (0.9708)."
    ]
    alike = evidence(table(*rows[1:], heads=HEADS), chosen=(ChosenRow(item="Table 1", row="b", column="Loss"),))
    assert texts(ranked_across_losses(alike)) == []  # two names, one function
    by_accuracy = evidence(table(*rows, heads=HEADS), chosen=(ChosenRow(item="Table 1", row="b", column="Accuracy"),))
    assert texts(ranked_across_losses(by_accuracy)) == []
