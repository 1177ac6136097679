"""Lengths of spans: bars, a duration such as "2y", or a share of the series such as "40%"."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from regimen.spans import parsed

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def nanoseconds(text: str) -> int:
    """Reads "2y", "6mo", "26w", "90d", "12h" or "30min", see `regimen.spans`.

    Raises:
        ValueError: another form, or zero.
    """
    length, _ = parsed(text)
    if not length:
        raise ValueError(
            'must be a number of bars or a duration: "2y", "6mo", "26w", "90d", "12h", "30min", '
            f'or a share of the bars above 0 and below 100: "40%"; got {text!r}'
        )
    return length


def share(text: str) -> Fraction | None:
    """Reads "40%" as 2/5; None for any other form, and for a share that is not between 0 and 1."""
    match = _SHARE.fullmatch(text.strip())
    part = Fraction(match[1]) / 100 if match else Fraction(0)
    return part if 0 < part < 1 else None


def _checked(text: str) -> str:
    if share(text) is None:
        nanoseconds(text)
    return text


Duration = Annotated[str, AfterValidator(_checked)]
Span = Annotated[int, Field(ge=1, strict=True)] | Duration
"""A number of bars, a duration by the clock, or a share of the bars from the first training bar on."""


def in_bars(span: Span, count: int) -> Span:
    """Returns a share of ``count`` bars as a number of bars, rounded down but at least 1; other spans as they are."""
    part = share(span) if isinstance(span, str) else None
    return span if part is None else max(1, int(part * count))


def boundaries(time: NDArray[np.datetime64], first: int, train: Span, test: Span) -> list[int]:
    """Returns the positions that separate the test spans: [b0, b1, …, n]; b0 ends the first training span.

    With a duration the boundaries are equally far apart on the clock, so spans differ in their number of
    bars; a stretch without any bar is joined to its neighbour. With a share of the n bars from ``first`` on they are
    rounded down one by one, so that "50%" and "10%" leave five test spans whatever n is. The last span ends with the
    data and may be shorter. Returns an empty list when the training span leaves no bar to test on.
    """
    stamps = time.astype("datetime64[ns]").astype(np.int64)
    count = len(stamps)
    part = share(test) if isinstance(test, str) else None
    whole = count - first
    exact = share(train) if isinstance(train, str) else None
    train = in_bars(train, whole)
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
    elif part is not None:
        begin = Fraction(start - first) if exact is None else exact * whole
        marks = (first + int(begin + number * part * whole) for number in range(int(1 / part) + 1))
        inner = sorted({start, *(mark for mark in marks if start <= mark < count)})
    else:
        clocks = np.arange(clock, int(stamps[-1]) + 1, nanoseconds(test))
        inner = sorted({int(position) for position in np.searchsorted(stamps, clocks)})
    return [*inner, count]


def train_start(time: NDArray[np.datetime64], first: int, boundary: int, train: Span) -> int:
    """Returns where a rolling training span that ends at ``boundary`` begins, never before ``first``."""
    train = in_bars(train, len(time) - first)
    if isinstance(train, int):
        return max(first, boundary - train)
    stamps = time.astype("datetime64[ns]").astype(np.int64)
    return max(first, int(np.searchsorted(stamps, int(stamps[boundary]) - nanoseconds(train))))
