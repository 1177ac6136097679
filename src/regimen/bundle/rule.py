"""A policy that gives exposures alone, served as it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided, ServedPolicy
from regimen.execution import Moment, Policy

Floats = NDArray[np.float64]


def served_rule(policy: Policy, most: float) -> ServedPolicy:
    """Returns any policy as one that is as confident as its exposure is large.

    Its confidence is ``|exposure| / most``, at most 1, and NaN where the exposure is (keep); its one detail is the
    exposure itself.

    Args:
        policy: what decides.
        most: largest exposure of either sign.
    """

    def says(moment: Moment, state: Floats) -> Decided:
        exposures, following = policy.act(moment, state)
        return Decided(exposures, np.minimum(np.abs(exposures) / most, 1.0), following, exposures[:, None])

    return ServedPolicy(policy, says)
