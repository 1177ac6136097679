"""Files as vendors write them: right bars, or one line that says what decides; never a wrong silent guess."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from regimen.bars import Bars
from regimen.errors import DataError

COUNT = 80
TIME = pd.date_range("2019-10-12", periods=COUNT, freq="1h", tz="UTC")
DAYS = pd.bdate_range("2019-10-01", periods=COUNT, tz="UTC")
_MOVES = np.random.default_rng(7).normal(0, 8, COUNT)
CLOSE = np.round(2500 + np.cumsum(_MOVES), 2)
OPEN = np.round(np.concatenate(([2500.0], CLOSE[:-1])) + 2, 2)
HIGH = np.round(np.maximum(OPEN, CLOSE) + 7, 2)
LOW = np.round(np.minimum(OPEN, CLOSE) - 4, 2)
VOLUME = np.where(np.arange(COUNT) % 2, 1_200_000.0, 3_400.0)
FIELDS = {"o": OPEN, "h": HIGH, "l": LOW, "c": CLOSE, "v": VOLUME}
SECONDS = [int(stamp.timestamp()) for stamp in TIME]
DAY = DAYS.strftime("%Y-%m-%d")
ISO = TIME.strftime("%Y-%m-%d %H:%M:%S")


def rows(stamps: Any, order: str = "ohlcv", sep: str = ",", written: Any = str) -> str:
    columns = [FIELDS[key].tolist() for key in order]
    return "\n".join(
        sep.join([str(stamp), *(written(value) for value in row)]) for stamp, *row in zip(stamps, *columns, strict=True)
    )


def arrays(order: str, stamps: Any = SECONDS, written: Any = float) -> list[list[Any]]:
    columns = [FIELDS[key].tolist() for key in order]
    return [[stamp, *map(written, row)] for stamp, *row in zip(stamps, *columns, strict=True)]


def objects(**names: str) -> list[dict[str, float]]:
    return [{names.get(key, key): value for key, value in zip("tohlcv", row, strict=True)} for row in arrays("ohlcv")]


def same(bars: Bars, time: pd.DatetimeIndex = TIME) -> None:
    np.testing.assert_array_equal(bars.time, time.tz_convert("UTC").tz_localize(None).to_numpy().astype("M8[ns]"))
    for name, key in zip(("open", "high", "low", "close", "volume"), "ohlcv", strict=True):
        np.testing.assert_allclose(getattr(bars, name)[:, 0], FIELDS[key], rtol=1e-12, err_msg=name)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}, index=TIME.tz_localize(None)
    )


def yfinance(third: str) -> str:
    return f"Price,Close,High,Low,Open,Volume\nTicker,A,A,A,A,A\n{third},,,,,\n"


def suffixed(value: float) -> str:
    return f"{value / 1e6:.2f}M" if value > 1e5 else f"{value / 1e3:.2f}K"


def investing() -> str:
    lines = ['"Date","Price","Open","High","Low","Vol.","Change %"']
    for day, o, h, low, c, v in zip(DAYS.strftime("%m/%d/%Y"), *(FIELDS[key] for key in "ohlcv"), strict=True):
        lines.append(f'"{day}","{c:,.2f}","{o:,.2f}","{h:,.2f}","{low:,.2f}","{suffixed(v)}","0.1%"')
    return "\n".join(lines)


def nasdaq() -> str:
    lines = ["Date,Close/Last,Volume,Open,High,Low"]
    for day, o, h, low, c, v in zip(DAYS.strftime("%m/%d/%Y"), *(FIELDS[key] for key in "ohlcv"), strict=True):
        lines.append(f"{day},${c},{int(v)},${o},${h},${low}")
    return "\n".join(lines)


def german(value: float) -> str:
    return f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def alpha_vantage() -> str:
    table = {
        day: {"1. open": str(o), "2. high": str(h), "3. low": str(low), "4. close": str(c), "5. volume": str(v)}
        for day, o, h, low, c, v in zip(DAY, *(FIELDS[key].tolist() for key in "ohlcv"), strict=True)
    }
    return json.dumps({"Meta Data": {"2. Symbol": "IBM"}, "Time Series (Daily)": table})


HEADER = "timestamp,open,high,low,close,volume\n"
ZURICH = TIME.tz_convert("Europe/Zurich")
ATHENS = TIME.tz_convert("Europe/Athens")
HOURLY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "yfinance intraday": ("a.csv", yfinance("Datetime") + rows(TIME.strftime("%Y-%m-%d %H:%M:%S+00:00"), "chlov"), {}),
    "MetaTrader 4": ("a.csv", rows(ATHENS.strftime("%Y.%m.%d,%H:%M")), {"zone": "Europe/Athens"}),
    "Dukascopy, local": (
        "a.csv",
        "Local time,Open,High,Low,Close,Volume\n" + rows(ZURICH.strftime("%d.%m.%Y %H:%M:%S.000 GMT%z")),
        {},
    ),
    "Dukascopy, EET": (
        "a.csv",
        "Time (EET),Open,High,Low,Close,Volume \n" + rows(ATHENS.strftime("%Y.%m.%d %H:%M:%S")),
        {"zone": "Europe/Athens"},
    ),
    "Polygon": ("a.json", json.dumps({"status": "OK", "resultsCount": COUNT, "results": objects()}), {}),
    "Alpaca": ("a.json", json.dumps({"bars": objects(), "symbol": "A", "next_page_token": None}), {}),
    "Bybit": (
        "a.json",
        json.dumps({"retCode": 0, "result": {"symbol": "A", "list": arrays("ohlcvv", written=str)}, "time": 1}),
        {"columns": ["time", "open", "high", "low", "close", "volume", "quote_volume"]},
    ),
    "Finnhub": ("a.json", json.dumps({"s": "ok", "t": SECONDS, **{k: v.tolist() for k, v in FIELDS.items()}}), {}),
    "Coinbase": (
        "a.json",
        json.dumps(arrays("lhocv")),
        {"columns": ["time", "low", "high", "open", "close", "volume"]},
    ),
    "pandas split": ("a.json", frame().to_json(orient="split", date_format="iso"), {}),
    "pandas index": ("a.json", frame().to_json(orient="index", date_format="iso"), {}),
    "pandas columns": ("a.json", frame().to_json(orient="columns", date_format="iso"), {}),
    "Polygon files": ("a.csv", "window_start,open,high,low,close,volume\n" + rows(s * 10**9 for s in SECONDS), {}),
    "seconds as floats": ("a.csv", HEADER + rows(f"{s}.0" for s in SECONDS), {}),
    "milliseconds as floats": ("a.csv", HEADER + rows(f"{s}000.0" for s in SECONDS), {}),
    "seconds in powers of ten": ("a.csv", HEADER + rows(f"{s:.9e}" for s in SECONDS), {}),
    "TradingView": (
        "a.csv",
        "time,open,high,low,close,Volume,Volume MA\n" + rows(SECONDS, "ohlcvv"),
        {},
    ),
    "a mapping and a decimal comma": (
        "a.csv",
        "Zeit;Erster;Hoch;Tief;Letzter;Menge\n"
        + rows(ISO, sep=";", written=lambda value: f"{value:.2f}".replace(".", ",")),
        {
            "decimal": ",",
            "columns": {
                "time": "Zeit", "open": "Erster", "high": "Hoch", "low": "Tief", "close": "Letzter", "volume": "Menge",
            },
        },
    ),
}  # fmt: skip
DAILY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "yfinance": ("a.csv", yfinance("Date") + rows(DAY, "chlov"), {}),
    "investing.com": ("a.csv", "\ufeff" + investing(), {}),
    "nasdaq.com": ("a.csv", nasdaq(), {}),
    "Alpha Vantage": ("a.json", alpha_vantage(), {}),
    "points for thousands": (
        "a.csv",
        "Date;Open;High;Low;Close;Volume\n" + rows(DAYS.strftime("%d.%m.%Y"), sep=";", written=german),
        {"decimal": ","},
    ),
    "commas for thousands": (
        "a.csv",
        "Date;Open;High;Low;Close;Volume\n" + rows(DAY, sep=";", written=lambda value: f"{value:,.2f}"),
        {"delimiter": ";"},
    ),
}


@pytest.mark.parametrize("form", sorted(HOURLY))
def test_hourly_forms(form: str, tmp_path: Path) -> None:
    name, text, options = HOURLY[form]
    (tmp_path / name).write_text(text, encoding="utf-8")
    same(Bars.read(tmp_path / name, **options))


@pytest.mark.parametrize("form", sorted(DAILY))
def test_daily_forms(form: str, tmp_path: Path) -> None:
    name, text, options = DAILY[form]
    (tmp_path / name).write_text(text, encoding="utf-8")
    same(Bars.read(tmp_path / name, **options), DAYS)


OKX = "ts,o,h,l,c,vol,volCcy,volCcyQuote,confirm\n"
UNDECIDED: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "OKX counts contracts and coins": ("a.csv", OKX + rows(SECONDS, "ohlcvvvv"), "data.volume_column", {}),
    "Coinbase's order": ("a.json", json.dumps(arrays("lhocv")), "highest stands in high, the lowest in open", {}),
    "Coinbase's order, few rows": (
        "a.json",
        json.dumps(arrays("lhocv")[:4]),
        "set data.columns to give their order",
        {},
    ),
    "Coinbase's order, widened": (
        "a.json",
        json.dumps(arrays("lhocv")),
        "set data.columns to give their order",
        {"repairs": {"ohlc": "widen"}},
    ),
    "Bitfinex' order": ("a.json", json.dumps(arrays("ochlv")), "set data.columns to give their order", {}),
    "MetaTrader's clock": ("a.csv", rows(TIME.strftime("%Y.%m.%d,%H:%M")), "data.zone", {}),
    "EET": ("a.csv", "Time (EET),o,h,l,c,v\n" + rows(ISO), "data.zone", {}),
    "local time": ("a.csv", "Local time,o,h,l,c,v\n" + rows(ISO), "data.zone", {}),
    "two tables": ("a.json", json.dumps({"bars": {"A": objects(), "B": objects()}}), "A, B", {}),
    "a comma": ("a.csv", HEADER.replace(",", ";") + rows(ISO, sep=";").replace(".", ","), "data.decimal", {}),
    "a comma that may be either": (
        "a.csv",
        HEADER + rows(ISO, "ohlc", written=lambda value: f"{value:.2f}").replace("\n", ',"1,234"\n') + ',"1,234"',
        "data.decimal",
        {},
    ),
    "points where commas are decimals": (
        "a.csv",
        HEADER.replace(",", ";") + rows(ISO, sep=";", written=lambda value: f"{value:.3f}"),
        "column open; row 0",
        {"decimal": ","},
    ),
    "files put together": (
        "a.csv",
        HEADER + rows(SECONDS[:40] + SECONDS[40:]).replace("\n" + str(SECONDS[40]), "\n" + HEADER + str(SECONDS[40])),
        "row 40",
        {},
    ),
}


@pytest.mark.parametrize("case", sorted(UNDECIDED))
def test_what_the_file_does_not_say_is_an_error(case: str, tmp_path: Path) -> None:
    name, text, told, options = UNDECIDED[case]
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        Bars.read(tmp_path / name, **options)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_real_and_tick_counts_are_no_quote_volume(tmp_path: Path) -> None:
    names = "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\n"
    (tmp_path / "a.csv").write_text(names + rows(DAYS.strftime("%Y.%m.%d"), "ohlcvv", sep="\t"))
    bars = Bars.read(tmp_path / "a.csv", volume_column="<TICKVOL>")
    same(bars, DAYS)
    assert not bars.extras


def test_arrow_columns(tmp_path: Path) -> None:
    table = pa.table(
        {
            "timestamp": pa.array(ISO.to_numpy(dtype=object)).dictionary_encode(),
            "open": pa.array(OPEN.astype(str)).dictionary_encode(),
            **{name: frame()[name].to_numpy() for name in ("high", "low", "close", "volume")},
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    same(Bars.read(tmp_path / "a.parquet"))
    unnamed = pa.Table.from_pandas(frame()).replace_schema_metadata(None)
    assert "__index_level_0__" in unnamed.column_names
    pyarrow.parquet.write_table(unnamed, tmp_path / "b.parquet")
    same(Bars.read(tmp_path / "b.parquet"))


def test_what_systems_leave_in_archives_is_no_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data/", "")
        archive.writestr("data/a.csv", HEADER + rows(ISO))
        archive.writestr("__MACOSX/data/._a.csv", b"\x00\x05\x16\x07")
        archive.writestr("data/.DS_Store", b"\x00")
    same(Bars.read(tmp_path / "a.zip"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w"):
        pass
    with pytest.raises(DataError, match=r"b\.zip: must hold a file"):
        Bars.read(tmp_path / "b.zip")
