"""The compiled loops of `regimen.ops.arrays`: contiguous (time, env) planes of one type, scalars of that type.

Rows outside and environments inside, so that the loops run along memory. Each sum has its own branch instead of a
factor of 0, so that a NaN behind an episode's end stays there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]
Scalar = np.floating[Any]


@jit
def lambda_returns_kernel(
    rewards: Floats,
    next_values: Floats,
    terminated: Flags,
    truncated: Flags,
    gamma: Scalar,
    rest: Scalar,
    lam: Scalar,
    out: Floats,
) -> None:
    steps, lanes = rewards.shape
    for t in range(steps - 1, -1, -1):
        later = min(t + 1, steps - 1)
        for n in range(lanes):
            future = next_values[t, n]
            if t < steps - 1 and not truncated[t, n]:
                future = rest * next_values[t, n] + lam * out[later, n]
            total = rewards[t, n]
            if not terminated[t, n]:
                total = rewards[t, n] + gamma * future
            out[t, n] = total


@jit
def discounted_returns_kernel(
    rewards: Floats, next_values: Floats, terminated: Flags, truncated: Flags, gamma: Scalar, out: Floats
) -> None:
    steps, lanes = rewards.shape
    for t in range(steps - 1, -1, -1):
        later = min(t + 1, steps - 1)
        for n in range(lanes):
            future = next_values[t, n]
            if t < steps - 1 and not truncated[t, n]:
                future = out[later, n]
            total = rewards[t, n]
            if not terminated[t, n]:
                total = rewards[t, n] + gamma * future
            out[t, n] = total


@jit
def n_step_returns_kernel(
    rewards: Floats, next_values: Floats, terminated: Flags, truncated: Flags, gamma: Scalar, count: int, out: Floats
) -> None:
    steps, lanes = rewards.shape
    for done in range(count):  # returns of `done + 1` steps, made in place from those of `done` one row later
        for t in range(steps):
            later = min(t + 1, steps - 1)
            for n in range(lanes):
                future = next_values[t, n]
                if done > 0 and t < steps - 1 and not truncated[t, n]:
                    future = out[later, n]
                total = rewards[t, n]
                if not terminated[t, n]:
                    total = rewards[t, n] + gamma * future
                out[t, n] = total


@jit
def gae_kernel(
    rewards: Floats,
    values: Floats,
    next_values: Floats,
    terminated: Flags,
    truncated: Flags,
    gamma: Scalar,
    decay: Scalar,
    out: Floats,
) -> None:
    steps, lanes = rewards.shape
    for t in range(steps - 1, -1, -1):
        later = min(t + 1, steps - 1)
        for n in range(lanes):
            target = rewards[t, n]
            if not terminated[t, n]:
                target = rewards[t, n] + gamma * next_values[t, n]
            delta = target - values[t, n]
            if t < steps - 1 and not (terminated[t, n] or truncated[t, n]):
                delta = delta + decay * out[later, n]
            out[t, n] = delta


@jit
def vtrace_kernel(
    log_ratio: Floats,
    rewards: Floats,
    values: Floats,
    next_values: Floats,
    terminated: Flags,
    truncated: Flags,
    gamma: Scalar,
    lam: Scalar,
    rho_bar: Scalar,
    c_bar: Scalar,
    targets: Floats,
    advantages: Floats,
) -> None:
    steps, lanes = rewards.shape
    for t in range(steps - 1, -1, -1):
        later_row = min(t + 1, steps - 1)
        for n in range(lanes):
            ratio = np.exp(log_ratio[t, n])
            rho = rho_bar if ratio > rho_bar else ratio
            trace = lam * (c_bar if ratio > c_bar else ratio)
            one_step = rewards[t, n]
            future = rewards[t, n]
            if not terminated[t, n]:
                one_step = rewards[t, n] + gamma * next_values[t, n]
                future = one_step
            excess = rho * (one_step - values[t, n])
            if t < steps - 1 and not (terminated[t, n] or truncated[t, n]):
                later = targets[later_row, n]
                excess = excess + gamma * trace * later
                future = rewards[t, n] + gamma * (next_values[t, n] + later)
            targets[t, n] = excess  # until the values are added below
            advantages[t, n] = rho * (future - values[t, n])
    for t in range(steps):
        for n in range(lanes):
            targets[t, n] += values[t, n]
