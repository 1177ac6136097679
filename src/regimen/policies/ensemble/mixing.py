"""Weights of members that are learned from their losses, one round after another: Hedge and Thompson sampling.

Pure arithmetic on losses in [0, 1], whatever they are losses of; `regimen.policies.ensemble.mixture` feeds it with
members' P&L. Every step is compiled once and called by the batch and bar by bar alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.envs.streams import lane_keys, uniform
from regimen.errors import DataError
from regimen.jit import jit, jit_step
from regimen.seeding import torch_seed

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

_ATTEMPTS = 10
"""Tries for one gamma variate. Each is refused with a probability below .05: ten in a row come once in 10¹³ draws."""
_UNIFORMS = 2 * 3 * _ATTEMPTS
"""Uniform numbers that are set aside for one draw of one member, so that every draw has a place of its own."""


@jit_step
def hedge_step(totals: Floats, rounds: int, horizon: int, weights: Floats) -> None:
    """Writes ``w_k ∝ exp(−η L_k)`` for the round after ``rounds``, from the totals L_k (member,) of the losses so far.

    ``η = √(8 ln K / T)`` where the horizon T is known, else (``horizon`` 0) ``η_t = √(8 ln K / t)`` in round t.
    """
    members = len(totals)
    last = horizon if horizon > 0 else rounds + 1
    rate = math.sqrt(8.0 * math.log(members) / last)
    least = totals[0]
    for k in range(1, members):
        least = min(least, totals[k])
    whole = 0.0
    for k in range(members):
        weights[k] = math.exp(-rate * (totals[k] - least))  # the least total: no exponential underflows for all
        whole += weights[k]
    for k in range(members):
        weights[k] /= whole


@jit_step
def _gamma(shape: float, keys: Words, n: int, counter: int) -> float:
    """Returns a gamma variate of a shape of at least 1; Marsaglia and Tsang, ACM TOMS 26 (2000)."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for attempt in range(_ATTEMPTS):
        at = counter + 3 * attempt
        radius = math.sqrt(-2.0 * math.log(1.0 - uniform(keys, n, at)))
        normal = radius * math.cos(2.0 * math.pi * uniform(keys, n, at + 1))
        v = 1.0 + c * normal
        if v > 0.0:
            v = v * v * v
            if math.log(1.0 - uniform(keys, n, at + 2)) < 0.5 * normal * normal + d - d * v + d * math.log(v):
                return d * v
    return d


@jit_step
def thompson_draw(successes: Floats, failures: Floats, keys: Words, first: int, draw: int) -> int:
    """Returns the member with the largest draw of ``Beta(1 + successes_k, 1 + failures_k)``.

    Args:
        successes, failures: (member,), not negative.
        keys: of streams of random numbers (`regimen.envs.streams.lane_keys`).
        first: the first member's stream.
        draw: number of the draw; it alone decides which random numbers are used.
    """
    best, largest = 0, -1.0
    for k in range(len(successes)):
        at = draw * _UNIFORMS
        x = _gamma(1.0 + successes[k], keys, first + k, at)
        y = _gamma(1.0 + failures[k], keys, first + k, at + 3 * _ATTEMPTS)
        value = x / (x + y)
        if value > largest:
            best, largest = k, value
    return best


@jit_step
def thompson_learn(successes: Floats, failures: Floats, losses: Floats, only: int, discount: float) -> None:
    """Discounts the counts (member,), and adds ``1 − loss`` to the successes and the loss to the failures.

    Args:
        successes, failures: (member,), changed in place.
        losses: (member,) in [0, 1].
        only: the one member whose loss was seen (a bandit); negative: all were (full information).
        discount: what the earlier counts are multiplied by; 1: nothing is forgotten.
    """
    for k in range(len(losses)):
        successes[k] *= discount
        failures[k] *= discount
        if only < 0 or only == k:
            successes[k] += 1.0 - losses[k]
            failures[k] += losses[k]


def hedge(losses: Floats, horizon: int | None = None) -> Floats:
    """Returns the weights (time, member) of exponentially weighted averages; row t knows the losses before t.

    With losses in [0, 1] the regret ``Σ_t w_t·l_t − min_k Σ_t l_tk`` after T rounds is at most ``√(T ln K / 2)`` with
    ``horizon=T``, and at most ``2 √(T ln K / 2) + √(ln K / 8)`` at every T without one, whatever the losses are.

    Source: Freund and Schapire (1997); the rates and bounds are theorems 2.2 and 2.3 of Cesa-Bianchi and Lugosi,
    *Prediction, Learning, and Games* (2006).

    Args:
        losses: (time, member) in [0, 1].
        horizon: rounds that there will be; None: unknown.

    Raises:
        DataError: losses of another shape, or outside [0, 1].
    """
    rows = _in_range(losses)
    weights = np.empty_like(rows)
    _hedge(rows, horizon or 0, weights)
    return weights


def thompson(losses: Floats, seed: int, *, discount: float = 1.0, full: bool = True) -> NDArray[np.int64]:
    """Returns the member (time,) that Thompson sampling chooses in each round; row t knows the losses before t.

    ``θ_k ~ Beta(1 + S_k, 1 + F_k)``, the largest is chosen; then ``S ← γS``, ``F ← γF``, ``S_k += 1 − l_k``,
    ``F_k += l_k``: of all members with full information, of the chosen one as a bandit.

    *Deviation:* losses between 0 and 1 count in fractions, where Agrawal and Goyal flip a coin with that probability:
    the mean is the same and there is one source of luck less. Of losses that are 0 or 1 both are the same.

    Sources: Thompson (1933); Agrawal and Goyal, *Analysis of Thompson sampling for the multi-armed bandit problem*
    (2012); discounted: Raj and Kalyani, *Taming non-stationary bandits* (2017, arXiv 1707.09727).

    Args:
        losses: (time, member) in [0, 1].
        seed: decides every draw; draw t does not depend on how many came before it in this call.
        discount: γ in (0, 1]; 1 forgets nothing.
        full: whether the losses of all members are seen; else that of the chosen one alone.

    Raises:
        DataError: losses of another shape or outside [0, 1]; a discount outside (0, 1].
    """
    rows = _in_range(losses)
    if not 0.0 < discount <= 1.0:
        raise DataError("discount", "must be above 0 and at most 1", discount)
    chosen = np.empty(len(rows), np.int64)
    _thompson(rows, thompson_keys(seed, rows.shape[1]), discount, full, chosen)
    return chosen


def thompson_keys(seed: int, streams: int) -> Words:
    """Returns the keys (stream,) of so many streams of random numbers for `thompson_draw`."""
    return lane_keys(torch_seed(seed, "thompson"), streams)


def regret(losses: Floats, weights: Floats) -> Floats:
    """Returns after each round what the mixture lost more than the member that is best so far, (time,)."""
    mixed = np.cumsum((losses * weights).sum(axis=1))
    return np.asarray(mixed - np.cumsum(losses, axis=0).min(axis=1))


def _in_range(losses: Floats) -> Floats:
    rows = np.ascontiguousarray(losses, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise DataError("losses", "must be (time, member), with at least one member", rows.shape)
    inside = (rows >= 0.0) & (rows <= 1.0)
    if not inside.all():
        t, k = divmod(int((~inside).argmax()), rows.shape[1])
        raise DataError(f"losses: round {t}, member {k}", "must be between 0 and 1", float(rows[t, k]))
    return rows


@jit
def _hedge(losses: Floats, horizon: int, weights: Floats) -> None:
    totals = np.zeros(losses.shape[1])
    for t in range(losses.shape[0]):
        hedge_step(totals, t, horizon, weights[t])
        for k in range(losses.shape[1]):
            totals[k] += losses[t, k]


@jit
def _thompson(losses: Floats, keys: Words, discount: float, full: bool, chosen: NDArray[np.int64]) -> None:
    successes, failures = np.zeros(losses.shape[1]), np.zeros(losses.shape[1])
    for t in range(losses.shape[0]):
        chosen[t] = thompson_draw(successes, failures, keys, 0, t)
        thompson_learn(successes, failures, losses[t], -1 if full else chosen[t], discount)
