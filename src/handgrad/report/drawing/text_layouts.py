"""How the lines of a text lie around its anchor, worked out once for all passes over a drawing.

matplotlib lays out the same text again wherever it asks how large it is: two to five times in each pass, and there are
two passes for the layout and one for each format.  It has no cache of its own; ours holds for one drawing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

KNOWN = ((3, 10), (3, 11))  # versions of matplotlib whose `Text._get_layout` asks for nothing but what `_key` has


@contextmanager
def layouts_kept() -> Iterator[None]:
    """Within it, a text of equal letters, fonts and alignment has the layout that it had, in the same format."""
    import matplotlib
    from matplotlib.text import Text

    text: Any = Text
    if not KNOWN[0] <= matplotlib.__version_info__[:2] <= KNOWN[1] or not hasattr(text, "_get_layout"):
        yield
        return
    usual, kept = text._get_layout, dict[Any, Any]()

    def layout(self: Any, renderer: Any) -> Any:
        if self.get_wrap() or self.get_usetex():  # where it stands counts as well
            return usual(self, renderer)
        key = _key(self, renderer)
        found = kept.get(key)
        if found is None:
            found = kept[(*key[:-1], key[-1].copy())] = usual(self, renderer)
        return found

    text._get_layout = layout
    try:
        yield
    finally:
        text._get_layout = usual


def _key(text: Any, renderer: Any) -> tuple[Any, ...]:
    measured_by = type(renderer.get_text_width_height_descent.__self__)
    return (
        measured_by,
        text.get_figure(root=True).dpi,
        text.get_text(),
        text.get_rotation(),
        text.get_rotation_mode(),
        text.get_horizontalalignment(),
        text.get_verticalalignment(),
        text._multialignment,
        text._linespacing,
        text.get_parse_math(),
        text.get_fontproperties(),
    )
