"""Labels against a brute-force twin in plain Python, by hand, and by poisoning what they must not see."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.labels import (
    BUY,
    HOLD,
    SELL,
    FixedHorizonConfig,
    Labels,
    LabelsConfig,
    TripleBarrierConfig,
    label,
    trailing_volatility,
)

Config = FixedHorizonConfig | TripleBarrierConfig
COLUMNS = ("open", "high", "low", "close")


def make_bars(count: int, symbols: int = 2, seed: int = 0, missing: float = 0.05, **extras: object) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (count, symbols)), axis=0))
    open_ = np.vstack([np.full((1, symbols), 100.0), close[:-1]]) * np.exp(rng.normal(0.0, 0.004, close.shape))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.01, close.shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.01, close.shape)))
    hole = rng.random(close.shape) < missing
    prices = [np.where(hole, np.nan, values) for values in (open_, high, low, close)]
    return from_prices(prices, **extras)


def from_prices(prices: list[np.ndarray], **extras: object) -> Bars:
    count, symbols = prices[0].shape
    time = np.datetime64("2024-01-01", "ns") + np.arange(count) * np.timedelta64(3600, "s")
    names = tuple(f"s{number}" for number in range(symbols))
    columns = dict(zip(COLUMNS, prices, strict=True))
    return Bars.from_arrays(time, symbols=names, bar_length=3_600_000_000_000, extras=extras, **columns, checked=False)


def twin_volatility(close: list[float], window: int) -> list[float]:
    """Σ w r² / Σ w written out from its definition, at every bar anew."""
    out = []
    for t in range(len(close)):
        known = [price for price in close[: t + 1] if not math.isnan(price)]
        returns = [b / a - 1.0 for a, b in pairwise(known)]
        if math.isnan(close[t]) or len(returns) < window:
            out.append(math.nan)
            continue
        weights = [(1.0 - 2.0 / (window + 1.0)) ** age for age in reversed(range(len(returns)))]
        out.append(math.sqrt(sum(w * r * r for w, r in zip(weights, returns, strict=True)) / sum(weights)))
    return out


def twin(config: Config, bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The definitions in the docstrings, one bar and one symbol at a time."""
    count, symbols = bars.shape
    y, t_end = np.full(bars.shape, -1), np.full(bars.shape, -1)
    forward = np.full(bars.shape, np.nan)
    for s in range(symbols):
        o, h, lo, c = ([float(v) for v in getattr(bars, name)[:, s]] for name in COLUMNS)
        sigma = twin_volatility(c, config.volatility_bars)
        for t in range(count):
            first, end = t + config.entry_lag, t + config.entry_lag + config.horizon
            if end >= count or math.isnan(sigma[t]) or math.isnan(o[first]):
                continue
            if isinstance(config, FixedHorizonConfig):
                band: float | None = config.dead_band
                touched = None
            else:
                band = config.vertical_band
                up, down = o[first] * (1 + config.upper * sigma[t]), o[first] * (1 - config.lower * sigma[t])
                touched = next((k for k in range(first, end) if h[k] >= up or lo[k] <= down), None)
            if touched is None:
                if math.isnan(o[end]):
                    continue
                forward[t, s] = o[end] / o[first] - 1.0
                limit = math.inf if band is None else band * sigma[t] * math.sqrt(config.horizon)
                y[t, s] = BUY if forward[t, s] > limit else SELL if forward[t, s] < -limit else HOLD
                t_end[t, s] = end
                continue
            assert isinstance(config, TripleBarrierConfig)
            t_end[t, s] = touched
            if o[touched] >= up:
                y[t, s], price = BUY, o[touched]
            elif o[touched] <= down:
                y[t, s], price = SELL, o[touched]
            elif h[touched] >= up and lo[touched] <= down:
                y[t, s] = {"hold": HOLD, "lower": SELL, "upper": BUY}[config.tie]
                price = {"hold": c[touched], "lower": down, "upper": up}[config.tie]
            elif h[touched] >= up:
                y[t, s], price = BUY, up
            else:
                y[t, s], price = SELL, down
            forward[t, s] = price / o[first] - 1.0
    return y, t_end, forward


CONFIGS = [
    FixedHorizonConfig(horizon=5, dead_band=0.5, volatility_bars=10),
    FixedHorizonConfig(horizon=1, dead_band=0.0, volatility_bars=3, entry_lag=3),
    TripleBarrierConfig(horizon=8, upper=2.0, lower=1.5, volatility_bars=10),
    TripleBarrierConfig(horizon=8, upper=0.7, lower=0.7, volatility_bars=10, tie="lower", vertical_band=0.3),
    TripleBarrierConfig(horizon=3, upper=0.7, lower=0.7, volatility_bars=5, tie="upper", entry_lag=2),
    TripleBarrierConfig(horizon=30, upper=6.0, lower=6.0, volatility_bars=10, vertical_band=0.0),
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("missing", [0.0, 0.08])
def test_labels_equal_the_brute_force_twin(config: Config, missing: float) -> None:
    bars = make_bars(160, seed=3, missing=missing)
    found = label(config, bars)
    y, t_end, forward = twin(config, bars)
    assert set(found.y[found.defined]) >= {SELL, BUY}
    np.testing.assert_array_equal(found.y, y)
    np.testing.assert_array_equal(found.t_end, t_end)
    np.testing.assert_allclose(found.forward_return, forward, rtol=0, atol=1e-12)


def poisoned(bars: Bars, first: int, seed: int, spread: float = 0.2) -> Bars:
    noise = np.random.default_rng(seed).uniform(1.0, 1e4, (len(bars) - first, bars.shape[1]))
    prices = []
    for name in COLUMNS:
        values = getattr(bars, name).copy()
        values[first:] = noise * (1.0 + {"high": spread, "low": -spread}.get(name, 0.0))
        prices.append(values)
    return from_prices(prices)


@settings(max_examples=40, deadline=None)
@given(number=st.integers(0, len(CONFIGS) - 1), t=st.integers(0, 119), seed=st.integers(0, 10**6))
def test_a_label_sees_no_bar_after_its_t_end(number: int, t: int, seed: int) -> None:
    config = CONFIGS[number]
    bars = make_bars(120, seed=1)
    whole = label(config, bars)
    for s in range(bars.shape[1]):
        last = int(whole.t_end[t, s])
        if last < 0 or last + 1 >= len(bars):
            continue
        other = label(config, poisoned(bars, last + 1, seed))
        assert other.y[t, s] == whole.y[t, s]
        assert other.t_end[t, s] == last
        assert other.forward_return[t, s] == whole.forward_return[t, s]


@pytest.mark.parametrize("config", CONFIGS)
def test_t_end_is_not_too_late_either(config: Config) -> None:
    """Changing the bar at t_end itself must change the label's return: the span is as short as is true."""
    bars = make_bars(120, symbols=1, seed=2, missing=0.0)
    whole = label(config, bars)
    rows = np.nonzero(whole.defined[:, 0])[0]
    changed = 0
    for t in rows:
        other = label(config, poisoned(bars, int(whole.t_end[t, 0]), seed=5, spread=0.0))
        changed += other.forward_return[t, 0] != whole.forward_return[t, 0]
    assert changed == len(rows)


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(20, 119), seed=st.integers(0, 10**6))
def test_volatility_sees_no_later_bar(cut: int, seed: int) -> None:
    bars = make_bars(120, seed=4)
    before = trailing_volatility(bars.close, 10)
    after = trailing_volatility(poisoned(bars, cut, seed).close, 10)
    np.testing.assert_array_equal(before[:cut], after[:cut])


def hand_made(path: list[tuple[float, float, float, float]]) -> Bars:
    """Twelve bars that alternate by 1 %, so that volatility is near 1 %, then the given bars."""
    quiet = [(100.0, 100.0, 100.0, 100.0 + number % 2) for number in range(12)]
    rows = np.array(quiet + path)
    return from_prices([rows[:, [column]] for column in range(4)])


@pytest.mark.parametrize(
    ("touch", "tie", "expected", "gross"),
    [
        ((100.0, 130.0, 99.9, 101.0), "hold", BUY, None),
        ((100.0, 100.1, 70.0, 99.0), "hold", SELL, None),
        ((100.0, 130.0, 70.0, 103.0), "hold", HOLD, 0.03),
        ((100.0, 130.0, 70.0, 103.0), "lower", SELL, None),
        ((100.0, 130.0, 70.0, 103.0), "upper", BUY, None),
        ((120.0, 130.0, 70.0, 103.0), "lower", BUY, 0.20),  # opened above: the upper one was met first
        ((80.0, 130.0, 70.0, 103.0), "upper", SELL, -0.20),
    ],
)
def test_touches_and_ties(touch: tuple[float, ...], tie: str, expected: int, gross: float | None) -> None:
    still = (100.0, 100.0, 100.0, 100.0)
    bars = hand_made([still, touch, still, still, still])  # type: ignore[list-item]
    config = TripleBarrierConfig(horizon=4, upper=5.0, lower=5.0, volatility_bars=5, tie=tie)  # type: ignore[arg-type]
    found = label(config, bars)
    assert found.y[11, 0] == expected
    assert found.t_end[11, 0] == 13
    sigma = trailing_volatility(bars.close, 5)[11, 0]
    side = {BUY: 1.0, SELL: -1.0, HOLD: 0.0}[expected]
    assert found.forward_return[11, 0] == pytest.approx(5.0 * sigma * side if gross is None else gross)


def test_a_split_is_no_crash() -> None:
    plain = make_bars(80, symbols=1, missing=0.0)
    factor = np.where(np.arange(80) < 40, 1.0, 4.0)[:, None]
    split = from_prices([getattr(plain, name) / factor for name in COLUMNS], adjustment=factor)
    for config in CONFIGS[:3]:
        left, right = label(config, plain), label(config, split)
        np.testing.assert_array_equal(left.y, right.y)
        np.testing.assert_allclose(left.forward_return, right.forward_return, atol=1e-12)


def test_bars_without_scale_or_price_have_no_label() -> None:
    bars = make_bars(60, symbols=2, missing=0.0)
    prices = [getattr(bars, name).copy() for name in COLUMNS]
    for values in prices:
        values[:, 1] = 50.0  # never moves: no scale
        values[30, 0] = -1.0  # a price below zero has no return
    found = label(FixedHorizonConfig(horizon=2, volatility_bars=5), from_prices(prices))
    assert not found.defined[:, 1].any()
    assert not found.defined[[27, 29, 30], 0].any()  # exit, entry and decision at the bad bar
    assert found.defined[[26, 28, 31], 0].all()


def test_the_end_of_the_data_has_no_label_even_where_a_barrier_was_met() -> None:
    bars = make_bars(100, missing=0.0)
    found = label(TripleBarrierConfig(horizon=10, upper=0.1, lower=0.1, volatility_bars=5), bars)
    assert found.defined[5:89].all()
    assert not found.defined[89:].any()


@pytest.mark.parametrize("kind", [FixedHorizonConfig, TripleBarrierConfig])
def test_settings_longer_than_the_data_are_one_line(kind: type) -> None:
    bars = make_bars(50)
    with pytest.raises(ConfigError, match=r"labels\.horizon: .*data of 50 bars; got 49") as error:
        label(kind(horizon=49), bars)
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match=r"labels\.volatility_bars"):
        label(kind(horizon=5, volatility_bars=45), bars)
    flat = from_prices([np.full((50, 1), 7.0)] * 4)
    with pytest.raises(ConfigError, match="no bar has a label"):
        label(kind(horizon=5, volatility_bars=5), flat)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "fixed_horizon", "horizon": 0},
        {"kind": "fixed_horizon", "horizon": 5, "dead_band": -0.1},
        {"kind": "fixed_horizon", "horizon": 5, "dead_band": float("nan")},
        {"kind": "fixed_horizon", "entry_lag": 0},
        {"kind": "triple_barrier", "upper": 0.0},
        {"kind": "triple_barrier", "upper": float("inf")},
        {"kind": "triple_barrier", "typo": 1},
        {"kind": "none"},
    ],
)
def test_wrong_configs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LabelsConfig).validate_python(wrong)


@pytest.mark.parametrize("config", CONFIGS)
def test_configs_round_trip_and_labels_repeat(config: Config) -> None:
    assert TypeAdapter(LabelsConfig).validate_python(config.model_dump()) == config
    bars = make_bars(120)
    first, second = label(config, bars), label(config, bars)
    assert isinstance(first, Labels)
    np.testing.assert_array_equal(first.y, second.y)
    assert sum(first.counts.values()) == first.defined.sum()
    with pytest.raises(ValueError, match="read-only"):
        first.y[0, 0] = 1


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (CONFIGS[0], {"horizon": 6, "dead_band": 0.9, "volatility_bars": 14, "entry_lag": 2}),
        (
            TripleBarrierConfig(horizon=8, upper=1.5, lower=1.5, volatility_bars=10, tie="lower", vertical_band=0.1),
            {
                "horizon": 5,
                "upper": 1.1,
                "lower": 1.1,
                "tie": "hold",
                "vertical_band": None,
                "volatility_bars": 14,
                "entry_lag": 2,
            },
        ),
    ],
)
def test_every_field_changes_the_labels(config: FixedHorizonConfig, changes: dict[str, object]) -> None:
    bars = make_bars(400)
    before = label(config, bars).y
    assert set(changes) == set(type(config).model_fields) - {
        "kind",
        "costs",
        "weights",
    }  # see test_labelling and test_weights
    for name, value in changes.items():
        assert not np.array_equal(before, label(config.model_copy(update={name: value}), bars).y), name
