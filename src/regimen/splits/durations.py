"""Lengths of spans: bars, or a duration such as "2y"."""

from __future__ import annotations

import re
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

_DAY = 86_400_000_000_000
_UNITS = {
    "y": round(365.25 * _DAY),
    "mo": round(365.25 * _DAY / 12),
    "w": 7 * _DAY,
    "d": _DAY,
    "h": _DAY // 24,
    "min": _DAY // 1440,
}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(y|mo|w|d|h|min)")


def nanoseconds(text: str) -> int:
    """Reads "2y", "6mo", "26w", "90d", "12h" or "30min"; a year is 365.25 days, a month a twelfth of it.

    Raises:
        ValueError: another form, or zero.
    """
    match = _PATTERN.fullmatch(text.strip())
    length = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if length <= 0:
        raise ValueError(
            f'must be a number of bars or a duration: "2y", "6mo", "26w", "90d", "12h", "30min"; got {text!r}'
        )
    return length


def _checked(text: str) -> str:
    nanoseconds(text)
    return text


Duration = Annotated[str, AfterValidator(_checked)]
Span = Annotated[int, Field(ge=1, strict=True)] | Duration
"""A number of bars, or a duration by the clock."""


def boundaries(time: NDArray[np.datetime64], first: int, train: Span, test: Span) -> list[int]:
    """Returns the positions that separate the test spans: [b0, b1, …, n]; b0 ends the first training span.

    With a duration the boundaries are equally far apart on the clock, so spans differ in their number of
    bars; a stretch without any bar is joined to its neighbour. The last span ends with the data and may be
    shorter. Returns an empty list when the training span leaves no bar to test on.
    """
    stamps = time.astype("datetime64[ns]").astype(np.int64)
    count = len(stamps)
    if isinstance(train, int):
        start = first + train
        clock = int(stamps[start]) if start < count else 0
    else:
        clock = int(stamps[first]) + nanoseconds(train)
        start = int(np.searchsorted(stamps, clock))
    if start >= count:
        return []
    if isinstance(test, int):
        inner = list(range(start, count, test))
    else:
        marks = np.arange(clock, int(stamps[-1]) + 1, nanoseconds(test))
        inner = sorted({int(position) for position in np.searchsorted(stamps, marks)})
    return [*inner, count]


def train_start(time: NDArray[np.datetime64], first: int, boundary: int, train: Span) -> int:
    """Returns where a rolling training span that ends at ``boundary`` begins, never before ``first``."""
    if isinstance(train, int):
        return max(first, boundary - train)
    stamps = time.astype("datetime64[ns]").astype(np.int64)
    return max(first, int(np.searchsorted(stamps, int(stamps[boundary]) - nanoseconds(train))))
