"""Times one backtest of a million bars with every cost on and the whole ledger kept.

Run ``python benchmarks/execution.py [--bars N] [--runs K]``. Beside it, in the same process: a bare numba loop
with one proportional cost and nothing kept but the equity, which is the floor; and vectorbt, where it is installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars, Calendar
from regimen.execution import Costs, Ledger, Market
from regimen.jit import jit_uncached

Floats = NDArray[np.float64]
MINUTE = 60_000_000_000


@jit_uncached
def bare_loop(opens: Floats, closes: Floats, targets: Floats, cost: float, equity: Floats) -> None:
    """Trades every changed target at the next open for one proportional cost."""
    cash, units, wish = 1.0, 0.0, 0.0
    for t in range(len(opens)):
        if t > 0 and targets[t - 1] != wish:
            wish = targets[t - 1]
            goal = wish * (cash + units * opens[t]) / opens[t]
            cash -= (goal - units) * opens[t] + abs(goal - units) * opens[t] * cost
            units = goal
        equity[t] = cash + units * closes[t]


def make_market(**more: Any) -> Market:
    """Returns a market that charges everything there is to charge and caps participation."""
    costs = Costs(
        commission_bps=1.0,
        commission_fixed=0.1,
        half_spread_bps=0.5,
        impact_coefficient=1.0,
        borrow_annual=0.01,
        financing_annual=0.05,
    )
    return Market(costs=costs, participation_cap=0.1, leverage=2.0, **more)


def make_bars(bars: int, symbols: int = 1, splits: bool = False, seed: int = 0) -> Bars:
    """Returns one-minute bars with volume, funding and, if asked for, two splits."""
    rng = np.random.default_rng(seed)
    shape = (bars, symbols)
    close = 100.0 * np.exp(np.cumsum(1e-3 * rng.standard_normal(shape), axis=0))
    start = np.concatenate([close[:1], close[:-1]]) * (1.0 + 1e-5 * rng.standard_normal(shape))
    factor = np.ones(shape)
    if splits:
        factor[bars // 3 :] *= 2.0
        factor[bars // 2 :] *= 0.5
    rates = np.where(np.arange(bars)[:, None] % 480 == 0, np.full(shape, 1e-5), np.nan)
    return Bars.from_arrays(
        np.datetime64("2020-01-01", "ns") + np.arange(bars) * np.timedelta64(MINUTE, "ns"),
        open=start / factor,
        high=np.maximum(start, close) * 1.0005 / factor,
        low=np.minimum(start, close) * 0.9995 / factor,
        close=close / factor,
        volume=rng.uniform(1e5, 1e7, shape),
        symbols=tuple(f"S{s}" for s in range(symbols)),
        bar_length=MINUTE,
        calendar=Calendar("24/7"),
        extras={"funding_rate": rates, **({"adjustment": factor} if splits else {})},
    )


def read_all(ledger: Ledger) -> None:
    """Touches whatever the ledger computes on demand, so that the whole ledger is timed."""
    _ = (ledger.returns, ledger.exposure, ledger.marks, ledger.fills, ledger.costs)


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Returns the median wall time in milliseconds after two warm-ups."""
    times = []
    for k in range(runs + 2):
        begin = time.perf_counter()
        result = work()
        elapsed = time.perf_counter() - begin
        del result  # freeing the last ledger is not part of making the next
        if k >= 2:
            times.append(1e3 * elapsed)
    return statistics.median(times)


def measure(bars: int, runs: int) -> dict[str, float]:
    """Returns milliseconds by name."""
    rng = np.random.default_rng(1)
    market, series = make_market(), make_bars(bars)
    every = 0.002 * rng.standard_normal(bars)
    tenth = np.repeat(0.002 * rng.standard_normal(bars // 10 + 1), 10)[:bars]

    def backtest(targets: Floats, market: Market = market, series: Bars = series) -> Ledger:
        ledger = market.backtest(series, targets)
        read_all(ledger)
        return ledger

    rich, split = make_market(lot_size=1e-6, intrabar_margin=True), make_bars(bars, splits=True)

    equity = np.empty(bars)
    opens, closes = series.open[:, 0].copy(), series.close[:, 0].copy()
    result = {
        "regimen, a fill in every bar": median_ms(lambda: backtest(every), runs),
        "regimen, a fill in every tenth bar": median_ms(lambda: backtest(tenth), runs),
        "the same with lots, splits, intrabar margin": median_ms(lambda: backtest(tenth, rich, split), runs),
        "bare numba loop, a fill in every bar": median_ms(
            lambda: bare_loop(opens, closes, every, 1.5e-4, equity), runs
        ),
    }
    panel = make_bars(max(2, bars // 200), 33)
    weights = rng.normal(0.0, 0.02, panel.shape)
    name = f"regimen, panel of {panel.shape[0]} × 33, all fill in every bar"
    result[name] = median_ms(lambda: read_all(market.backtest(panel, weights)), runs)
    vectorbt = optional("vectorbt")
    if vectorbt is not None:
        result["vectorbt, a fill in every bar, proportional costs"] = median_ms(
            lambda: vectorbt.Portfolio.from_orders(
                closes, size=every, size_type="targetpercent", price=opens, fees=1.5e-4, init_cash=1e6
            ),
            runs,
        )
    return result


def optional(name: str) -> Any:
    """Returns a module that may not be installed, or None."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table, or JSON with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    result = measure(options.bars, options.runs)
    if options.json:
        print(json.dumps(result))
        return 0
    print(f"{options.bars:,} bars, one symbol, every cost on, the whole ledger kept; median of {options.runs}")
    for name, milliseconds in result.items():
        print(f"  {name:<55} {milliseconds:8.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
