"""A market is known by its moves, whatever its file looks like; two markets that only correlate are not the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.bars import Bars, DataConfig
from regimen.bars.bars import PRICES
from regimen.bars.sketch import Sketch, shared
from regimen.readers import load_as_is

REAL = Path(__file__).parents[3] / "shared" / "data"
HOURS, DAYS = "h", "D"


def walk(bars: int, unit: str, noise: NDArray[np.float64] | None = None, seed: int = 0, start: float = 20.0) -> Bars:
    """A random walk with a daily volatility of 2 %; hours of a day, or days."""
    steps = np.random.default_rng(seed).standard_normal(bars) if noise is None else noise
    close = start * np.exp(np.cumsum(steps * 0.02 / np.sqrt(24 if unit == HOURS else 1)))
    opens = np.append(start, close[:-1])
    time = np.datetime64("2018-01-01", "ns") + np.arange(bars) * np.timedelta64(1, unit)
    return Bars.from_arrays(
        time,
        open=opens,
        high=np.maximum(opens, close),
        low=np.minimum(opens, close),
        close=close,
        volume=opens,
        checked=False,
    )


HOURLY, DAILY = walk(3 * 365 * 24, HOURS), walk(8 * 365, DAYS, seed=1)


def priced(bars: Bars, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Bars:
    return replace(bars, **{name: change(getattr(bars, name)) for name in PRICES})


def later(bars: Bars, hours: int) -> Bars:
    return replace(bars, time=bars.time + np.timedelta64(hours, "h"))


def panel(members: list[Bars]) -> Bars:
    columns = {name: np.hstack([getattr(each, name) for each in members]) for name in (*PRICES, "volume")}
    return replace(members[0], symbols=tuple(f"S{k}" for k in range(len(members))), **columns)


CHANGES: dict[str, Callable[[Bars], Bars]] = {
    "renamed": lambda bars: replace(bars, symbols=("NAME",)),
    "rescaled": lambda bars: priced(bars, lambda price: price * 1000),
    "quoted upside down": lambda bars: priced(bars, lambda price: 1 / price),
    "rounded to cents": lambda bars: priced(bars, lambda price: np.round(price, 2)),
    "rounded to three digits": lambda bars: priced(
        bars, lambda price: np.round(price, 2 - np.floor(np.log10(price)).astype(int).max())
    ),
    "a year of it": lambda bars: bars.between("2019-03-01", "2020-03-01"),
    "three weeks of it": lambda bars: bars.between("2019-03-01", "2019-03-22"),
    "grown by a bar": lambda bars: bars.window(0, len(bars) - 1),
    "grown by a year": lambda bars: bars.between("2018-01-01", "2020-01-01"),
    "six bars in one": lambda bars: bars.resample(f"{6 * bars.bar_length // 3_600_000_000_000}h"),
    "two days": lambda bars: bars.resample("2d"),
    "weeks": lambda bars: bars.resample("7d"),
    "without volume": lambda bars: replace(bars, volume=np.full(bars.shape, np.nan)),
    "stamped a bar later": lambda bars: later(bars, int(bars.bar_length // 3_600_000_000_000)),
    "another zone": lambda bars: later(bars, -5),
    "other open, high and low": lambda bars: replace(bars, open=bars.close, high=bars.close, low=bars.close),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("bars", [HOURLY, DAILY], ids=["hours", "days"])
def test_a_market_is_known_again(bars: Bars, change: str) -> None:
    one, other = Sketch.of(bars), Sketch.of(CHANGES[change](bars))
    assert shared(one, other) > 0.5
    assert shared(other, one) > 0.5


def test_a_week_of_it_is_known_by_its_hours() -> None:
    days = walk(6 * 24, HOURS, seed=3)
    assert shared(Sketch.of(days), Sketch.of(days.window(30, 100))) > 0.5


def test_days_are_the_hours_in_whatever_zone_they_were_cut() -> None:
    assert shared(Sketch.of(HOURLY), Sketch.of(HOURLY.resample("1d"))) == 1.0
    assert shared(Sketch.of(HOURLY), Sketch.of(later(HOURLY, 2).resample("1d"))) > 0.5


@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.97])
def test_markets_that_only_correlate_are_not_the_same(correlation: float) -> None:
    generator = np.random.default_rng(2)
    for bars, unit in itertools.product((30, 400, 3000), (HOURS, DAYS)):
        for _ in range(20):
            one, other = generator.standard_normal((2, bars))
            other = correlation * one + np.sqrt(1 - correlation**2) * other
            assert shared(Sketch.of(walk(bars, unit, one)), Sketch.of(walk(bars, unit, other))) == 0.0


def test_years_apart_share_no_day() -> None:
    assert shared(Sketch.of(DAILY.between("2018-01-01", "2020-01-01")), Sketch.of(DAILY.between("2021-01-01"))) == 0.0


def test_an_overlap_below_the_stated_part_is_not_enough() -> None:
    one, other = DAILY.between("2018-01-01", "2022-01-01"), DAILY.between("2021-12-01")
    assert shared(Sketch.of(one), Sketch.of(other)) == 0.0
    assert shared(Sketch.of(one), Sketch.of(DAILY.between("2021-03-01"))) > 0.5


def test_a_panel_is_each_of_its_symbols_and_a_tenth_of_another_panel() -> None:
    members = [walk(900, DAYS, seed=seed) for seed in range(30)]
    whole = Sketch.of(panel(members[:20]))
    assert shared(whole, Sketch.of(members[7])) == 1.0
    assert shared(whole, Sketch.of(members[25])) == 0.0
    assert shared(whole, Sketch.of(panel(members[18:]))) == 1.0  # two of twelve
    assert shared(whole, Sketch.of(panel(members[19:]))) == 0.0  # one of eleven


def test_pegged_prices_are_told_by_their_own_noise() -> None:
    generator = np.random.default_rng(4)
    one, other = (np.round(1 + 2e-4 * generator.standard_normal(700), 4) for _ in range(2))
    time = np.datetime64("2020-01-01", "ns") + np.arange(700) * np.timedelta64(1, "D")
    pegs = [Sketch.of(Bars.from_arrays(time, open=x, high=x, low=x, close=x, checked=False)) for x in (one, other)]
    assert shared(*pegs) == 0.0
    assert shared(pegs[0], pegs[0]) == 1.0


def test_a_constant_price_is_nobody() -> None:
    still = replace(DAILY, **{name: np.ones(DAILY.shape) for name in PRICES})
    assert shared(Sketch.of(still), Sketch.of(still)) == 0.0


def test_a_sketch_comes_back_from_bytes_and_stays_small() -> None:
    sketch = Sketch.of(HOURLY)
    again = Sketch.from_bytes(sketch.to_bytes())
    assert np.array_equal(again.hours, sketch.hours)
    assert np.array_equal(again.levels, sketch.levels)
    assert again.bar == sketch.bar
    assert len(sketch.to_bytes()) <= 132_000
    minutes = walk(200_000, HOURS)
    minutes = replace(
        minutes, time=minutes.time[0] + np.arange(200_000) * np.timedelta64(1, "m"), bar_length=60 * 10**9
    )
    assert len(Sketch.of(minutes).hours) == 200_000 // 60 + 1


def _real() -> dict[str, tuple[str, Sketch]]:
    """Every real series of prices by file and symbol, with the market that it is of."""
    sketches = {}
    for folder in ("crypto", "equity", "fx", "panel"):
        for path in sorted((REAL / folder).glob("*.parquet")):
            if "interest" in path.name:
                continue
            wide = {"layout": "wide", "close_only": True} if "wide" in path.name else {}
            bars = load_as_is(DataConfig.of(path=str(path), **wide))
            whole = Sketch.of(bars)
            for column, symbol in enumerate(bars.symbols):
                name = (symbol if len(bars.symbols) > 1 else path.name.split("-")[0]).upper().replace("/", "")
                coin = folder != "fx" and name.endswith(("USD", "USDT"))
                market = (
                    f"{name.removesuffix('T').removesuffix('USD')} coin" if coin else name
                )  # CVX is a stock as well
                one = Sketch(whole.hours, whole.levels[:, column : column + 1], whole.bar)
                sketches[f"{path.stem}:{symbol}"] = (market, one)
    return sketches


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="real market data is not here")
def test_no_two_real_markets_are_joined_and_no_real_market_is_missed() -> None:
    """Some 26,000 pairs of 230 series: coins, stocks, currencies, of several venues, bar lengths and years."""
    real = _real()
    assert len(real) > 200
    for (left, one), (right, other) in itertools.combinations(real.items(), 2):
        share = shared(one[1], other[1])
        if one[0] != other[0]:
            assert share == 0.0, (left, right, share)
        elif _overlap(one[1], other[1]):
            assert share > 0.5, (left, right)


def _overlap(one: Sketch, other: Sketch) -> bool:
    def known(sketch: Sketch) -> tuple[int, int]:
        rows = np.flatnonzero(np.isfinite(sketch.levels[:, 0]))
        return int(sketch.hours[rows[0]]), int(sketch.hours[rows[-1]])

    spans = [known(one), known(other)]
    common = min(end for _, end in spans) - max(begin for begin, _ in spans)
    return common > max(24 * 30, 0.1 * min(end - begin for begin, end in spans))
