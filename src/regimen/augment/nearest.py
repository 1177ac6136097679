"""Which real row each made one is most like, and how far it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 512


def nearest(rows: NDArray[np.floating], among: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the position (n,) of the nearest row by Euclidean distance, the first of equals, and the distance (n,).

    Args:
        rows: (n, column).
        among: (m, column), at least one.
    """
    import torch

    from regimen.nets import torch_threads

    place, distance = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    with torch_threads(1):  # the last bits of a product depend on the number of threads, and with them what is nearest
        others = torch.from_numpy(np.ascontiguousarray(among, dtype=np.float32))
        half = 0.5 * others.square().sum(1)
        for start in range(0, len(rows), _BLOCK):
            block = torch.from_numpy(np.ascontiguousarray(rows[start : start + _BLOCK], dtype=np.float32))
            chosen = torch.addmm(half, block, others.T, alpha=-1.0).argmin(1)
            place[start : start + _BLOCK] = chosen.numpy()
            distance[start : start + _BLOCK] = (block.double() - others[chosen].double()).norm(dim=1).numpy()
    return place, distance
