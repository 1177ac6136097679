"""Block lengths and bootstrap distributions against arch, coverage against simulation."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap, optimal_block_length
from scipy.signal import lfilter

from regimen import metrics
from regimen.seeding import generator


def autoregression(phi: float, bars: int, random: np.random.Generator) -> np.ndarray:
    """AR(1) with unit innovations, burnt in."""
    return np.asarray(lfilter([1.0], [1.0, -phi], random.standard_normal(bars + 300))[300:])


def row_sharpes(samples: np.ndarray) -> np.ndarray:
    return np.asarray(samples.mean(axis=1) / samples.std(axis=1, ddof=1))


@pytest.mark.parametrize("phi", [-0.6, -0.2, 0.0, 0.1, 0.4, 0.8, 0.95])
@pytest.mark.parametrize("bars", [50, 300, 4000])
def test_automatic_length_is_archs(phi: float, bars: int) -> None:
    series = autoregression(phi, bars, np.random.default_rng(bars)) * 0.01
    table = optimal_block_length(series)
    for kind in ("stationary", "circular"):
        expected = max(1.0, float(table[kind].iloc[0]))
        assert metrics.block_length(series, kind) == pytest.approx(expected, rel=1e-9)


def test_a_constant_or_tiny_series_has_blocks_of_one() -> None:
    assert metrics.block_length(np.full(100, 0.2)) == 1.0
    assert metrics.block_length(np.arange(5.0)) == 1.0


def test_positions_have_the_right_block_lengths() -> None:
    random = np.random.default_rng(0)
    rows = metrics.block_positions(500, 7.0, 400, random)
    assert rows.min() >= 0
    assert rows.max() < 500
    breaks = (np.diff(rows, axis=1) % 500) != 1
    # A break shows unless the new block happens to follow on (1 in 500).
    assert breaks.mean() == pytest.approx(1 / 7 * (1 - 1 / 500), rel=0.03)
    fixed = metrics.block_positions(500, 7.0, 3, random, "circular")
    assert set(np.flatnonzero((np.diff(fixed, axis=1) % 500) != 1) % 499 % 7) <= set(range(7))
    inside = np.diff(fixed[:, :497].reshape(3, 71, 7), axis=2) % 500
    assert (inside == 1).all()
    # Every bar is as likely as any other.
    assert np.bincount(rows.ravel(), minlength=500).std() / 400 < 0.2


@pytest.mark.parametrize(("kind", "peer"), [("stationary", StationaryBootstrap), ("circular", CircularBlockBootstrap)])
def test_distribution_is_archs(kind: str, peer: type) -> None:
    series = autoregression(0.4, 600, np.random.default_rng(8)) + 0.1
    ours = metrics.bootstrap(series, row_sharpes, draws=20_000, length=12.0, kind=kind, seed=3)  # type: ignore[arg-type]
    theirs = peer(12, series, seed=4).apply(lambda x: x.mean() / x.std(ddof=1), 20_000).ravel()
    spread = theirs.std()
    for level in (0.025, 0.25, 0.5, 0.75, 0.975):
        assert np.quantile(ours, level) == pytest.approx(np.quantile(theirs, level), abs=0.08 * spread)


def test_the_fast_sharpe_path_has_the_same_distribution() -> None:
    series = (autoregression(0.6, 800, np.random.default_rng(1)) + 0.1) * 0.01
    slow = metrics.bootstrap(series, row_sharpes, draws=20_000, length=2.0, seed=1)
    fast, length = metrics.sharpe_draws(series, draws=20_000, length=2.0, seed=2)
    assert length == 2.0
    assert fast.std() == pytest.approx(slow.std(), rel=0.03)
    for level in (0.025, 0.25, 0.5, 0.75, 0.975):
        assert np.quantile(fast, level) == pytest.approx(np.quantile(slow, level), abs=0.08 * slow.std())


@pytest.mark.parametrize(("bars", "length"), [(40, 7.0), (40, 30.0), (25, 1.0), (300, 2.5)])
def test_the_fast_sharpe_path_is_its_slow_twin(bars: int, length: float) -> None:
    # The twin takes the same random numbers and copies every bar of every block, wrapped around the end.
    series = np.random.default_rng(2).normal(0.001, 0.01, bars)
    fast, _ = metrics.sharpe_draws(series, draws=50, length=length, seed=4)
    random = generator(4, "bootstrap", "sharpe")
    for found in fast:
        drawn: list[float] = []
        while len(drawn) < bars:
            size = 1 if length == 1.0 else 1 + int(math.log(1.0 - random.random()) / math.log1p(-1.0 / length))
            start = int(random.random() * bars)
            drawn += [series[(start + k) % bars] for k in range(min(size, bars - len(drawn)))]
        assert found == pytest.approx(metrics.sharpe(np.array(drawn)), rel=1e-9)


def test_the_same_seed_gives_the_same_bytes() -> None:
    series = autoregression(0.2, 400, np.random.default_rng(1))
    first, second = metrics.sharpe_interval(series, seed=5), metrics.sharpe_interval(series, seed=5)
    assert first == second
    assert metrics.sharpe_interval(series, seed=6) != first
    assert metrics.interval(series, row_sharpes, seed=5) == metrics.interval(series, row_sharpes, seed=5)


def test_any_statistic_and_rows_that_stay_together() -> None:
    random = np.random.default_rng(3)
    pair = random.multivariate_normal([0.0, 0.0], [[1.0, 0.8], [0.8, 1.0]], 1500)

    def correlation(samples: np.ndarray) -> np.ndarray:
        centred = samples - samples.mean(axis=1, keepdims=True)
        products = (centred[:, :, 0] * centred[:, :, 1]).sum(axis=1)
        return np.asarray(products / np.sqrt((centred**2).sum(axis=1).prod(axis=1)))

    found = metrics.interval(pair, correlation, draws=500)
    assert found.low < 0.8 < found.high
    assert found.high - found.low < 0.08


def test_nothing_moves_nothing_is_known() -> None:
    found = metrics.sharpe_interval(np.zeros(200), 252.0)
    assert math.isnan(found.estimate)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def coverage(phi: float, bars: int, series: int) -> tuple[float, float]:
    """Shares of AR(1) series whose 95 % interval holds the true 0.05: block bootstrap, i.i.d. formula."""
    random, deviation = np.random.default_rng(17), 1.0 / math.sqrt(1.0 - phi * phi)
    block = plain = 0
    for number in range(series):
        returns = autoregression(phi, bars, random) + 0.05 * deviation
        found = metrics.sharpe_interval(returns, draws=500, seed=number)
        block += found.low <= 0.05 <= found.high
        plain += abs(found.estimate - 0.05) < 1.96 * metrics.sharpe_standard_error(found.estimate, bars)
    return block / series, plain / series


@pytest.mark.parametrize(("phi", "floor"), [(0.0, 0.925), (0.2, 0.91), (0.5, 0.905)])
def test_the_interval_covers_what_it_says_under_dependence(phi: float, floor: float) -> None:
    block, plain = coverage(phi, 1000, 1000)
    assert floor <= block <= 0.97
    if phi == 0.5:
        assert plain < 0.80


def test_two_thousand_draws_of_five_thousand_bars_take_well_under_a_second() -> None:
    returns = np.random.default_rng(0).standard_normal(5000)
    metrics.sharpe_interval(returns, draws=10)
    metrics.bootstrap(returns, row_sharpes, draws=10)

    def seconds(call: object) -> float:
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            call()  # type: ignore[operator]
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(lambda: metrics.sharpe_interval(returns)) < 0.5
    assert seconds(lambda: metrics.bootstrap(returns, row_sharpes)) < 1.0


def test_intervals_of_several_series_are_those_of_each_bit_for_bit() -> None:
    random = np.random.default_rng(4)
    series = [random.normal(0.1 * k, 1.0, 400) for k in range(3)]
    series += [np.zeros(400), random.normal(0.0, 1.0, 300), np.cumsum(series[0]) * 0.1]
    together = metrics.sharpe_intervals(series, 252.0, draws=200, seed=3)
    assert [repr(each) for each in together] == [
        repr(metrics.sharpe_interval(returns, 252.0, draws=200, seed=3)) for returns in series
    ]
