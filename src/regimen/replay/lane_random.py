"""`LaneRandom`: random numbers of lanes that do not depend on how many other lanes there are."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.envs.streams import Words, lane_keys, uniform
from regimen.jit import jit
from regimen.seeding import generator


@jit
def _fill(keys: Words, first: int, out: NDArray[np.float64]) -> None:
    for n in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[n, k] = uniform(keys, n, first + k)


@final
class LaneRandom:
    """One counter-based stream per lane: lane k's numbers depend on the seed and on k.

    The streams are other ones than those of the environment's random starts, whatever the seeds.

    Args:
        seed: decides every number.
        lanes: number of streams.
    """

    def __init__(self, seed: int, lanes: int) -> None:
        own = int(generator(seed, "replay", "behaviour").integers(2**62))
        self._keys = lane_keys(own, lanes)
        self._drawn = 0

    def uniform(self, size: int = 1) -> NDArray[np.float64]:
        """Returns the next ``size`` numbers of each lane, (lane, size), in [0, 1)."""
        out = np.empty((len(self._keys), size))
        _fill(self._keys, self._drawn, out)
        self._drawn += size
        return out
