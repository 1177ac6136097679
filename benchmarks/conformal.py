"""Adaptive conformal intervals: the time of a step, and the coverage on real bars, overall and by month.

    python benchmarks/conformal.py [FILE] [--runs N]

FILE is any file that `Bars.read` takes; without one, Bitcoin hours beside the checkout, or else a simulated walk. The
first 8,760 bars, a fifth of a short series, are a burn-in and are not counted.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from regimen.bars import Bars
from regimen.execution import Market
from regimen.metrics import monthly_coverage
from regimen.policies import ConformalConfig
from regimen.seeding import generator

BITCOIN = Path(__file__).parents[2] / "shared" / "data" / "crypto" / "btcusdt-1h-binance-spot.parquet"
BURN_IN = 8760


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


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", nargs="?", type=Path)
    options.add_argument("--runs", type=int, default=9)
    given = options.parse_args()
    bars = market(given.file)
    tape, symbols = Market().history(bars, None).tape, len(bars.symbols)
    print(f"{bars!r}\n{'scores':>6} {'median':>12} {'fastest':>12}   of {given.runs} passes, a bar; aim 2 µs")
    for scores in (100, 500, 2000, 10_000):
        step = ConformalConfig(scores=scores).step(horizon=5)
        times = []
        for _ in range(given.runs + 1):
            state = step.initial_state(symbols)
            start = time.perf_counter()
            step.scan(tape, state)
            times.append((time.perf_counter() - start) / bars.close.size)
        times = times[1:]  # the first one compiles
        print(f"{scores:6,} {np.median(times) * 1e6:9.2f} µs {min(times) * 1e6:9.2f} µs")
    burn_in = min(BURN_IN, len(bars) // 5)
    print(f"\n{'horizon':>7} {'rate':>6} {'coverage':>9} {'worst month':>18} {'best month':>18} {'no end':>7}")
    for horizon in (1, 5, 20):
        for rate in (0.0, 0.02):
            step = ConformalConfig(rate=rate).step(horizon)
            intervals = step.scan(tape, step.initial_state(symbols))
            months = monthly_coverage(bars.time[burn_in:], intervals.misses[burn_in:])
            worst, best = (f"{months.covered[k]:.3f} ({months.months[k]})" for k in (months.worst, months.best))
            endless = np.isinf(intervals.widths[burn_in:]).mean()
            print(f"{horizon:7} {rate:6.2f} {months.overall:9.4f} {worst:>18} {best:>18} {endless:7.2%}")


if __name__ == "__main__":
    main()
