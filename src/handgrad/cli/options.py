"""What several commands take and print."""

import json
from typing import Annotated, Any

from typer import Argument, BadParameter, Option

from handgrad.names import shown

Overrides = Annotated[list[str] | None, Argument(metavar="KEY=VALUE", help="Changes, e.g. training.epochs=3.")]
Json = Annotated[bool, Option("--json", help="Print JSON, for scripts.")]


def whole_number(text: str) -> int:
    """What an option of a whole number was given.  Raises BadParameter, which says what that was."""
    try:
        return int(text)
    except ValueError:
        raise BadParameter(f"must be a whole number; got {shown(text)}") from None


def port_number(text: str) -> int:
    """A whole number that can be a port."""
    if not 0 <= (port := whole_number(text)) < 2**16:
        raise BadParameter(f"must be between 0 and {2**16 - 1}; got {port}")
    return port


def real_number(text: str) -> float:
    """What an option of any number was given."""
    try:
        return float(text)
    except ValueError:
        raise BadParameter(f"must be a number; got {shown(text)}") from None


def print_json(value: Any) -> None:
    """A value as JSON, on standard output."""
    print(json.dumps(value, indent=1, allow_nan=False))
