"""A policy that gives exposures alone, served as it is."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided
from regimen.execution import Moment, Policy
from regimen.observation import ObservationSchema
from regimen.reprs import short

Floats = NDArray[np.float64]


@final
class ServedRule:
    """Any policy; it is as confident as its exposure is large.

    Its confidence is ``|exposure| / most``, at most 1, and NaN where the exposure is (keep); its one detail is the
    exposure itself.

    Args:
        policy: what decides.
        most: largest exposure of either sign.
    """

    def __init__(self, policy: Policy, most: float) -> None:
        self.policy, self.most = policy, most

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
        exposures, following = self.policy.act(moment, state)
        return Decided(exposures, np.minimum(np.abs(exposures) / self.most, 1.0), following, exposures[:, None])
