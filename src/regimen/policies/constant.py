"""The simplest policy: one exposure, whatever is seen."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.execution import Moment
from regimen.observation import ObservationSchema
from regimen.reprs import short

Floats = NDArray[np.float64]


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

    def __repr__(self) -> str:
        return short(self, f"{self.exposure:g}")

    def initial_state(self, symbols: int) -> Floats:
        """Returns no memory, (symbol, 0)."""
        return np.zeros((symbols, 0))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the state as it is."""
        del moment
        return state

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposure for every symbol."""
        return np.full(len(moment.present), self.exposure), state
