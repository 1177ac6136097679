"""Labels that come one by one beside the labels of the whole series."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.labels import (
    FixedHorizonConfig,
    Labels,
    LabelStream,
    OwnLabelsConfig,
    TripleBarrierConfig,
    label,
)

Config = FixedHorizonConfig | TripleBarrierConfig
CONFIGS: list[Config] = [
    FixedHorizonConfig(horizon=5, dead_band=0.3, volatility_bars=10),
    FixedHorizonConfig(horizon=1, entry_lag=3, volatility_bars=2),
    FixedHorizonConfig(horizon=4, volatility_bars=10, costs="round_trip"),
    TripleBarrierConfig(horizon=8, upper=1.0, lower=1.5, volatility_bars=10),
    TripleBarrierConfig(horizon=6, upper=0.7, lower=0.7, tie="lower", vertical_band=0.2, volatility_bars=10),
    TripleBarrierConfig(horizon=6, upper=0.5, lower=0.5, tie="upper", vertical_band=0.0, volatility_bars=10),
    TripleBarrierConfig(horizon=3, upper=1.0, lower=1.0, entry_lag=2, volatility_bars=10, costs="round_trip"),
]
ROUND_TRIP = 0.004


def panel(bars: int = 700, *, splits: bool = False) -> Bars:
    """Returns three symbols, one with holes and one that begins late; with splits of the first where asked."""
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (bars, 3)), axis=0))
    opens = close * np.exp(rng.normal(0.0, 0.004, close.shape))
    high = np.maximum(opens, close) * np.exp(rng.exponential(0.004, close.shape))
    low = np.minimum(opens, close) * np.exp(-rng.exponential(0.004, close.shape))
    factor = np.ones(close.shape)
    if splits:
        factor[300:, 0], factor[500:, 0] = 2.0, 6.0
    gone = np.zeros(close.shape, np.bool_)
    gone[:, 1] = rng.random(bars) < 0.15
    gone[:90, 2] = True
    opens, high, low, close = (np.where(gone, np.nan, price / factor) for price in (opens, high, low, close))
    extras = {"adjustment": factor} if splits else {}
    return bars_of(close, opens, high=high, low=low, extras=extras)


def came(stream: LabelStream, bars: Bars) -> tuple[Labels, np.ndarray]:
    """Returns what a stream hands out as labels of the whole series, and at which bar each came."""
    y, end = np.full(bars.shape, -1, np.int8), np.full(bars.shape, -1)
    forward = np.full(bars.shape, np.nan)
    for t, due in enumerate(stream.replay(bars)):
        for time, symbol, outcome, moved in zip(*due, strict=True):
            assert y[time, symbol] == -1  # each comes once
            y[time, symbol], end[time, symbol], forward[time, symbol] = outcome, t, moved
    return Labels(y, end, forward, stream.step.horizon), end


@pytest.mark.parametrize("splits", [False, True], ids=["plain", "splits"])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.kind}-{config.horizon}-{config.entry_lag}")
def test_what_comes_out_is_what_the_whole_series_says_bit_for_bit(config: Config, splits: bool) -> None:
    bars = panel(splits=splits)
    whole = label(config, bars, ROUND_TRIP)
    streamed, end = came(LabelStream(config, bars.symbols, ROUND_TRIP), bars)
    known = whole.defined
    assert known.sum() > 1000
    np.testing.assert_array_equal(streamed.y[known], whole.y[known])
    np.testing.assert_array_equal(streamed.forward_return[known], whole.forward_return[known])
    np.testing.assert_array_equal(end[known], whole.t_end[known])  # never before it is known, never later
    more = np.argwhere(streamed.defined & ~known)[:, 0]
    assert (more >= len(bars) - config.horizon - config.entry_lag).all()  # moves that ended before the series does
    assert len(set(np.unique(streamed.y))) >= 3


@pytest.mark.parametrize("config", CONFIGS[0:4:3], ids=lambda config: config.kind)
def test_bars_that_come_later_change_no_label_that_is_out(config: Config) -> None:
    bars = panel()
    stream = LabelStream(config, bars.symbols)
    before = stream.replay(bars)[:400]
    poisoned = (
        np.vstack([column[:400], column[400:] * 7.0]) for column in (bars.close, bars.open, bars.high, bars.low)
    )
    close, opens, high, low = poisoned
    after = LabelStream(config, bars.symbols).replay(bars_of(close, opens, high=high, low=low))[:400]
    for one, two in zip(before, after, strict=True):
        for left, right in zip(one, two, strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("config", CONFIGS[0:4:3], ids=lambda config: config.kind)
def test_a_stream_goes_on_from_its_state(config: Config) -> None:
    bars = panel(200)
    whole, first = LabelStream(config, bars.symbols), LabelStream(config, bars.symbols)
    expected = whole.replay(bars)
    for t in range(117):
        push(first, bars, t)
    second = LabelStream(config, bars.symbols)
    second.restore(first.state())
    for t in range(117, len(bars)):
        for one, two in zip(push(second, bars, t), expected[t], strict=True):
            np.testing.assert_array_equal(one, two)
    assert second.seen == len(bars)


def push(stream: LabelStream, bars: Bars, t: int):  # type: ignore[no-untyped-def]
    return stream.push(bars.time[t], bars.open[t], bars.high[t], bars.low[t], bars.close[t])


def test_bars_come_in_order_and_each_once() -> None:
    bars = panel(100)
    stream = LabelStream(CONFIGS[0], bars.symbols)
    for t in range(20):
        push(stream, bars, t)
    for again in (19, 7):
        with pytest.raises(DataError, match="label stream: bar: must come in the order of time, each once"):
            push(stream, bars, again)
    push(stream, bars, 20)
    assert stream.seen == 21


def test_what_cannot_come_one_by_one_is_refused(tmp_path: Path) -> None:
    bars, own = panel(100), tmp_path / "labels.py"
    own.write_text("def mine(bars):\n    return None\n")
    with pytest.raises(ConfigError, match=r"labels\.kind: must be fixed_horizon or triple_barrier"):
        LabelStream(OwnLabelsConfig(source=f"{own}:mine"))
    with pytest.raises(ConfigError, match="round_trip: must be a fraction"):
        LabelStream(CONFIGS[2])
    with pytest.raises(ConfigError, match=r"labels\.horizon: plus the entry lag of 1 must be shorter than the data"):
        LabelStream(FixedHorizonConfig(horizon=200), bars.symbols).replay(bars)
    with pytest.raises(DataError, match="one open, high, low and close for each of 2 symbols"):
        push(LabelStream(CONFIGS[0], 2), bars, 0)
    with pytest.raises(ConfigError, match="label stream: must have the memory"):
        LabelStream(CONFIGS[0], 3).restore(LabelStream(CONFIGS[1], 3).state())


def test_labels_come_by_symbol_and_the_oldest_first() -> None:
    bars = panel()
    for due in LabelStream(CONFIGS[4], bars.symbols).replay(bars):
        places = list(zip(due.symbol, due.time, strict=True))
        assert all(one < two for one, two in pairwise(places))
