"""Spans of time as people write them, one grammar for bars, delays and splits: ``15m``, ``4h``, ``3mo``, ``2y``."""

from __future__ import annotations

import re

from regimen.errors import ConfigError

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
YEAR = 31_557_600 * SECOND
"""365.25 days; a month is a twelfth of it. No calendar is asked."""
UNITS = {
    "ms": SECOND // 1000,
    "s": SECOND,
    "m": 60 * SECOND,
    "min": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": DAY,
    "w": 7 * DAY,
    "mo": YEAR // 12,
    "y": YEAR,
}
"""Nanoseconds of each unit; ``m`` is minutes, as exchanges write it."""
_SPAN = re.compile(rf"\s*(\d{{1,18}}(?:\.\d{{1,18}})?)\s*({'|'.join(UNITS)})\s*", re.IGNORECASE)
_LONGEST = 2**62


def parsed(text: str) -> tuple[int, str]:
    """Returns a span in nanoseconds, and its unit; (0, "") for what is none.

    A span is a number above 0, with a decimal point if need be, and a unit of `UNITS`, upper or lower case; blanks
    around both. A fraction of a nanosecond is rounded.
    """
    match = _SPAN.fullmatch(text)
    if not match:
        return 0, ""
    number, unit = match[1], match[2].lower()
    length = round(float(number) * UNITS[unit]) if "." in number else int(number) * UNITS[unit]
    return (length, unit) if 0 < length < _LONGEST else (0, "")


def span(text: str, name: str = "span") -> int:
    """Returns a span in nanoseconds; see `parsed` for how it is written.

    Raises:
        ConfigError: the text is no span.
    """
    length, _ = parsed(text)
    if not length:
        raise ConfigError(name, "must be a positive number and one of ms, s, min, h, d, w, mo, y (as in 4h)", text)
    return length


def bar_span(text: str, name: str = "span") -> int:
    """Returns the length of a bar in nanoseconds: a `span`, but of no months or years, whose bars differ in length.

    Raises:
        ConfigError: the text is no such span.
    """
    length, unit = parsed(text)
    if not length or unit in ("mo", "y"):
        raise ConfigError(name, "must be a positive number and one of ms, s, min, h, d, w (as in 4h)", text)
    return length


def in_words(length: int) -> str:
    """Returns nanoseconds in words: ``4h``, ``1d 3h``, ``5h 55min``."""
    parts = []
    rest = int(length)
    for unit in ("d", "h", "min", "s", "ms"):
        count, rest = divmod(rest, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or f"{length}ns"
