"""Picture tables: a table that names picture files and their classes.

file,label            a column of file names, which end as those of pictures do, and one of labels; perhaps one that
images/1.png,cat      divides the pictures (`divisions`).  Files lie where their names lead from the table's folder,
images/2.png,dog      or anywhere below it where one file alone is called so.
"""

from collections.abc import Sequence
from pathlib import Path

from handgrad.data.archives import ending, read_file
from handgrad.data.cells import Row
from handgrad.data.classes import first_missing, missing_label
from handgrad.data.columns import SHOWN, dropped, find_column, find_label
from handgrad.data.contents import Contents
from handgrad.data.data_section import DataSection
from handgrad.data.divisions import parted, read_division
from handgrad.data.image_files import ENDINGS, decode, without_warnings
from handgrad.data.image_folders import PictureSet, of_pictures
from handgrad.data.table_files import rows_of
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import listed, plural, shown


def names_pictures(path: Path) -> bool:
    """Whether a table names picture files: in its second line, or in a first line that is no header."""
    with reading(path, DataError, "a table", "mend it, or save it as CSV again"):
        rows = rows_of(path, [])
        first = [next(rows, (0, []))[1], next(rows, (0, []))[1]]
    return any(_is_picture(cell) for cells in first for cell in cells)


def read_picture_table(path: Path, section: DataSection) -> Contents:
    """The pictures that a table names, with its labels.  Raises DataError with the line."""
    notes: list[str] = []
    with reading(path, DataError, "a table", "mend it, or save it as CSV again"):
        rows = [(line, [cell.strip() for cell in cells]) for line, cells in rows_of(path, notes)]
    header = not any(map(_is_picture, rows[0][1]))
    names = rows[0][1] if header else [str(k) for k in range(len(rows[0][1]))]
    rows = rows[1:] if header else rows
    division = read_division(path, section.division, "train", None, section.drop or (), None)
    of_files = next(k for k, cell in enumerate(rows[0][1]) if _is_picture(cell))
    gone = {of_files, *([] if division is None else [division.column])}
    label = _label(path, names, header, section, gone)
    _check_rows(path, rows, len(names), label, section)

    files = _files(path, rows, of_files)
    pictures = PictureSet(path)
    with without_warnings():
        for name, file in files.items():
            content = read_file(file)
            pictures.add(name, decode(content, str(file), image_size=section.image_size, color=section.color))
    unused = [k for k in range(len(names)) if k not in (of_files, label, *(gone - {of_files}))]
    if unused:
        notes.append(f"{path.name}: not read: {listed((shown(names[k]) for k in unused), SHOWN)}")
    unnamed = [file for file in _pictures_below(path.parent) if file not in set(files.values())]
    if unnamed:
        some = listed((file.relative_to(path.parent).as_posix() for file in unnamed), 4)
        notes.append(f"{path.name}: does not name {plural(len(unnamed), 'picture')} of its folder: {some}")
    contents = of_pictures(pictures, lambda x: Contents(x, [cells[label] for _, cells in rows], notes=tuple(notes)))
    return contents if division is None else parted(contents, [line for line, _ in rows], division, path)


def _is_picture(cell: str) -> bool:
    return ending(cell.strip()) in ENDINGS


def _label(path: Path, names: Sequence[str], header: bool, section: DataSection, gone: set[int]) -> int:
    """The column of the labels."""
    if isinstance(section.label, tuple):
        raise DataError(f"{path}: data.label names {len(section.label)} columns, and classes stand in one")
    without = gone | set(dropped(names, header, section.drop, None, str(path)))
    left = [k for k in range(len(names)) if k not in without]
    if section.label is not None:
        label = find_column(names, section.label, "data.label", str(path))
    elif len(left) == 1:
        label = left[0]
    elif header and left and find_label([names[k] for k in left], None, str(path), -1)[1] == "name":
        label = left[find_label([names[k] for k in left], None, str(path), -1)[0]]
    else:
        held = listed((shown(names[k]) for k in left), SHOWN) or "no other column"
        raise DataError(f"{path}: which column holds the labels of its pictures? Say data.label; it has {held}")
    if label in gone:
        raise DataError(
            f"{path}: data.label = {shown(section.label)} is the column of files, or the one that divides them"
        )
    return label


def _check_rows(path: Path, rows: Sequence[Row], width: int, label: int, section: DataSection) -> None:
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(f"{path}: line {line} has {len(cells)} cells; the first row has {width}; mend the line")
    texts = section.missing.texts if section.missing else None
    absent = first_missing([cells[label] for _, cells in rows], texts)
    if absent is not None:
        line, cells = rows[absent]
        raise DataError(missing_label(f"{path}: line {line}", cells[label]))


def _files(path: Path, rows: Sequence[Row], column: int) -> dict[str, Path]:
    """name -> the picture file of every row, in their order."""
    found: dict[str, Path] = {}
    by_name: dict[str, list[Path]] = {}
    for line, cells in rows:
        name = cells[column].replace("\\", "/")
        if name in found:
            raise DataError(f"{path}: line {line} names {shown(name)} a second time; take one of them out")
        file = path.parent / name
        if not file.is_file():
            if not by_name:
                for one in _pictures_below(path.parent):
                    by_name.setdefault(one.name, []).append(one)
            same = by_name.get(name, [])
            if len(same) != 1:
                why = f"{len(same)} files are called so below" if same else "no such file lies in"
                raise DataError(f"{path}: line {line} names the picture {shown(name)}, and {why} {path.parent}")
            file = same[0]
        found[name] = file
    return found


def _pictures_below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if _is_picture(file.name) and not file.name.startswith("."))
