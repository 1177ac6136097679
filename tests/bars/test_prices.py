"""Prices that no market makes are refused, what a market does make passes, and no repair leaves them in the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import DataConfig, Finding
from regimen.readers import check, load_with_report

PRICES = ["open", "high", "low", "close"]
Plant = Callable[[pd.DataFrame], pd.DataFrame]


def market(freq: str = "B", count: int = 400, sigma: float = 0.02, seed: int = 3, night: bool = True) -> pd.DataFrame:
    """A plausible series: stocks (with a step over night) or a market that never closes."""
    generator = np.random.default_rng(seed)
    over = generator.normal(0, sigma / 2, count) if night else np.zeros(count)
    within = generator.normal(0, sigma, count)
    opened = 40 * np.exp(np.cumsum(over) + np.cumsum(within) - within)
    close = opened * np.exp(within)
    wick = np.abs(generator.normal(0, sigma / 2, (2, count)))
    return pd.DataFrame(
        {
            "timestamp": pd.date_range("2021-01-04", periods=count, freq=freq, tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * (1 + wick[0]),
            "low": np.minimum(opened, close) * (1 - wick[1]),
            "close": close,
            "volume": generator.uniform(5e5, 1.5e6, count),
        }
    )


def hours(count: int = 600) -> pd.DataFrame:
    return market("1h", count, 0.005, night=False)


def minutes() -> pd.DataFrame:
    return market("1min", 3000, 0.0006, night=False)


def sessions_of_hours() -> pd.DataFrame:
    frame = market("1h", 6000, 0.004)
    frame = frame[(frame["timestamp"].dt.day_of_week < 5) & frame["timestamp"].dt.hour.between(14, 20)]
    return frame.reset_index(drop=True)


def look(frame: pd.DataFrame, folder: Path, **options: Any) -> dict[str, Finding]:
    path = folder / "bars.parquet"
    frame.to_parquet(path)
    return {finding.name: finding for finding in check(DataConfig.of(path=str(path), **options)).findings}


def refusing(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.severity == "refuse"}


def times(rows: list[int], *factors: float, columns: list[str] = PRICES) -> Plant:
    """Multiplies prices of rows by a factor (each row its own, or all the same)."""

    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        factor = np.array(factors if len(factors) == len(rows) else factors * len(rows))
        frame.loc[rows, columns] = frame.loc[rows, columns].to_numpy() * factor[:, None]
        frame["high"] = frame[PRICES].max(axis=1)
        frame["low"] = frame[PRICES].min(axis=1)
        return frame

    return plant


def split(row: int, units: float, fall: float = 0.0, busy: float = 1.0) -> Plant:
    """New units for one old from a row on, while the price also falls by a share and more is traded."""

    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[row:, PRICES] *= (1 - fall) / units
        frame.loc[row:, "volume"] *= units
        frame.loc[row, "volume"] *= busy
        return frame

    return plant


def both(*plants: Plant) -> Plant:
    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        for one in plants:
            frame = one(frame)
        return frame

    return plant


TICKS: dict[str, tuple[Callable[[], pd.DataFrame], Plant, tuple[int, ...]]] = {
    "one row x100": (market, times([200], 100), (200,)),
    "one row /100": (market, times([200], 0.01), (200,)),
    "one row x2": (market, times([200], 2.0), (200,)),
    "rows in a row": (market, times([200, 201, 202], 100), (200, 201, 202)),
    "three places": (market, times([60, 61, 63, 140], 100), (60, 61, 63, 140)),
    "it decays": (market, times([200, 201, 202], 100, 20, 4), (200, 201, 202)),
    "the close alone": (market, times([200], 100, columns=["close"]), (200,)),
    "the open alone": (market, times([200], 0.01, columns=["open"]), (200,)),
    "two closes": (market, times([200, 201], 100, columns=["close"]), (200, 201)),
    "the first row": (market, times([0], 100), (0,)),
    "the last rows": (market, times([398, 399], 100), (398, 399)),
    "hours": (hours, times([300], 10), (300,)),
    "minutes": (minutes, times([1500, 1501], 0.01), (1500, 1501)),
    "hours of sessions": (sessions_of_hours, times([700], 100), (700,)),
    "thousands of units": (hours, times([300, 301, 302, 303], 1000), (300, 301, 302, 303)),
}


@pytest.mark.parametrize("name", list(TICKS))
def test_a_price_that_is_taken_back_is_a_bad_tick(name: str, tmp_path: Path) -> None:
    series, plant, rows = TICKS[name]
    frame = plant(series())
    found = look(frame, tmp_path)
    assert refusing(found) == {"bad_ticks"}
    assert found["bad_ticks"].rows == rows
    assert found["bad_ticks"].repair == "data.repairs.bad_ticks=drop"
    loaded = load_with_report(DataConfig.of(path=str(tmp_path / "bars.parquet"), repairs={"bad_ticks": "drop"}))
    assert len(loaded.bars) == len(frame) - len(rows)
    assert np.abs(np.diff(np.log(loaded.bars.close[:, 0]))).max() < 0.3
    assert [(done.name, done.count) for done in loaded.report.applied] == [("bad_ticks", len(rows))]
    assert look(frame, tmp_path, repairs={"bad_ticks": "keep"}).keys().isdisjoint({"bad_ticks", "jumps", "splits"})


def test_a_bad_tick_among_closes_alone_and_in_one_symbol_of_a_panel(tmp_path: Path) -> None:
    closes = times([200], 100)(hours())[["timestamp", "close"]]
    found = look(closes, tmp_path, close_only=True)
    assert (refusing(found), found["bad_ticks"].rows) == ({"bad_ticks"}, (200,))
    assert not refusing(look(closes, tmp_path, close_only=True, repairs={"bad_ticks": "drop"}))
    good, bad = market().assign(symbol="A"), times([0, 250], 100)(market(seed=5)).assign(symbol="B")
    found = look(pd.concat([good, bad], ignore_index=True), tmp_path)
    assert (refusing(found), found["bad_ticks"].rows) == ({"bad_ticks"}, (400, 650))
    assert found["bad_ticks"].stamps[0].endswith(" B")


UNEXPLAINED: dict[str, tuple[Callable[[], pd.DataFrame], Plant]] = {
    "1:20 and a fall": (market, split(200, 1 / 20, fall=0.13)),
    "1:20, a fall, much traded": (market, split(200, 1 / 20, fall=0.14, busy=8.0)),
    "1:190": (market, split(200, 1 / 190)),
    "1:190 and a fall by a third": (market, split(200, 1 / 190, fall=1 / 3)),
    "20:1 and a fall": (market, split(200, 20, fall=0.15)),
    "the last row": (market, split(399, 1 / 17, fall=0.2)),
    "7:2": (market, split(200, 3.5)),
    "hours": (hours, split(300, 1 / 23, fall=0.2)),
    "hours of sessions": (sessions_of_hours, split(700, 1 / 20, fall=0.13)),
}


@pytest.mark.parametrize("name", list(UNEXPLAINED))
def test_a_jump_that_nothing_explains_refuses_and_is_not_adjusted_by_a_guess(name: str, tmp_path: Path) -> None:
    series, plant = UNEXPLAINED[name]
    frame = plant(series())
    found = look(frame, tmp_path)
    assert refusing(found) == {"jumps"}
    assert found["jumps"].repair == ""
    for repairs in ({"splits": "adjust"}, {"splits": "keep"}, {"bad_ticks": "drop"}):
        assert "jumps" in refusing(look(frame, tmp_path, repairs=repairs))
    assert not refusing(look(frame, tmp_path, repairs={"jumps": "keep"}))


SPLITS: dict[str, tuple[Callable[[], pd.DataFrame], Plant, str, int]] = {
    "2:1": (market, split(200, 2), "2:1", 1),
    "5:2": (market, split(200, 2.5), "5:2", 1),
    "1:10 and a dividend": (market, split(200, 1 / 10, fall=0.02), "1:10", 1),
    "20:1 on a busy day": (market, split(200, 20, busy=3.0), "20:1", 1),
    "twice the same way": (market, both(split(100, 4), split(350, 4)), "4:1, 4:1", 2),
    "the last row": (market, split(399, 4), "4:1", 1),
    "7:1 in hours of sessions": (sessions_of_hours, split(700, 7), "7:1", 1),
    "a token renamed 1000:1": (hours, split(300, 1000), "1000:1", 1),
}


@pytest.mark.parametrize("name", list(SPLITS))
def test_a_split_refuses_and_is_adjusted_on_demand(name: str, tmp_path: Path) -> None:
    series, plant, words, count = SPLITS[name]
    frame = plant(series())
    found = look(frame, tmp_path)
    assert refusing(found) == {"splits"}
    assert (found["splits"].count, f"({words})" in found["splits"].sentence) == (count, True)
    assert found["splits"].repair == "data.adjust=... or data.repairs.splits=adjust"
    loaded = load_with_report(DataConfig.of(path=str(tmp_path / "bars.parquet"), repairs={"splits": "adjust"}))
    assert np.abs(np.diff(np.log(loaded.bars.adjusted().close[:, 0]))).max() < 0.3


def test_three_for_two_only_warns(tmp_path: Path) -> None:
    found = look(split(200, 1.5)(market()), tmp_path)
    assert (found["splits"].severity, "(3:2)" in found["splits"].sentence) == ("warn", True)
    assert "splits" not in look(split(200, 1 / 1.5)(market()), tmp_path)  # nobody merges three shares into two


@pytest.mark.parametrize("factor", [10.0, 2.0])
@pytest.mark.parametrize("longest", [30, 3, 1])
@pytest.mark.parametrize("series", [market, hours])
def test_an_adjustment_that_flips_is_never_offered_as_splits(
    series: Callable[[], pd.DataFrame], longest: int, factor: float, tmp_path: Path
) -> None:
    frame, scaled = series(), False
    generator = np.random.default_rng(8)
    row = 20
    while row < len(frame) - 20:
        length = int(generator.integers(1, longest + 1))
        if scaled:
            frame.loc[row : row + length - 1, PRICES] *= factor
        row, scaled = row + length, not scaled
    found = look(frame, tmp_path)
    assert "jumps" in refusing(found)
    assert "up and down in turn" in found["jumps"].sentence
    assert not any("splits" in finding.repair or "bad_ticks" in finding.repair for finding in found.values())
    for repairs in ({"splits": "adjust"}, {"bad_ticks": "drop"}, {"splits": "adjust", "bad_ticks": "drop"}):
        assert "jumps" in refusing(look(frame, tmp_path, repairs=repairs))


def test_a_long_stretch_in_another_unit_is_no_pair_of_splits(tmp_path: Path) -> None:
    found = look(times(list(range(100, 160)), 100)(market()), tmp_path)
    assert (refusing(found), found["jumps"].count, found["jumps"].repair) == ({"jumps"}, 2, "")
    apart = look(both(split(50, 2), split(1200, 1 / 2))(market(count=1400)), tmp_path)
    assert refusing(apart) == {"splits"}  # four and a half years


def _squeeze(frame: pd.DataFrame) -> pd.DataFrame:
    """+135 % over night on ten times the volume, and half of it lost within a week."""
    frame.loc[200:, PRICES] *= 2.35
    frame.loc[200, "volume"] *= 10
    frame.loc[203:, PRICES] /= 1.5
    return frame


def _lost_again(frame: pd.DataFrame) -> pd.DataFrame:
    """+135 % over night on ten times the volume, and all of it lost two nights later."""
    frame.loc[200:201, PRICES] *= 2.35
    frame.loc[200, "volume"] *= 10
    return frame


def _news(frame: pd.DataFrame) -> pd.DataFrame:
    """A failed trial: the stock opens 78 % lower, on forty times the volume."""
    frame.loc[200:, PRICES] *= 0.22
    frame.loc[200, "volume"] *= 40
    return frame


def _death_of_a_coin(frame: pd.DataFrame) -> pd.DataFrame:
    """-95 % within a bar, in a week that was wild before."""
    path = np.concatenate((np.ones(300), np.linspace(1, 0.5, 20), np.geomspace(0.5, 0.002, 10)))
    path = np.concatenate((path, np.full(len(frame) - len(path), 0.002)))
    path[325] = path[324] * 0.05
    path[326:] *= 0.05
    before = np.concatenate(([1.0], path[:-1]))
    frame["open"] *= before
    frame["close"] *= path
    frame["high"] = frame[["open", "close"]].max(axis=1)
    frame["low"] = frame[["open", "close"]].min(axis=1)
    return frame


def _pump(frame: pd.DataFrame) -> pd.DataFrame:
    """x3 within an hour and back within three: real in small coins, and within the bars."""
    path = np.ones(len(frame))
    path[300:303] = (3.0, 2.1, 1.3)
    before = np.concatenate(([1.0], path[:-1]))
    frame["open"] *= before
    frame["close"] *= path
    frame["high"] = frame[["open", "close"]].max(axis=1)
    frame["low"] = frame[["open", "close"]].min(axis=1)
    frame.loc[300:302, "volume"] *= 50
    return frame


@pytest.mark.parametrize(
    ("series", "plant"),
    [(market, _squeeze), (market, _lost_again), (market, _news), (hours, _death_of_a_coin), (hours, _pump)],
    ids=["squeeze", "lost again", "news", "death of a coin", "pump"],
)
def test_what_markets_do_passes_with_a_warning(
    series: Callable[[], pd.DataFrame], plant: Plant, tmp_path: Path
) -> None:
    found = look(plant(series()), tmp_path)
    assert refusing(found) == set()
    assert found["extreme_moves"].count > 0


def test_a_death_in_closes_alone_passes_and_a_new_unit_does_not(tmp_path: Path) -> None:
    dying = hours()[["timestamp", "close"]]
    steps = np.zeros(len(dying))
    steps[300:320] = np.tile((-0.3, -0.6, 0.4, -0.5, -1.9), 4)  # a day in which nearly all is lost, hour by hour
    dying["close"] *= np.exp(np.cumsum(steps))
    assert refusing(look(dying, tmp_path, close_only=True)) == set()
    renamed = split(300, 1000)(hours())[["timestamp", "close"]]
    assert refusing(look(renamed, tmp_path, close_only=True)) == {"splits"}


def test_a_hole_explains_another_price(tmp_path: Path) -> None:
    frame = split(200, 1 / 17)(market())
    frame.loc[200:, "timestamp"] += pd.Timedelta("28D")
    assert refusing(look(frame, tmp_path)) == {"relisted"}
    assert not refusing(look(frame, tmp_path, repairs={"relisted": "keep", "splits": "keep"}))


@pytest.mark.parametrize(("column", "factor"), [("high", 100.0), ("low", 0.01), ("high", 10.0), ("low", 0.1)], ids=str)
def test_a_range_that_no_bar_has_is_shown_and_narrowed_on_demand(column: str, factor: float, tmp_path: Path) -> None:
    frame = market()
    frame.loc[[0, 150, 399], column] *= factor
    found = look(frame, tmp_path)
    assert set(found) == {"wide_ranges"}
    assert (found["wide_ranges"].severity, found["wide_ranges"].rows) == ("warn", (0, 150, 399))
    bars = load_with_report(DataConfig.of(path=str(tmp_path / "bars.parquet"), repairs={"wide_ranges": "narrow"})).bars
    assert (bars.high / bars.low).max() < 1.2
    assert np.array_equal(bars.close[:, 0], frame["close"])


def test_adjusted_closes_are_offered_where_they_pass_over_the_jump(tmp_path: Path) -> None:
    frame = split(200, 1 / 20, fall=0.13)(market())
    frame["adj_close"] = frame["close"] * np.where(np.arange(400) < 200, 20, 1)
    found = look(frame, tmp_path)
    assert found["jumps"].repair == "data.adjust=adj_close"
    assert not refusing(look(frame, tmp_path, adjust="adj_close"))
    frame["adj_close"] = frame["close"]
    assert look(frame, tmp_path)["jumps"].repair == ""


def test_a_report_does_not_promise_what_a_repair_leaves(tmp_path: Path) -> None:
    frame = both(split(100, 4), split(200, 1 / 20, fall=0.13))(market())
    frame.loc[300, "low"] = frame.loc[300, "high"] * 2
    frame.to_parquet(tmp_path / "bars.parquet")
    sentence = check(DataConfig(path=str(tmp_path / "bars.parquet"))).sentence
    assert "data.repairs.ohlc=widen would leave" in sentence
    assert "accepted with" not in sentence
