"""The judge of the claim that gradients vanish, by what `training.diagnostics` recorded.

    r = exp( 1/T · Σ_t ln( ‖dW₁‖ / ‖dW_L‖ ) )      over the T times of recording, before training and after every epoch

of the weights W₁ of the first layer and W_L of the last: how much of the gradient of the last layer arrives at the
first.  Norms depend on the sizes of layers, so that two settings are compared, and none is judged by itself.
"""

import math

import numpy as np

from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.wording import enumerated, percent
from handgrad.report.reproduced.rulings import Claimed, Quantity, Ruling, about, contrast, unjudged
from handgrad.training.diagnostics import NORM, SATURATED


def vanishes(claimed: Claimed) -> Ruling:
    """Less of the gradient arrives at the first layer of ours; the saturated units of both stand beside it."""
    shares = {
        setting.label: {run.key: r for run in setting.runs if (r := _arriving(claimed, run)) is not None}
        for setting in (*claimed.ours, *claimed.theirs)
    }
    if not all(shares.values()):
        return unjudged("no gradients were recorded (training.diagnostics), or the network has one layer with weights")
    by = Quantity(
        "the gradient of the first layer over that of the last, geometric mean over epochs,",
        lambda setting: shares[setting.label],
        lambda setting: set(),
        1.0,
        lambda value: f"{value:.3g}",
        lambda value: f"{value:+.3g}".replace("-", "−"),
    )
    found = about(contrast(claimed.ours, claimed.theirs, by).ruling(-1), by)
    saturated = [_saturated(claimed, side) for side in (claimed.ours, claimed.theirs)]
    here = f"{found.here}; saturated at the end {saturated[0]} against {saturated[1]}"
    return Ruling(found.verdict, here, found.how, found.n, found.difference, found.low, found.high)


def _arriving(claimed: Claimed, run: RunFacts) -> float | None:
    """r of a run; None where nothing was recorded, of a single layer, and where a gradient is 0 or not finite."""
    recorded = claimed.diagnostics(run.id) if run.record is not None else {}
    norms = [values for name, values in recorded.items() if name.startswith(f"{NORM}.") and name.endswith(".W")]
    if len(norms) < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.asarray(norms[0], np.float64)) - np.log(np.asarray(norms[-1], np.float64))
    return math.exp(float(logs.mean())) if np.isfinite(logs).all() else None


def _saturated(claimed: Claimed, side: tuple[SettingSummary, ...]) -> str:
    """The share of pairs of a unit and an example that are saturated after the last epoch, layer by layer."""
    last: dict[str, list[float]] = {}
    for run in (run for setting in side for run in setting.runs if run.record is not None):
        for name, values in claimed.diagnostics(run.id).items():
            if name.startswith(f"{SATURATED}."):
                last.setdefault(name.partition(".")[2], []).append(float(values[-1]))
    shares = [f"{layer} {percent(math.fsum(x) / len(x), 1)}" for layer, x in last.items()]
    return enumerated(shares) if shares else "no unit that can saturate"
