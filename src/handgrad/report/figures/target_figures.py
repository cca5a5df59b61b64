"""Figures of what is predicted where it is no class: predicted against actual targets, residuals, and ROC curves.

Letters: y the actual target of an example, a the predicted one, both in the units of the data; residual a − y.

The ROC curve of a label, or of the second of two classes, has a point for every threshold on the output: the share of
the others that reach it (false positive rate) and the share of its own that do (true positive rate).  The area under it
is `measures.roc_auc`.  Source: Fawcett 2006, "An introduction to ROC analysis".
"""

from collections.abc import Callable, Mapping

import numpy as np

from handgrad.decimals import decimals, significant
from handgrad.measures import REGRESSION, TEST, VALIDATION, roc_auc
from handgrad.names import listed, lookup, plural
from handgrad.network.targets import THRESHOLDS, decided
from handgrad.report.figures.palette import COLOURS, CONTEXT, LINES, LineStyle, line_style
from handgrad.report.figures.request import Request
from handgrad.report.figures.search_shapes import Dots, Scatter, ScatterPanel
from handgrad.report.figures.shapes import Line, Numbers
from handgrad.study.published.data_options import RocOptions, TargetOptions
from handgrad.training.predicted_values import MOST
from handgrad.training.record import Record

Named = Mapping[str, np.ndarray]  # `Record.predictions`
DECIDED = "#5F6B7A"  # seen on light and dark pages, and no colour of a line
MOST_DOTS = 1_000  # that are drawn of a part
MOST_POINTS = 400  # of a ROC curve
PARTS_IN_ORDER = (TEST.name, VALIDATION.name)


def make_predicted(request: Request[TargetOptions]) -> Scatter | None:
    """Predicted against actual targets of one run, as a study asks for it."""
    return _made(request, predicted_figure, target=request.options.target)


def make_residuals(request: Request[TargetOptions]) -> Scatter | None:
    """Residuals against predicted targets of one run, as a study asks for it."""
    return _made(request, residual_figure, target=request.options.target)


def make_roc(request: Request[RocOptions]) -> Scatter | None:
    """ROC curves of one run, as a study asks for them."""
    return _made(request, roc_figure)


def _made(
    request: Request[TargetOptions] | Request[RocOptions], make: Callable[..., Scatter | None], **options: str | None
) -> Scatter | None:
    run = request.run(request.options.seed)
    if run is None or run.record is None or run.status == "diverged":
        return None
    record, arrays = request.sources.record(run.id), request.sources.predictions(run.id)
    return make(record, arrays, request.who(run), request.name, part=request.options.part, **options)


def predicted_figure(
    record: Record, arrays: Named, who: str, name: str, *, target: str | None = None, part: str = "auto"
) -> Scatter | None:
    """Predicted against actual values of a target (by default the first); None where no targets were predicted."""
    found = _of_target(record, arrays, target, part)
    if found is None:
        return None
    called, part, y, a, index, scored = found
    ends = np.array([min(y.min(), a.min()), max(y.max(), a.max())])
    line = Line("predicted = actual", ends, ends, style=LineStyle(CONTEXT.colour, "dash"))
    caption = (
        f"{who}, {part} part: predicted against actual {called}, a dot for each of {scored}. On the dashed line both "
        f"are equal. {_said(record, part)}"
    )
    return _scatter(name, f"Predicted and actual {called}", caption, f"predicted {called}", f"actual {called}",
                    (y, a, index), line)  # fmt: skip


def residual_figure(
    record: Record, arrays: Named, who: str, name: str, *, target: str | None = None, part: str = "auto"
) -> Scatter | None:
    """Residuals against predicted values of a target (by default the first); None where no targets were predicted."""
    found = _of_target(record, arrays, target, part)
    if found is None:
        return None
    called, part, y, a, index, scored = found
    residuals = a - y
    line = Line("no error", np.array([a.min(), a.max()]), np.zeros(2), style=LineStyle(CONTEXT.colour, "dash"))
    spread = f" ± {significant(float(residuals.std(ddof=1)))}" if len(residuals) > 1 else ""
    mean = significant(float(residuals.mean()), sign="+").replace("-", "−")
    caption = (
        f"{who}, {part} part: residuals (predicted − actual {called}) against predicted {called}, a dot for each of "
        f"{scored}. Mean residual {mean}{spread} (standard deviation). A residual that depends on the predicted value "
        "is something that the network has not learnt."
    )
    return _scatter(name, f"Residuals of {called}", caption, f"residual of {called}", f"predicted {called}",
                    (a, residuals, index), line)  # fmt: skip


def _scatter(
    name: str,
    title: str,
    caption: str,
    y_label: str,
    x_label: str,
    points: tuple[Numbers, Numbers, Numbers],
    line: Line,
) -> Scatter:
    x, y, index = points
    at = np.linspace(0, len(x) - 1, min(len(x), MOST_DOTS)).astype(int)
    names = tuple(f"example {int(k)}" for k in index[at])
    dots = Dots("example", "dot", COLOURS[0], names, x[at], y[at])
    low, high = float(min(y.min(), line.y.min())), float(max(y.max(), line.y.max()))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    panel = ScatterPanel("", x_label, (dots,), (line,))
    return Scatter(name, title, caption, y_label, (panel,), (low - margin, high + margin))


def _of_target(
    record: Record, arrays: Named, target: str | None, part: str
) -> tuple[str, str, Numbers, Numbers, Numbers, str] | None:
    """(name of the target, part, actual, predicted, index of the examples, how many they are in words)."""
    if record.dataset.task != REGRESSION:
        return None
    names = record.dataset.classes
    called = names[0] if target is None else lookup({one: one for one in names}, target, "target")
    part = _part(arrays, part)
    if not part:
        return None
    j = names.index(called)
    y, a = (arrays[f"{part}.{which}"][:, j].astype(np.float64) for which in ("actual", "predicted"))
    n = record.dataset.counts.get(part, len(y))
    scored = plural(n, "example") if len(y) == n else f"{len(y):,} of {n:,} examples, drawn at random"
    few = f" (drawn: {MOST_DOTS:,} of them)" if len(y) > MOST_DOTS else ""
    return called, part, y, a, arrays[f"{part}.index"].astype(np.float64), scored + few


def _part(arrays: Named, part: str) -> str:
    return next((one for one in (PARTS_IN_ORDER if part == "auto" else (part,)) if f"{one}.actual" in arrays), "")


def _said(record: Record, part: str) -> str:
    """The scores of a part, over all targets where there are several."""
    of = {"test": TEST, "validation": VALIDATION}[part]
    words = [("RMSE", "rmse"), ("MAE", "mae"), ("R²", "r2")]
    found = [(word, record.metrics.get(of.metric(name))) for word, name in words]
    scores = listed([f"{word} {significant(value)}" for word, value in found if value is not None]).replace("-", "−")
    over = f" (mean of {len(record.dataset.classes)} targets)" if len(record.dataset.classes) > 1 else ""
    return f"{scores}{over}." if scores else ""


def roc_figure(record: Record, arrays: Named, who: str, name: str = "roc", *, part: str = "auto") -> Scatter | None:
    """ROC curves of a part, a line for each label, or for the second of two classes; None where there is none."""
    part = _part(arrays, part)
    if record.dataset.task == REGRESSION or not part:
        return None
    outputs, actual = (arrays[f"{part}.{which}"] for which in ("predicted", "actual"))
    names = record.dataset.classes if record.dataset.task is not None else record.dataset.classes[1:]
    told = decided(outputs, record.network.output)
    lines, areas, rates = list[Line](), list[str](), list[tuple[float, float]]()
    for j, called in enumerate(names):
        positive, a = actual[:, j] == 1, outputs[:, j].astype(np.float64)
        if not 0 < positive.sum() < len(positive):
            continue
        x, y = roc_curve(positive, a)
        lines.append(Line(called, x, y, style=line_style(len(lines) % LINES)))
        areas.append(f"{called} {decimals(roc_auc(positive, a), 4)}")
        rates.append((float(told[~positive, j].mean()), float(told[positive, j].mean())))
    if not lines:
        return None
    chance = Line("chance", np.array([0.0, 1.0]), np.array([0.0, 1.0]), style=LineStyle(CONTEXT.colour, "dash"))
    at = np.array(rates).T
    dots = Dots("where it decides", "dot", DECIDED, tuple(line.label for line in lines), at[0], at[1])
    n, of = len(outputs), record.dataset.counts.get(part, len(outputs))
    drawn = f"{n:,} of {of:,} examples, drawn at random" if n < of and n == MOST else f"{n:,} examples"
    threshold = THRESHOLDS[record.network.output]
    caption = (
        f"{who}, {part} part, {drawn}: the share of those that have it (true positive rate) against the share of the "
        "others (false positive rate) whose output reaches a threshold, for every threshold; dots: the threshold in "
        f"force, {threshold:g}; dashed: chance. Area: {listed(areas, 12)}."
    )
    panel = ScatterPanel("", "false positive rate", (dots,), (chance, *lines), percent_x=True)
    title = "ROC curves" if len(lines) > 1 else "ROC curve"
    return Scatter(name, title, caption, "true positive rate", (panel,), (-0.03, 1.03), percent=True, columns=1)


def roc_curve(positive: np.ndarray, a: Numbers) -> tuple[Numbers, Numbers]:
    """False and true positive rates for every threshold, from that which nothing reaches; at most MOST_POINTS points.

    >>> x, y = roc_curve(np.array([True, False, True]), np.array([0.9, 0.5, 0.4]))
    >>> x.tolist(), y.tolist()
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0])
    """
    order = np.argsort(-a, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(a[order])), len(a) - 1)  # of equal outputs the last: they pass together
    true = np.cumsum(positive[order])[ends] / positive.sum()
    false = np.cumsum(~positive[order])[ends] / (~positive).sum()
    x, y = np.append(0.0, false), np.append(0.0, true)
    if len(x) > MOST_POINTS:
        at = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
        x, y = x[at], y[at]
    return x, y
