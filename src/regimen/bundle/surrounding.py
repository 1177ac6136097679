"""A served policy inside what stood around it in training: preprocessing, intervals, a gate, a band."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided, Served
from regimen.execution import Moment, Policy
from regimen.observation import ObservationSchema
from regimen.reprs import short

Floats = NDArray[np.float64]


@final
class Surrounded:
    """``around(inside)``, with the confidence and the details of the policy inside.

    Whatever stands around a policy keeps its own memory before the policy's. So the last columns of the whole memory
    are what the inside said last: its confidence and details.

    Args:
        inside: the policy.
        details: columns of its details.
        around: puts around a policy what belongs there.
    """

    def __init__(self, inside: Served, details: int, around: Callable[[Policy], Policy]) -> None:
        self.inside, self._details = inside, details
        self.policy = around(_Remembering(inside, details))

    def __repr__(self) -> str:
        return short(self, repr(self.policy))

    @property
    def schema(self) -> ObservationSchema:
        """What it observes of each symbol."""
        return self.policy.schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar; NaN for what was not said yet."""
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
        kept = following[:, following.shape[1] - self._details - 1 :]
        return Decided(exposures, kept[:, 0], following, kept[:, 1:])


@final
class _Remembering:
    """A served policy that keeps what it says behind its memory."""

    def __init__(self, served: Served, details: int) -> None:
        self.served, self._kept = served, details + 1

    def __repr__(self) -> str:
        return repr(self.served)

    @property
    def schema(self) -> ObservationSchema:
        return self.served.schema

    def initial_state(self, symbols: int) -> Floats:
        return self._with(self.served.initial_state(symbols), np.full((symbols, self._kept), np.nan))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        return self._with(self.served.watch(moment, state[:, : -self._kept]), state[:, -self._kept :])

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        decided = self.served.decided(moment, state[:, : -self._kept])
        kept = np.concatenate([decided.confidence[:, None], decided.details], axis=1)
        return decided.exposures, self._with(decided.state, kept)

    def _with(self, state: Floats, kept: Floats) -> Floats:
        return np.concatenate([state, kept], axis=1)
