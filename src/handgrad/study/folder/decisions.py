"""What a search decided, in the order in which it happened: one file of JSON lines for a phase.

    decisions/<number of the phase>.jsonl
      {"event": "search", ...}     the rule, the sampler and the measure; with another head the file is begun anew
      {"event": "asked", "number", "parameters", "setting"}      a sampler drew a setting
      {"event": "begun", "setting", "runs", "until"}             every seed of a setting trains to epoch `until`
      {"event": "arrived", "setting", "epoch", "values", "value"}   the measure of each seed there, and their mean
      {"event": "promoted", "setting", "until", "why"}           it goes on
      {"event": "winner", "setting"}                             the phase was over

A line is on its way to the disk before anything is done that follows from it (`flush`), so a search that was killed
goes on from its last line; a line that was cut off is not there.  Each ends with its checksum, and the search goes on
from before one that was altered.  A copy of the file in another folder makes the same search again.
"""

import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from handgrad.study.folder.disk import unreadable, unwritable, write_whole

_CRC = re.compile(r', "crc": "([0-9a-f]{8})"\}')
_CRC_LETTERS = 20

Decision = dict[str, Any]


class Decisions:
    """The file of one phase.  `events`: what it holds beside its head, if that is the same; otherwise nothing.

    `problem`: what is wrong with the line after the last of them, None where nothing is.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path = path
        self.head = {"event": "search", **head}
        lines, self.problem = read_decisions(path)
        self.other = bool(lines) and lines[0] != json.loads(json.dumps(self.head))
        self.events: list[Decision] = [] if self.other else lines[1:]
        self._file: TextIO | None = None

    def restart(self) -> None:
        """Forget every event: they do not belong to this search."""
        self.events = []

    def add(self, kind: str, **facts: Any) -> None:
        """Note an event; it is in the file after the next `flush`."""
        event: Decision = {"event": kind, **facts}
        try:
            if self._file is None:
                write_whole(self.path, "".join(map(decision, (self.head, *self.events))).encode())
                self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 (open while the search goes on)
            self._file.write(decision(event))
        except OSError as error:
            raise unwritable(self.path.parent, error) from error
        self.events.append(event)

    def flush(self) -> None:
        """Write down what was noted."""
        try:
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            raise unwritable(self.path.parent, error) from error

    def close(self) -> None:
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            raise unwritable(self.path.parent, error) from error


_FACTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "search": {},
    "asked": {"number": int, "parameters": dict, "setting": str},
    "begun": {"setting": str, "runs": list, "until": int},
    "arrived": {"setting": str, "epoch": int, "values": dict},
    "promoted": {"setting": str, "until": int, "why": str},
    "winner": {"setting": (str, type(None))},
}


def decision(event: Mapping[str, Any]) -> str:
    """A decision as a line of its file, which ends with the checksum (CRC-32) of what stands before it."""
    text = json.dumps(event)
    return f'{text[:-1]}, "crc": "{zlib.crc32(text.encode()):08x}"}}\n'


def read_decisions(path: Path) -> tuple[list[dict[str, Any]], str | None]:
    """(what a search wrote down, up to the first line that is not whole; what is wrong with that line).

    A last line without its end was cut off by a kill, and nothing is wrong with that.  ([], None) without a file.
    """
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return [], None
    except OSError as error:
        raise unreadable(path, error) from None
    found: list[dict[str, Any]] = []
    marked = False  # earlier versions wrote lines without a checksum
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        event, with_sum = _event(line.rstrip("\r\n"))
        marked = marked or with_sum
        if event is None or marked != with_sum:
            cut = not line.endswith("\n")
            return found, None if cut else f"line {number} was altered after it was written"
        found.append(event)
    return found, None


def _event(line: str) -> tuple[dict[str, Any] | None, bool]:
    """(the event of a line, None where it is none; whether the line has a checksum)."""
    seal = _CRC.fullmatch(line[-_CRC_LETTERS:])
    if seal is not None:
        line = f"{line[:-_CRC_LETTERS]}}}"
        if f"{zlib.crc32(line.encode()):08x}" != seal[1]:
            return None, True
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None, seal is not None
    needed = _FACTS.get(str(event.get("event"))) if isinstance(event, dict) else None
    fits = needed is not None and all(isinstance(event.get(key, ...), kind) for key, kind in needed.items())
    return event if fits and "crc" not in event else None, seal is not None
