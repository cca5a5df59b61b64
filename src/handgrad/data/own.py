"""Data of the user's own: which reader takes the file or folder at a path."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from handgrad.data.archives import ARCHIVE_ENDINGS, is_archive
from handgrad.data.array_files import holds_arrays, read_folder, read_mat
from handgrad.data.catalog import DATASETS, data_folder
from handgrad.data.cifar import read_cifar
from handgrad.data.contents import PART_WORDS, Contents
from handgrad.data.data_section import DataSection
from handgrad.data.idx import MNIST_FILES, read_mnist
from handgrad.data.image_folders import LEVELS, read_images
from handgrad.data.npz import read_npz
from handgrad.data.packed import PACKED_ENDINGS, tables_in_zip
from handgrad.data.picture_tables import names_pictures, read_picture_table
from handgrad.data.ranges import BRIGHT, compare_parts
from handgrad.data.table_files import TABLE_ENDINGS, is_table
from handgrad.data.tables import read_table
from handgrad.errors import DataError
from handgrad.measures import CLASSIFICATION
from handgrad.names import listed, nearest
from handgrad.synonyms import advice_on_name

FORMS = (
    f".npz, .mat, a folder of .npy, {', '.join(TABLE_ENDINGS)} (also packed: {', '.join(PACKED_ENDINGS)}), a folder "
    f"of images by class, or one packed in {', '.join(ARCHIVE_ENDINGS)}"
)
IDX = re.compile(r"(?:(?P<name>.+)-)?(?P<part>train|test|t10k)-(?P<kind>images|labels)[-.]idx[13]-ubyte(\.gz)?")
EMNIST_NOTE = "EMNIST's files hold pictures with rows and columns exchanged; they are read as they are"
_TO_CSV = "save it as CSV, as in Python: pandas.{reader}({name!r}).to_csv('data.csv', index=False)"
_TO_NPZ = "save its arrays as .npz, as in Python: numpy.savez('data.npz', x=x, y=y)"
OTHER_FORMS = {  # ending of files that are not read -> the remedy
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "save the sheet as CSV (UTF-8) there"),
    **dict.fromkeys((".json", ".jsonl"), _TO_CSV.replace("{reader}", "read_json")),
    **dict.fromkeys((".sav", ".dta", ".sas7bdat", ".xml", ".html"), "save the table as CSV there"),
    **dict.fromkeys((".h5", ".hdf5", ".tfrecord"), _TO_NPZ),
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth", ".joblib"), f"such a file could execute anything: {_TO_NPZ}"),
    ".npy": "put the arrays into a folder, as x_train.npy and y_train.npy (or x.npy and y.npy), and give the folder",
    **dict.fromkeys((".rar", ".7z"), "unpack it and give the folder"),
}
OF_TABLES = ("label", "drop", "decimal", "division")
FORMS_OF_SETTINGS = {  # setting -> the forms of data that have it
    "task": "tables and arrays",
    "label": "tables (CSV)",
    "drop": "tables (CSV)",
    "missing": "tables (CSV) and .npz files",
    "decimal": "tables (CSV)",
    "division": "tables (CSV)",
    "value_range": "data of your own",
    "image_size": "pictures",
    "color": "pictures",
}


def find_own(name: str, folder: Path) -> Path:
    """The path `name`: absolute, or relative to `folder` or to HANDGRAD_DATA.  Raises DataError."""
    path = Path(name).expanduser()
    shared = data_folder()
    places = [folder / path, *([shared / path] if shared else [])]
    for place in places:
        if place.exists():
            return place
    guess, advice = nearest(name, DATASETS), advice_on_name(name, "data set", DATASETS)
    hint = f"; {advice}." if advice else f"; did you mean {guess!r}?" if guess else "."
    raise DataError(
        f"data.name: no data set is called {name!r}, and no file or folder lies at "
        f"{' or '.join(str(place) for place in places)}{hint} Known: {', '.join(DATASETS)}, or a path to {FORMS}"
    )


def read_own(path: Path, section: DataSection) -> Contents:
    """The contents of a file or folder.  Raises DataError for a setting that its form does not have."""
    if path.is_dir():
        path = _only_file(path)
    parts, notes = _tables(path)
    task = section.task or CLASSIFICATION
    texts, cells = (section.missing.texts, section.missing.cells) if section.missing else (None, None)
    if list(parts) == ["train"] and path.is_file() and names_pictures(path):
        refuse_settings(section, ("task", "decimal"), f"{path} names pictures")
        return _ranged(read_picture_table(path, section), section, path)
    if parts:
        refuse_settings(section, ("image_size", "color"), f"{path} is a table")
        contents = read_table(
            parts["train"],
            section.label,
            parts.get("test"),
            parts.get("val"),
            drop=section.drop,
            missing=texts,
            cells=cells,
            decimal=section.decimal,
            division=section.division,
            task=task,
        )
        return replace(contents, value_range=section.value_range, notes=(*notes, *contents.notes))
    if path.name.lower().endswith(".npz"):
        refuse_settings(section, (*OF_TABLES, "image_size", "color"), f"{path} holds arrays")
        return replace(read_npz(path), value_range=section.value_range, missing=texts, cells=cells, task=task)
    if path.name.lower().endswith(".mat") or holds_arrays(path):
        refuse_settings(section, (*OF_TABLES, "image_size", "color"), f"{path} holds arrays")
        held = read_folder(path) if path.is_dir() else read_mat(path)
        return replace(held, value_range=section.value_range, missing=texts, cells=cells, task=task)
    arrays = _arrays(path)
    if arrays is not None:
        refuse_settings(
            section, [name for name in FORMS_OF_SETTINGS if name != "value_range"], f"{path} holds images in bytes"
        )
        return arrays if section.value_range is None else replace(arrays, value_range=section.value_range)
    ending = path.suffix.lower()
    if path.is_file() and ending in OTHER_FORMS:
        raise DataError(f"{path}: files {ending} are not read; {OTHER_FORMS[ending].format(name=path.name)}")
    if path.is_dir():
        _refuse_loose(path)
    if path.is_dir() or is_archive(path):
        inside = tables_in_zip(path)
        if inside:
            raise DataError(f"{path}: holds the tables {listed(inside, 4)}; unpack it and give the folder")
        refuse_settings(section, ("task", *OF_TABLES, "missing"), f"{path} holds images")
        images = read_images(path, image_size=section.image_size, color=section.color)
        return _ranged(images, section, path)
    raise DataError(f"{path}: is of no form that can be read; known: {FORMS}")


def refuse_settings(section: DataSection, names: Iterable[str], why: str) -> None:
    """Raise DataError where a setting was given that has no meaning for this data."""
    for name in names:
        if getattr(section, name) != type(section).model_fields[name].default:
            raise DataError(f"data.{name} is for {FORMS_OF_SETTINGS[name]}, but {why}; take it out")


def _tables(path: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """(part -> its table, notes on files that are not read); no part where there is no table.

    A folder holds train.csv or mnist_train.csv, and perhaps a test and a validation part that are called alike.
    """
    if path.is_file():
        zipped = path.name.lower().endswith(".zip")
        one = len(tables_in_zip(path)) == 1 if zipped else is_table(path.name)
        return ({"train": path} if one else {}), ()
    if not path.is_dir():
        return {}, ()
    inside = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    tables = [entry for entry in inside if entry.is_file() and is_table(entry.name)]
    found: dict[tuple[str, str], Path] = {}
    for entry in tables:
        part, rest = _part_of(entry.name)
        if part is None:
            continue
        if (part, rest) in found:
            raise DataError(
                f"{path}: {found[part, rest].name} and {entry.name} are both the {part} part; leave one of them there"
            )
        found[part, rest] = entry
    sets = [rest for part, rest in found if part == "train"]
    if len(sets) > 1:
        names = [found["train", rest].name for rest in sets]
        raise DataError(
            f'{path}: holds several training parts ({listed(names, 4)}); name one of them: data.name = "…/{names[0]}"'
        )
    if not sets:
        return {}, ()
    folders = [entry.name for entry in inside if entry.is_dir() and entry.name.lower() in LEVELS]
    if folders:
        table = found["train", sets[0]].name
        raise DataError(
            f"{path}: holds the table {table} and the folder{'s' * (len(folders) > 1)} {listed(folders)}: which is "
            f'the data? Name the table, data.name = "…/{table}", or take it out of the folder to have pictures read'
        )
    parts = {part: entry for (part, rest), entry in found.items() if rest == sets[0]}
    unread = [entry.name for entry in inside if entry not in parts.values()]
    return parts, (f"{path.name}: not read: {listed(unread, 8)}",) if unread else ()


def _ranged(images: Contents, section: DataSection, path: Path) -> Contents:
    """Pictures with the range that is stated, or with notes on the one that is taken.

    Raises DataError where the parts have other scales and no range is stated.
    """
    if section.value_range is not None:
        return replace(images, value_range=section.value_range)
    given = {"x_train": images.x_train, "x_test": images.x_test, "x_val": images.x_val}
    parts = {name: x for name, x in given.items() if x is not None}
    return replace(images, notes=(*images.notes, *_darkness(images), *compare_parts(parts, None, str(path))))


def _darkness(images: Contents) -> tuple[str, ...]:
    """A note on pictures of 0 to 255 that hold little more than black, as masks of 0 and 1 do."""
    high = max(int(x.max()) for x in (images.x_train, images.x_test, images.x_val) if x is not None)
    if images.value_range != (0, 255) or not 0 < high <= BRIGHT:
        return ()
    words = f"the pictures are dark: none has a value above {high}, and all are taken for 0 to 255"
    return (f"{words}; data.value_range = [0, {high}] would say otherwise",)


def _refuse_loose(folder: Path) -> None:
    """Raise DataError where a folder holds files of data, but no parts of one set and no folders of images."""
    inside = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    loose = [entry.name for entry in inside if is_table(entry.name) or entry.suffix.lower() in (".npz", *OTHER_FORMS)]
    if loose and not any(entry.is_dir() for entry in inside):
        raise DataError(
            f"{folder}: holds {listed(loose, 4)}, but no train.csv: call the parts train.csv and test.csv (also "
            f'val.csv, mnist_train.csv), or name one file: data.name = "…/{loose[0]}"'
        )


def _part_of(name: str) -> tuple[str | None, str]:
    """The part that a file is called after, and the rest of its name.

    >>> _part_of("mnist_train.csv.gz"), _part_of("TEST.csv"), _part_of("iris.csv")
    (('train', 'mnist'), ('test', ''), (None, 'iris'))
    """
    words = re.split(r"[-_. ]+", name.lower().split(".")[0])
    parts = [word for word in words if word in PART_WORDS]
    rest = "_".join(word for word in words if word not in PART_WORDS)
    return (PART_WORDS[parts[0]] if len(parts) == 1 else None), rest


def _arrays(path: Path) -> Contents | None:
    if path.name.startswith(("cifar-10-python", "cifar-10-binary", "cifar-10-batches")):
        return read_cifar(path)
    sets = _idx_sets(path)
    if len(sets) > 1:
        raise DataError(
            f"{path}: holds the IDX files of {len(sets)} sets "
            f"({listed(sorted(name or 'no name' for name in sets), 6)}); "
            "put the four files of one into a folder of their own"
        )
    if not sets:
        return None
    ((name, idx),) = sets.items()
    absent = [file for file in MNIST_FILES if file not in idx]
    if absent:
        raise DataError(
            f"{path}: holds IDX files but no {' and no '.join(absent)} (also .gz); the four belong together"
        )
    stems = {file.name.removesuffix(".gz") for file in idx.values()}
    unread = [entry.name for entry in sorted(path.iterdir()) if entry.name.removesuffix(".gz") not in stems]
    unread = [one for one in unread if not one.startswith(".")]
    notes = [f"{path.name}: not read: {listed(unread, 8)}"] if unread else []
    notes += [EMNIST_NOTE] if name.startswith("emnist") else []
    return replace(read_mnist(idx), value_range=None, notes=tuple(notes))  # not all use 0 to 255


def _idx_sets(path: Path) -> dict[str, dict[str, Path]]:
    """name of a set -> published name of MNIST's file -> the file there.

    Sets made like MNIST call their files alike: emnist-letters-train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte.
    """
    sets: dict[str, dict[str, Path]] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else ():  # .gz comes after its plain twin, and counts
        match = IDX.fullmatch(file.name)
        if match and file.is_file():
            part = "train" if match["part"] == "train" else "t10k"
            plain = f"{part}-{match['kind']}-idx{3 if match['kind'] == 'images' else 1}-ubyte"
            found = sets.setdefault(match["name"] or "", {})
            if plain in found and file.name != f"{found[plain].name}.gz":
                raise DataError(
                    f"{path}: holds {found[plain].name} and {file.name}, which are the same part; leave one of them"
                )
            found[plain] = file
    return sets


def _only_file(folder: Path) -> Path:
    """The one file of a folder that holds nothing else, if that is a file of data; or else the folder."""
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    if len(inside) != 1:
        return folder
    name = inside[0].name.lower()
    known = name.endswith((".npz", *ARCHIVE_ENDINGS, *OTHER_FORMS)) or is_table(name)
    return inside[0] if known and inside[0].is_file() else folder
