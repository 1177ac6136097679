"""Sentiment columns, given and proxied, against pandas and a scalar loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from regimen.bars import Bars
from regimen.features import FeatureSet
from regimen.features.sentiment import FEATURES


def mean(x: pd.Series, span: int) -> pd.Series:
    return x.ewm(span=span).mean()


def stance(x: pd.Series, fast: int, level: int, base: int) -> tuple[pd.Series, pd.Series]:
    square = mean(x**2, base)
    deviation = np.sqrt(square - mean(x, base) ** 2)
    return mean(x, level) / np.sqrt(square), (mean(x, fast) - mean(x, base)) / deviation


def prices(bars: Bars) -> tuple[pd.Series, ...]:
    return tuple(pd.Series(getattr(bars, name)[:, 0]) for name in ("open", "high", "low", "close"))


def height(h: pd.Series, l: pd.Series) -> pd.Series:  # noqa: E741
    return (h - l).where(h > l, np.inf)


def with_extra(bars: Bars, **extras: pd.Series) -> Bars:
    return replace(bars, extras={name: x.to_numpy()[:, None] for name, x in extras.items()})


def sparse_walk(rows: int, seed: int) -> pd.Series:
    """A random walk that is missing on a third of the bars, and on the first 40."""
    rng = np.random.default_rng(seed)
    x = pd.Series(np.cumsum(rng.normal(size=rows)))
    return x.where((rng.random(rows) > 1 / 3) & (x.index >= 40))


def test_proxies_of_mood_and_funding_equal_pandas(market: Bars, agree) -> None:
    o, h, l, c = prices(market)  # noqa: E741
    mood = stance((c - o) / height(h, l), 5, 20, 60)
    wicks = (np.minimum(o, c) - l) - (h - np.maximum(o, c))
    funding = stance(wicks / height(h, l), 10, 40, 120)
    names = ("sentiment_level", "sentiment_shock", "funding_level", "funding_shock")
    agree(FEATURES, market, dict(zip(names, (x.to_numpy() for x in (*mood, *funding)), strict=True)))


def test_given_sentiment_is_held_and_replaces_the_proxy(coin: Bars, agree) -> None:
    x = sparse_walk(len(coin), 1)
    level, shock = stance(x.ffill(), 5, 20, 60)
    expected = {"sentiment_level": level.to_numpy(), "sentiment_shock": shock.to_numpy()}
    agree(FEATURES, with_extra(coin, sentiment=x), expected)


def test_given_funding_is_held_and_replaces_the_proxy(funded: Bars, agree) -> None:
    x = pd.Series(funded.extras["funding_rate"][:, 0])
    assert 0.1 < x.notna().mean() < 0.2  # one rate in eight hours
    level, shock = stance(x.ffill(), 10, 40, 120)
    agree(FEATURES, funded, {"funding_level": level.to_numpy(), "funding_shock": shock.to_numpy()})


def off_centre(bars: Bars) -> Bars:
    """Quotes that the close lies between, or beyond: the source's close is their middle."""
    bid, ask = (pd.Series(bars.extras[name][:, 0]) for name in ("bid", "ask"))
    shift = (ask - bid) * np.random.default_rng(0).uniform(-0.8, 0.8, size=len(bars))
    return with_extra(bars, bid=bid + shift, ask=ask + shift)


def test_quotes_equal_pandas(quoted: Bars, agree) -> None:
    bars = off_centre(quoted)
    close = pd.Series(bars.close[:, 0])
    bid, ask = (pd.Series(bars.extras[name][:, 0]) for name in ("bid", "ask"))
    spread = (ask - bid) / ((ask + bid) / 2)
    place = ((close - (ask + bid) / 2) / ((ask - bid) / 2)).clip(-1, 1)
    assert 0.05 < (place.abs() == 1).mean() < 0.6
    ratio = mean(spread, 10) / mean(spread, 120)
    expected = {
        "spread_10_120": ((ratio - 1) / (ratio + 1)).to_numpy(),
        "quote_pressure_10": mean(place, 10).to_numpy(),
    }
    agree(FEATURES, bars, expected)


def test_a_close_in_the_middle_of_the_quotes_is_no_pressure(quoted: Bars) -> None:
    values = FeatureSet(FEATURES).compute(quoted).column("quote_pressure_10")
    assert (values[200:] == 0.0).all()


def test_missing_and_crossed_quotes_hold_the_last(quoted: Bars, agree) -> None:
    bars = off_centre(quoted)
    bid, ask = (pd.Series(bars.extras[name][:, 0]) for name in ("bid", "ask"))
    bid[100:110] = np.nan
    ask[200:210] = bid[200:210] - 0.001
    close = pd.Series(bars.close[:, 0])
    good = ask > bid
    place = ((2 * close - ask - bid) / (ask - bid)).clip(-1, 1).where(good).ffill()
    broken = with_extra(bars, bid=bid, ask=ask)
    agree(FEATURES, broken, {"quote_pressure_10": mean(place, 10).to_numpy()})


def test_proxies_of_quotes_equal_pandas(traded: Bars, agree) -> None:
    _, h, l, c = prices(traded)  # noqa: E741
    middle = (h + l) / 2
    # The difference of a close and a middle that are equal in cents is rounding error, not a spread.
    before, after = (c.shift() - middle.shift()).round(9), (c.shift() - middle).round(9)
    product = 4 * before * after
    spread = (np.sqrt(product.clip(lower=0)) / c.shift()).fillna(0.0)
    fast, base = mean(spread, 10), mean(spread, 120)
    expected = {
        "spread_10_120": ((fast - base) / (fast + base)).to_numpy(),
        "quote_pressure_10": mean(((c - l) - (h - c)) / height(h, l), 10).to_numpy(),
    }
    agree(FEATURES, traded, expected)


def test_given_open_interest_equals_pandas(coin: Bars, agree) -> None:
    interest = np.exp(0.01 * sparse_walk(len(coin), 2))
    change = np.log(interest.ffill()).diff().fillna(0.0).where(interest.ffill().notna())
    side = np.sign(pd.Series(coin.close[:, 0]).diff())
    flow = mean(change, 20) / np.sqrt(mean(change**2, 60))
    agreement = mean(side * change, 20) / mean(change.abs(), 20)
    expected = {"interest_flow_20": flow.to_numpy(), "interest_agreement_20": agreement.to_numpy()}
    agree(FEATURES, with_extra(coin, open_interest=interest), expected)


def test_proxies_of_open_interest_equal_pandas(traded: Bars, agree) -> None:
    close, volume = pd.Series(traded.close[:, 0]), pd.Series(traded.volume[:, 0])
    side = np.sign(close.diff()).fillna(0.0)
    swell = (volume.diff() / (volume + volume.shift()).replace(0.0, np.inf)).fillna(0.0)
    flow = mean(side, 20) / np.sqrt(mean(side**2, 60))
    agreement = mean(side * swell, 20) / mean(swell.abs(), 20)
    expected = {"interest_flow_20": flow.to_numpy(), "interest_agreement_20": agreement.to_numpy()}
    agree(FEATURES, traded, expected)


def test_bull_power_and_streak_equal_a_scalar_loop(market: Bars, agree) -> None:
    _, h, l, c = (x.to_numpy() for x in prices(market))  # noqa: E741
    runs, run = np.zeros(len(c)), 0
    for t in range(1, len(c)):
        step = int(np.sign(c[t] - c[t - 1]))
        run = run + step if step and step == np.sign(run) else step
        runs[t] = run
    above, below = pd.Series(h[1:] - c[:-1]), pd.Series(l[1:] - c[:-1])
    power = mean(above + below, 10) / mean(above.abs() + below.abs(), 10)
    expected = {"bull_power_10": np.append(np.nan, power), "streak": runs / (np.abs(runs) + 3)}
    agree(FEATURES, market, expected)


def test_the_unit_of_an_extra_column_does_not_matter(coin: Bars) -> None:
    extras = {name: sparse_walk(len(coin), 4) for name in ("sentiment", "funding_rate")}
    extras["open_interest"] = np.exp(0.01 * sparse_walk(len(coin), 5))
    features = FeatureSet(FEATURES)
    once, often = (
        features.compute(with_extra(coin, **{name: x * unit for name, x in extras.items()})).values
        for unit in (1.0, 700.0)
    )
    assert np.nanmax(np.abs(once - often)) < 1e-9


def test_a_constant_column_is_no_surprise(coin: Bars) -> None:
    constant = pd.Series(np.full(len(coin), 0.01))
    features = FeatureSet(FEATURES)
    frame = features.compute(with_extra(coin, sentiment=constant, funding_rate=constant, open_interest=constant))
    values = frame.values[features.warmup :, 0, :]
    assert np.isfinite(values).all()
    shocks = [i for i, name in enumerate(features.names) if name.endswith("shock")]
    assert (values[:, shocks] == 0.0).all()
