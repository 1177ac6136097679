"""A small market, single and as a panel with a hole, for functions of frames."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.bars import Bars

COUNT = 700


def walk(symbols: int = 1) -> Bars:
    generator = np.random.default_rng(symbols)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.01, (COUNT, symbols)), axis=0))
    close[300:310, symbols - 1] = np.nan  # an outage of the last symbol
    time = np.datetime64("2024-01-01", "ns") + np.arange(COUNT) * np.timedelta64(1, "h")
    return Bars.from_arrays(
        time,
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=generator.uniform(1, 2, close.shape),
        symbols=tuple("ABCDE"[:symbols]),
        extras={"funding_rate": np.where(np.isnan(close), np.nan, 1e-4)},
        checked=False,
    )


@pytest.fixture(scope="session")
def single() -> Bars:
    return walk()


@pytest.fixture(scope="session")
def panel() -> Bars:
    return walk(3)
