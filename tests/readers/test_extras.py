"""Values of other files: joined to the right bar, refused where they cannot be, and named where they are odd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import CheckReport, DataConfig
from regimen.errors import ConfigError, DataError, RegimenError
from regimen.readers import check, load_with_report

DAYS = 40
HOURS = pd.date_range("2023-03-01", periods=24 * DAYS, freq="1h", tz="UTC")
EIGHTS = HOURS[::8]


def prices(count: int = len(HOURS), seed: int = 3) -> pd.DataFrame:
    close = 20 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.004, count)))
    opened = np.concatenate(([20.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 5.0})


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.parquet"
    prices().assign(timestamp=HOURS).to_parquet(path)
    return path


def funding(path: Path, rates: Any = 0.0001, time: pd.DatetimeIndex = EIGHTS, **columns: Any) -> Path:
    pd.DataFrame({"timestamp": time, **columns, "funding_rate": rates}).to_csv(path, index=False)
    return path


def config(bars: Path, extra: Path, name: str = "funding_rate", **options: Any) -> DataConfig:
    return DataConfig.of(path=str(bars), extras={name: {"path": str(extra), **options}})


def findings(report: CheckReport) -> dict[str, str]:
    return {finding.name: finding.sentence for finding in report.findings}


def refused(settings: DataConfig) -> str:
    """The line with which `check` refuses, which must be the one of `load_with_report`."""
    with pytest.raises(RegimenError) as checked:
        check(settings)
    with pytest.raises(type(checked.value)) as loaded:
        load_with_report(settings)
    assert str(checked.value) == str(loaded.value)
    assert "\n" not in str(checked.value)
    return str(checked.value)


def test_a_check_refuses_what_training_would(bars: Path, tmp_path: Path) -> None:
    line = refused(config(bars, tmp_path / "none.parquet"))
    assert line.startswith("data.extras.funding_rate.path: must be an existing file")
    for rule in ("7min", "1h"):
        assert refused(DataConfig.of(path=str(bars), resample=rule)).startswith("data.resample: must be a longer")
    assert refused(DataConfig.of(path=str(bars), resample="400d")).startswith("data.resample: must leave at least two")
    assert not check(DataConfig.of(path=str(bars), resample="4h")).refused


def test_a_check_sees_the_bars_that_the_options_make(bars: Path) -> None:
    """The report is that of the loaded bars, notes and findings included."""
    settings = DataConfig.of(path=str(bars), resample="4h", extras={"oi": str(bars)})
    with pytest.raises(DataError, match=r"data\.extras\.oi: has several values"):
        check(settings)
    plain = DataConfig.of(path=str(bars), resample="4h")
    assert check(plain) == load_with_report(plain).report


@pytest.mark.parametrize("shift", ["-400 days", "400 days"])
def test_funding_of_another_time_is_refused(bars: Path, tmp_path: Path, shift: str) -> None:
    file = funding(tmp_path / "f.csv", time=EIGHTS + pd.Timedelta(shift))
    line = refused(config(bars, file))
    assert f"0 of {len(EIGHTS)} fall in one" in line
    assert str((EIGHTS[0] + pd.Timedelta(shift)).date()) in line


def test_funding_that_ends_before_the_bars_is_told(bars: Path, tmp_path: Path) -> None:
    report = check(config(bars, funding(tmp_path / "f.csv", time=EIGHTS[:60])))
    assert "asset: 2023-03-01 to 2023-03-20 16:00:00" in findings(report)["extra_coverage"]
    assert "extra_coverage" not in findings(check(config(bars, funding(tmp_path / "g.csv"))))


@pytest.mark.parametrize("form", ["{:.4f}%", "{:.4f} %", "+{:.4f}%"])
def test_percent_that_is_written_is_read(bars: Path, tmp_path: Path, form: str) -> None:
    percents = np.arange(1, len(EIGHTS) + 1) / 1e4
    file = funding(tmp_path / "f.csv", [form.format(value) for value in percents])
    loaded = load_with_report(config(bars, file))
    np.testing.assert_allclose(loaded.bars.extras["funding_rate"][::8, 0], percents / 100, rtol=1e-14)
    assert "funding_in_percent" not in findings(loaded.report)


def test_a_decimal_comma_and_a_missing_header(bars: Path, tmp_path: Path) -> None:
    rows = [f"{stamp:%Y-%m-%d %H:%M};0,0100%" for stamp in EIGHTS]
    (tmp_path / "f.csv").write_text("\n".join(rows))
    (tmp_path / "g.csv").write_text("\n".join(["time;rate", *rows]))
    assert "data.extras.funding_rate.decimal=','" in refused(config(bars, tmp_path / "g.csv"))
    for name in ("f.csv", "g.csv"):
        loaded = load_with_report(config(bars, tmp_path / name, decimal=","))
        np.testing.assert_allclose(loaded.bars.extras["funding_rate"][::8, 0], 0.0001)


def test_a_footer_of_an_extra_is_said(bars: Path, tmp_path: Path) -> None:
    file = funding(tmp_path / "f.csv")
    file.write_text(file.read_text() + "Downloaded from Some Site\n")
    notes = check(config(bars, file)).assumptions
    assert "funding_rate: text below the last row is left out: Downloaded from Some Site" in notes


def test_values_between_the_bars_are_told_to_move(tmp_path: Path) -> None:
    """Daily values at midnight, and sessions that open later."""
    sessions = HOURS[(HOURS.hour >= 14) & (HOURS.hour < 21) & (HOURS.day_of_week < 5)]
    prices(len(sessions)).assign(timestamp=sessions).to_parquet(tmp_path / "s.parquet")
    pd.DataFrame({"date": HOURS[::24], "mood": 0.5}).to_csv(tmp_path / "m.csv", index=False)
    line = refused(config(tmp_path / "s.parquet", tmp_path / "m.csv", "mood"))
    assert "between the bars: data.extras.mood.delay moves" in line
    assert not check(config(tmp_path / "s.parquet", tmp_path / "m.csv", "mood", delay="38h")).refused


@pytest.mark.parametrize(("rate", "hours"), [(0.01, 8), (0.003, 4), (0.0125, 1), (0.02, 24)])
def test_percent_that_is_not_written_is_told(bars: Path, tmp_path: Path, rate: float, hours: int) -> None:
    time = HOURS[::hours]
    rates = np.where(np.arange(len(time)) % 7, rate, -rate)
    report = check(config(bars, funding(tmp_path / "f.csv", rates, time)))
    assert f"{rate:g} each" in findings(report)["funding_in_percent"]
    assert "data.extras.funding_rate.scale=0.01" in {finding.repair for finding in report.findings}
    scaled = load_with_report(config(bars, tmp_path / "f.csv", scale=0.01))
    assert "funding_in_percent" not in findings(scaled.report)
    np.testing.assert_allclose(scaled.bars.extras["funding_rate"][::hours, 0], rates / 100)


def test_dear_but_possible_funding_is_no_percent(bars: Path, tmp_path: Path) -> None:
    """A squeeze of 0.75 % at times, in a market that pays 0.05 %."""
    rates = np.where(np.arange(len(EIGHTS)) % 10 == 0, 0.0075, 0.0005)
    assert not check(config(bars, funding(tmp_path / "f.csv", rates))).findings


@pytest.mark.parametrize("offset", ["-3ms", "-999ms", "0ms", "4ms", "17ms", "900ms"])
def test_a_rate_stamped_around_the_hour_belongs_to_its_bar(bars: Path, tmp_path: Path, offset: str) -> None:
    file = funding(tmp_path / "f.csv", time=EIGHTS + pd.Timedelta(offset))
    column = load_with_report(config(bars, file)).bars.extras["funding_rate"][:, 0]
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(column)), np.arange(0, len(HOURS), 8))


def test_other_values_wait_for_nothing_but_their_stamp(bars: Path, tmp_path: Path) -> None:
    """The hour's open interest, stamped a millisecond before its end, is the hour's and not the next one's."""
    time = HOURS + pd.Timedelta("59min 59s 999ms")
    frame = pd.DataFrame({"timestamp": time, "open_interest": np.arange(1.0, len(HOURS) + 1)})
    frame.to_csv(tmp_path / "oi.csv", index=False)
    column = load_with_report(config(bars, tmp_path / "oi.csv", "open_interest")).bars.extras["open_interest"]
    np.testing.assert_array_equal(column[:, 0], np.arange(1.0, len(HOURS) + 1))


BAD_VALUES: dict[str, tuple[str, float, str]] = {
    "an infinite rate": ("funding_rate", np.inf, "must be finite; row 5"),
    "an infinite sentiment": ("mood", -np.inf, "must be finite; row 5"),
    "a rate above the position": ("funding_rate", 1.5, "a fraction between -1 and 1"),
    "an overflow": ("mood", -1.27e21, "no overflow"),
    "an adjusted close below zero": ("adj_close", -1.27e21, "must be positive"),
    "an adjusted close without end": ("adj_close", 1.27e21, "no overflow"),
    "an open interest below zero": ("open_interest", -4.0, "zero or positive"),
}


@pytest.mark.parametrize("case", sorted(BAD_VALUES))
def test_impossible_values_of_a_file_are_refused(bars: Path, tmp_path: Path, case: str) -> None:
    name, value, told = BAD_VALUES[case]
    values = np.full(len(HOURS), 0.5)
    values[5] = value
    pd.DataFrame({"timestamp": HOURS, name: values}).to_csv(tmp_path / "x.csv", index=False)
    line = refused(config(bars, tmp_path / "x.csv", name))
    assert line.startswith(f"data.extras.{name}: ")
    assert told in line


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("funding_rate", -2.0, "refuse"),
        ("adjustment", 0.0, "refuse"),
        ("adjustment", np.nan, "refuse"),
        ("adj_close", -1.27e21, "warn"),
        ("adj_close", 1e9, "warn"),
        ("bid", 0.0, "warn"),
    ],
)
def test_impossible_extras_beside_the_prices_are_found(tmp_path: Path, name: str, value: float, severity: str) -> None:
    frame = prices().assign(timestamp=HOURS)
    frame[name] = 0.5 if name in ("funding_rate", "adjustment") else frame["close"]
    frame[name] *= 0.0001 if name == "funding_rate" else 1.0
    path = tmp_path / "bars.parquet"
    frame.to_parquet(path)
    assert not check(DataConfig.of(path=str(path))).findings
    frame.loc[7, name] = value
    frame.to_parquet(path)
    report = check(DataConfig.of(path=str(path)))
    found = [finding for finding in report.findings if finding.name == "impossible_extras"]
    assert [finding.severity for finding in found] == [severity]
    assert found[0].rows[0] == 7
    assert report.refused == (severity == "refuse")
    if report.refused:
        with pytest.raises(DataError, match="impossible_extras"):
            load_with_report(DataConfig.of(path=str(path)))


@pytest.mark.parametrize("step", ["1D", "7D"])
def test_a_value_of_the_day_is_known_at_its_end(bars: Path, tmp_path: Path, step: str) -> None:
    time = pd.date_range("2023-03-01", "2023-04-10", freq=step, tz="UTC")
    pd.DataFrame({"date": time, "mood": 0.5}).to_csv(tmp_path / "m.csv", index=False)
    report = check(config(bars, tmp_path / "m.csv", "mood"))
    wanted = f"data.extras.mood.delay={step.lower()}"
    assert [finding.repair for finding in report.findings if finding.name == "early_extra"] == [wanted]
    assert not check(config(bars, tmp_path / "m.csv", "mood", delay=step.lower())).findings


def test_daily_bars_may_see_the_value_of_their_day(tmp_path: Path, bars: Path) -> None:
    """It is known when their day ends, and so are they, resampled or not."""
    days = HOURS[::24]
    prices(DAYS).assign(timestamp=days).to_parquet(tmp_path / "d.parquet")
    pd.DataFrame({"date": days, "mood": 0.5}).to_csv(tmp_path / "m.csv", index=False)
    assert not check(config(tmp_path / "d.parquet", tmp_path / "m.csv", "mood")).findings
    settings = config(bars, tmp_path / "m.csv", "mood").model_copy(update={"resample": "1d"})
    assert not check(settings).findings


def test_exchanges_names_for_the_funding_are_known(bars: Path, tmp_path: Path) -> None:
    """Binance's history: calc_time in ms and a second number beside the rate; and its API, with one symbol."""
    millis = EIGHTS.astype("int64") // 10**6
    history = pd.DataFrame({"calc_time": millis, "funding_interval_hours": 8, "last_funding_rate": 0.0001})
    api = pd.DataFrame({"symbol": "ABCUSDT", "fundingTime": millis, "fundingRate": 0.0001, "markPrice": 20.0})
    for number, frame in enumerate((history, api)):
        frame.to_csv(tmp_path / f"{number}.csv", index=False)
        loaded = load_with_report(config(bars, tmp_path / f"{number}.csv"))
        assert np.nansum(loaded.bars.extras["funding_rate"]) == pytest.approx(0.0001 * len(EIGHTS))
    assert any("values of ABCUSDT are taken" in note for note in loaded.report.assumptions)


def test_a_local_clock_needs_its_zone(bars: Path, tmp_path: Path) -> None:
    file = funding(tmp_path / "f.csv", time=EIGHTS.tz_convert("Asia/Tokyo").tz_localize(None))
    naive = check(config(bars, file)).assumptions
    assert any("set data.extras.funding_rate.zone" in note for note in naive)
    column = load_with_report(config(bars, file, zone="Asia/Tokyo")).bars.extras["funding_rate"][:, 0]
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(column)), np.arange(0, len(HOURS), 8))
    with pytest.raises(ConfigError, match=r"data\.extras\.funding_rate\.zone: must be an IANA name"):
        config(bars, file, zone="Mars")


def test_a_panel_takes_each_symbols_values(tmp_path: Path) -> None:
    frames = [prices(seed=seed).assign(timestamp=HOURS, symbol=name) for seed, name in enumerate("ABC")]
    pd.concat(frames).to_parquet(tmp_path / "p.parquet")
    rates = [funding(tmp_path / f"{name}.csv", 0.0001 * (k + 1), symbol=name) for k, name in enumerate("AB")]
    pd.concat([pd.read_csv(path) for path in rates]).to_csv(tmp_path / "f.csv", index=False)
    loaded = load_with_report(config(tmp_path / "p.parquet", tmp_path / "f.csv"))
    column = loaded.bars.extras["funding_rate"]
    np.testing.assert_allclose(np.nanmax(column[:, :2], axis=0), [0.0001, 0.0002])
    assert np.isnan(column[:, 2]).all()
    assert "1 of 3 symbol(s): C has none" in findings(loaded.report)["extra_coverage"]
    assert "must have a symbol column" in refused(config(tmp_path / "p.parquet", funding(tmp_path / "g.csv")))
    line = refused(config(tmp_path / "p.parquet", funding(tmp_path / "h.csv", symbol="A/USDT:USDT")))
    assert "must name symbols of the bars (A, B, C)" in line
    assert "A/USDT:USDT" in line


def test_a_named_series_does_not_take_another_symbols_funding(bars: Path, tmp_path: Path) -> None:
    settings = config(bars, funding(tmp_path / "f.csv", symbol="ETHUSDT")).model_copy(update={"symbols": ("BTC",)})
    assert "must name symbols of the bars (BTC)" in refused(settings)


def in_panel(folder: Path, rates: dict[str, np.ndarray]) -> DataConfig:
    """A panel of as many symbols, and their funding in one file."""
    panel = pd.concat([prices(len(HOURS)).assign(timestamp=HOURS, symbol=name) for name in rates])
    panel.to_parquet(folder / "panel.parquet")
    frames = [pd.DataFrame({"time": EIGHTS, "symbol": name, "funding_rate": rate}) for name, rate in rates.items()]
    pd.concat(frames).to_csv(folder / "f.csv", index=False)
    return config(folder / "panel.parquet", folder / "f.csv")


def test_percent_of_one_symbol_among_others_is_told(tmp_path: Path) -> None:
    """The others' fractions do not hide it, and one scale for all of them would be wrong."""
    rate = np.full(len(EIGHTS), 0.0001)
    report = check(in_panel(tmp_path, {"A": rate, "B": 100 * rate, "C": rate, "D": rate}))
    assert "those of 1 of 4 symbols look like percent: 0.01 each 8h" in findings(report)["funding_in_percent"]
    assert "data.extras.funding_rate.scale=0.01" not in {finding.repair for finding in report.findings}
    report = check(in_panel(tmp_path, {"A": 100 * rate, "B": 100 * rate}))
    assert "data.extras.funding_rate.scale=0.01" in {finding.repair for finding in report.findings}
    assert "funding_in_percent" not in findings(check(in_panel(tmp_path, {"A": rate, "B": rate})))


@pytest.mark.parametrize("other", [0.0001, 0.0003])
def test_funding_that_is_there_twice_is_refused(bars: Path, tmp_path: Path, other: float) -> None:
    """Two exports in one file, which overlap: it would be paid twice. Two symbols at one time are no repetition."""
    frame = pd.DataFrame({"time": EIGHTS, "funding_rate": 0.0001})
    pd.concat([frame, frame[40:50].assign(funding_rate=other)]).to_csv(tmp_path / "f.csv", index=False)
    line = refused(config(bars, tmp_path / "f.csv"))
    assert f"10 row(s) of f.csv repeat one, the first is row {len(EIGHTS)}" in line
    assert line.endswith(f"got '{EIGHTS[40]:%Y-%m-%d %H:%M:%S}'".replace(" 00:00:00", ""))
