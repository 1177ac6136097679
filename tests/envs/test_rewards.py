"""Rewards against brute force, and against the money that the same steps made."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.envs.kinds import FLOOR
from regimen.envs.rewards import differential_sharpe
from regimen.execution import Costs, Market

CASH = 1_000_000.0


@pytest.fixture
def paths(
    make_bars: Callable[..., Bars], make_features: Callable[..., np.ndarray], dear: Callable[..., Market]
) -> Callable[..., list[dict[str, np.ndarray]]]:
    """Returns whole episodes of random trading: what info said, and the rewards."""

    def play(reward: Any, sigma: float = 0.03, steps: int = 60) -> list[dict[str, np.ndarray]]:
        bars = make_bars(sigma=sigma)
        env = VectorMarket(
            bars, make_features(bars), n_envs=12, market=dear(), reward=reward, episode_length=steps, autoreset=False
        )
        env.reset(2)
        kept: list[dict[str, np.ndarray]] = []
        rng = np.random.default_rng(4)
        for _ in range(steps):
            _, paid, terminated, _, info = env.step(rng.uniform(-1.0, 1.0, 12))
            kept.append({**{k: info[k].copy() for k in ("equity", "turnover", "drawdown")}, "reward": paid.copy()})
            if terminated.any():
                break
        ends = {name: np.array([row[name] for row in kept]) for name in kept[0]}
        np.testing.assert_allclose(ends["reward"].sum(axis=0), info["episode_reward"], rtol=1e-12, atol=1e-12)
        return [{name: values[:, n] for name, values in ends.items()} for n in range(12)]

    return play


def returns(path: dict[str, np.ndarray]) -> np.ndarray:
    equity = np.concatenate([[CASH], path["equity"]])
    return np.asarray(equity[1:] / equity[:-1] - 1.0)


def test_log_wealth_adds_up_to_the_log_growth(paths: Callable[..., Any]) -> None:
    for path in paths("log_wealth"):
        assert abs(path["reward"].sum() - math.log(path["equity"][-1] / CASH)) < 1e-9
    ruined = 0
    for path in paths("log_wealth", sigma=0.2):
        final = max(path["equity"][-1], FLOOR * CASH)
        ruined += path["equity"][-1] <= 0.0
        assert abs(path["reward"].sum() - math.log(final / CASH)) < 1e-9
    assert ruined


def test_mean_variance(paths: Callable[..., Any]) -> None:
    for path in paths({"kind": "mean_variance", "risk_aversion": 7.0, "scale": 100.0}):
        change = returns(path)
        np.testing.assert_allclose(path["reward"], 100.0 * (change - 3.5 * change**2), rtol=1e-9, atol=1e-10)


def test_differential_sharpe_is_the_derivative_of_the_exponential_sharpe_ratio(paths: Callable[..., Any]) -> None:
    """Brute force: complex-step derivative of S(η) = A/√(B − A²), A and B mixed with weight η, at 0."""
    rate = 0.05
    for path in paths({"kind": "differential_sharpe", "rate": rate}):
        first = second = 0.0
        for k, (change, reward) in enumerate(zip(returns(path), path["reward"], strict=True)):

            def sharpe(eta: complex, a: float = first, b: float = second, r: float = change) -> complex:
                mean, square = a + eta * (r - a), b + eta * (r * r - b)
                return mean / cmath.sqrt(square - mean * mean)

            if k == 0:
                assert reward == 0.0
            if second - first * first > 1e-8:
                assert reward == pytest.approx(sharpe(1e-30j).imag / 1e-30, rel=1e-7, abs=1e-9)
            first, second = first + rate * (change - first), second + rate * (change**2 - second)
        assert second - first * first > 1e-8


def test_differential_sharpe_sees_no_size() -> None:
    """Moments and return of half the position: the same reward, as for any Sharpe ratio."""
    assert differential_sharpe(0.02, 0.001, 0.0004, 1e-12) == pytest.approx(
        differential_sharpe(0.01, 0.0005, 0.0001, 1e-12), rel=1e-12
    )


def test_rolling_sharpe(paths: Callable[..., Any]) -> None:
    for path in paths({"kind": "rolling_sharpe", "bars": 20}):
        change = returns(path)
        assert (path["reward"][:19] == 0.0).all()
        for t in range(19, len(change)):
            window = change[t - 19 : t + 1]
            assert path["reward"][t] == pytest.approx(window.mean() / window.std(ddof=1), rel=1e-6, abs=1e-8)


def test_the_flaw_of_the_rolling_sharpe(make_bars: Callable[..., Bars]) -> None:
    """A fiftieth of the position earns the same; log wealth tells them apart."""
    bars = make_bars(sigma=0.02)
    market = Market(costs=Costs.none(), rebalance="every_bar")
    total = {}
    for kind in ("rolling_sharpe", "log_wealth"):
        for size in (0.02, 1.0):
            env = VectorMarket(
                bars, np.zeros((300, 0)), n_envs=1, market=market, reward=kind, random_start=False, autoreset=False
            )
            env.reset()
            for _ in range(299):
                *_, info = env.step([size])
            total[kind, size] = float(info["episode_reward"][0])
    assert total["rolling_sharpe", 0.02] == pytest.approx(total["rolling_sharpe", 1.0], rel=0.03)
    assert abs(total["log_wealth", 1.0]) > 10.0 * abs(total["log_wealth", 0.02])


def test_penalties(paths: Callable[..., Any]) -> None:
    plain = paths("log_wealth")
    deep = paths({"kind": "log_wealth", "drawdown_penalty": 2.0, "turnover_penalty": 0.5, "scale": 3.0})
    for path, other in zip(plain, deep, strict=True):
        np.testing.assert_array_equal(path["equity"], other["equity"])
        wealth = np.concatenate([[CASH], path["equity"]])
        drawdown = 1.0 - wealth / np.maximum.accumulate(wealth)
        np.testing.assert_allclose(path["drawdown"], drawdown[1:], atol=1e-15)
        deepened = np.maximum(0.0, np.diff(drawdown))
        expected = 3.0 * (path["reward"] - 2.0 * deepened - 0.5 * path["turnover"])
        np.testing.assert_allclose(other["reward"], expected, rtol=1e-9, atol=1e-12)


def test_a_reward_is_of_its_own_bar() -> None:
    """One bar doubles: whoever decides before its open is paid in that step, and in no other."""
    close = np.where(np.arange(10) >= 5, 200.0, 100.0)
    opens = np.where(np.arange(10) >= 6, 200.0, 100.0)
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(10), open=opens, high=close, low=opens, close=close, checked=False
    )
    for latency in (1, 2):
        market = Market(costs=Costs.none(), latency_bars=latency)
        env = VectorMarket(bars, np.zeros((10, 0)), n_envs=1, market=market, random_start=False, autoreset=False)
        env.reset()
        for t in range(9):
            wanted = 1.0 if t == 5 - latency else 0.0  # decided after bar t's close
            _, reward, *_ = env.step([wanted])
            assert reward[0] == pytest.approx(math.log(2.0) if t == 4 else 0.0, abs=1e-12)
