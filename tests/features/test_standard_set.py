"""What holds for all sixty standard columns: groups, scale, finiteness, causality, panels, docs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.bars import Bars
from regimen.features import STANDARD_GROUPS, FeatureSet

STANDARD = FeatureSet.standard()
HOUR = 3_600_000_000_000


def bars_of(o, h, l, c, v, **extras) -> Bars:  # noqa: E741
    time = np.arange(len(c)) * HOUR
    time = time.astype("datetime64[ns]")
    return Bars.from_arrays(time, open=o, high=h, low=l, close=c, volume=v, extras=extras, checked=False)


def rescaled(bars: Bars, price: float, volume: float) -> Bars:
    columns = {name: getattr(bars, name) * price for name in ("open", "high", "low", "close")}
    extras = {name: x * (price if name in ("bid", "ask") else 1.0) for name, x in bars.extras.items()}
    return replace(bars, volume=bars.volume * volume, extras=extras, **columns)


def warm(bars: Bars) -> np.ndarray:
    return STANDARD.compute(bars).values[STANDARD.warmup :, 0, :]


def test_sixty_columns_in_six_groups_of_ten() -> None:
    assert len(set(STANDARD.names)) == 60
    assert tuple(STANDARD.groups) == STANDARD_GROUPS
    assert {len(names) for names in STANDARD.groups.values()} == {10}


def test_each_warmup_is_the_first_finite_row(market: Bars) -> None:
    values = STANDARD.compute(market).values[:, 0, :]
    for feature in STANDARD.features:
        columns = [STANDARD.names.index(name) for name in feature.names]
        assert np.isnan(values[: feature.warmup, columns]).all(), feature.names
        assert np.isfinite(values[feature.warmup :, columns]).all(), feature.names


@pytest.mark.parametrize(("price", "volume"), [(100.0, 1000.0), (1e-4, 1e-3)])
def test_columns_have_no_scale(market: Bars, price: float, volume: float) -> None:
    change = np.abs(warm(market) - warm(rescaled(market, price, volume))).max(axis=0)
    assert change.max() < 1e-9, (STANDARD.names[int(change.argmax())], change.max())


def test_the_future_changes_nothing(market: Bars) -> None:
    cut = 1500
    rng = np.random.default_rng(0)
    poisoned = {}
    for name in ("open", "high", "low", "close", "volume"):
        column = getattr(market, name).copy()
        column[cut:] *= np.exp(rng.normal(size=column[cut:].shape))
        poisoned[name] = column
    extras = {name: np.where(np.arange(len(market))[:, None] < cut, x, 7.0) for name, x in market.extras.items()}
    before = STANDARD.compute(market).values[:cut]
    after = STANDARD.compute(replace(market, extras=extras, **poisoned)).values[:cut]
    assert before.tobytes() == after.tobytes()


def test_one_bar_at_a_time_gives_the_same_bits(funded: Bars) -> None:
    bars = funded.window(0, 700)
    batch = STANDARD.compute(bars).values
    stream = STANDARD.stream(bars.symbols)
    for t in range(len(bars)):
        prices = (float(getattr(bars, name)[t, 0]) for name in ("open", "high", "low", "close", "volume"))
        extras = {name: float(x[t, 0]) for name, x in bars.extras.items()}
        row = stream.push(bars.time[t], *prices, extras=extras)
        assert row.tobytes() == batch[t, 0].tobytes(), t


def test_a_missing_bar_is_no_bar(coin: Bars, stock: Bars) -> None:
    rows = 1200
    rng = np.random.default_rng(3)
    there = rng.random((rows, 2)) < [0.8, 1.0]
    columns = {}
    for name in ("open", "high", "low", "close", "volume"):
        both = np.column_stack([getattr(coin, name)[:rows, 0], getattr(stock, name)[:rows, 0]])
        columns[name] = np.where(there, both, np.nan)
    panel = Bars.from_arrays(coin.time[:rows], symbols=("A", "B"), **columns, checked=False)
    values = STANDARD.compute(panel).values
    assert np.isnan(values[~there]).all()
    for symbol in (0, 1):
        kept = there[:, symbol]
        alone = bars_of(*(columns[name][kept, symbol] for name in ("open", "high", "low", "close", "volume")))
        assert values[kept, symbol].tobytes() == STANDARD.compute(alone).values[:, 0].tobytes()


def flat(rows: int, price: float = 100.0) -> np.ndarray:
    return np.full(rows, price)


def jumping(rows: int) -> np.ndarray:
    price = flat(rows)
    price[200:] = 1e6
    price[260:] = 1e-3
    return price


def quiet_after_noise(rows: int) -> np.ndarray:
    price = flat(rows)
    price[:150] = 100.0 * np.exp(np.cumsum(0.01 * np.random.default_rng(0).normal(size=150)))
    price[150:] = price[149]
    return price


def test_a_close_outside_high_and_low_stays_bounded(stock: Bars) -> None:
    """Such bars exist in the wild; the check of the data warns of them."""
    broken = stock.window(0, 600)
    values = warm(replace(broken, high=broken.high - 0.3 * (broken.high - broken.low)))
    for name in ("chaikin_20", "candle_body", "candle_shadow", "quote_pressure_10", "donchian_55"):
        assert np.abs(values[:, STANDARD.names.index(name)]).max() <= 1.0, name


@pytest.mark.parametrize("path", [flat, jumping, quiet_after_noise])
@pytest.mark.parametrize("volume", [0.0, 5.0, np.nan])
def test_degenerate_markets_stay_finite_and_bounded(path, volume: float) -> None:
    price = path(6000)
    values = warm(bars_of(price, price, price, price, np.full(len(price), volume)))
    assert np.isfinite(values).all(), STANDARD.names[int(np.argmin(np.isfinite(values).all(axis=0)))]
    assert np.abs(values).max() <= 20.0, STANDARD.names[int(np.abs(values).max(axis=0).argmax())]
    if path is flat:
        still = {"volatility_rank_120": 0.0, "volume_1_20": 0.0, "volume_5_60": 0.0}
        moving = [n for n, x in zip(STANDARD.names, np.abs(values).max(axis=0), strict=True) if x > 1e-9]
        assert set(moving) <= {"turbulence", *still}, moving


def random_bars(seed: int, busy: float, exponent: float, given_extras: set[str]) -> Bars:
    """Bars whose moves span nine orders of magnitude, with holes in volume and extras, crossed quotes."""
    rng = np.random.default_rng(seed)
    rows = 400
    scale = 10.0 ** rng.uniform(-9, -0.3, size=rows) * (rng.random(rows) < busy)
    close = 10.0**exponent * np.exp(np.cumsum(scale * rng.standard_t(2, size=rows)).clip(-50, 50))
    before = np.append(close[0], close[:-1])
    opened = np.where(rng.random(rows) < 0.5, before, close)
    wick = np.exp(np.abs(scale * rng.normal(size=(2, rows))))
    high, low = np.maximum(opened, close) * wick[0], np.minimum(opened, close) / wick[1]
    volume = np.where(rng.random(rows) < 0.7, 10.0 ** rng.uniform(-3, 9, size=rows), rng.choice([0.0, np.nan]))
    extras = {
        name: np.where(rng.random(rows) < 0.5, 10.0 ** rng.uniform(-6, 6, size=rows), np.nan)
        for name in sorted(given_extras)
    }
    return bars_of(opened, high, low, close, volume, **extras)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 1.0),
    st.floats(-6.0, 6.0),
    st.sets(st.sampled_from(["sentiment", "funding_rate", "bid", "ask", "open_interest"])),
)
def test_every_valid_market_gives_finite_bounded_columns(
    seed: int, busy: float, exponent: float, given_extras: set[str]
) -> None:
    values = warm(random_bars(seed, busy, exponent, given_extras))
    assert np.isfinite(values).all(), STANDARD.names[int(np.argmin(np.isfinite(values).all(axis=0)))]
    assert np.abs(values).max() <= 20.0, STANDARD.names[int(np.abs(values).max(axis=0).argmax())]


def test_both_halves_of_history_look_alike(long_history: Bars) -> None:
    values = warm(long_history)
    first, second = np.array_split(values, 2)
    spread = values.std(axis=0)
    assert (spread > 1e-3).all(), "a constant column"
    shift = np.abs(first.mean(axis=0) - second.mean(axis=0)) / spread
    assert shift.max() < 1.0, (STANDARD.names[int(shift.argmax())], shift.max())
    ratio = np.log(first.std(axis=0) / second.std(axis=0))
    assert np.abs(ratio).max() < np.log(3.0), (STANDARD.names[int(np.abs(ratio).argmax())], ratio)


def test_no_two_columns_say_the_same(long_history: Bars) -> None:
    alike = np.abs(np.corrcoef(warm(long_history), rowvar=False))
    np.fill_diagonal(alike, 0.0)
    i, j = np.unravel_index(alike.argmax(), alike.shape)
    assert alike[i, j] < 0.995, (STANDARD.names[i], STANDARD.names[j], alike[i, j])


def page_rows() -> dict[str, list[str]]:
    """The cells of each column's row on the page."""
    page = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    cells = ([cell.strip() for cell in line.split("|")] for line in page.splitlines() if line.startswith("| `"))
    return {row[1].strip("`"): row for row in cells}


def test_the_page_describes_every_column() -> None:
    rows = page_rows()
    for feature in STANDARD.features:
        for name in feature.names:
            assert name in rows, name
            assert rows[name][-3] == str(feature.warmup), f"{name}: warm-up"


def test_columns_keep_to_the_ranges_on_the_page(market: Bars) -> None:
    rows, frames = page_rows(), [warm(market), warm(random_bars(5, 0.5, 0.0, {"sentiment", "open_interest"}))]
    exact = 0
    for at, name in enumerate(STANDARD.names):
        written = rows[name][-4].replace("−", "-")
        if written.endswith("≈"):
            continue
        low, high = (
            (-float(written[1:]), float(written[1:])) if written[0] == "±" else map(float, written[1:-1].split(","))
        )
        for values in frames:
            assert low - 1e-9 <= values[:, at].min() <= values[:, at].max() <= high + 1e-9, name
        exact += 1
    assert exact >= 50
