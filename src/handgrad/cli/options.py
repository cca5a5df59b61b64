"""What several commands take and print."""

import json
from typing import Annotated, Any

from typer import Argument, Option

Overrides = Annotated[list[str] | None, Argument(metavar="KEY=VALUE", help="Changes, e.g. training.epochs=3.")]
Json = Annotated[bool, Option("--json", help="Print JSON, for scripts.")]


def print_json(value: Any) -> None:
    """A value as JSON, on standard output."""
    print(json.dumps(value, indent=1, allow_nan=False))
