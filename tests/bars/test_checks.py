"""Each planted fault is found with its count and its rows; a clean series shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, DataConfig, Finding
from regimen.errors import DataError
from regimen.readers import check, load_with_report


def clean(count: int = 600, freq: str = "1h", start: str = "2024-01-01", seed: int = 1) -> pd.DataFrame:
    """A plausible series in which nothing is wrong."""
    generator = np.random.default_rng(seed)
    time = pd.date_range(start, periods=count, freq=freq, tz="UTC")
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.002, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    spread = np.abs(generator.normal(0, 0.001, count))
    return pd.DataFrame(
        {
            "timestamp": time,
            "open": opened,
            "high": np.maximum(opened, close) * (1 + spread),
            "low": np.minimum(opened, close) * (1 - spread),
            "close": close,
            "volume": generator.uniform(50, 150, count),
        }
    )


def found(frame: pd.DataFrame, folder: Path, **options: Any) -> dict[str, Finding]:
    path = folder / "bars.parquet"
    frame.to_parquet(path)
    return {finding.name: finding for finding in check(DataConfig.of(path=str(path), **options)).findings}


def _business_days(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["timestamp"].dt.day_of_week < 5].reset_index(drop=True)


@pytest.mark.parametrize(
    "frame",
    [
        clean(),
        clean(2000, "1min"),
        _business_days(clean(900, "1D", "2020-01-01")),
        clean(9000, "15min").pipe(
            lambda f: f[(f["timestamp"].dt.day_of_week < 5) & f["timestamp"].dt.hour.between(14, 20)]
        ),
        clean(3000, "1h").pipe(
            lambda f: f[
                ~(
                    (f["timestamp"].dt.day_of_week == 5)
                    | ((f["timestamp"].dt.day_of_week == 6) & (f["timestamp"].dt.hour < 22))
                )
            ]
        ),
    ],
    ids=["24/7", "minutes", "daily sessions", "intraday sessions", "24/5"],
)
def test_a_clean_series_shows_nothing(frame: pd.DataFrame, tmp_path: Path) -> None:
    assert found(frame.reset_index(drop=True), tmp_path) == {}


Plant = Callable[[pd.DataFrame], pd.DataFrame]


def _set(rows: list[int], **values: Any) -> Plant:
    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        for column, value in values.items():
            frame.loc[rows, column] = frame.loc[rows, column] * value[0] if isinstance(value, tuple) else value
        return frame

    return plant


def _swap_rows(frame: pd.DataFrame) -> pd.DataFrame:
    order = list(range(len(frame)))
    order[10], order[11] = order[11], order[10]
    order[40], order[41] = order[41], order[40]
    return frame.iloc[order].reset_index(drop=True)


def _repeat(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[[*range(20), 19, *range(20, len(frame))]].reset_index(drop=True)


def _conflict(frame: pd.DataFrame) -> pd.DataFrame:
    frame = _repeat(frame)
    frame.loc[20, "volume"] = 1.0
    return frame


def _scale_from(row: int, factor: float) -> Plant:
    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[row:, ["open", "high", "low", "close"]] *= factor
        frame.loc[row:, "volume"] /= factor
        return frame

    return plant


def _hole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(index=range(100, 107)).reset_index(drop=True)


def _off(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[30, "timestamp"] += pd.Timedelta("7min")
    return frame


def _relist(frame: pd.DataFrame) -> pd.DataFrame:
    frame = _scale_from(300, 25.0)(frame)
    frame.loc[300:, "timestamp"] += pd.Timedelta("18D")
    return frame


def _quote(frame: pd.DataFrame) -> pd.DataFrame:
    frame["quote_volume"] = frame["volume"] * frame["close"]
    rows = [5, 6, 400]
    frame.loc[rows, ["volume", "quote_volume"]] = frame.loc[rows, ["quote_volume", "volume"]].to_numpy()
    return frame


def _last(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[len(frame) - 1, ["open", "high", "low", "close"]] = frame["close"].iloc[-2]
    frame.loc[len(frame) - 1, "volume"] = 0.01
    return frame


def _spike(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[250, "close"] *= 1.4
    frame.loc[250, "high"] = frame.loc[250, "close"]
    return frame


FAULTS: dict[str, tuple[Plant, str, int, tuple[int, ...]]] = {
    "disorder": (_swap_rows, "refuse", 2, (11, 41)),
    "duplicates": (_repeat, "refuse", 1, (20,)),
    "conflicting_duplicates": (_conflict, "refuse", 1, (20,)),
    "nan_rows": (_set([3, 9], close=np.nan), "refuse", 2, (3, 9)),
    "nonpositive": (_set([7, 8], open=0.0, low=0.0), "refuse", 2, (7, 8)),
    "ohlc": (_set([12], high=(0.9,)), "refuse", 1, (12,)),
    "infinite": (_set([2, 9], volume=np.inf), "refuse", 2, (2, 9)),
    "negative_volume": (_set([2], volume=-1.0), "refuse", 1, (2,)),
    "nan_volume": (_set([2, 4], volume=np.nan), "warn", 2, (2, 4)),
    "zero_volume": (_set([60, 61, 62, 70], volume=0.0), "warn", 4, (60, 61, 62, 70)),
    "gaps": (_hole, "warn", 1, (100,)),
    "off_grid": (_off, "warn", 1, (30,)),
    "relisted": (_relist, "refuse", 1, (300,)),
    "splits": (_scale_from(200, 0.25), "refuse", 1, (200,)),
    "swapped_volume": (_quote, "refuse", 3, (5, 6, 400)),
    "extreme_moves": (_spike, "warn", 2, (250, 251)),
    "unfinished_last": (_last, "warn", 1, (599,)),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_planted_fault_is_found_with_its_rows(name: str, tmp_path: Path) -> None:
    plant, severity, count, rows = FAULTS[name]
    finding = found(plant(clean()), tmp_path)[name]
    assert (finding.severity, finding.count, finding.rows) == (severity, count, rows)
    assert "{" not in finding.sentence


@pytest.mark.parametrize(
    "name", sorted(set(FAULTS) - {"off_grid", "relisted", "splits", "nonpositive", "negative_volume"})
)
def test_one_fault_is_not_taken_for_another(name: str, tmp_path: Path) -> None:
    assert set(found(FAULTS[name][0](clean()), tmp_path)) == {name}


@pytest.mark.parametrize(
    ("column", "of", "factor", "words"),
    [
        ("high", "close", 0.9999, "1 high below open or close, 0 low above"),
        ("low", "open", 1.0001, "0 high below open or close, 1 low above"),
    ],
)
def test_each_side_of_the_price_order_is_checked(
    column: str, of: str, factor: float, words: str, tmp_path: Path
) -> None:
    frame = clean()
    row = int((frame["close"] > frame["open"]).to_numpy().nonzero()[0][5])
    frame.loc[row, column] = frame.loc[row, of] * factor
    finding = found(frame, tmp_path)["ohlc"]
    assert finding.rows == (row,)
    assert words in finding.sentence


def test_an_infinite_extra_is_named_and_has_no_repair(tmp_path: Path) -> None:
    frame = clean()
    frame["open_interest"] = 5.0
    frame.loc[7, "open_interest"] = -np.inf
    finding = found(frame, tmp_path)["infinite"]
    assert (finding.severity, finding.rows, finding.repair) == ("refuse", (7,), "")
    assert "(open_interest)" in finding.sentence


@pytest.mark.parametrize("volume", [1.1e18, 1e30, 1e300])
def test_a_volume_that_no_market_has_is_an_overflow(volume: float, tmp_path: Path) -> None:
    """Running sums over it lose every other volume for good, though all of them are finite."""
    finding = found(_set([2, 9], volume=volume)(clean()), tmp_path)["infinite"]
    assert (finding.severity, finding.rows) == ("refuse", (2, 9))
    assert "infinite" not in found(_set([2, 9], volume=1e18)(clean()), tmp_path)


def test_so_is_such_a_price(tmp_path: Path) -> None:
    finding = found(_set([9], high=1e30)(clean()), tmp_path)["infinite"]
    assert (finding.severity, finding.rows, finding.repair) == ("refuse", (9,), "")


@pytest.mark.parametrize("name", ["open", "volume", "funding_rate"])
def test_bars_from_memory_hold_nothing_infinite(name: str) -> None:
    columns: dict[str, Any] = {each: np.full(5, 2.0) for each in ("open", "high", "low", "close", "volume")}
    extras = {"funding_rate": np.zeros(5)}
    (extras if name in extras else columns)[name][3] = np.inf
    with pytest.raises(DataError, match=rf"bars\.{name}: must be finite, or NaN where there is none; row 3"):
        Bars.from_arrays(np.arange(5), **columns, extras=extras, time_unit="s")


def test_a_break_at_noon_every_day_is_no_gap_but_a_hole_is(tmp_path: Path) -> None:
    frame = clean(9000, "15min")
    hour = frame["timestamp"].dt.hour
    traded = (frame["timestamp"].dt.day_of_week < 5) & hour.isin([2, 3, 5, 6])
    frame = frame[traded].reset_index(drop=True)
    assert found(frame, tmp_path) == {}
    assert found(frame.drop(index=[100, 101]).reset_index(drop=True), tmp_path)["gaps"].rows == (100,)


def test_faults_of_one_symbol_of_a_panel_name_their_rows(tmp_path: Path) -> None:
    first, second = clean(seed=1).assign(symbol="A"), clean(seed=2).assign(symbol="B")
    second.loc[3, "close"] = np.nan
    second = second.drop(index=range(50, 55)).reset_index(drop=True)
    second.loc[100:102, "volume"] = 0.0
    findings = found(pd.concat([first, second], ignore_index=True), tmp_path)
    assert set(findings) == {"nan_rows", "gaps", "zero_volume"}
    assert findings["nan_rows"].rows == (603,)
    assert findings["nan_rows"].stamps == ("2024-01-01 03:00:00 B",)
    assert findings["gaps"].rows == (650,)
    assert "longest stretch is 3 bar(s)" in findings["zero_volume"].sentence


def test_stocks_that_split_are_refused_and_adjusted_on_demand(tmp_path: Path) -> None:
    frame = _scale_from(400, 0.5)(_business_days(clean(900, "1D", "2020-01-01")))
    frame = _scale_from(500, 3.0)(frame)
    splits = found(frame, tmp_path)["splits"]
    assert (splits.severity, splits.count, splits.rows) == ("refuse", 2, (400, 500))
    assert "2:1, 1:3" in splits.sentence
    config = DataConfig.of(path=str(tmp_path / "bars.parquet"), repairs={"splits": "adjust"})
    loaded = load_with_report(config)
    adjustment = loaded.bars.extras["adjustment"][:, 0]
    np.testing.assert_allclose(adjustment[[0, 399, 400, 499, 500, 600]], [1, 1, 2, 2, 2 / 3, 2 / 3])
    assert np.abs(np.diff(np.log(loaded.bars.adjusted().close[:, 0]))).max() < 0.02
    assert [(repair.name, repair.count) for repair in loaded.report.applied] == [("splits", 2)]


def test_a_crash_on_heavy_trading_is_no_split(tmp_path: Path) -> None:
    frame = _scale_from(400, 0.5)(_business_days(clean(900, "1D", "2020-01-01")))
    frame.loc[400, "volume"] *= 10
    assert "splits" not in found(frame, tmp_path)


MENDED: dict[str, tuple[str, dict[str, Any], int, int]] = {
    "disorder": ("sort", {"sort": True}, 2, 600),
    "duplicates": ("duplicates", {"duplicates": "keep_first"}, 1, 600),
    "conflicting_duplicates": ("duplicates", {"duplicates": "drop"}, 2, 599),
    "nan_rows": ("nan_rows", {"nan_rows": "drop"}, 2, 598),
    "nonpositive": ("nonpositive", {"nonpositive": "drop"}, 2, 598),
    "ohlc": ("ohlc", {"ohlc": "widen"}, 1, 600),
    "infinite": ("negative_volume", {"negative_volume": "nan"}, 2, 600),
    "negative_volume": ("negative_volume", {"negative_volume": "nan"}, 1, 600),
    "relisted": ("relisted", {"relisted": "cut_before"}, 300, 300),
    "swapped_volume": ("swapped_volume", {"swapped_volume": "swap"}, 3, 600),
    "unfinished_last": ("unfinished_last", {"unfinished_last": "drop"}, 1, 599),
}


@pytest.mark.parametrize("name", sorted(MENDED))
def test_a_repair_is_applied_only_on_demand_and_counted(name: str, tmp_path: Path) -> None:
    repair, policy, count, rows = MENDED[name]
    path = tmp_path / "bars.parquet"
    FAULTS[name][0](clean()).to_parquet(path)
    if FAULTS[name][1] == "refuse":
        with pytest.raises(DataError, match=rf"\({name}\).*data\.repairs\.{repair}"):
            load_with_report(DataConfig(path=str(path)))
    loaded = load_with_report(DataConfig.of(path=str(path), repairs=policy))
    assert [(done.name, done.count) for done in loaded.report.applied] == [(repair, count)]
    assert name not in {finding.name for finding in loaded.report.findings}
    assert len(loaded.bars) == rows


@pytest.mark.parametrize(("policy", "volume"), [("keep_first", 100.0), ("keep_last", 1.0)])
def test_the_chosen_duplicate_stays(policy: str, volume: float, tmp_path: Path) -> None:
    frame = clean()
    frame["volume"] = 100.0
    _conflict(frame).to_parquet(tmp_path / "bars.parquet")
    config = DataConfig.of(path=str(tmp_path / "bars.parquet"), repairs={"duplicates": policy})
    assert load_with_report(config).bars.volume[19, 0] == volume


def test_widening_moves_high_and_low_to_the_other_prices(tmp_path: Path) -> None:
    frame = FAULTS["ohlc"][0](clean())
    frame.to_parquet(tmp_path / "bars.parquet")
    bars = load_with_report(DataConfig.of(path=str(tmp_path / "bars.parquet"), repairs={"ohlc": "widen"})).bars
    row = frame.loc[12, ["open", "high", "low", "close"]].astype(float)
    assert bars.high[12, 0] == row.max()
    assert bars.low[12, 0] == row.min()


def test_a_report_is_plain_values(tmp_path: Path) -> None:
    import json

    FAULTS["ohlc"][0](clean()).to_parquet(tmp_path / "bars.parquet")
    report = check(DataConfig(path=str(tmp_path / "bars.parquet")))
    assert json.loads(json.dumps(report.to_dict()))["refused"] is True
    assert "data.repairs.ohlc=widen" in report.sentence


@pytest.mark.parametrize("factor", [2.0, 0.5, 10.0])
def test_a_bad_tick_is_no_split_on_its_way_back_either(factor: float, tmp_path: Path) -> None:
    frame = _business_days(clean(900, "1D", "2020-01-01"))
    frame.loc[400, ["open", "high", "low", "close"]] *= factor
    assert "splits" not in found(frame, tmp_path)
    assert found(frame, tmp_path)["extreme_moves"].rows == (400, 401)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Athens"])
def test_long_bars_that_follow_summer_time_are_on_their_grid(zone: str, tmp_path: Path) -> None:
    """Bars of four hours anchored to a local clock: two grids in UTC, each for half of the year."""
    local = pd.date_range("2020-01-01", periods=2600, freq="4h")
    frame = clean(len(local)).assign(timestamp=local)
    frame = frame[local.day_of_week < 5]
    frame = frame.assign(timestamp=frame["timestamp"].dt.tz_localize(zone).dt.tz_convert("UTC"))
    assert not {"off_grid", "unfinished_last"} & found(frame, tmp_path).keys()
    frame.iloc[700, 0] += pd.Timedelta("7min")
    assert found(frame, tmp_path)["off_grid"].rows == (700,)


def test_columns_under_each_others_names_cannot_be_repaired_as_rows(tmp_path: Path) -> None:
    frame = clean().rename(columns={"high": "low", "low": "high"})
    for policy in ("widen", "drop"):
        faults = found(frame, tmp_path, repairs={"ohlc": policy})
        assert "the highest stands in low, the lowest in high" in faults["ohlc"].sentence


def test_a_calendar_that_no_saturday_supports_is_said(tmp_path: Path) -> None:
    for start, said in (("2024-01-01", True), ("2024-01-04", True), ("2024-01-05", False)):
        clean(60, start=start).to_parquet(tmp_path / "bars.parquet")
        config = DataConfig(path=str(tmp_path / "bars.parquet"))
        assert any("no whole Saturday" in text for text in check(config).assumptions) == said
    told = check(config.model_copy(update={"calendar": "24/7"})).assumptions
    assert not any("no whole Saturday" in text for text in told)
