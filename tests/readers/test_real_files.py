"""Every real file loads, with the options that it needs, or is refused with the right sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars, DataConfig
from regimen.errors import DataError
from regimen.readers import check, load_with_report

# (options, symbols, rows of bars): what loads. Row counts are the lines of the files, less headers and
# repairs.
DIRTY_LOADS: dict[str, tuple[dict[str, Any], int, int]] = {
    "backtrader_index_5m_date_time.txt": (
        {"zone": "Europe/Berlin", "stamp": "end", "volume_column": "none"},
        1,
        2142,
    ),
    "backtrader_yhoo_1d.txt": ({}, 1, 4965),
    "coinbase_btcusd_1h_ampm.csv": ({"volume_column": "volume_btc", "repairs": {"sort": True}}, 1, 20_111),
    "gold_future_15m_yahoo.csv": ({"repairs": {"unfinished_last": "drop"}}, 1, 4610),
    "histdata_eurusd_1m_201703.csv": ({"zone": "-05:00", "volume_column": "none"}, 1, 11_092),
    "lean_aapl_daily_scaled.zip": ({"price_scale": 0.0001, "repairs": {"splits": "adjust"}}, 1, 5849),
    "lean_btcusd_minute_20171217_trade.zip": ({"zone": "UTC"}, 1, 1440),
    "luna1_1d_leading_nan.csv": ({"repairs": {"nan_rows": "drop"}}, 1, 935),
    "lunausdt_1h_close_relisted.csv": ({"close_only": True, "repairs": {"relisted": "cut_after"}}, 1, 11_916),
    "lunausdt_4h_nan_rows.csv": ({"repairs": {"nan_rows": "drop"}}, 1, 3721),
    "nse_hdfcbank_1d.csv": ({"repairs": {"splits": "adjust"}}, 1, 4974),
    "nse_reliance_1d_headerless.csv": (
        {
            "columns": ["date", "open", "high", "low", "close", "turnover", "volume", "trades"],
            "time_format": "%d%m%y",
            "repairs": {"splits": "adjust"},
        },
        1,
        1277,
    ),
    "pystock_us_market_20160805.tar.gz": (
        {
            "member": "prices.csv",
            "bar_length": "1d",
            "repairs": {
                "sort": True,
                "nan_rows": "drop",
                "nonpositive": "drop",
                "ohlc": "widen",
                "duplicates": "drop",
                "splits": "keep",
            },
        },
        6016,
        2,
    ),
    "td_tdg_1d_negative_prices.csv": ({"start": "2013-01-01"}, 1, 2048),
    "xrpusd_1h_swapped_volume.csv": (
        {"volume_column": "Volume XRp", "repairs": {"sort": True, "swapped_volume": "swap"}},
        1,
        32_659,
    ),
    "yahoo_dfbh_1d_duplicate_date.csv": ({"repairs": {"duplicates": "keep_first"}}, 1, 36),
    "yahoo_long_djia_2017.csv": ({"repairs": {"nan_rows": "drop"}}, 31, 251),
    "yahoo_mrns_1d_ohlc_violations.csv": (
        {"repairs": {"ohlc": "widen", "relisted": "cut_before", "splits": "keep"}},
        1,
        1987,
    ),
}
# What each refused file must be told to be.
REFUSED: dict[str, str] = {
    "dirty/backtrader_bidask_ddmm.csv": "holds quotes, not bars",
    "dirty/bybit_xrpusdt_ob500.data.zip": "holds order book snapshots, not bars",
    "dirty/freqtrade_funding_8h.feather": "holds funding rates, not bars; give it beside the bars",
    "dirty/freqtrade_unittest_btc_5m.h5": "is an HDF5 file, which is not read; convert it: python -c .*read_hdf",
    "dirty/freqtrade_xrp_eth_trades.json.gz": "holds trades, not bars",
    "dirty/kraken_bcheur_trades.csv": "holds trades, not bars",
    "dirty/lean_btcusd_minute_20171217_quote.zip": "holds quotes, not bars",
    "dirty/tardis_btcusdt_book_snapshot_25.csv": "holds order book snapshots, not bars",
    "micro/btc-lob5-snapshots.parquet": "holds order book snapshots, not bars",
    "micro/spy-trades-20131008.parquet": "holds trades, not bars",
    "panel/open-interest-daily.parquet": "holds open interest, not bars",
}
# What a file is asked before it loads: the option must be named.
ASKED: dict[str, str] = {
    "coinbase_btcusd_1h_ampm.csv": "data.volume_column",
    "histdata_eurusd_1m_201703.csv": "data.zone",
    "lean_aapl_daily_scaled.zip": "data.price_scale",
    "lean_btcusd_minute_20171217_trade.zip": "data.zone",
    "luna1_1d_leading_nan.csv": "data.repairs.nan_rows",
    "lunausdt_1h_close_relisted.csv": "data.close_only",
    "lunausdt_4h_nan_rows.csv": "data.repairs.nan_rows",
    "nse_hdfcbank_1d.csv": "data.repairs.splits",
    "nse_reliance_1d_headerless.csv": "data.columns",
    "pystock_us_market_20160805.tar.gz": "data.member",
    "td_tdg_1d_negative_prices.csv": "data.repairs.nonpositive",
    "xrpusd_1h_swapped_volume.csv": "data.volume_column",
    "yahoo_dfbh_1d_duplicate_date.csv": "data.repairs.duplicates",
    "yahoo_long_djia_2017.csv": "data.repairs.nan_rows",
    "yahoo_mrns_1d_ohlc_violations.csv": "data.repairs.ohlc",
}
# Clean Parquet files that need a repair or an option, and why.
PARQUET_OPTIONS: dict[str, dict[str, Any]] = {
    "crypto/btcstusdt-5m-binance-spot-2021.parquet": {"repairs": {"relisted": "cut_before"}},
    "equity/aapl-1d-us-lean-raw.parquet": {"adjust": "equity/aapl-factor-file.csv"},
    "equity/aapl-1h-us-lean-raw.parquet": {"adjust": "equity/aapl-factor-file.csv"},
    "equity/bac-1d-us-lean-raw.parquet": {"adjust": "equity/bac-factor-file.csv"},
    "equity/bac-1h-us-lean-raw.parquet": {"adjust": "equity/bac-factor-file.csv"},
    "equity/eem-1d-us-lean-raw.parquet": {"adjust": "equity/eem-factor-file.csv", "start": "2003-04-11"},
    "equity/goog-1d-us-lean-raw.parquet": {"repairs": {"splits": "adjust"}},
    "equity/alot-1d-us-yahoo.parquet": {"repairs": {"duplicates": "keep_first"}},
    "equity/fele-1d-us-yahoo.parquet": {"adjust": "adj_close"},  # a split of 1989 is in the adjusted closes alone
    "equity/hwc-1d-us-yahoo.parquet": {"repairs": {"ohlc": "widen", "relisted": "keep", "splits": "keep"}},
    "panel/binance-hourly-close-wide.parquet": {
        "layout": "wide",
        "close_only": True,
        "repairs": {"relisted": "cut_after"},
    },
    "panel/sp500-daily-panel-2001-2021.parquet": {"repairs": {"nan_rows": "drop", "ohlc": "widen", "splits": "keep"}},
    "panel/sp500-daily-panel-2018-2023.parquet": {"repairs": {"splits": "adjust"}},
}


def _options(shared_data: Path, name: str) -> dict[str, Any]:
    options = dict(PARQUET_OPTIONS.get(name, {}))
    if options.get("adjust", "").endswith(".csv"):
        options["adjust"] = str(shared_data / options["adjust"])
    return options


def test_no_real_file_is_forgotten(shared_data: Path) -> None:
    found = {str(path.relative_to(shared_data)) for path in shared_data.glob("*/*")}
    refused = {name for name in found if name.startswith("funding/") or name.endswith("-factor-file.csv")}
    clean = {name for name in found if name.endswith(".parquet")} - refused - set(REFUSED)
    assert found == refused | set(REFUSED) | clean | {f"dirty/{name}" for name in DIRTY_LOADS}
    assert set(PARQUET_OPTIONS) <= clean


@pytest.mark.parametrize("name", sorted(DIRTY_LOADS))
def test_dirty_file_loads_with_its_options(shared_data: Path, name: str) -> None:
    options, symbols, rows = DIRTY_LOADS[name]
    bars = load_with_report(DataConfig.of(path=str(shared_data / "dirty" / name), **options)).bars
    assert bars.shape == (rows, symbols)
    with np.errstate(invalid="ignore"):
        assert not (bars.low > np.minimum(bars.open, bars.close) * (1 + 1e-9)).any()


@pytest.mark.parametrize("name", sorted(ASKED))
def test_dirty_file_asks_for_the_option_that_decides(shared_data: Path, name: str) -> None:
    with pytest.raises(DataError, match=ASKED[name]) as caught:
        Bars.read(shared_data / "dirty" / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_other_kinds_are_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(DataError, match=REFUSED[name]):
        check(DataConfig(path=str(shared_data / name)))


def test_funding_and_factor_files_are_refused(shared_data: Path) -> None:
    for path in shared_data.glob("funding/*.parquet"):
        with pytest.raises(DataError, match="holds funding rates, not bars"):
            Bars.read(path)
    for path in shared_data.glob("equity/*-factor-file.csv"):
        with pytest.raises(DataError, match="is a LEAN factor file, not bars"):
            Bars.read(path)


def test_every_clean_file_loads(shared_data: Path) -> None:
    for path in sorted(shared_data.glob("*/*.parquet")):
        name = str(path.relative_to(shared_data))
        if name in REFUSED or name.startswith("funding/"):
            continue
        bars = Bars.read(path, **_options(shared_data, name))
        assert bars.present.any(axis=0).all(), name


def test_bitcoin_series_only_warn(shared_data: Path) -> None:
    """The counts are those of the data set's own table: 14 gaps, 139 rows without volume; 27 and 3."""
    minute = check(DataConfig(path=str(shared_data / "crypto/btcusdt-1m-binance-spot.parquet")))
    hour = check(DataConfig(path=str(shared_data / "crypto/btcusdt-1h-binance-spot.parquet")))
    counts = [{finding.name: finding.count for finding in report.findings} for report in (minute, hour)]
    assert not minute.refused
    assert not hour.refused
    assert (counts[0]["gaps"], counts[0]["zero_volume"]) == (14, 139)
    assert (counts[1]["gaps"], counts[1]["zero_volume"]) == (27, 3)


def test_known_faults_are_counted(shared_data: Path) -> None:
    """Counts from the data set's own table."""

    def counted(name: str, **options: Any) -> dict[str, int]:
        report = check(DataConfig.of(path=str(shared_data / name), **options))
        return {finding.name: finding.count for finding in report.findings}

    assert counted("panel/sp500-daily-panel-2001-2021.parquet")["nan_rows"] == 21
    assert counted("panel/sp500-daily-panel-2001-2021.parquet")["ohlc"] == 2
    assert counted("equity/hwc-1d-us-yahoo.parquet")["ohlc"] == 125
    assert counted("equity/alot-1d-us-yahoo.parquet")["conflicting_duplicates"] == 1
    assert counted("dirty/luna1_1d_leading_nan.csv")["nan_rows"] == 1773
    assert counted("dirty/yahoo_dfbh_1d_duplicate_date.csv")["duplicates"] == 1
    swapped = counted("dirty/xrpusd_1h_swapped_volume.csv", volume_column="Volume XRp")["swapped_volume"]
    assert 19_000 < swapped < 21_000  # "about 20,000 rows"


def test_splits_are_those_that_happened(shared_data: Path) -> None:
    """AAPL split 2:1 in 2000 and 2005, 7:1 in 2014, 4:1 in 2020, and fell by half on news on 2000-09-29."""
    raw = check(DataConfig(path=str(shared_data / "equity/aapl-1d-us-lean-raw.parquet")))
    found = {finding.name: finding for finding in raw.findings}
    assert [stamp[:10] for stamp in found["splits"].stamps] == [
        "2000-06-21",
        "2005-02-28",
        "2014-06-09",
        "2020-08-31",
    ]
    assert found["splits"].sentence.count(":1") == 4
    assert not check(DataConfig(path=str(shared_data / "equity/aapl-1d-us-yahoo.parquet"))).refused


def test_a_factor_file_makes_the_series_continuous(shared_data: Path) -> None:
    """Yahoo's adjusted closes are the oracle; another exchange's closes differ by a little."""
    factors = str(shared_data / "equity/aapl-factor-file.csv")
    raw = Bars.read(shared_data / "equity/aapl-1d-us-lean-raw.parquet", adjust=factors).adjusted()
    yahoo = Bars.read(shared_data / "equity/aapl-1d-us-yahoo.parquet")
    common, mine, theirs = np.intersect1d(raw.time, yahoo.time, return_indices=True)
    ours = np.diff(np.log(raw.close[mine, 0]))
    oracle = np.diff(np.log(yahoo.extras["adj_close"][theirs, 0]))
    assert len(common) > 5000
    assert np.median(np.abs(ours - oracle)) < 1e-3
    for day in ("2000-06-21", "2005-02-28", "2014-06-09"):
        at = int(np.flatnonzero(common[1:] == np.datetime64(day))[0])
        assert ours[at] == pytest.approx(oracle[at], abs=0.02)


def test_funding_is_joined_to_the_bar_that_holds_it(shared_data: Path) -> None:
    path = shared_data / "crypto/solusdt-1h-binance-perp.parquet"
    funding = shared_data / "funding/solusdt-perp-funding-8h-binance.parquet"
    bars = Bars.read(path, extras={"funding_rate": str(funding)})
    column = bars.extras["funding_rate"][:, 0]
    hours = bars.time.astype("datetime64[h]").astype(int) % 24
    assert set(hours[~np.isnan(column)]) == {0, 8, 16}
    assert (~np.isnan(column)).sum() == pytest.approx(len(bars) / 8, abs=1)
