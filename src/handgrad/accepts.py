"""What a validator lets pass, as JSON Schema beside the validator: the schema of study files is made of it.

    @accepts({"type": "boolean"})
    def flag(value): ...

A form may hold a section (its class stands for the table), and be a function where it is of an open table of names.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

Check = TypeVar("Check", bound=Callable[..., Any])
Form = dict[str, Any]


def accepts(form: Form | Callable[[], Form] | None) -> Callable[[Check], Check]:
    """Put the form of what a validator lets pass beside it; None where nobody said it."""

    def beside(check: Check) -> Check:
        if form is not None:
            check.__dict__["form"] = form
        return check

    return beside


def form_of(check: Any) -> Form | None:
    """The form of what a validator lets pass, None where it is not said.

    >>> form_of(accepts({"type": "boolean"})(lambda value: value)), form_of(len)
    ({'type': 'boolean'}, None)
    """
    form = getattr(check, "form", None)
    return form() if callable(form) else form


def number(interval: str, kind: str = "number") -> Form:
    """The form of a number in an interval.

    >>> number("[0, 1)")
    {'type': 'number', 'minimum': 0.0, 'exclusiveMaximum': 1.0}
    """
    low, high = (float(end) for end in interval[1:-1].split(","))
    form: Form = {"type": kind}
    if math.isfinite(low):
        form["minimum" if interval[0] == "[" else "exclusiveMinimum"] = low
    if math.isfinite(high):
        form["maximum" if interval[-1] == "]" else "exclusiveMaximum"] = high
    return form


def either(*forms: Any) -> Form:
    """One of several forms."""
    return {"anyOf": list(forms)}


def list_of(form: Any, least: int = 0, most: int | None = None) -> Form:
    """A list of what has a form."""
    found: Form = {"type": "array", "items": form}
    if least:
        found["minItems"] = least
    if most is not None:
        found["maxItems"] = most
    return found


TEXT: Form = {"type": "string"}
WHOLE = number("[0, inf)", "integer")
POSITIVE = number("[1, inf)", "integer")
