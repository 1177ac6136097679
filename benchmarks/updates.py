"""Small parts of an update beside what a library has: Adam on one vector, and running moments.

``regimen bench updates`` prints microseconds of each, the fastest of several turns taken one after the other.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np
import torch

from regimen.learning import RunningMoments, VectorAdam
from regimen.nets import torch_threads

TURNS, CALLS = 7, 200


def microseconds(*works: Callable[[], object]) -> list[float]:
    """Returns the fastest mean time of a call of each, in turn."""
    times = [[] for _ in works]  # type: list[list[float]]
    for _ in range(TURNS):
        for work, own in zip(works, times, strict=True):
            work()
            start = time.perf_counter()
            for _ in range(CALLS):
                work()
            own.append((time.perf_counter() - start) / CALLS * 1e6)
    return [min(own) for own in times]


def main() -> None:
    """Prints the table."""
    print("| part | size | ours, µs | library, µs | ratio |\n| --- | ---: | ---: | ---: | ---: |")
    with torch_threads(1):
        for size in (1, 4_867, 71_000):  # a temperature; the actor of SAC in a market of 2 columns, of 24 and wider
            flat, slope = torch.randn(size), torch.randn(size)
            parameter = torch.nn.Parameter(flat.clone())
            parameter.grad = slope.clone()
            mine, theirs = VectorAdam(size), torch.optim.Adam([parameter], lr=1e-3, fused=True)
            ours, library = microseconds(lambda: mine.step(flat, slope, 1e-3), theirs.step)  # noqa: B023
            print(f"| Adam, torch's fused | {size:,} | {ours:.1f} | {library:.1f} | {library / ours:.2f} |")
    if importlib.util.find_spec("stable_baselines3") is None:
        return
    from stable_baselines3.common.running_mean_std import RunningMeanStd

    for shape in ((256, 24), (1024, 2)):
        rows = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        moments, peer = RunningMoments(shape[1]), RunningMeanStd(shape=(shape[1],))
        ours, library = microseconds(lambda: moments.merge(rows), lambda: peer.update(rows))  # noqa: B023
        print(
            f"| moments, Stable-Baselines3's | {shape[0]:,} × {shape[1]} | {ours:.1f} | {library:.1f} "
            f"| {library / ours:.2f} |"
        )


if __name__ == "__main__":
    main()
