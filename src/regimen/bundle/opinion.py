"""A policy of probabilities served by the library that trained it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided, ServedPolicy
from regimen.execution import Moment, Policy
from regimen.policies import ExposureRule, Opinion

Floats = NDArray[np.float64]


@runtime_checkable
class Opinionated(Policy, Protocol):
    """A policy whose exposures come from probabilities; `regimen.policies.ClassifierPolicy` is one."""

    rule: ExposureRule

    def opinion(self, moment: Moment, state: Floats) -> Opinion:
        """Returns what the exposures of a bar come from, and what is remembered of it."""


def served_opinion(policy: Opinionated) -> ServedPolicy:
    """Returns a classifier's policy, or a committee's, as it is; its details are its probabilities.

    Its confidence is ``1 − H(p) / log 3``: 0 where all classes are alike, 1 where one is sure.

    Args:
        policy: says probabilities.
    """

    def says(moment: Moment, state: Floats) -> Decided:
        opinion = policy.opinion(moment, state)
        p = opinion.probabilities
        entropy = -(p * np.log(np.where(p > 0.0, p, 1.0))).sum(axis=1)
        sure = np.clip(1.0 - entropy / np.log(p.shape[1]), 0.0, 1.0)
        return Decided(policy.rule.exposures(p, opinion.volatility), sure, opinion.state, p)

    return ServedPolicy(policy, says)
