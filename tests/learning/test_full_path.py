"""The whole path on markets whose truth is known: a planted edge is found, and no edge is found where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.records import load_config
from regimen.runs import start

BARS = 6000
CONFIG = """
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_7, rsi_14, macd_hist, return_5d, return_20d, volatility_20d]}}
labels: {{horizon: 1, dead_band: 0.3, volatility_bars: 20}}
splits: {{train: 2000, test: 1000}}
model: {{kind: logistic}}
training: {{epochs: 8, batch_size: 256, learning_rate: 0.01}}
exposure: {{dead_band: 0.02, scale: 4.0}}
market: {{rebalance: every_bar, rebalance_band: 0.1, costs: {{commission_bps: 0.5, half_spread_bps: 0.5}}}}
judge: {{random_controls: 100}}
tracking: none
"""


def verdict(folder: Path, momentum: float, seed: int, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Judges a policy on daily returns r = momentum × (mean of the last five) + noise, known at the close only."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, 0.01, BARS)
    returns = np.zeros(BARS)
    for t in range(BARS):
        returns[t] = momentum * returns[max(0, t - 5) : t].sum() / 5**0.5 + noise[t] if t else noise[t]
    close = 100 * np.exp(np.cumsum(returns))
    opens = np.concatenate([[100.0], close[:-1]])
    table = pd.DataFrame(
        {
            "timestamp": pd.date_range("2000-01-01", periods=BARS, freq="D", tz="UTC"),
            "open": opens,
            "high": np.maximum(opens, close) * 1.001,
            "low": np.minimum(opens, close) * 0.999,
            "close": close,
            "volume": rng.lognormal(3, 0.3, BARS),
        }
    )
    path = folder / f"market-{seed}.parquet"
    table.to_parquet(path)
    config = folder / "run.yaml"
    config.write_text(CONFIG.format(path=path))
    _, judgement = start(load_config(config, overrides), folder / f"runs-{seed}", lambda *_: None)
    return judgement


def test_a_planted_edge_is_found(tmp_path: Path) -> None:
    judgement = verdict(tmp_path, momentum=0.12, seed=1)
    assert judgement["verdict"]["level"] == "evidence", judgement["verdict"]["sentence"]
    assert judgement["rows"][0]["dsr"] > 0.99


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_without_an_edge_none_is_found(tmp_path: Path, seed: int) -> None:
    judgement = verdict(tmp_path, momentum=0.0, seed=seed)
    assert judgement["verdict"]["level"] in ("no evidence", "does nothing")
    assert judgement["rows"][0]["dsr"] < 0.95


@pytest.mark.slow
def test_false_discoveries_stay_rare(tmp_path: Path) -> None:
    """Forty martingales, nearly free: nothing but luck decides: at most 4 verdicts of evidence (5 % nominal)."""
    free = ["market.costs.commission_bps=0.001", "market.costs.half_spread_bps=0"]
    found = [verdict(tmp_path, 0.0, 100 + seed, free)["verdict"]["level"] for seed in range(40)]
    assert found.count("evidence") <= 4, found
