"""Spans of time as people write them: ``1min``, ``4h``, ``1d``."""

from __future__ import annotations

import re

from regimen.errors import ConfigError

SECOND = 1_000_000_000
UNITS = {
    "ms": SECOND // 1000,
    "s": SECOND,
    "m": 60 * SECOND,
    "min": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 7 * 86_400 * SECOND,
}
_SPAN = re.compile(r"\s*(\d{1,9})\s*(ms|s|min|m|h|d|w)\s*", re.IGNORECASE)


def span(text: str, name: str = "span") -> int:
    """Returns a span in nanoseconds; ``m`` is minutes, as exchanges write it.

    Raises:
        ConfigError: the text is not a positive whole number followed by ms, s, min (m), h, d or w.
    """
    match = _SPAN.fullmatch(text)
    length = int(match[1]) * UNITS[match[2].lower()] if match else 0
    if not 0 < length < 2**62:
        raise ConfigError(name, "must be a positive whole number and one of ms, s, min, h, d, w (as in 4h)", text)
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
