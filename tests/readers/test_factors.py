"""Raw prices become continuous by a factor file or by adjusted closes; what is neither is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, DataConfig
from regimen.errors import DataError
from regimen.readers import check

COUNT, SPLIT, PAID = 300, 120, 220
DAYS = pd.bdate_range("2019-01-02", periods=COUNT, tz="UTC")
MOVES = np.random.default_rng(6).normal(0.0, 0.01, COUNT)
WORTH = 400.0 * np.exp(np.cumsum(MOVES))
FACTOR = np.where(np.arange(COUNT) < SPLIT, 1 / 4, 1.0) * np.where(np.arange(COUNT) < PAID, 0.96, 1.0)
"""A split of 4:1 and a dividend of 4 %: what the closes before them are multiplied by."""


def write_raw(path: Path, **columns: object) -> None:
    """As an exchange printed them: the price falls to a quarter on the day of the split."""
    close = np.round(WORTH / FACTOR / 4, 2)
    prices = {"open": close, "high": close + 0.5, "low": close - 0.5, "close": close, "volume": 1e6 * FACTOR}
    pd.DataFrame({"date": DAYS, **prices, **columns}).to_parquet(path)


def write_factors(path: Path) -> None:
    """Each line holds up to its day: price factor, split factor and the close of that day."""
    day = DAYS.strftime("%Y%m%d")
    path.write_text(f"{day[SPLIT - 1]},0.96,0.25,1\n{day[PAID - 1]},0.96,1,1\n20501231,1,1,0\n")


def moves_of(bars: Bars) -> np.ndarray:
    return np.diff(np.log(bars.adjusted().close[:, 0]))


def test_a_raw_series_is_refused_by_its_split_and_continuous_by_its_factors(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw.parquet")
    write_factors(tmp_path / "factors.csv")
    found = {each.name: each for each in check(DataConfig(path=str(tmp_path / "raw.parquet"))).findings}
    assert [stamp[:10] for stamp in found["splits"].stamps] == [str(DAYS[SPLIT])[:10]]
    assert "4:1" in found["splits"].sentence
    bars = Bars.read(tmp_path / "raw.parquet", adjust=str(tmp_path / "factors.csv"))
    np.testing.assert_allclose(moves_of(bars), MOVES[1:], atol=2e-4)  # cents of a price of 100


def test_adjusted_closes_do_the_same(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw.parquet", adj_close=WORTH / 4)
    bars = Bars.read(tmp_path / "raw.parquet", adjust="adj_close")
    np.testing.assert_allclose(moves_of(bars), MOVES[1:], atol=2e-4)


def test_an_adjusted_close_that_is_missing_is_named_by_its_row(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw.parquet", adj_close=np.where(np.arange(COUNT) == 17, np.nan, WORTH))
    with pytest.raises(DataError, match=r"data\.adjust: needs positive adjusted closes; row 17 has none"):
        Bars.read(tmp_path / "raw.parquet", adjust="adj_close")


NO_FACTORS = {
    "not there": (None, "must be adj_close or a readable factor file"),
    "words": ("date,price,split\n", "must be a LEAN factor file .*; line 0 is not"),
    "too few cells": ("20190102,1,1\n20501231,1\n", "must be a LEAN factor file .*; line 1 is not"),
    "days that go back": ("20501231,1,1\n20190102,1,1\n", "must have increasing dates and positive factors"),
    "a factor of zero": ("20190102,0,1\n20501231,1,1\n", "must have increasing dates and positive factors"),
    "nothing": ("\n", "must have increasing dates and positive factors"),
    "an early end": ("20190601,1,1\n", r"must reach the last bar; factors\.csv ends at"),
}


@pytest.mark.parametrize("case", sorted(NO_FACTORS))
def test_what_is_no_factor_file_is_refused(case: str, tmp_path: Path) -> None:
    text, sentence = NO_FACTORS[case]
    write_raw(tmp_path / "raw.parquet")
    if text is not None:
        (tmp_path / "factors.csv").write_text(text)
    with pytest.raises(DataError, match=rf"data\.adjust: {sentence}") as caught:
        Bars.read(tmp_path / "raw.parquet", adjust=str(tmp_path / "factors.csv"))
    assert "\n" not in str(caught.value)


def test_a_factor_file_is_of_one_symbol(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw.parquet")
    write_factors(tmp_path / "factors.csv")
    frame = pd.read_parquet(tmp_path / "raw.parquet")
    pd.concat([frame.assign(symbol="A"), frame.assign(symbol="B")]).to_parquet(tmp_path / "panel.parquet")
    with pytest.raises(DataError, match=r"data\.adjust: can read a factor file for a single symbol only"):
        Bars.read(tmp_path / "panel.parquet", adjust=str(tmp_path / "factors.csv"))
