"""What several processes are worth for one training: the same epochs in one process and in N, at two sizes of a net.

*Clock* is the fastest epoch by the clock, *rank 0* the processor time of the process that leads in its cheapest epoch
(what an epoch would take on cores that nothing else uses, but for what the ranks wait for each other), *all* that of
all processes together. *Apart* is the relative difference of the last epoch's loss from that of one process: float32.

Run: python benchmarks/parallel.py [--rows 16384] [--epochs 6] [--batch 1024] [--processes 2]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np

from regimen.predictors import BaselineConfig
from regimen.training import Epoch, FitResult, TrainingConfig, TrainingData, fit

FEATURES = 60
SIZES = ((128, 64), (512,) * 7)
_TICKS = os.sysconf("SC_CLK_TCK")


def rows_of(count: int) -> TrainingData:
    """Returns learnable rows (count, 60) float32 and their classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, FEATURES)).astype(np.float32)
    return TrainingData(x, (x[:, :3] + rng.gumbel(size=(count, 3))).argmax(axis=1))


def children() -> float:
    """Returns the processor seconds that the other ranks have had."""
    total = 0
    for child in multiprocessing.active_children():
        words = Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total / _TICKS


def measured(
    hidden: tuple[int, ...], data: TrainingData, epochs: int, batch: int, processes: int
) -> tuple[FitResult, list[float]]:
    """Returns a training, and an epoch's least seconds: by the clock, of rank 0's processor, of all ranks'."""
    config = TrainingConfig(epochs=epochs, batch_size=batch, patience=None, processes=processes)
    marks: list[tuple[float, float, float]] = []

    def mark(_epoch: Epoch) -> None:
        own = time.process_time()
        marks.append((time.perf_counter(), own, own + (children() if processes > 1 else 0.0)))

    result = fit(BaselineConfig(hidden=hidden).build(FEATURES), data, config, on_epoch=mark)
    return result, [float(seconds) for seconds in np.diff(marks, axis=0).min(0)]


def main(rows: int, epochs: int, batch: int, processes: int) -> None:
    """Prints one line for each net and number of processes."""
    data = rows_of(rows)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {rows:,} rows, batch {batch:,}, an epoch")
    print(
        f"{'parameters':>10s} {'processes':>9s} {'clock':>9s} {'':>7s} {'rank 0':>9s} {'':>7s} {'all':>9s} "
        f"{'apart':>8s}"
    )
    for hidden in SIZES:
        alone: tuple[FitResult, list[float]] | None = None
        for number in (1, processes):
            result, (clock, own, every) = measured(hidden, data, epochs, batch, number)
            alone = alone or (result, [clock, own, every])
            parameters = sum(values.size for values in result.last.values())
            apart = abs(result.history[-1].train_loss / alone[0].history[-1].train_loss - 1.0)
            print(
                f"{parameters:10,d} {number:9d} {clock:7.3f} s {alone[1][0] / clock:5.2f} x {own:7.3f} s "
                f"{alone[1][1] / own:5.2f} x {every:7.3f} s {apart:8.1e}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=16_384)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    main(given.rows, given.epochs, given.batch, given.processes)
