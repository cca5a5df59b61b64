"""Class balance: how many examples of each class the parts of a data set have, in numbers and in words.

Records have the counts of every part (`DatasetFacts.label_table`), so that nothing is read but them.
"""

from collections.abc import Sequence

import numpy as np

from handgrad.measures import PARTS
from handgrad.names import listed, plural
from handgrad.report.figures.data_shapes import ClassBalance
from handgrad.report.figures.request import Request
from handgrad.report.findings.wording import sentence
from handgrad.study.published.data_options import ClassBalanceOptions
from handgrad.training.record_facts import DatasetFacts

RARE = 0.5  # of the examples of the largest class, below which the smallest one is called rare
APART = 0.01  # of a part, by which the share of a class must differ between parts to be named
LEVEL = 0.01  # p below which parts are said to differ by more than chance

Counts = Sequence[tuple[str, tuple[int, ...]]]  # (part, examples of each class)


def make_class_balance(request: Request[ClassBalanceOptions]) -> ClassBalance | None:
    """The class balance of the data that a run of the setting learnt from, as a study asks for it."""
    run = request.run(request.options.seed)
    if run is None or run.record is None:
        return None
    data = run.record.dataset
    return class_balance(data, f"{request.who(run)}, data {data.name}", request.name)


def class_balance(data: DatasetFacts, whose: str, name: str = "class-balance") -> ClassBalance | None:
    """Counts of every class in every part; None where a record does not have them."""
    table, classes = data.label_table, tuple(data.classes)
    counts = [(part, tuple(map(int, table[part]))) for part in PARTS if sum(table.get(part, ()))]
    if not counts or not classes:
        return None
    parts = listed([f"{sum(numbers):,} {part}" for part, numbers in counts])
    few = "" if len(classes) <= 40 else f" Drawn: the 20 largest and the 20 smallest of {len(classes)} classes."
    caption = (
        f"{sentence(whose)}: {parts} examples. Numbers: examples of a class; bars of equal length are equal shares of "
        f"their part.{few} {' '.join(balance_words(counts, classes))}"
    )
    return ClassBalance(name, "Examples of each class", caption, classes, tuple(counts))


def balance_words(counts: Counts, classes: Sequence[str]) -> list[str]:
    """Sentences: which class is the smallest, which ones are missing in a part, and where parts differ in balance.

    >>> balance_words([("train", (50, 50)), ("test", (10, 10))], ["a", "b"])
    ['All classes have 50 train examples.', 'No share of a class differs between the parts by 1 point or more.']
    """
    part, first = counts[0]
    small, large = (choice(range(len(first)), key=lambda i: first[i]) for choice in (min, max))
    if first[small] == first[large]:
        words = [f"All classes have {plural(first[small], f'{part} example')}."]
    else:
        rare = "rarest" if first[small] < RARE * first[large] else "smallest"
        words = [
            f"The {rare} class, {classes[small]}, has {plural(first[small], f'{part} example')}, "
            f"{100 * first[small] / first[large]:.3g} % of those of the largest, {classes[large]} ({first[large]:,})."
        ]
    for name, numbers in counts:
        missing = [label for label, n in zip(classes, numbers, strict=True) if n == 0]
        if missing:
            words.append(f"The {name} part has no example of {listed(missing)}.")
    return words + ([_apart(counts, classes)] if len(counts) > 1 and len(classes) > 1 else [])


def _apart(counts: Counts, classes: Sequence[str]) -> str:
    """Which share differs the most between two parts, and whether chance alone would do that."""
    shares = {part: [n / sum(numbers) for n in numbers] for part, numbers in counts}
    gaps = [
        (max(of.values()) - min(of.values()), i)
        for i in range(len(classes))
        for of in [{part: values[i] for part, values in shares.items()}]
    ]
    gap, i = max(gaps, key=lambda pair: pair[0])
    if gap < APART - 1e-12:
        return "No share of a class differs between the parts by 1 point or more."
    of = {part: values[i] for part, values in shares.items()}
    low, high = min(of, key=lambda part: of[part]), max(of, key=lambda part: of[part])
    p = _p_of_equal_shares(counts)
    judged = "more than chance makes" if p < LEVEL else "as chance makes it"
    return (
        f"The share that differs most between parts is that of {classes[i]}: {100 * of[high]:.1f} % of {high}, "
        f"{100 * of[low]:.1f} % of {low}; all shares together differ {judged} "
        f"(chi-square test, p {'< 0.001' if p < 0.001 else f'= {p:.2g}'})."
    )


def _p_of_equal_shares(counts: Counts) -> float:
    """p of Pearson's chi-square test that all parts have the same shares of classes: Σ (n − e)² / e, where e is the
    number that a class would have in a part by its share in all parts together."""
    from scipy.special import gammaincc

    n = np.array([numbers for _, numbers in counts], dtype=np.float64)  # (parts, classes)
    n = n[:, n.sum(axis=0) > 0]
    e = n.sum(axis=1, keepdims=True) * n.sum(axis=0) / n.sum()
    free = (n.shape[0] - 1) * (n.shape[1] - 1)
    return float(gammaincc(free / 2, ((n - e) ** 2 / e).sum() / 2))
