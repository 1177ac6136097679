"""Speed of the one training loop, beside a bare torch loop over the same module in the same process.

Prints for each predictor the fastest of several epochs of both (60 features, 40,000 rows, batches of 1024),
and the time of a checkpoint and of a prediction. Arguments: rows, threads.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from regimen.predictors import BaselineConfig, LogisticConfig
from regimen.training import TrainingConfig, TrainingData, fit

REPEATS = 7
FEATURES, BATCH = 60, 1024


def rows_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns learnable rows (count, 60) float32 and their classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, FEATURES)).astype(np.float32)
    return x, (x[:, :3] + rng.gumbel(size=(count, 3))).argmax(axis=1)


def fastest(action: Callable[[], object]) -> float:
    """Returns the least seconds of several calls."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def bare_epoch(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Seconds of one epoch of the shortest loop that trains the same: no checks, no clipping, no records."""
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)

    def epoch() -> None:
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()
            optimizer.step()

    return fastest(epoch)


def main(count: int = 40_000, threads: int = 2) -> None:
    """Measures and prints one line for each predictor."""
    torch.set_num_threads(threads)
    x, y = rows_of(count)
    data = TrainingData(x, y)
    print(f"{count:,} rows x {FEATURES} features, batch {BATCH}, {threads} threads, fastest of {REPEATS} epochs")
    print(f"{'model':10} {'fit':>9} {'bare':>9} {'ratio':>6} {'checkpoint':>11} {'predict':>9}")
    for config in (LogisticConfig(), BaselineConfig()):
        training = TrainingConfig(epochs=REPEATS, batch_size=BATCH, patience=None, threads=threads)
        plain = fit(config.build(FEATURES), data, training)
        epoch = min(record.seconds for record in plain.history)
        bare = bare_epoch(config.build(FEATURES).module, torch.from_numpy(x), torch.from_numpy(y))
        with tempfile.TemporaryDirectory() as folder:
            ends: list[float] = []
            kept = fit(
                config.build(FEATURES),
                data,
                training,
                checkpoint=Path(folder),
                on_epoch=lambda _, ends=ends: ends.append(time.perf_counter()),  # type: ignore[misc]
            )
            spans = np.diff(ends) - [record.seconds for record in kept.history[1:]]
        predict = fastest(lambda plain=plain: plain.predictor.predict_proba(x))  # type: ignore[misc]
        print(
            f"{config.kind:10} {epoch * 1e3:6.1f} ms {bare * 1e3:6.1f} ms {epoch / bare:6.2f} "
            f"{spans.min() * 1e3:8.1f} ms {predict * 1e3:6.1f} ms"
        )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
