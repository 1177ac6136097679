"""Features: a million one-minute bars, beside TA-Lib in the same process, and one bar at a time.

    python benchmarks/features.py [--rows N] [--runs N] [--threads N] [--json]

The calls are made in turn, so that a busy machine slows both alike; medians are shown. TA-Lib computes the
same 27 columns with its own functions and is left out, with a word, where it is not installed. Without the
real file of Bitcoin minutes beside the checkout, a simulated walk is used.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from regimen.bars import Bars
from regimen.features import FeatureSet
from regimen.seeding import generator

BITCOIN = Path(__file__).parents[2] / "shared" / "data" / "crypto" / "btcusdt-1m-binance-spot.parquet"
MINUTE = 60_000_000_000
COLUMNS = ("open", "high", "low", "close", "volume")


def market(rows: int) -> tuple[Bars, str]:
    """Returns the bars to measure on, and what they are."""
    if BITCOIN.is_file():
        import pyarrow.parquet as pq

        table = pq.read_table(BITCOIN).slice(0, rows)
        columns = {name: table.column(name).to_numpy() for name in COLUMNS}
        return Bars.from_arrays(table.column(0).to_numpy(), bar_length=MINUTE, **columns), "Bitcoin minutes"
    random = generator(0, "benchmark")
    close = 60_000.0 * np.exp(np.cumsum(random.normal(0.0, 5e-4, rows)))
    high, low = close * (1.0 + random.exponential(5e-4, rows)), close * (1.0 - random.exponential(5e-4, rows))
    volume = random.lognormal(0.0, 1.0, rows)
    stamps = np.arange(rows) * MINUTE
    return Bars.from_arrays(
        stamps, open=close, high=high, low=low, close=close, volume=volume, bar_length=MINUTE
    ), "simulated minutes"


def talib_calls(bars: Bars) -> Callable[[], object] | None:
    """Returns a function that makes TA-Lib compute the 27 indicators, None where it is not installed."""
    try:
        import talib
    except ImportError:
        return None
    h, lo, c, v = (np.ascontiguousarray(x[:, 0]) for x in (bars.high, bars.low, bars.close, bars.volume))

    def compute() -> object:
        found = [talib.RSI(c, 7), talib.RSI(c, 14), talib.RSI(c, 21), *talib.MACD(c, 12, 26, 9)]
        for n in (20, 50):
            upper, middle, lower = talib.BBANDS(c, n)
            found += [upper, lower, (upper - lower) / middle]
        found += [talib.ATR(h, lo, c, 14), talib.OBV(c, v), *talib.STOCHF(h, lo, c, 14, 3)]
        found += [talib.CCI(h, lo, c, 20), talib.ADX(h, lo, c, 14), talib.WILLR(h, lo, c, 14)]
        found += [v / talib.SMA(v, 20), talib.STDDEV(v, 20), *(talib.ROCP(c, n) for n in (5, 10, 20, 50))]
        change = talib.ROCP(c, 1)
        return [*found, talib.STDDEV(change, 20), talib.STDDEV(change, 50)]

    return compute


def in_turn(calls: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Returns the seconds of each call in each run; the first, unmeasured run compiles and warms up."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for run in range(runs + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            result = call()
            seconds = time.perf_counter() - started
            del result  # giving the memory back is not part of the computation
            if run:
                taken[name].append(seconds)
    return taken


def pushes(bars: Bars, features: FeatureSet, count: int) -> list[float]:
    """Returns the seconds that each of so many bars takes through a live stream."""
    stream = features.stream(bars.symbols)
    rows = np.column_stack([getattr(bars, name)[: count + 1_000, 0] for name in COLUMNS]).tolist()
    stamps = bars.time.view(np.int64).tolist()
    taken = []
    for stamp, row in zip(stamps, rows, strict=False):
        started = time.perf_counter()
        stream.push(stamp, *row)
        taken.append(time.perf_counter() - started)
    return taken[1_000:]


def run(rows: int = 1_000_000, runs: int = 7, threads: int = 1) -> list[dict[str, object]]:
    """Measures and returns the table: one dictionary per line, with ``what``, ``value``, ``unit`` and ``note``."""
    bars, source = market(rows)
    indicators, standard = FeatureSet.indicators(), FeatureSet.standard()
    calls: dict[str, Callable[[], object]] = {"indicators": lambda: indicators.compute(bars, threads)}
    peer = talib_calls(bars)
    if peer is not None:
        calls["talib"] = peer
    calls["standard"] = lambda: standard.compute(bars, threads)
    taken = in_turn(calls, runs)
    size = f"{len(bars):,} {source}, {threads} thread{'s' * (threads > 1)}, median of {runs}"
    table: list[dict[str, object]] = []

    def line(what: str, value: float, unit: str, note: str) -> None:
        table.append({"what": what, "value": round(value, 3), "unit": unit, "note": note})

    middle = {name: float(np.median(seconds)) for name, seconds in taken.items()}
    line("indicators(), 27 columns", 1e3 * middle["indicators"], "ms", size)
    if peer is None:
        table.append({"what": "TA-Lib", "value": None, "unit": "", "note": "not installed: no comparison"})
    else:
        line("TA-Lib, the same columns", 1e3 * middle["talib"], "ms", "one thread")
        ratios = np.array(taken["indicators"]) / np.array(taken["talib"])
        line(
            "indicators() / TA-Lib",
            middle["indicators"] / middle["talib"],
            "×",
            f"aim 0.7; best {ratios.min():.3f}",
        )
    line(
        "standard(), 60 columns",
        1e3 * middle["standard"],
        "ms",
        f"aim 400; best {1e3 * min(taken['standard']):.0f}",
    )
    for name, features in (("indicators", indicators), ("standard", standard)):
        seconds = pushes(bars, features, 20_000)
        middle_push, slow_push = np.percentile(seconds, [50, 99])
        line(f"push through {name}(), p50", 1e6 * float(middle_push), "µs", "20,000 bars")
        line(
            f"push through {name}(), p99",
            1e6 * float(slow_push),
            "µs",
            "aim 150" if name == "standard" else "",
        )
    return table


def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Speed of the features, beside TA-Lib.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    chosen = parser.parse_args(arguments)
    table = run(chosen.rows, chosen.runs, chosen.threads)
    if chosen.json:
        print(json.dumps(table, indent=2))
        return
    for row in table:
        value = "" if row["value"] is None else f"{row['value']:,.3g}"
        print(f"{row['what']!s:32} {value:>8} {row['unit']!s:3} {row['note']}")


if __name__ == "__main__":
    main()
