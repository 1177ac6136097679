"""Columns under each other's names are told by the rows that can tell, and no repair of rows accepts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import DataConfig, Finding
from regimen.readers import check

ORDERS = {
    "low, high, open, close": ["low", "high", "open", "close"],
    "open, low, high, close": ["open", "low", "high", "close"],
    "open, close, high, low": ["open", "close", "high", "low"],
}


def illiquid(traded: float, wicks: float = 0.5, seed: int = 4, count: int = 400) -> pd.DataFrame:
    """A pair in which a share of the hours has more than one trade; often the first is the lowest or highest."""
    generator = np.random.default_rng(seed)
    close = 40 * np.exp(np.cumsum(generator.normal(0, 0.003, count)))
    frame = pd.DataFrame({"timestamp": pd.date_range("2024-01-01", periods=count, freq="1h", tz="UTC")})
    moved = generator.random(count) < traded
    falls = np.where(generator.random(count) < 0.35, 1, -1)  # the market rises, mostly
    opened = np.where(moved, close * np.exp(falls * np.abs(generator.normal(0, 0.002, count))), close)
    wick = np.where(moved & (generator.random(count) < wicks), np.abs(generator.normal(0, 0.001, count)), 0.0)
    return frame.assign(
        open=opened,
        high=np.maximum(opened, close) * (1 + wick),
        low=np.minimum(opened, close) * (1 - wick),
        close=close,
        volume=generator.uniform(1, 9, count),
    )


def look(frame: pd.DataFrame, folder: Path, **options: Any) -> Finding:
    frame.to_parquet(folder / "bars.parquet")
    findings = check(DataConfig.of(path=str(folder / "bars.parquet"), **options)).findings
    return next(finding for finding in findings if finding.name == "ohlc")


@pytest.mark.parametrize(("traded", "wicks"), [(0.05, 0.5), (0.4, 0.5), (1.0, 0.5), (0.4, 0.0)])
@pytest.mark.parametrize("order", list(ORDERS))
def test_swapped_columns_of_a_pair_that_rarely_trades(order: str, traded: float, wicks: float, tmp_path: Path) -> None:
    frame = illiquid(traded, wicks)
    frame[["open", "high", "low", "close"]] = frame[ORDERS[order]].to_numpy()
    for policy in ("refuse", "widen", "drop"):
        finding = look(frame, tmp_path, repairs={"ohlc": policy})
        assert (finding.severity, finding.repair) == ("refuse", "")
        assert "the columns look swapped" in finding.sentence


def test_broken_rows_of_a_pair_that_rarely_trades_are_no_swapped_columns(tmp_path: Path) -> None:
    frame = illiquid(0.4)
    rows = frame.index[frame["high"] > frame["low"]][[3, 20, 40, 60]]
    frame.loc[rows, "high"] = frame.loc[rows, ["open", "close"]].mean(axis=1)
    finding = look(frame, tmp_path)
    assert (finding.rows, finding.repair) == (tuple(rows), "data.repairs.ohlc=widen")


def test_one_symbol_of_a_panel_with_swapped_columns_is_named(tmp_path: Path) -> None:
    """The sound rows of the others do not make it a matter of some broken rows."""
    others = [illiquid(0.8, seed=seed).assign(symbol=name) for seed, name in enumerate("ABDE")]
    odd = illiquid(0.8, seed=9).assign(symbol="C").rename(columns={"high": "low", "low": "high"})
    finding = look(pd.concat([*others, odd]), tmp_path)
    assert "the columns of 1 of 5 symbols (C) look swapped (the highest stands in low" in finding.sentence
    assert finding.repair == ""
    sound = illiquid(0.8, seed=9).assign(symbol="C")
    sound.loc[[5, 50, 90, 200], "high"] = sound["low"] * 0.999
    assert look(pd.concat([*others, sound]), tmp_path).repair == "data.repairs.ohlc=widen"
