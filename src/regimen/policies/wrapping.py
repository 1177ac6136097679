"""What stands around a policy and changes its exposures, whatever the policy is: fitted on a window, then a policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regimen.execution import History, Policy
from regimen.policies.preprocessed import Preprocessed

if TYPE_CHECKING:
    from regimen.execution import MarketConfig
    from regimen.labels import Labels
    from regimen.splits import Slice

State = Mapping[str, NDArray[np.generic]]
"""What a wrapper was fitted to, by name; finite numbers or NaN."""


@dataclass(frozen=True, eq=False)
class Fitting:
    """What a wrapper may learn from, in one window: nothing of its test span.

    Attributes:
        policy: that it will stand around, fitted already.
        history: the whole series and its features, as that policy sees them.
        labels: of the whole series.
        market: how orders become money, costs included.
        train, validation: the slices of the window; the policy learned from the first and may have been chosen by the
            second.
        limits: lowest and highest exposure that the config allows; a policy that a band goes around is not held to them
            itself.
    """

    policy: Policy
    history: History
    labels: Labels
    market: MarketConfig
    train: Slice
    validation: Slice
    limits: tuple[float, float] = (-math.inf, math.inf)


class PolicyWrapper(Protocol):
    """A wrapper that was fitted."""

    def around(self, policy: Policy) -> Policy:
        """Returns the policy with the wrapper around it; the one below is its attribute ``below``."""

    def state(self) -> State:
        """Returns what it was fitted to."""


class WrapperSettings(Protocol):
    """The config of a wrapper: a frozen section of a run's config."""

    def fit(self, fitting: Fitting) -> PolicyWrapper:
        """Returns the wrapper, fitted on a window's training and validation slices."""

    def from_state(self, state: State) -> PolicyWrapper:
        """Returns the wrapper that gave this state.

        Raises:
            RunError: numbers are missing or of another shape.
        """


@runtime_checkable
class Wrapping(Protocol):
    """A policy that changes what another one says."""

    below: Policy


def unwrapped(policy: Policy) -> Policy:
    """Returns the policy inside all wrappers, with its preprocessing."""
    while isinstance(policy, Wrapping):
        policy = policy.below
    return policy


def innermost(policy: Policy, history: History) -> tuple[Policy, History]:
    """Returns the policy inside all wrappers and behind its preprocessing, and the history as that one sees it."""
    bare = unwrapped(policy)
    return (bare.policy, bare.sight(history)) if isinstance(bare, Preprocessed) else (bare, history)
