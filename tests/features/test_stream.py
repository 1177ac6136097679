"""The live stream: restarts, history, several symbols, and what it refuses."""

from __future__ import annotations

import time

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features import FeatureSet
from regimen.seeding import generator

MINUTE = 60_000_000_000
PRICES = ("open", "high", "low", "close", "volume")


def market(count: int, symbols: tuple[str, ...] = ("asset",)) -> Bars:
    random = generator(3, "stream")
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (count, len(symbols))), axis=0))
    volume = random.lognormal(size=close.shape)
    return Bars.from_arrays(
        np.arange(count) * MINUTE, open=close, high=close * 1.01, low=close * 0.99, close=close,
        volume=volume, symbols=symbols, bar_length=MINUTE, time_unit="ns", checked=False
    )  # fmt: skip


def cells(bars: Bars, t: int, s: int = 0) -> list[float]:
    return [float(getattr(bars, name)[t, s]) for name in PRICES]


def test_a_saved_stream_goes_on_in_another_process_as_if_it_had_not_stopped() -> None:
    bars = market(200)
    features = FeatureSet.indicators()
    expected = features.compute(bars).values[:, 0]
    first = features.stream(bars.symbols)
    for t in range(100):
        first.push(bars.time[t], *cells(bars, t))
    saved = first.state_dict()
    first.push(bars.time[100], *cells(bars, 100))  # what is saved must not move with the stream
    second = FeatureSet.indicators().stream(bars.symbols)
    second.load_state_dict(saved)
    for t in range(100, 200):
        np.testing.assert_array_equal(second.push(bars.time[t], *cells(bars, t)), expected[t])


def test_history_is_replayed_at_once() -> None:
    bars = market(200, ("A", "B"))
    features = FeatureSet.indicators()
    expected = features.compute(bars).values
    stream = features.stream(bars.symbols)
    np.testing.assert_array_equal(stream.replay(bars.window(0, 150)).values, expected[:150])
    for t in range(150, 200):
        for s, symbol in enumerate(bars.symbols):
            np.testing.assert_array_equal(stream.push(bars.time[t], *cells(bars, t, s), symbol=symbol), expected[t, s])


def test_a_row_that_was_returned_does_not_change_later() -> None:
    bars = market(3)
    stream = FeatureSet.indicators().select(["obv"]).stream()
    first = stream.push(bars.time[0], *cells(bars, 0))
    kept = first.copy()
    stream.push(bars.time[1], *cells(bars, 1))
    np.testing.assert_array_equal(first, kept)


def test_time_is_nanoseconds_or_a_datetime() -> None:
    stream = FeatureSet.indicators().select(["obv"]).stream()
    stream.push(np.datetime64("2024-01-01", "D"), 1.0, 1.0, 1.0, 1.0, 1.0)
    stream.push(1_704_067_200_000_000_001, 1.0, 1.0, 1.0, 1.0, 1.0)
    with pytest.raises(DataError, match=r"time: must be after the last bar of asset, 2024-01-01T00:00:00\.000000001"):
        stream.push(1_704_067_200_000_000_001, 1.0, 1.0, 1.0, 1.0, 1.0)


def test_refusals() -> None:
    features = FeatureSet.indicators().select(["obv", "rsi_7"])
    stream = features.stream(("A", "B"))
    with pytest.raises(DataError, match=r"symbol: must be one of A, B; got 'C'"):
        stream.push(1, 1.0, 1.0, 1.0, 1.0, symbol="C")
    with pytest.raises(DataError, match=r"symbol: must be one of A, B; got None"):
        stream.push(1, 1.0, 1.0, 1.0, 1.0)
    with pytest.raises(DataError, match=r"bars\.symbols: must be A, B"):
        stream.replay(market(30, ("A",)))
    with pytest.raises(DataError, match=r"symbols: must be at least one name"):
        features.stream(("A", "A"))
    for wrong in (1.5, "2024-01-01", None):
        with pytest.raises(DataError, match=r"time: must be whole nanoseconds since 1970 or a datetime64"):
            stream.push(wrong, 1.0, 1.0, 1.0, 1.0, symbol="A")  # type: ignore[arg-type]
    stream.replay(market(30, ("A", "B")))
    with pytest.raises(DataError, match=r"bars\.time: must start after the last bar seen"):
        stream.replay(market(30, ("A", "B")))
    saved = stream.state_dict()
    with pytest.raises(DataError, match=r"stream state\.symbols"):
        features.stream(("A", "C")).load_state_dict(saved)
    with pytest.raises(DataError, match=r"stream state\.schema"):
        features.select(["obv"]).stream(("A", "B")).load_state_dict(saved)
    del saved["rings"]
    with pytest.raises(DataError, match="stream state: must hold"):
        stream.load_state_dict(saved)


@pytest.mark.compiled
def test_one_bar_through_the_standard_set_takes_microseconds() -> None:
    """The bound is 150 µs at p99 on a quiet machine; the median tells a slow engine from a busy machine."""
    bars = market(1_000)
    stream = FeatureSet.standard().stream()
    taken = []
    for t in range(len(bars)):
        row = cells(bars, t)
        started = time.perf_counter()
        stream.push(bars.time[t], *row)
        taken.append(time.perf_counter() - started)
    assert np.median(taken) < 150e-6
