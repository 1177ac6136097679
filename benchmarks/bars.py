"""How fast bars are loaded and checked: 1,050,395 one-minute rows of Parquet and of CSV, and what follows.

Run: ``regimen bench bars`` or ``python benchmarks/bars.py [FILE.parquet]``. Without the real file a random
walk of the same size is used. Each time is the median of five calls in this process; ``fresh`` is the first
call of a new process after its imports.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from regimen.bars import Bars, DataConfig
from regimen.readers import load_with_report

REAL = Path(__file__).parents[2] / "shared" / "data" / "crypto" / "btcusdt-1m-binance-spot.parquet"
ROWS = 1_050_395
FRESH = """
import sys, time
import numpy, pyarrow.parquet, pyarrow.csv, pyarrow.compute, pydantic
from regimen.bars import DataConfig
from regimen.readers import load_with_report
start = time.perf_counter()
load_with_report(DataConfig(path=sys.argv[1]))
print(time.perf_counter() - start)
"""


def median(call: Callable[[], object], runs: int = 5) -> float:
    """Returns the median wall time in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def fresh(path: Path, runs: int = 5) -> float:
    """Returns the median time of the first load and check in a new process."""
    command = [sys.executable, "-c", FRESH, str(path)]
    return statistics.median(
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(runs)
    )


def random_walk(path: Path) -> None:
    """Writes a file of the size of the real one."""
    generator = np.random.default_rng(1)
    close = 1e4 * np.exp(np.cumsum(generator.normal(0, 1e-4, ROWS)))
    opened = np.concatenate((close[:1], close[:-1]))
    Bars.from_arrays(
        np.datetime64("2020-01-01", "ns") + np.arange(ROWS) * np.timedelta64(1, "m"),
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=generator.uniform(1, 100, ROWS),
    ).write(path)


def long_panel(path: Path, symbols: int = 33, days: int = 5000) -> None:
    """Writes a long table of symbols and days, grouped by symbol."""
    import pyarrow as pa
    import pyarrow.parquet

    generator = np.random.default_rng(2)
    close = 50 * np.exp(np.cumsum(generator.normal(0, 0.01, (symbols, days)), axis=1))
    stamps = np.datetime64("2001-01-01", "ms") + np.arange(days) * np.timedelta64(1, "D")
    columns = {name: close.ravel() for name in ("open", "high", "low", "close", "volume")}
    names = np.repeat([f"S{i:02d}" for i in range(symbols)], days)
    pyarrow.parquet.write_table(pa.table({"timestamp": np.tile(stamps, symbols), "symbol": names, **columns}), path)


def main() -> None:
    """Prints one line for each measurement."""
    import pyarrow.csv
    import pyarrow.parquet

    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL
        if not path.is_file():
            path = Path(folder) / "walk.parquet"
            random_walk(path)
        table = pyarrow.parquet.read_table(path)
        text = Path(folder) / "bars.csv"
        pyarrow.csv.write_csv(table, text)
        panel = Path(folder) / "panel.parquet"
        long_panel(panel)
        bars = Bars.read(path)
        rows = [
            ("parquet: load + check, fresh", fresh(path), "1"),
            ("parquet: load + check", median(lambda: load_with_report(DataConfig(path=str(path)))), "1"),
            ("csv: load + check, fresh", fresh(text), "3"),
            ("csv: load + check", median(lambda: load_with_report(DataConfig(path=str(text)))), "3"),
            ("  of which pyarrow reads the parquet", median(lambda: pyarrow.parquet.read_table(path)), ""),
            ("  of which pyarrow reads the csv", median(lambda: pyarrow.csv.read_csv(text)), ""),
            ("fingerprint", median(lambda: _fingerprint(bars)), "0.2"),
            ("resample to 1h", median(lambda: bars.resample("1h")), ""),
            ("resample to 1h, pandas", median(lambda: _pandas(bars)), ""),
            (
                "long panel 165,000 rows × 33 symbols",
                median(lambda: load_with_report(DataConfig(path=str(panel)))),
                "",
            ),
        ]
    print(f"{len(bars):,} rows of {path.name}")
    print(f"{'':42}{'median s':>10}{'limit s':>10}")
    for name, seconds, limit in rows:
        print(f"{name:42}{seconds:10.3f}{limit:>10}")


def _fingerprint(bars: Bars) -> str:
    return type(bars).fingerprint.func(bars)  # past the cache


def _pandas(bars: Bars) -> object:
    frame = bars.to_frame().set_index("timestamp")
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return frame.resample("1h").agg(rules)


if __name__ == "__main__":
    main()
