"""What trackers cost: opening one, and five numbers of one epoch, in microseconds, everything written out included.

``SummaryWriter`` is torch's own writer of the same event files, flushed after each epoch as ours is.

Run: python benchmarks/tracking.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from regimen.tracking import About, MLflowConfig, TensorBoardConfig, TrackerConfig, WandbConfig, open_trackers

NUMBERS = dict.fromkeys(("train_loss", "val_loss", "validation_sharpe", "learning_rate", "seconds"), 0.5)
CASES: dict[str, tuple[TrackerConfig, ...]] = {
    "none": (),
    "tensorboard": (TensorBoardConfig(),),
    "mlflow": (MLflowConfig(),),
    "wandb": (WandbConfig(),),
}
CALLS, REPEATS = 1_000, 3


def measured(config: tuple[TrackerConfig, ...]) -> tuple[float, float]:
    """Returns the seconds of opening, and of one call with closing shared among all."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "runs" / "run"
        home.mkdir(parents=True)
        began = time.perf_counter()
        trackers = open_trackers(config, home, About("run", {"seed": 0}, {}))
        opened = time.perf_counter()
        for step in range(1, CALLS + 1):
            trackers.numbers(step, NUMBERS, "window-000")
        trackers.close()
        return opened - began, (time.perf_counter() - opened) / CALLS


def summary_writer() -> tuple[float, float]:
    """Returns the same of torch's writer."""
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        writer = SummaryWriter(name)
        opened = time.perf_counter()
        for step in range(1, CALLS + 1):
            for curve, value in NUMBERS.items():
                writer.add_scalar(curve, value, step)
            writer.flush()
        writer.close()
        return opened - began, (time.perf_counter() - opened) / CALLS


if __name__ == "__main__":
    cases = {kind: lambda config=config: measured(config) for kind, config in CASES.items()}
    for kind, run in {**cases, "SummaryWriter": summary_writer}.items():
        rows = [run() for _ in range(REPEATS)]
        opening, call = min(row[0] for row in rows), [row[1] * 1e6 for row in rows]
        print(
            f"{kind:14s} open {opening * 1e3:7.0f} ms   numbers min {min(call):8.1f} median {median(call):8.1f} us/call"
        )
