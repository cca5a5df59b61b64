"""Where noise comes from, in sentences: the parts of a variance, what a ± shows of it, how the sources act together."""

from handgrad.measures import METRICS
from handgrad.report.findings.noise import BONETT, EXAMPLES, Noise, NoisePart, PointEstimate
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import enumerated, percent, plural
from handgrad.training.sources import SOURCES


def source_word(noise: Noise, source: str) -> str:
    """What a report calls a source of the noise of an accuracy, which of all examples are scored included."""
    part = METRICS[noise.metric].part.word
    return f"finite {part} set ({noise.m:,} examples)" if source == EXAMPLES else SOURCES[source]


def noise_verdicts(noise: Noise, *, brief: bool = False) -> list[Verdict]:
    """What can be said of the noise of one setting; `brief` is the first sentence."""
    word = METRICS[noise.metric].word
    if not noise.is_seen:
        text = f"The {word} of setting {noise.label} is {percent(noise.p)} in all runs: no noise is seen"
        if noise.total:
            finite = next(part for part in noise.parts if part.source == EXAMPLES).variance.root()
            text += f" but that of the {source_word(noise, EXAMPLES)}, {points(finite.value)} points"
        found = [Verdict("note", f"{text}.")]
        more = _few(noise) if noise.total else []
        return found if brief else [*found, *_still(noise), *_lost(noise), *more]
    parts = sorted(noise.parts, key=lambda part: -part.variance.value)
    listed = "; ".join(f"{source_word(noise, part.source)} {_share(part.share)}" for part in parts)
    counts = sorted({part.n for part in noise.parts if part.source != EXAMPLES})
    runs = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    found = [
        Verdict(
            "note",
            f"Where the noise of the {word} of setting {noise.label} ({percent(noise.p)}) comes from: {listed}. These "
            f"are shares of the sum of variances, of {runs} runs for each source that is drawn anew while the others "
            "stay as the first seed has them; in brackets 95 % intervals.",
        )
    ]
    return found if brief else [*found, *_shown(noise), *_together(noise), *_still(noise), *_lost(noise), *_few(noise)]


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
    """What a ± over one source shows of the spread of runs in which all of them are drawn anew."""
    if noise.together is None:
        return []
    alone = [part for part in noise.parts if part.source != EXAMPLES]
    listed = enumerated([f"{points(part.seen**0.5)} ({SOURCES[part.source]})" for part in alone])
    where = f" on these {noise.m:,} examples" if noise.pool is None else ""
    found, whole = noise.together, noise.together.variance.root()
    ends = "" if whole.low is None or whole.high is None else f"{points(whole.low)} to {points(whole.high)}, "
    text = (
        f"Where all of these sources are drawn anew, the accuracy{where} has a standard deviation of "
        f"{points(whole.value)} points ({ends}n = {found.n}); a ± over seeds that vary one of them alone shows "
        f"{listed}."
    )
    return [Verdict("note", text)]


def _together(noise: Noise) -> list[Verdict]:
    """Whether the sources by themselves come to the variance of all of them together."""
    runs = [part for part in noise.parts if part.source != EXAMPLES]
    if noise.together is None:
        if len(runs) < 2:
            return []
        named = enumerated([SOURCES[part.source] for part in runs])
        text = f"Whether these sources act together is not known: no runs vary {named} at once and nothing else."
        return [Verdict("note", text)]
    ratio = noise.together.ratio
    if ratio is None or ratio.low is None or ratio.high is None:
        return []
    times = f"{ratio.value:.2f} times ({ratio.low:.2f} to {ratio.high:.2f}) the variance of all of them together"
    if ratio.low > 1:
        meaning = "one of them moves what another moves too, so shares are of their sum, not of that variance"
    elif ratio.high < 1:
        meaning = (
            "beside other first seeds they make more, as on average they come to that variance at least (Efron and "
            "Stein 1981)"
        )
    else:
        meaning = "it is not shown that one changes what another does"
    return [Verdict("note", f"By themselves the sources that runs vary come to {times}: {meaning}.")]


def _still(noise: Noise) -> list[Verdict]:
    """Sources that change nothing in this setting, so that there is nothing to measure."""
    return [
        Verdict(
            "note",
            f"Setting {noise.label} is the same in all {one.n} runs that vary {SOURCES[one.source]}: {one.why}. That "
            "is no source of noise here and has no share.",
        )
        for one in noise.still
    ]


def _lost(noise: Noise) -> list[Verdict]:
    """Runs that learnt nothing, which make most of a variance, and runs that are in none."""
    found = []
    if noise.collapsed:
        them = "it" if noise.collapsed == 1 else "them"
        text = f"{plural(noise.collapsed, 'run')} collapsed; these variances hold {them} like all others."
        found.append(Verdict("warning", text))
    if noise.missing:
        text = f"{plural(noise.missing, 'run')} diverged or failed: these variances are those of the runs that did not."
        found.append(Verdict("warning", text))
    return found


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
        text = f"With {n} runs of a source its interval assumes normally distributed accuracies; from {BONETT} on it "
        text += "does not."
        found.append(Verdict("note", text))
    return found


def _is_few(part: NoisePart) -> bool:
    return part.source != EXAMPLES and part.n < BONETT and part.variance.low is not None
