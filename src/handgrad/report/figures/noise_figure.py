"""The noise of an accuracy, source by source, as a figure."""

from handgrad.measures import METRICS
from handgrad.report.figures.row_shapes import EstimateRow, Estimates
from handgrad.report.findings.noise import Noise
from handgrad.report.findings.noise_sentences import source_word


def noise_figure(noise: Noise, name: str, title: str) -> Estimates:
    """The standard deviation that each source makes alone, and that of the runs that vary all of them."""
    found = [(source_word(noise, part.source), part.variance.root()) for part in noise.parts]
    if noise.together is not None:
        word = "all but the finite set, together" if noise.pool is None else "all together"
        found.append((word, noise.together.variance.root()))
    rows = tuple(
        EstimateRow(label, 100 * one.value, *(None if end is None else 100 * end for end in (one.low, one.high)))
        for label, one in found
    )
    word = METRICS[noise.metric].word
    caption = (
        f"The standard deviation of the {word} of setting {noise.label} where one thing is drawn anew and the others "
        "are left as they are, in points; line: its 95 % interval. Variances add up, standard deviations do not."
    )
    return Estimates(name, title, caption, "source", f"standard deviation of the {word}, points", rows)
