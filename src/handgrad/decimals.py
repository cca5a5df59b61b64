"""Numbers as text, rounded once: what a reader gets who rounds the number of the CSV by hand.

The number is the shortest decimal that names the value (what `repr` writes, and a CSV holds); halves go up, away from
zero.  `f"{100 * value:.2f}"` rounds twice, as the product is rounded too, and writes 28.125 as 28.12, where a browser
writes 28.13.  `run_filters.js` has the same two functions for the page.
"""

import math
from decimal import ROUND_HALF_UP, Decimal

LARGEST = 1e15  # from here on decimals mean nothing, and numbers are written with an exponent
SMALLEST = Decimal("1e-4")  # below it as well


def decimals(value: float, places: int = 2, *, shift: int = 0, sign: str = "") -> str:
    """10^shift · value with so many places; sign: "+" writes that of a positive number too.

    >>> decimals(0.28125, shift=2), decimals(0.285, 1, shift=2), decimals(-0.0012345, shift=2, sign="+")
    ('28.13', '28.5', '-0.12')
    """
    if not math.isfinite(value) or abs(value) >= LARGEST:
        return f"{10**shift * value:{sign}.{places}f}"
    exact = Decimal(repr(float(value))).scaleb(shift)
    return f"{exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):{sign}f}"


def significant(value: float, digits: int = 4, *, shift: int = 0, sign: str = "") -> str:
    """10^shift · value with so many significant digits and no zeros at its end; whole numbers keep every digit.

    >>> significant(0.58445), significant(1234567.0), significant(0.09999961), significant(0.00001234)
    ('0.5845', '1234567', '0.1', '1.234e-05')
    """
    if not math.isfinite(value) or abs(value) >= LARGEST:
        return f"{10**shift * value:{sign}.{digits}g}"
    exact = Decimal(repr(float(value))).scaleb(shift)
    if not exact:
        return f"{sign}0"
    places = max(0, digits - 1 - exact.adjusted())
    found = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP).normalize()
    if abs(found) >= SMALLEST:
        return f"{found:{sign}f}"
    mantissa = found.scaleb(-found.adjusted())
    return f"{mantissa:{sign}f}e-{-found.adjusted():02d}"
