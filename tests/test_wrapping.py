"""What commands print fits the terminal, and nothing is lost by it."""

import pytest

from handgrad.cli import console
from handgrad.cli.wrapping import room_of, table_lines, wrapped

HEADINGS = ("setting", "hidden", "validation %", "verdict", "what happened")
ROWS = [
    ("1", "16", "88.54 ± 0.49", "not separated (+7 seeds)", "done"),
    ("2", "32", "90.97 ± 1.96", "best", "seed 3 collapsed to one class (cat); seed 4 diverged in epoch 2"),
]


def words(lines):
    return sorted(word for line in lines for word in line.split())


def test_a_sentence_wraps_between_words_and_is_indented_below():
    text = "  Setting 4: hidden 32, lr 0.5 is best by validation accuracy: 90.97 ± 1.96 % (n = 2, ddof 1)."
    lines = wrapped(text, 80).split("\n")
    assert lines[0].startswith("  Setting 4: hidden 32, ")
    assert lines[1] == "    (n = 2, ddof 1)."  # not torn after "(n"
    assert words(lines) == words([text])
    assert wrapped(text, None) == text
    assert max(map(len, wrapped("word " * 90, 400).split("\n"))) <= 100


@pytest.mark.parametrize("room", [40, 60, 80, 100])
def test_a_table_that_is_too_wide_goes_on_below_with_the_names_of_its_rows(room):
    blocks = table_lines(HEADINGS, ROWS, [1, 2], room)
    lines = [line for block in blocks for _, line in block]
    assert max(map(len, lines)) <= room
    assert all(block[0][1].startswith("setting") for block in blocks)
    assert all([line[0] for row, line in block if row >= 0 and line[0] != " "] == ["1", "2"] for block in blocks)
    missing = {word for cells in (HEADINGS, *ROWS) for cell in cells for word in cell.split()} - set(words(lines))
    assert not missing


def test_a_table_that_fits_is_one_block():
    assert len(table_lines(HEADINGS, ROWS, [1, 2], None)) == len(table_lines(HEADINGS, ROWS, [1, 2], 200)) == 1


def test_only_terminals_and_columns_ask_for_it(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert room_of(console.out) is None
    monkeypatch.setenv("COLUMNS", "80")
    assert room_of(console.Console()) == 80
