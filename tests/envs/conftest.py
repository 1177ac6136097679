"""Bars on which everything happens, a market that charges for everything, and features with a warm-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.execution import Costs, Market

MakeBars = Callable[..., Bars]


@pytest.fixture(scope="session")
def make_bars() -> MakeBars:
    """Returns bars with splits, funding, jumps and, if asked for, holes."""

    def make(length: int = 300, symbols: int = 1, sigma: float = 0.05, holes: float = 0.0, seed: int = 3) -> Bars:
        rng = np.random.default_rng(seed)
        shape = (length, symbols)
        moves = sigma * rng.standard_normal(shape)
        moves[rng.random(shape) < 0.02] += 10.0 * sigma  # some double the price: a short is ruined
        close = 100.0 * np.exp(np.cumsum(moves - moves.mean(axis=0), axis=0))
        start = np.concatenate([close[:1], close[:-1]]) * np.exp(0.1 * sigma * rng.standard_normal(shape))
        factor = np.cumprod(np.where(rng.random(shape) < 0.01, 2.0, 1.0), axis=0)
        start, close = start / factor, close / factor
        start[rng.random(shape) < holes] = np.nan
        return Bars.from_arrays(
            np.datetime64("2020-01-01") + np.arange(length),
            open=start,
            high=np.fmax(start, close) * 1.01,
            low=np.fmin(start, close) * 0.99,
            close=close,
            volume=rng.uniform(1e4, 1e6, shape),
            symbols=tuple("ABCDEFGHIJ"[:symbols]),
            extras={
                "funding_rate": np.where(rng.random(shape) < 0.3, 1e-3, np.nan),
                "adjustment": factor,
            },
            checked=False,
        )

    return make


@pytest.fixture(scope="session")
def dear() -> Callable[..., Market]:
    """Returns a market that charges all there is to charge."""

    def make(**more: Any) -> Market:
        costs = Costs(commission_fixed=1.0, impact_coefficient=1.0, borrow_annual=0.1, financing_annual=0.1)
        settings: dict[str, Any] = {"participation_cap": 0.1, "lot_size": 0.5, "leverage": 3.0, "intrabar_margin": True}
        return Market(costs=costs, **{**settings, **more})

    return make


@pytest.fixture(scope="session")
def make_features() -> Callable[..., np.ndarray]:
    """Returns features (time, symbol, feature), NaN in the first ten rows and where there is no bar."""

    def make(bars: Bars, columns: int = 4, warmup: int = 10) -> np.ndarray:
        values = np.random.default_rng(5).standard_normal((*bars.shape, columns))
        values[:warmup] = np.nan
        values[~bars.present] = np.nan
        return values

    return make
