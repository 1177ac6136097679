"""One small run on a simulated market, trained once for all that looks at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.runs.conftest import simulated

import regimen as rg

SMALL: dict[str, Any] = {
    "features": ["rsi_14", "return_5d", "return_20d", "volatility_20d"],
    "labels": {"horizon": 4, "volatility_bars": 20},
    "splits": "300/200",
    "costs": "binance-spot",
    "training": {"epochs": 2, "batch_size": 64, "patience": None},
    "exposure": {"dead_band": 0.0},
    "judge": {"bootstrap_draws": 100, "random_controls": 20},
    "tracking": "none",
}
"""Everything but the data, as small as it can be."""


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of simulated bars."""
    path = tmp_path_factory.mktemp("market") / "coin.parquet"
    simulated().to_parquet(path)
    return path


@pytest.fixture(scope="session")
def run(market: Path) -> rg.Run:
    """A finished run."""
    return rg.train(market, **SMALL, runs=market.parent / "runs")
