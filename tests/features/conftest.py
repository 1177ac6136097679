"""Markets for the features' oracles, simulated always and real where they are, and the one comparison of them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from tests.conftest import SHARED_DATA

from regimen.bars import Bars
from regimen.features import Feature, FeatureSet
from regimen.simulators import RegimeMarketConfig

Columns = dict[str, NDArray[np.float64]]
Agree = Callable[..., None]
PRICES = ("open", "high", "low", "close")


def _bars(frame: pd.DataFrame, extras: Iterable[str] = ()) -> Bars:
    columns = {name: frame[name].to_numpy(float) for name in (*PRICES, "volume")}
    time = frame["timestamp"].dt.tz_localize(None).to_numpy()
    return Bars.from_arrays(
        time, extras={name: frame[name].to_numpy(float) for name in extras}, **columns, checked=False
    )


def _cut(path: Path, start: int, rows: int) -> pd.DataFrame:
    return pd.read_parquet(path).iloc[start : start + rows].reset_index(drop=True)


def _funded(folder: Path) -> Bars:
    frame = _cut(folder / "crypto/solusdt-1h-binance-perp.parquet", 0, 5000)
    funding = pd.read_parquet(folder / "funding/solusdt-perp-funding-8h-binance.parquet")
    rate = funding.assign(timestamp=funding["timestamp"].dt.floor("h")).set_index("timestamp")["funding_rate"]
    return _bars(frame.assign(funding_rate=frame["timestamp"].map(rate)), ("funding_rate",))


def _stock(folder: Path) -> Bars:
    frame = pd.read_parquet(folder / "panel/sp500-daily-panel-2001-2021.parquet")
    return _bars(frame[frame["symbol"] == "CVX"].dropna().reset_index(drop=True))


def _quoted(folder: Path) -> Bars:
    frame = _cut(folder / "fx/eurusd-1h-oanda-bidask.parquet", 0, 5000)
    return _bars(frame.rename(columns={"bid_close": "bid", "ask_close": "ask"}), ("bid", "ask"))


REAL: dict[str, Callable[[Path], Bars]] = {
    "coin": lambda folder: _bars(_cut(folder / "crypto/btcusdt-1h-binance-spot.parquet", 2000, 5000)),
    "coin_years": lambda folder: _bars(pd.read_parquet(folder / "crypto/btcusdt-1h-binance-spot.parquet")),
    "stock": _stock,
    "quoted": _quoted,
    "funded": _funded,
}


def _walk(count: int, seed: int, price: float, tick: float, gap: float) -> pd.DataFrame:
    """Bars of a regime market on a grid of ticks; each opens a little away from the close before it."""
    bars = RegimeMarketConfig().simulate(count, seed).bars
    random = np.random.default_rng(seed)
    level = price / 100.0 * np.exp(np.cumsum(random.normal(0.0, gap, count)))
    columns = {name: np.round(getattr(bars, name)[:, 0] * level / tick) * tick for name in PRICES}
    return pd.DataFrame({"timestamp": pd.to_datetime(bars.time, utc=True), **columns, "volume": bars.volume[:, 0]})


def _simulated_coin(count: int = 5000) -> pd.DataFrame:
    """Hours of which some have no trade, and a night on which the exchange stood still."""
    frame = _walk(count, 1, 9_000.0, 0.01, 1e-5)
    for row in range(300, count, 400):
        last = frame["close"][row - 1]
        frame.loc[row, [*PRICES, "volume"]] = [last, last + 0.01, last, last, 0.0]
    return frame.drop(index=range(1200, 1234)).reset_index(drop=True)


def _simulated_stock() -> Bars:
    """Prices with the digits of adjusted ones: in cents, rises and falls tie, and rounding decides which is larger."""
    frame = _walk(5000, 2, 40.0, 1e-6, 5e-3)
    return _bars(frame.assign(timestamp=pd.bdate_range("2001-01-02", periods=5000, tz="UTC")))


def _simulated_quotes() -> Bars:
    """The close is the middle of bid and ask to the last bit: both are whole numbers of 1/65,536."""
    frame = _walk(5000, 3, 2.0, 2.0**-16, 1e-5).assign(volume=np.nan)
    half = np.random.default_rng(3).integers(1, 8, len(frame)) * 2.0**-17
    return _bars(frame.assign(bid=frame["close"] - half, ask=frame["close"] + half), ("bid", "ask"))


def _simulated_funding() -> Bars:
    frame = _walk(5000, 4, 150.0, 0.001, 1e-5)
    rates = np.round(np.random.default_rng(4).normal(1e-4, 2e-4, len(frame)), 8)
    return _bars(
        frame.assign(funding_rate=np.where(frame["timestamp"].dt.hour % 8 == 0, rates, np.nan)), ("funding_rate",)
    )


SIMULATED: dict[str, Callable[[], Bars]] = {
    "coin": lambda: _bars(_simulated_coin()),
    "coin_years": lambda: _bars(_simulated_coin(40_000)),
    "stock": _simulated_stock,
    "quoted": _simulated_quotes,
    "funded": _simulated_funding,
}


@cache
def history(name: str, folder: Path | None) -> Bars:
    """Returns a market from the folder of real ones, or simulated where there is none."""
    return SIMULATED[name]() if folder is None else REAL[name](folder)


@pytest.fixture(params=["simulated", *(["real"] if SHARED_DATA.is_dir() else [])])
def folder(request: pytest.FixtureRequest) -> Path | None:
    """Where the markets of a test are from: nowhere, then they are simulated; or the folder of real data."""
    return None if request.param == "simulated" else SHARED_DATA


@pytest.fixture
def coin(folder: Path | None) -> Bars:
    """5,000 hours of Bitcoin, among them one exchange outage and hours without a trade."""
    return history("coin", folder)


@pytest.fixture
def stock(folder: Path | None) -> Bars:
    """Twenty years of daily bars of one S&P 500 stock."""
    return history("stock", folder)


@pytest.fixture
def quoted(folder: Path | None) -> Bars:
    """5,000 hours of EURUSD: bid and ask, no volume."""
    return history("quoted", folder)


@pytest.fixture
def funded(folder: Path | None) -> Bars:
    """5,000 hours of a SOL perpetual with its funding rate, which most bars do not have."""
    return history("funded", folder)


@pytest.fixture(params=["coin", "stock", "quoted"])
def market(request: pytest.FixtureRequest, folder: Path | None) -> Bars:
    """Each of three markets in turn."""
    return history(request.param, folder)


@pytest.fixture(params=["coin", "stock"])
def traded(request: pytest.FixtureRequest, folder: Path | None) -> Bars:
    """Each of the two that have a volume."""
    return history(request.param, folder)


@pytest.fixture(params=["coin_years", "stock"])
def long_history(request: pytest.FixtureRequest, folder: Path | None) -> Bars:
    """Bitcoin by the hour from 2017 to 2022, and the stock."""
    return history(request.param, folder)


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
