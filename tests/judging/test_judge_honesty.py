"""Law 7: on markets without an edge the judge reports none, on markets with a planted edge it finds it.

A market that drifts upwards has no edge for a policy that is long at random: what it earns is the drift.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.signal import lfilter
from tests.markets import bars_of

from regimen import metrics
from regimen.bars import Bars
from regimen.execution import Costs, Market
from regimen.judging import COLLAPSE, Timing, Trials, judge

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
    return bars_of(close, np.append(100.0, close[:-1]), start="2001-01-01"), signal


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
    assert set(found) <= {"evidence", "no evidence", "worse than doing nothing"}


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
        found = levels(edge=0.0, markets=200, draws=1, costs=costs, trials=Trials(1), first=1000)
        print(costs.commission_bps, dict(found))
        assert found["evidence"] <= nominal(200)


@pytest.mark.slow
def test_power_on_two_hundred_planted_edges() -> None:
    found = levels(edge=0.15, markets=200, draws=1, costs=COSTS, trials=Trials(1), first=2000)
    print(dict(found))
    assert found["evidence"] >= 180


@pytest.mark.slow
def test_more_trials_cost_power_and_never_add_evidence() -> None:
    one = levels(edge=0.08, markets=60, draws=60, costs=COSTS, trials=Trials(1), first=3000)
    many = levels(edge=0.08, markets=60, draws=60, costs=COSTS, trials=Trials(100, 1.0 / BARS), first=3000)
    assert many["evidence"] < one["evidence"]


def drifting(seed: int, bars: int, drift: float, symbols: int = 1, edge: float = 0.0) -> tuple[Bars, np.ndarray]:
    """A market with an annual Sharpe ratio of its own (365 bars), and an AR(1) signal that may move the next bar.

    The symbols of a panel share half of their variance.
    """
    random = np.random.default_rng([seed, 11])
    signal = lfilter([1.0], [1.0, -PERSISTENCE], random.standard_normal((bars + 200, symbols)), axis=0)[200:]
    signal *= math.sqrt(1.0 - PERSISTENCE**2)
    noise = random.standard_normal((bars, symbols))
    noise = noise if symbols == 1 else math.sqrt(0.5) * (noise + random.standard_normal((bars, 1)))
    returns = VOLATILITY * (drift / math.sqrt(365.0) + noise)
    returns[1:] += edge * VOLATILITY * signal[:-1]
    close = 100.0 * np.cumprod(1.0 + returns, axis=0)
    opens = np.vstack([np.full((1, symbols), 100.0), close[:-1]])
    return bars_of(close, opens, start="2001-01-01"), signal


def best_level(
    seed: int, bars: int, drift: float, trials: int, short: bool, symbols: int = 1, edge: float = 0.0
) -> str:
    """The verdict on the best of many policies by the Sharpe ratio that a backtest shows; every one is counted.

    Their positions are random; with an edge the first one's are the signal's.
    """
    traded, signal = drifting(seed, bars, drift, symbols, edge)
    random, market = np.random.default_rng([seed, 13]), Market(costs=CHEAP)
    tape, ledgers = market.tape(traded), []
    for number in range(trials):
        noise = lfilter([1.0], [1.0, -PERSISTENCE], random.standard_normal((bars, symbols)), axis=0)
        side = np.sign(signal if edge and number == 0 else noise)
        targets = (side if short else np.maximum(side, 0.0)) / symbols
        ledgers.append(market.backtest(traded, targets, tape=tape))
    sharpes = [metrics.sharpe(ledger.returns) for ledger in ledgers]
    timings = [Timing.of(ledger, tape).moments.sharpe for ledger in ledgers]
    variance, timing = (float(np.var(values, ddof=1)) if trials > 1 else None for values in (sharpes, timings))
    best = ledgers[int(np.argmax(sharpes))]
    found = judge(best, Trials(trials, variance, timing_variance=timing), draws=1, bootstrap_draws=200, seed=seed)
    return found.verdict.level


def best_levels(markets: int, first: int = 0, **kind: object) -> Counter[str]:
    return Counter(best_level(seed, **kind) for seed in range(first, first + markets))  # type: ignore[arg-type]


def test_a_drift_is_not_an_edge() -> None:
    # Long or flat at random on an equity premium, the best of twenty: the raw Sharpe ratio and its deflation are high.
    found = best_levels(20, bars=1825, drift=1.0, trials=20, short=False)
    assert found["evidence"] <= nominal(20)


def test_timing_is_found_on_a_drift_and_among_twenty() -> None:
    assert best_levels(10, bars=1825, drift=1.0, trials=1, short=False, edge=0.15)["evidence"] >= 8
    assert best_levels(10, bars=3000, drift=0.6, trials=20, short=True, edge=0.14)["evidence"] >= 7


@pytest.mark.slow
@pytest.mark.parametrize("trials", [1, 20, 100])
@pytest.mark.parametrize(("short", "symbols"), [(False, 1), (True, 1), (False, 5), (True, 5)])
@pytest.mark.parametrize(("years", "drift"), [(5, 0.0), (5, 1.0), (15, 0.6)])
def test_false_discoveries_stay_nominal_on_drifting_markets(
    years: int, drift: float, short: bool, symbols: int, trials: int
) -> None:
    markets = 100 if trials < 100 else 40
    found = best_levels(markets, 5000, bars=years * 252, drift=drift, trials=trials, short=short, symbols=symbols)
    assert found["evidence"] <= nominal(markets)


def looking_back(rule: str, close: pd.Series, look: int) -> pd.Series:
    """The targets of a rule that reads the prices of some bars back, or of all: it never moves by itself."""
    before, deviation = close.shift(look), np.log(close).diff().rolling(look).std()
    held = {
        "momentum": close > before,
        "contrarian": close < before,
        "buys dips": np.log(close / close.rolling(look).mean()) < -0.5 * deviation * math.sqrt(look),
        "aims at a volatility": (VOLATILITY / deviation).clip(0.0, 2.0),
        "sits out falls": close > 0.9 * close.rolling(look).max(),
        "buys drawdowns": (3.0 * (1.0 - close / close.cummax())).clip(0.0, 1.0),
    }
    return held[rule].astype(float).fillna(0.0)


@pytest.mark.slow
@pytest.mark.parametrize("trials", [1, 20])
@pytest.mark.parametrize(
    "rule", ["momentum", "contrarian", "buys dips", "aims at a volatility", "sits out falls", "buys drawdowns"]
)
def test_rules_that_look_back_find_no_edge_on_a_drift(rule: str, trials: int) -> None:
    found, lucky = Counter[str](), 0
    for seed in range(7000, 7400 if trials == 1 else 7030):
        bars, _ = drifting(seed, 1500, 0.8)
        looks = np.random.default_rng(seed).integers(5, 200, trials)
        close, market = pd.Series(bars.close[:, 0]), Market(costs=CHEAP)
        ledgers = [market.backtest(bars, looking_back(rule, close, int(look)).to_numpy()) for look in looks]
        timings = [Timing.of(ledger).moments.sharpe for ledger in ledgers]
        variance = float(np.nanvar(timings, ddof=1)) if trials > 1 else None
        best = max(ledgers, key=lambda ledger: np.nan_to_num(metrics.sharpe(ledger.returns), nan=-1.0))
        counted = Trials(trials, variance, timing_variance=variance)
        judged = judge(best, counted, draws=1, bootstrap_draws=200, seed=seed)
        found[judged.verdict.level] += 1
        lucky += judged.random.p_value <= 0.05
    print(f"{rule}, best of {trials}: {dict(found)}, p <= .05 in {lucky}")
    assert found["evidence"] <= nominal(found.total())


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
