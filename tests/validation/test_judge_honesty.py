"""Law 7: on markets without an edge the judge reports none, on markets with a planted edge it finds it."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from regimen import metrics
from regimen.bars import Bars
from regimen.execution import Costs, Market
from regimen.validation import COLLAPSE, Trials, judge

BARS = 1500
VOLATILITY = 0.01
PERSISTENCE = 0.9


def planted(edge: float, seed: int, bars: int = BARS) -> tuple[Bars, np.ndarray]:
    """A market whose next return is edge·σ·signal + noise, and its AR(1) signal of unit variance.

    Row t of the signal is known with bar t and moves bar t + 1. An edge of 0 is a martingale.
    """
    random = np.random.default_rng([seed, 7])
    innovations = random.standard_normal(bars + 200) * math.sqrt(1.0 - PERSISTENCE**2)
    signal = lfilter([1.0], [1.0, -PERSISTENCE], innovations)[200:]
    returns = VOLATILITY * random.standard_normal(bars)
    returns[1:] += edge * VOLATILITY * signal[:-1]
    close = 100.0 * np.cumprod(1.0 + returns)
    opens = np.append(100.0, close[:-1])
    time = np.datetime64("2001-01-01") + np.arange(bars)
    high, low = np.maximum(opens, close), np.minimum(opens, close)
    return Bars.from_arrays(time, open=opens, high=high, low=low, close=close), signal


def levels(edge: float, markets: int, draws: int, costs: Costs, trials: Trials, first: int = 0) -> Counter[str]:
    """Counts the verdicts over markets on the policy that is long or short by the sign of the signal."""
    found: Counter[str] = Counter()
    market = Market(costs=costs)
    for seed in range(first, first + markets):
        bars, signal = planted(edge, seed)
        books = market.backtest(bars, np.sign(signal))
        found[judge(books, trials, draws=draws, bootstrap_draws=500, seed=seed).verdict.level] += 1
    return found


COSTS = Costs(commission_bps=1.0, half_spread_bps=0.5)
CHEAP = Costs(commission_bps=0.01, half_spread_bps=0.0)


def nominal(markets: int, rate: float = 0.05) -> int:
    """The 99.9 % binomial bound of false discoveries at the nominal rate."""
    return int(stats.binom.ppf(0.999, markets, rate))


def test_random_signals_on_martingales_find_no_edge() -> None:
    found = levels(edge=0.0, markets=40, draws=60, costs=COSTS, trials=Trials(1))
    assert found["evidence"] <= nominal(40)
    assert found["evidence"] + found["weak evidence"] <= nominal(40)
    assert set(found) <= {"evidence", "weak evidence", "no evidence"}


def test_a_planted_edge_is_found() -> None:
    # Per-bar Sharpe ratio of sign(signal) is edge·√(2/π) = 0.12 before costs: 2.3 a year in 365 bars.
    found = levels(edge=0.15, markets=20, draws=60, costs=COSTS, trials=Trials(1))
    assert found["evidence"] >= 18


def test_no_collapse_is_cried_on_a_planted_edge() -> None:
    for seed in range(500, 520):
        bars, signal = planted(0.15, seed)
        found = judge(Market(costs=COSTS).backtest(bars, np.sign(signal)), Trials(1), draws=20, bootstrap_draws=50)
        assert {alarm.name for alarm in found.alarms}.isdisjoint(COLLAPSE)


@pytest.mark.slow
def test_false_discoveries_stay_nominal_on_two_hundred_martingales() -> None:
    # With costs next to nothing the test is at its hardest: the expected profit is zero, not negative.
    for costs in (COSTS, CHEAP):
        found = levels(edge=0.0, markets=200, draws=99, costs=costs, trials=Trials(1), first=1000)
        assert found["evidence"] <= nominal(200)
        assert found["evidence"] + found["weak evidence"] <= nominal(200)


@pytest.mark.slow
def test_power_on_two_hundred_planted_edges() -> None:
    found = levels(edge=0.15, markets=200, draws=99, costs=COSTS, trials=Trials(1), first=2000)
    assert found["evidence"] >= 180


@pytest.mark.slow
def test_more_trials_cost_power_and_never_add_evidence() -> None:
    one = levels(edge=0.08, markets=60, draws=60, costs=COSTS, trials=Trials(1), first=3000)
    many = levels(edge=0.08, markets=60, draws=60, costs=COSTS, trials=Trials(100, 1.0 / BARS), first=3000)
    assert many["evidence"] < one["evidence"]


def picked(market_seed: int, trials: int) -> tuple[Bars, np.ndarray, Trials]:
    """The best of many random policies on one martingale, by the Sharpe ratio that a backtest shows."""
    bars, _ = planted(0.0, market_seed)
    random = np.random.default_rng([market_seed, 9])
    market, best, sharpes = Market(costs=CHEAP), np.zeros(BARS), []
    for _ in range(trials):
        noise = lfilter([1.0], [1.0, -PERSISTENCE], random.standard_normal(BARS))
        targets = np.sign(noise)
        sharpes.append(metrics.sharpe(market.backtest(bars, targets).returns))
        best = targets if sharpes[-1] == max(sharpes) else best
    return bars, best, Trials(trials, float(np.var(sharpes, ddof=1)))


def test_the_best_of_a_hundred_random_policies_is_no_evidence() -> None:
    naive, honest = Counter[str](), Counter[str]()
    for seed in range(6):
        bars, best, trials = picked(seed, 100)
        books = Market(costs=CHEAP).backtest(bars, best)
        naive[judge(books, Trials(1), draws=60, bootstrap_draws=500).verdict.level] += 1
        honest[judge(books, trials, draws=60, bootstrap_draws=500).verdict.level] += 1
    # Told of one trial the judge is fooled, told of all hundred it is not.
    assert naive["evidence"] >= 4
    assert honest["evidence"] <= 1
