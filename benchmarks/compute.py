"""What workers are worth: eight windows of the baseline on hourly BTC, here, in processes and on Ray.

*First* is the fit phase of a run whose workers have still to start and to read the bars, *warm* that of one more run of
the same workers, *whole* all of the warm run, with features, backtest, judgement and report. The hash is that of every
decision of all windows.

Run: python benchmarks/compute.py --data shared/data [--epochs 20] [--ray]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from pathlib import Path

from regimen.records import RunConfig, RunDirectory
from regimen.records.layout import EXPOSURES
from regimen.runs import start
from regimen.work import Compute, Mapper

BTC = "crypto/btcusdt-1h-binance-spot.parquet"


def config_of(data: Path, epochs: int) -> RunConfig:
    """Two years and three months of hourly bars: three months to learn from, and eight tests."""
    return RunConfig.model_validate(
        {
            "name": "compute",
            "data": {"path": str(data / BTC), "start": "2019-01-01", "end": "2021-03-31"},
            "features": {"kind": "standard"},
            "labels": {"kind": "fixed_horizon", "horizon": 12},
            "splits": {"train": "3mo", "test": "3mo"},
            "model": {"kind": "baseline"},
            "training": {"epochs": epochs, "patience": None},
            "tracking": [],
        }
    )


def decisions(run: RunDirectory) -> str:
    """The hash of every window's decisions."""
    digest = hashlib.sha256()
    for path in sorted(run.path.glob(f"windows/*/{EXPOSURES}")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def timed(config: RunConfig, mapper: Mapper) -> tuple[float, float, str, int]:
    """Returns the seconds of the fit phase and of the whole run, the hash of its decisions, and its windows."""
    marks: dict[str, float] = {}

    def advance(_done: int, _total: int, message: str) -> None:
        phase = "prepare" if message.startswith("bars") else "backtest" if message == "backtest" else "fits"
        marks.setdefault(phase, time.perf_counter())

    with tempfile.TemporaryDirectory() as name:
        marks.clear()
        run, _ = start(config, Path(name), advance, mapper)
        whole = time.perf_counter() - marks["prepare"]
        windows = len(run.manifest()["windows"])
        return marks["backtest"] - marks["fits"], whole, decisions(run), windows


def main(data: Path, epochs: int, places: list[str]) -> None:
    """Prints one line for each place."""
    config = config_of(data, epochs)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'compute':12s} {'windows':>7s} {'first':>9s} {'warm':>9s} {'':>7s} {'whole':>9s} {'':>7s}  decisions")
    before: tuple[float, float] | None = None
    for place in places:
        with Compute.parse(place).mapper() as mapper:
            first = timed(config, mapper)
            fits, whole, digest, windows = timed(config, mapper)
        assert first[2] == digest
        before = before or (fits, whole)
        print(
            f"{place:12s} {windows:7d} {first[0]:7.1f} s {fits:7.1f} s {before[0] / fits:5.2f} x {whole:7.1f} s "
            f"{before[1] / whole:5.2f} x  {digest}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("shared/data"))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--ray", action="store_true")
    given = parser.parse_args()
    main(given.data, given.epochs, ["local", f"processes:{given.processes}", *(["ray"] if given.ray else [])])
