"""Vendors' text as it is downloaded: footers, decimal commas, old character sets, names and forms with two origins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, CheckReport, DataConfig
from regimen.errors import DataError
from regimen.readers import check, load_with_report

COUNT = 50
DAYS = pd.bdate_range("2022-03-01", periods=COUNT)
_CLOSE = np.round(2300 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, COUNT))), 2)
_OPEN = np.round(np.concatenate(([2300.0], _CLOSE[:-1])) + 0.25, 2)
PRICES = {"open": _OPEN, "high": np.maximum(_OPEN, _CLOSE) + 3, "low": np.minimum(_OPEN, _CLOSE) - 3, "close": _CLOSE}
VOLUME = np.where(np.arange(COUNT) % 3, 1006.0, 762.0)


def same(bars: Bars) -> None:
    np.testing.assert_array_equal(bars.time, DAYS.to_numpy().astype("datetime64[ns]"))
    for name, values in PRICES.items():
        np.testing.assert_allclose(getattr(bars, name)[:, 0], values, rtol=1e-13, err_msg=name)
    np.testing.assert_array_equal(bars.volume[:, 0], VOLUME)


def table(header: str, sep: str = ",", day: str = "%Y-%m-%d", written: Any = str, volume: Any = str) -> str:
    lines = [header] if header else []
    for number, stamp in enumerate(DAYS.strftime(day)):
        cells = [written(float(values[number])) for values in PRICES.values()]
        lines.append(sep.join([stamp, *cells, volume(float(VOLUME[number]))]))
    return "\n".join(lines) + "\n"


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def grouped(value: float) -> str:
    return f"{value:,.0f}".replace(",", ".")


HEADER = "Date,Open,High,Low,Close,Volume"
FOOTERS = {
    "a sentence": '"Downloaded from Some Site as of 04-24-2023 03:37pm CDT"',
    "a sentence with commas": "Source: Some Vendor, Inc., 2023. All rights reserved.",
    "a sentence with as many cells as a row": "Prices are delayed, incomplete, or wrong, so, ask, nobody",
    "a word and empty cells": "Disclaimer,,,,,",
    "empty cells": ",,,,,",
    "several lines": "\n* adjusted for splits\n\nCopyright 2023 Some Vendor",
    "no letters of ours": "Données fournies sans garantie",
}


@pytest.mark.parametrize("footer", sorted(FOOTERS))
@pytest.mark.parametrize("rows", [COUNT, 8])
def test_a_footer_is_left_out_and_said(footer: str, rows: int, tmp_path: Path) -> None:
    text = "\n".join(table(HEADER).splitlines()[: rows + 1])
    (tmp_path / "a.csv").write_text(f"{text}\n{FOOTERS[footer]}\n", encoding="utf-8")
    loaded = load_with_report(DataConfig(path=str(tmp_path / "a.csv")))
    assert len(loaded.bars) == rows
    np.testing.assert_array_equal(loaded.bars.close[:, 0], PRICES["close"][:rows])
    said = [note for note in loaded.report.assumptions if note.startswith("text below the last row")]
    assert len(said) == 1
    word = re.sub(r"[^\w].*", "", FOOTERS[footer].strip('" ,*\n'))
    assert (word or "an empty row") in said[0]


CUT = {
    "a row cut inside": "2022-05-10,2300.0,2301",
    "a row cut inside its date": "2022-05",
    "a row with words for numbers": "2022-05-10,none yet,none yet,none yet,none yet,none yet",
    "a row without a time": "NaN,2300.0,2301.0,2299.0,2300.0,5",
}


@pytest.mark.parametrize("case", sorted(CUT))
def test_a_row_that_is_cut_off_is_no_footer(case: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(HEADER) + CUT[case])
    with pytest.raises(DataError, match=r"a\.csv: must have"):
        Bars.read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("AAPL", "GOOGL"),
        ("BRK.B", "GOOGL"),
        ("Alphabet Inc", "Monsanto Co"),
        ("September 5, 2024", "September 12, 2024"),
    ],
)
def test_a_cut_row_that_begins_with_words_is_no_footer(first: str, last: str, tmp_path: Path) -> None:
    rows = [f'"{first}",{line}' for line in table("").splitlines()]
    (tmp_path / "a.csv").write_text("\n".join([f"symbol,{HEADER}", *rows, f'"{last}",2022-0']))
    with pytest.raises(DataError, match="must have 7 cells in every row, but one has 2"):
        Bars.read(tmp_path / "a.csv")


@pytest.mark.parametrize("last", ["Last", "Latest", "Settle"])
def test_the_last_price_is_the_close(last: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(HEADER.replace("Close", last)))
    report = load_with_report(DataConfig(path=str(tmp_path / "a.csv")))
    same(report.bars)
    assert f"the close is read from the column {last}" in report.report.assumptions


GERMAN = "Datum;Erster;Hoch;Tief;Schlußkurs;Stücke"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("volume", [grouped, german])
def test_the_option_that_a_message_shows_can_be_pasted(encoding: str, volume: Any, tmp_path: Path) -> None:
    """The hint goes through a real shell and reads the file."""
    path = tmp_path / "kurse.csv"
    path.write_text(table(GERMAN, ";", "%d.%m.%Y", german, volume), encoding=encoding)
    with pytest.raises(DataError, match="must have a time column") as caught:
        Bars.read(path, decimal=",")
    hint = re.search(r'data\.columns="\{.*?\}"', str(caught.value))
    assert hint
    assert hint[0].startswith('data.columns="{time: Datum, open: Erster')
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {hint[0]}"], capture_output=True, check=True).stdout
    from regimen.cli.data import _config

    config = _config(str(path), ["decimal=,", *words.decode().split("\0")[:-1]])
    loaded = load_with_report(config)
    same(loaded.bars)
    assert any("Windows-1252" in note for note in loaded.report.assumptions) == (encoding == "cp1252")


def test_names_that_a_shell_would_read_are_quoted(tmp_path: Path) -> None:
    names = "$when,first!,`x`,low: it,a 'b' \"c\",#n"
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names.split(","))
    (tmp_path / "a.csv").write_text(table(quoted))
    with pytest.raises(DataError) as caught:
        Bars.read(tmp_path / "a.csv")
    hint = str(caught.value).split("; ")[1].split(" names them")[0]
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {hint}"], capture_output=True, check=True).stdout
    from regimen.cli.data import _config

    assert len(words.decode().split("\0")) == 2
    same(load_with_report(_config(str(tmp_path / "a.csv"), [words.decode().rstrip("\0")])).bars)


def test_points_beside_decimal_commas_mark_thousands_only_in_groups(tmp_path: Path) -> None:
    names = "Date;Open;High;Low;Close;Volume"
    (tmp_path / "a.csv").write_text(table(names, ";", written=german, volume=grouped))
    same(Bars.read(tmp_path / "a.csv", decimal=","))
    for wrong in ("0.500", "12.5", "1.0060"):
        (tmp_path / "b.csv").write_text(table(names, ";", written=german, volume=grouped).replace("1.006", wrong, 1))
        with pytest.raises(DataError, match=r"column Volume; row \d+ has none.*data\.decimal='\.'"):
            Bars.read(tmp_path / "b.csv", decimal=",")
    # no comma anywhere: 1.006 may be a thousand or one
    (tmp_path / "c.csv").write_text(table(names, ";", written=lambda _: "1.006", volume=grouped))
    with pytest.raises(DataError, match=r"data\.decimal='\.'"):
        Bars.read(tmp_path / "c.csv", decimal=",")


@pytest.mark.parametrize("mark", [" ", "\u00a0", "\u202f", "'", "\u2019"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_marks_of_thousands_that_mark_nothing_else(mark: str, decimal: str, tmp_path: Path) -> None:
    def written(value: float) -> str:
        return f"{value:,.2f}".translate(str.maketrans({",": mark, ".": decimal}))

    names = "Date;Open;High;Low;Close;Volume"
    (tmp_path / "a.csv").write_text(table(names, ";", written=written, volume=written), encoding="utf-8")
    same(Bars.read(tmp_path / "a.csv", decimal=decimal))


def test_a_form_of_two_origins_names_both(tmp_path: Path) -> None:
    time = pd.date_range("2022-03-01 14:31", periods=COUNT, freq="1min")
    rows = table("", ";").splitlines()
    stamped = [
        ";".join([stamp, *row.split(";")[1:]]) for stamp, row in zip(time.strftime("%Y%m%d %H%M%S"), rows, strict=True)
    ]
    (tmp_path / "ES 06-22.Last.txt").write_text("\n".join(stamped))
    with pytest.raises(
        DataError, match=r"HistData: data\.zone=-05:00\).*NinjaTrader: data\.zone=\+00:00 data\.stamp=end"
    ):
        Bars.read(tmp_path / "ES 06-22.Last.txt")
    ninja = Bars.read(tmp_path / "ES 06-22.Last.txt", zone="+00:00", stamp="end")
    assert str(ninja.time[0]) == "2022-03-01T14:30:00.000000000"
    hist = Bars.read(tmp_path / "ES 06-22.Last.txt", zone="-05:00")
    assert str(hist.time[0]) == "2022-03-01T19:31:00.000000000"


@pytest.mark.parametrize("unit", [10**3, 10**6, 10**9])
@pytest.mark.parametrize("ending", [".json", ".csv"])
def test_epochs_written_as_floats(unit: int, ending: str, tmp_path: Path) -> None:
    """As pandas and ccxt's callers leave them."""
    stamps = [float(int(day.timestamp()) * unit) for day in DAYS]
    rows = [[stamp, *values] for stamp, *values in zip(stamps, *PRICES.values(), VOLUME, strict=True)]
    plain = [[float(cell) for cell in row] for row in rows]
    path = tmp_path / f"a{ending}"
    if ending == ".json":
        path.write_text(json.dumps(plain))
    else:
        pd.DataFrame(plain, columns=["timestamp", *PRICES, "volume"]).to_csv(path, index=False)
    same(Bars.read(path))


def test_columns_that_are_only_numbered(tmp_path: Path) -> None:
    """``pandas.DataFrame(exchange.fetch_ohlcv(...)).to_csv(index=False)``; the hint names them."""
    stamps = [int(day.timestamp()) * 1000 for day in DAYS]
    frame = pd.DataFrame(dict(enumerate([stamps, *PRICES.values(), VOLUME])))
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="time: '0', open: '1', high: '2', low: '3', close: '4', volume: '5'"):
        Bars.read(tmp_path / "a.csv")
    roles = ("time", "open", "high", "low", "close", "volume")
    same(Bars.read(tmp_path / "a.csv", columns={role: str(at) for at, role in enumerate(roles)}))


@pytest.mark.parametrize("factor", [1.0, 4.0, 0.05, 190.0])
@pytest.mark.parametrize("last", [True, False])
def test_a_factor_file_is_known_whatever_its_splits(factor: float, last: bool, tmp_path: Path) -> None:
    lines = [f"19990104,0.7312,{factor},12.5", f"20111003,0.9,{factor},1.13", "20150601,0.95,1,20"]
    (tmp_path / "x.csv").write_text("\n".join([*lines, "20501231,1,1,0"] if last else lines))
    told = "is a LEAN factor file, not bars; .*data.adjust" if last or factor <= 1 else "order of its columns"
    with pytest.raises(DataError, match=told):
        Bars.read(tmp_path / "x.csv")


def closes(*symbols: str) -> pd.DataFrame:
    moves = np.random.default_rng(2).normal(0, 0.01, (COUNT, len(symbols)))
    return pd.DataFrame(np.round(40 * np.exp(moves.cumsum(axis=0)), 2), DAYS, symbols).rename_axis("Date")


WIDE = (
    "O H L C V",
    "O H L C",
    "AAPL C V",
    "C V MA H",
    "MSFT OPEN LOW",
    "AAPL T C",
    "COIN NAME CODE",
    "BRK.B V C",
    "C V",
    "O V",
)


@pytest.mark.parametrize("symbols", WIDE)
def test_symbols_that_are_called_like_prices(symbols: str, tmp_path: Path) -> None:
    path, names = tmp_path / "a.csv", symbols.split()
    closes(*names).to_csv(path)
    bars = Bars.read(path, layout="wide", close_only=True)
    assert bars.symbols == tuple(names)
    np.testing.assert_array_equal(bars.close, closes(*names))
    for options in ({}, {"close_only": True}):
        with pytest.raises(DataError, match=r"data\.layout=wide"):
            Bars.read(path, **options)


def test_symbols_that_are_numbers(tmp_path: Path) -> None:
    closes("600519", "000001").to_csv(tmp_path / "a.csv")
    assert Bars.read(tmp_path / "a.csv", layout="wide", close_only=True).symbols == ("600519", "000001")


@pytest.mark.parametrize("names", ["O,H,L,C,V", "O,H,L,C,VOL"])
def test_prices_that_are_called_like_symbols(names: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(f"Date,{names}"))
    same(Bars.read(tmp_path / "a.csv"))


CONVERTED = {
    "a.h5": "is an HDF5 file, which is not read; convert it: python -c .*read_hdf",
    "a.xlsx": "read_excel",
    "a.bz2": "bunzip2 -k",
    "a.csv.xz": "unxz -k",
    "a.duckdb": "COPY",
    "a.sqlite": "sqlite3",
    "a b.pkl": "read_pickle",
}


@pytest.mark.parametrize("name", sorted(CONVERTED))
def test_formats_that_are_not_read_say_what_converts_them(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(DataError, match=CONVERTED[name]) as caught:
        Bars.read(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.pkl", "it's.pkl"])
def test_the_line_that_converts_works_when_pasted(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    pd.read_csv(pd.io.common.StringIO(table(HEADER))).to_pickle(path)
    with pytest.raises(DataError) as caught:
        Bars.read(path)
    own = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # as in an environment that is activated
    line = str(caught.value).split("convert it: ")[1]
    subprocess.run(["bash", "-c", line], check=True, env={**os.environ, "PATH": own})
    same(Bars.read(path.with_suffix(".parquet")))


def test_a_bzip2_file_is_unpacked_by_its_line(tmp_path: Path) -> None:
    import bz2
    import shutil

    if shutil.which("bunzip2") is None:
        pytest.skip("bzip2 is not installed")
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(table(HEADER).encode()))
    with pytest.raises(DataError) as caught:
        Bars.read(tmp_path / "a.csv.bz2")
    subprocess.run(["bash", "-c", str(caught.value).split("convert it: ")[1]], check=True)
    same(Bars.read(tmp_path / "a.csv"))


def test_binary_litter_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"Date,Open\n2020-01-01,\x81\x02\xff\xfe\x03")
    with pytest.raises(DataError, match="must be text in UTF-8"):
        check(DataConfig(path=str(tmp_path / "a.csv")))


def test_what_is_assumed_is_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(HEADER) + "The end of the file\n")
    report: CheckReport = check(DataConfig(path=str(tmp_path / "a.csv")))
    assert report.assumptions[0] == "text below the last row is left out: The end of the file"
