"""Paths of resampled blocks: valid bars, the slice's own statistics, and nothing of any other slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regimen.augment import BlockBootstrapConfig
from regimen.augment.block_bootstrap import blocks
from regimen.bars import Bars
from regimen.errors import SplitError
from regimen.labels import Labels
from regimen.seeding import generator
from regimen.splits import WalkForwardConfig, Window, walk_forward


def _bars(count: int = 600, symbols: int = 2, phi: float = 0.5, holes: bool = True) -> Bars:
    """Bars whose returns are an AR(1), with missing ones."""
    rng = np.random.default_rng(0)
    noise, returns = rng.normal(0, 0.01, (count, symbols)), np.zeros((count, symbols))
    for t in range(1, count):
        returns[t] = phi * returns[t - 1] + noise[t]
    close = 100.0 * np.exp(np.cumsum(returns, axis=0))
    opens = close * np.exp(rng.normal(0, 0.002, close.shape))
    spread = np.abs(rng.normal(0, 0.003, (2, *close.shape)))
    high, low = np.maximum(opens, close) * (1 + spread[0]), np.minimum(opens, close) * (1 - spread[1])
    volume, funding = rng.lognormal(3, 0.5, close.shape), rng.normal(0, 1e-4, close.shape)
    gone = rng.random(close.shape) < (0.05 if holes else 0.0)
    gone[0] = False
    columns = [np.where(gone, np.nan, each) for each in (opens, high, low, close, volume)]
    names = ("open", "high", "low", "close", "volume")
    return Bars.from_arrays(
        np.datetime64("2021-01-01") + np.arange(count) * np.timedelta64(1, "h"),
        **dict(zip(names, columns, strict=True)),
        symbols=tuple(f"s{k}" for k in range(symbols)),
        extras={"funding_rate": funding, "bid": columns[3] * 0.998},
        checked=False,
    )


def _window(bars: Bars) -> Window:
    rng = np.random.default_rng(1)
    t_end = np.minimum(np.arange(len(bars))[:, None] + np.full(bars.shape[1], 3), len(bars) - 1)
    labels = Labels(rng.integers(0, 3, bars.shape).astype(np.int8), t_end, np.zeros(bars.shape), 3)
    return walk_forward(WalkForwardConfig(train=400, test=100), bars, labels)[0]


def test_bars_stay_valid_and_are_real_ones_in_another_order() -> None:
    bars = _bars()
    part = _window(bars).train
    own = bars.window(part.start, part.stop)
    path, other = BlockBootstrapConfig(block=20).fit(bars, part).bars(2, seed=3)
    assert path.shape == own.shape
    np.testing.assert_array_equal(path.time, own.time)
    np.testing.assert_array_equal(path.close[0], own.close[0])
    there = path.present
    assert 0.9 < there.mean() < 1.0
    assert (path.high[there] >= np.maximum(path.open, path.close)[there]).all()
    assert (path.low[there] <= np.minimum(path.open, path.close)[there]).all()
    assert (path.low[there] > 0).all()
    assert not np.array_equal(path.close, other.close, equal_nan=True)
    for column in ("high", "low"):
        drawn, real = (getattr(each, column) / each.open for each in (path, own))
        assert np.isin(np.round(drawn[there], 10), np.round(real[own.present], 10)).all()
    assert np.isin(path.volume[there], own.volume).all()
    assert np.isin(path.extras["funding_rate"], own.extras["funding_rate"]).all()
    np.testing.assert_allclose((path.extras["bid"] / path.close)[there], 0.998)


def test_a_seed_is_a_path() -> None:
    bars = _bars()
    paths = BlockBootstrapConfig().fit(bars, _window(bars).train)
    assert paths.bars(3, 5)[2].fingerprint == paths.bars(3, 5)[2].fingerprint != paths.bars(3, 6)[2].fingerprint
    assert paths.bars(1, 5)[0].fingerprint == paths.bars(3, 5)[0].fingerprint


def test_no_bar_outside_the_training_slice_is_read() -> None:
    bars = _bars()
    window = _window(bars)
    poisoned = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in poisoned.values():
        values[window.train.stop :] *= 7.0
    other = replace(bars, **poisoned)
    assert other.fingerprint != bars.fingerprint
    ours, theirs = (BlockBootstrapConfig().fit(each, window.train).bars(2, 0) for each in (bars, other))
    assert [path.fingerprint for path in ours] == [path.fingerprint for path in theirs]
    for part in (window.validation, window.test):
        with pytest.raises(SplitError, match=r"^augment.fit: must see the training slice only; got '"):
            BlockBootstrapConfig().fit(bars, part)


def test_blocks_are_geometric_runs_around_the_end() -> None:
    chosen = blocks(generator(0), 200_001, 25.0)
    assert chosen.min() == 1
    assert chosen.max() == 200_000
    follows = np.diff(chosen) % 200_000 == 1
    # A run goes on with probability 1 − 1/25; four standard errors of a share of 200,000.
    assert follows.mean() == pytest.approx(1 - 1 / 25, abs=4 * np.sqrt(0.04 * 0.96 / 200_000))
    np.testing.assert_allclose(np.bincount(chosen // 20_001) / len(chosen), 0.1, atol=0.02)


@pytest.mark.parametrize("block", [5.0, 50.0])
def test_autocovariances_shrink_as_the_theory_says(block: float) -> None:
    bars = _bars(symbols=1, holes=False)
    part = _window(bars).train
    returns = np.diff(np.log(bars.close[part.start : part.stop, 0]))
    apart = returns - returns.mean()
    paths = BlockBootstrapConfig(block=block).fit(bars, part).bars(400, 0)
    drawn = np.array([np.diff(np.log(path.close[:, 0])) for path in paths]) - returns.mean()
    for lag in (0, 1, 2, 4):
        # Politis and Romano (1994), lemma 1: Cov*(X_1, X_{1+k}) = (1 − 1/b)^k times the circular autocovariance.
        expected = (1 - 1 / block) ** lag * (apart * np.roll(apart, -lag)).mean()
        each = (drawn[:, : len(apart) - lag] * drawn[:, lag:]).mean(axis=1)
        assert each.mean() == pytest.approx(expected, abs=4 * each.std() / np.sqrt(len(each)))
    assert expected != pytest.approx((apart * np.roll(apart, -4)).mean(), rel=0.05)
