"""The one interface of everything that trades: observation and recurrent state in, target exposure out."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import listed
from regimen.errors import RunError
from regimen.observation import ObservationSchema
from regimen.policies.exposure import share

_ROWS = 65_536  # rows in one call of a policy without memory: bounds the memory of the copies


class Policy(Protocol):
    """What a trained classifier, an agent and a rule have in common.

    Rows are independent lanes: the symbols of one bar, or the environments of a batch. Sharing the equity
    among symbols is not a policy's business; `decide` and `targets` do it.
    """

    @property
    def schema(self) -> ObservationSchema:
        """What an observation must hold."""

    def initial_state(self, n: int) -> NDArray[np.float64]:
        """Returns the recurrent state (n, memory) of n lanes before their first bar; memory 0: none."""

    def act(
        self, observation: NDArray[np.float64], state: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns exposures (n,) of lanes that each trade alone, and their next state (n, memory).

        Args:
            observation: (n, width), finite.
            state: (n, memory); not changed in place.
        """


@final
class Constant:
    """Always the same exposure, from the first bar on: 1 buys and holds (and rebalances), 0 stays flat.

    Args:
        exposure: signed fraction of equity, shared equally by the symbols listed.
    """

    def __init__(self, exposure: float) -> None:
        if not np.isfinite(exposure):
            raise RunError("exposure", "must be finite", exposure)
        self.exposure = exposure

    @property
    def schema(self) -> ObservationSchema:
        """Nothing is observed."""
        return ObservationSchema()

    def initial_state(self, n: int) -> NDArray[np.float64]:
        """Returns no memory, (n, 0)."""
        return np.zeros((n, 0))

    def act(
        self, observation: NDArray[np.float64], state: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the exposure for every row."""
        return np.full(len(observation), self.exposure), state


def decide(
    policy: Policy,
    observation: NDArray[np.float64],
    present: NDArray[np.bool_],
    state: NDArray[np.float64],
    listing: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One bar of one account: returns the symbols' target exposures and next states.

    The policy sees only symbols that have a bar and a finite observation; the others' states stay as they
    are.

    *Timing:* decided with bars <= t, filled at the open of t+1 or later.

    Args:
        policy: any policy.
        observation: (symbol, width).
        present: (symbol,) whether the symbol has a bar.
        state: (symbol, memory).
        listing: (symbol,) whether the symbol is listed, with or without a bar, so that its share of the equity is
            its own; None: those with a bar are.

    Returns:
        ((symbol,) targets, (symbol, memory)). A target is 0 where the bar exists but the observation is not
        finite (not warm), and NaN (keep) where there is no bar.

    Raises:
        RunError: the observation has another width than the policy's schema.
    """
    _check(policy, observation, present)
    ready = present & np.isfinite(observation).all(axis=-1)
    alone = np.zeros(len(observation))
    following = state.copy()
    if ready.any():
        alone[ready], following[ready] = policy.act(observation[ready], state[ready])
    return share(alone, present, listing), following


def targets(
    policy: Policy,
    observations: NDArray[np.float64],
    present: NDArray[np.bool_],
    listing: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """All bars of one account: the same numbers as `decide` bar by bar.

    A policy without memory is asked in large batches; its answers equal those of single rows to the rounding
    of its own arithmetic (float32 networks: about 1e-6).

    Args:
        policy: any policy whose schema has no account columns, which only a running account can fill.
        observations: (time, symbol, width).
        present: (time, symbol).
        listing: (time, symbol) whether the symbol is listed (`Bars.listed`); None: read off ``present``.

    Returns:
        (time, symbol) target exposures; see `decide`.

    Raises:
        RunError: the widths differ, or the policy observes its account.
    """
    if policy.schema.account:
        raise RunError("policy", "must not observe the account: use decide bar by bar")
    _check(policy, observations, present)
    time, symbols = present.shape
    listing = listed(present) if listing is None else listing
    state = policy.initial_state(symbols)
    if state.shape[1]:
        result = np.empty((time, symbols))
        for t in range(time):
            result[t], state = decide(policy, observations[t], present[t], state, listing[t])
        return result
    alone = np.zeros((time, symbols))
    step = max(1, _ROWS // max(symbols, 1))
    for start in range(0, time, step):
        block = observations[start : start + step]
        ready = present[start : start + step] & np.isfinite(block).all(axis=-1)
        if ready.any():
            rows = block[ready]
            alone[start : start + step][ready] = policy.act(rows, policy.initial_state(len(rows)))[0]
    return share(alone, present, listing)


def _check(policy: Policy, observation: NDArray[np.float64], present: NDArray[np.bool_]) -> None:
    if observation.shape != (*present.shape, policy.schema.width):
        shape = (*present.shape, policy.schema.width)
        raise RunError("observation", f"must have shape {shape}", observation.shape)
