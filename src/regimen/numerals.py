"""Numbers as a reader sees them: one way to write each kind, and "–" for whatever is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import SupportsFloat

UNKNOWN = "–"
MINUS = "−"


def _known(value: object) -> float | None:
    """The value as a finite float; None for None, NaN, infinities, booleans and whatever is no number."""
    if isinstance(value, bool | str) or not isinstance(value, SupportsFloat):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _signed(number: float, form: str, *, plus: bool) -> str:
    text = format(abs(number), form)
    if not any(digit in "123456789" for digit in text):
        return text  # what rounds to zero carries no sign
    return (MINUS if number < 0 else "+" if plus else "") + text


def number(value: object, digits: int = 2, *, plus: bool = False) -> str:
    """Writes a plain number with thousands separators: ``1,234.50``."""
    known = _known(value)
    return UNKNOWN if known is None else _signed(known, f",.{digits}f", plus=plus)


def percent(value: object, digits: int = 1, *, plus: bool = False) -> str:
    """Writes a fraction as a percentage: 0.123 becomes ``12.3 %`` with a narrow no-break space."""
    known = _known(value)
    return UNKNOWN if known is None else _signed(100.0 * known, f",.{digits}f", plus=plus) + "\u202f%"


def basis_points(value: object, digits: int = 1) -> str:
    """Writes a number that is in basis points already: ``6.3 bp``."""
    known = _known(value)
    return UNKNOWN if known is None else _signed(known, f",.{digits}f", plus=False) + "\u202fbp"


def count(value: object) -> str:
    """Writes a whole number: ``1,048,576``."""
    return number(value, 0)


def span(ends: object, digits: int = 2) -> str:
    """Writes an interval: ``−0.32 to 1.10``; unknown when either end is."""
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        return UNKNOWN
    low, high = number(ends[0], digits), number(ends[1], digits)
    return UNKNOWN if UNKNOWN in (low, high) else f"{low} to {high}"


def significant(value: object, digits: int = 4) -> str:
    """Writes a number of unknown size with a few significant digits; text is returned as it is."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    known = _known(value)
    if known is None:
        return str(value) if isinstance(value, str) else UNKNOWN
    if known == int(known) and abs(known) < 1e15:
        return number(known, 0)
    size = math.floor(math.log10(abs(known)))
    if size < -4:
        mantissa = format(known, f".{digits - 1}e")
        return mantissa.replace("-", MINUS)
    return number(known, max(0, digits - 1 - size))


def duration(nanoseconds: object) -> str:
    """Writes a length of time in its largest whole unit: ``15 minutes``, ``1 day``."""
    known = _known(nanoseconds)
    if known is None or known <= 0:
        return UNKNOWN
    for unit, size in (("day", 86_400e9), ("hour", 3_600e9), ("minute", 60e9), ("second", 1e9)):
        if known % size == 0:
            many = int(known // size)
            return f"{many:,} {unit}" + ("" if many == 1 else "s")
    return f"{known / 1e9:g} seconds"


def day(value: object) -> str:
    """The date of an ISO time stamp, without its time of day when that is midnight."""
    if not isinstance(value, str) or len(value) < 10:
        return UNKNOWN
    clock = value[11:16]
    return value[:10] if clock in ("", "00:00") else f"{value[:10]}\u00a0{clock}"
