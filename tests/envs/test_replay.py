"""An episode of a lane is, bit for bit, the backtest of the targets that it decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import ContinuousConfig, VectorMarket
from regimen.execution import Market


@dataclass
class Episode:
    """What one lane decided and what became of it."""

    start: int
    targets: list[np.ndarray] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)
    turnover: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    profit: list[float] = field(default_factory=list)
    ruined: bool = False


def played(env: VectorMarket, steps: int, seed: int = 1) -> list[Episode]:
    """Plays random actions and returns the episodes that ended."""
    rng = np.random.default_rng(seed)
    _, info = env.reset(seed)
    running = [Episode(int(bar)) for bar in info["start"]]
    ended = []
    for _ in range(steps):
        shape = (env.n_envs, len(env.symbols))
        if isinstance(env.config.actions, ContinuousConfig):
            actions = rng.uniform(env.config.actions.low, 1.0, shape)
            actions = np.where(rng.random(shape) < 0.3, np.sign(actions), actions)
        else:
            actions = rng.integers(0, int(env.config.actions.high) + 1, shape)
        _, reward, terminated, truncated, info = env.step(actions)
        decided = env.targets
        for n, episode in enumerate(running):
            episode.targets.append(decided[n])
            episode.equity.append(info["equity"][n])
            episode.reward.append(reward[n])
            episode.turnover.append(info["turnover"][n])
            episode.cost.append(info["cost"][n])
            episode.profit.append(info["profit"][n])
            assert info["episode_steps"][n] == len(episode.equity)
            assert not (terminated[n] and truncated[n])
            if terminated[n] or truncated[n]:
                episode.ruined = bool(terminated[n])
                ended.append(episode)
                running[n] = Episode(int(info["start"][n]))
    return ended


def check_against_backtests(market: Market, bars: Bars, episodes: list[Episode]) -> int:
    """Replays episodes; returns how many margin calls there were."""
    calls = 0
    for episode in episodes:
        steps = len(episode.equity)
        rows = np.full(bars.shape, np.nan)
        rows[episode.start : episode.start + steps] = episode.targets
        ledger = market.backtest(bars, rows, episode.start, episode.start + steps + 1)
        assert ledger.equity[0] == market.config.initial_cash
        np.testing.assert_array_equal(ledger.equity[1:], episode.equity)
        np.testing.assert_array_equal(ledger.turnover[1:], episode.turnover)
        np.testing.assert_array_equal(np.diff(ledger.equity), episode.profit)
        total = sum(ledger.costs.values())
        np.testing.assert_allclose(episode.cost, total[1:], rtol=1e-12, atol=1e-9)
        assert ledger.ruined == episode.ruined
        calls += ledger.liquidations
    return calls


@pytest.mark.parametrize("latency", [1, 3])
@pytest.mark.parametrize("symbols", [1, 5])
@pytest.mark.parametrize("actions", ["continuous", "levels", "verbs"])
def test_an_episode_is_its_backtest(
    symbols: int,
    latency: int,
    actions: str,
    make_bars: Callable[..., Bars],
    make_features: Callable[..., np.ndarray],
    dear: Callable[..., Market],
) -> None:
    bars = make_bars(symbols=symbols, sigma=0.08, holes=0.03)
    market = dear(latency_bars=latency)
    kind: Any = {"kind": "levels", "levels": (-1.0, -0.3, 0.0, 0.5, 1.0)} if actions == "levels" else actions
    env = VectorMarket(
        bars,
        make_features(bars),
        n_envs=40,
        market=market,
        episode_length=35,
        actions=kind,
        sizing="weight",
    )
    episodes = played(env, 110)
    assert len(episodes) >= 100
    calls = check_against_backtests(market, bars, episodes)
    if actions == "levels" or (actions == "continuous" and symbols == 5):
        assert calls > 0
        assert any(episode.ruined for episode in episodes)


@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
def test_shared_exposures_are_those_of_decide(
    rebalance: str,
    make_bars: Callable[..., Bars],
    make_features: Callable[..., np.ndarray],
    dear: Callable[..., Market],
) -> None:
    """The judge's way from exposures to targets, `policies.decide`, and the environment's are one."""
    from regimen.policies import share

    bars = make_bars(symbols=4, holes=0.1)
    features = make_features(bars)
    features[200:260, 2] = np.nan  # a bar without an observation: flat, whatever the action
    market = dear(rebalance=rebalance)
    env = VectorMarket(bars, features, n_envs=8, market=market, episode_length=280, random_start=False)
    _, info = env.reset()
    rng = np.random.default_rng(0)
    decided, equity = [], []
    first = int(info["bar"][0])
    for t in range(first, first + 279):
        assert (info["bar"] == t).all()
        action = rng.uniform(-1.0, 1.0, 4)
        ready = np.isfinite(features[t]).all(axis=1) & bars.present[t]
        np.testing.assert_array_equal(env.ready[5], ready)
        env.step(np.tile(action, (8, 1)))
        expected = share(np.where(ready, action, 0.0), bars.present[t], bars.listed[t])
        np.testing.assert_array_equal(env.targets[5], expected)
        decided.append(expected)
        equity.append(float(info["equity"][5]))
    rows = np.full(bars.shape, np.nan)
    rows[first : first + 279] = decided
    ledger = market.backtest(bars, rows, first, first + 280)
    np.testing.assert_array_equal(ledger.equity[1:], equity)
