"""Real markets for the features' oracles, and the one comparison that all of them use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.features import Feature, FeatureSet

Columns = dict[str, NDArray[np.float64]]
Agree = Callable[..., None]


def _bars(frame: pd.DataFrame, extras: Iterable[str] = ()) -> Bars:
    columns = {name: frame[name].to_numpy(float) for name in ("open", "high", "low", "close", "volume")}
    time = frame["timestamp"].dt.tz_localize(None).to_numpy()
    return Bars.from_arrays(time, extras={name: frame[name].to_numpy(float) for name in extras}, **columns)


def _cut(path: Path, start: int, rows: int) -> pd.DataFrame:
    return pd.read_parquet(path).iloc[start : start + rows].reset_index(drop=True)


@pytest.fixture(scope="session")
def btc(shared_data: Path) -> Bars:
    """5,000 hours of Bitcoin, among them one exchange outage and hours without a trade."""
    return _bars(_cut(shared_data / "crypto/btcusdt-1h-binance-spot.parquet", 2000, 5000))


@pytest.fixture(scope="session")
def btc_years(shared_data: Path) -> Bars:
    """Bitcoin by the hour from 2017 to 2022."""
    return _bars(pd.read_parquet(shared_data / "crypto/btcusdt-1h-binance-spot.parquet"))


@pytest.fixture(scope="session")
def stock(shared_data: Path) -> Bars:
    """Twenty years of daily bars of one S&P 500 stock."""
    frame = pd.read_parquet(shared_data / "panel/sp500-daily-panel-2001-2021.parquet")
    return _bars(frame[frame["symbol"] == "CVX"].dropna().reset_index(drop=True))


@pytest.fixture(scope="session")
def quoted(shared_data: Path) -> Bars:
    """5,000 hours of EURUSD: bid and ask, no volume."""
    frame = _cut(shared_data / "fx/eurusd-1h-oanda-bidask.parquet", 0, 5000)
    return _bars(frame.rename(columns={"bid_close": "bid", "ask_close": "ask"}), ("bid", "ask"))


@pytest.fixture(scope="session")
def funded(shared_data: Path) -> Bars:
    """5,000 hours of a SOL perpetual with its funding rate, which most bars do not have."""
    frame = _cut(shared_data / "crypto/solusdt-1h-binance-perp.parquet", 0, 5000)
    funding = pd.read_parquet(shared_data / "funding/solusdt-perp-funding-8h-binance.parquet")
    rate = funding.assign(timestamp=funding["timestamp"].dt.floor("h")).set_index("timestamp")["funding_rate"]
    return _bars(frame.assign(funding_rate=frame["timestamp"].map(rate)), ("funding_rate",))


@pytest.fixture(params=["btc", "stock", "quoted"])
def market(request: pytest.FixtureRequest) -> Bars:
    """Each of three real markets in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def agree() -> Agree:
    """Returns a function that compares columns with an oracle's: from the warm-up on, to 1e-9."""

    def compare(
        features: tuple[Feature, ...], bars: Bars, expected: Columns, start: int = 0, tolerance: float = 1e-9
    ) -> None:
        found = FeatureSet(features).compute(bars).values[:, 0, :]
        column = 0
        for feature in features:
            for name in feature.names:
                assert np.isnan(found[: feature.warmup, column]).all(), f"{name} has a value before its warm-up"
                if name in expected:
                    begin = max(start, feature.warmup)
                    worst = np.abs(found[begin:, column] - expected[name][begin:])
                    assert np.isfinite(worst).all(), (
                        f"{name}: not finite at {begin + int(np.argmax(~np.isfinite(worst)))}"
                    )
                    assert worst.max() <= tolerance, f"{name}: {worst.max():.3g} at {begin + int(worst.argmax())}"
                column += 1

    return compare
