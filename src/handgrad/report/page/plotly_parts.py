"""What all of the page's plots share, as plotly's own dictionaries: axes, layout, numbers and texts.

Colours of text, grid and axes are left to the page's style sheet, so that light, dark and print need no redrawing.
"""

from typing import Any

import numpy as np


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title."""
    return {"title": {"text": plain(title), "standoff": 6}, "automargin": True, "zeroline": False, **more}


def layout(x: dict[str, Any], y: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A layout without colours of its own: the page's style sheet has them."""
    return {
        "xaxis": x,
        "yaxis": y,
        "showlegend": False,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12},
        "hoverlabel": {"font": {"size": 12}},
        **more,
    }


def plain(text: str) -> str:
    """Plotly reads a little HTML (<b>, <a href>) and %{…} in its texts; ours are shown letter by letter."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("%{", "%\u200b{")


def cut(text: str, most: int) -> str:
    """At most so many letters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def numbers(values: np.ndarray) -> list[float | None]:
    """Short numbers; None, a gap, where one is not finite."""
    return [short(value) if np.isfinite(value) else None for value in values.tolist()]


def short(value: float) -> float:
    """Six digits are more than a screen can show."""
    return float(f"{value:.6g}")


def transparent(ink: str, alpha: float) -> str:
    """#RRGGBB with an opacity.

    >>> transparent("#0072B2", 0.5)
    'rgba(0,114,178,0.5)'
    """
    red, green, blue = (int(ink[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
