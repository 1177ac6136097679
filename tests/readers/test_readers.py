"""The forms that files come in: each gives the same bars, or one line that names the option that decides."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError

COUNT = 60
START = pd.Timestamp("2019-10-12", tz="UTC")
TIME = pd.date_range(START, periods=COUNT, freq="1h")


def _truth() -> pd.DataFrame:
    generator = np.random.default_rng(7)
    close = np.round(100 + np.cumsum(generator.normal(0, 0.3, COUNT)), 2)
    opened = np.round(np.concatenate(([100.0], close[:-1])) + 0.01, 2)
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) + 0.5,
            "low": np.minimum(opened, close) - 0.25,
            "close": close,
            "volume": np.round(generator.uniform(1, 9, COUNT), 3),
        }
    )


TRUTH = _truth()


def same(bars: Bars, volume: bool = True) -> None:
    np.testing.assert_array_equal(bars.time, TIME.tz_localize(None).to_numpy().astype("datetime64[ns]"))
    for name in ("open", "high", "low", "close", *(("volume",) if volume else ())):
        np.testing.assert_allclose(getattr(bars, name)[:, 0], TRUTH[name], rtol=1e-12, err_msg=name)


def lines(stamps: Any, sep: str = ",", header: str | None = None, order: str = "ohlcv", scale: float = 1.0) -> str:
    names = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
    rows = [] if header is None else [header]
    for stamp, row in zip(stamps, TRUTH.to_dict("records"), strict=True):
        cells = [
            str(row[names[key]]) if key == "v" or scale == 1 else str(round(row[names[key]] * scale)) for key in order
        ]
        rows.append(sep.join([str(stamp), *cells]))
    return "\n".join(rows) + "\n"


def epochs(per_second: int) -> list[int]:
    return [int(stamp.timestamp()) * per_second for stamp in TIME]


def binance(header: bool) -> str:
    names = "open_time,open,high,low,close,volume,close_time,quote_asset_volume,number_of_trades,"
    names += "taker_buy_base_asset_volume,taker_buy_quote_asset_volume,ignore"
    rows = [names] if header else []
    for stamp, row in zip(epochs(1000), TRUTH.to_dict("records"), strict=True):
        prices = [row[name] for name in ("open", "high", "low", "close", "volume")]
        cells = [stamp, *prices, stamp + 3_599_999, row["volume"] * row["close"], 12, 1.0, 2.0, 0]
        rows.append(",".join(str(cell) for cell in cells))
    return "\n".join(rows)


ISO = TIME.strftime("%Y-%m-%d %H:%M:%S")
TEXTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "plain": ("a.csv", lines(ISO, header="timestamp,open,high,low,close,volume"), {}),
    "ISO with Z": (
        "a.csv",
        lines(TIME.strftime("%Y-%m-%dT%H:%M:%SZ"), header="date,open,high,low,close,volume"),
        {},
    ),
    "offset": (
        "a.csv",
        lines(
            TIME.tz_convert("Asia/Kolkata").strftime("%Y-%m-%d %H:%M:%S+05:30"),
            header="date,open,high,low,close,volume",
        ),
        {},
    ),
    "written UTC": ("a.csv", lines(TIME.strftime("%Y-%m-%d %H:%M:%S UTC"), header="date,o,h,l,c,v"), {}),
    "seconds": ("a.csv", lines(epochs(1), header="unix,open,high,low,close,volume"), {}),
    "milliseconds": ("a.csv", lines(epochs(1000), header="ts,Open,High,Low,Close,Volume"), {}),
    "microseconds": ("a.csv", lines(epochs(10**6), header="ts,Open,High,Low,Close,Volume"), {}),
    "nanoseconds": ("a.csv", lines(epochs(10**9), header="ts,Open,High,Low,Close,Volume"), {}),
    "no header": ("a.csv", lines(ISO), {"columns": ["time", "open", "high", "low", "close", "volume"]}),
    "close second": (
        "a.csv",
        lines(ISO, order="ochlv"),
        {"columns": ["time", "open", "close", "high", "low", "volume"]},
    ),
    "mapping": (
        "a.csv",
        lines(ISO, header="when,first,top,bottom,final,lots"),
        {
            "columns": {
                "time": "when",
                "open": "first",
                "high": "top",
                "low": "bottom",
                "close": "final",
                "volume": "lots",
            }
        },
    ),
    "day first": (
        "a.csv",
        lines(TIME.strftime("%d/%m/%Y %H:%M"), header="date,open,high,low,close,volume"),
        {},
    ),
    "month first": (
        "a.csv",
        lines(TIME.strftime("%m/%d/%Y %H:%M:%S"), header="date,open,high,low,close,volume"),
        {},
    ),
    "dots": (
        "a.csv",
        lines(TIME.strftime("%d.%m.%Y %H:%M:%S.000"), header="Gmt time,open,high,low,close,volume"),
        {},
    ),
    "AM and PM": (
        "a.csv",
        lines(TIME.strftime("%Y-%m-%d %I-%p"), header="Date,Open,High,Low,Close,Volume"),
        {},
    ),
    "AM and PM with minutes": (
        "a.csv",
        lines(TIME.strftime("%m/%d/%Y %I:%M:%S %p"), header="Date,Open,High,Low,Close,Volume"),
        {},
    ),
    "ddmmyy": (
        "a.csv",
        lines(TIME.strftime("%d%m%y %H%M")),
        {"columns": ["time", "open", "high", "low", "close", "volume"], "time_format": "%d%m%y %H%M"},
    ),
    "date and time": (
        "a.txt",
        lines(TIME.strftime("%Y-%m-%d,%H:%M:%S"), header="Date,Time,Open,High,Low,Close,Volume"),
        {},
    ),
    "HistData": (
        "DAT_ASCII.csv",
        lines((TIME - pd.Timedelta("5h")).strftime("%Y%m%d %H%M%S"), ";"),
        {"zone": "-05:00"},
    ),
    "MetaTrader": (
        "EURUSD.csv",
        lines(
            TIME.tz_convert("Europe/Athens").strftime("%Y.%m.%d\t%H:%M:%S"),
            "\t",
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>",
        ),
        {"zone": "Europe/Athens"},
    ),
    "LEAN": (
        "aapl.csv",
        lines((TIME.tz_convert("America/New_York")).strftime("%Y%m%d %H:%M"), scale=10_000),
        {"price_scale": 0.0001, "zone": "America/New_York"},
    ),
    "Binance without header": ("k.csv", binance(header=False), {}),
    "Binance with header": ("k.csv", binance(header=True), {}),
    "qlib": ("a.csv", lines(ISO, header="datetime,$open,$high,$low,$close,$volume"), {}),
    "comments": (
        "a.csv",
        "# made by hand\n\nhttps://www.CryptoDataDownload.com\n" + lines(ISO, header="date,open,high,low,close,volume"),
        {},
    ),
    "decimal comma": (
        "a.csv",
        lines(ISO, ";", "date;open;high;low;close;volume").replace(".", ","),
        {"decimal": ",", "delimiter": ";"},
    ),
    "Windows lines": (
        "a.csv",
        lines(ISO, header="date,open,high,low,close,volume").replace("\n", "\r\n"),
        {},
    ),
    "byte-order mark": ("a.csv", "\ufeff" + lines(ISO, header="date,open,high,low,close,volume"), {}),
    "yfinance": (
        "a.csv",
        "Price,Open,High,Low,Close,Volume\nTicker,A,A,A,A,A\nDate,,,,,\n" + lines(ISO),
        {"columns": {"time": "Price"}},
    ),
    "stamped with the end": (
        "a.csv",
        lines(
            (TIME + pd.Timedelta("1h")).strftime("%Y-%m-%d %H:%M:%S"),
            header="date,open,high,low,close,volume",
        ),
        {"stamp": "end"},
    ),
}


@pytest.mark.parametrize("form", sorted(TEXTS))
def test_every_text_form_gives_the_same_bars(form: str, tmp_path: Path) -> None:
    name, text, options = TEXTS[form]
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    same(Bars.read(tmp_path / name, **options))


def test_utf16_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TEXTS["plain"][1], encoding="utf-16")
    same(Bars.read(tmp_path / "a.csv"))


def _frame() -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"date": TIME}), TRUTH], axis=1)


def _tar(path: Path, data: bytes) -> None:
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("inner.csv")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))


def _zip(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.csv", data)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.parquet": lambda path: _frame().to_parquet(path),
    "indexed.parquet": lambda path: _frame().set_index("date").to_parquet(path),
    "a.feather": lambda path: _frame().to_feather(path),
    "rows.json": lambda path: path.write_text(
        json.dumps([[stamp, *row] for stamp, row in zip(epochs(1000), TRUTH.to_numpy().tolist(), strict=True)])
    ),
    "objects.json": lambda path: path.write_text(json.dumps(_frame().assign(date=epochs(1)).to_dict("records"))),
    "columns.json": lambda path: path.write_text(json.dumps(_frame().assign(date=epochs(1)).to_dict("list"))),
    "pandas.json": lambda path: path.write_text(json.dumps(_frame().assign(date=epochs(1)).to_dict())),
    "lines.jsonl": lambda path: path.write_text(
        "\n".join(json.dumps(row) for row in _frame().assign(date=epochs(1)).to_dict("records"))
    ),
    "a.csv.gz": lambda path: path.write_bytes(gzip.compress(TEXTS["plain"][1].encode())),
    "a.json.gz": lambda path: path.write_bytes(
        gzip.compress(json.dumps(_frame().assign(date=epochs(1)).to_dict("records")).encode())
    ),
    "a.zip": lambda path: _zip(path, TEXTS["plain"][1].encode()),
    "a.tar.gz": lambda path: _tar(path, TEXTS["plain"][1].encode()),
}


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_every_container_gives_the_same_bars(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    same(Bars.read(tmp_path / name))


def test_the_content_and_not_the_file_makes_the_fingerprint(tmp_path: Path) -> None:
    WRITERS["a.parquet"](tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text(TEXTS["milliseconds"][1])
    assert Bars.read(tmp_path / "a.parquet").fingerprint == Bars.read(tmp_path / "b.csv").fingerprint


HEADER = "timestamp,open,high,low,close,volume"
WITH_NAN = lines(ISO, header=HEADER).replace(str(TRUTH["close"][30]), "", 1)
EARLY = pd.date_range("2010-02-01", periods=COUNT, freq="1h").strftime("%d/%m/%Y %H:%M")
NOISY = lines(ISO, header="date,open,high,low,close", order="ohlc", scale=100)
NOISY = "\n".join(  # as 1284.31 * 100 is written: 128431.00000000001, in half of the rows
    row + ("00000000001" if row.endswith(".0") else ".00000000001") * (number % 2)
    for number, row in enumerate(NOISY.splitlines())
)
AMBIGUOUS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "day or month": (lines(EARLY, header=HEADER), "data.day_first", {}),
    "two volumes": (
        lines(ISO, header="date,o,h,l,c,Volume BTC,Volume USD").replace("\n", ",1\n").replace("USD,1", "USD"),
        "data.volume_column",
        {},
    ),
    "no header": (lines(ISO), "data.columns", {}),
    "scaled": (
        lines(ISO, header="date,open,high,low,close", order="ohlc", scale=100),
        "data.price_scale",
        {},
    ),
    "scaled, with the noise of binary numbers": (NOISY, "data.price_scale", {}),
    "six digits": (lines(TIME.strftime("%d%m%y"), header=HEADER), "data.time_format", {}),
    "closes": (lines(ISO, header="date,close", order="c"), "data.close_only", {}),
    "HistData's clock": (lines(TIME.strftime("%Y%m%d %H%M%S"), ";"), "data.zone", {}),
    "MetaTrader's clock": (
        lines(TIME.strftime("%Y.%m.%d\t%H:%M:%S"), "\t", "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>"),
        "data.zone",
        {},
    ),
    "two closes": (lines(ISO, header="date,open,high,low,close,c"), "data.columns", {}),
    "two times": (
        lines(TIME.strftime("%Y-%m-%d,%Y-%m-%d"), header="date,timestamp,open,high,low,close,volume"),
        "data.columns",
        {},
    ),
    "ends only": (lines(ISO, header="close_time,open,high,low,close,volume"), "data.stamp=end", {}),
    "odd numbers": (lines(range(100, 100 + COUNT), header=HEADER), "data.time_unit", {}),
    "unknown form": (lines(TIME.strftime("%d %b %Y %H:%M"), header=HEADER), "data.time_format", {}),
    "swapped order": (lines(ISO, order="ochl", header="date,open,high,low,close"), "data.columns", {}),
}


@pytest.mark.parametrize("case", sorted(AMBIGUOUS))
def test_what_is_ambiguous_names_the_option(case: str, tmp_path: Path) -> None:
    text, option, options = AMBIGUOUS[case]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        Bars.read(tmp_path / "a.csv", **options)
    assert option in str(caught.value)
    assert "\n" not in str(caught.value)


BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "must not be empty"),
    "blank": ("a.csv", b"\n\n", "at least one row"),
    "header only": ("a.csv", HEADER.encode(), "at least one row below"),
    "one row": ("a.csv", "\n".join(lines(ISO, header=HEADER).split("\n")[:2]).encode(), "at least two bars"),
    "not a number": (
        "a.csv",
        lines(ISO, header=HEADER).replace(str(TRUTH["high"][17]), "high!", 1).encode(),
        "column high; row 17",
    ),
    "NaN inside": ("a.csv", WITH_NAN.encode(), "nan_rows.*row 30"),
    "no close": ("a.csv", lines(ISO, header="date,open,high,low,x,volume").encode(), "must have close"),
    "no time": (
        "a.csv",
        lines(ISO, header="x,open,high,low,close,volume").encode(),
        "must have a time column",
    ),
    "not a time": ("a.csv", lines(ISO, header=HEADER).replace(ISO[9], "soon").encode(), "row 9"),
    "ragged": (
        "a.csv",
        (lines(ISO, header=HEADER) + "1,2\n").encode(),
        "must have 6 cells in every row, but one has 2",
    ),
    "NUL": ("a.csv", b"a,b\x00c\n1,2\n", "NUL"),
    "unknown ending": ("a.xlsx", b"x", r"\.csv"),
    "no parquet": ("a.parquet", b"PAR1 nothing", "whole Parquet file"),
    "no feather": ("a.feather", b"ARROW1", "whole Feather file"),
    "no gz": ("a.csv.gz", b"\x1f\x8b\x08\x00broken", "whole archive"),
    "no zip": ("a.zip", b"PK\x03\x04", "whole archive"),
    "no tar": ("a.tar.gz", b"\x1f\x8b", "whole archive"),
    "no JSON": ("a.json", b"[[1,2", "must be JSON"),
    "JSON of nothing": ("a.json", b"{}", "object of columns"),
    "unsorted": (
        "a.csv",
        "\n".join([HEADER, *reversed(lines(ISO).splitlines())]).encode(),
        r"data\.repairs\.sort=true",
    ),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_malformed_files_give_one_line(case: str, tmp_path: Path) -> None:
    name, data, sentence = BAD[case]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=sentence) as caught:
        Bars.read(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_file_that_is_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(DataError):
        Bars.read(tmp_path / name)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="existing file"):
        Bars.read(tmp_path / "none.csv")
    with pytest.raises(DataError, match="must be a file, or a folder with files that end in"):
        Bars.read(tmp_path)


def test_unknown_and_impossible_options(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.dayfirst: is not a known key"):
        Bars.read(tmp_path / "a.csv", dayfirst=True)
    with pytest.raises(ConfigError, match="price_scale"):
        Bars.read(tmp_path / "a.csv", price_scale=-1)
    with pytest.raises(ConfigError, match="must be a positive number"):
        Bars.read(tmp_path / "a.csv", resample="4 fortnights")


def test_a_panel_selects_symbols_and_leaves_holes(tmp_path: Path) -> None:
    frame = _frame()
    other = frame.iloc[10:].assign(tic="B", close=frame["close"].iloc[10:] + 0.1)
    pd.concat([frame.assign(tic="A"), other]).to_csv(tmp_path / "finrl.csv", index=False)
    panel = Bars.read(tmp_path / "finrl.csv")
    assert panel.symbols == ("A", "B")
    assert panel.present[:, 0].all()
    np.testing.assert_array_equal(panel.present[:, 1], np.arange(COUNT) >= 10)
    only = Bars.read(tmp_path / "finrl.csv", symbols=["B"])
    assert only.shape == (COUNT - 10, 1)
    np.testing.assert_array_equal(only.close[:, 0], panel.close[10:, 1])
    with pytest.raises(DataError, match=r"data\.symbols"):
        Bars.read(tmp_path / "finrl.csv", symbols=["C"])


def test_bars_from_closes_open_where_the_last_one_closed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(lines(ISO, header="date,close", order="c"))
    bars = Bars.read(tmp_path / "a.csv", close_only=True)
    np.testing.assert_array_equal(bars.open[1:], bars.close[:-1])
    np.testing.assert_array_equal(bars.high, np.maximum(bars.open, bars.close))
    assert bars.open[0, 0] == bars.close[0, 0]
    assert np.isnan(bars.volume).all()


def test_epochs_that_change_their_unit_are_read_by_size_and_said(tmp_path: Path) -> None:
    from regimen.bars import DataConfig
    from regimen.readers import load_with_report

    stamps = [*epochs(1000)[:30], *epochs(10**6)[30:]]
    (tmp_path / "a.csv").write_text(lines(stamps, header=HEADER))
    loaded = load_with_report(DataConfig(path=str(tmp_path / "a.csv")))
    same(loaded.bars)
    assert any("change their unit" in text for text in loaded.report.assumptions)


def test_naive_clocks_are_said_to_be_taken_as_utc(tmp_path: Path) -> None:
    from regimen.bars import DataConfig
    from regimen.readers import check

    (tmp_path / "a.csv").write_text(TEXTS["plain"][1])
    assert any("read as UTC" in text for text in check(DataConfig(path=str(tmp_path / "a.csv"))).assumptions)


def test_hours_that_a_clock_shows_twice_are_told_apart(tmp_path: Path) -> None:
    """New York, 2019-11-03: 01:00 comes twice."""
    utc = pd.date_range("2019-11-03 03:00", periods=COUNT, freq="1h", tz="UTC")
    (tmp_path / "a.csv").write_text(lines(utc.tz_convert("America/New_York").strftime("%Y-%m-%d %H:%M"), header=HEADER))
    bars = Bars.read(tmp_path / "a.csv", zone="America/New_York")
    np.testing.assert_array_equal(bars.time, utc.tz_localize(None).to_numpy().astype("datetime64[ns]"))


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_sessions_stamped_with_local_midnight_keep_their_date(ending: str, tmp_path: Path) -> None:
    """Yahoo's daily stamps are midnight in New York, on either side of a change of its clock."""
    days = pd.bdate_range("2019-10-01", periods=COUNT)
    frame = pd.concat([pd.DataFrame({"Date": days.tz_localize("America/New_York")}), TRUTH], axis=1)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    bars = Bars.read(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(bars.time, days.to_numpy().astype("datetime64[ns]"))


def test_a_zone_that_does_not_exist_is_refused_even_where_it_is_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("timestamp,open,high,low,close,volume\n2021-01-01T00:00Z,1,1,1,1,1\n2021-01-01T01:00Z,1,1,1,1,1\n")
    with pytest.raises(ConfigError, match=r"^data.zone: must be an IANA name .*; got 'Mars'$"):
        Bars.read(path, zone="Mars")
    assert len(Bars.read(path, zone="America/New_York")) == 2
