"""Which column is what: chosen volumes, kept columns, and names that are like each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars
from regimen.errors import DataError

COUNT = 60
HOURS = pd.date_range("2021-05-03", periods=COUNT, freq="1h")
RANDOM = np.random.default_rng(8)
CLOSE = np.round(50.0 * np.exp(np.cumsum(RANDOM.normal(0.0, 0.004, COUNT))), 2)
OPEN = np.append(50.0, CLOSE[:-1])
PRICES = {"open": OPEN, "high": np.maximum(OPEN, CLOSE) + 0.2, "low": np.minimum(OPEN, CLOSE) - 0.2, "close": CLOSE}
UNITS = np.round(RANDOM.lognormal(3.0, 0.4, COUNT), 3)
MONEY = np.round(UNITS * CLOSE, 2)


@pytest.fixture
def two_volumes(tmp_path: Path) -> Path:
    """As CryptoDataDownload writes them: a volume in units, and one in money."""
    frame = pd.DataFrame({"date": HOURS, **PRICES, "Volume BTC": UNITS, "Volume USD": MONEY, "venues": 7})
    frame.to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "a.csv"


def test_the_chosen_volume_is_the_volume_and_the_other_one_is_money(two_volumes: Path) -> None:
    bars = Bars.read(two_volumes, volume_column="Volume BTC")
    np.testing.assert_array_equal(bars.volume[:, 0], UNITS)
    np.testing.assert_array_equal(bars.extras["quote_volume"][:, 0], MONEY)
    mapped = Bars.read(two_volumes, columns={"volume": "Volume BTC"})
    assert mapped.fingerprint == bars.fingerprint


def test_no_volume_is_read_where_none_is_wanted(two_volumes: Path) -> None:
    bars = Bars.read(two_volumes, volume_column="none")
    assert np.isnan(bars.volume).all()
    assert not bars.extras


def test_a_column_is_kept_by_its_name(two_volumes: Path) -> None:
    bars = Bars.read(two_volumes, volume_column="Volume BTC", keep=["venues"])
    assert (bars.extras["venues"] == 7).all()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a volume that is not there": ({"volume_column": "Volume"}, r"data\.volume_column: must be a column: date, open"),
    "a kept column that is not there": ({"volume_column": "none", "keep": ["vwap"]}, r"data\.keep: must be columns of"),
    "a role of no column": ({"columns": {"close": "Close"}}, r"data\.columns\.close: must be a column of a\.csv: date"),
    "too short a list": ({"columns": ["time", "open"]}, r"data\.columns: must name each of the 8 columns of a\.csv"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_an_option_that_names_no_column_is_refused(case: str, two_volumes: Path) -> None:
    options, sentence = WRONG[case]
    with pytest.raises(DataError, match=sentence):
        Bars.read(two_volumes, **options)


def test_names_that_are_like_a_price_are_none(tmp_path: Path) -> None:
    """The National Stock Exchange of India writes the previous, the last and the closing price beside each other."""
    days = pd.bdate_range("2021-05-03", periods=COUNT).strftime("%d-%m-%Y")
    columns = {"Date": days, "Symbol": "AAA", "Series": "EQ", "Prev Close": OPEN, "Open": OPEN}
    columns |= {"High": PRICES["high"], "Low": PRICES["low"], "Last": CLOSE - 0.01, "Close": CLOSE, "VWAP": CLOSE - 0.1}
    columns |= {"Volume": UNITS, "Turnover": MONEY * 1e5, "Trades": np.nan, "%Deliverble": 0.5}
    pd.DataFrame(columns).to_csv(tmp_path / "a.csv", index=False)
    bars = Bars.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(bars.close[:, 0], CLOSE)
    np.testing.assert_array_equal(bars.volume[:, 0], UNITS)
    assert bars.symbols == ("AAA",)


def test_a_panel_may_call_its_symbols_names_and_its_index_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({**PRICES, "volume": UNITS}, index=HOURS)
    pd.concat([frame.assign(Name="A"), frame.iloc[5:].assign(Name="B")]).to_csv(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().startswith(",open")
    bars = Bars.read(tmp_path / "a.csv")
    assert bars.symbols == ("A", "B")
    np.testing.assert_array_equal(bars.present.sum(axis=0), [COUNT, COUNT - 5])
