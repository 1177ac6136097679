"""The guard of an account: the time of a decision, and what each limit costs and saves on real bars.

    python benchmarks/safeguards.py [FILE] [--runs N]

FILE is any file that `Bars.read` takes; without one, Bitcoin hours beside the checkout, or else a simulated walk. What
trades is a rule: long or short by the sign of the return over 20 days, decided once a day.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars, Calendar
from regimen.execution import Market, MarketConfig
from regimen.safeguards import Guard, LimitEffects, SafeguardsConfig, Sighting, limit_effects
from regimen.seeding import generator

BITCOIN = Path(__file__).parents[2] / "shared" / "data" / "crypto" / "btcusdt-1h-binance-spot.parquet"
HOUR = 3_600_000_000_000
AIM = 10.0
"""Microseconds that a decision of one symbol may take."""


def market(file: Path | None) -> Bars:
    """Returns the bars to measure on."""
    file = file or (BITCOIN if BITCOIN.is_file() else None)
    if file is not None:
        return Bars.read(file)
    close = 100.0 * np.exp(np.cumsum(0.01 * generator(0, "benchmark").standard_t(4, 50_000)))
    opens = np.concatenate([close[:1], close[:-1]])
    stamps = np.datetime64("2018-01-01T00") + np.arange(len(close))
    return Bars.from_arrays(
        stamps, open=opens, high=np.maximum(opens, close), low=np.minimum(opens, close), close=close, volume=close
    )


def decision(symbols: int, runs: int, bars: int = 2000) -> tuple[float, float]:
    """Returns the median and the fastest of some passes: processor time of `Guard.check`, microseconds a bar."""
    guard = Guard(SafeguardsConfig(), MarketConfig(), symbols=symbols, bar_length=HOUR, calendar=Calendar("24/7"))
    rng, flags = generator(0, "benchmark"), np.ones(symbols, np.bool_)
    wanted = rng.uniform(-0.2, 0.2, (bars, symbols))
    closes = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal((bars + 1, symbols)), axis=0))
    sure, before = np.abs(wanted) * 5.0, 0.1 * np.roll(wanted, 1, axis=0)
    seen = [
        Sighting((480_000 + k) * HOUR, 1e6, *rows, flags, ~flags)
        for k, rows in enumerate(zip(before, wanted, sure, closes[1:], closes[:-1], strict=True))
    ]
    times = []
    for _ in range(runs + 1):
        state, start = guard.initial(1e6), time.process_time()
        for each in seen:
            state = guard.check(state, each).state
        times.append((time.process_time() - start) / bars * 1e6)
    return float(np.median(times[1:])), min(times[1:])  # the first one compiles


def trend(bars: Bars) -> NDArray[np.float64]:
    """Returns (time, symbol) targets of the rule."""
    day = max(1, round(86_400e9 / bars.bar_length))
    back = 20 * day
    rise = np.full(bars.shape, np.nan)
    rise[back:] = np.sign(bars.close[back:] / bars.close[:-back] - 1.0)
    rise[np.arange(len(bars)) % day != 0] = np.nan
    return rise / bars.shape[1]


def shown(title: str, effects: LimitEffects) -> None:
    """Prints what each limit that acted cost and saved."""
    print(
        f"\n{title}: {effects.total_return:+.1%}, drawdown {effects.drawdown:.1%} ({effects.mode} at the end); without "
        f"a guard {effects.free_return:+.1%}, {effects.free_drawdown:.1%}"
    )
    print(f"{'limit':<20} {'at':>6} {'bars':>7} {'targets':>8} {'cost':>8} {'saved':>8}")
    for each in effects.effects:
        if each.bars:
            numbers = f"{each.bars:7,} {each.targets:8,} {each.cost:+8.1%} {each.saved:+8.1%}"
            print(f"{each.limit:<20} {each.value:6g} {numbers}")


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", nargs="?", type=Path)
    options.add_argument("--runs", type=int, default=9)
    given = options.parse_args()
    print(f"{'symbols':>7} {'median':>10} {'fastest':>10}   a decision; aim {AIM:g} µs of one symbol")
    for symbols in (1, 10, 100):
        median, fastest = decision(symbols, given.runs)
        print(f"{symbols:7,} {median:7.1f} µs {fastest:7.1f} µs")
    bars = market(given.file)
    print(f"\n{bars!r}")
    targets = trend(bars)
    shown("defaults", limit_effects(Market(), bars, targets, SafeguardsConfig()))
    whole = SafeguardsConfig(position=None, collapse=None)
    shown("without position and collapse", limit_effects(Market(), bars, targets, whole))
    absent = whole.model_copy(update={"operator": "absent"})
    shown("the same, and nobody resumes", limit_effects(Market(), bars, targets, absent))


if __name__ == "__main__":
    main()
