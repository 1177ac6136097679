"""The whole way of a bar, from the feed to the journal, with an ensemble that learns whom to believe.

Each bar of a replay is read, checked, given to the features, to each member, to Hedge over them, to the exposure rule,
the safeguards, the paper account, the watch and a journal on the disk, in one process. The times are of one bar at a
time, from the bytes of the feed to an answer that was handed to the journal; the whole replay has the commits too.

Without ``--data`` the market is a random walk of ``--symbols`` symbols in bars of a minute: ten hours to train on, an
hour to test, and the day behind the ten hours is replayed. The members have their default sizes and are trained as
shortly as possible, an epoch each; what they forecast is worth nothing, and takes as long as if it were.

Run: regimen bench pipeline [--data FILE] [--symbols 30] [--members logistic lightgbm baseline ppo tft]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from regimen.bars import Bars, DataConfig
from regimen.bundle import open_bundle
from regimen.journal import SqliteJournal
from regimen.live import Desk, Setup, replayed
from regimen.readers import load
from regimen.runs import revive

MEMBERS = ("logistic", "lightgbm", "baseline", "ppo", "tft")
MINUTE, TRAIN, TEST, DAY = 60 * 10**9, 600, 60, 1440
WARM, GROUP = 20, 64
EXTRA = {"ppo": {"gamma": 0.9}}


def walk(symbols: int, trained: Path, whole: Path) -> None:
    """Writes a random walk of bars of a minute, as a long table: what the run is of, and with it what is replayed."""
    import pyarrow as pa
    from pyarrow import parquet

    random, bars = np.random.default_rng(0), TRAIN + DAY
    closes = 100.0 * np.exp(np.cumsum(random.normal(0.0, 5e-4, (bars, symbols)), axis=0))
    opens = np.vstack([np.full((1, symbols), 100.0), closes[:-1]])
    high, low = np.maximum(opens, closes) * 1.0001, np.minimum(opens, closes) * 0.9999
    stamps = np.datetime64("2024-01-01", "ns") + np.arange(bars) * np.timedelta64(MINUTE, "ns")
    names = np.array([f"S{number:02d}" for number in range(symbols)])
    columns = {
        "timestamp": np.repeat(stamps, symbols),
        "symbol": np.tile(names, bars),
        "open": opens.ravel(),
        "high": high.ravel(),
        "low": low.ravel(),
        "close": closes.ravel(),
        "volume": random.lognormal(3.0, 0.5, bars * symbols),
    }
    table = pa.table(columns)
    parquet.write_table(table.slice(0, (TRAIN + TEST) * symbols), trained)
    parquet.write_table(table, whole)


def config(data: Path, members: Sequence[str], train: str, test: str) -> dict[str, object]:
    learning = {"environment": {"steps": 4096, "n_envs": 32, "episode_length": 64}} if "ppo" in members else {}
    return {
        **learning,
        "name": "pipeline",
        "data": {"path": str(data)},
        "features": {"kind": "standard", "calendar": [0, 1, 4, 24]},
        "labels": {"kind": "fixed_horizon", "horizon": 12, "dead_band": 0.25},
        "splits": {"train": train, "test": test},
        "model": {
            "kind": "ensemble",
            "combine": "hedge",
            "members": [{"kind": each, **EXTRA.get(each, {})} for each in members],
        },
        "training": {"epochs": 1, "batch_size": 1024},
        "intervals": {"kind": "conformal", "coverage": 0.9, "size_by": "width"},
        "market": {"rebalance": "on_change", "costs": {"commission_bps": 1.0, "half_spread_bps": 1.0}},
        "safeguards": {},
        "tracking": "none",
    }


def regimen(*words: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from regimen.cli import main; main()", *words],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"regimen {words[0]}: {done.stderr}")


def replay(bundle: Path, bars: Bars, since: np.datetime64, folder: Path) -> None:
    """Replays bars through a desk, and prints the times of those that were decided."""
    opened = open_bundle(bundle, revive=revive)
    setup = Setup.of(opened).without_start()
    desk = Desk(setup, SqliteJournal(folder / "journal.sqlite", "bench"))
    times, processor = [], []
    began, used = time.perf_counter(), time.process_time()
    for number, posted in enumerate(replayed(bars, setup, since)):
        clock, own = time.perf_counter(), time.thread_time()
        desk.bar(posted.content, posted.at, watched=posted.watched, later=True)
        if not posted.watched:
            times.append(time.perf_counter() - clock)
            processor.append(time.thread_time() - own)
        elif not times:
            began, used = time.perf_counter(), time.process_time()
        if number % GROUP == 0:
            desk.commit()
    desk.close()
    whole, busy = time.perf_counter() - began, time.process_time() - used
    for name, each in (("clock", times[WARM:]), ("processor", processor[WARM:])):
        ordered = sorted(each)
        high = ordered[int(0.99 * len(ordered))]
        print(f"a bar, {name:10s} p50 {median(ordered) * 1e3:8.3f} ms   p99 {high * 1e3:8.3f} ms")
    print(f"{len(times)} bars of {len(setup.symbols)} symbols: {whole:.1f} s by the clock, {busy:.1f} s of processor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="bars of one hour; a simulated day of minutes when left out")
    parser.add_argument("--symbols", type=int, default=30)
    parser.add_argument("--members", nargs="+", default=MEMBERS)
    asked = parser.parse_args()
    average = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(json.dumps({"members": asked.members, "processors": os.cpu_count(), "load": round(average, 1)}))
    with TemporaryDirectory() as place:
        folder = Path(place)
        trained, whole, spans = folder / "trained.parquet", folder / "minutes.parquet", (f"{TRAIN}min", f"{TEST}min")
        if asked.data:
            trained, whole, spans = asked.data.resolve(), asked.data.resolve(), ("2y", "3y")
        else:
            walk(asked.symbols, trained, whole)
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(config(trained, asked.members, *spans)))
        regimen("train", "pipeline.yaml", folder=folder)
        regimen("export", "latest", folder=folder)
        (bundle,) = (folder / "bundles").iterdir()
        bars = load(DataConfig(path=str(whole)))
        replay(bundle, bars, bars.time[-DAY], folder)


if __name__ == "__main__":
    main()
