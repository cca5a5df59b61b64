"""Losses of rows: equal ones under two names, an output that its loss does not see, and rankings across kinds.

Losses are compared as functions of z, the scores before the output activation: two pairs (output, loss) that give the
same number on random scores for every class are the same function, whatever they are called.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from handgrad.measures import is_fraction
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.losses import LOSSES
from handgrad.network.targets import encode
from handgrad.report.findings.wording import enumerated
from handgrad.report.reproduced.checks.evidence import Evidence, Finding, RowEvidence, TableEvidence
from handgrad.report.reproduced.judge import word
from handgrad.report.reproduced.reproduction_verdicts import row_name

Pair = tuple[str, str, str]  # output, loss, targets


def loss_values(pair: Pair, k: int = 5) -> NDArray[np.float64] | None:
    """The loss of 40 random scores z (40, k), k = 5; None where a name is not there or the loss refuses them.

    >>> same = [loss_values(("softmax", "cross-entropy", "one-hot")), loss_values(("log-softmax", "nll", "one-hot"))]
    >>> bool(np.allclose(*same))
    True
    """
    output, loss, targets = pair
    if output not in ACTIVATIONS or loss not in LOSSES:
        return None
    z = np.random.default_rng(0).normal(0.0, 2.0, (40, k))
    T = encode(np.arange(40) % k, k, targets, np.float64)
    fused = LOSSES[loss].fused_with == output
    return np.asarray(LOSSES[loss].forward(z if fused else ACTIVATIONS[output].forward(z), T), dtype=np.float64)


def is_same(one: Pair, other: Pair) -> bool:
    """Whether two pairs are the same function of the scores."""
    a, b = loss_values(one), loss_values(other)
    return a is not None and b is not None and bool(np.allclose(a, b, rtol=1e-9, atol=1e-12))


def kinds_of(table: TableEvidence) -> list[dict[Pair, list[RowEvidence]]]:
    """The kinds of losses among the rows: of each the pairs that are the same function, with their rows."""
    kinds: list[dict[Pair, list[RowEvidence]]] = []
    for row in table.rows:
        found = [row.keys.get(key) for key in ("network.output", "training.loss", "network.targets")]
        if not all(isinstance(name, str) for name in found):
            continue
        pair: Pair = (str(found[0]), str(found[1]), str(found[2]))
        kind = next((kind for kind in kinds if pair in kind or any(is_same(pair, other) for other in kind)), None)
        if kind is None:
            kinds.append(kind := {})
        kind.setdefault(pair, []).append(row)
    return kinds


def equal_losses(evidence: Evidence) -> Iterator[Finding]:
    """Rows whose losses have two names and are one function."""
    for table in evidence.tables:
        for kind in kinds_of(table):
            names = {loss: f"{loss} on {output}" for output, loss, _ in kind}
            if len(names) > 1:
                rows = {
                    loss: [row.label for pair, rows in kind.items() if pair[1] == loss for row in rows]
                    for loss in names
                }
                which = "; ".join(f"{loss}: {enumerated(labels)}" for loss, labels in rows.items())
                yield Finding(
                    table.number,
                    f"{table.number}: {enumerated(list(names.values()))} are the same function of the scores under two "
                    f"names ({which}).",
                    {"losses": list(names), "rows": rows},
                )


def unseen_outputs(evidence: Evidence) -> Iterator[Finding]:
    """An output activation before a loss that is the same without it."""
    for table in evidence.tables:
        pairs = {pair for kind in kinds_of(table) for pair in kind}
        for output, loss, targets in sorted(pairs):
            fused = LOSSES[loss].fused_with == output if loss in LOSSES else True
            if output != "identity" and not fused and is_same((output, loss, targets), ("identity", loss, targets)):
                yield Finding(
                    table.number,
                    f"{table.number}: {output} before {loss} changes nothing: the loss is the same on the scores "
                    "themselves.",
                    {"output": output, "loss": loss},
                )


def ranked_across_losses(evidence: Evidence) -> Iterator[Finding]:
    """A choice by a loss among rows whose losses are different functions, in different units."""
    for table, chosen, measure in evidence.choices():
        if is_fraction(measure):
            continue
        kinds = [kind for kind in kinds_of(table) if any(row.value(measure) is not None for row in _rows_of(kind))]
        if len(kinds) < 2:
            continue
        row = table.row(chosen.row)
        value = f" ({row.text(measure)})" if row is not None and measure in row.values else ""
        names = "; ".join(" or ".join(dict.fromkeys(loss for _, loss, _ in kind)) for kind in kinds)
        where = f" ({chosen.where})" if chosen.where else ""
        yield Finding(
            table.number,
            f"{table.number}: {row_name(chosen.row)}{value} was chosen by a loss{where} that is not comparable across "
            f"its rows, which have {len(kinds)} different ones: {names}.{_by_accuracy(table)}",
            {"row": chosen.row, "measure": measure, "kinds": [[loss for _, loss, _ in kind] for kind in kinds]},
        )


def _rows_of(kind: dict[Pair, list[RowEvidence]]) -> Sequence[RowEvidence]:
    return [row for rows in kind.values() for row in rows]


def _by_accuracy(table: TableEvidence) -> str:
    """Which row is best by an accuracy, and whether it trained for fewer epochs than others."""
    measure = next((measure for measure in table.measures if is_fraction(measure)), None)
    if measure is None:
        return ""
    best = table.best(measure)
    longest = max((value for row in table.rows if (value := row.value("epochs")) is not None), default=0.0)
    shorter = [row for row in best if (row.value("epochs") or longest) < longest]
    text = f" By {word(measure)} the best is {enumerated([f'{row_name(r.label)} ({r.text(measure)})' for r in best])}"
    if not shorter:
        return f"{text}."
    return f"{text}, trained for {shorter[0].value('epochs'):.0f} of at most {longest:.0f} epochs."
