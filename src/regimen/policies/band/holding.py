"""What is held within a no-trade band, bar after bar, as one compiled step."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Floats = NDArray[np.float64]


@jit
def hold(
    aims: Floats,
    present: NDArray[np.bool_],
    width: float,
    low: float,
    high: float,
    bound: float,
    all_the_way: bool,
    last: Floats,
    out: Floats,
) -> None:
    """Writes targets (time, symbol), and the last of each symbol (symbol,)."""
    for t in range(aims.shape[0]):
        for s in range(aims.shape[1]):
            aim = aims[t, s]
            if present[t, s] and not math.isnan(aim):
                wanted = min(max(aim, low), high)
                near, far = min(max(aim - width, low), high), min(max(aim + width, low), high)
                if aim == 0.0 or (abs(aim) >= bound and width < math.inf):
                    last[s] = wanted
                elif last[s] < near:
                    last[s] = wanted if all_the_way else near
                elif last[s] > far:
                    last[s] = wanted if all_the_way else far
            out[t, s] = last[s]
