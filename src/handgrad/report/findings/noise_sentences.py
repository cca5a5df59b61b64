"""Where noise comes from, in sentences: the parts of a variance, what a ± shows of it, how the sources act together."""

from handgrad.measures import METRICS
from handgrad.report.findings.noise import BONETT, EXAMPLES, Noise, NoisePart, PointEstimate
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import enumerated, percent
from handgrad.training.sources import SOURCES


def source_word(noise: Noise, source: str) -> str:
    """What a report calls a source of the noise of an accuracy, which of all examples are scored included."""
    part = METRICS[noise.metric].part.word
    return f"finite {part} set ({noise.m:,} examples)" if source == EXAMPLES else SOURCES[source]


def noise_verdicts(noise: Noise, *, brief: bool = False) -> list[Verdict]:
    """What can be said of the noise of one setting; `brief` is the first sentence."""
    word = METRICS[noise.metric].word
    if not noise.total:
        text = f"The {word} of setting {noise.label} is {percent(noise.p)} in all runs: no noise is seen."
        return [Verdict("note", text)]
    parts = sorted(noise.parts, key=lambda part: -part.variance.value)
    listed = "; ".join(f"{source_word(noise, part.source)} {_share(part.share)}" for part in parts)
    found = [
        Verdict(
            "note",
            f"Where the noise of the {word} of setting {noise.label} ({percent(noise.p)}) comes from, as shares of the "
            f"variance with 95 % intervals: {listed}. Each is what this source makes alone.",
        )
    ]
    return found if brief else [*found, *_shown(noise), *_together(noise), *_few(noise)]


def _share(share: PointEstimate) -> str:
    ends = "" if share.low is None or share.high is None else f" ({100 * share.low:.0f} to {100 * share.high:.0f})"
    return f"{100 * share.value:.0f} %{ends}"


def points(value: float) -> str:
    """A standard deviation of an accuracy in points, with the digits that tell it from others.

    >>> points(0.00391), points(0.0234)
    ('0.39', '2.3')
    """
    return f"{100 * value:.2f}" if value < 0.01 else f"{100 * value:.1f}"


def _shown(noise: Noise) -> list[Verdict]:
    """What a ± over one source shows of the spread that a repetition with everything drawn anew has."""
    if not noise.spread:
        return []
    alone = [part for part in noise.parts if part.source != EXAMPLES]
    listed = enumerated([f"{points(part.seen**0.5)} over {SOURCES[part.source]}" for part in alone])
    others = f" and with {noise.m:,} other examples to score" if noise.pool is None or noise.pool > noise.m else ""
    return [
        Verdict(
            "note",
            f"Repeated with everything drawn anew{others}, the accuracy has a standard deviation of "
            f"{points(noise.spread**0.5)} points; by itself a ± shows of it {listed}.",
        )
    ]


def _together(noise: Noise) -> list[Verdict]:
    """Whether the sources by themselves come to the variance of all of them together."""
    runs = [part for part in noise.parts if part.source != EXAMPLES]
    if noise.together is None:
        if len(runs) < 2:
            return []
        named = ", ".join(part.source for part in runs)
        return [Verdict("note", f"Whether these sources act together is not known: no runs vary all of {named}.")]
    ratio = noise.together.ratio
    assert ratio.low is not None
    assert ratio.high is not None
    times = f"{ratio.value:.2f} times ({ratio.low:.2f} to {ratio.high:.2f}) the variance of all of them together"
    if ratio.low > 1:
        meaning = "one of them already moves what another would, so shares are of their sum, not of that variance"
    elif ratio.high < 1:
        meaning = "some of it arises only where several are drawn anew"
    else:
        meaning = "it is not shown that one changes what another does"
    return [Verdict("note", f"By themselves the sources that runs vary come to {times}: {meaning}.")]


def _few(noise: Noise) -> list[Verdict]:
    """Sources whose runs agree, and intervals that assume a normal distribution."""
    found = []
    agree = [part for part in noise.parts if not part.seen and part.source != EXAMPLES]
    if agree:
        listed = enumerated([f"{SOURCES[part.source]} ({part.n})" for part in agree])
        text = f"All runs agree that vary {listed}: so few show no variance, which is not to say that there is none."
        found.append(Verdict("note", text))
    if few := [part for part in noise.parts if _is_few(part)]:
        n = min(part.n for part in few)
        text = f"With {n} runs of a source its interval assumes normally distributed accuracies ({BONETT} need not)."
        found.append(Verdict("note", text))
    return found


def _is_few(part: NoisePart) -> bool:
    return part.source != EXAMPLES and part.n < BONETT and part.variance.low is not None
