"""The calendar of bars to come: by hand, by the clock, streamed as in the batch, and nothing of the future in it."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.bars import Bars
from regimen.features import FeaturesConfig, calendar_columns

HOUR = np.timedelta64(1, "h")


def bars(start: str, count: int, step: np.timedelta64 = HOUR, gap_at: int | None = None) -> Bars:
    time = np.datetime64(start, "ns") + np.arange(count) * step
    if gap_at is not None:
        time[gap_at:] += 48 * HOUR
    prices = dict.fromkeys(("open", "high", "low", "close"), np.full((count, 1), 100.0))
    return Bars.from_arrays(time, symbols=("a",), bar_length=int(step / np.timedelta64(1, "ns")), **prices)


def angles(time: np.ndarray) -> np.ndarray:
    """Sine and cosine of day and week, with numpy's own calendar."""
    day = (time - time.astype("datetime64[D]")) / np.timedelta64(24, "h")
    monday = (time.astype("datetime64[D]").astype(int) + 3) % 7  # 1970-01-01 was a Thursday, 3 days after a Monday
    week = (monday + day) / 7.0
    return np.stack([f(2.0 * np.pi * part) for part in (day, week) for f in (np.sin, np.cos)], axis=-1)


def computed(ahead: tuple[int, ...], given: Bars) -> np.ndarray:
    config = FeaturesConfig(kind="standard", columns=("bull_power_10",), calendar=ahead)
    frame = config.build().compute(given)
    assert frame.names[1:] == calendar_columns(ahead)
    return frame.values[:, 0, 1:].reshape(len(given), len(ahead), 4)


def test_it_is_the_hour_of_the_bars_ahead() -> None:
    given = bars("2024-02-28T21:00", 60)
    values = computed((0, 1, 24), given)
    assert np.isnan(values[0, 1:]).all()  # one bar does not show how long a bar is
    for k, ahead in enumerate((0, 1, 24)):
        np.testing.assert_allclose(values[1:, k], angles(given.time[1:] + ahead * HOUR), rtol=0, atol=1e-12)


def test_a_gap_counts_by_the_clock_and_the_smallest_step_is_a_bar() -> None:
    given = bars("2024-03-01T00:00", 40, gap_at=20)
    values = computed((4,), given)[:, 0]
    np.testing.assert_allclose(values[1:], angles(given.time[1:] + 4 * HOUR), rtol=0, atol=1e-12)


def test_no_bar_to_come_decides_it_and_a_stream_says_the_same_bits() -> None:
    given = bars("2024-03-01T00:00", 40)
    other = bars("2024-03-01T00:00", 40, gap_at=30)
    assert np.array_equal(computed((0, 4), given)[:30], computed((0, 4), other)[:30], equal_nan=True)
    features = FeaturesConfig(kind="standard", columns=("bull_power_10",), calendar=(0, 4)).build()
    stream = features.stream(given.symbols)
    rows = [stream.push(time, 100.0, 100.0, 100.0, 100.0) for time in given.time]
    assert np.array_equal(np.array(rows), features.compute(given).values[:, 0], equal_nan=True)


def test_a_config_without_a_calendar_is_written_as_before_and_a_calendar_changes_the_schema() -> None:
    assert "calendar" not in FeaturesConfig().model_dump()
    hashes = {
        FeaturesConfig(columns=("return_1",), calendar=ahead).build().hash for ahead in ((), (0,), (0, 1), (0, 2))
    }
    assert len(hashes) == 4


def test_errors_name_the_rule() -> None:
    with pytest.raises(ValidationError, match=r"must name each number of bars once; got \[0, 4, 4\]"):
        FeaturesConfig(calendar=(0, 4, 4))
    with pytest.raises(ValidationError, match=r"greater than or equal to 0"):
        FeaturesConfig(calendar=(-1,))
