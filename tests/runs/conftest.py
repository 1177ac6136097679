"""A small run on a simulated market, quick enough to be trained many times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.records import RunConfig, load_config

YAML = """
name: small
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d, return_20d, volatility_20d, volume_sma_ratio]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 120}}
model: {{kind: baseline, hidden: [8]}}
training: {{epochs: 6, batch_size: 64, patience: null}}
exposure: {{dead_band: 0.0}}
judge: {{bootstrap_draws: 200, random_controls: 20}}
tracking: none
"""


def simulated(bars: int = 900, seed: int = 0) -> pd.DataFrame:
    """Hourly bars of a geometric random walk with consistent highs, lows and volumes."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars)))
    opens = np.concatenate([[100.0], close[:-1]])
    spread = np.abs(rng.normal(0, 0.003, (2, bars)))
    return pd.DataFrame(
        {
            "timestamp": pd.date_range("2021-01-01", periods=bars, freq="h", tz="UTC"),
            "open": opens,
            "high": np.maximum(opens, close) * (1 + spread[0]),
            "low": np.minimum(opens, close) * (1 - spread[1]),
            "close": close,
            "volume": rng.lognormal(3, 0.5, bars),
        }
    )


@pytest.fixture
def market_file(tmp_path: Path) -> Path:
    """The simulated bars as a Parquet file."""
    path = tmp_path / "coin.parquet"
    simulated().to_parquet(path)
    return path


@pytest.fixture
def config_file(tmp_path: Path, market_file: Path) -> Path:
    """The YAML file of the small run."""
    path = tmp_path / "small.yaml"
    path.write_text(YAML.format(path=market_file))
    return path


@pytest.fixture
def configured(config_file: Path) -> Callable[..., RunConfig]:
    """Loads the small config with overrides."""
    return lambda *overrides: load_config(config_file, overrides)


def silent(_done: int, _total: int, _message: str) -> None:
    """A progress function that shows nothing."""
