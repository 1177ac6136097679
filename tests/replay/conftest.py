"""Bars, a market of one symbol with ruin and cuts in it, and trajectories of known numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.execution import Costs, Market
from regimen.replay import Trajectories


@pytest.fixture(scope="session")
def make_prices() -> Callable[..., Bars]:
    """Returns bars of a random walk; with splits, where asked for."""

    def make(length: int = 200, symbols: int = 1, sigma: float = 0.02, seed: int = 3, splits: bool = False) -> Bars:
        rng = np.random.default_rng(seed)
        shape = (length, symbols)
        close = 100.0 * np.exp(np.cumsum(sigma * rng.standard_normal(shape), axis=0))
        start = np.concatenate([close[:1], close[:-1]]) * np.exp(0.2 * sigma * rng.standard_normal(shape))
        factor = np.cumprod(np.where(rng.random(shape) < 0.05, 2.0, 1.0), axis=0) if splits else np.ones(shape)
        return Bars.from_arrays(
            np.datetime64("2020-01-01") + np.arange(length),
            open=start / factor,
            high=np.fmax(start, close) / factor,
            low=np.fmin(start, close) / factor,
            close=close / factor,
            volume=rng.uniform(1e4, 1e6, shape),
            symbols=tuple("ABC"[:symbols]),
            extras={"adjustment": factor} if splits else None,
            checked=False,
        )

    return make


@pytest.fixture(scope="session")
def make_market(make_prices: Callable[..., Bars]) -> Callable[..., VectorMarket]:
    """Returns lanes with two random features and short episodes."""

    def make(n_envs: int = 5, symbols: int = 1, **more: Any) -> VectorMarket:
        bars = make_prices(symbols=symbols, sigma=more.pop("sigma", 0.02))
        features = np.random.default_rng(5).standard_normal((*bars.shape, 2))
        features[:7] = np.nan
        settings: dict[str, Any] = {"episode_length": 9, "market": Market(costs=Costs(commission_bps=5.0)), **more}
        return VectorMarket(bars, features, n_envs=n_envs, **settings)

    return make


@pytest.fixture(scope="session")
def make_episodes() -> Callable[..., Trajectories]:
    """Returns episodes of given lengths with random numbers; every third one terminates."""

    def make(lengths: tuple[int, ...] = (5, 1, 9, 3, 12), seed: int = 0, choices: int = 0) -> Trajectories:
        rng = np.random.default_rng(seed)
        steps, last = sum(lengths), np.cumsum(lengths) - 1
        terminated, truncated = np.zeros((2, steps), np.bool_)
        terminated[last[::3]] = True
        truncated[last] = ~terminated[last]
        return Trajectories(
            observations=rng.standard_normal((steps, 3)),
            actions=rng.integers(0, choices, (steps, 1)) if choices else rng.uniform(-1, 1, (steps, 2)),
            rewards=rng.standard_normal(steps),
            terminated=terminated,
            truncated=truncated,
            final_observations=rng.standard_normal((len(lengths), 3)),
            columns=("a", "b", "c"),
            choices=choices,
        )

    return make
