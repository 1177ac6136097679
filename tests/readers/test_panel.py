"""Panels of several tables: the tickers of a file, the files of a folder or of a pattern."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, DataConfig
from regimen.errors import DataError
from regimen.readers import check, load

DAYS = pd.bdate_range("2021-03-01", periods=60, name="Date")
FIELDS = ["Open", "High", "Low", "Close", "Volume"]


def frame(seed: int = 1, days: pd.DatetimeIndex = DAYS) -> pd.DataFrame:
    close = np.round(50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, len(days)))), 2)
    opened = np.round(np.concatenate(([50.0], close[:-1])) + 0.01, 2)
    values = [
        opened,
        np.maximum(opened, close) + 0.25,
        np.minimum(opened, close) - 0.25,
        close,
        np.full(len(days), 7.0),
    ]
    return pd.DataFrame(dict(zip(FIELDS, values, strict=True)), index=days)


def downloaded(*tickers: str, by: str = "column") -> pd.DataFrame:
    """What yfinance.download returns: columns of two levels, called Price and Ticker."""
    parts = {ticker: frame(seed) for seed, ticker in enumerate(tickers)}
    both = pd.concat(parts, axis=1, names=["Ticker", "Price"])
    return both if by == "ticker" else both.swaplevel(axis=1).sort_index(axis=1)


def same(bars: Bars, *tickers: str) -> None:
    assert bars.symbols == tickers
    for code, _ in enumerate(tickers):
        expected = frame(code)
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(bars, name.lower())[:, code], expected[name], err_msg=name)


@pytest.mark.parametrize("by", ["ticker", "column"])
@pytest.mark.parametrize(
    "tickers", [("ABC",), ("ABC", "XYZ"), ("LOW",), ("LOW", "OPEN"), ("O", "H", "L", "C", "V"), ("005930", "7203.T")]
)
def test_columns_by_price_and_ticker(by: str, tickers: tuple[str, ...], tmp_path: Path) -> None:
    table = downloaded(*tickers, by=by)
    table.to_csv(tmp_path / "a.csv")
    table.to_parquet(tmp_path / "a.parquet")
    table.reset_index().to_parquet(tmp_path / "reset.parquet")
    table.rename_axis(index=None).to_parquet(tmp_path / "unnamed.parquet")
    table.rename_axis(columns=[None, None]).to_csv(tmp_path / "unlabelled.csv")
    for path in sorted(tmp_path.iterdir()):
        same(Bars.read(path, symbols=tickers), *tickers)
        assert set(Bars.read(path).symbols) == set(tickers)


def test_a_ticker_without_a_bar_on_a_day_has_none(tmp_path: Path) -> None:
    table = downloaded("ABC", "XYZ", "GONE")
    table.loc[:, (slice(None), "GONE")] = np.nan
    table.loc[DAYS[10], (slice(None), "XYZ")] = np.nan
    table.to_csv(tmp_path / "a.csv")
    config = DataConfig(path=str(tmp_path / "a.csv"))
    bars = load(config)
    assert bars.symbols == ("ABC", "XYZ")
    np.testing.assert_array_equal(np.flatnonzero(~bars.present[:, 1]), [10])
    assert "GONE left out: no price in the file" in check(config).assumptions


def test_faults_of_a_ticker_name_it_and_its_row(tmp_path: Path) -> None:
    table = downloaded("ABC", "XYZ")
    table.loc[DAYS[10], ("Close", "XYZ")] = np.nan
    table.to_csv(tmp_path / "a.csv")
    finding = check(DataConfig(path=str(tmp_path / "a.csv"))).findings[0]
    assert (finding.name, finding.rows, finding.stamps) == ("nan_rows", (10,), (f"{DAYS[10].date()} XYZ",))
    table.drop(columns=[("High", "XYZ")]).to_csv(tmp_path / "b.csv")
    with pytest.raises(DataError, match=r"^b\.csv \(XYZ\): must have high; data\.columns=.*high: NAME.* names them"):
        Bars.read(tmp_path / "b.csv")


def test_a_price_twice_for_a_ticker_is_refused(tmp_path: Path) -> None:
    table = pd.concat([downloaded("ABC", "XYZ"), downloaded("ABC")[[("Close", "ABC")]] * 2], axis=1)
    table.to_csv(tmp_path / "a.csv")
    with pytest.raises(DataError, match="each price once for each ticker"):
        Bars.read(tmp_path / "a.csv")


def test_a_row_without_its_symbol_is_no_line_of_tickers(tmp_path: Path) -> None:
    rows = frame().reset_index().to_csv(index=False).splitlines()
    (tmp_path / "a.csv").write_text("\n".join([f"Ticker,{rows[0]}", f",{rows[1]}", *(f"A,{row}" for row in rows[2:])]))
    with pytest.raises(DataError, match="must have a symbol in every row; row 0 has none"):
        Bars.read(tmp_path / "a.csv")


def test_a_line_of_units_names_no_symbol(tmp_path: Path) -> None:
    text = frame().to_csv().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([text[0], ",USD,USD,USD,USD,USD", *text[1:]]))
    assert Bars.read(tmp_path / "a.csv").symbols == ("asset",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three symbols in three formats, beside files that are no data."""
    path = tmp_path / "prices"
    path.mkdir()
    frame(0).to_csv(path / "ABC.csv")
    frame(1).reset_index().to_parquet(path / "BRK.B.parquet")
    (path / "xyz.us.csv.gz").write_bytes(gzip.compress(frame(2).to_csv(sep=";").encode()))
    (path / "README.md").write_text("# prices")
    (path / ".hidden.csv").write_text("nothing")
    (path / "older").mkdir()
    return path


def test_a_folder_is_a_panel_named_by_its_files(folder: Path) -> None:
    same(Bars.read(folder), "ABC", "BRK.B", "xyz.us")

    assert Bars.read(f"{folder}/*.csv*").symbols == ("ABC", "xyz.us")
    assert Bars.read(folder, symbols=["xyz.us", "ABC"]).symbols == ("xyz.us", "ABC")
    assert len(Bars.read(folder, start="2021-04-01")) < len(DAYS)


def test_a_folder_is_the_panel_that_one_file_would_be(folder: Path, tmp_path: Path) -> None:
    names = ("ABC", "BRK.B", "xyz.us")
    long = pd.concat([frame(seed).assign(symbol=name) for seed, name in enumerate(names)])
    long.to_csv(tmp_path / "long.csv")
    assert Bars.read(folder).fingerprint == Bars.read(tmp_path / "long.csv").fingerprint


def test_what_is_assumed_of_some_files_names_them(folder: Path) -> None:
    (folder / "ABC.csv").write_text((folder / "ABC.csv").read_text() + "Downloaded from Some Site\n")
    notes = check(DataConfig(path=str(folder))).assumptions
    assert "text below the last row is left out: Downloaded from Some Site (ABC.csv)" in notes
    assert "1 file(s) of other kinds are left out: README.md" in notes


def test_written_bars_make_a_panel(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "w").mkdir()
    for name in ("ABC.csv", "xyz.us.csv.gz"):
        Bars.read(folder / name).write(tmp_path / "w" / f"{name[:3]}.parquet")
    assert Bars.read(tmp_path / "w").symbols == ("ABC", "xyz")


def test_a_bad_file_of_a_folder_is_named(folder: Path) -> None:
    (folder / "bad.csv").write_text("Date,Open,High,Low,Close,volume_btc,volume_usd\n2021-03-01,1,1,1,1,1,1\n")
    with pytest.raises(DataError, match=r"^bad\.csv: column volume: has several candidates"):
        Bars.read(folder)
    (folder / "bad.csv").write_text("Date,Open\n2021-03-01,x\n")
    with pytest.raises(DataError, match=r"^bad\.csv: must have high and low and close"):
        Bars.read(folder)


def test_what_is_no_panel_is_refused(tmp_path: Path, folder: Path) -> None:
    frame(0).to_csv(folder / "ABC.txt")
    with pytest.raises(DataError, match=r"one file for each symbol.*'ABC\.csv, ABC\.txt'"):
        Bars.read(folder)
    (folder / "ABC.txt").unlink()
    frame(0).assign(symbol="xyz.us").to_csv(folder / "named.csv")
    with pytest.raises(DataError, match=r"each symbol once; named\.csv and xyz\.us\.csv\.gz both hold"):
        Bars.read(folder)
    (folder / "named.csv").unlink()
    hours = pd.date_range("2021-03-01", periods=200, freq="1h", name="Date")
    frame(3, hours).to_csv(folder / "hourly.csv")
    with pytest.raises(DataError, match=r"bars of one length.*hourly\.csv 1h, ABC\.csv 1d"):
        Bars.read(folder)
    for name, start in (("BTC-2021-01", 0), ("BTC-2021-02", 30)):
        (tmp_path / "parts").mkdir(exist_ok=True)
        frame(4).iloc[start : start + 30].to_csv(tmp_path / "parts" / f"{name}.csv")
    with pytest.raises(DataError, match="follow one another in time"):
        Bars.read(tmp_path / "parts")
    frame(5).to_csv(tmp_path / "parts" / "ETH.csv")
    with pytest.raises(DataError, match=r"follow one another.*BTC-2021-01\.csv, BTC-2021-02\.csv"):
        Bars.read(tmp_path / "parts")
    for nothing in (tmp_path / "parts" / "*.json", tmp_path):
        with pytest.raises(DataError, match=r"^data\.path: must"):
            Bars.read(nothing)


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "data[1].csv")
    assert Bars.read(tmp_path / "data[1].csv").shape == (60, 1)
