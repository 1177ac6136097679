"""Local clocks, the hour that they show twice, dates beside a live row, ends of bars, digits without marks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, CheckReport, DataConfig
from regimen.errors import DataError
from regimen.readers import check


def rows(stamps: list[str], symbol: str = "", seed: int = 5) -> list[str]:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.004, len(stamps))))
    opened = np.concatenate(([100.0], close[:-1]))
    prices = zip(opened, np.maximum(opened, close), np.minimum(opened, close), close, strict=True)
    name = f",{symbol}" if symbol else ""
    return [
        f"{stamp}{name}," + ",".join(f"{price:.3f}" for price in four) + f",{50 + i % 7}.5"
        for i, (stamp, four) in enumerate(zip(stamps, prices, strict=True))
    ]


def written(folder: Path, lines: list[str], header: str = "time,open,high,low,close,volume") -> str:
    path = folder / "bars.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return str(path)


def checked(path: str, **options: object) -> CheckReport:
    return check(DataConfig.of(path=path, **options))


def names(report: CheckReport) -> set[str]:
    return {finding.name for finding in report.findings}


CLOCKS = {
    "Berlin by the hour": ("Europe/Berlin", "2022-10-28", "2022-11-02", "1h"),
    "New York by the half hour": ("America/New_York", "2022-11-04", "2022-11-08", "30min"),
    "Sydney by five minutes": ("Australia/Sydney", "2023-04-01", "2023-04-03", "5min"),
}


@pytest.mark.parametrize(
    "order", ["oldest first", "newest first", "panel by time", "panel by symbol", "panel newest first"]
)
@pytest.mark.parametrize("clock", sorted(CLOCKS))
def test_the_hour_that_a_clock_shows_twice_is_read_in_every_order(clock: str, order: str, tmp_path: Path) -> None:
    zone, first, last, freq = CLOCKS[clock]
    time = pd.date_range(first, last, freq=freq, tz="UTC")
    local = list(time.tz_convert(zone).strftime("%Y-%m-%d %H:%M:%S"))
    assert len(set(local)) < len(local)
    if order.startswith("panel"):
        one, two = rows(local, "ONE", 1), rows(local, "TWO", 2)
        mixed = [line for pair in zip(one, two, strict=True) for line in pair]
        lines = {"panel by time": mixed, "panel by symbol": one + two, "panel newest first": mixed[::-1]}[order]
        path = written(tmp_path, lines, "time,symbol,open,high,low,close,volume")
    else:
        path = written(tmp_path, rows(local)[:: -1 if order == "newest first" else 1])
    repairs = {"sort": "newest" in order}
    assert not names(checked(path, zone=zone, repairs=repairs))
    bars = Bars.read(path, zone=zone, repairs=repairs)
    np.testing.assert_array_equal(bars.time, time.tz_localize(None).to_numpy())


def test_without_a_zone_the_repeated_hour_names_the_zone_and_not_a_repair(tmp_path: Path) -> None:
    local = pd.date_range("2022-11-04", "2022-11-08", freq="15min", tz="UTC").tz_convert("America/New_York")
    path = written(tmp_path, rows(list(local.strftime("%Y-%m-%d %H:%M:%S"))))
    with pytest.raises(DataError, match=r"data\.zone=America/New_York accepts it") as caught:
        Bars.read(path)
    assert "keep_first" not in str(caught.value)
    assert not names(checked(path, zone="America/New_York"))


def test_repeats_elsewhere_too_are_no_matter_of_the_clock(tmp_path: Path) -> None:
    local = pd.date_range("2022-11-04", "2022-11-08", freq="1h", tz="UTC").tz_convert("America/New_York")
    stamps = list(local.strftime("%Y-%m-%d %H:%M:%S"))
    stamps[20] = stamps[19]
    report = checked(written(tmp_path, rows(stamps)))
    assert next(f for f in report.findings if f.name == "conflicting_duplicates").repair.startswith("data.repairs")


def test_an_epoch_is_never_sent_to_a_zone(tmp_path: Path) -> None:
    stamps = [str(1667106000 + 3600 * hour) for hour in range(48)]  # from 2022-10-30 05:00 UTC
    stamps[0] = stamps[1] = str(1667098800)  # 03:00, which Athens shows twice
    report = checked(written(tmp_path, rows(stamps)))
    assert next(f for f in report.findings if f.name == "conflicting_duplicates").repair.startswith("data.repairs")


@pytest.mark.parametrize("at", ["last", "first"])
@pytest.mark.parametrize("form", ["offset", "zone"])
def test_one_live_row_leaves_the_dates_of_the_others(form: str, at: str, tmp_path: Path) -> None:
    """Midnights of New York are the sessions' dates; the session that still goes on is the finding."""
    days = pd.bdate_range("2022-03-01", periods=80, tz="America/New_York")
    stamps = [day.isoformat(sep=" ") if form == "offset" else str(day.date()) for day in days]
    live = days[-1] + pd.Timedelta("15h59min58s")
    stamps.append(live.isoformat(sep=" ") if form == "offset" else live.strftime("%Y-%m-%d %H:%M:%S"))
    lines = rows(stamps)
    path = written(tmp_path, lines if at == "last" else lines[::-1])
    options = {"repairs": {"sort": at == "first"}, **({} if form == "offset" else {"zone": "America/New_York"})}
    assert "unfinished_last" in names(checked(path, **options))
    bars = Bars.read(path, **options)
    np.testing.assert_array_equal(bars.time[:-1], days.tz_localize(None).to_numpy())
    assert bars.time[-1] == np.datetime64("2022-06-20T19:59:58")
    assert bars.periods_per_year == 252


def test_every_symbol_has_its_live_row(tmp_path: Path) -> None:
    """Their instants differ by seconds, and each is the unfinished one of its symbol."""
    days = pd.bdate_range("2022-03-01", periods=40, tz="America/New_York")
    lines = []
    for place, symbol in enumerate(("ONE", "TWO", "SIX")):
        live = days[-1] + pd.Timedelta(hours=15, seconds=place)
        lines += rows([day.isoformat(sep=" ") for day in [*days, live]], symbol, place)
    path = written(tmp_path, lines, "time,symbol,open,high,low,close,volume")
    finding = next(f for f in checked(path).findings if f.name == "unfinished_last")
    assert finding.count == 3
    bars = Bars.read(path, repairs={"unfinished_last": "drop"})
    np.testing.assert_array_equal(bars.time, days.tz_localize(None).to_numpy())


def test_hours_are_not_taken_for_dates(tmp_path: Path) -> None:
    stamps = [f"2022-03-{day:02d} {hour:02d}:00:00-05:00" for day in range(1, 11) for hour in (0, 12)]
    assert Bars.read(written(tmp_path, rows(stamps))).time[0] == np.datetime64("2022-03-01T05:00")


def test_a_stray_saturday_moves_no_dates(tmp_path: Path) -> None:
    days = pd.bdate_range("2022-03-01", periods=60, tz="America/New_York")
    days = days.append(pd.DatetimeIndex(["2022-03-19"], tz="America/New_York")).sort_values()
    bars = Bars.read(written(tmp_path, rows([day.isoformat(sep=" ") for day in days])))
    np.testing.assert_array_equal(bars.time, days.tz_localize(None).to_numpy())


def ends(freq: str, hours: list[str]) -> tuple[list[str], np.ndarray]:
    """Sessions of 9:30 to 16:00 in UTC, whose hours end at half past and whose last half hour at 16:00."""
    days = [str(day.date()) for day in pd.bdate_range("2022-01-03", periods=30)]
    starts = np.array([f"{day}T{hour}" for day in days for hour in hours], dtype="datetime64[ns]")
    stops = np.minimum(starts + np.timedelta64(1, freq), starts.astype("datetime64[D]") + np.timedelta64(16, "h"))
    return [str(stop)[:19].replace("T", " ") for stop in stops], starts


def test_a_last_half_hour_starts_where_the_bar_before_it_ends(tmp_path: Path) -> None:
    stamps, starts = ends("h", [f"{hour:02d}:30" for hour in range(9, 16)])
    path = written(tmp_path, rows(stamps))
    bars = Bars.read(path, stamp="end")
    np.testing.assert_array_equal(bars.time, starts)
    assert bars.bar_length == 3_600_000_000_000
    report = checked(path, stamp="end")
    assert (report.start[:16], report.end[:16]) == ("2022-01-03T09:30", "2022-02-11T15:30")
    assert "off_grid" not in names(report)


def test_a_span_of_ends_is_cut_by_the_starts(tmp_path: Path) -> None:
    stamps, starts = ends("h", [f"{hour:02d}:30" for hour in range(9, 16)])
    bars = Bars.read(written(tmp_path, rows(stamps)), stamp="end", start="2022-01-05T10:30", end="2022-01-05T13:30")
    np.testing.assert_array_equal(bars.time, starts[15:18])


@pytest.mark.parametrize("close", ["next midnight", "16:00", "21:00"])
def test_days_stamped_with_their_end_are_their_sessions_dates(close: str, tmp_path: Path) -> None:
    days = pd.bdate_range("2022-01-03", periods=150)
    stops = days + (pd.Timedelta("1D") if close == "next midnight" else pd.Timedelta(f"{close}:00"))
    bars = Bars.read(written(tmp_path, rows(list(stops.strftime("%Y-%m-%d %H:%M:%S")))), stamp="end")
    np.testing.assert_array_equal(bars.time, days.to_numpy())
    assert (bars.calendar.name, bars.periods_per_year) == ("sessions", 252)


def test_ends_of_a_panel_and_of_repeated_rows(tmp_path: Path) -> None:
    stamps = [f"2022-01-03 {hour:02d}:00:00" for hour in range(1, 20)]
    one, two = rows(stamps, "ONE", 1), rows(stamps, "TWO", 2)
    header = "time,symbol,open,high,low,close,volume"
    bars = Bars.read(written(tmp_path, one + two, header), stamp="end")
    assert bars.time[0] == np.datetime64("2022-01-03T00:00")
    assert bars.shape == (19, 2)
    again = Bars.read(
        written(tmp_path, [*one[:5], one[4], *one[5:]], header), stamp="end", repairs={"duplicates": "keep_first"}
    )
    assert len(again) == 19


def test_times_of_day_that_lost_their_zeros_get_them_back(tmp_path: Path) -> None:
    header = "date,clock,open,high,low,close,volume"
    minutes = [minute for day in range(2) for minute in range(0, 24 * 60, 5)]
    for seconds in (True, False):
        stamps, wanted = [], []
        for place, minute in enumerate(minutes):
            day = 3 + place // (24 * 12)
            clock = minute // 60 * 100 + minute % 60
            stamps.append(f"202201{day:02d},{clock * 100 if seconds else clock}")
            wanted.append(np.datetime64("2022-01-01") + np.timedelta64((day - 1) * 1440 + minute, "m"))
        path = written(tmp_path, rows(stamps), header)
        for form in (None, "%Y%m%d %H%M%S" if seconds else "%Y%m%d %H%M"):
            bars = Bars.read(path, columns={"time": "date", "clock": "clock"}, time_format=form)
            np.testing.assert_array_equal(bars.time, np.array(wanted, dtype="datetime64[ns]"))


@pytest.mark.parametrize(
    ("stamp", "form"),
    [("20220103 930", "%Y%m%d %H%M%S"), ("2022013 0930", "%Y%m%d %H%M"), ("202201030930", "%Y%m%d%H%M%S")],
)
def test_digits_that_touch_must_all_be_there(stamp: str, form: str, tmp_path: Path) -> None:
    """strptime reads them as 9:03:00, the third and 9:03:00: in the order of time, so that nothing else is found."""
    before, after = (pd.Timestamp(f"2022-01-03 {hour}").strftime(form) for hour in ("08:00", "10:00"))
    path = written(tmp_path, rows([before, stamp, after]))
    with pytest.raises(DataError, match=rf"data\.time_format: must suit every row .* row 1 does not; got '{stamp}'"):
        Bars.read(path, time_format=form)


def test_a_zone_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    """A damaged file may name one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    time = pa.array([1_650_000_000_000 + 3_600_000 * hour for hour in range(9)], pa.timestamp("ms", tz="Nowhere/Land"))
    price = pa.array([10.0] * 9)
    pq.write_table(
        pa.table({"timestamp": time, **dict.fromkeys(("open", "high", "low", "close"), price)}), tmp_path / "a.parquet"
    )
    with pytest.raises(DataError, match=r"a\.parquet: must name a zone that exists"):
        Bars.read(tmp_path / "a.parquet")
