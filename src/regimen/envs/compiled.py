"""The compiled loops over lanes, kept on disk under a digest of everything that they are made of.

numba's disk cache notices a change in the file of a function, not one in the functions that it calls. These
loops have the account step compiled into them, and an old account must never be traded; so the digest of all
that they call is a constant of theirs, which numba's cache does compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.envs.lanes import begin, observe, step
from regimen.envs.layout import BAR, Lanes, Plan, Scene
from regimen.execution import Rules
from regimen.jit import jit, jit_step, jit_step_uncached
from regimen.scan import code_digest

Floats = NDArray[np.float64]

_AHEAD = 64
"""Lanes whose next bars are fetched together."""
_LINE = 8
"""Numbers of eight bytes in a line of the cache."""


@jit_step_uncached
def fetch(t: int, scene: Scene) -> float:
    """Reads what a step to bar ``t`` will read, and returns a sum so that no compiler leaves the reading out.

    Lanes are at different bars, so each step waits for memory a dozen times, one after another. Reads of many
    lanes in a row overlap: 115 instead of 160 to 200 ns a step on bars that do not fit into the cache.
    """
    tape = scene.tape
    total = float(scene.counts[t])
    for s in range(0, tape.opens.shape[1], _LINE):
        total += tape.opens[t, s] + tape.closes[t, s] + tape.volumes[t, s] + scene.status[t, s]
        if tape.variances.shape[0] > 0:
            total += tape.variances[t, s]
        if tape.ratios.shape[0] > 0:
            total += tape.ratios[t, s]
        if tape.fundings.shape[0] > 0:
            total += tape.fundings[t, s]
    for s in range(scene.features.shape[1]):
        for f in range(0, scene.features.shape[2], _LINE):
            total += scene.features[t, s, f]
    return total


def version_of(*functions: Callable[..., Any]) -> int:
    digests = "".join(code_digest(function, loaded=True) for function in functions)
    return int(hashlib.sha256(digests.encode()).hexdigest()[:12], 16)


def _stepping(version: int) -> Callable[[int, int, Scene, Rules, Plan, Lanes], float]:
    @jit_step
    def step_block(first: int, stop: int, scene: Scene, rules: Rules, plan: Plan, lanes: Lanes) -> float:
        total = 0.0
        for low in range(first, stop, _AHEAD):
            high = min(low + _AHEAD, stop)
            if stop - first > 1:
                for n in range(low, high):
                    total += fetch(lanes.clock[n, BAR] + 1, scene)
            for n in range(low, high):
                step(n, scene, rules, plan, lanes)
        return total + version

    return step_block


def _beginning(version: int) -> Callable[[int, int, NDArray[np.int64], Scene, Plan, Lanes], int]:
    @jit_step
    def begin_block(first: int, stop: int, bars: NDArray[np.int64], scene: Scene, plan: Plan, lanes: Lanes) -> int:
        for n in range(first, stop):
            begin(n, bars[n], scene, plan, lanes)
            observe(n, lanes.clock[n, BAR], scene, plan, lanes, lanes.observation)
        return version

    return begin_block


step_block = _stepping(version_of(step, fetch))
"""``step_block(first, stop, scene, rules, plan, lanes)`` steps lanes [first, stop); what it returns means nothing."""
begin_block = _beginning(version_of(begin, observe))
"""``begin_block(first, stop, bars, scene, plan, lanes)`` begins their episodes, at ``bars`` where not negative."""


@jit
def first_outside(actions: Floats, low: float, high: float) -> int:
    """Returns the first action (flat) that is NaN or not in [low, high]; -1 for none."""
    for n in range(actions.shape[0]):
        for s in range(actions.shape[1]):
            if not low <= actions[n, s] <= high:
                return n * int(actions.shape[1]) + s
    return -1
