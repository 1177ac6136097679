"""Several served policies whose exposures are mixed, by weights that are learned from what each would have earned."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided
from regimen.execution import Moment
from regimen.observation import ObservationSchema
from regimen.policies.ensemble import Mixture
from regimen.reprs import short

Floats = NDArray[np.float64]


@final
class ServedMixture:
    """`regimen.policies.ensemble.Mixture` of served members; its details are the exposure of each.

    Its confidence is ``|exposure| / most``, at most 1, and NaN where the exposure is (keep).

    Args:
        mixture: of the members.
        most: largest exposure of either sign.
    """

    def __init__(self, mixture: Mixture, most: float) -> None:
        self.mixture, self.most = mixture, most

    def __repr__(self) -> str:
        return short(self, repr(self.mixture))

    @property
    def schema(self) -> ObservationSchema:
        """What the members observe together."""
        return self.mixture.schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""
        return self.mixture.initial_state(symbols)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        return self.mixture.watch(moment, state)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the next state."""
        return self.mixture.act(moment, state)

    def decided(self, moment: Moment, state: Floats) -> Decided:
        """Returns what is decided at the close of a bar; see `Decided`."""
        exposures, following = self.mixture.act(moment, state)
        sure = np.minimum(np.abs(exposures) / self.most, 1.0)
        return Decided(exposures, sure, following, self.mixture.members_in_force(following))
