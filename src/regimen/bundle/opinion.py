"""A policy of probabilities served by the library that trained it."""

from __future__ import annotations

from typing import Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided
from regimen.execution import Moment, Policy
from regimen.observation import ObservationSchema
from regimen.policies import ExposureRule, Opinion
from regimen.reprs import short

Floats = NDArray[np.float64]


@runtime_checkable
class Opinionated(Policy, Protocol):
    """A policy whose exposures come from probabilities; `regimen.policies.ClassifierPolicy` is one."""

    rule: ExposureRule

    def opinion(self, moment: Moment, state: Floats) -> Opinion:
        """Returns what the exposures of a bar come from, and what is remembered of it."""


@final
class ServedOpinion:
    """A classifier's policy, or a committee's, as it is; its details are its probabilities.

    Its confidence is ``1 − H(p) / log 3``: 0 where all classes are alike, 1 where one is sure.

    Args:
        policy: says probabilities.
    """

    def __init__(self, policy: Opinionated) -> None:
        self.policy = policy

    def __repr__(self) -> str:
        return short(self, repr(self.policy))

    @property
    def schema(self) -> ObservationSchema:
        """What it observes of each symbol."""
        return self.policy.schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""
        return self.policy.initial_state(symbols)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        return self.policy.watch(moment, state)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the next state."""
        return self.policy.act(moment, state)

    def decided(self, moment: Moment, state: Floats) -> Decided:
        """Returns what is decided at the close of a bar; see `Decided`."""
        opinion = self.policy.opinion(moment, state)
        p = opinion.probabilities
        entropy = -(p * np.log(np.where(p > 0.0, p, 1.0))).sum(axis=1)
        sure = np.clip(1.0 - entropy / np.log(p.shape[1]), 0.0, 1.0)
        return Decided(self.policy.rule.exposures(p, opinion.volatility), sure, opinion.state, p)
