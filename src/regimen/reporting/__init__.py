"""Pages and pictures: the report of a run and the comparison of several, each one HTML file without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.reporting.numerals import count, day, duration

__all__ = [
    "count",
    "day",
    "duration",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "count": ".numerals",
        "day": ".numerals",
        "duration": ".numerals",
    },
)
