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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from handgrad.study.folder.disk import unwritable, write_whole
from handgrad.study.folder.plan_file import decision, read_decisions

Event = dict[str, Any]


class Decisions:
    """The file of one phase.  `events`: what it holds beside its head, if that is the same; otherwise nothing.

    `problem`: what is wrong with the line after the last of them, None where nothing is.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path = path
        self.head = {"event": "search", **head}
        lines, self.problem = read_decisions(path)
        self.other = bool(lines) and lines[0] != json.loads(json.dumps(self.head))
        self.events: list[Event] = [] if self.other else lines[1:]
        self._file: TextIO | None = None

    def restart(self) -> None:
        """Forget every event: they do not belong to this search."""
        self.events = []

    def add(self, kind: str, **facts: Any) -> None:
        """Note an event; it is in the file after the next `flush`."""
        event: Event = {"event": kind, **facts}
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
