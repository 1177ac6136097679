"""Random numbers by counting: number ``k`` of a lane's stream is a hash of the lane's key and ``k``.

Nothing is carried from one draw to the next but the counter, so a lane's episodes do not depend on how many
other lanes there are, on the threads, or on the order in which they are stepped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit_step
from regimen.seeding import generator

Words = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


@jit_step
def mixed(word: np.uint64) -> np.uint64:
    """Returns a bijective hash of 64 bits: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    word = (word ^ (word >> _30)) * _MIX1
    word = (word ^ (word >> _27)) * _MIX2
    return word ^ (word >> _31)


@jit_step
def uniform(keys: Words, n: int, counter: int) -> float:
    """Returns draw ``counter`` of lane ``n``: a multiple of 2⁻⁵³ in [0, 1)."""
    word = mixed(keys[n] + GOLDEN * np.uint64(counter + 1))
    return float(word >> _11) * _UNIT


def lane_keys(seed: int, lanes: int) -> Words:
    """Returns the keys (lanes,) of so many streams; the first ones are the same for any number of lanes."""
    root = generator(seed, "envs", "lanes").integers(0, 2**64, dtype=np.uint64)
    words = root + GOLDEN * np.arange(1, lanes + 1, dtype=np.uint64)  # arrays of words wrap around in silence
    words = (words ^ (words >> _30)) * _MIX1
    words = (words ^ (words >> _27)) * _MIX2
    return np.asarray(words ^ (words >> _31))
