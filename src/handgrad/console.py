"""What commands print: tables, and the progress of a study (one bar on a terminal, a plain line per run elsewhere).

Colour follows the terminal and `NO_COLOR`.  Progress goes to standard error, results to standard output.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    numeric: Collection[int] = (),
    bold: Collection[int] = (),
) -> None:
    """A table as text, never cut or wrapped.  `numeric`: columns aligned right; `bold`: rows set in bold."""
    texts = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *texts, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if i in numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    out.print(Text(line(headings), "bold"))
    for index, cells in enumerate(texts):
        out.print(Text(line(cells), "bold" if index in bold else ""))


def say(line: str) -> None:
    """One line about what is going on, to standard error."""
    err.print(Text(line))


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(0.42), duration(75), duration(3700)
    ('0.4 s', '1 min 15 s', '1 h 02 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(n_bytes: float) -> str:
    """A number of bytes in words.

    >>> size(950), size(52_000_000)
    ('950 B', '52 MB')
    """
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def print_record(record: dict[str, Any]) -> None:
    """record.json of one run, as lines that people read."""
    diverged, data, network, time = (record[name] for name in ("diverged", "data", "network", "time"))
    lines = [
        ("run", f"{record['id']}, seed {record['seed']}"),
        ("status", record["status"]),
        ("network", ", ".join(network["layers"]) + f" ({network['parameters']:,} parameters)"),
        ("loss", network["loss_formula"]),
        ("L2", network["l2_formula"]),
        (
            "data",
            f"{data['name']}, {', '.join(f'{n:,} {part}' for part, n in data['counts'].items())}; {data['scaling']}",
        ),
        ("epochs", f"{record['epochs']} ({record['steps']:,} steps)"),
        ("time", f"{duration(time['training'])} training, {duration(time['evaluation'])} scoring"),
    ]
    if diverged:
        lines.append(("diverged", f"epoch {diverged['epoch']}, step {diverged['step']:,}, layer {diverged['layer']}"))
        lines.append(("", diverged["reason"]))
    if record["error"]:
        lines.append(("error", record["error"]))
    for name, value in record["metrics"].items():
        lines.append((name, "–" if value is None else f"{value:.4f}"))
    for section, values in record["setting"].items():
        lines += [(f"{section}.{key}", value) for key, value in values.items() if value is not None]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        out.print(Text(f"{name.ljust(width)}  {value}"))
