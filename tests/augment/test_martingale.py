"""The matched martingale: no drift, no memory of direction, and the very moves of the bars that it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.augment import matched_martingale
from regimen.bars import Bars


def market(count: int, phi: float = 0.0, drift: float = 0.0, symbols: int = 1) -> Bars:
    """Bars with an AR(1) of log returns whose volatility has seasons, and with gaps between them."""
    random = np.random.default_rng(4)
    size = 0.01 * np.exp(0.8 * np.sin(np.arange(count) / 15.0))[:, None]
    moves, noise = np.zeros((count, symbols)), random.normal(0.0, 1.0, (count, symbols)) * size
    for t in range(1, count):
        moves[t] = phi * moves[t - 1] + noise[t] + drift * size[t]
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    opens = np.vstack([close[:1], close[:-1]]) * np.exp(0.2 * noise[::-1])
    return bars_of(close, opens, high=np.fmax(opens, close) * 1.01, low=np.fmin(opens, close) * 0.98)


def moves_of(bars: Bars) -> np.ndarray:
    return bars.close[1:] / bars.close[:-1] - 1.0


def correlation(values: np.ndarray, lag: int) -> float:
    return float(np.corrcoef(values[lag:], values[:-lag])[0, 1])


@pytest.mark.parametrize(("phi", "drift"), [(0.5, 0.0), (-0.4, 0.3), (0.0, 1.0)])
def test_it_has_neither_memory_nor_drift(phi: float, drift: float) -> None:
    count = 20_000
    bars = market(count, phi, drift)
    moves = moves_of(matched_martingale(bars, seed=1))[:, 0]
    scale = moves / (np.abs(moves).mean() + np.abs(moves))  # one bar of a wild season does not decide
    for lag in (1, 2, 5):
        assert abs(correlation(scale, lag)) < 3.5 / np.sqrt(count)
    assert abs(moves.mean()) < 3.0 * moves.std() / np.sqrt(count)
    if phi:
        assert abs(correlation(moves_of(bars)[:, 0], 1)) > 0.3


def test_each_bar_begins_and_ends_where_it_did_or_on_the_other_side() -> None:
    bars = market(600, symbols=2)
    close = bars.close.copy()
    close[100:120, 1] = np.nan  # where a bar is missing all bars keep their places
    holed = bars_of(close, np.where(np.isnan(close), np.nan, bars.open), high=bars.high, low=bars.low)
    path = matched_martingale(holed, seed=2)
    before, after = holed.close / holed.open, path.close / path.open
    np.testing.assert_allclose(np.abs(np.log(before)), np.abs(np.log(after)), atol=1e-12)
    assert 0.4 < ((np.log(before) * np.log(after))[~np.isnan(before)] > 0).mean() < 0.6
    there = path.present
    np.testing.assert_array_equal(there, holed.present)
    assert (path.high >= np.fmax(path.open, path.close) - 1e-9)[there].all()
    assert (path.low <= np.fmin(path.open, path.close) + 1e-9)[there].all()


def test_it_keeps_the_seasons_of_volatility_and_what_symbols_share() -> None:
    bars = market(6000, symbols=2)
    shared = bars.close[:, :1] * np.array([1.0, 1.0]) * np.exp(0.002 * np.random.default_rng(0).normal(size=(6000, 2)))
    panel = bars_of(shared)
    path = matched_martingale(panel, seed=5)
    before, after = np.abs(moves_of(panel)), np.abs(moves_of(path))
    assert abs(correlation(before[:, 0], 3) - correlation(after[:, 0], 3)) < 0.05
    assert np.corrcoef(moves_of(path).T)[0, 1] > 0.9


def test_the_mean_of_a_step_is_exactly_one() -> None:
    bars = market(4, drift=30.0)  # moves of a third: what the sign of a logarithm alone would get wrong
    ends = np.array([matched_martingale(bars, seed).close[1:, 0] / bars.close[0, 0] for seed in range(4000)])
    assert np.abs(ends.mean(axis=0) - 1.0).max() < 4.0 * (ends.std(axis=0) / np.sqrt(4000)).max()
    assert (np.abs(np.log(ends[:, 0])) > 0.1).all()


def test_funding_that_could_be_foreseen_is_turned_around_at_random_and_a_seed_decides_all() -> None:
    close = market(2000).close
    bars = bars_of(close, extras={"funding_rate": np.full(close.shape, 1e-4)})
    path = matched_martingale(bars, seed=3)
    rates = path.extras["funding_rate"]
    assert set(np.unique(rates)) == {-1e-4, 1e-4}
    assert abs(rates.mean()) < 4e-4 / np.sqrt(2000)
    np.testing.assert_array_equal(path.close, matched_martingale(bars, seed=3).close)
    assert not np.array_equal(path.close, matched_martingale(bars, seed=4).close)
