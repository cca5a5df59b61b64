"""Table files: the rows of a table, whatever the form of its file.

    .csv .tsv .txt .data        text, as `cells` reads it
    .arff                       Weka's: the names of @attribute, then lines of text
    .libsvm .svmlight           label 1:0.5 4:2, one example a line; a feature that is not written is 0
    .parquet .feather           as the CSV that pandas would write; needs pyarrow

All of them give rows of texts, so that one reader decides what is a number, a text or missing in any of them.
"""

import csv
import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from handgrad.data import cells
from handgrad.data.bounds import check_memory
from handgrad.data.cells import Row
from handgrad.data.packed import PACKED_ENDINGS, TEXT_ENDINGS, lines_of
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import shown

ARFF_ENDINGS, SPARSE_ENDINGS, FRAME_ENDINGS = (".arff",), (".libsvm", ".svmlight"), (".parquet", ".feather")
TABLE_ENDINGS = (*TEXT_ENDINGS, *ARFF_ENDINGS, *SPARSE_ENDINGS, *FRAME_ENDINGS)
LABEL = "label"  # the column of a sparse file's labels
ATTRIBUTE = re.compile(r"""@attribute\s+("(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>\S+))\s""", re.IGNORECASE)
PAIR = re.compile(r"(?P<index>\d{1,9}):(?P<value>[^\s:]+)")


def is_table(name: str) -> bool:
    """Whether a file is named as a table, packed or not.

    >>> is_table("a.CSV"), is_table("a.arff.gz"), is_table("a.parquet"), is_table("a.zip")
    (True, True, True, False)
    """
    return ending_of(name) in TABLE_ENDINGS


def ending_of(name: str) -> str:
    """The ending of a file's name, in small letters, without that of a packed one."""
    for ending in PACKED_ENDINGS:
        name = name.lower().removesuffix(ending)
    return Path(name).suffix


def rows_of(
    path: Path, notes: list[str] | None = None, span: tuple[int, int] | None = None, *, labelled: bool = True
) -> Iterator[Row]:
    """(number of the line, cells) of every row; of another form than text the first is a header.

    notes: is told of what is left out.  span: the first and the last feature that a sparse file has at least;
    labelled: whether each of its rows must have a label.
    """
    ending = ending_of(path.name)
    if ending in SPARSE_ENDINGS:
        return _sparse_rows(path, span, labelled)
    if ending in ARFF_ENDINGS:
        return _arff_rows(path)
    if ending in FRAME_ENDINGS:
        return _frame_rows(path, ending)
    return cells.rows_of(path, notes)


def _arff_rows(path: Path) -> Iterator[Row]:
    lines = enumerate(lines_of(path), 1)
    names: list[str] = []
    for number, line in lines:
        word = line.strip().split(None, 1)[:1]
        if word and word[0].lower() == "@data":
            break
        found = ATTRIBUTE.match(line.strip() + " ")
        if found:
            names.append(next(name for name in found.groupdict().values() if name is not None))
        elif line.strip() and not line.lstrip().startswith("%") and word[0].lower() != "@relation":
            raise DataError(f"{path}: line {number} is none of ARFF's before @data: {shown(line.strip(), 60)}")
    else:
        raise DataError(f"{path}: has no line @data, behind which the rows of an ARFF file stand")
    yield number, names
    try:
        for at, line in lines:
            if line.lstrip().startswith("{"):
                raise DataError(f"{path}: line {at} is a sparse row ({{…}}), which is not read; save it as CSV")
            if line.strip() and not line.lstrip().startswith("%"):
                quote = "'" if "'" in line and '"' not in line else '"'
                yield at, next(csv.reader([line], quotechar=quote, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: line {at} is no row of ARFF ({error}); mend the quotes") from None


def span_of(path: Path) -> tuple[int, int] | None:
    """The first and the last feature of a sparse file; None of any other file."""
    if ending_of(path.name) not in SPARSE_ENDINGS:
        return None
    header = next(_sparse_rows(path, None, labelled=False))[1]
    return int(header[1]), int(header[-1])


def span_of_all(files: Sequence[Path]) -> tuple[int, int] | None:
    """The first and the last feature of all sparse files together; None where there is none."""
    spans = []
    for file in files:
        with reading(file, DataError, "a file of libsvm", "copy it again from where it came"):
            spans.append(span_of(file))
    known = [span for span in spans if span is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


def _sparse_rows(path: Path, span: tuple[int, int] | None, labelled: bool) -> Iterator[Row]:
    examples: list[tuple[int, str, dict[int, str]]] = []
    first, most = span or (1, 1)
    for number, line in enumerate(lines_of(path), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        label, pairs = ("", words) if PAIR.fullmatch(words[0]) else (words[0], words[1:])
        if labelled and (not label or "," in label):
            held = f"several labels ({shown(label, 60)}); one an example is supported" if label else "no label"
            raise DataError(f"{path}: line {number} has {held}")
        found = [PAIR.fullmatch(pair) for pair in pairs]
        bad = next((pair for pair, match in zip(pairs, found, strict=True) if match is None), None)
        if bad is not None:
            raise DataError(f"{path}: line {number} holds {shown(bad, 60)}, not a pair like 4:0.5")
        values = {int(match["index"]): match["value"] for match in found if match}
        if len(values) < len(pairs):
            raise DataError(f"{path}: line {number} gives a feature twice; take one out")
        first, most = min(first, *values, first), max(most, *values, most)
        examples.append((number, label, values))
        check_memory(path, 8 * most * len(examples))
    yield 0, [LABEL, *map(str, range(first, most + 1))]
    for number, label, values in examples:
        yield number, [label, *(values.get(k, "0") for k in range(first, most + 1))]


def _pandas_reader(ending: str) -> Callable[[Path], Any]:
    import pandas as pd

    return pd.read_parquet if ending == ".parquet" else pd.read_feather


def _frame_rows(path: Path, ending: str) -> Iterator[Row]:
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError(
            f"{path}: reading {ending} needs pyarrow, which is not installed here; pip install 'handgrad[parquet]', or "
            f"save it as CSV, as in Python: pandas.read_{ending[1:]}({path.name!r}).to_csv('data.csv', index=False)"
        )
    frame = _pandas_reader(ending)(path)
    if frame.index.name is not None or frame.index.nlevels > 1:
        frame = frame.reset_index()  # an index with a name is a column
    yield 0, [str(name) for name in frame.columns]
    nothing = frame.isna().to_numpy()
    columns = [[_text(value) for value in frame.iloc[:, k].tolist()] for k in range(frame.shape[1])]
    for k, row in enumerate(zip(*columns, strict=True)):
        yield k + 1, ["" if absent else text for text, absent in zip(row, nothing[k], strict=True)]


def _text(value: Any) -> str:
    """A value as it stands in a CSV file.

    >>> _text(0.1), _text(3), _text(b"a"), _text(True)
    ('0.1', '3', 'a', 'True')
    """
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
