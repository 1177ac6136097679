"""The ledger: tables, windows, and the folder that it is written to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError, RegimenError, RunError
from regimen.execution import COST_KINDS, Costs, Ledger, Market
from regimen.simulators import Quotes, RegimeMarketConfig

FIELDS = ("equity", "cash", "units", "targets", "turnover", "returns", "exposure", "prices")
COUNTS = ("clips", "liquidations", "unpriced", "ruined", "start_equity", "symbols", "market")


def random_ledger(symbols: int = 2, missing: bool = True, seed: int = 4) -> Ledger:
    rng = np.random.default_rng(seed)
    shape = (80, symbols)
    close = 100.0 * np.exp(np.cumsum(0.03 * rng.standard_normal(shape), axis=0))
    if missing:
        close[rng.random(shape) < 0.1] = np.nan
        close[:3, 0] = np.nan
    bars = bars_of(
        close,
        close,
        volume=np.full(shape, 1e4),
        symbols=tuple("ABCDEF"[:symbols]),
        extras={"funding_rate": np.full(shape, 1e-4)},
    )
    market = Market(costs=Costs(impact_coefficient=1.0, borrow_annual=0.1), participation_cap=0.1, leverage=2.0)
    return market.backtest(bars, rng.normal(0.0, 1.0, shape))


def assert_equal_books(one: Ledger, two: Ledger) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    for name, paid in one.costs.items():
        np.testing.assert_array_equal(paid, two.costs[name], err_msg=name)
    for name in COUNTS:
        assert getattr(one, name) == getattr(two, name), name
    assert one.fills.to_pydict() == two.fills.to_pydict()
    assert one.bars.fingerprint == two.bars.fingerprint


@pytest.mark.parametrize("symbols", [1, 2])
@pytest.mark.parametrize("missing", [False, True])
def test_marks_hold_every_bar_and_symbol(symbols: int, missing: bool) -> None:
    ledger = random_ledger(symbols, missing)
    marks = ledger.marks.to_pydict()
    assert ledger.marks.num_rows == 80 * symbols
    assert marks["symbol"] == list(ledger.symbols) * 80
    assert [stamp.value for stamp in marks["time"]] == np.repeat(ledger.time.astype(np.int64), symbols).tolist()
    pairs = {
        "units": ledger.units,
        "price": ledger.prices,
        "exposure": ledger.exposure,
        "target": ledger.targets,
    }
    for name, values in pairs.items():
        np.testing.assert_array_equal(marks[name], values.ravel())
    held = ledger.exposure * ledger.equity[:, None]
    np.testing.assert_allclose(held.sum(axis=1) + ledger.cash, ledger.equity, rtol=1e-12)


def test_columns_that_exist_already_are_not_copied() -> None:
    ledger = random_ledger(1, missing=False)
    for name, values in (
        ("units", ledger.units),
        ("price", ledger.bars.close),
        ("exposure", ledger.exposure),
    ):
        address = ledger.marks.column(name).chunk(0).buffers()[1].address
        assert address == values.__array_interface__["data"][0], name


def test_arrays_are_read_only() -> None:
    ledger = random_ledger()
    for name in (*FIELDS, *ledger.costs):
        array = getattr(ledger, name) if name in FIELDS else ledger.costs[name]
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


def test_turnover_and_returns_follow_their_definitions() -> None:
    ledger = random_ledger(2, missing=False)
    before = np.append(ledger.start_equity, ledger.equity[:-1])
    np.testing.assert_allclose(ledger.returns, ledger.equity / before - 1.0, rtol=1e-13, atol=1e-16)
    fills = ledger.fills.to_pandas()
    traded = np.zeros(80)
    np.add.at(traded, np.searchsorted(ledger.time, ledger.fills.column("time").to_numpy()), fills["notional"])
    # open = close = mark here, so the equity at the open is the mark's, before what its fills cost
    at_open = ledger.equity + sum(ledger.costs[name] for name in ("commission", "spread", "impact"))
    np.testing.assert_allclose(ledger.turnover, traded / at_open, rtol=1e-12)


@pytest.mark.parametrize(("start", "stop"), [(0, 80), (0, 1), (10, 40), (79, 80)])
def test_a_window_is_a_cut_of_the_whole(start: int, stop: int) -> None:
    ledger = random_ledger()
    part = ledger.window(start, stop)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(part, name), getattr(ledger, name)[start:stop], err_msg=name)
    assert part.start_equity == (ledger.equity[start - 1] if start else ledger.start_equity)
    stamps = [row["time"].value for row in part.fills.to_pylist()]
    inside = ledger.time[start:stop].astype(np.int64).tolist()
    assert stamps == [
        row["time"].value for row in ledger.fills.to_pylist() if inside[0] <= row["time"].value <= inside[-1]
    ]
    assert_equal_books(part.window(0, stop - start), part)


@pytest.mark.parametrize("bounds", [(5, 5), (-1, 3), (0, 81)])
def test_a_window_outside_is_one_line(bounds: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="must satisfy 0 <= start < stop <= 80"):
        random_ledger().window(*bounds)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("symbols", [1, 2])
def test_a_ledger_comes_back_from_disk_with_every_bit(tmp_path: Path, symbols: int, cut: bool) -> None:
    ledger = random_ledger(symbols)
    if cut:
        # the first bar of the window is missing, so its mark comes from before the window
        ledger = ledger.window(int(np.flatnonzero(np.isnan(ledger.bars.close[:, 0]))[3]), 70)
        assert not np.isnan(ledger.prices[0, 0])
    ledger.write(tmp_path / "ledger")
    ledger.write(tmp_path / "ledger")  # replaces itself
    assert [path.name for path in tmp_path.iterdir()] == ["ledger"]
    back = Ledger.read(tmp_path / "ledger")
    assert_equal_books(ledger, back)
    assert_equal_books(ledger, Ledger.read(tmp_path / "ledger", ledger.bars))
    if not cut:
        assert_equal_books(back, back.market.build().backtest(back.bars, back.targets))


def test_a_cost_that_is_not_charged_is_in_no_book_and_no_file(tmp_path: Path) -> None:
    """Ledgers, judgements and configs from before there was a stamp duty stay what they are, to the byte."""
    ledger = random_ledger()
    before = ["commission", "spread", "impact", "borrow", "financing", "funding"]
    assert list(ledger.costs) == before
    assert ledger.fills.column_names[3:] == ["price", "notional", *before[:3], "participation", "reason"]
    ledger.write(tmp_path / "ledger")
    assert "stamp_duty" not in (tmp_path / "ledger" / "ledger.json").read_text()
    assert pq.read_schema(tmp_path / "ledger" / "account.parquet").names[-6:] == before
    for costs in (Costs(), Costs(venue="coinbase"), Costs.none()):
        assert "stamp_duty_bps" not in costs.model_dump()
        assert Costs(**costs.model_dump()) == costs


def test_a_ledger_with_stamp_duty_comes_back_from_disk(tmp_path: Path) -> None:
    plain = random_ledger()
    market = Market(plain.market, costs=Costs(stamp_duty_bps=5.0))
    ledger = market.backtest(plain.bars, plain.targets)
    assert list(ledger.costs) == list(COST_KINDS)
    assert market.costs.model_dump()["stamp_duty_bps"] == 5.0
    ledger.write(tmp_path / "ledger")
    back = Ledger.read(tmp_path / "ledger")
    assert_equal_books(ledger, back)
    sold = ledger.fills.to_pandas().query("units < 0.0")
    assert ledger.costs["stamp_duty"].sum() == pytest.approx(sold["stamp_duty"].sum())
    assert ledger.costs["stamp_duty"].sum() == pytest.approx(5e-4 * sold["notional"].sum())


def test_the_ledger_of_a_window_keeps_the_bars_a_year_of_its_series(tmp_path: Path) -> None:
    """Three days of a coin whose quiet hours are left out have as many bars a year as its two years."""
    hours = np.datetime64("2022-01-01", "ns") + np.arange(2 * 8760) * np.timedelta64(1, "h")
    hours = hours[(np.random.default_rng(6).random(len(hours)) < 0.6) | (np.arange(len(hours)) < 2)]
    price = np.full(len(hours), 10.0)
    part = Bars.from_arrays(hours, open=price, high=price, low=price, close=price, checked=False).window(500, 540)
    Market(costs=Costs.none()).backtest(part, np.ones(40)).write(tmp_path / "ledger")
    back = Ledger.read(tmp_path / "ledger").bars
    assert back.periods_per_year == part.periods_per_year == pytest.approx(0.6 * 8760, rel=0.02)
    assert back.calendar == part.calendar


def test_a_ledger_of_other_bars_is_refused(tmp_path: Path) -> None:
    random_ledger(seed=1).write(tmp_path / "ledger")
    with pytest.raises(DataError, match="another fingerprint"):
        Ledger.read(tmp_path / "ledger", random_ledger(seed=2).bars)


@pytest.mark.parametrize("name", ["ledger.json", "account.parquet", "marks.parquet", "fills.parquet", "bars.parquet"])
def test_a_damaged_ledger_is_one_line(tmp_path: Path, name: str) -> None:
    random_ledger().write(tmp_path / "ledger")
    (tmp_path / "ledger" / name).write_bytes(b"{}")
    with pytest.raises(RunError, match="must be complete and undamaged") as caught:
        Ledger.read(tmp_path / "ledger")
    assert "\n" not in str(caught.value)
    (tmp_path / "ledger" / name).unlink()
    with pytest.raises(RunError, match="must"):
        Ledger.read(tmp_path / "ledger")


@pytest.mark.parametrize("value", ["1e999", "-1e999", "NaN", "9" * 30, "null", '"1h"'])
@pytest.mark.parametrize("field", ["bar_length", "listing"])
def test_a_number_that_is_none_is_one_line(tmp_path: Path, field: str, value: str) -> None:
    random_ledger().write(tmp_path / "ledger")
    head = tmp_path / "ledger" / "ledger.json"
    saved = json.loads(head.read_text())
    assert field in saved
    saved[field] = "VALUE" if field == "bar_length" else [["VALUE", 0], [0, 0]]
    head.write_text(json.dumps(saved).replace('"VALUE"', value))
    with pytest.raises(RegimenError) as caught:
        Ledger.read(tmp_path / "ledger")
    assert "\n" not in str(caught.value)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="must be absent, empty or hold a ledger"):
        random_ledger().write(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RunError, match="must be"):
        random_ledger().write(tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


def test_more_fills_than_the_first_buffers_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = random_ledger(3)
    monkeypatch.setattr("regimen.execution.backtest._ROOM", 7)
    assert_equal_books(random_ledger(3), whole)


def test_a_backtest_can_start_and_stop_anywhere() -> None:
    whole = random_ledger(2, missing=False)
    market = Market(costs=Costs(), leverage=2.0)
    part = market.backtest(whole.bars, whole.targets, 20, 60)
    alone = market.backtest(whole.bars.window(20, 60), whole.targets[20:60])
    assert_equal_books(part, alone)
    with pytest.raises(ConfigError, match="must satisfy 0 <= start < stop <= 80"):
        market.backtest(whole.bars, whole.targets, 20, 81)


def assert_minutes_balance(bars: Bars) -> None:
    """A position taken anew every hour, in the last minute's direction: cash and holdings are equity at each minute."""
    trend = np.sign(np.diff(bars.close[:, 0], prepend=bars.close[0, 0]))
    trend[np.arange(len(bars)) % 60 != 0] = np.nan
    market = Market(costs=Costs(impact_coefficient=1.0), participation_cap=0.1, initial_cash=1e5)
    ledger = market.backtest(bars, trend)
    assert ledger.fills.num_rows > 1000
    held = (ledger.units * ledger.prices).sum(axis=1)
    assert (np.abs(ledger.cash + held - ledger.equity) <= 1e-9 * (np.abs(held) + ledger.equity)).all()


def test_a_simulated_market_by_the_minute() -> None:
    quotes = Quotes(bar_length="1m", price=9_000.0, volume=20.0)
    assert_minutes_balance(RegimeMarketConfig(volatility=6e-4, quotes=quotes).simulate(120_000, 5).bars)


def test_bitcoin_by_the_minute(shared_data: Path) -> None:
    files = sorted((shared_data / "crypto").glob("*1m*.parquet"))
    if not files:
        pytest.skip("no one-minute file")
    table = pq.read_table(files[0])
    stamp = "timestamp" if "timestamp" in table.column_names else table.column_names[0]
    columns = {name: table.column(name).to_numpy() for name in ("open", "high", "low", "close", "volume")}
    assert_minutes_balance(Bars.from_arrays(table.column(stamp).to_numpy(), **columns, checked=False))
