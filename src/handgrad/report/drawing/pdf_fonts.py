"""Fonts in PDFs: cut down to the usual letters once a process, since to cut a font down for each figure takes a third
of the time of its PDF.

matplotlib has fontTools cut a font down to the letters of a figure, by `fontTools.subset.Subsetter`, and has no option
of its own.  While PDFs are written, a Subsetter stands in that has the usual letters of each font at hand.
"""

import io
import string
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

USUAL = string.ascii_letters + string.digits + string.punctuation + " −–×±·…→✓✗"
LAYOUT_TABLES = ("GDEF", "GPOS", "GSUB")  # by which text is set: matplotlib has set it, and no reader of a PDF looks


class _Letters(NamedTuple):
    """A font of the usual letters: its file, and where it has the glyphs and characters of the whole font."""

    content: bytes
    glyphs: dict[int, int]
    characters: frozenset[int]


_LETTERS: dict[tuple[str, int], _Letters] = {}  # of the file and number of a font; about 11 kB each


@contextmanager
def pdf_fonts() -> Iterator[None]:
    """Within it, a PDF of matplotlib has of each font the usual letters, or those of the figure where it has others."""
    subset: Any = import_module("fontTools.subset")
    usual: Any = subset.Subsetter

    class Subsetter(usual):  # type: ignore[misc]
        def subset(self, font: Any) -> None:
            self.options.drop_tables = [*self.options.drop_tables, *LAYOUT_TABLES]
            self.options.hinting = False  # for screens of few dots; half of a font
            letters = self._letters(font.reader.file.name)
            if self.glyph_ids_requested <= letters.glyphs.keys() and self.unicodes_requested <= letters.characters:
                font.close()
                small = type(font)(io.BytesIO(letters.content), lazy=True, recalcTimestamp=False, recalcBBoxes=False)
                font.__dict__.update(vars(small))  # the caller has it already
                self.glyph_index_map = letters.glyphs
            else:
                super().subset(font)

        def _letters(self, path: str) -> _Letters:
            key = path, self.options.font_number
            if key not in _LETTERS:
                cut = usual(self.options)
                cut.populate(text=USUAL)
                with subset.load_font(path, self.options) as font:
                    cut.subset(font)
                    font.save(content := io.BytesIO(), reorderTables=False)
                    _LETTERS[key] = _Letters(content.getvalue(), cut.glyph_index_map, frozenset(font.getBestCmap()))
            return _LETTERS[key]

    subset.Subsetter = Subsetter
    try:
        yield
    finally:
        subset.Subsetter = usual
