"""Frames in memory: whatever a file of the same data gives, a frame gives, bit for bit, and with the same lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from regimen.bars import Bars, Calendar
from regimen.errors import ConfigError, DataError

HOURS = pd.date_range("2024-01-01", periods=400, freq="1h", tz="UTC", name="timestamp")


def long(seed: int = 0, times: pd.DatetimeIndex = HOURS) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(generator.normal(0, 0.01, len(times))))
    opened = np.concatenate(([50.0], close[:-1]))
    return pd.DataFrame(
        {
            "timestamp": times,
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": generator.uniform(1, 9, len(times)),
            "funding_rate": np.where(np.arange(len(times)) % 8 == 0, 1e-4, np.nan),
        }
    )


def panel(*symbols: str) -> pd.DataFrame:
    parts = [long(seed).assign(symbol=name).iloc[seed * 30 :] for seed, name in enumerate(symbols or ("B", "A", "C"))]
    return pd.concat(parts, ignore_index=True)


def wide() -> pd.DataFrame:
    return panel("ABC", "XYZ", "date2").pivot(index="timestamp", columns="symbol", values="close")


class Stream:
    """Somebody else's table: it has an Arrow stream and nothing more."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def views_of_text(frame: pd.DataFrame) -> Stream:
    """A table as polars hands it over: texts are views, and categories point to views."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    place = table.column_names.index("symbol")
    codes = table.column(place).combine_chunks().dictionary_encode()
    views = pa.DictionaryArray.from_arrays(codes.indices, codes.dictionary.cast(pa.string_view()))
    return Stream(table.set_column(place, "symbol", views))


PANEL, WIDE = panel(), wide()
UNSORTED = long().sample(frac=1.0, random_state=1)
NAIVE = long().assign(timestamp=HOURS.tz_localize(None))
DAYS = long(times=pd.bdate_range("2023-01-02", periods=400, name="timestamp"))  # days have no clock
FORMS: dict[str, tuple[pd.DataFrame, Any, dict[str, Any]]] = {
    "long": (long(), long(), {}),
    "index": (long(), long().set_index("timestamp"), {}),
    "index without a name": (long(), long().set_index("timestamp").rename_axis(None), {}),
    "other names": (long(), long().rename(columns=str.title), {}),
    "named by the user": (
        long().rename(columns={"timestamp": "Beginn"}),
        long().set_index("timestamp").rename_axis("Beginn"),
        {"columns": {"time": "Beginn"}},
    ),
    "some rows": (long().query("close > open"), long().query("close > open"), {"bar_length": "1h"}),
    "table": (long(), pa.Table.from_pandas(long()), {}),
    "batch": (long(), pa.RecordBatch.from_pandas(long()), {}),
    "stream": (long(), Stream(pa.Table.from_pandas(long())), {}),
    "reader": (long(), pa.Table.from_pandas(long()).to_reader(), {}),
    "text": (long(), long().assign(timestamp=HOURS.astype(str)), {}),
    "epochs": (long(), long().assign(timestamp=HOURS.as_unit("ms").astype(np.int64)), {}),
    "clock": (NAIVE, NAIVE, {"zone": "America/New_York"}),
    "clock of the index": (NAIVE, NAIVE.set_index("timestamp"), {"zone": "America/New_York"}),
    "days": (DAYS, DAYS.set_index("timestamp"), {}),
    "ends": (long(), long(), {"stamp": "end"}),
    "repairs": (UNSORTED, UNSORTED, {"repairs": {"sort": True}}),
    "longer bars": (long(), long(), {"resample": "4h", "start": "2024-01-03"}),
    "kept": (long().assign(mine=1.5), long().assign(mine=1.5), {"keep": ["mine"]}),
    "panel": (PANEL, PANEL, {}),
    "panel by time": (PANEL, PANEL.sort_values("timestamp", kind="stable"), {"symbols": ("A", "C", "B")}),
    "panel index": (PANEL, PANEL.set_index(["symbol", "timestamp"]), {}),
    "panel index without names": (PANEL, PANEL.set_index(["timestamp", "symbol"]).rename_axis([None, None]), {}),
    "categories": (PANEL, PANEL.assign(symbol=PANEL["symbol"].astype("category")), {}),
    "views": (PANEL, views_of_text(PANEL), {}),
    "one symbol": (PANEL, PANEL, {"symbols": "C"}),
    "wide": (WIDE, WIDE, {"layout": "wide", "close_only": True}),
    "wide without a name": (WIDE, WIDE.rename_axis(None), {"layout": "wide", "close_only": True}),
    "two levels": (
        PANEL,
        PANEL.pivot(index="timestamp", columns="symbol", values=["open", "high", "low", "close", "volume"]),
        {"symbols": ("B", "A", "C"), "columns": None},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_gives_the_bars_of_the_file_of_the_same_data(form: str, tmp_path: Path) -> None:
    written, frame, options = FORMS[form]
    if form == "two levels":
        written = written.drop(columns="funding_rate")
    written.to_parquet(tmp_path / "a.parquet")
    assert Bars.from_frame(frame, **options).fingerprint == Bars.read(tmp_path / "a.parquet", **options).fingerprint


def test_frames_of_other_libraries() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    arrow = pa.Table.from_pandas(PANEL, preserve_index=False)
    expected = Bars.from_frame(PANEL).fingerprint
    assert Bars.from_frame(polars.from_arrow(arrow)).fingerprint == expected
    assert Bars.from_frame(duckdb.sql("SELECT * FROM arrow")).fingerprint == expected


def test_bars_to_a_frame_and_back() -> None:
    for frame in (long(), PANEL):
        bars = Bars.from_frame(frame.assign(**{"my column": 2.5}), columns={"my column": "my column"})
        again = bars.to_frame()
        for form in (again, again.set_index("timestamp"), again.assign(sma=1.0)):
            assert Bars.from_frame(form).fingerprint == bars.fingerprint
        assert Bars.from_frame(again.assign(sma=1.0), keep="sma").extras.keys() == bars.extras.keys() | {"sma"}
        late = bars.window(200, 230)  # too short to show its calendar or how many bars a year has
        assert Bars.from_frame(late.to_frame()).fingerprint == late.fingerprint
        assert Bars.from_frame(late.to_frame()).periods_per_year == late.periods_per_year


def test_a_symbol_without_a_bar_comes_back_too() -> None:
    early = Bars.from_frame(PANEL).window(0, 45)  # C is listed later
    assert early.present.any(axis=0).tolist() == [True, True, False]
    for frame in (early.to_frame(), early.to_frame().set_index(["symbol", "timestamp"])):
        assert Bars.from_frame(frame).fingerprint == early.fingerprint
    assert Bars.from_frame(early.to_frame(), symbols="A").symbols == ("A",)


def test_what_bars_said_of_a_frame_ends_with_its_stamps() -> None:
    bars = Bars.from_frame(long(), symbols="BTC")
    frame = bars.to_frame()
    assert Bars.from_frame(frame).symbols == ("BTC",)
    assert Bars.from_frame(frame, symbols="ETH").symbols == ("ETH",)
    every_other = Bars.from_frame(frame.iloc[::2])
    assert every_other.bar_length == 2 * bars.bar_length
    assert every_other.symbols == ("asset",)
    renamed = frame.rename(columns={"close": "c"})
    assert Bars.from_frame(renamed).close[5, 0] == bars.close[5, 0]


def test_a_written_file_comes_back_by_its_arrow_table(tmp_path: Path) -> None:
    bars = Bars.from_arrays(
        HOURS[:9].tz_localize(None),
        **{name: long()[name].to_numpy()[:9] for name in ("open", "high", "low", "close")},
        calendar=Calendar("sessions", 7.5),
        extras={"my column": np.arange(9.0)},
    )
    bars.write(tmp_path / "a.parquet")
    table = pa.parquet.read_table(tmp_path / "a.parquet")
    assert Bars.from_frame(table).fingerprint == bars.fingerprint
    assert Bars.from_frame(table.slice(0, 8)).extras == {}  # other rows: read as any table


def test_what_looks_like_a_time_beside_the_index_of_a_wide_frame_is_a_ticker() -> None:
    bars = Bars.from_frame(WIDE.rename(columns={"ABC": "T"}), layout="wide", close_only=True)
    assert bars.symbols == ("T", "XYZ", "date2")


def odd(times: Any) -> pd.DataFrame:
    return long().assign(timestamp=times)


class Broken:
    """A table whose stream fails."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise RuntimeError("no\nconnection")


class Lazy:
    """A query that nobody has run."""

    def collect(self) -> None: ...


MISTAKES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no time": (long().drop(columns="timestamp"), {}, "frame: must have a time column"),
    "no time in some rows": (
        long().drop(columns="timestamp").query("close > open"),  # whose index numbers the rows that are left
        {},
        "frame: must have a time column",
    ),
    "odd name of the index": (
        long().set_index("timestamp").rename_axis("Beginn"),
        {},
        r"must have a time column .* columns=\{'time': 'Beginn'\} names them",
    ),
    "twice": (pd.concat([long(), long()[["close"]]], axis=1), {}, "must have each column once; .* got 'close'"),
    "twice in a table": (
        pa.table([pa.array([1]), pa.array([2])], names=["close", "close"]),
        {},
        "must have each column once; .* got 'close'",
    ),
    "unsorted": (UNSORTED, {}, r"frame \(disorder\): .* repairs=\{'sort': True\} accepts it"),
    "naive": (
        NAIVE.set_index("timestamp"),
        {},
        "^zone: must be given: the stamps of the frame name no zone; 'UTC'",
    ),
    "empty": (long().iloc[:0], {}, "frame: must hold at least one row"),
    "nothing": (pd.DataFrame(), {}, "frame: must hold at least one row"),
    "two kinds": (odd([1, "x"] * 200), {}, "frame: must have columns of one kind each"),
    "path": ("a.parquet", {}, r"frame: is a path; Bars\.read reads files; got 'a\.parquet'"),
    "path object": (Path("a.parquet"), {}, r"frame: is a path; Bars\.read reads files"),
    "arrays": ({"close": [1.0]}, {}, r"must be a frame: .* Bars\.from_arrays takes arrays; got 'dict'"),
    "numbers": (np.ones((3, 3)), {}, r"Bars\.from_arrays takes arrays"),
    "nothing at all": (None, {}, "must be a frame: of pandas, polars, .*; got 'NoneType'"),
    "series": (long()["close"], {}, "must hand its columns over as an Arrow stream"),
    "broken": (Broken(), {}, r"as an Arrow stream \(RuntimeError: no connection\); got 'Broken'"),
    "lazy": (Lazy(), {}, r"collect\(\) it first"),
    "small numbers": (odd(np.arange(400)), {}, "has a number for a time that is no epoch"),
    "high below low": (long().assign(high=1.0), {}, r"frame \(ohlc\): 400 row"),
    "jump": (long().assign(close=lambda f: f["close"].where(f.index < 200, f["close"] * 9)), {}, r"frame \("),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_line_for_each_mistake(mistake: str) -> None:
    frame, options, line = MISTAKES[mistake]
    with pytest.raises(DataError, match=line) as caught:
        Bars.from_frame(frame, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"delimiter": ";"}, "^delimiter: is an option of files, and these data are in memory: leave it out"),
        ({"path": "a.csv"}, "^path: is an option of files"),
        ({"zon": "UTC"}, r"^zon: is not a known key \(did you mean 'zone'\?\)"),
        ({"zone": "Mars"}, "^zone: must be an IANA name"),
    ],
)
def test_options_are_those_of_files_but_for_files_themselves(options: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        Bars.from_frame(long(), **options)


def test_bars_are_no_frame() -> None:
    with pytest.raises(DataError, match="frame: is Bars already"):
        Bars.from_frame(Bars.from_frame(long()))


def test_a_table_of_arrow_imports_no_library_of_frames(tmp_path: Path) -> None:
    code = (
        "import sys, pyarrow as pa, pyarrow.parquet\n"
        "from regimen.bars import Bars\n"
        "Bars.from_frame(pyarrow.parquet.ParquetFile(sys.argv[1]).read())\n"
        "print([name for name in ('pandas', 'polars', 'duckdb') if name in sys.modules])\n"
    )
    pa.parquet.write_table(pa.Table.from_pandas(long().drop(columns="funding_rate")), tmp_path / "a.parquet")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.parquet")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
