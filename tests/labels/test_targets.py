"""Further targets against a twin in plain Python, by hand, and by poisoning what lies after the span."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.labels import (
    REGIMES,
    TARGETS,
    FixedHorizonConfig,
    LabelsConfig,
    TripleBarrierConfig,
    further_targets,
    label,
    trailing_volatility,
)

WINDOW = 8
KINDS = [
    FixedHorizonConfig(horizon=4, volatility_bars=WINDOW),
    FixedHorizonConfig(horizon=1, volatility_bars=WINDOW, entry_lag=3),
    TripleBarrierConfig(horizon=6, upper=1.0, lower=1.5, volatility_bars=WINDOW),
    TripleBarrierConfig(horizon=5, vertical_band=0.3, tie="upper", volatility_bars=WINDOW),
]


def some_bars(count: int = 120, symbols: int = 2, seed: int = 0, missing: float = 0.08) -> Bars:
    """Prices whose volatility jumps every 20 bars, with holes and an adjustment."""
    rng = np.random.default_rng(seed)
    spread = np.where((np.arange(count) // 20) % 2 == 0, 0.004, 0.02)[:, None]
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 1.0, (count, symbols)) * spread, axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.002, close.shape))
    high = np.maximum(opened, close) * 1.003
    low = np.minimum(opened, close) / 1.003
    hole = rng.random(close.shape) < missing
    prices = {
        name: np.where(hole, np.nan, values)
        for name, values in {"open": opened, "high": high, "low": low, "close": close}.items()
    }
    adjustment = np.where(np.arange(count) < count // 2, 0.5, 1.0)[:, None] * np.ones((1, symbols))
    prices = {name: values / adjustment for name, values in prices.items()}
    return from_prices(prices, adjustment=adjustment)


def from_prices(prices: dict[str, np.ndarray], **extras: np.ndarray) -> Bars:
    count, symbols = prices["close"].shape
    time = np.datetime64("2024-01-01", "ns") + np.arange(count) * np.timedelta64(3600, "s")
    names = tuple(f"s{number}" for number in range(symbols))
    return Bars.from_arrays(time, symbols=names, bar_length=3_600_000_000_000, extras=extras, **prices, checked=False)


def twin(config: LabelsConfig, bars: Bars) -> np.ndarray:
    """Every target written out from its definition, row by row."""
    labels = label(config, bars)
    close, opened = (price * bars.extras.get("adjustment", 1.0) for price in (bars.close, bars.open))
    sigma = trailing_volatility(close, config.volatility_bars)
    out = np.full((*labels.shape, len(TARGETS)), np.nan)
    for t in range(labels.shape[0]):
        for s in range(labels.shape[1]):
            if labels.y[t, s] < 0:
                continue
            path = [price for price in close[t : labels.t_end[t, s] + 1, s] if not math.isnan(price)]
            squares = [(b / a - 1.0) ** 2 for a, b in pairwise(path)]
            ratio = math.sqrt(sum(squares) / len(squares)) / sigma[t, s]
            size = labels.forward_return[t, s] / (sigma[t, s] * config.horizon**0.5)
            regime = 0 if ratio**2 < 0.5 else (2 if ratio**2 > 2.0 else 1)
            entry = t + config.entry_lag  # type: ignore[union-attr]
            later = [price for price in opened[entry + 1 : labels.t_end[t, s] + 1, s] if not math.isnan(price)]
            bar = (later[0] if later else close[entry, s]) / opened[entry, s] - 1.0
            out[t, s] = size, abs(size), ratio, regime, sigma[t, s] * config.horizon**0.5, bar
    return out


@pytest.mark.parametrize("config", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_targets_equal_their_definition(config: LabelsConfig, seed: int) -> None:
    bars = some_bars(seed=seed)
    labels = label(config, bars)
    found = further_targets(labels, bars, TARGETS, WINDOW, config.entry_lag)  # type: ignore[union-attr]
    np.testing.assert_allclose(found, twin(config, bars), rtol=1e-12, atol=0)
    assert np.array_equal(np.isfinite(found), np.broadcast_to(labels.defined[..., None], found.shape))
    assert set(np.unique(found[..., 3][labels.defined])) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("config", KINDS)
def test_nothing_after_t_end_is_seen(config: LabelsConfig) -> None:
    """For every row: all prices after its t_end are replaced, and its targets keep their bits."""
    bars = some_bars(70)
    labels = label(config, bars)
    lag = config.entry_lag  # type: ignore[union-attr]
    found = further_targets(labels, bars, TARGETS, WINDOW, lag)
    rng = np.random.default_rng(1)
    for end in range(WINDOW, 70 - 1):
        poisoned = {}
        for name in ("open", "high", "low", "close"):
            values = np.array(getattr(bars, name))
            values[end + 1 :] = rng.uniform(1.0, 1000.0, values[end + 1 :].shape)
            poisoned[name] = values
        poisoned["high"] = np.fmax(poisoned["high"], np.fmax(poisoned["open"], poisoned["close"]))
        poisoned["low"] = np.fmin(poisoned["low"], np.fmin(poisoned["open"], poisoned["close"]))
        other = from_prices(poisoned, adjustment=np.array(bars.extras["adjustment"]))
        relabelled = label(config, other)
        again = further_targets(relabelled, other, TARGETS, WINDOW, lag)
        rows = labels.defined & (labels.t_end <= end)
        assert np.array_equal(found[rows], again[rows])
        assert np.array_equal(labels.t_end[rows], relabelled.t_end[rows])


def test_by_hand() -> None:
    """Returns of ±1 %, then ±2 %: the volatility doubles, its square is four times as large: TURBULENT."""
    steps = np.array([0.01, -0.01] * 10 + [0.02, -0.02] * 10)
    close = 100.0 * np.concatenate([[1.0], np.cumprod(1.0 + steps)])[:, None]
    opened = np.vstack([close[:1], close[:-1]])
    prices = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    bars = from_prices(prices)
    labels = label(FixedHorizonConfig(horizon=3, volatility_bars=4), bars)
    found = further_targets(labels, bars, ("regime", "volatility", "magnitude", "return"), 4)
    assert found[10, 0, 0] == 1.0
    assert found[10, 0, 1] == pytest.approx(1.0)
    assert found[20, 0, 0] == 2.0
    assert found[20, 0, 1] == pytest.approx(2.0)
    # decided at close 11, entered at open 12 = close 11, left at open 15 = close 14: three steps of −1 %, +1 %, −1 %
    expected = (0.99 * 1.01 * 0.99 - 1.0) / (0.01 * 3**0.5)
    assert found[11, 0, 3] == pytest.approx(expected)
    assert found[11, 0, 2] == pytest.approx(-expected)
    assert REGIMES == ("CALM", "NORMAL", "TURBULENT")


def test_the_units_suit_a_network() -> None:
    bars = some_bars(4000, 3, missing=0.0)
    labels = label(FixedHorizonConfig(horizon=10), bars)
    found = further_targets(labels, bars, TARGETS, 50)[labels.defined]
    assert 0.5 < found[:, 0].std() < 2.0
    assert 0.4 < found[:, 1].mean() < 1.5
    assert 0.5 < found[:, 2].mean() < 1.5


def test_prices_that_stand_still_give_zero_and_calm() -> None:
    bars = some_bars(60, 1, missing=0.0)
    prices = {name: np.array(getattr(bars, name)) for name in ("open", "high", "low", "close")}
    for values in prices.values():
        values[30:] = 7.0
    still = from_prices(prices)
    labels = label(FixedHorizonConfig(horizon=3, volatility_bars=WINDOW), still)
    found = further_targets(labels, still, TARGETS, WINDOW)
    assert found[40, 0, :4].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert found[40, 0, 5] == 0.0


def test_names_choose_and_order_the_columns() -> None:
    bars = some_bars()
    labels = label(KINDS[0], bars)
    whole = further_targets(labels, bars, TARGETS, WINDOW)
    some = further_targets(labels, bars, ("regime", "return"), WINDOW)
    assert np.array_equal(some, whole[..., [3, 0]], equal_nan=True)
    assert further_targets(labels, bars, (), WINDOW).shape == (*labels.shape, 0)


def test_errors_name_the_rule() -> None:
    bars = some_bars()
    labels = label(KINDS[0], bars)
    for names in (("returns",), ("regime", "regime")):
        with pytest.raises(ConfigError, match=r"targets.*each once.*regime|targets.*each once.*returns"):
            further_targets(labels, bars, names, WINDOW)
    with pytest.raises(ConfigError, match=r"volatility_bars: must be at most that of the labels"):
        further_targets(labels, bars, TARGETS, WINDOW + 20)
    with pytest.raises(DataError, match=r"labels: must be of the same bars"):
        further_targets(labels, some_bars(130), TARGETS, WINDOW)
