"""Data of the user's own: a path leads to the reader of what lies there."""

from pathlib import Path

from handgrad.data.archives import ARCHIVE_ENDINGS, is_archive
from handgrad.data.cifar import read_cifar
from handgrad.data.examples import Contents
from handgrad.data.formats import read_npz
from handgrad.data.idx import read_mnist
from handgrad.data.images import read_images
from handgrad.data.sources import SOURCES, data_folder
from handgrad.data.spec import DataSection
from handgrad.data.tables import read_table
from handgrad.errors import DataError
from handgrad.names import nearest

TABLE_ENDINGS = (".csv", ".tsv", ".txt")
FORMS = f".npz, {', '.join(TABLE_ENDINGS)}, a folder of images by class, or one packed in {', '.join(ARCHIVE_ENDINGS)}"
NAMED = ("digits", *SOURCES)


def find_own(name: str, folder: Path) -> Path:
    """The path that `name` says: absolute, or relative to `folder` or to HANDGRAD_DATA."""
    path = Path(name).expanduser()
    shared = data_folder()
    places = [folder / path, *([shared / path] if shared else [])]
    for place in places:
        if place.exists():
            return place
    guess = nearest(name, NAMED)
    hint = f"; did you mean {guess!r}?" if guess else "."
    raise DataError(
        f"data.name: no data set is called {name!r}, and no file or folder lies at "
        f"{' or '.join(str(place) for place in places)}{hint} Known: {', '.join(NAMED)}, or a path to {FORMS}"
    )


def read_own(path: Path, section: DataSection) -> Contents:
    """What lies at a path; the settings that only some forms know are errors with the others."""
    if path.is_dir():
        path = _only_file(path)
    table = path / "train.csv" if (path / "train.csv").is_file() else path
    if table.is_file() and table.name.lower().endswith(TABLE_ENDINGS):
        refuse_settings(section, ("image_size", "color"), f"{path} is a table")
        test = path / "test.csv" if table != path else None
        return read_table(table, section.label, test if test and test.is_file() else None)
    arrays = _arrays(path)
    if arrays is not None:
        refuse_settings(section, ("label", "image_size", "color"), f"{path} holds arrays")
        return arrays
    if path.is_dir() or is_archive(path):
        refuse_settings(section, ("label",), f"{path} holds images")
        return read_images(path, image_size=section.image_size, color=section.color)
    raise DataError(f"{path}: is of no form that can be read; known: {FORMS}")


def refuse_settings(section: DataSection, names: tuple[str, ...], why: str) -> None:
    """Raise DataError where a setting was given that has no meaning for this data."""
    for name in names:
        if getattr(section, name) != type(section).model_fields[name].default:
            kind = "tables (CSV)" if name == "label" else "folders of images"
            raise DataError(f"data.{name} is for {kind}, but {why}; take it out")


def _arrays(path: Path) -> Contents | None:
    if path.name.lower().endswith(".npz"):
        return read_npz(path)
    if path.name.startswith(("cifar-10-python", "cifar-10-binary", "cifar-10-batches")):
        return read_cifar(path)
    idx = {file.plain_name: path / file.name for file in SOURCES["mnist"].files}
    for plain, packed in idx.items():
        if not packed.is_file():
            idx[plain] = path / plain
    absent = [name for name, file in idx.items() if not file.is_file()]
    if absent and len(absent) < len(idx):
        raise DataError(
            f"{path}: holds IDX files but no {' and no '.join(absent)} (also .gz); the four belong together"
        )
    return None if absent else read_mnist(idx, None)


def _only_file(folder: Path) -> Path:
    """The one file of a folder that holds nothing else, if that is a file of data; or else the folder."""
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    endings = (".npz", *TABLE_ENDINGS, *ARCHIVE_ENDINGS)
    return inside[0] if len(inside) == 1 and inside[0].name.lower().endswith(endings) else folder
