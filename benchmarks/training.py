"""Speed of the one training loop, beside a bare torch loop over the same module in the same process.

Prints for each predictor the fastest of several epochs of both (60 features, 40,000 rows, batches of 1024),
and the time of a checkpoint and of a prediction. Then what a step of the larger ones costs the processor, with the
pages that it takes from the system, before and after `regimen.nets.keep_freed_memory`. Arguments: rows, threads.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from regimen.nets import keep_freed_memory
from regimen.predictors import BaselineConfig, CNNConfig, HybridConfig, LogisticConfig, LSTMConfig, TFTConfig
from regimen.training import TrainingConfig, TrainingData, fit

REPEATS = 7
FEATURES, BATCH = 60, 1024
STEPS, WINDOWS = 9, 256


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


def steps(module: nn.Module, x: torch.Tensor) -> tuple[float, int]:
    """Returns the median milliseconds of processor of a step, forward, backward and Adam, and its page faults."""
    optimizer = torch.optim.Adam(module.parameters())
    times, faults = [], []
    for _ in range(STEPS + 2):
        before = resource.getrusage(resource.RUSAGE_SELF)
        optimizer.zero_grad()
        output = module(x)
        parts = [part for part in (output if isinstance(output, tuple) else (output,)) if torch.is_tensor(part)]
        sum((part.square().mean() for part in parts), torch.zeros(())).backward()
        optimizer.step()
        after = resource.getrusage(resource.RUSAGE_SELF)
        times.append(1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
        faults.append(after.ru_minflt - before.ru_minflt)
    return statistics.median(times[2:]), round(statistics.median(faults[2:]))


def memory() -> None:
    """Measures steps of sequence models before and after the process keeps what it frees."""
    torch.set_num_threads(1)
    models = [config.module(FEATURES + 28, 3) for config in (CNNConfig(), LSTMConfig(), HybridConfig(), TFTConfig())]
    names = ("cnn", "lstm", "hybrid", "tft")
    x = torch.randn(WINDOWS, 32, FEATURES + 28)
    before = [steps(module, x) for module in models]
    keep_freed_memory()
    after = [steps(module, x) for module in models]
    print(f"a step of {WINDOWS} windows of 32 rows, one thread, median of {STEPS}, before and after memory is kept")
    for name, (first, taken), (then, left) in zip(names, before, after, strict=True):
        print(f"{name:10} {first:6.1f} ms, {taken:,} page faults; {then:6.1f} ms, {left:,}")


def main(count: int = 40_000, threads: int = 2) -> None:
    """Measures and prints one line for each predictor."""
    memory()
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
