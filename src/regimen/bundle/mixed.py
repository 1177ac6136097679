"""Several served policies whose exposures are mixed, by weights that are learned from what each would have earned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided, ServedPolicy
from regimen.execution import Moment
from regimen.policies.ensemble import Mixture

Floats = NDArray[np.float64]


def served_mixture(mixture: Mixture, most: float) -> ServedPolicy:
    """Returns `regimen.policies.ensemble.Mixture` of served members; its details are the exposure of each.

    Its confidence is ``|exposure| / most``, at most 1, and NaN where the exposure is (keep).

    Args:
        mixture: of the members.
        most: largest exposure of either sign.
    """

    def says(moment: Moment, state: Floats) -> Decided:
        exposures, following = mixture.act(moment, state)
        sure = np.minimum(np.abs(exposures) / most, 1.0)
        return Decided(exposures, sure, following, mixture.members_in_force(following))

    return ServedPolicy(mixture, says)
