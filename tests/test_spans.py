"""One grammar of spans: what bars and what splits accepted before, each with the other's units."""

from __future__ import annotations

import pytest

from regimen.errors import ConfigError
from regimen.spans import DAY, SECOND, UNITS, YEAR, bar_span, in_words, span
from regimen.splits.durations import nanoseconds

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND

BARS = {"100ms": SECOND // 10, "1s": SECOND, "15m": 15 * MINUTE, "15min": 15 * MINUTE, " 4 H ": 4 * HOUR, "1W": 7 * DAY}
SPLITS = {
    "2y": 63_115_200 * SECOND,
    "6mo": 15_778_800 * SECOND,
    "26w": 182 * DAY,
    "1.5d": 36 * HOUR,
    "0.1mo": 262_980 * SECOND,
    "30 min": 30 * MINUTE,
}


@pytest.mark.parametrize(("text", "length"), [*BARS.items(), *SPLITS.items()])
def test_splits_and_delays_read_every_span(text: str, length: int) -> None:
    assert span(text) == nanoseconds(text) == length


@pytest.mark.parametrize(("text", "length"), [*BARS.items(), ("1.5d", 36 * HOUR), ("0.5h", 30 * MINUTE)])
def test_bars_read_every_span_of_one_length(text: str, length: int) -> None:
    assert bar_span(text) == length


WRONG = ("", "0h", "4", "h", "-1h", "1e3h", "1.h", ".5h", "4 hours", "1h 30min", "0.0000000001ms", "999999999y")


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_one_line(text: str) -> None:
    rule = r"must be a positive number and one of ms, s, min, h, d, w, mo, y \(as in 4h\)"
    with pytest.raises(ConfigError, match=f"^data.delay: {rule}"):
        span(text, "data.delay")
    with pytest.raises(ValueError, match="must be a number of bars or a duration"):
        nanoseconds(text)


@pytest.mark.parametrize("text", ["1mo", "2Y", "x"])
def test_bars_are_of_no_months_and_years(text: str) -> None:
    rule = r"must be a positive number and one of ms, s, min, h, d, w \(as in 4h\)"
    with pytest.raises(ConfigError, match=f"^data.resample: {rule}"):
        bar_span(text, "data.resample")


def test_twelve_months_are_a_year_and_words_read_back() -> None:
    assert 12 * UNITS["mo"] == UNITS["y"] == YEAR
    for length in (15 * MINUTE, 4 * HOUR, DAY, 3 * SECOND):
        assert span(in_words(length)) == length
